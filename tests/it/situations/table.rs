//! The severity table's own checks, number by number.

use meshwhy::diagnosis::Severity::{self, Critical, Note, Warning};
use meshwhy::diagnosis::{Finding, diagnose};

use super::told;
use super::world::{Line, Log, Rng, Style, outbound};
use crate::samples::summary_of;

const CLOSED: &str = "upstream_reset_before_response_started{connection_termination}";

/// `n` requests over `seconds`, of which every so-manyth, `k` in all, becomes what `bad` makes of it.
fn shares(n: u64, k: u64, seconds: u64, mut bad: impl FnMut(&mut Rng, Line) -> Line) -> Vec<Finding> {
    let mut rng = Rng::new(n ^ k);
    let cluster = outbound("api.prod", 8080, "");
    let mut log = Log::default();
    for i in 0..n {
        let host = format!("10.244.3.{}:8080", rng.within(4, 6));
        let line = Line::ok(&mut rng, i * seconds * 1_000 / n, &cluster, &host);
        let hit = (i + 1) * k / n > i * k / n;
        log.push(if hit { bad(&mut rng, line) } else { line });
    }
    diagnose(&summary_of(&log.written(Style::Text)))
}

fn worst(findings: &[Finding]) -> Severity {
    findings.iter().map(|f| f.severity).max().unwrap_or_else(|| panic!("nothing was found"))
}

fn is(findings: Vec<Finding>, severity: Severity) {
    assert_eq!(worst(&findings), severity, "{}", told(&findings));
}

#[test]
fn service_faults() {
    let error = |code| move |_: &mut Rng, line: Line| line.end(code, "-", "via_upstream", 37, 8);
    // 1 in 10,000, here with a tenth of the requests.
    is(shares(100_000, 10, 3_600, |_, line| line.end(503, "UC", CLOSED, 95, 1)), Note);
    is(shares(157, 3, 300, error(500)), Note);
    is(shares(80, 4, 300, error(503)), Warning);
    is(shares(234, 87, 300, error(504)), Critical);
    // Many, but a small share: noticed from 0.3 % on.
    is(shares(20_000, 90, 3_000, error(500)), Warning);
    is(shares(20_000, 40, 3_000, error(500)), Note);
}

#[test]
fn a_burst_is_critical_and_a_race_in_it_is_not() {
    let burst = |flags: &'static str, details: &'static str| {
        let mut rng = Rng::new(9);
        let cluster = outbound("api.prod", 8080, "");
        let mut log = Log::default();
        for i in 0..18_000 {
            let line = Line::ok(&mut rng, i * 100, &cluster, "10.244.3.4:8080");
            let bad = (9_000..9_400).contains(&i) && rng.chance(0.4);
            log.push(if bad { line.end(503, flags, details, 95, 1) } else { line });
        }
        diagnose(&summary_of(&log.written(Style::Json)))
    };
    is(burst("UR", "upstream_reset_before_response_started{remote_reset}"), Critical);
    is(burst("UC", CLOSED), Warning);
}

#[test]
fn clients_that_leave() {
    let leave = |rng: &mut Rng, line: Line| {
        let took = rng.within(1, 40_000);
        line.at_gateway("api.example.com").end(0, "DC", "downstream_remote_disconnect", 0, took)
    };
    is(shares(4_000, 200, 900, leave), Note);
    is(shares(4_000, 1_000, 900, leave), Warning);
    // Everybody leaves after the same two seconds, where answers take far less: a timeout of theirs, so the question is
    // why the answers took so long.
    let timed = |rng: &mut Rng, line: Line| {
        let took = 2_000 + rng.within(0, 20);
        line.end(0, "DC", "downstream_remote_disconnect", 0, took)
    };
    is(shares(4_000, 40, 900, timed), Warning);
}

#[test]
fn policies() {
    let deny = |_: &mut Rng, line: Line| {
        line.no_host().end(403, "-", "rbac_access_denied_matched_policy[ns[prod]-policy[x]-rule[0]]", 19, 0)
    };
    is(shares(2_000, 60, 600, deny), Note);
    is(shares(2_000, 400, 600, deny), Warning);
    let login = |_: &mut Rng, line: Line| line.no_host().end(302, "UAEX", "ext_authz_denied", 0, 3);
    is(shares(2_000, 900, 600, login), Note);
}

/// A caller that was let through, and then is not any more.
#[test]
fn a_policy_that_flips() {
    let mut rng = Rng::new(3);
    let mut log = Log::default();
    for i in 0..600 {
        let line =
            Line::ok(&mut rng, i * 500, &outbound("api.prod", 8080, ""), "10.244.3.4:8080").inbound(8080);
        log.push(match i {
            0..300 => line,
            _ => line.no_host().end(403, "-", "rbac_access_denied_matched_policy[none]", 19, 0),
        });
    }
    is(diagnose(&summary_of(&log.written(Style::Text))), Critical);
}

/// Only one of several callers is refused from half time on; a policy that refused it from the start is no flip.
#[test]
fn a_policy_that_flips_for_one_caller() {
    for (from, severity) in [(3_000, Critical), (0, Note)] {
        let mut rng = Rng::new(4);
        let mut log = Log::default();
        for i in 0..6_000 {
            let mut line =
                Line::ok(&mut rng, i * 100, &outbound("api.prod", 8080, ""), "10.244.3.4:8080").inbound(8080);
            let caller = rng.within(1, 30);
            line.client = format!("10.244.9.{caller}:{}", rng.within(30_000, 60_000));
            line.path = "/v1/orders".to_owned();
            log.push(match caller {
                1 if i >= from => {
                    line.no_host().end(403, "-", "rbac_access_denied_matched_policy[none]", 19, 0)
                }
                _ => line,
            });
        }
        is(diagnose(&summary_of(&log.written(Style::Json))), severity);
    }
}

/// At a gateway: one route of an upstream is refused to everybody from half time on, another one is still served.
#[test]
fn a_policy_that_flips_on_one_route() {
    for (from, severity) in [(1_500, Critical), (0, Note)] {
        let mut rng = Rng::new(6);
        let mut log = Log::default();
        for i in 0..3_000 {
            let mut line = Line::ok(&mut rng, i * 200, &outbound("api.prod", 8080, ""), "10.244.3.4:8080")
                .at_gateway("api.example.com");
            line.route = if i % 25 == 0 { "export" } else { "orders" };
            log.push(if line.route == "export" && i >= from {
                line.no_host().end(401, "-", "jwt_authn_access_denied{Jwt_is_missing}", 14, 0)
            } else {
                line
            });
        }
        is(diagnose(&summary_of(&log.written(Style::Text))), severity);
    }
}

/// Short TCP sessions of a healthy protocol are neither double TLS nor turned away.
#[test]
fn short_tcp_sessions() {
    for (received, sent) in [(310, 5), (14, 7), (250, 0)] {
        let session = |i: u64| {
            let at = format!("2026-05-06T07:{:02}:{:02}.000Z", i / 60, i % 60);
            let port = 40_000 + i;
            format!(
                "[{at}] \"- - -\" 0 - - - \"-\" {} {sent} 3 - \"-\" \"-\" \"-\" \"-\" \"10.4.1.2:6379\" \
                 outbound|6379||redis.cache.svc.cluster.local 10.4.9.9:{port} 10.96.3.3:6379 10.4.9.9:{port} - -\n",
                received + i % 40
            )
        };
        let log: String = (0..300).map(session).collect();
        let findings = diagnose(&summary_of(log.as_bytes()));
        assert!(findings.is_empty(), "{}", told(&findings));
    }
}

#[test]
fn a_short_paste_is_never_critical() {
    is(shares(12, 12, 6, |_, line| line.no_host().end(503, "UH", "no_healthy_upstream", 19, 0)), Warning);
    is(shares(12, 3, 6, |_, line| line.end(500, "-", "via_upstream", 19, 4)), Note);
}

#[test]
fn the_proxy_itself() {
    let overloaded = |_: &mut Rng, line: Line| line.no_cluster().end(503, "-", "overload", 16, 0);
    is(shares(50_000, 5, 600, overloaded), Warning);
    is(shares(50_000, 50, 600, overloaded), Critical);
}

#[test]
fn no_route_at_a_gateway() {
    let gone = |line: Line| line.no_cluster().end(404, "NR", "route_not_found", 0, 0);
    // A stranger's name, asked for all the time.
    is(shares(3_000, 900, 600, move |_, line| gone(line.at_gateway("other.example.org"))), Note);
    // A sister of a served name.
    let mut rng = Rng::new(5);
    let mut log = Log::default();
    for i in 0..3_000 {
        let line = Line::ok(&mut rng, i * 200, &outbound("api.prod", 8080, ""), "10.244.3.4:8080");
        log.push(if i % 3 == 0 {
            gone(line.at_gateway("shop.example.com"))
        } else {
            line.at_gateway("api.example.com")
        });
    }
    is(diagnose(&summary_of(&log.written(Style::Text))), Warning);
}

#[test]
fn the_control_plane() {
    let log = |closed_until: u64, back: bool| {
        let mut lines = String::new();
        for minute in 0..=closed_until {
            lines += &format!(
                "2026-05-06T08:{minute:02}:00.000000Z\twarning\tenvoy config external/envoy/source/extensions/config_subscription/grpc/grpc_stream.h:190\tDeltaAggregatedResources gRPC config stream to xds-grpc closed since {minute}s ago: 14, connection error: desc = \"transport: authentication handshake failed\"\tthread=17\n"
            );
        }
        if back {
            lines += "2026-05-06T08:59:00.000000Z\tinfo\txdsproxy\tconnected to delta upstream XDS server: istiod.istio-system.svc:15012\tid=1\n";
        }
        summary_of(lines.as_bytes())
    };
    let lost = diagnose(&log(9, false));
    assert!(
        lost.iter().any(|f| f.id == "control-plane-disconnected" && f.severity == Warning),
        "{}",
        told(&lost)
    );
    let back = diagnose(&log(0, true));
    assert!(!back.iter().any(|f| f.id == "control-plane-disconnected"), "{}", told(&back));
}
