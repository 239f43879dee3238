//! A bounded sample that does not depend on the order in which it is taken.
//!
//! Sights are grouped by key (a hash of the request id or of the connection), and the groups with the smallest keys are
//! kept. So what is kept is a function of the set of records alone: any order, any cut into parts and any order of
//! merging give the same, and the two sides of a request are kept both or not at all, wherever their lines stand.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::sight::{Renamed, Sight};
use crate::aggregate::Moved;
use crate::pack::{Broken, Pack, Packer, Unpacker, Wide};

/// Sights kept of one key: one id in every request (a client that sends a fixed one) must not fill the sample.
const GROUP: usize = 32;

/// Sights with one key.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Group {
    sights: Vec<Sight>,
    /// Sights beyond the cap of the group.
    more: u64,
}

packed!(Group { sights, more });

impl Group {
    /// The sights, earliest first.
    pub fn sights(&self) -> &[Sight] {
        &self.sights
    }

    /// True when there were more than are kept.
    pub fn is_cut(&self) -> bool {
        self.more > 0
    }

    fn weight(&self) -> usize {
        self.sights.len().min(GROUP)
    }

    fn bytes(&self) -> usize {
        self.sights.iter().map(Sight::held_bytes).sum()
    }

    /// Adds sights. Most groups hold one: there, room for the next would cost more than all the rest.
    /// They are copied: the pages of memory in which the rest of their part stood shall be free.
    fn extend(&mut self, sights: &[Sight]) {
        if self.sights.is_empty() {
            self.sights.reserve_exact(sights.len());
        }
        self.sights.extend_from_slice(sights);
    }

    /// True when a sight of this time would go again: a full group is in order.
    fn is_past(&self, time_us: Option<i64>) -> bool {
        self.sights.len() == GROUP && self.sights.last().is_some_and(|last| last.time_us < time_us)
    }

    /// The earliest sights stay. Doing it early or late gives the same.
    fn cut(&mut self) {
        self.sights.sort_by(|a, b| a.rank().cmp(&b.rank()));
        let cut = self.sights.len().saturating_sub(GROUP);
        self.sights.truncate(GROUP);
        self.more += cut as u64;
    }
}

/// The sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    budget: usize,
    held: usize,
    /// Bytes of the sights.
    bytes: usize,
    /// Keys from here on are not kept; `None`: all are.
    ceiling: Option<u64>,
    groups: BTreeMap<u64, Group>,
}

impl Pack for Sample {
    fn put(&self, out: &mut Packer<'_>) {
        self.budget.put(out);
        self.ceiling.map(Wide).put(out);
        out.wide(self.groups.len() as u64);
        for (key, group) in &self.groups {
            Wide(*key).put(out);
            group.put(out);
        }
    }

    fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken> {
        let (budget, ceiling): (_, Option<Wide>) = (from.take()?, from.take()?);
        let (mut groups, mut held) = (BTreeMap::new(), 0);
        from.each(|(key, group): (Wide, Group)| {
            held += group.weight();
            groups.insert(key.0, group);
        })?;
        let bytes = groups.values().map(Group::bytes).sum();
        Ok(Sample { budget, held, bytes, ceiling: ceiling.map(|wide| wide.0), groups })
    }
}

impl Sample {
    /// An empty sample of at most so many sights.
    pub fn new(budget: usize) -> Sample {
        Sample { budget, held: 0, bytes: 0, ceiling: None, groups: BTreeMap::new() }
    }

    /// Sights whose keys lie at or above a ceiling that another part of the same input has come to are not wanted: they would
    /// go in the end.
    pub(super) fn below(mut self, ceiling: Option<u64>) -> Sample {
        self.ceiling = ceiling;
        self
    }

    /// Keys from here on are not kept.
    pub(super) fn ceiling(&self) -> Option<u64> {
        self.ceiling
    }

    /// True when sights with this key are kept.
    #[inline]
    pub fn wants(&self, key: u64) -> bool {
        self.ceiling.is_none_or(|ceiling| key < ceiling)
    }

    /// Adds a sight of a time, which is made only when it is wanted: of a storm of failures hardly any is.
    pub fn add(&mut self, key: u64, time_us: Option<i64>, sight: impl FnOnce() -> Sight) {
        if !self.wants(key) {
            return;
        }
        let group = self.groups.entry(key).or_default();
        if group.is_past(time_us) {
            group.more += 1;
            return;
        }
        let sight = sight();
        self.held -= group.weight();
        self.bytes += sight.held_bytes();
        if group.sights.is_empty() {
            group.sights.reserve_exact(1);
        }
        group.sights.push(sight);
        if group.sights.len() >= GROUP {
            self.bytes -= group.bytes();
            group.cut();
            self.bytes += group.bytes();
        }
        self.held += group.weight();
        self.shrink();
    }

    /// Adds what was sampled elsewhere.
    pub fn merge(&mut self, other: Sample) {
        // Snapshots of earlier versions had more room.
        self.budget = self.budget.min(other.budget);
        if let Some(theirs) = other.ceiling {
            self.ceiling = Some(self.ceiling.map_or(theirs, |mine| mine.min(theirs)));
        }
        for (key, group) in other.groups {
            if self.ceiling.is_some_and(|ceiling| key >= ceiling) {
                continue;
            }
            let mine = self.groups.entry(key).or_default();
            self.held -= mine.weight();
            self.bytes += group.bytes();
            mine.extend(&group.sights);
            mine.more += group.more;
            if mine.sights.len() >= GROUP {
                self.bytes -= mine.bytes();
                mine.cut();
                self.bytes += mine.bytes();
            }
            self.held += mine.weight();
        }
        while let Some(last) =
            self.groups.last_entry().filter(|last| self.ceiling.is_some_and(|c| *last.key() >= c))
        {
            let group = last.remove();
            self.drop_group(&group);
        }
        self.shrink();
    }

    fn shrink(&mut self) {
        while self.held > self.budget
            && let Some((key, group)) = self.groups.pop_last()
        {
            self.drop_group(&group);
            self.ceiling = Some(key);
        }
    }

    fn drop_group(&mut self, group: &Group) {
        self.held -= group.weight();
        self.bytes -= group.bytes();
    }

    /// The groups whose keys are in the set, and all others, each as a sample of its own size.
    pub fn parted(self, wanted: &HashSet<u64>, budgets: (usize, usize)) -> (Sample, Sample) {
        let (ceiling, all) = (self.ceiling, self.groups);
        let (chosen, rest) = all.into_iter().partition(|(key, _)| wanted.contains(key));
        let sample = |groups: BTreeMap<u64, Group>, budget| {
            let held = groups.values().map(Group::weight).sum();
            let bytes = groups.values().map(Group::bytes).sum();
            let mut sample = Sample { budget, held, bytes, ceiling, groups };
            sample.shrink();
            sample
        };
        (sample(chosen, budgets.0), sample(rest, budgets.1))
    }

    /// The sample as it is read: groups in order of their keys, sights by time.
    pub fn settled(mut self) -> Sample {
        self.groups.values_mut().for_each(Group::cut);
        self.bytes = self.groups.values().map(Group::bytes).sum();
        self
    }

    /// Keys and groups.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Group)> {
        self.groups.iter().map(|(key, group)| (*key, group))
    }

    /// The group of a key.
    pub fn get(&self, key: u64) -> Option<&Group> {
        self.groups.get(&key)
    }

    /// True when nothing was sampled.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// True when records were left out for want of room.
    pub fn is_partial(&self) -> bool {
        self.ceiling.is_some()
    }

    /// Of a million keys, so many were kept, about: keys are hashes, so a share of them is a share of what they stand for.
    pub fn kept_of_million(&self) -> u64 {
        const WHOLE: u128 = 1_000_000;
        // The product of the two is less than 2^84, the quotient at most a million.
        self.ceiling.map_or(WHOLE as u64, |ceiling| ((u128::from(ceiling) * WHOLE) >> 64).max(1) as u64)
    }

    /// Bytes on the heap, about.
    pub(super) fn held_bytes(&self) -> usize {
        // A place in the tree and two allocations.
        const GROUP_BYTES: usize = size_of::<(u64, Group)>() + 64;
        self.groups.len() * GROUP_BYTES + self.bytes
    }

    /// Gives inputs other names, where these stand for the pods.
    pub(super) fn rename(&mut self, names: &Renamed) {
        self.sights_mut().for_each(|sight| sight.rename(names));
        self.bytes = self.groups.values().map(Group::bytes).sum();
    }

    pub(super) fn most_source(&self) -> Option<u32> {
        self.groups.values().flat_map(|group| &group.sights).map(|sight| sight.place.source).max()
    }

    /// Gives the sources other numbers, and the symptoms other digests.
    pub(super) fn relocate(&mut self, to: impl Fn(u32) -> Moved, digests: &HashMap<u64, u64>) {
        for sight in self.sights_mut() {
            let moved = to(sight.place.source);
            sight.place.source = moved.source;
            sight.place.line += moved.lines;
            sight.place.offset += moved.bytes;
            sight.symptom = sight.symptom.map(|digest| digests.get(&digest).copied().unwrap_or(digest));
        }
    }

    pub(super) fn sights_mut(&mut self) -> impl Iterator<Item = &mut Sight> {
        self.groups.values_mut().flat_map(|group| &mut group.sights)
    }
}
