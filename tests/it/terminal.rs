//! At the terminal: outputs for scripts, gates, orders, defaults, manual pages, completions, mistakes.

use std::fs;
use std::process::{Command, Output};

use crate::cli::{code, command, err, meshwhy, out, piped};
use crate::samples::text;

const KILLED: &str = "sample-logs/istio-text/checkout-killed.log";

fn with(variables: &[(&str, &str)], args: &[&str]) -> Output {
    let mut command: Command = command(args);
    command.envs(variables.iter().copied()).output().expect("the program runs")
}

#[test]
fn csv_has_a_row_for_each_upstream_or_group() {
    let json: serde_json::Value =
        serde_json::from_slice(&meshwhy(&[KILLED, "--output", "json", "--by", "host,code"]).stdout).unwrap();
    let upstreams = out(&meshwhy(&[KILLED, "--output", "csv", "--top", "1"]));
    let head = "upstream,direction,service,namespace,port,subset,row,requests,failed,failure_rate,ok,client_error,app_error,proxy_error,denied,client_gone,latency_count,p50_ms,p90_ms,p99_ms,max_ms,flags,first_failure,last_failure";
    assert_eq!(upstreams.lines().next(), Some(head));
    assert_eq!(upstreams.lines().count(), 1 + json["upstreams"].as_array().unwrap().len());
    assert!(
        upstreams
            .contains("outbound|8080||checkout.shop.svc.cluster.local,outbound,checkout,shop,8080,,named,")
    );
    let groups = out(&meshwhy(&[KILLED, "--output", "csv", "--by", "host,code"]));
    assert!(groups.starts_with("host,code,row,requests,"), "{groups}");
    assert_eq!(groups.lines().count(), 1 + json["groups"].as_array().unwrap().len());
}

/// Every field of a record can be grouped by.
#[test]
fn any_field_makes_groups() {
    let slip = err(&meshwhy(&[KILLED, "--by", "nothing"]));
    let (_, names) = slip.split_once("there are: ").expect("the fields");
    let names: Vec<&str> = names.trim().split(", ").collect();
    assert!(names.len() >= 30, "{names:?}");
    for name in names {
        let groups = out(&meshwhy(&[KILLED, "--by", name, "--output", "csv"]));
        assert!(
            groups.starts_with(&format!("{name},row,")) && groups.lines().count() > 1,
            "{name}: {groups}"
        );
    }
}

#[test]
fn prometheus_counts_what_json_counts() {
    let json: serde_json::Value =
        serde_json::from_slice(&meshwhy(&[KILLED, "--output", "json"]).stdout).unwrap();
    let text = out(&meshwhy(&[KILLED, "--output", "prometheus", "--by", "code"]));
    let sum = |name: &str| -> u64 {
        let lines = text.lines().filter(|line| line.starts_with(name));
        lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok()).sum()
    };
    let requests = json["totals"]["requests"].as_u64().unwrap();
    for name in
        ["meshwhy_requests_total{", "meshwhy_upstream_requests_total{", "meshwhy_group_requests_total{"]
    {
        assert_eq!(sum(name), requests, "{name}\n{text}");
    }
    assert!(text.contains("meshwhy_finding_requests{cause=\"connect"), "{text}");
}

#[test]
fn rows_stand_in_the_order_that_was_asked_for() {
    let first = |sort: &str| {
        let shown = out(&meshwhy(&[KILLED, "--by", "upstream,code", "--sort", sort, "--output", "csv"]));
        shown.lines().nth(1).unwrap_or_default().to_owned()
    };
    assert_ne!(first("requests"), first("-requests"));
    assert!(first("name") < first("-name"));
    assert_eq!(code(&meshwhy(&[KILLED, "--sort", "beauty"])), 2);
}

#[test]
fn gates_look_at_upstreams_and_flags() {
    let gate = |gates: &[&str]| {
        let args = gates.iter().flat_map(|gate| ["--fail-over", gate]);
        meshwhy(&[KILLED].into_iter().chain(args).collect::<Vec<_>>())
    };
    assert_eq!(code(&gate(&["upstream=checkout*:50%", "flag=UF:50%"])), 0);
    let tripped = gate(&["90%", "upstream=checkout.shop:1%"]);
    assert_eq!(code(&tripped), 1);
    assert!(
        err(&tripped).contains("gate: outbound|8080||checkout.shop.svc.cluster.local: "),
        "{}",
        err(&tripped)
    );
    assert_eq!(code(&gate(&["flag=UF:0.1%"])), 1);
    assert_eq!(code(&gate(&["flag=NR:0%"])), 0);
    assert_eq!(code(&gate(&["upstream=:1%"])), 2);
    assert!(err(&with(&[], &[KILLED, "--fail-over", "1%", "--quiet"])).is_empty());
}

#[test]
fn times_may_be_told_from_the_end() {
    let shown = out(&meshwhy(&[KILLED, "--times", "relative"]));
    assert!(shown.contains(" ago") && shown.contains("-39.7 s – -20.3 s"), "{shown}");
    assert!(!out(&meshwhy(&[KILLED])).contains(" ago"));
}

#[test]
fn times_may_be_told_by_the_clock_here() {
    // As POSIX has it: a zone that no table has to know.
    let shown = |zone: &str| out(&with(&[("TZ", zone)], &[KILLED, "--times", "local"]));
    let utc = out(&meshwhy(&[KILLED]));
    let clock = utc.split_whitespace().find(|word| word.ends_with('Z') && word.len() == 9).expect("a clock");
    assert!(shown("UTC0").contains(&clock.replace('Z', "+00:00")), "{}", shown("UTC0"));
    let seconds =
        |clock: &str| clock[..8].split(':').fold(0, |all, part| all * 60 + part.parse::<u32>().unwrap());
    let later = (seconds(clock) + 19_800) % 86_400;
    let (hours, minutes) = (later / 3600, later / 60 % 60);
    let expected = format!("{hours:02}:{minutes:02}:{}+05:30", &clock[6..8]);
    assert!(shown("IST-5:30").contains(&expected), "{expected} is not in\n{}", shown("IST-5:30"));
    assert!(!shown("IST-5:30").contains(clock));
    // A zone that is not there stops nothing.
    assert!(shown("Nowhere/At_All").contains("checkout"));
}

#[test]
fn colours_may_be_chosen() {
    let shown = |args: &[&str]| out(&meshwhy(&[&[KILLED, "--color", "always"], args].concat()));
    assert!(shown(&[]).contains("\x1b[1;31mCRITICAL"));
    assert!(shown(&["--palette", "critical=underline 208"]).contains("\x1b[4;38;5;208mCRITICAL"));
    assert!(shown(&["--palette", "critical=none,dim=blue"]).contains("\nCRITICAL"));
    let place = tempfile::tempdir().expect("a folder");
    let file = place.path().join("meshwhy.toml");
    fs::write(&file, "[colours]\ncritical = '#ff0080'\ndim = 'bright-black'\n").unwrap();
    let path = file.to_str().unwrap();
    assert!(shown(&["--config", path]).contains("\x1b[38;2;255;0;128mCRITICAL"));
    assert!(shown(&["--config", path]).contains("\x1b[90m"));
    assert!(out(&with(&[("MESHWHY_CONFIG", path)], &["explain", "UF"])).contains("UF"));
    let slip = meshwhy(&[KILLED, "--palette", "critical=pink"]);
    assert_eq!(code(&slip), 2);
    assert!(err(&slip).contains("--palette") && err(&slip).contains("bright-blue"), "{}", err(&slip));
}

#[test]
fn defaults_come_from_a_file_and_from_the_environment() {
    let place = tempfile::tempdir().expect("a folder");
    let file = place.path().join("meshwhy.toml");
    fs::write(&file, "output = 'json'\n[records]\noutput = 'raw'\n[aliases]\nbad = 'records --code 5xx'\n")
        .unwrap();
    let path = file.to_str().unwrap();
    let found = [("MESHWHY_CONFIG", path)];
    assert!(out(&with(&found, &[KILLED])).starts_with('{'));
    assert!(out(&meshwhy(&[KILLED, "--config", path])).starts_with('{'));
    assert!(!out(&with(&found, &[KILLED, "--no-config"])).starts_with('{'));
    assert!(!out(&with(&found, &[KILLED, "--output", "table"])).starts_with('{'));
    let bad = out(&with(&found, &["bad", KILLED]));
    assert!(bad.starts_with('[') && bad.lines().all(|line| line.contains("\" 50")), "{bad}");
    assert!(out(&with(&[("MESHWHY_OUTPUT", "csv"), found[0]], &[KILLED])).starts_with("upstream,"));
    assert!(out(&with(&[("MESHWHY_LANG", "zh")], &["--help"])).contains("用法"));
    // The platform's own place.
    fs::create_dir(place.path().join("meshwhy")).unwrap();
    fs::copy(&file, place.path().join("meshwhy/meshwhy.toml")).unwrap();
    let home = [("XDG_CONFIG_HOME", place.path().to_str().unwrap())];
    if cfg!(target_os = "linux") {
        assert!(out(&with(&home, &[KILLED])).starts_with('{'));
    }
    fs::write(&file, "output = 'json'\noutptu = 'json'\n").unwrap();
    let slip = with(&found, &[KILLED]);
    assert_eq!(code(&slip), 2);
    assert!(
        err(&slip).contains("meshwhy.toml:2:1: \"outptu\" is no option; is \"output\" meant?"),
        "{}",
        err(&slip)
    );
    let slip = with(&[("MESHWHY_TOP", "many")], &[KILLED]);
    assert_eq!(code(&slip), 2);
    assert!(err(&slip).contains("MESHWHY_"), "{}", err(&slip));
}

#[test]
fn a_mistyped_upstream_is_answered_with_the_one_that_is_there() {
    for run in [
        meshwhy(&[KILLED, "--upstream", "chekout"]),
        piped(&["records", "--upstream", "chekout*"], text(KILLED).as_bytes()),
    ] {
        let said = out(&run) + &err(&run);
        assert!(said.contains("is \"checkout\" meant?"), "{said}");
    }
    let far = out(&meshwhy(&[KILLED, "--upstream", "zzz"]));
    assert!(far.contains("seen were") && far.contains("checkout.shop"), "{far}");
    // It is there; other filters left nothing.
    assert!(!out(&meshwhy(&[KILLED, "--upstream", "checkout", "--code", "999"])).contains("meant"));
}

#[test]
fn a_mistyped_flag_or_cause_is_answered_with_the_one_that_is_meant() {
    let said = out(&meshwhy(&[KILLED, "--flag", "UFX"]));
    assert!(said.contains("Envoy has no flag \"UFX\": is \"UF\" meant?"), "{said}");
    // There is such a flag, but not in this log; and a glob is no name.
    for flag in ["NR", "UFX*"] {
        assert!(!out(&meshwhy(&[KILLED, "--flag", flag])).contains("meant"), "{flag}");
    }
    for (slip, meant) in [("upstream-clossed", "upstream-closed"), ("UFF", "UF")] {
        let run = meshwhy(&["explain", slip]);
        assert_eq!(code(&run), 2);
        assert!(err(&run).contains(&format!("is {meant:?} meant?")), "{}", err(&run));
    }
}

#[test]
fn a_mistyped_value_is_answered_with_the_one_that_is_meant() {
    let slips: [(&[&str], &str); 19] = [
        (&["records", KILLED, "--output", "ndjsn"], "ndjson"),
        (&["records", KILLED, "--output", "parqet"], "parquet"),
        (&[KILLED, "--output", "markdwn"], "markdown"),
        (&[KILLED, "--output", "snapshto"], "snapshot"),
        (&["report", KILLED, "--output", "htlm"], "html"),
        (&["compare", "--before", KILLED, "--after", KILLED, "--output", "jsn"], "json"),
        (&["trace", "x", KILLED, "--output", "tabel"], "table"),
        (&[KILLED, "--sort", "requests,-faild"], "failed"),
        (&[KILLED, "--by", "upstrem,host"], "upstream"),
        (&[KILLED, "--format", "istio-txt"], "istio-text"),
        (&[KILLED, "--outcome", "proxy_eror"], "proxy_error"),
        (&[KILLED, "--direction", "!inboud"], "inbound"),
        (&[KILLED, "--json-keys", "respons_code=x"], "response_code"),
        (&[KILLED, "--palette", "crtical=red"], "critical"),
        // These are told by the reader of arguments.
        (&[KILLED, "--times", "locl"], "local"),
        (&[KILLED, "--lang", "eng"], "en"),
        (&[KILLED, "--color", "alway"], "always"),
        (&[KILLED, "--fail-on", "critcal"], "critical"),
        (&["completions", "zs"], "zsh"),
    ];
    for (args, meant) in slips {
        let run = meshwhy(args);
        assert_eq!(run.status.code(), Some(2), "{args:?}");
        let said = err(&run);
        let told = [format!("is {meant:?} meant?"), format!("a similar value exists: '{meant}'")];
        assert!(told.iter().any(|told| said.contains(told)), "{args:?}: {said}");
    }
    // Far from all there is: the list is answer enough.
    for args in [[KILLED, "--output", "xyzzy"], [KILLED, "--by", "qqqq"]] {
        assert!(!err(&meshwhy(&args)).contains("meant"), "{args:?}");
    }
}

#[test]
fn mistakes_of_piping_are_explained() {
    for (input, part) in [(&b""[..], "is empty"), (b"GET /x 200 3ms\nstarted\n", "an application's log")] {
        let run = piped(&[], input);
        assert_eq!(code(&run), 4);
        assert!(out(&run).contains(part), "{}", out(&run));
        assert!(
            out(&run).contains("kubectl logs deploy/productpage -c istio-proxy | meshwhy"),
            "{}",
            out(&run)
        );
    }
}

#[test]
fn completions_for_five_shells() {
    for (shell, part) in [
        ("bash", "complete -F _meshwhy"),
        ("zsh", "#compdef meshwhy"),
        ("fish", "complete -c meshwhy"),
        ("elvish", "edit:completion:arg-completer[meshwhy]"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let script = out(&meshwhy(&["completions", shell]));
        assert!(script.contains(part) && script.contains("fail-over"), "{shell}");
    }
}

#[test]
fn each_command_has_a_manual_page() {
    let place = tempfile::tempdir().expect("a folder");
    assert_eq!(code(&meshwhy(&["man", "--dir", place.path().to_str().unwrap()])), 0);
    for name in ["meshwhy", "meshwhy-report", "meshwhy-records", "meshwhy-catalog-check", "kubectl-meshwhy"] {
        let page = fs::read_to_string(place.path().join(format!("{name}.1"))).expect(name);
        assert!(page.contains(".SH OPTIONS") && page.contains(&format!(".TH {name}")), "{name}: {page}");
    }
    assert!(out(&meshwhy(&["man", "report"])).contains("slo"));
    assert!(err(&meshwhy(&["man", "reprot"])).contains("is report meant?"));
}

#[test]
fn commands_and_options_are_suggested() {
    assert!(err(&meshwhy(&["--upstrem", "a"])).contains("--upstream"));
    assert!(err(&meshwhy(&["man", "recrods"])).contains("records"));
    let slip = meshwhy(&["recrods", KILLED]);
    assert_eq!(code(&slip), 2);
    assert!(err(&slip).contains("is \"records\" meant?"), "{}", err(&slip));
}
