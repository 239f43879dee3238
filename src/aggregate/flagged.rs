//! The flags of one second, before they go to the timeline: lines come in the order of their times, more or less, so that
//! its tables are not looked into for every line.

use super::Series;
use super::counter::{Ordered, Text};
use super::summary::{FlaggedLoad, TIMELINE};

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
}

impl Flagged {
    /// The place of a name.
    pub(super) fn place(&mut self, name: &[u8]) -> u32 {
        let at = self.names.get_index_of(name).unwrap_or_else(|| {
            self.bytes += name.len();
            self.counts.push(0);
            self.names.insert_full(name.into(), ()).0
        });
        at as u32
    }

    /// The name at a place.
    pub(super) fn name(&self, place: u32) -> &[u8] {
        self.names.get_index(place as usize).map_or(b"", |(name, ())| name)
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
            let count = &mut self.counts[place as usize];
            if *count == 0 {
                self.counted.push(place);
            }
            *count += 1;
        }
    }

    /// Hands on what was counted.
    pub(super) fn flush(&mut self, timeline: &mut Series<FlaggedLoad, TIMELINE>) {
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
