//! The fold: one record after the other into counts.
//!
//! Healthy traffic repeats itself, so records are first grouped into *rows*: same cluster, endpoint, authority, route,
//! listener, SNI, code, flags, details and so on, byte for byte. A row is found by one hash over those bytes; what a
//! record means (outcome, scopes, symptom) is worked out once a row, and a record of a known row only counts.

use super::NAME_BYTES;
use super::clock::Clock;
use super::counter::Text;
use super::group::{By, Groups};
use super::row_key::{self, Key};
use super::series::{Cell, Load};
use super::summary::{
    Code, FlaggedLoad, Full, NO_UPSTREAM, OTHER_UPSTREAM, Place, RejectSample, Summary, Upstream, hash_of,
};
use super::symptom::{EXEMPLARS, Exemplar, Span, SymptomKey, head, without_port};
use crate::envoy::address::at_own_address;
use crate::envoy::{Direction, cluster, flags, ztunnel};
use crate::format::{Glance, ProxyLine};
use crate::record::{Field, Kind, Outcome, Record, Reject, number};
use hashbrown::HashTable;
use std::sync::Arc;

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
/// There is one, and the whole has no room for it.
const DENIED: usize = usize::MAX - 1;

/// Rows with something that the whole has no room for, of which a part keeps so many: traffic of upstreams behind the cap repeats
/// itself as any other does.
const DENIED_ROWS: usize = 1024;

/// Place of the listener among a row's scopes.
const LISTENER: usize = 2;

/// Rows found lately, by a few bits of their hash: a power of two.
const RECENT: usize = 1024;

/// Records that are alike in every byte that matters.
struct Row {
    key: row_key::Owned,
    shape: Shape,
    outcome: Outcome,
    code: u16,
    /// Short names of the flags, sorted, each once.
    flags: Box<[Text]>,
    direction: Option<Direction>,
    tunnel: bool,
    sni: bool,
    has_flags: bool,
    requests: u64,
    /// Earliest and latest start, microseconds since 1970: the wrong way round when there is none.
    first_us: i64,
    last_us: i64,
    upstream: usize,
    host: usize,
    scopes: [usize; 4],
    /// What a ztunnel's connection was for; empty in all other rows.
    service: Text,
    /// That it did not come so far as to be logged at its other end.
    unreached: bool,
    symptom: usize,
    /// Something of it has no room in the whole.
    denied: bool,
    /// Digest of the symptom's key; `None`: nothing is wrong with these records.
    digest: Option<u64>,
    counts_latency: bool,
    /// Who was let through is counted by caller and path.
    counts_turns: bool,
    /// A record of it only counts: there is nothing to keep of the record itself.
    only_counts: bool,
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
    /// Bytes that the rows hold besides their own.
    row_bytes: usize,
    index: HashTable<u32>,
    recent: Box<[u32; RECENT]>,
    clock: Clock,
    /// Tables of the whole that were full when this part began.
    full: Arc<Full>,
    denied_rows: usize,
    /// Rows but for one that is not kept.
    kept_rows: usize,
    /// Lines that a glance was enough for.
    glanced: u64,
    /// The second that is being counted of everything, and of each upstream; first of those that had no room, then of those
    /// without one.
    second: Second,
    seconds: Vec<Second>,
}

impl Default for Tally {
    fn default() -> Self {
        Tally {
            summary: Summary::default(),
            rows: Vec::new(),
            row_bytes: 0,
            index: HashTable::new(),
            recent: Box::new([0; RECENT]),
            clock: Clock::default(),
            full: Arc::default(),
            denied_rows: 0,
            kept_rows: 0,
            glanced: 0,
            second: Second::default(),
            seconds: Vec::new(),
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

    /// A part that need not keep what the whole has no room for.
    #[must_use]
    pub fn knowing(self, full: Arc<Full>) -> Tally {
        Tally { full, ..self }
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
        let row = &self.rows[at];
        let duration_ms = record.duration_ms();
        if !self.summary.groups.by.is_empty() {
            let latency_ms = duration_ms.filter(|_| row.counts_latency);
            self.summary.groups.record(record, row.outcome, latency_ms);
        }
        let (remote, path) = (record.bytes(Field::DownstreamRemote), record.bytes(Field::Path));
        let (index, outcome) = (row.symptom, row.outcome);
        let ailing = row.digest.map(|symptom| Ailing { symptom, outcome });
        let service_time = record.bytes(Field::ServiceTime);
        self.count(at, &Measured { start_us, duration_ms, service_time, remote, path });
        match index {
            NONE => {}
            DENIED => self.summary.other_symptoms += 1,
            index => {
                let symptom = &mut self.summary.symptoms[index];
                symptom.add(record, start_us, index, &mut self.summary.values);
                if Exemplar::is_wanted(&symptom.exemplars, start_us, raw) {
                    symptom.exemplars.push(Exemplar::of(record, source, line, offset, raw));
                    Exemplar::keep_first(&mut symptom.exemplars, EXEMPLARS);
                }
            }
        }
        if at == self.passing() {
            self.pass();
        }
        ailing
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
        let Some(load) = self.seconds.get_mut(row.slot()) else { return Glimpse::Unknown };
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
        let row = &mut self.rows[at];
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
            let denied = row.outcome == Outcome::Denied;
            upstream.turns.add(without_port(dashless(measured.remote)), dashless(measured.path), denied);
        }
        let Some(us) = measured.start_us else {
            row.requests += 1;
            summary.lines.without_time += 1;
            return;
        };
        row.count(us);
        let failed = u64::from(row.outcome.failed());
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
        if !row.flags.is_empty() {
            count_flags(cell, &row.flags, &self.full);
        }
    }

    /// Bytes on the heap, about. Costs a walk over the tables.
    pub fn weight(&self) -> usize {
        self.rows.capacity() * size_of::<Row>() + self.row_bytes + self.summary.weight()
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
            let upstream = slot.wrapping_sub(2);
            load.flush(0, |second, load| summary.upstream_mut(upstream).series.at_second(second).merge(load));
        }
        for row in std::mem::take(&mut self.rows) {
            self.summary.settle(&row, &self.full);
        }
        self.summary
    }

    /// Where a row stands that is not kept: it is in no index.
    fn passing(&self) -> usize {
        self.kept_rows
    }

    /// Adds the row that is not kept to the tables that it belongs to.
    #[cold]
    fn pass(&mut self) {
        if let Some(row) = self.rows.pop() {
            self.summary.settle(&row, &self.full);
        }
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
        self.new_row(record, shape, &key)
    }

    fn new_row(&mut self, record: &Record<'_>, shape: Shape, key: &Key<'_>) -> usize {
        let at = self.rows.len();
        let mut row = self.summary.new_row(record, shape, &self.full);
        // Names stand in the tables in the order in which they came, whenever the rows are settled.
        self.summary.settle(&row, &self.full);
        if row.denied && self.denied_rows >= DENIED_ROWS {
            self.rows.push(row);
            return at;
        }
        self.denied_rows += usize::from(row.denied);
        row.key = key.to_owned();
        self.row_bytes += row.key.weight() + row.service.len() + row.flags.len() * 48 + 64;
        let slots = row.slot() + 1;
        if self.seconds.len() < slots {
            self.seconds.resize_with(slots, Second::default);
        }
        self.rows.push(row);
        self.kept_rows = self.rows.len();
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

    /// Place among the seconds of the upstreams.
    #[inline(always)]
    fn slot(&self) -> usize {
        self.upstream.wrapping_add(2)
    }

    fn span(&self) -> Span {
        let some = self.first_us <= self.last_us;
        Span { first_us: some.then_some(self.first_us), last_us: some.then_some(self.last_us) }
    }

    #[inline]
    fn is(&self, shape: Shape, key: &Key<'_>) -> bool {
        self.key.is(key) && self.shape.is(shape)
    }
}

impl Summary {
    /// Works out what a record means, for all records like it.
    fn new_row(&mut self, record: &Record<'_>, shape: Shape, full: &Full) -> Row {
        let outcome = record.outcome();
        let (upstream, at, hash) = match record.upstream() {
            None => (NONE, Place::None, NO_UPSTREAM),
            Some(name) => match index_of(&mut self.upstreams, name, |name| full.upstreams.lacks(name)) {
                DENIED => (DENIED, Place::Other, OTHER_UPSTREAM),
                index => (index, Place::Known(index as u32), hash_of(head(name, NAME_BYTES))),
            },
        };
        let hosts = &mut self.upstream_mut(upstream).hosts;
        let known = hosts.len();
        let host = record.text(Field::UpstreamHost).unwrap_or_default();
        let host = index_of(hosts, &host, |name| full.endpoints.lack(hash, name));
        if hosts.len() > known {
            self.note_host(at, host);
        }
        let authority = record.text(Field::Authority).unwrap_or_default();
        let [authorities, routes, listeners, snis] = &full.scopes;
        let scopes = [
            index_of(&mut self.authorities, without_port(&authority), |name| authorities.lacks(name)),
            index_of(&mut self.routes, &record.text(Field::RouteName).unwrap_or_default(), |name| {
                routes.lacks(name)
            }),
            index_of(&mut self.listeners, &record.text(Field::DownstreamLocal).unwrap_or_default(), |name| {
                listeners.lacks(name)
            }),
            index_of(&mut self.snis, &record.text(Field::ServerName).unwrap_or_default(), |name| {
                snis.lacks(name)
            }),
        ];
        let mut digest = None;
        let symptom = if suspicious(record, outcome) {
            let key = SymptomKey::of(record, outcome);
            let number = key.digest();
            digest = Some(number);
            if full.symptoms.lacks_hash(number) {
                DENIED
            } else {
                let entry = self.symptoms.entry(key);
                let index = entry.index();
                entry.or_default();
                index
            }
        } else {
            NONE
        };
        let flags = flag_names(record);
        let direction = record.direction();
        Row {
            key: row_key::Owned::default(),
            shape,
            outcome,
            code: record.code(),
            only_counts: symptom == NONE && flags.is_empty(),
            flags,
            direction,
            tunnel: cluster::is_tunnel(record.bytes(Field::UpstreamCluster)),
            sni: !record.bytes(Field::ServerName).is_empty(),
            has_flags: record.logged(Field::Flags).is_some(),
            requests: 0,
            first_us: i64::MAX,
            last_us: i64::MIN,
            upstream,
            host,
            scopes,
            service: if shape.kind == Kind::Ztunnel {
                head(&authority, NAME_BYTES).into()
            } else {
                Text::default()
            },
            unreached: shape.kind == Kind::Ztunnel && ztunnel::unreached(record.bytes(Field::Details)),
            symptom,
            denied: [upstream, host, symptom].iter().chain(&scopes).any(|place| *place == DENIED),
            digest,
            counts_turns: direction == Some(Direction::Inbound)
                && !matches!(upstream, NONE | DENIED)
                && matches!(outcome, Outcome::Ok | Outcome::Denied),
            counts_latency: shape.kind == Kind::Http
                && record.code() != 101
                && outcome != Outcome::ClientGone,
        }
    }

    fn upstream_mut(&mut self, index: usize) -> &mut Upstream {
        match index {
            NONE => &mut self.no_upstream,
            DENIED => self.other_upstreams.get_or_insert_default(),
            index => &mut self.upstreams[index],
        }
    }

    /// Adds a finished row to every table it belongs to.
    fn settle(&mut self, row: &Row, full: &Full) {
        let n = row.requests;
        let span = row.span();
        let code = row.code;
        self.counts.add(row.outcome, n);
        self.sides.of_mut(row.direction, row.tunnel).add(row.outcome, n);
        if let (Kind::Ztunnel, Some(direction)) = (row.shape.kind, row.direction) {
            self.ends_of(&row.service, usize::MAX).add(direction, row.unreached, row.outcome, n);
        }
        self.codes.add(&Code(code), n);
        self.span.merge(span);
        *self.lines.formats.entry(row.shape.format).or_default() += n;
        if !row.has_flags && row.shape.kind != Kind::Ztunnel {
            self.lines.without_flags += n;
        }
        if !row.flags.is_empty() {
            self.settle_flags(row, full);
        }
        let upstream = self.upstream_mut(row.upstream);
        upstream.counts.add(row.outcome, n);
        upstream.codes.add(&Code(code), n);
        upstream.span.merge(span);
        for name in &row.flags {
            upstream.flags.add(&name[..], n);
        }
        if let Some((_, host)) = upstream.hosts.get_index_mut(row.host) {
            host.counts.add(row.outcome, n);
            host.span.merge(span);
            pick(&mut host.ok, &mut host.failure, row.outcome, span);
        } else if row.host == DENIED {
            upstream.other_hosts.add(row.outcome, n);
        }
        pick(&mut upstream.ok, &mut upstream.failure, row.outcome, span);
        if let Some((_, listener)) = self.listeners.get_index_mut(row.scopes[LISTENER]) {
            listener.door.add(row.direction, row.tunnel, row.shape.at_own_address, row.outcome, n);
        }
        let inbound = row.shape.kind != Kind::Ztunnel && row.direction == Some(Direction::Inbound);
        let carried = row.shape.kind == Kind::Tcp && row.upstream != NONE && row.outcome == Outcome::Ok;
        let tables = [&mut self.authorities, &mut self.routes, &mut self.listeners, &mut self.snis];
        for (table, index) in tables.into_iter().zip(row.scopes) {
            let Some((_, scope)) = table.get_index_mut(index) else {
                self.other_scopes += if index == DENIED { n } else { 0 };
                continue;
            };
            scope.counts.add(row.outcome, n);
            scope.span.merge(span);
            if row.outcome == Outcome::Ok {
                scope.ok.merge(span);
                scope.ok_with_sni += if row.sni { n } else { 0 };
            }
            scope.inbound += if inbound { n } else { 0 };
            scope.tcp_carried += if carried { n } else { 0 };
        }
    }

    fn settle_flags(&mut self, row: &Row, full: &Full) {
        let n = row.requests;
        for name in &row.flags {
            self.flags.add_known(&name[..], n, &full.flags);
        }
        let set = row.flags.join(&b","[..]);
        let set = head(&set, FLAG_SET_BYTES);
        self.flag_sets.add_known(set, n, &full.flag_sets);
        if row.tunnel {
            self.tunnel_flag_sets.add_known(set, n, &full.tunnel_flag_sets);
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

/// Position of a name, which is added when it is new and has room; no name has no place.
fn index_of<T: Default>(
    table: &mut super::counter::Ordered<Text, T>,
    name: &[u8],
    has_no_room: impl FnOnce(&[u8]) -> bool,
) -> usize {
    if name.is_empty() {
        return NONE;
    }
    let name = head(name, NAME_BYTES);
    match table.get_index_of(name) {
        Some(index) => index,
        None if has_no_room(name) => DENIED,
        None => table.insert_full(name.into(), T::default()).0,
    }
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
fn flag_names(record: &Record<'_>) -> Box<[Text]> {
    let mut names: Vec<Text> =
        flags::tokens(record.bytes(Field::Flags)).map(|t| head(flags::short(t), FLAG_BYTES).into()).collect();
    names.sort_unstable();
    names.dedup();
    names.truncate(FLAGS);
    names.into()
}

#[cold]
fn count_flags(cell: &mut FlaggedLoad, names: &[Text], full: &Full) {
    for name in names {
        match cell.flags.get_mut(name) {
            Some(n) => *n += 1,
            None if full.timed_flags.lacks(&name[..]) => cell.other_flags += 1,
            None => {
                cell.flags.insert(name.clone(), 1);
            }
        }
    }
}
