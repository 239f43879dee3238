//! The triage as JSON, schema `meshwhy.triage/1`. Wire types of its own: the working types may change freely.

mod groups;
mod hops;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write;

use serde::{Serialize, Serializer};

use super::escape::{self, utf8};
use super::{Renderer, Report, SourceInfo, bucket_width, quality};
use crate::aggregate::{Code, Counter, Counts, Exemplar, Latency, Sides, Summary, Text, Upstream};
use crate::arrange::Arrange;
use crate::diagnosis::{Alternative, Fact, Finding, FindingScope, Remedy, Suppressed, help};
use crate::envoy::Cluster;
use crate::error::Result;
use crate::record::{OUTCOMES, time::rfc3339_ms};

/// Buckets of the timeline unless the user chose a width: enough for any chart.
const BUCKETS: usize = 360;

/// The renderer.
pub(super) struct Json;

impl Renderer for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn render(&self, report: &Report<'_>, out: &mut dyn Write) -> Result<()> {
        escape::json(&Triage::of(report), out)
    }
}

type Words<'a> = Cow<'a, str>;
type Tally<'a> = BTreeMap<Words<'a>, u64>;

#[derive(Serialize)]
pub(super) struct Triage<'a> {
    pub(super) schema: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    partial: bool,
    input: Input<'a>,
    totals: Totals<'a>,
    upstreams: Upstreams<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<Vec<groups::GroupRow<'a>>>,
    hops: Vec<hops::HopRow<'a>>,
    timeline: Timeline<'a>,
    pub(super) findings: Vec<FindingRow<'a>>,
    pub(super) suppressed: Vec<SuppressedRow<'a>>,
}

/// A finding that the user knows already.
#[derive(Serialize)]
pub(super) struct SuppressedRow<'a> {
    until: &'a str,
    reason: Option<&'a str>,
    pub(super) finding: FindingRow<'a>,
}

#[derive(Serialize)]
struct Input<'a> {
    sources: Vec<SourceRow<'a>>,
    bytes: u64,
    lines: u64,
    access_lines: u64,
    proxy_lines: u64,
    other_lines: u64,
    rejected_lines: u64,
    filtered_records: u64,
    rejects: Vec<RejectRow<'a>>,
    formats: Vec<FormatRow>,
    first_time: Option<String>,
    last_time: Option<String>,
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct SourceRow<'a> {
    name: &'a str,
    container: &'a str,
    bytes: u64,
    lines: u64,
}

#[derive(Serialize)]
struct RejectRow<'a> {
    source: &'a str,
    line: u64,
    offset: u64,
    reason: &'static str,
    sample: Words<'a>,
}

#[derive(Serialize)]
struct FormatRow {
    name: &'static str,
    lines: u64,
}

#[derive(Serialize)]
struct Totals<'a> {
    requests: u64,
    failed: u64,
    vantages: Vantages,
    outcomes: BTreeMap<&'static str, u64>,
    flags: Tally<'a>,
    flag_sets: Tally<'a>,
    codes: Codes,
    latency_ms: LatencyRow,
}

/// Totals of each side's log; a request may be in several.
#[derive(Serialize)]
struct Vantages {
    gateway: Vantage,
    caller: Vantage,
    callee: Vantage,
    tunnel: Vantage,
    untold: Vantage,
}

#[derive(Serialize)]
struct Vantage {
    requests: u64,
    failed: u64,
}

impl Vantages {
    fn of(sides: Sides) -> Vantages {
        let of = |counts: Counts| Vantage { requests: counts.requests(), failed: counts.failed() };
        Vantages {
            gateway: of(sides.gateway),
            caller: of(sides.caller),
            callee: of(sides.callee),
            tunnel: of(sides.tunnel),
            untold: of(sides.untold),
        }
    }
}

#[derive(Serialize)]
pub(super) struct LatencyRow {
    count: u64,
    p50: Option<u64>,
    p90: Option<u64>,
    p99: Option<u64>,
    max: Option<u64>,
}

/// Codes in numeric order, which their texts do not have once `0` is among them.
struct Codes {
    rows: BTreeMap<Code, u64>,
    other: u64,
}

impl Codes {
    fn of(codes: &Counter<Code>) -> Codes {
        Codes { rows: codes.iter().map(|(code, n)| (*code, n)).collect(), other: codes.other() }
    }
}

#[derive(Serialize)]
struct UpstreamRow<'a> {
    upstream: Option<Words<'a>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    other: bool,
    direction: Option<&'static str>,
    service: Option<Words<'a>>,
    namespace: Option<Words<'a>>,
    port: Option<u16>,
    subset: Option<Words<'a>>,
    requests: u64,
    failed: u64,
    failure_rate: f64,
    flags: Tally<'a>,
    codes: Codes,
    outcomes: BTreeMap<&'static str, u64>,
    latency_ms: LatencyRow,
    hosts: Vec<HostRow<'a>>,
    first_failure: Option<String>,
    last_failure: Option<String>,
}

#[derive(Serialize)]
struct HostRow<'a> {
    host: Option<Words<'a>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    other: bool,
    requests: u64,
    failed: u64,
}

#[derive(Serialize)]
struct Timeline<'a> {
    bucket_seconds: i64,
    buckets: Vec<BucketRow<'a>>,
}

#[derive(Serialize)]
struct BucketRow<'a> {
    start: String,
    requests: u64,
    failed: u64,
    flags: BTreeMap<Words<'a>, u64>,
}

#[derive(Serialize)]
pub(super) struct FindingRow<'a> {
    id: &'a str,
    title: &'a str,
    severity: &'static str,
    confidence: f64,
    guide: &'a [String],
    scope: ScopeRow<'a>,
    requests: u64,
    share: f64,
    first_seen: Option<String>,
    last_seen: Option<String>,
    ongoing: bool,
    likely_cause: Words<'a>,
    evidence: Vec<FactRow<'a>>,
    against: Vec<AgainstRow<'a>>,
    fix: Vec<RemedyRow<'a>>,
    confirm: Vec<RemedyRow<'a>>,
    alternatives: Vec<AlternativeRow<'a>>,
    help: Option<String>,
    pub(super) exemplars: Vec<ExemplarRow<'a>>,
}

#[derive(Serialize)]
struct ScopeRow<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream: Option<Words<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    upstreams: Vec<Words<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<Words<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authority: Option<Words<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<Words<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    listener: Option<Words<'a>>,
}

#[derive(Serialize)]
struct FactRow<'a> {
    text: Words<'a>,
    count: u64,
}

#[derive(Serialize)]
struct AgainstRow<'a> {
    text: Words<'a>,
}

#[derive(Serialize)]
struct RemedyRow<'a> {
    text: Words<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<Words<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    yaml: Option<Words<'a>>,
}

#[derive(Serialize)]
struct AlternativeRow<'a> {
    id: &'a str,
    confidence: f64,
}

#[derive(Serialize)]
pub(super) struct ExemplarRow<'a> {
    source: &'a str,
    line: u64,
    offset: u64,
    request_id: Option<Words<'a>>,
    time: Option<String>,
    pub(super) raw: Words<'a>,
}

impl Serialize for Codes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let other = (self.other > 0).then(|| ("other".to_owned(), &self.other));
        serializer.collect_map(self.rows.iter().map(|(code, n)| (code.0.to_string(), n)).chain(other))
    }
}

impl<'a> Triage<'a> {
    pub(super) fn of(report: &Report<'a>) -> Triage<'a> {
        let summary = report.summary;
        Triage {
            schema: "meshwhy.triage/1",
            partial: quality::partial(summary),
            input: Input::of(report),
            totals: Totals::of(summary),
            upstreams: Upstreams(summary),
            groups: groups::rows(summary),
            hops: hops::rows(summary),
            timeline: Timeline::of(report),
            findings: report.findings.iter().map(|f| FindingRow::of(f, report)).collect(),
            suppressed: report.suppressed.iter().map(|s| SuppressedRow::of(s, report)).collect(),
        }
    }
}

impl Triage<'_> {
    /// Rewrites every text that may quote the log, except the lines of `exemplars`.
    pub(super) fn rewrite_quotes(&mut self, rewritten: impl Fn(&str) -> String) {
        let change = |text: &mut Words<'_>| *text = Cow::Owned(rewritten(text));
        self.input.rejects.iter_mut().for_each(|row| change(&mut row.sample));
        for row in &mut self.findings {
            change(&mut row.likely_cause);
            row.evidence.iter_mut().for_each(|fact| change(&mut fact.text));
            row.against.iter_mut().for_each(|fact| change(&mut fact.text));
            for remedy in row.fix.iter_mut().chain(&mut row.confirm) {
                change(&mut remedy.text);
                remedy.command.iter_mut().chain(&mut remedy.yaml).for_each(change);
            }
            row.scope.authority.iter_mut().for_each(change);
        }
    }
}

impl<'a> Input<'a> {
    fn of(report: &Report<'a>) -> Input<'a> {
        let lines = &report.summary.lines;
        let row = |s: &'a SourceInfo| SourceRow {
            name: &s.name,
            container: s.container,
            bytes: s.bytes,
            lines: s.lines,
        };
        // By name: what the parts of an input are called does not depend on the order in which they were read.
        let mut sources: Vec<_> = report.sources.iter().map(row).collect();
        sources.arrange_by_key(|s| (s.name, s.container, s.bytes, s.lines));
        let rejects = lines.rejects.iter().map(|r| RejectRow {
            source: report.source(r.source),
            line: r.line,
            offset: r.offset,
            reason: r.reason.text(report.view.lang),
            sample: utf8(&r.sample),
        });
        let mut formats: Vec<_> =
            lines.formats.iter().map(|(name, n)| FormatRow { name, lines: *n }).collect();
        formats.arrange_by(|a, b| b.lines.cmp(&a.lines).then(a.name.cmp(b.name)));
        Input {
            sources,
            bytes: report.sources.iter().map(|s| s.bytes).sum(),
            lines: lines.total,
            access_lines: lines.access,
            proxy_lines: lines.proxy,
            other_lines: lines.other,
            rejected_lines: lines.rejected,
            filtered_records: report.filtered,
            rejects: rejects.collect(),
            formats,
            first_time: report.summary.span.first_us().map(rfc3339_ms),
            last_time: report.summary.span.last_us().map(rfc3339_ms),
            warnings: [report.failures, &report.all_warnings()].concat(),
        }
    }
}

impl<'a> Totals<'a> {
    fn of(summary: &'a Summary) -> Totals<'a> {
        let totals = summary.totals();
        Totals {
            requests: totals.counts.requests(),
            failed: totals.counts.failed(),
            vantages: Vantages::of(summary.vantages()),
            outcomes: outcomes(totals.counts),
            flags: owned(tally(&totals.flags)),
            flag_sets: owned(tally(&totals.flag_sets)),
            codes: Codes::of(&totals.codes),
            latency_ms: LatencyRow::of(&totals.latency),
        }
    }
}

impl LatencyRow {
    pub(super) fn of(latency: &Latency) -> LatencyRow {
        let known = |ms| (latency.count() > 0).then_some(ms);
        LatencyRow {
            count: latency.count(),
            p50: known(latency.quantile_ms(500)),
            p90: known(latency.quantile_ms(900)),
            p99: known(latency.quantile_ms(990)),
            max: known(latency.max_ms()),
        }
    }
}

/// Rows by failures, then requests, then name; what has no name of its own comes last. Each is made when it is written:
/// of thousands only one is held.
struct Upstreams<'a>(&'a Summary);

impl Serialize for Upstreams<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        let summary = self.0;
        let mut rows: Vec<_> = summary.upstreams.iter().collect();
        rows.arrange_by(|(a, x), (b, y)| by_failures(x.counts, y.counts).then_with(|| a.cmp(b)));
        let named = rows.into_iter().map(|(name, u)| UpstreamRow::of(Some(name), false, u));
        let other = summary.other_upstreams.as_deref().map(|u| UpstreamRow::of(None, true, u));
        let nameless = (summary.no_upstream.counts.requests() > 0).then(|| {
            let (counts, codes) = summary.no_upstream_once();
            let row = UpstreamRow::of(None, false, &summary.no_upstream);
            UpstreamRow { codes: Codes::of(&codes), ..row.counted(counts) }
        });
        to.collect_seq(named.chain(other).chain(nameless))
    }
}

fn by_failures(a: Counts, b: Counts) -> std::cmp::Ordering {
    (b.failed(), b.requests()).cmp(&(a.failed(), a.requests()))
}

impl<'a> UpstreamRow<'a> {
    fn of(name: Option<&'a Text>, other: bool, upstream: &'a Upstream) -> UpstreamRow<'a> {
        let cluster = Cluster::parse(name.map_or(b"", |n| n));
        let counts = upstream.counts;
        UpstreamRow {
            upstream: name.map(|n| utf8(n)),
            other,
            direction: cluster.direction.map(|d| d.name()),
            service: cluster.service.map(utf8),
            namespace: cluster.namespace.map(utf8),
            port: cluster.port,
            subset: cluster.subset.map(utf8),
            requests: 0,
            failed: 0,
            failure_rate: 0.0,
            flags: tally(&upstream.flags),
            codes: Codes::of(&upstream.codes),
            outcomes: BTreeMap::new(),
            latency_ms: LatencyRow::of(&upstream.latency),
            hosts: hosts(upstream),
            first_failure: upstream.failure.first_us().map(rfc3339_ms),
            last_failure: upstream.failure.last_us().map(rfc3339_ms),
        }
        .counted(counts)
    }

    /// The row with these counts.
    fn counted(self, counts: Counts) -> UpstreamRow<'a> {
        UpstreamRow {
            requests: counts.requests(),
            failed: counts.failed(),
            failure_rate: fraction(counts.failed(), counts.requests()),
            outcomes: outcomes(counts),
            ..self
        }
    }
}

fn hosts(upstream: &Upstream) -> Vec<HostRow<'_>> {
    let mut rows: Vec<_> = upstream.hosts().collect();
    rows.arrange_by(|(a, x), (b, y)| by_failures(x.counts, y.counts).then_with(|| a.cmp(b)));
    let row = |host, other, counts: Counts| HostRow {
        host,
        other,
        requests: counts.requests(),
        failed: counts.failed(),
    };
    let mut out: Vec<_> = rows.into_iter().map(|(name, h)| row(Some(utf8(name)), false, h.counts)).collect();
    if upstream.other_hosts.requests() > 0 {
        out.push(row(None, true, upstream.other_hosts));
    }
    out
}

impl<'a> Timeline<'a> {
    fn of(report: &Report<'a>) -> Timeline<'a> {
        let (bucket_seconds, buckets) = report.summary.timeline.rebucketed(bucket_width(report, BUCKETS));
        let buckets = buckets.into_iter().map(|(start, cell)| BucketRow {
            start: rfc3339_ms(start),
            requests: cell.load.requests,
            failed: cell.load.failed,
            flags: cell
                .flags
                .iter()
                .map(|(flag, n)| (Cow::Owned(utf8(flag).into_owned()), *n))
                .chain((cell.other_flags > 0).then_some((Cow::Borrowed("other"), cell.other_flags)))
                .collect(),
        });
        Timeline { bucket_seconds, buckets: buckets.collect() }
    }
}

impl<'a> SuppressedRow<'a> {
    fn of(suppressed: &'a Suppressed, report: &Report<'a>) -> SuppressedRow<'a> {
        let Suppressed { finding, until, reason } = suppressed;
        SuppressedRow { until, reason: reason.as_deref(), finding: FindingRow::of(finding, report) }
    }
}

impl<'a> FindingRow<'a> {
    fn of(finding: &'a Finding, report: &Report<'a>) -> FindingRow<'a> {
        FindingRow {
            id: &finding.id,
            title: &finding.title,
            severity: finding.severity.name(),
            confidence: rounded(finding.confidence),
            guide: &finding.guide,
            scope: ScopeRow::of(&finding.scope),
            requests: finding.requests,
            share: rounded(finding.share()),
            first_seen: finding.span.first_us().map(rfc3339_ms),
            last_seen: finding.span.last_us().map(rfc3339_ms),
            ongoing: finding.ongoing,
            likely_cause: Cow::Borrowed(&finding.likely_cause),
            evidence: finding
                .evidence
                .iter()
                .map(|Fact { text, count, .. }| FactRow { text: Cow::Borrowed(text), count: *count })
                .collect(),
            against: finding
                .against
                .iter()
                .map(|Fact { text, .. }| AgainstRow { text: Cow::Borrowed(text) })
                .collect(),
            fix: finding.fix.iter().map(RemedyRow::of).collect(),
            confirm: finding.confirm.iter().map(RemedyRow::of).collect(),
            alternatives: finding.alternatives.iter().map(AlternativeRow::of).collect(),
            help: help(&finding.id),
            exemplars: finding.exemplars.iter().map(|e| ExemplarRow::of(e, report)).collect(),
        }
    }
}

impl<'a> ScopeRow<'a> {
    fn of(scope: &'a FindingScope) -> ScopeRow<'a> {
        let text = |bytes: &'a Option<Text>| bytes.as_deref().map(utf8);
        ScopeRow {
            upstream: text(&scope.upstream),
            upstreams: scope.upstreams.iter().map(|name| utf8(name)).collect(),
            route: text(&scope.route),
            authority: text(&scope.authority),
            host: text(&scope.host),
            listener: text(&scope.listener),
        }
    }
}

impl<'a> RemedyRow<'a> {
    fn of(remedy: &'a Remedy) -> RemedyRow<'a> {
        let Remedy { text, command, yaml } = remedy;
        RemedyRow {
            text: Cow::Borrowed(text),
            command: command.as_deref().map(Cow::Borrowed),
            yaml: yaml.as_deref().map(Cow::Borrowed),
        }
    }
}

impl<'a> AlternativeRow<'a> {
    fn of(alternative: &'a Alternative) -> AlternativeRow<'a> {
        AlternativeRow { id: &alternative.id, confidence: rounded(alternative.confidence) }
    }
}

impl<'a> ExemplarRow<'a> {
    fn of(exemplar: &'a Exemplar, report: &Report<'a>) -> ExemplarRow<'a> {
        ExemplarRow {
            source: report.source(exemplar.source),
            line: exemplar.line,
            offset: exemplar.offset,
            request_id: exemplar.request_id.as_deref().map(utf8),
            time: exemplar.time_us.map(rfc3339_ms),
            raw: utf8(&exemplar.raw),
        }
    }
}

fn outcomes(counts: Counts) -> BTreeMap<&'static str, u64> {
    OUTCOMES.iter().map(|o| (o.name(), counts.of(*o))).collect()
}

fn tally(counter: &Counter<Text>) -> Tally<'_> {
    let mut out = Tally::new();
    counter.iter().for_each(|(key, n)| *out.entry(utf8(key)).or_default() += n);
    if counter.other() > 0 {
        *out.entry(Cow::Borrowed("other")).or_default() += counter.other();
    }
    out
}

fn owned(tally: Tally<'_>) -> Tally<'static> {
    tally.into_iter().map(|(key, n)| (Cow::Owned(key.into_owned()), n)).collect()
}

pub(super) fn fraction(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { rounded(part as f64 / whole as f64) }
}

/// Six digits are more than any sample supports, and spare the reader 0.30000000000000004.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}
