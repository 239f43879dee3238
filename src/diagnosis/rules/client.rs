//! Signals of the client and its requests.

use super::super::case::Case;
use crate::aggregate::{Counter, Size, Text};
use crate::envoy::FlagSet;
use crate::record::Kind;

/// Path parts that nobody asks an unknown server for but scanners.
const SCANNED: [&str; 16] = [
    "/.env",
    "/.git",
    "/wp-",
    "/wordpress",
    "/phpmyadmin",
    "/admin.php",
    "/cgi-bin",
    "/vendor/phpunit",
    "/boaform",
    "/actuator",
    "/solr/",
    "/HNAP1",
    "/manager/html",
    "/owa/",
    "/.aws",
    "/xmlrpc.php",
];
const PROBES: [&str; 7] = [
    "kube-probe/",
    "GoogleHC/",
    "ELB-HealthChecker/",
    "Consul Health",
    "Envoy/HC",
    "Amazon-Route53-Health",
    "UptimeRobot",
];
const SCRAPERS: [&str; 6] =
    ["Prometheus/", "vm_promscrape", "vmagent", "Grafana-Agent", "Alloy/", "OpenTelemetry-Collector"];
const METRIC_PATHS: [&str; 4] = ["/metrics", "/stats/prometheus", "/actuator/prometheus", "/federate"];

/// True when most of the group has a value for which the test holds.
fn most(case: &Case<'_>, values: &Counter<Text>, holds: impl Fn(&[u8]) -> bool) -> bool {
    let hits: u64 = values.iter().filter(|(value, _)| holds(value)).map(|(_, n)| n).sum();
    hits > 0 && hits * 2 > case.symptom.count
}

pub(super) fn ip_authority(case: &Case<'_>) -> bool {
    most(case, &case.symptom.authorities, is_address)
}

/// An IPv4 or bracketed IPv6 address.
fn is_address(name: &[u8]) -> bool {
    name.starts_with(b"[") || (name.contains(&b'.') && name.iter().all(|b| b.is_ascii_digit() || *b == b'.'))
}

pub(super) fn scanner_path(case: &Case<'_>) -> bool {
    most(case, &case.symptom.paths, |path| SCANNED.iter().any(|scanned| path.starts_with(scanned.as_bytes())))
}

pub(super) fn metrics(case: &Case<'_>) -> bool {
    let agent = |agent: &[u8]| SCRAPERS.iter().any(|s| agent.starts_with(s.as_bytes()));
    let path = |path: &[u8]| METRIC_PATHS.iter().any(|p| path == p.as_bytes());
    let port = |listener: &[u8]| [&b":15020"[..], b":15090"].iter().any(|port| listener.ends_with(port));
    most(case, &case.symptom.user_agents, agent)
        || most(case, &case.symptom.paths, path)
        || most(case, &case.symptom.listeners, port)
}

pub(super) fn probe(case: &Case<'_>) -> bool {
    most(case, &case.symptom.user_agents, |agent| PROBES.iter().any(|p| agent.starts_with(p.as_bytes())))
}

pub(super) fn retries(case: &Case<'_>) -> bool {
    let ids = &case.symptom.request_ids;
    case.key.flags.intersects(FlagSet::known(&["URX"])) || ids.total() * 5 > ids.len() as u64 * 6
}

/// OpenSSL and BoringSSL pad their ClientHello to this; other sizes are any protocol's.
const CLIENT_HELLO_BYTES: u64 = 517;
/// An alert, or a short refusal, and nothing of a handshake.
const ALERT_BYTES: std::ops::Range<u64> = 7..200;

pub(super) fn tls_hello(case: &Case<'_>) -> bool {
    let most = |sizes: &Counter<Size>, fits: fn(u64) -> bool| {
        let hits: u64 = sizes.iter().filter(|(size, _)| fits(size.0)).map(|(_, n)| n).sum();
        hits * 5 >= case.symptom.count * 4
    };
    case.key.kind == Kind::Tcp
        && most(&case.symptom.bytes_received, |size| size == CLIENT_HELLO_BYTES)
        && most(&case.symptom.bytes_sent, |size| ALERT_BYTES.contains(&size))
}

/// TCP connections that a network filter closed before the proxy chose an upstream for them.
pub(super) fn turned_away(case: &Case<'_>) -> bool {
    let moved = |sizes: &Counter<Size>| case.symptom.count.saturating_sub(sizes.get(&Size(0)));
    case.key.kind == Kind::Tcp
        && case.key.upstream.is_none()
        && case.key.host == Some(false)
        && (moved(&case.symptom.bytes_sent) + moved(&case.symptom.bytes_received)) * 20 <= case.symptom.count
        && case.listener.is_some_and(|listener| listener.tcp_carried > 0)
}
