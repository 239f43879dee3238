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
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

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

fn meshwhy(args: &[&str], paths: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_meshwhy")).args(args).args(paths).output().expect("the program runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A folder with two logs and their snapshots.
fn two(folder: &Path, more: &[&str]) -> [PathBuf; 4] {
    let event = |n: usize| Event { kind: (n % 14) as u8, after_ms: 700, service: 1, host: 1, duration_ms: 9 };
    let lines = lines(&(0..120).map(event).collect::<Vec<_>>());
    let [a, b] = ["a", "b"].map(|name| folder.join(format!("{name}.log")));
    fs::write(&a, file(&lines[..60])).expect("a log");
    fs::write(&b, file(&lines[60..])).expect("a log");
    let snap = |log: &Path| {
        let path = log.with_extension("snap");
        let made = meshwhy(&[&["--output", "snapshot"], more].concat(), &[log]);
        assert!(made.status.success(), "{}", said(&made));
        fs::write(&path, made.stdout).expect("a snapshot");
        path
    };
    let snaps = [snap(&a), snap(&b)];
    let [x, y] = snaps;
    [a, b, x, y]
}

#[test]
fn the_program_merges_through_files_folders_and_pipes() {
    let folder = tempfile::tempdir().expect("a folder");
    let [a, b, x, y] = &two(folder.path(), &[]);
    let whole = meshwhy(&["--output", "json"], &[a, b]);
    let merged = meshwhy(&["merge", "--output", "json"], &[y, x]);
    assert_eq!(String::from_utf8_lossy(&whole.stdout), String::from_utf8_lossy(&merged.stdout));
    assert_eq!(whole.stdout, meshwhy(&["--output", "json"], &[b, x]).stdout, "a log and a snapshot");
    let snaps = folder.path().join("snaps");
    fs::create_dir(&snaps).expect("a folder");
    fs::rename(x, snaps.join("x")).expect("a name");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &fs::read(y).expect("a snapshot")).expect("memory");
    fs::write(snaps.join("y"), packed.finish().expect("memory")).expect("a file");
    assert_eq!(
        whole.stdout,
        meshwhy(&["merge", "--output", "json"], &[&snaps]).stdout,
        "a folder, one compressed"
    );
    // meshwhy --output snapshot - < a.log | meshwhy merge -
    let shell = format!(
        "'{0}' --output snapshot - < '{1}' | '{0}' merge --output json - | grep -c access_lines",
        env!("CARGO_BIN_EXE_meshwhy"),
        a.display()
    );
    let piped = Command::new("sh").args(["-c", &shell]).output().expect("a shell");
    assert_eq!(piped.stdout, b"1\n", "{}", said(&piped));
}

#[test]
fn what_does_not_go_together_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let [a, _, x, y] = &two(folder.path(), &[]);
    let filtered = tempfile::tempdir().expect("a folder");
    let [_, _, only, _] = &two(filtered.path(), &["--flag", "UF"]);
    let grouped = tempfile::tempdir().expect("a folder");
    let [_, _, by, _] = &two(grouped.path(), &["--by", "host"]);
    for (args, paths, code, words) in [
        // One file that is named twice is read once.
        (&["merge"][..], &[x.as_path(), x, y][..], 0, ""),
        (&[], &[x, a], 2, "they would count twice"),
        (&["merge"], &[x, only], 2, "other filters (Flag UF)"),
        (&["merge"], &[y, by], 2, "grouped by other fields"),
        (&["--flag", "UH"], &[x], 2, "other filters"),
        (&["--flag", "UF"], &[only], 0, ""),
        (&["--by", "host"], &[by], 0, ""),
        (&[], &[by], 0, ""),
        (&["merge"], &[a], 2, "it is no snapshot"),
        (&["records"], &[x], 3, "holds counts and no records"),
        (&["trace", "x"], &[x], 3, "holds counts and no records"),
        (&["compare", "--split-at", "2026-11-22T08:01:00Z"], &[x], 3, "holds counts and no records"),
    ] {
        let run = meshwhy(args, paths);
        assert_eq!(run.status.code(), Some(code), "{args:?}: {}", said(&run));
        assert!(said(&run).contains(words), "{args:?}: {}", said(&run));
    }
    let twice = folder.path().join("twice.snap");
    fs::copy(x, &twice).expect("a copy");
    let run = meshwhy(&["merge"], &[x, &twice]);
    assert_eq!(run.status.code(), Some(2));
    assert!(said(&run).contains("they would count twice"), "{}", said(&run));
    let run = meshwhy(&["merge", "--allow-overlap", "--output", "json"], &[x, &twice]);
    let json: serde_json::Value = serde_json::from_slice(&run.stdout).expect("JSON");
    assert_eq!(json["input"]["lines"], 120);
    let later = folder.path().join("later.snap");
    let text = fs::read(x).expect("a snapshot");
    fs::write(&later, [b"meshwhy-snapshot 99", &text[b"meshwhy-snapshot 1".len()..]].concat())
        .expect("a file");
    let run = meshwhy(&["merge"], &[&later, y]);
    assert_eq!(run.status.code(), Some(3));
    assert!(said(&run).contains("version 99"), "{}", said(&run));
    // What can be read is put together all the same.
    assert!(!run.stdout.is_empty());
}

#[test]
fn snapshots_are_compared() {
    let folder = tempfile::tempdir().expect("a folder");
    let [a, b, x, y] = &two(folder.path(), &[]);
    let compare = |before: &Path, after: &Path| {
        let path = |path: &Path| path.to_str().expect("UTF-8").to_owned();
        let args = ["compare", "--output", "json", "--before", &path(before), "--after", &path(after)];
        let run = meshwhy(&args, &[]);
        assert!(run.status.success(), "{}", said(&run));
        String::from_utf8(run.stdout).expect("UTF-8")
    };
    assert_eq!(compare(x, y), compare(a, b));
}

/// Every version that was ever released is read. A new version adds a file here; none is ever replaced.
#[test]
fn old_snapshots_are_read() {
    const KINDS: [&str; 4] = ["istio-text/", "istio-json/", "ztunnel/", "proxy-log/"];
    let folder = root().join("tests/snapshots");
    let path = folder.join(format!("{}.snap", meshwhy::snapshot::VERSION));
    if std::env::var_os(RENEW).is_some() && !path.exists() {
        let all = samples();
        let some = KINDS.iter().filter_map(|kind| all.iter().find(|sample| sample.name.starts_with(kind)));
        let inputs: Vec<Input> = some.map(|sample| bytes(&sample.name, &sample.plain)).collect();
        assert_eq!(inputs.len(), KINDS.len());
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(&path, snapshot_of(&inputs)).expect("a file");
    }
    let mut versions = 0;
    for entry in fs::read_dir(&folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        let text = fs::read(&path).expect("a file");
        if path.extension().is_some_and(|ending| ending == "snap") {
            let got = triage(&[bytes("old", &text)], &options());
            assert!(got.outcome.failures.is_empty(), "{}: {:?}", path.display(), got.outcome.failures);
            let json: serde_json::Value = serde_json::from_slice(&got.rendered("json", 80)).expect("JSON");
            // What is made of the counts may get better; the counts stay.
            let counts = ["input", "totals", "upstreams", "timeline"].map(|part| (part, &json[part]));
            let json =
                serde_json::to_string(&counts.into_iter().collect::<std::collections::BTreeMap<_, _>>());
            let json = json.expect("JSON") + "\n";
            let golden = path.with_extension("json");
            if std::env::var_os(RENEW).is_some() {
                fs::write(&golden, &json).expect("a file");
            }
            assert!(
                json == fs::read_to_string(&golden).unwrap_or_default(),
                "{} reads otherwise",
                path.display()
            );
            versions += 1;
        }
    }
    assert_eq!(versions, meshwhy::snapshot::VERSION, "one file for each version");
}
