//! `meshwhy report` and `meshwhy compare` from outside.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use meshwhy::record::time::parse_us;
use serde_json::Value;

use crate::samples::{root, text};

/// A recording in which both pods of checkout are killed and come back.
const KILLED: &str = "sample-logs/istio-text/checkout-killed.log";
const FAULT: [&str; 2] = ["2026-11-22T14:06:09.182Z", "2026-11-22T14:06:29.182Z"];

fn meshwhy(args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_meshwhy"))
        // The developer's own rules have no say here.
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .env("LC_ALL", "C")
        .args(args)
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The program may refuse its arguments before it reads.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn words(args: &[&str], input: &[u8]) -> String {
    let output = meshwhy(args, input);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn json(args: &[&str], input: &[u8]) -> Value {
    serde_json::from_str(&words(args, input)).unwrap()
}

/// Recordings of incidents that begin and end within the log. The truth of the killed pods was written down by who killed
/// them. Of the rollout it is in the hosts' own lines: the last answer before two pods were stopped, and the first one of
/// the pods that took their place.
const RECORDED: [(&str, [&str; 2], &str, &str); 3] = [
    (KILLED, FAULT, CHECKOUT, "connection-refused"),
    ("sample-logs/istio-json/checkout-killed.jsonl.gz", FAULT, CHECKOUT, "connection-refused"),
    (
        "sample-logs/istio-text/rollout.log",
        ["2026-11-22T20:24:46.121Z", "2026-11-22T20:24:52.622Z"],
        "outbound|9090||ledger.bank.svc.cluster.local",
        "endpoint-churn",
    ),
];
const CHECKOUT: &str = "outbound|8080||checkout.shop.svc.cluster.local";

#[test]
fn onset_and_end_are_those_of_the_fault() {
    for (path, fault, upstream, cause) in RECORDED {
        let report = json(&["report", "--output", "json", path], b"");
        let incidents = report["incidents"].as_array().unwrap();
        assert_eq!(incidents.len(), 1, "{path}");
        let incident = &incidents[0];
        for (key, truth) in ["onset", "end"].into_iter().zip(fault) {
            let us = |text: &str| parse_us(text.as_bytes()).unwrap();
            let off = us(incident[key].as_str().unwrap()) - us(truth);
            assert!(off.abs() <= 3_000_000, "{path}: {key} is off by {off} µs");
        }
        assert_eq!(incident["upstreams"][0], upstream);
        assert_eq!(incident["findings"][0], cause);
        assert_eq!(incident["began_before_log"], false, "{path}");
        assert_eq!(report["schema"], "meshwhy.report/1");
    }
    let killed = &json(&["report", "--output", "json", KILLED], b"")["incidents"][0];
    assert_eq!(killed["requests"], killed["failed"]);
}

#[test]
fn the_report_says_when_what_and_why_in_its_first_lines() {
    let report = words(&["report", "--slo", "99.9", KILLED], b"");
    let mut lines = report.lines();
    assert_eq!(
        lines.next().unwrap(),
        "# checkout.shop:8080: nothing listens on the upstream's port, 2026-11-22 14:06:09Z – 14:06:28Z"
    );
    assert_eq!(
        lines.nth(1).unwrap(),
        "**79 of 79 requests to checkout.shop:8080 failed (100 %) within 19.3 s.**"
    );
    for section in [
        "Timeline",
        "Impact",
        "What was hit",
        "Likely causes",
        "Lines that show it",
        "The data",
        "To follow up",
    ] {
        assert!(report.contains(&format!("\n## {section}")), "{section}");
    }
    assert!(report.contains("error budget: with an objective of 99.9 %"));
    assert!(report.contains("checkout-killed.log line 286, byte 95502"), "an exemplar's place");
}

#[test]
fn every_output_is_the_same_bytes_again() {
    for output in ["markdown", "json", "html"] {
        let of = |threads: &str| words(&["report", "--output", output, "--threads", threads, KILLED], b"");
        let first = of("1");
        assert_eq!(first, of("1"), "{output}");
        assert_eq!(first, of("4"), "{output}");
    }
}

#[test]
fn a_log_without_incident_says_so() {
    let report = words(&["report", "sample-logs/istio-text/healthy.log"], b"");
    assert!(report.starts_with("# No request failed\n"), "{report}");
    let report = json(&["report", "--output", "json", "sample-logs/istio-text/healthy.log"], b"");
    assert_eq!(report["incidents"].as_array().unwrap().len(), 0);
}

/// A line whose path, agent and client are hostile or private.
fn line(path: &str, code: u16) -> String {
    let flags = if code == 503 { "UF" } else { "-" };
    format!(
        "[2026-01-02T03:04:05.678Z] \"GET {path} HTTP/1.1\" {code} {flags} via_upstream - \"-\" 0 91 3 - \"-\" \
         \"Bot <b>@all</b>\" \"r-1\" \"web.shop:80\" \"10.0.0.7:80\" outbound|80||web.shop.svc.cluster.local - \
         10.9.9.9:80 203.0.113.9:5000 - default\n"
    )
}

#[test]
fn secrets_are_hidden_and_persons_on_request() {
    let log = line("/pay?access_token=hunter2&page=3", 503).repeat(20);
    for output in ["markdown", "html"] {
        let report = words(&["report", "--output", output], log.as_bytes());
        assert!(!report.contains("hunter2"), "{output}");
        assert!(report.contains("203.0.113.9"), "{output}");
        let report = words(&["report", "--output", output, "--redact", "--redact-authority"], log.as_bytes());
        for word in ["hunter2", "203.0.113.9", "all&lt;/b", "\"web.shop:80\"", "&quot;web.shop:80&quot;"] {
            assert!(!report.contains(word), "{output}: {word}");
        }
        assert!(report.contains("client-1"), "{output}");
    }
    let raw = |args: &[&str]| json(args, log.as_bytes())["findings"][0]["exemplars"][0]["raw"].to_string();
    assert!(raw(&["report", "--output", "json"]).contains("hunter2"), "scripts get the line as it is");
    assert!(!raw(&["report", "--output", "json", "--redact"]).contains("hunter2"));
}

#[test]
fn nothing_from_a_log_is_markup() {
    let log = line("/a|b<script>alert(1)</script>[x](javascript:y)`code`", 503).repeat(20);
    let html = words(&["report", "--output", "html"], log.as_bytes());
    assert_eq!(html.matches("<script>").count(), 1);
    let markdown = words(&["report"], log.as_bytes());
    let (mut fenced, mut cells) = (false, 0);
    for line in markdown.lines() {
        fenced ^= line.starts_with("```");
        assert!(fenced || !line.contains("<script>"), "{line}");
        assert!(fenced || !line.contains("[x]("), "{line}");
        if !fenced && line.starts_with("| path") {
            cells += 1;
            assert_eq!(line.replace("\\|", "").matches('|').count(), 6, "{line}");
        }
    }
    assert!(cells > 0, "the path is told");
}

/// Traffic at ten requests a second; `what` says code, flags and details of one, by second and number.
fn traffic(seconds: u32, what: impl Fn(u32, u32) -> (u16, &'static str, &'static str)) -> String {
    let mut out = String::new();
    for n in 0..seconds * 10 {
        let (code, flags, details) = what(n / 10, n);
        let (minute, second, ms) = (n / 600, n / 10 % 60, n % 10 * 100);
        let path = if n % 4 == 0 { "/pay" } else { "/list" };
        out += &format!(
            "[2026-01-02T03:{minute:02}:{second:02}.{ms:03}Z] \"GET {path} HTTP/1.1\" {code} {flags} {details} - \"-\" 0 91 3 - \
             \"-\" \"agent/1\" \"id-{n}\" \"web.shop:80\" \"10.0.0.7:80\" outbound|80||web.shop.svc.cluster.local - \
             10.9.9.9:80 203.0.113.{}:5000 - default\n",
            n % 7
        );
    }
    out
}

#[test]
fn what_was_hit_is_counted_and_not_shared_out() {
    // The same kind of failure is background of one path, and the incident of the other.
    let log = traffic(600, |s, n| match (s, n % 4) {
        (300..360, 0) => (503, "UF", "upstream_reset_before_response_started{connection_failure}"),
        (_, 1) if n % 97 == 0 => (503, "UF", "upstream_reset_before_response_started{connection_failure}"),
        _ => (200, "-", "via_upstream"),
    });
    let report = json(&["report", "--output", "json"], log.as_bytes());
    let incident = &report["incidents"][0];
    assert_eq!(incident["kind"], "failures");
    let paths = incident["impact"]["path"].as_array().unwrap();
    assert_eq!((&paths[0]["name"], &paths[0]["hit"]), (&"GET /pay".into(), &150.into()));
    assert_eq!((&paths[0]["requests"], &paths[0]["hit_before"]), (&150.into(), &0.into()));
    let hit: u64 = paths.iter().map(|row| row["hit"].as_u64().unwrap()).sum();
    assert_eq!(hit, incident["failed"].as_u64().unwrap());
    assert_eq!(incident["distinct_request_ids"], incident["failed"]);
    assert_eq!(incident["hit"]["during"]["failed"], incident["failed"]);
    assert!(paths.iter().skip(1).all(|row| row["hit_before"].as_u64() > row["hit"].as_u64()), "{paths:?}");
}

#[test]
fn a_policy_that_shuts_the_door_is_an_incident() {
    let denied = "rbac_access_denied_matched_policy[ns[shop]-policy[shut]-rule[0]]";
    let log = traffic(600, |s, _| match s {
        200..260 => (403, "-", denied),
        _ => (200, "-", "via_upstream"),
    });
    let report = json(&["report", "--output", "json"], log.as_bytes());
    let incident = &report["incidents"][0];
    assert_eq!(
        (&incident["kind"], &incident["denied"], &incident["failed"]),
        (&"denials".into(), &600.into(), &0.into())
    );
    assert_eq!(incident["findings"][0], "rbac-denied");
    let told = words(&["report"], log.as_bytes());
    assert!(told.lines().nth(2).unwrap().contains("were denied by policy (100 %)"), "{told}");
}

#[test]
fn times_are_counted_from_the_last_record_of_files() {
    let n = |args: &[&str]| words(args, b"").lines().count();
    let all = n(&["records", KILLED]);
    let late = n(&["records", "--since", "end-20s", KILLED]);
    let early = n(&["records", "--until", "end-20s", KILLED]);
    assert!(late > 0 && early > 0 && late + early == all, "{late} + {early} of {all}");
    assert_eq!(n(&["records", "--since", "!end-20s", KILLED]), early);
    let triage = json(&["--output", "json", "--since", "end-20s", KILLED], b"");
    assert_eq!(triage["totals"]["requests"], late);
    // Each side of a comparison has its own end.
    let sides = ["compare", "--output", "json", "--since", "end-20s", "--before", KILLED, "--after", KILLED];
    assert_eq!(json(&sides, b"")["before"]["requests"], late);
    let refused = meshwhy(&["report", "--since", "end-20s"], text(KILLED).as_bytes());
    assert_eq!(refused.status.code(), Some(2));
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(message.contains("--since") && message.contains("files"), "{message}");
    assert_eq!(meshwhy(&["--until", "end-soon", KILLED], b"").status.code(), Some(2));
}

#[test]
fn a_triage_and_a_comparison_are_documents_too() {
    let told = words(&["--output", "markdown", KILLED], b"");
    assert!(told.starts_with("# checkout.shop:8080: nothing listens on the upstream's port\n"), "{told}");
    assert!(told.contains("\n## Upstreams\n") && !told.contains("Timeline"), "{told}");
    let page = words(&["--output", "html", KILLED], b"");
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("checkout.shop:8080"));
    let page = words(&["compare", "--output", "html", "--split-at", FAULT[0], KILLED], b"");
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("Worse than before"), "{page}");
}

#[test]
fn a_regression_trips_the_gate_and_size_does_not() {
    let code = |args: &[&str]| meshwhy(args, b"").status.code().unwrap();
    let gate = "--fail-on-regression";
    assert_eq!(code(&["compare", "--split-at", FAULT[0], gate, KILLED]), 1);
    assert_eq!(code(&["compare", "--split-at", FAULT[0], KILLED]), 0);
    assert_eq!(code(&["compare", "--split-at", FAULT[1], gate, KILLED]), 0, "it got better");
    assert_eq!(code(&["compare", "--before", KILLED, "--after", KILLED, gate]), 0);
    assert_eq!(code(&["compare", "--before", KILLED, KILLED, "--after", KILLED, gate]), 0);
    assert_eq!(code(&["compare"]), 2);
    assert_eq!(code(&["compare", "--split-at", "noon", KILLED]), 2);
    assert_eq!(code(&["compare", "--before", KILLED, "--after", "no/such/file"]), 3);
}

#[test]
fn samples_of_unequal_size_compare_honestly() {
    let dir = tempfile::tempdir().unwrap();
    // One of `every` requests fails.
    let log = |name: &str, lines: usize, every: usize| {
        let text: String =
            (1..=lines).map(|n| line("/pay", if n % every == 0 { 503 } else { 200 })).collect();
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (few, many) = (log("few", 1_000, 100), log("many", 40_000, 100));
    let (slightly, much) = (log("slightly", 1_000, 80), log("much", 40_000, 25));
    let gate = |before: &str, after: &str| {
        meshwhy(&["compare", "--fail-on-regression", "--before", before, "--after", after], b"").status.code()
    };
    for (before, after, code) in [
        (&few, &many, 0), // forty times the failures, the same share
        (&many, &few, 0),
        (&many, &slightly, 0), // 12 where 10 were to be expected: chance
        (&few, &much, 1),      // 1 % and 4 %
        (&much, &few, 0),      // better
    ] {
        assert_eq!(gate(before, after), Some(code), "{before} {after}");
    }
}

#[test]
fn both_ways_to_compare_agree() {
    let dir = tempfile::tempdir().unwrap();
    let all = text(KILLED);
    let half = |keep: &dyn Fn(&str) -> bool, name: &str| {
        let lines: String = all.split_inclusive('\n').filter(|line| keep(line)).collect();
        let path = dir.path().join(name);
        std::fs::write(&path, lines).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (before, after) =
        (half(&|line| &line[1..25] < FAULT[0], "before"), half(&|line| &line[1..25] >= FAULT[0], "after"));
    let split = json(&["compare", "--output", "json", "--split-at", FAULT[0]], all.as_bytes());
    let files = json(&["compare", "--output", "json", "--before", &before, "--after", &after], b"");
    assert_eq!(split, files);
    let first = &split["changes"][0];
    assert_eq!(
        (&first["verdict"], &first["upstream"]),
        (&"new".into(), &"outbound|8080||checkout.shop.svc.cluster.local".into())
    );
}

#[test]
fn json_keeps_to_its_schema() {
    let report: Value = serde_json::from_str(&text("docs/schema/report.json")).unwrap();
    let compare: Value = serde_json::from_str(&text("docs/schema/compare.json")).unwrap();
    let triage: Value = serde_json::from_str(&text("docs/schema/triage.json")).unwrap();
    let record: Value = serde_json::from_str(&text("docs/schema/records.json")).unwrap();
    let mut samples: Vec<String> =
        crate::samples::files("sample-logs").iter().map(|p| crate::samples::relative(p)).collect();
    samples.retain(|path| !path.ends_with(".md"));
    for path in &samples {
        // Some samples hold no access record: what is printed keeps to the schema all the same.
        let output = meshwhy(&["report", "--output", "json", "--slo", "99", path], b"");
        let value = serde_json::from_slice(&output.stdout).unwrap();
        keeps_to(&value, &report, path);
        let output = meshwhy(&["--output", "json", "--by", "pod,code", path], b"");
        keeps_to(&serde_json::from_slice(&output.stdout).unwrap(), &triage, path);
        for line in meshwhy(&["records", path], b"").stdout.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
            keeps_to(&serde_json::from_slice(line).unwrap(), &record, path);
        }
        let output = meshwhy(&["compare", "--output", "json", "--before", KILLED, "--after", path], b"");
        keeps_to(&serde_json::from_slice(&output.stdout).unwrap(), &compare, path);
    }
    let output = meshwhy(&["report", "--output", "json"], b"no log\n");
    keeps_to(&serde_json::from_slice(&output.stdout).unwrap(), &report, "nothing");
}

/// The few words of JSON Schema that ours are written with; an unknown word fails.
fn keeps_to(value: &Value, schema: &Value, path: &str) {
    for (word, want) in schema.as_object().unwrap() {
        match word.as_str() {
            "$schema" | "title" | "description" => {}
            "const" => assert_eq!(value, want, "{path}"),
            "enum" => assert!(want.as_array().unwrap().contains(value), "{path}: {value}"),
            "type" => {
                let is = |name: &Value| match name.as_str().unwrap() {
                    "null" => value.is_null(),
                    "boolean" => value.is_boolean(),
                    "integer" => value.is_u64() || value.is_i64(),
                    "number" => value.is_number(),
                    "string" => value.is_string(),
                    "array" => value.is_array(),
                    "object" => value.is_object(),
                    other => panic!("unknown type {other}"),
                };
                let fits = want.as_array().map_or_else(|| is(want), |names| names.iter().any(is));
                assert!(fits, "{path}: {value} is not {want}");
            }
            "required" => {
                for key in want.as_array().unwrap().iter().filter(|_| value.is_object()) {
                    assert!(value.get(key.as_str().unwrap()).is_some(), "{path}: {key} is missing");
                }
            }
            "properties" => {
                for (key, inner) in want.as_object().unwrap() {
                    if let Some(value) = value.get(key) {
                        keeps_to(value, inner, &format!("{path}.{key}"));
                    }
                }
            }
            "additionalProperties" => {
                let known = schema.get("properties").and_then(Value::as_object);
                for (key, value) in value.as_object().into_iter().flatten() {
                    if known.is_none_or(|known| !known.contains_key(key)) {
                        assert!(want.is_object(), "{path}: {key} is not in the schema");
                        keeps_to(value, want, &format!("{path}.{key}"));
                    }
                }
            }
            "items" => {
                for (at, value) in value.as_array().into_iter().flatten().enumerate() {
                    keeps_to(value, want, &format!("{path}[{at}]"));
                }
            }
            other => panic!("the schema uses {other}"),
        }
    }
}
