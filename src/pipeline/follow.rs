//! Inputs without an end: they are read side by side, and what is known so far can be looked at any time.
//!
//! Each input has a corridor of its own, on one thread, with the same folds as everywhere; their parts are merged as they
//! come. So the summary at the end is that of a triage of the same lines, and memory stays within its caps for days.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::join::join_known;
use super::summarise::{CountingMore, Whole};
use super::{Fold, Options, Outcome, Part, Passed, Place, Progress, Seen, run};
use crate::aggregate::{By, Detail, Lately, LatelyTally, Summary, Text};
use crate::error::{Error, Result};
use crate::format::Reader;
use crate::input::{Found, Input, Stream, Tail, find, recognise};
use crate::query::Filter;
use crate::record::{Field, Record};
use crate::words::Said;

/// Blocks are small: what stands in one is shown all at once.
const BLOCK_BYTES: usize = 256 << 10;

/// The last requests that failed, of which so many are kept.
const FAILURES: usize = 200;
/// Bytes of a value that are kept of each.
const VALUE_BYTES: usize = 256;

/// How far a log's clock may be ahead of this machine's before it is not believed.
const AHEAD: Duration = Duration::from_secs(3600);

/// A request that failed, in the words of its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// When it was logged, microseconds since 1970.
    pub logged_us: i64,
    /// The upstream cluster.
    pub upstream: Option<Text>,
    /// HTTP status.
    pub code: u16,
    /// Flags as logged.
    pub flags: Text,
    /// HTTP method.
    pub method: Text,
    /// Authority, which stands for the upstream where there is none.
    pub authority: Text,
    /// Path.
    pub path: Text,
    /// Response code details.
    pub details: Text,
}

impl Failure {
    fn of(record: &Record<'_>, logged_us: i64) -> Failure {
        let cut = |bytes: &[u8]| Text::from(&bytes[..bytes.len().min(VALUE_BYTES)]);
        let text = |field| record.text(field).map_or_else(Text::default, |text| cut(&text));
        Failure {
            logged_us,
            upstream: record.upstream().map(cut),
            code: record.code(),
            flags: text(Field::Flags),
            method: text(Field::Method),
            authority: text(Field::Authority),
            path: text(Field::Path),
            details: text(Field::Details),
        }
    }
}

/// Everything of a triage and a report, and the last minutes.
struct Following<'f> {
    more: CountingMore<'f>,
    lately: LatelyTally,
    failures: VecDeque<Failure>,
    /// How many there were, those that are not kept too.
    failed: u64,
    newest_us: Option<i64>,
    /// Number of the input: the corridor of each knows but its own.
    source: u32,
}

impl Fold for Following<'_> {
    const NUMBERED: bool = false;

    fn see(&mut self, seen: &Seen<'_>, place: &Place<'_>) {
        let place = &Place { source: self.source, ..*place };
        let admitted = self.more.admits(seen, place);
        let Place { source, line, offset, raw, .. } = *place;
        match seen {
            Seen::Record(record) if admitted => {
                let logged_us = self.lately.logged_us(record);
                self.newest_us = self.newest_us.max(Some(logged_us));
                self.lately.record(record, logged_us, source, line, offset, raw);
                if record.outcome().failed() {
                    self.failed += 1;
                    push(&mut self.failures, Failure::of(record, logged_us));
                }
            }
            Seen::Proxy(proxy) => self.lately.proxy(proxy, source, line, offset, raw),
            Seen::Record(_) | Seen::Other | Seen::Reject(_) => {}
        }
    }

    fn weight(&self) -> usize {
        self.more.weight() + self.lately.weight()
    }
}

fn push(failures: &mut VecDeque<Failure>, failure: Failure) {
    if failures.len() == FAILURES {
        failures.pop_front();
    }
    failures.push_back(failure);
}

/// What is known so far.
#[derive(Default)]
pub struct Known {
    whole: Whole,
    /// What a report asks for besides.
    pub detail: Detail,
    /// The last minutes.
    pub lately: Lately,
    /// The last requests that failed, the latest last.
    pub failures: VecDeque<Failure>,
    /// How many failed in all.
    pub failed: u64,
    /// The newest moment of which a record tells.
    newest_us: Option<i64>,
    /// The present moment in the time of the log, when that was last set.
    clock: Option<(i64, Instant)>,
    /// Names of the inputs, by the numbers that exemplars name.
    pub sources: Vec<String>,
    /// Inputs that have not ended.
    pub open: usize,
    /// What could not be read, so far.
    pub unread: Vec<Said>,
    /// Grows with everything that comes.
    pub version: u64,
}

impl Known {
    /// The counts.
    pub fn summary(&self) -> &Summary {
        &self.whole.summary
    }

    /// What the filter did.
    pub fn passed(&self) -> Passed {
        self.whole.passed
    }

    /// The present moment in the time of the log: its newest record, and the time that went by since that came. When
    /// nothing more can come, time stands still.
    pub fn now_us(&self) -> Option<i64> {
        if self.open == 0 {
            return self.newest_us;
        }
        let (us, set) = self.clock?;
        Some(us.saturating_add(i64::try_from(set.elapsed().as_micros()).unwrap_or(i64::MAX)))
    }

    fn add(&mut self, part: Part<Following<'_>>) {
        let Part { fold, first_line, .. } = part;
        let mut lately = fold.lately.finish();
        lately.shift_lines(first_line);
        self.lately.merge(lately);
        self.whole.add_detail(&mut self.detail, fold.more.detail);
        self.whole.add(fold.more.counting, first_line);
        self.failed += fold.failed;
        fold.failures.into_iter().for_each(|failure| push(&mut self.failures, failure));
        self.newest_us = self.newest_us.max(fold.newest_us);
        // Several logs are not in step: the one that is behind does not turn time back.
        if let Some(newest) = fold.newest_us
            && self.now_us().is_none_or(|now| newest > now)
        {
            self.clock = Some((newest, Instant::now()));
        }
        self.version += 1;
    }
}

impl Known {
    /// One input has ended.
    fn ended(&mut self, outcome: &Result<Outcome>) {
        self.open -= 1;
        self.version += 1;
        self.unread.extend(outcome.iter().flat_map(|outcome| &outcome.failures).map(Error::said));
    }
}

/// What is known so far, shared with whoever shows it.
pub struct Live {
    known: Mutex<Known>,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Live {
    /// Nothing is known yet. `wake` is called whenever something has come; it must not wait.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Live {
        Live { known: Mutex::default(), wake: Box::new(wake) }
    }

    /// Looks at what is known. The reading waits meanwhile.
    pub fn look<T>(&self, look: impl FnOnce(&Known) -> T) -> T {
        look(&self.known())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.known());
        (self.wake)();
    }
}

/// The result of what was followed.
pub struct Followed {
    /// The counts.
    pub summary: Summary,
    /// What a report asks for besides.
    pub detail: Detail,
    /// What the filter did.
    pub passed: Passed,
}

/// Reads the inputs side by side, files through rotation, until all have ended or `progress` says to stop. What was counted
/// is in `live` then, for [`finish`].
///
/// # Errors
/// None of its own: what cannot be read is in [`Outcome::failures`].
pub fn follow(
    inputs: &[Input],
    reader: &Reader,
    filter: &Filter,
    by: &[By],
    options: &Options,
    progress: &Progress,
    live: &Live,
) -> Result<Outcome> {
    let over = Arc::new(AtomicBool::new(false));
    let inputs = streams(inputs, &over);
    let options = &Options { threads: 1, block_bytes: options.block_bytes.min(BLOCK_BYTES), ..*options };
    live.change(|known| {
        known.open = inputs.len();
        known.sources = inputs.iter().map(name).collect();
    });
    let one = |number: usize, input: &Input| {
        let make = || {
            let (now, latest) = clock_us(live);
            let news = live.look(|known| Arc::clone(&known.whole.news));
            Following {
                more: CountingMore::new(filter, by, false, &news),
                lately: LatelyTally::new(now, latest),
                failures: VecDeque::new(),
                failed: 0,
                newest_us: None,
                source: u32::try_from(number).unwrap_or(u32::MAX),
            }
        };
        let outcome = run(std::slice::from_ref(input), reader, make, options, Some(progress), |part| {
            live.change(|known| known.add(part));
            Ok(())
        });
        live.change(|known| known.ended(&outcome));
        outcome
    };
    let one = &one;
    let outcomes: Vec<Result<Outcome>> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            inputs.iter().enumerate().map(|(i, input)| scope.spawn(move || one(i, input))).collect();
        let join = |thread: ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        threads.into_iter().map(join).collect()
    });
    over.store(true, Ordering::Relaxed);
    together(&inputs, outcomes)
}

/// What is known at the end, handed over.
pub fn finish(live: &Live) -> Followed {
    let known = std::mem::take(&mut *live.known());
    let Whole { mut summary, join: first, passed, .. } = known.whole;
    join_known(first, None, &mut summary);
    summary.settle_order();
    Followed { summary, detail: known.detail, passed }
}

/// When something without a time has come, and the latest time that is believed.
fn clock_us(live: &Live) -> (i64, i64) {
    let us = |time: Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (live.look(Known::now_us).unwrap_or_else(|| us(wall)), us(wall + AHEAD))
}

/// One outcome of all; each input is one source.
fn together(inputs: &[Input], outcomes: Vec<Result<Outcome>>) -> Result<Outcome> {
    let mut all = Outcome::default();
    for (input, outcome) in inputs.iter().zip(outcomes) {
        let mut outcome = outcome?;
        all.failures.append(&mut outcome.failures);
        all.skipped += outcome.skipped;
        all.interrupted |= outcome.interrupted;
        let mut sources = outcome.sources.into_iter();
        let mut source = sources.next().unwrap_or_else(|| super::Source {
            name: name(input),
            container: "plain",
            ..super::Source::default()
        });
        sources.for_each(|more| {
            source.bytes += more.bytes;
            source.lines += more.lines;
        });
        all.sources.push(source);
    }
    Ok(all)
}

fn name(input: &Input) -> String {
    match input {
        Input::Stdin => "-".to_owned(),
        Input::Path(path) => path.display().to_string(),
        Input::Bytes { name, .. } => name.clone(),
        Input::Stream(stream) => stream.name.clone(),
    }
}

/// Plain files, and those that are not there yet, become streams that never end. Of a directory the files that are there
/// now are followed. What is compressed does not grow.
fn streams(inputs: &[Input], over: &Arc<AtomicBool>) -> Vec<Input> {
    let mut out = Vec::new();
    for input in inputs {
        let Input::Path(path) = input else {
            out.push(input.clone());
            continue;
        };
        if !path.is_dir() {
            out.push(stream(path, over));
            continue;
        }
        for found in find(std::slice::from_ref(input)) {
            if let Found::Path { path, .. } = found {
                out.push(stream(&path, over));
            }
        }
    }
    out
}

fn stream(path: &std::path::Path, over: &Arc<AtomicBool>) -> Input {
    let is_other = path.exists() && !path.is_file();
    if is_other || is_packed(path) {
        return Input::Path(path.to_owned());
    }
    let (path, over) = (path.to_owned(), Arc::clone(over));
    Input::Stream(Stream::new(path.display().to_string(), move || {
        Ok(Box::new(Tail::new(&path, Arc::clone(&over))?))
    }))
}

fn is_packed(path: &std::path::Path) -> bool {
    use std::io::Read;
    let mut head = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(4096).read_to_end(&mut head));
    read.is_ok() && !head.is_empty() && recognise(&head).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::summarise_in_detail;

    const LINES: &str = include_str!("../../sample-logs/istio-text/three-faults.log");

    fn bytes(text: &str) -> Input {
        Input::Bytes { name: "-".to_owned(), bytes: text.as_bytes().to_vec() }
    }

    /// Follows inputs until all have ended, or `until` says that it is enough.
    fn followed(inputs: &[Input], until: impl Fn(&Known) -> bool) -> (Followed, Outcome) {
        let (reader, filter, options) = (Reader::new(), Filter::default(), Options::default());
        let (live, progress) = (Live::new(|| {}), Progress::new());
        std::thread::scope(|scope| {
            let running = scope.spawn(|| follow(inputs, &reader, &filter, &[], &options, &progress, &live));
            while !running.is_finished() {
                progress.stop.store(live.look(&until), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(2));
            }
            let outcome = running.join().unwrap().unwrap();
            (finish(&live), outcome)
        })
    }

    #[test]
    fn what_is_followed_is_counted_as_in_a_triage() {
        let (reader, filter, options) = (Reader::new(), Filter::default(), Options::default());
        let inputs = [bytes(LINES)];
        let (summary, detail, passed, _) =
            summarise_in_detail(&inputs, &reader, &filter, &options, None).unwrap();
        let (live, _) = followed(&inputs, |_| false);
        assert!(live.summary == summary && live.detail == detail && live.passed == passed);
        assert!(summary.counts.failed() > 0);
    }

    /// Lines that are written while the file is renamed and truncated are each counted once.
    #[test]
    fn rotation_loses_and_doubles_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("proxy.log");
        let all: Vec<&str> = LINES.lines().collect();
        let n = all.len() as u64;
        let inputs = [Input::Path(path.clone())];
        let writing = std::thread::spawn(move || {
            use std::io::Write;
            let open = || std::fs::File::options().append(true).create(true).open(&path).unwrap();
            std::thread::sleep(Duration::from_millis(60));
            let mut file = open();
            for (i, line) in all.iter().enumerate() {
                writeln!(file, "{line}").unwrap();
                match i % 97 {
                    // The writer goes on with the old file for a while after it was renamed.
                    20 => {
                        std::thread::sleep(Duration::from_millis(100));
                        std::fs::rename(&path, path.with_extension(format!("{i}"))).unwrap();
                    }
                    24 => file = open(),
                    // Truncating loses what was not read yet: nothing can be done about that but to wait.
                    70 => {
                        std::thread::sleep(Duration::from_millis(150));
                        file.set_len(0).unwrap();
                    }
                    _ => {}
                }
            }
        });
        let started = Instant::now();
        let done = move |known: &Known| {
            known.summary().lines.access >= n || started.elapsed() > Duration::from_secs(20)
        };
        let (live, outcome) = followed(&inputs, done);
        writing.join().unwrap();
        assert_eq!((live.summary.lines.access, live.summary.lines.total), (n, n));
        assert!(outcome.interrupted && outcome.failures.is_empty());
    }
}
