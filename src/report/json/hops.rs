//! Who calls whom.

use serde::Serialize;

use super::{LatencyRow, Words};
use crate::aggregate::{Edge, Summary};
use crate::report::escape::utf8;

#[derive(Serialize)]
pub(super) struct HopRow<'a> {
    caller: Option<Words<'a>>,
    upstream: Words<'a>,
    callees: Vec<Words<'a>>,
    requests: u64,
    failed: u64,
    callee_requests: Option<u64>,
    callee_failed: Option<u64>,
    compared: u64,
    failed_only_for_caller: u64,
    failed_only_at_callee: u64,
    never_arrived: u64,
    attempts: u64,
    retried: u64,
    retried_and_served: u64,
    latency_ms: LatencyRow,
    between_ms: LatencyRow,
    callee_proxy_ms: LatencyRow,
    callee_application_ms: LatencyRow,
    clock_ahead_ms: Option<f64>,
}

/// Rows by failures, then requests, then names.
pub(super) fn rows(summary: &Summary) -> Vec<HopRow<'_>> {
    summary.hops.edges.iter().map(HopRow::of).collect()
}

impl<'a> HopRow<'a> {
    fn of(edge: &'a Edge) -> HopRow<'a> {
        HopRow {
            caller: edge.caller.as_deref().map(utf8),
            upstream: utf8(&edge.upstream),
            callees: edge.callees.iter().map(|name| utf8(name)).collect(),
            requests: edge.by_caller.requests,
            failed: edge.by_caller.failed,
            callee_requests: edge.by_callee.map(|seen| seen.requests),
            callee_failed: edge.by_callee.map(|seen| seen.failed),
            compared: edge.paired,
            failed_only_for_caller: edge.caller_only,
            failed_only_at_callee: edge.callee_only,
            never_arrived: edge.missing,
            attempts: edge.attempts,
            retried: edge.retried,
            retried_and_served: edge.hidden,
            latency_ms: LatencyRow::of(&edge.times.total),
            between_ms: LatencyRow::of(&edge.times.network),
            callee_proxy_ms: LatencyRow::of(&edge.times.queue),
            callee_application_ms: LatencyRow::of(&edge.times.application),
            clock_ahead_ms: edge.skew.map(|skew| skew.offset_us as f64 / 1e3),
        }
    }
}
