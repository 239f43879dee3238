//! Counts over time, whose resolution adapts to the span.

use std::borrow::Cow;

use crate::pack::{Broken, Pack, Packer, Unpacker, Wide};

/// Farthest second from 1970 that a time can name, and more.
const FARTHEST_S: i64 = 1 << 39;

/// Bucket widths in seconds, up to where a few buckets hold every time that can be written (years 0 to 9999). Each is a multiple of the one before it, so coarsening loses nothing that a direct count
/// at the coarser width would have.
pub(super) const WIDTHS_S: [i64; 13] = [
    1,
    5,
    15,
    60,
    300,
    900,
    3_600,
    21_600,
    86_400,
    604_800,
    604_800 * 52,
    604_800 * 52 * 100,
    604_800 * 52 * 100 * 20,
];

/// What can stand in a bucket.
pub trait Cell: Clone + Default + PartialEq {
    /// Adds another bucket's content.
    fn merge(&mut self, other: &Self);
}

/// Requests and failures of a bucket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Load {
    /// Requests that started in it.
    pub requests: u64,
    /// Those that failed.
    pub failed: u64,
    /// Sum of their durations, milliseconds.
    pub busy_ms: u64,
    /// Those whose duration says little about the upstream: streams, sessions, clients that left.
    pub other: u64,
    /// Sum of the durations of those.
    pub other_ms: u64,
}

impl Pack for Load {
    fn put(&self, out: &mut Packer<'_>) {
        self.requests.put(out);
        self.failed.put(out);
        Wide(self.busy_ms).put(out);
        self.other.put(out);
        Wide(self.other_ms).put(out);
    }

    fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken> {
        Ok(Load {
            requests: from.take()?,
            failed: from.take()?,
            busy_ms: from.take::<Wide>()?.0,
            other: from.take()?,
            other_ms: from.take::<Wide>()?.0,
        })
    }

    fn absent() -> Option<Self> {
        Some(Load::default())
    }
}

impl Cell for Load {
    fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.failed += other.failed;
        self.busy_ms = self.busy_ms.saturating_add(other.busy_ms);
        self.other += other.other;
        self.other_ms = self.other_ms.saturating_add(other.other_ms);
    }
}

impl Cell for u64 {
    fn merge(&mut self, other: &Self) {
        *self += other;
    }
}

/// Buckets of equal width from the first time seen to the last. The width is the smallest of a fixed ladder (1 s, 5 s,
/// 15 s, 1 min, …) at which the span needs at most `MAX` buckets: a function of the span alone, so merging in any
/// order gives the same.
#[derive(Debug, Clone)]
pub struct Series<C, const MAX: usize> {
    step: usize,
    first: i64,
    /// The buckets; none while they are packed.
    cells: Vec<C>,
    packed: Packed,
}

/// The buckets of a series that is kept for long, as one of many: how many empty ones lie between those that are not, and
/// what these hold, as numbers of seven bits a byte.
#[derive(Debug, Clone, Default)]
struct Packed {
    len: u32,
    bytes: Box<[u8]>,
}

impl<C, const MAX: usize> Default for Series<C, MAX> {
    fn default() -> Self {
        Series { step: 0, first: 0, cells: Vec::new(), packed: Packed::default() }
    }
}

impl<C: Cell + Pack, const MAX: usize> PartialEq for Series<C, MAX> {
    fn eq(&self, other: &Self) -> bool {
        self.step == other.step && self.iter().eq(other.iter())
    }
}

impl<C: Cell + Pack, const MAX: usize> Pack for Series<C, MAX> {
    fn put(&self, out: &mut Packer<'_>) {
        self.step.put(out);
        self.first.put(out);
        match self.packed.len {
            0 => self.cells.put(out),
            _ => self.opened().put(out),
        }
    }

    fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken> {
        let (step, first) = (unpack_step(from)?, from.take()?);
        let cells: Vec<C> = from.take()?;
        from.check(cells.len() <= MAX, "a series has too many buckets")?;
        check_bucket(from, step, first)?;
        check_bucket(from, step, first + cells.len() as i64)?;
        let mut series = Series { step, first, cells, packed: Packed::default() };
        series.pack();
        Ok(series)
    }

    fn absent() -> Option<Self> {
        Some(Series::default())
    }
}

/// Reads a step of the ladder.
pub(super) fn unpack_step(from: &mut Unpacker<'_>) -> Result<usize, Broken> {
    let step = from.take()?;
    from.check(step < WIDTHS_S.len(), "no bucket is so wide")?;
    Ok(step)
}

/// An error unless a bucket is within all times.
pub(super) fn check_bucket(from: &Unpacker<'_>, step: usize, bucket: i64) -> Result<(), Broken> {
    from.check(bucket.unsigned_abs() <= (FARTHEST_S / WIDTHS_S[step]) as u64 + 1, "no time is so far away")
}

impl<C: Cell + Pack, const MAX: usize> Series<C, MAX> {
    /// The bucket of a time in microseconds since 1970.
    #[inline]
    pub fn at(&mut self, us: i64) -> &mut C {
        self.at_second(us.div_euclid(1_000_000))
    }

    /// The bucket of a time in seconds since 1970.
    #[inline]
    pub fn at_second(&mut self, second: i64) -> &mut C {
        // The common case: a bucket that is there. Most often it is a second wide.
        let bucket = if self.step == 0 { second } else { second.div_euclid(self.width_s()) };
        let index = bucket.wrapping_sub(self.first) as usize;
        if index < self.cells.len() {
            return &mut self.cells[index];
        }
        self.make_room(second)
    }

    #[inline(never)]
    fn make_room(&mut self, second: i64) -> &mut C {
        if self.packed.len > 0 {
            self.open();
            return self.at_second(second);
        }
        loop {
            let bucket = second.div_euclid(WIDTHS_S[self.step]);
            if self.cells.is_empty() {
                self.first = bucket;
                self.cells.push(C::default());
                return &mut self.cells[0];
            }
            let span = bucket.max(self.last()) - bucket.min(self.first) + 1;
            if span as usize <= MAX || self.step + 1 == WIDTHS_S.len() {
                return self.grow(bucket);
            }
            self.coarsen(self.step + 1);
        }
    }

    fn len(&self) -> usize {
        self.cells.len().max(self.packed.len as usize)
    }

    fn last(&self) -> i64 {
        self.first + self.len() as i64 - 1
    }

    #[inline(never)]
    fn open(&mut self) {
        if self.packed.len > 0 {
            self.cells = self.opened();
            self.packed = Packed::default();
        }
    }

    fn opened(&self) -> Vec<C> {
        self.iter().map(|(_, cell)| cell.into_owned()).collect()
    }

    /// Takes as little memory as can be, until a bucket is touched again.
    pub(super) fn pack(&mut self) {
        let (mut bytes, mut empty) = (Packer::default(), 0);
        for cell in std::mem::take(&mut self.cells) {
            self.packed.len += 1;
            if cell == C::default() {
                empty += 1;
            } else {
                bytes.wide(std::mem::take(&mut empty));
                cell.put(&mut bytes);
            }
        }
        let bytes = bytes.into_bytes();
        if !bytes.is_empty() {
            self.packed.bytes = bytes.into();
        }
    }

    fn grow(&mut self, bucket: i64) -> &mut C {
        if bucket < self.first {
            let missing = (self.first - bucket) as usize;
            self.cells.splice(0..0, std::iter::repeat_n(C::default(), missing));
            self.first = bucket;
        }
        let index = (bucket - self.first) as usize;
        if index >= self.cells.len() {
            self.cells.resize(index + 1, C::default());
        }
        &mut self.cells[index]
    }

    fn coarsen(&mut self, step: usize) {
        self.open();
        if step <= self.step || self.cells.is_empty() {
            self.step = self.step.max(step);
            return;
        }
        let factor = WIDTHS_S[step] / WIDTHS_S[self.step];
        let first = self.first.div_euclid(factor);
        let mut cells = vec![C::default(); (self.last().div_euclid(factor) - first + 1) as usize];
        for (i, cell) in self.cells.iter().enumerate() {
            let bucket = (self.first + i as i64).div_euclid(factor);
            cells[(bucket - first) as usize].merge(cell);
        }
        (self.step, self.first, self.cells) = (step, first, cells);
    }

    /// Adds another series.
    pub fn merge(&mut self, other: &Self) {
        if other.is_empty() {
            return;
        }
        self.coarsen(other.step);
        let width_us = WIDTHS_S[other.step] * 1_000_000;
        // First the ends: they settle the width, so that every cell goes to its place once.
        self.at(other.first * width_us);
        self.at(other.last() * width_us);
        for (us, cell) in other.iter() {
            self.at(us).merge(&cell);
        }
    }

    /// At most `most` buckets: for a table of many. The width stays a function of the span alone.
    pub(super) fn limit(&mut self, most: usize) {
        while self.len() > most && self.step + 1 < WIDTHS_S.len() {
            self.coarsen(self.step + 1);
        }
    }

    /// Every bucket's content.
    pub(super) fn cells_mut(&mut self) -> impl Iterator<Item = &mut C> {
        self.open();
        self.cells.iter_mut()
    }

    /// Bytes on the heap.
    pub(super) fn held(&self) -> usize {
        self.cells.capacity() * size_of::<C>() + self.packed.bytes.len()
    }

    /// Width of a bucket in seconds.
    pub fn width_s(&self) -> i64 {
        WIDTHS_S[self.step]
    }

    /// Buckets without gaps, earliest first: start in microseconds since 1970, and content.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (i64, Cow<'_, C>)> {
        let width_us = self.width_s() * 1_000_000;
        let mut packed = self.packed.cells();
        (0..self.len()).map(move |at| {
            let cell = match self.cells.get(at) {
                Some(cell) => Cow::Borrowed(cell),
                None => Cow::Owned(packed.next()),
            };
            ((self.first + at as i64) * width_us, cell)
        })
    }

    /// The same counts in buckets of at least `width_s` seconds: of a multiple of the width they were kept at.
    pub fn rebucketed(&self, width_s: i64) -> (i64, Vec<(i64, C)>) {
        let own = self.width_s();
        let width = own * width_s.div_euclid(own).max(1);
        let mut out: Vec<(i64, C)> = Vec::new();
        for (us, cell) in self.iter() {
            let start = us.div_euclid(width * 1_000_000) * width * 1_000_000;
            match out.last_mut() {
                Some((at, sum)) if *at == start => sum.merge(&cell),
                _ => out.push((start, cell.into_owned())),
            }
        }
        (width, out)
    }

    /// True when nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Reads the buckets of a packed series, one after the other.
struct Opened<'p> {
    from: Unpacker<'p>,
    /// Empty ones before the next that is not; `None`: all others are.
    empty: Option<u64>,
}

impl Packed {
    fn cells(&self) -> Opened<'_> {
        let mut from = Unpacker::new(&self.bytes);
        let empty = from.wide().ok();
        Opened { from, empty }
    }
}

impl Opened<'_> {
    /// Once in the program for each kind of cell: series are looked at in many places.
    #[inline(never)]
    fn next<C: Cell + Pack>(&mut self) -> C {
        match &mut self.empty {
            Some(0) => {
                // They were written here, so they can be read; but for sums of forged counts, which are too large.
                let cell = self.from.take();
                self.empty = cell.as_ref().ok().and_then(|_| self.from.wide().ok());
                cell.unwrap_or_default()
            }
            Some(left) => {
                *left -= 1;
                C::default()
            }
            None => C::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Small = Series<u64, 10>;

    fn filled(seconds: &[i64]) -> Small {
        let mut series = Small::default();
        seconds.iter().for_each(|s| *series.at(s * 1_000_000) += 1);
        series
    }

    proptest! {
        #[test]
        fn order_and_cuts_change_nothing(seconds in prop::collection::vec(-5_000i64..50_000, 0..40), cut in 0usize..40) {
            let cut = cut.min(seconds.len());
            let mut merged = filled(&seconds[..cut]);
            merged.merge(&filled(&seconds[cut..]));
            let mut sorted = seconds.clone();
            sorted.sort_unstable();
            prop_assert_eq!(&merged, &filled(&sorted));
            prop_assert_eq!(merged.iter().map(|(_, n)| *n).sum::<u64>(), seconds.len() as u64);
            prop_assert!(merged.iter().len() <= 10);
        }
    }

    proptest! {
        #[test]
        fn a_limit_depends_on_the_span_alone(seconds in prop::collection::vec(-5_000i64..50_000, 0..40), cut in 0usize..40, most in 3usize..10) {
            let cut = cut.min(seconds.len());
            let limited = |seconds: &[i64]| { let mut series = filled(seconds); series.limit(most); series };
            let mut merged = limited(&seconds[..cut]);
            merged.pack();
            merged.merge(&filled(&seconds[cut..]));
            merged.limit(most);
            prop_assert_eq!(&merged, &limited(&seconds));
            prop_assert_eq!(merged.iter().map(|(_, n)| *n).sum::<u64>(), seconds.len() as u64);
        }
    }

    proptest! {
        #[test]
        fn packing_changes_nothing(seconds in prop::collection::vec(-5_000i64..50_000, 0..40), more in 0i64..50_000) {
            let open = filled(&seconds);
            let mut packed = open.clone();
            packed.pack();
            prop_assert!(packed.cells.is_empty());
            prop_assert_eq!(&packed, &open);
            prop_assert_eq!(packed.iter().len(), open.cells.len());
            let written = |series: &Small| {
                let mut packer = Packer::default();
                series.put(&mut packer);
                packer.into_bytes()
            };
            let bytes = written(&packed);
            prop_assert_eq!(&bytes, &written(&open));
            prop_assert_eq!(&Small::read(&mut Unpacker::new(&bytes)).unwrap(), &open);
            *packed.at(more * 1_000_000) += 1;
            prop_assert_eq!(packed, filled(&[&seconds[..], &[more]].concat()));
        }
    }

    #[test]
    fn far_apart_times_do_not_explode() {
        let mut series = Small::default();
        for us in [-62_135_596_800_000_000, 0, 253_402_300_799_000_000] {
            *series.at(us) += 1;
        }
        assert_eq!(series.iter().map(|(_, n)| *n).sum::<u64>(), 3);
    }

    #[test]
    fn rebucketing_keeps_the_sum() {
        let series = filled(&[0, 1, 2, 9]);
        let (width, buckets) = series.rebucketed(5);
        assert_eq!((width, buckets), (5, vec![(0, 3), (5_000_000, 1)]));
    }
}
