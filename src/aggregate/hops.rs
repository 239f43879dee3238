//! What is known of both sides of requests, once the join has been made: plain results, told by every output.
//!
//! The join itself is made in the room `join`; here is only what it found, so that the diagnosis and the reports can
//! read it where they read all counts.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut};
use std::sync::LazyLock;

use super::{Latency, Text};
use crate::envoy::FlagSet;

/// Requests and how many of them failed, as one side saw them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// Log records.
    pub requests: u64,
    /// Of them, failed: by the upstream or by the proxy.
    pub failed: u64,
}

packed!(Seen { requests, failed });

impl Seen {
    /// Adds other counts.
    pub fn add(&mut self, other: Seen) {
        self.requests += other.requests;
        self.failed += other.failed;
    }
}

/// What the other side of the records of one symptom looked like. Numbers are of the records that the join kept.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Link {
    /// Records of the symptom that the join looked at.
    pub seen: u64,
    /// Of them, those whose other side was found.
    pub paired: u64,
    /// Other sides by the digest of their symptom.
    pub with: BTreeMap<u64, u64>,
    /// Other sides that were fine: the callee served it, or the caller got an answer after a retry.
    pub fine: u64,
    /// Records of the symptom whose connection was looked for.
    pub connections: u64,
    /// Connections on which the callee's listener matched no filter chain.
    pub unmatched: u64,
    /// Requests that the callee's proxy, whose log is here, never saw.
    pub missing: u64,
    /// Records of callees for the records of callers: more than one each are retries.
    pub attempts: u64,
    /// Where the time went; but for the whole of it.
    pub times: Times,
}

/// Where the time of paired requests went. Most of thousands of rows have none of it: these hold a pointer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Times(Option<Box<Spent>>);

/// Milliseconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Spent {
    /// Of the whole request, at the caller's proxy.
    pub total: Latency,
    /// Between the proxies.
    pub network: Latency,
    /// In the callee's proxy.
    pub queue: Latency,
    /// In the callee's application.
    pub application: Latency,
}

impl Deref for Times {
    type Target = Spent;

    fn deref(&self) -> &Spent {
        static NONE: LazyLock<Spent> = LazyLock::new(Spent::default);
        self.0.as_deref().unwrap_or_else(|| &NONE)
    }
}

impl DerefMut for Times {
    fn deref_mut(&mut self) -> &mut Spent {
        self.0.get_or_insert_default()
    }
}

impl Times {
    /// Adds other times.
    pub fn merge(&mut self, other: &Times) {
        let Some(other) = &other.0 else { return };
        self.total.merge(&other.total);
        self.network.merge(&other.network);
        self.queue.merge(&other.queue);
        self.application.merge(&other.application);
    }
}

/// By how much two proxies' clocks differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skew {
    /// How far the callee's clock is ahead of the caller's, microseconds; negative: behind.
    pub offset_us: i64,
    /// Requests it was estimated from.
    pub requests: u64,
    /// What a request takes between the proxies, microseconds: what the offset is compared with.
    pub hop_us: i64,
}

impl Skew {
    /// True when the clocks differ by more than a hop takes, so that times of the two logs cannot be compared.
    pub fn exceeds_hop(&self) -> bool {
        self.requests >= 3 && self.offset_us.abs() > self.hop_us.max(5_000)
    }
}

/// From one proxy to one upstream.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Edge {
    /// Pod or input that the caller's lines come from; `None`: the lines of all callers, not told apart.
    pub caller: Option<Text>,
    /// Cluster as the caller's proxy logs it.
    pub upstream: Text,
    /// Pods or inputs that the callees' lines come from.
    pub callees: BTreeSet<Text>,
    /// As the caller's log has it.
    pub by_caller: Seen,
    /// As the callees' logs have it; `None`: their logs are not in the input.
    pub by_callee: Option<Seen>,
    /// Requests of which both sides were looked at.
    pub paired: u64,
    /// Of these, failed for the caller although the callee served them.
    pub caller_only: u64,
    /// Of these, failed at a callee although the caller was served: hidden by a retry.
    pub callee_only: u64,
    /// Callees' records of the paired requests.
    pub attempts: u64,
    /// Requests that reached the callees again after an attempt that went wrong.
    pub retried: u64,
    /// Of these, served in the end: failures that no caller saw.
    pub hidden: u64,
    /// Attempts of the retried requests beyond the first.
    pub again: u64,
    /// Symptoms, by their digest, of the attempts that went wrong.
    pub retried_for: BTreeSet<u64>,
    /// Failures of the caller that no callee's proxy has a line of.
    pub missing: u64,
    /// Where the time of the paired requests went.
    pub times: Times,
    /// How the clocks differ; `None`: not enough requests.
    pub skew: Option<Skew>,
}

impl Edge {
    /// Adds what is known of another caller's requests to the same upstream, save what the logs count whole.
    pub fn merge(&mut self, other: Edge) {
        self.callees.extend(other.callees);
        self.paired += other.paired;
        self.caller_only += other.caller_only;
        self.callee_only += other.callee_only;
        self.attempts += other.attempts;
        self.retried += other.retried;
        self.hidden += other.hidden;
        self.again += other.again;
        self.retried_for.extend(other.retried_for);
        self.missing += other.missing;
        self.times.merge(&other.times);
    }
}

/// One line of a request's tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Hops above it.
    pub depth: usize,
    /// Start, microseconds since 1970, as logged.
    pub time_us: Option<i64>,
    /// Start after the first line of the request, corrected for the clock; microseconds.
    pub after_us: Option<i64>,
    /// How far its clock seems ahead of the clock of the line above it, microseconds; 0: nothing speaks for it.
    pub skew_us: i64,
    /// Duration, milliseconds.
    pub duration_ms: Option<u64>,
    /// HTTP status.
    pub code: u16,
    /// Response flags.
    pub flags: FlagSet,
    /// What the proxy said of it.
    pub details: Text,
    /// Method and path.
    pub request: Text,
    /// Pod or input.
    pub proxy: Text,
    /// `caller`, `callee`, `tunnel` or empty.
    pub side: &'static str,
    /// Cluster as logged.
    pub upstream: Text,
    /// Endpoint, or the address at which a callee was reached.
    pub host: Text,
    /// Which attempt this is, from 1, and of how many; 0 of 0: not one of several.
    pub attempt: (u32, u32),
    /// Number of the source.
    pub source: u32,
    /// Line in the source, from 1.
    pub line: u64,
    /// Byte in the source, from 0.
    pub offset: u64,
}

/// What the join found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Hops {
    /// Who calls whom, by caller and upstream.
    pub edges: Vec<Edge>,
    /// Edges beyond the cap.
    pub other_edges: u64,
    /// Symptoms by their digest.
    pub links: BTreeMap<u64, Link>,
    /// The lines of requests that stand as examples, by request id.
    pub traces: BTreeMap<Text, Vec<Step>>,
    /// The inputs were read a second time for the well-answered sides of failing requests.
    pub complete: bool,
    /// Of a million failing requests, the lines of so many were looked at: all, unless there are more than are kept.
    pub kept_of_million: u64,
}

impl Hops {
    /// What is known of the other side of a symptom's records.
    pub fn link(&self, key: &super::SymptomKey) -> Option<&Link> {
        if self.links.is_empty() { None } else { self.links.get(&key.digest()) }
    }
}
