//! The triage as comma-separated values: one row for each upstream, or for each group of `--by`.

use std::io::Write;

use super::order::{Row, sorted_groups};
use super::{Renderer, Report};
use crate::aggregate::{Counter, Counts, Groups, Latency, Text, Upstream};
use crate::arrange::Arrange;
use crate::emit::csv_cell;
use crate::envoy::Cluster;
use crate::error::{ErrorKind, Result};
use crate::record::{OUTCOMES, time::rfc3339_ms};

/// The renderer.
pub(super) struct Csv;

/// Columns of all rows, behind those that say what the row is about.
const FIGURES: [&str; 4] = ["row", "requests", "failed", "failure_rate"];
const LATENCY: [&str; 6] = ["latency_count", "p50_ms", "p90_ms", "p99_ms", "max_ms", "flags"];

impl Renderer for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn render(&self, report: &Report<'_>, out: &mut dyn Write) -> Result<()> {
        let text = match report.summary.groups.by.is_empty() {
            true => upstreams(report),
            false => groups(report),
        };
        out.write_all(&text).map_err(ErrorKind::Write)?;
        Ok(())
    }
}

fn head(about: &[&str], last: &[&str]) -> Vec<Vec<u8>> {
    let outcomes = OUTCOMES.iter().map(|outcome| outcome.name());
    let all = about.iter().copied().chain(FIGURES).chain(outcomes).chain(LATENCY);
    all.chain(last.iter().copied()).map(|name| name.as_bytes().to_vec()).collect()
}

/// What a row is: something named, what has no name, or all beyond the cap.
const NAMED: &str = "named";
const NONE: &str = "none";
const OTHER: &str = "other";

fn figures(kind: &str, counts: Counts, latency: &Latency, flags: &Counter<Text>) -> Vec<Vec<u8>> {
    let rate = match counts.requests() {
        0 => 0.0,
        requests => counts.failed() as f64 / requests as f64,
    };
    let quantile = |permille| match latency.count() {
        0 => String::new(),
        _ => latency.quantile_ms(permille).to_string(),
    };
    let max = if latency.count() == 0 { String::new() } else { latency.max_ms().to_string() };
    let head =
        [kind.to_owned(), counts.requests().to_string(), counts.failed().to_string(), rate.to_string()];
    let outcomes = OUTCOMES.iter().map(|outcome| counts.of(*outcome).to_string());
    let tail = [latency.count().to_string(), quantile(500), quantile(900), quantile(990), max];
    let mut cells: Vec<Vec<u8>> =
        head.into_iter().chain(outcomes).chain(tail).map(String::into_bytes).collect();
    let names =
        flags.ranked().into_iter().map(|(flag, n)| [&flag[..], b"=", n.to_string().as_bytes()].concat());
    let other = (flags.other() > 0).then(|| format!("other={}", flags.other()).into_bytes());
    cells.push(names.chain(other).collect::<Vec<_>>().join(&b' '));
    cells
}

fn line(out: &mut Vec<u8>, cells: impl IntoIterator<Item = Vec<u8>>) {
    for (at, cell) in cells.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        csv_cell(out, &cell);
    }
    out.push(b'\n');
}

fn upstreams(report: &Report<'_>) -> Vec<u8> {
    let summary = report.summary;
    let mut out = Vec::new();
    let about = ["upstream", "direction", "service", "namespace", "port", "subset"];
    line(&mut out, head(&about, &["first_failure", "last_failure"]));
    let mut rows: Vec<(&Text, &Upstream)> = summary.upstreams.iter().collect();
    rows.arrange_by(|a, b| {
        let [a, b] = [a, b].map(|(name, upstream)| Row::of(*name, upstream));
        report.view.order.compare(&a, &b)
    });
    let once = summary.no_upstream_once().0;
    let others = summary.other_upstreams.as_deref().map(|upstream| (OTHER, upstream, upstream.counts));
    let none = (once.requests() > 0).then_some((NONE, &summary.no_upstream, once));
    let named = rows.into_iter().map(|(name, upstream)| (&name[..], NAMED, upstream, upstream.counts));
    let unnamed =
        others.into_iter().chain(none).map(|(kind, upstream, counts)| (&b""[..], kind, upstream, counts));
    for (name, kind, upstream, counts) in named.chain(unnamed) {
        let cluster = Cluster::parse(name);
        let text = |part: Option<&[u8]>| part.unwrap_or_default().to_vec();
        let about = [
            name.to_vec(),
            cluster.direction.map_or("", |direction| direction.name()).as_bytes().to_vec(),
            text(cluster.service),
            text(cluster.namespace),
            cluster.port.map_or(String::new(), |port| port.to_string()).into_bytes(),
            text(cluster.subset),
        ];
        let time = |us: Option<i64>| us.map_or(String::new(), rfc3339_ms).into_bytes();
        let times = [time(upstream.failure.first_us()), time(upstream.failure.last_us())];
        let figures = figures(kind, counts, &upstream.latency, &upstream.flags);
        line(&mut out, about.into_iter().chain(figures).chain(times));
    }
    out
}

fn groups(report: &Report<'_>) -> Vec<u8> {
    let Groups { by, other, .. } = &report.summary.groups;
    let mut out = Vec::new();
    let names: Vec<&str> = by.iter().map(|by| by.name()).collect();
    line(&mut out, head(&names, &[]));
    for (key, group) in sorted_groups(report) {
        let values = key.iter().map(|value| value.as_deref().unwrap_or_default().to_vec());
        line(&mut out, values.chain(figures(NAMED, group.counts, &group.latency, &group.flags)));
    }
    if let Some(group) = other {
        let values = by.iter().map(|_| Vec::new());
        line(&mut out, values.chain(figures(OTHER, group.counts, &group.latency, &group.flags)));
    }
    out
}
