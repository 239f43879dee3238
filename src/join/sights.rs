//! Where the join keeps its records: in blocks, so that none costs an allocation of its own, and that a part's can be taken
//! over without being copied.

use std::collections::HashMap;

use super::sight::{Noted, PARTS, Part, Place, Sight};
use crate::aggregate::Ailing;
use crate::envoy::FlagSet;
use crate::pack::{Broken, Unpacker, Wide};
use crate::record::{Field, Outcome, Record};

/// Bytes kept of each text.
const TEXT_BYTES: usize = 160;
/// Sights of a block: a bit of a mask each.
const BLOCK: usize = 64;
/// Texts of a block take about so many bytes.
const BLOCK_BYTES: usize = BLOCK * 256;

/// Old names of inputs, and new ones.
pub type Renamed = HashMap<Vec<u8>, Vec<u8>>;

/// The sights, each in a place of its own until room is made.
#[derive(Debug, Clone, Default)]
pub struct Sights {
    blocks: Vec<Block>,
    /// Blocks that have room; the last of them is being filled.
    open: Vec<usize>,
    /// Where the last one went.
    last: u32,
}

/// Which sight has a key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) key: u64,
    /// Its place.
    pub(super) at: u32,
}

/// Some of them.
#[derive(Debug, Clone, Default)]
struct Block {
    noted: Vec<Noted>,
    text: Vec<u8>,
}

/// What has been worked out of a record when it is kept.
struct Worked {
    symptom: Option<u64>,
    outcome: Outcome,
    flags: FlagSet,
    time_us: Option<i64>,
}

impl Sights {
    /// Keeps the essence of a record with which nothing is wrong. `name` is the input's, for records that do not tell their
    /// pod.
    pub fn note(&mut self, record: &Record<'_>, outcome: Outcome, name: &str, place: Place) {
        let (flags, time_us) = (record.flags(), record.start_us());
        let worked = Worked { symptom: None, outcome, flags, time_us };
        self.open().note(record, &worked, name, place);
    }

    /// That of a record with which something is wrong.
    pub(super) fn note_ailing(&mut self, record: &Record<'_>, ailing: Ailing, name: &str, place: Place) {
        let Ailing { symptom, outcome, flags, start_us: time_us, .. } = ailing;
        let worked = Worked { symptom: Some(symptom), outcome, flags, time_us };
        self.open().note(record, &worked, name, place);
    }

    /// Keeps what was kept elsewhere.
    pub(super) fn copy(&mut self, sight: Sight<'_>) {
        self.open().copy(sight);
    }

    /// The block that the next one goes to.
    fn open(&mut self) -> &mut Block {
        while self.open.last().is_some_and(|at| self.blocks[*at].noted.len() >= BLOCK) {
            self.open.pop();
        }
        let at = match self.open.last() {
            Some(at) => *at,
            None => {
                // Most parts keep few: their first block grows.
                let first = self.blocks.is_empty();
                self.blocks.push(if first { Block::default() } else { Block::new() });
                self.open.push(self.blocks.len() - 1);
                self.blocks.len() - 1
            }
        };
        let block = &mut self.blocks[at];
        // There are never as many as 2^32.
        self.last = (at * BLOCK + block.noted.len()) as u32;
        block
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.blocks.iter().map(|block| block.noted.len()).sum()
    }

    /// One of them.
    pub(super) fn get(&self, place: u32) -> Option<Sight<'_>> {
        let place = place as usize;
        self.blocks.get(place / BLOCK)?.get(place % BLOCK)
    }

    /// Where the one stands that was kept last.
    pub(super) fn last(&self) -> u32 {
        self.last
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = Sight<'_>> {
        self.blocks.iter().flat_map(|block| (0..block.noted.len()).filter_map(|at| block.get(at)))
    }

    /// All of them, to be changed.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Noted> {
        self.blocks.iter_mut().flat_map(|block| &mut block.noted)
    }

    /// Which places of each block are among these.
    fn masks(&self, places: impl Iterator<Item = u32>) -> Vec<u64> {
        let mut masks = vec![0; self.blocks.len()];
        places.for_each(|place| masks[place as usize / BLOCK] |= 1 << (place as usize % BLOCK));
        masks
    }

    /// Takes over those of a part that stand in these places, and tells where each stands here.
    pub(super) fn take_over(
        &mut self,
        mut part: Sights,
        places: impl Iterator<Item = u32> + Clone,
    ) -> Vec<u32> {
        let mut taken = vec![None; part.blocks.len()];
        for (at, mask) in part.masks(places.clone()).into_iter().enumerate() {
            // Where there are gaps, they are filled first.
            if mask.count_ones() as usize > BLOCK / 2 && self.open.len() < 2 {
                taken[at] = Some(self.blocks.len());
                self.blocks.push(std::mem::take(&mut part.blocks[at]));
            }
        }
        let here = |place: u32| match taken[place as usize / BLOCK] {
            Some(block) => (block * BLOCK + place as usize % BLOCK) as u32,
            None => {
                part.get(place).into_iter().for_each(|sight| self.copy(sight));
                self.last()
            }
        };
        places.map(here).collect()
    }

    /// Lets go of all but these, where that makes much room. Those that are left in such a block close up, and their places are
    /// changed.
    pub(super) fn keep_only(&mut self, entries: &mut [Entry]) {
        let masks = self.masks(entries.iter().map(|entry| entry.at));
        let sparse = |at: usize, block: &Block| masks[at].count_ones() as usize * 5 < block.noted.len() * 4;
        let sparse: Vec<bool> = self.blocks.iter().enumerate().map(|(at, block)| sparse(at, block)).collect();
        for entry in entries {
            let (block, at) = (entry.at as usize / BLOCK, entry.at as usize % BLOCK);
            if sparse[block] {
                let before = (masks[block] & ((1 << at) - 1)).count_ones() as usize;
                entry.at = (block * BLOCK + before) as u32;
            }
        }
        for (at, block) in self.blocks.iter_mut().enumerate().filter(|(at, _)| sparse[*at]) {
            block.keep_only(masks[at]);
            if !self.open.contains(&at) {
                self.open.push(at);
            }
        }
    }

    /// The same with other names of inputs, where these stand for the pods.
    #[must_use]
    pub(super) fn renamed(&self, names: &Renamed) -> Sights {
        let cut = |name: &[u8]| name[..name.len().min(TEXT_BYTES)].to_vec();
        let names: Renamed = names.iter().map(|(old, new)| (cut(old), cut(new))).collect();
        let blocks = self.blocks.iter().map(|block| block.renamed(&names)).collect();
        Sights { blocks, open: self.open.clone(), last: self.last }
    }

    /// Bytes on the heap, about.
    pub(super) fn held_bytes(&self) -> usize {
        self.blocks.iter().map(|block| block.noted.len() * size_of::<Noted>() + block.text.len()).sum()
    }

    /// Reads one that was written down.
    ///
    /// # Errors
    /// When the bytes are none that [`Sight::put`] writes.
    pub(super) fn read(&mut self, from: &mut Unpacker<'_>) -> Result<(), Broken> {
        self.open().read(from)
    }
}

impl Block {
    fn new() -> Block {
        Block { noted: Vec::with_capacity(BLOCK), text: Vec::with_capacity(BLOCK_BYTES) }
    }

    fn get(&self, at: usize) -> Option<Sight<'_>> {
        let noted = self.noted.get(at)?;
        let start = noted.start as usize;
        let text = self.text.get(start..start + usize::from(noted.ends[PARTS - 1]))?;
        Some(Sight { noted, text })
    }

    fn copy(&mut self, sight: Sight<'_>) {
        self.noted.push(Noted { start: self.text.len() as u32, ..*sight.noted });
        self.text.extend_from_slice(sight.text);
    }

    fn note(&mut self, record: &Record<'_>, worked: &Worked, name: &str, place: Place) {
        let start = self.text.len();
        let mut ends = [0; PARTS];
        let mut texts = Texts { text: &mut self.text, start, ends: &mut ends };
        texts.put(Part::Id, record, Field::RequestId);
        texts.put_bytes(Part::Proxy, record.pod().unwrap_or(name.as_bytes()));
        texts.put_bytes(Part::Cluster, record.upstream().unwrap_or_default());
        texts.put(Part::Host, record, Field::UpstreamHost);
        texts.put(Part::UpstreamLocal, record, Field::UpstreamLocal);
        texts.put(Part::Listener, record, Field::DownstreamLocal);
        texts.put(Part::Client, record, Field::DownstreamRemote);
        texts.put_request(record);
        // Else why the connection ended or failed.
        let why = [Field::Details, Field::Termination, Field::TransportFailure, Field::DownstreamFailure];
        let there = |field: &Field| !record.bytes(*field).is_empty();
        texts.put(Part::Details, record, why.into_iter().find(there).unwrap_or(Field::Details));
        let Worked { symptom, outcome, flags, time_us } = *worked;
        self.noted.push(Noted {
            symptom,
            place,
            time_us,
            duration_ms: record.duration_ms(),
            service_ms: record.number(Field::ServiceTime),
            attempts: record.number(Field::Attempts),
            code: record.code(),
            flags,
            outcome,
            direction: record.direction(),
            kind: record.kind(),
            start: start as u32,
            ends,
        });
    }

    fn read(&mut self, from: &mut Unpacker<'_>) -> Result<(), Broken> {
        let symptom = from.take::<Option<Wide>>()?.map(|wide| wide.0);
        let (place, time_us) = (from.take()?, from.take()?);
        let mut wide = || from.take::<Option<Wide>>().map(|number| number.map(|wide| wide.0));
        let (duration_ms, service_ms, attempts) = (wide()?, wide()?, wide()?);
        let mut noted = Noted {
            symptom,
            place,
            time_us,
            duration_ms,
            service_ms,
            attempts,
            code: from.take()?,
            flags: from.take()?,
            outcome: from.take()?,
            direction: from.take()?,
            kind: from.take()?,
            start: self.text.len() as u32,
            ends: [0; PARTS],
        };
        let text: Box<[u8]> = from.take()?;
        noted.ends = from.take()?;
        let sound = noted.ends.is_sorted() && usize::from(noted.ends[PARTS - 1]) == text.len();
        from.check(sound, "texts of a request do not follow each other")?;
        self.text.extend_from_slice(&text);
        self.noted.push(noted);
        Ok(())
    }

    /// Closes the gaps.
    fn keep_only(&mut self, mask: u64) {
        let (mut kept, mut end) = (0, 0);
        for at in (0..self.noted.len()).filter(|at| mask >> at & 1 == 1) {
            let noted = self.noted[at];
            let start = noted.start as usize;
            let len = usize::from(noted.ends[PARTS - 1]);
            self.text.copy_within(start..start + len, end);
            self.noted[kept] = Noted { start: end as u32, ..noted };
            kept += 1;
            end += len;
        }
        self.noted.truncate(kept);
        self.text.truncate(end);
    }

    fn renamed(&self, names: &Renamed) -> Block {
        let mut out = Block::default();
        for sight in (0..self.noted.len()).filter_map(|at| self.get(at)) {
            let start = out.text.len();
            let mut noted = Noted { start: start as u32, ..*sight.noted };
            for (at, end) in noted.ends.iter_mut().enumerate() {
                let text = sight.part_at(at);
                let new = names.get(text).filter(|_| at == Part::Proxy as usize);
                out.text.extend_from_slice(new.map_or(text, Vec::as_slice));
                // At most nine times 160 bytes.
                *end = (out.text.len() - start) as u16;
            }
            out.noted.push(noted);
        }
        out
    }
}

/// The texts of one record, on their way behind those of others.
struct Texts<'t> {
    text: &'t mut Vec<u8>,
    start: usize,
    ends: &'t mut [u16; PARTS],
}

impl Texts<'_> {
    #[inline]
    fn put(&mut self, part: Part, record: &Record<'_>, field: Field) {
        match record.get(field) {
            Some(raw) if raw.escaped => self.put_bytes(part, &raw.text()),
            raw => self.put_bytes(part, raw.map_or(b"", |raw| raw.bytes)),
        }
    }

    #[inline]
    fn put_bytes(&mut self, part: Part, bytes: &[u8]) {
        self.text.extend_from_slice(&bytes[..bytes.len().min(TEXT_BYTES)]);
        // At most nine times 160 bytes.
        self.ends[part as usize] = (self.text.len() - self.start) as u16;
    }

    /// Method and path, without the query.
    fn put_request(&mut self, record: &Record<'_>) {
        let before = self.text.len();
        self.put(Part::Request, record, Field::Method);
        let path = record.text(Field::Path).unwrap_or_default();
        let path = path.split(|&b| b == b'?').next().unwrap_or_default();
        if !path.is_empty() {
            self.text.push(b' ');
            self.text.extend_from_slice(&path[..path.len().min(TEXT_BYTES)]);
        }
        self.text.truncate(before + TEXT_BYTES);
        self.ends[Part::Request as usize] = (self.text.len() - self.start) as u16;
    }
}
