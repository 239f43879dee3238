//! Blocks of whole lines, with one owner and a limit.
//!
//! What a line is never depends on the size of the blocks: a cut is only made behind a newline, and a line above
//! [`MAX_LINE_BYTES`] is told by its first bytes alone, whether it stood inside a block or ran through a hundred.

use std::io::{self, Read};

/// Bytes of a block: large enough that cutting costs nothing, small enough that several fit the caches' neighbourhood.
pub const BLOCK_BYTES: usize = 4 << 20;

/// The longest line that is read; a longer one is a counted reject. Envoy's own limit for request headers is 60 KiB
/// and at most a few such fields are logged, so a real record stays far below.
pub const MAX_LINE_BYTES: usize = 1 << 20;

/// What is kept of a line above the limit: enough to show what it was.
pub const LONG_LINE_HEAD: usize = 1024;

/// Buffers that wait to be filled again.
const SPARE_BUFFERS: usize = 8;

/// Read at a time behind the end of a chunk, where only the rest of one line is wanted.
const OVERRUN_BYTES: u64 = 4096;

/// Whole lines of one source.
#[derive(Debug)]
pub struct Block {
    /// `buffer[..len]` are the lines; the rest is room that is kept for the next use of the buffer.
    buffer: Vec<u8>,
    len: usize,
    /// Where they start in the decompressed source, from 0.
    pub offset: u64,
    /// Lines of the source before this block; 0 when the cutter does not count.
    pub lines_before: u64,
    /// How many bytes of the source the block stands for.
    pub extent: u64,
    /// The block is the head of one line above the limit.
    long: bool,
    /// The lines, where they are not simply what stands between newlines: pieces were joined.
    marks: Option<Vec<Mark>>,
}

/// One line of a block whose pieces were joined: it ends at `end`, and the next one starts there.
#[derive(Debug, Clone, Copy)]
struct Mark {
    end: usize,
    offset: u64,
    number: u64,
    too_long: bool,
}

/// One line, without its newline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// The bytes; of a line above the limit the first [`LONG_LINE_HEAD`].
    pub bytes: &'a [u8],
    /// Where the line starts in the decompressed source, from 0.
    pub offset: u64,
    /// Its number, from 1 behind [`Block::lines_before`].
    pub number: u64,
    /// Longer than [`MAX_LINE_BYTES`].
    pub too_long: bool,
}

impl Block {
    /// The lines, with their newlines; the last line of the source may lack one.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[..self.len]
    }

    /// The lines, first to last.
    pub fn lines(&self) -> Lines<'_> {
        Lines { block: self, at: 0, number: self.lines_before, mark: 0 }
    }

    /// The same stretch of the source with other lines: each goes through `join`, which may hold it back (a piece of a
    /// line) and hand on any number of whole ones, from blocks before too.
    pub fn joined(self, mut join: impl FnMut(Line<'_>, &mut dyn FnMut(Line<'_>))) -> Block {
        let (mut bytes, mut marks) = (Vec::with_capacity(self.len), Vec::new());
        self.lines().for_each(|line| join(line, &mut |line| Mark::keep(line, &mut bytes, &mut marks)));
        Block { len: bytes.len(), buffer: bytes, marks: Some(marks), long: false, ..self }
    }

    /// No bytes at the end of a source, for the lines that were still held back.
    pub fn at_end(offset: u64, fill: impl FnOnce(&mut dyn FnMut(Line<'_>))) -> Block {
        let (mut buffer, mut marks) = (Vec::new(), Vec::new());
        fill(&mut |line| Mark::keep(line, &mut buffer, &mut marks));
        let len = buffer.len();
        Block { buffer, len, offset, lines_before: 0, extent: 0, long: false, marks: Some(marks) }
    }

    /// The buffer, to be used again by [`Blocks::recycle`].
    pub fn into_buffer(self) -> Vec<u8> {
        self.buffer
    }
}

impl Mark {
    fn keep(line: Line<'_>, bytes: &mut Vec<u8>, marks: &mut Vec<Mark>) {
        bytes.extend_from_slice(line.bytes);
        let Line { offset, number, too_long, .. } = line;
        marks.push(Mark { end: bytes.len(), offset, number, too_long });
    }
}

/// The lines of a block.
#[derive(Debug)]
pub struct Lines<'b> {
    block: &'b Block,
    at: usize,
    number: u64,
    mark: usize,
}

impl<'b> Lines<'b> {
    /// All bytes from the next line on, where a line is simply what stands between two newlines.
    #[inline]
    pub fn rest(&self) -> Option<&'b [u8]> {
        let plain = self.block.marks.is_none() && !self.block.long;
        self.block.bytes().get(self.at..).filter(|_| plain)
    }

    /// Where the next line starts in the source, and its number.
    #[inline]
    pub fn next_place(&self) -> (u64, u64) {
        (self.block.offset + self.at as u64, self.number + 1)
    }

    /// Passes over lines, which are so long together with their newlines.
    #[inline]
    pub fn pass(&mut self, bytes: usize, lines: u64) {
        self.at += bytes;
        self.number += lines;
    }
}

impl<'b> Iterator for Lines<'b> {
    type Item = Line<'b>;

    #[inline]
    fn next(&mut self) -> Option<Line<'b>> {
        let bytes = self.block.bytes();
        if let Some(marks) = &self.block.marks {
            let Mark { end, offset, number, too_long } = *marks.get(self.mark)?;
            let line = &bytes[self.at..end];
            self.at = end;
            self.mark += 1;
            return Some(Line { bytes: line, offset, number, too_long });
        }
        let rest = bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let offset = self.block.offset + self.at as u64;
        self.at += end + 1;
        self.number += 1;
        let too_long = self.block.long || end > MAX_LINE_BYTES;
        let kept = if too_long { end.min(LONG_LINE_HEAD) } else { end };
        Some(Line { bytes: &rest[..kept], offset, number: self.number, too_long })
    }
}

#[derive(Debug)]
enum State {
    Reading,
    /// The reader is at its end; what is in the buffer is still to be handed on.
    Ended,
    /// The same, with an error to be told afterwards.
    Failed(io::Error),
    /// All is handed on.
    Done,
}

/// Cuts a stream, or a stretch of it, into blocks.
#[derive(Debug)]
pub struct Blocks<R> {
    reader: R,
    /// Wholly initialised, so that a read needs no clearing; `buffer[..filled]` is what was read.
    buffer: Vec<u8>,
    filled: usize,
    /// No newline in `buffer[..searched]`.
    searched: usize,
    /// Where `buffer[0]` stands in the source.
    offset: u64,
    /// Lines that start here or later are somebody else's.
    end: u64,
    /// The stretch began inside a line, which is somebody else's.
    inside_line: bool,
    size: usize,
    counted: Option<u64>,
    spare: Vec<Vec<u8>>,
    state: State,
}

impl<R: Read> Blocks<R> {
    /// Blocks of about `size` bytes.
    pub fn new(reader: R, size: usize) -> Blocks<R> {
        Blocks {
            reader,
            buffer: Vec::new(),
            filled: 0,
            searched: 0,
            offset: 0,
            end: u64::MAX,
            inside_line: false,
            size: size.max(1),
            counted: None,
            spare: Vec::new(),
            state: State::Reading,
        }
    }

    /// The lines that start in `start..end` of a source. The reader must stand one byte before `start` (at 0 for 0), to
    /// see whether a line starts there.
    pub fn stretch(reader: R, size: usize, start: u64, end: u64) -> Blocks<R> {
        let mut blocks = Blocks::new(reader, size);
        blocks.offset = start.saturating_sub(1);
        blocks.inside_line = start > 0;
        blocks.end = end;
        blocks
    }

    /// Counts lines, so that every block knows its [`lines_before`](Block::lines_before).
    pub fn counting(mut self) -> Blocks<R> {
        self.counted = Some(0);
        self
    }

    /// Counts no more: nobody wants to know.
    pub fn stop_counting(&mut self) {
        self.counted = None;
    }

    /// Gives a buffer back, to be filled again.
    pub fn recycle(&mut self, buffer: Vec<u8>) {
        // Those that are folded come back several at a time; new ones would have to be cleared by the system.
        if self.spare.len() < SPARE_BUFFERS {
            self.spare.push(buffer);
        }
    }

    /// How far the source has been read.
    pub fn position(&self) -> u64 {
        self.offset + self.filled as u64
    }

    /// The next block; `None` at the end. `waits` says that nothing more is to be had from the reader for now: then
    /// the lines that are already there come at once, as a smaller block.
    ///
    /// # Errors
    /// What the reader says, once. What was read before it comes first, as blocks.
    pub fn next_block(&mut self, mut waits: impl FnMut(&mut R) -> bool) -> io::Result<Option<Block>> {
        if std::mem::take(&mut self.inside_line) {
            self.grow(self.size.max(OVERRUN_BYTES as usize));
            self.discard_line();
        }
        let mut target = self.size.max(self.filled);
        while !matches!(self.state, State::Done) {
            self.fill(target, &mut waits);
            if let Some(cut) = self.find_cut() {
                return Ok(Some(self.hand_over(cut)));
            }
            if self.filled > MAX_LINE_BYTES {
                return Ok(Some(self.pass_long_line()));
            }
            if !matches!(self.state, State::Reading) {
                if self.filled > 0 {
                    return Ok(Some(self.hand_over(self.filled)));
                }
                if let State::Failed(error) = std::mem::replace(&mut self.state, State::Done) {
                    return Err(error);
                }
                break;
            }
            self.searched = self.filled;
            target = target.max(self.filled.saturating_mul(2).min(MAX_LINE_BYTES)).max(self.filled + 1);
        }
        Ok(None)
    }

    fn grow(&mut self, len: usize) {
        if self.buffer.is_empty() {
            // Zeroes that come with the memory cost nothing until they are written: small members are many.
            self.buffer = vec![0; len];
        } else if self.buffer.len() < len {
            self.buffer.resize(len, 0);
        }
    }

    /// Reads until `target` bytes are there, or as many as are wanted now.
    fn fill(&mut self, target: usize, waits: &mut impl FnMut(&mut R) -> bool) {
        self.grow(target);
        while matches!(self.state, State::Reading) && self.filled < target {
            if self.filled > self.searched
                && waits(&mut self.reader)
                && memchr::memrchr(b'\n', &self.buffer[self.searched..self.filled]).is_some()
            {
                return;
            }
            if self.read(self.filled, target) > 0 && self.position() >= self.end {
                return;
            }
        }
    }

    /// One read into `buffer[from..to]`, not beyond the end of the stretch as long as that is ahead.
    fn read(&mut self, from: usize, to: usize) -> usize {
        let position = self.offset + from as u64;
        let wanted = if position < self.end { self.end - position } else { OVERRUN_BYTES };
        let to = to.min(from.saturating_add(usize::try_from(wanted).unwrap_or(usize::MAX)));
        loop {
            match self.reader.read(&mut self.buffer[from..to]) {
                Ok(0) => self.state = State::Ended,
                Ok(got) => {
                    self.filled = from + got;
                    return got;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => self.state = State::Failed(error),
            }
            return 0;
        }
    }

    /// Behind which byte the buffer can be cut, if anywhere.
    fn find_cut(&mut self) -> Option<usize> {
        // 0 when the last line, cut off by the end of the source, ran beyond the end of the stretch.
        let ours = self.end.saturating_sub(self.offset);
        if ours > 0 && self.filled as u64 >= ours {
            // The last line that starts before the end is whole as soon as a newline stands at `end - 1` or behind.
            let from = usize::try_from(ours - 1).unwrap_or(usize::MAX).max(self.searched);
            if let Some(at) = memchr::memchr(b'\n', self.buffer[..self.filled].get(from..)?) {
                self.state = State::Done;
                return Some(from + at + 1);
            }
        }
        memchr::memrchr(b'\n', &self.buffer[self.searched..self.filled]).map(|at| self.searched + at + 1)
    }

    /// Hands on what is before the cut and keeps the rest.
    fn hand_over(&mut self, cut: usize) -> Block {
        let rest = self.filled - cut;
        let mut next = self.spare.pop().unwrap_or_else(|| vec![0; self.size.max(rest)]);
        if next.len() < rest {
            next.resize(rest.max(self.size), 0);
        }
        next[..rest].copy_from_slice(&self.buffer[cut..self.filled]);
        let buffer = std::mem::replace(&mut self.buffer, next);
        let block = Block {
            buffer,
            len: cut,
            offset: self.offset,
            lines_before: self.counted.unwrap_or(0),
            extent: cut as u64,
            long: false,
            marks: None,
        };
        if let Some(counted) = &mut self.counted {
            *counted += memchr::memchr_iter(b'\n', block.bytes()).count() as u64;
        }
        self.offset += cut as u64;
        self.filled = rest;
        self.searched = 0;
        block
    }

    /// The buffer begins with a line above the limit: keeps its head and reads on behind it.
    fn pass_long_line(&mut self) -> Block {
        let offset = self.offset;
        let buffer = self.buffer[..LONG_LINE_HEAD].to_vec();
        let lines_before = self.counted.unwrap_or(0);
        if let Some(counted) = &mut self.counted {
            *counted += 1;
        }
        self.offset += self.filled as u64;
        self.filled = 0;
        self.discard_line();
        let extent = self.offset - offset;
        Block { len: buffer.len(), buffer, offset, lines_before, extent, long: true, marks: None }
    }

    /// Drops everything up to the next newline, that included. The buffer is empty before.
    fn discard_line(&mut self) {
        self.searched = 0;
        while matches!(self.state, State::Reading) {
            if self.offset >= self.end {
                self.state = State::Done;
                return;
            }
            let got = self.read(0, self.buffer.len());
            self.filled = 0;
            if let Some(at) = memchr::memchr(b'\n', &self.buffer[..got]) {
                self.buffer.copy_within(at + 1..got, 0);
                self.filled = got - at - 1;
                self.offset += at as u64 + 1;
                if self.offset >= self.end {
                    self.filled = 0;
                    self.state = State::Done;
                }
                return;
            }
            self.offset += got as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks of the lines that start in each stretch of `step` bytes, put together, are the lines of the whole.
    #[test]
    fn stretches_share_the_lines_between_them() {
        let text = b"a\n\nbcd\n\n\nefghijklmnop\nq\nrst";
        let whole: Vec<(u64, Vec<u8>)> = lines_of(Blocks::new(&text[..], 1000));
        assert_eq!(whole.len(), 8);
        for step in 1..40 {
            for size in [1, 2, 5, 100] {
                let mut all = Vec::new();
                for start in (0..text.len()).step_by(step) {
                    let end = (start + step) as u64;
                    let from = &text[start.saturating_sub(1)..];
                    all.extend(lines_of(Blocks::stretch(from, size, start as u64, end)));
                }
                assert_eq!(all, whole, "step {step}, size {size}");
            }
        }
    }

    fn lines_of<R: Read>(mut blocks: Blocks<R>) -> Vec<(u64, Vec<u8>)> {
        let mut lines = Vec::new();
        while let Some(block) = blocks.next_block(|_| false).unwrap() {
            lines.extend(block.lines().map(|line| (line.offset, line.bytes.to_vec())));
            blocks.recycle(block.into_buffer());
        }
        lines
    }

    #[test]
    fn pieces_are_joined_across_blocks() {
        let text = b"one\nP:two-\nP:three-\nfour\nfive\n";
        for size in [1, 6, 100] {
            let mut blocks = Blocks::new(&text[..], size).counting();
            let mut held: Option<(Vec<u8>, u64, u64)> = None;
            let mut lines = Vec::new();
            while let Some(block) = blocks.next_block(|_| false).unwrap() {
                let block = block.joined(|line, out| {
                    if let Some(piece) = line.bytes.strip_prefix(b"P:") {
                        held.get_or_insert((Vec::new(), line.offset, line.number)).0.extend_from_slice(piece);
                    } else if let Some((mut bytes, offset, number)) = held.take() {
                        bytes.extend_from_slice(line.bytes);
                        out(Line { bytes: &bytes, offset, number, too_long: false });
                    } else {
                        out(line);
                    }
                });
                lines.extend(block.lines().map(|line| (line.number, line.offset, line.bytes.to_vec())));
            }
            let expected: [(u64, u64, &[u8]); 3] =
                [(1, 0, b"one"), (2, 4, b"two-three-four"), (5, 25, b"five")];
            assert_eq!(
                lines,
                expected.map(|(number, offset, bytes)| (number, offset, bytes.to_vec())),
                "size {size}"
            );
        }
    }
}
