//! Signals of endpoints.

use super::super::case::Case;
use crate::aggregate::{Host, Text};

/// A host that is gone is not chosen again; a minute and a half covers outlier ejection's first rounds.
const GONE_US: i64 = 90_000_000;
/// The log must go on for this long to say that a host was not used again.
const GOES_ON_US: i64 = 30_000_000;

/// Hosts of the group, with what the upstream knows of them.
fn failing<'s>(case: &Case<'s>) -> Vec<(&'s Text, u64, Host)> {
    let Some(upstream) = case.upstream else { return Vec::new() };
    case.symptom.hosts.iter().filter_map(|(name, n)| Some((name, n, upstream.host(name)?))).collect()
}

/// True when the upstream has hosts outside the group that work.
fn others_fine(case: &Case<'_>) -> bool {
    case.upstream.is_some_and(|upstream| {
        upstream.hosts().any(|(name, host)| {
            case.symptom.hosts.get(&name[..]) * 10 <= host.counts.requests() && host.ok.last_us().is_some()
        })
    })
}

pub(super) fn vanish(case: &Case<'_>) -> bool {
    let (Some(upstream), hosts) = (case.upstream, failing(case)) else { return false };
    let Some(end) = upstream.span.last_us() else { return false };
    let gone = hosts
        .iter()
        .filter(|(.., host)| match (host.span.last_us(), host.failure.first_us(), host.ok.first_us()) {
            (Some(last), Some(failed), Some(ok)) => {
                ok < failed && last - failed <= GONE_US && end - last >= GOES_ON_US
            }
            _ => false,
        })
        .count();
    gone > 0 && gone * 2 >= hosts.len() && others_fine(case)
}

pub(super) fn appear(case: &Case<'_>) -> bool {
    let (Some(upstream), Some(onset)) = (case.upstream, case.symptom.span.first_us()) else { return false };
    // Hosts chosen for the first time early in the log are just the ones whose turn it was.
    let settled = upstream.span.first_us().is_some_and(|first| onset - first >= GOES_ON_US);
    settled
        && upstream.hosts().any(|(_, host)| {
            host.span.first_us().is_some_and(|first| first > onset) && host.ok.first_us().is_some()
        })
}

pub(super) fn one(case: &Case<'_>) -> bool {
    let Some((_, most)) = case.symptom.hosts.top() else { return false };
    most * 10 >= case.symptom.hosts.total() * 9 && others_fine(case)
}

pub(super) fn one_prefix(case: &Case<'_>) -> bool {
    let mut hosts = case.symptom.hosts.iter().map(|(name, _)| network(name));
    let Some(Some(first)) = hosts.next() else { return false };
    case.symptom.hosts.len() >= 2
        && hosts.all(|p| p == Some(first))
        && case.scene.sound_networks.iter().any(|sound| *sound != first)
}

/// The network that the signal `one-prefix` is about, as `10.7.0.0/16`.
pub(in super::super) fn worst_prefix(case: &Case<'_>) -> Option<String> {
    let (host, _) = case.symptom.hosts.top()?;
    one_prefix(case).then(|| format!("{}.0.0/16", String::from_utf8_lossy(network(host).unwrap_or_default())))
}

/// The first two bytes of an IPv4 address, as text.
/// The first two numbers of an address.
pub(in super::super) fn network(host: &[u8]) -> Option<&[u8]> {
    let dots: Vec<usize> = memchr::memchr_iter(b'.', host).take(2).collect();
    let end = *dots.get(1)?;
    host[..end].iter().all(|b| b.is_ascii_digit() || *b == b'.').then_some(&host[..end])
}

pub(super) fn east_west(case: &Case<'_>) -> bool {
    most(case, |host| host.ends_with(b":15443"))
}

pub(super) fn hbone(case: &Case<'_>) -> bool {
    most(case, |host| host.starts_with(b"envoy://") || host.ends_with(b":15008"))
}

fn most(case: &Case<'_>, holds: impl Fn(&[u8]) -> bool) -> bool {
    let hits: u64 = case.symptom.hosts.iter().filter(|(name, _)| holds(name)).map(|(_, n)| n).sum();
    hits > 0 && hits * 2 > case.symptom.count
}
