//! The two ends of the corridor that know what is made of the lines: here folds begin, and here those that are done wait to
//! be merged.
//!
//! All that lies between passes on lanes and tickets, whatever the fold is: it is compiled once, and not again for each
//! use of the corridor.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Fold;
use super::fold::{Folding, Lane};
use crate::format::Reader;

/// A store of some kind of fold.
pub(super) trait Folds: Sync {
    /// [`Fold::NUMBERED`].
    fn numbered(&self) -> bool;
    /// A lane for lines of a source.
    fn lane<'l>(
        &'l self,
        reader: &'l Reader,
        source: u32,
        name: Arc<str>,
        counted: bool,
    ) -> Box<dyn Lane + 'l>;
}

/// Makes folds, and keeps those that are done.
pub(super) struct Store<F, M> {
    make: M,
    /// A place is used again when its fold was fetched: there are never more than wait at a time.
    done: Mutex<Vec<Option<F>>>,
}

/// A fold that is done, and waits to be merged.
pub(super) struct Folded {
    pub(super) ticket: Ticket,
    /// Lines it has seen.
    pub(super) lines: u64,
    /// Bytes it holds, about.
    pub(super) weight: usize,
}

/// What a fold is fetched for, once.
pub(super) struct Ticket(usize);

impl<F: Fold, M: Fn() -> F + Sync> Store<F, M> {
    pub(super) fn new(make: M) -> Self {
        Store { make, done: Mutex::default() }
    }

    pub(super) fn make(&self) -> F {
        (self.make)()
    }

    pub(super) fn keep(&self, fold: F, lines: u64) -> Folded {
        // Far beyond any memory, and far from overflowing a sum.
        let weight = fold.weight().min(1 << 40);
        let mut done = self.done();
        let free = done.iter().position(Option::is_none).unwrap_or(done.len());
        if free == done.len() {
            done.push(None);
        }
        done[free] = Some(fold);
        Folded { ticket: Ticket(free), lines, weight }
    }

    pub(super) fn fetch(&self, ticket: Ticket) -> F {
        self.done()[ticket.0].take().expect("a ticket is good for one fold")
    }

    fn done(&self) -> MutexGuard<'_, Vec<Option<F>>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Fold, M: Fn() -> F + Sync> Folds for Store<F, M> {
    fn numbered(&self) -> bool {
        F::NUMBERED
    }

    fn lane<'l>(
        &'l self,
        reader: &'l Reader,
        source: u32,
        name: Arc<str>,
        counted: bool,
    ) -> Box<dyn Lane + 'l> {
        Box::new(Folding::new(self, reader, source, name, counted))
    }
}
