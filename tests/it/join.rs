//! Logs of several proxies: the recordings of two sidecars, `trace`, and a mesh of 200 pods within its memory.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::samples::root;

fn run(args: &[&str], paths: &[PathBuf]) -> String {
    let run = Command::new(env!("CARGO_BIN_EXE_meshwhy"))
        .args(args)
        .args(paths)
        .env("COLUMNS", "140")
        .output()
        .expect("the program runs");
    String::from_utf8(run.stdout).expect("UTF-8")
}

fn json(args: &[&str], paths: &[PathBuf]) -> Value {
    serde_json::from_str(&run(args, paths)).expect("JSON")
}

/// The caller's log is text, the callee's JSON.
fn recorded(name: &str) -> Vec<PathBuf> {
    ["caller", "callee"].map(|side| root().join(format!("tests/it/pairs/{name}.{side}.log"))).into()
}

fn serious(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().expect("a list");
    findings.iter().filter(|f| f["severity"] != "note").filter_map(|f| f["id"].as_str()).collect()
}

#[test]
fn the_callees_timeout_is_the_root_of_the_callers_504() {
    let mut paths = recorded("two_hop_504");
    let report = json(&["--output", "json"], &paths);
    assert_eq!(serious(&report), ["upstream-timeout"]);
    let hop =
        &report["hops"].as_array().unwrap().iter().find(|h| h["failed"] == 30).expect("the failing hop");
    assert_eq!(
        [&hop["requests"], &hop["callee_requests"], &hop["callee_failed"], &hop["compared"]],
        [30, 30, 30, 30].map(Value::from).each_ref()
    );
    assert_eq!(report["totals"]["vantages"]["caller"]["requests"], 45);
    assert_eq!(report["totals"]["vantages"]["callee"]["requests"], 30);
    paths.reverse();
    let again = json(&["--output", "json"], &paths);
    assert_eq!(again["hops"], report["hops"]);
    assert_eq!(serious(&again), serious(&report));
}

#[test]
fn plaintext_is_proven_by_the_callees_listener() {
    let paths = recorded("plaintext_to_strict_mtls_sidecar");
    let report = json(&["--output", "json"], &paths);
    assert_eq!(serious(&report), ["plaintext-to-tls"]);
    let finding = &report["findings"][0];
    assert!(finding["confidence"].as_f64().unwrap() > 0.9, "{finding}");
    assert!(finding["evidence"].to_string().contains("very same connections"), "{finding}");
}

#[test]
fn a_request_is_followed_and_an_unknown_one_is_said_to_be_missing() {
    let paths = recorded("plaintext_to_strict_mtls_sidecar");
    let id = "d9f59ed8-0466-409e-8473-20bcf7213494";
    let tree = run(&["trace", id], &paths);
    let lines: Vec<&str> = tree.lines().collect();
    assert_eq!(lines.len(), 4, "{tree}");
    assert!(lines[2].contains("503 UC") && lines[2].contains("caller"), "{tree}");
    assert!(lines[3].contains("0 NR") && lines[3].contains("  callee"), "{tree}");
    let nested = json(&["trace", id, "--output", "json"], &paths);
    assert_eq!(nested["hops"][0]["hops"][0]["flags"][0], "NR");
    assert!(run(&["trace", "no-such-id"], &paths).starts_with("No line of request no-such-id"));
}

#[test]
fn reports_draw_who_calls_whom_and_follow_their_examples() {
    let paths = recorded("two_hop_504");
    let markdown = run(&["report"], &paths);
    assert!(markdown.contains("```mermaid\ngraph LR\n") && markdown.contains("==>"), "{markdown}");
    assert!(markdown.contains("504 UT    callee"), "{markdown}");
    let html = run(&["report", "--output", "html"], &paths);
    assert!(html.contains("<svg class=\"graph\"") && html.contains("class=\"edge bad\""));
    assert!(run(&[], &paths).contains("AT CALLEE"));
}

/// Whichever side is given first, whatever each writes: one story, and the same numbers.
#[test]
fn the_joined_verdict_depends_on_neither_order_nor_format() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["two_hop_504", "plaintext_to_strict_mtls_sidecar"] {
        // Each side as text and as JSON.
        let sides: Vec<[PathBuf; 2]> = recorded(name)
            .into_iter()
            .map(|path| {
                let log = fs::read_to_string(&path).expect("a log");
                let other = folder.path().join(path.file_name().expect("a name")).with_extension("other");
                let text: String = if log.starts_with('{') {
                    log.lines().map(as_text).collect()
                } else {
                    run(&["records"], std::slice::from_ref(&path))
                };
                fs::write(&other, text).expect("a file");
                [path, other]
            })
            .collect();
        let mut answers = Vec::new();
        for (a, b) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let mut paths = vec![sides[0][a].clone(), sides[1][b].clone()];
            for _ in 0..2 {
                let report = json(&["--output", "json"], &paths);
                let told = serious(&report).iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
                assert_eq!(told.len(), 1, "{name} {a} {b}: {told:?}");
                let hops = report["hops"].as_array().expect("a list");
                let seen: Vec<[Value; 5]> = hops
                    .iter()
                    .map(|hop| {
                        ["requests", "failed", "callee_requests", "compared", "never_arrived"]
                            .map(|key| hop[key].clone())
                    })
                    .collect();
                answers.push((told, report["findings"][0]["requests"].clone(), seen));
                paths.reverse();
            }
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{name}: {answers:?}");
    }
}

/// A record of Istio's JSON encoding in its text format.
fn as_text(line: &str) -> String {
    let row: Value = serde_json::from_str(line).expect("JSON");
    let of = |key: &str| match &row[key] {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    format!(
        "[{}] \"{} {} {}\" {} {} {} {} \"{}\" {} {} {} {} \"{}\" \"{}\" \"{}\" \"{}\" \"{}\" {} {} {} {} {} {}\n",
        of("start_time"),
        of("method"),
        of("path"),
        of("protocol"),
        of("response_code"),
        of("response_flags"),
        of("response_code_details"),
        of("connection_termination_details"),
        of("upstream_transport_failure_reason"),
        of("bytes_received"),
        of("bytes_sent"),
        of("duration"),
        of("upstream_service_time"),
        of("x_forwarded_for"),
        of("user_agent"),
        of("request_id"),
        of("authority"),
        of("upstream_host"),
        of("upstream_cluster"),
        of("upstream_local_address"),
        of("downstream_local_address"),
        of("downstream_remote_address"),
        of("requested_server_name"),
        of("route_name"),
    )
}

/// Every example of a finding whose request is in another proxy's log too is followed: in Markdown and in HTML.
#[test]
fn reports_follow_every_example() {
    let paths = recorded("two_hop_504");
    let report = json(&["report", "--output", "json"], &paths);
    let examples = report["findings"][0]["exemplars"].as_array().expect("a list").clone();
    assert_eq!(examples.len(), 3);
    for output in ["markdown", "html"] {
        let told = run(&["report", "--output", output], &paths);
        let trees = told.matches("504 UT    callee").count();
        assert!(trees >= examples.len(), "{output}: {trees} trees");
        for example in &examples {
            assert!(told.contains(example["request_id"].as_str().expect("an id")), "{output}");
        }
    }
}

/// Requests of 100 callers to 100 callees, two lines each: 5 % time out at the callee.
fn mesh(folder: &Path, requests: usize) {
    let mut logs: Vec<Vec<u8>> = vec![Vec::new(); 200];
    for n in 0..requests {
        let (from, to) = (n * 7 % 100, n * 13 % 100);
        let at = |ms: usize| {
            format!("2026-03-04T05:{:02}:{:02}.{:03}Z", ms / 60_000 % 60, ms / 1_000 % 60, ms % 1_000)
        };
        let (id, port) = (format!("{n:08x}-0000-4000-8000-{n:012x}"), 20_000 + n % 40_000);
        let (own, host) = (format!("10.1.0.{from}:{port}"), format!("10.2.0.{to}:8080"));
        let failed = n % 20 == 0;
        let (above, below, ms) = match failed {
            true => ("504 - via_upstream", "504 UT response_timeout", 300),
            false => ("200 - via_upstream", "200 - via_upstream", 10),
        };
        let start = n * 3_600_000 / requests;
        let line = |log: &mut Vec<u8>, start, what, ms, ends: String| {
            writeln!(
                log,
                "[{}] \"GET /items/{} HTTP/1.1\" {what} - \"-\" 0 95 {ms} - \"-\" \"okhttp/4.12.0\" \"{id}\" \"s{}.shop:8080\" {ends} - default",
                at(start),
                n % 97,
                to % 20
            )
            .expect("memory");
        };
        let cluster = format!("outbound|8080||s{}.shop.svc.cluster.local", to % 20);
        line(
            &mut logs[from],
            start,
            above,
            ms + 2,
            format!("\"{host}\" {cluster} {own} 10.96.0.1:8080 10.1.0.{from}:40000"),
        );
        line(
            &mut logs[100 + to],
            start + 1,
            below,
            ms,
            format!("\"{host}\" inbound|8080|| 127.0.0.6:4000 {host} {own}"),
        );
    }
    for (at, log) in logs.iter().enumerate() {
        fs::write(folder.join(format!("pod-{at:03}.log")), log).expect("a file");
    }
}

/// The bound holds for ten million records as well: `docs/join.md` has the figures, and says how to measure them.
#[test]
fn two_hundred_pods_are_joined_within_the_memory_bound() {
    let folder = tempfile::tempdir().expect("a folder");
    let asked = std::env::var("MESHWHY_MESH_REQUESTS").ok();
    let requests = asked.map_or(40_000, |text| text.parse().expect("a number of requests"));
    mesh(folder.path(), requests);
    let mut child = Command::new(env!("CARGO_BIN_EXE_meshwhy"))
        .args(["--output", "json", "--no-progress"])
        .arg(folder.path())
        .stdout(Stdio::from(fs::File::create(folder.path().join("answer.json")).expect("a file")))
        .spawn()
        .expect("the program runs");
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut peak_kb = 0;
    while child.try_wait().expect("a child").is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let high = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
        let kb: u64 = high.trim().trim_end_matches(" kB").parse().unwrap_or(0);
        peak_kb = peak_kb.max(kb);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(peak_kb < 128 * 1024, "{peak_kb} kB");
    if requests > 40_000 {
        #[expect(clippy::print_stderr, reason = "the figure of a long run by hand")]
        {
            eprintln!("{} records, peak {peak_kb} kB", 2 * requests);
        }
    }
    let text = fs::read_to_string(folder.path().join("answer.json")).expect("the answer");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    let sum = |key: &str| -> u64 {
        report["hops"].as_array().unwrap().iter().map(|hop| hop[key].as_u64().unwrap_or(0)).sum()
    };
    assert_eq!((sum("requests"), sum("callee_requests")), (requests as u64, requests as u64));
    assert_eq!((sum("failed"), sum("callee_failed")), (requests as u64 / 20, requests as u64 / 20));
    assert_eq!(
        (sum("never_arrived"), sum("failed_only_for_caller"), sum("failed_only_at_callee")),
        (0, 0, 0)
    );
    // A sample is bounded, however many there are.
    let least = (requests as u64 / 20).min(2_000);
    assert!(sum("compared") >= least, "failing requests and a sample of the others");
    assert!(serious(&report).iter().all(|id| *id == "upstream-timeout"), "{:?}", serious(&report));
}
