//! Snapshots: counts of logs that were read before. Only recognised here; the room `snapshot` reads them.

use std::ops::ControlFlow;

use super::walk::{Container, Entry, Walk};

/// What a snapshot begins with; its version stands behind.
pub const MAGIC: &[u8] = b"meshwhy-snapshot ";

/// The name of this container.
pub const SNAPSHOT: &str = "snapshot";

/// A snapshot.
pub(super) struct Snapshot;

/// True for the head of a snapshot. One byte may be wrong: a damaged snapshot is no log.
pub fn is_snapshot(head: &[u8]) -> bool {
    let head = head.get(..MAGIC.len()).unwrap_or_default();
    head.len() == MAGIC.len() && head.iter().zip(MAGIC).filter(|(a, b)| a != b).count() <= 1
}

impl Container for Snapshot {
    fn name(&self) -> &'static str {
        SNAPSHOT
    }

    fn recognises(&self, head: &[u8]) -> bool {
        is_snapshot(head)
    }

    fn open(&self, entry: Entry<'_>, walk: &mut Walk<'_>) -> ControlFlow<()> {
        walk.show(Entry { container: SNAPSHOT, file: None, ..entry })
    }
}
