//! A row: records that are alike in every byte that matters, what they mean, and how they come into the tables.

use super::NAME_BYTES;
use super::counter::{Ordered, Text};
use super::row_key::{self, Key};
use super::span::Span;
use super::summary::{Code, Full, NO_UPSTREAM, OTHER_UPSTREAM, Place, Summary, Upstream, hash_of};
use super::symptom::{Shared, SymptomKey, head, without_port};
use crate::envoy::{Direction, FlagSet, cluster, flags, ztunnel};
use crate::record::{Field, Kind, Outcome, Record};

/// A TCP session that moved less than this both ways may be a handshake that came to nothing.
const SHORT_SESSION_BYTES: u64 = 2_000;

/// Bytes of a flag's name that are kept.
const FLAG_BYTES: usize = 64;
/// The same of a set of flags.
const FLAG_SET_BYTES: usize = 256;
/// Flags of one record that are told apart; Envoy does not have as many.
const FLAGS: usize = 64;

/// No such thing in the record.
pub(super) const NONE: usize = usize::MAX;
/// There is one, and the whole has no room for it.
pub(super) const DENIED: usize = usize::MAX - 1;

/// Place of the listener among a row's scopes.
const LISTENER: usize = 2;

/// Records that are alike in every byte that matters. What a line at a glance needs stands close together, and first.
#[repr(C)]
pub(super) struct Row {
    /// Place of the upstream.
    pub(super) upstream: usize,
    pub(super) requests: u64,
    /// Earliest and latest start, microseconds since 1970: the wrong way round when there is none.
    pub(super) first_us: i64,
    pub(super) last_us: i64,
    pub(super) counts_latency: bool,
    /// Who was let through is counted by caller and path.
    pub(super) counts_turns: bool,
    /// A record of it only counts: there is nothing to keep of the record itself.
    pub(super) only_counts: bool,
    pub(super) shape: Shape,
    pub(super) key: row_key::Owned,
}

/// What the records of a row mean.
pub(super) struct Meaning {
    pub(super) outcome: Outcome,
    pub(super) code: u16,
    pub(super) set: FlagSet,
    /// Short names of the flags, sorted, each once; and their places among those of [`Flagged`](super::flagged::Flagged).
    pub(super) flags: Box<[Text]>,
    pub(super) places: Box<[u32]>,
    pub(super) direction: Option<Direction>,
    pub(super) tunnel: bool,
    pub(super) sni: bool,
    pub(super) has_flags: bool,
    pub(super) host: usize,
    pub(super) scopes: [usize; 4],
    /// What a ztunnel's connection was for; empty in all other rows.
    pub(super) service: Text,
    /// That it did not come so far as to be logged at its other end.
    pub(super) unreached: bool,
    pub(super) symptom: usize,
    /// Values of the symptom that all these records share.
    pub(super) shared: Shared,
    /// Something of it has no room in the whole.
    pub(super) denied: bool,
    /// Digest of the symptom's key; `None`: nothing is wrong with these records.
    pub(super) digest: Option<u64>,
}

/// What a row needs besides the bytes.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) kind: Kind,
    pub(super) local_address: bool,
    pub(super) at_own_address: bool,
    pub(super) suspicious_session: bool,
    pub(super) format: &'static str,
}

impl Shape {
    /// Formats are told apart by where their names lie: the same name at two places makes a row more, which is counted all
    /// the same.
    #[inline]
    pub(super) fn is(self, other: Shape) -> bool {
        std::ptr::eq(self.format, other.format)
            && (self.kind, self.local_address, self.at_own_address, self.suspicious_session)
                == (other.kind, other.local_address, other.at_own_address, other.suspicious_session)
    }
}

impl Row {
    /// Counts a record with its time.
    #[inline(always)]
    pub(super) fn count(&mut self, us: i64) {
        self.requests += 1;
        self.first_us = self.first_us.min(us);
        self.last_us = self.last_us.max(us);
    }

    /// Place among the seconds of the upstreams.
    #[inline(always)]
    pub(super) fn slot(&self) -> usize {
        self.upstream.wrapping_add(2)
    }

    pub(super) fn span(&self) -> Span {
        Span::between(self.first_us, self.last_us)
    }

    #[inline(always)]
    pub(super) fn is(&self, shape: Shape, key: &Key<'_>) -> bool {
        self.key.is(key) && self.shape.is(shape)
    }

    /// True for a row whose telling bytes are as many.
    #[inline(always)]
    pub(super) fn fits(&self, shape: Shape, parts: &[&[u8]]) -> bool {
        self.shape.is(shape) && self.key.fits(parts)
    }

    /// True when these are its telling bytes, which fit.
    #[inline(always)]
    pub(super) fn has(&self, parts: &[&[u8]]) -> bool {
        self.key.same(parts)
    }
}

impl Summary {
    /// Works out what a record means, for all records like it.
    pub(super) fn new_row(&mut self, record: &Record<'_>, shape: Shape, full: &Full) -> (Row, Meaning) {
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
        let (mut digest, mut shared) = (None, Shared::default());
        let symptom = if suspicious(record, outcome) {
            let key = SymptomKey::of(record, outcome);
            let number = key.digest();
            digest = Some(number);
            if full.symptoms.lacks_hash(number) {
                DENIED
            } else {
                let entry = self.symptoms.entry(key);
                let index = entry.index();
                shared = entry.or_default().share(record, index, &mut self.values);
                index
            }
        } else {
            NONE
        };
        let flags = flag_names(record);
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
                && !matches!(upstream, NONE | DENIED)
                && matches!(outcome, Outcome::Ok | Outcome::Denied),
            only_counts: symptom == NONE && flags.is_empty(),
            shape,
            key: row_key::Owned::default(),
        };
        let ztunnel = shape.kind == Kind::Ztunnel;
        let meaning = Meaning {
            outcome,
            code: record.code(),
            set: record.flags(),
            flags,
            places: Box::default(),
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
            denied: [upstream, host, symptom].iter().chain(&scopes).any(|place| *place == DENIED),
            digest,
        };
        (row, meaning)
    }

    #[inline]
    pub(super) fn upstream_mut(&mut self, index: usize) -> &mut Upstream {
        match index {
            NONE => &mut self.no_upstream,
            DENIED => self.other_upstreams.get_or_insert_default(),
            index => &mut self.upstreams[index],
        }
    }

    /// Adds a finished row to every table it belongs to.
    pub(super) fn settle(&mut self, row: &Row, meaning: &Meaning, full: &Full) {
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
        if !meaning.flags.is_empty() {
            self.settle_flags(meaning, n, full);
        }
        if let Some((_, symptom)) = self.symptoms.get_index_mut(meaning.symptom) {
            symptom.add_shared(meaning.shared, n);
        }
        let upstream = self.upstream_mut(row.upstream);
        upstream.counts.add(meaning.outcome, n);
        upstream.codes.add(&Code(code), n);
        upstream.span.merge(span);
        for name in &meaning.flags {
            upstream.flags.add(&name[..], n);
        }
        if let Some((_, held)) = upstream.hosts.get_index_mut(meaning.host) {
            held.change(|host| {
                host.counts.add(meaning.outcome, n);
                host.span.merge(span);
                pick(&mut host.ok, &mut host.failure, meaning.outcome, span);
            });
        } else if meaning.host == DENIED {
            upstream.other_hosts.add(meaning.outcome, n);
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
            let Some((_, scope)) = table.get_index_mut(index) else {
                self.other_scopes += if index == DENIED { n } else { 0 };
                continue;
            };
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

    fn settle_flags(&mut self, meaning: &Meaning, n: u64, full: &Full) {
        for name in &meaning.flags {
            self.flags.add_known(&name[..], n, &full.flags);
        }
        let set = meaning.flags.join(&b","[..]);
        let set = head(&set, FLAG_SET_BYTES);
        self.flag_sets.add_known(set, n, &full.flag_sets);
        if meaning.tunnel {
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
    table: &mut Ordered<Text, T>,
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

pub(super) fn size(record: &Record<'_>, field: Field) -> u64 {
    record.number(field).unwrap_or(0)
}

pub(super) fn short_session(received: u64, sent: u64) -> bool {
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
