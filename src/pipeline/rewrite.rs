//! The corridor's second use: the records that pass the filter, written out in input order.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use super::missed::Missed;
use super::summarise::refuse;
use super::{Fold, Options, Outcome, Part, Passed, Place, Progress, Seen, run};
use crate::aggregate::{Glimpse, Trusted};
#[cfg(feature = "parquet")]
use crate::emit::{Columns, ParquetFile};
use crate::emit::{Form, Lines, Origin, Sheet};
use crate::error::{ErrorKind, Result};
use crate::format::{Glance, Reader};
use crate::input::Input;
use crate::query::Filter;

/// Collects the records that pass the filter.
struct Writing<'f, S: Sheet> {
    filter: &'f Filter,
    sheet: S,
    passed: Passed,
    missed: Missed,
    trusted: Trusted<S::Note>,
    /// The line to come is one of those.
    known: bool,
    /// The sheet would have copied it, but knew too little.
    wanted: bool,
}

impl<'f, S: Sheet> Writing<'f, S> {
    fn new(filter: &'f Filter, sheet: S, trusted: Trusted<S::Note>) -> Self {
        let (passed, missed) = (Passed::default(), Missed::default());
        Writing { filter, sheet, passed, missed, trusted, known: false, wanted: false }
    }
}

impl<S: Sheet> Fold for Writing<'_, S> {
    // Raw lines carry no number, but they wait for their turn as others do: small blocks are better than long chunks.
    const NUMBERED: bool = true;

    fn glances(&self) -> bool {
        true
    }

    #[inline]
    fn glance(&mut self, glance: &Glance<'_>, place: Option<&Place<'_>>) -> Glimpse {
        let note = self.trusted.find(glance);
        self.known = note.is_some();
        let Some(note) = note else { return Glimpse::Unknown };
        if let Some(place) = place.filter(|_| self.filter.is_empty()) {
            if self.sheet.copy(note, glance, &origin(place)) {
                self.passed.unasked();
                return Glimpse::Counted;
            }
            self.wanted = true;
        }
        Glimpse::Known
    }

    #[inline]
    fn see(&mut self, seen: &Seen<'_>, place: &Place<'_>) {
        let (known, wanted) = (std::mem::take(&mut self.known), std::mem::take(&mut self.wanted));
        if let Seen::Record(record) = seen {
            let origin = origin(place);
            if !known {
                self.trusted.note(record);
            } else if wanted && let Some(note) = self.trusted.find_record(record) {
                self.sheet.learn(note, record, &origin);
            }
            if !self.passed.admits(self.filter, record) {
                return self.missed.note(self.filter, record);
            }
            self.sheet.add(record, &origin);
        }
    }

    fn weight(&self) -> usize {
        self.sheet.weight()
    }

    fn is_full(&self, share: usize) -> bool {
        self.weight() > share.min(S::FULL_BYTES)
    }
}

fn origin<'a>(place: &Place<'a>) -> Origin<'a> {
    let Place { source, name, line, offset, raw, .. } = *place;
    Origin { source: name, source_number: source, line, offset, raw }
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
    // Buffers that were written are used again: the system would clear new ones.
    let spare = &Mutex::new(Vec::new());
    let buffers = || spare.lock().unwrap_or_else(PoisonError::into_inner);
    let make = || Lines::new(form, buffers().pop().unwrap_or_default());
    let mut write = |lines: Lines| {
        out.write_all(lines.text()).map_err(ErrorKind::Write)?;
        buffers().push(lines.into_buffer());
        Ok(())
    };
    fill(inputs, reader, filter, options, progress, make, &mut write)
}

/// Fills sheets, and passes them on in input order.
fn fill<S: Sheet>(
    inputs: &[Input],
    reader: &Reader,
    filter: &Filter,
    options: &Options,
    progress: Option<&Progress>,
    make: impl Fn() -> S + Sync,
    write: &mut dyn FnMut(S) -> Result<()>,
) -> Result<(Passed, Outcome)> {
    let (mut passed, mut missed) = (Passed::default(), Missed::default());
    // What was learned in one part goes for the next.
    let learned = &Mutex::new(Vec::new());
    let spare = || learned.lock().unwrap_or_else(PoisonError::into_inner);
    let make = || Writing::new(filter, make(), spare().pop().unwrap_or_default());
    let merge = |part: Part<Writing<'_, S>>| {
        passed.add(part.fold.passed);
        missed.add(part.fold.missed);
        spare().push(part.fold.trusted);
        write(part.fold.sheet)
    };
    let mut outcome = run(inputs, reader, make, options, progress, merge)?;
    outcome.missed = missed.names();
    refuse(&mut outcome);
    Ok((passed, outcome))
}

/// Writes the records that pass the filter as one Parquet file, in input order. It is a whole file, too, when the
/// reading was interrupted or an input broke off.
///
/// # Errors
/// When the writer fails. What cannot be read is in [`Outcome::failures`].
#[cfg(feature = "parquet")]
pub fn rewrite_as_parquet(
    inputs: &[Input],
    reader: &Reader,
    filter: &Filter,
    options: &Options,
    progress: Option<&Progress>,
    out: &mut (dyn Write + Send),
) -> Result<(Passed, Outcome)> {
    let mut file = ParquetFile::new(out, options.threads())?;
    let mut write = |columns| file.add(columns);
    let done = fill(inputs, reader, filter, options, progress, Columns::default, &mut write)?;
    file.finish()?;
    Ok(done)
}
