//! The second reading of inputs that hold several proxies' logs, and the search for one request.

use std::collections::HashSet;

use super::summarise::refuse;
use super::{Fold, Options, Outcome, Part, Place, Progress, Seen, run};
use crate::aggregate::{Step, Summary};
use crate::error::Result;
use crate::format::Reader;
use crate::input::Input;
use crate::join::{Join, Place as At, Second, Trace, tell};
use crate::query::Filter;

impl Place<'_> {
    pub(super) fn at(&self) -> At {
        At { source: self.source, line: self.line, offset: self.offset }
    }
}

/// What the second reading needs.
pub(super) struct Again<'a> {
    pub(super) inputs: &'a [Input],
    pub(super) reader: &'a Reader,
    pub(super) filter: &'a Filter,
    pub(super) options: &'a Options,
    pub(super) progress: Option<&'a Progress>,
}

/// Joins what was kept of the first reading, and says in the summary what came of it.
pub(super) fn join(first: Join, summary: &mut Summary, outcome: &Outcome, again: &Again<'_>) -> Result<()> {
    if first.is_empty() {
        return Ok(());
    }
    let second = match several(summary, outcome) && !outcome.interrupted && can_be_read_again(again.inputs) {
        true => second(&first, again)?,
        false => None,
    };
    summary.hops = tell(first, second, summary);
    Ok(())
}

/// Joins what snapshots kept: there is nothing to read again.
pub(super) fn join_once(first: Join, gathered: Option<Second>, summary: &mut Summary, outcome: &Outcome) {
    let second = gathered.filter(|_| several(summary, outcome) && !outcome.interrupted);
    let second = second.map(|second| second.gathered(&first.wanted()));
    join_known(first, second, summary);
}

/// Joins what is known already.
pub(super) fn join_known(first: Join, second: Option<Second>, summary: &mut Summary) {
    if !first.is_empty() {
        summary.hops = tell(first, second, summary);
    }
}

/// True when there may be both sides of a request.
fn several(summary: &Summary, outcome: &Outcome) -> bool {
    let sides = summary.sides;
    outcome.sources.len() > 1 || sides.caller.requests() > 0 && sides.callee.requests() > 0
}

/// Files and bytes are still there; pipes are not.
fn can_be_read_again(inputs: &[Input]) -> bool {
    inputs.iter().all(|input| match input {
        Input::Stdin | Input::Stream(_) => false,
        Input::Path(path) => path.is_file() || path.is_dir(),
        Input::Bytes { .. } => true,
    })
}

struct Reading<'f> {
    filter: &'f Filter,
    wanted: &'f HashSet<u64>,
    second: Second,
}

impl Fold for Reading<'_> {
    const NUMBERED: bool = false;

    fn see(&mut self, seen: &Seen<'_>, place: &Place<'_>) {
        if let Seen::Record(record) = seen
            && (self.filter.is_empty() || self.filter.keeps(record))
        {
            self.second.see(record, self.wanted, place.name, place.at());
        }
    }

    fn weight(&self) -> usize {
        self.second.weight()
    }
}

/// `None` when it was ended early: half of the other sides would look like losses.
fn second(first: &Join, again: &Again<'_>) -> Result<Option<Second>> {
    let wanted = first.wanted();
    let make = || Reading { filter: again.filter, wanted: &wanted, second: Second::default() };
    let mut whole = Second::default();
    if let Some(progress) = again.progress {
        progress.read.store(0, std::sync::atomic::Ordering::Relaxed);
    }
    // What cannot be read has been told of after the first reading.
    let outcome =
        run(again.inputs, again.reader, make, again.options, again.progress, |part: Part<Reading<'_>>| {
            let mut later = part.fold.second;
            later.shift_lines(part.first_line);
            whole.merge(later);
            Ok(())
        })?;
    Ok((!outcome.interrupted).then_some(whole))
}

struct Looking<'f> {
    filter: &'f Filter,
    trace: Trace,
    access: u64,
}

impl Fold for Looking<'_> {
    const NUMBERED: bool = false;

    fn see(&mut self, seen: &Seen<'_>, place: &Place<'_>) {
        if let Seen::Record(record) = seen {
            self.access += 1;
            if self.filter.is_empty() || self.filter.keeps(record) {
                self.trace.see(record, place.name, place.at());
            }
        }
    }
}

/// One request, through all proxies whose logs are given.
#[derive(Debug)]
pub struct Traced {
    /// The request's lines as a tree.
    pub steps: Vec<Step>,
    /// Its lines beyond the cap.
    pub more: u64,
    /// Access records read.
    pub access: u64,
    /// What was read.
    pub outcome: Outcome,
}

/// Looks for all lines of a request, and of its connections where they carry no request.
///
/// # Errors
/// None of its own: what cannot be read is in [`Outcome::failures`].
pub fn trace(
    id: &str,
    inputs: &[Input],
    reader: &Reader,
    filter: &Filter,
    options: &Options,
    progress: Option<&Progress>,
) -> Result<Traced> {
    let mut whole = Trace::of(id);
    let mut access = 0;
    let make = || Looking { filter, trace: Trace::of(id), access: 0 };
    let mut outcome = run(inputs, reader, make, options, progress, |part: Part<Looking<'_>>| {
        let mut later = part.fold.trace;
        later.shift_lines(part.first_line);
        whole.merge(later);
        access += part.fold.access;
        Ok(())
    })?;
    refuse(&mut outcome);
    Ok(Traced { more: whole.more(), steps: whole.steps(), access, outcome })
}
