//! How much was hit: before, during and after; shares by upstream, route, path and caller; the error budget.

use super::super::units::{count, counted, duration, rate};
use super::shares::{KINDS, Kind};
use super::{Block, Section, Table, Teller};
use crate::incident::{Around, Harm, Incident, Load, distinct_ids};
use crate::words::Lang;

/// Rows of each kind.
const ROWS: usize = 5;

/// What is said of requests that were hit.
pub(super) fn participle(harm: Harm, lang: Lang) -> &'static str {
    match harm {
        Harm::Failed => lang.pick("failed", "失败"),
        Harm::Denied => lang.pick("denied", "被拒绝"),
    }
}

/// `failure`, `denial`.
pub(super) fn noun(harm: Harm, lang: Lang) -> &'static str {
    match harm {
        Harm::Failed => lang.pick("failure", "失败"),
        Harm::Denied => lang.pick("denial", "拒绝"),
    }
}

/// Before, during and after, side by side.
pub(super) fn around(name: String, around: &Around, harm: Harm, only_failures: bool, lang: Lang) -> Table {
    let names = lang.pick(["before", "during", "after"], ["之前", "期间", "之后"]);
    let sides = names.into_iter().zip([&around.before, &around.during, &around.after]);
    let sides: Vec<_> = sides.filter(|(_, load)| load.requests > 0).collect();
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
        row(lang.pick("requests", "请求"), &|load| count(load.requests)),
        row(lang.pick("requests a minute", "每分钟请求"), &|load| {
            let minutes = load.us as f64 / 60_000_000.0;
            count((load.requests as f64 / minutes.max(1.0 / 60.0)).round() as u64)
        }),
        row(participle(harm, lang), &|load| count(load.failed)),
    ];
    if !only_failures {
        let what = participle(harm, lang);
        let share = say!(lang, "{what}, share", "{what}比例");
        rows.push(row(&share, &|load| rate(load.failed, load.requests)));
    }
    let latency = lang.pick("latency", "延迟");
    for (name, permille) in [("p50", 500), ("p90", 900), ("p99", 990)] {
        rows.push(row(&format!("{latency} {name}"), &|load| quantile(load, permille)));
    }
    let mut head = vec![name];
    head.extend(sides.iter().map(|(name, _)| (*name).to_owned()));
    Table { head, rows, numbers: 1 }
}

impl Teller<'_, '_> {
    pub(super) fn impact(&self, incident: &Incident) -> Section {
        let lang = self.lang();
        let mut rows = Vec::new();
        for kind in KINDS.into_iter().filter(|kind| *kind != Kind::Host) {
            let shares = kind.shares(incident, self.account.detail, true);
            let all = shares.failed();
            for (name, n) in all.iter().take(ROWS) {
                let of = shares.rows.get(*name).map_or(*n, |row| row.requests);
                let (share, of) = (rate(*n, of), count(of));
                rows.push(vec![
                    kind.word(lang).to_owned(),
                    self.value(kind, name),
                    count(*n),
                    rate(*n, incident.failed),
                    say!(lang, "{share} of {of}", "{of} 的 {share}"),
                ]);
            }
            let rest: u64 = all.iter().skip(ROWS).map(|(_, n)| n).sum::<u64>() + shares.other_failed;
            if rest > 0 {
                let more = all.len().saturating_sub(ROWS);
                let more = match count(more as u64) {
                    n if more > 0 => say!(lang, "{n} more", "其余 {n} 项"),
                    _ => lang.pick("others", "其他").to_owned(),
                };
                let share = rate(rest, incident.failed);
                rows.push(vec![kind.word(lang).to_owned(), more, count(rest), share, "–".to_owned()]);
            }
        }
        let mut blocks = vec![Block::Items(self.sums(incident))];
        if !rows.is_empty() {
            let (what, noun) = (participle(incident.harm, lang), noun(incident.harm, lang));
            let head = vec![
                lang.pick("what", "类别").to_owned(),
                lang.pick("which", "名称").to_owned(),
                what.to_owned(),
                say!(lang, "of the {noun}s", "占{noun}"),
                lang.pick("of its requests", "占其请求").to_owned(),
            ];
            blocks.push(Block::Table(Table { head, rows, numbers: 2 }));
        }
        Section { title: lang.pick("Impact", "影响").to_owned(), blocks }
    }

    fn sums(&self, incident: &Incident) -> Vec<String> {
        let lang = self.lang();
        let what = participle(incident.harm, lang);
        let (n, en, all) =
            (count(incident.failed), counted(incident.requests, "request"), count(incident.requests));
        let share = rate(incident.failed, incident.requests);
        let (usual, of) = (count(incident.baseline_failed), count(incident.baseline_requests));
        let usually = rate(incident.baseline_failed, incident.baseline_requests);
        let mut out = vec![say!(
            lang,
            "{n} {what} of {en} ({share}); at other times {usual} of {of} ({usually})",
            "{all} 个请求中 {n} 个{what}（{share}）；其他时间 {of} 个中 {usual} 个（{usually}）"
        )];
        if let Some(window) = self.window.as_ref().filter(|_| self.account.report.summary.upstreams.len() > 1)
        {
            let during = &window.all.during;
            let (en, all, n) =
                (counted(during.requests, "request"), count(during.requests), count(during.failed));
            let share = rate(during.failed, during.requests);
            out.push(say!(
                lang,
                "of all {en} to any upstream meanwhile {n} failed ({share})",
                "同一时间到所有上游的 {all} 个请求中 {n} 个失败（{share}）"
            ));
        }
        let callers = Kind::Caller.shares(incident, self.account.detail, true);
        let more = |whole: bool| if whole { "" } else { lang.pick("at least ", "至少 ") };
        let clients = callers.failed().len() as u64;
        if clients > 0 {
            let more = more(callers.other_failed == 0);
            let (en, n, noun) = (counted(clients, "client"), count(clients), noun(incident.harm, lang));
            out.push(say!(
                lang,
                "{more}{en} (by address) saw a {noun}",
                "{more}{n} 个客户端（按地址）遇到{noun}"
            ));
        }
        let (ids, whole) = distinct_ids(&self.account.detail.request_ids, incident);
        if ids > 0 {
            let (more, en, n) = (more(whole), counted(ids, "distinct request id"), count(ids));
            out.push(say!(lang, "{more}{en} among them", "其中不同的请求 ID：{more}{n} 个"));
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
        let lang = self.lang();
        let spent = match spent {
            s if s.is_infinite() => lang.pick("more than all", "超过全部").to_owned(),
            s if s >= 10.0 => say!(lang, "{s:.0} times that", "其 {s:.0} 倍"),
            s => {
                let percent = s * 100.0;
                say!(lang, "{percent:.0} % of that", "其 {percent:.0} %")
            }
        };
        let (en, n) = (counted(requests, "request"), count(requests));
        say!(
            lang,
            "error budget: with an objective of {slo_percent} % the {en} of this log may fail {allowed:.1} times; the \
             incident spent {spent}",
            "错误预算：目标为 {slo_percent} % 时，本日志的 {n} 个请求允许失败 {allowed:.1} 次；本次事件消耗了{spent}"
        )
    }
}
