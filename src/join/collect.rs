//! What is kept while logs are read: failing and suspicious records at the first reading, and at a second one, where
//! the inputs can be read again, their well-answered other sides, a sample of ordinary requests, and who called whom.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};

use super::addresses::Addresses;
use super::pairs::HBONE;
use super::sample::Sample;
use super::sight::{Place, bare, connection_key, moment_key};
use super::sights::{Renamed, Sights};
use crate::aggregate::{Ailing, Moved, Ordered, Seen, Span, Text, make_room, suspicious, without_port};
use crate::envoy::{Direction, FlagSet, cluster};
use crate::pack::{self, Broken, Pack, Packer, Unpacker};
use crate::record::{Field, Kind, Record, id_key};

/// Failing and suspicious sights kept by request id.
const FAILING: usize = 12_000;
/// Those kept by connection.
const CONNECTIONS: usize = 6_000;
/// Well-answered sides of failing requests.
const COUNTERPARTS: usize = 12_000;
/// Sights of ordinary requests: for clocks and latency.
const ORDINARY: usize = 6_000;
/// Rows of who calls whom, and of who serves whom.
const EDGES: usize = 20_000;
/// Sights of well-answered requests where it is not known yet which of them are wanted: what snapshots keep.
/// They are nine tenths of a large one.
const GATHERED: usize = 8_000;

/// Flags of a connection that broke or never came up: the callee may have logged it without a request.
const CONNECTION: FlagSet = FlagSet::known(&["UC", "UF", "UPE", "UR"]);

/// The state of the first reading: failing and suspicious records.
#[derive(Debug, Clone, PartialEq)]
pub struct Join {
    pub(super) by_id: Sample,
    pub(super) by_connection: Sample,
}

/// From which key on the whole has no room. What lies above would go in the end, so it does not matter which part knows of
/// it, and when: a log with more failures than are kept is read quicker, and gives the same.
#[derive(Debug)]
pub struct Ceilings {
    /// Of failing requests, or of the other sides of such.
    by_id: AtomicU64,
    /// Of connections, or of ordinary requests.
    others: AtomicU64,
}

impl Default for Ceilings {
    fn default() -> Self {
        Ceilings { by_id: AtomicU64::new(u64::MAX), others: AtomicU64::new(u64::MAX) }
    }
}

impl Ceilings {
    fn now(&self) -> [Option<u64>; 2] {
        [&self.by_id, &self.others]
            .map(|ceiling| Some(ceiling.load(Ordering::Relaxed)).filter(|key| *key < u64::MAX))
    }

    fn tell(&self, by_id: &Sample, others: &Sample) {
        self.by_id.store(by_id.ceiling().unwrap_or(u64::MAX), Ordering::Relaxed);
        self.others.store(others.ceiling().unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}
tables!(Join { by_id, by_connection });

impl Default for Join {
    fn default() -> Self {
        Join { by_id: Sample::new(FAILING), by_connection: Sample::new(CONNECTIONS) }
    }
}

impl Join {
    /// A part of the reading whose samples have come to these ceilings.
    pub fn below(ceilings: &Ceilings) -> Join {
        let [by_id, by_connection] = ceilings.now();
        Join {
            by_id: Sample::new(FAILING).below(by_id),
            by_connection: Sample::new(CONNECTIONS).below(by_connection),
        }
    }

    /// Takes a record that belongs to a symptom.
    pub fn see(&mut self, record: &Record<'_>, ailing: Ailing, name: &str, place: Place) {
        let note = |sights: &mut Sights| sights.note_ailing(record, ailing, name, place);
        let (key, start_us) = (ailing.request, ailing.start_us);
        let noted = key.is_some_and(|key| self.by_id.add(key, start_us, note));
        // A connection is looked for only where a request cannot tell: no id, or it broke.
        if key.is_none()
            || (ailing.flags.intersects(CONNECTION) && record.direction() != Some(Direction::Inbound))
        {
            let noted = if noted { self.by_id.last() } else { None };
            let note = |sights: &mut Sights| match noted {
                Some(sight) => sights.copy(sight),
                None => note(sights),
            };
            connection(&mut self.by_connection, record, start_us, key.is_some(), note);
        }
    }

    /// Adds what another part of the input held.
    pub fn merge(&mut self, other: Join) {
        self.by_id.merge(other.by_id);
        self.by_connection.merge(other.by_connection);
    }

    /// Lets the parts to come know which keys the whole has no room for.
    pub fn publish(&self, ceilings: &Ceilings) {
        ceilings.tell(&self.by_id, &self.by_connection);
    }

    /// Moves every line number: this part of the input begins after `lines` lines of its source.
    pub fn shift_lines(&mut self, lines: u64) {
        self.by_id.shift_lines(lines);
        self.by_connection.shift_lines(lines);
    }

    /// True when nothing was kept.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty() && self.by_connection.is_empty()
    }

    /// Bytes on the heap, about.
    pub fn weight(&self) -> usize {
        self.by_id.held_bytes() + self.by_connection.held_bytes()
    }

    /// The state as it is read.
    pub fn settled(self) -> Join {
        Join { by_id: self.by_id.settled(), by_connection: self.by_connection.settled() }
    }

    /// The request ids whose other sides are looked for at a second reading.
    pub fn wanted(&self) -> HashSet<u64> {
        self.by_id.iter().map(|(key, _)| key).collect()
    }
}

/// Adds a record under its connection, or under its moment at the server.
fn connection(
    sample: &mut Sample,
    record: &Record<'_>,
    start_us: Option<i64>,
    calls: bool,
    note: impl Fn(&mut Sights),
) {
    let text = |field| record.text(field).unwrap_or_default();
    let host = text(Field::UpstreamHost);
    let listener = text(Field::DownstreamLocal);
    let outbound = calls || record.direction() == Some(Direction::Outbound);
    let exact = match outbound {
        true => connection_key(bare(&text(Field::UpstreamLocal)), bare(&host)),
        false => connection_key(bare(&text(Field::DownstreamRemote)), bare(&listener)),
    };
    if let Some(key) = exact {
        sample.add(key, start_us, &note);
    }
    let server = if outbound || record.kind() == Kind::Ztunnel { &host } else { &listener };
    // A caller that knows its own end of the connection is found by it; the others by place and time.
    if (exact.is_none() || !outbound)
        && let Some(key) = moment_key(bare(server), start_us)
    {
        sample.add(key, start_us, &note);
    }
}

impl Join {
    /// The highest number of a source that is named.
    pub fn most_source(&self) -> Option<u32> {
        self.by_id.most_source().max(self.by_connection.most_source())
    }

    /// Gives inputs other names, where these stand for the pods.
    pub fn rename(&mut self, names: &Renamed) {
        self.by_id.rename(names);
        self.by_connection.rename(names);
    }

    /// Gives the sources other numbers, and the symptoms other digests: those of another version may differ.
    pub fn relocate(&mut self, to: impl Fn(u32) -> Moved, digests: &HashMap<u64, u64>) {
        self.by_id.relocate(&to, digests);
        self.by_connection.relocate(&to, digests);
    }
}

packed!(Call { proxy, cluster, seen, span });
packed!(Serve { proxy, server, client, seen, span, tunnel });

/// Requests of one proxy to one cluster.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Call {
    pub(super) proxy: Text,
    pub(super) cluster: Text,
    pub(super) seen: Seen,
    pub(super) span: Span,
}

/// Requests that came to one address from one client.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Serve {
    pub(super) proxy: Text,
    pub(super) server: Text,
    pub(super) client: Text,
    /// Connections of ambient's tunnel, which are not to be compared with requests.
    pub(super) tunnel: bool,
    pub(super) seen: Seen,
    pub(super) span: Span,
}

/// The state of the second reading.
#[derive(Debug, Clone, PartialEq)]
pub struct Second {
    pub(super) counterparts: Sample,
    pub(super) ordinary: Sample,
    pub(super) calls: Ordered<u64, Call>,
    pub(super) serves: Ordered<u64, Serve>,
    /// Addresses from which a proxy calls.
    pub(super) clients: Addresses,
    /// Addresses of a cluster's endpoints.
    pub(super) servers: Addresses,
    /// Addresses of a service at which its waypoint is reached: the tunnel hides the waypoint's own from its line.
    pub(super) waypoints: Addresses,
    /// Records of rows beyond the cap.
    pub(super) other: u64,
}

impl Default for Second {
    fn default() -> Self {
        Second {
            counterparts: Sample::new(COUNTERPARTS),
            ordinary: Sample::new(ORDINARY),
            calls: Ordered::default(),
            serves: Ordered::default(),
            clients: Addresses::default(),
            servers: Addresses::default(),
            waypoints: Addresses::default(),
            other: 0,
        }
    }
}

impl Second {
    /// The state of a first reading that is to do for both: which requests fail is not known before its end.
    pub fn gathering() -> Second {
        Second { ordinary: Sample::new(GATHERED), ..Second::default() }
    }

    /// What a second reading would have found, once all is gathered. Where more requests went well than are gathered, it
    /// is that of a sample.
    #[must_use]
    pub fn gathered(self, wanted: &HashSet<u64>) -> Second {
        let (counterparts, ordinary) = self.ordinary.parted(wanted, (COUNTERPARTS, ORDINARY));
        Second { counterparts, ordinary, ..self }
    }

    /// The highest number of a source that is named.
    pub fn most_source(&self) -> Option<u32> {
        self.counterparts.most_source().max(self.ordinary.most_source())
    }

    /// Gives inputs other names, where these stand for the pods.
    pub fn rename(&mut self, names: &Renamed) {
        self.counterparts.rename(names);
        self.ordinary.rename(names);
        let renamed = |proxy: Text| names.get(&proxy[..]).map_or(proxy, |new| new[..].into());
        let calls = std::mem::take(&mut self.calls).into_values();
        let calls = calls.map(|call| Call { proxy: renamed(call.proxy), ..call });
        self.calls = calls.map(|call| (call.key(), call)).collect();
        let serves = std::mem::take(&mut self.serves).into_values();
        let serves = serves.map(|serve| Serve { proxy: renamed(serve.proxy), ..serve });
        self.serves = serves.map(|serve| (serve.key(), serve)).collect();
        self.clients.rename(renamed);
    }

    /// Gives the sources other numbers.
    pub fn relocate(&mut self, to: impl Fn(u32) -> Moved) {
        self.counterparts.relocate(&to, &HashMap::new());
        self.ordinary.relocate(&to, &HashMap::new());
    }

    /// A part of the reading whose samples have come to these ceilings.
    pub(super) fn below(ceilings: &Ceilings) -> Second {
        let [counterparts, ordinary] = ceilings.now();
        Second {
            counterparts: Sample::new(COUNTERPARTS).below(counterparts),
            ordinary: Sample::new(ORDINARY).below(ordinary),
            ..Second::default()
        }
    }

    /// Lets the parts to come know which keys the whole has no room for.
    pub fn publish(&self, ceilings: &Ceilings) {
        ceilings.tell(&self.counterparts, &self.ordinary);
    }

    /// Adds the other sides of failing requests that another reading found.
    #[must_use]
    pub fn with_wanted(self, found: Second) -> Second {
        Second { counterparts: found.counterparts, ..self }
    }

    /// Takes a record: its side of an edge, and the record itself if it is a wanted request's or of the sample.
    pub fn see(&mut self, record: &Record<'_>, wanted: &HashSet<u64>, name: &str, place: Place) {
        self.edge(record, record.outcome().failed(), name);
        self.sample(record, wanted, false, name, place);
    }

    /// Takes a record if it is a wanted request's.
    pub(super) fn see_wanted(
        &mut self,
        record: &Record<'_>,
        wanted: &HashSet<u64>,
        name: &str,
        place: Place,
    ) {
        self.sample(record, wanted, true, name, place);
    }

    fn sample(
        &mut self,
        record: &Record<'_>,
        wanted: &HashSet<u64>,
        only_wanted: bool,
        name: &str,
        at: Place,
    ) {
        let outcome = record.outcome();
        if suspicious(record, outcome) {
            // The first reading has it.
            return;
        }
        let Some(key) = record.text(Field::RequestId).and_then(|id| id_key(&id)) else { return };
        let note = |sights: &mut Sights| sights.note(record, outcome, name, at);
        if wanted.contains(&key) {
            self.counterparts.add(key, record.start_us(), note);
        } else if !only_wanted {
            self.ordinary.add(key, record.start_us(), note);
        }
    }

    /// True when an ordinary record with this key is kept.
    #[inline]
    pub(super) fn wants(&self, key: u64, wanted: &HashSet<u64>, only_wanted: bool) -> bool {
        // Asked first what is quickly answered.
        let ordinary = !only_wanted && self.ordinary.wants(key);
        ordinary && !wanted.contains(&key) || self.counterparts.wants(key) && wanted.contains(&key)
    }

    pub(super) fn edge(&mut self, record: &Record<'_>, failed: bool, name: &str) {
        let seen = Seen { requests: 1, failed: u64::from(failed) };
        let mut span = Span::default();
        record.start_us().into_iter().for_each(|us| span.add(us));
        let proxy = record.pod().unwrap_or(name.as_bytes());
        if let Some(upstream) = called(record) {
            self.call(proxy, upstream, seen, span);
            // A sidecar's client is its own pod; a gateway's own address stands on the other connection.
            self.note_client(proxy, without_port(bare(record.bytes(Field::UpstreamLocal))));
            let host = bare(record.bytes(Field::UpstreamHost));
            self.servers.note(upstream, host);
            let waypoint = is_waypoint(record);
            let listener = bare(record.bytes(Field::DownstreamLocal));
            if host.ends_with(HBONE) && !waypoint {
                // The tunnel hides our end of the connection. A gateway is reached at its own address.
                self.note_client(proxy, without_port(listener));
            }
            if let Some(service) = service_key(upstream).filter(|_| waypoint) {
                self.waypoints.note(&service, listener);
            }
        }
        if let Some(server) = server(record) {
            let tunnel = record.kind() == Kind::Ztunnel;
            self.serve((proxy, server, without_port(bare(client(record)))), tunnel, seen, span);
        }
    }

    /// Counts requests of a proxy to a cluster.
    pub(super) fn call(&mut self, proxy: &[u8], cluster: &[u8], seen: Seen, span: Span) {
        let call = self.calls.entry(hash(&[proxy, cluster])).or_insert_with(|| Call {
            proxy: proxy.into(),
            cluster: cluster.into(),
            ..Call::default()
        });
        call.seen.add(seen);
        call.span.merge(span);
    }

    /// Counts requests that came to a proxy, at an address, from a client.
    pub(super) fn serve(
        &mut self,
        (proxy, server, client): (&[u8], &[u8], &[u8]),
        tunnel: bool,
        seen: Seen,
        span: Span,
    ) {
        let serve = self.serves.entry(hash(&[proxy, server, client])).or_insert_with(|| Serve {
            proxy: proxy.into(),
            server: server.into(),
            client: client.into(),
            tunnel,
            ..Serve::default()
        });
        serve.seen.add(seen);
        serve.span.merge(span);
    }

    /// Remembers an address from which a proxy calls.
    pub(super) fn note_client(&mut self, proxy: &[u8], address: &[u8]) {
        self.clients.note(proxy, address);
    }

    /// Adds what a later part of the input held.
    pub fn merge(&mut self, later: Second) {
        self.counterparts.merge(later.counterparts);
        self.ordinary.merge(later.ordinary);
        self.other += later.other;
        for (key, call) in later.calls {
            let room = self.calls.len() < EDGES;
            match self.calls.get_mut(&key) {
                Some(mine) => {
                    mine.seen.add(call.seen);
                    mine.span.merge(call.span);
                }
                None if room => {
                    make_room(&mut self.calls, EDGES);
                    self.calls.insert(key, call.clone());
                }
                None => self.other += call.seen.requests,
            }
        }
        for (key, serve) in later.serves {
            let room = self.serves.len() < EDGES;
            match self.serves.get_mut(&key) {
                Some(mine) => {
                    mine.seen.add(serve.seen);
                    mine.span.merge(serve.span);
                }
                None if room => {
                    make_room(&mut self.serves, EDGES);
                    self.serves.insert(key, serve.clone());
                }
                None => self.other += serve.seen.requests,
            }
        }
        self.clients.merge(later.clients);
        self.servers.merge(later.servers);
        self.waypoints.merge(later.waypoints);
    }

    /// Moves every line number: this part of the input begins after `lines` lines of its source.
    pub fn shift_lines(&mut self, lines: u64) {
        self.counterparts.shift_lines(lines);
        self.ordinary.shift_lines(lines);
    }

    /// Bytes on the heap, about.
    pub fn weight(&self) -> usize {
        // What a row costs besides its texts: the row itself, the hash, an allocation for each text.
        const ROW: usize = 256;
        let calls = self.calls.values().map(|call| ROW + call.proxy.len() + call.cluster.len());
        let serves = self
            .serves
            .values()
            .map(|serve| ROW + serve.proxy.len() + serve.server.len() + serve.client.len());
        let addresses = [&self.clients, &self.servers, &self.waypoints].map(Addresses::weight);
        let rows: usize = calls.chain(serves).chain(addresses).sum();
        rows + self.counterparts.held_bytes() + self.ordinary.held_bytes()
    }

    /// The state as it is read.
    pub fn settled(self) -> Second {
        Second { counterparts: self.counterparts.settled(), ordinary: self.ordinary.settled(), ..self }
    }
}

impl Second {
    /// Writes it down.
    pub fn put(&self, out: &mut Packer<'_>) {
        self.counterparts.put(out);
        self.ordinary.put(out);
        // The keys are made of what is in the rows.
        out.list(self.calls.values());
        out.list(self.serves.values());
        self.clients.put(out);
        self.servers.put(out);
        self.waypoints.put(out);
        self.other.put(out);
    }

    /// Reads it table by table, as `tables!` does.
    ///
    /// # Errors
    /// When the bytes are none that [`put`](Self::put) writes.
    pub fn pieces(from: &mut Unpacker<'_>, mut take: impl FnMut(Second)) -> Result<(), Broken> {
        // A sample has as much room as the smaller one of those that are put together.
        let none = Second::gathering;
        take(Second { counterparts: from.take()?, ..none() });
        take(Second { ordinary: from.take()?, ..none() });
        let mut calls = Ordered::default();
        from.each(|call: Call| {
            calls.insert(call.key(), call);
        })?;
        take(Second { calls, ..none() });
        let mut serves = Ordered::default();
        from.each(|serve: Serve| {
            serves.insert(serve.key(), serve);
        })?;
        take(Second { serves, ..none() });
        take(Second { clients: from.take()?, ..none() });
        take(Second { servers: from.take()?, ..none() });
        take(Second { waypoints: from.take()?, other: from.take()?, ..none() });
        Ok(())
    }
}

impl Call {
    fn key(&self) -> u64 {
        hash(&[&self.proxy, &self.cluster])
    }
}

impl Serve {
    fn key(&self) -> u64 {
        hash(&[&self.proxy, &self.server, &self.client])
    }
}

/// The cluster that a record's proxy called, if it is a call: not a callee's own application, nor the inside of a tunnel.
pub(super) fn called<'a>(record: &Record<'a>) -> Option<&'a [u8]> {
    let inbound = record.direction() == Some(Direction::Inbound);
    let known = record.upstream().filter(|name| !cluster::is_tunnel(name));
    known.filter(|_| !inbound || is_waypoint(record))
}

/// The address at which a record's proxy was reached, where that tells of a callee.
pub(super) fn server<'a>(record: &Record<'a>) -> Option<&'a [u8]> {
    let server = match record.kind() {
        Kind::Ztunnel => record.bytes(Field::UpstreamHost),
        _ => record.bytes(Field::DownstreamLocal),
    };
    let called = !matches!(record.direction(), Some(Direction::Outbound));
    Some(bare(server)).filter(|server| called && !server.is_empty())
}

/// The client's end of the connection.
pub(super) fn client<'a>(record: &Record<'a>) -> &'a [u8] {
    record.bytes(Field::DownstreamRemote)
}

fn is_waypoint(record: &Record<'_>) -> bool {
    record.bytes(Field::UpstreamCluster).starts_with(b"inbound-vip|")
}

/// What the clusters of a caller and of a waypoint have in common: the service and its port.
pub(super) fn service_key(cluster: &[u8]) -> Option<Vec<u8>> {
    let named = cluster::Cluster::parse(cluster);
    Some([named.host?, b":", named.port?.to_string().as_bytes()].concat())
}

fn hash(parts: &[&[u8]]) -> u64 {
    pack::hash(4, parts)
}
