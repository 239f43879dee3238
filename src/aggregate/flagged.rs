//! The flags of one second, before they go to the timeline: lines come in the order of their times, more or less, so that
//! its tables are not looked into for every line.

use super::Series;
use super::counter::{Ordered, Text};
use super::summary::{FlaggedLoad, Full, TIMELINE};

/// Counts flags by their places among the names that were seen.
#[derive(Default)]
pub(super) struct Flagged {
    second: i64,
    names: Ordered<Text, ()>,
    /// Bytes of the names.
    bytes: usize,
    /// Records of the second, by place of the flag.
    counts: Vec<u64>,
    /// Places whose count is not 0.
    counted: Vec<u32>,
    /// Records with a flag that is not told apart over time.
    other: u64,
}

/// The place of all flags that are not told apart.
const OTHER: u32 = u32::MAX;

impl Flagged {
    /// The place of a name. One that the whole tells not apart has none of its own.
    pub(super) fn place(&mut self, name: &[u8], full: &Full) -> u32 {
        match self.names.get_index_of(name) {
            Some(at) => at as u32,
            None if full.timed_flags.lacks(name) => OTHER,
            None => {
                self.bytes += name.len();
                self.counts.push(0);
                self.names.insert_full(name.into(), ()).0 as u32
            }
        }
    }

    /// Counts the flags of a record.
    pub(super) fn count(
        &mut self,
        second: i64,
        places: &[u32],
        timeline: &mut Series<FlaggedLoad, TIMELINE>,
    ) {
        if self.second != second {
            self.flush(timeline);
            self.second = second;
        }
        for &place in places {
            let Some(count) = self.counts.get_mut(place as usize) else {
                self.other += 1;
                continue;
            };
            if *count == 0 {
                self.counted.push(place);
            }
            *count += 1;
        }
    }

    /// Hands on what was counted.
    pub(super) fn flush(&mut self, timeline: &mut Series<FlaggedLoad, TIMELINE>) {
        if self.other > 0 {
            timeline.at_second(self.second).other_flags += std::mem::take(&mut self.other);
        }
        for place in self.counted.drain(..) {
            let n = std::mem::take(&mut self.counts[place as usize]);
            let Some((name, ())) = self.names.get_index(place as usize) else { continue };
            let flags = &mut timeline.at_second(self.second).flags;
            match flags.get_mut(name) {
                Some(sum) => *sum += n,
                None => {
                    flags.insert(name.clone(), n);
                }
            }
        }
    }

    /// Bytes on the heap, about.
    pub(super) fn held(&self) -> usize {
        // The name's place, its hash, its allocation, and its count.
        const NAME: usize = 96;
        self.names.len() * NAME + self.bytes
    }
}
