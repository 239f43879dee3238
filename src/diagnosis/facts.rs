//! Facts about a story that no page can know: since when, on which hosts, after how long, how often, how many at once.

use super::case::Case;
use super::finding::Fact;
use super::rules::{timing_constant_ms, worst_prefix};
use super::severity::lower_bound;
use crate::aggregate::{Latency, Span, without_port};
use crate::arrange::Arrange;
use crate::envoy::{Cluster, FlagSet};
use crate::words::Lang;

/// Hosts named in a fact.
const NAMED: usize = 3;
/// So long, and a twentieth of the time up to the last failure, all must have been well before an onset is one.
const QUIET_US: i64 = 10_000_000;
/// Durations that are somebody's default.
const TIMERS_MS: [(u64, &str, &str); 6] = [
    (5_000, "Envoy's default connect timeout", "Envoy 默认的连接超时"),
    (10_000, "Istio's default connect timeout", "Istio 默认的连接超时"),
    (15_000, "Envoy's default route timeout", "Envoy 默认的路由超时"),
    (60_000, "a common idle timeout of load balancers", "负载均衡器常见的空闲超时"),
    (300_000, "Envoy's default stream idle timeout", "Envoy 默认的流空闲超时"),
    (3_600_000, "Envoy's default idle timeout of connections", "Envoy 默认的连接空闲超时"),
];

/// All that can be said of these groups of records together.
pub(super) fn of(cases: &[Case<'_>], lang: Lang) -> Vec<Fact> {
    // Since when, where, how many at once: several scopes have several of them.
    [
        (onset(cases, lang), true),
        (hosts(cases, lang), true),
        (duration(cases, lang), false),
        (concurrency(cases, lang), true),
        (amplification(cases, lang), false),
        (split(cases, lang), false),
    ]
    .into_iter()
    .filter_map(|(text, of_one_scope)| Some(Fact { text: text?, count: 0, of_one_scope }))
    .collect()
}

/// The scope worked for a while, and then it did not. Failures that begin with the log have no onset.
fn onset(cases: &[Case<'_>], lang: Lang) -> Option<String> {
    let mut span = Span::default();
    cases.iter().for_each(|case| span.merge(case.symptom.span));
    let (first, last) = (span.first_us()?, span.last_us()?);
    let worked = cases.iter().filter_map(|case| case.scope_ok().first_us()).min()?;
    let good = first.saturating_sub(worked);
    (good >= QUIET_US && good >= last.saturating_sub(worked) / 20)
        .then(|| clock(first))
        .map(|at| say!(lang, "since {at}; requests before that succeeded", "自 {at} 开始，此前的请求成功"))
}

/// What each subset of a small traffic split got, and which weights that is in keeping with: the binomial (Wilson)
/// interval of 95 %.
fn split(cases: &[Case<'_>], lang: Lang) -> Option<String> {
    let case = cases.first().filter(|case| case.signal("small-split-sample"))?;
    let mine = Cluster::parse(case.key.upstream.as_deref()?);
    let subsets = case.scene.subsets(&mine).iter();
    let subsets: Vec<(&[u8], u64)> =
        subsets.map(|(name, upstream)| (*name, upstream.counts.requests())).collect();
    let all: u64 = subsets.iter().map(|(_, n)| n).sum();
    let percent = |share: f64| (share * 100.0).round();
    let each: Vec<String> = subsets
        .iter()
        .map(|(name, n)| {
            let low = percent(lower_bound(*n, all, 1.96));
            let high = percent(1.0 - lower_bound(all - n, all, 1.96));
            let name = String::from_utf8_lossy(name);
            say!(
                lang,
                "{name} got {n} of {all}: any weight from {low} % to {high} % does that",
                "{name} 得到 {all} 个中的 {n} 个：权重在 {low} % 到 {high} % 之间都可能如此"
            )
        })
        .collect();
    Some(each.join(lang.semicolon()))
}

fn hosts(cases: &[Case<'_>], lang: Lang) -> Option<String> {
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
    let all = upstream.hosts().len();
    if failing.is_empty() || failing.len() >= all {
        return None;
    }
    failing.arrange_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let names: Vec<_> = failing.iter().take(NAMED).map(|(name, _)| String::from_utf8_lossy(name)).collect();
    let more = if failing.len() > NAMED { ", …" } else { "" };
    let in_network = |prefix: String| lang.aside(&say!(lang, "all in {prefix}", "都在 {prefix}"));
    let network = cases.iter().find_map(worst_prefix).map_or(String::new(), in_network);
    let (n, names) = (failing.len(), names.join(", "));
    Some(say!(
        lang,
        "only on {n} of {all} hosts{network}: {names}{more}",
        "只发生在 {all} 个主机中的 {n} 个{network}：{names}{more}"
    ))
}

fn duration(cases: &[Case<'_>], lang: Lang) -> Option<String> {
    let mut all = Latency::default();
    cases.iter().for_each(|case| all.merge(&case.symptom.durations));
    let ms = timing_constant_ms(&all)?;
    let near = |(timer, ..): &&(u64, &str, &str)| ms.abs_diff(*timer) * 50 <= *timer;
    let share = all.between(ms - ms / 20, ms + ms / 20) * 100 / all.count().max(1);
    let most = if share >= 95 { lang.pick("all", "全部").to_owned() } else { format!("{share} %") };
    Some(match TIMERS_MS.iter().find(near) {
        Some((timer, en, zh)) => {
            let ms = grouped(*timer);
            say!(lang, "{most} after {ms} ms, {en}", "{most}在 {ms} ms 后结束，即{zh}")
        }
        None => {
            let ms = grouped(ms);
            say!(lang, "{most} after about {ms} ms", "{most}在约 {ms} ms 后结束")
        }
    })
}

/// For a limit that was reached: how many requests were on their way at the worst time. The sum of the durations of the
/// requests that began in a bucket, over its width, is their mean number in it.
fn concurrency(cases: &[Case<'_>], lang: Lang) -> Option<String> {
    const OVERFLOW: FlagSet = FlagSet::known(&["UO"]);
    let case = cases.iter().find(|case| case.key.flags.intersects(OVERFLOW))?;
    let series = &case.upstream?.series;
    let width_ms = u64::try_from(series.width_s()).ok()? * 1_000;
    let (start, busy_ms) =
        series.iter().map(|(start, load)| (start, load.busy_ms)).max_by_key(|(_, busy)| *busy)?;
    let peak = busy_ms.div_ceil(width_ms.max(1));
    (peak >= 2).then(|| (clock(start), grouped(peak))).map(|(at, peak)| {
        say!(
            lang,
            "at the peak ({at}) about {peak} requests were in flight at once, by starts and durations",
            "高峰时（{at}）约有 {peak} 个请求同时在途（按开始时间和耗时估算）"
        )
    })
}

/// The same request id several times: how many records a request made here.
fn amplification(cases: &[Case<'_>], lang: Lang) -> Option<String> {
    let (records, ids) = cases
        .iter()
        .map(|case| &case.symptom.request_ids)
        .max_by_key(|ids| ids.total().saturating_sub(ids.len() as u64))
        .map(|ids| (ids.total() - ids.other(), ids.len() as u64))?;
    let tenths = (records * 10).checked_div(ids)?;
    (ids >= 3 && tenths >= 12).then(|| format!("{}.{}", tenths / 10, tenths % 10)).map(|times| {
        say!(
            lang,
            "each request id stands here {times} times on average",
            "每个请求 ID 在此平均出现 {times} 次"
        )
    })
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
