//! The fold: one record after the other into counts.
//!
//! Healthy traffic repeats itself, so records are first grouped into *rows*: same cluster, endpoint, authority, route,
//! listener, SNI, code, flags, details and so on, byte for byte. A row is found by one hash over those bytes; what a
//! record means (outcome, scopes, symptom) is worked out once a row, and a record of a known row only counts.

use hashbrown::HashTable;
use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;

use super::counter::Text;
use super::group::{By, Groups};
use super::summary::{FlaggedLoad, RejectSample, Summary};
use super::symptom::{EXEMPLARS, Exemplar, Span, SymptomKey, without_port};
use crate::envoy::{Direction, flags};
use crate::format::ProxyLine;
use crate::record::{Field, Kind, Outcome, Record, Reject, time};

/// The fields whose bytes make a row.
const ROW: [Field; 13] = [
    Field::UpstreamCluster,
    Field::UpstreamHost,
    Field::Authority,
    Field::RouteName,
    Field::DownstreamLocal,
    Field::ServerName,
    Field::Code,
    Field::Flags,
    Field::Details,
    Field::Termination,
    Field::TransportFailure,
    Field::Protocol,
    Field::GrpcStatus,
];

/// Bytes of a rejected line that are kept as a sample.
const SAMPLE_BYTES: usize = 200;
/// Samples of rejected lines kept of one part.
const SAMPLES: usize = 20;
/// A TCP session that moved less than this both ways may be a handshake that came to nothing.
const SHORT_SESSION_BYTES: u64 = 2_000;

const NONE: usize = usize::MAX;

/// Records that are alike in every byte that matters.
struct Row {
    hash: u64,
    /// The fields of [`ROW`], end to end, and their lengths.
    bytes: Box<[u8]>,
    lens: [u32; ROW.len()],
    shape: Shape,
    outcome: Outcome,
    flagged: bool,
    direction: Option<Direction>,
    requests: u64,
    span: Span,
    upstream: usize,
    host: usize,
    scopes: [usize; 4],
    symptom: usize,
    counts_latency: bool,
}

/// What a row needs besides the bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Shape {
    kind: Kind,
    local_address: bool,
    suspicious_session: bool,
    format: &'static str,
}

/// Counts one part of the input.
pub struct Tally {
    summary: Summary,
    rows: Vec<Row>,
    index: HashTable<u32>,
    hasher: FixedState,
    clock: Clock,
}

impl Default for Tally {
    fn default() -> Self {
        Tally {
            summary: Summary::default(),
            rows: Vec::new(),
            index: HashTable::new(),
            hasher: FixedState::with_seed(0x6d65_7368),
            clock: Clock::default(),
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

    /// Counts an access record. `line` is from 1 and `offset` from 0 within the part's source.
    pub fn record(&mut self, record: &Record<'_>, source: u32, line: u64, offset: u64, raw: &[u8]) {
        self.summary.lines.total += 1;
        self.summary.lines.access += 1;
        self.summary.lines.incomplete += u64::from(!record.complete());
        let start_us = record.get(Field::StartTime).and_then(|text| self.clock.read(text.bytes));
        let at = self.row(record);
        let row = &mut self.rows[at];
        row.requests += 1;
        let summary = &mut self.summary;
        let upstream = match row.upstream {
            NONE => &mut summary.no_upstream,
            index => &mut summary.upstreams[index],
        };
        let duration_ms = record.duration_ms();
        if let (true, Some(ms)) = (row.counts_latency, duration_ms) {
            upstream.latency.add(ms);
        }
        if !summary.groups.by.is_empty() {
            let latency_ms = duration_ms.filter(|_| row.counts_latency);
            summary.groups.record(record, row.outcome, latency_ms);
        }
        match start_us {
            Some(us) => {
                row.span.add(us);
                let failed = u64::from(row.outcome.failed());
                let cell = upstream.series.at(us);
                cell.requests += 1;
                cell.failed += failed;
                cell.busy_ms += duration_ms.unwrap_or(0);
                let cell = summary.timeline.at(us);
                cell.load.requests += 1;
                cell.load.failed += failed;
                if row.flagged {
                    count_flags(cell, record);
                }
            }
            None => summary.lines.without_time += 1,
        }
        if row.symptom != NONE {
            let symptom = &mut summary.symptoms[row.symptom];
            symptom.add(record, start_us);
            if symptom.exemplars.len() < EXEMPLARS {
                symptom.exemplars.push(Exemplar::of(record, source, line, offset, raw));
            }
        }
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
        if note.exemplars.len() < EXEMPLARS {
            note.exemplars.push(Exemplar::of_line(source, line, offset, proxy.time_us, raw));
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
        for row in std::mem::take(&mut self.rows) {
            self.summary.settle(&row);
        }
        self.summary
    }

    /// The row of a record; made when it is new.
    fn row(&mut self, record: &Record<'_>) -> usize {
        let mut fields = [&b""[..]; ROW.len()];
        let mut hasher = self.hasher.build_hasher();
        for (slot, field) in fields.iter_mut().zip(ROW) {
            *slot = record.logged(field).map_or(b"", |raw| raw.bytes);
            hasher.write(slot);
        }
        let shape = Shape {
            kind: record.kind(),
            local_address: !record.bytes(Field::UpstreamLocal).is_empty(),
            suspicious_session: record.kind() == Kind::Tcp && short_session(record),
            format: record.format(),
        };
        let hash = hasher.finish();
        let rows = &self.rows;
        let found = self.index.find(hash, |&at| rows[at as usize].is(hash, shape, &fields));
        if let Some(&at) = found {
            return at as usize;
        }
        let at = rows.len();
        let row = self.summary.new_row(record, hash, shape, &fields);
        self.rows.push(row);
        let rows = &self.rows;
        self.index.insert_unique(hash, at as u32, |&at| rows[at as usize].hash);
        at
    }
}

impl Row {
    fn is(&self, hash: u64, shape: Shape, fields: &[&[u8]; ROW.len()]) -> bool {
        if self.hash != hash || self.shape != shape {
            return false;
        }
        let mut rest = &self.bytes[..];
        fields.iter().zip(self.lens).all(|(field, len)| {
            let Some((head, tail)) = rest.split_at_checked(len as usize) else { return false };
            rest = tail;
            head == *field
        })
    }
}

impl Summary {
    /// Works out what a record means, for all records like it.
    fn new_row(&mut self, record: &Record<'_>, hash: u64, shape: Shape, fields: &[&[u8]; ROW.len()]) -> Row {
        let outcome = record.outcome();
        let upstream = match record.upstream() {
            None => NONE,
            Some(name) => index_of(&mut self.upstreams, name),
        };
        let hosts = match upstream {
            NONE => &mut self.no_upstream.hosts,
            index => &mut self.upstreams[index].hosts,
        };
        let host = index_of(hosts, &record.text(Field::UpstreamHost).unwrap_or_default());
        let authority = record.text(Field::Authority).unwrap_or_default();
        let scopes = [
            index_of(&mut self.authorities, without_port(&authority)),
            index_of(&mut self.routes, &record.text(Field::RouteName).unwrap_or_default()),
            index_of(&mut self.listeners, &record.text(Field::DownstreamLocal).unwrap_or_default()),
            index_of(&mut self.snis, &record.text(Field::ServerName).unwrap_or_default()),
        ];
        let symptom = if suspicious(record, outcome, shape) {
            let entry = self.symptoms.entry(SymptomKey::of(record, outcome));
            let index = entry.index();
            entry.or_default();
            index
        } else {
            NONE
        };
        Row {
            hash,
            bytes: fields.concat().into(),
            lens: fields.map(|field| field.len() as u32),
            shape,
            outcome,
            flagged: !record.flags().is_empty(),
            direction: record.direction(),
            requests: 0,
            span: Span::default(),
            upstream,
            host,
            scopes,
            symptom,
            counts_latency: shape.kind == Kind::Http
                && record.code() != 101
                && outcome != Outcome::ClientGone,
        }
    }

    /// Adds a finished row to every table it belongs to.
    fn settle(&mut self, row: &Row) {
        let n = row.requests;
        let code =
            crate::record::number(row.field(Field::Code)).and_then(|c| u16::try_from(c).ok()).unwrap_or(0);
        self.counts.add(row.outcome, n);
        self.sides.of_mut(row.direction).add(row.outcome, n);
        *self.codes.entry(code).or_default() += n;
        self.span.merge(row.span);
        *self.lines.formats.entry(row.shape.format).or_default() += n;
        if !row.has(Field::Flags) && row.shape.kind != Kind::Ztunnel {
            self.lines.without_flags += n;
        }
        let upstream = match row.upstream {
            NONE => &mut self.no_upstream,
            index => &mut self.upstreams[index],
        };
        upstream.counts.add(row.outcome, n);
        *upstream.codes.entry(code).or_default() += n;
        upstream.span.merge(row.span);
        if row.flagged {
            let mut names: Vec<&[u8]> = flags::tokens(row.field(Field::Flags)).map(flags::short).collect();
            names.sort_unstable();
            names.dedup();
            for name in &names {
                upstream.flags.add(*name, n);
                self.flags.add(*name, n);
            }
            self.flag_sets.add(&names.join(&b","[..])[..], n);
        }
        if let Some((_, host)) = upstream.hosts.get_index_mut(row.host) {
            host.counts.add(row.outcome, n);
            host.span.merge(row.span);
            pick(&mut host.ok, &mut host.failure, row.outcome, row.span);
        }
        pick(&mut upstream.ok, &mut upstream.failure, row.outcome, row.span);
        let inbound = row.shape.kind != Kind::Ztunnel && row.direction == Some(Direction::Inbound);
        let sni = !matches!(row.field(Field::ServerName), b"" | b"-");
        let tables = [&mut self.authorities, &mut self.routes, &mut self.listeners, &mut self.snis];
        for (table, index) in tables.into_iter().zip(row.scopes) {
            let Some((_, scope)) = table.get_index_mut(index) else { continue };
            scope.counts.add(row.outcome, n);
            scope.span.merge(row.span);
            if row.outcome == Outcome::Ok {
                scope.ok.merge(row.span);
                scope.ok_with_sni += if sni { n } else { 0 };
            }
            scope.inbound += if inbound { n } else { 0 };
        }
    }
}

impl Row {
    /// The bytes of one of the fields of [`ROW`], `-` included.
    fn field(&self, field: Field) -> &[u8] {
        let Some(place) = ROW.iter().position(|f| *f == field) else { return b"" };
        let start: u32 = self.lens[..place].iter().sum();
        self.bytes.get(start as usize..(start + self.lens[place]) as usize).unwrap_or_default()
    }

    fn has(&self, field: Field) -> bool {
        !self.field(field).is_empty()
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
    if let Some(index) = table.get_index_of(name) {
        return index;
    }
    table.insert_full(name.into(), T::default()).0
}

/// True for records that the diagnosis wants to see whole: everything but a plain good answer.
fn suspicious(record: &Record<'_>, outcome: Outcome, shape: Shape) -> bool {
    outcome != Outcome::Ok
        || !record.flags().is_empty()
        || !matches!(record.bytes(Field::Details), b"" | b"via_upstream")
        || record.get(Field::Termination).is_some_and(|t| !t.bytes.is_empty())
        || record.get(Field::TransportFailure).is_some_and(|t| !t.bytes.is_empty())
        || shape.suspicious_session
}

fn short_session(record: &Record<'_>) -> bool {
    let small = |field| record.number(field).unwrap_or(0) < SHORT_SESSION_BYTES;
    small(Field::BytesSent) && small(Field::BytesReceived)
}

#[cold]
fn count_flags(cell: &mut FlaggedLoad, record: &Record<'_>) {
    for token in flags::tokens(record.bytes(Field::Flags)) {
        let name = flags::short(token);
        match cell.flags.get_mut(name) {
            Some(n) => *n += 1,
            None => {
                cell.flags.insert(name.into(), 1);
            }
        }
    }
}

/// Reads timestamps; the part up to the minute repeats from line to line and is read once.
#[derive(Default)]
struct Clock {
    minute: [u8; 17],
    minute_us: Option<i64>,
}

impl Clock {
    /// Microseconds since 1970.
    #[inline]
    fn read(&mut self, text: &[u8]) -> Option<i64> {
        // `2026-11-22T14:05:` `49.182Z`: the form that Envoy writes unless told otherwise.
        if let (Some(head), [s1, s2, b'.', a, b, c, b'Z']) =
            (text.first_chunk::<17>(), text.get(17..).unwrap_or_default())
        {
            let digits = [s1, s2, a, b, c];
            if digits.iter().all(|d| d.is_ascii_digit()) {
                if *head != self.minute {
                    self.minute = *head;
                    self.minute_us = time::parse_us(&[&head[..], b"00Z"].concat());
                }
                let [s1, s2, a, b, c] = digits.map(|d| i64::from(d - b'0'));
                let seconds = s1 * 10 + s2;
                if seconds < 60 {
                    return Some(self.minute_us? + seconds * 1_000_000 + (a * 100 + b * 10 + c) * 1_000);
                }
            }
        }
        time::parse_us(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_agrees_with_the_careful_reader() {
        let mut clock = Clock::default();
        for text in [
            "2026-11-22T14:05:49.182Z",
            "2026-11-22T14:05:60.000Z",
            "2026-11-22T14:06:00.001Z",
            "2026-99-22T14:06:00.001Z",
            "2026-11-22T14:06:01.5Z",
            "x",
            "1527590590.528",
        ] {
            assert_eq!(clock.read(text.as_bytes()), time::parse_us(text.as_bytes()), "{text}");
        }
    }
}
