//! The screen for an input without any access record: what it was instead, and what to do.

use std::io;

use super::text::{Sheet, Tone, shortened};
use crate::report::escape::terminal;
use crate::report::units::{count, counted};
use crate::report::{Report, quality};

/// `standard input`, a path, or the number of inputs.
pub(super) fn sources(report: &Report<'_>) -> String {
    match report.sources {
        [] => "no input".to_owned(),
        [one] if one.name == "-" => "standard input".to_owned(),
        [one] => shortened(&terminal(one.name.as_bytes()), 60),
        many => counted(many.len() as u64, "input"),
    }
}

pub(super) fn to_read(report: &Report<'_>, sheet: &mut Sheet<'_>) -> io::Result<()> {
    let lines = &report.summary.lines;
    let from = sources(report);
    let answer = if lines.total == 0 {
        format!("Nothing to read: {from} is empty.")
    } else if report.filtered > 0 {
        format!("None of {} from {from} passed the filters.", counted(report.filtered, "access record"))
    } else if lines.rejected > 0 {
        format!(
            "No readable access-log line in {} from {from}: {} of them look like one.",
            counted(lines.total, "line"),
            count(lines.rejected)
        )
    } else if lines.proxy > 0 {
        format!(
            "No access-log line in {} from {from}: {} of the proxy's own log, so access logging seems to be off.",
            counted(lines.total, "line"),
            counted(lines.proxy, "line")
        )
    } else {
        format!(
            "No access-log line in {} from {from}: these look like an application's log.",
            counted(lines.total, "line")
        )
    };
    sheet.labelled("", 0, &answer)?;
    if report.filtered > 0 || quality::rejects(report.summary).is_some() {
        return Ok(());
    }
    if lines.proxy == 0 {
        sheet.line("Access logs are in the proxy's container, istio-proxy:")?;
        sheet.line("    kubectl logs deploy/productpage -c istio-proxy | meshwhy")?;
    }
    switch_on(sheet)
}

/// A resource that can be applied as it stands; the heredoc's end must stand at the line's start.
fn switch_on(sheet: &mut Sheet<'_>) -> io::Result<()> {
    sheet.line("Access logging is off unless it was switched on; for the whole mesh:")?;
    sheet.blank()?;
    for line in [
        "kubectl apply -f - <<'END'",
        "apiVersion: telemetry.istio.io/v1",
        "kind: Telemetry",
        "metadata: {name: access-logs, namespace: istio-system}",
        "spec: {accessLogging: [{providers: [{name: envoy}]}]}",
        "END",
    ] {
        sheet.line(line)?;
    }
    sheet.blank()?;
    let other = "or set meshConfig.accessLogFile to /dev/stdout in the Istio installation";
    sheet.line(&sheet.paint(Tone::Dim, other))
}
