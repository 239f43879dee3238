//! Counts by key and time, of which only the cells that hold something are kept: so any stretch of time can be asked for
//! any key, to the second in most logs.
//!
//! A part of the input is counted to the second. The whole has a cap of cells: above it all cells become as wide as it
//! takes, on the ladder of [`Series`](super::Series). Cells only ever become more as input is added, so the width is a
//! function of the input and not of how it was cut.

use std::hash::{Hash, Hasher};

use indexmap::Equivalent;

use super::counter::{Ordered, Text, make_room};
use super::series::{Cell, WIDTHS_S, check_bucket, unpack_step};
use super::summary::{Keys, hash_of};
use crate::pack::{Broken, Pack, Packer, Unpacker};

/// How much the whole keeps.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Keys; what comes later is counted as one.
    pub keys: usize,
    /// Cells of all keys together.
    pub cells: usize,
}

/// Counts by key and time. A key has `N` parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Timed<const N: usize, C> {
    rows: Ordered<Key<N>, Row<C>>,
    other: Row<C>,
    step: usize,
    cells: usize,
}

/// Bucket and content, by bucket.
type Row<C> = Vec<(i64, C)>;

impl<const N: usize, C> Default for Timed<N, C> {
    fn default() -> Self {
        Timed { rows: Ordered::default(), other: Vec::new(), step: 0, cells: 0 }
    }
}

impl<const N: usize, C: Pack> Pack for Timed<N, C> {
    fn put(&self, out: &mut Packer<'_>) {
        self.step.put(out);
        out.wide(self.rows.len() as u64);
        for (key, row) in &self.rows {
            out.wide(N as u64);
            key.parts().into_iter().for_each(|part| out.text(part));
            pack_row(row, out);
        }
        pack_row(&self.other, out);
    }

    fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken> {
        let step = unpack_step(from)?;
        let len = from.length(size_of::<(Key<N>, Row<C>)>() + 32)?;
        let mut rows = Ordered::with_capacity_and_hasher(len, <_>::default());
        for _ in 0..len {
            let parts: [Text; N] = from.take()?;
            let key = Key::of(parts.each_ref().map(|part| &**part));
            let key = key.ok_or_else(|| from.broken("a key is too long"))?;
            rows.insert(key, unpack_row(from, step)?);
        }
        let other = unpack_row(from, step)?;
        let cells = rows.values().map(Row::len).sum::<usize>() + other.len();
        Ok(Timed { rows, other, step, cells })
    }

    fn absent() -> Option<Self> {
        Some(Timed { rows: Ordered::default(), other: Vec::new(), step: 0, cells: 0 })
    }
}

fn pack_row<C: Pack>(row: &Row<C>, out: &mut Packer<'_>) {
    out.wide(row.len() as u64);
    let mut before = 0;
    for (bucket, cell) in row {
        (bucket - before).put(out);
        cell.put(out);
        before = *bucket;
    }
}

fn unpack_row<C: Pack>(from: &mut Unpacker<'_>, step: usize) -> Result<Row<C>, Broken> {
    let mut row: Row<C> = from.take()?;
    let mut at = 0_i64;
    for (i, (bucket, _)) in row.iter_mut().enumerate() {
        from.check(i == 0 || *bucket > 0, "times are out of order")?;
        at = at.saturating_add(*bucket);
        check_bucket(from, step, at)?;
        *bucket = at;
    }
    Ok(row)
}

/// A key in a single allocation: where each part ends, two bytes a part, and the parts. There are tens of thousands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key<const N: usize>(Text);

impl<const N: usize> Key<N> {
    /// `None` where the parts are longer than any that are counted.
    fn of(parts: [&[u8]; N]) -> Option<Key<N>> {
        let mut end = 0_u16;
        let mut bytes = Vec::with_capacity(2 * N + parts.iter().map(|part| part.len()).sum::<usize>());
        for part in parts {
            end = end.checked_add(u16::try_from(part.len()).ok()?)?;
            bytes.extend(end.to_le_bytes());
        }
        parts.into_iter().for_each(|part| bytes.extend_from_slice(part));
        Some(Key(bytes.into()))
    }

    fn parts(&self) -> [&[u8]; N] {
        let (ends, text) = self.0.split_at(2 * N);
        let end = |at: usize| usize::from(u16::from_le_bytes([ends[2 * at], ends[2 * at + 1]]));
        std::array::from_fn(|at| &text[if at == 0 { 0 } else { end(at - 1) }..end(at)])
    }
}

impl<const N: usize> Hash for Key<N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

/// A key that is looked up before it is owned.
#[derive(Hash)]
struct Parts<'k, const N: usize>([&'k [u8]; N]);

impl<const N: usize> Equivalent<Key<N>> for Parts<'_, N> {
    fn equivalent(&self, key: &Key<N>) -> bool {
        self.0 == key.parts()
    }
}

impl<const N: usize, C: Cell> Timed<N, C> {
    /// The cell of a key and a time in microseconds since 1970; of all others where the whole is full without this key.
    #[inline]
    pub(super) fn at(&mut self, key: [&[u8]; N], us: i64, full: &Keys) -> &mut C {
        let bucket = us.div_euclid(self.width_us());
        let row = match self.rows.get_index_of(&Parts(key)) {
            Some(index) => &mut self.rows[index],
            None if full.lacks(&key) => &mut self.other,
            // Parts are cut: there is no longer one.
            None => match Key::of(key) {
                Some(key) => self.rows.entry(key).or_default(),
                None => &mut self.other,
            },
        };
        let at = match row.last() {
            Some((last, _)) if *last == bucket => row.len() - 1,
            Some((last, _)) if *last > bucket => row.partition_point(|(b, _)| *b < bucket),
            _ => row.len(),
        };
        if row.get(at).is_none_or(|(b, _)| *b != bucket) {
            if row.is_empty() {
                // Most rows hold one cell: room for the next would cost more than that.
                row.reserve_exact(1);
            }
            row.insert(at, (bucket, C::default()));
        }
        &mut row[at].1
    }

    /// Remembers the keys, when there is no room for others. True when that is news.
    pub(super) fn close(&self, full: &mut Keys, room: Room) -> bool {
        let hashes = self.rows.keys().map(|key| hash_of(&key.parts()));
        full.close_hashes(self.rows.len() >= room.keys, hashes)
    }

    /// Adds what a later part of the input counted.
    pub fn merge(&mut self, mut later: Timed<N, C>, room: Room) {
        self.coarsen(later.step);
        later.coarsen(self.step);
        for (key, row) in later.rows {
            let free = self.rows.len() < room.keys;
            let mine = match self.rows.get_index_of(&key) {
                Some(index) => &mut self.rows[index],
                None if free => {
                    make_room(&mut self.rows, room.keys);
                    self.rows.entry(key.clone()).or_default()
                }
                None => &mut self.other,
            };
            let before = mine.len();
            join(mine, row);
            self.cells += mine.len() - before;
        }
        let before = self.other.len();
        join(&mut self.other, later.other);
        self.cells += self.other.len() - before;
        while self.cells > room.cells && self.step + 1 < WIDTHS_S.len() {
            self.coarsen(self.step + 1);
        }
    }

    fn coarsen(&mut self, step: usize) {
        if step <= self.step {
            return;
        }
        let factor = WIDTHS_S[step] / WIDTHS_S[self.step];
        self.step = step;
        self.cells = 0;
        for row in self.rows.values_mut().chain([&mut self.other]) {
            let mut wide: Row<C> = Vec::new();
            for (bucket, cell) in row.drain(..) {
                push(&mut wide, bucket.div_euclid(factor), cell);
            }
            *row = wide;
            self.cells += row.len();
        }
    }

    /// Every cell's content.
    pub(super) fn contents_mut(&mut self) -> impl Iterator<Item = &mut C> {
        self.rows.values_mut().chain([&mut self.other]).flatten().map(|(_, cell)| cell)
    }

    /// Bytes on the heap, about; `held` says what a cell holds besides its own size.
    pub(super) fn weight(&self, held: impl Fn(&C) -> usize) -> usize {
        let row = size_of::<(Key<N>, Row<C>)>() + 64;
        let cell = |(_, cell): &(i64, C)| size_of::<(i64, C)>() + held(cell);
        self.rows.iter().map(|(key, cells)| row + key.0.len() + cells.iter().map(cell).sum::<usize>()).sum()
    }

    /// Width of a cell in seconds: what times are known to.
    pub fn width_s(&self) -> i64 {
        WIDTHS_S[self.step]
    }

    fn width_us(&self) -> i64 {
        self.width_s() * 1_000_000
    }

    /// Sum of each key's cells that touch the time between two moments; keys without any are left out.
    pub fn within(&self, from_us: i64, to_us: i64) -> impl Iterator<Item = ([&[u8]; N], C)> {
        let (from, to) = (from_us.div_euclid(self.width_us()), to_us.div_euclid(self.width_us()));
        self.rows.iter().filter_map(move |(key, row)| sum(row, from, to).map(|cell| (key.parts(), cell)))
    }

    /// Every cell that touches the time between two moments, with its key and its start.
    pub fn cells(&self, from_us: i64, to_us: i64) -> impl Iterator<Item = ([&[u8]; N], i64, &C)> {
        let width_us = self.width_us();
        let (from, to) = (from_us.div_euclid(width_us), to_us.div_euclid(width_us));
        self.rows.iter().flat_map(move |(key, row)| {
            let start = row.partition_point(|(bucket, _)| *bucket < from);
            let inside = row[start..].iter().take_while(move |(bucket, _)| *bucket <= to);
            inside.map(move |(bucket, cell)| (key.parts(), bucket * width_us, cell))
        })
    }

    /// The last moment whose cells do not touch a time: where "before it" ends.
    pub fn before_us(&self, us: i64) -> i64 {
        us.div_euclid(self.width_us()) * self.width_us() - 1
    }

    /// Sum of the cells of keys beyond the cap that touch the time between two moments.
    pub fn other_within(&self, from_us: i64, to_us: i64) -> Option<C> {
        sum(&self.other, from_us.div_euclid(self.width_us()), to_us.div_euclid(self.width_us()))
    }

    /// All keys together over time: start in microseconds since 1970, and content, in order.
    pub fn total(&self) -> Vec<(i64, C)> {
        let mut sums: std::collections::BTreeMap<i64, C> = std::collections::BTreeMap::new();
        for (bucket, cell) in self.rows.values().chain([&self.other]).flatten() {
            sums.entry(*bucket).or_default().merge(cell);
        }
        sums.into_iter().map(|(bucket, cell)| (bucket * self.width_us(), cell)).collect()
    }
}

fn sum<C: Cell>(row: &Row<C>, from: i64, to: i64) -> Option<C> {
    let start = row.partition_point(|(bucket, _)| *bucket < from);
    let inside = row[start..].iter().take_while(|(bucket, _)| *bucket <= to);
    inside.fold(None, |sum: Option<C>, (_, cell)| {
        let mut sum = sum.unwrap_or_default();
        sum.merge(cell);
        Some(sum)
    })
}

/// Adds cells to cells, both in order.
fn join<C: Cell>(mine: &mut Row<C>, theirs: Row<C>) {
    if mine.is_empty() {
        mine.reserve_exact(theirs.len());
    }
    let follows = match (mine.last(), theirs.first()) {
        (Some((last, _)), Some((first, _))) => last <= first,
        _ => true,
    };
    if follows {
        theirs.into_iter().for_each(|(bucket, cell)| push(mine, bucket, cell));
        return;
    }
    let mut both = Vec::with_capacity(mine.len() + theirs.len());
    let mut theirs = theirs.into_iter().peekable();
    for (bucket, cell) in mine.drain(..) {
        while let Some((b, c)) = theirs.next_if(|(b, _)| *b < bucket) {
            push(&mut both, b, c);
        }
        push(&mut both, bucket, cell);
    }
    theirs.for_each(|(bucket, cell)| push(&mut both, bucket, cell));
    *mine = both;
}

fn push<C: Cell>(row: &mut Row<C>, bucket: i64, cell: C) {
    match row.last_mut() {
        Some((last, sum)) if *last == bucket => sum.merge(&cell),
        _ => row.push((bucket, cell)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ROOM: Room = Room { keys: 4, cells: 12 };

    fn counted(events: &[(u8, i64)], full: &Keys) -> Timed<1, u64> {
        let mut out = Timed::default();
        events.iter().for_each(|(key, s)| *out.at([&[*key]], s * 1_000_000, full) += 1);
        out
    }

    proptest! {
        #[test]
        fn cutting_the_input_changes_nothing(
            events in prop::collection::vec((0u8..7, -50i64..4_000), 0..60),
            cuts in prop::collection::vec(0usize..60, 0..4),
            knows in any::<bool>(),
        ) {
            let mut whole = Timed::default();
            whole.merge(counted(&events, &Keys::default()), ROOM);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(events.len())).collect();
            cuts.extend([0, events.len()]);
            cuts.sort_unstable();
            let (mut parts, mut full) = (Timed::default(), Keys::default());
            for cut in cuts.windows(2) {
                parts.merge(counted(&events[cut[0]..cut[1]], &full), ROOM);
                if knows {
                    parts.close(&mut full, ROOM);
                }
            }
            prop_assert_eq!(&parts, &whole);
            prop_assert_eq!(whole.total().iter().map(|(_, n)| n).sum::<u64>(), events.len() as u64);
            prop_assert!(whole.cells <= ROOM.cells);
        }
    }

    #[test]
    fn a_stretch_of_time_is_counted_exactly() {
        let table = counted(&[(1, 10), (1, 11), (2, 11), (1, 30)], &Keys::default());
        let of = |from: i64, to: i64| {
            table.within(from * 1_000_000, to * 1_000_000).map(|(key, n)| (key[0][0], n)).collect::<Vec<_>>()
        };
        assert_eq!(of(10, 11), [(1, 2), (2, 1)]);
        assert_eq!(of(12, 29), []);
        assert_eq!(of(12, 30), [(1, 1)]);
        assert_eq!(table.before_us(11_500_000), 10_999_999);
    }
}
