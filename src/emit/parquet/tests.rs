use std::fs::File;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::emit::{Form, Lines, Origin, Sheet};
use crate::record::{Carrier, Kind, Layout, Record};

type Row<'a> = (Kind, Vec<(Field, &'a [u8])>);

/// Calls `see` with a record of these fields at this line.
fn with_record(row: &Row<'_>, line: u64, see: &mut dyn FnMut(&Record<'_>, &Origin<'_>)) {
    let mut text = b"^".to_vec();
    let mut layout = Layout::new("istio-text");
    layout.kind = row.0;
    for (field, value) in &row.1 {
        layout.set(*field, text.len()..text.len() + value.len());
        text.extend_from_slice(value);
    }
    let record = Record::new(&text, &layout, Carrier { pod: Some(b"web-0"), ..Carrier::default() });
    see(&record, &Origin { source: "a.log", source_number: 0, line, offset: line * 100, raw: &text });
}

/// The rows as a file, put together from parts of these sizes (the last one repeats).
fn file_of(rows: &[Row<'_>], parts: &[usize], threads: usize) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::new();
    let mut file = ParquetFile::new(&mut out, threads).unwrap();
    let mut sizes = parts.iter().copied().chain(std::iter::repeat(*parts.last().unwrap()));
    let (mut rest, mut line) = (rows, 0);
    while !rest.is_empty() {
        let (part, behind) = rest.split_at(sizes.next().unwrap().clamp(1, rest.len()));
        let mut columns = Columns::default();
        for row in part {
            line += 1;
            with_record(row, line, &mut |record, origin| columns.add(record, origin));
        }
        file.add(columns).unwrap();
        rest = behind;
    }
    file.finish().unwrap();
    out
}

fn opened(bytes: &[u8]) -> ParquetRecordBatchReaderBuilder<File> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    ParquetRecordBatchReaderBuilder::try_new(file).unwrap()
}

fn rows_of_groups(bytes: &[u8]) -> Vec<i64> {
    opened(bytes).metadata().row_groups().iter().map(|group| group.num_rows()).collect()
}

fn value_at(column: &ArrayRef, row: usize) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(row).into(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).into(),
        DataType::Timestamp(..) => column.as_primitive::<TimestampMicrosecondType>().value(row).into(),
        DataType::Boolean => column.as_boolean().value(row).into(),
        DataType::List(_) => {
            let items = column.as_list::<i32>().value(row);
            (0..items.len()).map(|i| value_at(&items, i)).collect()
        }
        other => panic!("a column of {other}"),
    }
}

/// The rows of a file as objects.
fn read(bytes: &[u8]) -> Vec<Value> {
    let mut rows = Vec::new();
    for batch in opened(bytes).build().unwrap() {
        let batch = batch.unwrap();
        for row in 0..batch.num_rows() {
            let columns = batch.schema().fields().iter().map(|f| f.name().clone()).collect::<Vec<_>>();
            let values = batch.columns().iter().map(|column| value_at(column, row));
            rows.push(columns.into_iter().zip(values).collect());
        }
    }
    rows
}

/// What a row must be, by the line of JSON of the same record.
fn expected(row: &Row<'_>, line: u64) -> Value {
    let mut lines = Lines::new(Form::Ndjson, Vec::new());
    let mut start_us = None;
    with_record(row, line, &mut |record, origin| {
        lines.add(record, origin);
        start_us = record.start_us();
    });
    let mut object: Value = serde_json::from_slice(lines.text()).unwrap();
    let mut odd = Vec::new();
    for field in Field::ALL.iter().filter(|field| crate::emit::is_number(**field)) {
        let value = &mut object[field.key()];
        if !value.is_null() && value.as_i64().is_none() {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            odd.push(format!("{}={text}", field.key()));
            *value = Value::Null;
        }
    }
    object["start_time_utc"] = json!(start_us);
    object["not_numbers"] = json!(odd);
    object
}

fn agree(rows: &[Row<'_>]) {
    let found = read(&file_of(rows, &[2], 2));
    assert_eq!(found.len(), rows.len());
    for ((row, found), line) in rows.iter().zip(found).zip(1..) {
        assert_eq!(found, expected(row, line));
    }
}

#[test]
fn a_row_is_what_the_line_of_json_is() {
    let fields = |fields: &[(Field, &'static [u8])]| fields.to_vec();
    agree(&[
        (
            Kind::Http,
            fields(&[
                (Field::StartTime, b"2026-01-02T03:04:05.678+01:00"),
                (Field::Code, b"503"),
                (Field::Flags, b"URX,UpstreamConnectionFailure,ZZZ"),
                (Field::Path, b""),
                (Field::Method, b"-"),
                (Field::Duration, b"35.07"),
                (Field::UpstreamCluster, b"outbound|80||a.b.svc.cluster.local"),
            ]),
        ),
        (Kind::Ztunnel, fields(&[(Field::RouteName, b"inbound"), (Field::StartTime, b"yesterday")])),
        (Kind::Tcp, fields(&[(Field::Path, b"a\xffb\"\\\n\0"), (Field::Flags, b"-")])),
        (
            Kind::Http,
            fields(&[
                (Field::Duration, b"12ms"),
                (Field::BytesSent, b"18446744073709551615"),
                (Field::BytesReceived, b"9223372036854775807"),
                (Field::Code, b""),
            ]),
        ),
        (Kind::Http, Vec::new()),
    ]);
}

#[test]
fn an_empty_file_has_its_columns() {
    let reader = opened(&file_of(&[], &[1], 1));
    assert_eq!(reader.metadata().file_metadata().num_rows(), 0);
    assert_eq!(reader.schema().fields().len(), 38);
    let said = reader.metadata().file_metadata().key_value_metadata().unwrap();
    assert!(
        said.iter()
            .any(|pair| pair.key == "meshwhy.schema" && pair.value.as_deref() == Some("meshwhy.records/1"))
    );
}

fn numbered(n: usize) -> Vec<Row<'static>> {
    let codes: [&[u8]; 3] = [b"200", b"503", b"-"];
    (0..n).map(|i| (Kind::Http, vec![(Field::Code, codes[i % 3]), (Field::Path, &b"/a"[..])])).collect()
}

#[test]
fn row_groups_are_full_and_their_ends_depend_on_no_part() {
    let rows = numbered(GROUP_ROWS + BATCH_ROWS / 2);
    let whole = file_of(&rows, &[rows.len()], 1);
    assert_eq!(rows_of_groups(&whole), [GROUP_ROWS as i64, (BATCH_ROWS / 2) as i64]);
    // Also when many small parts come first.
    let small = [vec![1; 3 * PIECES], vec![BATCH_ROWS - 1, 3 * BATCH_ROWS, 7]].concat();
    for (parts, threads) in [(&[1_000][..], 1), (&[50_000, 7_777], 2), (&small[..], 3)] {
        assert!(file_of(&rows, parts, threads) == whole, "parts of {parts:?}, {threads} threads");
    }
}

#[test]
fn large_rows_end_a_row_group_early() {
    // Noise that zstd cannot make small.
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        b' ' + 1 + ((state >> 33) % 90) as u8
    })
    .take(1 << 20)
    .collect();
    let rows: Vec<Row<'_>> = (0..60)
        .map(|i| (Kind::Http, vec![(Field::UserAgent, &noise[i..]), (Field::Code, &b"200"[..])]))
        .collect();
    let file = file_of(&rows, &[3], 2);
    let groups = rows_of_groups(&file);
    assert!(groups.len() > 1 && groups.iter().sum::<i64>() == 60, "{groups:?}");
    assert!(
        opened(&file).metadata().row_groups().iter().all(|g| g.total_byte_size() < 2 * GROUP_BYTES as i64)
    );
    assert!(file == file_of(&rows, &[1], 1));
}

struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

#[test]
fn a_closed_pipe_is_known_as_one() {
    let mut out = Closed;
    let written = ParquetFile::new(&mut out, 1).and_then(ParquetFile::finish);
    assert!(written.unwrap_err().is_broken_pipe());
}

proptest! {
    #[test]
    fn any_bytes_are_the_same_in_a_row_and_in_a_line(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let row = |kind| (kind, Field::ALL.iter().map(|field| (*field, &bytes[..])).collect());
        agree(&[row(Kind::Http), row(Kind::Tcp), row(Kind::Ztunnel)]);
    }
}
