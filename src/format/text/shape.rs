//! The quickest reading: a line whose marks (quotes, and blanks outside them) have the very pattern of its format.
//!
//! The pattern is two integers (see [`scan`](crate::scan)), worked out once a format. Where it fits, every field lies
//! between two known marks; the request alone (method, path, protocol between one pair of quotes) is cut at its first
//! and last blank. Everything else is left to [`scan`](super::scan), and by it to the exact reading.

use memchr::{memchr, memrchr};

use crate::format::template::{Class, Step, Template};
use crate::format::value;
use crate::record::{Field, Kind, Layout};
use crate::scan::{MAX_MARKS, Marks, Shape};

/// Where a value begins or ends: so many bytes behind (or before) a mark, or at the line's own ends.
#[derive(Debug, Clone, Copy)]
struct Edge {
    mark: Option<usize>,
    distance: usize,
}

/// One value between two edges.
#[derive(Debug)]
struct Value {
    field: Option<Field>,
    class: Class,
    /// It stands between quotes, so it may hold blanks that are no marks.
    quoted: bool,
    from: Edge,
    to: Edge,
}

/// A format as a pattern of marks.
#[derive(Debug)]
pub(super) struct Shaped {
    shape: Shape,
    values: Vec<Value>,
    /// The quote that opens the request: method, path and protocol.
    request: usize,
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
    pub(super) fn read(&self, line: &[u8], marks: &Marks, layout: &mut Layout) -> bool {
        if marks.shape() != self.shape
            || !self.literals_fit(line, marks)
            || !self.request(line, marks, layout)
        {
            return false;
        }
        for value in &self.values {
            let start = value.from.mark.map_or(0, |m| marks.at(m) + 1) + value.from.distance;
            let end = value.to.mark.map_or(line.len(), |m| marks.at(m).saturating_sub(value.to.distance));
            let Some(text) = line.get(start..end) else { return false };
            if !value.is_ordinary(text) {
                return false;
            }
            if let Some(field) = value.field {
                layout.set(field, start..end);
            }
        }
        true
    }

    /// Method up to the first blank, protocol behind the last one, the path between.
    #[inline]
    fn request(&self, line: &[u8], marks: &Marks, layout: &mut Layout) -> bool {
        let (start, end) = (marks.at(self.request) + 1, marks.at(self.request + 1));
        let Some(text) = line.get(start..end) else { return false };
        if text == b"- - -" {
            layout.kind = Kind::Tcp;
        }
        let (Some(first), Some(last)) = (memchr(b' ', text), memrchr(b' ', text)) else { return false };
        let method = first <= Class::Token.longest();
        // A blank at the start of the path looks like the end of the method.
        let path = first < last && text[first + 1] != b' ';
        if !method || !path || !value::is_protocol(&text[last + 1..]) {
            return false;
        }
        layout.set(Field::Method, start..start + first);
        layout.set(Field::Path, start + first + 1..start + last);
        layout.set(Field::Protocol, start + last + 1..end);
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

impl Value {
    /// True for a value that the exact reading would take as it stands.
    #[inline]
    fn is_ordinary(&self, text: &[u8]) -> bool {
        text.len() <= self.class.longest()
            && match self.class {
                // No mark in it, so no blank outside quotes, and no bracket that a blank could have cut.
                Class::Token if !self.quoted => true,
                Class::Free => text.first() != Some(&b' '),
                Class::Details => {
                    !self.quoted && value::is_details(text) && !super::scan::opens_bracket(text)
                }
                class => class.accepts(text),
            }
    }
}

#[derive(Default)]
struct Builder {
    /// True for a quote; and whether the next mark is right behind it.
    marks: Vec<(bool, bool)>,
    quoted: bool,
    values: Vec<Value>,
    request: Option<usize>,
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
            self.request = Some(from.mark?);
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
        let Step { field, class, .. } = steps[n];
        if class == Class::Glued || class == Class::OwnTime {
            return None;
        }
        self.values.push(Value { field, class, quoted: self.quoted, from, to });
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
        let Builder { values, request, fixed, fixed_before, .. } = self;
        Some(Shaped { shape, values, request: request?, fixed, fixed_before })
    }
}
