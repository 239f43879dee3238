//! The feeder: opens the inputs one after the other, recognises what they are, and makes tasks of them.

use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::order::Hands;
use super::pieces::{Pieces, from_runtime};
use super::task::{Counted, Task, Work};
use super::{Options, Progress, Source};
use crate::error::{Error, ErrorKind};
use crate::frame::Blocks;
use crate::input::{
    Bytes, Entry, Found, MAGIC, Pipe, SNAPSHOT, Still, is_snapshot, is_text, one_stream, recognise, walk,
};
use crate::snapshot::Held;

/// First bytes of a file that are looked at to tell how it can be read.
const HEAD_BYTES: usize = 4096;

/// Bytes of a block of a stream: several of them wait for the thread that folds them, as far as possible in a cache.
const STREAM_BLOCK_BYTES: usize = 1 << 20;

/// The same where lines are numbered, as they are to be written out: what is written of a block is several times as long
/// as the block, and must not wait for the parts before it until the gate is closed.
const NUMBERED_BLOCK_BYTES: usize = 256 << 10;

/// A chunk of a plain file is such a part of what would be a thread's fair share of the rest.
const SHARES: u64 = 2;

/// Who interrupts waits so long at most for what is there to be read.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// Bytes of snapshots that are held in memory until all of them are known. Those that are files are not.
const HELD_BYTES: u64 = 1 << 30;

/// Name of standard input.
const STDIN: &str = "-";

/// What the feeder has seen.
pub(super) type Fed = (Vec<Source>, u64, Vec<Held>);

/// The same code for whatever is made of the lines: it is compiled once.
pub(super) struct Feeder<'f> {
    terms: Terms<'f>,
    hands: &'f mut dyn Hands,
    sources: Vec<Source>,
    skipped: u64,
    snapshots: Vec<Held>,
    /// Until when what is there is read though somebody interrupted.
    last_look: Option<Instant>,
}

/// What a feeder must know of the work.
#[derive(Clone, Copy)]
pub(super) struct Terms<'f> {
    pub(super) options: &'f Options,
    pub(super) progress: &'f Progress,
    pub(super) threads: usize,
    /// [`Fold::NUMBERED`](super::Fold::NUMBERED).
    pub(super) numbered: bool,
}

impl<'f> Feeder<'f> {
    pub(super) fn new(terms: Terms<'f>, hands: &'f mut dyn Hands) -> Self {
        Feeder { terms, hands, sources: Vec::new(), skipped: 0, snapshots: Vec::new(), last_look: None }
    }

    /// The sources, how many streams were passed over, and the snapshots.
    pub(super) fn finish(self) -> Fed {
        (self.sources, self.skipped, self.snapshots)
    }

    /// Feeds everything, until it is all done or nobody wants more.
    pub(super) fn feed(&mut self, found: Vec<Found<'_>>) {
        let total = found.iter().try_fold(0_u64, |sum, found| match found {
            Found::Path { bytes, .. } => Some(sum.saturating_add(*bytes)),
            Found::Bytes { bytes, .. } => Some(sum.saturating_add(bytes.len() as u64)),
            Found::Failed(_) => Some(sum),
            Found::Stdin | Found::Stream(_) => None,
        });
        self.terms.progress.total.store(total.unwrap_or(0), Ordering::Relaxed);
        let mut before = false;
        let mut found = found.into_iter().peekable();
        while !self.is_over()
            && let Some(this) = found.next()
        {
            // Two compressed files in a row are worth a thread each; a single one is better unpacked here, while the
            // pool folds what comes out.
            let packed = is_one_stream(&this);
            let beside = packed && (before || found.peek().is_some_and(is_one_stream));
            before = packed;
            if self.one(this, beside).is_break() {
                break;
            }
        }
        if self.terms.progress.stopped() {
            self.take_along(found);
        }
    }

    /// What streams sent while another one was waited for is there when somebody interrupts the waiting.
    fn take_along<'a>(&mut self, found: impl Iterator<Item = Found<'a>>) {
        self.last_look = Some(Instant::now() + LAST_LOOK);
        for stream in found.filter(|found| matches!(found, Found::Stream(_))) {
            if self.is_over() || self.one(stream, false).is_break() {
                return;
            }
        }
    }

    /// Nobody wants more.
    fn is_over(&self) -> bool {
        self.terms.progress.stopped() && self.last_look.is_none_or(|until| Instant::now() >= until)
    }

    fn one(&mut self, found: Found<'_>, beside: bool) -> ControlFlow<()> {
        match found {
            Found::Failed(error) => self.failed(None, error),
            Found::Bytes { name, bytes } => {
                let mut reader = Counted { reader: &mut Still(bytes), progress: self.terms.progress };
                self.stream(name, &mut reader, None, true)
            }
            Found::Stream(stream) => match stream.open() {
                Ok(reader) => self.pipe(reader, &stream.name),
                Err(cause) => self.unreadable(&stream.name, cause),
            },
            Found::Stdin => match standard_input() {
                Ok(Stdin::File(file)) => self.file(file, STDIN, true, false),
                Ok(Stdin::Pipe(reader)) => self.pipe(reader, STDIN),
                Err(cause) => self.unreadable(STDIN, cause),
            },
            Found::Path { path, named, .. } => {
                let name = path.display().to_string();
                match open(&path) {
                    Ok((file, true)) if begins_like_a_snapshot(&file) => {
                        self.snapshots.push(Held::File { name, path });
                        ControlFlow::Continue(())
                    }
                    Ok((file, true)) => self.file(file, &name, named, beside),
                    Ok((file, false)) => self.pipe(Box::new(file), &name),
                    Err(cause) => self.unreadable(&name, cause),
                }
            }
        }
    }

    /// A regular file, read from its start.
    fn file(&mut self, file: File, name: &str, named: bool, beside: bool) -> ControlFlow<()> {
        if beside {
            let source = self.source(name, packed_name(&file));
            let work = Work::Unpack { file, named };
            return self.hands.task(Task { source, name: name.into(), work });
        }
        #[cfg(unix)]
        if let Some(size) = self.can_be_split(&file) {
            let mut head = [0; HEAD_BYTES];
            let got = match head_of(&file, &mut head) {
                Ok(got) => got,
                Err(cause) => return self.unreadable(name, cause),
            };
            let head = &head[..got];
            if recognise(head).is_none() {
                if !named && !is_text(head) {
                    self.skipped += 1;
                    return ControlFlow::Continue(());
                }
                // Pieces of a line may lie in two chunks: such a file goes through one cutter.
                if !from_runtime(head) {
                    return self.chunks(file, name, size);
                }
            }
        }
        let mut reader = Counted { reader: &mut Still(&file), progress: self.terms.progress };
        let whole = at_start(&file).then_some(&file);
        self.stream(name, &mut reader, whole, named)
    }

    /// The file's length, when its chunks can be read side by side. Not when lines are to be numbered: then one thread
    /// has to count through all of them.
    #[cfg(unix)]
    fn can_be_split(&self, file: &File) -> Option<u64> {
        if self.terms.numbered || !at_start(file) {
            return None;
        }
        // Files of /proc say 0 and hold something.
        file.metadata().ok().map(|metadata| metadata.len()).filter(|size| *size > 0)
    }

    #[cfg(unix)]
    fn chunks(&mut self, file: File, name: &str, size: u64) -> ControlFlow<()> {
        let source = self.source(name, "plain");
        let name: Arc<str> = name.into();
        let file = Arc::new(file);
        // A chunk costs one merge and learns its rows anew, and its memory is only a window: it can be larger than a
        // block. The last ones are small, so that all threads end at about the same time.
        let block = self.terms.options.block_bytes.max(1) as u64;
        let threads = self.terms.threads.max(1) as u64;
        let mut start = 0;
        while start < size && !self.is_over() {
            let fair = (size - start) / (SHARES * threads);
            let step = fair.clamp(block.saturating_mul(2), block.saturating_mul(16));
            let end = start.saturating_add(step);
            // The last one goes on to where the file ends by then, as a single reader would.
            let end = if end >= size { u64::MAX } else { end };
            let work = Work::Chunk { file: Arc::clone(&file), start, end, size };
            self.hands.task(Task { source, name: Arc::clone(&name), work })?;
            start = end;
        }
        ControlFlow::Continue(())
    }

    /// Something that has to be waited for.
    fn pipe(&mut self, reader: Box<dyn Read + Send>, name: &str) -> ControlFlow<()> {
        let progress = self.terms.progress;
        let stop = || progress.stopped();
        match Pipe::new(reader, &stop) {
            Ok(mut pipe) => self.stream(name, &mut Counted { reader: &mut pipe, progress }, None, true),
            Err(cause) => self.unreadable(name, cause),
        }
    }

    /// Anything, through one reader: containers are opened, blocks cut here and folded by the pool.
    fn stream(
        &mut self,
        name: &str,
        reader: &mut dyn Bytes,
        file: Option<&File>,
        named: bool,
    ) -> ControlFlow<()> {
        let limits = self.terms.options.limits;
        let entry = Entry { name: name.to_owned(), reader, file, named, container: "plain" };
        let (flow, skipped) = walk(entry, &limits, &mut |found| match found {
            Ok(entry) => self.entry(entry),
            Err(error) => self.failed(None, error),
        });
        self.skipped += skipped;
        flow
    }

    fn entry(&mut self, entry: Entry<'_>) -> ControlFlow<()> {
        if entry.container == SNAPSHOT {
            return self.snapshot(entry);
        }
        let source = self.source(&entry.name, entry.container);
        let name: Arc<str> = entry.name.into();
        let mut counted = true;
        let mut pieces: Option<Pieces> = None;
        let most = if self.terms.numbered { NUMBERED_BLOCK_BYTES } else { STREAM_BLOCK_BYTES };
        let size = self.terms.options.block_bytes.min(most);
        let mut blocks = Blocks::new(entry.reader, size).counting();
        loop {
            if self.is_over() {
                return ControlFlow::Break(());
            }
            match blocks.next_block(|reader| reader.waits()) {
                Ok(Some(mut block)) => {
                    if block.offset == 0 {
                        pieces = from_runtime(block.bytes()).then(Pieces::default);
                        counted = self.terms.numbered || pieces.is_some();
                        if !counted {
                            blocks.stop_counting();
                        }
                    }
                    if let Some(pieces) = &mut pieces {
                        block = pieces.pass(block);
                    }
                    self.hands.block(source, &name, block, counted)?;
                    while let Some(buffer) = self.hands.spare() {
                        blocks.recycle(buffer);
                    }
                }
                ended => {
                    if let Some(block) = pieces.and_then(|mut pieces| pieces.rest(blocks.position())) {
                        self.hands.block(source, &name, block, counted)?;
                    }
                    let Err(cause) = ended else { return ControlFlow::Continue(()) };
                    let error =
                        ErrorKind::Read { source: name.to_string(), offset: blocks.position(), cause };
                    return self.failed(Some(source), error.into());
                }
            }
        }
    }

    /// Its turn comes when all inputs are known.
    fn snapshot(&mut self, entry: Entry<'_>) -> ControlFlow<()> {
        let held: u64 = self.snapshots.iter().map(Held::bytes).sum();
        let most = HELD_BYTES.saturating_sub(held);
        let mut bytes = Vec::new();
        match entry.reader.take(most + 1).read_to_end(&mut bytes) {
            Ok(_) if bytes.len() as u64 > most => {
                let what = both!(
                    "bytes of snapshots that come through pipes or archives",
                    "字节的经由管道或归档的快照"
                );
                let (source, offset) = (entry.name, bytes.len() as u64);
                self.failed(None, ErrorKind::Limit { source, offset, what, limit: HELD_BYTES }.into())
            }
            Ok(_) => {
                self.snapshots.push(Held::Bytes { name: entry.name, bytes });
                ControlFlow::Continue(())
            }
            Err(cause) => {
                let offset = bytes.len() as u64;
                self.failed(None, ErrorKind::Read { source: entry.name, offset, cause }.into())
            }
        }
    }

    fn source(&mut self, name: &str, container: &'static str) -> u32 {
        let number = u32::try_from(self.sources.len()).unwrap_or(u32::MAX);
        self.sources.push(Source { name: name.to_owned(), container, ..Source::default() });
        number
    }

    fn unreadable(&mut self, name: &str, cause: io::Error) -> ControlFlow<()> {
        self.failed(None, ErrorKind::Read { source: name.to_owned(), offset: 0, cause }.into())
    }

    fn failed(&mut self, source: Option<u32>, error: Error) -> ControlFlow<()> {
        self.hands.failed(source, error)
    }
}

/// Opens a file; true when it is a regular one.
fn open(path: &Path) -> io::Result<(File, bool)> {
    let file = File::open(path)?;
    let regular = file.metadata()?.is_file();
    Ok((file, regular))
}

enum Stdin {
    File(File),
    Pipe(Box<dyn Read + Send>),
}

/// Standard input; a file when it is redirected from one.
#[cfg(unix)]
fn standard_input() -> io::Result<Stdin> {
    use std::os::fd::AsFd;
    let file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let regular = file.metadata()?.is_file();
    Ok(if regular { Stdin::File(file) } else { Stdin::Pipe(Box::new(file)) })
}

#[cfg(not(unix))]
fn standard_input() -> io::Result<Stdin> {
    Ok(Stdin::Pipe(Box::new(io::stdin())))
}

/// True when nothing of the file was read before (a shell may have, of a redirected one).
fn at_start(mut file: &File) -> bool {
    io::Seek::stream_position(&mut file).is_ok_and(|at| at == 0)
}

#[cfg(unix)]
fn begins_like_a_snapshot(file: &File) -> bool {
    let mut head = [0; MAGIC.len()];
    head_of(file, &mut head).is_ok_and(|got| is_snapshot(&head[..got]))
}

#[cfg(not(unix))]
fn begins_like_a_snapshot(_file: &File) -> bool {
    false
}

#[cfg(unix)]
fn head_of(file: &File, head: &mut [u8]) -> io::Result<usize> {
    use std::os::unix::fs::FileExt;
    file.read_at(head, 0)
}

/// True for a regular file that is compressed and holds one stream of text.
#[cfg(unix)]
fn is_one_stream(found: &Found<'_>) -> bool {
    let Found::Path { path, bytes: 1.., .. } = found else { return false };
    let mut head = [0; HEAD_BYTES];
    let Ok((file, true)) = open(path) else { return false };
    head_of(&file, &mut head).is_ok_and(|got| one_stream(&head[..got]))
}

#[cfg(not(unix))]
fn is_one_stream(_found: &Found<'_>) -> bool {
    false
}

/// Which of the compressions it is.
fn packed_name(file: &File) -> &'static str {
    #[cfg(unix)]
    {
        let mut head = [0; 16];
        let got = head_of(file, &mut head).unwrap_or(0);
        if let Some(container) = recognise(&head[..got]) {
            return container.name();
        }
    }
    let _ = file;
    "plain"
}
