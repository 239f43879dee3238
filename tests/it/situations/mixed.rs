//! Several things at once: the ranking as a whole.

use meshwhy::diagnosis::Severity::{Critical, Warning};

use super::world::{Line, Log, Rng, Style, outbound};
use super::{finds, scope_of, told};

const CLOSED: &str = "upstream_reset_before_response_started{connection_termination}";
const REFUSED: &str = "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}";
const REFUSED_WHY: &str = "delayed_connect_error:_Connection_refused";
const SILENT: &str = "upstream_reset_before_response_started{connection_timeout}";
const NO_WAY: &str = "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_No_route_to_host}";
const OVERFLOW: &str = "upstream_reset_before_response_started{overflow}";

fn hosts(zone: u8, n: u64) -> Vec<String> {
    (0..n).map(|i| format!("10.{zone}.{}.{}:8080", i / 200, i % 200 + 10)).collect()
}

fn any<'h>(rng: &mut Rng, hosts: &'h [String]) -> &'h str {
    &hosts[rng.within(0, hosts.len() as u64 - 1) as usize]
}

struct Unequal {
    seed: u64,
    lines: u64,
    canary: f64,
    race: f64,
    sockets: f64,
    leavers: f64,
    names: [&'static str; 3],
    style: Style,
}

/// A gateway: a route whose cluster is missing, a keep-alive race, WebSockets that end, clients that leave.
fn unequal(what: &Unequal) -> Log {
    let mut rng = Rng::new(what.seed);
    let [first, second, third] = what.names;
    let clusters = what.names.map(|name| outbound(&format!("{name}.shop"), 8080, ""));
    let pods = [hosts(1, 6), hosts(2, 4), hosts(3, 8)];
    let mut log = Log::default();
    for i in 0..what.lines {
        let at = i * 1_800_000 / what.lines;
        let service = [0, 0, 0, 1, 1, 1, 2, 2, 2, 2][rng.within(0, 9) as usize];
        let authority = format!("{}.example.com", [first, second, third][service]);
        let host = any(&mut rng, &pods[service]).to_owned();
        let mut line = Line::ok(&mut rng, at, &clusters[service], &host).at_gateway(&authority);
        if service == 0 && rng.chance(what.canary) {
            line.route = "canary";
            line = line.no_cluster().end(503, "NC", "cluster_not_found", 0, 0);
        } else if service == 1 && rng.chance(what.race) {
            let took = rng.within(0, 2);
            line = line.end(503, "UC", CLOSED, 95, took);
        } else if rng.chance(what.sockets) {
            let flags = if rng.chance(0.5) { "UC" } else { "DC" };
            let took = rng.within(1_000, 900_000);
            line.path = "/socket".to_owned();
            line = line.end(101, flags, "via_upstream", 3_000, took);
        } else if rng.chance(what.leavers) {
            let took = rng.within(1, 20_000);
            line = line.end(0, "DC", "downstream_remote_disconnect", 0, took);
        }
        log.push(line);
    }
    log
}

#[test]
fn unequal_faults() {
    for what in [
        Unequal {
            seed: 1,
            lines: 150_000,
            canary: 0.015,
            race: 0.004,
            sockets: 0.009,
            leavers: 0.04,
            names: ["checkout", "payments", "catalog"],
            style: Style::Text,
        },
        Unequal {
            seed: 2,
            lines: 60_000,
            canary: 0.03,
            race: 0.007,
            sockets: 0.03,
            leavers: 0.06,
            names: ["orders", "billing", "web"],
            style: Style::Json,
        },
    ] {
        let canary = format!("{}.example.com", what.names[0]);
        let findings = finds(
            "unequal",
            unequal(&what),
            what.style,
            &[("missing-cluster", Critical, &canary), ("keepalive-race", Warning, what.names[1])],
        );
        assert!(scope_of(&findings[0]).contains("canary"), "{}", told(&findings));
    }
}

struct Rollout {
    seed: u64,
    old: u64,
    replaced: u64,
    per_second: u64,
    gateway: bool,
    style: Style,
}

/// Pods are replaced one after the other, and callers still go to the old ones for a while.
fn rollout(what: &Rollout) -> Log {
    let mut rng = Rng::new(what.seed);
    let cluster = outbound("orders.shop", 8080, "");
    let web = outbound("web.shop", 80, "");
    let (old, new, front) = (hosts(1, what.old), hosts(9, what.replaced), hosts(4, 3));
    let mut log = Log::default();
    for i in 0..what.per_second * 420 {
        let at = i * 1_000 / what.per_second;
        // From two minutes on, every 50 s one pod ends; its address is used for 25 s more, then never again.
        let ended = |pod: u64| 120_000 + pod * 50_000;
        let mut alive: Vec<&str> = Vec::new();
        for (pod, host) in old.iter().enumerate() {
            if pod as u64 >= what.replaced || at < ended(pod as u64) + 25_000 {
                alive.push(host);
            }
        }
        for (pod, host) in new.iter().enumerate() {
            if at >= ended(pod as u64) + 10_000 {
                alive.push(host);
            }
        }
        let host = rng.pick(&alive);
        let line = Line::ok(&mut rng, at, &cluster, host);
        let dying = old.iter().take(what.replaced as usize).position(|h| h == host);
        let dead_for = dying.map_or(0, |pod| (at + 5_000).saturating_sub(ended(pod as u64)));
        let line = match dead_for {
            0 => line,
            1..5_000 if rng.chance(0.1) => {
                let took = rng.within(0, 2);
                line.end(503, "UC", CLOSED, 95, took)
            }
            1..5_000 => line,
            _ if what.gateway && rng.chance(0.4) => {
                let sent = if rng.chance(0.5) { 95 } else { 121 };
                line.at_gateway("shop.example.com").end(503, "-", "via_upstream", sent, 3)
            }
            _ => line.unconnected(REFUSED_WHY).end(503, "URX,UF", REFUSED, 190, 60),
        };
        log.push(line);
        if rng.chance(0.5) {
            let host = any(&mut rng, &front).to_owned();
            log.push(Line::ok(&mut rng, at, &web, &host).at_gateway("www.example.com"));
        }
    }
    log
}

#[test]
fn rollout_without_a_grace_period() {
    for what in [
        Rollout { seed: 1, old: 6, replaced: 2, per_second: 40, gateway: true, style: Style::Text },
        Rollout { seed: 2, old: 3, replaced: 3, per_second: 15, gateway: false, style: Style::Json },
        Rollout { seed: 3, old: 12, replaced: 4, per_second: 60, gateway: true, style: Style::Json },
    ] {
        let lines = rollout(&what).written(what.style);
        let findings = meshwhy::diagnosis::diagnose(&crate::samples::summary_of(&lines));
        let loud: Vec<_> =
            findings.iter().filter(|f| f.severity > meshwhy::diagnosis::Severity::Note).collect();
        assert!(
            loud.len() == 1 && loud[0].id == "endpoint-churn" && scope_of(loud[0]).contains("orders"),
            "{}",
            told(&findings)
        );
        let evidence = told(&findings[..1]);
        assert!(evidence.contains("refused") || evidence.contains("never used again"), "{evidence}");
        assert!(
            !findings.iter().any(|f| matches!(f.id.as_str(), "keepalive-race" | "application-error")),
            "{}",
            told(&findings)
        );
    }
}

struct Storm {
    seed: u64,
    per_second: u64,
    try_ms: u64,
    tries: u64,
    style: Style,
}

/// From half time on the callee is slower than the per-try timeout; the caller repeats everything, then overflows.
fn storm(what: &Storm, caller: bool, callee: bool) -> Log {
    let mut rng = Rng::new(what.seed);
    let (reviews, catalog) = (outbound("reviews.shop", 9080, ""), outbound("catalog.shop", 8080, ""));
    let (pods, others) = (hosts(1, 3), hosts(2, 3));
    let mut log = Log::default();
    for i in 0..what.per_second * 300 {
        let at = i * 1_000 / what.per_second;
        let host = any(&mut rng, &pods).to_owned();
        let line = Line::ok(&mut rng, at, &reviews, &host);
        let slow = at > 150_000 && rng.chance(0.85);
        if slow && at > 170_000 && rng.chance(0.3) {
            if caller {
                log.push(line.no_host().end(503, "UO", OVERFLOW, 81, 0));
            }
        } else if slow {
            if callee {
                for n in 0..what.tries {
                    let mut attempt = line.clone().inbound(9080);
                    attempt.at_ms += n * (what.try_ms + 30);
                    log.push(attempt.end(0, "DC", "downstream_remote_disconnect", 0, what.try_ms));
                }
            }
            if caller {
                let took = what.tries * what.try_ms + rng.within(20, 90);
                log.push(line.end(504, "URX,UT", "upstream_per_try_timeout", 24, took));
            }
        } else {
            if callee {
                log.push(line.clone().inbound(9080));
            }
            if caller {
                log.push(line);
            }
        }
        if caller {
            let host = any(&mut rng, &others).to_owned();
            log.push(Line::ok(&mut rng, at, &catalog, &host));
        }
    }
    log
}

#[test]
fn a_retry_storm() {
    for what in [
        Storm { seed: 1, per_second: 30, try_ms: 2_000, tries: 3, style: Style::Text },
        Storm { seed: 2, per_second: 12, try_ms: 500, tries: 4, style: Style::Json },
    ] {
        for (caller, callee) in [(true, false), (false, true), (true, true)] {
            let lines = storm(&what, caller, callee).written(what.style);
            let findings = meshwhy::diagnosis::diagnose(&crate::samples::summary_of(&lines));
            let all = told(&findings);
            let first = &findings[0];
            assert!(
                ["per-try-timeout", "upstream-slow", "retry-amplification"].contains(&&*first.id),
                "{caller} {callee}\n{all}"
            );
            if caller {
                assert!(
                    first.id != "retry-amplification"
                        && first.severity == Critical
                        && scope_of(first).contains("reviews"),
                    "{all}"
                );
            }
            let named =
                |id: &str| findings.iter().any(|f| f.id == id || f.alternatives.iter().any(|a| a.id == id));
            assert!(named("retry-amplification"), "{caller} {callee}\n{all}");
            assert!(!findings.iter().any(|f| f.id == "client-disconnected"), "{caller} {callee}\n{all}");
            assert!(!scope_of(first).contains("catalog"));
            let loud = findings.iter().filter(|f| f.severity > meshwhy::diagnosis::Severity::Note).count();
            assert!(loud <= 1 + usize::from(caller && callee), "{caller} {callee}\n{all}");
        }
    }
}

struct Zone {
    seed: u64,
    upstreams: &'static [&'static str],
    pods: u64,
    per_second: u64,
    no_route: f64,
    style: Style,
}

/// One of three networks is gone, for every upstream at once; fewer and fewer requests go there.
fn zone(what: &Zone) -> Log {
    let mut rng = Rng::new(what.seed);
    let mut log = Log::default();
    for i in 0..what.per_second * 600 {
        let at = i * 1_000 / what.per_second;
        let service = rng.pick(what.upstreams);
        let cluster = outbound(&format!("{service}.shop"), 8080, "");
        let dead = at > 240_000;
        let left = if dead { 0.33 * (1.0 - (at - 240_000) as f64 / 500_000.0) } else { 0.34 };
        let place = rng.within(0, what.pods - 1);
        let lost = rng.chance(left);
        let zone = if lost { 7 } else { 8 + rng.within(0, 1) };
        let host = format!("10.{zone}.{}.{}:8080", service.len(), 20 + place);
        let line = Line::ok(&mut rng, at, &cluster, &host);
        log.push(if dead && lost && rng.chance(what.no_route) {
            line.unconnected("delayed_connect_error:_No_route_to_host").end(503, "URX,UF", NO_WAY, 177, 9_200)
        } else if dead && lost {
            let took = 30_000 + rng.within(2, 90);
            line.unconnected("-").end(503, "URX,UF", SILENT, 114, took)
        } else {
            line
        });
    }
    log
}

#[test]
fn a_zone_is_gone() {
    for what in [
        Zone {
            seed: 1,
            upstreams: &["catalog", "orders", "payments", "reviews", "web"],
            pods: 3,
            per_second: 60,
            no_route: 0.0,
            style: Style::Text,
        },
        Zone {
            seed: 2,
            upstreams: &["catalog", "orders", "payments", "reviews", "web", "users"],
            pods: 2,
            per_second: 40,
            no_route: 0.3,
            style: Style::Json,
        },
    ] {
        let findings = finds("zone", zone(&what), what.style, &[("connect-timeout", Critical, "10.7.")]);
        assert_eq!(findings[0].scope.upstreams.len(), what.upstreams.len(), "{}", told(&findings));
    }
}

struct Flood {
    seed: u64,
    lines: u64,
    overload: f64,
    overflow: f64,
    style: Style,
}

/// A public gateway that the whole internet knocks at.
fn flood(what: &Flood) -> Log {
    let mut rng = Rng::new(what.seed);
    let (shop, api) = (outbound("shop.web", 8080, ""), outbound("api.web", 8080, ""));
    let pods = hosts(1, 4);
    let mut log = Log::default();
    for i in 0..what.lines {
        let at = i * 1_200_000 / what.lines;
        let host = any(&mut rng, &pods).to_owned();
        let (cluster, authority) =
            if rng.chance(0.6) { (&shop, "shop.example.com") } else { (&api, "api.example.com") };
        let line = Line::ok(&mut rng, at, cluster, &host).at_gateway(authority);
        let dice = rng.within(0, 99);
        log.push(match dice {
            0..85 => {
                let mut line = line.no_cluster().end(404, "NR", "route_not_found", 0, 0);
                line.path = rng
                    .pick(&[
                        "/.env",
                        "/.git/config",
                        "/wp-login.php",
                        "/",
                        "/cgi-bin/luci",
                        "/actuator/health",
                    ])
                    .to_owned();
                if line.path == "/" || rng.chance(0.5) {
                    line.authority = "203.0.113.10".to_owned();
                    line.sni = "-".to_owned();
                    line.protocol = "HTTP/1.1";
                }
                line
            }
            85..87 => {
                let mut line = line.no_cluster().end(400, "DPE", "http1.codec_error", 11, 0);
                (line.method, line.protocol, line.route) = ("-", "HTTP/1.1", "-");
                (line.path, line.authority, line.sni) = ("-".to_owned(), "-".to_owned(), "-".to_owned());
                line
            }
            87..92 => {
                let mut line = line.no_cluster().end(0, "NR", "filter_chain_not_found", 0, 0);
                (line.method, line.protocol, line.route) = ("-", "-", "-");
                (line.path, line.authority, line.sni) = ("-".to_owned(), "-".to_owned(), "-".to_owned());
                line
            }
            92..95 => {
                let mut line = line.no_cluster().end(429, "RL", "local_rate_limited", 18, 0);
                line.authority = "203.0.113.10".to_owned();
                line.path = "/".to_owned();
                line
            }
            _ if rng.chance(what.overload) => line.no_cluster().end(503, "-", "overload", 16, 0),
            _ if rng.chance(what.overflow) => line.no_host().end(503, "UO", OVERFLOW, 81, 0),
            _ if rng.chance(0.0003) => line.end(503, "UC", CLOSED, 95, 1),
            _ => line,
        });
    }
    log
}

#[test]
fn a_flood_of_scanners() {
    for (lines, style) in [(60_000, Style::Text), (20_000, Style::Json)] {
        finds("flood", flood(&Flood { seed: 5, lines, overload: 0.0, overflow: 0.0, style }), style, &[]);
    }
}

#[test]
fn a_flood_with_real_faults_in_it() {
    let what = Flood { seed: 6, lines: 60_000, overload: 0.12, overflow: 0.15, style: Style::Text };
    let lines = flood(&what).written(what.style);
    let findings = meshwhy::diagnosis::diagnose(&crate::samples::summary_of(&lines));
    let loud: Vec<&str> =
        findings.iter().filter(|f| f.severity > meshwhy::diagnosis::Severity::Note).map(|f| &*f.id).collect();
    assert!(loud[0] == "overload-manager" && findings[0].severity == Critical, "{}", told(&findings));
    assert!(loud[1..].iter().all(|id| *id == "circuit-breaker") && loud.len() >= 2, "{}", told(&findings));
    assert!(findings.iter().any(|f| f.id == "scanner-noise"), "{}", told(&findings));
}
