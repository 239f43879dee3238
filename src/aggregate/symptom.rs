//! Records that failed alike, and what can be said of them together.

use super::counter::{Counter, Text};
use super::{Series, latency::Latency};
use crate::envoy::{Direction, FlagSet, cluster};
use crate::record::{Field, Kind, Outcome, Record};

/// The exemplars kept of each symptom.
pub(super) const EXEMPLARS: usize = 3;
/// Bytes of an exemplar's line that are kept; a real record is far shorter.
const EXEMPLAR_BYTES: usize = 4096;

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

impl SymptomKey {
    /// The key of a record.
    pub fn of(record: &Record<'_>, outcome: Outcome) -> SymptomKey {
        let owned = |field| record.text(field).filter(|t| !t.is_empty()).map(|t| Text::from(&*t));
        let flags = record.flags();
        let details = owned(Field::Details).map(|d| without_address(&d));
        let transport = owned(Field::TransportFailure)
            .or_else(|| details.as_deref().and_then(transport_of).map(Text::from))
            .map(|text| without_address(&blanks_joined(&text)));
        let upstream = record.upstream().map(Text::from);
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
                record.bytes(Field::Flags).into()
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
    pub request_ids: Counter<Text>,
    /// Records over time.
    pub series: Series<u64, 1024>,
    /// The first few.
    pub exemplars: Vec<Exemplar>,
}

/// Earliest and latest of some times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// Earliest, microseconds since 1970.
    pub first_us: Option<i64>,
    /// Latest, microseconds since 1970.
    pub last_us: Option<i64>,
}

impl Span {
    /// Widens the span to hold a time.
    #[inline]
    pub fn add(&mut self, us: i64) {
        self.first_us = Some(self.first_us.map_or(us, |first| first.min(us)));
        self.last_us = Some(self.last_us.map_or(us, |last| last.max(us)));
    }

    /// Widens the span to hold another.
    pub fn merge(&mut self, other: Span) {
        [other.first_us, other.last_us].into_iter().flatten().for_each(|us| self.add(us));
    }
}

/// A byte count as a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Size(pub u64);

impl From<&Size> for Size {
    fn from(size: &Size) -> Size {
        *size
    }
}

/// How many distinct values of each kind a symptom keeps.
const CAP: usize = 256;
const CAP_IDS: usize = 4096;
const CAP_SIZES: usize = 64;

impl Symptom {
    /// Counts a record.
    pub(super) fn add(&mut self, record: &Record<'_>, start_us: Option<i64>) {
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
        let count = |counter: &mut Counter<Text>, text: &[u8]| {
            if !text.is_empty() {
                counter.add(text, 1);
            }
        };
        let text = |field| record.text(field).unwrap_or_default();
        count(&mut self.hosts, &text(Field::UpstreamHost));
        count(&mut self.authorities, without_port(&text(Field::Authority)));
        let path = text(Field::Path);
        let path = path.split(|&b| b == b'?').next().unwrap_or_default();
        count(&mut self.paths, &path[..path.len().min(256)]);
        let agent = text(Field::UserAgent);
        count(&mut self.user_agents, &agent[..agent.len().min(256)]);
        count(&mut self.clients, without_port(&text(Field::DownstreamRemote)));
        count(&mut self.snis, &text(Field::ServerName));
        count(&mut self.listeners, &text(Field::DownstreamLocal));
        count(&mut self.pods, record.pod().unwrap_or_default());
        let id = text(Field::RequestId);
        count(&mut self.request_ids, &id[..id.len().min(64)]);
    }

    /// Adds what a later part of the input counted.
    /// `budget` is how many more values all symptoms together may keep.
    pub(super) fn merge(&mut self, later: Symptom, budget: &mut usize) {
        self.count += later.count;
        self.span.merge(later.span);
        self.durations.merge(&later.durations);
        self.answered += later.answered;
        let mut take = |mine: &mut Counter<Text>, theirs: Counter<Text>, cap: usize| {
            let before = mine.len();
            mine.merge(theirs, cap.min(before + *budget));
            *budget -= mine.len() - before;
        };
        take(&mut self.hosts, later.hosts, CAP);
        take(&mut self.authorities, later.authorities, CAP);
        take(&mut self.paths, later.paths, CAP);
        take(&mut self.user_agents, later.user_agents, CAP);
        take(&mut self.clients, later.clients, CAP);
        take(&mut self.snis, later.snis, CAP);
        take(&mut self.listeners, later.listeners, CAP);
        take(&mut self.pods, later.pods, CAP);
        take(&mut self.request_ids, later.request_ids, CAP_IDS);
        self.bytes_sent.merge(later.bytes_sent, CAP_SIZES);
        self.bytes_received.merge(later.bytes_received, CAP_SIZES);
        self.series.merge(&later.series);
        self.exemplars.extend(later.exemplars);
        self.exemplars.truncate(EXEMPLARS);
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
