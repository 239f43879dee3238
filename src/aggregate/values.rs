//! The values that the symptoms keep of their records: paths, hosts, request ids and the like, within one budget.

use super::counter::{Counter, Ordered, Text};
use super::symptom::{Symptom, SymptomKey, TABLES, head};
use crate::pack::{Broken, Pack, Packer, Unpacker};
use crate::record::id_key;

/// How many distinct values of each kind a symptom keeps.
const CAP: usize = 256;
const CAP_IDS: usize = 4096;
/// Bytes of a value that are kept.
const VALUE_BYTES: usize = 256;
/// What a kept value costs besides its bytes: its place in the table, the hash, the allocation.
const VALUE_COST: usize = 96;
/// The same of a request id, which is a number.
const ID_COST: usize = 48;

/// The number of a symptom's table of request ids; its tables of texts come before it.
pub(super) const IDS: usize = TABLES;

/// A request id as a number ([`id_key`]): all that matters of it here is which records have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// Written as a text of eight bytes: snapshots of earlier versions hold the ids themselves.
impl Pack for RequestId {
    fn put(&self, out: &mut Packer<'_>) {
        out.text(&self.0.to_le_bytes());
    }

    fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken> {
        let text: Text = from.take()?;
        Ok(RequestId(match text.first_chunk() {
            Some(bytes) if text.len() == bytes.len() => u64::from_le_bytes(*bytes),
            _ => id_key(&text).unwrap_or_default(),
        }))
    }
}

impl From<&RequestId> for RequestId {
    fn from(id: &RequestId) -> RequestId {
        *id
    }
}

/// Where a value was first seen: symptom, table of the symptom, place in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct First {
    pub(super) symptom: u32,
    pub(super) at: u32,
    /// [`IDS`] or the number of a table of texts.
    pub(super) table: u8,
}

/// The values of all symptoms in the order in which they were first seen. All tables share one budget: it is spent in
/// this order, so that it does not matter how the input was cut.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Values {
    first: Vec<First>,
    bytes: usize,
}

packed!(First { symptom, at, table });
packed!(Values { first, bytes });

impl Values {
    /// Where the values were first seen, in that order.
    pub(super) fn first(&self) -> &[First] {
        &self.first
    }

    /// Counts a value of symptom number `symptom`. Its place in the table; `None` when it is empty.
    pub(super) fn count(
        &mut self,
        counter: &mut Counter<Text>,
        symptom: usize,
        table: usize,
        text: &[u8],
        n: u64,
    ) -> Option<u32> {
        let text = head(text, VALUE_BYTES);
        if text.is_empty() {
            return None;
        }
        let (at, new) = counter.add_found(text, n);
        if new {
            self.note_text(symptom, table, at, text);
        }
        Some(at as u32)
    }

    /// Notes a request id of symptom number `symptom` that is new.
    pub(super) fn note_id(&mut self, symptom: usize, at: usize) {
        self.note(symptom, IDS, at, ID_COST);
    }

    /// Notes a value of a table of texts that is new.
    pub(super) fn note_text(&mut self, symptom: usize, table: usize, at: usize, text: &[u8]) {
        self.note(symptom, table, at, text.len() + VALUE_COST);
    }

    fn note(&mut self, symptom: usize, table: usize, at: usize, cost: usize) {
        self.first.push(First { symptom: symptom as u32, at: at as u32, table: table as u8 });
        self.bytes += cost;
    }

    /// Bytes on the heap.
    pub(super) fn held(&self) -> usize {
        self.bytes + self.first.capacity() * size_of::<First>()
    }

    /// Moves the values of a later part's symptoms to their places here; `places` says where each symptom went, if
    /// anywhere.
    pub(super) fn merge(
        &mut self,
        mine: &mut Ordered<SymptomKey, Symptom>,
        later: &Values,
        theirs: &Ordered<SymptomKey, Symptom>,
        places: &[Option<usize>],
        budget: usize,
    ) {
        for first in &later.first {
            let Some(place) = places.get(first.symptom as usize).copied().flatten() else { continue };
            let (table, at) = (usize::from(first.table), first.at as usize);
            let Some((_, from)) = theirs.get_index(first.symptom as usize) else { continue };
            if table == IDS {
                let Some((key, n)) = from.request_ids.at(at) else { continue };
                let counter = &mut mine[place].request_ids;
                let room = counter.len() < CAP_IDS && self.bytes + ID_COST <= budget;
                if counter.admit(key, n, room) {
                    let at = counter.len() - 1;
                    self.note(place, table, at, ID_COST);
                }
                continue;
            }
            let Some((key, n)) = from.tables()[table].at(at) else { continue };
            let cost = key.len() + VALUE_COST;
            let counter = &mut *mine[place].tables_mut()[table];
            let room = counter.len() < CAP && self.bytes + cost <= budget;
            if counter.admit(key, n, room) {
                let at = counter.len() - 1;
                self.note(place, table, at, cost);
            }
        }
    }
}
