//! The incident report as JSON, schema `meshwhy.report/1`: the triage's keys, and what belongs to the incidents. The
//! schema itself is `docs/schema/report.json`.

use std::borrow::Cow;
use std::io::Write;

use serde::Serialize;

use super::escape::utf8;
use super::json::{LatencyRow, Triage, fraction};
use super::redact::Redactor;
use super::story::telling;
use super::{Account, Hide, Narrator};
use crate::error::{ErrorKind, Result};
use crate::incident::{Incident, Load, Window};
use crate::record::time::rfc3339_ms;

/// The narrator.
pub(super) struct IncidentJson;

impl Narrator for IncidentJson {
    fn name(&self) -> &'static str {
        "json"
    }

    fn narrate(&self, account: &Account<'_>, out: &mut dyn Write) -> Result<()> {
        let mut triage = Triage::of(&account.report);
        triage.schema = "meshwhy.report/1";
        let hide = account.hide;
        if hide != Hide::default() {
            let redact = Redactor::of(hide, account.report.summary);
            for (row, finding) in triage.findings.iter_mut().zip(account.report.findings) {
                for (row, exemplar) in row.exemplars.iter_mut().zip(&finding.exemplars) {
                    row.raw = Cow::Owned(redact.exemplar(exemplar));
                }
            }
        }
        let rows = account.incidents.iter().map(|i| IncidentRow::of(i, account)).collect();
        let whole = Whole { triage, incidents: rows, slo: account.slo_percent };
        serde_json::to_writer_pretty(&mut *out, &whole).map_err(|e| ErrorKind::Write(e.into()))?;
        out.write_all(b"\n").map_err(ErrorKind::Write)?;
        Ok(())
    }
}

#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    triage: Triage<'a>,
    incidents: Vec<IncidentRow<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slo: Option<f64>,
}

#[derive(Serialize)]
struct IncidentRow<'a> {
    onset: String,
    end: Option<String>,
    last_failure: String,
    peak: String,
    peak_failed: u64,
    resolution_seconds: i64,
    began_before_log: bool,
    steady: bool,
    upstreams: Vec<Option<Cow<'a, str>>>,
    findings: Vec<&'a str>,
    requests: u64,
    failed: u64,
    failure_rate: f64,
    baseline_rate: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_budget_spent: Option<f64>,
    before: LoadRow,
    during: LoadRow,
    after: LoadRow,
}

#[derive(Serialize)]
struct LoadRow {
    seconds: f64,
    requests: u64,
    failed: u64,
    latency_ms: LatencyRow,
}

impl<'a> IncidentRow<'a> {
    fn of(incident: &'a Incident, account: &Account<'a>) -> IncidentRow<'a> {
        let window = Window::of(incident, account.report.summary, account.detail);
        let mut findings: Vec<&str> = Vec::new();
        for finding in telling(account.report.findings, incident) {
            if !findings.contains(&finding.id.as_str()) {
                findings.push(&finding.id);
            }
        }
        let requests = account.report.summary.counts.requests() as f64;
        let budget = |slo: f64| incident.failed as f64 * 100.0 / (requests * (100.0 - slo));
        IncidentRow {
            onset: rfc3339_ms(incident.onset_us),
            end: incident.end_us().map(rfc3339_ms),
            last_failure: rfc3339_ms(incident.last_us),
            peak: rfc3339_ms(incident.peak_us),
            peak_failed: incident.peak_failed,
            resolution_seconds: incident.resolution_s,
            began_before_log: incident.began_before,
            steady: incident.steady,
            upstreams: incident.upstreams.iter().map(|name| name.as_deref().map(utf8)).collect(),
            findings,
            requests: incident.requests,
            failed: incident.failed,
            failure_rate: fraction(incident.failed, incident.requests),
            baseline_rate: fraction(incident.baseline_failed, incident.baseline_requests),
            error_budget_spent: account.slo_percent.map(budget).filter(|spent| spent.is_finite()),
            before: LoadRow::of(&window.before),
            during: LoadRow::of(&window.during),
            after: LoadRow::of(&window.after),
        }
    }
}

impl LoadRow {
    fn of(load: &Load) -> LoadRow {
        LoadRow {
            seconds: load.us as f64 / 1e6,
            requests: load.requests,
            failed: load.failed,
            latency_ms: LatencyRow::of(&load.latency),
        }
    }
}
