//! Why a line that looks like an access line could not be read.

use super::Field;

/// Why a line is not a record. `Copy`: a bad line costs no allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reject {
    /// What is wrong.
    pub reason: Reason,
    /// Where in the line, from 0.
    pub column: u32,
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// A field that every access record has could not be found.
    Missing(Field),
    /// JSON with the keys of an access record, and neither a response code nor flags in them.
    NoStatus,
    /// The line is longer than the limit of `frame`.
    TooLong,
    /// It looks like JSON with a response code or flags, and is not valid JSON.
    BrokenJson,
    /// JSON nested deeper than the limit.
    TooDeep,
}

impl Reason {
    /// A sentence without capital and full stop.
    pub fn text(self) -> &'static str {
        match self {
            Reason::Missing(Field::Method) => "the quoted request (method, path, protocol) cannot be found",
            Reason::Missing(Field::Code) => "no response code after the quoted request",
            Reason::Missing(Field::Flags) => "no response flags after the response code",
            Reason::Missing(_) => "a field is missing",
            Reason::NoStatus => "the JSON record says neither a response code nor flags",
            Reason::TooLong => "the line is longer than the limit",
            Reason::BrokenJson => "it looks like a JSON access record but is not valid JSON",
            Reason::TooDeep => "JSON nested too deeply",
        }
    }

    /// What the user can do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Reason::TooLong => {
                "raise nothing: a single line of this length is not an access record; look at what writes it"
            }
            Reason::NoStatus => {
                "log %RESPONSE_CODE% and %RESPONSE_FLAGS% in the JSON format; where they are under keys of other names, tell \
                 them with --json-keys response_code=KEY,response_flags=KEY"
            }
            Reason::BrokenJson => {
                "the line may have been cut by the log shipper: look at its line-length limit"
            }
            Reason::TooDeep => "unwrap the export before piping it in",
            Reason::Missing(_) => {
                "if the mesh has a log format of its own, pass it: --format-string '…' or --format-from FILE"
            }
        }
    }
}
