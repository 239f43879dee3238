//! The program from outside.

use std::io::{Read, Write};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::samples::{RENEW, root, samples, text};

const KILLED: &str = "sample-logs/istio-text/checkout-killed.log";
const KILLED_GZ: &str = "sample-logs/istio-json/checkout-killed.jsonl.gz";
const HEALTHY: &str = "sample-logs/istio-text/healthy.log";

pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meshwhy"));
    command.args(args).current_dir(root()).env("COLUMNS", "100").env("LC_ALL", "C").env_remove("NO_COLOR");
    // The developer's own rules have no say here.
    command.env("XDG_CONFIG_HOME", "/nonexistent").env_remove("MESHWHY_RULES").env_remove("MESHWHY_CONFIG");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(crate) fn meshwhy(args: &[&str]) -> Output {
    command(args).output().expect("the program runs")
}

/// Runs it with these bytes on standard input.
pub(crate) fn piped(args: &[&str], input: &[u8]) -> Output {
    let mut child = command(args).stdin(Stdio::piped()).spawn().expect("the program runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        // It may end before it has read all.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("the writer");
    output
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("killed: {output:?}"))
}

pub(crate) fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8 on standard output")
}

pub(crate) fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json(args: &[&str]) -> Value {
    let run = meshwhy(args);
    assert_eq!(code(&run), 0, "{args:?}: {}", err(&run));
    serde_json::from_slice(&run.stdout).expect("JSON")
}

fn sample(path: &str) -> Vec<u8> {
    std::fs::read(root().join(path)).expect("a sample")
}

#[test]
fn an_incident_is_done_with_zero() {
    let run = meshwhy(&[KILLED]);
    assert_eq!(code(&run), 0);
    assert!(out(&run).contains("CRITICAL  checkout.shop:8080"), "{}", out(&run));
    assert!(run.stderr.is_empty(), "{}", err(&run));
}

#[test]
fn a_healthy_log_is_one_line() {
    let run = meshwhy(&[HEALTHY]);
    assert_eq!((code(&run), out(&run).lines().count()), (0, 1), "{}", out(&run));
    assert!(out(&run).starts_with("All fine: 100 requests to 2 upstreams"));
}

/// `kubectl logs … | meshwhy` needs no option at all.
#[test]
fn standard_input_is_read_like_a_file() {
    let file = json(&[KILLED, "--output", "json"]);
    for args in [&["--output", "json"][..], &["-", "--output", "json"]] {
        let pipe: Value = serde_json::from_slice(&piped(args, &sample(KILLED)).stdout).expect("JSON");
        assert_eq!(pipe["totals"], file["totals"]);
        assert_eq!(pipe["upstreams"], file["upstreams"]);
        assert_eq!(pipe["input"]["sources"][0]["name"], "-");
    }
    let packed: Value =
        serde_json::from_slice(&piped(&["--output", "json"], &sample(KILLED_GZ)).stdout).expect("JSON");
    assert_eq!(packed["totals"], file["totals"]);
}

/// What `kubectl logs` of several pods gives: prefixes, and lines of the proxy's own log.
#[test]
fn several_pods_through_one_pipe() {
    let log: Vec<u8> =
        ["sample-logs/wrapped/kubectl-prefix.log", "sample-logs/proxy-log/config-rejected.log"]
            .iter()
            .flat_map(|path| sample(path))
            .collect();
    let run = piped(&["--output", "json"], &log);
    let triage: Value = serde_json::from_slice(&run.stdout).expect("JSON");
    let ids: Vec<&str> =
        triage["findings"].as_array().expect("findings").iter().filter_map(|f| f["id"].as_str()).collect();
    for id in ["connect-timeout", "connection-refused", "config-rejected"] {
        assert!(ids.contains(&id), "{id} is not in {ids:?}");
    }
}

#[test]
fn gates_end_with_one() {
    assert_eq!(code(&meshwhy(&[KILLED, "--fail-on", "critical"])), 1);
    assert_eq!(code(&meshwhy(&[KILLED, "--fail-over", "5%"])), 1);
    assert_eq!(code(&meshwhy(&[KILLED, "--fail-over", "50%"])), 0);
    assert_eq!(code(&meshwhy(&[HEALTHY, "--fail-on", "warning", "--fail-over", "0%"])), 0);
    let tripped = meshwhy(&[KILLED, "--fail-on", "critical"]);
    assert_eq!(out(&tripped), out(&meshwhy(&[KILLED])), "the result is printed all the same");
}

#[test]
fn a_wrong_command_line_is_two() {
    for args in [
        &["--no-such-option"][..],
        &[KILLED, "--output", "no-such-form"],
        &[KILLED, "--flag", "NOSUCH;FLAG", "--code", "abc"],
        &[KILLED, "--format", "no-such-format"],
        &[KILLED, "--format-string", "%NOT"],
        &[KILLED, "--duration", "quick"],
        &[KILLED, "--since", "yesterday"],
        &[KILLED, "--fail-over", "many"],
        &["records", KILLED, "--output", "no-such-form"],
    ] {
        let run = meshwhy(args);
        assert_eq!(code(&run), 2, "{args:?}: {}", err(&run));
        assert!(run.stdout.is_empty() && !run.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn a_missing_file_is_three_and_the_rest_is_read() {
    let run = meshwhy(&["no-such.log"]);
    assert_eq!(code(&run), 3);
    assert!(err(&run).contains("no-such.log"), "{}", err(&run));

    let run = meshwhy(&["no-such.log", KILLED, "--output", "json"]);
    assert_eq!(code(&run), 3);
    let triage: Value = serde_json::from_slice(&run.stdout).expect("JSON");
    assert_eq!(triage["totals"]["requests"], 860);
    assert!(
        triage["input"]["warnings"].to_string().contains("no-such.log"),
        "{}",
        triage["input"]["warnings"]
    );
}

#[test]
fn a_cut_archive_names_file_and_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("cut.jsonl.gz");
    let whole = sample(KILLED_GZ);
    std::fs::write(&path, &whole[..whole.len() / 2]).expect("a file");
    let run = meshwhy(&[path.to_str().expect("a name"), "--output", "json"]);
    assert_eq!(code(&run), 3);
    let message = err(&run);
    assert!(message.contains("cut.jsonl.gz") && message.contains("byte "), "{message}");
    let triage: Value = serde_json::from_slice(&run.stdout).expect("JSON");
    let requests = triage["totals"]["requests"].as_u64().expect("a number");
    assert!((300..860).contains(&requests), "what could be read is counted: {requests}");
}

#[test]
fn nothing_to_read_is_four() {
    let run = piped(&[], b"");
    assert_eq!(code(&run), 4);
    let run = piped(&[], b"hello\nworld\n");
    assert_eq!(code(&run), 4);
    assert!(out(&run).contains("No access-log line in 2 lines"), "{}", out(&run));
    let run = piped(&["--output", "json"], b"");
    assert_eq!(code(&run), 4);
    let triage: Value = serde_json::from_slice(&run.stdout).expect("JSON all the same");
    assert_eq!(triage["input"]["lines"], 0);
}

/// Proxy lines alone may give findings, which are printed; there is no access record all the same.
#[test]
fn proxy_lines_alone_are_four_with_findings() {
    let log: Vec<u8> = text("sample-logs/proxy-log/config-rejected.log")
        .lines()
        .filter(|line| !line.starts_with('['))
        .flat_map(|line| format!("{line}\n").into_bytes())
        .collect();
    let run = piped(&["--output", "json"], &log);
    assert_eq!(code(&run), 4);
    let triage: Value = serde_json::from_slice(&run.stdout).expect("JSON");
    assert_eq!(triage["findings"][0]["id"], "config-rejected");
}

/// `meshwhy records … | head -1` is no failure.
#[test]
fn a_closed_pipe_is_success() {
    let all = [KILLED; 20];
    let mut child = command(&[&["records"], &all[..]].concat()).spawn().expect("the program runs");
    let mut stdout = child.stdout.take().expect("a pipe");
    let mut first = [0; 100];
    stdout.read_exact(&mut first).expect("the first bytes");
    drop(stdout);
    let run = child.wait_with_output().expect("it ends");
    assert_eq!((code(&run), err(&run).as_str()), (0, ""));
}

/// Keys of a record, in their order.
const KEYS: &str = "start_time method path protocol response_code response_flags response_code_details \
    connection_termination_details upstream_transport_failure_reason bytes_received bytes_sent duration \
    upstream_service_time x_forwarded_for user_agent request_id authority upstream_host upstream_cluster \
    upstream_local_address downstream_local_address downstream_remote_address requested_server_name route_name";
const MORE_KEYS: &str =
    "flags outcome kind direction format pod namespace container complete source line offset";

#[test]
fn records_have_all_keys() {
    for path in samples().iter().map(|s| format!("sample-logs/{}", s.name)) {
        let run = meshwhy(&["records", &path]);
        assert_eq!(code(&run), 0, "{path}");
        let lines = out(&run);
        assert!(!lines.is_empty(), "{path}");
        for line in lines.lines() {
            let record: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{path}: {e}: {line}"));
            let keys: Vec<&str> = record.as_object().expect("an object").keys().map(String::as_str).collect();
            let expected = KEYS.split_whitespace();
            assert!(expected.eq(keys.iter().copied().take(24)), "{path}: {keys:?}");
            for key in MORE_KEYS.split_whitespace() {
                assert!(keys.contains(&key), "{path}: no key {key}");
            }
            let flags: Vec<&str> =
                record["flags"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
            assert!(flags.is_sorted(), "{path}: {flags:?}");
            for number in ["response_code", "bytes_received", "bytes_sent", "duration"] {
                let value = &record[number];
                assert!(value.is_number() || value.is_null(), "{path}: {number} is {value}");
            }
        }
    }
}

#[test]
fn a_record_is_what_the_line_says() {
    let run = meshwhy(&["records", KILLED, "--request-id", "5d6c*", "--flag", "UF"]);
    let line = out(&run).lines().next().expect("a record").to_owned();
    let record: Value = serde_json::from_str(&line).expect("JSON");
    let log = sample(KILLED);
    let offset = record["offset"].as_u64().expect("a number") as usize;
    let raw = String::from_utf8_lossy(&log[offset..]).lines().next().expect("a line").to_owned();
    for key in ["start_time", "path", "response_code_details", "request_id", "upstream_cluster"] {
        assert!(raw.contains(record[key].as_str().expect("text")), "{key}");
    }
    assert_eq!(record["flags"], serde_json::json!(["UF", "URX"]));
    assert_eq!((&record["outcome"], &record["response_code"]), (&"proxy_error".into(), &503.into()));
    let number = record["line"].as_u64().expect("a number") as usize;
    assert_eq!(log[..offset].iter().filter(|&&b| b == b'\n').count() + 1, number);
}

#[test]
fn raw_gives_the_bytes_back() {
    for path in [KILLED, "sample-logs/istio-text/odd-headers.log", "sample-logs/wrapped/stern.log"] {
        assert_eq!(meshwhy(&["records", path, "--output", "raw"]).stdout, sample(path), "{path}");
    }
}

#[test]
fn csv_has_a_head_and_a_line_for_each_record() {
    let run = meshwhy(&["records", KILLED, "--output", "csv"]);
    let text = out(&run);
    assert!(text.starts_with("start_time,method,path"), "{}", text.lines().next().unwrap_or_default());
    assert_eq!(text.lines().count(), 861);
}

#[test]
fn filters_combine() {
    let count = |args: &[&str]| {
        let run = meshwhy(&[&["records", KILLED], args].concat());
        out(&run).lines().count()
    };
    assert_eq!(count(&[]), 860);
    assert_eq!(count(&["--flag", "UF"]), 79);
    assert_eq!(count(&["--flag", "!UF"]), 781);
    assert_eq!(count(&["--upstream", "checkout"]), 216);
    assert_eq!(count(&["--upstream", "checkout.shop:8080", "--code", "5xx"]), 79);
    assert_eq!(count(&["--outcome", "app_error"]), 5);
    assert_eq!(count(&["--outcome", "proxy_error,app_error"]), 84);
    assert_eq!(
        count(&["--since", "2026-11-22T14:06:09Z", "--until", "2026-11-22T14:06:29Z", "--flag", "UF"]),
        79
    );
    assert_eq!(count(&["--until", "2026-11-22T14:00:00Z"]), 0);
}

/// What is filtered out still counts as a line of the input.
#[test]
fn filtered_lines_still_add_up() {
    let triage = json(&[KILLED, "--upstream", "checkout", "--output", "json"]);
    let input = &triage["input"];
    assert_eq!((&triage["totals"]["requests"], &input["access_lines"]), (&216.into(), &860.into()));
    assert_eq!(input["filtered_records"], 644);
    assert_eq!(input["lines"], 860);
}

#[test]
fn lines_add_up_on_every_sample() {
    for path in samples().iter().map(|s| format!("sample-logs/{}", s.name)) {
        let input = json(&[&path, "--output", "json"])["input"].take();
        let of = |key: &str| input[key].as_u64().unwrap_or_else(|| panic!("{path}: {key}"));
        let sum = of("access_lines") + of("proxy_lines") + of("other_lines") + of("rejected_lines");
        assert_eq!(of("lines"), sum, "{path}");
        assert_eq!(of("rejected_lines"), 0, "{path}");
    }
}

/// A directory is all its files; each is a source.
#[test]
fn a_directory_is_read_whole() {
    let all = json(&["sample-logs/istio-text", "--output", "json"]);
    let sources = all["input"]["sources"].as_array().expect("sources");
    let on_disk = samples().iter().filter(|s| s.name.starts_with("istio-text/")).count();
    assert_eq!(sources.len(), on_disk);
    let lines: u64 = sources.iter().filter_map(|s| s["lines"].as_u64()).sum();
    assert_eq!(all["input"]["lines"], lines);
}

#[test]
fn explain_knows_flags_texts_causes_and_lines() {
    for (words, expected) in [
        (&["UF"][..], "UpstreamConnectionFailure"),
        (&["UF,URX"], "UpstreamRetryLimitExceeded"),
        (&["UpstreamOverflow"], "circuit-breaker"),
        (&["connection-refused"], "nothing listens on the upstream's port"),
        (&["no", "healthy", "upstream"], "no-endpoints"),
        (
            &["upstream connect error or disconnect/reset before headers. reset reason: connection timeout"],
            "connect-timeout",
        ),
    ] {
        let run = meshwhy(&[&["explain"], words].concat());
        assert_eq!(code(&run), 0, "{words:?}: {}", err(&run));
        assert!(out(&run).contains(expected), "{words:?}: {}", out(&run));
    }
    let line = text(KILLED).lines().find(|line| line.contains(" 503 URX,UF ")).expect("a failure").to_owned();
    let run = meshwhy(&["explain", &line]);
    assert_eq!(code(&run), 0);
    assert!(out(&run).contains("connection-refused"), "{}", out(&run));
}

#[test]
fn the_catalogue_can_be_listed() {
    for (what, expected) in [("flags", "URX"), ("causes", "keepalive-race"), ("formats", "envoy-default")] {
        let run = meshwhy(&["catalog", what]);
        assert_eq!(code(&run), 0);
        assert!(out(&run).contains(expected), "{what}");
    }
}

#[test]
fn completions_and_manual_are_printed() {
    assert!(out(&meshwhy(&["completions", "bash"])).contains("meshwhy"));
    assert!(out(&meshwhy(&["man"])).contains(".TH"));
    assert!(out(&meshwhy(&["--version"])).starts_with(concat!("meshwhy ", env!("CARGO_PKG_VERSION"))));
}

/// A format of the user's own, as text and as JSON.
#[test]
fn formats_of_ones_own() {
    let log = b"2026-01-02T03:04:05.678Z 503 UF shop.example outbound|80||a.b.svc.cluster.local 12\n";
    let format =
        "%START_TIME% %RESPONSE_CODE% %RESPONSE_FLAGS% %REQ(:AUTHORITY)% %UPSTREAM_CLUSTER% %DURATION%";
    let run = piped(&["records", "--format-string", format], log);
    let record: Value = serde_json::from_slice(&run.stdout).expect("a record");
    assert_eq!(record["upstream_cluster"], "outbound|80||a.b.svc.cluster.local");
    assert_eq!(record["flags"], serde_json::json!(["UF"]));

    let log = b"{\"at\":\"2026-01-02T03:04:05Z\",\"http\":{\"status\":503},\"why\":\"UH\"}\n";
    let keys = "start_time=at,response_code=http.status,response_flags=why";
    let run = piped(&["records", "--json-keys", keys], log);
    let record: Value = serde_json::from_slice(&run.stdout).expect("a record");
    assert_eq!((&record["response_code"], &record["response_flags"]), (&503.into(), &"UH".into()));
}

/// Colours are for terminals, unless asked for.
#[test]
fn pipes_get_no_colour() {
    assert!(!out(&meshwhy(&[KILLED])).contains('\x1b'));
    assert!(out(&meshwhy(&[KILLED, "--color", "always"])).contains('\x1b'));
}

/// The same bytes for any number of threads.
#[test]
fn threads_change_nothing() {
    let one = meshwhy(&[KILLED, "--output", "json", "--threads", "1"]).stdout;
    assert_eq!(meshwhy(&[KILLED, "--output", "json", "--threads", "3"]).stdout, one);
}

const MARK: &str = "<!-- From here on made from `--help`";

/// The help of the program by its other name.
fn plugin_help() -> String {
    let place = tempfile::tempdir().expect("a folder");
    let plugin = place.path().join("kubectl-meshwhy");
    std::fs::copy(env!("CARGO_BIN_EXE_meshwhy"), &plugin).expect("a copy");
    let run = Command::new(plugin).arg("--help").env("COLUMNS", "100").output().expect("the program runs");
    out(&run).trim_end().lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[test]
fn cli_page_is_up_to_date() {
    let page = text("docs/cli.md");
    let at = page.find(MARK).expect("the mark");
    let head_end = at + page[at..].find('\n').expect("a line") + 1;
    let mut expected = page[..head_end].to_owned();
    let help = |args: &[&str]| {
        out(&meshwhy(args)).trim_end().lines().map(|l| format!("{}\n", l.trim_end())).collect::<String>()
    };
    let main = help(&["--help"]);
    let commands: Vec<String> = main
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .filter(|name| name != "help")
        .collect();
    assert!(commands.len() >= 5, "{commands:?}");
    expected.push_str(&format!("\n### meshwhy\n\n```text\n{main}```\n"));
    for name in &commands {
        expected.push_str(&format!("\n### meshwhy {name}\n\n```text\n{}```\n", help(&[name, "--help"])));
    }
    expected.push_str(&format!("\n### kubectl meshwhy\n\n```text\n{}```\n", plugin_help()));
    if std::env::var_os(RENEW).is_some() {
        std::fs::write(root().join("docs/cli.md"), &expected).expect("docs/cli.md can be written");
        return;
    }
    assert!(page == expected, "docs/cli.md is stale; {RENEW}=1 renews it");
}
