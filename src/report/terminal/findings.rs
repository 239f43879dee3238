//! Findings on the screen: a headline of two lines each, notes in one, and the most important in full.

use std::io;

use unicode_width::UnicodeWidthStr;

use super::Tone;
use super::text::{Painted, Sheet, padded, shortened, wrap};
use crate::aggregate::Exemplar;
use crate::diagnosis::{Finding, Severity};
use crate::report::Report;
use crate::report::escape::terminal;
use crate::report::units::{confidence, count, counted, rate};
use crate::words::Lang;

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
    let lang = report.view.lang;
    for finding in serious.iter().take(HEADLINES) {
        headline(report, finding, sheet)?;
    }
    for finding in notes.iter().take(NOTES) {
        note(finding, lang, sheet)?;
    }
    let nouns = [
        (serious.len(), HEADLINES, lang.pick("finding", "项诊断")),
        (notes.len(), NOTES, lang.pick("note", "条提示")),
    ];
    let left: Vec<String> = nouns
        .into_iter()
        .filter(|(all, shown, _)| all > shown)
        .map(|(all, shown, noun)| {
            let (n, s) = (all - shown, if all - shown == 1 { "" } else { "s" });
            say!(lang, "{n} more {noun}{s}", "另有 {n} {noun}")
        })
        .collect();
    if !left.is_empty() {
        let left = left.join(lang.pick(" and ", "、"));
        let text = say!(lang, "{left}: see --output json", "{left}：见 --output json");
        sheet.line(&sheet.paint(Tone::Dim, &format!("{:INDENT$}{text}", "")))?;
    }
    Ok(())
}

fn headline(report: &Report<'_>, finding: &Finding, sheet: &mut Sheet<'_>) -> io::Result<()> {
    let lang = report.view.lang;
    let (word, tone) = match finding.severity {
        Severity::Critical => (finding.severity.word(lang).to_uppercase(), Tone::Critical),
        Severity::Warning => (finding.severity.word(lang).to_uppercase(), Tone::Warning),
        Severity::Note => (finding.severity.word(lang).to_owned(), Tone::Dim),
    };
    let room = (sheet.width - INDENT).max(20);
    let title = wrap(&title(finding, lang), room);
    let mut label = padded(&word, INDENT);
    for (i, line) in title.iter().enumerate() {
        let line = shortened(line, room);
        let width = INDENT + line.width();
        let text = format!("{}{}", sheet.paint(tone, &label), sheet.paint(Tone::Strong, &line));
        match i + 1 == title.len() {
            true => sheet.both_ends(&Painted { text, width }, &when(report, finding), INDENT)?,
            false => sheet.line(&text)?,
        }
        label = " ".repeat(INDENT);
    }
    let [counts, share] = load(finding, lang);
    let what = format!("{:INDENT$}{counts}{share}{}", "", at_host(finding, lang));
    let what = Painted::plain(shortened(&what, sheet.width));
    sheet.both_ends(&what, &sure(finding.confidence, lang), INDENT)
}

fn sure(value: f64, lang: Lang) -> String {
    let percent = confidence(value);
    say!(lang, "{percent} sure", "置信度 {percent}")
}

fn note(finding: &Finding, lang: Lang, sheet: &mut Sheet<'_>) -> io::Result<()> {
    let title = title(finding, lang);
    let room = sheet.width - INDENT;
    let [counts, share] = load(finding, lang);
    // The share gives way first, then the title; the count stays.
    let load = match title.width() + counts.width() + share.width() + 2 > room {
        true => counts,
        false => format!("{counts}{share}"),
    };
    let title = shortened(&title, room.saturating_sub(load.width() + 2).max(20));
    let text = shortened(&format!("{title}{}{load}", lang.semicolon()), room);
    let label = padded(finding.severity.word(lang), INDENT);
    sheet.line(&format!("{}{text}", sheet.paint(Tone::Dim, &label)))
}

/// `reviews.default:9080: the cause`.
pub fn title(finding: &Finding, lang: Lang) -> String {
    let (scope, title) = (scope(finding, lang), terminal(finding.title.as_bytes()));
    say!(lang, "{scope}: {title}", "{scope}：{title}")
}

fn scope(finding: &Finding, lang: Lang) -> String {
    shortened(&terminal(finding.scope.title(lang).as_bytes()), 50)
}

/// `470 of 3,201` and ` requests (14.7 %)`; findings of the proxy's own log stand on lines, not on requests.
fn load(finding: &Finding, lang: Lang) -> [String; 2] {
    let (part, whole) = (count(finding.requests), count(finding.of));
    match (finding.requests, finding.of) {
        (0, _) => [lang.pick("from the proxy's own log", "来自代理自身的日志").to_owned(), String::new()],
        (n, of) if of < n => [say!(lang, "{part} records", "{part} 条记录"), String::new()],
        (n, of) => {
            let noun = if of == 1 { "request" } else { "requests" };
            let counts = say!(lang, "{part} of {whole}", "{whole} 个请求中的 {part} 个");
            let share = rate(n, of);
            [counts, say!(lang, " {noun} ({share})", "（{share}）")]
        }
    }
}

fn at_host(finding: &Finding, lang: Lang) -> String {
    let Some(host) = &finding.scope.host else { return String::new() };
    let host = shortened(&terminal(host), 46);
    say!(lang, ", all on {host}", "，都在 {host}")
}

fn when(report: &Report<'_>, finding: &Finding) -> String {
    let lang = report.view.lang;
    let Some((first, last)) = finding.span.ends_us() else { return String::new() };
    match (finding.ongoing, report.moment(first), report.moment(last)) {
        (true, first, _) => say!(lang, "since {first}, still going on", "自 {first} 起，仍在持续"),
        (false, first, last) if first == last => say!(lang, "at {first}", "{first}"),
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
            let text = say!(
                report.view.lang,
                "{left} more in full: meshwhy --output json",
                "其余 {left} 项的详情：meshwhy --output json"
            );
            sheet.blank()?;
            sheet.line(&sheet.paint(Tone::Dim, &text))
        }
    }
}

/// The first finding alone.
pub(in crate::report) fn first_in_full(report: &Report<'_>, sheet: &mut Sheet<'_>) -> io::Result<()> {
    report.findings.first().map_or(Ok(()), |finding| full(report, 1, finding, sheet))
}

fn full(report: &Report<'_>, number: usize, finding: &Finding, sheet: &mut Sheet<'_>) -> io::Result<()> {
    let lang = report.view.lang;
    let title = format!("{number}  {} · {}", terminal(finding.title.as_bytes()), scope(finding, lang));
    let title = Painted::plain(shortened(&title, sheet.width));
    let title = Painted { text: sheet.paint(Tone::Strong, &title.text), width: title.width };
    sheet.both_ends(&title, &reference(finding, lang), 3)?;
    paragraph(sheet, lang.pick("why", "原因"), &finding.likely_cause)?;
    let facts = |facts: &[crate::diagnosis::Fact]| -> String {
        facts.iter().map(|fact| fact.text.as_str()).collect::<Vec<_>>().join(" · ")
    };
    paragraph(sheet, lang.pick("for", "依据"), &facts(&finding.evidence))?;
    paragraph(sheet, lang.pick("against", "反证"), &facts(&finding.against))?;
    for (i, rival) in finding.alternatives.iter().enumerate() {
        let also = format!("{} {}{}", rival.id, confidence(rival.confidence), lang.aside(&rival.title));
        paragraph(sheet, if i == 0 { lang.pick("also", "或为") } else { "" }, &also)?;
        if let Some(check) = &rival.check {
            remedy(sheet, "", check)?;
        }
    }
    for (label, remedies) in
        [(lang.pick("check", "检查"), &finding.confirm), (lang.pick("fix", "修复"), &finding.fix)]
    {
        for (i, item) in remedies.iter().enumerate() {
            remedy(sheet, if i == 0 { label } else { "" }, item)?;
        }
    }
    lines(report, finding, sheet)?;
    resources(finding, lang, sheet)
}

/// Resources to apply would push the next finding off the screen.
fn resources(finding: &Finding, lang: Lang, sheet: &mut Sheet<'_>) -> io::Result<()> {
    let count = finding.fix.iter().filter(|fix| fix.yaml.is_some()).count() as u64;
    if count == 0 {
        return Ok(());
    }
    let en = counted(count, "resource");
    let text = say!(
        lang,
        "{en} to apply, names filled in: --output json",
        "{count} 个可直接应用的资源（名称已填好）：--output json"
    );
    paragraph(sheet, lang.pick("yaml", "资源"), &text)
}

fn reference(finding: &Finding, lang: Lang) -> String {
    let id = terminal(finding.id.as_bytes());
    match finding.guide.is_empty() {
        true => id,
        false => {
            let guide = lang.pick("guide", "手册");
            format!("{id} · {guide} {}", terminal(finding.guide.join(lang.comma()).as_bytes()))
        }
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
        let head = sheet.paint(Tone::Dim, &padded(&format!("   {label}"), LABEL));
        sheet.line(&format!("{head}{}", terminal(line.as_bytes())))?;
        label = "";
    }
    Ok(())
}

fn lines(report: &Report<'_>, finding: &Finding, sheet: &mut Sheet<'_>) -> io::Result<()> {
    let shown = finding.exemplars.iter().take(2);
    let total = finding.requests.max(shown.len() as u64);
    let lang = report.view.lang;
    let (n, total) = (shown.len(), count(total));
    let head = say!(lang, "{n} of {total}", "{total} 行中的 {n} 行");
    for (i, exemplar) in shown.enumerate() {
        let text = match i {
            0 => format!("{head}{}{}", lang.pick(": ", "："), line(report, exemplar)),
            _ => line(report, exemplar),
        };
        sheet.labelled(if i == 0 { lang.pick("   lines", "   日志") } else { "" }, LABEL, &text)?;
    }
    Ok(())
}

/// `10:05:03.114Z 3f2c…91 GET /reviews/0 (stdin:48213)`; a line of the proxy's own log shows its text.
fn line(report: &Report<'_>, exemplar: &Exemplar) -> String {
    let time = exemplar.time_us.map(|us| report.view.times.zone().milliseconds(us));
    let time = time
        .as_deref()
        .and_then(|t| t.split('T').nth(1))
        .unwrap_or(report.view.lang.pick("no time", "无时间"));
    let id = exemplar.request_id.as_deref().filter(|id| !id.is_empty());
    let id = id.map_or(String::new(), |id| format!(" {}", shortened(&terminal(id), 9)));
    let what = if exemplar.request.is_empty() { &exemplar.raw } else { &exemplar.request };
    let what = shortened(&terminal(what), 48);
    let place = place(report, exemplar.source, exemplar.line);
    format!("{time}{id} {what} ({place})")
}

/// `stdin:48213`, `web.log:12`.
pub(super) fn place(report: &Report<'_>, source: u32, line: u64) -> String {
    match report.source(source) {
        "-" => format!("stdin:{line}"),
        name => format!("{}:{line}", shortened(&terminal(name.as_bytes()), 32)),
    }
}
