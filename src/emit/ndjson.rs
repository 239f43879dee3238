//! One JSON object a record.

use std::ops::Range;

use super::plain::is_plain;
use super::told::{Memo, Told};
use super::{Origin, flag_names, integer, is_number, istio_fields, value};
use crate::record::{Field, Raw, Record, is_unseen};

/// What stands behind the line's number, and behind the offset.
pub(super) const BEFORE_OFFSET: &[u8] = b",\"offset\":";
pub(super) const END: &[u8] = b"}\n";

pub(super) fn write(record: &Record<'_>, origin: &Origin<'_>, memo: &mut Memo, out: &mut Vec<u8>) {
    let start = out.len();
    for field in istio_fields() {
        let value = value(record, field);
        let key = field.json_key().as_bytes();
        if let Some(Raw { bytes, escaped: false }) = value
            && !is_number(field)
        {
            out.extend_from_slice(key);
            inside(out, bytes);
            out.push(b'"');
            continue;
        }
        // No text follows, or not as it stands: the key comes without the quote.
        out.extend_from_slice(&key[..key.len() - 1]);
        logged(field, value, out);
    }
    // Every key has a comma before it.
    out[start] = b'{';
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
        let key = field.json_key().as_bytes();
        out.extend_from_slice(&key[..key.len() - 1]);
        if !gap(field, out.len()) {
            logged(field, value(record, field), out);
        }
    }
    out[0] = b'{';
    told(&Told::of(record, origin), out);
}

/// The value of a field, whatever it is.
fn logged(field: Field, value: Option<Raw<'_>>, out: &mut Vec<u8>) {
    match value {
        None => out.extend_from_slice(b"null"),
        Some(raw) if is_number(field) => number(out, raw.bytes),
        Some(raw) => string(out, &raw.text()),
    }
}

/// From the flags to the key of the line.
fn told(told: &Told<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"flags\":[");
    for (i, name) in flag_names(&told.flags()).into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        string(out, name);
    }
    out.push(b']');
    let words = &told.words;
    for (name, text) in [
        ("outcome", Some(words.outcome.name().as_bytes())),
        ("kind", Some(words.kind.name().as_bytes())),
        ("direction", words.direction.map(|d| d.name().as_bytes())),
        ("format", Some(words.format.as_bytes())),
        ("pod", told.pod()),
        ("namespace", told.namespace()),
        ("container", told.container()),
    ] {
        key(out, name);
        optional(out, text);
    }
    key(out, "complete");
    out.extend_from_slice(if words.complete { b"true" } else { b"false" });
    key(out, "source");
    string(out, told.source());
    key(out, "line");
}

fn key(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn optional(out: &mut Vec<u8>, text: Option<&[u8]>) {
    match text {
        None => out.extend_from_slice(b"null"),
        Some(text) => string(out, text),
    }
}

/// A logged number. What is no JSON number (a unit, a fraction without digits, leading zeros) stays visible: as the
/// whole number it begins with where it is one, else as text.
fn number(out: &mut Vec<u8>, text: &[u8]) {
    if let Some(whole) = whole_number(text) {
        return out.extend_from_slice(whole);
    }
    match crate::record::number(text) {
        Some(n) => integer(out, n),
        None => string(out, text),
    }
}

/// The same text where it is a number of JSON as it stands.
#[inline]
pub(super) fn whole_number(text: &[u8]) -> Option<&[u8]> {
    is_whole_number(text, 0..text.len()).then_some(text)
}

/// True when this stretch of a text is a number of JSON as it stands.
#[inline(always)]
pub(super) fn is_whole_number(text: &[u8], number: Range<usize>) -> bool {
    let Some(digits) = text.get(number.clone()) else { return false };
    let [first, rest @ ..] = digits else { return false };
    if *first == b'0' && !rest.is_empty() {
        return false;
    }
    // Most have a few digits: they are judged together with what stands behind them, which is then passed over.
    match text.get(number.start..).and_then(<[u8]>::first_chunk::<8>) {
        Some(eight) if digits.len() < 8 => {
            let odd = eight.map(|b| u8::from(!b.is_ascii_digit()));
            u64::from_le_bytes(odd) & ((1 << (8 * digits.len())) - 1) == 0
        }
        _ => digits.len() <= 18 && digits.iter().all(u8::is_ascii_digit),
    }
}

/// A JSON string of any bytes; what is not UTF-8 appears as `\xNN`.
fn string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    inside(out, text);
    out.push(b'"');
}

/// The text between the quotes.
#[inline]
fn inside(out: &mut Vec<u8>, text: &[u8]) {
    match is_plain(text, *b"\"\\") {
        true => out.extend_from_slice(text),
        false => odd(out, text),
    }
}

#[cold]
fn odd(out: &mut Vec<u8>, text: &[u8]) {
    for chunk in text.utf8_chunks() {
        escaped(out, chunk.valid());
        for b in chunk.invalid() {
            out.extend_from_slice(b"\\\\x");
            hex(out, *b);
        }
    }
}

/// What is not seen as it is, is written as `\uXXXX`: the same text to a parser, and harmless to a terminal.
fn escaped(out: &mut Vec<u8>, text: &str) {
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend_from_slice(&[b'\\', c as u8]),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            ' '..='~' => out.push(c as u8),
            c if c.is_ascii() || is_unseen(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.extend_from_slice(b"\\u");
                    unit.to_be_bytes().iter().for_each(|b| hex(out, *b));
                }
            }
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

fn hex(out: &mut Vec<u8>, b: u8) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend_from_slice(&[DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]]);
}
