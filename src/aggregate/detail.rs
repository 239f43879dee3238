//! What only a report asks for: counted beside a [`Tally`](super::Tally), so that the triage does not pay for it.
//!
//! Everything is kept by time, so that the report of an incident counts what happened in it and before it, and never
//! shares out what the whole log has.

use std::sync::Arc;

use super::Latency;
use super::series::Cell;
use super::summary::Keys;
use super::symptom::without_port;
use super::timed::{Room, Timed};
use crate::record::{Field, Kind, Outcome, Record};

impl Cell for Latency {
    fn merge(&mut self, other: &Self) {
        Latency::merge(self, other);
        self.pack(DURATIONS);
    }
}

/// Requests that were not answered as they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hits {
    /// Failed.
    pub failed: u64,
    /// Refused by policy.
    pub denied: u64,
}

packed!(Hits { failed, denied });

impl Cell for Hits {
    fn merge(&mut self, other: &Self) {
        self.failed += other.failed;
        self.denied += other.denied;
    }
}

/// All requests by some of their values, and those that were hit, which are kept at a finer width: they are fewer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Split<const N: usize> {
    /// All.
    pub requests: Timed<N, u64>,
    /// Those that failed or were denied.
    pub hits: Timed<N, Hits>,
}

packed!(for N; Split<N> { requests, hits });

impl<const N: usize> Split<N> {
    fn add(&mut self, key: [&[u8]; N], us: i64, hits: Option<Hits>, full: &SplitFull) {
        *self.requests.at(key, us, &full.requests) += 1;
        if let Some(hits) = hits {
            self.hits.at(key, us, &full.hits).merge(&hits);
        }
    }

    fn weight(&self) -> usize {
        self.requests.weight(|_| 0) + self.hits.weight(|_| 0)
    }

    fn merge(&mut self, later: Split<N>) {
        self.requests.merge(later.requests, REQUESTS);
        self.hits.merge(later.hits, HITS);
    }
}

/// Room of each table: some megabytes at most.
const REQUESTS: Room = Room { keys: 10_500, cells: 60_000 };
const HITS: Room = Room { keys: 10_500, cells: 60_000 };
const IDS: Room = Room { keys: 10_500, cells: 40_000 };
/// A histogram is much larger than a number.
const LATENCIES: Room = Room { keys: 500, cells: 8_000 };
/// Buckets of each of them: durations of 1 ms to 30 s fill as many.
const DURATIONS: usize = 640;
/// Bytes of a value that are kept.
const LONGEST: usize = 256;

/// Requests, failures and latency by time and by what an incident may have hit.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Detail {
    /// By upstream, endpoint, route, authority (without port) and pod.
    pub places: Split<5>,
    /// By upstream and the address that the request came from, without port.
    pub callers: Split<2>,
    /// By upstream, method and path without query.
    pub paths: Split<3>,
    /// Request ids of what failed or was denied, by upstream and id.
    pub request_ids: Timed<2, Hits>,
    /// Durations of HTTP records except 101 and `client_gone`, by upstream.
    pub latency: Timed<1, Latency>,
    /// Durations of requests that took long, by upstream, [`FAILED`] or [`SERVED`], and by when they ended: what ends at
    /// one moment whenever it began tells of that moment.
    pub ends: Timed<2, Latency>,
}

tables!(Detail { places, callers, paths, request_ids, latency, ends });

/// Of [`Detail::ends`]: requests that failed.
pub const FAILED: &[u8] = b"failed";
/// Of [`Detail::ends`]: requests that were answered well.
pub const SERVED: &[u8] = b"served";
/// Shorter requests began and ended at the same time, as far as an incident is concerned.
const LONG_MS: u64 = 1_000;

/// Keys of tables of a [`Detail`] that are full.
#[derive(Debug, Clone, Default)]
pub struct DetailFull {
    places: SplitFull,
    callers: SplitFull,
    paths: SplitFull,
    request_ids: Keys,
    latency: Keys,
    ends: Keys,
}

#[derive(Debug, Clone, Default)]
struct SplitFull {
    requests: Keys,
    hits: Keys,
}

impl DetailFull {
    /// Looks at the whole, after something was added to it. True when a table has become full.
    pub fn look(&mut self, whole: &Detail) -> bool {
        self.places.look(&whole.places)
            | self.callers.look(&whole.callers)
            | self.paths.look(&whole.paths)
            | whole.request_ids.close(&mut self.request_ids, IDS)
            | whole.latency.close(&mut self.latency, LATENCIES)
            | whole.ends.close(&mut self.ends, LATENCIES)
    }
}

impl SplitFull {
    fn look<const N: usize>(&mut self, whole: &Split<N>) -> bool {
        whole.requests.close(&mut self.requests, REQUESTS) | whole.hits.close(&mut self.hits, HITS)
    }
}

/// Counts one part of the input.
#[derive(Debug, Default)]
pub struct DetailTally {
    detail: Detail,
    full: Arc<DetailFull>,
}

impl DetailTally {
    /// A part that need not keep what the whole has no room for.
    pub fn knowing(full: Arc<DetailFull>) -> DetailTally {
        DetailTally { detail: Detail::default(), full }
    }

    /// Counts a record.
    pub fn record(&mut self, record: &Record<'_>) {
        self.detail.record(record, &self.full);
    }

    /// Bytes on the heap, about.
    pub fn weight(&self) -> usize {
        self.detail.weight()
    }

    /// The finished counts.
    pub fn finish(self) -> Detail {
        self.detail
    }
}

impl Detail {
    fn record(&mut self, record: &Record<'_>, full: &DetailFull) {
        let Some(us) = record.start_us() else { return };
        let outcome = record.outcome();
        let upstream = cut(record.upstream().unwrap_or_default());
        let hits = match outcome {
            Outcome::Denied => Some(Hits { denied: 1, failed: 0 }),
            outcome if outcome.failed() => Some(Hits { denied: 0, failed: 1 }),
            _ => None,
        };
        let text = |field| record.text(field).unwrap_or_default();
        let authority = text(Field::Authority);
        let (host, route) = (text(Field::UpstreamHost), text(Field::RouteName));
        let pod = record.pod().unwrap_or_default();
        let place = [upstream, cut(&host), cut(&route), cut(without_port(&authority)), cut(pod)];
        self.places.add(place, us, hits, &full.places);
        let address = text(Field::DownstreamRemote);
        let caller = without_port(&address);
        if !caller.is_empty() {
            self.callers.add([upstream, cut(caller)], us, hits, &full.callers);
        }
        let path = text(Field::Path);
        let path = path.split(|&b| b == b'?').next().unwrap_or_default();
        if !path.is_empty() {
            self.paths.add([upstream, cut(&text(Field::Method)), cut(path)], us, hits, &full.paths);
        }
        if let Some(hits) = hits {
            let id = text(Field::RequestId);
            if !id.is_empty() {
                self.request_ids.at([upstream, cut(&id)], us, &full.request_ids).merge(&hits);
            }
        }
        let counts = record.kind() == Kind::Http && record.code() != 101 && outcome != Outcome::ClientGone;
        if let (true, Some(ms)) = (counts, record.duration_ms()) {
            self.latency.at([upstream], us, &full.latency).add(ms);
            let end_us = i64::try_from(ms).ok().and_then(|ms| us.checked_add(ms.checked_mul(1_000)?));
            let how = match outcome {
                Outcome::Ok => Some(SERVED),
                outcome if outcome.failed() => Some(FAILED),
                _ => None,
            };
            if let (LONG_MS.., Some(how), Some(end_us)) = (ms, how, end_us) {
                self.ends.at([upstream, how], end_us, &full.ends).add(ms);
            }
        }
    }

    /// Bytes on the heap, about.
    fn weight(&self) -> usize {
        self.places.weight()
            + self.callers.weight()
            + self.paths.weight()
            + self.request_ids.weight(|_| 0)
            + self.latency.weight(Latency::held)
            + self.ends.weight(Latency::held)
    }

    /// Adds what a later part of the input counted.
    pub fn merge(&mut self, mut later: Detail) {
        // All of them, those too that are merged with nothing: what is kept must not depend on where the input was cut.
        later.latency.contents_mut().for_each(|latency| latency.pack(DURATIONS));
        later.ends.contents_mut().for_each(|latency| latency.pack(DURATIONS));
        self.places.merge(later.places);
        self.callers.merge(later.callers);
        self.paths.merge(later.paths);
        self.request_ids.merge(later.request_ids, IDS);
        self.latency.merge(later.latency, LATENCIES);
        self.ends.merge(later.ends, LATENCIES);
    }
}

fn cut(text: &[u8]) -> &[u8] {
    &text[..text.len().min(LONGEST)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_one_moment_take_little_room_wherever_they_were_cut() {
        let part = |ms: std::ops::Range<u64>| {
            let mut part = Detail::default();
            ms.for_each(|ms| part.latency.at([b"shop"], 0, &Keys::default()).add(ms * ms));
            part
        };
        let whole = |cuts: &[u64]| {
            let mut whole = Detail::default();
            cuts.windows(2).for_each(|cut| whole.merge(part(cut[0]..cut[1])));
            whole
        };
        let all = whole(&[0, 5_000]);
        assert_eq!(all, whole(&[0, 700, 701, 4_000, 5_000]));
        let held = all.latency.weight(Latency::held);
        assert!(held < 4 * DURATIONS && part(0..5_000).latency.weight(Latency::held) > 2 * held, "{held}");
        let total = all.latency.total();
        assert_eq!((total.len(), total[0].1.count()), (1, 5_000));
    }
}
