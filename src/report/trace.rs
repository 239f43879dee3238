//! One request through all proxies that logged it, as an indented tree.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::Write;

use serde::Serialize;

use super::SourceInfo;
use super::escape::{self, terminal, utf8};
use super::units::{counted, duration};
use crate::aggregate::Step;
use crate::diagnosis::upstream_title;
use crate::error::{ErrorKind, Result};
use crate::record::time::rfc3339_ms;
use crate::words::Lang;

/// A request that was looked for.
#[derive(Debug, Clone, Copy)]
pub struct TraceReport<'r> {
    /// The request id as the user gave it.
    pub id: &'r str,
    /// Its lines.
    pub steps: &'r [Step],
    /// Its lines beyond the cap.
    pub more: u64,
    /// The inputs, by the numbers that steps name.
    pub sources: &'r [SourceInfo],
    /// Access records read.
    pub access: u64,
}

/// The forms a trace is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TraceForm {
    /// A tree for people.
    Table,
    /// Nested objects.
    Json,
}

impl TraceForm {
    /// The form with this name.
    ///
    /// # Errors
    /// When there is none; the message lists those there are.
    pub fn named(name: &str) -> Result<TraceForm> {
        match name {
            "table" => Ok(TraceForm::Table),
            "json" => Ok(TraceForm::Json),
            _ => {
                let message = both!(
                    "there is no output {name:?} for a trace; there are: table, json",
                    "trace 没有输出格式 {name:?}；可用：table, json"
                )
                .meant(name, ["table", "json"]);
                Err(ErrorKind::Option { message }.into())
            }
        }
    }
}

impl TraceReport<'_> {
    /// Writes the trace.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn write(&self, form: TraceForm, lang: Lang, out: &mut dyn Write) -> Result<()> {
        match form {
            TraceForm::Table => Ok(out.write_all(self.tree(lang).as_bytes()).map_err(ErrorKind::Write)?),
            TraceForm::Json => escape::json(&self.wire(), out),
        }
    }

    fn tree(&self, lang: Lang) -> String {
        let id = terminal(self.id.as_bytes());
        let Some(first) = self.steps.first() else {
            let (en, n) = (counted(self.access, "access record"), self.access);
            return say!(
                lang,
                "No line of request {id} among {en}.\n",
                "{n} 条访问记录中没有请求 {id} 的日志行。\n"
            );
        };
        let proxies = self.steps.iter().map(|s| &s.proxy[..]).collect::<BTreeSet<&[u8]>>().len();
        let steps = self.steps.len();
        let lines_told = counted(steps as u64, "line");
        let from = if proxies == 1 { "1 proxy".to_owned() } else { format!("{proxies} proxies") };
        let mut head = vec![
            say!(lang, "request {id}", "请求 {id}"),
            terminal(&first.request),
            say!(lang, "{lines_told} of {from}", "{proxies} 个代理的 {steps} 行"),
        ];
        head.extend(first.time_us.map(rfc3339_ms));
        head.retain(|item| !item.is_empty());
        let mut out = format!("{}\n\n", head.join(" · "));
        let source = |step: &Step| {
            self.sources.get(step.source as usize).map_or("-", |source| source.name.as_str()).to_owned()
        };
        for (line, step) in lines(self.steps, lang).iter().zip(self.steps) {
            out += &format!(
                "{} ({}:{})\n",
                terminal(line.as_bytes()),
                terminal(source(step).as_bytes()),
                step.line
            );
        }
        if self.more > 0 {
            let (en, n) = (counted(self.more, "more line"), self.more);
            out += &say!(lang, "and {en}\n", "另有 {n} 行\n");
        }
        out
    }

    fn wire(&self) -> Wire<'_> {
        let mut at = 0;
        let mut hops = Vec::new();
        while at < self.steps.len() {
            hops.push(self.nested(&mut at));
        }
        Wire {
            schema: "meshwhy.trace/1",
            request_id: self.id,
            lines: self.steps.len() as u64 + self.more,
            hops,
        }
    }

    /// The step at `at` with all below it; `at` is moved behind them. Deep trees are flat from a depth on that no
    /// mesh has, so that nothing overflows.
    fn nested(&self, at: &mut usize) -> HopRow<'_> {
        const DEEPEST: usize = 60;
        let step = &self.steps[*at];
        let source = self.sources.get(step.source as usize).map_or("-", |source| source.name.as_str());
        let mut row = HopRow::of(step, source);
        *at += 1;
        while step.depth < DEEPEST && self.steps.get(*at).is_some_and(|below| below.depth > step.depth) {
            row.hops.push(self.nested(at));
        }
        row
    }
}

/// The tree as lines of text, not yet escaped for any output: after how long, how long, what came of it, who, to whom.
pub(super) fn lines(steps: &[Step], lang: Lang) -> Vec<String> {
    let rows: Vec<[String; 3]> = steps
        .iter()
        .map(|step| {
            let after = step.after_us.map_or("?".to_owned(), |us| {
                let sign = if us < 0 { "-" } else { "+" };
                format!("{sign}{}", duration(us.unsigned_abs() / 1_000))
            });
            let took = step.duration_ms.map_or("?".to_owned(), duration);
            [after, took, format!("{} {}", step.code, step.flags)]
        })
        .collect();
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2)];
    rows.iter()
        .zip(steps)
        .map(|(row, step)| {
            let [a, b, c] = widths;
            format!(
                "{:>a$}  {:>b$}  {:<c$}  {}{}",
                row[0],
                row[1],
                row[2],
                "  ".repeat(step.depth.min(40)),
                words(step, lang)
            )
        })
        .collect()
}

/// `caller web-1 → checkout.shop:8080 at 10.0.0.7:8080, attempt 2 of 3: via_upstream`.
fn words(step: &Step, lang: Lang) -> String {
    let mut out = String::new();
    if !step.side.is_empty() {
        let side = step.side;
        let zh = if side == "caller" { "调用方" } else { "被调用方" };
        out += &say!(lang, "{side} ", "{zh} ");
    }
    out += &super::hops::proxy(&step.proxy);
    if !step.upstream.is_empty() {
        out += &format!(" → {}", upstream_title(&step.upstream, lang));
    }
    if !step.host.is_empty() {
        let host = utf8(&step.host);
        out += &say!(lang, " at {host}", "（{host}）");
    }
    if let (n @ 1.., of) = step.attempt {
        out += &say!(lang, ", attempt {n} of {of}", "，第 {n}/{of} 次尝试");
    }
    if step.skew_us != 0 {
        let by = duration(step.skew_us.unsigned_abs() / 1_000);
        out += &match step.skew_us > 0 {
            true => say!(lang, ", its clock {by} ahead", "，其时钟快 {by}"),
            false => say!(lang, ", its clock {by} behind", "，其时钟慢 {by}"),
        };
    }
    if !step.details.is_empty() {
        out += &format!(": {}", utf8(&step.details));
    }
    out
}

#[derive(Serialize)]
struct Wire<'a> {
    schema: &'static str,
    request_id: &'a str,
    lines: u64,
    hops: Vec<HopRow<'a>>,
}

#[derive(Serialize)]
struct HopRow<'a> {
    proxy: Cow<'a, str>,
    side: Option<&'static str>,
    time: Option<String>,
    after_ms: Option<f64>,
    clock_ahead_ms: f64,
    duration_ms: Option<u64>,
    response_code: u16,
    flags: Vec<&'static str>,
    details: Option<Cow<'a, str>>,
    request: Option<Cow<'a, str>>,
    upstream: Option<Cow<'a, str>>,
    host: Option<Cow<'a, str>>,
    attempt: Option<u32>,
    attempts: Option<u32>,
    source: &'a str,
    line: u64,
    offset: u64,
    hops: Vec<HopRow<'a>>,
}

impl<'a> HopRow<'a> {
    fn of(step: &'a Step, source: &'a str) -> HopRow<'a> {
        let text = |bytes: &'a [u8]| (!bytes.is_empty()).then(|| utf8(bytes));
        let ms = |us: i64| us as f64 / 1e3;
        let (attempt, attempts) = step.attempt;
        HopRow {
            proxy: utf8(&step.proxy),
            side: (!step.side.is_empty()).then_some(step.side),
            time: step.time_us.map(rfc3339_ms),
            after_ms: step.after_us.map(ms),
            clock_ahead_ms: ms(step.skew_us),
            duration_ms: step.duration_ms,
            response_code: step.code,
            flags: step.flags.rows().map(|row| row.code).collect(),
            details: text(&step.details),
            request: text(&step.request),
            upstream: text(&step.upstream),
            host: text(&step.host),
            attempt: (attempts > 0).then_some(attempt),
            attempts: (attempts > 0).then_some(attempts),
            source,
            line: step.line,
            offset: step.offset,
            hops: Vec::new(),
        }
    }
}
