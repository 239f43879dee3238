//! The proxy's own log: pilot-agent, Envoy's component log, ztunnel.
//!
//! Three shapes. Istio's logger, for agent and Envoy alike since 1.6, and ztunnel: `TIME\tLEVEL\t[SCOPE\t]MESSAGE`,
//! always with six digits of fraction and a lower-case level, which sets it apart from the loggers of applications.
//! Envoy's own pattern: `[DATE TIME][THREAD][LEVEL][COMPONENT] MESSAGE`, with a blank between date and time, where an
//! access line has a `T`. And JSON with `level`, `time`, `scope`, `msg`. Whatever is not clearly one of these is an
//! application's line.

use std::ops::Range;

use memchr::memmem;

use crate::record::object::{Member, Shape};
use crate::record::time;

/// Who wrote a line of the proxy's own log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Writer {
    /// pilot-agent (Istio's supervisor of the proxy).
    Agent,
    /// Envoy itself.
    Envoy,
    /// ztunnel.
    Ztunnel,
}

numbered!(Writer { Agent = 0, Envoy = 1, Ztunnel = 2 });

/// What a line of the proxy's own log tells about the traffic. Each is a signal of the diagnosis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum ProxySignal {
    /// Envoy crashed: a backtrace, a fatal signal, or the agent saw it end by a signal.
    Crash,
    /// `assert failure`.
    AssertFailure,
    /// `Too many open files`.
    TooManyOpenFiles,
    /// The configuration stream to istiod was closed, or could not be opened.
    XdsClosed,
    /// The configuration stream came up (again).
    XdsConnected,
    /// This proxy refused configuration that istiod sent.
    ConfigRejected,
    /// A secret (certificate) was not delivered.
    SecretMissing,
    /// A certificate is expired, or could not be renewed.
    CertificateExpired,
    /// A cluster or listener waits for its first endpoints or secrets.
    Warming,
    /// The proxy drains or is being shut down.
    Draining,
    /// The overload manager acted.
    Overload,
}

numbered!(ProxySignal {
    Crash = 0,
    AssertFailure = 1,
    TooManyOpenFiles = 2,
    XdsClosed = 3,
    XdsConnected = 4,
    ConfigRejected = 5,
    SecretMissing = 6,
    CertificateExpired = 7,
    Warming = 8,
    Draining = 9,
    Overload = 10,
});

/// A line of the proxy's own log.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProxyLine {
    /// Who wrote it.
    pub writer: Writer,
    /// What it tells about the traffic, if anything.
    pub signal: Option<ProxySignal>,
    /// When, in microseconds since 1970; `None` when the line has no time.
    pub time_us: Option<i64>,
}

/// Texts that mean a signal; the first that is in the line wins, so the more exact come first.
static SIGNALS: &[(&str, ProxySignal)] = &[
    ("assert failure", ProxySignal::AssertFailure),
    ("[backtrace]", ProxySignal::Crash),
    ("envoy backtrace", ProxySignal::Crash),
    ("suspect faulting address", ProxySignal::Crash),
    ("signal: segmentation fault", ProxySignal::Crash),
    ("signal: aborted", ProxySignal::Crash),
    ("signal: killed", ProxySignal::Crash),
    ("signal: bus error", ProxySignal::Crash),
    ("signal: illegal instruction", ProxySignal::Crash),
    ("oo many open files", ProxySignal::TooManyOpenFiles),
    ("ertificate has expired", ProxySignal::CertificateExpired),
    ("ertificate is expired", ProxySignal::CertificateExpired),
    ("CERTIFICATE_EXPIRED", ProxySignal::CertificateExpired),
    ("failed to generate workload certificate", ProxySignal::SecretMissing),
    ("failed to generate secret", ProxySignal::SecretMissing),
    ("failed to warm certificate", ProxySignal::SecretMissing),
    ("ecret is not supplied by SDS", ProxySignal::SecretMissing),
    ("failed to load secret", ProxySignal::SecretMissing),
    ("failed to fetch secret", ProxySignal::SecretMissing),
    ("failed to get secret", ProxySignal::SecretMissing),
    ("failed to retrieve secret", ProxySignal::SecretMissing),
    ("but was rejected", ProxySignal::ConfigRejected),
    ("update rejected", ProxySignal::ConfigRejected),
    ("rejected: Error adding", ProxySignal::ConfigRejected),
    ("config stream closed", ProxySignal::XdsClosed),
    ("nable to establish new stream", ProxySignal::XdsClosed),
    ("ailed to connect to upstream", ProxySignal::XdsClosed),
    ("upstream terminated with unexpected error", ProxySignal::XdsClosed),
    ("XDS client connection error", ProxySignal::XdsClosed),
    ("connected to upstream XDS server", ProxySignal::XdsConnected),
    ("is NOT ready", ProxySignal::Warming),
    ("starting warming", ProxySignal::Warming),
    ("draining", ProxySignal::Draining),
    ("Graceful termination", ProxySignal::Draining),
    ("starting drain", ProxySignal::Draining),
    ("caught SIGTERM", ProxySignal::Draining),
    ("caught ENVOY_SIGTERM", ProxySignal::Draining),
    ("shutting down server", ProxySignal::Draining),
    ("verload action", ProxySignal::Overload),
];

/// What a line tells. Some texts vary in the middle.
fn signal(line: &[u8]) -> Option<ProxySignal> {
    let has = |text: &str| memmem::find(line, text.as_bytes());
    // `gRPC config for type.googleapis.com/… rejected: …`, `delta config for … rejected: …`
    if let Some(at) = has("config for type.googleapis.com/")
        && memmem::find(&line[at..], b" rejected: ").is_some()
    {
        return Some(ProxySignal::ConfigRejected);
    }
    // `DeltaAggregatedResources gRPC config stream to xds-grpc closed since 41s ago: 14, …`
    if let Some(at) = has("gRPC config stream to ")
        && memmem::find(&line[at..], b" closed").is_some()
    {
        return Some(ProxySignal::XdsClosed);
    }
    SIGNALS.iter().find(|(text, _)| has(text).is_some()).map(|(_, signal)| *signal)
}

/// The head of a line of Istio's logger: where its time is, and where what is behind the level begins.
pub(super) struct Head {
    pub(super) time: Range<usize>,
    pub(super) rest: usize,
    tabs: bool,
    upper: bool,
}

impl Head {
    /// `2024-05-01T12:00:00.123456Z\tinfo\t`, or with blanks for TABs.
    pub(super) fn parse(line: &[u8]) -> Option<Head> {
        const TIME: usize = "2024-05-01T12:00:00.123456Z".len();
        if !is_agent_time(line.get(..TIME)?) {
            return None;
        }
        let blank = |b: &u8| matches!(b, b' ' | b'\t');
        let level_at = TIME + line[TIME..].iter().take_while(|b| blank(b)).count();
        let level_end = level_at + line[level_at..].iter().take_while(|b| b.is_ascii_alphabetic()).count();
        let level = &line[level_at..level_end];
        let upper = level.first().is_some_and(u8::is_ascii_uppercase);
        if level_at == TIME || !is_level(level) {
            return None;
        }
        let rest = level_end + line[level_end..].iter().take_while(|b| blank(b)).count();
        let ends = rest > level_end || rest == line.len();
        ends.then(|| Head { time: 0..TIME, rest, tabs: line[TIME] == b'\t', upper })
    }
}

/// Istio's time has six digits of fraction and `Z`; the loggers of applications mostly have three or none.
fn is_agent_time(text: &[u8]) -> bool {
    const PATTERN: &[u8; 27] = b"0000-00-00T00:00:00.000000Z";
    text.len() == PATTERN.len()
        && text.iter().zip(PATTERN).all(|(b, p)| if *p == b'0' { b.is_ascii_digit() } else { b == p })
}

fn is_level(word: &[u8]) -> bool {
    const LEVELS: [&[u8]; 9] =
        [b"trace", b"debug", b"info", b"warn", b"warning", b"error", b"fatal", b"critical", b"none"];
    // Rust's loggers, ztunnel's first builds among them, write capitals.
    const CAPITALS: [&[u8]; 5] = [b"TRACE", b"DEBUG", b"INFO", b"WARN", b"ERROR"];
    LEVELS.contains(&word) || CAPITALS.contains(&word)
}

/// ztunnel's targets: Rust paths of its crates, and a few names of its own.
fn is_ztunnel(scope: &[u8]) -> bool {
    const OWN: [&[u8]; 14] = [
        b"access",
        b"ztunnel",
        b"proxy",
        b"xds",
        b"inpod",
        b"hbone",
        b"identity",
        b"state",
        b"dns",
        b"proxyfactory",
        b"signal",
        b"readiness",
        b"workload",
        b"app",
    ];
    let end = scope.iter().position(|b| matches!(b, b':' | b'{')).unwrap_or(scope.len());
    OWN.contains(&&scope[..end]) && (end < scope.len() || scope == b"access" || scope == b"ztunnel")
}

/// `None`: not a line of a proxy's own log.
pub(super) fn read(line: &[u8]) -> Option<ProxyLine> {
    match line.first()? {
        b'0'..=b'9' => istio(line),
        b'[' => native(line),
        b'\'' => header_dump(line),
        _ => None,
    }
}

fn istio(line: &[u8]) -> Option<ProxyLine> {
    let head = Head::parse(line)?;
    let rest = &line[head.rest..];
    let scope = match rest.iter().position(|b| *b == b'\t') {
        Some(end) if head.tabs => &rest[..end],
        _ => rest.split(|b| *b == b' ').next().unwrap_or(rest),
    };
    let writer = if scope == b"envoy" || scope.starts_with(b"envoy ") {
        Writer::Envoy
    } else if is_ztunnel(scope) {
        Writer::Ztunnel
    } else if head.upper {
        return None;
    } else {
        Writer::Agent
    };
    Some(ProxyLine { writer, signal: signal(rest), time_us: time::parse_us(&line[head.time]) })
}

/// `[2017-05-17 03:00:52.735][14236][critical][assert] …`, in Istio up to 1.5 behind `[Envoy (Epoch 0)] `.
fn native(line: &[u8]) -> Option<ProxyLine> {
    let line = match line.strip_prefix(b"[Envoy (Epoch ") {
        Some(rest) => {
            let end = memmem::find(&rest[..rest.len().min(24)], b")] ")?;
            &rest[end + 3..]
        }
        None => line,
    };
    let rest = line.strip_prefix(b"[")?;
    let end = memchr::memchr(b']', &rest[..rest.len().min(40)])?;
    let stamp = &rest[..end];
    if stamp.len() < 19 || stamp[10] != b' ' {
        return None;
    }
    let time_us = Some(time::parse_us(stamp)?);
    let rest = rest[end + 1..].strip_prefix(b"[")?;
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let rest = rest[digits..].strip_prefix(b"][")?;
    let level = &rest[..memchr::memchr(b']', &rest[..rest.len().min(16)])?];
    (digits > 0 && is_level(level)).then(|| ProxyLine {
        writer: Writer::Envoy,
        signal: signal(rest),
        time_us,
    })
}

/// `':authority', 'shop:8080'`: Envoy's debug log prints headers one a line.
fn header_dump(line: &[u8]) -> Option<ProxyLine> {
    let rest = line.strip_prefix(b"'")?;
    let name = &rest[..memmem::find(&rest[..rest.len().min(128)], b"', '")?];
    let header = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b':');
    let closed = line.ends_with(b"'") && rest.len() >= name.len() + 5;
    (!name.is_empty() && name.iter().all(header) && closed).then_some(ProxyLine {
        writer: Writer::Envoy,
        signal: None,
        time_us: None,
    })
}

/// What the walk over a JSON object has seen of a log line: not an access record, but perhaps a proxy's word.
#[derive(Debug, Default)]
pub(super) struct Talk {
    level: Option<Range<usize>>,
    scope: Option<Range<usize>>,
    message: Option<Range<usize>>,
    time: Option<Range<usize>>,
}

impl Talk {
    /// Notes a member of the object, if it is one of the four.
    pub(super) fn note(&mut self, key: &[u8], member: &Member) {
        let Shape::Text(_) = member.shape else { return };
        let place = match key {
            b"level" => &mut self.level,
            b"scope" => &mut self.scope,
            b"msg" | b"message" => &mut self.message,
            b"time" => &mut self.time,
            _ => return,
        };
        *place = Some(member.value.clone());
    }

    fn text<'a>(&self, place: &Option<Range<usize>>, line: &'a [u8]) -> &'a [u8] {
        place.clone().and_then(|range| line.get(range)).unwrap_or_default()
    }

    /// True for an object that may be ztunnel's access record.
    pub(super) fn is_ztunnel_access(&self, line: &[u8]) -> bool {
        self.text(&self.scope, line) == b"access"
    }
}

/// A JSON line of the proxy's own log. Applications write `level` and `msg` too: Istio's time tells them apart.
pub(super) fn read_json(talk: &Talk, line: &[u8]) -> Option<ProxyLine> {
    let text = |place: &Option<Range<usize>>| talk.text(place, line);
    let (scope, message, stamp) = (text(&talk.scope), text(&talk.message), text(&talk.time));
    if !is_level(text(&talk.level)) || talk.message.is_none() || !is_agent_time(stamp) {
        return None;
    }
    let writer = match scope {
        b"envoy" => Writer::Envoy,
        _ if scope.starts_with(b"envoy ") => Writer::Envoy,
        _ if is_ztunnel(scope) => Writer::Ztunnel,
        _ => Writer::Agent,
    };
    let by_scope = match scope {
        b"envoy assert" => Some(ProxySignal::AssertFailure),
        b"envoy backtrace" => Some(ProxySignal::Crash),
        _ => None,
    };
    Some(ProxyLine { writer, signal: by_scope.or_else(|| signal(message)), time_us: time::parse_us(stamp) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal_of(line: &str) -> (Writer, Option<ProxySignal>) {
        let found = read(line.as_bytes()).unwrap_or_else(|| panic!("{line}"));
        (found.writer, found.signal)
    }

    #[test]
    fn the_three_writers_and_their_signals_are_known() {
        use ProxySignal::*;
        use Writer::*;
        let cases = [
            ("2024-05-01T12:00:00.123456Z\tinfo\tReadiness succeeded in 1.2s", (Agent, None)),
            (
                "2024-05-01T12:00:00.123456Z info xdsproxy connected to upstream XDS server: istiod:15012",
                (Agent, Some(XdsConnected)),
            ),
            (
                "2024-05-01T12:00:00.123456Z\twarning\tenvoy config external/envoy/source/a.h:191\tStreamAggregatedResources gRPC config stream closed: 14, no healthy upstream\tthread=21",
                (Envoy, Some(XdsClosed)),
            ),
            (
                "2024-05-01T12:00:00.123456Z\twarning\tenvoy config\tDeltaAggregatedResources gRPC config stream to xds-grpc closed since 41s ago: 14, x",
                (Envoy, Some(XdsClosed)),
            ),
            (
                "2024-05-01T12:00:00.123456Z\twarning\tenvoy config\tgRPC config for type.googleapis.com/envoy.config.listener.v3.Listener rejected: Error adding/updating listener(s)",
                (Envoy, Some(ConfigRejected)),
            ),
            (
                "2024-05-01T12:00:00.123456Z\terror\tEpoch 0 exited with error: signal: segmentation fault (core dumped)",
                (Agent, Some(Crash)),
            ),
            (
                "2024-05-01T12:00:00.123456Z\tinfo\tAgent draining Proxy for termination",
                (Agent, Some(Draining)),
            ),
            ("2024-05-01T12:00:00.123456Z\tinfo\txds::client:xds{id=1}\treceived response", (Ztunnel, None)),
            (
                "[2024-05-01 12:00:00.123][14][critical][assert] [source/a.cc:58] assert failure: fd_ != -1",
                (Envoy, Some(AssertFailure)),
            ),
            (
                "[2024-05-01 12:00:00.123][14][critical][backtrace] [server/a.h:104] Caught Segmentation fault",
                (Envoy, Some(Crash)),
            ),
            (
                "[Envoy (Epoch 0)] [2020-01-01 00:00:00.000][21][warning][config] [a.cc:1] Unable to establish new stream",
                (Envoy, Some(XdsClosed)),
            ),
            ("':authority', 'shop:8080'", (Envoy, None)),
        ];
        for (line, want) in cases {
            assert_eq!(signal_of(line), want, "{line}");
        }
    }

    #[test]
    fn applications_lines_are_left_alone() {
        for line in [
            "",
            "2024-05-01T12:00:00.123Z\tINFO\tcontroller\tdraining",
            "2024-05-01T12:00:00Z info started",
            "2024-05-01T12:00:00.123456Z  INFO my_app::server: listening",
            "2024-05-01T12:00:00.123456Z\tinformation\tx",
            "2024-05-01T12:00:00.123456Z",
            "[2024-05-01 12:00:00.123] [app] [info] hello",
            "[2024-05-01T12:00:00.123Z] \"GET / HTTP/1.1\" 200 -",
            "['a', 'b']",
            "'quoted' text",
        ] {
            assert_eq!(read(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn the_time_is_read() {
        let line = read(b"[2020-01-01 00:00:00.500][21][warning][config] x").unwrap();
        assert_eq!(line.time_us, time::parse_us(b"2020-01-01T00:00:00.5Z"));
    }
}
