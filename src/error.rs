//! What stops us. A line that cannot be read never does: that is a counted
//! [`Reject`](crate::record::Reject).

use std::{fmt, io};

/// An error, one word wide.
#[derive(Debug)]
pub struct Error(Box<ErrorKind>);

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, with the place.
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An input could not be opened or read to its end.
    Read {
        /// Name of the input, `-` for standard input.
        source: String,
        /// Decompressed byte offset reached, from 0.
        offset: u64,
        /// What the system or the decoder said.
        cause: io::Error,
    },
    /// A limit of [`Limits`](crate::input::Limits) was reached.
    Limit {
        /// Name of the input.
        source: String,
        /// Which limit, in words.
        what: &'static str,
        /// Its value.
        limit: u64,
    },
    /// A format string cannot be turned into a reader.
    Template {
        /// Column in the format string, from 1.
        column: usize,
        /// What was expected, or why it is refused.
        expected: String,
    },
    /// A catalogue page cannot be loaded.
    Catalog {
        /// The page's file, or its name.
        page: String,
        /// Line of the file, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// An option of the user makes no sense.
    Option {
        /// What is wrong.
        message: String,
    },
    /// Writing the result failed.
    Write(io::Error),
}

impl Error {
    /// What went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.0
    }

    /// Takes the kind out.
    pub fn into_kind(self) -> ErrorKind {
        *self.0
    }

    /// True when the reader of our output went away: not a failure.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(&*self.0, ErrorKind::Write(e) if e.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Error(Box::new(kind))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            ErrorKind::Read { source, offset, cause } => write!(f, "{source}: at byte {offset}: {cause}"),
            ErrorKind::Limit { source, what, limit } => write!(f, "{source}: more than {limit} {what}"),
            ErrorKind::Template { column, expected } => {
                write!(f, "format string, column {column}: {expected}")
            }
            ErrorKind::Catalog { page, line, column, message } => {
                write!(f, "{page}:{line}:{column}: {message}")
            }
            ErrorKind::Option { message } => f.write_str(message),
            ErrorKind::Write(e) => write!(f, "cannot write the result: {e}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &*self.0 {
            ErrorKind::Read { cause, .. } => Some(cause),
            ErrorKind::Write(e) => Some(e),
            _ => None,
        }
    }
}
