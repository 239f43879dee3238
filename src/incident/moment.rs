//! When the fault itself began and was over, where requests take long.
//!
//! Access logs have the start of requests. A process that is killed breaks requests that began long before; one that
//! stands still and goes on lets requests wait, fails those that wait for too long, and answers the others all at once.
//! Such a moment is known by what ends at it: requests of very different ages. A timeout is none: what it ends is of one
//! age, and then the start says when the fault was there.

use super::Incident;
use super::window::named;
use crate::aggregate::{Detail, FAILED, Latency, SERVED};

const SECOND_US: i64 = 1_000_000;
/// Nearer than this, start and moment are the same.
const APART_US: i64 = 2 * SECOND_US;
/// Requests are not looked at for longer than this before or after an edge.
const REACH_US: i64 = 300 * SECOND_US;
/// Fewer requests tell no moment.
const FEWEST: u64 = 3;

/// Puts onset and end of the fault to such moments. What is counted stays where requests began.
pub(super) fn moments(incident: &mut Incident, detail: &Detail) {
    if detail.ends.width_s() > 1 || incident.steady {
        return;
    }
    if !incident.began_before
        && let Some(us) = broke(incident, detail)
    {
        incident.began_us = us;
    }
    if !incident.ongoing
        && let Some(us) = answered(incident, detail)
    {
        incident.over_us = us;
    }
}

/// Requests of the incident's upstreams that ended in each second.
fn ended(incident: &Incident, detail: &Detail, how: &[u8], from_us: i64, to_us: i64) -> Vec<(i64, Latency)> {
    let mut out: std::collections::BTreeMap<i64, Latency> = std::collections::BTreeMap::new();
    for (key, us, cell) in detail.ends.cells(from_us, to_us) {
        if key[1] == how && incident.counts(named(key[0])) {
            out.entry(us).or_default().merge(cell);
        }
    }
    out.into_iter().collect()
}

/// True when requests that ended together had begun over most of a time.
fn of_all_ages(latency: &Latency, time_us: i64) -> bool {
    let ages_ms = latency.quantile_ms(900) - latency.quantile_ms(100);
    latency.count() >= FEWEST && ages_ms.saturating_mul(2_000) >= time_us.unsigned_abs()
}

/// The moment at which the requests broke that were running when the fault came: none of what had begun before it failed
/// earlier.
fn broke(incident: &Incident, detail: &Detail) -> Option<i64> {
    let onset = incident.onset_us;
    let rows = ended(incident, detail, FAILED, onset, onset.saturating_add(REACH_US));
    let us = rows.first()?.0;
    // Lines are written within a second or so of each other.
    let mut first = Latency::default();
    rows.iter().take_while(|(at, _)| at - us <= SECOND_US).for_each(|(_, latency)| first.merge(latency));
    if us - onset < APART_US || us > incident.last_us || !of_all_ages(&first, us - onset) {
        return None;
    }
    // Those of the last second may be too young to be among them.
    let hits = detail.places.hits.within(onset, us - SECOND_US - 1);
    let early: u64 =
        hits.filter(|(key, _)| incident.counts(named(key[0]))).map(|(_, n)| incident.harm.of(n)).sum();
    (early <= first.count()).then_some(us)
}

/// The moment at which the requests were answered that had been waiting since the last failure.
fn answered(incident: &Incident, detail: &Detail) -> Option<i64> {
    let last = incident.last_us;
    let until = last.saturating_add(REACH_US);
    // Where slow answers are the rule, a second of them is no moment.
    let before =
        ended(incident, detail, SERVED, incident.onset_us.saturating_sub(REACH_US), incident.onset_us - 1);
    let often = before.iter().map(|(_, latency)| latency.count()).max().unwrap_or(0);
    let rows = ended(incident, detail, SERVED, last, until);
    let (us, latency) = rows.iter().max_by_key(|(us, latency)| (latency.count(), std::cmp::Reverse(*us)))?;
    if us - last < APART_US || latency.count() <= 2 * often || !of_all_ages(latency, us - last) {
        return None;
    }
    // Most of what came in between had to wait: otherwise the fault was over, and these were something else.
    let came: u64 = {
        let requests = detail.places.requests.within(last + SECOND_US, us - 2 * SECOND_US);
        requests.filter(|(key, _)| incident.counts(named(key[0]))).map(|(_, n)| n).sum()
    };
    let near = rows.iter().filter(|(at, _)| (at - us).abs() <= SECOND_US);
    let waited: u64 = near.map(|(_, latency)| latency.count()).sum();
    (came <= waited * 3 / 2).then_some(us + SECOND_US / 2)
}
