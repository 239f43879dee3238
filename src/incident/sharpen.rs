//! Onset, end and peak to the second, where the counts of the search are coarser: the report's own detail keeps seconds.
//!
//! Near the edge that was found, each second speaks for "within" or "outside" by the Poisson likelihood of its failures
//! at the rate found on either side; the edge is where the sum of these is greatest (Page's CUSUM).

use std::collections::BTreeMap;

use super::Incident;
use super::window::named;
use crate::aggregate::Detail;

/// Buckets of the search that are looked at on either side of an edge.
const AROUND: i64 = 3;

/// Makes the times of an incident as exact as the detail is. Its counts follow.
pub(super) fn sharpen(incident: &mut Incident, detail: &Detail) {
    let hits = &detail.places.hits;
    let fine_us = hits.width_s() * 1_000_000;
    let coarse_us = incident.resolution_s.max(1) * 1_000_000;
    if fine_us >= coarse_us || incident.steady {
        return;
    }
    let (first, last) = incident.bounds_us();
    let counts = seconds(incident, detail, first - AROUND * coarse_us, last + AROUND * coarse_us, fine_us);
    let sum = |from: i64, to: i64| counts.range(from..to).map(|(_, n)| n).sum::<u64>() as f64;
    let reach_us = (AROUND * coarse_us).min((last + 1 - first).max(coarse_us));
    // Failures in a fine bucket: outside, as in the log's other times; inside, as beside the edge.
    let outside = sum(first - AROUND * coarse_us, first - coarse_us) + sum(last + 1 + coarse_us, i64::MAX);
    let usual = (outside / (2 * (AROUND - 1) * coarse_us) as f64 * fine_us as f64).max(1e-3);
    if !incident.began_before {
        let rate = sum(first, first + reach_us) / reach_us as f64 * fine_us as f64;
        let order: Vec<i64> =
            (0..(coarse_us + reach_us) / fine_us).map(|n| first + reach_us - (n + 1) * fine_us).collect();
        if let Some(us) = edge(&order, &counts, rate, usual) {
            // What is known to be the first failure at all is known better.
            incident.onset_us =
                if us == incident.onset_us.div_euclid(fine_us) * fine_us { incident.onset_us } else { us };
        }
    }
    if !incident.ongoing {
        let end = last + 1;
        let rate = sum(end - reach_us, end) / reach_us as f64 * fine_us as f64;
        let order: Vec<i64> =
            (0..(coarse_us + reach_us) / fine_us).map(|n| end - reach_us + n * fine_us).collect();
        if let Some(us) = edge(&order, &counts, rate, usual) {
            let same = us == incident.last_us.div_euclid(fine_us) * fine_us;
            incident.last_us = if same { incident.last_us } else { us + fine_us - 1 };
        }
    }
    incident.last_us = incident.last_us.max(incident.onset_us);
    incident.resolution_s = hits.width_s();
    recount(incident, detail, &counts, fine_us);
}

/// The bucket up to which buckets, gone through from the inside out, speak for the incident; it has failures.
fn edge(order: &[i64], counts: &BTreeMap<i64, u64>, rate: f64, usual: f64) -> Option<i64> {
    if rate <= usual {
        return None;
    }
    let (mut sum, mut best, mut found) = (0.0, 0.0, None);
    for us in order {
        let n = counts.get(us).copied().unwrap_or(0);
        sum += n as f64 * (rate / usual).ln() - (rate - usual);
        if n > 0 && sum > best {
            (best, found) = (sum, Some(*us));
        }
    }
    found
}

/// Failures of the incident's upstreams by fine bucket.
fn seconds(
    incident: &Incident,
    detail: &Detail,
    from_us: i64,
    to_us: i64,
    fine_us: i64,
) -> BTreeMap<i64, u64> {
    let mut out = BTreeMap::new();
    for (key, us, hits) in detail.places.hits.cells(from_us, to_us) {
        if incident.counts(named(key[0])) {
            *out.entry(us.div_euclid(fine_us) * fine_us).or_default() += incident.harm.of(*hits);
        }
    }
    out
}

fn recount(incident: &mut Incident, detail: &Detail, counts: &BTreeMap<i64, u64>, fine_us: i64) {
    let (first, last) = incident.bounds_us();
    let inside = || counts.range(first..=last);
    let peak = inside().max_by_key(|(us, n)| (**n, std::cmp::Reverse(**us)));
    (incident.peak_us, incident.peak_failed) = peak.map_or((incident.onset_us, 0), |(us, n)| (*us, *n));
    let (all_requests, all_failed) =
        (incident.requests + incident.baseline_requests, incident.failed + incident.baseline_failed);
    incident.failed = inside().map(|(_, n)| n).sum();
    let requests = &detail.places.requests;
    if requests.width_s() * 1_000_000 <= fine_us {
        let mine = requests.within(first, last).filter(|(key, _)| incident.counts(named(key[0])));
        incident.requests = mine.map(|(_, n)| n).sum();
    }
    incident.requests = incident.requests.max(incident.failed);
    incident.baseline_requests = all_requests.saturating_sub(incident.requests);
    incident.baseline_failed = all_failed.saturating_sub(incident.failed);
}
