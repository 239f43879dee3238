//! The fold: one record after the other into counts.
//!
//! Healthy traffic repeats itself, so records are first grouped into *rows*: same cluster, endpoint, authority, route,
//! listener, SNI, code, flags, details and so on, byte for byte. A row is found by one hash over those bytes; what a
//! record means (outcome, scopes, symptom) is worked out once a row, and a record of a known row only counts.

use super::NAME_BYTES;
use super::clock::Clock;
use super::counter::Text;
use super::flagged::Flagged;
use super::group::{By, Groups};
use super::row_key::{self, Key};
use super::series::{Cell, Load};
use super::summary::{Code, RejectSample, Summary, Upstream};
use super::symptom::{EXEMPLARS, Exemplar, Shared, Span, SymptomKey, head, without_port};
use crate::envoy::address::at_own_address;
use crate::envoy::{Direction, cluster, flags, ztunnel};
use crate::format::{Glance, ProxyLine};
use crate::record::{Field, Kind, Outcome, Record, Reject, id_key, number};
use hashbrown::HashTable;

/// Bytes of a rejected line that are kept as a sample.
const SAMPLE_BYTES: usize = 200;
/// Samples of rejected lines kept of one part.
const SAMPLES: usize = 20;
/// A TCP session that moved less than this both ways may be a handshake that came to nothing.
const SHORT_SESSION_BYTES: u64 = 2_000;

/// Bytes of a flag's name that are kept.
const FLAG_BYTES: usize = 64;
/// The same of a set of flags.
const FLAG_SET_BYTES: usize = 256;
/// Flags of one record that are told apart; Envoy does not have as many.
const FLAGS: usize = 64;

/// No such thing in the record.
const NONE: usize = usize::MAX;

/// Place of the listener among a row's scopes.
const LISTENER: usize = 2;

/// Rows found lately, by a few bits of their hash: a power of two.
const RECENT: usize = 1024;

/// Records that are alike in every byte that matters. What a line at a glance needs stands close together, and first.
#[repr(C)]
struct Row {
    /// Place of the upstream.
    upstream: usize,
    requests: u64,
    /// Earliest and latest start, microseconds since 1970: the wrong way round when there is none.
    first_us: i64,
    last_us: i64,
    counts_latency: bool,
    /// Who was let through is counted by caller and path.
    counts_turns: bool,
    /// A record of it only counts: there is nothing to keep of the record itself.
    only_counts: bool,
    shape: Shape,
    key: row_key::Owned,
}

/// What the records of a row mean.
struct Meaning {
    outcome: Outcome,
    code: u16,
    /// Short names of the flags, sorted, each once: places among the names of [`Flagged`].
    flags: Box<[u32]>,
    direction: Option<Direction>,
    tunnel: bool,
    sni: bool,
    has_flags: bool,
    host: usize,
    scopes: [usize; 4],
    /// What a ztunnel's connection was for; empty in all other rows.
    service: Text,
    /// That it did not come so far as to be logged at its other end.
    unreached: bool,
    symptom: usize,
    /// Values of the symptom that all these records share.
    shared: Shared,
    /// Digest of the symptom's key; `None`: nothing is wrong with these records.
    digest: Option<u64>,
}

/// What was counted at a glance in one second: lines come in the order of their times, more or less.
#[derive(Default)]
struct Second {
    second: i64,
    load: Load,
}

/// What a row needs besides the bytes.
#[derive(Clone, Copy)]
struct Shape {
    kind: Kind,
    local_address: bool,
    at_own_address: bool,
    suspicious_session: bool,
    format: &'static str,
}

impl Shape {
    /// Formats are told apart by where their names lie: the same name at two places makes a row more, which is counted all
    /// the same.
    #[inline]
    fn is(self, other: Shape) -> bool {
        std::ptr::eq(self.format, other.format)
            && (self.kind, self.local_address, self.at_own_address, self.suspicious_session)
                == (other.kind, other.local_address, other.at_own_address, other.suspicious_session)
    }
}

/// What is counted of every record.
struct Measured<'a> {
    start_us: Option<i64>,
    duration_ms: Option<u64>,
    service_time: &'a [u8],
    /// Address of the client.
    remote: &'a [u8],
    path: &'a [u8],
}

/// What is wrong with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ailing {
    /// Digest of the symptom it belongs to.
    pub symptom: u64,
    /// What became of it.
    pub outcome: Outcome,
    /// Key of its request id.
    pub request: Option<u64>,
}

/// What came of a glance at a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glimpse {
    /// It is counted: nothing more is wanted of it.
    Counted,
    /// A record with its telling bytes has been read, so every value is what its column holds; it is wanted whole.
    Known,
    /// It must be read with care.
    Unknown,
}

/// Counts one part of the input.
pub struct Tally {
    summary: Summary,
    rows: Vec<Row>,
    /// One for each row.
    meanings: Vec<Meaning>,
    /// Bytes that the rows hold besides their own.
    row_bytes: usize,
    index: HashTable<u32>,
    recent: Box<[u32; RECENT]>,
    clock: Clock,
    /// Lines that a glance was enough for.
    glanced: u64,
    /// The second that is being counted of everything, and of each upstream; first of those without one.
    second: Second,
    seconds: Vec<Second>,
    flagged: Flagged,
}

impl Default for Tally {
    fn default() -> Self {
        Tally {
            summary: Summary::default(),
            rows: Vec::new(),
            meanings: Vec::new(),
            row_bytes: 0,
            index: HashTable::new(),
            recent: Box::new([0; RECENT]),
            clock: Clock::default(),
            glanced: 0,
            second: Second::default(),
            seconds: Vec::new(),
            flagged: Flagged::default(),
        }
    }
}

impl Tally {
    /// A tally that also groups records.
    pub fn grouping(by: &[By]) -> Tally {
        let mut tally = Tally::default();
        tally.summary.groups = Groups::new(by);
        tally
    }

    /// Counts an access record. `line` is from 1 and `offset` from 0 within the part's source. Says what is wrong with it, if
    /// anything is.
    pub fn record(
        &mut self,
        record: &Record<'_>,
        source: u32,
        line: u64,
        offset: u64,
        raw: &[u8],
    ) -> Option<Ailing> {
        self.summary.lines.total += 1;
        self.summary.lines.access += 1;
        self.summary.lines.incomplete += u64::from(!record.complete());
        let start_us = record.get(Field::StartTime).and_then(|text| self.clock.read(text.bytes));
        let at = self.row(record);
        let (row, meaning) = (&self.rows[at], &self.meanings[at]);
        let duration_ms = record.duration_ms();
        if !self.summary.groups.by.is_empty() {
            let latency_ms = duration_ms.filter(|_| row.counts_latency);
            self.summary.groups.record(record, meaning.outcome, latency_ms);
        }
        let (remote, path) = (record.bytes(Field::DownstreamRemote), record.bytes(Field::Path));
        let (index, outcome) = (meaning.symptom, meaning.outcome);
        let digest = meaning.digest;
        let service_time = record.bytes(Field::ServiceTime);
        self.count(at, &Measured { start_us, duration_ms, service_time, remote, path });
        let digest = digest?;
        let request = record.text(Field::RequestId).and_then(|id| id_key(&id));
        if index != NONE {
            let symptom = &mut self.summary.symptoms[index];
            symptom.add(record, start_us, request, index, &mut self.summary.values);
            if Exemplar::is_wanted(&symptom.exemplars, start_us, raw) {
                symptom.exemplars.push(Exemplar::of(record, source, line, offset, raw));
                Exemplar::keep_first(&mut symptom.exemplars, EXEMPLARS);
            }
        }
        Some(Ailing { symptom: digest, outcome, request })
    }

    /// True when no record must be seen whole that a glance is enough for.
    pub fn can_glance(&self) -> bool {
        self.summary.groups.by.is_empty()
    }

    /// Counts an access record by what is plain to see of it, where that is enough.
    #[inline(always)]
    pub fn glance(&mut self, glance: &Glance<'_>) -> Glimpse {
        let shape = Shape {
            kind: glance.kind,
            local_address: glance.local_address,
            at_own_address: glance.at_own_address,
            suspicious_session: glance.kind == Kind::Tcp
                && short_session(glance.numbers.received, glance.numbers.sent),
            format: glance.format,
        };
        let key = Key::new(glance.identity.parts());
        let slot = key.hash as usize % RECENT;
        let mut at = self.recent[slot] as usize;
        if !self.rows.get(at).is_some_and(|row| row.is(shape, &key)) {
            // A row is there only after a record of it was read: its bytes have been checked.
            let Some(found) = self.find(shape, &key) else { return Glimpse::Unknown };
            at = found;
            self.recent[slot] = at as u32;
        }
        let Some(row) = self.rows.get_mut(at).filter(|row| row.only_counts) else { return Glimpse::Known };
        let Some((second, ms)) = self.clock.read_usual(glance.time) else { return Glimpse::Unknown };
        let Some(load) = self.seconds.get_mut(row.upstream.wrapping_add(1)) else { return Glimpse::Unknown };
        self.glanced += 1;
        row.count(second * 1_000_000 + ms * 1_000);
        let summary = &mut self.summary;
        if !summary.service_times {
            summary.service_times = number(glance.service_time).is_some();
        }
        let duration_ms = glance.numbers.duration_ms;
        // Nothing has failed: the row only counts.
        if load.second != second {
            load.flush(second, |second, load| {
                summary.upstream_mut(row.upstream).series.at_second(second).merge(load);
            });
        }
        load.load.requests += 1;
        load.load.busy_ms += duration_ms;
        if row.counts_latency {
            summary.upstream_mut(row.upstream).latency.add(duration_ms);
        } else {
            load.load.other += 1;
            load.load.other_ms = load.load.other_ms.saturating_add(duration_ms);
        }
        if row.counts_turns {
            let (client, path) = (without_port(dashless(glance.remote)), dashless(glance.path));
            summary.upstream_mut(row.upstream).turns.add(client, path, false);
        }
        if self.second.second != second {
            self.second.flush(second, |second, load| summary.timeline.at_second(second).load.merge(load));
        }
        self.second.load.requests += 1;
        Glimpse::Counted
    }

    /// Counts a record of a row.
    #[inline(always)]
    fn count(&mut self, at: usize, measured: &Measured<'_>) {
        let (row, meaning) = (&mut self.rows[at], &self.meanings[at]);
        let summary = &mut self.summary;
        // The first records settle it.
        if !summary.service_times {
            summary.service_times = number(measured.service_time).is_some();
        }
        let duration_ms = measured.duration_ms;
        let upstream = summary.upstream_mut(row.upstream);
        if let Some(ms) = duration_ms.filter(|_| row.counts_latency) {
            upstream.latency.add(ms);
        }
        if row.counts_turns {
            let denied = meaning.outcome == Outcome::Denied;
            upstream.turns.add(without_port(dashless(measured.remote)), dashless(measured.path), denied);
        }
        let Some(us) = measured.start_us else {
            row.requests += 1;
            summary.lines.without_time += 1;
            return;
        };
        row.count(us);
        let failed = u64::from(meaning.outcome.failed());
        let second = us.div_euclid(1_000_000);
        let cell = upstream.series.at_second(second);
        cell.requests += 1;
        cell.failed += failed;
        cell.busy_ms += duration_ms.unwrap_or(0);
        if !row.counts_latency {
            cell.other += 1;
            cell.other_ms = cell.other_ms.saturating_add(duration_ms.unwrap_or(0));
        }
        let cell = summary.timeline.at_second(second);
        cell.load.requests += 1;
        cell.load.failed += failed;
        if !meaning.flags.is_empty() {
            self.flagged.count(second, &meaning.flags, &mut summary.timeline);
        }
    }

    /// Bytes on the heap, about. Costs a walk over the tables.
    pub fn weight(&self) -> usize {
        self.rows.capacity() * (size_of::<Row>() + size_of::<Meaning>())
            + self.row_bytes
            + self.flagged.held()
            + self.summary.weight()
    }

    /// Counts a line of the proxy's own log.
    pub fn proxy(&mut self, proxy: &ProxyLine, source: u32, line: u64, offset: u64, raw: &[u8]) {
        let summary = &mut self.summary;
        summary.lines.total += 1;
        summary.lines.proxy += 1;
        *summary.proxy_log.writers.entry(proxy.writer).or_default() += 1;
        let Some(signal) = proxy.signal else { return };
        let note = summary.proxy_log.notes.entry(signal).or_default();
        note.count += 1;
        if let Some(us) = proxy.time_us {
            note.span.add(us);
        }
        if Exemplar::is_wanted(&note.exemplars, proxy.time_us, raw) {
            note.exemplars.push(Exemplar::of_line(source, line, offset, proxy.time_us, raw));
            Exemplar::keep_first(&mut note.exemplars, EXEMPLARS);
        }
    }

    /// Counts somebody else's line.
    pub fn other(&mut self) {
        self.summary.lines.total += 1;
        self.summary.lines.other += 1;
    }

    /// Counts a line that could not be read.
    pub fn reject(&mut self, reject: Reject, source: u32, line: u64, offset: u64, raw: &[u8]) {
        let lines = &mut self.summary.lines;
        lines.total += 1;
        lines.rejected += 1;
        *lines.reject_reasons.entry(reject.reason).or_default() += 1;
        if lines.rejects.len() < SAMPLES {
            let sample = raw[..raw.len().min(SAMPLE_BYTES)].into();
            let Reject { reason, column } = reject;
            lines.rejects.push(RejectSample { source, line, offset, column, reason, sample });
        }
    }

    /// The finished counts.
    pub fn finish(mut self) -> Summary {
        let summary = &mut self.summary;
        summary.lines.total += self.glanced;
        summary.lines.access += self.glanced;
        self.second.flush(0, |second, load| summary.timeline.at_second(second).load.merge(load));
        for (slot, load) in self.seconds.iter_mut().enumerate() {
            let upstream = slot.wrapping_sub(1);
            load.flush(0, |second, load| summary.upstream_mut(upstream).series.at_second(second).merge(load));
        }
        self.flagged.flush(&mut summary.timeline);
        for (row, meaning) in self.rows.iter().zip(&self.meanings) {
            self.summary.settle(row, meaning, &self.flagged);
        }
        self.summary
    }

    /// The row of a record; made when it is new.
    #[inline]
    fn row(&mut self, record: &Record<'_>) -> usize {
        let fields;
        let identity = record.identity();
        let key = match &identity {
            Some(identity) => Key::new(identity.parts()),
            None => {
                fields = row_key::fields(record);
                Key::new(&fields)
            }
        };
        let shape = Shape {
            kind: record.kind(),
            local_address: !record.bytes(Field::UpstreamLocal).is_empty(),
            at_own_address: at_own_address(
                record.bytes(Field::UpstreamLocal),
                record.bytes(Field::DownstreamLocal),
                record.bytes(Field::DownstreamRemote),
            ),
            suspicious_session: record.kind() == Kind::Tcp
                && short_session(size(record, Field::BytesReceived), size(record, Field::BytesSent)),
            format: record.format(),
        };
        if let Some(at) = self.find(shape, &key) {
            return at;
        }
        let at = self.rows.len();
        let flags = flag_names(record).iter().map(|name| self.flagged.place(name)).collect();
        let (row, meaning) = self.summary.new_row(record, shape, &key, flags);
        self.row_bytes += row.key.weight() + meaning.service.len() + meaning.flags.len() * 4 + 64;
        let slots = row.upstream.wrapping_add(1) + 1;
        if self.seconds.len() < slots {
            self.seconds.resize_with(slots, Second::default);
        }
        self.rows.push(row);
        self.meanings.push(meaning);
        let rows = &self.rows;
        self.index.insert_unique(key.hash, at as u32, |&at| rows[at as usize].key.hash);
        at
    }

    fn find(&self, shape: Shape, key: &Key<'_>) -> Option<usize> {
        let rows = &self.rows;
        self.index.find(key.hash, |&at| rows[at as usize].is(shape, key)).map(|&at| at as usize)
    }
}

/// A missing value is none.
fn dashless(text: &[u8]) -> &[u8] {
    if text == b"-" { b"" } else { text }
}

impl Second {
    /// Hands on what was counted, and begins another second.
    #[inline(never)]
    fn flush(&mut self, next: i64, add: impl FnOnce(i64, &Load)) {
        let Second { second, load } = std::mem::replace(self, Second { second: next, load: Load::default() });
        if load.requests > 0 {
            add(second, &load);
        }
    }
}

impl Row {
    /// Counts a record with its time.
    #[inline(always)]
    fn count(&mut self, us: i64) {
        self.requests += 1;
        self.first_us = self.first_us.min(us);
        self.last_us = self.last_us.max(us);
    }

    fn span(&self) -> Span {
        let some = self.first_us <= self.last_us;
        Span { first_us: some.then_some(self.first_us), last_us: some.then_some(self.last_us) }
    }

    #[inline(always)]
    fn is(&self, shape: Shape, key: &Key<'_>) -> bool {
        self.key.is(key) && self.shape.is(shape)
    }
}

impl Summary {
    /// Works out what a record means, for all records like it.
    fn new_row(
        &mut self,
        record: &Record<'_>,
        shape: Shape,
        key: &Key<'_>,
        flags: Box<[u32]>,
    ) -> (Row, Meaning) {
        let outcome = record.outcome();
        let upstream = match record.upstream() {
            None => NONE,
            Some(name) => index_of(&mut self.upstreams, name),
        };
        let hosts = &mut self.upstream_mut(upstream).hosts;
        let known = hosts.len();
        let host = index_of(hosts, &record.text(Field::UpstreamHost).unwrap_or_default());
        if hosts.len() > known {
            self.note_host((upstream != NONE).then_some(upstream), host);
        }
        let authority = record.text(Field::Authority).unwrap_or_default();
        let scopes = [
            index_of(&mut self.authorities, without_port(&authority)),
            index_of(&mut self.routes, &record.text(Field::RouteName).unwrap_or_default()),
            index_of(&mut self.listeners, &record.text(Field::DownstreamLocal).unwrap_or_default()),
            index_of(&mut self.snis, &record.text(Field::ServerName).unwrap_or_default()),
        ];
        let (mut digest, mut shared) = (None, Shared::default());
        let symptom = if suspicious(record, outcome) {
            let key = SymptomKey::of(record, outcome);
            digest = Some(key.digest());
            let entry = self.symptoms.entry(key);
            let index = entry.index();
            shared = entry.or_default().share(record, index, &mut self.values);
            index
        } else {
            NONE
        };
        let direction = record.direction();
        let row = Row {
            upstream,
            requests: 0,
            first_us: i64::MAX,
            last_us: i64::MIN,
            counts_latency: shape.kind == Kind::Http
                && record.code() != 101
                && outcome != Outcome::ClientGone,
            counts_turns: direction == Some(Direction::Inbound)
                && upstream != NONE
                && matches!(outcome, Outcome::Ok | Outcome::Denied),
            only_counts: symptom == NONE && flags.is_empty(),
            shape,
            key: key.to_owned(),
        };
        let ztunnel = shape.kind == Kind::Ztunnel;
        let meaning = Meaning {
            outcome,
            code: record.code(),
            flags,
            direction,
            tunnel: cluster::is_tunnel(record.bytes(Field::UpstreamCluster)),
            sni: !record.bytes(Field::ServerName).is_empty(),
            has_flags: record.logged(Field::Flags).is_some(),
            host,
            scopes,
            service: if ztunnel { head(&authority, NAME_BYTES).into() } else { Text::default() },
            unreached: ztunnel && ztunnel::unreached(record.bytes(Field::Details)),
            symptom,
            shared,
            digest,
        };
        (row, meaning)
    }

    fn upstream_mut(&mut self, index: usize) -> &mut Upstream {
        match index {
            NONE => &mut self.no_upstream,
            index => &mut self.upstreams[index],
        }
    }

    /// Adds a finished row to every table it belongs to.
    fn settle(&mut self, row: &Row, meaning: &Meaning, flagged: &Flagged) {
        let n = row.requests;
        let span = row.span();
        let code = meaning.code;
        self.counts.add(meaning.outcome, n);
        self.sides.of_mut(meaning.direction, meaning.tunnel).add(meaning.outcome, n);
        if let (Kind::Ztunnel, Some(direction)) = (row.shape.kind, meaning.direction) {
            self.ends_of(&meaning.service, usize::MAX).add(direction, meaning.unreached, meaning.outcome, n);
        }
        self.codes.add(&Code(code), n);
        self.span.merge(span);
        *self.lines.formats.entry(row.shape.format).or_default() += n;
        if !meaning.has_flags && row.shape.kind != Kind::Ztunnel {
            self.lines.without_flags += n;
        }
        let upstream = match row.upstream {
            NONE => &mut self.no_upstream,
            index => &mut self.upstreams[index],
        };
        upstream.counts.add(meaning.outcome, n);
        upstream.codes.add(&Code(code), n);
        upstream.span.merge(span);
        if let Some((_, symptom)) = self.symptoms.get_index_mut(meaning.symptom) {
            symptom.add_shared(meaning.shared, n);
        }
        if !meaning.flags.is_empty() {
            let names: Vec<&[u8]> = meaning.flags.iter().map(|place| flagged.name(*place)).collect();
            for name in &names {
                upstream.flags.add(*name, n);
                self.flags.add(*name, n);
            }
            let set = names.join(&b","[..]);
            let set = head(&set, FLAG_SET_BYTES);
            self.flag_sets.add(set, n);
            if meaning.tunnel {
                self.tunnel_flag_sets.add(set, n);
            }
        }
        if let Some((_, host)) = upstream.hosts.get_index_mut(meaning.host) {
            host.counts.add(meaning.outcome, n);
            host.span.merge(span);
            pick(&mut host.ok, &mut host.failure, meaning.outcome, span);
        }
        pick(&mut upstream.ok, &mut upstream.failure, meaning.outcome, span);
        if let Some((_, listener)) = self.listeners.get_index_mut(meaning.scopes[LISTENER]) {
            listener.door.add(
                meaning.direction,
                meaning.tunnel,
                row.shape.at_own_address,
                meaning.outcome,
                n,
            );
        }
        let inbound = row.shape.kind != Kind::Ztunnel && meaning.direction == Some(Direction::Inbound);
        let carried = row.shape.kind == Kind::Tcp && row.upstream != NONE && meaning.outcome == Outcome::Ok;
        let tables = [&mut self.authorities, &mut self.routes, &mut self.listeners, &mut self.snis];
        for (table, index) in tables.into_iter().zip(meaning.scopes) {
            let Some((_, scope)) = table.get_index_mut(index) else { continue };
            scope.counts.add(meaning.outcome, n);
            scope.span.merge(span);
            if meaning.outcome == Outcome::Ok {
                scope.ok.merge(span);
                scope.ok_with_sni += if meaning.sni { n } else { 0 };
            }
            scope.inbound += if inbound { n } else { 0 };
            scope.tcp_carried += if carried { n } else { 0 };
        }
    }
}

fn pick(ok: &mut Span, failure: &mut Span, outcome: Outcome, span: Span) {
    if outcome.failed() {
        failure.merge(span);
    } else if outcome == Outcome::Ok {
        ok.merge(span);
    }
}

/// Position of a name, which is added when it is new; no name has no place.
fn index_of<T: Default>(table: &mut super::counter::Ordered<Text, T>, name: &[u8]) -> usize {
    if name.is_empty() {
        return NONE;
    }
    let name = head(name, NAME_BYTES);
    if let Some(index) = table.get_index_of(name) {
        return index;
    }
    table.insert_full(name.into(), T::default()).0
}

/// True for records that the diagnosis wants to see whole: everything but a plain good answer.
pub fn suspicious(record: &Record<'_>, outcome: Outcome) -> bool {
    outcome != Outcome::Ok
        || !record.flags().is_empty()
        || !matches!(record.bytes(Field::Details), b"" | b"via_upstream")
        || record.get(Field::Termination).is_some_and(|t| !t.bytes.is_empty())
        || record.get(Field::TransportFailure).is_some_and(|t| !t.bytes.is_empty())
        || (record.kind() == Kind::Tcp
            && short_session(size(record, Field::BytesReceived), size(record, Field::BytesSent)))
}

fn size(record: &Record<'_>, field: Field) -> u64 {
    record.number(field).unwrap_or(0)
}

fn short_session(received: u64, sent: u64) -> bool {
    received < SHORT_SESSION_BYTES && sent < SHORT_SESSION_BYTES
}

/// Short names of a record's flags, sorted, each once.
fn flag_names(record: &Record<'_>) -> Vec<Text> {
    let mut names: Vec<Text> =
        flags::tokens(record.bytes(Field::Flags)).map(|t| head(flags::short(t), FLAG_BYTES).into()).collect();
    names.sort_unstable();
    names.dedup();
    names.truncate(FLAGS);
    names
}
