//! Meshes whose truth is known: requests are made up, logged by two or three proxies, shuffled, and joined.

mod chains;
mod losses;
mod samples;

use proptest::prelude::*;

use crate::aggregate::{Hops, Summary};
use crate::format::Reader;
use crate::input::Input;
use crate::pipeline::{Options, summarise, trace};
use crate::query::Filter;

/// What becomes of a request from `web-1` to `cart-1` or `cart-2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Served,
    /// The callee's proxy gives up on its application; the caller passes the 504 on.
    TimesOut,
    /// The caller gives up, and the callee sees it leave.
    GivenUp,
    /// The first attempt fails at cart-1, the second is served by cart-2.
    Retried,
    /// The connection broke; the callee never saw the request.
    Lost,
    /// Plaintext to a port that demands TLS.
    Unmatched,
}

const FATES: [Fate; 6] =
    [Fate::Served, Fate::TimesOut, Fate::GivenUp, Fate::Retried, Fate::Lost, Fate::Unmatched];

pub(super) fn at(ms: u64) -> String {
    format!("2026-03-04T05:{:02}:{:02}.{:03}Z", ms / 60_000 % 60, ms / 1_000 % 60, ms % 1_000)
}

pub(super) struct Line {
    pub(super) pod: &'static str,
    pub(super) text: String,
}

/// One line of Istio's default text format. `ends`: host, cluster, our end, address dialled, client.
pub(super) fn line(
    pod: &'static str,
    ms: u64,
    what: &str,
    took: u64,
    service: &str,
    id: &str,
    ends: [&str; 5],
) -> Line {
    let [host, cluster, local, listener, client] = ends;
    let text = format!(
        "[{}] \"GET /cart HTTP/1.1\" {what} \"-\" 0 19 {took} {service} \"-\" \"curl/8\" \"{id}\" \"cart.shop:8080\" \"{host}\" \
         {cluster} {local} {listener} {client} - default",
        at(ms)
    );
    Line { pod, text }
}

/// The lines of request number `n`; the callees' clocks are ahead by `skew` milliseconds.
fn lines(n: u64, fate: Fate, skew: u64) -> Vec<Line> {
    let id = format!("{n:08x}-0000-4000-8000-000000000000");
    let ms = 60_000 + n * 20;
    let port = 20_000 + n % 40_000;
    let own = format!("10.0.0.1:{port}");
    let out = |what: &str, took, service: &str, host: &str, local: &str| {
        let cluster = "outbound|8080||cart.shop.svc.cluster.local";
        line(
            "web-1",
            ms,
            what,
            took,
            service,
            &id,
            [host, cluster, local, "10.96.0.9:8080", "10.0.0.1:40000"],
        )
    };
    let pod = |at: u64| if at == 1 { ("cart-1", "10.0.1.1:8080") } else { ("cart-2", "10.0.1.2:8080") };
    let come = |which: u64, late: u64, what: &str, took, service: &str, client: &str| {
        let (name, address) = pod(which);
        let ends = [address, "inbound|8080||", "127.0.0.6:4000", address, client];
        line(name, ms + late + skew, what, took, service, &id, ends)
    };
    let which = n % 2 + 1;
    let host = pod(which).1;
    match fate {
        Fate::Served => vec![
            out("200 - via_upstream -", 12, "11", host, &own),
            come(which, 1, "200 - via_upstream -", 10, "9", &own),
        ],
        Fate::TimesOut => vec![
            out("504 - via_upstream -", 302, "301", host, &own),
            come(which, 1, "504 UT response_timeout -", 300, "-", &own),
        ],
        Fate::GivenUp => vec![
            out("504 UT response_timeout -", 250, "-", host, &own),
            come(which, 1, "0 DC downstream_remote_disconnect -", 248, "-", &own),
        ],
        Fate::Retried => vec![
            out("200 - via_upstream -", 52, "51", pod(2).1, &own),
            come(
                1,
                1,
                "503 UF upstream_reset_before_response_started{remote_connection_failure} -",
                2,
                "-",
                "10.0.0.1:19999",
            ),
            come(2, 30, "200 - via_upstream -", 10, "9", &own),
        ],
        Fate::Lost => vec![out(
            "503 UC upstream_reset_before_response_started{connection_termination} -",
            1,
            "-",
            host,
            &own,
        )],
        Fate::Unmatched => {
            let (name, address) = pod(which);
            let text = format!(
                "[{}] \"- - -\" 0 NR filter_chain_not_found - \"-\" 0 0 0 - \"-\" \"-\" \"-\" \"-\" \"-\" - - {address} {own} - -",
                at(ms + skew)
            );
            let broken = "503 UC upstream_reset_before_response_started{connection_termination} -";
            vec![out(broken, 1, "-", host, &own), Line { pod: name, text }]
        }
    }
}

/// The same record as Istio's JSON encoding has it.
pub(super) fn as_json(text: &str) -> String {
    const KEYS: [&str; 22] = [
        "start_time",
        "request",
        "response_code",
        "response_flags",
        "response_code_details",
        "connection_termination_details",
        "upstream_transport_failure_reason",
        "bytes_received",
        "bytes_sent",
        "duration",
        "upstream_service_time",
        "x_forwarded_for",
        "user_agent",
        "request_id",
        "authority",
        "upstream_host",
        "upstream_cluster",
        "upstream_local_address",
        "downstream_local_address",
        "downstream_remote_address",
        "requested_server_name",
        "route_name",
    ];
    let mut quoted = false;
    let values = text.split(|c: char| {
        quoted ^= c == '"';
        c == ' ' && !quoted
    });
    let mut row = serde_json::Map::new();
    for (key, value) in KEYS.into_iter().zip(values) {
        let value = value.trim_matches(['"', '[', ']']);
        if key == "request" {
            for (key, value) in ["method", "path", "protocol"].into_iter().zip(value.split(' ')) {
                row.insert(key.to_owned(), if value == "-" { None } else { Some(value) }.into());
            }
        } else {
            let number = value.parse::<u64>().ok().map(serde_json::Value::from);
            let text = || if value == "-" { serde_json::Value::Null } else { value.into() };
            row.insert(key.to_owned(), number.unwrap_or_else(text));
        }
    }
    serde_json::Value::Object(row).to_string()
}

/// The logs as one stream each: `[pod/NAME/istio-proxy] line`, as kubectl writes it.
pub(super) fn inputs(lines: &[Line], files: usize, file_of: impl Fn(usize) -> usize) -> Vec<Input> {
    let mut bytes = vec![Vec::new(); files];
    for (at, line) in lines.iter().enumerate() {
        let text = format!("[pod/{}/istio-proxy] {}\n", line.pod, line.text);
        bytes[file_of(at) % files].extend_from_slice(text.as_bytes());
    }
    let named = |(at, bytes): (usize, Vec<u8>)| Input::Bytes { name: format!("{at}.log"), bytes };
    bytes.into_iter().enumerate().map(named).collect()
}

pub(super) fn summary(inputs: &[Input], threads: usize, block_bytes: usize) -> Summary {
    let options = Options { threads, block_bytes, ..Options::default() };
    summarise(inputs, &Reader::new(), &Filter::default(), &options, None).unwrap().0
}

/// What does not depend on where lines stood.
pub(super) fn joined(inputs: &[Input], threads: usize, block_bytes: usize) -> Hops {
    Hops { traces: Default::default(), ..summary(inputs, threads, block_bytes).hops }
}

fn mesh(fates: &[Fate], skew: u64) -> Vec<Line> {
    fates.iter().enumerate().flat_map(|(n, fate)| lines(n as u64, *fate, skew)).collect()
}

/// The same, with callees' clocks that may be behind.
fn mesh_of(fates: &[Fate], skew: i64) -> Vec<Line> {
    let mut all = mesh(fates, skew.max(0).unsigned_abs());
    // The caller's clock ahead is the callees' behind.
    for line in all.iter_mut().filter(|line| line.pod == "web-1" && skew < 0) {
        let (time, rest) = line.text.split_at(26);
        let us = crate::record::time::parse_us(time.trim_matches(['[', ']']).as_bytes()).unwrap();
        line.text = format!("[{}]{rest}", crate::record::time::rfc3339_ms(us - skew * 1_000));
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_interleaving_and_any_split_give_the_same_join(
        fates in prop::collection::vec(0usize..6, 1..60),
        order in any::<u64>(),
        files in 1usize..6,
        threads in 1usize..4,
        block in 300usize..5_000,
        json in 0usize..8,
        skew in 0u64..4_000,
    ) {
        let fates: Vec<Fate> = fates.into_iter().map(|at| FATES[at]).collect();
        let plain = mesh(&fates, skew);
        let want = joined(&inputs(&plain, 2, |at| at), 1, 1 << 20);
        let mut shuffled = mesh(&fates, skew);
        // Some proxies write JSON: each bit is one of them.
        for line in &mut shuffled {
            let proxy = ["web-1", "cart-1", "cart-2"].iter().position(|pod| *pod == line.pod).unwrap();
            if json >> proxy & 1 == 1 {
                line.text = as_json(&line.text);
            }
        }
        // A shuffle that proptest can shrink: by a hash of the place.
        shuffled.sort_by_cached_key(|line| {
            use std::hash::{BuildHasher, Hasher};
            let mut hasher = foldhash::fast::FixedState::with_seed(order).build_hasher();
            hasher.write(line.text.as_bytes());
            hasher.finish()
        });
        let got = joined(&inputs(&shuffled, files.max(2), |at| at / 3), threads, block);
        prop_assert_eq!(got, want);
    }

    #[test]
    fn the_truth_of_a_mesh_is_found(fates in prop::collection::vec(0usize..6, 4..80)) {
        let fates: Vec<Fate> = fates.into_iter().map(|at| FATES[at]).collect();
        let all = mesh(&fates, 0);
        let hops = joined(&inputs(&all, 3, |at| at), 1, 1 << 20);
        prop_assume!(hops.complete);
        let count = |fate| fates.iter().filter(|f| **f == fate).count() as u64;
        let edge = &hops.edges[0];
        prop_assert_eq!(edge.caller.as_deref(), Some(&b"web-1"[..]));
        prop_assert_eq!(edge.by_caller.requests, fates.len() as u64);
        let caller_failed = fates.len() as u64 - count(Fate::Served) - count(Fate::Retried);
        prop_assert_eq!(edge.by_caller.failed, caller_failed);
        prop_assert_eq!(edge.callee_only, count(Fate::Retried));
        prop_assert_eq!(edge.caller_only, 0);
        // Ordinary requests are sampled; here there is room for all.
        prop_assert_eq!(edge.paired, fates.len() as u64 - count(Fate::Lost));
        prop_assert_eq!(edge.attempts, edge.paired + count(Fate::Retried));
        prop_assert_eq!((edge.retried, edge.hidden), (count(Fate::Retried), count(Fate::Retried)));
        let unmatched: u64 = hops.links.values().map(|link| link.unmatched).sum();
        prop_assert_eq!(unmatched, 2 * count(Fate::Unmatched));
        // What never arrived is known where the pod it went to logged what did: every other request goes to the same one.
        let at = |fate, odd| fates.iter().enumerate().any(|(n, f)| *f == fate && n % 2 == odd);
        if [0, 1].iter().all(|odd| at(Fate::Served, *odd) || !at(Fate::Lost, *odd)) {
            prop_assert_eq!(edge.missing, count(Fate::Lost));
        }
    }
}

fn findings(fates: &[Fate], skew: u64) -> Vec<(String, u64, f64)> {
    let all = mesh(fates, skew);
    // Each proxy's log is a file of its own.
    let files = ["web-1", "cart-1", "cart-2"];
    let summary =
        summary(&inputs(&all, 3, |at| files.iter().position(|f| *f == all[at].pod).unwrap()), 1, 1 << 20);
    let found = crate::diagnosis::diagnose(&summary);
    found.into_iter().map(|f| (f.id, f.requests, f.confidence)).collect()
}

#[test]
fn the_callees_flag_is_the_root_of_the_callers_failure() {
    let fates: Vec<Fate> = (0..90).map(|n| if n % 3 == 0 { Fate::TimesOut } else { Fate::Served }).collect();
    let found = findings(&fates, 0);
    assert_eq!(found[0].0, "upstream-timeout", "{found:?}");
    assert!(found.iter().all(|f| f.0 != "application-error" && f.0 != "next-hop-error"), "{found:?}");
}

#[test]
fn a_caller_that_gives_up_and_a_callee_that_sees_it_leave_are_one_story() {
    let fates: Vec<Fate> = (0..90).map(|n| if n % 3 == 0 { Fate::GivenUp } else { Fate::Served }).collect();
    let found = findings(&fates, 0);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].0.as_str(), found[0].1), ("upstream-timeout", 30));
}

#[test]
fn plaintext_is_certain_when_the_callee_logged_the_same_connection() {
    let fates: Vec<Fate> = (0..60).map(|n| if n % 2 == 0 { Fate::Unmatched } else { Fate::Served }).collect();
    let found = findings(&fates, 0);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].0.as_str(), found[0].1), ("plaintext-to-tls", 30));
    assert!(found[0].2 > 0.9, "{found:?}");
}

#[test]
fn clocks_that_differ_by_more_than_a_hop_are_found_and_measured() {
    let mut fates = vec![Fate::Served; 60];
    fates.extend([Fate::TimesOut; 6]);
    for (skew, found) in [(0, false), (3, false), (1_500, true), (-700, true), (-40_000, true)] {
        let all = mesh_of(&fates, skew);
        let summary = summary(&inputs(&all, 2, |at| usize::from(all[at].pod != "web-1")), 1, 1 << 20);
        let measured = summary.hops.edges[0].skew.unwrap().offset_us;
        assert!(measured.abs_diff(skew * 1_000) <= 1_000, "{measured}");
        let ids: Vec<String> = crate::diagnosis::diagnose(&summary).into_iter().map(|f| f.id).collect();
        assert_eq!(ids.iter().any(|id| id == "clock-skew"), found, "{skew}: {ids:?}");
    }
}

#[test]
fn a_request_is_followed_through_its_attempts() {
    let all = mesh(&[Fate::Served, Fate::Retried, Fate::Unmatched], 0);
    let inputs = inputs(&all, 2, |at| at);
    let follow = |n: u64| {
        let id = format!("{n:08x}-0000-4000-8000-000000000000");
        let options = Options { threads: 1, ..Options::default() };
        trace(&id, &inputs, &Reader::new(), &Filter::default(), &options, None).unwrap().steps
    };
    let shape = |n: u64| -> Vec<(usize, String, u16, (u32, u32))> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        follow(n).iter().map(|s| (s.depth, text(&s.proxy), s.code, s.attempt)).collect()
    };
    let pod = str::to_owned;
    assert_eq!(shape(0), [(0, pod("web-1"), 200, (0, 0)), (1, pod("cart-1"), 200, (0, 0))]);
    assert_eq!(
        shape(1),
        [(0, pod("web-1"), 200, (0, 0)), (1, pod("cart-1"), 503, (1, 2)), (1, pod("cart-2"), 200, (2, 2))]
    );
    assert_eq!(shape(2), [(0, pod("web-1"), 503, (0, 0)), (1, pod("cart-1"), 0, (0, 0))]);
    assert!(follow(9).is_empty());
}

#[test]
fn one_id_in_every_request_does_not_fill_the_memory() {
    let line = lines(1, Fate::TimesOut, 0);
    let all: Vec<Line> =
        (0..2_000).flat_map(|_| line.iter().map(|l| Line { pod: l.pod, text: l.text.clone() })).collect();
    let summary = summary(&inputs(&all, 2, |at| at), 1, 1 << 20);
    let kept: u64 = summary.hops.links.values().map(|link| link.seen).sum();
    assert!((1..=32).contains(&kept), "{kept}");
}
