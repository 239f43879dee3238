//! Findings on the screen: a headline of two lines each, notes in one, and the most important in full.

use std::io;

use unicode_width::UnicodeWidthStr;

use super::text::{Painted, Sheet, Tone, shortened, wrap};
use crate::aggregate::{Exemplar, Span};
use crate::diagnosis::{Finding, Severity};
use crate::record::time::{clock_s, rfc3339_ms};
use crate::report::Report;
use crate::report::escape::terminal;
use crate::report::units::{confidence, count, counted, rate};

/// Findings above a note that are shown with headline; more do not fit a screen.
const HEADLINES: usize = 6;
/// Notes that are shown.
const NOTES: usize = 5;
/// Findings that are shown in full.
const IN_FULL: usize = 3;
/// Where the text of a headline begins.
const INDENT: usize = 10;
/// Where the text of a paragraph begins.
const LABEL: usize = 11;

/// All findings in order, as many as fit; the rest is counted.
pub(super) fn headlines(report: &Report<'_>, sheet: &mut Sheet<'_>) -> io::Result<()> {
    let (notes, serious): (Vec<_>, Vec<_>) =
        report.findings.iter().partition(|f| f.severity == Severity::Note);
    for finding in serious.iter().take(HEADLINES) {
        headline(finding, sheet)?;
    }
    for finding in notes.iter().take(NOTES) {
        note(finding, sheet)?;
    }
    let left: Vec<String> = [(serious.len(), HEADLINES, "finding"), (notes.len(), NOTES, "note")]
        .into_iter()
        .filter(|(all, shown, _)| all > shown)
        .map(|(all, shown, noun)| {
            format!("{} more {noun}{}", all - shown, if all - shown == 1 { "" } else { "s" })
        })
        .collect();
    if !left.is_empty() {
        let text = format!("{:INDENT$}{}: see --output json", "", left.join(" and "));
        sheet.line(&sheet.paint(Tone::Dim, &text))?;
    }
    Ok(())
}

fn headline(finding: &Finding, sheet: &mut Sheet<'_>) -> io::Result<()> {
    let (word, tone) = match finding.severity {
        Severity::Critical => ("CRITICAL", Tone::Critical),
        Severity::Warning => ("WARNING", Tone::Warning),
        Severity::Note => ("note", Tone::Dim),
    };
    let room = (sheet.width - INDENT).max(20);
    let title = wrap(&format!("{}: {}", scope(finding), terminal(finding.title.as_bytes())), room);
    let mut label = format!("{word:<INDENT$}");
    for (i, line) in title.iter().enumerate() {
        let line = shortened(line, room);
        let width = INDENT + line.width();
        let text = format!("{}{}", sheet.paint(tone, &label), sheet.paint(Tone::Strong, &line));
        match i + 1 == title.len() {
            true => sheet.both_ends(&Painted { text, width }, &when(finding), INDENT)?,
            false => sheet.line(&text)?,
        }
        label = " ".repeat(INDENT);
    }
    let what = format!("{:INDENT$}{}{}", "", load(finding), at_host(finding));
    let what = Painted::plain(shortened(&what, sheet.width));
    sheet.both_ends(&what, &format!("{} sure", confidence(finding.confidence)), INDENT)
}

fn note(finding: &Finding, sheet: &mut Sheet<'_>) -> io::Result<()> {
    let title = format!("{}: {}", scope(finding), terminal(finding.title.as_bytes()));
    let (room, load) = (sheet.width - INDENT, load(finding));
    // The share gives way first, then the title; the count stays.
    let load = match load.split_once(" requests (") {
        Some((counts, _)) if title.width() + load.width() + 2 > room => counts.to_owned(),
        _ => load,
    };
    let title = shortened(&title, room.saturating_sub(load.width() + 2).max(20));
    let text = shortened(&format!("{title}; {load}"), room);
    sheet.line(&format!("{}{text}", sheet.paint(Tone::Dim, &format!("{:<INDENT$}", "note"))))
}

fn scope(finding: &Finding) -> String {
    shortened(&terminal(finding.scope.title().as_bytes()), 50)
}

/// `470 of 3,201 requests (14.7 %)`; findings of the proxy's own log stand on lines, not on requests.
fn load(finding: &Finding) -> String {
    match (finding.requests, finding.of) {
        (0, _) => "from the proxy's own log".to_owned(),
        (n, of) if of < n => format!("{} records", count(n)),
        (n, of) => {
            let noun = if of == 1 { "request" } else { "requests" };
            format!("{} of {} {noun} ({})", count(n), count(of), rate(n, of))
        }
    }
}

fn at_host(finding: &Finding) -> String {
    match &finding.scope.host {
        Some(host) => format!(", all on {}", shortened(&terminal(host), 46)),
        None => String::new(),
    }
}

fn when(finding: &Finding) -> String {
    let Span { first_us: Some(first), last_us: Some(last) } = finding.span else { return String::new() };
    match (finding.ongoing, clock_s(first), clock_s(last)) {
        (true, first, _) => format!("since {first}, still going on"),
        (false, first, last) if first == last => format!("at {first}"),
        (false, first, last) => format!("{first} – {last}"),
    }
}

/// The most important findings with their proof and what to do.
pub(super) fn in_full(report: &Report<'_>, sheet: &mut Sheet<'_>) -> io::Result<()> {
    let serious = || report.findings.iter().filter(|f| f.severity > Severity::Note);
    for (number, finding) in serious().take(IN_FULL).enumerate() {
        sheet.blank()?;
        full(report, number + 1, finding, sheet)?;
    }
    match serious().count().saturating_sub(IN_FULL) {
        0 => Ok(()),
        left => {
            let text = format!("{left} more in full: meshwhy --output json");
            sheet.blank()?;
            sheet.line(&sheet.paint(Tone::Dim, &text))
        }
    }
}

fn full(report: &Report<'_>, number: usize, finding: &Finding, sheet: &mut Sheet<'_>) -> io::Result<()> {
    let title = format!("{number}  {} · {}", terminal(finding.title.as_bytes()), scope(finding));
    let title = Painted::plain(shortened(&title, sheet.width));
    let title = Painted { text: sheet.paint(Tone::Strong, &title.text), width: title.width };
    sheet.both_ends(&title, &reference(finding), 3)?;
    paragraph(sheet, "why", &finding.likely_cause)?;
    let facts = |facts: &[crate::diagnosis::Fact]| -> String {
        facts.iter().map(|fact| fact.text.as_str()).collect::<Vec<_>>().join(" · ")
    };
    paragraph(sheet, "for", &facts(&finding.evidence))?;
    paragraph(sheet, "against", &facts(&finding.against))?;
    for (i, rival) in finding.alternatives.iter().enumerate() {
        let also = format!("{} {} ({})", rival.id, confidence(rival.confidence), rival.title);
        paragraph(sheet, if i == 0 { "also" } else { "" }, &also)?;
        if let Some(check) = &rival.check {
            remedy(sheet, "", check)?;
        }
    }
    for (label, remedies) in [("check", &finding.confirm), ("fix", &finding.fix)] {
        for (i, item) in remedies.iter().enumerate() {
            remedy(sheet, if i == 0 { label } else { "" }, item)?;
        }
    }
    lines(report, finding, sheet)?;
    resources(finding, sheet)
}

/// Resources to apply would push the next finding off the screen.
fn resources(finding: &Finding, sheet: &mut Sheet<'_>) -> io::Result<()> {
    let count = finding.fix.iter().filter(|fix| fix.yaml.is_some()).count() as u64;
    if count == 0 {
        return Ok(());
    }
    let text = format!("{} to apply, names filled in: --output json", counted(count, "resource"));
    paragraph(sheet, "yaml", &text)
}

fn reference(finding: &Finding) -> String {
    let id = terminal(finding.id.as_bytes());
    match finding.guide.is_empty() {
        true => id,
        false => format!("{id} · guide {}", terminal(finding.guide.join(", ").as_bytes())),
    }
}

fn paragraph(sheet: &mut Sheet<'_>, label: &str, text: &str) -> io::Result<()> {
    if text.trim().is_empty() {
        return Ok(());
    }
    sheet.labelled(&format!("   {label}"), LABEL, &terminal(text.trim().replace('\n', " ").as_bytes()))
}

/// Commands are never wrapped: they must be pasted as they stand.
fn remedy(sheet: &mut Sheet<'_>, label: &str, item: &crate::diagnosis::Remedy) -> io::Result<()> {
    paragraph(sheet, label, &item.text)?;
    let mut label = if item.text.trim().is_empty() { label } else { "" };
    for line in item.command.iter().flat_map(|block| block.lines()) {
        let head = sheet.paint(Tone::Dim, &format!("   {label:<width$}", width = LABEL - 3));
        sheet.line(&format!("{head}{}", terminal(line.as_bytes())))?;
        label = "";
    }
    Ok(())
}

fn lines(report: &Report<'_>, finding: &Finding, sheet: &mut Sheet<'_>) -> io::Result<()> {
    let shown = finding.exemplars.iter().take(2);
    let total = finding.requests.max(shown.len() as u64);
    let head = format!("{} of {}", shown.len(), count(total));
    for (i, exemplar) in shown.enumerate() {
        let text = match i {
            0 => format!("{head}: {}", line(report, exemplar)),
            _ => line(report, exemplar),
        };
        sheet.labelled(if i == 0 { "   lines" } else { "" }, LABEL, &text)?;
    }
    Ok(())
}

/// `10:05:03.114Z 3f2c…91 GET /reviews/0 (stdin:48213)`; a line of the proxy's own log shows its text.
fn line(report: &Report<'_>, exemplar: &Exemplar) -> String {
    let time = exemplar.time_us.map(rfc3339_ms);
    let time = time.as_deref().and_then(|t| t.split('T').nth(1)).unwrap_or("no time");
    let id = exemplar.request_id.as_deref().filter(|id| !id.is_empty());
    let id = id.map_or(String::new(), |id| format!(" {}", shortened(&terminal(id), 9)));
    let what = if exemplar.request.is_empty() { &exemplar.raw } else { &exemplar.request };
    let what = shortened(&terminal(what), 48);
    format!("{time}{id} {what} ({})", place(report, exemplar.source, exemplar.line))
}

/// `stdin:48213`, `web.log:12`.
pub(super) fn place(report: &Report<'_>, source: u32, line: u64) -> String {
    match report.source(source) {
        "-" => format!("stdin:{line}"),
        name => format!("{}:{line}", shortened(&terminal(name.as_bytes()), 32)),
    }
}
