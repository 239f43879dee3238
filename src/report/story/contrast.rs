//! What was hit and what was not; what stands out among the failures.

use super::super::units::{count, rate};
use super::{Block, Section, Table, Teller, text_of};
use crate::aggregate::Counts;
use crate::incident::Incident;

/// Names told of each kind.
const NAMES: usize = 6;
/// Chi-squared with one degree of freedom: one in a thousand.
const SIGNIFICANT: f64 = 10.83;

/// Something requests have in common.
struct Value {
    kind: &'static str,
    name: String,
    requests: u64,
    failed: u64,
}

impl Teller<'_, '_> {
    /// Upstreams, hosts, routes and callers that were hit, and those that were not.
    pub(super) fn radius(&self, incident: &Incident) -> Section {
        let values = self.values(incident);
        let mut rows = Vec::new();
        for kind in ["upstream", "host", "route", "authority", "caller"] {
            let mine: Vec<&Value> = values.iter().filter(|v| v.kind == kind).collect();
            if mine.is_empty() {
                continue;
            }
            let (hit, fine): (Vec<&Value>, Vec<&Value>) = mine.iter().partition(|v| self.is_hit(v, incident));
            rows.push(vec![
                kind.to_owned(),
                format!("{} of {}", hit.len(), mine.len()),
                listed(&hit, |v| format!("{} ({} of {})", v.name, count(v.failed), count(v.requests))),
                listed(&fine, |v| v.name.clone()),
            ]);
        }
        let head = vec!["", "hit", "which (failed of all in the log)", "not hit"];
        let mut blocks = Vec::new();
        if !rows.is_empty() {
            blocks.push(Block::Table(Table { head, rows, numbers: 4 }));
            let note = "Hosts are those of the upstreams that were hit. Hit means: it failed more often than requests \
                        do at other times.";
            blocks.push(Block::Text(note.to_owned()));
        }
        Section { title: "What was hit, and what was not".to_owned(), blocks }
    }

    /// Hit: failures well above the background.
    fn is_hit(&self, value: &Value, incident: &Incident) -> bool {
        if value.kind == "upstream" {
            return incident.upstreams.iter().any(|name| self.name(name.as_deref()) == value.name);
        }
        let usual = incident.baseline_rate() * value.requests as f64;
        value.failed > 0 && value.failed as f64 > usual + 2.0 * usual.sqrt()
    }

    fn values(&self, incident: &Incident) -> Vec<Value> {
        let summary = self.account.report.summary;
        let value = |kind, name: String, counts: Counts| Value {
            kind,
            name,
            requests: counts.requests(),
            failed: counts.failed(),
        };
        let mut out = Vec::new();
        for (name, upstream) in &summary.upstreams {
            out.push(value("upstream", self.name(Some(name)), upstream.counts));
            if incident.hit(Some(name)) {
                out.extend(upstream.hosts.iter().map(|(host, h)| value("host", text_of(host), h.counts)));
            }
        }
        out.extend(summary.routes.iter().map(|(name, s)| value("route", text_of(name), s.counts)));
        let authorities = summary.authorities.iter();
        out.extend(authorities.map(|(name, s)| value("authority", self.redact.authority(name), s.counts)));
        let callers = self.account.detail.callers.iter();
        out.extend(callers.map(|(name, c)| value("caller", self.redact.client(name), *c)));
        out.sort_by(|a, b| {
            (b.failed, b.requests).cmp(&(a.failed, a.requests)).then_with(|| a.name.cmp(&b.name))
        });
        out
    }

    /// What failures have more often than requests in general.
    pub(super) fn contrast(&self, incident: &Incident) -> Section {
        let all = self.values(incident);
        let mut found: Vec<(f64, Vec<String>)> = Vec::new();
        for kind in ["upstream", "host", "route", "authority", "caller"] {
            let mine: Vec<&Value> = all.iter().filter(|v| v.kind == kind).collect();
            let requests: u64 = mine.iter().map(|v| v.requests).sum();
            let failed: u64 = mine.iter().map(|v| v.failed).sum();
            for value in mine.iter().filter(|v| v.failed > 0) {
                let weight = stands_out(value.failed, value.requests, failed, requests);
                if weight >= SIGNIFICANT {
                    let row = vec![
                        format!("{kind} {}", value.name),
                        rate(value.failed, failed),
                        rate(value.requests, requests),
                        rate(value.failed, value.requests),
                    ];
                    found.push((weight, row));
                }
            }
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        let rows: Vec<_> = found.into_iter().take(NAMES + 2).map(|(_, row)| row).collect();
        let head = vec!["", "of the failures", "of the requests", "fails"];
        let blocks =
            if rows.is_empty() { Vec::new() } else { vec![Block::Table(Table { head, rows, numbers: 1 })] };
        Section { title: "What failures have in common".to_owned(), blocks }
    }
}

/// G statistic of "failures are here more often than requests are"; 0 when they are not.
fn stands_out(failed: u64, requests: u64, all_failed: u64, all_requests: u64) -> f64 {
    let (k, n, kk, nn) = (failed as f64, requests as f64, all_failed as f64, all_requests as f64);
    if k * nn <= kk * n {
        return 0.0;
    }
    let term = |seen: f64, of: f64, all: f64| {
        let expected = of * all / nn;
        if seen > 0.0 && expected > 0.0 { seen * (seen / expected).ln() } else { 0.0 }
    };
    2.0 * (term(k, n, kk)
        + term(n - k, n, nn - kk)
        + term(kk - k, nn - n, kk)
        + term(nn - n - kk + k, nn - n, nn - kk))
}

fn listed(values: &[&Value], text: impl Fn(&Value) -> String) -> String {
    let mut names: Vec<String> = values.iter().take(NAMES).map(|v| text(v)).collect();
    if values.len() > NAMES {
        names.push(format!("{} more", values.len() - NAMES));
    }
    if names.is_empty() { "–".to_owned() } else { names.join(", ") }
}
