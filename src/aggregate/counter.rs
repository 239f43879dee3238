//! Counts by key, with a cap.

use std::borrow::Borrow;
use std::hash::Hash;

use foldhash::fast::FixedState;
use indexmap::IndexMap;

use super::summary::Keys;
use crate::arrange::Arrange;
use crate::pack::{Broken, Pack, Packer, Unpacker};

/// A table in input order. The state of the hash is fixed: the same input gives the same output.
pub type Ordered<K, V> = IndexMap<K, V, FixedState>;

/// Bytes from a log, owned.
pub type Text = Box<[u8]>;

/// Makes room for one more key of the whole, in a table of at most `cap`; 0 for one of many tables.
///
/// Tables are many or large: twice the room, as a table grows by itself, would cost as much as all its keys do. A large one takes
/// all its room at once: what is not used yet is no memory yet, and a larger copy every now and then leaves holes.
///
/// Of a key that comes from a part a copy is kept: the key itself would hold on to the pages of memory in which the rest of
/// that part stood.
pub(crate) fn make_room<K: Hash + Eq, V>(table: &mut Ordered<K, V>, cap: usize) {
    if table.len() == table.capacity() {
        table.reserve_exact(some_more(table.len(), cap));
    }
}

/// For how many more there shall be room where so many fill it.
pub(super) fn some_more(len: usize, cap: usize) -> usize {
    const LARGE: usize = 1024;
    let some = 1 + len / 8;
    if len < LARGE { some } else { some.max(cap.saturating_sub(len)) }
}

/// How often each key was seen. Keys are admitted in input order until the cap; what comes later is counted in
/// [`other`](Self::other), so that the sum is always exact.
///
/// A part of the input is counted without a cap and capped when it is merged into the whole: so the result does not
/// depend on how the input was cut.
#[derive(Debug, Clone, PartialEq)]
pub struct Counter<K: Hash + Eq> {
    keys: Ordered<K, u64>,
    other: u64,
}

impl<K: Hash + Eq + Pack> Pack for Counter<K> {
    fn put(&self, out: &mut Packer<'_>) {
        self.keys.put(out);
        self.other.put(out);
    }

    fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken> {
        Ok(Counter { keys: from.take()?, other: from.take()? })
    }

    fn absent() -> Option<Self> {
        Some(Counter::default())
    }
}

impl<K: Hash + Eq> Default for Counter<K> {
    fn default() -> Self {
        Counter { keys: Ordered::default(), other: 0 }
    }
}

impl<K: Hash + Eq> Counter<K> {
    /// Adds `n` for a key; the owned key is made only when it is new. True when it is.
    #[inline]
    pub fn add<Q>(&mut self, key: &Q, n: u64) -> bool
    where
        K: Borrow<Q> + for<'k> From<&'k Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.add_found(key, n).1
    }

    /// As [`add`](Self::add); tells the place of the key, too.
    #[inline]
    pub(super) fn add_found<Q>(&mut self, key: &Q, n: u64) -> (usize, bool)
    where
        K: Borrow<Q> + for<'k> From<&'k Q>,
        Q: Hash + Eq + ?Sized,
    {
        match self.keys.get_full_mut(key) {
            Some((at, _, count)) => {
                *count += n;
                (at, false)
            }
            None => (self.keys.insert_full(K::from(key), n).0, true),
        }
    }

    /// Adds `n` for the key that was seen as number `at`.
    pub(super) fn add_at(&mut self, at: usize, n: u64) {
        if let Some((_, count)) = self.keys.get_index_mut(at) {
            *count += n;
        }
    }

    /// Adds `n` for a key of a later part; a new one is kept when there is room. True when it was kept for the first
    /// time.
    pub(super) fn admit(&mut self, key: &K, n: u64, room: bool) -> bool
    where
        K: Clone,
    {
        match self.keys.get_mut(key) {
            Some(count) => *count += n,
            None if room => {
                make_room(&mut self.keys, 0);
                self.keys.insert(key.clone(), n);
                return true;
            }
            None => self.other += n,
        }
        false
    }

    /// Adds `n` for a key, which is not kept where the whole's table is full without it.
    pub(super) fn add_known<Q>(&mut self, key: &Q, n: u64, full: &Keys)
    where
        K: Borrow<Q> + for<'k> From<&'k Q>,
        Q: Hash + Eq + ?Sized,
    {
        match self.keys.get_mut(key) {
            Some(count) => *count += n,
            None if full.lacks(key) => self.other += n,
            None => {
                self.keys.insert(K::from(key), n);
            }
        }
    }

    /// Adds what was counted of keys that nobody kept.
    pub(super) fn add_other(&mut self, n: u64) {
        self.other += n;
    }

    /// Takes away from the count of a key, which goes when nothing is left. Only for finished counts: where keys came
    /// after the cap it cannot be told from which.
    pub fn less<Q>(&mut self, key: &Q, n: u64)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        if let Some(count) = self.keys.get_mut(key) {
            *count = count.saturating_sub(n);
            if *count == 0 {
                self.keys.shift_remove(key);
            }
        }
    }

    /// Adds what a later part of the input counted.
    pub fn merge(&mut self, later: Counter<K>, cap: usize)
    where
        K: Clone,
    {
        for (key, n) in later.keys {
            let room = self.keys.len() < cap;
            match self.keys.get_mut(&key) {
                Some(count) => *count += n,
                None if room => {
                    make_room(&mut self.keys, cap);
                    self.keys.insert(key.clone(), n);
                }
                None => self.other += n,
            }
        }
        self.other += later.other;
    }

    /// The same, where it does not depend on the order of the input which keys are kept.
    pub(super) fn merge_where(&mut self, later: Counter<K>, kept: impl Fn(&K) -> bool) {
        for (key, n) in later.keys {
            match kept(&key) {
                true => *self.keys.entry(key).or_default() += n,
                false => self.other += n,
            }
        }
        self.other += later.other;
    }

    /// The keys, in input order.
    pub(super) fn keys(&self) -> impl ExactSizeIterator<Item = &K> {
        self.keys.keys()
    }

    /// The key that was seen as number `at`, and its count.
    pub(super) fn at(&self, at: usize) -> Option<(&K, u64)> {
        self.keys.get_index(at).map(|(key, n)| (key, *n))
    }

    /// Takes the keys away; what stands for those beyond the cap stays.
    pub(super) fn take_keys(&mut self) -> Ordered<K, u64> {
        std::mem::take(&mut self.keys)
    }

    /// True when a key is one of the first `most`.
    pub(super) fn is_among<Q>(&self, key: &Q, most: usize) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.keys.get_index_of(key).is_some_and(|at| at < most)
    }

    /// Keys and counts, in input order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, u64)> {
        self.keys.iter().map(|(key, n)| (key, *n))
    }

    /// Keys and counts, most frequent first; the smaller key wins a tie, so that the order of the input does not matter.
    pub fn ranked(&self) -> Vec<(&K, u64)>
    where
        K: Ord,
    {
        let mut rows: Vec<_> = self.iter().collect();
        rows.arrange_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        rows
    }

    /// The most frequent key.
    pub fn top(&self) -> Option<(&K, u64)>
    where
        K: Ord,
    {
        self.iter().min_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)))
    }

    /// The count of a key.
    pub fn get<Q>(&self, key: &Q) -> u64
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.keys.get(key).copied().unwrap_or(0)
    }

    /// Distinct keys kept.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// True when nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.other == 0
    }

    /// Count of what came after the cap.
    pub fn other(&self) -> u64 {
        self.other
    }

    /// Sum of all counts.
    pub fn total(&self) -> u64 {
        self.keys.values().sum::<u64>() + self.other
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn count(keys: &[u8]) -> Counter<Text> {
        let mut counter = Counter::default();
        for &k in keys {
            counter.add(&[k][..], 1);
        }
        counter
    }

    proptest! {
        #[test]
        fn cutting_the_input_changes_nothing(keys in prop::collection::vec(0u8..20, 0..60), cut in 0usize..60, cap in 1usize..25) {
            let cut = cut.min(keys.len());
            let mut whole = Counter::default();
            whole.merge(count(&keys), cap);
            let mut parts = Counter::default();
            parts.merge(count(&keys[..cut]), cap);
            parts.merge(count(&keys[cut..]), cap);
            prop_assert_eq!(&parts, &whole);
            prop_assert_eq!(whole.total(), keys.len() as u64);
        }
    }
}
