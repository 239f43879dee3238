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
struct Writing<'f, S, const NUMBERED: bool> {
    filter: &'f Filter,
    sheet: S,
    passed: Passed,
    missed: Missed,
    trusted: Trusted,
    /// The line to come is one of those.
    known: bool,
}

impl<'f, S, const N: bool> Writing<'f, S, N> {
    fn new(filter: &'f Filter, sheet: S, trusted: Trusted) -> Self {
        Writing { filter, sheet, passed: Passed::default(), missed: Missed::default(), trusted, known: false }
    }
}

impl<S: Sheet, const N: bool> Fold for Writing<'_, S, N> {
    const NUMBERED: bool = N;

    fn glances(&self) -> bool {
        true
    }

    #[inline]
    fn glance(&mut self, glance: &Glance<'_>) -> Glimpse {
        self.known = self.trusted.has(glance);
        if self.known { Glimpse::Known } else { Glimpse::Unknown }
    }

    #[inline]
    fn see(&mut self, seen: &Seen<'_>, place: &Place<'_>) {
        if let Seen::Record(record) = seen {
            if !std::mem::take(&mut self.known) {
                self.trusted.note(record);
            }
            if !self.passed.admits(self.filter, record) {
                return self.missed.note(self.filter, record);
            }
            let Place { name, line, offset, raw, .. } = *place;
            self.sheet.add(record, &Origin { source: name, line, offset, raw });
        }
    }

    fn weight(&self) -> usize {
        self.sheet.weight()
    }

    fn is_full(&self, share: usize) -> bool {
        self.weight() > share.min(S::FULL_BYTES)
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
    // Buffers that were written are used again: the system would clear new ones.
    let spare = &Mutex::new(Vec::new());
    let buffers = || spare.lock().unwrap_or_else(PoisonError::into_inner);
    let make = || Lines::new(form, buffers().pop().unwrap_or_default());
    let mut write = |lines: Lines| {
        out.write_all(&lines.text).map_err(ErrorKind::Write)?;
        buffers().push(lines.text);
        Ok(())
    };
    match form.is_numbered() {
        true => fill::<_, true>(inputs, reader, filter, options, progress, make, &mut write),
        false => fill::<_, false>(inputs, reader, filter, options, progress, make, &mut write),
    }
}

/// Fills sheets, and passes them on in input order.
fn fill<S: Sheet, const NUMBERED: bool>(
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
    let merge = |part: Part<Writing<'_, S, NUMBERED>>| {
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
    let done =
        fill::<Columns, true>(inputs, reader, filter, options, progress, Columns::default, &mut write)?;
    file.finish()?;
    Ok(done)
}
