//! Ids of well-answered requests, so many as memory allows: only to tell whether one of them is wanted.

use std::collections::HashSet;

/// Ids that are kept: 18 MiB of them.
const KEPT: usize = 3 << 20;
/// Bits of an id that are left out: of so many ids, one in thousands of runs takes one for another, which costs that run a second
/// reading.
const LEFT_OUT: u32 = 16;

/// The upper 48 bits of a key.
type Short = [u16; 3];

/// The ids.
#[derive(Debug, Default)]
pub(super) struct Ids {
    chunks: Vec<Box<[Short]>>,
    kept: usize,
}

impl Ids {
    /// Adds keys, of which only those below a ceiling can be wanted. False when there are too many.
    pub(super) fn add(&mut self, keys: &[u64], below: Option<u64>) -> bool {
        let chunk: Box<[Short]> =
            keys.iter().map(|key| key >> LEFT_OUT).filter(|key| is_below(*key, below)).map(short).collect();
        self.kept += chunk.len();
        if !chunk.is_empty() {
            self.chunks.push(chunk);
        }
        if self.kept > KEPT {
            self.prune(below);
        }
        // Not to prune at every call.
        self.kept <= KEPT - KEPT / 8
    }

    /// The ceiling sinks while more failures are met.
    fn prune(&mut self, below: Option<u64>) {
        for chunk in &mut self.chunks {
            *chunk = chunk.iter().copied().filter(|key| is_below(long(*key), below)).collect();
        }
        self.kept = self.chunks.iter().map(|chunk| chunk.len()).sum();
    }

    /// True when one of these keys may be among the ids.
    pub(super) fn have_any(&self, wanted: &HashSet<u64>) -> bool {
        // A bit for each few bits of a key: most ids are told by it not to be wanted.
        const BITS: u64 = 1 << 20;
        let place = |key: u64| ((key % BITS / 64) as usize, 1_u64 << (key % 64));
        let mut marks = vec![0_u64; (BITS / 64) as usize];
        let wanted: HashSet<u64> = wanted.iter().map(|key| key >> LEFT_OUT).collect();
        for key in &wanted {
            let (at, bit) = place(*key);
            marks[at] |= bit;
        }
        let is_wanted = |key: u64| {
            let (at, bit) = place(key);
            marks[at] & bit != 0 && wanted.contains(&key)
        };
        self.chunks.iter().flatten().any(|key| is_wanted(long(*key)))
    }

    /// Gives the memory back.
    pub(super) fn forget(&mut self) {
        *self = Ids::default();
    }
}

fn is_below(key: u64, below: Option<u64>) -> bool {
    below.is_none_or(|below| key <= below >> LEFT_OUT)
}

fn short(key: u64) -> Short {
    [key as u16, (key >> 16) as u16, (key >> 32) as u16]
}

fn long([low, middle, high]: Short) -> u64 {
    u64::from(low) | u64::from(middle) << 16 | u64::from(high) << 32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack;

    fn key(n: u64) -> u64 {
        pack::hash(7, &[&n.to_le_bytes()])
    }

    #[test]
    fn an_id_is_found_if_it_was_added_and_may_be_wanted() {
        let keys: Vec<u64> = (0..5_000).map(key).collect();
        let mut ids = Ids::default();
        assert!(keys.chunks(100).all(|some| ids.add(some, None)));
        assert!(!ids.have_any(&(5_000..9_000).map(key).collect()));
        assert!(keys.iter().all(|key| ids.have_any(&HashSet::from([*key]))));
        ids.prune(Some(u64::MAX / 2));
        assert!(keys.iter().all(|key| ids.have_any(&HashSet::from([*key])) == (*key <= u64::MAX / 2)));
    }

    #[test]
    fn too_many_are_told_unless_a_ceiling_makes_room() {
        let mut ids = Ids::default();
        let keys: Vec<u64> = (0..4096).map(key).collect();
        let rounds = (KEPT / keys.len()) as u64 * 2;
        assert!((0..rounds).all(|_| ids.add(&keys, Some(u64::MAX / 4))));
        assert!(!(0..rounds).all(|_| ids.add(&keys, None)));
        ids.forget();
        assert!(ids.add(&keys, None));
    }
}
