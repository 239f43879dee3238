//! All that is known of the input: the finished counts.

use std::collections::BTreeMap;

use super::counter::{Counter, Ordered, Text};
use super::group::Groups;
use super::symptom::{Exemplar, Span, Symptom, SymptomKey};
use super::{Latency, Load, Series, Turns, series::Cell};
use crate::envoy::Direction;
use crate::format::{ProxySignal, Writer};
use crate::record::{OUTCOMES, Outcome, Reason};

/// How many keys each table keeps. Real meshes stay below: they leave room for 10,000 upstreams and 100,000 hosts.
#[derive(Debug, Clone, Copy)]
pub struct Caps {
    /// Upstream clusters.
    pub upstreams: usize,
    /// Endpoints of one upstream.
    pub hosts: usize,
    /// Endpoints of all upstreams.
    pub all_hosts: usize,
    /// Authorities, routes, listeners and SNIs, each.
    pub scopes: usize,
    /// Groups of records that failed alike.
    pub symptoms: usize,
    /// Values that these groups keep (hosts, paths, clients, request ids, …), all together.
    pub details: usize,
    /// Groups of `--by`.
    pub groups: usize,
    /// Samples of rejected lines.
    pub rejects: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Caps {
            upstreams: 12_000,
            hosts: 10_000,
            all_hosts: 120_000,
            scopes: 12_000,
            symptoms: 2_000,
            details: 100_000,
            groups: 20_000,
            rejects: 20,
        }
    }
}

/// Requests by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    by_outcome: [u64; OUTCOMES.len()],
}

impl Counts {
    /// Counts requests.
    #[inline]
    pub fn add(&mut self, outcome: Outcome, n: u64) {
        self.by_outcome[outcome as usize] += n;
    }

    /// Adds other counts.
    pub fn merge(&mut self, other: Counts) {
        self.by_outcome.iter_mut().zip(other.by_outcome).for_each(|(a, b)| *a += b);
    }

    /// These without others that are among them.
    #[must_use]
    pub fn without(mut self, part: Counts) -> Counts {
        self.by_outcome.iter_mut().zip(part.by_outcome).for_each(|(a, b)| *a = a.saturating_sub(b));
        self
    }

    /// All requests.
    pub fn requests(&self) -> u64 {
        self.by_outcome.iter().sum()
    }

    /// Requests that the upstream or this proxy failed.
    pub fn failed(&self) -> u64 {
        OUTCOMES.iter().filter(|o| o.failed()).map(|o| self.of(*o)).sum()
    }

    /// Requests with this outcome.
    pub fn of(&self, outcome: Outcome) -> u64 {
        self.by_outcome[outcome as usize]
    }
}

/// Requests by the side whose proxy logged them. A request may be in the logs of both: sides are never added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sides {
    /// The caller's sidecar, a gateway, the caller's ztunnel.
    pub caller: Counts,
    /// The callee's sidecar or ztunnel.
    pub callee: Counts,
    /// Inner connections of ambient's tunnel: the requests that they carry are logged as well.
    pub tunnel: Counts,
    /// The record does not tell.
    pub untold: Counts,
}

impl Sides {
    /// The counts of one side.
    pub fn of_mut(&mut self, direction: Option<Direction>, tunnel: bool) -> &mut Counts {
        match direction {
            None if tunnel => &mut self.tunnel,
            Some(Direction::Outbound) => &mut self.caller,
            Some(Direction::Inbound) => &mut self.callee,
            None => &mut self.untold,
        }
    }

    fn merge(&mut self, later: Sides) {
        self.caller.merge(later.caller);
        self.callee.merge(later.callee);
        self.tunnel.merge(later.tunnel);
        self.untold.merge(later.untold);
    }
}

/// The connections to one service as the ztunnels of both ends logged them.
///
/// Nothing in the two lines of a connection tells that they belong together (the tunnel is shared, so even the ports
/// differ), but each end writes one line a connection, and what one could not do the other was refused: of a service's
/// connections with one outcome, the end with fewer lines tells nothing that the other does not. That is decided when
/// all is counted: so it does not depend on the order of the lines, and merges exactly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ends {
    /// By the source's ztunnel.
    pub source: Counts,
    /// By the destination's.
    pub destination: Counts,
}

impl Ends {
    /// Counts connections that one end logged.
    pub fn add(&mut self, direction: Direction, outcome: Outcome, n: u64) {
        match direction {
            Direction::Outbound => self.source.add(outcome, n),
            Direction::Inbound => self.destination.add(outcome, n),
        }
    }

    fn merge(&mut self, later: Ends) {
        self.source.merge(later.source);
        self.destination.merge(later.destination);
    }

    /// Lines that stand for the same connections as lines of the other end.
    pub(super) fn in_both(&self) -> Counts {
        let mut both = Counts::default();
        for &outcome in &OUTCOMES {
            both.add(outcome, self.source.of(outcome).min(self.destination.of(outcome)));
        }
        both
    }
}

/// One upstream cluster, or all records without one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Upstream {
    /// Requests by outcome.
    pub counts: Counts,
    /// Flags by short name, unknown ones as logged.
    pub flags: Counter<Text>,
    /// HTTP status codes.
    pub codes: BTreeMap<u16, u64>,
    /// Durations of HTTP records except 101 and `client_gone`.
    pub latency: Latency,
    /// Endpoints.
    pub hosts: Ordered<Text, Host>,
    /// Requests to endpoints beyond the cap.
    pub other_hosts: Counts,
    /// When it was used.
    pub span: Span,
    /// When it succeeded.
    pub ok: Span,
    /// When it failed.
    pub failure: Span,
    /// Load over time.
    pub series: Series<Load, 128>,
    /// Callers that were let through and then were not; of inbound clusters only.
    pub turns: Turns,
}

/// One endpoint of an upstream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Host {
    /// Requests by outcome.
    pub counts: Counts,
    /// When it was used.
    pub span: Span,
    /// When it succeeded.
    pub ok: Span,
    /// When it failed.
    pub failure: Span,
}

impl Host {
    fn merge(&mut self, other: &Host) {
        self.counts.merge(other.counts);
        self.span.merge(other.span);
        self.ok.merge(other.ok);
        self.failure.merge(other.failure);
    }
}

/// An authority, a route, a listener address or an SNI.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scope {
    /// Requests by outcome.
    pub counts: Counts,
    /// When it was used.
    pub span: Span,
    /// When it succeeded.
    pub ok: Span,
    /// Successes that carried an SNI.
    pub ok_with_sni: u64,
    /// Records with an inbound cluster.
    pub inbound: u64,
    /// TCP sessions that were carried to an upstream.
    pub tcp_carried: u64,
}

impl Scope {
    fn merge(&mut self, other: &Scope) {
        self.counts.merge(other.counts);
        self.span.merge(other.span);
        self.ok.merge(other.ok);
        self.ok_with_sni += other.ok_with_sni;
        self.inbound += other.inbound;
        self.tcp_carried += other.tcp_carried;
    }
}

/// A bucket of the whole timeline.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FlaggedLoad {
    /// Requests and failures.
    pub load: Load,
    /// Flags by short name.
    pub flags: BTreeMap<Text, u64>,
}

impl Cell for FlaggedLoad {
    fn merge(&mut self, other: &Self) {
        self.load.merge(&other.load);
        for (flag, n) in &other.flags {
            *self.flags.entry(flag.clone()).or_default() += n;
        }
    }
}

/// What the lines were.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lines {
    /// All lines.
    pub total: u64,
    /// Access records.
    pub access: u64,
    /// The proxy's own log.
    pub proxy: u64,
    /// Somebody else's.
    pub other: u64,
    /// Looked like access lines and could not be read.
    pub rejected: u64,
    /// Access records by format.
    pub formats: Ordered<&'static str, u64>,
    /// Access records that were cut.
    pub incomplete: u64,
    /// Access records without a time.
    pub without_time: u64,
    /// Access records of formats that have no flags field.
    pub without_flags: u64,
    /// Rejected lines by reason.
    pub reject_reasons: BTreeMap<Reason, u64>,
    /// The first rejected lines.
    pub rejects: Vec<RejectSample>,
}

/// A line that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectSample {
    /// Number of the source in the list of inputs.
    pub source: u32,
    /// Line, from 1.
    pub line: u64,
    /// Byte offset of the line in the decompressed source, from 0.
    pub offset: u64,
    /// Column in the line, from 0.
    pub column: u32,
    /// Why.
    pub reason: Reason,
    /// The line, cut.
    pub sample: Text,
}

/// What the proxy's own lines told.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProxyLog {
    /// Lines by who wrote them.
    pub writers: BTreeMap<Writer, u64>,
    /// Telling lines.
    pub notes: BTreeMap<ProxySignal, ProxyNote>,
}

/// Lines that tell the same.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProxyNote {
    /// How many.
    pub count: u64,
    /// When.
    pub span: Span,
    /// The first few.
    pub exemplars: Vec<Exemplar>,
}

/// All that is known of the input.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    /// What the lines were.
    pub lines: Lines,
    /// Requests by outcome.
    pub counts: Counts,
    /// The same by the side that logged them.
    pub sides: Sides,
    /// What ztunnels logged, by service; what names no service, or comes after the cap, stands under the empty name.
    pub ends: Ordered<Text, Ends>,
    /// What the user asked to group by.
    pub groups: Groups,
    /// Flags by short name, unknown ones as logged.
    pub flags: Counter<Text>,
    /// Flag sets in canonical spelling.
    pub flag_sets: Counter<Text>,
    /// Those of a waypoint's tunnels, which are among them.
    pub(super) tunnel_flag_sets: Counter<Text>,
    /// HTTP status codes.
    pub codes: BTreeMap<u16, u64>,
    /// First and last start.
    pub span: Span,
    /// Upstream clusters.
    pub upstreams: Ordered<Text, Upstream>,
    /// Upstreams beyond the cap, together.
    pub other_upstreams: Option<Box<Upstream>>,
    /// Records without an upstream cluster, together.
    pub no_upstream: Upstream,
    /// Authorities without port.
    pub authorities: Ordered<Text, Scope>,
    /// Route names.
    pub routes: Ordered<Text, Scope>,
    /// Addresses dialled.
    pub listeners: Ordered<Text, Scope>,
    /// SNIs.
    pub snis: Ordered<Text, Scope>,
    /// Records that were denied a place in the four tables above.
    pub other_scopes: u64,
    /// Groups of records that failed alike.
    pub symptoms: Ordered<SymptomKey, Symptom>,
    /// Records beyond the cap of symptoms.
    pub other_symptoms: u64,
    /// Values that the symptoms keep.
    details_kept: usize,
    /// Endpoints that the upstreams keep.
    hosts_kept: usize,
    /// Load and flags over time.
    pub timeline: Series<FlaggedLoad, 3600>,
    /// The proxy's own lines.
    pub proxy_log: ProxyLog,
    /// Some record tells how long its upstream took: where another one does not, no upstream answered it.
    pub service_times: bool,
}

impl Summary {
    /// Durations of all HTTP records except 101 and `client_gone`.
    pub fn latency(&self) -> Latency {
        let mut all = self.no_upstream.latency.clone();
        self.upstreams.values().chain(self.other_upstreams.as_deref()).for_each(|u| all.merge(&u.latency));
        all
    }

    /// The place of a service among what ztunnels logged.
    pub(super) fn ends_of(&mut self, service: &[u8], cap: usize) -> &mut Ends {
        // The empty name is always there, so that the cap does not depend on when it came.
        let nameless: &[u8] = b"";
        if self.ends.is_empty() {
            self.ends.insert(nameless.into(), Ends::default());
        }
        let known = self.ends.contains_key(service) || self.ends.len() <= cap;
        self.ends.entry(if known { service } else { nameless }.into()).or_default()
    }

    /// Moves every line number: this part of the input begins after `lines` lines of its source.
    pub fn shift_lines(&mut self, lines: u64) {
        self.symptoms.values_mut().flat_map(|s| &mut s.exemplars).for_each(|e| e.line += lines);
        self.proxy_log.notes.values_mut().flat_map(|n| &mut n.exemplars).for_each(|e| e.line += lines);
        self.lines.rejects.iter_mut().for_each(|r| r.line += lines);
    }

    /// Adds what a later part of the input counted.
    pub fn merge(&mut self, later: Summary, caps: &Caps) {
        self.lines.merge(later.lines, caps);
        self.counts.merge(later.counts);
        self.sides.merge(later.sides);
        for (service, ends) in later.ends {
            self.ends_of(&service, caps.scopes).merge(ends);
        }
        self.service_times |= later.service_times;
        self.groups.merge(later.groups, caps);
        self.flags.merge(later.flags, caps.symptoms);
        self.flag_sets.merge(later.flag_sets, caps.symptoms);
        self.tunnel_flag_sets.merge(later.tunnel_flag_sets, caps.symptoms);
        add_all(&mut self.codes, later.codes);
        self.span.merge(later.span);
        for (name, upstream) in later.upstreams {
            let room = self.upstreams.len() < caps.upstreams;
            match self.upstreams.get_mut(&name) {
                Some(mine) => mine.merge(upstream, caps, &mut self.hosts_kept),
                None if room => {
                    let mut fresh = Upstream::default();
                    fresh.merge(upstream, caps, &mut self.hosts_kept);
                    self.upstreams.insert(name, fresh);
                }
                None => {
                    self.other_upstreams.get_or_insert_default().merge(upstream, caps, &mut self.hosts_kept)
                }
            }
        }
        if let Some(other) = later.other_upstreams {
            self.other_upstreams.get_or_insert_default().merge(*other, caps, &mut self.hosts_kept);
        }
        self.no_upstream.merge(later.no_upstream, caps, &mut self.hosts_kept);
        let mut other = later.other_scopes;
        for (mine, theirs) in [
            (&mut self.authorities, later.authorities),
            (&mut self.routes, later.routes),
            (&mut self.listeners, later.listeners),
            (&mut self.snis, later.snis),
        ] {
            other += merge_scopes(mine, theirs, caps.scopes);
        }
        self.other_scopes += other;
        let mut budget = caps.details.saturating_sub(self.details_kept);
        for (key, symptom) in later.symptoms {
            let room = self.symptoms.len() < caps.symptoms;
            match self.symptoms.get_mut(&key) {
                Some(mine) => mine.merge(symptom, &mut budget),
                None if room => {
                    let mut fresh = Symptom::default();
                    fresh.merge(symptom, &mut budget);
                    self.symptoms.insert(key, fresh);
                }
                None => self.other_symptoms += symptom.count,
            }
        }
        self.other_symptoms += later.other_symptoms;
        self.details_kept = caps.details.saturating_sub(budget);
        self.timeline.merge(&later.timeline);
        self.proxy_log.merge(later.proxy_log);
    }
}

fn merge_scopes(mine: &mut Ordered<Text, Scope>, theirs: Ordered<Text, Scope>, cap: usize) -> u64 {
    let mut other = 0;
    for (name, scope) in theirs {
        let room = mine.len() < cap;
        match mine.get_mut(&name) {
            Some(known) => known.merge(&scope),
            None if room => {
                mine.insert(name, scope);
            }
            None => other += scope.counts.requests(),
        }
    }
    other
}

fn add_all<K: Ord>(mine: &mut BTreeMap<K, u64>, theirs: BTreeMap<K, u64>) {
    for (key, n) in theirs {
        *mine.entry(key).or_default() += n;
    }
}

impl Upstream {
    /// Adds what a later part of the input counted.
    /// `kept` counts the endpoints of all upstreams.
    pub(super) fn merge(&mut self, later: Upstream, caps: &Caps, kept: &mut usize) {
        self.counts.merge(later.counts);
        self.flags.merge(later.flags, caps.symptoms);
        add_all(&mut self.codes, later.codes);
        self.latency.merge(&later.latency);
        for (name, host) in later.hosts {
            let room = self.hosts.len() < caps.hosts && *kept < caps.all_hosts;
            match self.hosts.get_mut(&name) {
                Some(mine) => mine.merge(&host),
                None if room => {
                    *kept += 1;
                    self.hosts.insert(name, host);
                }
                None => self.other_hosts.merge(host.counts),
            }
        }
        self.other_hosts.merge(later.other_hosts);
        self.span.merge(later.span);
        self.ok.merge(later.ok);
        self.failure.merge(later.failure);
        self.series.merge(&later.series);
        self.turns.merge(later.turns);
    }
}

impl Lines {
    fn merge(&mut self, later: Lines, caps: &Caps) {
        self.total += later.total;
        self.access += later.access;
        self.proxy += later.proxy;
        self.other += later.other;
        self.rejected += later.rejected;
        for (name, n) in later.formats {
            *self.formats.entry(name).or_default() += n;
        }
        self.incomplete += later.incomplete;
        self.without_time += later.without_time;
        self.without_flags += later.without_flags;
        add_all(&mut self.reject_reasons, later.reject_reasons);
        self.rejects.extend(later.rejects);
        self.rejects.truncate(caps.rejects);
    }
}

impl ProxyLog {
    fn merge(&mut self, later: ProxyLog) {
        add_all(&mut self.writers, later.writers);
        for (signal, note) in later.notes {
            let mine = self.notes.entry(signal).or_default();
            mine.count += note.count;
            mine.span.merge(note.span);
            mine.exemplars.extend(note.exemplars);
            mine.exemplars.truncate(super::symptom::EXEMPLARS);
        }
    }
}
