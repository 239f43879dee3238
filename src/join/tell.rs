//! What was kept becomes what is told: for each symptom what its other side looked like, for each caller and upstream
//! an edge, and for the requests that stand as examples their trees.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::collect::{Call, Join, Second, Serve, service_key};
use super::pairs::{HBONE, Pair, of_connection, of_request};
use super::sample::{Group, Sample};
use super::sight::{Sight, connection_key, moment_key};
use super::trace::{caused_by, steps};
use crate::aggregate::{
    Counts, Edge, Hops, Link, Seen, Skew, Span, Spent, Step, Summary, Text, without_port,
};
use crate::envoy::Direction;
use crate::record::{Kind, Outcome, id_key};

/// Requests whose trees are kept.
const TRACES: usize = 300;
/// A callee's log that has a line so close to the time covers it.
const COVERED_US: i64 = 60_000_000;
/// The clocks of logs tick in milliseconds.
const TICK_US: i64 = 1_000;

/// Puts both readings together. Without a second one the well-answered sides of requests are not known.
pub fn tell(first: Join, second: Option<Second>, summary: &Summary) -> Hops {
    let first = first.settled();
    let second = second.map(Second::settled);
    let servers = second.as_ref().map(Servers::of).unwrap_or_default();
    let mut teller = Teller { second: second.as_ref(), servers, ..Teller::default() };
    for (key, group) in first.by_id.iter() {
        let more = second.iter().filter_map(|s| s.counterparts.get(key)).flat_map(Group::sights);
        let mut sights: Vec<Sight<'_>> = group.sights().chain(more).collect();
        sights.sort_by(|a, b| a.rank().cmp(&b.rank()));
        let whole = !group.is_cut() && second.as_ref().is_some_and(|s| s.counterparts.wants(key));
        teller.request(&sights, whole.then_some(&first.by_connection));
    }
    for (_, group) in second.iter().flat_map(|s| s.ordinary.iter()) {
        teller.request(&group.sights().collect::<Vec<_>>(), None);
    }
    teller.connections(&first.by_connection);
    let traces = traces(&first.by_id, second.as_ref(), summary);
    let others = second.as_ref().map_or(u64::MAX, |second| second.counterparts.kept_of_million());
    let kept_of_million = first.by_id.kept_of_million().min(others);
    Hops { kept_of_million, ..teller.finish(summary, traces) }
}

/// Symptoms of retried attempts that are remembered for one edge.
const RETRIED_FOR: usize = 64;

/// The sums of one caller and upstream.
#[derive(Default)]
struct Sums {
    edge: Edge,
    /// Bounds of the callee's clock's lead, microseconds, and the time between the proxies.
    bounds: Vec<(i64, i64)>,
}

#[derive(Default)]
struct Teller<'s> {
    second: Option<&'s Second>,
    servers: Servers<'s>,
    links: BTreeMap<u64, Link>,
    /// By caller and cluster.
    sums: BTreeMap<(&'s [u8], &'s [u8]), Sums>,
    /// Lines whose connection has been found, or is known not to be there.
    paired: BTreeSet<(u32, u64)>,
    /// Callers' failures without a callee's line so far, by place.
    alone: BTreeMap<(u32, u64), (u64, Sight<'s>)>,
}

fn place(sight: Sight<'_>) -> (u32, u64) {
    (sight.place.source, sight.place.offset)
}

impl<'s> Teller<'s> {
    /// One request. `whole`: all its lines are here, and their connections where those were kept.
    fn request(&mut self, sights: &[Sight<'s>], whole: Option<&Sample>) {
        // A line by itself has nobody to be paired with.
        let pairs = if sights.len() > 1 { of_request(sights) } else { Vec::new() };
        for sight in sights {
            if let Some(symptom) = sight.symptom {
                self.links.entry(symptom).or_default().seen += 1;
            }
        }
        let mut callers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        pairs.iter().for_each(|Pair { caller, callee }| callers.entry(*caller).or_default().push(*callee));
        for (caller, callees) in &callers {
            let above = sights[*caller];
            let below: Vec<Sight<'s>> = callees.iter().map(|at| sights[*at]).collect();
            self.hop(above, &below);
        }
        if sights.len() > 1 {
            self.passed_through(sights, &pairs);
        }
        for (at, above) in sights.iter().copied().enumerate() {
            let lost = whole.is_some_and(|ends| kept(ends, above))
                && above.calls()
                && above.failed()
                && !callers.contains_key(&at);
            if let Some(symptom) = above.symptom.filter(|_| lost && self.has_log_of(above)) {
                self.alone.insert(place(above), (symptom, above));
            }
        }
    }

    /// An application that fails because a call of its own failed passes the fault on: what went wrong below the line by
    /// which the request came is the same story.
    fn passed_through(&mut self, sights: &[Sight<'_>], pairs: &[Pair]) {
        let mut below: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
        for (at, call) in sights.iter().enumerate().filter(|(_, s)| s.calls() && s.failed()) {
            let callees = pairs.iter().filter(|pair| pair.caller == at).map(|pair| sights[pair.callee]);
            let causes: Vec<u64> = std::iter::once(*call).chain(callees).filter_map(|s| s.symptom).collect();
            // Up the chain, as far as applications passed it on. No line is above itself more often than there are lines.
            let mut lower = at;
            for _ in 0..sights.len() {
                let Some(upper) = caused_by(sights, lower).filter(|upper| sights[*upper].failed()) else {
                    break;
                };
                if let Some(symptom) = sights[upper].symptom {
                    below.entry(symptom).or_default().extend(&causes);
                }
                match pairs.iter().find(|pair| pair.callee == upper) {
                    Some(pair) => lower = pair.caller,
                    None => break,
                }
            }
        }
        for (symptom, causes) in below {
            let link = self.links.entry(symptom).or_default();
            for cause in causes.into_iter().filter(|cause| *cause != symptom) {
                *link.with.entry(cause).or_default() += 1;
            }
        }
    }

    /// A caller's line and the callees' lines of its attempts, earliest first.
    fn hop(&mut self, above: Sight<'s>, below: &[Sight<'s>]) {
        let below = &distinct(below)[..];
        let Some(last) = below.iter().copied().max_by_key(|s| s.time_us) else { return };
        self.paired.insert(place(above));
        // Retries may go well in the end: what the last attempt did is what the caller was told.
        let any_failed = below.iter().copied().any(wrong);
        let caller_only = wrong(above) && !any_failed;
        let callee_only = !wrong(above) && any_failed;
        let parts = Parts::of(above, last);
        let sums = self.sums.entry((above.proxy(), above.cluster())).or_default();
        let edge = &mut sums.edge;
        edge.paired += 1;
        edge.attempts += below.len() as u64;
        edge.caller_only += u64::from(caller_only);
        edge.callee_only += u64::from(callee_only);
        edge.callees.extend(below.iter().map(|s| Text::from(s.proxy())));
        if let Some(ms) = above.duration_ms {
            edge.times.total.add(ms);
        }
        if retried(above, below) {
            edge.retried += 1;
            edge.again += (below.len() as u64 - 1).max(1);
            edge.hidden += u64::from(!wrong(above));
            for symptom in below.iter().filter(|s| wrong(**s)).filter_map(|s| s.symptom) {
                if edge.retried_for.len() < RETRIED_FOR {
                    edge.retried_for.insert(symptom);
                }
            }
        }
        // What several attempts took cannot be split among them.
        if let Some(parts) = parts.filter(|_| below.len() == 1) {
            parts.count(&mut edge.times);
        }
        if below.len() == 1 && last.outcome != Outcome::ClientGone {
            sums.bounds.extend(bounds(above, last));
        }
        if let Some(symptom) = above.symptom {
            let link = self.links.entry(symptom).or_default();
            link.paired += 1;
            link.attempts += below.len() as u64;
            link.fine += u64::from(caller_only);
            if let Some(parts) = parts.filter(|_| below.len() == 1) {
                parts.count(&mut link.times);
            }
            // One story a request: of several attempts, the last one that went wrong.
            if let Some(other) = below.iter().rev().find_map(|s| s.symptom) {
                *link.with.entry(other).or_default() += 1;
            }
        }
        for callee in below {
            let Some(symptom) = callee.symptom else { continue };
            let link = self.links.entry(symptom).or_default();
            link.paired += 1;
            link.fine += u64::from(callee_only);
            if let Some(other) = above.symptom {
                *link.with.entry(other).or_default() += 1;
            }
        }
    }

    /// Lines of connections: the callee saw no request, or there never was one.
    fn connections(&mut self, sample: &'s Sample) {
        let mut counted = BTreeSet::new();
        for sight in sample.iter().flat_map(|(_, group)| group.sights()) {
            // A line may stand under its connection and under its moment; the other end of a connection that was not
            // kept is not there to be found.
            let Some(symptom) = sight.symptom.filter(|_| kept(sample, sight) && counted.insert(place(sight)))
            else {
                continue;
            };
            let link = self.links.entry(symptom).or_default();
            link.connections += 1;
            // Those with a request id have been counted.
            link.seen += u64::from(sight.id_key().is_none());
        }
        let mut matched = BTreeSet::new();
        // What the two ends prove comes before what place and time make likely.
        for proven in [true, false] {
            for (_, group) in sample.iter() {
                let group: Vec<Sight<'_>> = group.sights().collect();
                for Pair { caller, callee } in of_connection(&group) {
                    let (above, below) = (group[caller], group[callee]);
                    let fits = above.upstream_local().is_empty() != proven;
                    if fits && !matched.contains(&place(above)) && !matched.contains(&place(below)) {
                        matched.extend([place(above), place(below)]);
                        self.connection(above, below);
                    }
                }
            }
        }
    }

    fn connection(&mut self, above: Sight<'s>, below: Sight<'s>) {
        let (Some(symptom), Some(other)) = (above.symptom, below.symptom) else { return };
        self.paired.insert(place(above));
        let unmatched = below.details().starts_with(b"filter_chain_not_found");
        for (mine, theirs) in [(symptom, other), (other, symptom)] {
            let link = self.links.entry(mine).or_default();
            link.paired += 1;
            link.unmatched += u64::from(unmatched);
            *link.with.entry(theirs).or_default() += 1;
        }
        let sums = self.sums.entry((above.proxy(), above.cluster())).or_default();
        sums.edge.paired += 1;
        sums.edge.attempts += 1;
        sums.edge.callees.insert(below.proxy().into());
    }

    /// True when the callee's proxy wrote lines about that time, and they are in the input: of requests that came to the
    /// endpoint, or of anything else in its pod. A fault may let nothing through to a port at all.
    fn has_log_of(&self, above: Sight<'_>) -> bool {
        let covers = |span: &Span| match (span.first_us(), span.last_us(), above.time_us) {
            (Some(first), Some(last), Some(at)) => {
                at >= first.saturating_sub(COVERED_US) && at <= last.saturating_add(COVERED_US)
            }
            _ => false,
        };
        let pod = || self.servers.machines.get(without_port(above.host()));
        self.servers.at(above.host()).any(|serve| covers(&serve.span))
            || pod().is_some_and(|spans| spans.iter().any(covers))
    }

    fn finish(mut self, summary: &Summary, traces: BTreeMap<Text, Vec<Step>>) -> Hops {
        for (at, (symptom, above)) in std::mem::take(&mut self.alone) {
            if !self.paired.contains(&at) {
                self.links.entry(symptom).or_default().missing += 1;
                self.sums.entry((above.proxy(), above.cluster())).or_default().edge.missing += 1;
            }
        }
        let mut other_edges = 0;
        let mut edges = match self.second {
            Some(second) => {
                other_edges = second.other;
                second.calls.values().map(|call| self.edge(call, second)).collect()
            }
            None => self.untold(summary),
        };
        edges.sort_unstable_by(|a: &Edge, b: &Edge| {
            let weight = |e: &Edge| (e.by_caller.failed, e.by_caller.requests);
            weight(b).cmp(&weight(a)).then_with(|| (&a.caller, &a.upstream).cmp(&(&b.caller, &b.upstream)))
        });
        Hops {
            edges,
            other_edges,
            links: self.links,
            traces,
            complete: self.second.is_some(),
            kept_of_million: 0,
        }
    }

    fn edge(&mut self, call: &'s Call, second: &Second) -> Edge {
        let sums = self.sums.remove(&(&call.proxy[..], &call.cluster[..])).unwrap_or_default();
        let mut edge = sums.edge;
        edge.skew = skew(sums.bounds);
        edge.by_caller = call.seen;
        let clients = second.clients.of(&call.proxy);
        let mut here = false;
        let mut seen = Seen::default();
        let endpoints = second.servers.of(&call.cluster);
        let tunnel = endpoints.iter().any(|host| host.ends_with(HBONE));
        let key = if tunnel { service_key(&call.cluster) } else { None };
        let waypoints = key.map_or(&[][..], |key| second.waypoints.of(&key));
        for server in endpoints.iter().chain(waypoints) {
            for serve in self.servers.at(server).filter(|serve| !serve.tunnel) {
                here = true;
                edge.callees.insert(serve.proxy.clone());
                if clients.binary_search(&serve.client).is_ok() {
                    seen.add(serve.seen);
                }
            }
        }
        edge.by_callee = here.then_some(seen);
        Edge { caller: Some(call.proxy.clone()), upstream: call.cluster.clone(), ..edge }
    }

    /// After one reading only the counts of all callers together are known.
    fn untold(&mut self, summary: &Summary) -> Vec<Edge> {
        let mut by_cluster: BTreeMap<&[u8], Sums> = BTreeMap::new();
        for ((_, cluster), sums) in std::mem::take(&mut self.sums) {
            let whole = by_cluster.entry(cluster).or_default();
            whole.bounds.extend(sums.bounds);
            whole.edge.merge(sums.edge);
        }
        let mut out = Vec::new();
        for (cluster, sums) in by_cluster {
            let Some(upstream) = summary.upstreams.get(cluster) else { continue };
            let seen = |counts: Counts| Seen { requests: counts.requests(), failed: counts.failed() };
            let mut by_callee = None;
            for (host, _) in upstream.hosts() {
                if let Some(listener) = summary.listeners.get(host).filter(|l| l.inbound > 0) {
                    by_callee.get_or_insert_with(Seen::default).add(seen(listener.counts));
                }
            }
            let skew = skew(sums.bounds);
            out.push(Edge {
                caller: None,
                upstream: cluster.into(),
                by_caller: seen(upstream.counts),
                by_callee,
                skew,
                ..sums.edge
            });
        }
        out
    }
}

/// Who serves at an address, and when the pod of an address wrote lines.
#[derive(Default)]
struct Servers<'s> {
    addresses: HashMap<&'s [u8], Vec<&'s Serve>>,
    machines: HashMap<&'s [u8], Vec<Span>>,
}

impl<'s> Servers<'s> {
    fn of(second: &'s Second) -> Servers<'s> {
        let mut out = Servers::default();
        for serve in second.serves.values() {
            out.addresses.entry(&serve.server).or_default().push(serve);
        }
        let mut wrote: HashMap<&[u8], Span> = HashMap::new();
        for call in second.calls.values() {
            wrote.entry(&call.proxy).or_default().merge(call.span);
        }
        for serve in second.serves.values().filter(|serve| !serve.tunnel) {
            wrote.entry(&serve.proxy).or_default().merge(serve.span);
        }
        // Only a pod that logs what comes to it: some log their own calls alone. A node's ztunnel is not its pods.
        for serve in second.serves.values().filter(|serve| !serve.tunnel) {
            let Some(span) = wrote.get(&serve.proxy[..]) else { continue };
            let spans = out.machines.entry(without_port(&serve.server)).or_default();
            if !spans.contains(span) {
                spans.push(*span);
            }
        }
        out
    }

    fn at(&self, address: &[u8]) -> impl Iterator<Item = &'s Serve> {
        self.addresses.get(address).into_iter().flatten().copied()
    }
}

/// True when both ends of a line's connection are in the sample, if they were logged.
fn kept(sample: &Sample, sight: Sight<'_>) -> bool {
    let key = match sight.calls() {
        true => {
            connection_key(sight.upstream_local(), sight.host()).or(moment_key(sight.host(), sight.time_us))
        }
        false => connection_key(sight.client(), sight.listener()),
    };
    key.is_none_or(|key| sample.wants(key))
}

/// Failed, or left by its client: what a caller that gave up leaves at the callee.
fn wrong(sight: Sight<'_>) -> bool {
    !matches!(sight.outcome, Outcome::Ok | Outcome::ClientError)
}

/// The same line twice (a log that was given twice, or fetched in overlapping pieces) is no second attempt.
fn distinct<'s>(lines: &[Sight<'s>]) -> Vec<Sight<'s>> {
    let mut out: Vec<Sight<'s>> = Vec::new();
    for line in lines.iter().copied() {
        if line.client().is_empty() || out.iter().all(|known| what(*known) != what(line)) {
            out.push(line);
        }
    }
    out
}

/// What only one record of a connection has.
fn what(sight: Sight<'_>) -> impl PartialEq + '_ {
    let ends = (sight.client(), sight.listener(), sight.upstream_local());
    (sight.time_us, sight.duration_ms, sight.code, sight.flags, ends)
}

/// True when an attempt went wrong and the caller's proxy tried again. Two calls of one trace that both went well are none.
fn retried(above: Sight<'_>, below: &[Sight<'_>]) -> bool {
    let went_wrong = below.iter().copied().any(wrong);
    // Where only the attempt that failed is here, its code must differ: a status of gRPC may stand in one format alone.
    let elsewhere = || below.iter().any(|s| s.failed() && s.code != above.code) && !wrong(above);
    went_wrong && (below.len() > 1 || elsewhere())
}

/// Where the time of a hop went, milliseconds.
#[derive(Clone, Copy)]
struct Parts {
    network: u64,
    queue: Option<u64>,
    application: Option<u64>,
}

impl Parts {
    fn of(above: Sight<'_>, below: Sight<'_>) -> Option<Parts> {
        if above.kind != Kind::Http {
            return None;
        }
        let (outer, inner) = (above.duration_ms?, below.duration_ms?);
        // The callee's upstream is its application, or the next hop of a gateway.
        let application = below.service_ms.filter(|ms| *ms <= inner);
        Some(Parts {
            network: outer.saturating_sub(inner),
            queue: application.map(|ms| inner - ms),
            application,
        })
    }

    fn count(self, times: &mut Spent) {
        times.network.add(self.network);
        self.queue.into_iter().for_each(|ms| times.queue.add(ms));
        self.application.into_iter().for_each(|ms| times.application.add(ms));
    }
}

/// Between what the callee's clock must be ahead of the caller's, for its line to lie within the caller's.
pub(super) fn bounds(above: Sight<'_>, below: Sight<'_>) -> Option<(i64, i64)> {
    if above.kind != Kind::Http
        || below.direction == Some(Direction::Outbound) && above.proxy() == below.proxy()
    {
        return None;
    }
    let low = below.end_us()?.checked_sub(above.end_us()?)?;
    let high = below.time_us?.checked_sub(above.time_us?)?;
    (low <= high + TICK_US).then_some((low.min(high), low.max(high)))
}

/// The lead of the callee's clock: the medians of both bounds, and what lies between them is what a hop takes.
fn skew(mut bounds: Vec<(i64, i64)>) -> Option<Skew> {
    let requests = bounds.len() as u64;
    if bounds.is_empty() {
        return None;
    }
    let middle = bounds.len() / 2;
    let offsets = |bounds: &mut Vec<(i64, i64)>| {
        bounds.sort_unstable_by_key(|(low, high)| low + high);
        (bounds[middle].0 + bounds[middle].1) / 2
    };
    let offset_us = offsets(&mut bounds);
    bounds.sort_unstable_by_key(|(low, high)| high - low);
    let hop_us = (bounds[middle].1 - bounds[middle].0) / 2 + TICK_US;
    Some(Skew { offset_us, requests, hop_us })
}

/// The trees of the requests that findings will show.
fn traces(sample: &Sample, second: Option<&Second>, summary: &Summary) -> BTreeMap<Text, Vec<Step>> {
    let mut out = BTreeMap::new();
    let ids = summary.symptoms.values().flat_map(|symptom| &symptom.exemplars);
    for id in ids.filter_map(|exemplar| exemplar.request_id.as_ref()) {
        let Some(key) = id_key(id) else { continue };
        let Some(group) = sample.get(key).filter(|_| out.len() < TRACES && !out.contains_key(id)) else {
            continue;
        };
        let more = second.and_then(|s| s.counterparts.get(key)).into_iter().flat_map(|group| group.sights());
        let sights: Vec<Sight<'_>> = group.sights().chain(more).collect();
        if sights.len() > 1 {
            out.insert(id.clone(), steps(&sights));
        }
    }
    out
}
