//! Pieces of one line: container runtimes cut at 16 KiB and mark what they cut.
//!
//! CRI files tag a piece with `P`, and the last with `F`; Docker's json-file leaves out the newline at the end of a
//! message. Standard output and standard error stand in one file, so pieces are joined per stream. What comes out is
//! a line as the runtime would have written it, still in its wrapper, for `peel`.

use std::ops::Range;

use super::prefix;
use crate::frame::MAX_LINE_BYTES;
use crate::record::object::string_end;

/// Docker's limit. A shorter message without newline was shortened by a log shipper, and is whole.
const DOCKER_PIECE: usize = 16 * 1024;

/// Which of the streams of a container's file a line belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Stream {
    /// Standard output, CRI.
    CriOut,
    /// Standard error, CRI.
    CriErr,
    /// Standard output, Docker.
    DockerOut,
    /// Standard error, Docker.
    DockerErr,
}

/// A line of a container runtime's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partial {
    /// Its stream.
    pub stream: Stream,
    /// True when the line goes on in the next one of the stream.
    pub more: bool,
    /// The message, as it stands in the line.
    body: Range<usize>,
}

/// What a container runtime's line is; `None` for any other line. Cheap for those.
#[inline]
pub fn partial(line: &[u8]) -> Option<Partial> {
    match line.first()? {
        b'0'..=b'9' if line.get(10) == Some(&b'T') => cri(line),
        b'{' if line.starts_with(b"{\"log\":\"") => docker(line),
        _ => None,
    }
}

/// True for a piece that is not the last of its line.
pub fn may_be_continued(line: &[u8]) -> bool {
    partial(line).is_some_and(|piece| piece.more)
}

fn cri(line: &[u8]) -> Option<Partial> {
    let at = prefix::time(line)?;
    let at = (line.get(at) == Some(&b' ')).then_some(at + 1)?;
    let body = prefix::cri(line, at)?;
    let rest = &line[at..];
    let stream = if rest.starts_with(b"stdout") { Stream::CriOut } else { Stream::CriErr };
    // Both names have six letters: the tag stands behind them and a blank.
    Some(Partial { stream, more: rest.get(7) == Some(&b'P'), body })
}

fn docker(line: &[u8]) -> Option<Partial> {
    let start = b"{\"log\":\"".len();
    let (end, _) = string_end(line, start)?;
    let tail = line[end..].strip_prefix(b"\",\"stream\":\"")?;
    let stream = match tail.get(..6)? {
        b"stdout" => Stream::DockerOut,
        b"stderr" => Stream::DockerErr,
        _ => return None,
    };
    let body = &line[start..end];
    let backslashes =
        body.strip_suffix(b"n").map_or(0, |rest| rest.iter().rev().take_while(|b| **b == b'\\').count());
    let more = backslashes.is_multiple_of(2) && body.len() >= DOCKER_PIECE;
    Some(Partial { stream, more, body: start..end })
}

/// A line, pieces joined, and where its first piece stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Logical<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// Number of the first piece's line.
    pub line: u64,
    /// Byte offset of the first piece.
    pub offset: u64,
}

/// Joins the pieces of one source's lines, given in their order. Holds at most one line per stream, and no more of a
/// line than [`MAX_LINE_BYTES`].
#[derive(Debug, Default)]
pub struct Joiner {
    open: [Open; 4],
}

#[derive(Debug, Default)]
struct Open {
    active: bool,
    bytes: Vec<u8>,
    line: u64,
    offset: u64,
}

impl Open {
    fn append(&mut self, piece: &[u8]) {
        let room = MAX_LINE_BYTES.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(&piece[..piece.len().min(room)]);
    }
}

impl Joiner {
    /// A joiner that holds nothing.
    pub fn new() -> Joiner {
        Joiner::default()
    }

    /// Takes a line; gives back a whole one, or `None` when this was a piece and the rest is to come.
    #[inline]
    pub fn push<'j>(&'j mut self, bytes: &'j [u8], line: u64, offset: u64) -> Option<Logical<'j>> {
        let whole = Logical { bytes, line, offset };
        let Some(piece) = partial(bytes) else { return Some(whole) };
        let open = &mut self.open[piece.stream as usize];
        if !open.active {
            if !piece.more {
                return Some(whole);
            }
            *open = Open { active: true, bytes: std::mem::take(&mut open.bytes), line, offset };
            open.bytes.clear();
            open.append(&bytes[..piece.body.end]);
            return None;
        }
        open.append(&bytes[piece.body.clone()]);
        if piece.more {
            return None;
        }
        open.append(&bytes[piece.body.end..]);
        open.active = false;
        Some(Logical { bytes: &open.bytes, line: open.line, offset: open.offset })
    }

    /// At the end of a source: a line whose last piece never came, earliest first; call until `None`.
    pub fn pop(&mut self) -> Option<Logical<'_>> {
        let open = self.open.iter_mut().filter(|open| open.active).min_by_key(|open| open.offset)?;
        open.active = false;
        if open.bytes.first() == Some(&b'{') {
            // Closed again, so that what is there can be taken out of the object.
            open.bytes.extend_from_slice(b"\"}");
        }
        Some(Logical { bytes: &open.bytes, line: open.line, offset: open.offset })
    }

    /// True while a piece waits for its rest.
    pub fn is_open(&self) -> bool {
        self.open.iter().any(|open| open.active)
    }
}

/// Where in a block the first line starts whose last piece is not in the block; `None` when every line is whole. A
/// block is cut there, so that each block can be joined alone. Looks back over the lines of container runtimes only,
/// and not further than a line can be long.
pub fn open_from(block: &[u8]) -> Option<usize> {
    let mut state: [Option<(bool, usize)>; 4] = [None; 4];
    let mut end = block.strip_suffix(b"\n").unwrap_or(block).len();
    let floor = block.len().saturating_sub(MAX_LINE_BYTES);
    let mut settled = [false; 4];
    loop {
        let start = memchr::memrchr(b'\n', &block[..end]).map_or(0, |at| at + 1);
        // In a file without runtime lines there is nothing to look back for.
        let Some(piece) = partial(&block[start..end]) else { break };
        let i = piece.stream as usize;
        match (state[i], piece.more) {
            _ if settled[i] => {}
            (None, more) => state[i] = Some((more, start)),
            (Some((true, _)), true) => state[i] = Some((true, start)),
            _ => settled[i] = true,
        }
        // Once a stream's last line is whole, nothing before it matters.
        settled[i] |= matches!(state[i], Some((false, _)));
        if start <= floor || (settled[i] && settled[i ^ 1]) {
            break;
        }
        end = start - 1;
    }
    state.iter().flatten().filter(|(more, _)| *more).map(|(_, start)| *start).min()
}
