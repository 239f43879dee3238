//! The program from outside: exit codes, streams, and that the command line keeps its word.

use std::io::Write;
use std::process::{Command, Output, Stdio};

const FAILING: &str = "[2026-01-02T03:04:05.678Z] \"GET /a HTTP/1.1\" 503 UF upstream_reset_before_response_started{remote_connection_failure,delayed_connect_error:_111} - \"delayed_connect_error:_111\" 0 91 3 - \"-\" \"curl/8\" \"r-1\" \"web.shop:80\" \"10.0.0.7:80\" outbound|80||web.shop.svc.cluster.local - 10.9.9.9:80 10.0.0.1:5000 - default\n";
const GOOD: &str = "[2026-01-02T03:04:06.678Z] \"GET /b HTTP/1.1\" 200 - via_upstream - \"-\" 0 91 3 2 \"-\" \"kube-probe/1.30\" \"r-2\" \"web.shop:80\" \"10.0.0.7:80\" outbound|80||web.shop.svc.cluster.local 10.0.0.1:6000 10.9.9.9:80 10.0.0.1:5000 - default\n";

fn meshwhy(args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_meshwhy"))
        .env("LC_ALL", "C")
        .args(args)
        .env("COLUMNS", "100")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The program may refuse its arguments before it reads.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn code(args: &[&str], input: &str) -> i32 {
    meshwhy(args, input).status.code().unwrap()
}

fn text(args: &[&str], input: &str) -> String {
    String::from_utf8(meshwhy(args, input).stdout).unwrap()
}

#[test]
fn exit_codes_are_those_of_the_contract() {
    let log = &FAILING.repeat(3);
    assert_eq!(code(&[], log), 0);
    assert_eq!(code(&["--fail-over", "50%"], log), 1);
    assert_eq!(code(&["--fail-on", "warning"], log), 1);
    assert_eq!(code(&["--fail-over", "50%", "--fail-on", "critical"], GOOD), 0);
    for slip in [
        &["--no-such"][..],
        &["--output", "parquet"],
        &["--code", "abc"],
        &["--no-probes", "records"],
        &["explain", "zzqqzz"],
    ] {
        assert_eq!(code(slip, log), 2, "{slip:?}");
    }
    assert_eq!(code(&["-", "no/such/file"], log), 3);
    assert_eq!(code(&["no/such/file"], ""), 3);
    assert_eq!(code(&[], "hello\nworld\n"), 4);
    assert_eq!(code(&["records"], "hello\n"), 4);
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_reported() {
    let output = meshwhy(&["-", "no/such/file", "--output", "json"], GOOD);
    assert!(String::from_utf8_lossy(&output.stderr).contains("no/such/file"));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["totals"]["requests"], 1);
}

#[test]
fn healthy_input_is_one_line() {
    assert_eq!(
        text(&[], GOOD),
        "All fine: 1 request to 1 upstream, none failed (0 proxy-log lines, 0 not understood).\n"
    );
}

#[test]
fn records_are_one_line_each_and_raw_is_the_input() {
    let log = format!("{GOOD}noise\n{FAILING}");
    let lines = text(&["records"], &log);
    let second: serde_json::Value = serde_json::from_str(lines.lines().nth(1).unwrap()).unwrap();
    assert_eq!(lines.lines().count(), 2);
    assert_eq!((&second["line"], &second["outcome"]), (&3.into(), &"proxy_error".into()));
    assert_eq!(second["offset"], (GOOD.len() + 6) as u64);
    assert_eq!(text(&["records", "--output", "raw"], &log), format!("{GOOD}{FAILING}"));
}

#[test]
fn filters_apply_to_records_and_to_the_triage_alike() {
    let log = format!("{GOOD}{FAILING}");
    for (filter, expected) in [
        (&["--flag", "UF"][..], 1),
        (&["--flag", "!UF"], 1),
        (&["--no-probes"], 1),
        (&["--upstream", "web.shop"], 2),
        (&["--since", "2026-01-02T03:04:06Z"], 1),
        (&["--since", "2026-01-02T03:04:05Z", "--code", "5xx"], 1),
        (&["--path", "/c"], 0),
    ] {
        let records = text(&[&["records"], filter].concat(), &log).lines().count();
        let report: serde_json::Value =
            serde_json::from_str(&text(&[&["--output", "json"], filter].concat(), &log)).unwrap();
        assert_eq!(records, expected, "{filter:?}");
        assert_eq!(report["totals"]["requests"], expected as u64, "{filter:?}");
        assert_eq!(report["input"]["lines"], 2, "{filter:?}");
    }
}

#[test]
fn a_closed_pipe_is_success() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_meshwhy"))
        .env("LC_ALL", "C")
        .arg("records")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let _ = child.stdin.take().unwrap().write_all(GOOD.repeat(5_000).as_bytes());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_pasted_line_is_explained() {
    let screen = text(&["explain", FAILING.trim_end()], "");
    assert!(
        screen.contains("connection-refused") && screen.contains("UpstreamConnectionFailure"),
        "{screen}"
    );
}

#[test]
fn the_lists_and_the_manual_are_there() {
    for args in [
        &["catalog", "flags"][..],
        &["catalog", "causes"],
        &["catalog", "formats"],
        &["completions", "zsh"],
        &["man"],
        &["--help"],
    ] {
        let output = meshwhy(args, "");
        assert!(output.status.success() && output.stdout.len() > 500, "{args:?}");
    }
}
