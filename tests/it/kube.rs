//! The kubectl plugin, against a stand-in for kubectl that answers from recorded logs: a cluster with one deployment
//! of three pods, of which one has no proxy.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::samples::root;

/// What each pod does when it is asked for its log.
const CLUSTER: &str = r#"#!/bin/sh
echo "$*" >>"$CALLS"
pod() {
    printf '{"kind":"Pod","metadata":{"name":"%s","namespace":"%s"},"spec":{"containers":[{"name":"app"}%s]}}' "$1" "${3:-shop}" "$2"
}
proxy=',{"name":"istio-proxy"}'
case "$*" in
*"get deploy/gone"*) echo 'Error from server (NotFound): deployments.apps "gone" not found' >&2; exit 1 ;;
*"get deploy/web -n bank"* | *"get deploy/web -o json -n bank"*) echo 'Error from server (NotFound): deployments.apps "web" not found' >&2; exit 1 ;;
*"get deploy/web -o json"*) echo '{"kind":"Deployment","metadata":{"name":"web","namespace":"shop"},"spec":{"selector":{"matchLabels":{"app":"web"}}}}' ;;
*"get pods -l app=web -o json -n bank"*) echo "{\"kind\":\"List\",\"items\":[$(pod web-1 "$proxy" bank)]}" ;;
*"get pods -l app=web -o json --all-namespaces"*) echo "{\"kind\":\"List\",\"items\":[$(pod web-2 "$proxy"),$(pod web-1 "$proxy" bank)]}" ;;
*"get pods -l app=two"*) echo "{\"kind\":\"List\",\"items\":[$(pod web-1 "$proxy"),$(pod cut "$proxy"),$(pod web-9 "$proxy")]}" ;;
*"get pods -l app=hung"*) echo "{\"kind\":\"List\",\"items\":[$(pod hung "$proxy"),$(pod web-1 "$proxy"),$(pod web-9 "$proxy")]}" ;;
*"logs hung "*) exec sleep 600 ;;
*"get pods -l app=none"*) echo '{"kind":"List","items":[]}' ;;
*"get pods -l app=mixed"*) echo "{\"kind\":\"List\",\"items\":[$(pod web-1 "$proxy"),$(pod bare-1 '')]}" ;;
*"get pods -l"*) echo "{\"kind\":\"List\",\"items\":[$(pod web-2 "$proxy"),$(pod web-1 "$proxy")]}" ;;
*"get pod/slow pod/web-1"*) echo "{\"kind\":\"List\",\"items\":[$(pod slow "$proxy"),$(pod web-1 "$proxy")]}" ;;
*"get pod/"*) name=${*#*pod/}; pod "${name%% *}" "$proxy" ;;
*"logs web-1 "*"--follow"*) cat "$SAMPLES/no-route.log"; exec sleep 600 ;;
*"logs web-2 "*"--follow"*) cat "$SAMPLES/healthy.log"; exec sleep 600 ;;
*"logs web-1 "*"-c app"*) echo 'listening on 8080' ;;
*"logs web-1 "*"--previous"*) echo 'Error from server (BadRequest): previous terminated container "istio-proxy" in pod "web-1" not found' >&2; exit 1 ;;
*"logs web-2 "*"--previous"*) cat "$SAMPLES/no-route.log" ;;
*"logs web-1 "*"--tail=5"*) tail -n 5 "$SAMPLES/no-route.log" ;;
*"logs web-2 "*"--tail=5"*) tail -n 5 "$SAMPLES/healthy.log" ;;
*"logs web-9 "*) cat "$SAMPLES/healthy.log"; exec sleep 600 ;;
*"logs web-1 "*) cat "$SAMPLES/no-route.log" ;;
*"logs web-2 "*) cat "$SAMPLES/healthy.log" ;;
*"logs slow "*) head -n 10 "$SAMPLES/healthy.log"; sleep 1; tail -n +11 "$SAMPLES/healthy.log" ;;
*"logs cut "*) head -n 10 "$SAMPLES/healthy.log"; echo 'error: unexpected EOF' >&2; exit 1 ;;
*) echo "what is: $*" >&2; exit 1 ;;
esac
"#;

struct Cluster {
    place: tempfile::TempDir,
}

impl Cluster {
    fn new() -> Cluster {
        let place = tempfile::tempdir().expect("a folder");
        let kubectl = place.path().join("kubectl");
        std::fs::write(&kubectl, CLUSTER).expect("a stand-in");
        std::fs::set_permissions(&kubectl, PermissionsExt::from_mode(0o755)).expect("its mode");
        symlink(env!("CARGO_BIN_EXE_meshwhy"), place.path().join("kubectl-meshwhy")).expect("a link");
        Cluster { place }
    }

    fn at(&self) -> &Path {
        self.place.path()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.at().join("kubectl-meshwhy"));
        let path = format!("{}:/usr/bin:/bin", self.at().display());
        command.args(args).env("PATH", path).env("COLUMNS", "100");
        command.env("CALLS", self.at().join("calls")).env("SAMPLES", root().join("sample-logs/istio-text"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the plugin runs")
    }

    fn calls(&self) -> String {
        std::fs::read_to_string(self.at().join("calls")).unwrap_or_default()
    }
}

fn lines(sample: &str) -> u64 {
    let path = root().join("sample-logs/istio-text").join(sample);
    std::fs::read_to_string(path).expect("a sample").lines().count() as u64
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_deployment_is_all_its_pods() {
    let cluster = Cluster::new();
    let run =
        cluster.run(&["deploy/web", "-n", "shop", "--since", "10m", "--context=prod", "--output", "json"]);
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    let json: Value = serde_json::from_slice(&run.stdout).expect("JSON");
    assert_eq!(json["input"]["lines"], lines("no-route.log") + lines("healthy.log"));
    let sources: Vec<&str> = json["input"]["sources"]
        .as_array()
        .expect("sources")
        .iter()
        .filter_map(|s| s["name"].as_str())
        .collect();
    assert_eq!(sources, ["shop/pod/web-1/istio-proxy", "shop/pod/web-2/istio-proxy"]);
    assert_eq!(json["findings"][0]["id"], "no-route");
    let calls = cluster.calls();
    assert!(calls.contains("--context=prod get pods -l app=web -o json -n shop"), "{calls}");
    assert!(calls.contains("--context=prod logs web-2 -n shop -c istio-proxy --since=10m"), "{calls}");
}

#[test]
fn records_are_labelled_by_pod() {
    let cluster = Cluster::new();
    let run = cluster.run(&["-l", "app=web", "-n", "shop", "--by", "namespace,pod"]);
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    let shown = text(&run.stdout);
    for pod in ["web-1", "web-2"] {
        assert!(shown.lines().any(|line| line.contains("shop") && line.contains(pod)), "{shown}");
    }
}

#[test]
fn pods_that_fail_to_answer_are_named_and_the_rest_is_shown() {
    let cluster = Cluster::new();
    let run = cluster.run(&["pod/cut", "-n", "shop"]);
    assert_eq!(run.status.code(), Some(3));
    assert!(text(&run.stdout).contains("10 requests"), "{}", text(&run.stdout));
    assert!(text(&run.stderr).contains("shop/pod/cut/istio-proxy"), "{}", text(&run.stderr));
    assert!(text(&run.stderr).contains("error: unexpected EOF"), "{}", text(&run.stderr));

    let run = cluster.run(&["-l", "app=mixed", "-n", "shop"]);
    assert_eq!(run.status.code(), Some(3), "a pod without a proxy was not read");
    assert!(
        text(&run.stderr)
            .contains("shop/pod/bare-1: at byte 0: it has no container istio-proxy or envoy, only app")
    );
    assert!(text(&run.stdout).contains("no-route"), "{}", text(&run.stdout));
}

#[test]
fn what_kubectl_refuses_is_told_in_its_words() {
    let cluster = Cluster::new();
    let run = cluster.run(&["deploy/gone", "-n", "shop"]);
    assert_eq!((run.status.code(), run.stdout.len()), (Some(3), 0));
    assert!(text(&run.stderr).contains(r#"deployments.apps "gone" not found"#), "{}", text(&run.stderr));
    let run = cluster.run(&["-l", "app=none"]);
    assert_eq!(run.status.code(), Some(3));
    assert!(text(&run.stderr).contains("no pod matches"), "{}", text(&run.stderr));
}

#[test]
fn a_slow_pod_holds_nobody_up() {
    let cluster = Cluster::new();
    let begun = Instant::now();
    let run = cluster.run(&["pod/slow", "pod/web-1", "-n", "shop", "--output", "json"]);
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    let json: Value = serde_json::from_slice(&run.stdout).expect("JSON");
    assert_eq!(json["input"]["lines"], lines("no-route.log") + lines("healthy.log"));
    assert!(begun.elapsed() < Duration::from_secs(20));
}

fn sources(run: &Output) -> Vec<String> {
    let json: Value =
        serde_json::from_slice(&run.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(&run.stderr)));
    let sources = json["input"]["sources"].as_array().expect("sources").iter();
    sources.filter_map(|source| Some(source["name"].as_str()?.to_owned())).collect()
}

#[test]
fn pods_of_all_namespaces_are_told_apart() {
    let cluster = Cluster::new();
    for all in ["-A", "--all-namespaces"] {
        let run = cluster.run(&["-l", "app=web", all, "--output", "json"]);
        assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
        assert_eq!(sources(&run), ["bank/pod/web-1/istio-proxy", "shop/pod/web-2/istio-proxy"]);
        assert!(cluster.calls().contains("logs web-1 -n bank -c istio-proxy"), "{}", cluster.calls());
    }
    let run = cluster.run(&["-l", "app=none", "-A"]);
    assert_eq!((run.status.code(), run.stdout.len()), (Some(3), 0));
    assert!(text(&run.stderr).contains("no pod matches"), "{}", text(&run.stderr));
    let run = cluster.run(&["-A", "-n", "shop", "-l", "app=web"]);
    assert_eq!(run.status.code(), Some(2), "one or all");
}

#[test]
fn several_namespaces_are_asked_one_after_the_other() {
    let cluster = Cluster::new();
    for namespaces in [&["-n", "shop", "-n", "bank"][..], &["--namespace=shop,bank"]] {
        let run = cluster.run(&[&["-l", "app=web", "--output", "json"], namespaces].concat());
        assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
        let names = ["bank/pod/web-1", "shop/pod/web-1", "shop/pod/web-2"];
        assert_eq!(sources(&run), names.map(|name| format!("{name}/istio-proxy")));
    }
    // What one of them has not, the others may have.
    let run = cluster.run(&["deploy/web", "-n", "shop,bank", "--output", "json"]);
    assert_eq!(run.status.code(), Some(3));
    assert_eq!(sources(&run), ["shop/pod/web-1/istio-proxy", "shop/pod/web-2/istio-proxy"]);
    assert!(text(&run.stderr).contains(r#"deployments.apps "web" not found"#), "{}", text(&run.stderr));
}

#[test]
fn the_options_of_kubectl_logs_are_passed_on() {
    let cluster = Cluster::new();
    let run = cluster.run(&["-l", "app=web", "-n", "shop", "--tail", "5", "--output", "json"]);
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    let json: Value = serde_json::from_slice(&run.stdout).expect("JSON");
    assert_eq!(json["input"]["lines"], 10);

    // A pod that was never restarted has no log before that.
    for previous in ["-p", "--previous"] {
        let run = cluster.run(&["-l", "app=web", "-n", "shop", previous, "--output", "json"]);
        assert_eq!(run.status.code(), Some(3));
        let json: Value = serde_json::from_slice(&run.stdout).expect("JSON");
        assert_eq!(json["input"]["lines"], lines("no-route.log"));
        let said = text(&run.stderr);
        assert!(
            said.contains("shop/pod/web-1/istio-proxy") && said.contains("previous terminated container"),
            "{said}"
        );
    }

    cluster.run(&[
        "pod/web-1",
        "-n",
        "shop",
        "--since-time",
        "2026-11-22T14:00:00Z",
        "--kubeconfig",
        "k",
        "--request-timeout",
        "5s",
    ]);
    let calls = cluster.calls();
    assert!(calls.contains("--kubeconfig=k --request-timeout=5s logs web-1"), "{calls}");
    assert!(calls.contains("--since-time=2026-11-22T14:00:00Z"), "{calls}");
}

#[test]
fn another_container_is_read_where_it_is_asked_for() {
    let cluster = Cluster::new();
    let run = cluster.run(&["pod/web-1", "-n", "shop", "-c", "app"]);
    assert_eq!(run.status.code(), Some(4), "only application lines: {}", text(&run.stdout));
    assert!(cluster.calls().contains("logs web-1 -n shop -c app"), "{}", cluster.calls());
    let run = cluster.run(&["pod/web-1", "-n", "shop", "-c", "envoy"]);
    assert_eq!(run.status.code(), Some(3));
    assert!(
        text(&run.stderr).contains("it has no container envoy, only app, istio-proxy"),
        "{}",
        text(&run.stderr)
    );
}

/// What the plugin shows when it is interrupted, and what it says.
fn interrupted(cluster: &Cluster, args: &[&str]) -> (Value, String) {
    let mut child = cluster.command(args).spawn().expect("the plugin runs");
    std::thread::sleep(Duration::from_secs(2));
    let begun = Instant::now();
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(killed.success());
    let mut out = Vec::new();
    child.stdout.take().expect("a pipe").read_to_end(&mut out).expect("the result");
    let run = child.wait_with_output().expect("it ends");
    assert!(begun.elapsed() < Duration::from_secs(10));
    let said = text(&run.stderr);
    (serde_json::from_slice(&out).unwrap_or_else(|e| panic!("{e}: {said}")), said)
}

/// One pod breaks off, one answers, and the last one never ends, though nobody asked it to go on: what was read is shown.
#[test]
fn a_pod_that_never_ends_is_left_at_the_interrupt() {
    let cluster = Cluster::new();
    let (json, said) = interrupted(&cluster, &["-l", "app=two", "-n", "shop", "--output", "json"]);
    assert_eq!(json["input"]["lines"], lines("no-route.log") + 10 + lines("healthy.log"));
    assert!(said.contains("error: unexpected EOF"), "{said}");
}

/// Nobody waits for a node that does not answer to see what the others said.
#[test]
fn what_stands_behind_a_pod_that_says_nothing_is_shown_at_the_interrupt() {
    let cluster = Cluster::new();
    let (json, said) = interrupted(&cluster, &["-l", "app=hung", "-n", "shop", "--output", "json"]);
    assert_eq!(json["input"]["lines"], lines("no-route.log") + lines("healthy.log"), "{said}");
    assert_eq!(json["findings"][0]["id"], "no-route");
    let warnings = json["input"]["warnings"].as_array().expect("warnings");
    assert!(warnings.contains(&"nothing came from shop/pod/hung/istio-proxy".into()), "{warnings:?}");
}

/// An endless log is read until somebody interrupts, and then the result of what was read is shown.
#[test]
fn followed_pods_are_read_until_the_interrupt() {
    let cluster = Cluster::new();
    let mut child = cluster
        .command(&["deploy/web", "-n", "shop", "-f", "--output", "json"])
        .spawn()
        .expect("the plugin runs");
    std::thread::sleep(Duration::from_secs(2));
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(killed.success());
    let mut out = Vec::new();
    child.stdout.take().expect("a pipe").read_to_end(&mut out).expect("the result");
    let errors: Vec<String> =
        BufReader::new(child.stderr.take().expect("a pipe")).lines().map_while(Result::ok).collect();
    let status = child.wait().expect("it ends");
    let json: Value = serde_json::from_slice(&out).unwrap_or_else(|e| panic!("{e}: {errors:?}"));
    assert_eq!(json["input"]["lines"], lines("no-route.log") + lines("healthy.log"));
    assert!(status.code().is_some(), "{status}");
}

#[test]
fn without_a_resource_it_reads_standard_input() {
    let cluster = Cluster::new();
    let sample = std::fs::File::open(root().join("sample-logs/istio-text/no-route.log")).expect("a sample");
    let run = cluster.command(&[]).stdin(sample).output().expect("the plugin runs");
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    assert!(text(&run.stdout).contains("no-route"), "{}", text(&run.stdout));
    assert_eq!(cluster.calls(), "");
}

#[test]
fn a_missing_kubectl_is_said() {
    let cluster = Cluster::new();
    let run = cluster.command(&["deploy/web"]).env("PATH", "/nowhere").output().expect("the plugin runs");
    assert_eq!(run.status.code(), Some(3));
    assert!(text(&run.stderr).contains("kubectl is not on the PATH"), "{}", text(&run.stderr));
}
