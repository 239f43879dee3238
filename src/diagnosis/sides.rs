//! What the logs of several proxies prove together: whose fault it was, where the time went, whose clock is wrong, and
//! what retries hide and multiply.

use std::collections::BTreeMap;

use super::case::Case;
use super::catalog::Catalog;
use super::fill::Names;
use super::finding::{Fact, Finding, FindingScope, Severity};
use super::model;
use super::page::Page;
use super::scene::Scene;
use super::severity::{self, lower_bound};
use crate::aggregate::{Edge, Exemplar, Latency, Link, Skew, Span, Summary, Symptom, SymptomKey, Text};
use crate::arrange::Arrange;
use crate::words::Lang;

/// The same request many times at the callee.
const AMPLIFIED: &str = "retry-amplification";
/// Requests from which a time is told.
const TIMED: u64 = 3;
/// A clock that is wrong by so much breaks more than the reading of logs.
const WRONG_US: i64 = 1_000_000;
/// Edges named in a finding.
const NAMED: usize = 3;

/// Requests of one story that are another's as well, among those whose other side is known: (shared, known, looked at).
pub(super) fn shared(echo: &[Case<'_>], root: &[Case<'_>]) -> (u64, u64, u64) {
    let digests: Vec<u64> = root.iter().map(|case| case.key.digest()).collect();
    let mut sums = (0, 0, 0);
    for link in echo.iter().filter_map(|case| case.summary.hops.link(case.key)) {
        sums.0 += digests.iter().filter_map(|digest| link.with.get(digest)).sum::<u64>();
        sums.1 += link.paired + link.missing;
        sums.2 += if link.unmatched > 0 { link.connections } else { link.seen };
    }
    sums
}

/// True when the join proves that two stories are about the same requests.
pub(super) fn same_requests(echo: &[Case<'_>], root: &[Case<'_>]) -> bool {
    let (shared, known, seen) = shared(echo, root);
    shared > 0
        && shared * 10 >= known * model::SAME_REQUESTS_OF_TEN
        && known * 10 >= seen * model::KNOWN_OF_TEN
}

/// Facts that only the other side's log can tell.
pub(super) fn facts(cases: &[Case<'_>], lang: Lang) -> Vec<Fact> {
    let mut all = Link::default();
    let mut inbound = false;
    for (case, link) in cases.iter().filter_map(|case| Some((case, case.summary.hops.link(case.key)?))) {
        inbound |= case.key.direction == Some(crate::envoy::Direction::Inbound);
        all.seen += link.seen;
        all.paired += link.paired;
        all.fine += link.fine;
        all.unmatched += link.unmatched;
        all.missing += link.missing;
        all.attempts += link.attempts;
        all.times.merge(&link.times);
    }
    let of = all.seen;
    let mut out = Vec::new();
    let mut tell = |text: String, count: u64| out.push(Fact::new(text, count));
    // Of broken connections the page itself speaks.
    if all.unmatched == 0 && all.paired > 0 && all.paired * 10 >= of {
        let text = match inbound {
            true => say!(lang, "the caller's log has the same requests", "调用方的日志中有同样的请求"),
            false => say!(lang, "the callee's log has the same requests", "被调用方的日志中有同样的请求"),
        };
        tell(text, all.paired);
    }
    if all.fine > 0 {
        let text = match inbound {
            true => say!(
                lang,
                "the caller got an answer all the same, after a retry: hidden failures",
                "调用方重试后仍得到了应答：被重试掩盖的失败"
            ),
            false => say!(
                lang,
                "the callee's proxy served them: the answer was lost on the way back",
                "被调用方代理已正常应答：应答在返回途中丢失"
            ),
        };
        tell(text, all.fine);
    }
    if all.missing > 0 {
        let text = say!(
            lang,
            "never reached the callee's proxy, whose log is here: lost in the network or in the handshake",
            "从未到达被调用方代理（其日志在此）：丢失在网络或握手中"
        );
        tell(text, all.missing);
    }
    if !inbound && all.attempts * 10 >= all.paired * 12 && all.paired >= TIMED {
        let tenths = all.attempts * 10 / all.paired;
        let (whole, tenth) = (tenths / 10, tenths % 10);
        let text = say!(
            lang,
            "a request reached its callees {whole}.{tenth} times on average",
            "每个请求平均到达被调用方 {whole}.{tenth} 次"
        );
        tell(text, 0);
    }
    if let Some(text) = split(&all, lang) {
        tell(text, 0);
    }
    out
}

fn split(link: &Link, lang: Lang) -> Option<String> {
    let median = |latency: &Latency| (latency.count() >= TIMED).then(|| latency.quantile_ms(500));
    let network = median(&link.times.network)?;
    let mut parts = vec![say!(lang, "{network} ms between the proxies", "代理之间 {network} ms")];
    parts.extend(
        median(&link.times.queue)
            .map(|ms| say!(lang, "{ms} ms in the callee's proxy", "被调用方代理内 {ms} ms")),
    );
    parts.extend(
        median(&link.times.application)
            .map(|ms| say!(lang, "{ms} ms in its application", "其应用内 {ms} ms")),
    );
    let parts = parts.join(lang.pick(", ", "，"));
    Some(say!(lang, "median time of a request: {parts}", "请求耗时的中位数：{parts}"))
}

/// Fewer retried requests are told nowhere.
const RETRIED: u64 = 3;

/// Retries towards one upstream, of all its callers.
#[derive(Default)]
struct Retries {
    edge: Edge,
    requests: u64,
}

/// Requests that reached their callee more than once: one finding for each upstream. What only the callee's log showed of
/// it is told there too. `only_failures`: shares mean nothing.
pub(super) fn retries(
    catalog: &Catalog,
    scene: &Scene<'_>,
    only_failures: bool,
    findings: &mut Vec<Finding>,
) {
    let summary = scene.summary;
    let Some(page) = catalog.page(AMPLIFIED) else { return };
    let mut upstreams: BTreeMap<&Text, Retries> = BTreeMap::new();
    for edge in summary.hops.edges.iter().filter(|edge| edge.retried > 0) {
        let sums = upstreams.entry(&edge.upstream).or_default();
        sums.edge.merge(edge.clone());
        sums.requests += edge.by_caller.requests;
    }
    for (upstream, sums) in upstreams.into_iter().filter(|(_, sums)| sums.edge.retried >= RETRIED) {
        let attempts: Vec<(&SymptomKey, &Symptom)> = summary
            .symptoms
            .iter()
            .filter(|(key, _)| sums.edge.retried_for.contains(&key.digest()))
            .collect();
        let mut finding = amplified(page, upstream, &sums, &attempts, scene, catalog.lang());
        let share = lower_bound(finding.requests, finding.of, 1.96);
        let severity = severity::of_service(finding.requests, share, only_failures);
        // Retries are what a failure brings about: no worse than that, where it is told.
        let cause = |f: &&Finding| {
            f.id != AMPLIFIED
                && (f.scope.upstream.as_ref() == Some(upstream)
                    || attempts
                        .iter()
                        .any(|(key, _)| key.upstream.is_some() && key.upstream == f.scope.upstream))
        };
        let worst = findings.iter().filter(cause).map(|f| f.severity).max();
        finding.severity = worst.map_or(severity, |worst| worst.min(severity));
        let same = |f: &Finding| {
            f.id == AMPLIFIED
                && (f.scope.upstream.as_ref() == Some(upstream)
                    || attempts
                        .iter()
                        .any(|(key, _)| key.upstream.is_some() && key.upstream == f.scope.upstream))
        };
        for known in findings.extract_if(.., |f| same(f)) {
            finding.severity = finding.severity.max(known.severity);
            finding.evidence.extend(known.evidence);
        }
        findings.push(finding);
    }
}

fn amplified(
    page: &Page,
    upstream: &Text,
    sums: &Retries,
    attempts: &[(&SymptomKey, &Symptom)],
    scene: &Scene<'_>,
    lang: Lang,
) -> Finding {
    let Edge { retried, hidden, again, .. } = sums.edge;
    // Where there are more failing requests than are kept, those that are stand for all.
    let whole = |n: u64| n * 1_000_000 / scene.summary.hops.kept_of_million.max(1);
    let requests = whole(retried).min(sums.requests.max(retried));
    let of = sums.requests.max(requests);
    let mut span = Span::default();
    attempts.iter().for_each(|(_, symptom)| span.merge(symptom.span));
    let mut exemplars: Vec<Exemplar> =
        attempts.iter().flat_map(|(_, symptom)| symptom.exemplars.iter().cloned()).collect();
    exemplars.arrange_by_key(|e| (e.source, e.offset));
    exemplars.truncate(model::EXEMPLARS);
    let mut evidence = vec![Fact::new(
        say!(
            lang,
            "the callees' logs have the same request ids more than once, after an attempt that went wrong",
            "被调用方日志中同一请求 ID 在一次失败的尝试之后再次出现"
        ),
        retried,
    )];
    if hidden > 0 {
        let text = say!(
            lang,
            "were served in the end: failures that no caller saw",
            "最终得到了应答：调用方看不到的失败"
        );
        evidence.push(Fact::new(text, hidden));
    }
    let more = whole(again) * 1_000 / of.max(1);
    let (percent, tenth) = (more / 10, more % 10);
    evidence.push(Fact::new(
        say!(lang, "retries add {percent}.{tenth} % to the requests", "重试使请求量增加 {percent}.{tenth} %"),
        whole(again),
    ));
    let names = attempts
        .iter()
        .max_by_key(|(_, symptom)| symptom.count)
        .map_or_else(Names::none, |(key, symptom)| Names::of(&Case::new(scene, key, symptom)));
    Finding {
        id: page.head.id.clone(),
        title: page.title.clone(),
        severity: Severity::Note,
        confidence: if retried >= 20 { 0.95 } else { 0.85 },
        guide: page.head.guide.clone(),
        scope: FindingScope { upstream: Some(upstream.clone()), ..FindingScope::default() },
        requests,
        of,
        span,
        ongoing: false,
        likely_cause: names.prose(&page.meaning),
        evidence,
        against: Vec::new(),
        fix: page.head.fix.iter().map(|advice| names.remedy(advice, lang)).collect(),
        confirm: page.head.confirm.iter().map(|advice| names.remedy(advice, lang)).collect(),
        alternatives: Vec::new(),
        exemplars,
    }
}

/// Proxies whose clocks differ by more than a hop takes: one finding, named after the worst pair.
pub(super) fn clocks(catalog: &Catalog, summary: &Summary, lang: Lang) -> Option<Finding> {
    let page = catalog.page("clock-skew")?;
    let mut wrong: Vec<(&Edge, Skew)> = summary
        .hops
        .edges
        .iter()
        .filter_map(|edge| Some((edge, edge.skew.filter(|skew| skew.exceeds_hop())?)))
        .collect();
    wrong.arrange_by_key(|(edge, skew)| {
        (std::cmp::Reverse(skew.offset_us.abs()), &edge.caller, &edge.upstream)
    });
    let (worst, skew) = *wrong.first()?;
    let requests: u64 = wrong.iter().map(|(_, skew)| skew.requests).sum();
    let evidence =
        wrong.iter().take(NAMED).map(|(edge, skew)| Fact::new(ahead(edge, skew, lang), skew.requests));
    let severe = skew.offset_us.abs() >= WRONG_US;
    let names = Names::none();
    Some(Finding {
        id: page.head.id.clone(),
        title: page.title.clone(),
        severity: if severe { Severity::Warning } else { Severity::Note },
        confidence: if skew.requests >= 20 { 0.97 } else { 0.85 },
        guide: page.head.guide.clone(),
        scope: FindingScope {
            upstream: Some(worst.upstream.clone()),
            upstreams: match wrong.len() {
                1 => Vec::new(),
                _ => names_of(&wrong),
            },
            ..FindingScope::default()
        },
        requests,
        of: summary.hops.edges.iter().map(|edge| edge.paired).sum::<u64>().max(requests),
        span: summary.span,
        ongoing: true,
        likely_cause: names.prose(&page.meaning),
        evidence: evidence.collect(),
        against: Vec::new(),
        fix: page.head.fix.iter().take(1).map(|advice| names.remedy(advice, lang)).collect(),
        confirm: page.head.confirm.iter().map(|advice| names.remedy(advice, lang)).collect(),
        alternatives: Vec::new(),
        exemplars: Vec::new(),
    })
}

fn names_of(edges: &[(&Edge, Skew)]) -> Vec<Text> {
    let mut names: Vec<Text> = edges.iter().map(|(edge, _)| edge.upstream.clone()).collect();
    names.arrange();
    names.dedup();
    names
}

fn ahead(edge: &Edge, skew: &Skew, lang: Lang) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let callee = match edge.callees.iter().collect::<Vec<_>>()[..] {
        [one] => text(one),
        _ => super::upstream_title(&edge.upstream, lang),
    };
    let caller = edge.caller.as_deref().map_or(lang.pick("its callers", "各调用方").to_owned(), text);
    let (ms, hop) = (skew.offset_us.abs() / 1_000, skew.hop_us / 1_000);
    match skew.offset_us > 0 {
        true => say!(
            lang,
            "the clock of {callee} is {ms} ms ahead of that of {caller}; a hop takes {hop} ms",
            "{callee} 的时钟比 {caller} 快 {ms} ms；一跳耗时 {hop} ms"
        ),
        false => say!(
            lang,
            "the clock of {callee} is {ms} ms behind that of {caller}; a hop takes {hop} ms",
            "{callee} 的时钟比 {caller} 慢 {ms} ms；一跳耗时 {hop} ms"
        ),
    }
}
