//! Signals of the scope: what else happens on the same upstream, authority or listener.

use super::super::case::Case;
use crate::aggregate::{Upstream, without_port};
use crate::envoy::{Cluster, FlagSet};
use crate::record::{Kind, Outcome};

/// Sizes of the bodies of Envoy's own error replies (Envoy `source/common/router/router.cc`), also when it retried.
const ENVOY_REPLY_BYTES: [u64; 22] =
    [19, 24, 57, 81, 85, 87, 91, 95, 98, 100, 104, 108, 110, 114, 118, 121, 145, 152, 167, 168, 175, 190];

pub(super) fn all_fail(case: &Case<'_>) -> bool {
    // Where only failures are logged, that no success is there says nothing.
    if super::super::only_failures(case.summary) {
        return false;
    }
    let counts = case.scope_counts();
    let ok = counts.of(Outcome::Ok);
    let bad = counts.requests().saturating_sub(ok);
    // Some answers may be the application's before the fault began; one in twenty is still "all".
    counts.requests() >= 3 && ok == 0 && bad * 20 >= counts.requests() * 19 && case.share() >= 0.2
}

pub(super) fn amid_successes(case: &Case<'_>) -> bool {
    let (ok, span) = (case.scope_ok(), case.symptom.span);
    let interleaved = match (ok.first_us(), ok.last_us(), span.first_us(), span.last_us()) {
        (Some(ok_first), Some(ok_last), Some(first), Some(last)) => ok_first <= last && first <= ok_last,
        _ => case.ok() > 0,
    };
    interleaved
        && case.ok() * 2 >= case.scope_counts().requests().saturating_sub(case.symptom.count)
        && case.ok() >= case.symptom.count
}

pub(super) fn sparse(case: &Case<'_>) -> bool {
    case.share() < 0.05
}

/// The scope failed in another way before the first of these, for the same reason or as its cause.
pub(super) fn after_failures(case: &Case<'_>) -> bool {
    before_me(case, |key| key.outcome.failed())
}

pub(super) fn after_5xx(case: &Case<'_>) -> bool {
    before_me(case, |key| {
        key.outcome == Outcome::AppError || key.flags.intersects(FlagSet::known(&["UF", "UC", "UT"]))
    })
}

fn before_me(case: &Case<'_>, which: impl Fn(&crate::aggregate::SymptomKey) -> bool) -> bool {
    let mine = case.symptom.span.first_us();
    case.siblings().any(|(key, symptom)| {
        which(key)
            && match (symptom.span.first_us(), mine) {
                (Some(theirs), Some(mine)) => theirs <= mine,
                // Without times the input order is all there is.
                _ => {
                    symptom.exemplars.first().map(|e| e.offset)
                        < case.symptom.exemplars.first().map(|e| e.offset)
                }
            }
    })
}

pub(super) fn from_start(case: &Case<'_>) -> bool {
    let mine = case.symptom.span.first_us();
    let worked_before = match (case.scope_ok().first_us(), mine) {
        (Some(ok), Some(mine)) => ok < mine,
        _ => case.ok() > 0,
    };
    !worked_before && !after_failures(case) && !super::super::only_failures(case.summary)
}

/// Three or more other upstreams with the same code, flags, details and transport reason.
pub(super) fn many_upstreams(case: &Case<'_>) -> bool {
    let mine = case.key;
    let alike = case.summary.symptoms.keys().filter(|key| {
        key.upstream.is_some()
            && key.upstream != mine.upstream
            && key.code == mine.code
            && key.flags == mine.flags
            && key.details == mine.details
            && key.transport == mine.transport
    });
    mine.upstream.is_some() && alike.take(2).count() == 2
}

pub(super) fn served_before(case: &Case<'_>) -> bool {
    case.authority.is_some_and(|authority| match (authority.ok.first_us(), case.symptom.span.last_us()) {
        (Some(ok), Some(last)) => ok <= last,
        _ => authority.counts.of(Outcome::Ok) > 0,
    })
}

/// The listener's lines prove it; or no inbound cluster is anywhere, and clients come by names of the outside: SNI or
/// authority are no mesh names.
pub(super) fn gateway(case: &Case<'_>) -> bool {
    let scene = case.scene;
    let proven = case.listener.is_some_and(|listener| listener.door.is_gateway());
    let stranger = || case.key.authority.as_ref().is_some_and(|name| scene.is_stranger(name));
    proven || scene.inbound.is_empty() && (scene.has_strangers() || stranger())
}

/// The listener itself carries inbound clusters, or another port of the same address does, or the SNI is that of
/// in-mesh mutual TLS.
pub(super) fn sidecar_inbound(case: &Case<'_>) -> bool {
    let mesh_sni = case.symptom.snis.iter().any(|(sni, _)| sni.starts_with(b"outbound_."));
    let inbound = |listener: &[u8]| case.scene.inbound.contains(without_port(listener));
    mesh_sni || case.symptom.listeners.iter().any(|(listener, _)| inbound(listener))
}

pub(super) fn listener_serves_tls(case: &Case<'_>) -> bool {
    case.symptom
        .listeners
        .iter()
        .filter_map(|(name, _)| case.summary.listeners.get(name))
        .any(|listener| listener.ok_with_sni > 0)
}

pub(super) fn sni_known(case: &Case<'_>) -> bool {
    let known: u64 = case
        .symptom
        .snis
        .iter()
        .filter(|(sni, _)| case.summary.snis.get(*sni).is_some_and(|s| s.counts.of(Outcome::Ok) > 0))
        .map(|(_, n)| n)
        .sum();
    known > 0 && known * 2 > case.symptom.count
}

pub(super) fn peer_envoy_bytes(case: &Case<'_>) -> bool {
    let hits: u64 = case
        .symptom
        .bytes_sent
        .iter()
        .filter(|(size, _)| ENVOY_REPLY_BYTES.contains(&size.0))
        .map(|(_, n)| n)
        .sum();
    hits * 2 > case.symptom.count
}

pub(super) fn mesh_service(case: &Case<'_>) -> bool {
    case.key.upstream.as_ref().is_some_and(|name| Cluster::parse(name).service.is_some())
}

pub(super) fn passthrough(case: &Case<'_>) -> bool {
    case.key.upstream.as_ref().is_some_and(|name| {
        name.starts_with(b"PassthroughCluster") || name.starts_with(b"InboundPassthroughCluster")
    })
}

pub(super) fn fault_injected_too(case: &Case<'_>) -> bool {
    let injected = |u: &Upstream| u.flags.get(&b"FI"[..]) + u.flags.get(&b"DI"[..]) > 0;
    case.upstream.is_some_and(injected)
}

pub(super) fn mixed_with_plaintext(case: &Case<'_>) -> bool {
    let tls_word = |key: &crate::aggregate::SymptomKey| {
        key.transport.as_ref().is_some_and(|t| {
            [
                &b"WRONG_VERSION_NUMBER"[..],
                b"wrong_version_number",
                b"HTTP_REQUEST",
                b"packet_length_too_long",
            ]
            .iter()
            .any(|word| memchr::memmem::find(t, word).is_some())
        })
    };
    tls_word(case.key) || case.siblings().any(|(key, _)| tls_word(key))
}

pub(super) fn own_5xx(case: &Case<'_>) -> bool {
    case.siblings().any(|(key, _)| key.outcome == Outcome::AppError && key.code >= 500)
}

/// Two or more subsets of one Service and port in outbound clusters, all fine, fewer than 100 requests in all.
pub(super) fn small_split(case: &Case<'_>) -> bool {
    let Some(name) = &case.key.upstream else { return false };
    let mine = Cluster::parse(name);
    if case.key.kind != Kind::Http || mine.subset.is_none() || mine.host.is_none() {
        return false;
    }
    let split: Vec<&Upstream> = case.scene.subsets(&mine).iter().map(|(_, upstream)| *upstream).collect();
    let requests: u64 = split.iter().map(|u| u.counts.requests()).sum();
    split.len() >= 2 && requests < 100 && split.iter().all(|u| u.counts.failed() == 0)
}

/// One of the group's hosts is the local address of a listener that ended connections with `filter_chain_not_found`:
/// the callee's own log says that it understood nothing.
pub(super) fn peer_no_filter_chain(case: &Case<'_>) -> bool {
    case.symptom.hosts.iter().any(|(host, _)| case.scene.unmatched.contains(host))
}

/// Both UC and UPE before a response on the same upstream, and not one success: two ends that do not speak the same
/// protocol.
pub(super) fn breaks_both_ways(case: &Case<'_>) -> bool {
    const CLOSED: FlagSet = FlagSet::known(&["UC"]);
    const UNREADABLE: FlagSet = FlagSet::known(&["UPE"]);
    let broken = |key: &crate::aggregate::SymptomKey, flag| {
        key.flags.intersects(flag)
            && key.details.as_ref().is_none_or(|d| d.starts_with(b"upstream_reset_before_response_started"))
    };
    let any = |flag| broken(case.key, flag) || case.siblings().any(|(key, _)| broken(key, flag));
    case.ok() == 0 && any(CLOSED) && any(UNREADABLE)
}

/// The details are in Envoy's own vocabulary (or there are none).
pub(super) fn known_details(case: &Case<'_>) -> bool {
    case.key.details.as_ref().is_none_or(|details| {
        std::str::from_utf8(details).is_ok_and(|text| crate::envoy::details::explain(text).is_some())
    })
}

/// The log tells how long upstreams took, and of these records it does not.
pub(super) fn unanswered(case: &Case<'_>) -> bool {
    case.summary.service_times && case.symptom.answered == 0
}
