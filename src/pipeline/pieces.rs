//! Lines that a container runtime cut are put together again, wherever the blocks were cut.
//!
//! The joiner walks through a source from its first line to its last, so it stands between the cutter and the fold.
//! It is only asked when a block may hold a piece; a source that does not begin like a runtime's file has none.

use crate::frame::{Block, Joiner, Line, partial};

/// Bytes of the first line that tell a runtime's file.
const HEAD_BYTES: usize = 4096;

/// Docker cuts at 16 KiB of text; in JSON that is never shorter.
const DOCKER_PIECE: usize = 16 << 10;

/// The pieces of one source.
#[derive(Default)]
pub(super) struct Pieces {
    joiner: Joiner,
}

/// True when a source that begins so is a container runtime's file.
pub(super) fn from_runtime(head: &[u8]) -> bool {
    let head = &head[..head.len().min(HEAD_BYTES)];
    let line = &head[..memchr::memchr(b'\n', head).unwrap_or(head.len())];
    line.starts_with(b"{\"log\":\"") || partial(line).is_some()
}

impl Pieces {
    /// The lines of the next block, joined.
    pub(super) fn pass(&mut self, block: Block) -> Block {
        if !self.joiner.is_open() && !may_hold_pieces(block.bytes()) {
            return block;
        }
        block.joined(|line, out| {
            if line.too_long {
                out(line);
            } else if let Some(whole) = self.joiner.push(line.bytes, line.number, line.offset) {
                out(Line { bytes: whole.bytes, number: whole.line, offset: whole.offset, too_long: false });
            }
        })
    }

    /// Lines whose last piece never came, at the end of the source.
    pub(super) fn rest(&mut self, end: u64) -> Option<Block> {
        self.joiner.is_open().then(|| {
            Block::at_end(end, |out| {
                while let Some(whole) = self.joiner.pop() {
                    out(Line {
                        bytes: whole.bytes,
                        number: whole.line,
                        offset: whole.offset,
                        too_long: false,
                    });
                }
            })
        })
    }
}

/// False when every line is whole by itself. True for some that are, too.
fn may_hold_pieces(bytes: &[u8]) -> bool {
    let mut start = 0;
    let mut long = |end: usize| {
        let long = end - start > DOCKER_PIECE;
        start = end;
        long
    };
    memchr::memmem::find(bytes, b" P ").is_some()
        || memchr::memchr_iter(b'\n', bytes).any(&mut long)
        || long(bytes.len())
}
