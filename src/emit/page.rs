//! Rows, one behind the other, in a buffer that is written and used again.

use std::ops::Range;

use super::{digits, width};

/// A longer piece of a row is copied by a call.
const LONGEST_PIECE: usize = 64;

/// Rows of text.
#[derive(Debug)]
pub(super) struct Page {
    /// All of it was written once, by rows or with zeros: so rows need only be copied into it.
    bytes: Vec<u8>,
    /// Where the text ends.
    len: usize,
}

impl Page {
    /// An empty page in a used buffer.
    pub(super) fn new(buffer: Vec<u8>) -> Page {
        Page { bytes: buffer, len: 0 }
    }

    /// What was written.
    pub(super) fn text(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// Its buffer, to be used again.
    pub(super) fn into_buffer(self) -> Vec<u8> {
        self.bytes
    }

    /// Writes some text.
    #[inline]
    pub(super) fn put(&mut self, text: &[u8]) {
        let _ = self.row(text.len(), |row| row.put(text));
    }

    /// Writes a line.
    #[inline]
    pub(super) fn line(&mut self, line: &[u8]) {
        let _ = self.row(line.len() + 1, |row| row.put(line).and_then(|()| row.byte(b'\n')));
    }

    /// Writes a row of at most `room` bytes; nothing when `fill` ends with `None`.
    #[inline(always)]
    pub(super) fn row(&mut self, room: usize, fill: impl FnOnce(&mut Row<'_>) -> Option<()>) -> Option<()> {
        let room = self.len + room + LONGEST_PIECE;
        if self.bytes.len() < room {
            self.grow(room);
        }
        let mut row = Row { bytes: self.bytes.get_mut(self.len..)?, len: 0 };
        fill(&mut row)?;
        self.len += row.len;
        Some(())
    }

    #[cold]
    fn grow(&mut self, room: usize) {
        self.bytes.resize(room.max(2 * self.bytes.len()), 0);
    }
}

/// A row under way.
#[derive(Debug)]
pub(super) struct Row<'p> {
    bytes: &'p mut [u8],
    len: usize,
}

impl Row<'_> {
    #[inline]
    pub(super) fn put(&mut self, text: &[u8]) -> Option<()> {
        let to = self.bytes.get_mut(self.len..self.len + text.len())?;
        self.len += text.len();
        to.copy_from_slice(text);
        Some(())
    }

    #[inline(always)]
    pub(super) fn byte(&mut self, byte: u8) -> Option<()> {
        *self.bytes.get_mut(self.len)? = byte;
        self.len += 1;
        Some(())
    }

    /// Writes a piece of a text, and perhaps some of what stands behind it, which is overwritten by what comes next: to
    /// copy a fixed number of bytes costs less than to copy as many as it takes.
    #[inline(always)]
    pub(super) fn piece(&mut self, text: &[u8], piece: Range<usize>) -> Option<()> {
        let len = piece.end.checked_sub(piece.start)?;
        let copied = match len {
            0..=32 => self.fixed::<32>(text, piece.start),
            _ => len <= LONGEST_PIECE && self.fixed::<LONGEST_PIECE>(text, piece.start),
        };
        if !copied {
            return self.put(text.get(piece)?);
        }
        self.len += len;
        Some(())
    }

    /// Copies so many bytes, where there are so many on both sides.
    #[inline(always)]
    fn fixed<const LEN: usize>(&mut self, text: &[u8], start: usize) -> bool {
        let to = self.bytes.get_mut(self.len..).and_then(<[u8]>::first_chunk_mut::<LEN>);
        let from = text.get(start..).and_then(<[u8]>::first_chunk::<LEN>);
        let Some((to, from)) = to.zip(from) else { return false };
        *to = *from;
        true
    }

    #[inline]
    pub(super) fn number(&mut self, number: u64) -> Option<()> {
        let end = self.len + width(number);
        digits(number, self.bytes.get_mut(self.len..end)?);
        self.len = end;
        Some(())
    }
}
