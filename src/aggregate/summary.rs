//! All that is known of the input: the finished counts.

mod full;
mod packed;
mod pieces;
mod weight;

pub use full::{Full, Told};
pub(super) use full::{Keys, NO_UPSTREAM, OTHER_UPSTREAM, hash as hash_of};
pub use packed::Moved;

use std::collections::BTreeMap;

use super::counter::{Counter, Ordered, Text, make_room, some_more};
use super::group::Groups;
use super::hops::Hops;
use super::host::{Host, SmallHost};
use super::sides::{Door, Sides};
use super::span::Span;
use super::symptom::{Exemplar, Symptom, SymptomKey};
use super::values::Values;
use super::{Ends, Latency, Load, Series, Turns, series::Cell};
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
    /// Bytes of the values that these groups keep (hosts, paths, clients, request ids, …), all together.
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
            all_hosts: 104_000,
            scopes: 10_500,
            symptoms: 2_000,
            details: 8 << 20,
            groups: 14_000,
            rejects: 20,
        }
    }
}

/// Bytes of the names of a table, for each name that its cap admits. Names of real meshes are shorter on average.
const NAME_ROOM: usize = 160;
/// The same for endpoints.
const HOST_ROOM: usize = 64;
/// The same for the texts of a symptom's key.
const KEY_ROOM: usize = 800;

/// Upstreams, in input order, that are kept in full detail. What is kept of those behind them is still exact, but
/// coarser in time and duration.
const DETAILED: usize = 3_000;
/// Buckets over time and of durations of upstreams behind [`DETAILED`].
const FEW_BUCKETS: usize = 32;
const FEW_DURATIONS: usize = 256;
/// The series of so many stay as they are: what is packed is slower to add to.
const OPEN: usize = 256;
/// Distinct codes and flags of an upstream that are told apart.
const CODES: usize = 24;
const FLAGS: usize = 24;
/// Distinct codes of everything.
const ALL_CODES: usize = 1_000;
/// Flags that the timeline tells apart: those that came first. Envoy has some thirty.
const TIMELINE_FLAGS: usize = 48;

/// An HTTP status as a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(pub u16);

impl From<&Code> for Code {
    fn from(code: &Code) -> Code {
        *code
    }
}

/// Requests by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub(super) by_outcome: [u64; OUTCOMES.len()],
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

/// One upstream cluster, or all records without one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Upstream {
    /// Requests by outcome.
    pub counts: Counts,
    /// Flags by short name, unknown ones as logged.
    pub flags: Counter<Text>,
    /// HTTP status codes.
    pub codes: Counter<Code>,
    /// Durations of HTTP records except 101 and `client_gone`.
    pub latency: Latency,
    /// Endpoints.
    pub(super) hosts: Ordered<Text, SmallHost>,
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

impl Upstream {
    /// Endpoints by name, in input order.
    pub fn hosts(&self) -> impl ExactSizeIterator<Item = (&Text, Host)> {
        self.hosts.iter().map(|(name, held)| (name, held.host()))
    }

    /// An endpoint.
    pub fn host(&self, name: &[u8]) -> Option<Host> {
        self.hosts.get(name).map(SmallHost::host)
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
    /// Whether a gateway listens there; of listeners only.
    pub door: Door,
}

impl Scope {
    fn merge(&mut self, other: &Scope) {
        self.counts.merge(other.counts);
        self.span.merge(other.span);
        self.ok.merge(other.ok);
        self.ok_with_sni += other.ok_with_sni;
        self.inbound += other.inbound;
        self.tcp_carried += other.tcp_carried;
        self.door.merge(&other.door);
    }
}

/// Most buckets of the whole timeline.
pub(super) const TIMELINE: usize = 3600;

/// A bucket of the whole timeline.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FlaggedLoad {
    /// Requests and failures.
    pub load: Load,
    /// Flags by short name; only those that came first in the input.
    pub flags: BTreeMap<Text, u64>,
    /// All other flags.
    pub other_flags: u64,
}

impl Cell for FlaggedLoad {
    fn merge(&mut self, other: &Self) {
        self.load.merge(&other.load);
        for (flag, n) in &other.flags {
            *self.flags.entry(flag.clone()).or_default() += n;
        }
        self.other_flags += other.other_flags;
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
    pub codes: Counter<Code>,
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
    pub(super) values: Values,
    /// Where the endpoints of all upstreams are, in the order in which they were first seen: place of the upstream, and
    /// place in its table.
    hosts: Vec<(Place, u32)>,
    /// Bytes of names that the tables keep.
    kept: Kept,
    /// Load and flags over time.
    pub timeline: Series<FlaggedLoad, TIMELINE>,
    /// The proxy's own lines.
    pub proxy_log: ProxyLog,
    /// What both sides of requests told; made once all lines have been counted.
    pub hops: Hops,
    /// Some record tells how long its upstream took: where another one does not, no upstream answered it.
    pub service_times: bool,
}

impl Summary {
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
        self.codes.merge(later.codes, ALL_CODES);
        self.span.merge(later.span);
        self.merge_upstreams(later.upstreams, later.other_upstreams, later.no_upstream, &later.hosts, caps);
        let mut other = later.other_scopes;
        for ((mine, theirs), bytes) in [
            (&mut self.authorities, later.authorities),
            (&mut self.routes, later.routes),
            (&mut self.listeners, later.listeners),
            (&mut self.snis, later.snis),
        ]
        .into_iter()
        .zip(&mut self.kept.scopes)
        {
            other += merge_scopes(mine, theirs, bytes, caps.scopes);
        }
        self.other_scopes += other;
        self.merge_symptoms(later.symptoms, &later.values, caps);
        self.other_symptoms += later.other_symptoms;
        self.merge_timeline(later.timeline);
        self.proxy_log.merge(later.proxy_log);
    }

    fn merge_upstreams(
        &mut self,
        mut upstreams: Ordered<Text, Upstream>,
        mut other: Option<Box<Upstream>>,
        mut none: Upstream,
        hosts: &[(Place, u32)],
        caps: &Caps,
    ) {
        let mut places = Vec::with_capacity(upstreams.len());
        for (name, upstream) in &mut upstreams {
            let place = match self.upstreams.get_index_of(name) {
                Some(at) => Place::Known(at as u32),
                None if self.kept.has_room(self.upstreams.len(), caps) => {
                    self.kept.upstreams += name.len();
                    make_room(&mut self.upstreams, caps.upstreams);
                    Place::Known(self.upstreams.insert_full(name.clone(), Upstream::default()).0 as u32)
                }
                None => Place::Other,
            };
            self.merge_upstream(upstream, place);
            places.push(place);
        }
        if let Some(other) = &mut other {
            self.merge_upstream(other, Place::Other);
        }
        self.merge_upstream(&mut none, Place::None);
        for &(from, at) in hosts {
            let (theirs, place) = match from {
                Place::Known(from) => (&upstreams[from as usize], places[from as usize]),
                Place::None => (&none, Place::None),
                Place::Other => match &other {
                    Some(other) => (&**other, Place::Other),
                    None => continue,
                },
            };
            let Some((name, held)) = theirs.hosts.get_index(at as usize) else { continue };
            let room = self.kept.has_room_for_host(self.hosts.len(), caps);
            if let Some(at) = self.upstream_at(place).admit_host(name, held, room, caps.hosts) {
                self.kept.hosts += name.len();
                if self.hosts.len() == self.hosts.capacity() {
                    self.hosts.reserve_exact(some_more(self.hosts.len(), caps.all_hosts));
                }
                self.hosts.push((place, at as u32));
            }
        }
    }

    fn upstream_at(&mut self, place: Place) -> &mut Upstream {
        match place {
            Place::Known(at) => &mut self.upstreams[at as usize],
            Place::Other => self.other_upstreams.get_or_insert_default(),
            Place::None => &mut self.no_upstream,
        }
    }

    fn upstream_of(&self, place: Place) -> Option<&Upstream> {
        match place {
            Place::Known(at) => self.upstreams.get_index(at as usize).map(|(_, upstream)| upstream),
            Place::Other => self.other_upstreams.as_deref(),
            Place::None => Some(&self.no_upstream),
        }
    }

    fn merge_upstream(&mut self, later: &mut Upstream, place: Place) {
        match place {
            Place::Known(at) => self.upstreams[at as usize].merge(later, at as usize),
            Place::None => self.no_upstream.merge(later, 0),
            Place::Other => {
                let other = self.other_upstreams.get_or_insert_default();
                other.merge_other(later, &self.flags, &self.codes);
            }
        }
    }

    fn merge_symptoms(&mut self, mut symptoms: Ordered<SymptomKey, Symptom>, values: &Values, caps: &Caps) {
        let mut places = Vec::with_capacity(symptoms.len());
        for (key, symptom) in &mut symptoms {
            let place = match self.symptoms.get_index_of(key) {
                Some(at) => Some(at),
                None => self.kept.has_room_for_symptom(self.symptoms.len(), caps).then(|| {
                    self.kept.symptoms += key.held();
                    self.symptoms.insert_full(key.clone(), Symptom::default()).0
                }),
            };
            match place {
                Some(at) => self.symptoms[at].merge(symptom, at),
                None => self.other_symptoms += symptom.count,
            }
            places.push(place);
        }
        self.values.merge(&mut self.symptoms, values, &symptoms, &places, caps.details);
    }

    fn merge_timeline(&mut self, mut later: Series<FlaggedLoad, TIMELINE>) {
        if self.flags.len() > TIMELINE_FLAGS {
            let flags = &self.flags;
            for cell in later.cells_mut() {
                cell.flags.retain(|flag, n| {
                    let kept = flags.is_among(flag, TIMELINE_FLAGS);
                    cell.other_flags += if kept { 0 } else { *n };
                    kept
                });
            }
        }
        self.timeline.merge(&later);
    }

    /// A host was seen for the first time, as number `at` of its upstream.
    pub(super) fn note_host(&mut self, upstream: Place, at: usize) {
        self.hosts.push((upstream, at as u32));
    }
}

/// Where an upstream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Known(u32),
    Other,
    None,
}

/// Bytes of names that the tables keep.
#[derive(Debug, Clone, Default, PartialEq)]
struct Kept {
    upstreams: usize,
    hosts: usize,
    scopes: [usize; 4],
    symptoms: usize,
}

/// Whether there is room does not depend on what asks for it: a table that has refused a name refuses all that come after
/// it. The last name may go beyond the bytes by its own length.
impl Kept {
    fn has_room(&self, upstreams: usize, caps: &Caps) -> bool {
        has_room(upstreams, self.upstreams, caps.upstreams)
    }

    fn has_room_for_host(&self, hosts: usize, caps: &Caps) -> bool {
        hosts < caps.all_hosts && self.hosts <= caps.all_hosts * HOST_ROOM
    }

    fn has_room_for_symptom(&self, symptoms: usize, caps: &Caps) -> bool {
        symptoms < caps.symptoms && self.symptoms <= caps.symptoms * KEY_ROOM
    }
}

fn has_room(rows: usize, bytes: usize, cap: usize) -> bool {
    rows < cap && bytes <= cap * NAME_ROOM
}

fn merge_scopes(
    mine: &mut Ordered<Text, Scope>,
    theirs: Ordered<Text, Scope>,
    bytes: &mut usize,
    cap: usize,
) -> u64 {
    let mut other = 0;
    for (name, scope) in theirs {
        let room = has_room(mine.len(), *bytes, cap);
        match mine.get_mut(&name) {
            Some(known) => known.merge(&scope),
            None if room => {
                *bytes += name.len();
                make_room(mine, cap);
                mine.insert(name.clone(), scope);
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
    /// Adds what a later part of the input counted, but for the endpoints. This is number `at` of the whole.
    fn merge(&mut self, later: &mut Upstream, at: usize) {
        self.flags.merge(std::mem::take(&mut later.flags), FLAGS);
        self.codes.merge(std::mem::take(&mut later.codes), CODES);
        self.merge_numbers(later);
        let detailed = at < DETAILED;
        if !detailed {
            self.series.limit(FEW_BUCKETS);
        }
        if at >= OPEN {
            self.series.pack();
        }
        self.latency.pack(if detailed { usize::MAX } else { FEW_DURATIONS });
        self.turns.merge(std::mem::take(&mut later.turns), at);
    }

    /// The same for those that had no room, together. Their flags and codes come in the order of the upstreams of a part, so
    /// those are told apart that come first in the whole input.
    fn merge_other(&mut self, later: &mut Upstream, flags: &Counter<Text>, codes: &Counter<Code>) {
        self.flags.merge_where(std::mem::take(&mut later.flags), |flag| flags.is_among(flag, FLAGS));
        self.codes.merge_where(std::mem::take(&mut later.codes), |code| codes.is_among(code, CODES));
        self.merge_numbers(later);
    }

    fn merge_numbers(&mut self, later: &Upstream) {
        self.counts.merge(later.counts);
        self.latency.merge(&later.latency);
        self.other_hosts.merge(later.other_hosts);
        self.span.merge(later.span);
        self.ok.merge(later.ok);
        self.failure.merge(later.failure);
        self.series.merge(&later.series);
    }

    /// Adds an endpoint of a later part. Its place, when it was kept for the first time.
    fn admit_host(&mut self, name: &Text, held: &SmallHost, room: bool, cap: usize) -> Option<usize> {
        let room = room && self.hosts.len() < cap;
        match self.hosts.get_mut(name) {
            Some(mine) => mine.change(|host| host.merge(&held.host())),
            None if room => {
                make_room(&mut self.hosts, 0);
                return Some(self.hosts.insert_full(name.clone(), held.clone()).0);
            }
            None => self.other_hosts.merge(held.host().counts),
        }
        None
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
        // Nearest to the start of their sources, whatever the order of these.
        self.rejects.sort_by(|a, b| (a.line, a.offset, &a.sample).cmp(&(b.line, b.offset, &b.sample)));
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
            Exemplar::keep_first(&mut mine.exemplars, super::symptom::EXEMPLARS);
        }
    }
}
