//! The second reading of one part of the input: most lines are told at a glance not to be wanted.

use std::collections::HashSet;

use super::collect::{Ceilings, Second};
use super::sight::Place;
use super::ways::{Passing, Way};
use crate::record::{Kind, Record, id_key};

/// One part of the second reading.
#[derive(Debug)]
pub struct Look<'w> {
    second: Second,
    /// Keys of failing requests, whose other sides are looked for.
    wanted: &'w HashSet<u64>,
    /// Who called whom is known already, and that nobody else can have met.
    only_wanted: bool,
    /// Lines that are alike, by a number that the caller gives them.
    ways: Vec<Option<Way>>,
}

impl<'w> Look<'w> {
    /// Looks for the other sides of these requests, and, unless only they are wanted, for all else that a join needs.
    pub fn new(wanted: &'w HashSet<u64>, only_wanted: bool, ceilings: &Ceilings) -> Look<'w> {
        Look { second: Second::below(ceilings), wanted, only_wanted, ways: Vec::new() }
    }

    /// Takes a line that is like one that was [learnt](Self::learn) under this number. False when it is to be
    /// [seen](Self::see) whole.
    #[inline]
    pub fn pass(&mut self, number: usize, us: Option<i64>, line: &Passing<'_>) -> bool {
        let Some(Some(way)) = self.ways.get_mut(number) else { return false };
        if !way.ailing && way.has_id {
            // Without an id: it stands where a glance does not look.
            if line.id.is_empty()
                || id_key(line.id).is_some_and(|key| self.second.wants(key, self.wanted, self.only_wanted))
            {
                return false;
            }
        }
        if !self.only_wanted {
            way.count(&mut self.second, us, line);
        }
        true
    }

    /// Takes a record.
    pub fn see(&mut self, record: &Record<'_>, name: &str, place: Place) {
        match self.only_wanted {
            true => self.second.see_wanted(record, self.wanted, name, place),
            false => self.second.see(record, self.wanted, name, place),
        }
    }

    /// Lines of this number are from now on like this one.
    pub fn learn(&mut self, number: usize, record: &Record<'_>, name: &str) {
        if self.ways.len() <= number {
            self.ways.resize_with(number + 1, || None);
        }
        // What became of a TCP session is told by its sizes, too.
        let way = (record.kind() == Kind::Http).then(|| Way::of(record, name));
        if let Some(before) = std::mem::replace(&mut self.ways[number], way) {
            before.flush(&mut self.second);
        }
    }

    /// What was found.
    pub fn finish(mut self) -> Second {
        for way in self.ways.drain(..).flatten() {
            way.flush(&mut self.second);
        }
        self.second
    }

    /// Bytes on the heap, about.
    pub fn weight(&self) -> usize {
        self.ways.capacity() * size_of::<Option<Way>>() + self.second.weight()
    }
}
