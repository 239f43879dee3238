//! Comma-separated values (RFC 4180), safe to open in a spreadsheet.

use super::ndjson::integer;
use super::{Origin, flag_names, istio_fields, value};
use crate::record::{Field, Raw, Record, is_unseen};

const EXTRA: [&str; 11] = [
    "flags",
    "outcome",
    "kind",
    "direction",
    "format",
    "pod",
    "namespace",
    "container",
    "complete",
    "source",
    "line",
];

pub(super) fn head() -> Vec<u8> {
    let mut out = istio_fields()
        .map(Field::key)
        .chain(EXTRA)
        .chain(["offset"])
        .collect::<Vec<_>>()
        .join(",")
        .into_bytes();
    out.push(b'\n');
    out
}

pub(super) fn write(record: &Record<'_>, origin: &Origin<'_>, out: &mut Vec<u8>) {
    for field in istio_fields() {
        cell(out, &value(record, field).map(Raw::text).unwrap_or_default());
        out.push(b',');
    }
    for text in [
        &flag_names(&record.text(Field::Flags).unwrap_or_default()).join(&b' ')[..],
        record.outcome().name().as_bytes(),
        record.kind().name().as_bytes(),
        record.direction().map_or("", |d| d.name()).as_bytes(),
        record.format().as_bytes(),
        record.pod().unwrap_or_default(),
        record.namespace().unwrap_or_default(),
        record.container().unwrap_or_default(),
        if record.complete() { b"true" } else { b"false" },
        origin.source.as_bytes(),
    ] {
        cell(out, text);
        out.push(b',');
    }
    integer(out, origin.line);
    out.push(b',');
    integer(out, origin.offset);
    out.push(b'\n');
}

/// True for bytes that can stand in a cell as they are.
const PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut b = 0x20;
    while b < 0x7f {
        table[b] = b != b',' as usize && b != b'"' as usize;
        b += 1;
    }
    table
};

/// A cell. Text that a spreadsheet would run as a formula gets a `'` before it, those it takes for the same sign in
/// full width included. Bytes that are not UTF-8 appear as `\xNN`, and so does what would steer or break a line: one
/// record is one line.
pub(super) fn cell(out: &mut Vec<u8>, text: &[u8]) {
    let formula = matches!(text.first(), Some(b'=' | b'+' | b'-' | b'@'));
    if !formula && text.iter().all(|b| PLAIN[usize::from(*b)]) {
        return out.extend_from_slice(text);
    }
    let full_width = ["＝", "＋", "－", "＠"].iter().any(|sign| text.starts_with(sign.as_bytes()));
    let formula = formula || full_width;
    let quoted = text.iter().any(|b| matches!(b, b',' | b'"'));
    if quoted {
        out.push(b'"');
    }
    if formula {
        out.push(b'\'');
    }
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' => out.extend_from_slice(b"\"\""),
                c if c.is_ascii_control() => out.extend_from_slice(format!("\\x{:02x}", c as u32).as_bytes()),
                c if is_unseen(c) => out.extend_from_slice(format!("\\u{{{:x}}}", c as u32).as_bytes()),
                c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        for b in chunk.invalid() {
            out.extend_from_slice(format!("\\x{b:02x}").as_bytes());
        }
    }
    if quoted {
        out.push(b'"');
    }
}
