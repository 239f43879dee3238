//! The corridor's two uses: inputs become a [`Summary`], or records written out.

use std::io::Write;

use super::{Fold, Options, Outcome, Part, Place, Progress, Seen, run};
use crate::aggregate::{By, Caps, Summary, Tally};
use crate::emit::{Form, Origin};
use crate::error::{ErrorKind, Result};
use crate::format::Reader;
use crate::input::Input;
use crate::query::Filter;

/// What the filter did, and how many access records there were before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Passed {
    /// Access records read.
    pub access: u64,
    /// Access records left out.
    pub left_out: u64,
    /// Of these, records without a time that a condition on time left out.
    pub untimed: u64,
}

impl Passed {
    /// Decides on a record, and counts.
    #[inline]
    fn admits(&mut self, filter: &Filter, record: &crate::record::Record<'_>) -> bool {
        self.access += 1;
        if filter.is_empty() || filter.keeps(record) {
            return true;
        }
        self.left_out += 1;
        self.untimed += u64::from(filter.needs_time() && record.start_us().is_none());
        false
    }

    fn add(&mut self, later: Passed) {
        self.access += later.access;
        self.left_out += later.left_out;
        self.untimed += later.untimed;
    }
}

/// Counts the records that pass the filter.
struct Counting<'f> {
    filter: &'f Filter,
    tally: Tally,
    passed: Passed,
}

impl Fold for Counting<'_> {
    const NUMBERED: bool = false;

    #[inline]
    fn see(&mut self, seen: &Seen<'_>, place: &Place<'_>) {
        let Place { source, line, offset, raw, .. } = *place;
        match seen {
            Seen::Record(record) => {
                if self.passed.admits(self.filter, record) {
                    self.tally.record(record, source, line, offset, raw);
                }
            }
            Seen::Proxy(proxy) => self.tally.proxy(proxy, source, line, offset, raw),
            Seen::Other => self.tally.other(),
            Seen::Reject(reject) => self.tally.reject(*reject, source, line, offset, raw),
        }
    }
}

/// Counts all lines of the inputs; of the records, those that pass the filter.
///
/// # Errors
/// None of its own: what cannot be read is in [`Outcome::failures`].
pub fn summarise(
    inputs: &[Input],
    reader: &Reader,
    filter: &Filter,
    options: &Options,
    progress: Option<&Progress>,
) -> Result<(Summary, Passed, Outcome)> {
    summarise_by(inputs, reader, filter, &[], options, progress)
}

/// As [`summarise`], and the records are grouped by some of their values.
///
/// # Errors
/// As [`summarise`].
pub fn summarise_by(
    inputs: &[Input],
    reader: &Reader,
    filter: &Filter,
    by: &[By],
    options: &Options,
    progress: Option<&Progress>,
) -> Result<(Summary, Passed, Outcome)> {
    let mut summary = Summary::default();
    let mut passed = Passed::default();
    let caps = Caps::default();
    let make = || Counting { filter, tally: Tally::grouping(by), passed: Passed::default() };
    let outcome = run(inputs, reader, make, options, progress, |part: Part<Counting<'_>>| {
        passed.add(part.fold.passed);
        let mut later = part.fold.tally.finish();
        later.shift_lines(part.first_line);
        // Records left out by the filter are lines all the same.
        later.lines.total += part.fold.passed.left_out;
        later.lines.access += part.fold.passed.left_out;
        summary.merge(later, &caps);
        Ok(())
    })?;
    Ok((summary, passed, outcome))
}

/// Writes the records that pass the filter.
struct Writing<'f, const NUMBERED: bool> {
    filter: &'f Filter,
    form: Form,
    out: Vec<u8>,
    passed: Passed,
}

impl<const N: bool> Fold for Writing<'_, N> {
    const NUMBERED: bool = N;

    #[inline]
    fn see(&mut self, seen: &Seen<'_>, place: &Place<'_>) {
        if let Seen::Record(record) = seen
            && self.passed.admits(self.filter, record)
        {
            let Place { name, line, offset, raw, .. } = *place;
            self.form.write(record, &Origin { source: name, line, offset, raw }, &mut self.out);
        }
    }

    fn weight(&self) -> usize {
        self.out.len()
    }
}

/// Writes the records that pass the filter, in input order.
///
/// # Errors
/// When the writer fails. What cannot be read is in [`Outcome::failures`].
pub fn rewrite(
    inputs: &[Input],
    reader: &Reader,
    filter: &Filter,
    form: Form,
    options: &Options,
    progress: Option<&Progress>,
    out: &mut dyn Write,
) -> Result<(Passed, Outcome)> {
    out.write_all(&form.head()).map_err(ErrorKind::Write)?;
    match form.is_numbered() {
        true => write_all::<true>(inputs, reader, filter, form, options, progress, out),
        false => write_all::<false>(inputs, reader, filter, form, options, progress, out),
    }
}

fn write_all<const NUMBERED: bool>(
    inputs: &[Input],
    reader: &Reader,
    filter: &Filter,
    form: Form,
    options: &Options,
    progress: Option<&Progress>,
    out: &mut dyn Write,
) -> Result<(Passed, Outcome)> {
    let mut passed = Passed::default();
    let make = || Writing::<NUMBERED> { filter, form, out: Vec::new(), passed: Passed::default() };
    let outcome = run(inputs, reader, make, options, progress, |part: Part<Writing<'_, NUMBERED>>| {
        passed.add(part.fold.passed);
        out.write_all(&part.fold.out).map_err(ErrorKind::Write)?;
        Ok(())
    })?;
    Ok((passed, outcome))
}
