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

/// Where a value begins: so many bytes behind an edge of the line's [`Marks`]; or ends: so many before one.
#[derive(Debug, Clone, Copy)]
struct Edge {
    number: u8,
    distance: u8,
}

/// One value between two edges.
#[derive(Debug, Clone, Copy)]
struct Value {
    field: Field,
    from: Edge,
    to: Edge,
}

/// Longer lines may hold values that are too long for their class.
const LONGEST_LINE: usize = 4096;

/// A format as a pattern of marks.
#[derive(Debug)]
pub(super) struct Shaped {
    shape: Shape,
    /// Values that any text without a mark can be.
    plain: Vec<Value>,
    /// Values that can be anything but must not start with a blank.
    free: Vec<Value>,
    /// Values that must look like their class.
    classed: Vec<(Value, Class)>,
    /// Values that no field holds.
    unused: Vec<(Value, Class)>,
    /// The edge that opens the request: method, path and protocol.
    request: u8,
    /// Literal bytes that are no marks, behind an edge.
    fixed: Vec<(Edge, u8)>,
    /// The same, before an edge.
    fixed_before: Vec<(Edge, u8)>,
    /// All fields that it fills.
    fields: u64,
}

impl Shaped {
    /// `None` for formats that have more between two quotes than one value or the request.
    pub(super) fn of(template: &Template) -> Option<Shaped> {
        let mut builder = Builder::default();
        builder.literal(&template.lead)?;
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
            || line.len() > LONGEST_LINE
            || !self.literals_fit(line, marks)
            || !self.request(line, marks, layout)
        {
            return false;
        }
        for value in &self.plain {
            layout.place(value.field, value.from.behind(marks), value.to.before(marks));
        }
        for value in &self.free {
            let start = value.from.behind(marks);
            if line.get(start) == Some(&b' ') {
                return false;
            }
            layout.place(value.field, start, value.to.before(marks));
        }
        for (value, class) in &self.classed {
            let (start, end) = (value.from.behind(marks), value.to.before(marks));
            if !line.get(start..end).is_some_and(|text| is_ordinary(*class, text)) {
                return false;
            }
            layout.place(value.field, start, end);
        }
        for (value, class) in &self.unused {
            let text = line.get(value.from.behind(marks)..value.to.before(marks));
            if !text.is_some_and(|text| is_ordinary(*class, text)) {
                return false;
            }
        }
        layout.announce(self.fields);
        layout.regular = true;
        true
    }

    /// Method up to the first blank, protocol behind the last one, the path between.
    #[inline]
    fn request(&self, line: &[u8], marks: &Marks, layout: &mut Layout) -> bool {
        let (start, end) = (marks.behind(self.request), marks.edge(self.request + 1));
        let Some(text) = line.get(start..end) else { return false };
        if text == b"- - -" {
            layout.kind = Kind::Tcp;
        }
        let (Some(first), Some(last)) = (memchr(b' ', text), memrchr(b' ', text)) else { return false };
        // A blank at the start of the path looks like the end of the method.
        let path = first < last && text[first + 1] != b' ';
        if !path || !value::is_protocol(&text[last + 1..]) {
            return false;
        }
        layout.place(Field::Method, start, start + first);
        layout.place(Field::Path, start + first + 1, start + last);
        layout.place(Field::Protocol, start + last + 1, end);
        true
    }

    #[inline]
    fn literals_fit(&self, line: &[u8], marks: &Marks) -> bool {
        self.fixed.iter().all(|(edge, byte)| line.get(edge.behind(marks)) == Some(byte))
            && self.fixed_before.iter().all(|(edge, byte)| line.get(edge.before(marks)) == Some(byte))
    }
}

impl Edge {
    #[inline]
    fn behind(self, marks: &Marks) -> usize {
        marks.behind(self.number) + self.distance as usize
    }

    #[inline]
    fn before(self, marks: &Marks) -> usize {
        marks.edge(self.number).wrapping_sub(self.distance as usize)
    }
}

/// True for a value that the exact reading would take as it stands.
#[inline]
fn is_ordinary(class: Class, text: &[u8]) -> bool {
    match class {
        Class::Token => memchr(b' ', text).is_none(),
        Class::Free => text.first() != Some(&b' '),
        // A bracket that a blank may have cut is no ordinary one.
        Class::Details => class.accepts(text) && !super::scan::opens_bracket(text),
        Class::Time | Class::Protocol | Class::Code | Class::Flags | Class::Count | Class::Number => {
            text.len() <= class.longest() && class.accepts(text)
        }
        _ => class.accepts(text),
    }
}

#[derive(Default)]
struct Builder {
    /// True for a quote; and whether the next mark is right behind it.
    marks: Vec<(bool, bool)>,
    quoted: bool,
    plain: Vec<Value>,
    free: Vec<Value>,
    classed: Vec<(Value, Class)>,
    unused: Vec<(Value, Class)>,
    request: Option<u8>,
    fixed: Vec<(Edge, u8)>,
    fixed_before: Vec<(Edge, u8)>,
    fields: u64,
    /// Where the next value starts.
    from: Option<Edge>,
}

impl Builder {
    /// Adds a literal that stands behind a value (or leads the line): its marks, and the bytes around them. `None` for
    /// one that is too long for this kind of reading.
    fn literal(&mut self, text: &[u8]) -> Option<()> {
        let leads = self.from.is_none();
        // The edge that the next byte stands behind: the line's start, or a mark of this literal.
        let mut edge = leads.then_some(0u8);
        let mut before_first_mark: Vec<u8> = Vec::new();
        let mut distance = 0u8;
        for &byte in text {
            let mark = byte == b'"' || (byte == b' ' && !self.quoted);
            self.quoted ^= byte == b'"';
            if !mark {
                match edge {
                    Some(number) => self.fixed.push((Edge { number, distance }, byte)),
                    None => before_first_mark.push(byte),
                }
                distance = distance.checked_add(1)?;
                continue;
            }
            if distance == 0 && edge.is_some_and(|number| number > 0) {
                self.marks.last_mut()?.1 = true;
            }
            self.marks.push((byte == b'"', false));
            let number = u8::try_from(self.marks.len()).ok()?;
            for (back, &byte) in before_first_mark.iter().rev().enumerate() {
                self.fixed_before.push((Edge { number, distance: u8::try_from(back + 1).ok()? }, byte));
            }
            before_first_mark.clear();
            edge = Some(number);
            distance = 0;
        }
        // Bytes behind a value with no mark among them: nothing says where the value ends.
        if !before_first_mark.is_empty() {
            return None;
        }
        self.from = edge.map(|number| Edge { number, distance }).or(self.from);
        Some(())
    }

    /// Adds the value of step `n` (or the request that starts there); returns how many steps it took.
    fn value(&mut self, template: &Template, n: usize) -> Option<usize> {
        let steps = &template.steps;
        let from = self.from?;
        let field = |k: usize| steps.get(n + k).and_then(|step| step.field);
        let blank_behind = |k: usize| steps.get(n + k).is_some_and(|step| step.literal == b" ");
        if self.quoted && from.distance == 0 && field(0) == Some(Field::Method) && blank_behind(0) {
            let whole = field(1) == Some(Field::Path) && blank_behind(1) && field(2) == Some(Field::Protocol);
            let closes = whole && steps[n + 2].literal.first() == Some(&b'"');
            self.request = Some(from.number);
            self.fields |= Field::Method.bit() | Field::Path.bit() | Field::Protocol.bit();
            self.literal(&steps.get(n + 2)?.literal)?;
            return closes.then_some(3);
        }
        let Step { field, class, ref literal, .. } = steps[n];
        let distance = match literal.iter().position(|&b| b == b'"' || (b == b' ' && !self.quoted)) {
            Some(distance) => u8::try_from(distance).ok()?,
            None if n + 1 == steps.len() && literal.is_empty() => 0,
            None => return None,
        };
        let to = Edge { number: u8::try_from(self.marks.len() + 1).ok()?, distance };
        let value = Value { field: field.unwrap_or(Field::StartTime), from, to };
        match (field, class) {
            // What they look like is told by more than quotes and blanks.
            (_, Class::Glued | Class::OwnTime) => return None,
            (_, Class::Details) if self.quoted => return None,
            (None, class) => self.unused.push((value, class)),
            (Some(_), Class::Token) if !self.quoted => self.plain.push(value),
            (Some(_), Class::Free) => self.free.push(value),
            (Some(_), class) => self.classed.push((value, class)),
        }
        self.fields |= field.map_or(0, Field::bit);
        self.literal(literal)?;
        Some(1)
    }

    fn finish(self) -> Option<Shaped> {
        if self.marks.len() > MAX_MARKS || self.quoted {
            return None;
        }
        let bits = |pick: fn(&(bool, bool)) -> bool| {
            self.marks.iter().enumerate().fold(0u64, |bits, (n, mark)| bits | u64::from(pick(mark)) << n)
        };
        let shape = Shape { len: self.marks.len(), quotes: bits(|m| m.0), adjacent: bits(|m| m.1) };
        let Builder { plain, free, classed, unused, request, fixed, fixed_before, fields, .. } = self;
        Some(Shaped { shape, plain, free, classed, unused, request: request?, fixed, fixed_before, fields })
    }
}
