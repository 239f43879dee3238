//! The quickest reading: a line whose marks (quotes, and blanks outside them) have the very pattern of its format.
//!
//! The pattern is two integers (see [`scan`](crate::scan)), worked out once a format. Where it fits, every field lies
//! between two known marks; the request alone (method, path, protocol between one pair of quotes) is cut at its first
//! and last blank. Everything else is left to [`scan`](super::scan), and by it to the exact reading.

use memchr::{memchr, memrchr};

use super::scan::put;
use crate::format::template::{Step, Template};
use crate::format::twin;
use crate::record::{Field, Layout};
use crate::scan::{MAX_MARKS, Marks, Shape};

/// Where a value begins or ends: so many bytes behind (or before) a mark, or at the line's own ends.
#[derive(Debug, Clone, Copy)]
struct Edge {
    mark: Option<usize>,
    distance: usize,
}

#[derive(Debug)]
enum Part {
    /// One value between two edges.
    Value { step: usize, from: Edge, to: Edge },
    /// Method, path and protocol, steps `first` to `first + 2`, between two quotes.
    Request { first: usize, open: usize },
}

/// A format as a pattern of marks.
#[derive(Debug)]
pub(super) struct Shaped {
    shape: Shape,
    parts: Vec<Part>,
    /// Literal bytes that are no marks: how far behind a mark (or the line's start) they stand.
    fixed: Vec<(Edge, u8)>,
    /// The same, before a mark.
    fixed_before: Vec<(usize, usize, u8)>,
}

impl Shaped {
    /// `None` for formats that have more between two quotes than one value or the request.
    pub(super) fn of(template: &Template) -> Option<Shaped> {
        let mut builder = Builder::default();
        if !builder.literal(&template.lead)? {
            for (at, &byte) in template.lead.iter().enumerate() {
                builder.fixed.push((Edge { mark: None, distance: at }, byte));
            }
        }
        let mut n = 0;
        while n < template.steps.len() {
            n += builder.value(template, n)?;
        }
        builder.finish()
    }

    /// Fills the layout; `false` when the line is not of this shape.
    #[inline]
    pub(super) fn read(&self, template: &Template, line: &[u8], marks: &Marks, layout: &mut Layout) -> bool {
        if marks.shape() != self.shape || !self.literals_fit(line, marks) {
            return false;
        }
        for part in &self.parts {
            let read = match part {
                Part::Value { step, from, to } => {
                    let start = from.mark.map_or(0, |m| marks.at(m) + 1) + from.distance;
                    let end = to.mark.map_or(line.len(), |m| marks.at(m).saturating_sub(to.distance));
                    match line.get(start..end) {
                        Some(text) => put(&template.steps[*step], start, text, layout),
                        None => false,
                    }
                }
                Part::Request { first, open } => {
                    request(&template.steps[*first..*first + 3], line, marks, *open, layout)
                }
            };
            if !read {
                return false;
            }
        }
        twin::set_kind(template, line, layout);
        true
    }

    #[inline]
    fn literals_fit(&self, line: &[u8], marks: &Marks) -> bool {
        self.fixed.iter().all(|(edge, byte)| {
            let at = edge.mark.map_or(0, |m| marks.at(m) + 1) + edge.distance;
            line.get(at) == Some(byte)
        }) && self.fixed_before.iter().all(|(mark, distance, byte)| {
            marks.at(*mark).checked_sub(*distance).and_then(|at| line.get(at)) == Some(byte)
        })
    }
}

/// Method up to the first blank, protocol behind the last one, the path between.
#[inline]
fn request(steps: &[Step], line: &[u8], marks: &Marks, open: usize, layout: &mut Layout) -> bool {
    let start = marks.at(open) + 1;
    let Some(text) = line.get(start..marks.at(open + 1)) else { return false };
    let (Some(first), Some(last)) = (memchr(b' ', text), memrchr(b' ', text)) else { return false };
    first < last
        && put(&steps[0], start, &text[..first], layout)
        && put(&steps[1], start + first + 1, &text[first + 1..last], layout)
        && put(&steps[2], start + last + 1, &text[last + 1..], layout)
}

#[derive(Default)]
struct Builder {
    /// True for a quote; and whether the next mark is right behind it.
    marks: Vec<(bool, bool)>,
    quoted: bool,
    parts: Vec<Part>,
    fixed: Vec<(Edge, u8)>,
    fixed_before: Vec<(usize, usize, u8)>,
    /// Where the next value starts.
    from: Option<Edge>,
}

impl Builder {
    /// Adds a literal that stands behind a value (or leads the line): its marks, and the bytes around them. Returns
    /// whether it has a mark at all; `None` for a literal whose bytes cannot be told by marks.
    fn literal(&mut self, text: &[u8]) -> Option<bool> {
        let mut last_mark: Option<usize> = None;
        let mut leading: Vec<u8> = Vec::new();
        let mut since = 0;
        for &byte in text {
            let mark = byte == b'"' || (byte == b' ' && !self.quoted);
            if byte == b'"' {
                self.quoted = !self.quoted;
            }
            if mark {
                let touches = since == 0 && last_mark.is_some();
                if let (true, Some(before)) = (touches, self.marks.last_mut()) {
                    before.1 = true;
                }
                self.marks.push((byte == b'"', false));
                if last_mark.is_none() {
                    // Bytes between the value and its first mark.
                    let mark = self.marks.len() - 1;
                    for (back, &byte) in leading.iter().rev().enumerate() {
                        self.fixed_before.push((mark, back + 1, byte));
                    }
                }
                last_mark = Some(self.marks.len() - 1);
                since = 0;
            } else {
                match last_mark {
                    Some(mark) => self.fixed.push((Edge { mark: Some(mark), distance: since }, byte)),
                    None => leading.push(byte),
                }
                since += 1;
            }
        }
        self.from = Some(match last_mark {
            Some(mark) => Edge { mark: Some(mark), distance: since },
            None => Edge { mark: None, distance: since },
        });
        Some(last_mark.is_some())
    }

    /// Adds the value of step `n` (or the request that starts there); returns how many steps it took.
    fn value(&mut self, template: &Template, n: usize) -> Option<usize> {
        let steps = &template.steps;
        let from = self.from?;
        let fields = |k: usize| steps.get(n + k).and_then(|step| step.field);
        let blank_behind = |k: usize| steps.get(n + k).is_some_and(|step| step.literal == b" ");
        let opens = self.quoted && from.distance == 0;
        if opens && fields(0) == Some(Field::Method) && blank_behind(0) && blank_behind(1) {
            if fields(1) != Some(Field::Path) || fields(2) != Some(Field::Protocol) {
                return None;
            }
            let closes = steps[n + 2].literal.first() == Some(&b'"');
            self.parts.push(Part::Request { first: n, open: from.mark? });
            return (closes && self.literal(&steps[n + 2].literal)?).then_some(3);
        }
        let literal = &steps[n].literal;
        let before = literal.iter().position(|&b| b == b'"' || (b == b' ' && !self.quoted));
        let last = n + 1 == steps.len();
        let mark = self.marks.len();
        let to = match before {
            Some(distance) => Edge { mark: Some(mark), distance },
            None if last && literal.is_empty() => Edge { mark: None, distance: 0 },
            None => return None,
        };
        self.parts.push(Part::Value { step: n, from, to });
        self.literal(literal)?;
        Some(1)
    }

    fn finish(self) -> Option<Shaped> {
        if self.marks.len() > MAX_MARKS || self.quoted {
            return None;
        }
        let bit = |pick: fn(&(bool, bool)) -> bool| {
            self.marks.iter().enumerate().fold(0u64, |bits, (n, mark)| bits | u64::from(pick(mark)) << n)
        };
        let shape = Shape { len: self.marks.len(), quotes: bit(|m| m.0), adjacent: bit(|m| m.1) };
        Some(Shaped { shape, parts: self.parts, fixed: self.fixed, fixed_before: self.fixed_before })
    }
}
