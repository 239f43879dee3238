//! Rows of records that are alike.
//!
//! Most lines of a log are like one before them in every byte that says what the record means. The row of such a record is
//! that of the one before, but for the time, what is counted and what the client chose: so it is kept as it was written, open
//! where those values stand, and for each further line only they are written. Whatever needs an escape is left to the
//! ordinary way.

use super::plain::is_seen;
use super::{Form, Origin, csv, is_number, ndjson};
use crate::format::Glance;
use crate::record::{Field, Kind, Record};

/// A row that is longer goes the ordinary way.
const LONGEST_ROW: usize = 16 << 10;

/// Two numbers, and signs around values.
const SLACK: usize = 128;

/// The row of records with the same telling bytes, open where their values differ.
#[derive(Debug, Default)]
pub struct Alike {
    /// What else has to be the same, beside the telling bytes.
    source: Box<str>,
    shape: (Kind, bool),
    /// The fields that differ.
    fields: Vec<Field>,
    /// What stays, end to end.
    text: Vec<u8>,
    /// Where values go. None as long as no record was rendered.
    gaps: Vec<Gap>,
}

/// A place for a value.
#[derive(Debug)]
struct Gap {
    /// Where the text before it ends.
    end: usize,
    /// Which of the fields.
    at: usize,
    number: bool,
}

impl Alike {
    /// What decides of a row beside the telling bytes: a connection with bytes both ways ended otherwise than one without.
    fn shape(glance: &Glance<'_>) -> (Kind, bool) {
        let numbers = &glance.numbers;
        (glance.kind, glance.kind == Kind::Tcp && numbers.received > 0 && numbers.sent > 0)
    }

    #[inline]
    fn suits(&self, glance: &Glance<'_>, origin: &Origin<'_>) -> bool {
        self.shape == Alike::shape(glance) && *self.source == *origin.source
    }

    /// The next record is to be rendered for lines like this one.
    #[cold]
    fn expect(&mut self, glance: &Glance<'_>, origin: &Origin<'_>) {
        self.source = origin.source.into();
        self.shape = Alike::shape(glance);
        self.fields = glance.rest.fields().collect();
        self.gaps.clear();
    }

    /// Renders a record of lines that were announced.
    pub(super) fn learn(&mut self, form: Form, record: &Record<'_>, origin: &Origin<'_>) {
        let Alike { fields, text, gaps, .. } = self;
        if !gaps.is_empty() || fields.is_empty() {
            return;
        }
        text.clear();
        let gap = |field, end| {
            let at = fields.iter().position(|changing| *changing == field);
            gaps.extend(at.map(|at| Gap { end, at, number: is_number(field) }));
            at.is_some()
        };
        match form {
            Form::Ndjson => ndjson::skeleton(record, origin, gap, text),
            Form::Csv => csv::skeleton(record, origin, gap, text),
            Form::Raw => {}
        }
    }

    /// The row of a line; `None` when it has to go the ordinary way.
    #[inline]
    pub(super) fn row<'r, const JSON: bool>(
        &mut self,
        glance: &Glance<'_>,
        origin: &Origin<'_>,
        row: &'r mut Row,
    ) -> Option<&'r [u8]> {
        if !self.suits(glance, origin) {
            self.expect(glance, origin);
            return None;
        }
        let line = glance.rest.line;
        // A quote can only stand where the format has one: they were counted.
        let room = self.text.len() + 2 * line.len() + SLACK <= LONGEST_ROW;
        if self.gaps.is_empty() || !room || !is_seen::<JSON>(line) {
            return None;
        }
        let comma = !JSON && memchr::memchr(b',', line).is_some();
        row.len = 0;
        let mut start = 0;
        for gap in &self.gaps {
            row.put(self.text.get(start..gap.end)?)?;
            start = gap.end;
            let value = glance.rest.value(gap.at)?;
            match value {
                b"-" if JSON => row.put(b"null")?,
                b"-" => {}
                _ if JSON && gap.number => row.put(ndjson::whole_number(value)?)?,
                _ if JSON => row.quoted(value)?,
                _ if csv::is_formula(value) => return None,
                _ if comma && memchr::memchr(b',', value).is_some() => row.quoted(value)?,
                _ => row.put(value)?,
            }
        }
        row.put(self.text.get(start..)?)?;
        row.number(origin.line)?;
        row.put(if JSON { ndjson::BEFORE_OFFSET } else { csv::BEFORE_OFFSET })?;
        row.number(origin.offset)?;
        row.put(if JSON { ndjson::END } else { csv::END })?;
        row.bytes.get(..row.len)
    }
}

/// A row under way.
#[derive(Debug)]
pub(super) struct Row {
    bytes: Box<[u8]>,
    len: usize,
}

impl Default for Row {
    fn default() -> Row {
        Row { bytes: vec![0; LONGEST_ROW].into(), len: 0 }
    }
}

impl Row {
    #[inline(always)]
    fn put(&mut self, text: &[u8]) -> Option<()> {
        let to = self.bytes.get_mut(self.len..self.len + text.len())?;
        self.len += text.len();
        to.copy_from_slice(text);
        Some(())
    }

    #[inline(always)]
    fn quoted(&mut self, text: &[u8]) -> Option<()> {
        self.put(b"\"")?;
        self.put(text)?;
        self.put(b"\"")
    }

    fn number(&mut self, number: u64) -> Option<()> {
        let mut digits = [0; 20];
        self.put(super::digits(number, &mut digits))
    }
}
