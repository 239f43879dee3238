//! One JSON object a record.

use super::{Origin, flag_names, is_number, istio_fields, value};
use crate::record::{Field, Record, is_unseen};

pub(super) fn write(record: &Record<'_>, origin: &Origin<'_>, out: &mut Vec<u8>) {
    out.push(b'{');
    for field in istio_fields() {
        key(out, field.key());
        match value(record, field) {
            None => out.extend_from_slice(b"null"),
            Some(raw) if is_number(field) => number(out, raw.bytes),
            Some(raw) if raw.escaped => string(out, &raw.text()),
            Some(raw) => string(out, raw.bytes),
        }
    }
    key(out, "flags");
    out.push(b'[');
    let flags = record.text(Field::Flags).unwrap_or_default();
    for (i, name) in flag_names(&flags).into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        string(out, name);
    }
    out.push(b']');
    // These are words of our own and need no escapes.
    for (name, word) in [
        ("outcome", Some(record.outcome().name())),
        ("kind", Some(record.kind().name())),
        ("direction", record.direction().map(|d| d.name())),
    ] {
        key(out, name);
        optional(out, word.map(str::as_bytes));
    }
    key(out, "format");
    string(out, record.format().as_bytes());
    for (name, text) in
        [("pod", record.pod()), ("namespace", record.namespace()), ("container", record.container())]
    {
        key(out, name);
        optional(out, text);
    }
    key(out, "complete");
    out.extend_from_slice(if record.complete() { b"true" } else { b"false" });
    key(out, "source");
    string(out, origin.source.as_bytes());
    key(out, "line");
    integer(out, origin.line);
    key(out, "offset");
    integer(out, origin.offset);
    out.extend_from_slice(b"}\n");
}

fn key(out: &mut Vec<u8>, name: &str) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    out.push(b'"');
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
    let plain = text.iter().all(u8::is_ascii_digit) && (1..=18).contains(&text.len());
    if plain && (text[0] != b'0' || text.len() == 1) {
        return out.extend_from_slice(text);
    }
    match crate::record::number(text) {
        Some(n) => integer(out, n),
        None => string(out, text),
    }
}

pub(super) fn integer(out: &mut Vec<u8>, n: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = n;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// True for bytes that cannot stand in a JSON string as they are, or may be the start of bytes that are not UTF-8.
const SPECIAL: [bool; 256] = {
    let mut table = [false; 256];
    let mut b = 0;
    while b < 256 {
        table[b] = b < 0x20 || b >= 0x7f || b == b'"' as usize || b == b'\\' as usize;
        b += 1;
    }
    table
};

/// A JSON string of any bytes; what is not UTF-8 appears as `\xNN`.
fn string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    if text.iter().any(|b| SPECIAL[usize::from(*b)]) {
        for chunk in text.utf8_chunks() {
            escaped(out, chunk.valid());
            for b in chunk.invalid() {
                out.extend_from_slice(b"\\\\x");
                hex(out, *b);
            }
        }
    } else {
        out.extend_from_slice(text);
    }
    out.push(b'"');
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
