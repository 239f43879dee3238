//! How much was hit: before, during and after; shares by upstream, route, path and caller; the error budget.

use super::super::units::{count, counted, duration, rate};
use super::shares::{KINDS, Kind};
use super::{Block, Section, Table, Teller};
use crate::incident::{Around, Harm, Incident, Load, distinct_ids};

/// Rows of each kind.
const ROWS: usize = 5;

/// What is said of requests that were hit.
pub(super) fn participle(harm: Harm) -> &'static str {
    match harm {
        Harm::Failed => "failed",
        Harm::Denied => "denied",
    }
}

/// `failure`, `denial`.
pub(super) fn noun(harm: Harm) -> &'static str {
    match harm {
        Harm::Failed => "failure",
        Harm::Denied => "denial",
    }
}

/// Before, during and after, side by side.
pub(super) fn around(name: String, around: &Around, harm: Harm, only_failures: bool) -> Table {
    let sides = [("before", &around.before), ("during", &around.during), ("after", &around.after)];
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
        row(participle(harm), &|load| count(load.failed)),
    ];
    if !only_failures {
        rows.push(row(&format!("{}, share", participle(harm)), &|load| rate(load.failed, load.requests)));
    }
    for (name, permille) in [("latency p50", 500), ("latency p90", 900), ("latency p99", 990)] {
        rows.push(row(name, &|load| quantile(load, permille)));
    }
    let mut head = vec![name];
    head.extend(sides.iter().map(|(name, _)| (*name).to_owned()));
    Table { head, rows, numbers: 1 }
}

impl Teller<'_, '_> {
    pub(super) fn impact(&self, incident: &Incident) -> Section {
        let mut rows = Vec::new();
        for kind in KINDS.into_iter().filter(|kind| *kind != Kind::Host) {
            let shares = kind.shares(incident, self.account.detail, true);
            let all = shares.failed();
            for (name, n) in all.iter().take(ROWS) {
                let of = shares.rows.get(*name).map_or(*n, |row| row.requests);
                rows.push(vec![
                    kind.name().to_owned(),
                    self.value(kind, name),
                    count(*n),
                    rate(*n, incident.failed),
                    format!("{} of {}", rate(*n, of), count(of)),
                ]);
            }
            let rest: u64 = all.iter().skip(ROWS).map(|(_, n)| n).sum::<u64>() + shares.other_failed;
            if rest > 0 {
                let more = all.len().saturating_sub(ROWS);
                let more =
                    if more > 0 { format!("{} more", count(more as u64)) } else { "others".to_owned() };
                let share = rate(rest, incident.failed);
                rows.push(vec![kind.name().to_owned(), more, count(rest), share, "–".to_owned()]);
            }
        }
        let mut blocks = vec![Block::Items(self.sums(incident))];
        if !rows.is_empty() {
            let what = participle(incident.harm);
            let head = vec![
                "what".to_owned(),
                "which".to_owned(),
                what.to_owned(),
                format!("of the {}s", noun(incident.harm)),
                "of its requests".to_owned(),
            ];
            blocks.push(Block::Table(Table { head, rows, numbers: 2 }));
        }
        Section { title: "Impact".to_owned(), blocks }
    }

    fn sums(&self, incident: &Incident) -> Vec<String> {
        let what = participle(incident.harm);
        let mut out = vec![format!(
            "{} {what} of {} ({}); at other times {} of {} ({})",
            count(incident.failed),
            counted(incident.requests, "request"),
            rate(incident.failed, incident.requests),
            count(incident.baseline_failed),
            count(incident.baseline_requests),
            rate(incident.baseline_failed, incident.baseline_requests),
        )];
        if let Some(window) = self.window.as_ref().filter(|_| self.account.report.summary.upstreams.len() > 1)
        {
            let during = &window.all.during;
            out.push(format!(
                "of all {} to any upstream meanwhile {} failed ({})",
                counted(during.requests, "request"),
                count(during.failed),
                rate(during.failed, during.requests)
            ));
        }
        let callers = Kind::Caller.shares(incident, self.account.detail, true);
        let more = |whole: bool| if whole { "" } else { "at least " };
        let clients = callers.failed().len() as u64;
        if clients > 0 {
            let more = more(callers.other_failed == 0);
            out.push(format!(
                "{more}{} (by address) saw a {}",
                counted(clients, "client"),
                noun(incident.harm)
            ));
        }
        let (ids, whole) = distinct_ids(&self.account.detail.request_ids, incident);
        if ids > 0 {
            out.push(format!("{}{} among them", more(whole), counted(ids, "distinct request id")));
        }
        if incident.harm == Harm::Failed {
            out.extend(self.account.slo_percent.map(|slo| self.budget(incident, slo)));
        }
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
