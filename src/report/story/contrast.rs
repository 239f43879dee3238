//! What was hit and what was not; what stands out among the failures.

use super::super::units::{count, duration, rate};
use super::impact::{noun, participle};
use super::shares::{KINDS, Kind};
use super::{Block, Section, Table, Teller};
use crate::aggregate::Text;
use crate::incident::{Incident, Share, Shares};

/// Names told of each kind.
const NAMES: usize = 6;
/// Rows of what failures have in common.
const ROWS: usize = 10;
/// Chi-squared with one degree of freedom: one in a thousand.
const SIGNIFICANT: f64 = 10.83;

impl Teller<'_, '_> {
    /// Requests during and before the incident by each kind of value. Hosts are those of the upstreams that were hit.
    fn values(&self, incident: &Incident) -> Vec<(Kind, Shares)> {
        KINDS
            .into_iter()
            .map(|kind| (kind, kind.shares(incident, self.account.detail, kind == Kind::Host)))
            .filter(|(_, shares)| !shares.rows.is_empty())
            .collect()
    }

    /// What was hit during the incident, and what was used then and was not.
    pub(super) fn radius(&self, incident: &Incident) -> Section {
        let mut rows = Vec::new();
        let values = self.values(incident);
        for (kind, shares) in values.iter().filter(|(kind, _)| *kind != Kind::Path) {
            let mut mine: Vec<(&Text, &Share)> =
                shares.rows.iter().filter(|(_, row)| row.requests > 0).collect();
            mine.sort_by(|a, b| {
                (b.1.failed, b.1.requests).cmp(&(a.1.failed, a.1.requests)).then(a.0.cmp(b.0))
            });
            let (hit, fine): (Vec<_>, Vec<_>) =
                mine.iter().partition(|(name, row)| is_hit(*kind, name, row, incident));
            let share = |row: &Share| format!("{} of {}", count(row.failed), count(row.requests));
            rows.push(vec![
                kind.name().to_owned(),
                format!("{} of {}", hit.len(), mine.len()),
                listed(&hit, |name, row| format!("{} ({})", self.value(*kind, name), share(row))),
                listed(&fine, |name, _| self.value(*kind, name)),
            ]);
        }
        let which = format!("which ({} of requests meanwhile)", participle(incident.harm));
        let head = vec!["what".to_owned(), "hit".to_owned(), which, "not hit".to_owned()];
        let mut blocks = Vec::new();
        if !rows.is_empty() {
            let width_s = values.iter().map(|(_, shares)| shares.width_s).max().unwrap_or(1);
            blocks.push(Block::Table(Table { head, rows, numbers: 4 }));
            blocks.push(Block::Text(format!(
                "Counted between onset and end{}. Hosts are those of the upstreams that were hit. Hit means: more {}s \
                 than at the usual rate of these upstreams.",
                match width_s {
                    1 => String::new(),
                    s => format!(" (requests to {})", duration(s.unsigned_abs() * 1000)),
                },
                noun(incident.harm)
            )));
        }
        Section { title: "What was hit, and what was not".to_owned(), blocks }
    }

    /// What failures have more often than the requests among which they were.
    pub(super) fn contrast(&self, incident: &Incident) -> Section {
        let mut found: Vec<(f64, Share, Share, Vec<String>)> = Vec::new();
        for (kind, shares) in self.values(incident) {
            let mut all = Share::default();
            for row in shares.rows.values() {
                all.requests += row.requests;
                all.failed += row.failed;
            }
            for (name, row) in shares.rows.iter().filter(|(_, row)| row.failed > 0) {
                let weight = stands_out(row.failed, row.requests, all.failed, all.requests);
                if weight < SIGNIFICANT {
                    continue;
                }
                let name = format!("{} {}", kind.name(), self.value(kind, name));
                // The same requests under another name: an upstream and its authority.
                match found.iter_mut().find(|(_, share, of, _)| share == row && of.failed == all.failed) {
                    Some((.., names)) => names.push(name),
                    None => found.push((weight, *row, all, vec![name])),
                }
            }
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.3.cmp(&b.3)));
        let rows: Vec<_> = found
            .into_iter()
            .take(ROWS)
            .map(|(_, row, all, names)| {
                vec![
                    names.join(" = "),
                    rate(row.failed, all.failed),
                    rate(row.requests, all.requests),
                    format!(
                        "{} ({} of {})",
                        rate(row.failed, row.requests),
                        count(row.failed),
                        count(row.requests)
                    ),
                    match row.requests_before {
                        0 => "–".to_owned(),
                        of => format!(
                            "{} ({} of {})",
                            rate(row.failed_before, of),
                            count(row.failed_before),
                            count(of)
                        ),
                    },
                ]
            })
            .collect();
        let head = vec![
            "more often than chance would have it".to_owned(),
            format!("of the {}s", noun(incident.harm)),
            "of the requests".to_owned(),
            format!("{} during", participle(incident.harm)),
            format!("{} before", participle(incident.harm)),
        ];
        let blocks =
            if rows.is_empty() { Vec::new() } else { vec![Block::Table(Table { head, rows, numbers: 1 })] };
        Section { title: format!("What {}s have in common", noun(incident.harm)), blocks }
    }
}

/// Hit: failures well above what is usual.
fn is_hit(kind: Kind, name: &Text, row: &Share, incident: &Incident) -> bool {
    if kind == Kind::Upstream {
        return incident.counts(Some(&name[..]));
    }
    let usual = incident.baseline_rate() * row.requests as f64;
    row.failed > 0 && row.failed as f64 > usual + 2.0 * usual.sqrt()
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

fn listed(values: &[&(&Text, &Share)], text: impl Fn(&Text, &Share) -> String) -> String {
    let mut names: Vec<String> = values.iter().take(NAMES).map(|(name, row)| text(name, row)).collect();
    if values.len() > NAMES {
        names.push(format!("{} more", values.len() - NAMES));
    }
    if names.is_empty() { "–".to_owned() } else { names.join(", ") }
}
