//! What became of a request: one of six words.

use super::{Field, Kind, Record};
use crate::envoy::FlagSet;

/// What became of a request. The flag set, who made the status, and the code decide, in this order of questions:
/// did it end normally, did the client leave, did a policy refuse it, was the client's request bad, did this proxy
/// fail it, did the upstream fail it. gRPC failures are HTTP 200, and a client that left is code 0: the code alone
/// never decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Outcome {
    /// Answered.
    Ok,
    /// The request was not acceptable.
    ClientError,
    /// The upstream answered with an error.
    AppError,
    /// This proxy could not get an answer.
    ProxyError,
    /// A policy refused it.
    Denied,
    /// The client left before the answer was complete.
    ClientGone,
}

numbered!(Outcome { Ok = 0, ClientError = 1, AppError = 2, ProxyError = 3, Denied = 4, ClientGone = 5 });

/// All outcomes, in the order of their numbers.
pub static OUTCOMES: [Outcome; 6] = [
    Outcome::Ok,
    Outcome::ClientError,
    Outcome::AppError,
    Outcome::ProxyError,
    Outcome::Denied,
    Outcome::ClientGone,
];

const CLIENT_LEFT: FlagSet = FlagSet::known(&["DC", "DR"]);
const CLIENT_FAULT: FlagSet = FlagSet::known(&["DPE", "IH"]);
const PROXY_FAULT: FlagSet = FlagSet::known(&[
    "UH", "UF", "UC", "UR", "UT", "UPE", "LR", "OM", "NC", "NR", "NFCF", "RLSE", "DF", "DO", "UDO", "LH",
    "UMSDR", "SI", "FI",
]);
const RL: FlagSet = FlagSet::known(&["RL"]);
const UO: FlagSet = FlagSet::known(&["UO"]);
const UAEX: FlagSet = FlagSet::known(&["UAEX"]);
const TCP_END: FlagSet = FlagSet::known(&["UR", "DT"]);
const UPGRADE_END: FlagSet = FlagSet::known(&["UC", "DC", "SI"]);

impl Outcome {
    /// Name in the output.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::ClientError => "client_error",
            Outcome::AppError => "app_error",
            Outcome::ProxyError => "proxy_error",
            Outcome::Denied => "denied",
            Outcome::ClientGone => "client_gone",
        }
    }

    /// True for what counts as failed: the upstream's or this proxy's error.
    pub fn failed(self) -> bool {
        matches!(self, Outcome::AppError | Outcome::ProxyError)
    }

    /// The outcome of a record.
    pub fn of(record: &Record<'_>) -> Outcome {
        let flags = record.flags();
        let code = record.code();
        let details = record.bytes(Field::Details);
        // The common line first: an answer passed on, nothing flagged.
        if flags.is_empty() && (100..400).contains(&code) && details == b"via_upstream" {
            return if grpc_failed(record) { Outcome::AppError } else { Outcome::Ok };
        }
        match record.kind() {
            Kind::Ztunnel => return ztunnel(details),
            Kind::Tcp if flags.intersects(TCP_END) && both_ways(record) => return Outcome::Ok,
            Kind::Http if code == 101 && flags.intersects(UPGRADE_END) => return Outcome::Ok,
            _ => {}
        }
        let http = record.kind() == Kind::Http;
        let by_proxy = !details.is_empty() && details != b"via_upstream";
        if flags.intersects(CLIENT_LEFT) || (http && code == 0 && flags.is_empty()) {
            return if too_large(details) { Outcome::ClientError } else { Outcome::ClientGone };
        }
        if denied(record, flags, code, details, by_proxy) {
            return Outcome::Denied;
        }
        if flags.intersects(CLIENT_FAULT) || (by_proxy && matches!(code, 408 | 413 | 426 | 431)) {
            return Outcome::ClientError;
        }
        if flags.intersects(PROXY_FAULT)
            || (flags.intersects(UO) && details != b"via_upstream")
            || details == b"ext_authz_error"
            || (flags.intersects(UAEX) && code >= 500)
            || (by_proxy && code >= 500)
        {
            return Outcome::ProxyError;
        }
        if code >= 500 || grpc_failed(record) {
            return Outcome::AppError;
        }
        if (400..500).contains(&code) { Outcome::ClientError } else { Outcome::Ok }
    }
}

fn denied(record: &Record<'_>, flags: FlagSet, code: u16, details: &[u8], by_proxy: bool) -> bool {
    details.starts_with(b"rbac_access_denied")
        || details == b"AuthzDenied"
        || details.starts_with(b"jwt_authn_access_denied")
        || details == b"ext_authz_denied"
        || (flags.intersects(UAEX) && details.is_empty() && code < 500)
        || flags.intersects(RL)
        || (code == 429 && by_proxy)
        || record.bytes(Field::Termination).starts_with(b"rbac_access_denied")
        || record.bytes(Field::RouteName) == b"block_all"
        || record.upstream() == Some(b"BlackHoleCluster")
}

/// Details of a request that was refused for its size, whatever the flag says.
fn too_large(details: &[u8]) -> bool {
    let has = |text: &[u8]| memchr::memmem::find(details, text).is_some();
    has(b"too_large") || has(b"too large") || has(b"too_many_headers")
}

fn both_ways(record: &Record<'_>) -> bool {
    record.number(Field::BytesReceived).unwrap_or(0) > 0 && record.number(Field::BytesSent).unwrap_or(0) > 0
}

/// A gRPC status other than OK, where the format logs one.
fn grpc_failed(record: &Record<'_>) -> bool {
    record.get(Field::GrpcStatus).is_some_and(|raw| {
        !raw.bytes.is_empty() && raw.bytes != b"0" && !raw.bytes.eq_ignore_ascii_case(b"ok")
    })
}

/// ztunnel logs one text for what went wrong (its `error` field), and none when nothing did.
fn ztunnel(error: &[u8]) -> Outcome {
    let has = |text: &[u8]| memchr::memmem::find(error, text).is_some();
    if error.is_empty() {
        Outcome::Ok
    } else if has(b"policy rejection") || has(b"policy change") || has(b"http status: 401") {
        Outcome::Denied
    } else if has(b"client disconnected") {
        Outcome::ClientGone
    } else {
        Outcome::ProxyError
    }
}
