//! Data of the charts.

use std::collections::BTreeMap;

use super::super::hops::Graph;
use super::super::{bucket_width, escape::utf8};
use super::Teller;

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
    /// Names of the layers, most frequent first.
    pub(in crate::report) layers: Vec<String>,
    /// Start, requests, failures, and the count of each layer.
    pub(in crate::report) buckets: Vec<(i64, u64, u64, Vec<u64>)>,
    /// Begin and end of incidents.
    pub(in crate::report) marks: Vec<(i64, i64)>,
}

/// Counts of flags by upstream.
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
const BARS: usize = 120;
/// Layers told apart; the rest is one.
const LAYERS: usize = 6;
const ROWS: usize = 20;

impl Teller<'_, '_> {
    pub(super) fn figures(&self) -> Vec<Figure> {
        let mut out = Vec::new();
        let summary = self.account.report.summary;
        if summary.counts.failed() > 0 && !summary.timeline.is_empty() {
            out.push(Figure::Stack(self.stack()));
        }
        out.extend(self.heat().map(Figure::Heat));
        let points: Vec<(i64, [u64; 3])> = self
            .account
            .detail
            .latency
            .iter()
            .filter(|(_, l)| l.count() > 0)
            .map(|(us, l)| (us, [500, 900, 990].map(|permille| l.quantile_ms(permille))))
            .collect();
        if points.len() > 1 {
            let width_s = self.account.detail.latency.width_s();
            out.push(Figure::Lines(Lines { width_s, points, marks: self.marks() }));
        }
        out
    }

    fn marks(&self) -> Vec<(i64, i64)> {
        self.account.incidents.iter().filter(|i| !i.steady).map(|i| (i.onset_us, i.last_us)).collect()
    }

    /// Failed requests by their flag set's first flag; without a flag by status.
    fn stack(&self) -> Stack {
        let summary = self.account.report.summary;
        let failed = || summary.symptoms.iter().filter(|(key, _)| key.outcome.failed());
        // Bars are never narrower than what their layers are known to.
        let known = failed().map(|(_, s)| s.series.width_s()).max().unwrap_or(1);
        let width_s = bucket_width(&self.account.report, BARS).max(known);
        let (width_s, buckets) = summary.timeline.rebucketed(width_s);
        let width_us = width_s * 1_000_000;
        let mut sums: BTreeMap<String, u64> = BTreeMap::new();
        let mut cells: BTreeMap<(i64, String), u64> = BTreeMap::new();
        for (key, symptom) in failed() {
            let name = match (key.flags.is_empty(), key.unknown_flags.is_empty()) {
                (_, false) => utf8(&key.unknown_flags).into_owned(),
                (true, _) => key.code.to_string(),
                _ => key.flags.to_string(),
            };
            *sums.entry(name.clone()).or_default() += symptom.count;
            for (us, n) in symptom.series.iter().filter(|(_, n)| **n > 0) {
                *cells.entry((us.div_euclid(width_us) * width_us, name.clone())).or_default() += n;
            }
        }
        let mut layers: Vec<(String, u64)> = sums.into_iter().collect();
        layers.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let layers: Vec<String> = layers.into_iter().take(LAYERS).map(|(name, _)| name).collect();
        let rows = buckets.into_iter().map(|(us, cell)| {
            let of = |name: &String| cells.get(&(us, name.clone())).copied().unwrap_or(0);
            (us, cell.load.requests, cell.load.failed, layers.iter().map(of).collect())
        });
        Stack { width_s, buckets: rows.collect(), layers: layers.clone(), marks: self.marks() }
    }

    fn heat(&self) -> Option<Heat> {
        let summary = self.account.report.summary;
        let columns: Vec<Vec<u8>> =
            summary.flags.ranked().into_iter().take(12).map(|(flag, _)| flag.to_vec()).collect();
        let mut rows: Vec<_> = summary.upstreams.iter().filter(|(_, u)| !u.flags.is_empty()).collect();
        rows.sort_by(|a, b| b.1.flags.total().cmp(&a.1.flags.total()).then(a.0.cmp(b.0)));
        let rows: Vec<(String, Vec<u64>)> = rows
            .into_iter()
            .take(ROWS)
            .map(|(name, u)| (self.name(Some(name)), columns.iter().map(|c| u.flags.get(&c[..])).collect()))
            .collect();
        let columns = columns.iter().map(|c| utf8(c).into_owned()).collect();
        (!rows.is_empty()).then_some(Heat { columns, rows })
    }
}
