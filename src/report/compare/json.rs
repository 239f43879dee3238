//! The comparison as JSON, schema `meshwhy.compare/1` (`docs/schema/compare.json`).

use std::borrow::Cow;
use std::io::Write;

use serde::Serialize;

use super::super::escape::{self, utf8};
use super::super::json::fraction;
use super::{Change, Comparison, Share, Side, Verdict, What};
use crate::diagnosis::Suppressed;
use crate::error::Result;
use crate::record::time::rfc3339_ms;
use crate::words::Lang;

pub(super) fn write(comparison: &Comparison<'_>, out: &mut dyn Write) -> Result<()> {
    let whole = Whole {
        schema: "meshwhy.compare/1",
        regressed: comparison.regressed(),
        significance_level: comparison.level,
        before: SideRow::of(comparison.before),
        after: SideRow::of(comparison.after),
        changes: comparison.changes.iter().map(ChangeRow::of).collect(),
        warnings: comparison.warnings(),
    };
    escape::json(&whole, out)
}

#[derive(Serialize)]
struct Whole<'a> {
    schema: &'static str,
    regressed: bool,
    significance_level: f64,
    before: SideRow,
    after: SideRow,
    changes: Vec<ChangeRow<'a>>,
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct SideRow {
    first_time: Option<String>,
    last_time: Option<String>,
    requests: u64,
    failed: u64,
    failure_rate: f64,
    suppressed: Vec<KnownRow>,
}

/// A finding that the user knows already.
#[derive(Serialize)]
struct KnownRow {
    id: String,
    scope: String,
    until: String,
    reason: Option<String>,
    requests: u64,
}

#[derive(Serialize)]
struct ChangeRow<'a> {
    verdict: &'static str,
    what: &'static str,
    scope: Option<&'a str>,
    upstream: Option<Cow<'a, str>>,
    cause: Option<&'a str>,
    minor: bool,
    p: f64,
    before: ShareRow,
    after: ShareRow,
}

#[derive(Serialize)]
struct ShareRow {
    requests: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    hits: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<Quantiles>,
}

#[derive(Serialize)]
struct Quantiles {
    p50: u64,
    p90: u64,
    p99: u64,
}

impl SideRow {
    fn of(side: Side<'_>) -> SideRow {
        let summary = side.summary;
        let counts = summary.totals().counts;
        let (requests, failed) = (counts.requests(), counts.failed());
        SideRow {
            first_time: summary.span.first_us().map(rfc3339_ms),
            last_time: summary.span.last_us().map(rfc3339_ms),
            requests,
            failed,
            failure_rate: fraction(failed, requests),
            suppressed: side.suppressed.iter().map(KnownRow::of).collect(),
        }
    }
}

impl KnownRow {
    fn of(known: &Suppressed) -> KnownRow {
        KnownRow {
            id: known.finding.id.clone(),
            scope: known.finding.scope.title(Lang::En),
            until: known.until.clone(),
            reason: known.reason.clone(),
            requests: known.finding.requests,
        }
    }
}

impl<'a> ChangeRow<'a> {
    fn of(change: &'a Change) -> ChangeRow<'a> {
        let side = |share: Share, at: usize| match change.latency {
            Some(sides) => {
                let [p50, p90, p99] = sides[at];
                let latency_ms = Some(Quantiles { p50, p90, p99 });
                ShareRow { requests: share.of, hits: None, rate: None, latency_ms }
            }
            None => ShareRow {
                requests: share.of,
                hits: Some(share.hits),
                rate: Some(fraction(share.hits, share.of)),
                latency_ms: None,
            },
        };
        ChangeRow {
            verdict: match change.verdict {
                Verdict::New => "new",
                Verdict::Worse => "worse",
                Verdict::Better => "better",
                Verdict::Gone => "gone",
                Verdict::Same => "same",
                Verdict::Unknown => "unknown",
            },
            what: match change.what {
                What::Failures => "failures",
                What::Cause => "cause",
                What::Latency => "latency",
            },
            scope: change.scope.as_deref(),
            upstream: change.upstream.as_deref().map(utf8),
            cause: change.cause.as_ref().map(|(id, _)| id.as_str()),
            minor: change.minor,
            p: change.p,
            before: side(change.before, 0),
            after: side(change.after, 1),
        }
    }
}
