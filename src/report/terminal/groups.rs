//! The table of `--by`.

use std::io;

use super::Tone;
use super::matrix;
use super::text::{Sheet, shortened};
use crate::aggregate::{Group, Text};
use crate::diagnosis::only_failures;
use crate::report::Report;
use crate::report::escape::terminal;
use crate::report::order::sorted_groups;
use crate::report::units::{count, counted, duration, rate};

/// Flags of one group that are named; the rest says nothing at a glance.
const FLAGS: usize = 4;
/// No value needs more on any screen.
const VALUE_MAX: usize = 60;

pub(super) fn table(report: &Report<'_>, sheet: &mut Sheet<'_>) -> io::Result<()> {
    let groups = &report.summary.groups;
    if groups.by.is_empty() {
        return Ok(());
    }
    let mut rows: Vec<(Option<&[Option<Text>]>, &Group)> =
        sorted_groups(report).into_iter().map(|(key, group)| (Some(key), group)).collect();
    rows.extend(groups.other.as_deref().map(|group| (None, group)));
    let hidden = rows.split_off(rows.len().min(report.view.top.max(1)));
    let mut cells = vec![head(report)];
    // Equal shares of half the screen; the other half is for the figures.
    let room = (sheet.width / 2 / groups.by.len()).clamp(8, VALUE_MAX);
    cells.extend(rows.iter().map(|(key, group)| row(report, *key, group, room)));
    sheet.blank()?;
    // Values before the figures, and the flags behind them.
    let (values, flags) = (groups.by.len(), cells[0].len() - 1);
    matrix::print(&cells, |column| column < values || column == flags, sheet)?;
    if !hidden.is_empty() {
        let (failed, requests) = hidden.iter().fold((0, 0), |(failed, requests), (_, group)| {
            (failed + group.counts.failed(), requests + group.counts.requests())
        });
        let more = counted(hidden.len() as u64, "more group");
        let (n, en, requests, failed) =
            (hidden.len(), counted(requests, "request"), count(requests), count(failed));
        let text = say!(
            report.view.lang,
            "{more}: {en}, {failed} failed",
            "另有 {n} 组：{requests} 个请求，{failed} 个失败"
        );
        sheet.line(&sheet.paint(Tone::Dim, &text))?;
    }
    Ok(())
}

fn head(report: &Report<'_>) -> Vec<String> {
    let names = report.summary.groups.by.iter().map(|by| by.name().to_uppercase());
    let figures = report.view.lang.pick(
        ["REQUESTS", "FAILED", "RATE", "P50", "P99", "FLAGS"],
        ["请求", "失败", "失败率", "P50", "P99", "标志"],
    );
    names.chain(figures.map(str::to_owned)).collect()
}

fn row(report: &Report<'_>, key: Option<&[Option<Text>]>, group: &Group, room: usize) -> Vec<String> {
    let by = &report.summary.groups.by;
    let value = |at: usize| match key.map(|key| key.get(at).and_then(Option::as_deref)) {
        None => report.view.lang.pick("(others)", "（其他）").to_owned(),
        Some(None) => "-".to_owned(),
        Some(Some(text)) => shortened(&terminal(text), room),
    };
    let (requests, failed) = (group.counts.requests(), group.counts.failed());
    let share = if only_failures(report.summary) { String::new() } else { rate(failed, requests) };
    let quantile = |permille| match group.latency.count() {
        0 => String::new(),
        _ => duration(group.latency.quantile_ms(permille)),
    };
    let figures = [count(requests), count(failed), share, quantile(500), quantile(990), flags_of(group)];
    (0..by.len()).map(value).chain(figures).collect()
}

/// `UF 12, URX 3`.
fn flags_of(group: &Group) -> String {
    let ranked = group.flags.ranked();
    let mut names: Vec<String> =
        ranked.iter().take(FLAGS).map(|(flag, n)| format!("{} {}", terminal(flag), count(*n))).collect();
    if ranked.len() > FLAGS {
        names.push("…".to_owned());
    }
    names.join(", ")
}
