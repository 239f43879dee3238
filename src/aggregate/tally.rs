//! The fold: one record after the other into counts.
//!
//! Healthy traffic repeats itself, so records are first grouped into *rows*: same cluster, endpoint, authority, route,
//! listener, SNI, code, flags, details and so on, byte for byte. A row is guessed from those bytes and compared, or found by a
//! hash over them where the guess was wrong; what a record means (outcome, scopes, symptom) is worked out once a row, and a
//! record of a known row only counts.

use super::clock::Clock;
use super::flagged::Flagged;
use super::group::{By, Groups};
use super::row::{DENIED, Meaning, Row, Shape, short_session, size};
use super::row_key::{self, Key};
use super::series::{Cell, Load};
use super::summary::{Full, RejectSample, Summary};
use super::symptom::{EXEMPLARS, Exemplar, without_port};
use crate::envoy::{FlagSet, address::at_own_address};
use crate::format::{Glance, ProxyLine};
use crate::record::{Field, Kind, Outcome, Record, Reject, id_key, number};
use hashbrown::HashTable;
use std::sync::Arc;

/// Bytes of a rejected line that are kept as a sample.
const SAMPLE_BYTES: usize = 200;
/// Samples of rejected lines kept of one part.
const SAMPLES: usize = 20;

/// Rows with something that the whole has no room for, of which a part keeps so many: traffic of upstreams behind the cap repeats
/// itself as any other does.
const DENIED_ROWS: usize = 1024;

/// Rows found lately, by a guess from their bytes: a power of two.
const RECENT: usize = 1024;

/// What was counted at a glance in one second: lines come in the order of their times, more or less.
#[derive(Default)]
struct Second {
    second: i64,
    load: Load,
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
    /// Its flags.
    pub flags: FlagSet,
    /// Its start, microseconds since 1970.
    pub start_us: Option<i64>,
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

/// The record that was counted last.
#[derive(Debug, Clone, Copy, Default)]
pub struct Last {
    /// Number of its row, from 0; `None`: the row is not kept. Records of a row are alike in all that does not differ from line to
    /// line.
    pub row: Option<usize>,
    /// Its start, microseconds since 1970.
    pub us: Option<i64>,
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
    /// The row of the line that was glanced at, which is wanted whole.
    known: Option<usize>,
    clock: Clock,
    /// Tables of the whole that were full when this part began.
    full: Arc<Full>,
    denied_rows: usize,
    /// Rows but for one that is not kept.
    kept_rows: usize,
    /// Lines that a glance was enough for.
    glanced: u64,
    last: Last,
    /// The second that is being counted of everything, and of each upstream; first of those that had no room, then of those
    /// without one.
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
            known: None,
            clock: Clock::default(),
            full: Arc::default(),
            denied_rows: 0,
            kept_rows: 0,
            glanced: 0,
            last: Last::default(),
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
        let known = self.known.take();
        debug_assert!(known.is_none_or(|at| at == self.row(record)), "a glance found another row");
        let at = known.unwrap_or_else(|| self.row(record));
        let (row, meaning) = (&self.rows[at], &self.meanings[at]);
        let duration_ms = record.duration_ms();
        if !self.summary.groups.by.is_empty() {
            let latency_ms = duration_ms.filter(|_| row.counts_latency);
            self.summary.groups.record(record, meaning.outcome, latency_ms);
        }
        let (remote, path) = (record.bytes(Field::DownstreamRemote), record.bytes(Field::Path));
        let (index, digest) = (meaning.symptom, meaning.digest);
        let (outcome, flags) = (meaning.outcome, meaning.set);
        let service_time = record.bytes(Field::ServiceTime);
        self.count(at, &Measured { start_us, duration_ms, service_time, remote, path });
        self.last = Last { row: Some(at).filter(|at| *at != self.passing()), us: start_us };
        let ailing = digest.map(|symptom| {
            let request = record.text(Field::RequestId).and_then(|id| id_key(&id));
            Ailing { symptom, outcome, flags, start_us, request }
        });
        match (index, ailing) {
            (DENIED, _) => self.summary.other_symptoms += 1,
            (index, Some(ailing)) => {
                let symptom = &mut self.summary.symptoms[index];
                symptom.add(record, start_us, ailing.request, index, &mut self.summary.values);
                if Exemplar::is_wanted(&symptom.exemplars, start_us, raw) {
                    symptom.exemplars.push(Exemplar::of(record, source, line, offset, raw));
                    Exemplar::keep_first(&mut symptom.exemplars, EXEMPLARS);
                }
            }
            (_, None) => {}
        }
        if at == self.passing() {
            self.pass();
        }
        ailing
    }

    /// The record that was counted last.
    #[inline(always)]
    pub fn last(&self) -> Last {
        self.last
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
            local_address: glance.has_local_address(),
            at_own_address: glance.at_own_address(),
            suspicious_session: glance.kind == Kind::Tcp && short_session(glance.received(), glance.sent()),
            format: glance.format,
        };
        let found = match glance.parts::<4>() {
            // Istio's format, and others.
            Some(parts) => self.guess(shape, &parts, glance),
            None => self.guess(shape, glance.identity().parts(), glance),
        };
        let Some((at, duration_ms)) = found else { return Glimpse::Unknown };
        let Some(row) = self.rows.get_mut(at).filter(|row| row.only_counts) else {
            if !glance.has_usual_time() {
                return Glimpse::Unknown;
            }
            self.known = Some(at);
            return Glimpse::Known;
        };
        let Some((second, ms)) = self.clock.read_usual(glance.time) else { return Glimpse::Unknown };
        let Some(load) = self.seconds.get_mut(row.slot()) else { return Glimpse::Unknown };
        self.glanced += 1;
        let us = second * 1_000_000 + ms * 1_000;
        row.count(us);
        self.last = Last { row: Some(at), us: Some(us) };
        let summary = &mut self.summary;
        if !summary.service_times {
            summary.service_times = number(glance.service_time()).is_some();
        }
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
            let (client, path) = (without_port(dashless(glance.remote())), dashless(glance.path()));
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
        if !meaning.places.is_empty() {
            self.flagged.count(second, &meaning.places, &mut summary.timeline);
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
        self.known = None;
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
        self.known = None;
        self.summary.lines.total += 1;
        self.summary.lines.other += 1;
    }

    /// Counts a line that could not be read.
    pub fn reject(&mut self, reject: Reject, source: u32, line: u64, offset: u64, raw: &[u8]) {
        self.known = None;
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
        self.flagged.flush(&mut summary.timeline);
        for (row, meaning) in self.rows.iter().zip(&self.meanings) {
            self.summary.settle(row, meaning, &self.full);
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
        if let (Some(row), Some(meaning)) = (self.rows.pop(), self.meanings.pop()) {
            self.summary.settle(&row, &meaning, &self.full);
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
        let (mut row, mut meaning) = self.summary.new_row(record, shape, &self.full);
        meaning.places = meaning.flags.iter().map(|name| self.flagged.place(name, &self.full)).collect();
        // Names stand in the tables in the order in which they came, whenever the rows are settled.
        self.summary.settle(&row, &meaning, &self.full);
        if meaning.denied && self.denied_rows >= DENIED_ROWS {
            self.rows.push(row);
            self.meanings.push(meaning);
            return at;
        }
        self.denied_rows += usize::from(meaning.denied);
        row.key = key.to_owned();
        self.row_bytes += row.key.weight() + meaning.service.len() + meaning.flags.len() * 52 + 64;
        let slots = row.slot() + 1;
        if self.seconds.len() < slots {
            self.seconds.resize_with(slots, Second::default);
        }
        self.rows.push(row);
        self.meanings.push(meaning);
        self.kept_rows = self.rows.len();
        let rows = &self.rows;
        self.index.insert_unique(key.hash, at as u32, |&at| rows[at as usize].key.hash);
        at
    }

    /// The row with these telling bytes, and the duration of the line. The row is there only after a record of it was read: its
    /// bytes have been checked.
    #[inline(always)]
    fn guess(&mut self, shape: Shape, parts: &[&[u8]], glance: &Glance<'_>) -> Option<(usize, u64)> {
        let slot = row_key::guess(parts) % RECENT;
        let at = self.recent[slot] as usize;
        let row = self.rows.get(at).filter(|row| row.fits(shape, parts));
        // While the row comes from memory.
        let duration_ms = glance.check()?;
        if row.is_some_and(|row| row.has(parts)) {
            return Some((at, duration_ms));
        }
        let at = self.find_with_care(shape, parts)?;
        self.recent[slot] = at as u32;
        Some((at, duration_ms))
    }

    /// Where the guess was wrong.
    #[inline(never)]
    fn find_with_care(&self, shape: Shape, parts: &[&[u8]]) -> Option<usize> {
        self.find(shape, &Key::new(parts))
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
