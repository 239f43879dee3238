//! What stops us. A line that cannot be read never does: that is a counted
//! [`Reject`](crate::record::Reject).

use std::{fmt, io};

use crate::words::{Lang, Said};

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
        /// Byte of it at which the reading ended, from 0.
        offset: u64,
        /// Which limit, in words.
        what: Said,
        /// Its value.
        limit: u64,
    },
    /// A format string cannot be turned into a reader.
    Template {
        /// Column in the format string, from 1.
        column: usize,
        /// What was expected, or why it is refused.
        expected: Said,
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
        message: Said,
    },
    /// An option of the user makes no sense.
    Option {
        /// What is wrong.
        message: Said,
    },
    /// A snapshot cannot be used.
    Snapshot {
        /// Name of the snapshot.
        source: String,
        /// Byte of it, from 0; `None`: all of it.
        offset: Option<u64>,
        /// Why.
        what: Said,
    },
    /// What another reading told of its inputs; a snapshot passed it on.
    Told(Said),
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

impl Error {
    /// What went wrong, in both languages. What the system says stays as it says it.
    pub fn said(&self) -> Said {
        match &*self.0 {
            ErrorKind::Read { source, offset, cause } => {
                both!("{source}: at byte {offset}: {cause}", "{source}：第 {offset} 字节处：{cause}")
            }
            ErrorKind::Limit { source, offset, what, limit } => {
                let Said { en, zh } = what;
                both!(
                    "{source}: at byte {offset}: more than {limit} {en}",
                    "{source}：第 {offset} 字节处：超过 {limit} {zh}"
                )
            }
            ErrorKind::Template { column, expected } => {
                let Said { en, zh } = expected;
                both!("format string, column {column}: {en}", "格式字符串第 {column} 列：{zh}")
            }
            ErrorKind::Catalog { page, line, column, message } => {
                // Editors find the place by this form in any language.
                let Said { en, zh } = message;
                both!("{page}:{line}:{column}: {en}", "{page}:{line}:{column}: {zh}")
            }
            ErrorKind::Option { message } => message.clone(),
            ErrorKind::Snapshot { source, offset: None, what } => what.behind(source),
            ErrorKind::Snapshot { source, offset: Some(offset), what } => {
                let Said { en, zh } = what;
                both!("{source}: at byte {offset}: {en}", "{source}：第 {offset} 字节处：{zh}")
            }
            ErrorKind::Told(said) => said.clone(),
            ErrorKind::Write(e) => both!("cannot write the result: {e}", "无法写出结果：{e}"),
        }
    }

    /// What went wrong, in a language.
    pub fn in_lang(&self, lang: Lang) -> String {
        self.said().in_lang(lang).to_owned()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.said().fmt(f)
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

/// Line and column, both from 1, of a byte of a text.
pub fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}
