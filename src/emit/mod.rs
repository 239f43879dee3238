//! Records out again: one line each, as JSON, as CSV, as they stood; or as columns of a Parquet file.
//!
//! Lines are written by hand into a buffer of the part: a value tree for each of millions of records would cost more
//! than reading them. Parquet comes with the cargo feature of that name: `columns.rs` collects, `parquet.rs` writes.

mod alike;
#[cfg(feature = "parquet")]
mod columns;
mod csv;
mod ndjson;
mod page;
#[cfg(feature = "parquet")]
mod parquet;
mod plain;
mod told;

use page::Page;
use told::Memo;

use crate::error::{ErrorKind, Result};
use crate::format::Glance;
use crate::record::{Field, Kind, Raw, Record};

pub use alike::Alike;
#[cfg(feature = "parquet")]
pub use columns::Columns;
#[cfg(feature = "parquet")]
pub use parquet::ParquetFile;

/// Where a record stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin<'a> {
    /// Name of the source.
    pub source: &'a str,
    /// Its number among the inputs, from 0.
    pub source_number: u32,
    /// Line, from 1.
    pub line: u64,
    /// Byte offset in the decompressed source, from 0.
    pub offset: u64,
    /// The line as it stood, wrapper included.
    pub raw: &'a [u8],
}

/// What the records of a part are collected in, to be written when its turn comes.
pub trait Sheet: Send {
    /// What it remembers of records with the same telling bytes.
    type Note: Default + Send;

    /// A part with so much is worth writing.
    const FULL_BYTES: usize = usize::MAX;

    /// Takes a record.
    fn add(&mut self, record: &Record<'_>, origin: &Origin<'_>);

    /// Takes a line by a glance at it, and what is remembered of its like; `false` when the record is needed. The line is
    /// not in a wrapper.
    fn copy(&mut self, _note: &mut Self::Note, _glance: &Glance<'_>, _origin: &Origin<'_>) -> bool {
        false
    }

    /// Remembers what it needs of the record that [`copy`](Self::copy) was not content without.
    fn learn(&self, _note: &mut Self::Note, _record: &Record<'_>, _origin: &Origin<'_>) {}

    /// Bytes held, about.
    fn weight(&self) -> usize;
}

/// What becomes of the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// A line each.
    Lines(Form),
    /// A Parquet file of them all.
    #[cfg(feature = "parquet")]
    Parquet,
}

/// The output that only some builds have.
const PARQUET: &str = "parquet";

impl Output {
    /// The output with this name.
    ///
    /// # Errors
    /// When there is none, and when it is not in this build; the message says what there is, and what to do.
    pub fn named(name: &str) -> Result<Output> {
        if let Some(form) = FORMS.into_iter().find(|form| form.name() == name) {
            return Ok(Output::Lines(form));
        }
        if name == PARQUET {
            return Output::parquet();
        }
        let names = FORMS.map(Form::name).join(", ");
        let message = both!(
            "there is no output {name:?} for records; there are: {names}, {PARQUET}",
            "records 没有输出格式 {name:?}；可用的有：{names}, {PARQUET}"
        )
        .meant(name, FORMS.map(Form::name).into_iter().chain([PARQUET]));
        Err(ErrorKind::Option { message }.into())
    }

    #[cfg(feature = "parquet")]
    fn parquet() -> Result<Output> {
        Ok(Output::Parquet)
    }

    #[cfg(not(feature = "parquet"))]
    fn parquet() -> Result<Output> {
        let message = both!(
            "this meshwhy was built without Parquet; in its source: cargo build --release --features parquet",
            "这个 meshwhy 编译时没有加入 Parquet；请在源码目录执行：cargo build --release --features parquet"
        );
        Err(ErrorKind::Option { message }.into())
    }
}

/// A form in which records are written, a line each.
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

    /// What stands before the first record.
    pub fn head(self) -> Vec<u8> {
        match self {
            Form::Csv => csv::head(),
            Form::Ndjson | Form::Raw => Vec::new(),
        }
    }
}

/// Appends a cell of comma-separated values. Text that a spreadsheet would run as a formula gets a `'` before it; bytes
/// that are not UTF-8 appear as `\xNN`.
pub fn csv_cell(out: &mut Vec<u8>, text: &[u8]) {
    csv::cell(out, text);
}

/// Records as lines, one behind the other.
#[derive(Debug)]
pub struct Lines {
    form: Form,
    memo: Memo,
    /// A row that is like none before it.
    row: Vec<u8>,
    page: Page,
}

impl Lines {
    /// No line yet. What stands in the buffer is forgotten; its room is used again.
    pub fn new(form: Form, buffer: Vec<u8>) -> Lines {
        Lines { form, memo: Memo::default(), row: Vec::new(), page: Page::new(buffer) }
    }

    /// What was written.
    pub fn text(&self) -> &[u8] {
        self.page.text()
    }

    /// The buffer, for the next ones.
    pub fn into_buffer(self) -> Vec<u8> {
        self.page.into_buffer()
    }
}

impl Sheet for Lines {
    type Note = Alike;

    /// Little enough to be in a processor's own cache still when it is written.
    const FULL_BYTES: usize = 256 << 10;

    #[inline]
    fn add(&mut self, record: &Record<'_>, origin: &Origin<'_>) {
        let Lines { form, memo, row, page } = self;
        row.clear();
        match form {
            Form::Ndjson => ndjson::write(record, origin, memo, row),
            Form::Csv => csv::write(record, origin, memo, row),
            Form::Raw => return page.line(origin.raw),
        }
        page.put(row);
    }

    #[inline]
    fn copy(&mut self, note: &mut Alike, glance: &Glance<'_>, origin: &Origin<'_>) -> bool {
        match self.form {
            Form::Ndjson => note.write::<true>(glance, origin, &mut self.page),
            Form::Csv => note.write::<false>(glance, origin, &mut self.page),
            Form::Raw => {
                self.page.line(origin.raw);
                true
            }
        }
    }

    fn learn(&self, note: &mut Alike, record: &Record<'_>, origin: &Origin<'_>) {
        note.learn(self.form, record, origin);
    }

    fn weight(&self) -> usize {
        self.page.text().len()
    }
}

/// Fields whose values are numbers.
fn is_number(field: Field) -> bool {
    matches!(
        field,
        Field::Code | Field::BytesReceived | Field::BytesSent | Field::Duration | Field::ServiceTime
    )
}

/// How many decimal digits a number has.
#[inline]
fn width(n: u64) -> usize {
    n.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// Fills room of its width with the digits of a number.
#[inline]
fn digits(mut n: u64, room: &mut [u8]) {
    // Two at a time: a division takes longer than all else.
    for pair in room.rchunks_mut(2) {
        let two = (n % 100) as u8;
        n /= 100;
        if let [tens, ones] = pair {
            (*tens, *ones) = (b'0' + two / 10, b'0' + two % 10);
        } else {
            pair[0] = b'0' + two;
        }
    }
}

fn integer(out: &mut Vec<u8>, n: u64) {
    let start = out.len();
    out.resize(start + width(n), 0);
    digits(n, &mut out[start..]);
}

/// Istio's own fields.
fn istio_fields() -> impl Iterator<Item = Field> {
    Field::ALL.iter().copied().take(Field::ISTIO)
}

/// The value of one of Istio's fields. A ztunnel record has no route: its reader leaves the direction in that place.
#[inline]
fn value<'a>(record: &Record<'a>, field: Field) -> Option<Raw<'a>> {
    if field == Field::RouteName && record.kind() == Kind::Ztunnel {
        return None;
    }
    record.get(field)
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
