//! Snapshots: the finished counts of some logs as a file, and snapshots put together again.
//!
//! `merge(parts) = whole`: a snapshot keeps everything that outputs are made of, places in the input included, so the
//! triage of snapshots is, byte for byte, the triage of the logs that they were made of. `docs/snapshot.md` tells what is
//! in the file.

mod body;
mod file;
mod held;
mod merge;
mod state;
#[cfg(test)]
mod tests;

use crate::aggregate::{Detail, Summary};
use crate::input::Source;
use crate::join::{Join, Second};
use crate::query::Passed;
use crate::words::Said;

pub use file::{VERSION, write};
pub use held::Held;
pub use merge::{Asked, agree_with, merge};
pub use state::{Probe, State, Tracked};

/// What a snapshot was made of: enough to know whether it goes together with others.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct About {
    /// What was read.
    pub sources: Vec<Source>,
    /// Conditions that records had to meet, in words.
    pub filters: Vec<String>,
    /// Names of the fields that records are grouped by.
    pub by: Vec<String>,
    /// First and last time in it, microseconds since 1970.
    pub times_us: Option<(i64, i64)>,
}

/// The finished counts of some logs.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// What it was made of.
    pub about: About,
    /// The counts.
    pub summary: Summary,
    /// What only a report asks for.
    pub detail: Detail,
    /// What was kept for the join of several proxies' logs.
    pub join: Join,
    /// The same of requests that went well: what a second reading of the logs would find. `None`: not all of them.
    pub second: Option<Second>,
    /// What the filter did.
    pub passed: Passed,
    /// What could not be read, in words.
    pub failures: Vec<Said>,
    /// Streams passed over because they hold no text.
    pub skipped: u64,
    /// Reading was ended early.
    pub interrupted: bool,
    /// How far files were read, where that is remembered for the next run.
    pub tracked: Vec<Tracked>,
}

impl Default for Snapshot {
    fn default() -> Snapshot {
        Snapshot {
            about: About::default(),
            summary: Summary::default(),
            detail: Detail::default(),
            join: Join::default(),
            // The whole gathers as its parts did.
            second: Some(Second::gathering()),
            passed: Passed::default(),
            failures: Vec::new(),
            skipped: 0,
            interrupted: false,
            tracked: Vec::new(),
        }
    }
}

impl Snapshot {
    /// First and last time of all that was counted.
    pub fn times_us(&self) -> Option<(i64, i64)> {
        let mut span = self.summary.span;
        self.summary.proxy_log.notes.values().for_each(|note| span.merge(note.span));
        span.ends_us()
    }
}
