//! Records that failed alike, and what can be said of them together.

use super::counter::{Counter, Text};
use super::span::Span;
use super::values::{RequestId, Values};
use super::{Series, latency::Latency};
use crate::envoy::{Direction, FlagSet, cluster};
use crate::pack::{self, Broken, Pack, Packer, Unpacker, Wide};
use crate::record::{Field, Kind, Outcome, Record};

/// The exemplars kept of each symptom.
pub(super) const EXEMPLARS: usize = 3;
/// Bytes of an exemplar's line that are kept; a real record is far shorter.
const EXEMPLAR_BYTES: usize = 4096;
/// The same, of symptoms beyond the first few hundred.
const SHORT_EXEMPLAR_BYTES: usize = 1024;
/// Bytes of one text of a key that are kept: a text longer than this comes from a client or is made up.
const KEY_BYTES: usize = 512;

/// How the SNI stands to the authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sni {
    /// No SNI: plaintext, or a client that sends none.
    Absent,
    /// The SNI is the authority's name, or an in-mesh name that belongs to it.
    Same,
    /// There is an SNI, and it names another host than the authority (or there is no authority to compare).
    Other,
}

numbered!(Sni { Absent = 0, Same = 1, Other = 2 });

/// What records must have in common to be one symptom.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SymptomKey {
    /// Upstream cluster, stripped; `None` when none was chosen.
    pub upstream: Option<Text>,
    /// Without an upstream: the address the client dialled.
    pub listener: Option<Text>,
    /// Without an upstream: the authority, without a port.
    pub authority: Option<Text>,
    /// HTTP, TCP, ztunnel.
    pub kind: Kind,
    /// Which side wrote the lines.
    pub direction: Option<Direction>,
    /// What became of the requests.
    pub outcome: Outcome,
    /// HTTP status.
    pub code: u16,
    /// Response flags.
    pub flags: FlagSet,
    /// Flags that Envoy itself does not have, as logged; empty otherwise.
    pub unknown_flags: Text,
    /// Response code details without addresses, `None` when missing.
    pub details: Option<Text>,
    /// Transport failure reason without addresses, blanks as `_`; from the details where the field is missing.
    pub transport: Option<Text>,
    /// Connection termination details.
    pub termination: Option<Text>,
    /// Name of the matched route.
    pub route: Option<Text>,
    /// Protocol as logged.
    pub protocol: Option<Text>,
    /// An endpoint was chosen; `None` when the format does not tell.
    pub host: Option<bool>,
    /// The connection to the upstream was up; `None` when the format does not tell.
    pub local_address: Option<bool>,
    /// How the SNI stands to the authority.
    pub sni: Sni,
}

packed!(SymptomKey {
    upstream,
    listener,
    authority,
    kind,
    direction,
    outcome,
    code,
    flags,
    unknown_flags,
    details,
    transport,
    termination,
    route,
    protocol,
    host,
    local_address,
    sni
});

impl SymptomKey {
    /// A number for the key, the same for equal keys.
    pub fn digest(&self) -> u64 {
        let mut packer = Packer::default();
        self.put(&mut packer);
        pack::hash(0x7379_6d70, &[&packer.into_bytes()])
    }

    /// The key of a record.
    pub fn of(record: &Record<'_>, outcome: Outcome) -> SymptomKey {
        let owned =
            |field| record.text(field).filter(|t| !t.is_empty()).map(|t| Text::from(head(&t, KEY_BYTES)));
        let flags = record.flags();
        let details = owned(Field::Details).map(|d| without_address(&d));
        let transport = owned(Field::TransportFailure)
            .or_else(|| details.as_deref().and_then(transport_of).map(Text::from))
            .map(|text| without_address(&blanks_joined(&text)));
        let upstream = record.upstream().map(|name| Text::from(head(name, super::NAME_BYTES)));
        let bare = upstream.is_none();
        SymptomKey {
            listener: owned(Field::DownstreamLocal).filter(|_| bare),
            authority: owned(Field::Authority).filter(|_| bare).map(|a| Text::from(without_port(&a))),
            upstream,
            kind: record.kind(),
            direction: record.direction(),
            outcome,
            code: record.code(),
            flags,
            unknown_flags: if flags.has_unknown() {
                head(record.bytes(Field::Flags), KEY_BYTES).into()
            } else {
                Text::default()
            },
            details,
            transport,
            termination: owned(Field::Termination),
            route: owned(Field::RouteName),
            protocol: owned(Field::Protocol),
            host: there(record, Field::UpstreamHost),
            local_address: there(record, Field::UpstreamLocal),
            sni: sni_of(record),
        }
    }

    /// Bytes of its texts.
    pub(super) fn held(&self) -> usize {
        let texts = [
            &self.upstream,
            &self.listener,
            &self.authority,
            &self.details,
            &self.transport,
            &self.termination,
            &self.route,
            &self.protocol,
        ];
        texts.into_iter().flatten().map(|text| text.len()).sum::<usize>() + self.unknown_flags.len()
    }
}

/// The first bytes of a text.
pub(super) fn head(text: &[u8], most: usize) -> &[u8] {
    &text[..text.len().min(most)]
}

/// Whether a field has a value. A text format without the field does not tell; in JSON a missing key is a missing value.
fn there(record: &Record<'_>, field: Field) -> Option<bool> {
    match record.logged(field) {
        Some(raw) => Some(!matches!(raw.bytes, b"" | b"-")),
        None => record.format().ends_with("json").then_some(false),
    }
}

/// What stands behind the reset reason inside the braces of `upstream_reset_…{REASON,TRANSPORT}`.
fn transport_of(details: &[u8]) -> Option<&[u8]> {
    let inside = details.strip_prefix(b"upstream_reset_")?;
    let open = memchr::memchr(b'{', inside)?;
    let inside = inside[open + 1..].strip_suffix(b"}")?;
    let cut = memchr::memchr2(b',', b'|', inside)?;
    Some(&inside[cut + 1..]).filter(|text| !text.is_empty())
}

fn blanks_joined(text: &[u8]) -> Text {
    text.iter().map(|&b| if b == b' ' { b'_' } else { b }).collect()
}

/// The text without the peer's address that Envoy 1.37 and later put behind it: one symptom, not one for each host.
fn without_address(text: &[u8]) -> Text {
    let mark = [&b"|remote_address:"[..], b"|remote address:"]
        .iter()
        .find_map(|mark| memchr::memmem::find(text, mark).map(|at| (at, mark.len())));
    let Some((at, len)) = mark else { return text.into() };
    let rest = &text[at + len..];
    let end = rest.iter().position(|&b| matches!(b, b'}' | b'|' | b',')).unwrap_or(rest.len());
    [&text[..at], &rest[end..]].concat().into()
}

/// A host name without `:PORT`; `[v6]:PORT` keeps its brackets.
pub fn without_port(authority: &[u8]) -> &[u8] {
    match memchr::memrchr(b':', authority) {
        Some(at)
            if authority[at + 1..].iter().all(u8::is_ascii_digit) && !authority[..at].contains(&b':') =>
        {
            &authority[..at]
        }
        Some(at) if authority[..at].ends_with(b"]") => &authority[..at],
        _ => authority,
    }
}

fn sni_of(record: &Record<'_>) -> Sni {
    let sni = record.bytes(Field::ServerName);
    if sni.is_empty() {
        return Sni::Absent;
    }
    let authority = without_port(record.bytes(Field::Authority));
    if authority.is_empty() {
        return Sni::Other;
    }
    // In-mesh mutual TLS: the SNI is `outbound_.PORT_.SUBSET_.HOST`, and the authority any short form of HOST.
    let host = cluster::Cluster::parse(sni).host.unwrap_or(sni);
    let same = host.eq_ignore_ascii_case(authority)
        || sni.starts_with(b"outbound_.")
        || (host.len() > authority.len()
            && host[..authority.len()].eq_ignore_ascii_case(authority)
            && host[authority.len()] == b'.'
            && cluster::in_mesh(host).is_some());
    if same { Sni::Same } else { Sni::Other }
}

/// A record kept as an example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exemplar {
    /// Number of the source in the list of inputs.
    pub source: u32,
    /// Line, from 1.
    pub line: u64,
    /// Byte offset in the decompressed source, from 0.
    pub offset: u64,
    /// Start, microseconds since 1970.
    pub time_us: Option<i64>,
    /// Request id, if any.
    pub request_id: Option<Text>,
    /// Method and path, if any.
    pub request: Text,
    /// The line as it stood, cut at 4 KiB.
    pub raw: Text,
}

packed!(Exemplar { source, line, offset, time_us, request_id, request, raw });

impl Exemplar {
    /// Keeps the essence of a record.
    pub fn of(record: &Record<'_>, source: u32, line: u64, offset: u64, raw: &[u8]) -> Exemplar {
        let mut request = record.text(Field::Method).unwrap_or_default().into_owned();
        if let Some(path) = record.text(Field::Path) {
            request.push(b' ');
            request.extend_from_slice(&path);
            request.truncate(EXEMPLAR_BYTES);
        }
        Exemplar {
            source,
            line,
            offset,
            time_us: record.start_us(),
            request_id: record.text(Field::RequestId).map(|id| Text::from(&id[..id.len().min(256)])),
            request: request.into(),
            raw: raw[..raw.len().min(EXEMPLAR_BYTES)].into(),
        }
    }

    /// One of the proxy's own lines.
    pub fn of_line(source: u32, line: u64, offset: u64, time_us: Option<i64>, raw: &[u8]) -> Exemplar {
        let raw = raw[..raw.len().min(EXEMPLAR_BYTES)].into();
        Exemplar { source, line, offset, time_us, request_id: None, request: Text::default(), raw }
    }

    /// What orders exemplars: the earliest first, wherever in the input they stood.
    fn rank(&self) -> impl Ord + '_ {
        (self.time_us.is_none(), self.time_us, &self.raw, self.line, self.offset)
    }

    /// Keeps the earliest of them, in order.
    pub fn keep_first(list: &mut Vec<Exemplar>, most: usize) {
        list.sort_by(|a, b| a.rank().cmp(&b.rank()));
        list.truncate(most);
    }

    /// True when a record comes before the last of those that are kept.
    pub(super) fn is_wanted(list: &[Exemplar], time_us: Option<i64>, raw: &[u8]) -> bool {
        let rank = (time_us.is_none(), time_us, head(raw, EXEMPLAR_BYTES));
        list.len() < EXEMPLARS
            || list.last().is_some_and(|last| rank < (last.time_us.is_none(), last.time_us, &last.raw))
    }

    fn shorten(&mut self) {
        for text in [&mut self.raw, &mut self.request] {
            if text.len() > SHORT_EXEMPLAR_BYTES {
                *text = head(text, SHORT_EXEMPLAR_BYTES).into();
            }
        }
    }
}

/// What was counted of the records of one symptom.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Symptom {
    /// Records.
    pub count: u64,
    /// Earliest and latest start, microseconds since 1970.
    pub span: Span,
    /// Durations.
    pub durations: Latency,
    /// Records with the time that the upstream took: somebody answered.
    pub answered: u64,
    /// Body bytes sent.
    pub bytes_sent: Counter<Size>,
    /// Body bytes received.
    pub bytes_received: Counter<Size>,
    /// Endpoints.
    pub hosts: Counter<Text>,
    /// Authorities, without port.
    pub authorities: Counter<Text>,
    /// Paths without query.
    pub paths: Counter<Text>,
    /// User agents.
    pub user_agents: Counter<Text>,
    /// Client addresses without port.
    pub clients: Counter<Text>,
    /// SNIs.
    pub snis: Counter<Text>,
    /// Addresses dialled.
    pub listeners: Counter<Text>,
    /// Pods that wrote the lines.
    pub pods: Counter<Text>,
    /// Request ids: more records than ids are repeats.
    pub request_ids: Counter<RequestId>,
    /// Records over time.
    pub series: Series<u64, 1024>,
    /// The earliest few.
    pub exemplars: Vec<Exemplar>,
}

packed!(Symptom {
    count,
    span,
    durations,
    answered,
    bytes_sent,
    bytes_received,
    hosts,
    authorities,
    paths,
    user_agents,
    clients,
    snis,
    listeners,
    pods,
    request_ids,
    series,
    exemplars
});

/// A byte count as a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Size(pub u64);

impl Pack for Size {
    fn put(&self, out: &mut Packer<'_>) {
        Wide(self.0).put(out);
    }

    fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken> {
        Ok(Size(from.take::<Wide>()?.0))
    }
}

impl From<&Size> for Size {
    fn from(size: &Size) -> Size {
        *size
    }
}

/// Distinct sizes that a symptom keeps.
const CAP_SIZES: usize = 64;
/// Symptoms in input order that are kept in full detail over time; there are rarely as many.
const DETAILED: usize = 256;
/// Buckets of a series and of a histogram of the symptoms behind them.
const FEW_BUCKETS: usize = 128;

/// Tables of texts.
pub(super) const TABLES: usize = 8;

/// The tables whose values all records of a row share, and the others: places in [`Symptom::tables`].
const SHARED: [usize; 4] = [0, 1, 5, 6];
const OWN: [usize; 4] = [2, 3, 4, 7];

/// Where the values that all records of a row share are in their tables; `None`: there is none.
pub(super) type Shared = [Option<u32>; SHARED.len()];

impl Symptom {
    pub(super) fn tables(&self) -> [&Counter<Text>; TABLES] {
        [
            &self.hosts,
            &self.authorities,
            &self.paths,
            &self.user_agents,
            &self.clients,
            &self.snis,
            &self.listeners,
            &self.pods,
        ]
    }

    pub(super) fn tables_mut(&mut self) -> [&mut Counter<Text>; TABLES] {
        [
            &mut self.hosts,
            &mut self.authorities,
            &mut self.paths,
            &mut self.user_agents,
            &mut self.clients,
            &mut self.snis,
            &mut self.listeners,
            &mut self.pods,
        ]
    }

    /// Makes places for the values that all records of a new row share; they are counted when the row is finished, by
    /// [`add_shared`](Self::add_shared). This is symptom number `me`.
    pub(super) fn share(&mut self, record: &Record<'_>, me: usize, values: &mut Values) -> Shared {
        let text = |field| record.text(field).unwrap_or_default();
        let authority = text(Field::Authority);
        let texts: [&[u8]; SHARED.len()] = [
            &text(Field::UpstreamHost),
            without_port(&authority),
            &text(Field::ServerName),
            &text(Field::DownstreamLocal),
        ];
        let tables = self.tables_mut();
        let mut shared = Shared::default();
        for ((place, table), text) in shared.iter_mut().zip(SHARED).zip(texts) {
            *place = values.count(tables[table], me, table, text, 0);
        }
        shared
    }

    /// Counts the values that `n` records of a row shared.
    pub(super) fn add_shared(&mut self, shared: Shared, n: u64) {
        let tables = self.tables_mut();
        for (place, table) in shared.into_iter().zip(SHARED) {
            if let Some(at) = place {
                tables[table].add_at(at as usize, n);
            }
        }
    }

    /// Counts a record, but for what it shares with its row; this is symptom number `me`. `id` is the key of its request
    /// id.
    pub(super) fn add(
        &mut self,
        record: &Record<'_>,
        start_us: Option<i64>,
        id: Option<u64>,
        me: usize,
        values: &mut Values,
    ) {
        self.count += 1;
        if let Some(us) = start_us {
            self.span.add(us);
            *self.series.at(us) += 1;
        }
        if let Some(ms) = record.duration_ms() {
            self.durations.add(ms);
        }
        self.answered += u64::from(record.number(Field::ServiceTime).is_some());
        let size = |field| Size(record.number(field).unwrap_or(0));
        self.bytes_sent.add(&size(Field::BytesSent), 1);
        self.bytes_received.add(&size(Field::BytesReceived), 1);
        if let Some(id) = id
            && self.request_ids.add(&RequestId(id), 1)
        {
            values.note_id(me, self.request_ids.len() - 1);
        }
        let text = |field| record.text(field).unwrap_or_default();
        let (path, client) = (text(Field::Path), text(Field::DownstreamRemote));
        let texts: [&[u8]; OWN.len()] = [
            path.split(|&b| b == b'?').next().unwrap_or_default(),
            &text(Field::UserAgent),
            without_port(&client),
            record.pod().unwrap_or_default(),
        ];
        let tables = self.tables_mut();
        for (table, text) in OWN.into_iter().zip(texts) {
            values.count(tables[table], me, table, text, 1);
        }
    }

    /// Adds what a later part of the input counted, but for the values ([`Values::merge`]). This is symptom number `me`
    /// of the whole.
    pub(super) fn merge(&mut self, later: &mut Symptom, me: usize) {
        self.count += later.count;
        self.span.merge(later.span);
        self.durations.merge(&later.durations);
        self.answered += later.answered;
        for (mine, theirs) in self.tables_mut().into_iter().zip(later.tables()) {
            mine.add_other(theirs.other());
        }
        self.request_ids.add_other(later.request_ids.other());
        self.bytes_sent.merge(std::mem::take(&mut later.bytes_sent), CAP_SIZES);
        self.bytes_received.merge(std::mem::take(&mut later.bytes_received), CAP_SIZES);
        self.series.merge(&later.series);
        self.exemplars.extend_from_slice(&later.exemplars);
        Exemplar::keep_first(&mut self.exemplars, EXEMPLARS);
        if me >= DETAILED {
            self.series.limit(FEW_BUCKETS);
            self.series.pack();
            self.exemplars.iter_mut().for_each(Exemplar::shorten);
        }
        self.durations.pack(if me < DETAILED { usize::MAX } else { FEW_BUCKETS });
    }

    /// Bytes on the heap, but for the values.
    pub(super) fn held(&self) -> usize {
        let exemplars = self.exemplars.iter().map(|e| e.raw.len() + e.request.len() + 256).sum::<usize>();
        let sizes = self.bytes_sent.len() + self.bytes_received.len();
        self.series.held() + self.durations.held() + exemplars + sizes * 40
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_do_not_split_a_symptom() {
        let a = b"upstream_reset_before_response_started{remote_connection_failure|immediate_connect_error:_Network_is_unreachable|remote_address:10.0.0.1:80}";
        assert_eq!(
            &*without_address(a),
            b"upstream_reset_before_response_started{remote_connection_failure|immediate_connect_error:_Network_is_unreachable}"
        );
    }

    #[test]
    fn the_transport_reason_is_found_in_the_details() {
        let of = |d: &[u8]| transport_of(d).map(<[u8]>::to_vec);
        assert_eq!(
            of(b"upstream_reset_before_response_started{connection_failure,delayed_connect_error:_111}"),
            Some(b"delayed_connect_error:_111".to_vec())
        );
        assert_eq!(of(b"upstream_reset_before_response_started{connection_termination}"), None);
        assert_eq!(of(b"via_upstream"), None);
    }

    #[test]
    fn ports_are_cut_off_names_and_addresses() {
        for (from, to) in [
            ("a:80", "a"),
            ("a", "a"),
            ("[::1]:80", "[::1]"),
            ("::1", "::1"),
            ("10.0.0.1:0", "10.0.0.1"),
            ("a:b", "a:b"),
        ] {
            assert_eq!(without_port(from.as_bytes()), to.as_bytes());
        }
    }
}
