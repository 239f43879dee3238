//! A bounded sample that does not depend on the order in which it is taken.
//!
//! Sights are grouped by key (a hash of the request id or of the connection), and the groups with the smallest keys are
//! kept. So what is kept is a function of the set of records alone: any order, any cut into parts and any order of
//! merging give the same, and the two sides of a request are kept both or not at all, wherever their lines stand.
//!
//! What comes is put behind what is there, and sorted in every now and then: of a log with many failures most sights go
//! again, and one that goes must not cost more than to be forgotten.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::sight::{Noted, Sight};
use super::sights::{Entry, Renamed, Sights};
use crate::aggregate::Moved;
use crate::pack::{Broken, Pack, Packer, Unpacker, Wide, has_field};

/// Sights kept of one key: one id in every request (a client that sends a fixed one) must not fill the sample.
const GROUP: usize = 32;
/// New sights are sorted in when there are so many, or an eighth of those that are.
const FRESH: usize = 512;

/// A group with as many sights as are kept of one.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Cut {
    /// Sights beyond the cap.
    more: u64,
    /// The last of those that are kept began then, or earlier.
    last_us: Option<i64>,
}

/// Sights with one key.
#[derive(Debug, Clone, Copy)]
pub struct Group<'a> {
    sights: &'a Sights,
    entries: &'a [Entry],
    more: u64,
}

impl<'a> Group<'a> {
    /// The sights, earliest first.
    pub fn sights(self) -> impl Iterator<Item = Sight<'a>> + Clone {
        let Group { sights, entries, .. } = self;
        entries.iter().filter_map(move |entry| sights.get(entry.at))
    }

    /// True when there were more than are kept.
    pub fn is_cut(self) -> bool {
        self.more > 0
    }
}

/// The sample.
#[derive(Debug, Clone)]
pub struct Sample {
    budget: usize,
    /// Keys from here on are not kept; `None`: all are.
    ceiling: Option<u64>,
    sights: Sights,
    /// Those that are kept: first in order of their keys, and behind these the new ones as they came.
    entries: Vec<Entry>,
    /// How many are in order.
    sorted: usize,
    /// By key.
    cut: BTreeMap<u64, Cut>,
}

impl PartialEq for Sample {
    fn eq(&self, other: &Sample) -> bool {
        if !self.is_sorted() || !other.is_sorted() {
            return self.clone().settled() == other.clone().settled();
        }
        let alike = |(mine, theirs): ((u64, Group<'_>), (u64, Group<'_>))| {
            mine.0 == theirs.0 && mine.1.more == theirs.1.more && mine.1.sights().eq(theirs.1.sights())
        };
        (self.budget, self.ceiling, self.entries.len()) == (other.budget, other.ceiling, other.entries.len())
            && self.iter().zip(other.iter()).all(alike)
    }
}

impl Pack for Sample {
    fn put(&self, out: &mut Packer<'_>) {
        if !self.is_sorted() {
            return self.clone().settled().put(out);
        }
        self.budget.put(out);
        self.ceiling.map(Wide).put(out);
        out.wide(self.iter().count() as u64);
        for (key, group) in self.iter() {
            Wide(key).put(out);
            out.wide(GROUP_FIELDS as u64);
            out.wide(group.entries.len() as u64);
            group.sights().for_each(|sight| sight.put(out));
            group.more.put(out);
        }
    }

    fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken> {
        let (budget, ceiling): (_, Option<Wide>) = (from.take()?, from.take()?);
        let mut sample = Sample::new(budget).below(ceiling.map(|wide| wide.0));
        for _ in 0..from.length(size_of::<(u64, Cut)>())? {
            let key = from.take::<Wide>()?.0;
            let mut left = from.fields(GROUP_FIELDS)?;
            from.check(has_field(&mut left), "a field is missing")?;
            let sights = from.length(SIGHT_BYTES)?;
            for _ in 0..sights {
                sample.sights.read(from)?;
                sample.enter(key);
            }
            let more = from.field(&mut left)?;
            if more > 0 && sights > 0 {
                // Which is the last that is kept is found when they are put in order.
                sample.cut.insert(key, Cut { more, last_us: Some(i64::MAX) });
            }
        }
        Ok(sample.settled())
    }
}

/// What is written of a group: its sights, and how many more there were.
const GROUP_FIELDS: usize = 2;
/// What a sight takes besides its texts.
const SIGHT_BYTES: usize = size_of::<Noted>() + size_of::<Entry>();

impl Sample {
    /// An empty sample of at most so many sights.
    pub fn new(budget: usize) -> Sample {
        let (sights, entries) = (Sights::default(), Vec::new());
        Sample { budget, ceiling: None, sights, entries, sorted: 0, cut: BTreeMap::new() }
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

    /// Adds a sight of a time, which is noted only when it is wanted: of a storm of failures hardly any is. Tells whether it
    /// was.
    pub fn add(&mut self, key: u64, time_us: Option<i64>, note: impl FnOnce(&mut Sights)) -> bool {
        if !self.wants(key) {
            return false;
        }
        if let Some(cut) = self.cut.get_mut(&key).filter(|cut| cut.last_us < time_us) {
            cut.more += 1;
            return false;
        }
        self.tidy_if_due();
        note(&mut self.sights);
        self.enter(key);
        true
    }

    /// The sight that was added last.
    pub(super) fn last(&self) -> Option<Sight<'_>> {
        self.sights.get(self.sights.last())
    }

    /// Enters the sight that was noted last.
    fn enter(&mut self, key: u64) {
        self.entries.push(Entry { key, at: self.sights.last() });
    }

    /// Adds what was sampled elsewhere.
    pub fn merge(&mut self, mut other: Sample) {
        // Snapshots of earlier versions had more room.
        self.budget = self.budget.min(other.budget);
        if let Some(theirs) = other.ceiling {
            self.ceiling = Some(self.ceiling.map_or(theirs, |mine| mine.min(theirs)));
        }
        other.entries.retain(|entry| self.wants(entry.key));
        let places = self.sights.take_over(other.sights, other.entries.iter().map(|entry| entry.at));
        self.entries.extend(other.entries.iter().zip(places).map(|(entry, at)| Entry { at, ..*entry }));
        for (key, theirs) in other.cut {
            let mine = self.cut.entry(key).or_insert(Cut { more: 0, ..theirs });
            mine.more += theirs.more;
            mine.last_us = mine.last_us.min(theirs.last_us);
        }
        self.tidy_if_due();
    }

    fn is_sorted(&self) -> bool {
        self.sorted == self.entries.len()
    }

    fn tidy_if_due(&mut self) {
        if self.entries.len() - self.sorted >= FRESH.max(self.sorted / 8) {
            self.tidy();
        }
    }

    /// Puts the new sights in order, and lets go of what there is no room for. Doing it early or late gives the same: what goes
    /// would go later, too.
    fn tidy(&mut self) {
        self.sort_in();
        if let Some(ceiling) = self.ceiling {
            self.entries.truncate(self.entries.partition_point(|entry| entry.key < ceiling));
        }
        self.cut_groups();
        if let Some(entry) = self.entries.get(self.budget) {
            // The group that does not fit, and all behind it.
            self.ceiling = Some(entry.key);
            self.entries.truncate(self.entries.partition_point(|kept| kept.key < entry.key));
        }
        if let Some(ceiling) = self.ceiling {
            self.cut.split_off(&ceiling);
        }
        self.sorted = self.entries.len();
        if self.sights.len() > FRESH + self.entries.len() / 4 * 5 {
            self.sights.keep_only(&mut self.entries);
        }
    }

    /// Merges the new entries with those in order, from the last on.
    fn sort_in(&mut self) {
        let mut fresh = self.entries.split_off(self.sorted);
        fresh.sort_unstable_by_key(|entry| entry.key);
        let mut old = self.entries.len();
        self.entries.extend_from_slice(&fresh);
        let mut end = self.entries.len();
        while let Some(last) = fresh.last() {
            end -= 1;
            if old > 0 && self.entries[old - 1].key > last.key {
                old -= 1;
                self.entries[end] = self.entries[old];
            } else {
                self.entries[end] = *last;
                fresh.pop();
            }
        }
    }

    /// The earliest sights of each group stay.
    fn cut_groups(&mut self) {
        let Sample { sights, entries, cut, .. } = self;
        let mut from = 0;
        while let Some(entry) = entries.get(from) {
            let key = entry.key;
            // Most groups hold one.
            let len = entries[from..].iter().take_while(|entry| entry.key == key).count();
            // One that is full and has got no more is in order.
            if len > GROUP || len == GROUP && !cut.contains_key(&key) {
                let group = &mut entries[from..from + len];
                sort(group, sights);
                let last = sights.get(group[GROUP - 1].at);
                let cut = cut.entry(key).or_insert(Cut { more: 0, last_us: None });
                cut.more += (len - GROUP) as u64;
                cut.last_us = last.and_then(|last| last.time_us);
                entries.drain(from + GROUP..from + len);
            }
            from += len.min(GROUP);
        }
    }

    /// The groups whose keys are in the set, and all others, each as a sample of its own size.
    pub fn parted(self, wanted: &HashSet<u64>, budgets: (usize, usize)) -> (Sample, Sample) {
        let part = |chosen: bool, budget| {
            let mut part = Sample::new(budget).below(self.ceiling);
            for entry in self.entries.iter().filter(|entry| wanted.contains(&entry.key) == chosen) {
                self.sights.get(entry.at).into_iter().for_each(|sight| part.sights.copy(sight));
                part.enter(entry.key);
            }
            let cut = self.cut.iter().filter(|(key, _)| wanted.contains(key) == chosen);
            part.cut = cut.map(|(key, cut)| (*key, *cut)).collect();
            part.settled()
        };
        (part(true, budgets.0), part(false, budgets.1))
    }

    /// The sample as it is read: groups in order of their keys, sights by time.
    #[must_use]
    pub fn settled(mut self) -> Sample {
        self.tidy();
        let Sample { entries, sights, .. } = &mut self;
        entries.chunk_by_mut(|a, b| a.key == b.key).for_each(|group| sort(group, sights));
        self
    }

    /// Keys and groups of a settled sample.
    pub fn iter(&self) -> impl Iterator<Item = (u64, Group<'_>)> {
        debug_assert!(self.is_sorted(), "it is settled before it is read");
        self.entries.chunk_by(|a, b| a.key == b.key).map(|entries| (entries[0].key, self.group(entries)))
    }

    fn group<'a>(&'a self, entries: &'a [Entry]) -> Group<'a> {
        let more = entries.first().and_then(|entry| self.cut.get(&entry.key)).map_or(0, |cut| cut.more);
        Group { sights: &self.sights, entries, more }
    }

    /// The group of a key.
    pub fn get(&self, key: u64) -> Option<Group<'_>> {
        debug_assert!(self.is_sorted(), "it is settled before it is read");
        let from = self.entries.partition_point(|entry| entry.key < key);
        let len = self.entries[from..].iter().take_while(|entry| entry.key == key).count();
        (len > 0).then(|| self.group(&self.entries[from..from + len]))
    }

    /// True when nothing was sampled.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
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
        self.entries.len() * size_of::<Entry>() + self.sights.held_bytes()
    }

    /// Gives inputs other names, where these stand for the pods.
    pub(super) fn rename(&mut self, names: &Renamed) {
        self.sights = self.sights.renamed(names);
    }

    pub(super) fn most_source(&self) -> Option<u32> {
        self.sights.iter().map(|sight| sight.place.source).max()
    }

    /// Gives the sources other numbers, and the symptoms other digests.
    pub(super) fn relocate(&mut self, to: impl Fn(u32) -> Moved, digests: &HashMap<u64, u64>) {
        for sight in self.sights.iter_mut() {
            let moved = to(sight.place.source);
            sight.place.source = moved.source;
            sight.place.line += moved.lines;
            sight.place.offset += moved.bytes;
            sight.symptom = sight.symptom.map(|digest| digests.get(&digest).copied().unwrap_or(digest));
        }
    }

    /// Moves every line number.
    pub(super) fn shift_lines(&mut self, lines: u64) {
        self.sights.iter_mut().for_each(|sight| sight.place.line += lines);
    }
}

/// Earliest first.
fn sort(group: &mut [Entry], sights: &Sights) {
    if group.len() > 1 {
        let rank = |entry: &Entry| sights.get(entry.at).map(Sight::rank);
        group.sort_by(|a, b| rank(a).cmp(&rank(b)));
    }
}
