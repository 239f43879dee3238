//! Records out again, one line each: as JSON, as CSV, as they stood.
//!
//! Written by hand into a buffer of the part: a value tree for each of millions of records would cost more than
//! reading them.

mod csv;
mod ndjson;

use crate::error::{Error, ErrorKind, Result};
use crate::record::{Field, Kind, Record};

/// Where a record stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin<'a> {
    /// Name of the source.
    pub source: &'a str,
    /// Line, from 1.
    pub line: u64,
    /// Byte offset in the decompressed source, from 0.
    pub offset: u64,
    /// The line as it stood, wrapper included.
    pub raw: &'a [u8],
}

/// A form in which records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One JSON object a record, under Istio's own keys.
    Ndjson,
    /// The line as it stood.
    Raw,
    /// Comma-separated values, safe to open in a spreadsheet.
    Csv,
}

/// All forms; the first is the default.
pub static FORMS: [Form; 3] = [Form::Ndjson, Form::Raw, Form::Csv];

impl Form {
    /// Name as in `--output NAME`.
    pub fn name(self) -> &'static str {
        match self {
            Form::Ndjson => "ndjson",
            Form::Raw => "raw",
            Form::Csv => "csv",
        }
    }

    /// The form with this name.
    ///
    /// # Errors
    /// When there is none; the message lists those there are.
    pub fn named(name: &str) -> Result<Form> {
        FORMS.into_iter().find(|form| form.name() == name).ok_or_else(|| {
            let names = FORMS.map(Form::name).join(", ");
            let message = both!(
                "there is no output {name:?} for records; there are: {names}",
                "records 没有输出格式 {name:?}；可用的有：{names}"
            );
            Error::from(ErrorKind::Option { message })
        })
    }

    /// What stands before the first record.
    pub fn head(self) -> Vec<u8> {
        match self {
            Form::Csv => csv::head(),
            Form::Ndjson | Form::Raw => Vec::new(),
        }
    }

    /// True when lines are numbered in this form.
    pub fn is_numbered(self) -> bool {
        self != Form::Raw
    }

    /// Appends a record and a newline.
    #[inline]
    pub fn write(self, record: &Record<'_>, origin: &Origin<'_>, out: &mut Vec<u8>) {
        match self {
            Form::Ndjson => ndjson::write(record, origin, out),
            Form::Csv => csv::write(record, origin, out),
            Form::Raw => {
                out.extend_from_slice(origin.raw);
                out.push(b'\n');
            }
        }
    }
}

/// Appends a cell of comma-separated values. Text that a spreadsheet would run as a formula gets a `'` before it; bytes
/// that are not UTF-8 appear as `\xNN`.
pub fn csv_cell(out: &mut Vec<u8>, text: &[u8]) {
    csv::cell(out, text);
}

/// Fields whose values are numbers.
fn is_number(field: Field) -> bool {
    matches!(
        field,
        Field::Code | Field::BytesReceived | Field::BytesSent | Field::Duration | Field::ServiceTime
    )
}

/// Istio's fields of a record. A ztunnel record has no route: its reader leaves the direction in that place.
fn istio_fields(record: &Record<'_>) -> impl Iterator<Item = Field> {
    let ztunnel = record.kind() == Kind::Ztunnel;
    Field::ALL.iter().copied().take(Field::ISTIO).filter(move |f| !(ztunnel && *f == Field::RouteName))
}

/// The flags' short names in canonical order, each once.
fn flag_names(text: &[u8]) -> Vec<&[u8]> {
    use crate::envoy::flags;
    if text.is_empty() {
        return Vec::new();
    }
    let mut names: Vec<&[u8]> = flags::tokens(text).map(flags::short).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests;
