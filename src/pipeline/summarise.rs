//! The corridor's first use: inputs become a [`Summary`].

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use super::join::{Again, join, join_once, may_be_read_again};
use super::missed::Missed;
use super::{Fold, Options, Outcome, Part, Place, Progress, Seen, run};
use crate::aggregate::{
    By, Caps, Detail, DetailFull, DetailTally, Full, Glimpse, Last, Summary, Tally, Told,
};
use crate::error::{Error, ErrorKind, Result};
use crate::format::{Glance, Reader};
use crate::input::{Found, Head, Input, MAGIC, find, is_snapshot};
use crate::join::{Ceilings, Gather, Gathered, Gathering, Join, Known, Passing, Second};
use crate::query::{Filter, Passed};
use crate::record::Carrier;
use crate::snapshot::{About, Asked, Snapshot, merge};

/// Counts the records that pass the filter.
pub(super) struct Counting<'f> {
    filter: &'f Filter,
    tally: Tally,
    join: Join,
    passed: Passed,
    /// First lines of sources.
    heads: Vec<(u32, Head)>,
    missed: Missed,
    /// What may spare a second reading.
    gather: Option<Box<Gather>>,
}

/// What the whole has no room for: parts to come need not keep it.
#[derive(Default)]
pub(super) struct News {
    /// There may be a second reading.
    gathering: Option<Arc<Gathering>>,
    ceilings: Ceilings,
    full: Told<Full>,
    detail: Told<DetailFull>,
}

impl<'f> Counting<'f> {
    fn new(filter: &'f Filter, by: &[By], news: &News) -> Counting<'f> {
        Counting {
            filter,
            tally: Tally::grouping(by).knowing(news.full.now()),
            join: Join::below(&news.ceilings),
            passed: Passed::default(),
            heads: Vec::new(),
            missed: Missed::default(),
            gather: news.gathering.as_ref().and_then(Gather::new),
        }
    }

    /// Gathers what a second reading would look for.
    #[inline(always)]
    fn gather(&mut self, take: impl FnOnce(&mut Gather, Last)) {
        let Some(gather) = &mut self.gather else { return };
        take(gather, self.tally.last());
        if gather.is_due() && !gather.hand_over(&self.join) {
            self.gather = None;
        }
    }
}

impl Fold for Counting<'_> {
    const NUMBERED: bool = false;

    fn begin(&mut self, source: u32, head: &[u8]) {
        self.heads.push((source, Head::of(head)));
    }

    fn glances(&self) -> bool {
        self.filter.is_empty() && self.tally.can_glance()
    }

    #[inline(always)]
    fn glance(&mut self, glance: &Glance<'_>, _place: Option<&Place<'_>>) -> Glimpse {
        let glimpse = self.tally.glance(glance);
        if glimpse == Glimpse::Counted {
            self.passed.access += 1;
            self.gather(|gather, last| {
                let line =
                    Passing { id: glance.request_id(), local: glance.local(), remote: glance.remote() };
                gather.pass(last, &line);
            });
        }
        glimpse
    }

    fn wrapped(&mut self, carrier: &Carrier<'_>) {
        if let Some(gather) = self.gather.take_if(|_| carrier.pod.is_some()) {
            gather.give_up();
        }
    }

    #[inline]
    fn see(&mut self, seen: &Seen<'_>, place: &Place<'_>) {
        let Place { source, line, offset, raw, .. } = *place;
        match seen {
            Seen::Record(record) => {
                if !self.passed.admits(self.filter, record) {
                    self.missed.note(self.filter, record);
                } else {
                    let ailing = self.tally.record(record, source, line, offset, raw);
                    if let Some(ailing) = ailing {
                        self.join.see(record, ailing, place.name, place.at());
                    }
                    self.gather(|gather, last| gather.see(record, last, ailing.is_some(), place.name));
                }
            }
            Seen::Proxy(proxy) => self.tally.proxy(proxy, source, line, offset, raw),
            Seen::Other => self.tally.other(),
            Seen::Reject(reject) => self.tally.reject(*reject, source, line, offset, raw),
        }
    }

    fn weight(&self) -> usize {
        self.tally.weight() + self.join.weight() + self.gather.as_ref().map_or(0, |gather| gather.weight())
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
    if holds_snapshot(inputs) {
        let asked = Asked { no_detail: true, ..asked(filter, by, options) };
        let (snapshot, outcome) = snapshot_for(&asked, inputs, reader, filter, by, options, progress)?;
        let (summary, _, passed) = opened(snapshot, &outcome);
        return Ok((summary, passed, outcome));
    }
    counted(inputs, reader, filter, by, options, progress, Whole::reading(inputs))
}

fn counted(
    inputs: &[Input],
    reader: &Reader,
    filter: &Filter,
    by: &[By],
    options: &Options,
    progress: Option<&Progress>,
    mut whole: Whole,
) -> Result<(Summary, Passed, Outcome)> {
    let news = Arc::clone(&whole.news);
    let make = || Counting::new(filter, by, &news);
    let mut outcome = run(inputs, reader, make, options, progress, |part: Part<Counting<'_>>| {
        whole.add(part.fold, part.first_line);
        Ok(())
    })?;
    outcome.missed = std::mem::take(&mut whole.missed).names();
    let again = Again { inputs, reader, filter, options, progress };
    let (summary, _, passed, outcome) = whole.finish(Detail::default(), outcome, by, &again)?;
    Ok((summary, passed, outcome))
}

/// The counts of inputs that are read twice, whatever the first reading shows.
#[cfg(test)]
pub(super) fn summarise_twice(inputs: &[Input], filter: &Filter, options: &Options) -> Summary {
    let whole = Whole::default();
    counted(inputs, &Reader::new(), filter, &[], options, None, whole).expect("it is read").0
}

/// What is known after the first reading.
#[cfg(test)]
pub(super) fn known_after_first(inputs: &[Input], options: &Options) -> Known {
    let mut whole = Whole::reading(inputs);
    let (news, filter) = (Arc::clone(&whole.news), Filter::default());
    let make = || Counting::new(&filter, &[], &news);
    let merge = |part: Part<Counting<'_>>| {
        whole.add(part.fold, part.first_line);
        Ok(())
    };
    run(inputs, &Reader::new(), make, options, None, merge).expect("it is read");
    whole.known()
}

/// Counts the records that pass the filter, in detail.
pub(super) struct CountingMore<'f> {
    pub(super) counting: Counting<'f>,
    pub(super) detail: DetailTally,
    /// What a second reading would look for, where there is none.
    second: Option<Second>,
}

impl<'f> CountingMore<'f> {
    /// With `once` there will be no second reading.
    pub(super) fn new(filter: &'f Filter, by: &[By], once: bool, news: &News) -> CountingMore<'f> {
        CountingMore {
            counting: Counting::new(filter, by, news),
            detail: DetailTally::knowing(news.detail.now()),
            second: once.then(Second::gathering),
        }
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

    fn begin(&mut self, source: u32, head: &[u8]) {
        self.counting.begin(source, head);
    }

    fn see(&mut self, seen: &Seen<'_>, place: &Place<'_>) {
        let left_out = self.counting.passed.left_out;
        self.counting.see(seen, place);
        if let Seen::Record(record) = seen
            && self.counting.passed.left_out == left_out
        {
            self.detail.record(record);
            if let Some(second) = &mut self.second {
                second.see(record, &HashSet::new(), place.name, place.at());
            }
        }
    }

    /// What the whole keeps for a report leaves less room for parts on their way: they are ended earlier.
    fn weight(&self) -> usize {
        2 * (self.counting.weight() + self.detail.weight() + self.second.as_ref().map_or(0, Second::weight))
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
    if holds_snapshot(inputs) {
        let (snapshot, outcome) = snapshot(inputs, reader, filter, &[], options, progress)?;
        let (summary, detail, passed) = opened(snapshot, &outcome);
        return Ok((summary, detail, passed, outcome));
    }
    let (whole, detail, outcome) = counted_in_detail(inputs, reader, filter, &[], options, progress, false)?;
    whole.finish(detail, outcome, &[], &Again { inputs, reader, filter, options, progress })
}

/// The finished counts of the inputs, to be put together with others later: everything that any output needs.
///
/// # Errors
/// When there are snapshots among the inputs that do not go together. What cannot be read is in
/// [`Outcome::failures`].
pub fn snapshot(
    inputs: &[Input],
    reader: &Reader,
    filter: &Filter,
    by: &[By],
    options: &Options,
    progress: Option<&Progress>,
) -> Result<(Snapshot, Outcome)> {
    snapshot_for(&asked(filter, by, options), inputs, reader, filter, by, options, progress)
}

fn snapshot_for(
    asked: &Asked,
    inputs: &[Input],
    reader: &Reader,
    filter: &Filter,
    by: &[By],
    options: &Options,
    progress: Option<&Progress>,
) -> Result<(Snapshot, Outcome)> {
    let (whole, detail, mut outcome) =
        counted_in_detail(inputs, reader, filter, by, options, progress, true)?;
    only_snapshots(&outcome, options)?;
    let live = whole.snapshot(detail, &outcome, by, filter);
    let snapshot = together(live, &mut outcome, asked)?;
    Ok((snapshot, outcome))
}

fn counted_in_detail<'f>(
    inputs: &[Input],
    reader: &Reader,
    filter: &'f Filter,
    by: &[By],
    options: &Options,
    progress: Option<&Progress>,
    once: bool,
) -> Result<(Whole, Detail, Outcome)> {
    let mut whole = match once {
        true => Whole { second: Some(Second::gathering()), ..Whole::default() },
        false => Whole::reading(inputs),
    };
    let mut detail = Detail::default();
    let news = Arc::clone(&whole.news);
    let make = || CountingMore::new(filter, by, once, &news);
    let outcome = run(inputs, reader, make, options, progress, |part: Part<CountingMore<'f>>| {
        whole.add(part.fold.counting, part.first_line);
        whole.add_detail(&mut detail, part.fold.detail);
        if let Some(mut second) = part.fold.second {
            second.shift_lines(part.first_line);
            whole.second.get_or_insert_default().merge(second);
        }
        Ok(())
    })?;
    Ok((whole, detail, outcome))
}

/// Where only snapshots are wanted, a log is a slip.
fn only_snapshots(outcome: &Outcome, options: &Options) -> Result<()> {
    match outcome.sources.first().filter(|_| options.snapshots_only) {
        None => Ok(()),
        Some(source) => {
            let source = &source.name;
            let message = both!(
                "{source}: it is no snapshot; meshwhy without merge reads logs and snapshots together",
                "{source}：不是快照；不带 merge 的 meshwhy 可同时读取日志和快照"
            );
            Err(ErrorKind::Option { message }.into())
        }
    }
}

pub(super) fn asked(filter: &Filter, by: &[By], options: &Options) -> Asked {
    Asked { filters: filter.texts(), by: names(by), allow_overlap: options.allow_overlap, no_detail: false }
}

fn names(by: &[By]) -> Vec<String> {
    by.iter().map(|by| by.name().to_owned()).collect()
}

/// What was counted just now and the snapshots among the inputs. The outcome is of all of them.
fn together(live: Snapshot, outcome: &mut Outcome, asked: &Asked) -> Result<Snapshot> {
    let held = std::mem::take(&mut outcome.snapshots);
    if held.is_empty() {
        return Ok(Snapshot { failures: outcome.failures.iter().map(Error::said).collect(), ..live });
    }
    let live = (!live.about.sources.is_empty() || live.interrupted).then_some(live);
    let (mut whole, failures) = merge(live, &held, asked)?;
    let told = std::mem::take(&mut whole.failures);
    outcome.failures.extend(told.into_iter().map(|said| Error::from(ErrorKind::Told(said))));
    outcome.failures.extend(failures);
    whole.failures = outcome.failures.iter().map(Error::said).collect();
    outcome.sources.clone_from(&whole.about.sources);
    outcome.skipped = whole.skipped;
    outcome.interrupted = whole.interrupted;
    Ok(whole)
}

/// What the outputs are made of. The outcome is that of the reading that the snapshot comes from.
pub fn opened(snapshot: Snapshot, outcome: &Outcome) -> (Summary, Detail, Passed) {
    let Snapshot { mut summary, detail, join: first, second, passed, .. } = snapshot;
    join_once(first, second, &mut summary, outcome);
    summary.settle_order();
    (summary, detail, passed)
}

/// True when one of the inputs is known for a snapshot before it is read. Then logs beside it are read as for a snapshot:
/// once, and for all that a second reading would look for.
fn holds_snapshot(inputs: &[Input]) -> bool {
    find(inputs).iter().any(|found| match found {
        Found::Bytes { bytes, .. } => is_snapshot(bytes),
        Found::Path { path, bytes: 1.., .. } => {
            let mut head = [0; MAGIC.len()];
            File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && is_snapshot(&head)
        }
        _ => false,
    })
}

/// Snapshots hold counts: where records are asked for they cannot help.
pub(super) fn refuse(outcome: &mut Outcome) {
    for held in outcome.snapshots.drain(..) {
        let source = held.name().to_owned();
        let what = both!(
            "it is a snapshot, which holds counts and no records: give the logs that it was made of",
            "这是快照，只有计数而没有记录：请给出生成它的日志"
        );
        outcome.failures.push(ErrorKind::Snapshot { source, offset: None, what }.into());
    }
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
    let news = [&wholes[0].news, &wholes[1].news].map(Arc::clone);
    let counting = |side: usize| Counting::new(filter, &[], &news[side]);
    let make = || CountingSides { at_us, sides: [counting(0), counting(1)], side: 0 };
    let mut outcome = run(inputs, reader, make, options, progress, |part: Part<CountingSides<'_>>| {
        for (whole, side) in wholes.iter_mut().zip(part.fold.sides) {
            whole.add(side, part.first_line);
        }
        Ok(())
    })?;
    refuse(&mut outcome);
    wholes.iter_mut().for_each(|whole| whole.summary.settle_order());
    Ok((wholes.map(|whole| (whole.summary, whole.passed)), outcome))
}

/// Parts, put together.
#[derive(Default)]
pub(super) struct Whole {
    pub(super) summary: Summary,
    pub(super) join: Join,
    pub(super) passed: Passed,
    heads: Vec<(u32, Head)>,
    second: Option<Second>,
    gathered: Gathered,
    missed: Missed,
    full: Full,
    detail_full: DetailFull,
    /// What parts to come are told.
    pub(super) news: Arc<News>,
}

impl Whole {
    /// For inputs that may be read twice.
    fn reading(inputs: &[Input]) -> Whole {
        let gathering = may_be_read_again(inputs).then(Arc::default);
        Whole { news: Arc::new(News { gathering, ..News::default() }), ..Whole::default() }
    }

    pub(super) fn add(&mut self, mut part: Counting<'_>, first_line: u64) {
        let gathered = part.gather.and_then(|gather| gather.finish(&part.join));
        if let (Some(gathered), Some(gathering)) = (gathered, &self.news.gathering) {
            self.gathered.merge(gathered, gathering);
        }
        part.join.shift_lines(first_line);
        self.join.merge(part.join);
        self.passed.add(part.passed);
        self.missed.add(part.missed);
        self.heads.append(&mut part.heads);
        let mut later = part.tally.finish();
        later.shift_lines(first_line);
        // Records left out by the filter are lines all the same.
        later.lines.total += part.passed.left_out;
        later.lines.access += part.passed.left_out;
        let caps = Caps::default();
        self.summary.merge(later, &caps);
        self.join.publish(&self.news.ceilings);
        if self.full.look(&self.summary, &caps) {
            self.news.full.tell(&self.full);
        }
    }

    /// Adds the details of a part to those of the whole.
    pub(super) fn add_detail(&mut self, detail: &mut Detail, part: DetailTally) {
        detail.merge(part.finish());
        if self.detail_full.look(detail) {
            self.news.detail.tell(&self.detail_full);
        }
    }

    /// What is known, after the first reading, of what a second one would find.
    fn known(&mut self) -> Known {
        self.join = std::mem::take(&mut self.join).settled();
        match &self.news.gathering {
            Some(gathering) => std::mem::take(&mut self.gathered).settle(&self.join, gathering),
            None => Known::Nothing,
        }
    }

    /// Joins both sides of requests, and adds the snapshots among the inputs.
    fn finish(
        mut self,
        detail: Detail,
        mut outcome: Outcome,
        by: &[By],
        again: &Again<'_>,
    ) -> Result<(Summary, Detail, Passed, Outcome)> {
        only_snapshots(&outcome, again.options)?;
        if outcome.snapshots.is_empty() {
            let known = self.known();
            let Whole { mut summary, passed, join: first, .. } = self;
            join(first, known, &mut summary, &outcome, again)?;
            summary.settle_order();
            return Ok((summary, detail, passed, outcome));
        }
        let live = self.snapshot(detail, &outcome, by, again.filter);
        let asked = asked(again.filter, by, again.options);
        let (summary, detail, passed) = opened(together(live, &mut outcome, &asked)?, &outcome);
        Ok((summary, detail, passed, outcome))
    }

    fn snapshot(self, detail: Detail, outcome: &Outcome, by: &[By], filter: &Filter) -> Snapshot {
        let mut sources = outcome.sources.clone();
        for (source, head) in self.heads {
            if let Some(source) = sources.get_mut(source as usize) {
                source.head = head;
            }
        }
        let mut snapshot = Snapshot {
            about: About { sources, filters: filter.texts(), by: names(by), times_us: None },
            summary: self.summary,
            detail,
            join: self.join.settled(),
            second: self.second.map(Second::settled),
            tracked: Vec::new(),
            passed: self.passed,
            failures: Vec::new(),
            skipped: outcome.skipped,
            interrupted: outcome.interrupted,
        };
        snapshot.about.times_us = snapshot.times_us();
        snapshot
    }
}
