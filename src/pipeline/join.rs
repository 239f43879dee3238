//! The second reading of inputs that hold several proxies' logs, and the search for one request.

use super::summarise::refuse;
use super::{Fold, Options, Outcome, Part, Place, Progress, Seen, run};
use crate::aggregate::{Clock, Glimpse, Step, Summary, Trusted};
use crate::error::Result;
use crate::format::{Glance, Reader};
use crate::input::{Input, find};
use crate::join::{Ceilings, Join, Known, Look, Passing, Place as At, Second, Trace, tell};
use crate::query::Filter;
use crate::record::{Carrier, Kind};

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

/// Joins what was kept of the first reading, and says in the summary what came of it. What was gathered then need not be looked
/// for a second time.
pub(super) fn join(
    first: Join,
    known: Known,
    summary: &mut Summary,
    outcome: &Outcome,
    again: &Again<'_>,
) -> Result<()> {
    if first.is_empty() {
        return Ok(());
    }
    let wanted = several(summary, outcome) && !outcome.interrupted && can_be_read_again(again.inputs);
    let second = match known {
        _ if !wanted => None,
        Known::All(second) => Some(second),
        Known::Edges(edges) => second(&first, Some(edges), again)?,
        Known::Nothing => second(&first, None, again)?,
    };
    summary.hops = tell(first, second, summary);
    Ok(())
}

/// Joins what snapshots kept: there is nothing to read again.
pub(super) fn join_once(first: Join, gathered: Option<Second>, summary: &mut Summary, outcome: &Outcome) {
    let first = first.settled();
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

/// True when a second reading is likely, should anything have failed.
pub(super) fn may_be_read_again(inputs: &[Input]) -> bool {
    can_be_read_again(inputs) && find(inputs).len() > 1
}

/// Files and bytes are still there; pipes are not.
fn can_be_read_again(inputs: &[Input]) -> bool {
    inputs.iter().all(|input| match input {
        Input::Stdin | Input::Stream(_) => false,
        Input::Path(path) => path.is_file() || path.is_dir(),
        Input::Bytes { .. } => true,
    })
}

/// The fold of the second reading.
struct Reading<'f> {
    filter: &'f Filter,
    look: Look<'f>,
    trusted: Trusted<()>,
    clock: Clock,
    /// The line to come is like one that was read.
    known: bool,
    /// Lines of several pods stand side by side: what is learnt of one says nothing of another.
    mixed: bool,
}

impl Fold for Reading<'_> {
    const NUMBERED: bool = false;

    fn glances(&self) -> bool {
        self.filter.is_empty()
    }

    #[inline]
    fn glance(&mut self, glance: &Glance<'_>, _place: Option<&Place<'_>>) -> Glimpse {
        let usual = !self.mixed && glance.kind == Kind::Http;
        let Some(number) = self.trusted.place(glance).filter(|_| usual) else { return Glimpse::Unknown };
        let Some((s, ms)) = self.clock.read_usual(glance.time) else { return Glimpse::Unknown };
        let line = Passing { id: glance.request_id(), local: glance.local(), remote: glance.remote() };
        self.known = !self.look.pass(number, Some(s * 1_000_000 + ms * 1_000), &line);
        if self.known { Glimpse::Known } else { Glimpse::Counted }
    }

    fn wrapped(&mut self, carrier: &Carrier<'_>) {
        self.mixed |= carrier.pod.is_some();
    }

    fn see(&mut self, seen: &Seen<'_>, place: &Place<'_>) {
        let Seen::Record(record) = seen else { return };
        if self.filter.is_empty() || self.filter.keeps(record) {
            self.look.see(record, place.name, place.at());
        }
        if !std::mem::take(&mut self.known)
            && !self.mixed
            && let Some(number) = self.trusted.note(record)
        {
            self.look.learn(number, record, place.name);
        }
    }

    /// All that the first reading counted is there, too: parts on their way are ended earlier.
    fn weight(&self) -> usize {
        2 * self.look.weight()
    }
}

/// `None` when it was ended early: half of the other sides would look like losses.
fn second(first: &Join, known: Option<Second>, again: &Again<'_>) -> Result<Option<Second>> {
    let wanted = first.wanted();
    let ceilings = Ceilings::default();
    let make = || Reading {
        filter: again.filter,
        look: Look::new(&wanted, known.is_some(), &ceilings),
        trusted: Trusted::default(),
        clock: Clock::default(),
        known: false,
        mixed: false,
    };
    let mut whole = Second::default();
    if let Some(progress) = again.progress {
        progress.read.store(0, std::sync::atomic::Ordering::Relaxed);
    }
    // What cannot be read has been told of after the first reading.
    let outcome =
        run(again.inputs, again.reader, make, again.options, again.progress, |part: Part<Reading<'_>>| {
            let mut later = part.fold.look.finish();
            later.shift_lines(part.first_line);
            whole.merge(later);
            whole.publish(&ceilings);
            Ok(())
        })?;
    let whole = match known {
        Some(known) => known.with_wanted(whole),
        None => whole,
    };
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
