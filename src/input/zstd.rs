//! zstd, with any number of frames.

use std::ops::ControlFlow;

use super::limit;
use super::walk::{Container, Entry, Still, Walk};
use crate::error::ErrorKind;

/// zstd.
pub(super) struct Zstd;

impl Container for Zstd {
    fn name(&self) -> &'static str {
        "zstd"
    }

    fn recognises(&self, head: &[u8]) -> bool {
        match head {
            [0x28, 0xb5, 0x2f, 0xfd, ..] => true,
            // A skippable frame, as pzstd and seekable zstd begin with.
            [first, 0x2a, 0x4d, 0x18, ..] => first & 0xf0 == 0x50,
            _ => false,
        }
    }

    fn open(&self, entry: Entry<'_>, walk: &mut Walk<'_>) -> ControlFlow<()> {
        match limit::zstd(entry.reader) {
            Ok(decoder) => walk.enter(Entry { reader: &mut Still(decoder), file: None, ..entry }),
            Err(cause) => walk.fail(ErrorKind::Read { source: entry.name, offset: 0, cause }.into()),
        }
    }
}
