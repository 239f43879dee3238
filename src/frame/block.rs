//! Blocks of whole lines, with one owner and a limit.

use std::io::{self, Read};

/// Bytes of a block: large enough that cutting costs nothing, small enough that several fit the caches' neighbourhood.
pub const BLOCK_BYTES: usize = 4 << 20;

/// The longest line that is read; a longer one is a counted reject. Envoy's own limit for request headers is 60 KiB
/// and at most a few such fields are logged, so a real record stays far below.
pub const MAX_LINE_BYTES: usize = 1 << 20;

/// Whole lines of one source.
#[derive(Debug)]
pub struct Block {
    /// The lines, with their newlines; the last line of the source may lack one.
    pub bytes: Vec<u8>,
    /// Where they start in the decompressed source, from 0.
    pub offset: u64,
}

/// One line, without its newline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// The bytes, cut at [`MAX_LINE_BYTES`].
    pub bytes: &'a [u8],
    /// Where the line starts in the decompressed source, from 0.
    pub offset: u64,
}

impl Block {
    /// The lines, first to last.
    pub fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let rest = self.bytes.get(at..).filter(|rest| !rest.is_empty())?;
            let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let line = Line { bytes: &rest[..end], offset: self.offset + at as u64 };
            at += end + 1;
            Some(line)
        })
    }
}

/// Cuts a stream into blocks.
#[derive(Debug)]
pub struct Blocks<R> {
    reader: R,
    carry: Vec<u8>,
    offset: u64,
    size: usize,
    done: bool,
}

impl<R: Read> Blocks<R> {
    /// Blocks of about `size` bytes.
    pub fn new(reader: R, size: usize) -> Blocks<R> {
        Blocks { reader, carry: Vec::new(), offset: 0, size: size.max(1), done: false }
    }

    /// The next block; `None` at the end.
    ///
    /// # Errors
    /// What the reader says. Whole lines read before it come first, as a block.
    pub fn next_block(&mut self) -> io::Result<Option<Block>> {
        while !self.done {
            let before = self.carry.len();
            let got = (&mut self.reader).take(self.size as u64).read_to_end(&mut self.carry)?;
            self.done = got == 0;
            let end = if self.done {
                self.carry.len()
            } else {
                match memchr::memrchr(b'\n', &self.carry[before..]) {
                    Some(at) => before + at + 1,
                    None => continue,
                }
            };
            if end == 0 {
                break;
            }
            let rest = self.carry.split_off(end);
            let block = Block { bytes: std::mem::replace(&mut self.carry, rest), offset: self.offset };
            self.offset += end as u64;
            return Ok(Some(block));
        }
        Ok(None)
    }
}
