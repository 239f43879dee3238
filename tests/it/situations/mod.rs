//! Whole situations, made up with a known truth. Each test says what must be found above a note, in which scope, how
//! severe and in which order; everything else above a note is one too many.

mod faults;
mod mixed;
mod table;
mod world;

use std::path::PathBuf;

use meshwhy::diagnosis::{Finding, Severity, diagnose};

use crate::samples::summary_of;
use world::{Log, Style};

/// What must be found: id, severity, and a part of the scope's name.
pub(crate) type Truth<'t> = (&'t str, Severity, &'t str);

/// Findings above a note must be these, in this order, and no others.
pub(crate) fn finds(name: &str, log: Log, style: Style, truth: &[Truth<'_>]) -> Vec<Finding> {
    let lines = log.written(style);
    keep(name, style, &lines, truth);
    let findings = diagnose(&summary_of(&lines));
    let loud: Vec<&Finding> = findings.iter().filter(|f| f.severity > Severity::Note).collect();
    let right = loud.len() == truth.len()
        && loud.iter().zip(truth).all(|(finding, (id, severity, scope))| {
            finding.id == *id && finding.severity == *severity && scope_of(finding).contains(scope)
        });
    assert!(right, "{name} as {style:?}: wanted {truth:?}, found\n{}", told(&findings));
    findings
}

/// A situation of more bytes is not kept.
const KEPT_BYTES: usize = 4 << 20;

/// Writes the situation and its truth into the folder of this name, for `tests/calibration.py`.
fn keep(name: &str, style: Style, lines: &[u8], truth: &[Truth<'_>]) {
    let Some(folder) = std::env::var_os("MESHWHY_SITUATIONS").map(PathBuf::from) else { return };
    // The largest only take time: they say the same at length.
    if lines.len() > KEPT_BYTES {
        return;
    }
    // Situations are made anew with other numbers under one name.
    let sum = lines.iter().fold(0u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(*byte)));
    let path = folder.join(format!("{}-{style:?}-{sum:08x}", name.replace(' ', "-")));
    let ids: Vec<&str> = truth.iter().map(|(id, ..)| *id).collect();
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    std::fs::write(path.with_extension("log"), lines).expect("the folder can be written");
    std::fs::write(path.with_extension("truth"), ids.join(" ")).expect("the folder can be written");
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
