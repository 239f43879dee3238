//! What one thread of the pool does in one go.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use super::fold::Lane;
use super::pieces::{Pieces, from_runtime};
use super::store::{Folded, Folds};
use super::{Options, Progress};
use crate::error::{Error, ErrorKind};
use crate::format::Reader;
use crate::frame::{Block, Blocks};
use crate::input::{Bytes, Entry, Still, walk};

/// Bytes folded at a time by a thread that reads for itself: they are still in the cache when they are folded.
pub(super) const WINDOW_BYTES: usize = 256 << 10;

/// Who waits for the next block so long tells what was folded so far: the source may be written just now.
const PATIENCE: Duration = Duration::from_millis(20);

/// A part is closed when its fold holds its share of this: so much for all threads together.
const FULL_BYTES: usize = 6 << 20;

/// What every task needs.
pub(super) struct Bench<'a> {
    pub(super) reader: &'a Reader,
    pub(super) folds: &'a dyn Folds,
    pub(super) options: &'a Options,
    pub(super) progress: &'a Progress,
    /// Threads that fold.
    pub(super) threads: usize,
}

/// What a task tells, first to last.
pub(super) enum Event {
    /// Lines were folded; `counted` when their places hold the number within the source.
    Part { counted: bool, folded: Folded, source: u32, name: Arc<str>, bytes: u64 },
    /// Something could not be read.
    Failed { source: Option<u32>, error: Error },
}

impl Event {
    /// Bytes held until it is merged.
    pub(super) fn weight(&self) -> usize {
        match self {
            Event::Part { folded, .. } => folded.weight,
            Event::Failed { .. } => 0,
        }
    }
}

/// Takes events; `Break` when nobody wants more.
pub(super) type Tell<'t> = dyn FnMut(Event) -> ControlFlow<()> + 't;

/// Lines of one source.
pub(super) struct Task {
    pub(super) source: u32,
    pub(super) name: Arc<str>,
    pub(super) work: Work,
}

pub(super) enum Work {
    /// Lines that are here already; `counted` when the block knows the lines before it.
    Block { block: Block, counted: bool },
    /// Blocks that come one after the other, each of which goes back when it is folded.
    Blocks { blocks: Receiver<Block>, counted: bool, used: Sender<Vec<u8>> },
    /// The lines that start in this stretch of a plain file.
    #[cfg(unix)]
    Chunk { file: Arc<File>, start: u64, end: u64, size: u64 },
    /// A compressed file with one stream in it.
    Unpack { file: File, named: bool },
}

impl Bench<'_> {
    pub(super) fn window(&self) -> usize {
        self.options.block_bytes.clamp(1, WINDOW_BYTES)
    }
}

impl Task {
    /// Does it. Returns the buffer of a block, for the next one.
    pub(super) fn run(self, bench: &Bench<'_>, tell: &mut Tell<'_>) -> Option<Vec<u8>> {
        let Task { source, name, work } = self;
        match work {
            Work::Block { block, counted } => {
                let mut own = Own { bench, source, name, counted, tell };
                // Nobody wanting it ends the run; this task is at its end anyway.
                let _ = own.fold_block(&block);
                Some(block.into_buffer())
            }
            Work::Blocks { blocks, counted, used } => {
                let mut own = Own { bench, source, name, counted, tell };
                let _ = own.fold_as_they_come(&blocks, &used);
                None
            }
            #[cfg(unix)]
            Work::Chunk { file, start, end, size } => {
                let at = start.saturating_sub(1);
                let reader: &mut dyn Bytes =
                    &mut ChunkReader { file: &file, at, size, progress: bench.progress };
                let blocks = Blocks::stretch(reader, bench.window(), start, end);
                let mut own = Own { bench, source, name, counted: false, tell };
                let _ = own.fold(blocks, Some((start, end)));
                None
            }
            Work::Unpack { file, named } => {
                let mut own = Own { bench, source, name: name.clone(), counted: true, tell };
                let mut reader = Counted { reader: &mut Still(&file), progress: bench.progress };
                let entry = Entry {
                    name: name.to_string(),
                    reader: &mut reader,
                    file: None,
                    named,
                    container: "plain",
                };
                let _ = walk(entry, &bench.options.limits, &mut |found| match found {
                    Ok(entry) => {
                        let blocks = Blocks::new(entry.reader, bench.window()).counting();
                        own.fold(blocks, None)
                    }
                    Err(error) => (own.tell)(Event::Failed { source: Some(source), error }),
                });
                None
            }
        }
    }
}

/// A thread that reads and folds by itself.
struct Own<'o, 't> {
    bench: &'o Bench<'o>,
    source: u32,
    name: Arc<str>,
    counted: bool,
    tell: &'o mut Tell<'t>,
}

impl<'o> Own<'o, '_> {
    /// Folds a block that is here already.
    fn fold_block(&mut self, block: &Block) -> ControlFlow<()> {
        let mut lane = self.lane();
        lane.block(block, &mut |lane| self.part_if_full(lane, 0).map_continue(drop))?;
        self.part(lane.end(), block.extent)
    }

    /// Folds all blocks into as few parts as can be. `stretch` is the part of the source that is to be accounted for.
    fn fold(&mut self, mut blocks: Blocks<&mut dyn Bytes>, stretch: Option<(u64, u64)>) -> ControlFlow<()> {
        let mut done = stretch.map_or(0, |(start, _)| start);
        let mut lane = self.lane();
        let mut pieces: Option<Pieces> = None;
        let failed = loop {
            match blocks.next_block(|_| false) {
                Ok(Some(mut block)) => {
                    if stretch.is_none() && block.offset == 0 {
                        pieces = from_runtime(block.bytes()).then(Pieces::default);
                        // Pieces are numbered by the cutter; other lines are where they are folded.
                        self.counted = self.bench.folds.numbered() || pieces.is_some();
                        lane.set_counted(self.counted);
                        if !self.counted {
                            blocks.stop_counting();
                        }
                    }
                    if let Some(pieces) = &mut pieces {
                        block = pieces.pass(block);
                    }
                    lane.block(&block, &mut |lane| self.part_if_full(lane, 0).map_continue(drop))?;
                    let reached = block.offset + block.extent;
                    blocks.recycle(block.into_buffer());
                    let upto = stretch.map_or(reached, |(_, end)| reached.min(end)).max(done);
                    if self.part_if_full(&mut *lane, upto - done)? {
                        done = upto;
                    }
                    if self.bench.progress.stopped() {
                        break None;
                    }
                }
                Ok(None) => break None,
                Err(cause) => break Some(cause),
            }
        };
        if let Some(rest) = pieces.and_then(|mut pieces| pieces.rest(blocks.position())) {
            lane.block(&rest, &mut |_| ControlFlow::Continue(()))?;
        }
        let upto = stretch.map_or(blocks.position(), |(_, end)| blocks.position().min(end)).max(done);
        self.part(lane.end(), upto - done)?;
        match failed {
            None => ControlFlow::Continue(()),
            Some(cause) => {
                let offset = blocks.position();
                let error = ErrorKind::Read { source: self.name.to_string(), offset, cause }.into();
                (self.tell)(Event::Failed { source: Some(self.source), error })
            }
        }
    }

    /// Folds blocks of which the next one may still be on its way. Who waits for long tells what there is.
    fn fold_as_they_come(&mut self, blocks: &Receiver<Block>, used: &Sender<Vec<u8>>) -> ControlFlow<()> {
        let mut lane = self.lane();
        let mut bytes = 0;
        loop {
            let block = match blocks.recv_timeout(PATIENCE) {
                Ok(block) => block,
                Err(RecvTimeoutError::Disconnected) => return self.part(lane.end(), bytes),
                Err(RecvTimeoutError::Timeout) => {
                    // Lines that were held back may stand for no bytes of their own.
                    if bytes > 0 || lane.lines() > 0 {
                        self.part(lane.take(), std::mem::take(&mut bytes))?;
                    }
                    match blocks.recv() {
                        Ok(block) => block,
                        Err(_) => return ControlFlow::Continue(()),
                    }
                }
            };
            lane.block(&block, &mut |lane| self.part_if_full(lane, 0).map_continue(drop))?;
            bytes += block.extent;
            // The feeder may have ended already.
            drop(used.send(block.into_buffer()));
            if self.part_if_full(&mut *lane, bytes)? {
                bytes = 0;
            }
        }
    }

    fn lane(&self) -> Box<dyn Lane + 'o> {
        self.bench.folds.lane(self.bench.reader, self.source, self.name.clone(), self.counted)
    }

    /// Ends the part if it has become heavy; tells whether.
    fn part_if_full(&mut self, lane: &mut dyn Lane, bytes: u64) -> ControlFlow<(), bool> {
        let full = lane.is_full(FULL_BYTES / self.bench.threads.max(1));
        if full {
            self.part(lane.take(), bytes)?;
        }
        ControlFlow::Continue(full)
    }

    fn part(&mut self, folded: Folded, bytes: u64) -> ControlFlow<()> {
        let (source, name, counted) = (self.source, self.name.clone(), self.counted);
        (self.tell)(Event::Part { counted, folded, source, name, bytes })
    }
}

/// Reads a plain file from somewhere on, beside others who read it elsewhere.
#[cfg(unix)]
struct ChunkReader<'c> {
    file: &'c File,
    at: u64,
    /// Length of the file when it was opened.
    size: u64,
    progress: &'c Progress,
}

#[cfg(unix)]
impl Bytes for ChunkReader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        use std::os::unix::fs::FileExt;
        let got = self.file.read_at(out, self.at)?;
        if got == 0 && self.at < self.size && !out.is_empty() {
            let said = "the file became shorter while it was read";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, said));
        }
        self.at += got as u64;
        self.progress.read.fetch_add(got as u64, Ordering::Relaxed);
        Ok(got)
    }
}

/// Counts what is read of an input, before it is unpacked.
pub(super) struct Counted<'c> {
    pub(super) reader: &'c mut dyn Bytes,
    pub(super) progress: &'c Progress,
}

impl Bytes for Counted<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let got = self.reader.read(out)?;
        self.progress.read.fetch_add(got as u64, Ordering::Relaxed);
        Ok(got)
    }

    fn waits(&mut self) -> bool {
        self.reader.waits()
    }
}
