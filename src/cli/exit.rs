//! How the program ends.

use meshwhy::{Error, ErrorKind};

/// Exit codes: part of the contract with scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done.
    Done = 0,
    /// Done, and a gate the user asked for tripped.
    Gate = 1,
    /// The command line is wrong.
    Usage = 2,
    /// An input could not be read whole, or the result could not be written.
    Partial = 3,
    /// Nothing in the input was an access record.
    NoRecords = 4,
}

impl Exit {
    /// How an error that stops us ends the program.
    pub(crate) fn of(error: &Error) -> Exit {
        match error.kind() {
            ErrorKind::Option { .. } | ErrorKind::Template { .. } | ErrorKind::Catalog { .. } => Exit::Usage,
            _ => Exit::Partial,
        }
    }
}
