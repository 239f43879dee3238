//! Who does the tasks, and in which order their results are merged.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};

use super::feed::{Fed, Feeder, Terms};
use super::gate::{Gate, WAITING_BYTES, WAITING_TEXT_BYTES};
use super::store::{Folded, Ticket};
use super::task::{Bench, Event, Task, Work};
use super::{Outcome, Part};
use crate::error::{Error, Result};
use crate::frame::Block;
use crate::input::{Input, find};

/// Blocks of a stream that wait for the thread that folds them.
const BLOCKS_WAITING: usize = 4;

/// Takes tasks from the feeder, in input order.
pub(super) trait Hands {
    /// Does a task, or sees that it is done.
    fn task(&mut self, task: Task) -> ControlFlow<()>;
    /// Passes on, in its turn, what the feeder itself could not read.
    fn failed(&mut self, source: Option<u32>, error: Error) -> ControlFlow<()>;
    /// Folds a block of a stream, or sees that it is folded. Blocks of one source may be folded into one part.
    fn block(&mut self, source: u32, name: &Arc<str>, block: Block, counted: bool) -> ControlFlow<()> {
        self.task(Task { source, name: Arc::clone(name), work: Work::Block { block, counted } })
    }
    /// A buffer that is no longer used.
    fn spare(&mut self) -> Option<Vec<u8>>;
}

/// Takes parts, first to last.
pub(super) type Merge<'m> = dyn FnMut(Part<Ticket>) -> Result<()> + 'm;

/// Merges events, first to last.
struct Merger<'m> {
    merge: &'m mut Merge<'m>,
    /// Lines and bytes of each source so far.
    tallies: Vec<(u64, u64)>,
    failures: Vec<Error>,
    /// The source that failed last: the chunks behind a break would tell of it again.
    failed: Option<u32>,
    refused: Result<()>,
}

impl Merger<'_> {
    fn event(&mut self, event: Event) -> ControlFlow<()> {
        if self.refused.is_err() {
            return ControlFlow::Break(());
        }
        match event {
            Event::Part { counted, folded: Folded { ticket, lines, .. }, source, name, bytes } => {
                let at = source as usize;
                if self.tallies.len() <= at {
                    self.tallies.resize(at + 1, (0, 0));
                }
                let tally = &mut self.tallies[at];
                let first_line = if counted { 0 } else { tally.0 };
                tally.0 += lines;
                tally.1 += bytes;
                self.refused = (self.merge)(Part { fold: ticket, source, name, first_line, lines, bytes });
            }
            Event::Failed { source, error } => {
                if source.is_none() || self.failed != source {
                    self.failures.push(error);
                }
                self.failed = source;
            }
        }
        if self.refused.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Runs the corridor with as many threads as the options say.
pub(super) fn run<'m>(inputs: &[Input], bench: &Bench<'_>, merge: &'m mut Merge<'m>) -> Result<Outcome> {
    let threads = bench.threads;
    let mut merger =
        Merger { merge, tallies: Vec::new(), failures: Vec::new(), failed: None, refused: Ok(()) };
    // Without a pool (the system gives no more threads) the work is done here.
    let pool =
        (threads > 1).then(|| rayon::ThreadPoolBuilder::new().num_threads(threads).build().ok()).flatten();
    let (mut sources, skipped, snapshots) = match pool {
        Some(pool) => in_parallel(inputs, bench, &mut merger, &pool, threads),
        None => {
            let mut hands = Inline { bench, merger: &mut merger, spare: None };
            let mut feeder = Feeder::new(bench.terms(), &mut hands);
            feeder.feed(find(inputs));
            feeder.finish()
        }
    };
    merger.refused?;
    for (source, (lines, bytes)) in sources.iter_mut().zip(merger.tallies) {
        source.lines = lines;
        source.bytes = bytes;
    }
    Ok(Outcome {
        sources,
        failures: merger.failures,
        snapshots,
        skipped,
        interrupted: bench.progress.stopped(),
        missed: Vec::new(),
    })
}

impl<'a> Bench<'a> {
    fn terms(&self) -> Terms<'a> {
        let Bench { folds, options, progress, threads, .. } = *self;
        Terms { options, progress, threads, numbered: folds.numbered() }
    }
}

/// Everything on one thread.
struct Inline<'i, 'm> {
    bench: &'i Bench<'i>,
    merger: &'i mut Merger<'m>,
    spare: Option<Vec<u8>>,
}

impl Hands for Inline<'_, '_> {
    fn task(&mut self, task: Task) -> ControlFlow<()> {
        let mut flow = ControlFlow::Continue(());
        let merger = &mut *self.merger;
        self.spare = task.run(self.bench, &mut |event| {
            flow = merger.event(event);
            flow
        });
        flow
    }

    fn failed(&mut self, source: Option<u32>, error: Error) -> ControlFlow<()> {
        self.merger.event(Event::Failed { source, error })
    }

    fn spare(&mut self) -> Option<Vec<u8>> {
        self.spare.take()
    }
}

/// What a task has to tell.
type Slot = Receiver<Event>;

fn in_parallel(
    inputs: &[Input],
    bench: &Bench<'_>,
    merger: &mut Merger<'_>,
    pool: &rayon::ThreadPool,
    threads: usize,
) -> Fed {
    let over = AtomicBool::new(false);
    // One more than there are threads: a thread that has done its task finds the next one waiting.
    let (queue, slots) = mpsc::sync_channel::<Slot>(threads + 1);
    let (used, spare) = mpsc::channel();
    let over = &over;
    let room = if bench.folds.numbered() { WAITING_TEXT_BYTES } else { WAITING_BYTES };
    let gate = &Gate::new(room);
    pool.in_place_scope(|scope| {
        std::thread::scope(|threads| {
            let feeding = threads.spawn(move || {
                let mut hands =
                    Pooled { bench, scope, queue, over, gate, number: 0, used, spare, stream: None };
                let mut feeder = Feeder::new(bench.terms(), &mut hands);
                feeder.feed(find(inputs));
                feeder.finish()
            });
            for slot in slots {
                for event in slot {
                    let weight = event.weight();
                    if merger.event(event).is_break() {
                        over.store(true, Ordering::Relaxed);
                    }
                    gate.leave(weight);
                }
                gate.next();
            }
            match feeding.join() {
                Ok(fed) => fed,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    })
}

/// Tasks are done by the pool; their slots stand in a queue.
struct Pooled<'p, 'scope> {
    bench: &'scope Bench<'scope>,
    scope: &'p rayon::Scope<'scope>,
    queue: SyncSender<Slot>,
    over: &'scope AtomicBool,
    gate: &'scope Gate,
    /// Slots made so far.
    number: u64,
    used: mpsc::Sender<Vec<u8>>,
    spare: Receiver<Vec<u8>>,
    /// Who takes the blocks of which stream.
    stream: Option<Stream>,
}

/// The task that folds the blocks of a stream as they come.
struct Stream {
    source: u32,
    counted: bool,
    blocks: SyncSender<Block>,
}

impl Hands for Pooled<'_, '_> {
    fn task(&mut self, task: Task) -> ControlFlow<()> {
        // What comes of its blocks stands before this.
        self.stream = None;
        if self.over.load(Ordering::Relaxed) {
            return ControlFlow::Break(());
        }
        // The gate bounds what is in it.
        let (sender, slot) = mpsc::channel();
        // Waits while too much is under way: the slot's place comes before its work.
        if self.queue.send(slot).is_err() {
            return ControlFlow::Break(());
        }
        let (bench, used, gate, over) = (self.bench, self.used.clone(), self.gate, self.over);
        let number = self.number;
        self.number += 1;
        self.scope.spawn(move |_| {
            let buffer = task.run(bench, &mut |event| {
                gate.enter(number, event.weight());
                // When all is over, what is told is not even fetched.
                match sender.send(event) {
                    Ok(()) if !over.load(Ordering::Relaxed) => ControlFlow::Continue(()),
                    _ => ControlFlow::Break(()),
                }
            });
            if let Some(buffer) = buffer {
                // The feeder may have ended already.
                drop(used.send(buffer));
            }
        });
        ControlFlow::Continue(())
    }

    /// Where blocks come slower than they are folded (out of a decoder, mostly), one thread folds them all, into one part,
    /// and what the other threads could do is left to the decoder. One that does not keep up gets help: the blocks that
    /// come go to another task.
    fn block(&mut self, source: u32, name: &Arc<str>, mut block: Block, counted: bool) -> ControlFlow<()> {
        if self.over.load(Ordering::Relaxed) {
            return ControlFlow::Break(());
        }
        let fits = |stream: &&Stream| (stream.source, stream.counted) == (source, counted);
        if let Some(stream) = self.stream.as_ref().filter(fits) {
            match stream.blocks.try_send(block) {
                Ok(()) => return ControlFlow::Continue(()),
                Err(TrySendError::Full(back) | TrySendError::Disconnected(back)) => block = back,
            }
        }
        let (blocks, coming) = mpsc::sync_channel(BLOCKS_WAITING);
        // There is room for it, and who takes it is not there yet.
        drop(blocks.send(block));
        let work = Work::Blocks { blocks: coming, counted, used: self.used.clone() };
        self.task(Task { source, name: Arc::clone(name), work })?;
        self.stream = Some(Stream { source, counted, blocks });
        ControlFlow::Continue(())
    }

    fn failed(&mut self, source: Option<u32>, error: Error) -> ControlFlow<()> {
        self.stream = None;
        let (sender, slot) = mpsc::channel();
        self.number += 1;
        if sender.send(Event::Failed { source, error }).is_err() || self.queue.send(slot).is_err() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn spare(&mut self) -> Option<Vec<u8>> {
        self.spare.try_recv().ok()
    }
}
