//! How much was hit: before, during and after; shares by service, route and caller; the error budget.

use std::collections::{BTreeMap, BTreeSet};

use super::super::units::{count, counted, duration, rate};
use super::{Block, Section, Table, Teller, ranked, text_of};
use crate::aggregate::{Counter, Symptom, Text};
use crate::incident::{Incident, Load, Window};

/// Rows of one share table.
const ROWS: usize = 5;

/// Before, during and after, side by side.
pub(super) fn around(window: &Window, only_failures: bool) -> Table {
    let sides = [("before", &window.before), ("during", &window.during), ("after", &window.after)];
    let sides: Vec<_> = sides.into_iter().filter(|(_, load)| load.requests > 0).collect();
    let row = |name: &str, cell: &dyn Fn(&Load) -> String| {
        let mut row = vec![name.to_owned()];
        row.extend(sides.iter().map(|(_, load)| cell(load)));
        row
    };
    let quantile = |load: &Load, permille| match load.latency.count() {
        0 => "–".to_owned(),
        _ => duration(load.latency.quantile_ms(permille)),
    };
    let mut rows = vec![
        row("requests", &|load| count(load.requests)),
        row("requests a minute", &|load| {
            let minutes = load.us as f64 / 60_000_000.0;
            count((load.requests as f64 / minutes.max(1.0 / 60.0)).round() as u64)
        }),
        row("failed", &|load| count(load.failed)),
    ];
    if !only_failures {
        rows.push(row("failed, share", &|load| rate(load.failed, load.requests)));
    }
    for (name, permille) in [("latency p50", 500), ("latency p90", 900), ("latency p99", 990)] {
        rows.push(row(name, &|load| quantile(load, permille)));
    }
    let mut head = vec!["all upstreams"];
    head.extend(sides.iter().map(|(name, _)| *name));
    Table { head, rows, numbers: 1 }
}

impl Teller<'_, '_> {
    pub(super) fn impact(&self, incident: &Incident) -> Section {
        let failures = self.failures(incident);
        let total = incident.failed;
        let by = |counter: &dyn Fn(&Symptom) -> &Counter<Text>, name: &dyn Fn(&Text) -> String| {
            let mut sums: BTreeMap<String, u64> = BTreeMap::new();
            for (_, symptom, n) in &failures {
                for (key, count) in counter(symptom).iter() {
                    *sums.entry(name(key)).or_default() += part(count, *n, symptom.count);
                }
            }
            sums.into_iter().collect::<Vec<_>>()
        };
        let mut services: BTreeMap<String, u64> = BTreeMap::new();
        let mut routes: BTreeMap<String, u64> = BTreeMap::new();
        for (key, _, n) in &failures {
            *services.entry(self.name(key.upstream.as_deref())).or_default() += n;
            if let Some(route) = &key.route {
                *routes.entry(text_of(route)).or_default() += n;
            }
        }
        let tables = [
            ("service", services.into_iter().collect()),
            ("route", routes.into_iter().collect()),
            ("authority", by(&|s| &s.authorities, &|a| self.redact.authority(a))),
            ("path", by(&|s| &s.paths, &|p| self.redact.path(p))),
            ("caller", by(&|s| &s.clients, &|c| self.redact.client(c))),
        ];
        let mut blocks = vec![Block::Items(self.sums(incident))];
        for (what, counts) in tables {
            let rows = ranked(counts, total, ROWS);
            if !rows.is_empty() {
                blocks.push(Block::Table(Table {
                    head: vec![what, "failed", "of the failures"],
                    rows,
                    numbers: 1,
                }));
            }
        }
        Section { title: "Impact".to_owned(), blocks }
    }

    fn sums(&self, incident: &Incident) -> Vec<String> {
        let failures = self.failures(incident);
        let mut out = vec![format!(
            "{} failed of {} ({}); at other times {} of {} ({})",
            count(incident.failed),
            counted(incident.requests, "request"),
            rate(incident.failed, incident.requests),
            count(incident.baseline_failed),
            count(incident.baseline_requests),
            rate(incident.baseline_failed, incident.baseline_requests),
        )];
        let distinct = |counter: &dyn Fn(&Symptom) -> &Counter<Text>| {
            let keys: BTreeSet<&Text> =
                failures.iter().flat_map(|(_, s, _)| counter(s).iter().map(|(key, _)| key)).collect();
            let more = failures.iter().any(|(_, s, _)| counter(s).other() > 0);
            (keys.len() as u64, if more { "at least " } else { "" })
        };
        let (clients, more) = distinct(&|s| &s.clients);
        let (ids, more_ids) = distinct(&|s| &s.request_ids);
        if clients > 0 {
            out.push(format!("{more}{} saw failures of these kinds", counted(clients, "client address")));
        }
        if ids > 0 {
            out.push(format!("{more_ids}{} among them", counted(ids, "distinct request id")));
        }
        out.extend(self.account.slo_percent.map(|slo| self.budget(incident, slo)));
        out
    }

    fn budget(&self, incident: &Incident, slo_percent: f64) -> String {
        let requests = self.account.report.summary.counts.requests();
        let allowed = requests as f64 * (100.0 - slo_percent) / 100.0;
        let spent = if allowed > 0.0 { incident.failed as f64 / allowed } else { f64::INFINITY };
        format!(
            "error budget: with an objective of {slo_percent} % the {} of this log may fail {allowed:.1} times; the \
             incident spent {}",
            counted(requests, "request"),
            match spent {
                s if s.is_infinite() => "more than all".to_owned(),
                s if s >= 10.0 => format!("{s:.0} times that"),
                s => format!("{:.0} % of that", s * 100.0),
            }
        )
    }
}

/// The share of a count that belongs to the incident, when `n` of the `whole` do.
fn part(count: u64, n: u64, whole: u64) -> u64 {
    let share = (u128::from(count) * u128::from(n) * 2 + u128::from(whole)) / (u128::from(whole.max(1)) * 2);
    u64::try_from(share).unwrap_or(u64::MAX)
}
