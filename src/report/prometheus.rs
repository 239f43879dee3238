//! The counts in Prometheus' text exposition format: for a node exporter's text-file folder, or a push gateway.
//!
//! Names come from a log and may be anything and of any number: label values are escaped, the number of series is
//! bounded, and what is beyond the bound is added up, so that sums stay exact.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;

use super::escape::utf8;
use super::order::{Row, sorted_groups};
use super::{Renderer, Report};
use crate::aggregate::{Counter, Counts, Latency, Text};
use crate::arrange::Arrange;
use crate::diagnosis::Finding;
use crate::error::{ErrorKind, Result};
use crate::record::OUTCOMES;
use crate::record::is_unseen;

/// Upstreams, and groups, that have series of their own: each has about twenty, and a scrape stays below the ten
/// thousand series that a server takes from one target without a second thought.
const ROWS: usize = 200;
/// Flags of an upstream, and findings, with series of their own.
const FEW: usize = 30;

/// The renderer.
pub(super) struct Prometheus;

impl Renderer for Prometheus {
    fn name(&self) -> &'static str {
        "prometheus"
    }

    fn render(&self, report: &Report<'_>, out: &mut dyn Write) -> Result<()> {
        out.write_all(exposition(report).as_bytes()).map_err(ErrorKind::Write)?;
        Ok(())
    }
}

/// A metric with its samples. Samples with the same labels are one: two names of a log may read alike.
struct Metric<'n> {
    name: &'n str,
    labels: Vec<String>,
    samples: BTreeMap<Vec<String>, f64>,
    head: String,
}

impl<'n> Metric<'n> {
    fn new(name: &'n str, kind: &str, help: &str, labels: &[&str]) -> Metric<'n> {
        let head = format!("# HELP meshwhy_{name} {help}\n# TYPE meshwhy_{name} {kind}\n");
        let labels = labels.iter().map(|label| label.replace('-', "_")).collect();
        Metric { name, labels, samples: BTreeMap::new(), head }
    }

    fn add(&mut self, labels: &[&str], value: f64) {
        let labels = labels.iter().map(|value| escaped(value)).collect();
        *self.samples.entry(labels).or_default() += value;
    }

    /// Requests by outcome, behind the other labels.
    fn outcomes(&mut self, labels: &[&str], counts: Counts) {
        for outcome in OUTCOMES {
            self.add(&[labels, &[outcome.name()]].concat(), counts.of(outcome) as f64);
        }
    }

    /// Seconds that a part of the requests took at most, behind the other labels.
    fn seconds(&mut self, labels: &[&str], latency: &Latency) {
        if latency.count() > 0 {
            for (name, permille) in [("50", 500), ("90", 900), ("99", 990)] {
                let labels = [labels, &[name]].concat().into_iter().map(escaped).collect();
                let known = self.samples.entry(labels).or_default();
                *known = known.max(latency.quantile_ms(permille) as f64 / 1e3);
            }
        }
    }

    /// A counter's names as labels; what is beyond `most` is added up.
    fn counter(&mut self, labels: &[&str], counter: &Counter<Text>, most: usize) {
        for (at, (name, n)) in counter.ranked().into_iter().enumerate() {
            let name = utf8(name);
            self.add(&[labels, &[if at < most { &name } else { OTHER }]].concat(), n as f64);
        }
        if counter.other() > 0 {
            self.add(&[labels, &[OTHER]].concat(), counter.other() as f64);
        }
    }

    fn write(self, out: &mut String) {
        if self.samples.is_empty() {
            return;
        }
        out.push_str(&self.head);
        for (values, value) in &self.samples {
            let pairs: Vec<String> =
                self.labels.iter().zip(values).map(|(label, value)| format!("{label}=\"{value}\"")).collect();
            let labels = if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) };
            // Writing into a string cannot fail.
            let _ = writeln!(out, "meshwhy_{}{labels} {value}", self.name);
        }
    }
}

/// Stands for all names beyond a bound.
const OTHER: &str = "other";

/// A label's value: one line, whatever a log holds.
fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            // Readers that split lines at more than newlines exist; and somebody looks at this in a terminal.
            c if c.is_control() || is_unseen(c) => {
                let _ = write!(out, "\\\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

fn exposition(report: &Report<'_>) -> String {
    let mut out = String::new();
    lines(report, &mut out);
    totals(report, &mut out);
    upstreams(report, &mut out);
    groups(report, &mut out);
    findings(report.findings, &mut out);
    times(report, &mut out);
    out
}

fn lines(report: &Report<'_>, out: &mut String) {
    let lines = &report.summary.lines;
    let mut metric = Metric::new("lines_total", "counter", "Lines read, by what they are.", &["kind"]);
    for (kind, n) in [
        ("access", lines.access),
        ("proxy", lines.proxy),
        ("other", lines.other),
        ("rejected", lines.rejected),
    ] {
        metric.add(&[kind], n as f64);
    }
    metric.write(out);
    let help = "Access records that filters left out.";
    let mut metric = Metric::new("filtered_records_total", "counter", help, &[]);
    metric.add(&[], report.filtered as f64);
    metric.write(out);
    let help = "Inputs that could not be read whole.";
    let mut metric = Metric::new("unread_inputs", "gauge", help, &[]);
    metric.add(&[], report.failures.len() as f64);
    metric.write(out);
}

fn totals(report: &Report<'_>, out: &mut String) {
    let totals = report.summary.totals();
    let help = "Requests by outcome; app_error and proxy_error are failures.";
    let mut metric = Metric::new("requests_total", "counter", help, &["outcome"]);
    metric.outcomes(&[], totals.counts);
    metric.write(out);
    let mut metric = Metric::new("flags_total", "counter", "Requests with a response flag.", &["flag"]);
    metric.counter(&[], &totals.flags, ROWS);
    metric.write(out);
    let mut metric = Metric::new("codes_total", "counter", "Requests by status.", &["code"]);
    for (at, (code, n)) in totals.codes.ranked().into_iter().enumerate() {
        let code = code.0.to_string();
        metric.add(&[if at < ROWS { &code } else { OTHER }], n as f64);
    }
    if totals.codes.other() > 0 {
        metric.add(&[OTHER], totals.codes.other() as f64);
    }
    metric.write(out);
    let help = "Seconds within which this percentage of the requests was answered.";
    let mut metric = Metric::new("duration_seconds", "gauge", help, &["percentile"]);
    metric.seconds(&[], &totals.latency);
    metric.write(out);
}

fn upstreams(report: &Report<'_>, out: &mut String) {
    let summary = report.summary;
    let mut rows: Vec<_> = summary.upstreams.iter().collect();
    rows.arrange_by(|a, b| {
        let [a, b] = [a, b].map(|(name, upstream)| Row::of(*name, upstream));
        report.view.order.compare(&a, &b)
    });
    let help = "Requests by upstream and outcome; those without an upstream have an empty name.";
    let mut requests = Metric::new("upstream_requests_total", "counter", help, &["upstream", "outcome"]);
    let help = "Requests with a response flag, by upstream.";
    let mut flags = Metric::new("upstream_flags_total", "counter", help, &["upstream", "flag"]);
    let help = "Seconds within which this percentage of an upstream's requests was answered.";
    let mut seconds = Metric::new("upstream_duration_seconds", "gauge", help, &["upstream", "percentile"]);
    let mut others = Counts::default();
    for (at, (name, upstream)) in rows.into_iter().enumerate() {
        if at < ROWS {
            let name = utf8(name);
            requests.outcomes(&[&name], upstream.counts);
            flags.counter(&[&name], &upstream.flags, FEW);
            seconds.seconds(&[&name], &upstream.latency);
        } else {
            others.merge(upstream.counts);
        }
    }
    let once = summary.no_upstream_once().0;
    if once.requests() > 0 {
        requests.outcomes(&[""], once);
        flags.counter(&[""], &summary.no_upstream.flags, FEW);
        seconds.seconds(&[""], &summary.no_upstream.latency);
    }
    others.merge(summary.other_upstreams.as_deref().map_or(Counts::default(), |other| other.counts));
    let help = "Requests of upstreams that have no series of their own.";
    let mut rest = Metric::new("other_upstreams_requests_total", "counter", help, &["outcome"]);
    if others.requests() > 0 {
        rest.outcomes(&[], others);
    }
    [requests, rest, flags, seconds].into_iter().for_each(|metric| metric.write(out));
}

fn groups(report: &Report<'_>, out: &mut String) {
    let groups = &report.summary.groups;
    let mut labels: Vec<&str> = groups.by.iter().map(|by| by.name()).collect();
    labels.push("outcome");
    // Fields may be named twice, labels may not; outcome is there already.
    let mut fields: Vec<usize> = (0..groups.by.len()).collect();
    fields.retain(|at| {
        labels.iter().position(|label| label == &labels[*at]) == Some(*at) && labels[*at] != "outcome"
    });
    let kept: Vec<&str> = fields.iter().map(|at| labels[*at]).chain(["outcome"]).collect();
    let mut requests =
        Metric::new("group_requests_total", "counter", "Requests by the fields of --by.", &kept);
    let mut others = groups.other.as_deref().map_or(Counts::default(), |group| group.counts);
    for (at, (key, group)) in sorted_groups(report).into_iter().enumerate() {
        if at < ROWS {
            let values: Vec<_> =
                fields.iter().map(|at| utf8(key[*at].as_deref().unwrap_or_default())).collect();
            let values: Vec<&str> = values.iter().map(|value| &**value).collect();
            requests.outcomes(&values, group.counts);
        } else {
            others.merge(group.counts);
        }
    }
    let help = "Requests of groups that have no series of their own.";
    let mut rest = Metric::new("other_groups_requests_total", "counter", help, &["outcome"]);
    if others.requests() > 0 {
        rest.outcomes(&[], others);
    }
    requests.write(out);
    rest.write(out);
}

fn findings(findings: &[Finding], out: &mut String) {
    let labels = ["cause", "severity", "scope"];
    let help = "Requests that a finding explains.";
    let mut requests = Metric::new("finding_requests", "gauge", help, &labels);
    let help = "How sure a finding is, 0 to 1.";
    let mut sure = Metric::new("finding_confidence", "gauge", help, &["cause"]);
    let mut best: BTreeMap<&str, f64> = BTreeMap::new();
    for finding in findings.iter().take(FEW) {
        let scope = finding.scope.title(crate::words::Lang::En);
        requests.add(&[&finding.id, finding.severity.name(), &scope], finding.requests as f64);
        let known = best.entry(&finding.id).or_default();
        *known = known.max(finding.confidence);
    }
    for (id, confidence) in best {
        sure.add(&[id], confidence);
    }
    requests.write(out);
    sure.write(out);
}

fn times(report: &Report<'_>, out: &mut String) {
    let span = report.summary.span;
    for (name, help, us) in [
        ("first_record_timestamp_seconds", "Start of the first request.", span.first_us()),
        ("last_record_timestamp_seconds", "Start of the last request.", span.last_us()),
    ] {
        let mut metric = Metric::new(name, "gauge", help, &[]);
        if let Some(us) = us {
            metric.add(&[], us as f64 / 1e6);
        }
        metric.write(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_name_ends_its_line_or_its_quotes() {
        let mut metric = Metric::new("x_total", "counter", "X.", &["user-agent"]);
        for name in ["a\"} 1\nmeshwhy_x_total{user_agent=\"b", "\\", "\r\u{2028}\u{7f}"] {
            metric.add(&[name], 1.0);
        }
        metric.add(&["\\"], 2.0);
        let mut text = String::new();
        metric.write(&mut text);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5, "{text}");
        assert!(text.contains("meshwhy_x_total{user_agent=\"\\\\\"} 3\n"), "{text}");
        assert!(text.contains("{user_agent=\"a\\\"} 1\\nmeshwhy_x_total{user_agent=\\\"b\"} 1\n"), "{text}");
        assert!(text.contains("\\\\u000d\\\\u2028\\\\u007f"), "{text}");
    }

    #[test]
    fn what_is_beyond_the_bound_is_added_up() {
        let mut flags: Counter<Text> = Counter::default();
        for n in 0..40_u64 {
            flags.add(format!("F{n}").as_bytes(), n + 1);
        }
        flags.add(&b"other"[..], 100);
        let mut metric = Metric::new("x_total", "counter", "X.", &["flag"]);
        metric.counter(&[], &flags, FEW);
        assert_eq!(metric.samples.len(), FEW);
        assert_eq!(metric.samples.values().sum::<f64>(), 920.0);
    }
}
