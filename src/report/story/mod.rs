//! The incident report as a document without a medium: sections of text, tables and charts. Markdown and HTML show the
//! same story; nothing is worked out in them. All strings are plain text, log content included: the medium escapes.

mod causes;
mod contrast;
mod events;
mod figures;
mod hops;
mod impact;

use std::collections::{BTreeMap, BTreeSet};

use super::redact::Redactor;
use super::units::{confidence, count, counted, duration, rate};
use super::{Account, quality};
use crate::aggregate::{Symptom, SymptomKey, Text};
use crate::diagnosis::{Finding, Severity, only_failures, upstream_title};
use crate::incident::{Incident, Window};
use crate::record::time::{rfc3339_ms, rfc3339_s};

pub(super) use figures::{Figure, Heat, Lines, Stack};

/// The document.
pub(super) struct Story {
    pub(super) title: String,
    /// The answer in two or three sentences.
    pub(super) lead: Vec<String>,
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
    pub(super) head: Vec<&'static str>,
    pub(super) rows: Vec<Vec<String>>,
    pub(super) numbers: usize,
}

/// A piece of a sentence.
pub(super) enum Span<'t> {
    Text(&'t str),
    Code(&'t str),
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
}

/// Tells the story.
pub(super) fn tell(account: &Account<'_>) -> Story {
    let redact = Redactor::of(account.hide, account.report.summary);
    let incident = account.incidents.first();
    let window = incident.map(|i| Window::of(i, account.report.summary, account.detail));
    Teller { account, redact: &redact, incident, window }.story()
}

impl Teller<'_, '_> {
    fn story(&self) -> Story {
        let mut sections = vec![self.overview()];
        if let Some(incident) = self.incident {
            sections.push(self.events(incident));
            sections.push(self.impact(incident));
            sections.push(self.radius(incident));
            sections.push(self.contrast(incident));
        }
        sections.push(self.hops());
        sections.push(self.causes());
        sections.push(self.exemplars());
        sections.push(self.others());
        sections.push(self.data());
        sections.push(self.follow_up());
        sections.retain(|section| !section.blocks.is_empty());
        Story { title: self.title(), lead: self.lead(), sections }
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
        let failed = self.account.report.summary.symptoms.iter().filter(|(key, _)| key.outcome.failed());
        failed
            .filter(|(key, _)| incident.hit(key.upstream.as_deref()))
            .map(|(key, symptom)| (key, symptom, incident.count_of(symptom)))
            .filter(|(.., n)| *n > 0)
            .collect()
    }

    /// Without an upstream (the log does not name it, or no route matched) the authority says what was called.
    fn name(&self, upstream: Option<&[u8]>) -> String {
        if let Some(name) = upstream {
            return upstream_title(name);
        }
        let Some(incident) = self.incident else { return NAMELESS.to_owned() };
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
            _ => NAMELESS.to_owned(),
        }
    }

    fn place(&self, incident: &Incident) -> String {
        match &incident.upstreams[..] {
            [one] => self.name(one.as_deref()),
            [] => "this proxy".to_owned(),
            several => format!(
                "{} and {}",
                self.name(several[0].as_deref()),
                counted(several.len() as u64 - 1, "more upstream")
            ),
        }
    }

    fn title(&self) -> String {
        let Some(incident) = self.incident else {
            return match (self.findings().first(), self.account.report.summary.counts.failed()) {
                (Some(first), _) => format!("{}: {}", first.scope.title(), first.title),
                (None, 0) => "No request failed".to_owned(),
                _ => "No incident stands out".to_owned(),
            };
        };
        let cause = self.findings().first().map_or("requests fail".to_owned(), |f| f.title.clone());
        format!("{}: {cause}, {}", self.place(incident), period(incident))
    }

    fn lead(&self) -> Vec<String> {
        let summary = self.account.report.summary;
        let counts = summary.counts;
        let Some(incident) = self.incident else {
            let mut out = vec![format!(
                "{} of {} failed ({}); at no time did notably more fail than at others.",
                count(counts.failed()),
                counted(counts.requests(), "request"),
                rate(counts.failed(), counts.requests())
            )];
            out.extend(self.findings().first().map(|first| self.likely(first)));
            return out;
        };
        let mut out = Vec::new();
        let share = match only_failures(summary) {
            true => String::new(),
            false => format!(" ({})", rate(incident.failed, incident.requests)),
        };
        out.push(format!(
            "{} of {} to {} failed{share} within {}{}.",
            count(incident.failed),
            counted(incident.requests, "request"),
            self.place(incident),
            length(incident),
            if incident.ongoing { ", and it was still going on when the log ended" } else { "" }
        ));
        if let Some(first) = self.findings().first() {
            out.push(self.likely(first));
        }
        let elsewhere = counts.failed().saturating_sub(incident.failed);
        out.push(format!(
            "{} of all {} in the log are of this incident{}.",
            rate(incident.failed, counts.failed()),
            counted(counts.failed(), "failure"),
            if elsewhere == 0 { "" } else { "; the rest is elsewhere or background" }
        ));
        out
    }

    fn likely(&self, finding: &Finding) -> String {
        let cause = self.redact.prose(&finding.likely_cause);
        format!("Likely cause: {}, {} sure. {cause}", finding.title, confidence(finding.confidence))
    }

    fn overview(&self) -> Section {
        let mut blocks = Vec::new();
        if let Some(window) = &self.window {
            blocks.push(Block::Table(impact::around(window, only_failures(self.account.report.summary))));
        }
        blocks.extend(self.figures().into_iter().map(Block::Figure));
        Section { title: String::new(), blocks }
    }

    fn others(&self) -> Section {
        let rows: Vec<Vec<String>> = self
            .account
            .incidents
            .iter()
            .skip(1)
            .take(self.account.report.view.top)
            .map(|i| {
                vec![period(i), self.place(i), count(i.failed), count(i.requests), rate(i.failed, i.requests)]
            })
            .collect();
        let hidden = self.account.incidents.len().saturating_sub(rows.len() + 1);
        let mut blocks = Vec::new();
        if !rows.is_empty() {
            let head = vec!["when", "upstream", "failed", "requests", "rate"];
            blocks.push(Block::Table(Table { head, rows, numbers: 2 }));
        }
        if hidden > 0 {
            blocks.push(Block::Text(format!("{} more in the JSON report.", count(hidden as u64))));
        }
        Section { title: "Other incidents in this log".to_owned(), blocks }
    }

    fn data(&self) -> Section {
        let report = &self.account.report;
        let lines = &report.summary.lines;
        let formats: Vec<String> =
            lines.formats.iter().map(|(name, n)| format!("{name} ({})", count(*n))).collect();
        let mut items = vec![format!(
            "{} read: {} access, {} of the proxy's own log, {} not understood, {} others",
            counted(lines.total, "line"),
            count(lines.access),
            count(lines.proxy),
            count(lines.rejected),
            count(lines.other)
        )];
        if !formats.is_empty() {
            items.push(format!("formats: {}", formats.join(", ")));
        }
        if let (Some(first), Some(last)) = (report.summary.span.first_us, report.summary.span.last_us) {
            let ms = (last - first).unsigned_abs() / 1000;
            items.push(format!("from {} to {} ({})", rfc3339_ms(first), rfc3339_ms(last), duration(ms)));
        }
        if let Some(incident) = self.incident {
            items.push(format!(
                "times are those of the start of requests, in UTC; onset and end are known to {}",
                duration(incident.resolution_s.unsigned_abs() * 1000)
            ));
        }
        items.extend(report.sources.iter().take(10).map(|s| format!("input: {} ({})", s.name, s.container)));
        items.extend(quality::rejects(report.summary).map(|(text, advice)| format!("{text}; {advice}")));
        items.extend(report.failures.iter().cloned());
        items.extend(report.all_warnings());
        Section { title: "The data".to_owned(), blocks: vec![Block::Items(items)] }
    }

    fn follow_up(&self) -> Section {
        let mut tasks = Vec::new();
        if let Some(incident) = self.incident {
            let onset = clock(incident.onset_us);
            tasks.push(match incident.began_before {
                true => format!(
                    "Find the logs before {onset}: it had begun when this log starts, so the trigger is not in it"
                ),
                false => format!("What changed shortly before {onset}? (rollout, configuration, node, certificate)"),
            });
            tasks.push(format!(
                "When was it noticed, and by whom or which alert? The first failures are of {onset}"
            ));
            tasks.push(match incident.end_us() {
                Some(end) => {
                    format!("What ended it at {}? Was it a repair, or did it heal by itself?", clock(end))
                }
                None => "It was still going on at the end of the log: is it now?".to_owned(),
            });
        }
        let mut seen = BTreeSet::new();
        for finding in self.findings().into_iter().take(3) {
            let first = finding.fix.iter().find(|fix| !fix.text.is_empty());
            tasks.extend(
                first
                    .filter(|fix| seen.insert(fix.text.clone()))
                    .map(|fix| format!("Fix: {}", self.redact.prose(&fix.text))),
            );
        }
        if self.account.report.summary.lines.without_flags > 0 {
            tasks
                .push("Log response flags and details: without them causes are told by code only".to_owned());
        }
        Section {
            title: "To follow up".to_owned(),
            blocks: if tasks.is_empty() { Vec::new() } else { vec![Block::Tasks(tasks)] },
        }
    }
}

const NAMELESS: &str = "requests without an upstream";

/// Findings that tell of the incident; notes only when there is nothing else.
pub(super) fn telling<'f>(findings: &'f [Finding], incident: &Incident) -> Vec<&'f Finding> {
    let all: Vec<&Finding> = findings.iter().filter(|f| tells_of(f, incident)).collect();
    let serious: Vec<&Finding> = all.iter().copied().filter(|f| f.severity > Severity::Note).collect();
    if serious.is_empty() { all } else { serious }
}

/// True when a finding is about the incident: about one of its upstreams, and seen during it.
fn tells_of(finding: &Finding, incident: &Incident) -> bool {
    let scope = &finding.scope;
    let here = incident.hit(scope.upstream.as_deref())
        || scope.upstreams.iter().any(|name| incident.hit(Some(&name[..])));
    let then = match (finding.span.first_us, finding.span.last_us) {
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
fn period(incident: &Incident) -> String {
    let text = |us| rfc3339_s(us).replace('T', " ");
    let (onset, last) = (text(incident.onset_us), text(incident.last_us));
    let onset = if incident.began_before { format!("before {onset}") } else { onset };
    let day = last.get(..11).unwrap_or_default();
    let last = if onset.contains(day) { last.replace(day, "") } else { last };
    if incident.ongoing { format!("{onset} – still going on") } else { format!("{onset} – {last}") }
}

fn length(incident: &Incident) -> String {
    duration((incident.last_us - incident.onset_us).unsigned_abs() / 1000)
}

/// Rows of names and counts, the largest first, at most `top`, and a row for the rest.
fn ranked(mut counts: Vec<(String, u64)>, total: u64, top: usize) -> Vec<Vec<String>> {
    counts.retain(|(_, n)| *n > 0);
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let rest: u64 = counts.iter().skip(top).map(|(_, n)| n).sum();
    let more = counts.len().saturating_sub(top);
    let row = |name: String, n: u64| vec![name, count(n), rate(n, total)];
    let mut rows: Vec<_> = counts.into_iter().take(top).map(|(name, n)| row(name, n)).collect();
    if more > 0 {
        rows.push(row(format!("{more} more"), rest));
    }
    rows
}

fn text_of(name: &Text) -> String {
    super::escape::utf8(name).into_owned()
}
