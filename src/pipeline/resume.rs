//! Reading on where the last run ended: only what files have more than they had then.
//!
//! A file is known again by its contents, its first bytes and the last that were read, wherever it lies by now and
//! whatever it is packed in; device and inode only say where to look first. What does not begin with anything known is
//! new. The last line of a plain file is left for the next run while it has no end.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::summarise::{asked, snapshot};
use super::{Options, Outcome, Progress};
use crate::aggregate::{By, Moved};
use crate::arrange::Arrange;
use crate::error::{Error, ErrorKind, Result};
use crate::format::Reader;
use crate::frame::may_be_continued;
use crate::input::{Found, Input, SNAPSHOT, Source, Stream, find, is_text, recognise, unpacked};
use crate::join::Renamed;
use crate::query::Filter;
use crate::snapshot::{Probe, Snapshot, State, Tracked, agree_with};
use crate::words::Said;

/// First bytes of a file that tell what it is.
const HEAD_BYTES: usize = 4096;
/// Bytes looked at in one go, from the end, for the end of the last line.
const STEP: u64 = 64 << 10;
/// A line longer than this has no end yet, or is none.
const LONGEST: usize = 32 << 20;

/// Counts what the inputs have more than at the last run, and keeps it. The snapshot is of everything so far.
///
/// # Errors
/// When another run works with the state, the state cannot be read or written, or it was made with other filters.
pub fn resume(
    state: &Path,
    inputs: &[Input],
    reader: &Reader,
    filter: &Filter,
    by: &[By],
    options: &Options,
    progress: Option<&Progress>,
) -> Result<(Snapshot, Outcome)> {
    let mut state = State::open(state)?;
    if !state.is_new() {
        agree_with(&state.snapshot.about, &asked(filter, by, options))?;
    }
    let (pieces, mut failures) = pieces(inputs, &state.snapshot)?;
    let streams: Vec<Input> = pieces.iter().filter(|piece| piece.has_more()).map(Piece::input).collect();
    let (live, mut outcome) = snapshot(&streams, reader, filter, by, options, progress)?;
    // What was read half is not kept, and read again the next time.
    let whole = live.failures.is_empty()
        && !outcome.interrupted
        && pieces.iter().all(|piece| piece.was_read(&outcome));
    failures.append(&mut outcome.failures);
    outcome.failures = failures;
    let changed = state.is_new() || pieces.iter().any(|piece| piece.differs(&state.snapshot));
    rename(&mut state.snapshot, &pieces);
    let places = pieces.iter().filter(|piece| piece.has_more()).collect();
    add(&mut state.snapshot, live, &places, &outcome);
    pieces.iter().for_each(|piece| piece.track(&mut state.snapshot));
    if whole && changed {
        state.save()?;
    }
    // What holds nothing yet is an input all the same.
    let empty = |piece: &&Piece| piece.known.is_none() && !piece.has_more();
    let empty = pieces.iter().filter(empty).map(|piece| Source {
        name: piece.name.clone(),
        container: piece.container,
        ..Source::default()
    });
    state.snapshot.about.sources.extend(empty);
    outcome.sources.clone_from(&state.snapshot.about.sources);
    Ok((state.snapshot, outcome))
}

/// What there is to read, and what cannot be.
fn pieces(inputs: &[Input], all: &Snapshot) -> Result<(Vec<Piece>, Vec<Error>)> {
    let (mut pieces, mut failures) = (Vec::new(), Vec::new());
    for found in find(inputs) {
        match found {
            Found::Path { path, named, .. } => {
                let name = path.display().to_string();
                match Piece::of(&path, &name, named, all, &pieces) {
                    Ok(Ok(piece)) => pieces.extend(piece),
                    Ok(Err(what)) => {
                        failures.push(ErrorKind::Snapshot { source: name, offset: None, what }.into())
                    }
                    Err(cause) => failures.push(ErrorKind::Read { source: name, offset: 0, cause }.into()),
                }
            }
            Found::Failed(error) => failures.push(error),
            Found::Stdin | Found::Bytes { .. } | Found::Stream(_) => {
                let message = both!(
                    "--state is for files and folders: standard input and pipes cannot be read on",
                    "--state 只用于文件和目录：标准输入和管道无法续读"
                );
                return Err(ErrorKind::Option { message }.into());
            }
        }
    }
    Ok((pieces, failures))
}

/// Files that were rotated are called otherwise now, and so are the proxies that nothing but the file's name tells apart.
fn rename(all: &mut Snapshot, pieces: &[Piece]) {
    let mut names = Renamed::new();
    for piece in pieces {
        let Some(at) = piece.known else { continue };
        let source = &mut all.about.sources[all.tracked[at].source as usize];
        if source.name != piece.name {
            let old = std::mem::replace(&mut source.name, piece.name.clone());
            names.insert(old.into_bytes(), piece.name.clone().into_bytes());
        }
    }
    if !names.is_empty() {
        all.join.rename(&names);
        all.second.iter_mut().for_each(|second| second.rename(&names));
    }
}

/// Adds what was counted just now. Line numbers and offsets go on from what was read before.
fn add(all: &mut Snapshot, live: Snapshot, new: &Vec<&Piece>, outcome: &Outcome) {
    let mut places = Vec::new();
    for (mut source, read) in live.about.sources.iter().cloned().zip(&outcome.sources) {
        let piece = new.iter().find(|piece| piece.name == source.name);
        places.push(match piece.and_then(|piece| piece.known) {
            Some(at) => {
                let number = all.tracked[at].source;
                let before = &mut all.about.sources[number as usize];
                let moved = Moved { source: number, lines: before.lines, bytes: before.bytes };
                before.bytes += read.bytes;
                before.lines += read.lines;
                moved
            }
            None => {
                source.container = piece.map_or(source.container, |piece| piece.container);
                all.about.sources.push(source);
                Moved { source: all.about.sources.len() as u32 - 1, ..Moved::default() }
            }
        });
    }
    all.add_at(live, &places);
}

/// What there is to read of a file.
struct Piece {
    file: Arc<File>,
    name: String,
    container: &'static str,
    /// Place among what was tracked before.
    known: Option<usize>,
    /// How far it will have been read.
    tracked: Tracked,
    /// Byte of the stream to begin at.
    from: u64,
    /// For a packed stream: what has passed by. It is read to its end, wherever that is.
    probe: Option<Arc<Mutex<Probe>>>,
}

impl Piece {
    /// What is new in a file; `None` when it is none to be read, in words why it cannot be.
    fn of(
        path: &Path,
        name: &str,
        named: bool,
        all: &Snapshot,
        before: &[Piece],
    ) -> io::Result<std::result::Result<Option<Piece>, Said>> {
        let file = Arc::new(File::open(path)?);
        let metadata = file.metadata()?;
        let mut head = head_of(&mut Reread { file: Arc::clone(&file), at: 0, to: u64::MAX })?;
        let container = recognise(&head).map_or("plain", |container| container.name());
        let packed = match container {
            "plain" if !named && !is_text(&head) => return Ok(Ok(None)),
            "plain" => false,
            "gzip" | "zstd" => true,
            // The state itself may lie there.
            SNAPSHOT if !named => return Ok(Ok(None)),
            _ => {
                return Ok(Err(both!(
                    "--state reads plain and compressed (gzip, zstd) logs on, and cannot do so with {container}",
                    "--state 只能续读纯文本和压缩（gzip、zstd）的日志，不支持 {container}"
                )));
            }
        };
        let (device, inode) = identity(&metadata);
        let packed_bytes = if packed { metadata.len() } else { 0 };
        let at_home = |known: &Tracked| (known.device, known.inode) == (device, inode);
        let whole = || Reread { file: Arc::clone(&file), at: 0, to: u64::MAX };
        if packed {
            head = head_of(&mut unpacked(whole(), &head)?)?;
            if recognise(&head).is_some() {
                return Ok(Err(both!(
                    "--state reads on what is packed once: plain text in gzip or zstd",
                    "--state 只能续读压缩一次的日志：gzip 或 zstd 中的纯文本"
                )));
            }
        }
        // Where it was the last time is the first place to look.
        let mut order: Vec<usize> =
            (0..all.tracked.len()).filter(|at| all.tracked[*at].may_begin(&head)).collect();
        order.arrange_by_key(|at| !at_home(&all.tracked[*at]));
        let mut known = None;
        let mut unchanged = false;
        for at in order {
            let tracked = &all.tracked[at];
            unchanged = packed && at_home(tracked) && tracked.packed_bytes == packed_bytes;
            let same = match packed {
                true => unchanged || tracked.begins(unpacked(whole(), &head_of(&mut whole())?)?)?,
                false => tracked.ends_in(&file)?,
            };
            if same {
                known = Some(at);
                break;
            }
        }
        if known.is_some() && before.iter().any(|piece| piece.known == known) {
            // The same lines a second time, such as a file that is being compressed and its copy.
            return Ok(Ok(None));
        }
        let old = known.map(|at| all.tracked[at].clone()).unwrap_or_default();
        let from = old.bytes;
        let mut tracked = Tracked { device, inode, packed_bytes, ..old };
        if !packed {
            let to = end_of_lines(&file, from, metadata.len())?;
            tracked.reach(&file, to)?;
        }
        let probe = (packed && !unchanged).then(Arc::default);
        let name = name.to_owned();
        Ok(Ok(Some(Piece { file, name, container, known, tracked, from, probe })))
    }

    /// True when something is to be read.
    fn has_more(&self) -> bool {
        self.probe.is_some() || self.tracked.bytes > self.from
    }

    fn input(&self) -> Input {
        let (file, from, to, probe) =
            (Arc::clone(&self.file), self.from, self.tracked.bytes, self.probe.clone());
        Input::Stream(Stream::new(self.name.clone(), move || {
            let file = |at, to| Reread { file: Arc::clone(&file), at, to };
            let Some(probe) = &probe else { return Ok(Box::new(file(from, to))) };
            let head = head_of(&mut file(0, u64::MAX))?;
            let mut stream =
                Watched { stream: unpacked(file(0, u64::MAX), &head)?, probe: Arc::clone(probe) };
            io::copy(&mut (&mut stream).take(from), &mut io::sink())?;
            Ok(Box::new(stream))
        }))
    }

    /// True when all that was to be read was.
    fn was_read(&self, outcome: &Outcome) -> bool {
        let read =
            outcome.sources.iter().find(|source| source.name == self.name).map_or(0, |source| source.bytes);
        match &self.probe {
            None => read == self.tracked.bytes - self.from,
            Some(probe) => self.from + read == probe.lock().unwrap_or_else(PoisonError::into_inner).bytes,
        }
    }

    /// True when the state remembers it otherwise than it is now.
    fn differs(&self, all: &Snapshot) -> bool {
        let there = |t: &Tracked| (t.device, t.inode, t.packed_bytes);
        let moved = |at: usize| {
            let known = &all.tracked[at];
            all.about.sources[known.source as usize].name != self.name || there(known) != there(&self.tracked)
        };
        self.has_more() || self.known.is_some_and(moved)
    }

    /// Remembers how far it was read, and where it lies now.
    fn track(&self, all: &mut Snapshot) {
        let mut tracked = self.tracked.clone();
        if let Some(probe) = &self.probe {
            let probe = probe.lock().unwrap_or_else(PoisonError::into_inner);
            (tracked.head, tracked.tail) = probe.digests();
            tracked.bytes = probe.bytes;
        }
        if let Some(at) = self.known {
            tracked.source = all.tracked[at].source;
            let source = &mut all.about.sources[tracked.source as usize];
            source.container = self.container;
            all.tracked[at] = tracked;
        } else if let Some(source) = all.about.sources.iter().rposition(|source| source.name == self.name)
            && tracked.bytes > 0
        {
            tracked.source = source as u32;
            all.tracked.push(tracked);
        }
    }
}

/// A file from one byte to another. Several may read one file, one after the other.
struct Reread {
    file: Arc<File>,
    at: u64,
    to: u64,
}

impl Read for Reread {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.to - self.at).unwrap_or(usize::MAX).min(out.len());
        let mut file = &*self.file;
        file.seek(SeekFrom::Start(self.at))?;
        let got = file.read(&mut out[..most])?;
        self.at += got as u64;
        Ok(got)
    }
}

/// A stream that is looked at while it passes by.
struct Watched<R> {
    stream: R,
    probe: Arc<Mutex<Probe>>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let got = self.stream.read(out)?;
        self.probe.lock().unwrap_or_else(PoisonError::into_inner).pass(&out[..got]);
        Ok(got)
    }
}

/// Where the last whole line ends; a line that a container runtime cut is whole when all its pieces are there.
fn end_of_lines(mut file: &File, from: u64, size: u64) -> io::Result<u64> {
    let (mut start, mut buffer) = (size, Vec::new());
    while start > from && buffer.len() < LONGEST {
        let step = STEP.min(start - from);
        start -= step;
        file.seek(SeekFrom::Start(start))?;
        let mut more = Vec::new();
        file.take(step).read_to_end(&mut more)?;
        more.extend_from_slice(&buffer);
        buffer = more;
        let mut end = memchr::memrchr(b'\n', &buffer).map(|at| at + 1);
        while let Some(at) = end {
            let before = memchr::memrchr(b'\n', &buffer[..at - 1]).map(|before| before + 1);
            // The first line in the buffer may lack its head.
            let first = before.or((start == from).then_some(0));
            match first {
                Some(first) if may_be_continued(&buffer[first..at - 1]) => {
                    end = Some(first).filter(|at| *at > 0)
                }
                Some(_) => return Ok(start + at as u64),
                None => break,
            }
        }
    }
    Ok(from)
}

fn head_of(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    reader.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    Ok(head)
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn identity(_metadata: &Metadata) -> (u64, u64) {
    (0, 0)
}
