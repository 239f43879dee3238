//! Requests as they are counted for the whole input: a request that one log holds twice is one.
//!
//! That happens in ambient meshes only, where one program logs both ends of what it carries: ztunnel writes a line at
//! each end of a connection ([`Ends`]), and a waypoint logs the tunnel beside the requests in it. The log
//! of one end, or of tunnels alone, counts in full. Everything is worked out of finished counts, so it merges exactly.
//! Sidecars and gateways are proxies of their own: what each logs counts once for each ([`Sides`](super::Sides)).

use super::counter::{Counter, Text};
use super::{Code, Counts, Latency, Summary};
use crate::envoy::{Direction, cluster};
use crate::record::{OUTCOMES, Outcome};

/// The connections to one service as the ztunnels of both ends logged them.
///
/// Nothing in the two lines of a connection tells that they belong together (the tunnel is shared, so even the ports
/// differ), but each end writes one line a connection. So of a service's connections that came to both, the end with
/// fewer lines tells of none that the other does not. Where the ends are not of one mind about a connection, the worse
/// is true: it failed at one of them. All that is decided when all is counted: so it does not depend on the order of the
/// lines, and merges exactly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ends {
    /// By the source's ztunnel.
    pub source: Counts,
    /// By the destination's.
    pub destination: Counts,
    /// By the source's ztunnel, which could not reach the destination's: nobody else knows of them.
    pub unreached: Counts,
}

packed!(Ends { source, destination, unreached });

/// Outcomes, the less telling first: what a policy refused is why something else broke.
const BY_WEIGHT: [Outcome; OUTCOMES.len()] = [
    Outcome::Ok,
    Outcome::ClientGone,
    Outcome::ClientError,
    Outcome::AppError,
    Outcome::ProxyError,
    Outcome::Denied,
];

impl Ends {
    /// Counts connections that one end logged.
    pub fn add(&mut self, direction: Direction, unreached: bool, outcome: Outcome, n: u64) {
        match direction {
            Direction::Outbound if unreached => self.unreached.add(outcome, n),
            Direction::Outbound => self.source.add(outcome, n),
            Direction::Inbound => self.destination.add(outcome, n),
        }
    }

    pub(super) fn merge(&mut self, later: Ends) {
        self.source.merge(later.source);
        self.destination.merge(later.destination);
        self.unreached.merge(later.unreached);
    }

    /// Lines that stand for the same connections as lines of the other end.
    fn in_both(&self) -> Counts {
        let mut both = Counts::default();
        for &outcome in &OUTCOMES {
            both.add(outcome, self.source.of(outcome).min(self.destination.of(outcome)));
        }
        // What is left has another outcome at each end.
        let mut rest = self.source;
        rest.merge(self.destination);
        let rest = rest.without(both).without(both);
        let connections = self.source.requests().min(self.destination.requests());
        let mut unlike = connections - both.requests();
        for outcome in BY_WEIGHT {
            let n = rest.of(outcome).min(unlike);
            both.add(outcome, n);
            unlike -= n;
        }
        both
    }
}

/// Totals of the input, nothing counted twice.
#[derive(Debug, Clone, PartialEq)]
pub struct Totals {
    /// Requests by outcome.
    pub counts: Counts,
    /// HTTP status codes.
    pub codes: Counter<Code>,
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
        totals.codes.less(&Code(0), ends.requests());
        let waypoint = self.upstreams.keys().any(|name| name.starts_with(b"inbound-vip|"));
        for (name, upstream) in &self.upstreams {
            if !(waypoint && cluster::is_tunnel(name)) {
                totals.latency.merge(&upstream.latency);
                continue;
            }
            totals.carriers += upstream.counts.requests();
            totals.counts = totals.counts.without(upstream.counts);
            upstream.codes.iter().for_each(|(code, n)| totals.codes.less(code, n));
            upstream.flags.iter().for_each(|(flag, n)| totals.flags.less(flag, n));
        }
        if waypoint {
            self.tunnel_flag_sets.iter().for_each(|(set, n)| totals.flag_sets.less(set, n));
        }
        self.other_upstreams.iter().for_each(|other| totals.latency.merge(&other.latency));
        totals
    }

    /// The row of what has no upstream, without the other ends of ztunnel's connections, which all stand there.
    pub fn no_upstream_once(&self) -> (Counts, Counter<Code>) {
        let (ends, mut codes) = (self.other_ends(), self.no_upstream.codes.clone());
        codes.less(&Code(0), ends.requests());
        (self.no_upstream.counts.without(ends), codes)
    }

    fn other_ends(&self) -> Counts {
        let mut all = Counts::default();
        self.ends.values().for_each(|ends| all.merge(ends.in_both()));
        all
    }
}
