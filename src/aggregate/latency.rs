//! A latency histogram that merges exactly.

/// Buckets of an octave: the stated relative error is 1/64 of a value, and none below 128 ms.
const SUB: u64 = 64;
const PAGE: usize = 64;
/// Longest duration told apart, 2^36 ms (two years); longer ones count as this.
const MAX_MS: u64 = (1 << 36) - 1;
const PAGES: usize = 32;

/// How many requests took how long, in milliseconds. Values below 128 ms are exact, above them the bucket is at most
/// 1/64 of the value wide. Integers only, so merging in any order gives the same.
#[derive(Clone, Default)]
pub struct Latency {
    filled: Filled,
    count: u64,
    sum_ms: u64,
    max_ms: u64,
}

/// The filled buckets. Most groups of records fill a few: these are kept in a short sorted list.
#[derive(Clone)]
enum Filled {
    Few(Vec<(u16, u64)>),
    Many(Box<[Option<Box<[u64; PAGE]>>; PAGES]>),
}

/// The longest list.
const FEW: usize = 12;

impl Default for Filled {
    fn default() -> Self {
        Filled::Few(Vec::new())
    }
}

impl Filled {
    #[inline]
    fn add(&mut self, bucket: usize, n: u64) {
        match self {
            Filled::Many(pages) => {
                let page = pages[bucket / PAGE].get_or_insert_with(|| Box::new([0; PAGE]));
                page[bucket % PAGE] += n;
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

    /// Bucket and count, in order.
    fn iter(&self) -> impl Iterator<Item = (usize, u64)> {
        let (few, many) = match self {
            Filled::Few(list) => (Some(list), None),
            Filled::Many(pages) => (None, Some(pages)),
        };
        let few = few.into_iter().flatten().map(|(bucket, n)| (usize::from(*bucket), *n));
        let many = many
            .into_iter()
            .flat_map(|pages| pages.iter().enumerate())
            .filter_map(|(p, page)| page.as_ref().map(|page| (p, page)))
            .flat_map(|(p, page)| page.iter().enumerate().map(move |(i, n)| (p * PAGE + i, *n)))
            .filter(|(_, n)| *n > 0);
        few.chain(many)
    }
}

impl PartialEq for Latency {
    fn eq(&self, other: &Self) -> bool {
        (self.count, self.sum_ms, self.max_ms) == (other.count, other.sum_ms, other.max_ms)
            && self.filled.iter().eq(other.filled.iter())
    }
}

impl Latency {
    /// Counts one duration.
    #[inline]
    pub fn add(&mut self, ms: u64) {
        self.filled.add(bucket_of(ms), 1);
        self.count += 1;
        self.sum_ms = self.sum_ms.saturating_add(ms);
        self.max_ms = self.max_ms.max(ms);
    }

    /// Adds another histogram.
    pub fn merge(&mut self, other: &Latency) {
        other.filled.iter().for_each(|(bucket, n)| self.filled.add(bucket, n));
        self.count += other.count;
        self.sum_ms = self.sum_ms.saturating_add(other.sum_ms);
        self.max_ms = self.max_ms.max(other.max_ms);
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
        self.filled.iter().map(|(bucket, n)| (lowest_of(bucket), lowest_of(bucket + 1) - 1, n))
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
    }
}
