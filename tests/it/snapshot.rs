//! Snapshots: `merge(parts)` is the whole, to the byte; what is damaged or does not fit is refused with the reason.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use meshwhy::diagnosis::only_failures;
use meshwhy::format::Reader;
use meshwhy::incident::find_in_detail;
use meshwhy::input::Input;
use meshwhy::pipeline::{Options, snapshot, summarise_in_detail};
use meshwhy::query::Filter;
use meshwhy::report::{Account, Hide, Report, SourceInfo, View, narrator};
use meshwhy::snapshot::{Held, write};
use proptest::prelude::*;

use crate::samples::{RENEW, bytes, root, samples, triage};

/// What stands on one line of a made-up log.
#[derive(Debug, Clone, Copy)]
struct Event {
    kind: u8,
    /// Milliseconds since the line before.
    after_ms: u32,
    service: u8,
    host: u8,
    duration_ms: u32,
}

fn event() -> impl Strategy<Value = Event> {
    (0_u8..14, 0_u32..4_000, 0_u8..3, 1_u8..4, 0_u32..9_000).prop_map(
        |(kind, after_ms, service, host, duration_ms)| Event { kind, after_ms, service, host, duration_ms },
    )
}

fn time(ms: u64) -> String {
    let (s, ms) = (ms / 1_000, ms % 1_000);
    format!("2026-11-22T{:02}:{:02}:{:02}.{ms:03}Z", 8 + s / 3_600, s / 60 % 60, s % 60)
}

impl Event {
    /// The line, for request number `n` at a time.
    fn line(self, n: usize, ms: u64) -> String {
        let Event { kind, service, host, duration_ms: took, .. } = self;
        let (at, id) = (time(ms), format!("{n:08x}-0000-4000-8000-000000000000"));
        let name = ["cart", "shop", "pay"][usize::from(service)];
        let cluster = format!("outbound|8080||{name}.prod.svc.cluster.local");
        let outbound = |code: u16, flags: &str, details: &str, failure: &str, local: &str| {
            format!(
                "[{at}] \"GET /{name}/{host}?n={n} HTTP/1.1\" {code} {flags} {details} - \"{failure}\" 0 19 {took} - \"-\" \
                 \"curl/8\" \"{id}\" \"{name}:8080\" \"10.0.{service}.{host}:8080\" {cluster} {local} 10.96.0.{host}:8080 \
                 10.1.0.{host}:4{n:04} - default"
            )
        };
        let local = format!("10.1.0.9:5{:04}", n % 10_000);
        match kind {
            0..=4 => outbound(200, "-", "via_upstream", "-", &local),
            5 => outbound(
                503,
                "UF",
                "upstream_reset_before_response_started{connection_failure}",
                "delayed_connect_error:_111",
                "-",
            ),
            6 => outbound(504, "UT", "response_timeout", "-", &local),
            7 => outbound(500, "-", "via_upstream", "-", &local),
            // The callee's side of the request before.
            8 => {
                let id = format!("{:08x}-0000-4000-8000-000000000000", n.saturating_sub(1));
                format!(
                    "[{at}] \"GET /{name}/{host} HTTP/1.1\" 503 UC upstream_reset_before_response_started{{connection_termination}} \
                     - \"-\" 0 95 {took} - \"-\" \"curl/8\" \"{id}\" \"{name}:8080\" \"127.0.0.1:8080\" inbound|8080|| \
                     127.0.0.6:{} 10.0.{service}.{host}:8080 10.1.0.9:5{:04} - default",
                    40_000 + n % 10_000,
                    n.saturating_sub(1) % 10_000
                )
            }
            9 => format!(
                "[{at}] \"- - -\" 0 UF,URX - - \"TLS error\" 0 0 {took} - \"-\" \"-\" \"-\" \"-\" \"10.9.{service}.{host}:443\" \
                 outbound|443||db.prod.svc.cluster.local - 10.96.9.9:443 10.1.0.9:6{n:04} - -"
            ),
            10 => format!(
                "{{\"start_time\":\"{at}\",\"method\":\"POST\",\"path\":\"/j\",\"response_code\":503,\"response_flags\":\"UO\",\
                 \"duration\":{took},\"upstream_cluster\":\"{cluster}\",\"authority\":\"{name}\",\"request_id\":\"{id}\",\
                 \"upstream_host\":\"10.0.{service}.{host}:8080\"}}"
            ),
            11 => format!(
                "{}\twarning\tenvoy config\tgRPC config for type.googleapis.com/envoy.Listener rejected: n{n}",
                at.replace('Z', "000Z")
            ),
            12 => format!("[{at}] \"GET /cut{n}"),
            _ => format!("an application's own line {n}"),
        }
    }
}

/// The lines of a made-up log.
fn lines(events: &[Event]) -> Vec<String> {
    let mut ms = 0;
    let line = |(n, event): (usize, &Event)| {
        // No two lines at the same time: which of them comes first would be the order of the files.
        ms += u64::from(event.after_ms) + 1;
        event.line(n, ms)
    };
    events.iter().enumerate().map(line).collect()
}

/// Lines as the text of a file.
fn file<'l>(lines: impl IntoIterator<Item = &'l String>) -> Vec<u8> {
    lines.into_iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect()
}

fn options() -> Options {
    Options { threads: 1, ..Options::default() }
}

/// A snapshot of inputs, as the bytes of its file.
fn snapshot_of(inputs: &[Input]) -> Vec<u8> {
    let (snapshot, _) = snapshot(inputs, &Reader::new(), &Filter::default(), &[], &options(), None)
        .expect("they go together");
    let mut out = Vec::new();
    write(&snapshot, &mut out).expect("memory");
    out
}

/// The triage and the report of inputs, as JSON.
fn answers(inputs: &[Input]) -> [String; 2] {
    let text = |json: Vec<u8>| String::from_utf8(json).expect("UTF-8");
    [text(triage(inputs, &options()).rendered("json", 80)), text(report(inputs))]
}

fn report(inputs: &[Input]) -> Vec<u8> {
    let (summary, detail, _, outcome) =
        summarise_in_detail(inputs, &Reader::new(), &Filter::default(), &options(), None)
            .expect("they go together");
    let incidents = find_in_detail(&summary, &detail, only_failures(&summary));
    let source = |s: &meshwhy::input::Source| SourceInfo {
        name: s.name.clone(),
        container: s.container,
        bytes: s.bytes,
        lines: s.lines,
    };
    let sources: Vec<SourceInfo> = outcome.sources.iter().map(source).collect();
    let account = Account {
        report: Report {
            summary: &summary,
            findings: &meshwhy::diagnosis::diagnose(&summary),
            suppressed: &[],
            sources: &sources,
            failures: &[],
            warnings: &[],
            filtered: 0,
            view: View::default(),
        },
        incidents: &incidents,
        detail: &detail,
        slo_percent: None,
        hide: Hide::default(),
    };
    let mut out = Vec::new();
    narrator("json").and_then(|narrator| narrator.narrate(&account, &mut out)).expect("memory");
    out
}

/// Snapshots of each part, in another order, and half of them put together before.
fn merged(parts: &[Input], order: &[prop::sample::Index]) -> (Vec<Input>, Vec<Input>) {
    let mut snaps: Vec<Input> = parts
        .iter()
        .enumerate()
        .map(|(n, part)| bytes(&format!("{n}.snap"), &snapshot_of(std::slice::from_ref(part))))
        .collect();
    for (at, other) in order.iter().enumerate().take(snaps.len()) {
        let other = other.index(snaps.len());
        snaps.swap(at, other);
    }
    let (first, second) = snaps.split_at(snaps.len() / 2);
    let tree = [first, second].into_iter().filter(|half| !half.is_empty());
    let tree =
        tree.enumerate().map(|(n, half)| bytes(&format!("half{n}.snap"), &snapshot_of(half))).collect();
    (snaps, tree)
}

fn assert_same(got: &[String; 2], expected: &[String; 2], what: &str) {
    for (got, expected) in got.iter().zip(expected) {
        if got != expected {
            let differing = got.lines().zip(expected.lines()).find(|(a, b)| a != b);
            panic!("{what}: {differing:?}\n{got}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// One log after the other.
    #[test]
    fn merging_snapshots_is_reading_everything(
        events in prop::collection::vec(event(), 1..160),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
        order in prop::collection::vec(any::<prop::sample::Index>(), 6),
    ) {
        let lines = lines(&events);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(lines.len())).chain([0, lines.len()]).collect();
        cuts.sort_unstable();
        cuts.dedup();
        let parts: Vec<Input> =
            cuts.windows(2).map(|cut| bytes(&format!("{}.log", cut[0]), &file(&lines[cut[0]..cut[1]]))).collect();
        let expected = answers(&parts);
        let (snaps, tree) = merged(&parts, &order);
        assert_same(&answers(&snaps), &expected, "snapshots");
        assert_same(&answers(&tree), &expected, "snapshots of snapshots");
        // Logs and snapshots together.
        let mixed = [&snaps[..1], &parts_but(&parts, &snaps[0])[..]].concat();
        assert_same(&answers(&mixed), &expected, "snapshots and logs");
    }

    /// Logs of proxies that ran at the same time.
    #[test]
    fn parts_may_overlap(
        events in prop::collection::vec(event(), 1..160),
        proxies in 2_usize..5,
        order in prop::collection::vec(any::<prop::sample::Index>(), 6),
    ) {
        let lines = lines(&events);
        let of = |proxy: usize| lines.iter().enumerate().filter(move |(n, _)| n % proxies == proxy).map(|(_, line)| line);
        let parts: Vec<Input> = (0..proxies).map(|proxy| bytes(&format!("{proxy}.log"), &file(of(proxy)))).collect();
        let expected = answers(&parts);
        let (snaps, tree) = merged(&parts, &order);
        assert_same(&answers(&snaps), &expected, "snapshots");
        assert_same(&answers(&tree), &expected, "snapshots of snapshots");
    }

    #[test]
    fn a_damaged_snapshot_is_refused(events in prop::collection::vec(event(), 1..12), bit in 0_u8..8) {
        let whole = snapshot_of(&[bytes("x.log", &file(&lines(&events)))]);
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << bit;
            let held = Held::Bytes { name: "x.snap".to_owned(), bytes: damaged };
            prop_assert!(held.load().is_err(), "byte {} of {}", at, whole.len());
            let held = Held::Bytes { name: "x.snap".to_owned(), bytes: whole[..at].to_vec() };
            prop_assert!(held.load().is_err(), "the first {} bytes of {}", at, whole.len());
        }
        let held = Held::Bytes { name: "x.snap".to_owned(), bytes: [&whole[..], b"x"].concat() };
        prop_assert!(held.load().is_err());
    }
}

/// The logs that a snapshot was not made of.
fn parts_but(parts: &[Input], snap: &Input) -> Vec<Input> {
    let Input::Bytes { bytes: held, .. } = snap else { panic!("bytes") };
    let about = Held::Bytes { name: String::new(), bytes: held.clone() }.about().expect("a snapshot");
    let other = |part: &&Input| match part {
        Input::Bytes { name, .. } => about.sources.iter().all(|source| source.name != *name),
        _ => panic!("bytes"),
    };
    parts.iter().filter(other).cloned().collect()
}
