//! Data of the charts.

use std::collections::BTreeMap;

use super::super::hops::Graph;
use super::super::{bucket_width, escape::utf8};
use super::Teller;
use crate::aggregate::{Latency, SymptomKey, Text};
use crate::arrange::Arrange;
use crate::incident::Harm;
use crate::record::Outcome;

/// A chart.
pub(in crate::report) enum Figure {
    Stack(Stack),
    Heat(Heat),
    Lines(Lines),
    Graph(Graph),
}

/// Failures over time, stacked by flag.
pub(in crate::report) struct Stack {
    pub(in crate::report) width_s: i64,
    /// What is counted: `failures`, or `failures and denials`.
    pub(in crate::report) what: &'static str,
    /// Names of the layers, most frequent first.
    pub(in crate::report) layers: Vec<String>,
    /// Start, requests, what is counted, and the count of each layer.
    pub(in crate::report) buckets: Vec<(i64, u64, u64, Vec<u64>)>,
    /// Begin and end of incidents.
    pub(in crate::report) marks: Vec<(i64, i64)>,
}

/// Failures and denials by flags and upstream.
pub(in crate::report) struct Heat {
    pub(in crate::report) columns: Vec<String>,
    pub(in crate::report) rows: Vec<(String, Vec<u64>)>,
}

/// Latency over time: start, p50, p90, p99 in milliseconds.
pub(in crate::report) struct Lines {
    pub(in crate::report) width_s: i64,
    pub(in crate::report) points: Vec<(i64, [u64; 3])>,
    pub(in crate::report) marks: Vec<(i64, i64)>,
}

/// Bars of a chart at most.
const BARS: usize = 150;
/// Layers told apart; the rest is one.
const LAYERS: usize = 6;
/// Rows and columns of the heat map.
const ROWS: usize = 20;
const COLUMNS: usize = 12;

impl Teller<'_, '_> {
    pub(super) fn figures(&self) -> Vec<Figure> {
        let mut out = Vec::new();
        let summary = self.account.report.summary;
        let hit = self.harms().iter().map(|harm| harm.count(summary.counts)).sum::<u64>();
        if hit > 0 && !summary.timeline.is_empty() {
            out.push(Figure::Stack(self.stack()));
        }
        out.extend(self.heat().map(Figure::Heat));
        out.extend(self.latency().map(Figure::Lines));
        out
    }

    /// Latency in buckets as wide as those of the failures, where it is known to that.
    fn latency(&self) -> Option<Lines> {
        let table = &self.account.detail.latency;
        let width_s = bucket_width(&self.account.report, BARS).max(table.width_s());
        let width_us = width_s * 1_000_000;
        let mut buckets: BTreeMap<i64, Latency> = BTreeMap::new();
        for (us, latency) in table.total() {
            buckets.entry(us.div_euclid(width_us) * width_us).or_default().merge(&latency);
        }
        let quantiles = |l: &Latency| [500, 900, 990].map(|permille| l.quantile_ms(permille));
        let points: Vec<_> = buckets.into_iter().map(|(us, l)| (us, quantiles(&l))).collect();
        (points.len() > 1).then(|| Lines { width_s, points, marks: self.marks() })
    }

    fn marks(&self) -> Vec<(i64, i64)> {
        self.account.incidents.iter().filter(|i| !i.steady).map(|i| (i.began_us, i.over_us)).collect()
    }

    /// Denials are drawn where they make an incident.
    fn harms(&self) -> &'static [Harm] {
        match self.account.incidents.iter().any(|i| i.harm == Harm::Denied) {
            true => &[Harm::Failed, Harm::Denied],
            false => &[Harm::Failed],
        }
    }

    /// Failed requests by their flag set's first flag; without a flag by status.
    fn stack(&self) -> Stack {
        let summary = self.account.report.summary;
        let harms = self.harms();
        let failed =
            || summary.symptoms.iter().filter(|(key, _)| harms.iter().any(|harm| harm.is(key.outcome)));
        // Bars are never narrower than what their layers are known to.
        let known = failed().map(|(_, s)| s.series.width_s()).max().unwrap_or(1);
        let width_s = bucket_width(&self.account.report, BARS).max(known);
        let (width_s, buckets) = summary.timeline.rebucketed(width_s);
        let width_us = width_s * 1_000_000;
        let mut sums: BTreeMap<String, u64> = BTreeMap::new();
        let mut cells: BTreeMap<(i64, String), u64> = BTreeMap::new();
        // The timeline counts failures, whatever the cap of the symptoms; denials are counted by these.
        let mut denied: BTreeMap<i64, u64> = BTreeMap::new();
        for (key, symptom) in failed() {
            let name = layer(key);
            *sums.entry(name.clone()).or_default() += symptom.count;
            for (us, n) in symptom.series.iter().filter(|(_, n)| **n > 0) {
                if key.outcome == Outcome::Denied {
                    *denied.entry(us.div_euclid(width_us) * width_us).or_default() += *n;
                }
                *cells.entry((us.div_euclid(width_us) * width_us, name.clone())).or_default() += *n;
            }
        }
        let mut layers: Vec<(String, u64)> = sums.into_iter().collect();
        layers.arrange_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let layers: Vec<String> = layers.into_iter().take(LAYERS).map(|(name, _)| name).collect();
        let rows = buckets.into_iter().map(|(us, cell)| {
            let of = |name: &String| cells.get(&(us, name.clone())).copied().unwrap_or(0);
            let all = cell.load.failed + denied.get(&us).copied().unwrap_or(0);
            (us, cell.load.requests, all, layers.iter().map(of).collect())
        });
        let what = match harms.len() {
            1 => self.lang().pick("failures", "失败"),
            _ => self.lang().pick("failures and denials", "失败和拒绝"),
        };
        Stack { width_s, what, buckets: rows.collect(), layers: layers.clone(), marks: self.marks() }
    }

    /// Failures and denials by upstream, under the names of the stack's layers.
    fn heat(&self) -> Option<Heat> {
        let mut columns: BTreeMap<String, u64> = BTreeMap::new();
        let mut rows: BTreeMap<Option<&Text>, BTreeMap<String, u64>> = BTreeMap::new();
        for (key, symptom) in &self.account.report.summary.symptoms {
            if !key.outcome.failed() && key.outcome != Outcome::Denied {
                continue;
            }
            *columns.entry(layer(key)).or_default() += symptom.count;
            *rows.entry(key.upstream.as_ref()).or_default().entry(layer(key)).or_default() += symptom.count;
        }
        let mut columns: Vec<(String, u64)> = columns.into_iter().collect();
        columns.arrange_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let columns: Vec<String> = columns.into_iter().take(COLUMNS).map(|(name, _)| name).collect();
        let mut rows: Vec<_> = rows.into_iter().collect();
        let sum = |cells: &BTreeMap<String, u64>| cells.values().sum::<u64>();
        rows.arrange_by(|a, b| sum(&b.1).cmp(&sum(&a.1)).then(a.0.cmp(&b.0)));
        let rows: Vec<(String, Vec<u64>)> = rows
            .into_iter()
            .take(ROWS)
            .map(|(name, cells)| {
                let of = |column: &String| cells.get(column).copied().unwrap_or(0);
                (self.name(name.map(|n| &n[..])), columns.iter().map(of).collect())
            })
            .collect();
        (!rows.is_empty()).then_some(Heat { columns, rows })
    }
}

/// Response flags, or the status where there are none.
fn layer(key: &SymptomKey) -> String {
    match (key.flags.is_empty(), key.unknown_flags.is_empty()) {
        (_, false) => utf8(&key.unknown_flags).into_owned(),
        (true, _) => key.code.to_string(),
        _ => key.flags.to_string(),
    }
}
