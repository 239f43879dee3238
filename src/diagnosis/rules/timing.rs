//! Signals of durations and of the clock.

use super::super::case::Case;
use super::scope::sparse;
use crate::aggregate::Latency;
use crate::record::Outcome;

/// Most answers came at once: nobody waited for anything.
const QUICK_MS: u64 = 25;
/// A connection that is already closed says so within a round trip, and on a busy node some milliseconds later.
const REACHED_MS: u64 = 10;
/// Below this a "constant" duration is just a fast answer.
const TIMER_MS: u64 = 100;
/// Rollouts and configuration pushes settle within this.
const SETTLE_US: i64 = 30_000_000;
/// Requests on either side of an onset, and a twentieth of all, that a comparison of latencies needs.
const BEFORE_AND_SINCE: u64 = 20;
const MINUTE_US: i64 = 60_000_000;

pub(super) fn quick(case: &Case<'_>) -> bool {
    let durations = &case.symptom.durations;
    // A tail says that something was waited for: connects that time out fail all that queued behind them at once.
    durations.count() > 0
        && durations.between(0, QUICK_MS) * 10 >= durations.count() * 6
        && durations.quantile_ms(900) <= 10 * QUICK_MS
}

/// A refused connection never takes long. Of connects that time out the first ones do, however many fail behind them.
pub(super) fn some_waited(case: &Case<'_>) -> bool {
    let durations = &case.symptom.durations;
    let waited = durations.count() - durations.between(0, 4 * QUICK_MS);
    waited >= 2 && waited * 50 >= durations.count()
}

pub(super) fn worked_on(case: &Case<'_>) -> bool {
    let durations = &case.symptom.durations;
    durations.count() > 0 && durations.between(0, REACHED_MS) * 10 < durations.count() * 4
}

pub(super) fn constant(case: &Case<'_>) -> bool {
    constant_ms(&case.symptom.durations).is_some()
}

/// The duration that half of the records or more share within ±5 %, if there is one.
pub(in super::super) fn constant_ms(durations: &Latency) -> Option<u64> {
    if durations.count() < 3 {
        return None;
    }
    durations
        .buckets()
        .map(|(low, high, _)| (low + high) / 2)
        .filter(|&middle| middle >= TIMER_MS)
        .map(|middle| (durations.between(middle - middle / 20, middle + middle / 20), middle))
        .max()
        .filter(|(n, _)| n * 2 >= durations.count())
        .map(|(_, middle)| middle)
}

pub(super) fn timer(case: &Case<'_>, ms: u64) -> bool {
    constant_ms(&case.symptom.durations).is_some_and(|constant| constant.abs_diff(ms) * 20 <= ms)
}

/// Istio connects for 10 s and retries twice; Envoy's own default is 5 s; 1 s and 250 ms are common settings.
pub(super) fn connect_timer(case: &Case<'_>) -> bool {
    let durations = &case.symptom.durations;
    let near = |ms: u64| durations.between(ms - ms / 50, ms + ms / 20);
    let hits: u64 = [1_000, 2_000, 3_000, 5_000, 10_000, 15_000, 20_000, 30_000].into_iter().map(near).sum();
    durations.count() > 0 && hits * 2 >= durations.count()
}

pub(super) fn only_first_seconds(case: &Case<'_>) -> bool {
    let (Some(begin), Some(end), Some(last)) =
        (case.summary.span.first_us(), case.summary.span.last_us(), case.symptom.span.last_us())
    else {
        return false;
    };
    let later_ok = [case.authority.map(|a| a.ok), case.route.map(|r| r.ok), case.upstream.map(|u| u.ok)];
    let heals = later_ok.into_iter().flatten().any(|ok| ok.last_us().is_some_and(|ok| ok > last));
    // A log of a few seconds has nothing but first seconds.
    last - begin <= SETTLE_US && end - last >= SETTLE_US && heals
}

pub(super) fn drain_window(case: &Case<'_>) -> bool {
    let (Some(first), Some(last), Some(end)) =
        (case.symptom.span.first_us(), case.symptom.span.last_us(), case.summary.span.last_us())
    else {
        return false;
    };
    last - first <= MINUTE_US && end - last >= MINUTE_US
}

fn worked_before(case: &Case<'_>, onset: i64) -> bool {
    case.scope_ok().first_us().is_some_and(|ok| ok < onset)
}

/// Mean latency of the upstream since the symptom began, against the time before.
pub(super) fn slower_than_before(case: &Case<'_>) -> bool {
    let (Some(upstream), Some(onset)) = (case.upstream, case.symptom.span.first_us()) else { return false };
    // What somebody's timer cut took longer than that; nearly all answers had been far quicker.
    let usual = upstream.latency.quantile_ms(990).max(5);
    let cut = case.key.outcome == Outcome::ClientGone && !sparse(case);
    if cut
        && worked_before(case, onset)
        && constant_ms(&case.symptom.durations).is_some_and(|ms| ms >= 3 * usual)
    {
        return true;
    }
    let width_us = upstream.series.width_s() * 1_000_000;
    let (mut before, mut since) = ((0, 0), (0, 0));
    for (start, load) in upstream.series.iter() {
        let half = if start + width_us <= onset { &mut before } else { &mut since };
        half.0 += load.requests.saturating_sub(load.other);
        half.1 += load.busy_ms.saturating_sub(load.other_ms);
    }
    // A few long requests among a handful are chance.
    let enough = BEFORE_AND_SINCE.max((before.0 + since.0) / 20);
    let mean = |(n, ms): (u64, u64)| if n < enough { None } else { Some(ms / n) };
    match (mean(before), mean(since)) {
        (Some(before), Some(since)) => since >= 3 * before.max(5),
        _ => false,
    }
}

pub(super) fn at_the_limit(case: &Case<'_>) -> bool {
    let (Some(upstream), Some(limit)) = (case.upstream, constant_ms(&case.symptom.durations)) else {
        return false;
    };
    upstream.latency.count() > case.symptom.count && upstream.latency.quantile_ms(990) <= limit + limit / 10
}
