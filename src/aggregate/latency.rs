//! A latency histogram that merges exactly.

use crate::pack::{Broken, Pack, Packer, Unpacker, Wide};

/// Buckets of an octave: the stated relative error is 1/64 of a value, and none below 128 ms.
const SUB: u64 = 64;
const PAGE: usize = 64;
/// Longest duration told apart, 2^36 ms (two years); longer ones count as this.
const MAX_MS: u64 = (1 << 36) - 1;
const PAGES: usize = 32;
/// The coarsest level: buckets 1/8 of the value wide.
const COARSEST: u8 = 3;

/// How many requests took how long, in milliseconds. Values below 128 ms are exact, above them the bucket is at most
/// 1/64 of the value wide; where there are too many groups to keep all of that, buckets are joined
/// ([`pack`](Self::pack)). Integers only, so merging in any order gives the same.
#[derive(Clone, Default)]
pub struct Latency {
    filled: Filled,
    /// How often neighbouring buckets were joined, two and two.
    level: u8,
    count: u64,
    sum_ms: u64,
    max_ms: u64,
}

/// The filled buckets. Most groups of records fill a few: these are kept in a short sorted list.
#[derive(Clone)]
enum Filled {
    Few(Vec<(u16, u64)>),
    Many(Box<[Option<Box<[u64; PAGE]>>; PAGES]>),
    /// Distance to the bucket before and count, as numbers of seven bits a byte: what is kept for long.
    Packed(Box<[u8]>),
}

/// The longest list.
const FEW: usize = 12;

impl Default for Filled {
    fn default() -> Self {
        Filled::Few(Vec::new())
    }
}

impl Filled {
    #[inline(never)]
    fn add(&mut self, bucket: usize, n: u64) {
        match self {
            Filled::Many(pages) => {
                let page = pages[bucket / PAGE].get_or_insert_with(|| Box::new([0; PAGE]));
                page[bucket % PAGE] += n;
            }
            Filled::Packed(_) => {
                let open = self.opened();
                *self = open;
                self.add(bucket, n);
            }
            Filled::Few(list) => match list.binary_search_by_key(&bucket, |entry| usize::from(entry.0)) {
                Ok(at) => list[at].1 += n,
                Err(at) if list.len() < FEW => list.insert(at, (bucket as u16, n)),
                Err(_) => {
                    let few = std::mem::take(list);
                    *self = Filled::Many(Box::new([const { None }; PAGES]));
                    few.into_iter().for_each(|(bucket, n)| self.add(usize::from(bucket), n));
                    self.add(bucket, n);
                }
            },
        }
    }

    #[cold]
    fn opened(&self) -> Filled {
        let mut open = Filled::default();
        self.iter().for_each(|(bucket, n)| open.add(bucket, n));
        open
    }

    fn packed(entries: &[(usize, u64)]) -> Filled {
        let mut bytes = Packer::default();
        let mut before = 0;
        for &(bucket, n) in entries {
            bytes.wide((bucket - before) as u64);
            bytes.wide(n);
            before = bucket;
        }
        Filled::Packed(bytes.into_bytes().into())
    }

    /// Bytes on the heap.
    fn held(&self) -> usize {
        match self {
            Filled::Few(list) => list.capacity() * size_of::<(u16, u64)>(),
            Filled::Many(pages) => {
                size_of_val(&**pages) + pages.iter().flatten().count() * size_of::<[u64; PAGE]>()
            }
            Filled::Packed(bytes) => bytes.len(),
        }
    }

    /// Bucket and count, in order.
    fn iter(&self) -> impl Iterator<Item = (usize, u64)> {
        let (few, many, packed) = match self {
            Filled::Few(list) => (Some(list), None, None),
            Filled::Many(pages) => (None, Some(pages), None),
            Filled::Packed(bytes) => (None, None, Some(bytes)),
        };
        let packed = packed.into_iter().flat_map(|bytes| {
            let (mut rest, mut at) = (&bytes[..], 0);
            std::iter::from_fn(move || {
                at += read_number(&mut rest)? as usize;
                Some((at, read_number(&mut rest)?))
            })
        });
        let few = few.into_iter().flatten().map(|(bucket, n)| (usize::from(*bucket), *n));
        let many = many
            .into_iter()
            .flat_map(|pages| pages.iter().enumerate())
            .filter_map(|(p, page)| page.as_ref().map(|page| (p, page)))
            .flat_map(|(p, page)| page.iter().enumerate().map(move |(i, n)| (p * PAGE + i, *n)))
            .filter(|(_, n)| *n > 0);
        few.chain(many).chain(packed)
    }
}

impl Pack for Latency {
    fn put(&self, out: &mut Packer<'_>) {
        self.level.put(out);
        Wide(self.sum_ms).put(out);
        Wide(self.max_ms).put(out);
        let mut before = 0;
        let entries =
            self.filled.iter().map(|(bucket, n)| (bucket - std::mem::replace(&mut before, bucket), n));
        entries.collect::<Vec<_>>().put(out);
    }

    fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken> {
        let (level, sum_ms, max_ms): (u8, Wide, Wide) = (from.take()?, from.take()?, from.take()?);
        from.check(level <= COARSEST, "no histogram is so coarse")?;
        let mut entries: Vec<(usize, u64)> = from.take()?;
        let (mut at, mut count) = (0, 0_u64);
        for (bucket, n) in &mut entries {
            at += *bucket;
            from.check(at < PAGES * PAGE, "no duration is so long")?;
            *bucket = at;
            count = count.saturating_add(*n);
        }
        let filled = Filled::packed(&summed(entries));
        Ok(Latency { filled, level, count, sum_ms: sum_ms.0, max_ms: max_ms.0 })
    }

    fn absent() -> Option<Self> {
        Some(Latency::default())
    }
}

impl PartialEq for Latency {
    fn eq(&self, other: &Self) -> bool {
        (self.count, self.sum_ms, self.max_ms, self.level)
            == (other.count, other.sum_ms, other.max_ms, other.level)
            && self.filled.iter().eq(other.filled.iter())
    }
}

impl Latency {
    /// Counts one duration.
    #[inline(always)]
    pub fn add(&mut self, ms: u64) {
        let bucket = bucket_of(ms);
        match &mut self.filled {
            // Nearly always: a bucket near one that is there.
            Filled::Many(pages) if self.level == 0 && pages[bucket / PAGE].is_some() => {
                if let Some(page) = &mut pages[bucket / PAGE] {
                    page[bucket % PAGE] += 1;
                }
            }
            filled => filled.add(if self.level == 0 { bucket } else { joined(bucket, self.level) }, 1),
        }
        self.count += 1;
        self.sum_ms = self.sum_ms.saturating_add(ms);
        self.max_ms = self.max_ms.max(ms);
    }

    /// Adds another histogram.
    pub fn merge(&mut self, other: &Latency) {
        self.coarsen(other.level);
        let level = self.level;
        match &self.filled {
            Filled::Packed(_) => {
                let all = self.filled.iter().chain(other.filled.iter().map(|(b, n)| (joined(b, level), n)));
                self.filled = Filled::packed(&summed(all.collect()));
            }
            _ => other.filled.iter().for_each(|(bucket, n)| self.filled.add(joined(bucket, level), n)),
        }
        self.count += other.count;
        self.sum_ms = self.sum_ms.saturating_add(other.sum_ms);
        self.max_ms = self.max_ms.max(other.max_ms);
    }

    /// Makes it small, for a table of many: at most `most` buckets, joined as far as that takes. The level is a function
    /// of the durations alone, so merging in any order still gives the same.
    pub fn pack(&mut self, most: usize) {
        let mut entries: Vec<_> = self.filled.iter().collect();
        while entries.len() > most && self.level < COARSEST {
            self.level += 1;
            entries =
                summed(entries.into_iter().map(|(bucket, n)| (joined(bucket, self.level), n)).collect());
        }
        self.filled = Filled::packed(&entries);
    }

    fn coarsen(&mut self, level: u8) {
        if level > self.level {
            self.level = level;
            let entries = self.filled.iter().map(|(bucket, n)| (joined(bucket, level), n)).collect();
            self.filled = Filled::packed(&summed(entries));
        }
    }

    /// Bytes on the heap.
    pub(super) fn held(&self) -> usize {
        self.filled.held()
    }

    /// How many durations were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The longest duration, exact. 0 when nothing was counted.
    pub fn max_ms(&self) -> u64 {
        self.max_ms
    }

    /// Mean duration. 0 when nothing was counted.
    pub fn mean_ms(&self) -> u64 {
        self.sum_ms.checked_div(self.count).unwrap_or(0)
    }

    /// The duration that `permille` of 1,000 requests do not exceed: the upper end of its bucket, never above the
    /// longest duration seen.
    pub fn quantile_ms(&self, permille: u64) -> u64 {
        let rank = (self.count * permille).div_ceil(1000).max(1);
        let mut seen = 0;
        for (_, high, n) in self.buckets() {
            seen += n;
            if seen >= rank {
                return high.min(self.max_ms);
            }
        }
        0
    }

    /// How many durations lie in `low..=high`, whole buckets by their lower end.
    pub fn between(&self, low: u64, high: u64) -> u64 {
        self.buckets().filter(|(start, ..)| (low..=high).contains(start)).map(|(.., n)| n).sum()
    }

    /// Filled buckets, shortest first: lowest and highest duration (ms) and count.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64, u64)> {
        self.filled.iter().map(|(bucket, n)| {
            let low = lowest_of(bucket);
            (low, low + width_of(bucket, self.level) - 1, n)
        })
    }
}

impl std::fmt::Debug for Latency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.buckets()).finish()
    }
}

#[inline]
fn bucket_of(ms: u64) -> usize {
    let ms = ms.min(MAX_MS);
    if ms < 2 * SUB {
        return ms as usize;
    }
    // Octave e holds 2^e … 2^(e+1)-1, cut into 64 buckets of 2^(e-6).
    let e = 63 - u64::from(ms.leading_zeros());
    ((e - 6) * SUB + (ms >> (e - 6))) as usize
}

/// The first of the buckets that are one at this level.
#[inline]
fn joined(bucket: usize, level: u8) -> usize {
    if level == 0 {
        return bucket;
    }
    let low = lowest_of(bucket);
    bucket_of(low - low % width_of(bucket, level))
}

/// Milliseconds that a bucket stands for.
fn width_of(bucket: usize, level: u8) -> u64 {
    // Octave e has 64 buckets, or half as many for each level; below 2^6 the buckets are 1 ms anyhow.
    let e = 63 - u64::from(lowest_of(bucket).max(1).leading_zeros());
    1 << (e + u64::from(level)).saturating_sub(6)
}

/// Sorted, each bucket once.
fn summed(mut entries: Vec<(usize, u64)>) -> Vec<(usize, u64)> {
    entries.sort_unstable_by_key(|entry| entry.0);
    entries.dedup_by(|later, first| {
        let same = later.0 == first.0;
        first.1 += if same { later.1 } else { 0 };
        same
    });
    entries
}

fn read_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut n = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        n |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(n);
        }
    }
    None
}

fn lowest_of(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < 2 * SUB {
        return bucket;
    }
    let e = bucket / SUB + 5;
    (SUB + bucket % SUB) << (e - 6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn buckets_hold_their_values(ms in 0u64..=MAX_MS) {
            let b = bucket_of(ms);
            prop_assert!(lowest_of(b) <= ms && ms < lowest_of(b + 1));
            prop_assert!((lowest_of(b + 1) - lowest_of(b)) * SUB <= lowest_of(b).max(SUB));
            prop_assert!(b / PAGE < PAGES);
        }

        #[test]
        fn quantiles_are_within_the_stated_error(mut values in prop::collection::vec(0u64..5_000_000, 1..200), permille in 1u64..=1000) {
            let mut latency = Latency::default();
            values.iter().for_each(|&v| latency.add(v));
            values.sort_unstable();
            let exact = values[((values.len() as u64 * permille).div_ceil(1000).max(1) - 1) as usize];
            let got = latency.quantile_ms(permille);
            prop_assert!(got >= exact && (got - exact) * SUB <= exact, "{} {}", got, exact);
        }

        #[test]
        fn merging_is_exact(a in prop::collection::vec(any::<u64>(), 0..50), b in prop::collection::vec(0u64..10_000, 0..50)) {
            let fill = |values: &[u64]| { let mut l = Latency::default(); values.iter().for_each(|&v| l.add(v)); l };
            let mut merged = fill(&a);
            merged.merge(&fill(&b));
            let whole: Vec<u64> = a.iter().chain(&b).copied().collect();
            prop_assert_eq!(merged, fill(&whole));
        }

        #[test]
        fn packing_depends_on_the_durations_alone(
            values in prop::collection::vec(0u64..=MAX_MS, 0..300), cut in 0usize..300, most in 1usize..80, shift in 0u32..30,
        ) {
            let values: Vec<u64> = values.into_iter().map(|v| v >> shift).collect();
            let fill = |values: &[u64]| { let mut l = Latency::default(); values.iter().for_each(|&v| l.add(v)); l };
            let packed = |values: &[u64]| { let mut l = fill(values); l.pack(most); l };
            let cut = cut.min(values.len());
            let mut merged = packed(&values[..cut]);
            merged.merge(&fill(&values[cut..]));
            merged.pack(most);
            prop_assert_eq!(&merged, &packed(&values));
            let mut both = packed(&values[..cut]);
            both.merge(&packed(&values[cut..]));
            both.pack(most);
            prop_assert_eq!(&both, &merged);
            for v in values {
                prop_assert!(merged.buckets().any(|(low, high, _)| low <= v && v <= high), "{}", v);
            }
        }
    }
}
