//! The corridor's second use: the records that pass the filter, written out in input order.

use std::io::Write;

use super::missed::Missed;
use super::summarise::refuse;
use super::{Fold, Options, Outcome, Part, Passed, Place, Progress, Seen, run};
#[cfg(feature = "parquet")]
use crate::emit::{Columns, ParquetFile};
use crate::emit::{Form, Lines, Origin, Sheet};
use crate::error::{ErrorKind, Result};
use crate::format::Reader;
use crate::input::Input;
use crate::query::Filter;

/// Collects the records that pass the filter.
struct Writing<'f, S, const NUMBERED: bool> {
    filter: &'f Filter,
    sheet: S,
    passed: Passed,
    missed: Missed,
}

impl<'f, S, const N: bool> Writing<'f, S, N> {
    fn new(filter: &'f Filter, sheet: S) -> Self {
        Writing { filter, sheet, passed: Passed::default(), missed: Missed::default() }
    }
}

impl<S: Sheet, const N: bool> Fold for Writing<'_, S, N> {
    const NUMBERED: bool = N;

    #[inline]
    fn see(&mut self, seen: &Seen<'_>, place: &Place<'_>) {
        if let Seen::Record(record) = seen {
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
        true => write_lines::<true>(inputs, reader, filter, form, options, progress, out),
        false => write_lines::<false>(inputs, reader, filter, form, options, progress, out),
    }
}

fn write_lines<const NUMBERED: bool>(
    inputs: &[Input],
    reader: &Reader,
    filter: &Filter,
    form: Form,
    options: &Options,
    progress: Option<&Progress>,
    out: &mut dyn Write,
) -> Result<(Passed, Outcome)> {
    let (mut passed, mut missed) = (Passed::default(), Missed::default());
    let make = || Writing::new(filter, Lines::new(form));
    let mut outcome =
        run(inputs, reader, make, options, progress, |part: Part<Writing<'_, Lines, NUMBERED>>| {
            passed.add(part.fold.passed);
            missed.add(part.fold.missed);
            out.write_all(&part.fold.sheet.text).map_err(ErrorKind::Write)?;
            Ok(())
        })?;
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
    let (mut passed, mut missed) = (Passed::default(), Missed::default());
    let mut file = ParquetFile::new(out, options.threads())?;
    let make = || Writing::new(filter, Columns::default());
    let mut outcome =
        run(inputs, reader, make, options, progress, |part: Part<Writing<'_, Columns, true>>| {
            passed.add(part.fold.passed);
            missed.add(part.fold.missed);
            file.add(part.fold.sheet)
        })?;
    file.finish()?;
    outcome.missed = missed.names();
    refuse(&mut outcome);
    Ok((passed, outcome))
}
