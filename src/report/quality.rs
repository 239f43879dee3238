//! What the counts say about the data itself.

use super::units::{count, counted};
use crate::aggregate::Summary;
use crate::diagnosis::only_failures;

/// Warnings in words, most important first.
pub(super) fn warnings(summary: &Summary) -> Vec<String> {
    let lines = &summary.lines;
    let mut out = Vec::new();
    if only_failures(summary) {
        out.push(
            "the log holds almost only failures: either everything fails, or successes are not logged \
             (a Telemetry filter, sampling); rates are not meaningful"
                .to_owned(),
        );
    }
    if lines.without_flags > 0 {
        out.push(format!(
            "{} a format without response flags: causes are told by code and details only. Add them to the mesh's \
             format, as in \"%RESPONSE_CODE% %RESPONSE_FLAGS%\" (JSON: \"response_flags\": \"%RESPONSE_FLAGS%\"), or remove \
             accessLogFormat: Istio's default has them",
            of_records(lines.without_flags, "has", "have")
        ));
    }
    if lines.without_time > 0 {
        out.push(format!(
            "{} no time and {} missing from the timeline",
            of_records(lines.without_time, "has", "have"),
            if lines.without_time == 1 { "is" } else { "are" }
        ));
    }
    if lines.incomplete > 0 {
        out.push(format!("{} cut at the end", of_records(lines.incomplete, "was", "were")));
    }
    if partial(summary) {
        out.push(
            "some tables reached their limit: totals are exact, the rest is counted as other".to_owned(),
        );
    }
    out
}

fn of_records(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", counted(n, "record"), if n == 1 { one } else { many })
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
pub(super) fn rejects(summary: &Summary) -> Option<(String, String)> {
    let lines = &summary.lines;
    let mut reasons: Vec<_> = lines.reject_reasons.iter().map(|(reason, n)| (*reason, *n)).collect();
    if reasons.is_empty() {
        return None;
    }
    reasons.sort_by_key(|(reason, n)| (std::cmp::Reverse(*n), *reason));
    let share = |n: u64| if n == lines.rejected { String::new() } else { format!(" ({})", count(n)) };
    let mut named: Vec<String> =
        reasons.iter().take(REASONS).map(|(reason, n)| format!("{}{}", reason.text(), share(*n))).collect();
    if let Some(more) = reasons.len().checked_sub(REASONS).filter(|more| *more > 0) {
        named.push(counted(more as u64, "more reason"));
    }
    let mut advice: Vec<String> = Vec::new();
    for (reason, _) in reasons.iter().take(REASONS) {
        let sentence = capital(reason.advice());
        if !advice.contains(&sentence) {
            advice.push(sentence);
        }
    }
    let look = if lines.rejected == 1 { "looks like an access line" } else { "look like access lines" };
    let text = format!("{} {look} and cannot be read: {}", counted(lines.rejected, "line"), named.join("; "));
    Some((text, advice.join(". ")))
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
