//! The triage for a person at a terminal: the answer in the first three lines, the proof below it, the state of the data
//! last.

pub(super) mod findings;
mod groups;
mod hops;
mod matrix;
mod nothing;
mod text;

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

pub use self::findings::title as finding_title;
use self::text::joined;
pub use self::text::shortened;
pub(super) use self::text::{Painted, Sheet, wrap};
use super::escape::terminal;
pub(super) use super::palette::Tone;
use super::units::{bucket, count, counted, duration, rate};
use super::{Renderer, Report, Times, between_ms, bucket_width, known, quality};
use crate::aggregate::{Counts, Span};
use crate::arrange::Arrange;
use crate::diagnosis::{Severity, only_failures};
use crate::error::{ErrorKind, Result};
use crate::record::time::Zone;
use crate::words::Lang;

/// The renderer.
pub(super) struct Terminal;

impl Renderer for Terminal {
    fn name(&self) -> &'static str {
        "table"
    }

    fn render(&self, report: &Report<'_>, out: &mut dyn Write) -> Result<()> {
        let mut sheet = Sheet::new(out, &report.view);
        screen(report, &mut sheet).map_err(ErrorKind::Write)?;
        Ok(())
    }
}

fn screen(report: &Report<'_>, sheet: &mut Sheet<'_>) -> io::Result<()> {
    let counts = report.summary.totals().counts;
    let serious = report.findings.iter().any(|f| f.severity > Severity::Note);
    if counts.requests() == 0 {
        nothing::to_read(report, sheet)?;
        if !report.findings.is_empty() {
            sheet.blank()?;
            findings::headlines(report, sheet)?;
            findings::in_full(report, sheet)?;
        }
        return remarks(report, sheet);
    }
    if counts.failed() == 0 && !serious {
        let fine = all_fine(report);
        sheet.line(&fine)?;
        findings::headlines(report, sheet)?;
        groups::table(report, sheet)?;
        return remarks(report, sheet);
    }
    header(report, sheet)?;
    if !report.findings.is_empty() {
        sheet.blank()?;
        findings::headlines(report, sheet)?;
    }
    sheet.blank()?;
    matrix::table(report, sheet)?;
    groups::table(report, sheet)?;
    hops::table(report, sheet)?;
    sparkline(report, sheet)?;
    findings::in_full(report, sheet)?;
    sheet.blank()?;
    remarks(report, sheet)?;
    footer(report, sheet)
}

fn all_fine(report: &Report<'_>) -> String {
    let (summary, lang) = (report.summary, report.view.lang);
    let lines = &summary.lines;
    let upstreams = match summary.upstreams.len() as u64 {
        0 => String::new(),
        n => {
            let en = counted(n, "upstream");
            say!(lang, " to {en}", "，发往 {n} 个上游")
        }
    };
    let time = length(summary.span).map(duration);
    let time = time.map_or(String::new(), |time| say!(lang, " in {time}", "，历时 {time}"));
    let left_out = match report.filtered {
        0 => String::new(),
        n => {
            let (en, n) = (counted(n, "record"), count(n));
            say!(lang, ", {en} left out by the filters", "，{n} 条被过滤条件排除")
        }
    };
    let other = match lines.other {
        0 => String::new(),
        n => {
            let (en, n) = (counted(n, "other line"), count(n));
            say!(lang, ", {en}", "，{n} 行其他内容")
        }
    };
    let (requests, proxy, rejected) =
        (requests(report), counted(lines.proxy, "proxy-log line"), count(lines.rejected));
    let own = count(lines.proxy);
    say!(
        lang,
        "All fine: {requests}{upstreams}{time}, none failed ({proxy}, {rejected} not understood{other}{left_out}).",
        "一切正常：{requests}{upstreams}{time}，没有失败（{own} 行代理自身日志，{rejected} 行无法解析{other}{left_out}）。"
    )
}

/// All requests, or those of each side where several logged: a request may be in both.
fn requests(report: &Report<'_>) -> String {
    let (sides, lang) = (vantages(report), report.view.lang);
    let number = |n: u64| {
        let (en, n) = (counted(n, "request"), count(n));
        say!(lang, "{en}", "{n} 个请求")
    };
    if sides.len() < 2 {
        return number(report.summary.totals().counts.requests());
    }
    let of = |(side, counts): &(&str, Counts)| format!("{}{}", number(counts.requests()), lang.aside(side));
    sides.iter().map(of).collect::<Vec<_>>().join(lang.pick(" and ", "、"))
}

/// Length of a span in milliseconds, where it has one.
fn length(span: Span) -> Option<u64> {
    let ms = span.last_us()?.saturating_sub(span.first_us()?) / 1000;
    u64::try_from(ms).ok().filter(|ms| *ms > 0)
}

fn header(report: &Report<'_>, sheet: &mut Sheet<'_>) -> io::Result<()> {
    let summary = report.summary;
    let mut items = vec![origin(report)];
    let sides = vantages(report);
    if let [(side, _)] = sides[..] {
        items.push(side.to_owned());
    }
    items.push(period(summary.span, report.view.times.zone(), report.view.lang));
    items.extend(ended(report));
    if sides.len() < 2 {
        items.extend(load(report, summary.totals().counts));
    }
    for line in joined(&items, sheet.width) {
        let line = sheet.paint(Tone::Strong, &line);
        sheet.line(&line)?;
    }
    // One request is in the log of the caller's and of the callee's proxy: the sides are never added up.
    if sides.len() > 1 {
        let colon = report.view.lang.pick(": ", "：");
        for (side, counts) in sides {
            let [requests, failed] = load(report, counts);
            sheet.line(&sheet.paint(Tone::Strong, &format!("{side}{colon}{requests} · {failed}")))?;
        }
    }
    Ok(())
}

fn load(report: &Report<'_>, counts: Counts) -> [String; 2] {
    let lang = report.view.lang;
    let (requests, failed) = (counts.requests(), counts.failed());
    let rate = match only_failures(report.summary) {
        true => String::new(),
        false => lang.aside(&rate(failed, requests)),
    };
    let (en, requests, failed) = (counted(requests, "request"), count(requests), count(failed));
    [say!(lang, "{en}", "{requests} 个请求"), say!(lang, "{failed} failed{rate}", "{failed} 个失败{rate}")]
}

/// The pod when all lines that tell are of one pod, else the inputs.
fn origin(report: &Report<'_>) -> String {
    let mut pods = report.summary.symptoms.values().flat_map(|s| s.pods.iter().map(|(pod, _)| pod));
    if let Some(pod) = pods.next()
        && report.sources.len() < 2
        && pods.all(|other| other == pod)
    {
        return shortened(&terminal(pod), 60);
    }
    nothing::sources(report)
}

/// Requests as seen from each side that the lines tell of; records without a side follow the only one there is.
fn vantages(report: &Report<'_>) -> Vec<(&'static str, Counts)> {
    let sides = report.summary.vantages();
    let named = super::sides(&sides, report.view.lang);
    let untold = named[4].0;
    let seen = named.into_iter().filter(|(_, counts)| counts.requests() > 0);
    match seen.collect::<Vec<_>>()[..] {
        // Without any side there is nothing to say; with one side and some untold, the untold are most likely of it,
        // but that is not known.
        [(side, _)] if side == untold => Vec::new(),
        [(side, _), (last, _)] if last == untold => vec![(side, report.summary.totals().counts)],
        ref seen => seen.to_vec(),
    }
}

/// `10:00:12Z – 10:14:58Z (14 min 46 s)`; with dates when it is not one day.
fn period(span: Span, zone: Zone, lang: Lang) -> String {
    let Some((first, last)) = span.ends_us() else {
        return lang.pick("no times", "没有时间").to_owned();
    };
    let (from, to) = (zone.seconds(first), zone.seconds(last));
    let range = if from.split('T').next() == to.split('T').next() {
        format!("{} – {}", zone.clock(first), zone.clock(last))
    } else {
        format!("{} – {}", from.replace('T', " "), to.replace('T', " "))
    };
    match length(span) {
        Some(ms) => format!("{range}{}", lang.aside(&duration(ms))),
        None => zone.clock(first),
    }
}

/// `ended 2 h 5 min ago`, where times are relative.
fn ended(report: &Report<'_>) -> Option<String> {
    let Times::Relative { now_us } = report.view.times else { return None };
    let ago = duration(between_ms(report.summary.span.last_us()?, now_us));
    Some(say!(report.view.lang, "ended {ago} ago", "{ago}前结束"))
}

/// Failures over time as a row of blocks, with the width of a bucket and the peak in words.
fn sparkline(report: &Report<'_>, sheet: &mut Sheet<'_>) -> io::Result<()> {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let room = sheet.width.saturating_sub(60).clamp(20, 60);
    let (width, buckets) = report.summary.timeline.rebucketed(bucket_width(report, room));
    let Some((at, peak)) = buckets
        .iter()
        .rev()
        .map(|(at, c)| (*at, c.load.failed))
        .max_by_key(|(_, n)| *n)
        .filter(|(_, n)| *n > 0)
    else {
        return Ok(());
    };
    if buckets.len() < 3 || buckets.len() > sheet.width.saturating_sub(50) {
        return Ok(());
    }
    // None is the lowest block and any failure is above it: a single one must be seen.
    let block = |n: u64| match n {
        0 => BLOCKS[0],
        n => BLOCKS[(n.saturating_mul(7).div_ceil(peak) as usize).clamp(1, 7)],
    };
    let blocks: String = buckets.iter().map(|(_, cell)| block(cell.load.failed)).collect();
    sheet.blank()?;
    let lang = report.view.lang;
    let (unit, peak, at) = (bucket(width, lang), count(peak), report.moment(at));
    let head = say!(lang, " failures per {unit}", " 每{unit}失败数");
    let tail = say!(lang, "peak {peak} at {at}", "峰值 {peak}，在 {at}");
    sheet.line(&format!("{head}  {blocks}  {}", sheet.paint(Tone::Dim, &tail)))
}

/// Warnings, failures of inputs and rejected lines: what limits the trust in the rest.
fn remarks(report: &Report<'_>, sheet: &mut Sheet<'_>) -> io::Result<()> {
    let lang = report.view.lang;
    let (not_read, warning) = (lang.pick("not read: ", "未读取："), lang.pick("warning: ", "警告："));
    for failure in report.failures {
        sheet.labelled(not_read, not_read.width(), &terminal(failure.as_bytes()))?;
    }
    if let Some(known) = known::sentence(report.suppressed, lang) {
        sheet.labelled("", 0, &terminal(known.as_bytes()))?;
    }
    for text in report.all_warnings() {
        sheet.labelled(warning, warning.width(), &terminal(text.as_bytes()))?;
    }
    if let Some((what, advice)) = quality::rejects(report.summary, lang) {
        let place = report.summary.lines.rejects.first().map_or(String::new(), |r| {
            let place = findings::place(report, r.source, r.line);
            say!(lang, "; the first is {place}", "；第一处在 {place}")
        });
        let text = say!(lang, "{what}{place}. {advice}", "{what}{place}。{advice}");
        sheet.labelled(warning, warning.width(), &text)?;
    }
    Ok(())
}

fn footer(report: &Report<'_>, sheet: &mut Sheet<'_>) -> io::Result<()> {
    let (lines, lang) = (&report.summary.lines, report.view.lang);
    let comma = lang.comma();
    let mut formats: Vec<_> = lines.formats.iter().map(|(name, n)| (*n, *name)).collect();
    formats.arrange_by(|a, b| b.cmp(a));
    let names = match formats[..] {
        [] => String::new(),
        [(_, name)] => lang.aside(name),
        [(_, a), (_, b)] => lang.aside(&format!("{a}{comma}{b}")),
        [(_, a), (_, b), ..] => {
            let more = formats.len() - 2;
            lang.aside(&say!(lang, "{a}, {b}, {more} more", "{a}、{b} 等 {more} 种"))
        }
    };
    let (en, total, access) = (counted(lines.total, "line"), count(lines.total), count(lines.access));
    let (proxy, rejected) = (count(lines.proxy), count(lines.rejected));
    let mut read = say!(
        lang,
        "read {en}: {access} access{names}, {proxy} proxy log, {rejected} not understood",
        "读取 {total} 行：{access} 行访问日志{names}，{proxy} 行代理日志，{rejected} 行无法解析"
    );
    if lines.other > 0 {
        let other = count(lines.other);
        read.push_str(&say!(lang, ", {other} other", "，{other} 行其他内容"));
    }
    if report.filtered > 0 {
        let filtered = count(report.filtered);
        read.push_str(&say!(lang, ", {filtered} left out by the filters", "，{filtered} 行被过滤条件排除"));
    }
    let explain = report
        .findings
        .first()
        .map_or(String::new(), |f| format!("meshwhy explain {}", terminal(f.id.as_bytes())));
    let mut items: Vec<String> = wrap(&read, sheet.width);
    items.push(explain);
    for line in joined(&items, sheet.width) {
        sheet.line(&sheet.paint(Tone::Dim, &line))?;
    }
    Ok(())
}
