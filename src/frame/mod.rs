//! A stream becomes blocks of whole lines, and lines lose what carried them.

mod block;
mod envelope;

pub use block::{BLOCK_BYTES, Block, Blocks, LONG_LINE_HEAD, Line, Lines, MAX_LINE_BYTES};
pub use envelope::{
    Joiner, Logical, Names, Partial, Peeled, Stream, may_be_continued, names, open_from, partial, peel,
};
