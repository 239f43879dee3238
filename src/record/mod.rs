//! What one request looks like: a line, and a table of ranges into it.
//!
//! Getters slice; numbers are parsed when somebody asks; escapes are decoded only for what is kept.

mod identity;
pub mod object;
mod outcome;
mod raw;
mod reject;
mod request_id;
pub mod time;
mod unseen;

use std::borrow::Cow;

use crate::envoy::{Direction, FlagSet, cluster};

pub use identity::{Identity, Stretches};
pub use outcome::{OUTCOMES, Outcome};
pub use raw::{Raw, unescape_into};
pub use reject::{Reason, Reject};
pub use request_id::id_key;
pub use unseen::is_unseen;

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident = $key:literal,)*) => {
        /// A field of an access record. The first 24 are Istio's own, under the key that Istio's JSON gives them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Field { $($(#[$doc])* $name,)* }

        impl Field {
            /// Every field, in the order of their numbers.
            pub const ALL: &'static [Field] = &[$(Field::$name,)*];

            /// Name in meshwhy's output, which is Istio's JSON key.
            pub fn key(self) -> &'static str {
                match self { $(Field::$name => $key,)* }
            }

            /// That name as it stands in a JSON object, behind another key and before a text.
            #[inline]
            pub fn json_key(self) -> &'static str {
                match self { $(Field::$name => concat!(",\"", $key, "\":\""),)* }
            }
        }
    };
}

fields! {
    /// When the request (or connection) began, as text.
    StartTime = "start_time",
    /// HTTP method.
    Method = "method",
    /// Request path with query.
    Path = "path",
    /// `HTTP/1.1`, `HTTP/2`, …
    Protocol = "protocol",
    /// HTTP status; 0 when none was sent, and for TCP.
    Code = "response_code",
    /// Response flags as logged.
    Flags = "response_flags",
    /// Who made the status, and why (`%RESPONSE_CODE_DETAILS%`).
    Details = "response_code_details",
    /// Why this proxy ended the connection (`%CONNECTION_TERMINATION_DETAILS%`).
    Termination = "connection_termination_details",
    /// Why the connection to the upstream failed (`%UPSTREAM_TRANSPORT_FAILURE_REASON%`).
    TransportFailure = "upstream_transport_failure_reason",
    /// Body bytes from the client (TCP: all bytes).
    BytesReceived = "bytes_received",
    /// Body bytes to the client (TCP: all bytes).
    BytesSent = "bytes_sent",
    /// Milliseconds from the first byte in to the last byte out.
    Duration = "duration",
    /// `x-envoy-upstream-service-time`, milliseconds.
    ServiceTime = "upstream_service_time",
    /// `x-forwarded-for` as sent by the client.
    ForwardedFor = "x_forwarded_for",
    /// `user-agent` as sent by the client.
    UserAgent = "user_agent",
    /// `x-request-id`.
    RequestId = "request_id",
    /// `:authority` or Host.
    Authority = "authority",
    /// Address of the endpoint that was chosen last.
    UpstreamHost = "upstream_host",
    /// Cluster the route chose.
    UpstreamCluster = "upstream_cluster",
    /// Our address of the upstream connection; missing when none came up.
    UpstreamLocal = "upstream_local_address",
    /// Address the client dialled.
    DownstreamLocal = "downstream_local_address",
    /// Address of the client.
    DownstreamRemote = "downstream_remote_address",
    /// SNI.
    ServerName = "requested_server_name",
    /// Name of the matched route.
    RouteName = "route_name",
    /// gRPC status, number or name, where the format logs it.
    GrpcStatus = "grpc_status",
    /// Attempts made (`%UPSTREAM_REQUEST_ATTEMPT_COUNT%`).
    Attempts = "upstream_request_attempt_count",
    /// Why the client's connection failed (`%DOWNSTREAM_TRANSPORT_FAILURE_REASON%`).
    DownstreamFailure = "downstream_transport_failure_reason",
    /// `%ACCESS_LOG_TYPE%`: tells lines that are not the end of a request.
    LogType = "access_log_type",
    /// ztunnel: workload of the source.
    SourceWorkload = "source_workload",
    /// ztunnel: namespace of the source.
    SourceNamespace = "source_namespace",
    /// Pod whose proxy wrote the line, where the record itself tells.
    Pod = "pod",
    /// Namespace of that pod.
    Namespace = "namespace",
    /// Container of that pod.
    Container = "container",
}

impl Field {
    /// How many fields there are.
    pub const COUNT: usize = Self::ALL.len();
    /// How many of them are Istio's own.
    pub const ISTIO: usize = 24;

    /// The field with this output key.
    pub fn from_key(key: &str) -> Option<Field> {
        Self::ALL.iter().copied().find(|f| f.key() == key)
    }

    /// The field's bit in a set of fields.
    pub const fn bit(self) -> u64 {
        1 << self as u32
    }
}

/// Bytes `start..end` of the record's text. Both are 0 when the field is not there: no field starts a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Span {
    start: u32,
    end: u32,
}

/// What kind of thing a record tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Kind {
    /// An HTTP request.
    #[default]
    Http,
    /// A TCP connection, or one that ended before HTTP began.
    Tcp,
    /// A connection through ztunnel (ambient mesh).
    Ztunnel,
}

numbered!(Kind { Http = 0, Tcp = 1, Ztunnel = 2 });

impl Kind {
    /// `http`, `tcp`, `ztunnel`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Http => "http",
            Kind::Tcp => "tcp",
            Kind::Ztunnel => "ztunnel",
        }
    }
}

/// Where the fields of one line are: what a format's reader finds out. Says nothing about which bytes it points
/// into, so that it can be made while the text is still being put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    spans: [Span; Field::COUNT],
    present: u64,
    escaped: u64,
    /// HTTP, TCP, ztunnel.
    pub kind: Kind,
    /// Name of the format the line was read as.
    pub format: &'static str,
    /// False when the line was cut.
    pub complete: bool,
    /// True when the ranges point into the scratch buffer and not into the line.
    pub in_scratch: bool,
    /// Where the telling bytes are, in a line whose quotes and blanks alone say where every field is; empty otherwise.
    pub stretches: Stretches,
}

impl Layout {
    /// A layout without any field.
    pub fn new(format: &'static str) -> Layout {
        Layout {
            spans: [Span::default(); Field::COUNT],
            present: 0,
            escaped: 0,
            kind: Kind::Http,
            format,
            complete: true,
            in_scratch: false,
            stretches: Stretches::default(),
        }
    }

    /// Forgets every field, to be filled again for the next line.
    #[inline]
    pub fn reset(&mut self, format: &'static str) {
        self.present = 0;
        self.escaped = 0;
        self.kind = Kind::Http;
        self.format = format;
        self.complete = true;
        self.in_scratch = false;
        self.stretches = Stretches::default();
    }

    /// Says where a field stands. Ranges that end beyond 4 GiB cannot occur: lines are shorter (see `frame`).
    #[inline]
    pub fn set(&mut self, field: Field, range: std::ops::Range<usize>) {
        self.spans[field as usize] = Span { start: range.start as u32, end: range.end as u32 };
        self.present |= field.bit();
    }

    /// The same, for a field whose text holds JSON escapes.
    pub fn set_escaped(&mut self, field: Field, range: std::ops::Range<usize>) {
        self.set(field, range);
        self.escaped |= field.bit();
    }

    /// Says for many fields at once that they are there; [`place`](Self::place) then says where.
    #[inline]
    pub fn announce(&mut self, fields: u64) {
        self.present = fields;
    }

    /// Says where a field stands that has been announced.
    #[inline]
    pub fn place(&mut self, field: Field, start: usize, end: usize) {
        self.spans[field as usize] = Span { start: start as u32, end: end as u32 };
    }

    /// Forgets a field.
    pub fn clear(&mut self, field: Field) {
        self.present &= !field.bit();
        self.escaped &= !field.bit();
        self.spans[field as usize] = Span::default();
    }

    /// Moves every range by `by` bytes: the line was part of a longer one.
    pub fn shift(&mut self, by: usize) {
        if by == 0 {
            return;
        }
        for field in Field::ALL {
            if self.present & field.bit() != 0 {
                let span = &mut self.spans[*field as usize];
                span.start += by as u32;
                span.end += by as u32;
            }
        }
    }

    /// Where a field stands.
    pub fn range(&self, field: Field) -> Option<std::ops::Range<usize>> {
        let span = self.spans[field as usize];
        (self.present & field.bit() != 0).then_some(span.start as usize..span.end as usize)
    }
}

/// What the wrapper around a line said of where it came from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Carrier<'a> {
    /// Pod.
    pub pod: Option<&'a [u8]>,
    /// Namespace of the pod.
    pub namespace: Option<&'a [u8]>,
    /// Container of the pod.
    pub container: Option<&'a [u8]>,
}

impl Default for Layout {
    fn default() -> Self {
        Layout::new("")
    }
}

/// One access record: the text, and where the fields are in it.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    text: &'a [u8],
    layout: &'a Layout,
    /// Pod, namespace, container, if the wrapper told them.
    pub carrier: Carrier<'a>,
}

impl<'a> Record<'a> {
    /// Puts text and layout together.
    pub fn new(text: &'a [u8], layout: &'a Layout, carrier: Carrier<'a>) -> Record<'a> {
        Record { text, layout, carrier }
    }

    /// The bytes of a field as they stand, `-` included; `None` when the format or the line does not have it.
    #[inline]
    pub fn logged(&self, field: Field) -> Option<Raw<'a>> {
        if self.layout.present & field.bit() == 0 {
            return None;
        }
        let span = self.layout.spans[field as usize];
        let bytes = self.text.get(span.start as usize..span.end as usize)?;
        Some(Raw { bytes, escaped: self.layout.escaped & field.bit() != 0 })
    }

    /// A field's value; `None` when it is missing or logged as `-`.
    #[inline]
    pub fn get(&self, field: Field) -> Option<Raw<'a>> {
        self.logged(field).filter(|raw| raw.bytes != b"-")
    }

    /// A field's text, decoded.
    pub fn text(&self, field: Field) -> Option<Cow<'a, [u8]>> {
        self.get(field).map(Raw::text)
    }

    /// The bytes of a field, or the empty text when it is missing. For keys: escapes are not decoded.
    #[inline]
    pub fn bytes(&self, field: Field) -> &'a [u8] {
        self.get(field).map_or(b"", |raw| raw.bytes)
    }

    /// Pod whose proxy wrote the line, from the wrapper or from the record itself.
    pub fn pod(&self) -> Option<&'a [u8]> {
        self.carrier.pod.or_else(|| self.get(Field::Pod).map(|raw| raw.bytes))
    }

    /// Namespace of that pod.
    pub fn namespace(&self) -> Option<&'a [u8]> {
        self.carrier.namespace.or_else(|| self.get(Field::Namespace).map(|raw| raw.bytes))
    }

    /// Container of that pod.
    pub fn container(&self) -> Option<&'a [u8]> {
        self.carrier.container.or_else(|| self.get(Field::Container).map(|raw| raw.bytes))
    }

    /// The bytes that say what the record means, where they can be told from the rest without reading the fields.
    #[inline]
    pub fn identity(&self) -> Option<Identity<'a>> {
        self.layout.stretches.of(self.text)
    }

    /// HTTP, TCP, ztunnel.
    #[inline]
    pub fn kind(&self) -> Kind {
        self.layout.kind
    }

    /// Name of the format the line was read as.
    pub fn format(&self) -> &'static str {
        self.layout.format
    }

    /// False when the line was cut.
    pub fn complete(&self) -> bool {
        self.layout.complete
    }

    /// HTTP status. 0 when it is missing or not a number.
    #[inline]
    pub fn code(&self) -> u16 {
        match self.bytes(Field::Code) {
            [a, b, c] if a.is_ascii_digit() && b.is_ascii_digit() && c.is_ascii_digit() => {
                u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0')
            }
            text => number(text).map_or(0, |n| u16::try_from(n).unwrap_or(0)),
        }
    }

    /// The response flags as a set.
    #[inline]
    pub fn flags(&self) -> FlagSet {
        self.get(Field::Flags).map_or(FlagSet::EMPTY, |raw| FlagSet::parse(raw.bytes))
    }

    /// A whole number of a field; a fraction is cut off. Negative numbers (Envoy's partial durations can be) are 0.
    #[inline]
    pub fn number(&self, field: Field) -> Option<u64> {
        number(self.get(field)?.bytes)
    }

    /// Duration in milliseconds.
    #[inline]
    pub fn duration_ms(&self) -> Option<u64> {
        self.number(Field::Duration)
    }

    /// Start in microseconds since 1970, UTC.
    pub fn start_us(&self) -> Option<i64> {
        time::parse_us(self.get(Field::StartTime)?.bytes)
    }

    /// Which side wrote the line, where cluster name or format tell.
    #[inline]
    pub fn direction(&self) -> Option<Direction> {
        if self.kind() == Kind::Ztunnel {
            // ztunnel has no cluster; its reader leaves the direction in the route's place.
            return match self.bytes(Field::RouteName) {
                b"inbound" => Some(Direction::Inbound),
                b"outbound" => Some(Direction::Outbound),
                _ => None,
            };
        }
        cluster::direction(self.bytes(Field::UpstreamCluster))
    }

    /// The upstream cluster, stripped; `None` when no cluster was chosen or the format has none.
    #[inline]
    pub fn upstream(&self) -> Option<&'a [u8]> {
        Some(cluster::stripped(self.bytes(Field::UpstreamCluster))).filter(|name| !name.is_empty())
    }

    /// Which proxy made the status: `Some(true)` the upstream's answer was passed on, `Some(false)` this proxy made
    /// it, `None` when the line does not tell.
    #[inline]
    pub fn via_upstream(&self) -> Option<bool> {
        match self.bytes(Field::Details) {
            b"" => None,
            details => Some(details == b"via_upstream"),
        }
    }

    /// What became of the request.
    #[inline]
    pub fn outcome(&self) -> Outcome {
        Outcome::of(self)
    }
}

/// Digits, with an optional fraction or unit behind them, as a number.
#[inline]
pub fn number(text: &[u8]) -> Option<u64> {
    let mut n: u64 = 0;
    let mut digits = 0;
    for &b in text {
        if !b.is_ascii_digit() {
            break;
        }
        n = n.checked_mul(10)?.checked_add(u64::from(b - b'0'))?;
        digits += 1;
    }
    match (digits, text.get(digits)) {
        (0, Some(b'-')) if text.len() > 1 && text[1].is_ascii_digit() => Some(0),
        (0, _) => None,
        (_, None | Some(b'.')) => Some(n),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_with_care() {
        assert_eq!(number(b"0"), Some(0));
        assert_eq!(number(b"35.07"), Some(35));
        assert_eq!(number(b"-5"), Some(0));
        assert_eq!(number(b""), None);
        assert_eq!(number(b"-"), None);
        assert_eq!(number(b"12x"), None);
        assert_eq!(number(b"99999999999999999999999"), None);
    }

    #[test]
    fn a_dash_is_a_missing_value_and_an_empty_text_is_not() {
        let line = b"- x";
        let mut layout = Layout::new("test");
        layout.set(Field::Method, 0..1);
        layout.set(Field::Path, 1..1);
        layout.set(Field::Authority, 2..3);
        let record = Record::new(line, &layout, Carrier::default());
        assert!(record.get(Field::Method).is_none());
        assert_eq!(record.get(Field::Path).unwrap().bytes, b"");
        assert_eq!(record.bytes(Field::Authority), b"x");
    }
}
