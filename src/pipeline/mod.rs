//! The corridor: inputs become folded parts, in parallel, merged in input order.
//!
//! ```text
//!           feeder (one thread)                 pool                         caller
//! inputs ─▶ opens, recognises, cuts ─▶ tasks ─▶ fold each line ─▶ parts ─▶ merge, first to last
//! ```
//!
//! A plain file is never read by the feeder: it is split into chunks which the pool's threads read themselves. Of
//! several compressed files each is one task; a single one (a pipe, an archive) is unpacked by the feeder, which hands
//! blocks to the pool. Each task gets a slot in a bounded queue when it is made, and the caller empties the slots in
//! that order: so results are in input order. Memory is bounded by the slots, and by the gate that parts pass on their way
//! to the merging.
//!
//! Which [`Fold`] it is, only the two ends know (`store.rs`): what walks through the corridor is a ticket for the fold.

mod feed;
mod fold;
mod follow;
mod gate;
mod join;
mod missed;
mod order;
mod pieces;
mod resume;
mod rewrite;
mod store;
mod summarise;
mod task;
#[cfg(test)]
mod tests;

pub use follow::{Failure, Followed, Known, Live, finish, follow};
pub use join::{Traced, trace};
pub use resume::resume;
pub use rewrite::rewrite;
#[cfg(feature = "parquet")]
pub use rewrite::rewrite_as_parquet;
pub use summarise::{
    last_start, opened, snapshot, summarise, summarise_by, summarise_in_detail, summarise_sides,
};

pub use crate::query::Passed;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::aggregate::{Glimpse, Text};
use crate::error::{Error, Result};
use crate::format::{Glance, ProxyLine, Reader};
use crate::frame::BLOCK_BYTES;
pub use crate::input::Source;
use crate::input::{Input, Limits};
use crate::record::{Carrier, Record, Reject};
use crate::snapshot::Held;

/// What a line turned out to be.
#[derive(Debug)]
pub enum Seen<'a> {
    /// An access record.
    Record(Record<'a>),
    /// A line of a proxy's own log.
    Proxy(ProxyLine),
    /// Somebody else's line.
    Other,
    /// An access line that cannot be read.
    Reject(Reject),
}

/// Where a line stood.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Number of the source: its place in [`Outcome::sources`].
    pub source: u32,
    /// Name of the source.
    pub name: &'a str,
    /// Number of the line from 1, to which [`Part::first_line`] is to be added. With [`Fold::NUMBERED`] that is 0.
    pub line: u64,
    /// Where the line starts in the decompressed source, from 0.
    pub offset: u64,
    /// The line as it stood, wrappers included, without its newline. Of a line above the limit only the head.
    pub raw: &'a [u8],
}

/// What is made of the lines. One for each part.
pub trait Fold: Send {
    /// Whether [`Place::line`] must be the number within the source. Costs a count of the lines ahead of the fold.
    const NUMBERED: bool;

    /// Takes one line.
    fn see(&mut self, seen: &Seen<'_>, place: &Place<'_>);

    /// Whether it is worth while to [`glance`](Self::glance).
    fn glances(&self) -> bool {
        false
    }

    /// Takes a line by what is plain to see of it. Where that was not enough, [`see`](Self::see) is to have the line. There
    /// is a place for lines that are in no wrapper.
    fn glance(&mut self, _glance: &Glance<'_>, _place: Option<&Place<'_>>) -> Glimpse {
        Glimpse::Unknown
    }

    /// Takes what the wrapper of a line tells, before the line.
    fn wrapped(&mut self, _carrier: &Carrier<'_>) {}

    /// Takes the first bytes of a source, before its lines.
    fn begin(&mut self, _source: u32, _head: &[u8]) {}

    /// Bytes held by this fold, about.
    fn weight(&self) -> usize {
        0
    }

    /// Whether the part is to be ended early, where a thread's share of memory is `share` bytes. Asked every few hundred
    /// lines.
    fn is_full(&self, share: usize) -> bool {
        self.weight() > share
    }
}

/// How the work is done. None of it changes the result.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Bytes of a block.
    pub block_bytes: usize,
    /// Threads that fold; 0: as many as the machine has.
    pub threads: usize,
    /// How deep and how far inputs are opened.
    pub limits: Limits,
    /// Snapshots that hold the same lines are counted, each for itself.
    pub allow_overlap: bool,
    /// Logs are refused: all inputs are to be snapshots.
    pub snapshots_only: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            block_bytes: BLOCK_BYTES,
            threads: 0,
            limits: Limits::default(),
            allow_overlap: false,
            snapshots_only: false,
        }
    }
}

impl Options {
    fn threads(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }
}

/// How far the reading is, and whether it shall go on. Shared with whoever shows progress or catches signals.
#[derive(Debug, Default)]
pub struct Progress {
    /// Bytes read of the inputs, as they are on disk.
    pub read: AtomicU64,
    /// Bytes of all inputs; 0 when it is not known.
    pub total: AtomicU64,
    /// Set to end the reading; what was read is kept.
    pub stop: AtomicBool,
}

impl Progress {
    /// Nothing read yet.
    pub const fn new() -> Progress {
        Progress { read: AtomicU64::new(0), total: AtomicU64::new(0), stop: AtomicBool::new(false) }
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Lines of one source, folded.
#[derive(Debug)]
pub struct Part<F> {
    /// What was made of them.
    pub fold: F,
    /// Number of the source.
    pub source: u32,
    /// Name of the source.
    pub name: Arc<str>,
    /// What to add to the part's [`Place::line`] to get the number within the source: the lines before this part, or 0
    /// when they were counted ahead of the fold.
    pub first_line: u64,
    /// Lines the fold has seen.
    pub lines: u64,
    /// Bytes of the source that the part stands for.
    pub bytes: u64,
}

/// What was read, and what could not be.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Every stream of lines, in input order.
    pub sources: Vec<Source>,
    /// What could not be read, in input order. The rest was.
    pub failures: Vec<Error>,
    /// Snapshots among the inputs, in input order. They are not opened yet.
    pub snapshots: Vec<Held>,
    /// Streams passed over in directories and archives because they hold no text.
    pub skipped: u64,
    /// Reading was ended early by [`Progress::stop`].
    pub interrupted: bool,
    /// Upstreams of records that a filter on upstreams left out, by name.
    pub missed: Vec<Text>,
}

/// Reads the inputs, folds their lines, and passes the parts to `merge` in input order, on this thread.
///
/// # Errors
/// What `merge` returns; reading ends then. An input that cannot be read is no error but one of
/// [`Outcome::failures`].
pub fn run<F: Fold>(
    inputs: &[Input],
    reader: &Reader,
    make: impl Fn() -> F + Sync,
    options: &Options,
    progress: Option<&Progress>,
    mut merge: impl FnMut(Part<F>) -> Result<()>,
) -> Result<Outcome> {
    let nobody = Progress::new();
    let progress = progress.unwrap_or(&nobody);
    let store = store::Store::new(make);
    let bench = task::Bench { reader, folds: &store, options, progress, threads: options.threads() };
    order::run(inputs, &bench, &mut |part| {
        let Part { fold: ticket, source, name, first_line, lines, bytes } = part;
        merge(Part { fold: store.fetch(ticket), source, name, first_line, lines, bytes })
    })
}
