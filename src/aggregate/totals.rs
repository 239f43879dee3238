//! Requests as they are counted for the whole input: a request that one log holds twice is one.
//!
//! That happens in ambient meshes only, where one program logs both ends of what it carries: ztunnel writes a line at
//! each end of a connection ([`Ends`](super::Ends)), and a waypoint logs the tunnel beside the requests in it. The log
//! of one end, or of tunnels alone, counts in full. Everything is worked out of finished counts, so it merges exactly.
//! Sidecars and gateways are proxies of their own: what each logs counts once for each ([`Sides`](super::Sides)).

use std::collections::BTreeMap;

use super::counter::{Counter, Text};
use super::{Counts, Latency, Summary};
use crate::envoy::cluster;

/// Totals of the input, nothing counted twice.
#[derive(Debug, Clone, PartialEq)]
pub struct Totals {
    /// Requests by outcome.
    pub counts: Counts,
    /// HTTP status codes.
    pub codes: BTreeMap<u16, u64>,
    /// Flags by short name.
    pub flags: Counter<Text>,
    /// Flag sets.
    pub flag_sets: Counter<Text>,
    /// Durations.
    pub latency: Latency,
    /// Lines of ztunnel whose connection is counted by the line of its other end.
    pub other_ends: u64,
    /// Lines of a waypoint's tunnels whose requests are counted.
    pub carriers: u64,
}

impl Summary {
    /// The totals.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals {
            counts: self.counts,
            codes: self.codes.clone(),
            flags: self.flags.clone(),
            flag_sets: self.flag_sets.clone(),
            latency: self.no_upstream.latency.clone(),
            other_ends: 0,
            carriers: 0,
        };
        let ends = self.other_ends();
        totals.other_ends = ends.requests();
        totals.counts = totals.counts.without(ends);
        // ztunnel knows no status.
        less(&mut totals.codes, 0, ends.requests());
        let waypoint = self.upstreams.keys().any(|name| name.starts_with(b"inbound-vip|"));
        for (name, upstream) in &self.upstreams {
            if !(waypoint && cluster::is_tunnel(name)) {
                totals.latency.merge(&upstream.latency);
                continue;
            }
            totals.carriers += upstream.counts.requests();
            totals.counts = totals.counts.without(upstream.counts);
            upstream.codes.iter().for_each(|(code, n)| less(&mut totals.codes, *code, *n));
            upstream.flags.iter().for_each(|(flag, n)| totals.flags.less(flag, n));
        }
        if waypoint {
            self.tunnel_flag_sets.iter().for_each(|(set, n)| totals.flag_sets.less(set, n));
        }
        self.other_upstreams.iter().for_each(|other| totals.latency.merge(&other.latency));
        totals
    }

    /// The row of what has no upstream, without the other ends of ztunnel's connections, which all stand there.
    pub fn no_upstream_once(&self) -> (Counts, BTreeMap<u16, u64>) {
        let (ends, mut codes) = (self.other_ends(), self.no_upstream.codes.clone());
        less(&mut codes, 0, ends.requests());
        (self.no_upstream.counts.without(ends), codes)
    }

    fn other_ends(&self) -> Counts {
        let mut all = Counts::default();
        self.ends.values().for_each(|ends| all.merge(ends.in_both()));
        all
    }
}

/// Takes away from a count, which goes when nothing is left.
fn less(codes: &mut BTreeMap<u16, u64>, code: u16, n: u64) {
    if let Some(count) = codes.get_mut(&code) {
        *count = count.saturating_sub(n);
        if *count == 0 {
            codes.remove(&code);
        }
    }
}
