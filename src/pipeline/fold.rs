//! The fold of a run of lines: the very same for one thread and for many.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::task::WINDOW_BYTES;
use super::{Fold, Place, Seen};
use crate::format::{Reader, Reading};
use crate::frame::{Block, Line, MAX_LINE_BYTES, peel};
use crate::record::{Layout, Reason, Record, Reject};

/// UTF-8's byte-order mark: no part of the first line.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Lines on their way into one fold.
pub(super) struct Folding<'r, F> {
    pub(super) fold: F,
    /// Lines seen.
    pub(super) lines: u64,
    reader: &'r Reader,
    source: u32,
    name: Arc<str>,
    /// The cutter counts, so that a line's number is that within its source; otherwise it is that within the part.
    counted: bool,
    layout: Layout,
    peeled: Vec<u8>,
    scratch: Vec<u8>,
}

impl<'r, F: Fold> Folding<'r, F> {
    pub(super) fn new(fold: F, reader: &'r Reader, source: u32, name: Arc<str>, counted: bool) -> Self {
        Folding {
            fold,
            lines: 0,
            reader,
            source,
            name,
            counted,
            layout: Layout::default(),
            peeled: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Folds the lines of a block. Every now and then `pause` may take what was folded so far, by [`take`](Self::take).
    pub(super) fn block(
        &mut self,
        block: &Block,
        mut pause: impl FnMut(&mut Self) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut before = if self.counted { 0 } else { self.lines };
        let mut next_pause = block.offset + WINDOW_BYTES as u64;
        for mut line in block.lines() {
            line.number = line.number.wrapping_add(before);
            if line.offset == 0 && line.bytes.starts_with(BOM) {
                line.bytes = &line.bytes[BOM.len()..];
                line.offset = BOM.len() as u64;
            }
            self.line(&line);
            if line.offset >= next_pause {
                next_pause = line.offset + WINDOW_BYTES as u64;
                let seen = self.lines;
                pause(self)?;
                if !self.counted && self.lines == 0 {
                    // What comes is another part, whose lines are numbered from 1.
                    before = before.wrapping_sub(seen);
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// What was folded so far, and the number of lines; the next line begins a new part.
    pub(super) fn take(&mut self, next: F) -> (F, u64) {
        (std::mem::replace(&mut self.fold, next), std::mem::take(&mut self.lines))
    }

    #[inline]
    fn line(&mut self, line: &Line<'_>) {
        self.lines += 1;
        let place = Place {
            source: self.source,
            name: &self.name,
            line: line.number,
            offset: line.offset,
            raw: line.bytes,
        };
        if line.too_long {
            let reject = Reject { reason: Reason::TooLong, column: MAX_LINE_BYTES as u32 };
            return self.fold.see(&Seen::Reject(reject), &place);
        }
        let peeled = peel(line.bytes, &mut self.peeled);
        let seen = match self.reader.read(peeled.text, &mut self.layout, &mut self.scratch) {
            Reading::Access => {
                let text = if self.layout.in_scratch { &self.scratch } else { peeled.text };
                Seen::Record(Record::new(text, &self.layout, peeled.carrier))
            }
            Reading::Proxy(line) => Seen::Proxy(line),
            Reading::Other => Seen::Other,
            Reading::Rejected(reject) => Seen::Reject(reject),
        };
        self.fold.see(&seen, &place);
    }
}
