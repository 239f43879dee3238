//! The fold of a run of lines: the very same for one thread and for many.

use std::sync::Arc;

use super::{Fold, Place, Seen};
use crate::format::{Reader, Reading};
use crate::frame::{Block, Line, MAX_LINE_BYTES, Names, names, peel};
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
    /// The pod, where the name of the source tells it.
    home: Names,
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
            home: names(name.as_bytes()),
            name,
            counted,
            layout: Layout::default(),
            peeled: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Folds the lines of a block.
    pub(super) fn block(&mut self, block: &Block) {
        let before = if self.counted { 0 } else { self.lines };
        for mut line in block.lines() {
            line.number += before;
            if line.offset == 0 && line.bytes.starts_with(BOM) {
                line.bytes = &line.bytes[BOM.len()..];
                line.offset = BOM.len() as u64;
            }
            self.line(&line);
        }
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
                let mut record = Record::new(text, &self.layout, peeled.carrier);
                // What the line itself tells is nearer than where its file lies.
                if self.home.any() && record.pod().is_none() {
                    record.carrier = self.home.carrier(self.name.as_bytes());
                }
                Seen::Record(record)
            }
            Reading::Proxy(line) => Seen::Proxy(line),
            Reading::Other => Seen::Other,
            Reading::Rejected(reject) => Seen::Reject(reject),
        };
        self.fold.see(&seen, &place);
    }
}
