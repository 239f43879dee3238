//! Which line of one proxy is the other side of which line of another: for the lines of one request, and for the lines
//! of one connection.
//!
//! A caller names the endpoint that it chose, a callee the address at which it was reached. Where these are the same, the
//! two lines are the two ends of one hop; the connection's own two addresses decide between several. Cluster names do
//! not matter: ingress, sidecars, egress gateways and waypoints are joined in the same way.

use std::collections::BTreeMap;

use super::sight::Sight;
use crate::aggregate::without_port;
use crate::envoy::{Cluster, Direction};
use crate::record::Kind;

/// The port of ambient's tunnel: the address behind it is what was meant.
pub(super) const HBONE: &[u8] = b":15008";
/// A callee's line may begin so long before or after its caller's and still be of its attempts.
const SLACK_US: i64 = 5_000_000;
/// Lines without the ends of their connection are of one connection when they began so close to each other.
const CLOSE_US: i64 = 500_000;

/// The clocks of logs tick in milliseconds.
const TICK_US: i64 = 1_000;

/// Two lines that are the ends of one hop, as positions in the list they were found in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pair {
    /// The calling side.
    pub(super) caller: usize,
    /// The called side.
    pub(super) callee: usize,
}

/// How well two lines fit; the greater the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// The same request at the same time; the callee's format has no addresses to tell more by.
    Request,
    /// The same client asked for the same thing at the same time: an attempt that went to another endpoint.
    Attempt,
    /// The waypoint of the service that was called: it is reached at the service's address, the caller's endpoint is its own.
    Waypoint,
    /// The endpoint is the address.
    Address,
    /// Both ends of the connection are the same.
    Connection,
}

/// The hops among the lines of one request, each callee with its best caller; in order of the callees. The lines are in
/// order of time.
pub(super) fn of_request(sights: &[Sight<'_>]) -> Vec<Pair> {
    let mut out = Vec::new();
    // Callees that the same callers fit equally well.
    let mut alike: BTreeMap<(Fit, Vec<usize>), Vec<usize>> = BTreeMap::new();
    for (callee, below) in sights.iter().copied().enumerate() {
        if !below.serves() && !below.is_bare() {
            continue;
        }
        let fits: Vec<(Fit, usize)> = sights
            .iter()
            .enumerate()
            .filter(|(caller, _)| *caller != callee)
            .filter_map(|(caller, above)| Some((fit(*above, below)?, caller)))
            .collect();
        let Some(best) = fits.iter().map(|(fit, _)| *fit).max() else { continue };
        let callers: Vec<usize> =
            fits.into_iter().filter(|(fit, _)| *fit == best).map(|(_, at)| at).collect();
        alike.entry((best, callers)).or_default().push(callee);
    }
    for ((_, callers), callees) in alike {
        let inside =
            |callee: &usize| callers.iter().any(|at| encloses(sights[*at], sights[*callee], TICK_US));
        // Where the clocks differ, nearness says nothing; the order of the calls is the same on both sides.
        if callers.len() == callees.len() && !callees.iter().all(inside) {
            out.extend(callers.into_iter().zip(callees).map(|(caller, callee)| Pair { caller, callee }));
            continue;
        }
        for callee in callees {
            let apart = |caller: &usize| distance(sights[*caller], sights[callee]);
            let nearest = callers.iter().copied().min_by_key(|caller| (apart(caller), *caller));
            out.extend(nearest.map(|caller| Pair { caller, callee }));
        }
    }
    out.sort_by_key(|pair| pair.callee);
    out
}

fn fit(above: Sight<'_>, below: Sight<'_>) -> Option<Fit> {
    if !above.calls() || above.kind != below.kind {
        return None;
    }
    let elsewhere = above.proxy() != below.proxy();
    if below.is_bare() {
        return (elsewhere && same_request(above, below)).then_some(Fit::Request);
    }
    // Two attempts of one proxy to a pod called by its address look like a hop; so does a line and itself.
    if below.direction == Some(Direction::Outbound) && !elsewhere {
        return None;
    }
    let connection = !below.client().is_empty() && above.upstream_local() == below.client();
    if same_server(above.host(), below.listener()) {
        return Some(if connection { Fit::Connection } else { Fit::Address });
    }
    if elsewhere && through_waypoint(above, below) && within(above, below) {
        return Some(Fit::Waypoint);
    }
    let attempt = below.direction == Some(Direction::Inbound)
        && above.direction == Some(Direction::Outbound)
        && above.request() == below.request()
        && tried_elsewhere(above)
        && port(above.host()) == port(below.listener())
        && within(above, below);
    attempt.then_some(Fit::Attempt)
}

/// True when a line without addresses can be the called side: the caller's machine answered it, or its application did,
/// or nobody. Of two lines without addresses the longer is the caller's.
fn same_request(above: Sight<'_>, below: Sight<'_>) -> bool {
    let machine = without_port(below.host());
    let there = machine.is_empty() || machine == without_port(above.host()) || machine.starts_with(b"127.");
    let outer = match above.is_bare() {
        true => encloses(above, below, 0) && !encloses(below, above, 0),
        false => above.direction == Some(Direction::Outbound) && within(above, below),
    };
    there && outer && above.request() == below.request()
}

/// True when a line lies within another one, give or take, as a callee's lies within its caller's.
fn encloses(above: Sight<'_>, below: Sight<'_>, slack_us: i64) -> bool {
    match (above.time_us, above.end_us(), below.time_us, below.end_us()) {
        (Some(start), Some(end), Some(from), Some(to)) => start - slack_us <= from && to <= end + slack_us,
        _ => false,
    }
}

/// True when the called side is the waypoint of the very service that the calling side names.
fn through_waypoint(above: Sight<'_>, below: Sight<'_>) -> bool {
    let (service, called) = (Cluster::parse(below.cluster()), Cluster::parse(above.cluster()));
    below.cluster().starts_with(b"inbound-vip|")
        && above.direction == Some(Direction::Outbound)
        && above.host().ends_with(HBONE)
        && service.host.is_some()
        && (service.host, service.port) == (called.host, called.port)
}

/// True for a request whose line tells of one attempt only, or tells that there were several.
fn tried_elsewhere(sight: Sight<'_>) -> bool {
    sight.attempts.is_none_or(|n| n > 1)
}

fn within(above: Sight<'_>, below: Sight<'_>) -> bool {
    match (above.time_us, above.end_us(), below.time_us) {
        (Some(start), Some(end), Some(at)) => {
            at >= start.saturating_sub(SLACK_US) && at <= end.saturating_add(SLACK_US)
        }
        _ => false,
    }
}

fn distance(a: Sight<'_>, b: Sight<'_>) -> u64 {
    match (a.time_us, b.time_us) {
        (Some(a), Some(b)) => a.abs_diff(b),
        _ => u64::MAX,
    }
}

fn port(address: &[u8]) -> &[u8] {
    &address[without_port(address).len()..]
}

/// The same address, or the same machine where one of them is the door of the tunnel.
fn same_server(host: &[u8], listener: &[u8]) -> bool {
    !host.is_empty()
        && (host == listener
            || ((host.ends_with(HBONE) || listener.ends_with(HBONE))
                && without_port(host) == without_port(listener)))
}

/// The hops among lines of one connection, or of one moment at one server: a caller's line and a callee's, which has
/// seen no request. Each line is used once, earliest first.
pub(super) fn of_connection(sights: &[Sight<'_>]) -> Vec<Pair> {
    let mut used = vec![false; sights.len()];
    let mut out = Vec::new();
    for (callee, below) in sights.iter().copied().enumerate() {
        if !below.serves() || below.direction == Some(Direction::Outbound) || below.id_key().is_some() {
            continue;
        }
        let found = sights.iter().enumerate().find(|(caller, above)| {
            !used[*caller] && *caller != callee && above.calls() && one_connection(**above, below)
        });
        if let Some((caller, _)) = found {
            used[caller] = true;
            out.push(Pair { caller, callee });
        }
    }
    out
}

fn one_connection(above: Sight<'_>, below: Sight<'_>) -> bool {
    let outbound = above.direction != Some(Direction::Inbound);
    if !outbound || above.place == below.place {
        return false;
    }
    if above.kind == Kind::Ztunnel || below.kind == Kind::Ztunnel {
        return above.kind == below.kind
            && above.direction != below.direction
            && without_port(above.client()) == without_port(below.client())
            && distance(above, below) <= CLOSE_US as u64;
    }
    let server = above.host() == below.listener();
    if server && !above.upstream_local().is_empty() {
        return above.upstream_local() == below.client();
    }
    server && above.upstream_local().is_empty() && distance(above, below) <= CLOSE_US as u64
}
