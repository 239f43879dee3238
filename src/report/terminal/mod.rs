//! The triage for a person at a terminal: the answer in the first three lines, the proof below it, the state of the data
//! last.

mod findings;
mod groups;
mod hops;
mod matrix;
mod nothing;
mod text;

use std::io::{self, Write};

use self::text::joined;
pub(super) use self::text::{Painted, Sheet, Tone, shortened, wrap};
use super::escape::terminal;
use super::units::{bucket, count, counted, duration, rate};
use super::{Renderer, Report, bucket_width, quality};
use crate::aggregate::{Counts, Span};
use crate::diagnosis::{Severity, only_failures};
use crate::error::{ErrorKind, Result};
use crate::record::time::{clock_s, rfc3339_s};

/// The renderer.
pub(super) struct Terminal;

impl Renderer for Terminal {
    fn name(&self) -> &'static str {
        "table"
    }

    fn render(&self, report: &Report<'_>, out: &mut dyn Write) -> Result<()> {
        let mut sheet = Sheet::new(out, report.view.width, report.view.colour);
        screen(report, &mut sheet).map_err(ErrorKind::Write)?;
        Ok(())
    }
}

fn screen(report: &Report<'_>, sheet: &mut Sheet<'_>) -> io::Result<()> {
    let counts = report.summary.counts;
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
    let summary = report.summary;
    let lines = &summary.lines;
    let upstreams = match summary.upstreams.len() as u64 {
        0 => String::new(),
        n => format!(" to {}", counted(n, "upstream")),
    };
    let time = length(summary.span).map_or(String::new(), |ms| format!(" in {}", duration(ms)));
    let left_out = match report.filtered {
        0 => String::new(),
        n => format!(", {} left out by the filters", counted(n, "record")),
    };
    format!(
        "All fine: {}{upstreams}{time}, none failed ({}, {} not understood{}{left_out}).",
        requests(report),
        counted(lines.proxy, "proxy-log line"),
        count(lines.rejected),
        match lines.other {
            0 => String::new(),
            n => format!(", {}", counted(n, "other line")),
        }
    )
}

/// All requests, or those of each side where several logged: a request may be in both.
fn requests(report: &Report<'_>) -> String {
    let sides = vantages(report);
    if sides.len() < 2 {
        return counted(report.summary.counts.requests(), "request");
    }
    let of = |(side, counts): &(&str, Counts)| format!("{} ({side})", counted(counts.requests(), "request"));
    sides.iter().map(of).collect::<Vec<_>>().join(" and ")
}

/// Length of a span in milliseconds, where it has one.
fn length(span: Span) -> Option<u64> {
    let ms = span.last_us?.saturating_sub(span.first_us?) / 1000;
    u64::try_from(ms).ok().filter(|ms| *ms > 0)
}

fn header(report: &Report<'_>, sheet: &mut Sheet<'_>) -> io::Result<()> {
    let summary = report.summary;
    let mut items = vec![origin(report)];
    let sides = vantages(report);
    if let [(side, _)] = sides[..] {
        items.push(side.to_owned());
    }
    items.push(period(summary.span));
    if sides.len() < 2 {
        items.extend(load(report, summary.counts));
    }
    for line in joined(&items, sheet.width) {
        let line = sheet.paint(Tone::Strong, &line);
        sheet.line(&line)?;
    }
    // One request is in the log of the caller's and of the callee's proxy: the sides are never added up.
    if sides.len() > 1 {
        for (side, counts) in sides {
            let [requests, failed] = load(report, counts);
            sheet.line(&sheet.paint(Tone::Strong, &format!("{side}: {requests} · {failed}")))?;
        }
    }
    Ok(())
}

fn load(report: &Report<'_>, counts: Counts) -> [String; 2] {
    let (requests, failed) = (counts.requests(), counts.failed());
    let rate = match only_failures(report.summary) {
        true => String::new(),
        false => format!(" ({})", rate(failed, requests)),
    };
    [counted(requests, "request"), format!("{} failed{rate}", count(failed))]
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
    let sides = report.summary.sides;
    let sides = [sides.caller, sides.callee, sides.tunnel, sides.untold];
    let names = ["caller's side", "callee's side", "the tunnel", "side not told"];
    let seen: Vec<_> = names.into_iter().zip(sides).filter(|(_, counts)| counts.requests() > 0).collect();
    match seen[..] {
        // Without any side there is nothing to say; with one side and some untold, the untold are most likely of it,
        // but that is not known.
        [("side not told", _)] => Vec::new(),
        [(side, _), ("side not told", _)] => vec![(side, report.summary.counts)],
        _ => seen,
    }
}

/// `10:00:12Z – 10:14:58Z (14 min 46 s)`; with dates when it is not one day.
fn period(span: Span) -> String {
    let (Some(first), Some(last)) = (span.first_us, span.last_us) else { return "no times".to_owned() };
    let (from, to) = (rfc3339_s(first), rfc3339_s(last));
    let range = if from.split('T').next() == to.split('T').next() {
        format!("{} – {}", clock_s(first), clock_s(last))
    } else {
        format!("{} – {}", from.replace('T', " "), to.replace('T', " "))
    };
    match length(span) {
        Some(ms) => format!("{range} ({})", duration(ms)),
        None => clock_s(first),
    }
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
    let unit = bucket(width);
    let tail = format!("peak {} at {}", count(peak), clock_s(at));
    sheet.line(&format!(" failures per {unit}  {blocks}  {}", sheet.paint(Tone::Dim, &tail)))
}

/// Warnings, failures of inputs and rejected lines: what limits the trust in the rest.
fn remarks(report: &Report<'_>, sheet: &mut Sheet<'_>) -> io::Result<()> {
    for failure in report.failures {
        sheet.labelled("not read: ", 10, &terminal(failure.as_bytes()))?;
    }
    for warning in report.all_warnings() {
        sheet.labelled("warning: ", 9, &terminal(warning.as_bytes()))?;
    }
    if let Some((what, advice)) = quality::rejects(report.summary) {
        let place = report.summary.lines.rejects.first().map_or(String::new(), |r| {
            format!("; the first is {}", findings::place(report, r.source, r.line))
        });
        sheet.labelled("warning: ", 9, &format!("{what}{place}. {advice}"))?;
    }
    Ok(())
}

fn footer(report: &Report<'_>, sheet: &mut Sheet<'_>) -> io::Result<()> {
    let lines = &report.summary.lines;
    let mut formats: Vec<_> = lines.formats.iter().map(|(name, n)| (*n, *name)).collect();
    formats.sort_by(|a, b| b.cmp(a));
    let names = match formats[..] {
        [] => String::new(),
        [(_, name)] => format!(" ({name})"),
        [(_, a), (_, b)] => format!(" ({a}, {b})"),
        [(_, a), (_, b), ..] => format!(" ({a}, {b}, {} more)", formats.len() - 2),
    };
    let mut read = format!(
        "read {}: {} access{names}, {} proxy log, {} not understood",
        counted(lines.total, "line"),
        count(lines.access),
        count(lines.proxy),
        count(lines.rejected)
    );
    if lines.other > 0 {
        read.push_str(&format!(", {} other", count(lines.other)));
    }
    if report.filtered > 0 {
        read.push_str(&format!(", {} left out by the filters", count(report.filtered)));
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
