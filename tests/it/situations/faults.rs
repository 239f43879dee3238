//! More mixtures: other faults, shares, formats. What holds for the five big ones must hold for these.

use meshwhy::diagnosis::Severity::{Critical, Note, Warning};
use meshwhy::diagnosis::{diagnose, only_failures};

use super::world::{Line, Log, Rng, Style, outbound};
use super::{finds, scope_of, told};
use crate::samples::summary_of;

const CLOSED: &str = "upstream_reset_before_response_started{connection_termination}";
const REFUSED: &str = "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}";
const REFUSED_WHY: &str = "delayed_connect_error:_Connection_refused";
const EXPIRED: &str = "upstream_reset_before_response_started{remote_connection_failure|TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify_cert_failed:_certificate_has_expired:TLS_error_end}";
const EXPIRED_WHY: &str = "TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify_cert_failed:_certificate_has_expired:TLS_error_end";
const BOTH: [Style; 2] = [Style::Text, Style::Json];

/// A caller's log: `seconds` of traffic over these services, each with three pods; `change` may spoil a request.
fn mesh(
    seed: u64,
    seconds: u64,
    per_second: u64,
    services: &[&str],
    mut change: impl FnMut(&mut Rng, Line, usize) -> Line,
) -> Log {
    let mut rng = Rng::new(seed);
    let mut log = Log::default();
    for i in 0..seconds * per_second {
        let service = rng.within(0, services.len() as u64 - 1) as usize;
        let host = format!("10.244.{service}.{}:8080", rng.within(20, 22));
        let cluster = outbound(&format!("{}.prod", services[service]), 8080, "");
        let line = Line::ok(&mut rng, i * 1_000 / per_second, &cluster, &host);
        log.push(change(&mut rng, line, service));
    }
    log
}

fn refused(line: Line) -> Line {
    line.unconnected(REFUSED_WHY).end(503, "URX,UF", REFUSED, 190, 60)
}

#[test]
fn errors_of_one_service_a_dead_pod_of_another_and_bad_tokens() {
    for style in BOTH {
        let log =
            mesh(
                11,
                400,
                40,
                &["search", "payments", "users", "catalog"],
                |rng, line, service| match service {
                    0 if line.host.contains(".20:") => refused(line),
                    1 if rng.chance(0.02) => line.end(500, "-", "via_upstream", 37, 12),
                    2 if rng.chance(0.02) => {
                        line.no_host().end(401, "-", "jwt_authn_access_denied{Jwt_is_expired}", 14, 0)
                    }
                    _ if rng.chance(0.03) => {
                        let took = rng.within(1, 9_000);
                        line.end(0, "DC", "downstream_remote_disconnect", 0, took)
                    }
                    _ => line,
                },
            );
        let truth =
            [("connection-refused", Critical, "10.244.0.20"), ("application-error", Warning, "payments")];
        let findings = finds("dead pod", log, style, &truth);
        assert!(told(&findings).contains("only on 1 of 3 hosts: 10.244.0.20:8080"), "{}", told(&findings));
    }
}

#[test]
fn an_expired_certificate_beside_a_keepalive_race() {
    for style in BOTH {
        let log = mesh(12, 500, 30, &["ledger", "quotes", "catalog"], |rng, line, service| match service {
            0 if line.at_ms > 250_000 => line.unconnected(EXPIRED_WHY).end(503, "URX,UF", EXPIRED, 230, 60),
            1 if rng.chance(0.013) => line.end(503, "UC", CLOSED, 95, 1),
            _ => line,
        });
        let truth = [("tls-certificate-expired", Critical, "ledger"), ("keepalive-race", Warning, "quotes")];
        let findings = finds("expired", log, style, &truth);
        assert!(
            told(&findings).contains("since 08:04:10Z; requests before that succeeded"),
            "{}",
            told(&findings)
        );
    }
}

#[test]
fn a_route_timeout_is_told_with_its_name() {
    for style in BOTH {
        let log = mesh(13, 300, 20, &["reports", "catalog"], |rng, line, service| match service {
            0 if rng.chance(0.3) => {
                let took = 15_000 + rng.within(0, 4);
                line.end(504, "UT", "response_timeout", 24, took)
            }
            _ => line,
        });
        let findings = finds("timeout", log, style, &[("upstream-timeout", Critical, "reports")]);
        assert!(
            told(&findings).contains("all after 15,000 ms, Envoy's default route timeout"),
            "{}",
            told(&findings)
        );
    }
}

#[test]
fn an_authorizer_that_is_down_is_one_finding() {
    for style in BOTH {
        let log = mesh(14, 300, 30, &["a", "b", "c", "d"], |_, line, _| match line.at_ms {
            120_000..180_000 => line.no_host().end(403, "UAEX", "ext_authz_error", 0, 200),
            _ => line,
        });
        let findings = finds("authorizer", log, style, &[("ext-authz-error", Critical, "prod")]);
        assert_eq!(findings[0].scope.upstreams.len(), 4);
    }
}

#[test]
fn healthy_traffic_is_healthy() {
    for style in [Style::Text, Style::Json, Style::EnvoyDefault] {
        let log = mesh(15, 600, 30, &["a", "b", "c"], |rng, mut line, _| match rng.within(0, 999) {
            0..30 => {
                let took = rng.within(1, 30_000);
                line.end(0, "DC", "downstream_remote_disconnect", 0, took)
            }
            30..60 => line.end(404, "-", "via_upstream", 19, 4),
            60..70 => line.end(302, "-", "via_upstream", 0, 4),
            70..90 => {
                line.path = "/live".to_owned();
                let took = rng.within(1_000, 900_000);
                line.end(101, "UC", "via_upstream", 900, took)
            }
            90 if rng.chance(0.1) => line.end(503, "UC", CLOSED, 95, 1),
            91 if rng.chance(0.5) => line.end(500, "-", "via_upstream", 37, 9),
            _ => line,
        });
        finds("healthy", log, style, &[]);
    }
}

#[test]
fn two_faults_in_envoys_own_format() {
    let log = mesh(16, 400, 30, &["orders", "stock", "catalog"], |rng, line, service| match service {
        0 if line.at_ms > 200_000 && rng.chance(0.9) => line.unconnected("-").end(503, "UF", "-", 167, 1),
        1 if rng.chance(0.2) => {
            let took = 3_000 + rng.within(0, 3);
            line.end(504, "UT", "-", 24, took)
        }
        _ => line,
    });
    let truth = [("connection-refused", Critical, "orders"), ("upstream-timeout", Critical, "stock")];
    let findings = finds("envoy default", log, Style::EnvoyDefault, &truth);
    assert!(
        !findings.iter().any(|f| scope_of(f).contains("catalog") && f.severity > Note),
        "{}",
        told(&findings)
    );
}

#[test]
fn refused_then_ejected_is_one_story() {
    for style in BOTH {
        let log = mesh(17, 400, 20, &["cart", "catalog"], |rng, line, service| match (service, line.at_ms) {
            (0, 100_000..110_000) => refused(line),
            (0, 110_000..200_000) if rng.chance(0.1) => refused(line),
            (0, 110_000..200_000) => line.no_host().end(503, "UH", "no_healthy_upstream", 19, 0),
            _ => line,
        });
        let findings = finds("ejected", log, style, &[("connection-refused", Critical, "cart")]);
        assert!(told(&findings[..1]).contains("no endpoint could be chosen"), "{}", told(&findings));
    }
}

/// A Telemetry filter that keeps only what failed: no share means anything, and nothing is critical by its share.
#[test]
fn a_log_of_failures_only_is_noticed() {
    for style in BOTH {
        let mut log = mesh(18, 300, 4, &["a", "b", "c", "d"], |rng, line, service| match service {
            0 => line.end(404, "-", "via_upstream", 19, 3),
            1 if rng.chance(0.5) => line.end(500, "-", "via_upstream", 30, 9),
            2 => line.end(503, "UC", CLOSED, 95, 1),
            _ => line.end(429, "-", "via_upstream", 30, 2),
        });
        log.extend([]);
        let summary = summary_of(&log.written(style));
        assert!(only_failures(&summary));
        let findings = diagnose(&summary);
        assert!(findings.iter().all(|f| f.severity < Critical), "{}", told(&findings));
        assert!(!findings.iter().any(|f| f.id == "plaintext-to-tls"), "{}", told(&findings));
    }
}

/// The caller's log and the callee's log of the same requests: one fault, named by the caller's cluster.
#[test]
fn both_sides_of_a_crashing_application() {
    for style in BOTH {
        let mut rng = Rng::new(19);
        let (cluster, catalog) = (outbound("worker.prod", 8080, ""), outbound("catalog.prod", 8080, ""));
        let mut log = Log::default();
        for i in 0..4_000 {
            let line = Line::ok(&mut rng, i * 50, &cluster, "10.244.1.30:8080");
            let crash = rng.chance(0.2);
            let callee = line.clone().inbound(8080);
            if crash {
                let took = rng.within(10, 60);
                log.push(callee.end(503, "UC", CLOSED, 95, took));
                log.push(line.end(503, "-", "via_upstream", 95, took + 1));
            } else {
                log.push(callee);
                log.push(line);
            }
            log.push(Line::ok(&mut rng, i * 50, &catalog, "10.244.2.30:8080"));
        }
        finds("both sides", log, style, &[("upstream-closed", Critical, "worker")]);
    }
}

/// A full circuit breaker says how many requests were in flight.
#[test]
fn a_full_circuit_breaker_tells_its_peak() {
    for style in BOTH {
        let log = mesh(20, 300, 40, &["render", "catalog"], |rng, line, service| match service {
            0 if line.at_ms > 150_000 && rng.chance(0.4) => {
                line.no_host().end(503, "UO", "upstream_reset_before_response_started{overflow}", 81, 0)
            }
            0 if line.at_ms > 150_000 => {
                let took = rng.within(800, 1_200);
                line.end(200, "-", "via_upstream", 300, took)
            }
            _ => line,
        });
        let findings = diagnose(&summary_of(&log.written(style)));
        let all = told(&findings);
        assert!(
            ["circuit-breaker", "upstream-slow"].contains(&&*findings[0].id)
                && scope_of(&findings[0]).contains("render"),
            "{all}"
        );
        assert!(all.contains("requests were in flight at once"), "{all}");
        assert_eq!(findings.iter().filter(|f| f.severity > Note).count(), 1, "{all}");
    }
}

#[test]
fn routes_that_were_missing_for_the_first_seconds() {
    for style in BOTH {
        let log = mesh(21, 300, 30, &["a", "b"], |_, line, service| match (service, line.at_ms) {
            (0, 0..6_000) => line.no_cluster().end(404, "NR", "route_not_found", 0, 0),
            _ => line,
        });
        let findings = finds("propagation", log, style, &[]);
        assert!(findings.iter().any(|f| f.id == "config-propagation"), "{}", told(&findings));
    }
}
