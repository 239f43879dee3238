//! What the counts say about the data itself.

use super::units::{capital, count, counted};
use crate::aggregate::Summary;
use crate::arrange::Arrange;
use crate::diagnosis::only_failures;
use crate::words::Lang;

/// Warnings in words, most important first.
pub(super) fn warnings(summary: &Summary, lang: Lang) -> Vec<String> {
    let lines = &summary.lines;
    let mut out = Vec::new();
    if only_failures(summary) {
        out.push(say!(
            lang,
            "the log holds almost only failures: either everything fails, or successes are not logged (a Telemetry \
             filter, sampling); rates are not meaningful",
            "日志里几乎只有失败的请求：要么全部失败，要么没有记录成功的请求（Telemetry 过滤或采样）；失败率没有意义"
        ));
    }
    if lines.without_flags > 0 {
        let (en, n) = (of_records(lines.without_flags, "has", "have"), count(lines.without_flags));
        out.push(say!(
            lang,
            "{en} a format without response flags: causes are told by code and details only. Add them to the mesh's \
             format, as in \"%RESPONSE_CODE% %RESPONSE_FLAGS%\" (JSON: \"response_flags\": \"%RESPONSE_FLAGS%\"), or \
             remove accessLogFormat: Istio's default has them",
            "{n} 条记录的格式没有响应标志：只能凭状态码和响应码详情判断原因。请在网格的日志格式中加上，\
             如 \"%RESPONSE_CODE% %RESPONSE_FLAGS%\"（JSON：\"response_flags\": \"%RESPONSE_FLAGS%\"），\
             或删除 accessLogFormat：Istio 的默认格式包含响应标志"
        ));
    }
    if lines.without_time > 0 {
        let (en, n) = (of_records(lines.without_time, "has", "have"), count(lines.without_time));
        let are = if lines.without_time == 1 { "is" } else { "are" };
        out.push(say!(
            lang,
            "{en} no time and {are} missing from the timeline",
            "{n} 条记录没有时间，不在时间线中"
        ));
    }
    if lines.incomplete > 0 {
        let (en, n) = (of_records(lines.incomplete, "was", "were"), count(lines.incomplete));
        out.push(say!(lang, "{en} cut at the end", "{n} 条记录的结尾被截断"));
    }
    let totals = summary.totals();
    if totals.other_ends > 0 {
        let (en, n) = (of_things(totals.other_ends, "connection", "is", "are"), count(totals.other_ends));
        out.push(say!(
            lang,
            "{en} counted once in the totals: ztunnel logged them at both ends, which the sides show",
            "{n} 个连接在总数中只计一次：ztunnel 在两端都有记录，两侧各自可见"
        ));
    }
    if totals.carriers > 0 {
        let (en, n) = (of_things(totals.carriers, "tunnel", "is", "are"), count(totals.carriers));
        out.push(say!(
            lang,
            "{en} no part of the totals: they carried requests that the waypoint logged as well",
            "{n} 个隧道不计入总数：waypoint 也记录了它们承载的请求"
        ));
    }
    if partial(summary) {
        out.push(say!(
            lang,
            "some tables reached their limit: totals are exact, the rest is counted as other",
            "部分表格达到上限：总数仍然准确，其余计入“其他”"
        ));
    }
    out
}

fn of_records(n: u64, one: &str, many: &str) -> String {
    of_things(n, "record", one, many)
}

fn of_things(n: u64, thing: &str, one: &str, many: &str) -> String {
    format!("{} {}", counted(n, thing), if n == 1 { one } else { many })
}

/// True when a table reached its cap.
pub(super) fn partial(summary: &Summary) -> bool {
    summary.other_upstreams.is_some()
        || summary.groups.other.is_some()
        || summary.other_scopes > 0
        || summary.other_symptoms > 0
        || summary.flags.other() > 0
        || summary.flag_sets.other() > 0
        || summary.codes.other() > 0
        || summary
            .upstreams
            .values()
            .chain([&summary.no_upstream])
            .any(|u| u.other_hosts.requests() > 0 || u.flags.other() > 0 || u.codes.other() > 0)
}

/// Reasons that are named; more would not change what to do.
const REASONS: usize = 3;

/// `12 lines look like access lines and cannot be read: no response code … (11)`, and what to do; `None` when there
/// are none.
pub(super) fn rejects(summary: &Summary, lang: Lang) -> Option<(String, String)> {
    let lines = &summary.lines;
    let mut reasons: Vec<_> = lines.reject_reasons.iter().map(|(reason, n)| (*reason, *n)).collect();
    if reasons.is_empty() {
        return None;
    }
    reasons.arrange_by_key(|(reason, n)| (std::cmp::Reverse(*n), *reason));
    let share = |n: u64| if n == lines.rejected { String::new() } else { lang.aside(&count(n)) };
    let shown = reasons.iter().take(REASONS);
    let mut named: Vec<String> =
        shown.clone().map(|(reason, n)| format!("{}{}", reason.text(lang), share(*n))).collect();
    if let Some(more) = reasons.len().checked_sub(REASONS).filter(|more| *more > 0) {
        let en = counted(more as u64, "more reason");
        named.push(say!(lang, "{en}", "另有 {more} 种原因"));
    }
    let mut advice: Vec<String> = Vec::new();
    for (reason, _) in shown {
        let sentence = capital(reason.advice(lang));
        if !advice.contains(&sentence) {
            advice.push(sentence);
        }
    }
    let look = if lines.rejected == 1 { "looks like an access line" } else { "look like access lines" };
    let (en, n, named) =
        (counted(lines.rejected, "line"), count(lines.rejected), named.join(lang.semicolon()));
    let text = say!(lang, "{en} {look} and cannot be read: {named}", "{n} 行像访问日志却无法读取：{named}");
    Some((text, advice.join(lang.pick(". ", "。"))))
}
