//! The table of upstreams by flags, with latency.

use std::io;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use unicode_width::UnicodeWidthStr;

use super::Tone;
use super::text::{Sheet, shortened};
use crate::aggregate::{Counts, Text, Totals, Upstream};
use crate::arrange::Arrange;
use crate::diagnosis::{only_failures, upstream_title};
use crate::record::Outcome;
use crate::report::Report;
use crate::report::escape::terminal;
use crate::report::order::Row as Ranked;
use crate::report::units::{count, counted, duration, rate};

/// A name needs this much to be recognised.
const NAME: usize = 24;
/// No name needs more on any screen.
const NAME_MAX: usize = 60;
/// More flags than this say nothing at a glance.
const FLAGS: usize = 12;

/// A column of the table, in the order of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Column {
    Name,
    Requests,
    Failed,
    Rate,
    Flag(Text),
    /// Answers of the upstream itself that were errors: they carry no flag.
    App,
    P50,
    P99,
    Since,
}

struct Row<'a> {
    name: String,
    upstream: &'a Upstream,
    counts: Counts,
}

impl<'a> Row<'a> {
    fn of(name: String, upstream: &'a Upstream) -> Row<'a> {
        Row { name, upstream, counts: upstream.counts }
    }
}

pub(super) fn table(report: &Report<'_>, sheet: &mut Sheet<'_>) -> io::Result<()> {
    let (rows, hidden) = rows(report);
    let totals = report.summary.totals();
    let columns = columns(report, &rows, &totals, sheet.width);
    let mut cells: Vec<Vec<String>> = vec![columns.iter().map(|c| head(report, c)).collect()];
    cells.extend(rows.iter().map(|row| columns.iter().map(|c| cell(report, c, row)).collect()));
    // A request is in the log of both its sides: their rows have no sum.
    let one_side = super::vantages(report).len() < 2;
    let with_sum = one_side && rows.len() + usize::from(hidden.is_some()) > 1;
    if with_sum {
        let sums: Vec<String> = columns.iter().map(|c| sum(report, &totals, c)).collect();
        let widths = columns
            .iter()
            .enumerate()
            .map(|(i, _)| cells.iter().map(|row| row[i].width()).max().unwrap_or(0).max(sums[i].width()));
        let rules =
            widths.zip(&sums).map(|(w, sum)| if sum.is_empty() { String::new() } else { "─".repeat(w) });
        cells.push(rules.collect());
        cells.push(sums);
    }
    fit_names(&mut cells, sheet.width);
    print(&cells, |column| column == 0, sheet)?;
    if let Some(text) = hidden {
        sheet.line(&sheet.paint(Tone::Dim, &text))?;
    }
    let lang = report.view.lang;
    let app = columns
        .contains(&Column::App)
        .then(|| say!(lang, "APP: the upstream itself answered with an error", "应用：上游自身返回了错误"));
    let flags = columns.iter().filter(|c| matches!(c, Column::Flag(_))).count();
    let more = report.summary.flags.len().saturating_sub(flags) as u64;
    let en = counted(more, "more flag");
    let more = (more > 0).then(|| say!(lang, "{en} not shown", "另有 {more} 个标志未显示"));
    let legend: Vec<String> = [app, more].into_iter().flatten().collect();
    if !legend.is_empty() {
        sheet.line(&sheet.paint(Tone::Dim, &legend.join(" · ")))?;
    }
    Ok(())
}

/// Upstreams by failures, as many as the user wants to see, and what is said of the others.
fn rows<'a>(report: &Report<'a>) -> (Vec<Row<'a>>, Option<String>) {
    let (summary, lang) = (report.summary, report.view.lang);
    let mut all: Vec<Row<'a>> = summary
        .upstreams
        .iter()
        .map(|(name, upstream)| Row::of(terminal(upstream_title(name, lang).as_bytes()), upstream))
        .collect();
    if summary.no_upstream.counts.requests() > 0 {
        all.push(Row {
            name: lang.pick("(no upstream)", "（无上游）").to_owned(),
            upstream: &summary.no_upstream,
            counts: summary.no_upstream_once().0,
        });
    }
    if let Some(other) = &summary.other_upstreams {
        all.push(Row::of(lang.pick("(others)", "（其他）").to_owned(), other));
    }
    let key = |row: &Row<'_>| (row.counts.failed(), row.counts.requests());
    all.arrange_by(|a, b| {
        let [a, b] = [a, b].map(|row| Ranked { counts: row.counts, ..Ranked::of(&row.name, row.upstream) });
        report.view.order.compare(&a, &b)
    });
    let rest = all.split_off(all.len().min(report.view.top.max(1)));
    if rest.is_empty() {
        return (all, None);
    }
    let (failed, requests) = rest.iter().map(key).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    let failures = match count(failed) {
        _ if failed == 0 => say!(lang, "none failed", "没有失败"),
        n => say!(lang, "{n} failed", "{n} 个失败"),
    };
    let (more, en) = (counted(rest.len() as u64, "more upstream"), counted(requests, "request"));
    let (n, requests) = (rest.len(), count(requests));
    let text =
        say!(lang, "and {more} with {en}, {failures}", "另有 {n} 个上游，{requests} 个请求，{failures}");
    (all, Some(text))
}

/// What fits: with too little room SINCE goes first, then P50, then the rarest flags, then P99.
fn columns(report: &Report<'_>, rows: &[Row<'_>], totals: &Totals, width: usize) -> Vec<Column> {
    let mut columns = vec![Column::Name, Column::Requests, Column::Failed, Column::Rate];
    let mut flags: Vec<_> = report.summary.flags.ranked().into_iter().map(|(flag, _)| flag.clone()).collect();
    flags.truncate(FLAGS);
    columns.extend(flags.into_iter().map(Column::Flag));
    if totals.counts.of(Outcome::AppError) > 0 {
        columns.push(Column::App);
    }
    if totals.latency.count() > 0 {
        columns.extend([Column::P50, Column::P99]);
    }
    columns.push(Column::Since);
    let needed = |columns: &[Column]| -> usize {
        let widest = |c: &Column| match c {
            Column::Name => NAME,
            c => {
                let cells = rows.iter().map(|row| cell(report, c, row).width());
                cells.chain([head(report, c).width(), sum(report, totals, c).width()]).max().unwrap_or(0)
            }
        };
        columns.iter().map(|c| widest(c) + 2).sum::<usize>() - 2
    };
    let sacrifices: [fn(&Column) -> bool; 4] = [
        |c| *c == Column::Since,
        |c| *c == Column::P50,
        |c| matches!(c, Column::Flag(_)),
        |c| *c == Column::P99,
    ];
    for sacrifice in sacrifices {
        while needed(&columns) > width {
            let Some(at) = columns.iter().rposition(sacrifice) else { break };
            // One flag stays: it is what the table is for.
            if matches!(columns[at], Column::Flag(_)) && matches!(columns[at - 1], Column::Rate) {
                break;
            }
            columns.remove(at);
        }
    }
    columns
}

fn head(report: &Report<'_>, column: &Column) -> String {
    let (en, zh) = match column {
        Column::Name => ("UPSTREAM", "上游"),
        Column::Requests => ("REQUESTS", "请求"),
        Column::Failed => ("FAILED", "失败"),
        Column::Rate => ("RATE", "失败率"),
        Column::Flag(flag) => return shortened(&terminal(flag), 12),
        Column::App => ("APP", "应用"),
        Column::P50 => ("P50", "P50"),
        Column::P99 => ("P99", "P99"),
        Column::Since => ("SINCE", "始于"),
    };
    report.view.lang.pick(en, zh).to_owned()
}

fn cell(report: &Report<'_>, column: &Column, row: &Row<'_>) -> String {
    let (upstream, counts) = (row.upstream, row.counts);
    let latency = |permille| match upstream.latency.count() {
        0 => "-".to_owned(),
        _ => duration(upstream.latency.quantile_ms(permille)),
    };
    match column {
        Column::Name => row.name.clone(),
        Column::Requests => count(counts.requests()),
        Column::Failed => count(counts.failed()),
        Column::Rate if only_failures(report.summary) => "n/a".to_owned(),
        Column::Rate => rate(counts.failed(), counts.requests()),
        Column::Flag(flag) => or_dash(upstream.flags.get(flag)),
        Column::App => or_dash(counts.of(Outcome::AppError)),
        Column::P50 => latency(500),
        Column::P99 => latency(990),
        Column::Since => upstream.failure.first_us().map_or("-".to_owned(), |us| report.moment(us)),
    }
}

/// What is counted for the whole input, nothing twice.
fn sum(report: &Report<'_>, totals: &Totals, column: &Column) -> String {
    let counts = totals.counts;
    match column {
        Column::Requests => count(counts.requests()),
        Column::Failed => count(counts.failed()),
        Column::Rate if only_failures(report.summary) => String::new(),
        Column::Rate => rate(counts.failed(), counts.requests()),
        Column::Flag(flag) => count(totals.flags.get(flag)),
        Column::App => count(counts.of(Outcome::AppError)),
        Column::Name | Column::P50 | Column::P99 | Column::Since => String::new(),
    }
}

fn or_dash(n: u64) -> String {
    if n == 0 { "-".to_owned() } else { count(n) }
}

/// Names take the room that the numbers leave.
fn fit_names(cells: &mut [Vec<String>], width: usize) {
    let columns = cells.first().map_or(0, Vec::len);
    let others: usize =
        (1..columns).map(|i| cells.iter().map(|row| row[i].width()).max().unwrap_or(0) + 2).sum();
    let room = width.saturating_sub(others).clamp(NAME.min(width), NAME_MAX);
    for row in cells {
        if let Some(name) = row.first_mut() {
            *name = shortened(name, room);
        }
    }
}

/// Cells in columns, of which those of text stand at the left.
pub(super) fn print(
    cells: &[Vec<String>],
    is_text: impl Fn(usize) -> bool,
    sheet: &mut Sheet<'_>,
) -> io::Result<()> {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    cells.iter().for_each(|row| {
        table.add_row(row);
    });
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((if i == 0 { 0 } else { 2 }, 0));
        column.set_cell_alignment(if is_text(i) { CellAlignment::Left } else { CellAlignment::Right });
    }
    for (i, line) in table.to_string().lines().enumerate() {
        match i {
            0 => sheet.line(&sheet.paint(Tone::Dim, line.trim_end()))?,
            _ => sheet.line(line)?,
        }
    }
    Ok(())
}
