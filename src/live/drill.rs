//! One upstream: its endpoints, routes, codes and latency, by window.

use std::collections::BTreeMap;
use std::fmt::Write;

use unicode_width::UnicodeWidthStr;

use super::board::{WINDOWS, Window, find, row_name};
use crate::aggregate::{Code, Counter, Counts, Latency, Summary, Text};
use crate::arrange::Arrange;
use crate::pipeline::Known;
use crate::report::escape::terminal;
use crate::report::units::{count, duration, rate};
use crate::report::{Times, shortened};
use crate::words::Lang;

/// Rows of each table.
const ROWS: usize = 12;
/// Distinct values of a window that are told apart.
const VALUES: usize = 200;
/// Where values begin.
const LABEL: usize = 12;

/// Counts of one upstream in a window.
#[derive(Default)]
struct Sum {
    counts: Counts,
    latency: Latency,
    codes: Counter<Code>,
    flags: Counter<Text>,
    hosts: BTreeMap<Text, Counts>,
    /// Failed requests by route and by details.
    routes: BTreeMap<Text, u64>,
    details: BTreeMap<Text, u64>,
}

impl Sum {
    fn add(&mut self, summary: &Summary, upstream: Option<&[u8]>) {
        let Some(found) = find(summary, upstream) else { return };
        self.counts.merge(found.counts);
        self.latency.merge(&found.latency);
        self.codes.merge(found.codes.clone(), VALUES);
        self.flags.merge(found.flags.clone(), VALUES);
        for (host, seen) in found.hosts() {
            self.hosts.entry(host.clone()).or_default().merge(seen.counts);
        }
        for (key, symptom) in &summary.symptoms {
            if key.upstream.as_deref() == upstream && key.outcome.failed() {
                *self.routes.entry(key.route.clone().unwrap_or_default()).or_default() += symptom.count;
                *self.details.entry(key.details.clone().unwrap_or_default()).or_default() += symptom.count;
            }
        }
    }
}

/// The page of one upstream, in lines.
pub(super) fn lines(
    known: &Known,
    upstream: Option<&[u8]>,
    times: Times,
    lang: Lang,
    width: usize,
) -> Vec<String> {
    let now_us = known.now_us();
    let sums: Vec<Sum> = WINDOWS
        .into_iter()
        .map(|window| {
            let mut sum = Sum::default();
            match (window.seconds(), now_us) {
                (None, _) => sum.add(known.summary(), upstream),
                (Some(_), None) => {}
                (Some(seconds), Some(now)) => {
                    known
                        .lately
                        .last(seconds, now)
                        .for_each(|(_, moment)| sum.add(&moment.summary, upstream));
                }
            }
            sum
        })
        .collect();
    let mut out = numbers(&sums, lang);
    // What is told in words is of the last minutes, unless nothing happened in them.
    let window = if sums[1].counts.requests() > 0 { Window::Five } else { Window::All };
    let sum = &sums[window as usize];
    let name = window.name(lang);
    out.push(String::new());
    let codes = sum.codes.ranked().into_iter().map(|(code, n)| format!("{} {}", code.0, count(n)));
    out.push(labelled(&format!("{} ({name})", lang.pick("codes", "状态码")), codes, width));
    let flags = sum.flags.ranked().into_iter().map(|(flag, n)| format!("{} {}", terminal(flag), count(n)));
    out.push(labelled(&format!("{} ({name})", lang.pick("flags", "标志")), flags, width));
    table(&mut out, &format!("{} ({name})", lang.pick("hosts", "端点")), hosts(sum, lang), width);
    table(
        &mut out,
        &format!("{} ({name})", lang.pick("failed by route", "按路由的失败")),
        ranked(&sum.routes),
        width,
    );
    table(
        &mut out,
        &format!("{} ({name})", lang.pick("failed by details", "按详情的失败")),
        ranked(&sum.details),
        width,
    );
    let failures = known.failures.iter().rev().filter(|failure| failure.upstream.as_deref() == upstream);
    let failures: Vec<String> =
        failures.take(ROWS).map(|failure| super::text::failure(failure, times, now_us, None)).collect();
    if !failures.is_empty() {
        out.push(String::new());
        out.push(lang.pick("last failures", "最近的失败").to_owned());
        out.extend(failures.iter().map(|line| shortened(&format!("  {line}"), width)));
    }
    out
}

/// The title of the page.
pub(super) fn title(upstream: Option<&[u8]>, lang: Lang) -> String {
    row_name(upstream, lang)
}

fn numbers(sums: &[Sum], lang: Lang) -> Vec<String> {
    let latency = |sum: &Sum, permille| match sum.latency.count() {
        0 => "-".to_owned(),
        _ => duration(sum.latency.quantile_ms(permille)),
    };
    type Cell<'a> = Box<dyn Fn(&Sum) -> String + 'a>;
    let rows: [(&str, Cell<'_>); 7] = [
        (lang.pick("requests", "请求"), Box::new(|sum| count(sum.counts.requests()))),
        (lang.pick("failed", "失败"), Box::new(|sum| count(sum.counts.failed()))),
        (lang.pick("rate", "失败率"), Box::new(|sum| rate(sum.counts.failed(), sum.counts.requests()))),
        ("p50", Box::new(|sum| latency(sum, 500))),
        ("p90", Box::new(|sum| latency(sum, 900))),
        ("p99", Box::new(|sum| latency(sum, 990))),
        (
            lang.pick("longest", "最长"),
            Box::new(
                |sum| if sum.latency.count() == 0 { "-".into() } else { duration(sum.latency.max_ms()) },
            ),
        ),
    ];
    let heads = WINDOWS.map(|window| window.name(lang).to_owned());
    let mut out = vec![padded_row("", &heads)];
    for (label, cell) in rows {
        let cells: Vec<String> = sums.iter().map(&cell).collect();
        out.push(padded_row(label, &cells));
    }
    out
}

fn padded_row(label: &str, cells: &[String]) -> String {
    let mut line = format!("{label}{}", " ".repeat(LABEL.saturating_sub(label.width())));
    for cell in cells {
        let _ = write!(line, "{}{cell}", " ".repeat(14_usize.saturating_sub(cell.width())));
    }
    line
}

fn labelled(label: &str, values: impl Iterator<Item = String>, width: usize) -> String {
    let values: Vec<String> = values.take(ROWS).collect();
    let values = if values.is_empty() { "-".to_owned() } else { values.join(" · ") };
    shortened(&format!("{label}  {values}"), width)
}

fn hosts(sum: &Sum, lang: Lang) -> Vec<(String, String)> {
    let mut hosts: Vec<_> = sum.hosts.iter().collect();
    hosts.arrange_by_key(|(_, counts)| std::cmp::Reverse((counts.failed(), counts.requests())));
    let row = |(host, counts): (&Text, &Counts)| {
        let (failed, requests) = (counts.failed(), counts.requests());
        let (part, whole, share) = (count(failed), count(requests), rate(failed, requests));
        let text =
            say!(lang, "{part} of {whole} failed ({share})", "{whole} 个请求中 {part} 个失败（{share}）");
        (terminal(host), text)
    };
    hosts.into_iter().map(row).collect()
}

fn ranked(counts: &BTreeMap<Text, u64>) -> Vec<(String, String)> {
    let mut all: Vec<_> = counts.iter().collect();
    all.arrange_by_key(|(_, n)| std::cmp::Reverse(**n));
    let name = |text: &Text| if text.is_empty() { "-".to_owned() } else { terminal(text) };
    all.into_iter().map(|(text, n)| (name(text), count(*n))).collect()
}

fn table(out: &mut Vec<String>, head: &str, rows: Vec<(String, String)>, width: usize) {
    if rows.is_empty() {
        return;
    }
    out.push(String::new());
    out.push(head.to_owned());
    let room = width.saturating_sub(40).clamp(10, 60);
    let longest = rows.iter().take(ROWS).map(|(name, _)| name.width().min(room)).max().unwrap_or(0);
    for (name, value) in rows.iter().take(ROWS) {
        let name = shortened(name, room);
        let pad = " ".repeat(longest.saturating_sub(name.width()));
        out.push(shortened(&format!("  {name}{pad}  {value}"), width));
    }
    if rows.len() > ROWS {
        out.push(format!("  … +{}", rows.len() - ROWS));
    }
}
