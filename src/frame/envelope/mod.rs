//! What carried the line: kubectl's and stern's prefixes, CRI and Docker files, log shippers' JSON.
//!
//! Wrappers nest (CloudWatch around Fluent Bit around CRI), so peeling goes on until nothing is left to take off. A
//! prefix is taken off only when something a proxy writes stands behind it, and an object only when it holds a
//! message and is not a record itself: a line that is not wrapped stays as it is, down to the last byte.
//!
//! The commonest lines must cost nothing: `[` and a digit is Envoy's own text, and an object whose first keys are an
//! access record's is left to the JSON reader.

mod joiner;
mod object;
mod path;
mod prefix;
#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::record::{Carrier, unescape_into};

pub use joiner::{Joiner, Logical, Partial, Stream, may_be_continued, open_from, partial};
pub use path::{Names, names};

/// More wrappers around one line have not been seen.
const DEPTH: usize = 6;

/// A line without its wrappers.
#[derive(Debug, Clone, Copy)]
pub struct Peeled<'a> {
    /// What the proxy wrote.
    pub text: &'a [u8],
    /// Pod, namespace and container, where the wrapper told them.
    pub carrier: Carrier<'a>,
}

/// Bytes of the line, or of the scratch buffer.
#[derive(Debug, Clone, Default)]
struct Piece {
    in_scratch: bool,
    range: Range<usize>,
}

impl Piece {
    fn of<'a>(&self, line: &'a [u8], scratch: &'a [u8]) -> &'a [u8] {
        let from = if self.in_scratch { scratch } else { line };
        from.get(self.range.clone()).unwrap_or_default()
    }

    /// A part of this piece.
    fn part(&self, range: Range<usize>) -> Piece {
        let base = self.range.start;
        Piece { in_scratch: self.in_scratch, range: base + range.start..base + range.end }
    }
}

/// Pod, namespace, container: which of the three a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Pod,
    Namespace,
    Container,
}

/// A name found in a wrapper. The rank decides between several in the same wrapper; lower wins.
#[derive(Debug, Clone)]
struct Name {
    rank: u8,
    range: Range<usize>,
    escaped: bool,
}

/// One wrapper: where the text in it is, and who wrote it.
#[derive(Debug, Default)]
struct Wrapper {
    text: Range<usize>,
    escaped: bool,
    names: [Option<Name>; 3],
}

impl Wrapper {
    fn name(&mut self, role: Role, rank: u8, range: Range<usize>, escaped: bool) {
        let known = &mut self.names[role as usize];
        if !range.is_empty() && known.as_ref().is_none_or(|known| rank < known.rank) {
            *known = Some(Name { rank, range, escaped });
        }
    }
}

/// Takes the wrappers off a line. `scratch` holds the text when it had to be decoded.
#[inline]
pub fn peel<'a>(line: &'a [u8], scratch: &'a mut Vec<u8>) -> Peeled<'a> {
    match line {
        [b'[', digit, ..] if digit.is_ascii_digit() => Peeled { text: line, carrier: Carrier::default() },
        [] => Peeled { text: line, carrier: Carrier::default() },
        _ => peel_all(line, scratch),
    }
}

fn peel_all<'a>(line: &'a [u8], scratch: &'a mut Vec<u8>) -> Peeled<'a> {
    scratch.clear();
    let mut text = Piece { in_scratch: false, range: 0..line.len() };
    let mut names: [Option<Piece>; 3] = Default::default();
    for _ in 0..DEPTH {
        let bytes = text.of(line, scratch);
        let found = if bytes.first() == Some(&b'{') { object::unwrap(bytes) } else { prefix::strip(bytes) };
        let Some(wrapper) = found else { break };
        for (place, name) in names.iter_mut().zip(wrapper.names) {
            // The outer wrapper was there last, but the inner one was nearer: only gaps are filled.
            if let (None, Some(name)) = (&place, name) {
                let piece = text.part(name.range);
                let piece = if name.escaped { decoded(&piece, line, scratch) } else { piece };
                *place = Some(uncoloured(piece, line, scratch));
            }
        }
        let inner = text.part(wrapper.text);
        text = if wrapper.escaped { decoded(&inner, line, scratch) } else { inner };
        text = without_newline(text, line, scratch);
    }
    let scratch: &'a [u8] = scratch;
    let [pod, namespace, container] = names.map(|name| name.map(|piece| piece.of(line, scratch)));
    Peeled { text: text.of(line, scratch), carrier: Carrier { pod, namespace, container } }
}

/// Decodes the inside of a JSON string to the end of the scratch buffer.
fn decoded(piece: &Piece, line: &[u8], scratch: &mut Vec<u8>) -> Piece {
    let start = scratch.len();
    if piece.in_scratch {
        let raw = piece.of(line, scratch).to_vec();
        unescape_into(&raw, scratch);
    } else {
        unescape_into(piece.of(line, &[]), scratch);
    }
    Piece { in_scratch: true, range: start..scratch.len() }
}

fn without_newline(piece: Piece, line: &[u8], scratch: &[u8]) -> Piece {
    let length = piece.of(line, scratch).trim_ascii_end().len();
    let tail = &piece.of(line, scratch)[length..];
    let cut = tail.iter().position(|b| matches!(b, b'\n' | b'\r')).map_or(tail.len(), |at| at);
    piece.part(0..length + cut)
}

/// A name without the colour codes around it, as stern writes them even into its JSON.
fn uncoloured(piece: Piece, line: &[u8], scratch: &[u8]) -> Piece {
    let bytes = piece.of(line, scratch);
    let start = prefix::skip_colours(bytes, 0);
    let end = bytes[start..].iter().position(|b| *b == 0x1b).map_or(bytes.len(), |at| start + at);
    piece.part(start..end)
}
