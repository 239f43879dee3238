//! Comma-separated values (RFC 4180), safe to open in a spreadsheet.

use super::plain::is_plain;
use super::told::{Memo, Told};
use super::{Origin, flag_names, integer, istio_fields, value};
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

/// What stands behind the line's number, and behind the offset.
pub(super) const BEFORE_OFFSET: &[u8] = b",";
pub(super) const END: &[u8] = b"\n";

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

pub(super) fn write(record: &Record<'_>, origin: &Origin<'_>, memo: &mut Memo, out: &mut Vec<u8>) {
    for field in istio_fields() {
        logged(value(record, field), out);
        out.push(b',');
    }
    out.extend_from_slice(memo.written(&Told::of(record, origin), told));
    integer(out, origin.line);
    out.extend_from_slice(BEFORE_OFFSET);
    integer(out, origin.offset);
    out.extend_from_slice(END);
}

/// A row up to its line, without the values for which there is a gap.
pub(super) fn skeleton(
    record: &Record<'_>,
    origin: &Origin<'_>,
    mut gap: impl FnMut(Field, usize) -> bool,
    out: &mut Vec<u8>,
) {
    for field in istio_fields() {
        if !gap(field, out.len()) {
            logged(value(record, field), out);
        }
        out.push(b',');
    }
    told(&Told::of(record, origin), out);
}

/// The cell of a field.
#[inline]
fn logged(value: Option<Raw<'_>>, out: &mut Vec<u8>) {
    match value {
        Some(raw) if raw.escaped => cell(out, &raw.text()),
        Some(Raw { bytes, .. }) => cell(out, bytes),
        None => {}
    }
}

/// From the flags to the line.
fn told(told: &Told<'_>, out: &mut Vec<u8>) {
    let words = &told.words;
    for text in [
        &flag_names(&told.flags()).join(&b' ')[..],
        words.outcome.name().as_bytes(),
        words.kind.name().as_bytes(),
        words.direction.map_or("", |d| d.name()).as_bytes(),
        words.format.as_bytes(),
        told.pod().unwrap_or_default(),
        told.namespace().unwrap_or_default(),
        told.container().unwrap_or_default(),
        if words.complete { b"true" } else { b"false" },
        told.source(),
    ] {
        cell(out, text);
        out.push(b',');
    }
}

/// What a spreadsheet takes for the start of a formula.
pub(super) fn is_formula(text: &[u8]) -> bool {
    matches!(text.first(), Some(b'=' | b'+' | b'-' | b'@'))
}

/// A cell. Text that a spreadsheet would run as a formula gets a `'` before it, those it takes for the same sign in
/// full width included. Bytes that are not UTF-8 appear as `\xNN`, and so does what would steer or break a line: one
/// record is one line.
#[inline]
pub(super) fn cell(out: &mut Vec<u8>, text: &[u8]) {
    if is_formula(text) {
        return odd(out, text);
    }
    if is_plain(text, *b",\"") {
        return out.extend_from_slice(text);
    }
    if is_plain(text, *b"\"\"") {
        out.push(b'"');
        out.extend_from_slice(text);
        return out.push(b'"');
    }
    odd(out, text);
}

/// A cell that may hold anything.
#[cold]
fn odd(out: &mut Vec<u8>, text: &[u8]) {
    let formula = is_formula(text);
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
