//! Which keys the whole has, of tables that are full.
//!
//! A full table takes no key any more, whatever comes. So parts that begin later need not keep what it would refuse: they
//! count it as `other` at once. Which part knows of it, and since when, changes nothing but time and memory; a log in
//! which nothing comes twice costs little more than any other.

use std::hash::{BuildHasher, Hash};
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use super::{Caps, Place, Summary, SymptomKey, TIMELINE_FLAGS, has_room};

/// Hashes of the keys of a full table. A key that has by chance the hash of another is kept by the part, and refused by
/// the whole.
#[derive(Debug, Clone, Default)]
pub(in crate::aggregate) struct Keys(Option<Arc<HashTable<u64>>>);

impl Keys {
    fn of(hashes: impl ExactSizeIterator<Item = u64>) -> Keys {
        let mut table = HashTable::with_capacity(hashes.len());
        for hash in hashes {
            table.insert_unique(hash, hash, |hash| *hash);
        }
        Keys(Some(Arc::new(table)))
    }

    /// True when the table is known to be full.
    pub(in crate::aggregate) fn is_known(&self) -> bool {
        self.0.is_some()
    }

    fn has(&self, hash: u64) -> bool {
        self.0.as_ref().is_some_and(|table| table.find(hash, |known| *known == hash).is_some())
    }

    /// True when the table is full and has no key of this hash.
    pub(in crate::aggregate) fn lacks_hash(&self, hash: u64) -> bool {
        self.is_known() && !self.has(hash)
    }

    /// True when the table is full and does not have this key.
    #[inline]
    pub(in crate::aggregate) fn lacks<K: Hash + ?Sized>(&self, key: &K) -> bool {
        self.is_known() && !self.has(hash(key))
    }

    /// Remembers the keys of a table that has become full. True when that is news.
    pub(in crate::aggregate) fn close<'k, K: Hash + ?Sized + 'k>(
        &mut self,
        full: bool,
        keys: impl ExactSizeIterator<Item = &'k K>,
    ) -> bool {
        self.close_hashes(full, keys.map(hash))
    }

    /// The same by hashes of the keys.
    pub(in crate::aggregate) fn close_hashes(
        &mut self,
        full: bool,
        hashes: impl ExactSizeIterator<Item = u64>,
    ) -> bool {
        let news = full && !self.is_known();
        if news {
            *self = Keys::of(hashes);
        }
        news
    }
}

pub(in crate::aggregate) fn hash<K: Hash + ?Sized>(key: &K) -> u64 {
    FixedState::default().hash_one(key)
}

/// Which endpoints there are, of upstreams that take no more.
#[derive(Debug, Clone, Default)]
pub(in crate::aggregate) struct Endpoints {
    /// Upstreams that take no more, by the hash of their names.
    settled: Keys,
    /// Endpoints by upstream.
    known: Keys,
    /// Endpoints and full upstreams of the whole, and whether both tables were full, when this was made.
    seen: (usize, usize, bool),
}

/// What stands for the upstream in the hash of an endpoint: the hash of its name, 0 where there is none, 1 for those that
/// had no room.
pub(in crate::aggregate) const NO_UPSTREAM: u64 = 0;
pub(in crate::aggregate) const OTHER_UPSTREAM: u64 = 1;

impl Endpoints {
    /// True when the upstream takes no more endpoints and does not have this one.
    pub(in crate::aggregate) fn lack(&self, upstream: u64, host: &[u8]) -> bool {
        self.settled.has(upstream) && !self.known.has(hash(&(upstream, host)))
    }

    /// True when something changed since it was looked at; `crowded` counts the upstreams that take no more, `all`: none does.
    pub(in crate::aggregate) fn is_stale(
        &mut self,
        hosts: usize,
        all: bool,
        crowded: impl FnOnce() -> usize,
    ) -> bool {
        if (self.seen.0, self.seen.2) == (hosts, all) {
            return false;
        }
        let now = (hosts, crowded(), all);
        let stale = (now.1, now.2) != (self.seen.1, self.seen.2);
        self.seen = now;
        stale
    }

    pub(in crate::aggregate) fn renew(
        &mut self,
        settled: impl ExactSizeIterator<Item = u64>,
        known: impl ExactSizeIterator<Item = u64>,
    ) {
        self.settled = Keys::of(settled);
        self.known = Keys::of(known);
    }
}

/// Tables of a [`Summary`] that are full.
#[derive(Debug, Clone, Default)]
pub struct Full {
    pub(in crate::aggregate) upstreams: Keys,
    pub(in crate::aggregate) endpoints: Endpoints,
    /// Authorities, routes, listeners, SNIs.
    pub(in crate::aggregate) scopes: [Keys; 4],
    /// By [`SymptomKey::digest`](super::SymptomKey::digest).
    pub(in crate::aggregate) symptoms: Keys,
    pub(in crate::aggregate) flags: Keys,
    pub(in crate::aggregate) flag_sets: Keys,
    pub(in crate::aggregate) tunnel_flag_sets: Keys,
    /// Flags that are told apart over time.
    pub(in crate::aggregate) timed_flags: Keys,
}

impl Full {
    /// Looks at the whole, after something was added to it. True when a table has become full.
    pub fn look(&mut self, whole: &Summary, caps: &Caps) -> bool {
        let mut news = self.upstreams.close(
            !whole.kept.has_room(whole.upstreams.len(), caps),
            whole.upstreams.keys().map(|name| &name[..]),
        );
        let scopes = [&whole.authorities, &whole.routes, &whole.listeners, &whole.snis];
        for ((keys, table), bytes) in self.scopes.iter_mut().zip(scopes).zip(whole.kept.scopes) {
            let full = !has_room(table.len(), bytes, caps.scopes);
            news |= keys.close(full, table.keys().map(|name| &name[..]));
        }
        let full = !whole.kept.has_room_for_symptom(whole.symptoms.len(), caps);
        news |= self.symptoms.close_hashes(full, whole.symptoms.keys().map(SymptomKey::digest));
        for (keys, counter) in [
            (&mut self.flags, &whole.flags),
            (&mut self.flag_sets, &whole.flag_sets),
            (&mut self.tunnel_flag_sets, &whole.tunnel_flag_sets),
        ] {
            news |= keys.close(counter.len() >= caps.symptoms, counter.keys().map(|name| &name[..]));
        }
        let (flags, first) = (&whole.flags, TIMELINE_FLAGS);
        let told_apart = flags.keys().take(first).map(|name| &name[..]);
        news |= self.timed_flags.close(flags.len() >= first, told_apart);
        news | self.look_at_endpoints(whole, caps)
    }

    fn look_at_endpoints(&mut self, whole: &Summary, caps: &Caps) -> bool {
        // An upstream that is not in the whole may become one of those that had no room: it is not settled what has room there.
        let all = !whole.kept.has_room_for_host(whole.hosts.len(), caps);
        let crowded = |place: &Place| whole.upstream_of(*place).is_some_and(|u| u.hosts.len() >= caps.hosts);
        let mut places: Vec<Place> = Vec::new();
        let count = || {
            if whole.hosts.len() >= caps.hosts {
                let known = (0..whole.upstreams.len()).map(|at| Place::Known(at as u32));
                let every = known.chain([Place::None, Place::Other]);
                places.extend(every.filter(|place| all || crowded(place)));
            }
            places.len()
        };
        if !self.endpoints.is_stale(whole.hosts.len(), all, count) {
            return false;
        }
        let place_of = |place: &Place| match place {
            Place::Known(at) => {
                whole.upstreams.get_index(*at as usize).map_or(0, |(name, _)| hash(&name[..]))
            }
            Place::None => NO_UPSTREAM,
            Place::Other => OTHER_UPSTREAM,
        };
        let host = |(place, at): &(Place, u32)| {
            let name = whole.upstream_of(*place).and_then(|u| u.hosts.get_index(*at as usize));
            name.map_or(0, |(name, _)| hash(&(place_of(place), &name[..])))
        };
        self.endpoints.renew(places.iter().map(place_of), whole.hosts.iter().map(host));
        true
    }
}

/// What parts to come are told.
#[derive(Debug)]
pub struct Told<T>(Mutex<Arc<T>>);

impl<T: Default> Default for Told<T> {
    fn default() -> Self {
        Told(Mutex::default())
    }
}

impl<T: Clone> Told<T> {
    /// What is known now.
    pub fn now(&self) -> Arc<T> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells the parts to come.
    pub fn tell(&self, news: &T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(news.clone());
    }
}
