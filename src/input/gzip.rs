//! gzip, recognised by its bytes, with any number of members.

use std::ops::ControlFlow;

use super::limit;
use super::walk::{Container, Entry, Still, Walk};

/// gzip.
pub(super) struct Gzip;

impl Container for Gzip {
    fn name(&self) -> &'static str {
        "gzip"
    }

    fn recognises(&self, head: &[u8]) -> bool {
        // Method 8 (deflate) is the only one there ever was.
        head.starts_with(&[0x1f, 0x8b, 8])
    }

    fn open(&self, entry: Entry<'_>, walk: &mut Walk<'_>) -> ControlFlow<()> {
        let mut reader = Still(limit::gzip(entry.reader));
        walk.enter(Entry { reader: &mut reader, file: None, ..entry })
    }
}
