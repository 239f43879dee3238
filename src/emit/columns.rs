//! Records as columns: the keys of `ndjson.rs`, each with a type, and two more for what a type cannot hold.
//!
//! Each part of the input fills its own builders, in parallel; `parquet.rs` puts them behind each other.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Int64Builder, ListBuilder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field as Column, Schema, SchemaRef, TimeUnit};

use super::{Origin, Sheet, flag_names, is_number, istio_fields, value};
use crate::record::{Field, Record, number};

/// The moment behind `start_time`, where that text is a time.
pub(super) const START_TIME_UTC: &str = "start_time_utc";
/// `field=text` for each field that should be a number and is none.
const NOT_NUMBERS: &str = "not_numbers";
/// What a null costs, about.
const NULL_BYTES: usize = 1;

/// Columns of text that say what meshwhy made of the record, and whether a value may be missing.
const TOLD: [(&str, bool); 7] = [
    ("outcome", false),
    ("kind", false),
    ("direction", true),
    ("format", false),
    ("pod", true),
    ("namespace", true),
    ("container", true),
];

/// The columns, in the order of the keys of ndjson; what is a column only is behind them.
pub(super) fn schema() -> SchemaRef {
    let mut columns: Vec<Column> =
        istio_fields().map(|field| Column::new(field.key(), type_of(field), true)).collect();
    columns.push(texts("flags"));
    columns.extend(TOLD.map(|(name, nullable)| Column::new(name, DataType::Utf8, nullable)));
    columns.extend([
        Column::new("complete", DataType::Boolean, false),
        Column::new("source", DataType::Utf8, false),
        Column::new("line", DataType::Int64, false),
        Column::new("offset", DataType::Int64, false),
        Column::new(START_TIME_UTC, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
        texts(NOT_NUMBERS),
    ]);
    Arc::new(Schema::new(columns))
}

fn type_of(field: Field) -> DataType {
    if is_number(field) { DataType::Int64 } else { DataType::Utf8 }
}

/// A column of lists of texts, under the name that Parquet's own description gives to the items.
fn texts(name: &str) -> Column {
    Column::new(name, DataType::List(Arc::new(item())), false)
}

fn item() -> Column {
    Column::new("element", DataType::Utf8, false)
}

/// One of Istio's fields.
#[derive(Debug)]
enum Cells {
    Texts(StringBuilder),
    Numbers(Int64Builder),
}

/// The records of a part, by column.
#[derive(Debug)]
pub struct Columns {
    istio: Vec<Cells>,
    flags: ListBuilder<StringBuilder>,
    told: [StringBuilder; TOLD.len()],
    complete: BooleanBuilder,
    source: StringBuilder,
    line: Int64Builder,
    offset: Int64Builder,
    start_us: TimestampMicrosecondBuilder,
    not_numbers: ListBuilder<StringBuilder>,
    /// Bytes of each row, about.
    row_bytes: Vec<u32>,
    bytes: usize,
}

impl Default for Columns {
    fn default() -> Self {
        // Most parts of many small files are small: what they need comes as it is needed.
        let text = || StringBuilder::with_capacity(0, 0);
        let list = || ListBuilder::with_capacity(text(), 0).with_field(item());
        let cells = |field| match is_number(field) {
            true => Cells::Numbers(Int64Builder::with_capacity(0)),
            false => Cells::Texts(text()),
        };
        Columns {
            istio: istio_fields().map(cells).collect(),
            flags: list(),
            told: std::array::from_fn(|_| text()),
            complete: BooleanBuilder::with_capacity(0),
            source: text(),
            line: Int64Builder::with_capacity(0),
            offset: Int64Builder::with_capacity(0),
            start_us: TimestampMicrosecondBuilder::with_capacity(0).with_timezone("UTC"),
            not_numbers: list(),
            row_bytes: Vec::new(),
            bytes: 0,
        }
    }
}

impl Sheet for Columns {
    type Note = ();

    fn add(&mut self, record: &Record<'_>, origin: &Origin<'_>) {
        let mut bytes = 0;
        for (cells, field) in self.istio.iter_mut().zip(istio_fields()) {
            let raw = value(record, field);
            bytes += match cells {
                Cells::Texts(column) => append(column, raw.map(|raw| raw.text()).as_deref()),
                Cells::Numbers(column) => {
                    let n = raw.and_then(|raw| whole(raw.bytes));
                    column.append_option(n);
                    match raw {
                        Some(raw) if n.is_none() => {
                            let text = format!("{}={}", field.key(), visible(raw.bytes));
                            self.not_numbers.values().append_value(&text);
                            text.len()
                        }
                        _ => size_of::<i64>(),
                    }
                }
            };
        }
        self.not_numbers.append(true);
        let flags = record.text(Field::Flags).unwrap_or_default();
        for name in flag_names(&flags) {
            bytes += append(self.flags.values(), Some(name));
        }
        self.flags.append(true);
        let told = [
            Some(record.outcome().name().as_bytes()),
            Some(record.kind().name().as_bytes()),
            record.direction().map(|d| d.name().as_bytes()),
            Some(record.format().as_bytes()),
            record.pod(),
            record.namespace(),
            record.container(),
        ];
        for (column, text) in self.told.iter_mut().zip(told) {
            bytes += append(column, text);
        }
        self.complete.append_value(record.complete());
        bytes += append(&mut self.source, Some(origin.source.as_bytes()));
        self.line.append_value(count(origin.line));
        self.offset.append_value(count(origin.offset));
        self.start_us.append_option(record.start_us());
        bytes += 4 * size_of::<i64>();
        self.row_bytes.push(u32::try_from(bytes).unwrap_or(u32::MAX));
        self.bytes += bytes;
    }

    fn weight(&self) -> usize {
        self.bytes
    }
}

impl Columns {
    /// The columns, and the bytes of each row, about.
    pub(super) fn finish(mut self, schema: &SchemaRef) -> Result<(RecordBatch, Vec<u32>), ArrowError> {
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
        for cells in &mut self.istio {
            columns.push(match cells {
                Cells::Texts(column) => Arc::new(column.finish()),
                Cells::Numbers(column) => Arc::new(column.finish()),
            });
        }
        columns.push(Arc::new(self.flags.finish()));
        columns.extend(self.told.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef));
        columns.push(Arc::new(self.complete.finish()));
        columns.push(Arc::new(self.source.finish()));
        columns.push(Arc::new(self.line.finish()));
        columns.push(Arc::new(self.offset.finish()));
        columns.push(Arc::new(self.start_us.finish()));
        columns.push(Arc::new(self.not_numbers.finish()));
        Ok((RecordBatch::try_new(Arc::clone(schema), columns)?, self.row_bytes))
    }
}

/// Appends a text or a null; returns its bytes.
fn append(column: &mut StringBuilder, text: Option<&[u8]>) -> usize {
    match text.map(visible) {
        Some(text) => {
            column.append_value(&text);
            size_of::<i32>() + text.len()
        }
        None => {
            column.append_null();
            NULL_BYTES
        }
    }
}

/// A logged number, as far as a signed 64-bit number holds it.
fn whole(text: &[u8]) -> Option<i64> {
    number(text).and_then(|n| i64::try_from(n).ok())
}

/// Lines and bytes of a stream: no stream has more than fit.
fn count(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Text of any bytes: what is not UTF-8 appears as `\xNN`.
fn visible(text: &[u8]) -> Cow<'_, str> {
    use std::fmt::Write;
    if let Ok(text) = std::str::from_utf8(text) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for chunk in text.utf8_chunks() {
        out.push_str(chunk.valid());
        for b in chunk.invalid() {
            // A string takes whatever is written.
            let _ = write!(out, "\\x{b:02x}");
        }
    }
    Cow::Owned(out)
}
