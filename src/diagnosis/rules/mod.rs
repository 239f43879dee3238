//! Signals: what one line cannot tell, as functions over the counts. `docs/catalog.md` lists them for authors of pages.

mod client;
mod hosts;
mod scope;
mod sides;
mod timing;

use super::case::Case;

/// A signal.
pub struct Rule {
    /// Name in the pages.
    pub name: &'static str,
    /// The evidence in words, without capital and full stop.
    pub says: &'static str,
    /// Whether it holds for a group of records.
    pub holds: fn(&Case<'_>) -> bool,
}

/// All signals.
pub static RULES: &[Rule] = &[
    Rule { name: "all-fail", says: "nothing succeeded there in this log", holds: scope::all_fail },
    Rule {
        name: "amid-successes",
        says: "requests succeed before, between and after the failures",
        holds: scope::amid_successes,
    },
    Rule { name: "sparse", says: "less than 5 % of the requests", holds: scope::sparse },
    Rule { name: "quick", says: "most failed within 25 ms", holds: timing::quick },
    Rule {
        name: "worked-on",
        says: "most ended only after some milliseconds: the request had arrived",
        holds: timing::worked_on,
    },
    Rule {
        name: "constant-duration",
        says: "the durations are all but equal: a timer",
        holds: timing::constant,
    },
    Rule { name: "timer-10s", says: "they end after 10 s", holds: |c| timing::timer(c, 10_000) },
    Rule {
        name: "timer-15s",
        says: "they end after 15 s, Envoy's default route timeout",
        holds: |c| timing::timer(c, 15_000),
    },
    Rule {
        name: "timer-60s",
        says: "they end after 60 s, a common idle timeout of load balancers",
        holds: |c| timing::timer(c, 60_000),
    },
    Rule {
        name: "timer-300s",
        says: "they end after 300 s, Envoy's default stream idle timeout",
        holds: |c| timing::timer(c, 300_000),
    },
    Rule {
        name: "timer-3600s",
        says: "they end after an hour, Envoy's default idle timeout of connections",
        holds: |c| timing::timer(c, 3_600_000),
    },
    Rule {
        name: "connect-timer",
        says: "the durations are multiples of a connect timeout",
        holds: timing::connect_timer,
    },
    Rule {
        name: "after-failures",
        says: "the same upstream failed in another way before",
        holds: scope::after_failures,
    },
    Rule {
        name: "after-5xx",
        says: "the same upstream answered 5xx or refused connections before",
        holds: scope::after_5xx,
    },
    Rule { name: "from-start", says: "it never worked before in this log", holds: scope::from_start },
    Rule {
        name: "only-first-seconds",
        says: "only in the first seconds of the log; the same requests succeed later",
        holds: timing::only_first_seconds,
    },
    Rule {
        name: "hosts-vanish",
        says: "the failing hosts are not used again, while other hosts go on",
        holds: hosts::vanish,
    },
    Rule { name: "new-hosts", says: "new hosts appear after the failures began", holds: hosts::appear },
    Rule {
        name: "one-host",
        says: "one host has nearly all of them, the others are fine",
        holds: hosts::one,
    },
    Rule {
        name: "one-prefix",
        says: "all failing hosts are in one network, hosts elsewhere are fine",
        holds: hosts::one_prefix,
    },
    Rule {
        name: "many-upstreams",
        says: "several upstreams fail in the same way",
        holds: scope::many_upstreams,
    },
    Rule { name: "served-before", says: "the same authority was served before", holds: scope::served_before },
    Rule { name: "ip-authority", says: "the authority is an address", holds: client::ip_authority },
    Rule { name: "scanner-path", says: "the paths are those that scanners try", holds: client::scanner_path },
    Rule { name: "gateway", says: "the lines are a gateway's", holds: scope::gateway },
    Rule {
        name: "sidecar-inbound",
        says: "the listener is a sidecar's inbound listener",
        holds: scope::sidecar_inbound,
    },
    Rule {
        name: "listener-serves-tls",
        says: "the same listener serves clients that speak TLS",
        holds: scope::listener_serves_tls,
    },
    Rule { name: "sni-known", says: "the SNI is served elsewhere in this log", holds: scope::sni_known },
    Rule {
        name: "peer-envoy-bytes",
        says: "the size of the answer is that of an error made by an Envoy",
        holds: scope::peer_envoy_bytes,
    },
    Rule {
        name: "grpc",
        says: "the status is 200 although it failed: gRPC",
        holds: |c| c.key.code == 200 && c.key.outcome.failed(),
    },
    Rule { name: "mesh-service", says: "the upstream is a service of the mesh", holds: scope::mesh_service },
    Rule {
        name: "passthrough",
        says: "the destination is unknown to the mesh and was passed through",
        holds: scope::passthrough,
    },
    Rule {
        name: "eastwest-host",
        says: "the host is an east-west gateway (port 15443)",
        holds: hosts::east_west,
    },
    Rule { name: "hbone-host", says: "the host is reached through HBONE (port 15008)", holds: hosts::hbone },
    Rule { name: "metrics-request", says: "the requests are scrapes of metrics", holds: client::metrics },
    Rule { name: "probe-request", says: "the requests are health probes", holds: client::probe },
    Rule {
        name: "slower-than-before",
        says: "the upstream is at least three times slower than before",
        holds: timing::slower_than_before,
    },
    Rule {
        name: "at-the-limit",
        says: "they are the longest requests of the upstream: a limit cuts them",
        holds: timing::at_the_limit,
    },
    Rule { name: "retries", says: "the requests were retried", holds: client::retries },
    Rule {
        name: "fault-injected-too",
        says: "faults are injected into the same upstream",
        holds: scope::fault_injected_too,
    },
    Rule { name: "drain-window", says: "all within a minute and never again", holds: timing::drain_window },
    Rule {
        name: "mixed-with-plaintext",
        says: "the same upstream answers in plaintext where TLS is spoken, or the reverse",
        holds: scope::mixed_with_plaintext,
    },
    Rule { name: "same-request-500", says: "the upstream also answers 5xx itself", holds: scope::own_5xx },
    Rule {
        name: "breaks-both-ways",
        says: "closed connections and unreadable answers side by side, and no success",
        holds: scope::breaks_both_ways,
    },
    Rule {
        name: "peer-no-filter-chain",
        says: "the callee's listener found no filter chain for such connections",
        holds: scope::peer_no_filter_chain,
    },
    Rule {
        name: "same-connection-unmatched",
        says: "the callee's listener logged the very same connections: no filter chain took them",
        holds: sides::connection_unmatched,
    },
    Rule {
        name: "callee-never-saw",
        says: "the callee's proxy, whose log is here, never saw them",
        holds: sides::callee_never_saw,
    },
    Rule {
        name: "callee-served",
        says: "the callee's proxy served them: the answer was lost on the way back",
        holds: sides::callee_served,
    },
    Rule {
        name: "known-details",
        says: "the details are among those that Envoy itself writes",
        holds: scope::known_details,
    },
    Rule {
        name: "tls-hello-bytes",
        says: "the sessions moved a ClientHello in and an alert out, and nothing else",
        holds: client::tls_hello,
    },
    Rule {
        name: "small-split-sample",
        says: "fewer than 100 requests are too few to judge a traffic split by",
        holds: scope::small_split,
    },
];

/// The signal of this name.
pub(super) fn find(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.name == name)
}

pub(super) use hosts::worst_prefix;
pub(super) use timing::constant_ms as timing_constant_ms;
