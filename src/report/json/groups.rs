//! The groups of `--by`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{LatencyRow, Tally, Words, by_failures, fraction, tally};
use crate::aggregate::{Group, Groups, Summary, Text};
use crate::arrange::Arrange;
use crate::report::escape::utf8;

#[derive(Serialize)]
pub(super) struct GroupRow<'a> {
    by: BTreeMap<&'static str, Option<Words<'a>>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    other: bool,
    requests: u64,
    failed: u64,
    failure_rate: f64,
    flags: Tally<'a>,
    latency_ms: LatencyRow,
}

/// Rows by failures, then requests, then values; `None` when nobody asked for groups.
pub(super) fn rows(summary: &Summary) -> Option<Vec<GroupRow<'_>>> {
    let groups = &summary.groups;
    if groups.by.is_empty() {
        return None;
    }
    let mut sorted: Vec<_> = groups.rows.iter().collect();
    sorted.arrange_by(|(a, x), (b, y)| by_failures(x.counts, y.counts).then_with(|| a.cmp(b)));
    let mut out: Vec<_> =
        sorted.into_iter().map(|(key, group)| GroupRow::of(groups, Some(key), group)).collect();
    out.extend(groups.other.as_deref().map(|group| GroupRow::of(groups, None, group)));
    Some(out)
}

fn value(key: Option<&[Option<Text>]>, at: usize) -> Option<Words<'_>> {
    key?.get(at)?.as_deref().map(utf8)
}

impl<'a> GroupRow<'a> {
    fn of(groups: &'a Groups, key: Option<&'a [Option<Text>]>, group: &'a Group) -> GroupRow<'a> {
        let counts = group.counts;
        GroupRow {
            by: groups.by.iter().enumerate().map(|(i, by)| (by.name(), value(key, i))).collect(),
            other: key.is_none(),
            requests: counts.requests(),
            failed: counts.failed(),
            failure_rate: fraction(counts.failed(), counts.requests()),
            flags: tally(&group.flags),
            latency_ms: LatencyRow::of(&group.latency),
        }
    }
}
