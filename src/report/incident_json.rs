//! The incident report as JSON, schema `meshwhy.report/1`: the triage's keys, and what belongs to the incidents. The
//! schema itself is `docs/schema/report.json`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write;

use serde::Serialize;

use super::escape::{self, utf8};
use super::json::{LatencyRow, Triage, fraction};
use super::redact::Redactor;
use super::story::{KINDS, Kind, telling};
use super::{Account, Hide, Narrator};
use crate::error::Result;
use crate::incident::{Harm, Incident, Load, Window, distinct_ids};
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
        let redact = Redactor::of(account.hide, account.report.summary);
        if account.hide != Hide::default() {
            triage.rewrite_quotes(|text| redact.prose(text));
            for (row, finding) in triage.findings.iter_mut().zip(account.report.findings) {
                for (row, exemplar) in row.exemplars.iter_mut().zip(&finding.exemplars) {
                    row.raw = Cow::Owned(redact.exemplar(exemplar));
                }
            }
        }
        let rows = account.incidents.iter().map(|i| IncidentRow::of(i, account, &redact)).collect();
        let whole = Whole { triage, incidents: rows, slo: account.slo_percent };
        escape::json(&whole, out)
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
    kind: &'static str,
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
    denied: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_budget_spent: Option<f64>,
    before: LoadRow,
    during: LoadRow,
    after: LoadRow,
    hit: AroundRow,
    impact: BTreeMap<&'static str, Vec<ShareRow>>,
    distinct_clients: u64,
    distinct_request_ids: u64,
}

/// Of the upstreams that were hit.
#[derive(Serialize)]
struct AroundRow {
    before: LoadRow,
    during: LoadRow,
    after: LoadRow,
}

#[derive(Serialize)]
struct ShareRow {
    name: String,
    requests: u64,
    hit: u64,
    requests_before: u64,
    hit_before: u64,
}

#[derive(Serialize)]
struct LoadRow {
    seconds: f64,
    requests: u64,
    failed: u64,
    latency_ms: LatencyRow,
}

impl<'a> IncidentRow<'a> {
    fn of(incident: &'a Incident, account: &Account<'a>, redact: &Redactor) -> IncidentRow<'a> {
        let window = Window::of(incident, account.report.summary, account.detail);
        let mut findings: Vec<&str> = Vec::new();
        for finding in telling(account.report.findings, incident) {
            if !findings.contains(&finding.id.as_str()) {
                findings.push(&finding.id);
            }
        }
        let requests = account.report.summary.counts.requests() as f64;
        let (failed, baseline_rate) = match incident.harm {
            Harm::Failed => (incident.failed, fraction(incident.baseline_failed, incident.baseline_requests)),
            Harm::Denied => {
                let upstreams = account.report.summary.upstreams.iter();
                let mine = upstreams.filter(|(name, _)| incident.counts(Some(&name[..])));
                let all: u64 = mine.map(|(_, u)| u.counts.failed()).sum();
                let elsewhere = all.saturating_sub(window.hits.failed);
                (window.hits.failed, fraction(elsewhere, incident.baseline_requests))
            }
        };
        let denied = if incident.harm == Harm::Denied { incident.failed } else { window.hits.denied };
        let budget = |slo: f64| failed as f64 * 100.0 / (requests * (100.0 - slo));
        IncidentRow {
            kind: match incident.harm {
                Harm::Failed => "failures",
                Harm::Denied => "denials",
            },
            onset: rfc3339_ms(incident.began_us),
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
            failed,
            failure_rate: fraction(failed, incident.requests),
            baseline_rate,
            denied,
            error_budget_spent: account.slo_percent.map(budget).filter(|spent| spent.is_finite()),
            before: LoadRow::of(&window.all.before),
            during: LoadRow::of(&window.all.during),
            after: LoadRow::of(&window.all.after),
            hit: AroundRow {
                before: LoadRow::of(&window.hit.before),
                during: LoadRow::of(&window.hit.during),
                after: LoadRow::of(&window.hit.after),
            },
            impact: KINDS
                .into_iter()
                .map(|kind| (kind.name(), shares(kind, incident, account, redact)))
                .collect(),
            distinct_clients: Kind::Caller.shares(incident, account.detail, true).failed().len() as u64,
            distinct_request_ids: distinct_ids(&account.detail.request_ids, incident).0,
        }
    }
}

/// Values named of each kind.
const NAMED: usize = 100;

/// What was hit, by value, most hits first.
fn shares(kind: Kind, incident: &Incident, account: &Account<'_>, redact: &Redactor) -> Vec<ShareRow> {
    let shares = kind.shares(incident, account.detail, true);
    let named = shares.failed().into_iter().take(NAMED).filter_map(|(name, hit)| {
        let row = shares.rows.get(name)?;
        Some(ShareRow {
            name: kind.shown(name, redact),
            requests: row.requests,
            hit,
            requests_before: row.requests_before,
            hit_before: row.failed_before,
        })
    });
    named.collect()
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
