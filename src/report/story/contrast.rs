//! What was hit and what was not; what stands out among the failures.

use super::super::units::{count, duration, rate};
use super::impact::{noun, participle};
use super::shares::{KINDS, Kind};
use super::{Block, Section, Table, Teller};
use crate::aggregate::Text;
use crate::arrange::Arrange;
use crate::incident::{Incident, Share, Shares};
use crate::words::Lang;

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
        let lang = self.lang();
        let mut rows = Vec::new();
        let values = self.values(incident);
        for (kind, shares) in values.iter().filter(|(kind, _)| *kind != Kind::Path) {
            let mut mine: Vec<(&Text, &Share)> =
                shares.rows.iter().filter(|(_, row)| row.requests > 0).collect();
            mine.arrange_by(|a, b| {
                (b.1.failed, b.1.requests).cmp(&(a.1.failed, a.1.requests)).then(a.0.cmp(b.0))
            });
            let (hit, fine): (Vec<_>, Vec<_>) =
                mine.iter().partition(|(name, row)| is_hit(*kind, name, row, incident));
            let part = |part: u64, of: u64| {
                let (part, of) = (count(part), count(of));
                say!(lang, "{part} of {of}", "{of} 中 {part}")
            };
            let named = |name: &Text, row: &Share| {
                format!("{}{}", self.value(*kind, name), lang.aside(&part(row.failed, row.requests)))
            };
            rows.push(vec![
                kind.word(lang).to_owned(),
                part(hit.len() as u64, mine.len() as u64),
                listed(&hit, lang, named),
                listed(&fine, lang, |name, _| self.value(*kind, name)),
            ]);
        }
        let what = participle(incident.harm, lang);
        let which = say!(lang, "which ({what} of requests meanwhile)", "哪些（期间请求中的{what}数）");
        let [kind, hit, not_hit] = lang.pick(["what", "hit", "not hit"], ["类别", "受影响", "未受影响"]);
        let head = vec![kind.to_owned(), hit.to_owned(), which, not_hit.to_owned()];
        let mut blocks = Vec::new();
        if !rows.is_empty() {
            let width_s = values.iter().map(|(_, shares)| shares.width_s).max().unwrap_or(1);
            blocks.push(Block::Table(Table { head, rows, numbers: 4 }));
            let exact = match duration(width_s.unsigned_abs() * 1000) {
                _ if width_s == 1 => String::new(),
                time => lang.aside(&say!(lang, "requests to {time}", "请求时间精确到 {time}")),
            };
            let noun = noun(incident.harm, lang);
            blocks.push(Block::Text(say!(
                lang,
                "Counted between onset and end{exact}. Hosts are those of the upstreams that were hit. Hit means: more \
                 {noun}s than at the usual rate of these upstreams.",
                "按开始到结束之间统计{exact}。主机是受影响上游的主机。受影响是指：{noun}多于这些上游平时的水平。"
            )));
        }
        Section {
            title: lang.pick("What was hit, and what was not", "受影响与未受影响").to_owned(), blocks
        }
    }

    /// What failures have more often than the requests among which they were.
    pub(super) fn contrast(&self, incident: &Incident) -> Section {
        let lang = self.lang();
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
                let name = format!("{} {}", kind.word(lang), self.value(kind, name));
                // The same requests under another name: an upstream and its authority.
                let same = |(_, share, of, names): &&mut (f64, Share, Share, Vec<String>)| {
                    let own = |name: &String| name.starts_with(kind.name());
                    share == row && of.failed == all.failed && !names.iter().any(own)
                };
                match found.iter_mut().find(same) {
                    Some((.., names)) => names.push(name),
                    None => found.push((weight, *row, all, vec![name])),
                }
            }
        }
        found.arrange_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.3.cmp(&b.3)));
        let share = |part: u64, of: u64| {
            let (rate, part, of) = (rate(part, of), count(part), count(of));
            say!(lang, "{rate} ({part} of {of})", "{rate}（{of} 中 {part}）")
        };
        let rows: Vec<_> = found
            .into_iter()
            .take(ROWS)
            .map(|(_, row, all, names)| {
                vec![
                    names.join(" = "),
                    rate(row.failed, all.failed),
                    rate(row.requests, all.requests),
                    share(row.failed, row.requests),
                    match row.requests_before {
                        0 => "–".to_owned(),
                        of => share(row.failed_before, of),
                    },
                ]
            })
            .collect();
        let (what, noun) = (participle(incident.harm, lang), noun(incident.harm, lang));
        let head = vec![
            lang.pick("more often than chance would have it", "多于偶然").to_owned(),
            say!(lang, "of the {noun}s", "占{noun}"),
            lang.pick("of the requests", "占请求").to_owned(),
            say!(lang, "{what} during", "期间{what}"),
            say!(lang, "{what} before", "之前{what}"),
        ];
        let blocks =
            if rows.is_empty() { Vec::new() } else { vec![Block::Table(Table { head, rows, numbers: 1 })] };
        Section { title: say!(lang, "What {noun}s have in common", "{noun}的共同点"), blocks }
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

fn listed(values: &[&(&Text, &Share)], lang: Lang, text: impl Fn(&Text, &Share) -> String) -> String {
    let mut names: Vec<String> = values.iter().take(NAMES).map(|(name, row)| text(name, row)).collect();
    if values.len() > NAMES {
        let more = values.len() - NAMES;
        names.push(say!(lang, "{more} more", "另有 {more} 项"));
    }
    if names.is_empty() { "–".to_owned() } else { names.join(lang.comma()) }
}
