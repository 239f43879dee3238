//! Facts about a story that no page can know: since when, on which hosts, after how long, how often, how many at once.

use super::case::Case;
use super::finding::Fact;
use super::rules::{timing_constant_ms, worst_prefix};
use super::severity::lower_bound;
use crate::aggregate::{Latency, Span, without_port};
use crate::envoy::{Cluster, FlagSet};

/// Hosts named in a fact.
const NAMED: usize = 3;
/// So long, and a twentieth of the time up to the last failure, all must have been well before an onset is one.
const QUIET_US: i64 = 10_000_000;
/// Durations that are somebody's default.
const TIMERS_MS: [(u64, &str); 6] = [
    (5_000, "Envoy's default connect timeout"),
    (10_000, "Istio's default connect timeout"),
    (15_000, "Envoy's default route timeout"),
    (60_000, "a common idle timeout of load balancers"),
    (300_000, "Envoy's default stream idle timeout"),
    (3_600_000, "Envoy's default idle timeout of connections"),
];

/// All that can be said of these groups of records together.
pub(super) fn of(cases: &[Case<'_>]) -> Vec<Fact> {
    [onset(cases), hosts(cases), duration(cases), concurrency(cases), amplification(cases), split(cases)]
        .into_iter()
        .flatten()
        .map(|text| Fact { text, count: 0 })
        .collect()
}

/// The scope worked for a while, and then it did not. Failures that begin with the log have no onset.
fn onset(cases: &[Case<'_>]) -> Option<String> {
    let mut span = Span::default();
    cases.iter().for_each(|case| span.merge(case.symptom.span));
    let (first, last) = (span.first_us?, span.last_us?);
    let worked = cases.iter().filter_map(|case| case.scope_ok().first_us).min()?;
    let good = first.saturating_sub(worked);
    (good >= QUIET_US && good >= last.saturating_sub(worked) / 20)
        .then(|| format!("since {}; requests before that succeeded", clock(first)))
}

/// What each subset of a small traffic split got, and which weights that is in keeping with: the binomial (Wilson)
/// interval of 95 %.
fn split(cases: &[Case<'_>]) -> Option<String> {
    let case = cases.first().filter(|case| case.signal("small-split-sample"))?;
    let mine = Cluster::parse(case.key.upstream.as_deref()?);
    let subsets: Vec<(&[u8], u64)> = case
        .summary
        .upstreams
        .iter()
        .map(|(name, upstream)| (Cluster::parse(name), upstream.counts.requests()))
        .filter(|(other, _)| (other.host, other.port) == (mine.host, mine.port))
        .filter_map(|(other, n)| Some((other.subset?, n)))
        .collect();
    let all: u64 = subsets.iter().map(|(_, n)| n).sum();
    let percent = |share: f64| (share * 100.0).round();
    let each: Vec<String> = subsets
        .iter()
        .map(|(name, n)| {
            let low = lower_bound(*n, all, 1.96);
            let high = 1.0 - lower_bound(all - n, all, 1.96);
            let name = String::from_utf8_lossy(name);
            format!(
                "{name} got {n} of {all}: any weight from {} % to {} % does that",
                percent(low),
                percent(high)
            )
        })
        .collect();
    Some(each.join("; "))
}

fn hosts(cases: &[Case<'_>]) -> Option<String> {
    let upstream = cases.first()?.upstream?;
    if cases.iter().any(|case| case.key.upstream != cases[0].key.upstream) {
        return None;
    }
    let mut failing: Vec<(&[u8], u64)> = Vec::new();
    for (name, n) in cases.iter().flat_map(|case| case.symptom.hosts.iter()) {
        match failing.iter_mut().find(|(known, _)| *known == &name[..]) {
            Some((_, sum)) => *sum += n,
            None => failing.push((name, n)),
        }
    }
    let all = upstream.hosts.len();
    if failing.is_empty() || failing.len() >= all {
        return None;
    }
    failing.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let names: Vec<_> = failing.iter().take(NAMED).map(|(name, _)| String::from_utf8_lossy(name)).collect();
    let more = if failing.len() > NAMED { ", …" } else { "" };
    let network =
        cases.iter().find_map(worst_prefix).map_or(String::new(), |prefix| format!(" (all in {prefix})"));
    Some(format!("only on {} of {all} hosts{network}: {}{more}", failing.len(), names.join(", ")))
}

fn duration(cases: &[Case<'_>]) -> Option<String> {
    let mut all = Latency::default();
    cases.iter().for_each(|case| all.merge(&case.symptom.durations));
    let ms = timing_constant_ms(&all)?;
    let near = |(timer, _): &&(u64, &str)| ms.abs_diff(*timer) * 50 <= *timer;
    let share = all.between(ms - ms / 20, ms + ms / 20) * 100 / all.count().max(1);
    let most = if share >= 95 { "all".to_owned() } else { format!("{share} %") };
    Some(match TIMERS_MS.iter().find(near) {
        Some((timer, name)) => format!("{most} after {} ms, {name}", grouped(*timer)),
        None => format!("{most} after about {} ms", grouped(ms)),
    })
}

/// For a limit that was reached: how many requests were on their way at the worst time. The sum of the durations of the
/// requests that began in a bucket, over its width, is their mean number in it.
fn concurrency(cases: &[Case<'_>]) -> Option<String> {
    const OVERFLOW: FlagSet = FlagSet::known(&["UO"]);
    let case = cases.iter().find(|case| case.key.flags.intersects(OVERFLOW))?;
    let series = &case.upstream?.series;
    let width_ms = u64::try_from(series.width_s()).ok()? * 1_000;
    let (start, busy_ms) =
        series.iter().map(|(start, load)| (start, load.busy_ms)).max_by_key(|(_, busy)| *busy)?;
    let peak = busy_ms.div_ceil(width_ms.max(1));
    (peak >= 2).then(|| {
        format!(
            "at the peak ({}) about {} requests were in flight at once, by starts and durations",
            clock(start),
            grouped(peak)
        )
    })
}

/// The same request id several times: how many records a request made here.
fn amplification(cases: &[Case<'_>]) -> Option<String> {
    let (records, ids) = cases
        .iter()
        .map(|case| &case.symptom.request_ids)
        .max_by_key(|ids| ids.total() - ids.len() as u64)
        .map(|ids| (ids.total() - ids.other(), ids.len() as u64))?;
    let tenths = (records * 10).checked_div(ids)?;
    (ids >= 3 && tenths >= 12)
        .then(|| format!("each request id stands here {}.{} times on average", tenths / 10, tenths % 10))
}

/// Hour, minute and second, UTC.
fn clock(us: i64) -> String {
    let s = us.div_euclid(1_000_000).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}Z", s / 3_600, s / 60 % 60, s % 60)
}

/// `15,000`.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The network that holds all hosts of these groups while hosts elsewhere are fine, as `10.7.0.0/16`; the one host, if
/// there is only one.
pub(super) fn place(cases: &[Case<'_>]) -> Option<Box<[u8]>> {
    if let Some(prefix) = cases.iter().find_map(worst_prefix) {
        let inside = |case: &Case<'_>| {
            let network = prefix.strip_suffix("0.0/16").unwrap_or(&prefix).as_bytes();
            case.symptom.hosts.iter().all(|(host, _)| without_port(host).starts_with(network))
        };
        return cases.iter().all(inside).then(|| prefix.into_bytes().into());
    }
    let biggest = cases.iter().max_by_key(|c| c.symptom.count)?;
    biggest.signal("one-host").then(|| biggest.symptom.hosts.top().map(|(host, _)| host.clone()))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_written_for_people() {
        assert_eq!(
            (grouped(7), grouped(15_000), grouped(3_600_000)),
            ("7".into(), "15,000".into(), "3,600,000".into())
        );
        assert_eq!(clock(-1), "23:59:59Z");
        assert_eq!(clock(36_303_000_000), "10:05:03Z");
    }
}
