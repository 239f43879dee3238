//! What a second reading would find, gathered at the first one.
//!
//! Several inputs are read twice for the well-answered other sides of failing requests. Often there are none: nobody wrote the
//! other side's log, or another replica's is there. To know that, three things are needed: who called whom (which the
//! hops tell in any case), whether any two proxies' lines can face each other, and whether any well-answered line carries
//! the id of a failing request. All three are gathered while the first reading passes by, for a few instructions a line,
//! and where they show that there is nothing to find, the second reading is spared. The gathering is given up, and the inputs are
//! read again as ever, as soon as lines can face each other, or when it would need too much memory.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::collect::{Join, Second};
use super::ids::Ids;
use super::sight::Place;
use super::sights::Sights;
use super::ways::{Passing, Way};
use crate::aggregate::{Last, without_port};
use crate::envoy::Direction;
use crate::pack;
use crate::record::{Field, Record, id_key};

/// Bytes that are gathered of who called whom; large meshes face each other anyhow.
const GATHERED_BYTES: usize = 2 << 20;
/// Addresses of endpoints, and of listeners, that are compared.
const ADDRESSES: usize = 16_000;
/// Lines of a part after which it hands over their ids.
const DUE: usize = 1024;

/// What all parts share.
#[derive(Debug, Default)]
pub struct Gathering {
    /// There is no use in gathering any more.
    over: AtomicBool,
    /// Ids of well-answered requests. Their order does not matter, so all threads write into one list.
    ids: Mutex<Ids>,
}

impl Gathering {
    fn give_up(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    fn ids(&self) -> MutexGuard<'_, Ids> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is gathered of a part of the input.
#[derive(Debug)]
pub struct Gather {
    gathered: Gathered,
    /// One for each row of the part.
    ways: Vec<Option<Way>>,
    /// Ids on their way to those of all parts.
    ids: Vec<u64>,
    /// Lines until they are handed over.
    due: usize,
    shared: Arc<Gathering>,
}

impl Gather {
    /// `None` when there is no use in it any more.
    pub fn new(shared: &Arc<Gathering>) -> Option<Box<Gather>> {
        (!shared.is_over()).then(|| {
            Box::new(Gather {
                gathered: Gathered::default(),
                ways: Vec::new(),
                ids: Vec::new(),
                due: DUE,
                shared: Arc::clone(shared),
            })
        })
    }

    /// Takes a line of a known row, of which nothing is wrong.
    #[inline]
    pub fn pass(&mut self, last: Last, line: &Passing<'_>) {
        self.due = self.due.saturating_sub(1);
        let way = last.row.and_then(|row| self.ways.get_mut(row)?.as_mut());
        let Some(way) = way else { return self.shared.give_up() };
        way.count(&mut self.gathered.edges, last.us, line);
        if way.has_id {
            match line.id {
                [] => self.shared.give_up(),
                id => self.ids.extend(id_key(id)),
            }
        }
    }

    /// Takes a record. `ailing`: something is wrong with it, so that the first reading keeps it.
    pub fn see(&mut self, record: &Record<'_>, last: Last, ailing: bool, name: &str) {
        self.due = self.due.saturating_sub(1);
        if !ailing {
            self.ids.extend(record.text(Field::RequestId).and_then(|id| id_key(&id)));
        }
        let way = last.row.and_then(|row| self.ways.get_mut(row)?.as_mut());
        if let Some(way) = way {
            let line = Passing {
                id: b"",
                local: record.bytes(Field::UpstreamLocal),
                remote: record.bytes(Field::DownstreamRemote),
            };
            // Rows may be of several pods, and in TCP's what failed is told by more than the row.
            if way.is_of(record, name) {
                return way.count(&mut self.gathered.edges, last.us, &line);
            }
        }
        self.gathered.edges.edge(record, record.outcome().failed(), name);
        if !ailing && self.gathered.facing.see(record, name) {
            self.shared.give_up();
        }
        if let Some(row) = last.row {
            if self.ways.len() <= row {
                self.ways.resize_with(row + 1, || None);
            }
            self.ways[row].get_or_insert_with(|| Way::of(record, name));
        }
    }

    /// True when ids are to be handed over.
    #[inline]
    pub fn is_due(&self) -> bool {
        self.due == 0
    }

    /// Hands ids over. `first` is what the first reading keeps of the same lines. False when there is no use in gathering
    /// any more.
    pub fn hand_over(&mut self, first: &Join) -> bool {
        self.due = DUE;
        let below = first.by_id.ceiling();
        if !self.shared.ids().add(&self.ids, below) || self.gathered.edges.weight() > GATHERED_BYTES {
            self.shared.give_up();
        }
        self.ids.clear();
        !self.shared.is_over()
    }

    /// What was gathered, at the end of the part.
    pub fn finish(mut self, first: &Join) -> Option<Gathered> {
        for way in self.ways.drain(..).flatten() {
            way.flush(&mut self.gathered.edges);
        }
        self.hand_over(first).then_some(self.gathered)
    }

    /// Bytes on the heap, about.
    pub fn weight(&self) -> usize {
        self.ways.capacity() * size_of::<Option<Way>>()
            + self.gathered.edges.weight()
            + self.ids.capacity() * 8
    }

    /// Lines of several proxies stand side by side.
    pub fn give_up(&self) {
        self.shared.give_up();
    }
}

/// What was gathered, of one part or of all.
#[derive(Debug, Default)]
pub struct Gathered {
    /// Who called whom.
    edges: Second,
    facing: Facing,
}

impl Gathered {
    /// Adds what a later part of the input held.
    pub fn merge(&mut self, later: Gathered, shared: &Gathering) {
        self.edges.merge(later.edges);
        self.facing.merge(later.facing);
        if self.facing.is_found() || self.edges.weight() > GATHERED_BYTES {
            shared.give_up();
        }
    }

    /// What it came to, at the end of the first reading.
    pub fn settle(self, first: &Join, shared: &Gathering) -> Known {
        let met = shared.ids().have_any(&first.wanted());
        shared.ids().forget();
        match (shared.is_over(), met) {
            (true, _) => Known::Nothing,
            (false, true) => Known::Edges(self.edges),
            (false, false) => Known::All(self.edges),
        }
    }
}

/// What is known of what a second reading would find.
#[derive(Debug)]
pub enum Known {
    /// All: there is nothing more to find.
    All(Second),
    /// All but the other sides of failing requests.
    Edges(Second),
    /// Nothing.
    Nothing,
}

/// Whether any line can be the other side of any other: two ends of one hop, as [`of_request`](super::pairs::of_request) tells them.
#[derive(Debug, Default)]
struct Facing {
    /// There are callers.
    calls: bool,
    /// There are lines that may be the other side of any caller's.
    receives: bool,
    /// The machines that were called, and those of the listeners that were reached.
    hosts: HashSet<u64>,
    doors: HashSet<u64>,
    /// Some are both, or there were too many to tell.
    met: bool,
}

impl Facing {
    /// Takes one of many lines that have the same addresses. True when some lines can face each other.
    fn see(&mut self, record: &Record<'_>, name: &str) -> bool {
        let mut sights = Sights::default();
        sights.note(record, record.outcome(), name, Place::default());
        let Some(sight) = sights.iter().next() else { return self.is_found() };
        let machine = |address: &[u8]| pack::hash(5, &[without_port(address)]);
        if sight.calls() {
            self.calls = true;
            let host = machine(sight.host());
            self.met |= self.doors.contains(&host);
            self.hosts.insert(host);
        }
        if sight.serves() {
            self.receives |= sight.direction == Some(Direction::Inbound);
            let door = machine(sight.listener());
            self.met |= self.hosts.contains(&door);
            self.doors.insert(door);
        }
        self.receives |= sight.is_bare();
        self.bound();
        self.is_found()
    }

    fn merge(&mut self, later: Facing) {
        self.calls |= later.calls;
        self.receives |= later.receives;
        self.hosts.extend(later.hosts);
        self.doors.extend(later.doors);
        self.met |= later.met || !self.hosts.is_disjoint(&self.doors);
        self.bound();
    }

    fn bound(&mut self) {
        if self.hosts.len() + self.doors.len() > ADDRESSES {
            *self = Facing { calls: true, met: true, ..Facing::default() };
        }
    }

    fn is_found(&self) -> bool {
        self.calls && (self.receives || self.met)
    }
}
