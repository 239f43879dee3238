//! The last minutes, in short buckets that each are a summary of their own: what a live view needs for its windows.
//!
//! A record stands in the bucket of the moment it was logged, which is its start and its duration: a request that timed out
//! after a minute is news when it ends. What falls behind the last minutes is forgotten here; the summary of everything
//! has counted it, too. Which buckets are kept depends on the newest moment alone, so merging stays exact up to the caps.

use std::collections::BTreeMap;

use super::{Caps, Counts, Summary, Tally};
use crate::format::ProxyLine;
use crate::record::Record;

/// Width of a bucket in seconds.
pub const BUCKET_S: i64 = 5;
/// How far back buckets are kept.
pub const KEPT_S: i64 = 300;

const BUCKET_US: i64 = BUCKET_S * 1_000_000;

/// Some seconds of traffic have few names; what is beyond is counted as other, as everywhere.
const CAPS: Caps = Caps {
    upstreams: 1_000,
    hosts: 200,
    all_hosts: 2_000,
    scopes: 500,
    symptoms: 200,
    details: 256 << 10,
    groups: 0,
    rejects: 3,
};

/// What one part of the input adds to the last minutes.
pub struct LatelyTally {
    tallies: BTreeMap<i64, Tally>,
    /// When records without a time are taken to have come.
    arrival_us: i64,
    /// No record is from later than this: a clock that is far off must not push everything else out.
    latest_us: i64,
}

impl LatelyTally {
    /// Nothing yet.
    pub fn new(arrival_us: i64, latest_us: i64) -> LatelyTally {
        LatelyTally { tallies: BTreeMap::new(), arrival_us, latest_us }
    }

    /// When a record was logged, in microseconds since 1970.
    pub fn logged_us(&self, record: &Record<'_>) -> i64 {
        let Some(start) = record.start_us() else { return self.arrival_us };
        let ms = i64::try_from(record.duration_ms().unwrap_or(0)).unwrap_or(i64::MAX);
        let end = start.saturating_add(ms.saturating_mul(1000));
        if end <= self.latest_us { end } else { start.min(self.latest_us) }
    }

    /// Counts a record that was logged at a moment.
    pub fn record(
        &mut self,
        record: &Record<'_>,
        logged_us: i64,
        source: u32,
        line: u64,
        offset: u64,
        raw: &[u8],
    ) {
        if let Some(tally) = self.at(logged_us) {
            tally.record(record, source, line, offset, raw);
        }
    }

    /// Counts a line of the proxy's own log.
    pub fn proxy(&mut self, proxy: &ProxyLine, source: u32, line: u64, offset: u64, raw: &[u8]) {
        let us = proxy.time_us.unwrap_or(self.arrival_us).min(self.latest_us);
        if let Some(tally) = self.at(us) {
            tally.proxy(proxy, source, line, offset, raw);
        }
    }

    /// The tally of a moment, unless it is behind the last minutes.
    fn at(&mut self, us: i64) -> Option<&mut Tally> {
        let bucket = us.div_euclid(BUCKET_US);
        if let Some(newest) = self.tallies.last_key_value().map(|(newest, _)| *newest) {
            if bucket <= newest - KEPT_S / BUCKET_S {
                return None;
            }
            if bucket > newest {
                self.tallies = self.tallies.split_off(&(bucket - KEPT_S / BUCKET_S + 1));
            }
        }
        Some(self.tallies.entry(bucket).or_default())
    }

    /// Bytes on the heap, about.
    pub fn weight(&self) -> usize {
        self.tallies.values().map(Tally::weight).sum()
    }

    /// The finished buckets.
    pub fn finish(self) -> Lately {
        let mut lately = Lately::default();
        for (bucket, tally) in self.tallies {
            lately.add(bucket, tally.finish());
        }
        lately
    }
}

/// One bucket.
#[derive(Debug, Clone, Default)]
pub struct Moment {
    /// What was counted in it.
    pub summary: Summary,
    /// Its requests, nothing counted twice.
    pub counts: Counts,
}

/// The last minutes.
#[derive(Debug, Clone, Default)]
pub struct Lately {
    moments: BTreeMap<i64, Moment>,
}

impl Lately {
    /// Adds what a later part counted.
    pub fn merge(&mut self, later: Lately) {
        for (bucket, moment) in later.moments {
            self.add(bucket, moment.summary);
        }
        if let Some((newest, _)) = self.moments.last_key_value() {
            self.moments = self.moments.split_off(&(newest - KEPT_S / BUCKET_S + 1));
        }
    }

    fn add(&mut self, bucket: i64, summary: Summary) {
        let moment = self.moments.entry(bucket).or_default();
        moment.summary.merge(summary, &CAPS);
        moment.counts = moment.summary.totals().counts;
    }

    /// Moves every line number: this part of the input begins after `lines` lines of its source.
    pub fn shift_lines(&mut self, lines: u64) {
        self.moments.values_mut().for_each(|moment| moment.summary.shift_lines(lines));
    }

    /// The buckets of the last `seconds` before a moment, earliest first: how many buckets back each is, and what is in it.
    pub fn last(&self, seconds: i64, now_us: i64) -> impl DoubleEndedIterator<Item = (usize, &Moment)> {
        let newest = now_us.div_euclid(BUCKET_US);
        let range = newest - (seconds / BUCKET_S).max(1) + 1..=newest;
        self.moments.range(range).map(move |(bucket, moment)| ((newest - bucket) as usize, moment))
    }

    /// The last `seconds` before a moment as one summary.
    pub fn whole(&self, seconds: i64, now_us: i64) -> Summary {
        let mut whole = Summary::default();
        for (_, moment) in self.last(seconds, now_us) {
            whole.merge(moment.summary.clone(), &CAPS);
        }
        whole
    }
}
