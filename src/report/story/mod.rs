//! The incident report as a document without a medium: sections of text, tables and charts. Markdown and HTML show the
//! same story; nothing is worked out in them. All strings are plain text, log content included: the medium escapes.

mod causes;
mod contrast;
mod events;
mod figures;
mod hops;
mod impact;
mod shares;

use std::collections::{BTreeMap, BTreeSet};

use super::redact::{Hide, Redactor};
use super::units::{confidence, count, counted, duration, rate};
use super::{Account, Report, quality};
use crate::aggregate::{Counts, Detail, Latency, Symptom, SymptomKey, Text, Upstream};
use crate::arrange::Arrange;
use crate::diagnosis::{Catalog, Class, Finding, Severity, only_failures, upstream_title};
use crate::incident::{Harm, Incident, Window};
use crate::record::time::{rfc3339_ms, rfc3339_s};
use crate::words::Lang;

pub(super) use figures::{Figure, Heat, Lines, Stack};
pub(super) use shares::{KINDS, Kind};

/// The document.
pub(super) struct Story {
    pub(super) lang: Lang,
    pub(super) title: String,
    /// The answer in two or three sentences.
    pub(super) lead: Vec<String>,
    /// The same in figures, for those who only glance: what, and how much.
    pub(super) key: Vec<(&'static str, String)>,
    pub(super) sections: Vec<Section>,
}

/// A part with a heading; the first has none.
pub(super) struct Section {
    pub(super) title: String,
    pub(super) blocks: Vec<Block>,
}

/// What a section is made of.
pub(super) enum Block {
    Text(String),
    /// A heading within the section.
    Head(String),
    Table(Table),
    /// Something to be pasted or compared byte for byte.
    Code(String),
    Items(Vec<String>),
    /// Things to tick off.
    Tasks(Vec<String>),
    Figure(Figure),
}

/// Rows of text; columns from `numbers` on are aligned to the right.
pub(super) struct Table {
    pub(super) head: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
    pub(super) numbers: usize,
}

/// A piece of a sentence.
pub(super) enum Span<'t> {
    Text(&'t str),
    Code(&'t str),
}

impl Table {
    /// A table with fixed column heads.
    pub(super) fn new<const N: usize>(head: [&str; N], rows: Vec<Vec<String>>, numbers: usize) -> Table {
        Table { head: head.map(str::to_owned).into(), rows, numbers }
    }
}

/// The pieces of a sentence: what stands between backticks is code.
pub(super) fn spans(text: &str) -> Vec<Span<'_>> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((before, (code, after))) =
        rest.split_once('`').and_then(|(before, tail)| Some((before, tail.split_once('`')?)))
    {
        out.push(Span::Text(before));
        // Two backticks with nothing between them are no code.
        out.push(if code.is_empty() { Span::Text("``") } else { Span::Code(code) });
        rest = after;
    }
    out.push(Span::Text(rest));
    out
}

/// The story of the most important incident.
struct Teller<'t, 'r> {
    account: &'t Account<'r>,
    redact: &'t Redactor,
    /// `None`: nothing stands out.
    incident: Option<&'t Incident>,
    window: Option<Window>,
    /// Incidents were looked for.
    searched: bool,
}

/// Tells the story of a triage: causes and counts, without a search for incidents.
pub(super) fn tell_triage(report: &Report<'_>) -> Story {
    let hide = Hide { secrets: true, ..Hide::default() };
    let detail = Detail::default();
    let account = Account { report: *report, incidents: &[], detail: &detail, slo_percent: None, hide };
    let redact = Redactor::of(hide, report.summary);
    Teller { account: &account, redact: &redact, incident: None, window: None, searched: false }.story()
}

/// Tells the story.
pub(super) fn tell(account: &Account<'_>) -> Story {
    let redact = Redactor::of(account.hide, account.report.summary);
    let incident = account.incidents.first();
    let window = incident.map(|i| Window::of(i, account.report.summary, account.detail));
    Teller { account, redact: &redact, incident, window, searched: true }.story()
}

impl Teller<'_, '_> {
    fn story(&self) -> Story {
        let mut sections = vec![self.overview()];
        if let Some(incident) = self.incident {
            sections.push(self.events(incident));
            sections.push(self.impact(incident));
            sections.push(self.radius(incident));
            sections.push(self.contrast(incident));
        } else {
            sections.push(self.upstreams());
        }
        sections.push(self.hops());
        sections.push(self.causes());
        sections.push(self.exemplars());
        sections.push(self.others());
        sections.push(self.data());
        sections.push(self.follow_up());
        sections.retain(|section| !section.blocks.is_empty());
        let (title, lead, key) = (self.title(), self.lead(), self.key());
        Story { lang: self.lang(), title, lead, key, sections }
    }

    fn lang(&self) -> Lang {
        self.account.report.view.lang
    }

    /// Findings that tell of the incident, or all when there is none.
    fn findings(&self) -> Vec<&Finding> {
        let all = &self.account.report.findings;
        match self.incident {
            Some(incident) => telling(all, incident),
            None => all.iter().filter(|f| f.severity > Severity::Note).collect(),
        }
    }

    /// The failures of the incident, kind by kind.
    fn failures(&self, incident: &Incident) -> Vec<(&SymptomKey, &Symptom, u64)> {
        let hit =
            self.account.report.summary.symptoms.iter().filter(|(key, _)| incident.harm.is(key.outcome));
        hit.filter(|(key, _)| incident.counts(key.upstream.as_deref()))
            .map(|(key, symptom)| (key, symptom, incident.count_of(symptom)))
            .filter(|(.., n)| *n > 0)
            .collect()
    }

    /// Without an upstream (the log does not name it, or no route matched) the authority says what was called.
    fn name(&self, upstream: Option<&[u8]>) -> String {
        if let Some(name) = upstream {
            return upstream_title(name, self.lang());
        }
        let nameless = self.lang().pick("requests without an upstream", "没有上游的请求");
        let Some(incident) = self.incident else { return nameless.to_owned() };
        let mut sums: BTreeMap<&Text, u64> = BTreeMap::new();
        let (mut all, failed) = (0, self.failures(incident));
        for (key, _, n) in failed.iter().filter(|(key, ..)| key.upstream.is_none()) {
            all += n;
            if let Some(authority) = &key.authority {
                *sums.entry(authority).or_default() += n;
            }
        }
        match sums.into_iter().max_by_key(|(_, n)| *n) {
            // What four of five failures name is the one.
            Some((authority, n)) if n * 5 >= all * 4 => self.redact.authority(authority),
            _ => nameless.to_owned(),
        }
    }

    fn place(&self, incident: &Incident) -> String {
        let lang = self.lang();
        match &incident.upstreams[..] {
            [one] => self.name(one.as_deref()),
            [] => lang.pick("this proxy", "本代理").to_owned(),
            several => {
                let (first, all) = (self.name(several[0].as_deref()), several.len());
                let en = counted(all as u64 - 1, "more upstream");
                say!(lang, "{first} and {en}", "{first} 等 {all} 个上游")
            }
        }
    }

    fn title(&self) -> String {
        let lang = self.lang();
        let Some(incident) = self.incident else {
            return match (self.findings().first(), self.account.report.summary.totals().counts.failed()) {
                (Some(first), _) => {
                    format!("{}{}{}", first.scope.title(lang), lang.pick(": ", "："), first.title)
                }
                (None, 0) => lang.pick("No request failed", "没有请求失败").to_owned(),
                (None, n) if !self.searched => {
                    let (en, n) = (counted(n, "request"), count(n));
                    say!(lang, "{en} failed", "{n} 个请求失败")
                }
                _ => lang.pick("No incident stands out", "没有明显的事件").to_owned(),
            };
        };
        let harm = match incident.harm {
            Harm::Failed => lang.pick("requests fail", "请求失败"),
            Harm::Denied => lang.pick("requests are denied", "请求被拒绝"),
        };
        let cause = self.findings().first().map_or(harm.to_owned(), |f| f.title.clone());
        let (place, period) = (self.place(incident), period(incident, lang));
        say!(lang, "{place}: {cause}, {period}", "{place}：{cause}，{period}")
    }

    fn lead(&self) -> Vec<String> {
        let summary = self.account.report.summary;
        let (counts, lang) = (summary.totals().counts, self.lang());
        let Some(incident) = self.incident else {
            let (n, en, all) =
                (count(counts.failed()), counted(counts.requests(), "request"), count(counts.requests()));
            let share = rate(counts.failed(), counts.requests());
            let rest = match self.searched {
                true => lang
                    .pick("; at no time did notably more fail than at others.", "；没有哪段时间明显更多。"),
                false => lang.pick(".", "。"),
            };
            let mut out = vec![say!(
                lang,
                "{n} of {en} failed ({share}){rest}",
                "{all} 个请求中 {n} 个失败（{share}）{rest}"
            )];
            out.extend(self.findings().first().map(|first| self.likely(first)));
            return out;
        };
        let mut out = Vec::new();
        let share = match only_failures(summary) {
            true => String::new(),
            false => lang.aside(&rate(incident.failed, incident.requests)),
        };
        let what = match incident.harm {
            Harm::Failed => lang.pick("failed", "失败"),
            Harm::Denied => lang.pick("were denied by policy", "被策略拒绝"),
        };
        let still = match incident.ongoing {
            true => lang.pick(", and it was still going on when the log ended", "，日志结束时仍在持续"),
            false => "",
        };
        let (n, en, all) =
            (count(incident.failed), counted(incident.requests, "request"), count(incident.requests));
        let (place, length) = (self.place(incident), length(incident));
        out.push(say!(
            lang,
            "{n} of {en} to {place} {what}{share} within {length}{still}.",
            "{length} 内，到 {place} 的 {all} 个请求中有 {n} 个{what}{share}{still}。"
        ));
        if let Some(first) = self.findings().first() {
            out.push(self.likely(first));
        }
        // An incident counts lines, so its share is one of lines.
        let lines = incident.harm.count(summary.counts);
        let elsewhere = lines.saturating_sub(incident.failed);
        let (noun, all) = (impact::noun(incident.harm, lang), incident.harm.count(counts));
        let (share, en, all) = (rate(incident.failed, lines), counted(all, noun), count(all));
        let rest = match elsewhere {
            0 => "",
            _ => lang.pick("; the rest is elsewhere or background", "；其余在别处或属于背景噪声"),
        };
        out.push(say!(
            lang,
            "{share} of all {en} in the log are of this incident{rest}.",
            "日志中全部 {all} 个{noun}的 {share} 属于本次事件{rest}。"
        ));
        out
    }

    fn key(&self) -> Vec<(&'static str, String)> {
        let (counts, lang) = (self.account.report.summary.totals().counts, self.lang());
        let mut out = Vec::new();
        match (self.incident, &self.window) {
            (Some(incident), Some(window)) => {
                out.push((impact::participle(incident.harm, lang), rate(incident.failed, incident.requests)));
                let usual = rate(incident.baseline_failed, incident.baseline_requests);
                out.push((lang.pick("usually", "平时"), usual));
                out.push((lang.pick("requests hit", "受影响请求"), count(incident.failed)));
                let time = match incident.ongoing {
                    true => lang.pick("for, so far", "已持续"),
                    false => lang.pick("for", "持续"),
                };
                out.push((time, length(incident)));
                let (before, during) = (&window.hit.before.latency, &window.hit.during.latency);
                if before.count() > 0 && during.count() > 0 {
                    let p99 = |latency: &Latency| duration(latency.quantile_ms(990));
                    let moved = format!("{} → {}", p99(before), p99(during));
                    out.push((lang.pick("latency p99", "延迟 p99"), moved));
                }
            }
            _ => {
                out.push((lang.pick("requests", "请求"), count(counts.requests())));
                out.push((lang.pick("failed", "失败率"), rate(counts.failed(), counts.requests())));
            }
        }
        let sure = lang.pick("sure of the cause", "原因置信度");
        out.extend(self.findings().first().map(|first| (sure, confidence(first.confidence))));
        out
    }

    fn likely(&self, finding: &Finding) -> String {
        let cause = self.redact.prose(&finding.likely_cause);
        let (title, sure) = (&finding.title, confidence(finding.confidence));
        say!(
            self.lang(),
            "Likely cause: {title}, {sure} sure. {cause}",
            "可能的原因：{title}，置信度 {sure}。{cause}"
        )
    }

    fn overview(&self) -> Section {
        let mut blocks = Vec::new();
        if let (Some(incident), Some(window)) = (self.incident, &self.window) {
            let one_sided = only_failures(self.account.report.summary);
            blocks.push(Block::Table(impact::around(
                self.place(incident),
                &window.hit,
                incident.harm,
                one_sided,
                self.lang(),
            )));
        }
        blocks.extend(self.figures().into_iter().map(Block::Figure));
        Section { title: String::new(), blocks }
    }

    /// All upstreams, most failures first.
    fn upstreams(&self) -> Section {
        let lang = self.lang();
        let summary = self.account.report.summary;
        let mut all: Vec<_> = summary.upstreams.iter().collect();
        let size = |u: &Upstream| (u.counts.failed(), u.counts.requests());
        all.arrange_by(|a, b| size(b.1).cmp(&size(a.1)).then(a.0.cmp(b.0)));
        let top = self.account.report.view.top;
        let row = |name: String, u: &Upstream, counts: Counts| {
            let flags = u.flags.ranked().into_iter().take(FLAGS);
            let flags: Vec<String> =
                flags.map(|(flag, n)| format!("{} {}", count(n), text_of(flag))).collect();
            let quantile = |permille| match u.latency.count() {
                0 => "–".to_owned(),
                _ => duration(u.latency.quantile_ms(permille)),
            };
            let (failed, requests) = (counts.failed(), counts.requests());
            let flags = if flags.is_empty() { "–".to_owned() } else { flags.join(lang.comma()) };
            vec![
                name,
                flags,
                count(requests),
                count(failed),
                rate(failed, requests),
                quantile(500),
                quantile(990),
            ]
        };
        let mut rows: Vec<_> =
            all.iter().take(top).map(|(name, u)| row(self.name(Some(name)), u, u.counts)).collect();
        if summary.no_upstream.counts.requests() > 0 {
            let nameless = lang.pick("requests without an upstream", "没有上游的请求");
            rows.push(row(nameless.to_owned(), &summary.no_upstream, summary.no_upstream_once().0));
        }
        let mut blocks = Vec::new();
        if !rows.is_empty() {
            let head = lang.pick(
                ["upstream", "response flags", "requests", "failed", "rate", "p50", "p99"],
                ["上游", "响应标志", "请求", "失败", "失败率", "p50", "p99"],
            );
            blocks.push(Block::Table(Table::new(head, rows, 2)));
        }
        if all.len() > top {
            let more = all.len() - top;
            let en = counted(more as u64, "upstream");
            blocks.push(Block::Text(say!(lang, "{en} more.", "另有 {more} 个上游。")));
        }
        Section { title: lang.pick("Upstreams", "上游").to_owned(), blocks }
    }

    fn others(&self) -> Section {
        let lang = self.lang();
        let rows: Vec<Vec<String>> = self
            .account
            .incidents
            .iter()
            .skip(1)
            .take(self.account.report.view.top)
            .map(|i| {
                let what = impact::participle(i.harm, lang).to_owned();
                vec![
                    period(i, lang),
                    self.place(i),
                    what,
                    count(i.failed),
                    count(i.requests),
                    rate(i.failed, i.requests),
                ]
            })
            .collect();
        let hidden = self.account.incidents.len().saturating_sub(rows.len() + 1);
        let mut blocks = Vec::new();
        if !rows.is_empty() {
            let head = lang.pick(
                ["when", "upstream", "what", "hit", "of requests", "rate"],
                ["时间", "上游", "结果", "受影响", "请求总数", "比例"],
            );
            blocks.push(Block::Table(Table::new(head, rows, 3)));
        }
        if hidden > 0 {
            let more = count(hidden as u64);
            blocks.push(Block::Text(say!(
                lang,
                "{more} more in the JSON report.",
                "其余 {more} 个见 JSON 报告。"
            )));
        }
        blocks.extend(self.rhythm().map(Block::Text));
        Section {
            title: lang.pick("Other incidents in this log", "本日志中的其他事件").to_owned(), blocks
        }
    }

    /// Incidents that come at even intervals hint at something scheduled.
    fn rhythm(&self) -> Option<String> {
        let first = self.incident?;
        let alike = self.account.incidents.iter().filter(|i| i.upstreams.first() == first.upstreams.first());
        let mut onsets: Vec<i64> = alike.map(|i| i.began_us).collect();
        onsets.arrange();
        let mut gaps: Vec<i64> = onsets.windows(2).map(|pair| pair[1] - pair[0]).collect();
        gaps.arrange();
        let (least, usual, most) = (gaps.first()?, gaps.get(gaps.len() / 2)?, gaps.last()?);
        let even = gaps.len() >= RHYTHM && (most - least) * 5 <= *usual;
        even.then(|| {
            let (en, n) = (counted(onsets.len() as u64, "incident"), onsets.len());
            let every = duration(usual.unsigned_abs() / 1_000_000 * 1000);
            say!(
                self.lang(),
                "{en} begin about every {every}: is something scheduled then? (a job, a rotation, a probe)",
                "{n} 个事件大约每隔 {every} 开始一次：那时是否有定时任务？（作业、轮换、探测）"
            )
        })
    }

    fn data(&self) -> Section {
        let report = &self.account.report;
        let (lines, lang) = (&report.summary.lines, self.lang());
        let formats: Vec<String> =
            lines.formats.iter().map(|(name, n)| format!("{name}{}", lang.aside(&count(*n)))).collect();
        let (en, all, access) = (counted(lines.total, "line"), count(lines.total), count(lines.access));
        let (proxy, rejected, other) = (count(lines.proxy), count(lines.rejected), count(lines.other));
        let mut items = vec![say!(
            lang,
            "{en} read: {access} access, {proxy} of the proxy's own log, {rejected} not understood, {other} others",
            "读取 {all} 行：{access} 行访问日志，{proxy} 行代理自身日志，{rejected} 行无法解析，{other} 行其他内容"
        )];
        if !formats.is_empty() {
            let formats = formats.join(lang.comma());
            items.push(say!(lang, "formats: {formats}", "格式：{formats}"));
        }
        if let Some((first, last)) = report.summary.span.ends_us() {
            let time = duration((last - first).unsigned_abs() / 1000);
            let (first, last) = (rfc3339_ms(first), rfc3339_ms(last));
            items.push(say!(lang, "from {first} to {last} ({time})", "从 {first} 到 {last}（{time}）"));
        }
        if let Some(incident) = self.incident {
            let exact = duration(incident.resolution_s.unsigned_abs() * 1000);
            items.push(say!(
                lang,
                "times are those of the start of requests, in UTC; onset and end are known to {exact}",
                "时间为请求的开始时间（UTC）；开始与结束精确到 {exact}"
            ));
        }
        items.extend(report.sources.iter().take(10).map(|s| {
            let (name, container) = (&s.name, s.container);
            say!(lang, "input: {name} ({container})", "输入：{name}（{container}）")
        }));
        let semicolon = lang.semicolon();
        items.extend(
            quality::rejects(report.summary, lang).map(|(text, advice)| format!("{text}{semicolon}{advice}")),
        );
        items.extend(report.failures.iter().cloned());
        items.extend(report.all_warnings());
        Section { title: lang.pick("The data", "数据").to_owned(), blocks: vec![Block::Items(items)] }
    }

    fn follow_up(&self) -> Section {
        let lang = self.lang();
        let mut tasks = Vec::new();
        if let Some(incident) = self.incident {
            let onset = clock(incident.began_us);
            tasks.push(match incident.began_before {
                true => say!(
                    lang,
                    "Find the logs before {onset}: it had begun when this log starts, so the trigger is not in it",
                    "找到 {onset} 之前的日志：日志开始时已经发生，因此其中没有诱因"
                ),
                false => say!(
                    lang,
                    "What changed shortly before {onset}? (rollout, configuration, node, certificate)",
                    "{onset} 之前不久改动了什么？（发布、配置、节点、证书）"
                ),
            });
            tasks.push(say!(
                lang,
                "When was it noticed, and by whom or which alert? The first failures are of {onset}",
                "何时被发现，由谁或哪个告警发现？最早的失败在 {onset}"
            ));
            tasks.push(match incident.end_us().map(clock) {
                Some(end) => say!(
                    lang,
                    "What ended it at {end}? Was it a repair, or did it heal by itself?",
                    "它在 {end} 因何结束？是修复，还是自行恢复？"
                ),
                None => say!(
                    lang,
                    "It was still going on at the end of the log: is it now?",
                    "日志结束时仍在持续：现在呢？"
                ),
            });
        }
        let mut seen = BTreeSet::new();
        for finding in self.findings().into_iter().take(3) {
            let first = finding.fix.iter().find(|fix| !fix.text.is_empty());
            tasks.extend(
                first
                    .filter(|fix| seen.insert(fix.text.clone()))
                    .map(|fix| self.redact.prose(&fix.text))
                    .map(|fix| say!(lang, "Fix: {fix}", "修复：{fix}")),
            );
        }
        if self.account.report.summary.lines.without_flags > 0 {
            tasks.push(say!(
                lang,
                "Log response flags and details: without them causes are told by code only",
                "在日志中记录响应标志和响应码详情：没有它们只能凭状态码判断原因"
            ));
        }
        Section {
            title: lang.pick("To follow up", "后续跟进").to_owned(),
            blocks: if tasks.is_empty() { Vec::new() } else { vec![Block::Tasks(tasks)] },
        }
    }
}

/// Response flags named of an upstream.
const FLAGS: usize = 4;
/// Even gaps that make a rhythm.
const RHYTHM: usize = 3;

/// Findings that tell of the incident; notes only when there is nothing else.
pub(super) fn telling<'f>(findings: &'f [Finding], incident: &Incident) -> Vec<&'f Finding> {
    let mine = findings.iter().filter(|f| tells_of(f, incident));
    // A background that goes on all the time is not what the incident is about.
    let (mut all, background): (Vec<_>, Vec<_>) =
        mine.partition(|f| inside(f, incident) * 5 >= incident.failed);
    all.extend(background);
    let serious: Vec<&Finding> = all.iter().copied().filter(|f| f.severity > Severity::Note).collect();
    if serious.is_empty() { all } else { serious }
}

/// Records of a finding that are likely within the incident, as if they were spread evenly over its time.
fn inside(finding: &Finding, incident: &Incident) -> u64 {
    let Some((first, last)) = finding.span.ends_us() else {
        return finding.requests;
    };
    let common = (last.min(incident.last_us) - first.max(incident.onset_us)).max(0) as u128 + 1;
    let all = (last - first).max(0) as u128 + 1;
    u64::try_from(u128::from(finding.requests) * common / all).unwrap_or(u64::MAX)
}

/// True when it should be told: what policies refuse is their work, until the diagnosis says that it matters.
pub fn matters(findings: &[Finding], incident: &Incident) -> bool {
    incident.harm == Harm::Failed || telling(findings, incident).iter().any(|f| f.severity > Severity::Note)
}

/// True when a finding is about the incident: about one of its upstreams, and seen during it.
fn tells_of(finding: &Finding, incident: &Incident) -> bool {
    let scope = &finding.scope;
    let policy = || Catalog::built_in().page(&finding.id).is_some_and(|page| page.head.class == Class::S4);
    if incident.harm == Harm::Denied && !policy() {
        return false;
    }
    let here = incident.hit(scope.upstream.as_deref())
        || scope.upstreams.iter().any(|name| incident.hit(Some(&name[..])));
    let then = match (finding.span.first_us(), finding.span.last_us()) {
        (Some(first), Some(last)) => first <= incident.last_us && last >= incident.onset_us,
        _ => true,
    };
    here && then
}

/// `10:05:03Z`, with the day when it is needed to tell.
fn clock(us: i64) -> String {
    let text = rfc3339_ms(us);
    text.split_once('T').map_or(text.clone(), |(_, clock)| clock.to_owned())
}

/// `2026-11-22 14:06:09Z – 14:06:29Z`.
fn period(incident: &Incident, lang: Lang) -> String {
    let text = |us| rfc3339_s(us).replace('T', " ");
    let (onset, last) = (text(incident.began_us), text(incident.over_us));
    let day = last.get(..11).unwrap_or_default();
    let last = if onset.contains(day) { last.replace(day, "") } else { last };
    let onset = match incident.began_before {
        true => say!(lang, "before {onset}", "{onset} 之前"),
        false => onset,
    };
    match incident.ongoing {
        true => say!(lang, "{onset} – still going on", "{onset} – 仍在持续"),
        false => format!("{onset} – {last}"),
    }
}

fn length(incident: &Incident) -> String {
    duration((incident.over_us - incident.began_us).unsigned_abs() / 1000)
}

fn text_of(name: &Text) -> String {
    super::escape::utf8(name).into_owned()
}
