//! The failures of one upstream over time, beside the requests they are among.

use std::collections::BTreeMap;

use super::find::Harm;
use super::stretch::Bin;
use crate::aggregate::{Load, Summary, Symptom, SymptomKey, Text, Upstream};

/// An upstream that failed, or all requests without one.
pub(super) struct Place<'s> {
    /// Cluster as logged; `None` without one.
    pub name: Option<&'s Text>,
    pub harm: Harm,
    pub upstream: &'s Upstream,
    /// Its failures, or what it denied.
    pub symptoms: Vec<(&'s SymptomKey, &'s Symptom)>,
}

/// Bin widths to choose from, seconds: those of the kept series, so that a bucket never straddles two bins.
const WIDTHS_S: [i64; 10] = [1, 5, 15, 60, 300, 900, 3_600, 21_600, 86_400, 604_800];
/// Bins with failures that the search for change points is given at most.
const BUSY_BINS: usize = 600;
/// Bins at most: with a second each more than a month.
const BINS: i64 = 3_000_000;

/// Failures of some kind in bins, and all requests up to any bin.
pub(super) struct Curve {
    pub width_us: i64,
    /// Start of bin 0.
    pub start_us: i64,
    pub bins: i64,
    /// Failures of all kinds, by bin.
    failures: BTreeMap<i64, u64>,
    /// Sum of all failures up to and with a bin that has some.
    failures_before: BTreeMap<i64, u64>,
    /// Other requests: bins from, bins to, how many; evenly spread.
    others: Vec<(i64, i64, f64)>,
    others_before: Vec<f64>,
    by_time: bool,
}

impl Curve {
    /// `by_time`: the log does not hold successes, so failures are measured against the time that passes.
    pub(super) fn of(place: &Place<'_>, by_time: bool) -> Option<Curve> {
        let load = &place.upstream.series;
        let kept = place.symptoms.iter().map(|(_, s)| s.series.width_s()).max()?;
        let hits = || place.symptoms.iter().flat_map(|(_, s)| s.series.iter()).map(|(us, n)| (us, *n));
        let mut loads: Vec<(i64, Load)> = load.iter().map(|(us, cell)| (us, *cell)).collect();
        if place.harm == Harm::Denied {
            // The load knows failures only. Its buckets are the wider ones, so every cell of a symptom is within one.
            let width_us = load.width_s() * 1_000_000;
            let mut denied: BTreeMap<i64, u64> = BTreeMap::new();
            for (us, n) in hits() {
                *denied.entry(us.div_euclid(width_us) * width_us).or_default() += n;
            }
            for (us, cell) in &mut loads {
                cell.failed = denied.get(us).copied().unwrap_or(0).min(cell.requests);
            }
        }
        Curve::over(kept, hits, load.width_s(), loads, by_time)
    }

    /// Failures of all upstreams together.
    pub(super) fn whole(summary: &Summary, by_time: bool) -> Option<Curve> {
        let load = &summary.timeline;
        let failed = || load.iter().map(|(us, cell)| (us, cell.load.failed));
        let all = load.iter().map(|(us, cell)| (us, cell.load));
        Curve::over(load.width_s(), failed, load.width_s(), all.collect(), by_time)
    }

    fn over<F: Iterator<Item = (i64, u64)>>(
        kept_s: i64,
        failed: impl Fn() -> F,
        load_s: i64,
        load: Vec<(i64, Load)>,
        by_time: bool,
    ) -> Option<Curve> {
        let (first, last) = (load.first()?.0, load.last()?.0);
        let end_us = last + load_s * 1_000_000;
        let (width_us, failures) = failures(kept_s, failed, first, end_us)?;
        let start_us = first.div_euclid(width_us) * width_us;
        let bin = |us: i64| (us - start_us).div_euclid(width_us);
        let failures: BTreeMap<i64, u64> = failures.into_iter().map(|(us, n)| (bin(us), n)).collect();
        let last_bin = failures.keys().next_back().copied().unwrap_or(0);
        let bins = bin(end_us - 1).max(last_bin) + 1;
        let mut others: Vec<(i64, i64, f64)> = Vec::new();
        for (us, cell) in &load {
            let (from, to) = (bin(*us), bin(us + load_s * 1_000_000 - 1) + 1);
            let n = cell.requests.saturating_sub(cell.failed) as f64;
            // The kept buckets may be finer than the bins, or the other way round.
            match others.last_mut() {
                Some(row) if row.0 == from && row.1 == to => row.2 += n,
                _ => others.push((from, to, n)),
            }
        }
        let mut sum = 0;
        let failures_before = failures
            .iter()
            .map(|(at, n)| {
                (*at, {
                    sum += n;
                    sum
                })
            })
            .collect();
        let others_before = others
            .iter()
            .scan(0.0, |sum, row| {
                *sum += row.2;
                Some(*sum - row.2)
            })
            .collect();
        Some(Curve { width_us, start_us, bins, failures, failures_before, others, others_before, by_time })
    }

    /// Requests (or bins) before a bin.
    pub(super) fn exposure(&self, bin: i64) -> f64 {
        if self.by_time {
            return bin as f64;
        }
        self.requests(bin)
    }

    /// Requests before a bin: failures stand where they were, all others are spread over their bucket.
    pub(super) fn requests(&self, bin: i64) -> f64 {
        let failed = self.failures_before.range(..bin).next_back().map_or(0, |(_, n)| *n);
        let at = self.others.partition_point(|row| row.0 < bin);
        let others =
            match at.checked_sub(1).and_then(|at| Some((self.others.get(at)?, self.others_before[at]))) {
                Some(((from, to, n), before)) => {
                    before + n * ((bin - from) as f64 / (to - from).max(1) as f64).min(1.0)
                }
                None => 0.0,
            };
        failed as f64 + others
    }

    /// Bins with failures of these symptoms.
    pub(super) fn hits(&self, symptoms: &[(&SymptomKey, &Symptom)]) -> Vec<Bin> {
        let mut out: BTreeMap<i64, u64> = BTreeMap::new();
        for (us, n) in symptoms.iter().flat_map(|(_, s)| s.series.iter()).filter(|(_, n)| **n > 0) {
            *out.entry((us - self.start_us).div_euclid(self.width_us)).or_default() += *n;
        }
        out.into_iter().map(|(at, hits)| Bin { at, hits }).collect()
    }

    /// Bins with failures of any kind.
    pub(super) fn all_hits(&self) -> Vec<Bin> {
        self.failures.iter().map(|(at, hits)| Bin { at: *at, hits: *hits }).collect()
    }

    /// Failures in bins `from..to`.
    pub(super) fn failed(&self, from: i64, to: i64) -> u64 {
        if from < to { self.failures.range(from..to).map(|(_, n)| n).sum() } else { 0 }
    }

    /// The bin that a time is in.
    pub(super) fn bin(&self, us: i64) -> i64 {
        (us - self.start_us).div_euclid(self.width_us)
    }

    /// Start of a bin.
    pub(super) fn time_us(&self, bin: i64) -> i64 {
        self.start_us + bin * self.width_us
    }
}

/// Failures by the start of their bin, in the narrowest bins that their series and the limits allow.
fn failures<F: Iterator<Item = (i64, u64)>>(
    kept_s: i64,
    failed: impl Fn() -> F,
    first_us: i64,
    end_us: i64,
) -> Option<(i64, BTreeMap<i64, u64>)> {
    let mut found = None;
    for width_s in WIDTHS_S.into_iter().filter(|w| *w >= kept_s) {
        let width_us = width_s * 1_000_000;
        let mut bins: BTreeMap<i64, u64> = BTreeMap::new();
        for (us, n) in failed().filter(|(_, n)| *n > 0) {
            *bins.entry(us.div_euclid(width_us) * width_us).or_default() += n;
        }
        let fits = bins.len() <= BUSY_BINS && (end_us - first_us) / width_us < BINS;
        found = Some((width_us, bins));
        if fits {
            break;
        }
    }
    found
}
