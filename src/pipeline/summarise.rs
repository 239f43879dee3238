//! The corridor's two uses: inputs become a [`Summary`], or records written out.

use std::io::Write;

use super::join::{Again, join};
use super::{Fold, Options, Outcome, Part, Place, Progress, Seen, run};
use crate::aggregate::{By, Caps, Detail, Summary, Tally};
use crate::emit::{Form, Origin};
use crate::error::{ErrorKind, Result};
use crate::format::{Glance, Reader};
use crate::input::Input;
use crate::join::Join;
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
pub(super) struct Counting<'f> {
    filter: &'f Filter,
    tally: Tally,
    join: Join,
    passed: Passed,
}

impl<'f> Counting<'f> {
    fn new(filter: &'f Filter, tally: Tally) -> Counting<'f> {
        Counting { filter, tally, join: Join::default(), passed: Passed::default() }
    }
}

impl Fold for Counting<'_> {
    const NUMBERED: bool = false;

    fn glances(&self) -> bool {
        self.filter.is_empty() && self.tally.can_glance()
    }

    #[inline(always)]
    fn glance(&mut self, glance: &Glance<'_>) -> bool {
        let counted = self.tally.glance(glance);
        self.passed.access += u64::from(counted);
        counted
    }

    #[inline]
    fn see(&mut self, seen: &Seen<'_>, place: &Place<'_>) {
        let Place { source, line, offset, raw, .. } = *place;
        match seen {
            Seen::Record(record) => {
                if self.passed.admits(self.filter, record)
                    && let Some(symptom) = self.tally.record(record, source, line, offset, raw)
                {
                    self.join.see(record, symptom, place.name, place.at());
                }
            }
            Seen::Proxy(proxy) => self.tally.proxy(proxy, source, line, offset, raw),
            Seen::Other => self.tally.other(),
            Seen::Reject(reject) => self.tally.reject(*reject, source, line, offset, raw),
        }
    }

    fn weight(&self) -> usize {
        self.tally.weight() + self.join.weight()
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
    let mut whole = Whole::default();
    let make = || Counting::new(filter, Tally::grouping(by));
    let outcome = run(inputs, reader, make, options, progress, |part: Part<Counting<'_>>| {
        whole.add(part.fold, part.first_line);
        Ok(())
    })?;
    join(whole.join, &mut whole.summary, &outcome, &Again { inputs, reader, filter, options, progress })?;
    Ok((whole.summary, whole.passed, outcome))
}

/// Counts the records that pass the filter, in detail.
pub(super) struct CountingMore<'f> {
    pub(super) counting: Counting<'f>,
    pub(super) detail: Detail,
}

impl<'f> CountingMore<'f> {
    pub(super) fn new(filter: &'f Filter, by: &[By]) -> CountingMore<'f> {
        CountingMore { counting: Counting::new(filter, Tally::grouping(by)), detail: Detail::default() }
    }

    /// Whether a line is no record that the filter leaves out.
    pub(super) fn admits(&mut self, seen: &Seen<'_>, place: &Place<'_>) -> bool {
        let left_out = self.counting.passed.left_out;
        self.see(seen, place);
        self.counting.passed.left_out == left_out
    }
}

impl Fold for CountingMore<'_> {
    const NUMBERED: bool = false;

    fn see(&mut self, seen: &Seen<'_>, place: &Place<'_>) {
        let left_out = self.counting.passed.left_out;
        self.counting.see(seen, place);
        if let Seen::Record(record) = seen
            && self.counting.passed.left_out == left_out
        {
            self.detail.record(record);
        }
    }

    fn weight(&self) -> usize {
        self.counting.weight() + self.detail.weight()
    }
}

/// Like [`summarise`], with the details that only a report asks for.
///
/// # Errors
/// None of its own: what cannot be read is in [`Outcome::failures`].
pub fn summarise_in_detail(
    inputs: &[Input],
    reader: &Reader,
    filter: &Filter,
    options: &Options,
    progress: Option<&Progress>,
) -> Result<(Summary, Detail, Passed, Outcome)> {
    let mut whole = Whole::default();
    let mut detail = Detail::default();
    let make = || CountingMore::new(filter, &[]);
    let outcome = run(inputs, reader, make, options, progress, |part: Part<CountingMore<'_>>| {
        whole.add(part.fold.counting, part.first_line);
        detail.merge(part.fold.detail);
        Ok(())
    })?;
    join(whole.join, &mut whole.summary, &outcome, &Again { inputs, reader, filter, options, progress })?;
    Ok((whole.summary, detail, whole.passed, outcome))
}

/// The latest start of a record.
#[derive(Default)]
struct Latest(Option<i64>);

impl Fold for Latest {
    const NUMBERED: bool = false;

    #[inline]
    fn see(&mut self, seen: &Seen<'_>, _: &Place<'_>) {
        if let Seen::Record(record) = seen {
            self.0 = self.0.max(record.start_us());
        }
    }
}

/// When the last of all records started, microseconds since 1970; `None` without one that has a time.
///
/// # Errors
/// None of its own: what cannot be read is passed over, as the reading that follows names it.
pub fn last_start(inputs: &[Input], reader: &Reader, options: &Options) -> Result<Option<i64>> {
    let mut last = None;
    run(inputs, reader, Latest::default, options, None, |part: Part<Latest>| {
        last = last.max(part.fold.0);
        Ok(())
    })?;
    Ok(last)
}

/// Counts that pass the filter before and from a moment on, apart.
struct CountingSides<'f> {
    at_us: i64,
    sides: [Counting<'f>; 2],
    /// Where lines without a time go: where the last record with one went.
    side: usize,
}

impl Fold for CountingSides<'_> {
    const NUMBERED: bool = false;

    fn see(&mut self, seen: &Seen<'_>, place: &Place<'_>) {
        let time_us = match seen {
            Seen::Record(record) => record.start_us(),
            Seen::Proxy(proxy) => proxy.time_us,
            Seen::Other | Seen::Reject(_) => None,
        };
        if let Some(us) = time_us {
            self.side = usize::from(us >= self.at_us);
        }
        self.sides[self.side].see(seen, place);
    }

    fn weight(&self) -> usize {
        self.sides.iter().map(Fold::weight).sum()
    }
}

/// Counts the records before a moment and those from it on apart, in one reading.
///
/// # Errors
/// None of its own: what cannot be read is in [`Outcome::failures`].
pub fn summarise_sides(
    inputs: &[Input],
    reader: &Reader,
    filter: &Filter,
    at_us: i64,
    options: &Options,
    progress: Option<&Progress>,
) -> Result<([(Summary, Passed); 2], Outcome)> {
    let mut wholes = [Whole::default(), Whole::default()];
    let counting = || Counting::new(filter, Tally::default());
    let make = || CountingSides { at_us, sides: [counting(), counting()], side: 0 };
    let outcome = run(inputs, reader, make, options, progress, |part: Part<CountingSides<'_>>| {
        for (whole, side) in wholes.iter_mut().zip(part.fold.sides) {
            whole.add(side, part.first_line);
        }
        Ok(())
    })?;
    Ok((wholes.map(|whole| (whole.summary, whole.passed)), outcome))
}

/// Parts, put together.
#[derive(Default)]
pub(super) struct Whole {
    pub(super) summary: Summary,
    pub(super) join: Join,
    pub(super) passed: Passed,
}

impl Whole {
    pub(super) fn add(&mut self, mut part: Counting<'_>, first_line: u64) {
        part.join.shift_lines(first_line);
        self.join.merge(part.join);
        self.passed.add(part.passed);
        let mut later = part.tally.finish();
        later.shift_lines(first_line);
        // Records left out by the filter are lines all the same.
        later.lines.total += part.passed.left_out;
        later.lines.access += part.passed.left_out;
        self.summary.merge(later, &Caps::default());
    }
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
