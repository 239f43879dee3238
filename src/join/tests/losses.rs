//! Requests that never reached the callee's proxy, and requests that reached it more than once.

use super::{Line, as_json, at, inputs, line, summary};
use crate::aggregate::{Edge, Summary};
use crate::diagnosis::{Finding, Severity, diagnose};

const CLUSTER: &str = "outbound|8080||cart.shop.svc.cluster.local";
const OK: &str = "200 - via_upstream -";
const CART: &str = "10.0.1.1:8080";

fn id(n: u64) -> String {
    format!("{n:08x}-0000-4000-8000-000000000000")
}

/// The caller's line. Without a connection there is no address of its own.
fn call(n: u64, ms: u64, what: &str, took: u64, host: &str, connected: bool) -> Line {
    let own = format!("10.0.0.1:{}", 20_000 + n);
    let service = if what == OK { "9" } else { "-" };
    let local = if connected { &own } else { "-" };
    let ends = [host, CLUSTER, local, "10.96.0.9:8080", "10.0.0.1:40000"];
    line("web-1", 60_000 + ms, what, took, service, &id(n), ends)
}

/// The callee's line of one attempt.
fn arrival(n: u64, ms: u64, what: &str, took: u64, host: &str, port: u64) -> Line {
    let pod = if host == CART { "cart-1" } else { "cart-2" };
    let client = format!("10.0.0.1:{port}");
    let service = if what == OK { "8" } else { "-" };
    line(
        pod,
        60_000 + ms,
        what,
        took,
        service,
        &id(n),
        [host, "inbound|8080||", "127.0.0.6:4000", host, &client],
    )
}

fn served(n: u64) -> [Line; 2] {
    let ms = n * 50;
    [call(n, ms, OK, 12, CART, true), arrival(n, ms + 1, OK, 10, CART, 20_000 + n)]
}

fn read(lines: &[Line]) -> Summary {
    let pods = ["web-1", "cart-1", "cart-2"];
    summary(&inputs(lines, 3, |at| pods.iter().position(|pod| *pod == lines[at].pod).unwrap()), 1, 1 << 20)
}

fn edge(summary: &Summary) -> &Edge {
    summary.hops.edges.iter().find(|edge| &edge.upstream[..] == CLUSTER.as_bytes()).unwrap()
}

fn evidence(finding: &Finding) -> String {
    finding.evidence.iter().map(|fact| fact.text.as_str()).collect::<Vec<_>>().join("; ")
}

const REFUSED: &str =
    "503 UF upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_111} -";
const NO_ANSWER: &str = "503 UF upstream_reset_before_response_started{connection_timeout} -";
const HANDSHAKE: &str = "503 UF upstream_reset_before_response_started{remote_connection_failure|TLS_error:|268435703:SSL_routines:OPENSSL_internal:WRONG_VERSION_NUMBER:TLS_error_end} -";
const BROKEN: &str = "503 UC upstream_reset_before_response_started{connection_termination} -";
const LATE: &str = "504 UT response_timeout -";

#[test]
fn what_never_reached_the_callee_is_told_of_every_kind() {
    // What the caller saw, after how long, whether a connection was up, and what that makes of it.
    for (what, took, connected, cause) in [
        (REFUSED, 1, false, "connection-refused"),
        (NO_ANSWER, 10_000, false, "connect-timeout"),
        (HANDSHAKE, 3, false, "tls-to-plaintext"),
        (BROKEN, 1, true, ""),
        (LATE, 15_000, true, "upstream-timeout"),
        (LATE, 15_000, false, "connect-timeout"),
    ] {
        let mut all: Vec<Line> = Vec::new();
        for n in 0..90 {
            match n % 3 {
                0 => all.push(call(n, n * 50, what, took, CART, connected)),
                _ => all.extend(served(n)),
            }
        }
        let summary = read(&all);
        let edge = edge(&summary);
        assert_eq!((edge.missing, edge.paired, edge.caller_only), (30, 60, 0), "{what}");
        let found = diagnose(&summary);
        assert!(
            evidence(&found[0]).contains("never reached the callee's proxy"),
            "{what}: {:?}",
            found[0].evidence
        );
        assert!(cause.is_empty() || found[0].id == cause, "{what}: {}", found[0].id);
        assert_eq!(found.len(), 1, "{what}: {:?}", found.iter().map(|f| &f.id).collect::<Vec<_>>());
    }
}

#[test]
fn nothing_is_missing_where_the_callees_log_is_not_there() {
    let lost = |n: u64| call(n, n * 50, LATE, 15_000, CART, true);
    let missing = |lines: &[Line]| edge(&read(lines)).missing;
    // No line of the callee at all; a line of another pod; a log that ends long before; a pod that logs its own calls only.
    let alone: Vec<Line> = (0..30).map(lost).collect();
    assert_eq!(missing(&alone), 0);
    let mut other: Vec<Line> = (0..30).map(lost).collect();
    other.extend((30..60).map(|n| arrival(n, n * 50, OK, 10, "10.0.1.2:8080", 20_000 + n)));
    assert_eq!(missing(&other), 0);
    let mut ended: Vec<Line> =
        (30..60).map(|n| call(n, 300_000 + n * 50, LATE, 15_000, CART, true)).collect();
    ended.extend((0..30).flat_map(served));
    assert_eq!(missing(&ended), 0);
    let mut outward: Vec<Line> = (0..30).map(lost).collect();
    let ends = [
        "10.0.9.9:80",
        "outbound|80||far.shop.svc.cluster.local",
        "10.0.1.1:4444",
        "10.96.0.5:80",
        "10.0.1.1:5555",
    ];
    outward.extend((30..60).map(|n| line("cart-1", 60_000 + n * 50, OK, 5, "4", &id(n), ends)));
    assert_eq!(missing(&outward), 0);
}

#[test]
fn a_port_that_nothing_reaches_is_missed_in_a_pod_that_answers_on_another() {
    let mut all: Vec<Line> = (0..30).map(|n| call(n, n * 50, NO_ANSWER, 10_000, CART, false)).collect();
    let admin = "10.0.1.1:9000";
    let ends = [admin, "inbound|9000||", "127.0.0.6:4000", admin, "10.0.0.7:3333"];
    all.extend((30..60).map(|n| line("cart-1", 60_000 + n * 50, OK, 5, "4", &id(n), ends)));
    assert_eq!(edge(&read(&all)).missing, 30);
}

/// The first attempts fail at cart-1, the last one is served by cart-2 or fails as well.
fn tried(n: u64, attempts: u64, well: bool) -> Vec<Line> {
    let ms = n * 50;
    let end = if well { OK } else { "503 URX via_upstream -" };
    let mut out = vec![call(n, ms, end, 20 * attempts, "10.0.1.2:8080", true)];
    for at in 0..attempts {
        let last = at + 1 == attempts;
        let (host, port) = if last { ("10.0.1.2:8080", 20_000 + n) } else { (CART, 50_000 + n * 3 + at) };
        let what = if last && well {
            OK
        } else {
            "503 UF upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_111} -"
        };
        out.push(arrival(n, ms + 1 + at * 20, what, 3, host, port));
    }
    out
}

#[test]
fn failures_behind_a_success_are_a_finding() {
    for (every, severity) in [
        (4, Some(Severity::Critical)),
        (40, Some(Severity::Warning)),
        (400, Some(Severity::Note)),
        (800, None),
    ] {
        let all: Vec<Line> = (0..1_200)
            .flat_map(|n| if n % every == 0 { tried(n, 2, true) } else { served(n).into() })
            .collect();
        let summary = read(&all);
        let retried = 1_200 / every + u64::from(1_200 % every > 0);
        assert_eq!((edge(&summary).retried, edge(&summary).hidden), (retried, retried));
        let found = diagnose(&summary);
        let finding = found.iter().find(|f| f.id == "retry-amplification");
        assert_eq!(finding.map(|f| f.severity), severity, "{every}");
        let Some(finding) = finding else { continue };
        assert_eq!((finding.requests, finding.of), (retried, 1_200));
        assert_eq!(finding.scope.upstream.as_deref(), Some(CLUSTER.as_bytes()));
        assert!(evidence(finding).contains("served in the end"), "{finding:?}");
        assert!(!finding.exemplars.is_empty());
        // What they were retried for comes first.
        assert_eq!(found[0].id, "connection-refused");
    }
}

#[test]
fn a_storm_of_retries_is_named_beside_its_root() {
    let all: Vec<Line> =
        (0..300).flat_map(|n| if n % 3 == 0 { tried(n, 3, false) } else { served(n).into() }).collect();
    let summary = read(&all);
    assert_eq!((edge(&summary).retried, edge(&summary).hidden, edge(&summary).again), (100, 0, 200));
    let found = diagnose(&summary);
    let ids: Vec<&str> = found.iter().map(|f| f.id.as_str()).collect();
    assert_eq!(ids, ["connection-refused", "retry-amplification"]);
    assert!(evidence(&found[1]).contains("66.6 %"), "{}", evidence(&found[1]));
}

#[test]
fn calls_of_one_trace_copies_of_a_log_and_clocks_are_no_retries() {
    let served_twice = |n: u64, second: &str| {
        let mut out = Vec::from(served(n));
        out.push(call(n, n * 50 + 15, second, 12, CART, true));
        out.push(arrival(n, n * 50 + 16, second, 10, CART, 20_000 + n));
        out
    };
    let fails = "500 - via_upstream -";
    // An application calls twice with one request id, or tries again itself: each call has a line of its own.
    let mut all: Vec<Line> =
        (0..60).flat_map(|n| served_twice(n, if n % 2 == 0 { fails } else { OK })).collect();
    assert_eq!(edge(&read(&all)).retried, 0);
    // The callee's clock is minutes ahead: every line of its is nearest to the last call.
    for line in all.iter_mut().filter(|line| line.pod != "web-1") {
        line.text = line.text.replacen("T05:0", "T05:2", 1);
    }
    assert_eq!(edge(&read(&all)).retried, 0);
    // The callee's log is given twice.
    let once: Vec<Line> = (0..60)
        .flat_map(|n| {
            let mut both = served(n);
            if n % 2 == 0 {
                both = [
                    call(n, n * 50, fails, 12, CART, true),
                    arrival(n, n * 50 + 1, fails, 10, CART, 20_000 + n),
                ];
            }
            let copy = Line { pod: both[1].pod, text: both[1].text.clone() };
            both.into_iter().chain([copy])
        })
        .collect();
    let summary = read(&once);
    assert_eq!((edge(&summary).retried, edge(&summary).attempts), (0, 60));
    assert!(diagnose(&summary).iter().all(|f| f.id != "retry-amplification"));
}

#[test]
fn a_format_without_addresses_is_joined_by_the_request_id() {
    // Envoy's default format at the callee: no cluster, no details, no address of either side.
    let plain = |ms: u64, what: &str, took: u64, n: u64| Line {
        pod: "cart-1",
        text: format!(
            "[{}] \"GET /cart HTTP/1.1\" {what} 0 24 {took} - \"-\" \"curl/8\" \"{}\" \"cart.shop:8080\" \"127.0.0.1:8080\"",
            at(60_000 + ms),
            id(n)
        ),
    };
    let mut all = Vec::new();
    for n in 0..60 {
        let ms = n * 50;
        let (above, below) = if n % 2 == 0 { ("504 - via_upstream -", "504 UT") } else { (OK, "200 -") };
        let mut caller = call(n, ms, above, 302, CART, true);
        if n % 4 == 0 {
            caller.text = as_json(&caller.text);
        }
        all.push(caller);
        all.push(plain(ms + 1, below, 300, n));
    }
    let summary = read(&all);
    assert_eq!((edge(&summary).paired, edge(&summary).caller_only, edge(&summary).missing), (60, 0, 0));
    let found = diagnose(&summary);
    let ids: Vec<_> =
        found.iter().map(|f| (f.id.as_str(), f.scope.upstream.as_deref(), f.requests)).collect();
    assert_eq!(ids, [("upstream-timeout", Some(CLUSTER.as_bytes()), 30)]);
}
