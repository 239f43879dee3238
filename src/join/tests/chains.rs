//! Requests over more than one hop, and connections without requests: written as the proxies on the way log them.

use super::{Line, at, inputs, joined, line, summary};
use crate::aggregate::{Hops, Link, Summary};
use crate::diagnosis::diagnose;
use crate::format::Reader;
use crate::pipeline::{Options, trace};
use crate::query::Filter;

const INGRESS: &str = "10.0.9.1";
const WEB: &str = "10.0.0.1";
const CART: &str = "10.0.1.1:8080";
const OK: &str = "200 - via_upstream -";
const PASSED_ON: &str = "503 - via_upstream -";
const REFUSED: &str =
    "503 UF upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_111} -";

fn each_its_log(lines: &[Line]) -> Vec<crate::input::Input> {
    let mut pods: Vec<&str> = lines.iter().map(|line| line.pod).collect();
    pods.sort_unstable();
    pods.dedup();
    inputs(lines, pods.len(), |at| pods.iter().position(|pod| *pod == lines[at].pod).unwrap())
}

fn read(lines: &[Line]) -> Summary {
    summary(&each_its_log(lines), 1, 1 << 20)
}

fn tree(lines: &[Line], id: &str) -> Vec<(usize, String)> {
    let options = Options { threads: 1, ..Options::default() };
    let traced = trace(id, &each_its_log(lines), &Reader::new(), &Filter::default(), &options, None).unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    traced.steps.iter().map(|step| (step.depth, text(&step.proxy))).collect()
}

fn paired(hops: &Hops) -> Vec<(String, u64)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut all: Vec<_> = hops
        .edges
        .iter()
        .map(|edge| (text(edge.caller.as_deref().unwrap_or_default()), edge.paired))
        .collect();
    all.sort();
    all
}

fn id(n: u64) -> String {
    format!("{n:08x}-0000-4000-8000-000000000000")
}

/// Ingress gateway, the sidecars of `web` and of `cart`; every fourth request finds no process behind `cart`.
fn three_hops(n: u64) -> Vec<Line> {
    let (id, ms, port) = (id(n), 60_000 + n * 20, 20_000 + n);
    let (above, below) = if n.is_multiple_of(4) { (PASSED_ON, REFUSED) } else { (OK, OK) };
    let web = format!("{WEB}:8080");
    let (first, second) = (format!("{INGRESS}:{port}"), format!("{WEB}:{port}"));
    let door = format!("{INGRESS}:8443");
    vec![
        line(
            "ingress-1",
            ms,
            above,
            20,
            "19",
            &id,
            [&web, "outbound|80||web.shop.svc.cluster.local", &first, &door, "192.0.2.7:50000"],
        ),
        line("web-1", ms + 1, above, 18, "17", &id, [&web, "inbound|8080||", "127.0.0.6:4000", &web, &first]),
        line(
            "web-1",
            ms + 3,
            above,
            12,
            "11",
            &id,
            [
                CART,
                "outbound|8080||cart.shop.svc.cluster.local",
                &second,
                "10.96.0.9:8080",
                &format!("{WEB}:40000"),
            ],
        ),
        line("cart-1", ms + 4, below, 9, "-", &id, [CART, "inbound|8080||", "-", CART, &second]),
    ]
}

#[test]
fn a_request_is_joined_from_the_ingress_to_the_last_sidecar() {
    let all: Vec<Line> = (1..=40).flat_map(three_hops).collect();
    let summary = read(&all);
    assert_eq!(paired(&summary.hops), [("ingress-1".to_owned(), 40), ("web-1".to_owned(), 40)]);
    let pods = ["ingress-1", "web-1", "web-1", "cart-1"].map(str::to_owned);
    assert_eq!(tree(&all, &id(4)), pods.into_iter().enumerate().collect::<Vec<_>>());
    let found = diagnose(&summary);
    let told: Vec<_> =
        found.iter().map(|f| (f.id.as_str(), f.scope.upstream.as_deref(), f.requests)).collect();
    let cart = &b"outbound|8080||cart.shop.svc.cluster.local"[..];
    assert_eq!(told, [("connection-refused", Some(cart), 10)]);
    // The same lines, whichever side's log is read first and however they are cut.
    assert_eq!(joined(&inputs(&all, 3, |at| at), 2, 700).links, summary.hops.links);
}

#[test]
fn a_gateway_is_a_vantage_of_its_own() {
    let mut all: Vec<Line> = (1..=40).flat_map(three_hops).collect();
    // No route: nothing was called, but the same listener tells whose line it is.
    for n in 0..5 {
        let door = format!("{INGRESS}:8443");
        all.push(line(
            "ingress-1",
            90_000 + n,
            "404 NR route_not_found -",
            0,
            "-",
            &id(900 + n),
            ["-", "-", "-", &door, "192.0.2.7:50000"],
        ));
    }
    let sides = read(&all).vantages();
    let counts = |counts: crate::aggregate::Counts| (counts.requests(), counts.failed());
    assert_eq!(counts(sides.gateway), (45, 15));
    assert_eq!(counts(sides.caller), (40, 10));
    assert_eq!(counts(sides.callee), (80, 20));
    assert_eq!(counts(sides.untold), (0, 0));
}

/// The ingress tunnels to the waypoint of `cart`, which tunnels to the pod; nobody but the two logs requests.
fn through_waypoint(n: u64) -> Vec<Line> {
    let (id, ms, port) = (id(n), 60_000 + n * 20, 20_000 + n);
    let (above, below) = if n.is_multiple_of(4) { (PASSED_ON, REFUSED) } else { (OK, OK) };
    let (local, door) = (format!("{INGRESS}:{port}"), format!("{INGRESS}:8443"));
    let called = "outbound|80||cart.shop.svc.cluster.local";
    vec![
        line(
            "ingress-1",
            ms,
            above,
            20,
            "19",
            &id,
            [
                "envoy://connect_originate/10.0.5.5:15008",
                called,
                "envoy://internal_client_address/",
                &door,
                &local,
            ],
        ),
        line(
            "waypoint-1",
            ms + 2,
            below,
            12,
            "11",
            &id,
            [
                "envoy://connect_originate/10.0.1.1:8080",
                "inbound-vip|80|http|cart.shop.svc.cluster.local",
                "envoy://internal_client_address/",
                "10.96.0.9:80",
                &local,
            ],
        ),
    ]
}

#[test]
fn a_waypoint_is_the_other_side_of_its_callers() {
    let all: Vec<Line> = (1..=40).flat_map(through_waypoint).collect();
    let summary = read(&all);
    let ingress = paired(&summary.hops).into_iter().find(|(caller, _)| caller == "ingress-1");
    assert_eq!(ingress, Some(("ingress-1".to_owned(), 40)));
    let edge = summary.hops.edges.iter().find(|edge| edge.caller.as_deref() == Some(b"ingress-1")).unwrap();
    assert_eq!(edge.by_callee.map(|seen| (seen.requests, seen.failed)), Some((40, 10)));
    assert_eq!(edge.callees.iter().map(|name| &name[..]).collect::<Vec<_>>(), [b"waypoint-1"]);
    assert_eq!(tree(&all, &id(4)), [(0, "ingress-1".to_owned()), (1, "waypoint-1".to_owned())]);
    let ids: Vec<String> = diagnose(&summary).into_iter().map(|f| f.id).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert!(!["application-error", "next-hop-error"].contains(&ids[0].as_str()), "{ids:?}");
}

#[test]
fn the_waypoint_of_another_service_is_not_the_other_side() {
    let mut all: Vec<Line> = (1..=8).flat_map(through_waypoint).collect();
    for line in all.iter_mut().filter(|line| line.pod == "waypoint-1") {
        line.text = line.text.replace("|http|cart.shop", "|http|other.shop");
    }
    assert!(paired(&read(&all).hops).iter().all(|(_, paired)| *paired == 0));
}

fn tcp(pod: &'static str, ms: u64, what: &str, ends: [&str; 5]) -> Line {
    let [host, cluster, local, listener, client] = ends;
    let text = format!(
        "[{}] \"- - -\" 0 {what} \"-\" 0 0 3 - \"-\" \"-\" \"-\" \"-\" \"{host}\" {cluster} {local} {listener} {client} - -",
        at(ms)
    );
    Line { pod, text }
}

fn total(hops: &Hops, of: impl Fn(&Link) -> u64) -> u64 {
    hops.links.values().map(of).sum()
}

#[test]
fn connections_of_tcp_are_joined_by_their_addresses() {
    let host = "10.0.1.1:3306";
    let all: Vec<Line> = (0..30)
        .flat_map(|n| {
            let own = format!("{WEB}:{}", 20_000 + n);
            let ms = 60_000 + n * 300;
            vec![
                tcp(
                    "web-1",
                    ms,
                    "- - -",
                    [
                        host,
                        "outbound|3306||db.shop.svc.cluster.local",
                        &own,
                        "10.96.0.7:3306",
                        &format!("{WEB}:40000"),
                    ],
                ),
                tcp(
                    "db-1",
                    ms + 1,
                    "UF - delayed_connect_error:_111",
                    ["10.0.1.1:3306", "inbound|3306||", "-", host, &own],
                ),
            ]
        })
        .collect();
    let summary = read(&all);
    assert_eq!(paired(&summary.hops), [("web-1".to_owned(), 30)]);
    let ids: Vec<String> = diagnose(&summary).into_iter().map(|f| f.id).collect();
    assert_eq!(ids, ["connection-refused"]);
}

#[test]
fn the_two_ends_of_a_tunnelled_connection_are_joined() {
    let ztunnel = |pod: &'static str, ms: u64, dst: &str, direction: &str, error: &str, port: u64| Line {
        pod,
        text: format!(
            "{}\terror\taccess\tconnection complete\tsrc.addr=10.244.1.12:{port} src.workload=\"web-1\" src.namespace=\"shop\" \
             src.identity=\"spiffe://cluster.local/ns/shop/sa/web\" dst.addr=10.244.2.10:{dst} dst.hbone_addr=10.244.2.10:8080 \
             dst.service=\"cart.shop.svc.cluster.local\" dst.workload=\"cart-1\" dst.namespace=\"shop\" \
             dst.identity=\"spiffe://cluster.local/ns/shop/sa/cart\" direction=\"{direction}\" bytes_sent=0 bytes_recv=0 \
             duration=\"1ms\" error=\"{error}\"",
            at(ms).replace('Z', "000Z")
        ),
    };
    let refused = "connection failed: Connection refused (os error 111)";
    let all: Vec<Line> = (0..30)
        .flat_map(|n| {
            let ms = 60_000 + n * 700;
            vec![
                ztunnel(
                    "ztunnel-a",
                    ms,
                    "15008",
                    "outbound",
                    "http status: 503 Service Unavailable",
                    40_000 + n,
                ),
                ztunnel("ztunnel-b", ms + 1, "8080", "inbound", refused, 50_000 + n),
            ]
        })
        .collect();
    let summary = read(&all);
    assert_eq!(total(&summary.hops, |link| link.paired), 60);
    let ids: Vec<String> = diagnose(&summary).into_iter().map(|f| f.id).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
}
