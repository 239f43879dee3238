//! What was counted before, during and after an incident: of everything, of the upstreams that were hit, and of each of
//! the values that requests have. Buckets that hold the onset or the end belong to the incident.

use std::collections::{BTreeMap, BTreeSet};

use super::Incident;
use crate::aggregate::{Cell, Detail, Hits, Latency, Series, Split, Summary, Symptom, Text, Timed};
use crate::arrange::Arrange;

/// Requests of a stretch of time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Load {
    /// How long it was, microseconds.
    pub us: i64,
    /// Requests.
    pub requests: u64,
    /// Those that failed; in an incident of denials, those that were denied.
    pub failed: u64,
    /// Durations.
    pub latency: Latency,
}

/// Requests around an incident.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Around {
    /// Before the onset.
    pub before: Load,
    /// From onset to end.
    pub during: Load,
    /// After the end.
    pub after: Load,
}

/// The log around an incident.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Window {
    /// All upstreams together.
    pub all: Around,
    /// The upstreams that were hit.
    pub hit: Around,
    /// What became of the requests to those during the incident.
    pub hits: Hits,
}

/// Which of before (0), during (1) and after (2), from when to when; for tables of a certain width.
type Parts = Vec<(usize, i64, i64)>;

impl Window {
    /// The log around an incident.
    pub fn of(incident: &Incident, summary: &Summary, detail: &Detail) -> Window {
        let mut window = Window::default();
        let width_us = summary.timeline.width_s() * 1_000_000;
        let parts = parts(incident, width_us);
        for (us, cell) in summary.timeline.iter() {
            for (at, from, to) in &parts {
                if (*from..=*to).contains(&us) {
                    let load = &mut window.all.parts()[*at];
                    load.us += width_us;
                    load.requests += cell.load.requests;
                    load.failed += cell.load.failed;
                }
            }
        }
        window.hit.before.us = window.all.before.us;
        window.hit.during.us = window.all.during.us;
        window.hit.after.us = window.all.after.us;
        let counted = |upstream: &[u8]| incident.counts(named(upstream));
        let places = &detail.places;
        for (at, from, to) in parts_of(incident, &places.requests) {
            let rows = places.requests.within(from, to).filter(|(key, _)| counted(key[0]));
            window.hit.parts()[at].requests += rows.map(|(_, n)| n).sum::<u64>();
        }
        for (at, from, to) in parts_of(incident, &places.hits) {
            for (_, hits) in places.hits.within(from, to).filter(|(key, _)| counted(key[0])) {
                window.hit.parts()[at].failed += incident.harm.of(hits);
            }
        }
        for (first, last) in exactly(incident, &places.hits) {
            for (_, hits) in places.hits.within(first, last).filter(|(key, _)| counted(key[0])) {
                window.hits.merge(&hits);
            }
        }
        for (at, from, to) in parts_of(incident, &detail.latency) {
            for (key, latency) in detail.latency.within(from, to) {
                window.all.parts()[at].latency.merge(&latency);
                if counted(key[0]) {
                    window.hit.parts()[at].latency.merge(&latency);
                }
            }
            let other = detail.latency.other_within(from, to);
            other.iter().for_each(|latency| window.all.parts()[at].latency.merge(latency));
        }
        for load in window.hit.parts() {
            // Requests may be counted at wider buckets than failures.
            load.requests = load.requests.max(load.failed);
        }
        window
    }
}

impl Around {
    fn parts(&mut self) -> [&mut Load; 3] {
        [&mut self.before, &mut self.during, &mut self.after]
    }
}

/// The times of an incident in buckets of some width: whole buckets, each in one part.
fn parts(incident: &Incident, width_us: i64) -> Parts {
    let start = |us: i64| us.div_euclid(width_us) * width_us;
    let onset = start(incident.onset_us);
    let end = match incident.ongoing {
        true => i64::MAX,
        false => start(incident.last_us).saturating_add(width_us - 1),
    };
    let mut out = vec![(0, i64::MIN, onset - 1)];
    out.extend(incident.pieces(onset, end, width_us).into_iter().map(|(from, to)| (1, from, to)));
    if !incident.ongoing {
        out.push((2, end.saturating_add(1), i64::MAX));
    }
    out
}

/// Where the records of an incident are counted, to the second or as well as the table knows.
fn exactly<const N: usize, C: Cell>(incident: &Incident, table: &Timed<N, C>) -> Vec<(i64, i64)> {
    let (first, last) = incident.bounds_us();
    incident.pieces(first, last, table.width_s() * 1_000_000)
}

fn parts_of<const N: usize, C: Cell>(incident: &Incident, table: &Timed<N, C>) -> Parts {
    parts(incident, table.width_s() * 1_000_000)
}

/// The empty name stands for requests without an upstream.
pub(super) fn named(upstream: &[u8]) -> Option<&[u8]> {
    Some(upstream).filter(|name| !name.is_empty())
}

/// What became of requests with some value in common.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// Requests during the incident.
    pub requests: u64,
    /// Those that failed (or were denied, in an incident of denials).
    pub failed: u64,
    /// Requests before.
    pub requests_before: u64,
    /// Those that failed.
    pub failed_before: u64,
}

/// Every value of one kind, with the requests during and before an incident.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shares {
    /// By value.
    pub rows: BTreeMap<Text, Share>,
    /// Failures during the incident of values beyond the cap.
    pub other_failed: u64,
    /// What the requests are known to, seconds: they may include neighbours of the incident.
    pub width_s: i64,
}

impl Shares {
    /// Counts by a value that `of` makes of a key; an empty value is none. `only_hit`: of the upstreams that were hit.
    pub fn of<const N: usize>(
        split: &Split<N>,
        incident: &Incident,
        only_hit: bool,
        of: impl Fn([&[u8]; N]) -> Text,
    ) -> Shares {
        let mut rows: BTreeMap<Text, Share> = BTreeMap::new();
        let wanted = |upstream: &[u8]| match only_hit {
            true => incident.counts(named(upstream)),
            // The other side's records of the same requests are no further requests.
            false => !incident.hit(named(upstream)) || incident.counts(named(upstream)),
        };
        let mut other_failed = 0;
        for (part, from, to) in parts_of(incident, &split.requests).into_iter().filter(|(part, ..)| *part < 2)
        {
            for (key, n) in split.requests.within(from, to).filter(|(key, _)| wanted(key[0])) {
                let row = rows.entry(of(key)).or_default();
                *(if part == 0 { &mut row.requests_before } else { &mut row.requests }) += n;
            }
        }
        let hits = &split.hits;
        let before = (true, (i64::MIN, hits.before_us(incident.bounds_us().0)));
        let during = exactly(incident, hits).into_iter().map(|piece| (false, piece));
        for (is_before, (from, to)) in std::iter::once(before).chain(during) {
            for (key, n) in hits.within(from, to).filter(|(key, _)| wanted(key[0])) {
                let row = rows.entry(of(key)).or_default();
                let n = incident.harm.of(n);
                *(if is_before { &mut row.failed_before } else { &mut row.failed }) += n;
            }
            if !is_before {
                other_failed += hits.other_within(from, to).map_or(0, |n| incident.harm.of(n));
            }
        }
        rows.retain(|name, _| !name.is_empty());
        for row in rows.values_mut() {
            row.requests = row.requests.max(row.failed);
            row.requests_before = row.requests_before.max(row.failed_before);
        }
        Shares { rows, other_failed, width_s: split.requests.width_s() }
    }

    /// Values that failed, most failures first.
    pub fn failed(&self) -> Vec<(&Text, u64)> {
        let mut rows: Vec<_> =
            self.rows.iter().map(|(name, row)| (name, row.failed)).filter(|(_, n)| *n > 0).collect();
        rows.arrange_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        rows
    }
}

/// Distinct request ids among the failures of an incident, and whether that is all of them.
pub fn distinct_ids(ids: &Timed<2, Hits>, incident: &Incident) -> (u64, bool) {
    let mut seen = BTreeSet::new();
    let mut all = true;
    for (first, last) in exactly(incident, ids) {
        let counted =
            |(key, hits): &([&[u8]; 2], Hits)| incident.counts(named(key[0])) && incident.harm.of(*hits) > 0;
        seen.extend(ids.within(first, last).filter(counted).map(|(key, _)| key));
        all &= ids.other_within(first, last).is_none_or(|hits| incident.harm.of(hits) == 0);
    }
    (seen.len() as u64, all)
}

impl Incident {
    /// Records of a symptom that belong to the incident.
    pub fn count_of(&self, symptom: &Symptom) -> u64 {
        let all = within(&symptom.series, self.onset_us, self.last_us);
        let apart: u64 = self.apart.iter().map(|(from, to)| within(&symptom.series, *from, *to)).sum();
        all.saturating_sub(apart)
    }
}

/// Counts of the buckets that touch a stretch of time.
pub(super) fn within<const MAX: usize>(series: &Series<u64, MAX>, from_us: i64, to_us: i64) -> u64 {
    let width_us = series.width_s() * 1_000_000;
    series.iter().filter(|(us, _)| us + width_us > from_us && *us <= to_us).map(|(_, n)| *n).sum()
}
