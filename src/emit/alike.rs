//! Rows of records that are alike.
//!
//! Most lines of a log are like one before them in every byte that says what the record means. The row of such a record is
//! that of the one before, but for the time, what is counted and what the client chose: so it is kept as it was written, open
//! where those values stand, and for each further line only they are written. Whatever needs an escape is left to the
//! ordinary way.

use super::page::{Page, Row};
use super::plain::is_seen;
use super::{Form, Origin, csv, is_number, ndjson};
use crate::format::Glance;
use crate::record::{Field, Kind, Record};

/// A row that is longer goes the ordinary way.
const LONGEST_ROW: usize = 16 << 10; // an end fits into 16 bits

/// Two numbers, and what stands around them.
const NUMBERS: usize = 64;
/// Quotes around a value, or `null` for a hyphen.
const AROUND: usize = 3;

/// The row of records with the same telling bytes, open where their values differ. There are many of them: the smaller they
/// are, the fewer have to be fetched into the cache again.
#[derive(Debug, Default)]
pub struct Alike {
    /// What else has to be the same, beside the telling bytes.
    source: Option<u32>,
    shape: (Kind, bool),
    /// The fields that differ.
    fields: Box<[Field]>,
    /// What stays, end to end.
    text: Vec<u8>,
    /// Where values go. None as long as no record was rendered.
    gaps: Vec<Gap>,
}

/// A place for a value.
#[derive(Debug)]
struct Gap {
    /// Where the text before it ends.
    end: u16,
    /// Which of the fields.
    at: u8,
    number: bool,
}

impl Alike {
    /// What decides of a row beside the telling bytes: a connection with bytes both ways ended otherwise than one without.
    fn shape(glance: &Glance<'_>) -> (Kind, bool) {
        (glance.kind, glance.kind == Kind::Tcp && glance.received() > 0 && glance.sent() > 0)
    }

    #[inline]
    fn suits(&self, glance: &Glance<'_>, origin: &Origin<'_>) -> bool {
        self.shape == Alike::shape(glance) && self.source == Some(origin.source_number)
    }

    /// The next record is to be rendered for lines like this one.
    #[cold]
    fn expect(&mut self, glance: &Glance<'_>, origin: &Origin<'_>) {
        self.source = Some(origin.source_number);
        self.shape = Alike::shape(glance);
        self.fields = glance.fields().collect();
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
            // Behind an end that is too far the row is too long, and nobody looks at its gaps.
            let end = u16::try_from(end).unwrap_or(u16::MAX);
            gaps.extend(at.map(|at| Gap { end, at: at as u8, number: is_number(field) }));
            at.is_some()
        };
        match form {
            Form::Ndjson => ndjson::skeleton(record, origin, gap, text),
            Form::Csv => csv::skeleton(record, origin, gap, text),
            Form::Raw => {}
        }
    }

    /// Writes the row of a line; false when it has to go the ordinary way.
    #[inline]
    pub(super) fn write<const JSON: bool>(
        &mut self,
        glance: &Glance<'_>,
        origin: &Origin<'_>,
        page: &mut Page,
    ) -> bool {
        if !self.suits(glance, origin) {
            self.expect(glance, origin);
            return false;
        }
        let line = glance.line;
        let room = self.text.len() + line.len() + AROUND * self.gaps.len() + NUMBERS;
        // A quote can only stand where the format has one: they were counted.
        if self.gaps.is_empty() || room > LONGEST_ROW || !is_seen::<JSON>(line) {
            return false;
        }
        page.row(room, |row| self.fill::<JSON>(glance, origin, row)).is_some()
    }

    #[inline(always)]
    fn fill<const JSON: bool>(
        &self,
        glance: &Glance<'_>,
        origin: &Origin<'_>,
        row: &mut Row<'_>,
    ) -> Option<()> {
        let line = glance.line;
        let comma = !JSON && memchr::memchr(b',', line).is_some();
        let mut start = 0;
        for gap in &self.gaps {
            let end = usize::from(gap.end);
            row.piece(&self.text, start..end)?;
            start = end;
            let place = glance.place(gap.at.into())?;
            let value = line.get(place.clone())?;
            let quoted = match value {
                b"-" if JSON => {
                    row.put(b"null")?;
                    continue;
                }
                b"-" => continue,
                _ if JSON && gap.number && ndjson::is_whole_number(line, place.clone()) => false,
                _ if JSON && gap.number => return None,
                _ if JSON => true,
                _ if csv::is_formula(value) => return None,
                _ => comma && memchr::memchr(b',', value).is_some(),
            };
            if quoted {
                row.byte(b'"')?;
            }
            row.piece(line, place)?;
            if quoted {
                row.byte(b'"')?;
            }
        }
        row.put(self.text.get(start..)?)?;
        row.number(origin.line)?;
        row.put(if JSON { ndjson::BEFORE_OFFSET } else { csv::BEFORE_OFFSET })?;
        row.number(origin.offset)?;
        row.put(if JSON { ndjson::END } else { csv::END })
    }
}
