//! Whole situations, made up with a known truth. Each test says what must be found above a note, in which scope, how
//! severe and in which order; everything else above a note is one too many.

mod faults;
mod mixed;
mod table;
mod world;

use meshwhy::diagnosis::{Finding, Severity, diagnose};

use crate::samples::summary_of;
use world::{Log, Style};

/// What must be found: id, severity, and a part of the scope's name.
pub(crate) type Truth<'t> = (&'t str, Severity, &'t str);

/// Findings above a note must be these, in this order, and no others.
pub(crate) fn finds(name: &str, log: Log, style: Style, truth: &[Truth<'_>]) -> Vec<Finding> {
    let lines = log.written(style);
    let findings = diagnose(&summary_of(&lines));
    let loud: Vec<&Finding> = findings.iter().filter(|f| f.severity > Severity::Note).collect();
    let right = loud.len() == truth.len()
        && loud.iter().zip(truth).all(|(finding, (id, severity, scope))| {
            finding.id == *id && finding.severity == *severity && scope_of(finding).contains(scope)
        });
    assert!(right, "{name} as {style:?}: wanted {truth:?}, found\n{}", told(&findings));
    findings
}

/// A finding's scope in one string.
pub(crate) fn scope_of(finding: &Finding) -> String {
    let scope = &finding.scope;
    let one = [&scope.upstream, &scope.route, &scope.authority, &scope.host, &scope.listener];
    one.into_iter()
        .flatten()
        .chain(&scope.upstreams)
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Findings as a failed test prints them.
pub(crate) fn told(findings: &[Finding]) -> String {
    findings
        .iter()
        .map(|f| {
            let evidence: Vec<String> = f
                .evidence
                .iter()
                .chain(&f.against)
                .map(|e| format!("    {} × {}\n", e.count, e.text))
                .collect();
            let others: Vec<String> =
                f.alternatives.iter().map(|a| format!("{} {:.2}", a.id, a.confidence)).collect();
            format!(
                "{} {} {:.2} {} of {} in {} (or {})\n{}",
                f.severity.name(),
                f.id,
                f.confidence,
                f.requests,
                f.of,
                scope_of(f),
                others.join(", "),
                evidence.concat()
            )
        })
        .collect()
}
