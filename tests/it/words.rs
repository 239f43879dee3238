//! What the program knows and says: formats from configuration, `explain`, catalogues, messages, groups.

use std::io::Write;
use std::process::{Command, Output, Stdio};

const FAILING: &str = "[2026-01-02T03:04:05.678Z] \"GET /a HTTP/1.1\" 503 UF upstream_reset_before_response_started{remote_connection_failure,delayed_connect_error:_111} - \"delayed_connect_error:_111\" 0 91 3 - \"-\" \"curl/8\" \"r-1\" \"web.shop:80\" \"10.0.0.7:80\" outbound|80||web.shop.svc.cluster.local - 10.9.9.9:80 10.0.0.1:5000 - default\n";
const GOOD: &str = "[2026-01-02T03:04:06.678Z] \"GET /b HTTP/1.1\" 200 - via_upstream - \"-\" 0 91 3 2 \"-\" \"kube-probe/1.30\" \"r-2\" \"web.shop:80\" \"10.0.0.7:80\" outbound|80||web.shop.svc.cluster.local 10.0.0.1:6000 10.9.9.9:80 10.0.0.1:5000 - default\n";

fn meshwhy(args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_meshwhy"))
        .args(args)
        .env("COLUMNS", "100")
        .env("LC_ALL", "C")
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

/// A file of the mesh's configuration names the formats; all of them are tried.
#[test]
fn formats_come_from_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mesh.yaml");
    let from = |yaml: &str| {
        std::fs::write(&path, yaml).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let file = from(
        "accessLogFormat: \"%RESPONSE_CODE% <%RESPONSE_FLAGS%> %UPSTREAM_CLUSTER%\\n\"\n---\n\
         json_format: {st: '%RESPONSE_CODE%', fl: '%RESPONSE_FLAGS%', req: {verb: '%REQ(:METHOD)%'}}\n",
    );
    let log = "503 <UF> outbound|80||web.shop.svc.cluster.local\n{\"st\":503,\"fl\":\"UH\",\"req\":{\"verb\":\"PUT\"}}\n";
    let read = text(&["records", "--format-from", &file], log);
    let records: Vec<serde_json::Value> = read.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(records.len(), 2, "{read}");
    assert_eq!((&records[0]["response_flags"], &records[0]["format"]), (&"UF".into(), &"custom".into()));
    assert_eq!((&records[1]["response_flags"], &records[1]["method"]), (&"UH".into(), &"PUT".into()));

    // A mesh that spells out the default is read as the default.
    let (_, default) = meshwhy::format::known_formats().next().unwrap();
    let file = from(&format!("accessLogFormat: |\n  {default}\n"));
    assert!(text(&["records", "--format-from", &file], FAILING).contains("\"istio-text\""));

    for (yaml, reason) in [
        ("a: b", "no access-log format"),
        ("{a: [}", "not YAML"),
        ("accessLogFormat: '%RESPONSE_CODE'", "column"),
        ("json_format: {a: b}", "no operator"),
    ] {
        let output = meshwhy(&["--format-from", &from(yaml)], FAILING);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains("mesh.yaml") && message.contains(reason), "{message}");
    }
    let output = meshwhy(&["--format-from", "no/such.yaml"], FAILING);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no/such.yaml"));
    let output = meshwhy(&["--format-string", "%RESPONSE_CODE% %REQ(X"], FAILING);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && message.contains("column 17"), "{message}");
}

/// What people have in their hands leads to the page that answers it.
#[test]
fn explain_knows_the_words_of_the_field() {
    for (word, id) in [
        ("mTLS conflict", "plaintext-to-tls"),
        ("STRICT", "plaintext-to-tls"),
        ("REGISTRY_ONLY", "unregistered-host"),
        ("BlackHole", "unregistered-host"),
        ("connection coalescing", "connection-reuse-wrong-host"),
        ("421", "connection-reuse-wrong-host"),
        ("upstream overflow", "circuit-breaker"),
        ("idle-connection race", "keepalive-race"),
        ("SDS", "tls-secret-not-ready"),
        ("熔断", "circuit-breaker"),
        ("1.8.4", "connection-reuse-wrong-host"),
        ("7.3", "connection-refused"),
        ("no healthy upstream", "no-endpoints"),
        (
            "upstream connect error or disconnect/reset before headers. reset reason: connection failure, transport failure reason: delayed connect error: 111",
            "connection-refused",
        ),
        ("RBAC: access denied", "rbac-denied"),
        ("Jwt is expired", "jwt-rejected"),
        ("delayed_connect_error:_111", "connection-refused"),
        ("os error 111", "connection-refused"),
        ("TLS error: Secret is not supplied by SDS", "tls-secret-not-ready"),
        ("WRONG_VERSION_NUMBER", "tls-to-plaintext"),
        ("upstream_reset_before_response_started{overflow}", "circuit-breaker"),
        ("rbac_access_denied_matched_policy[none]", "rbac-denied"),
        ("route_not_found", "no-route"),
    ] {
        let answer = text(&["explain", word], "");
        // The page itself, or the first of a list.
        let list = answer
            .lines()
            .find(|line| line.starts_with("  ") && !line.starts_with("   "))
            .unwrap_or_default();
        let page = answer.lines().any(|line| line.contains(&format!(" {id} · guide")) || line.ends_with(id));
        assert!(page || list.trim_start().starts_with(&format!("{id} ")), "{word}:\n{answer}");
    }
    // The meaning stands before the causes, and the commonest cause of a flag first.
    assert!(text(&["explain", "route_not_found"], "").starts_with("route_not_found\n    "));
    let answer = text(&["explain", "UF"], "");
    let place = |id: &str| answer.find(&format!("  {id} ")).unwrap_or_else(|| panic!("{id}:\n{answer}"));
    assert!(place("connection-refused") < place("connect-timeout"));
    assert!(place("connect-timeout") < place("tls-to-plaintext"));
    assert!(place("tls-to-plaintext") < place("dns-failure"));
}

#[test]
fn catalogues_list_everything() {
    let formats = text(&["catalog", "formats"], "").split_whitespace().collect::<Vec<_>>().join(" ");
    for row in meshwhy::format::format_rows() {
        assert!(formats.contains(&row.name) && formats.contains(&row.since), "{}", row.name);
    }
    let details = text(&["catalog", "details"], "");
    for row in meshwhy::envoy::details::rows() {
        assert!(details.lines().any(|line| line == row.pattern), "{}", row.pattern);
    }
    for row in meshwhy::envoy::transport::rows() {
        assert!(details.lines().any(|line| line == row.name), "{}", row.name);
    }
    let causes = text(&["catalog", "causes"], "");
    assert!(causes.contains("guide 1.8.4") && causes.contains("(policy"), "{causes}");
}

/// Nothing was found: what to switch on, and where to look.
#[test]
fn an_input_without_records_says_what_to_do() {
    let agent = "2026-01-02T03:04:05.678901Z\tinfo\tReadiness succeeded in 1s\n";
    for input in ["", "hello\nworld\n", agent] {
        let output = meshwhy(&[], input);
        let screen = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(4), "{screen}");
        for words in ["kind: Telemetry", "accessLogFile to /dev/stdout"] {
            assert!(screen.contains(words), "{input:?} lacks {words}:\n{screen}");
        }
        assert_eq!(screen.contains("-c istio-proxy"), input != agent, "{screen}");
    }
    // The proxy's own log alone still gives findings.
    let rejected = "2026-01-02T03:04:05.678901Z\twarning\tenvoy config external/envoy/source/x.cc:191\tgRPC config for \
                    type.googleapis.com/envoy.config.listener.v3.Listener rejected: Error adding/updating listener(s) \
                    0.0.0.0_80: duplicate matcher\tthread=21\n";
    let output = meshwhy(&[], rejected);
    let screen = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(4), "{screen}");
    assert!(screen.contains("config-rejected"), "{screen}");
}

/// What cannot be read is told with its reasons, and a format without flags with what to add.
#[test]
fn the_state_of_the_data_is_told() {
    let broken = "[2026-01-02T03:04:05.678Z] \"GET / HTTP/1.1\" abc - via_upstream\n";
    let json = "{\"response_code\": x, \"response_flags\": \"UF\"}\n";
    let screen = text(&[], &format!("{FAILING}{broken}{broken}{json}"));
    let words: String = screen.split_whitespace().collect::<Vec<_>>().join(" ");
    for told in [
        "no response code after the quoted request (2); it looks like a JSON",
        "--format-string",
        "line-length limit",
    ] {
        assert!(words.contains(told), "{told}: {screen}");
    }
    let bare = "{\"method\":\"GET\",\"path\":\"/\",\"response_code\":503,\"upstream_cluster\":\"x\"}\n";
    let screen = text(&[], bare);
    let words: String = screen.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("without response flags") && words.contains("%RESPONSE_CODE% %RESPONSE_FLAGS%"),
        "{screen}"
    );
}

#[test]
fn requests_are_grouped() {
    let log = format!(
        "[pod/web-1/istio-proxy] {FAILING}[pod/web-2/istio-proxy] {GOOD}[pod/web-1/istio-proxy] {GOOD}{GOOD}"
    );
    let report: serde_json::Value =
        serde_json::from_str(&text(&["--by", "pod,code", "--output", "json", "--top", "1"], &log)).unwrap();
    let rows: Vec<_> = report["groups"].as_array().unwrap().iter().collect();
    assert_eq!(rows.len(), 4, "JSON is never cut");
    assert_eq!(rows[0]["by"], serde_json::json!({"pod": "web-1", "code": "503"}));
    assert_eq!((&rows[0]["failed"], &rows[0]["flags"]), (&1.into(), &serde_json::json!({"UF": 1})));
    assert!(rows.iter().any(|row| row["by"]["pod"].is_null() && row["requests"] == 1));
    let screen = text(&["--by", "pod", "--top", "1"], &log);
    let row = screen.lines().find(|line| line.starts_with("web-1  ")).expect("the group");
    assert!(row.contains("UF 1") && screen.contains("2 more groups: 2 requests, 0 failed"), "{screen}");
    assert_eq!(code(&["--by", "nonsense"], &log), 2);
    assert!(!text(&["--output", "json"], &log).contains("\"groups\""));
}

/// A connection that both its ends logged is told by side.
#[test]
fn sides_are_told_apart_and_not_added_up() {
    let tunnel = "2026-01-02T03:04:00.000000Z\tinfo\taccess\tconnection complete\tsrc.addr=10.0.1.4:40000 dst.addr=10.0.2.7:15008 \
                  dst.hbone_addr=10.0.2.7:8080 dst.service=\"cart.shop.svc.cluster.local\" direction=\"outbound\" bytes_sent=175 \
                  bytes_recv=80 duration=\"0ms\"\n";
    let pair = format!("{tunnel}{}", tunnel.replace("outbound", "inbound"));
    let report: serde_json::Value = serde_json::from_str(&text(&["--output", "json"], &pair)).unwrap();
    let vantages = &report["totals"]["vantages"];
    assert_eq!((&vantages["caller"]["requests"], &vantages["callee"]["requests"]), (&1.into(), &1.into()));
    let screen = text(&[], &pair);
    assert!(screen.contains("caller's side") && screen.contains("callee's side"), "{screen}");
    assert!(!screen.contains("2 requests"), "{screen}");
}
