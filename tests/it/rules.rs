//! The user's own pages and known findings, from outside.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::samples::{RENEW, root, text};

const FAULTS: &str = "sample-logs/istio-text/three-faults.log";
const PAGE: &str = "# the tariff's own limit\n\n```toml\nid = \"tariff-limit\"\nclass = \"S1\"\n\n[[when]]\nflags = [\"UF\"]\nweight = 0.99\n```\n\nMine \u{1b}[31mred.\n\n## Examples\n\n```log fires\n[2026-01-02T03:04:05.678Z] \"GET /a HTTP/1.1\" 503 UF upstream_reset_before_response_started{x} - \"-\" 0 91 3 - \"-\" \"curl/8\" \"r-1\" \"web.shop:80\" \"10.0.0.7:80\" outbound|80||web.shop.svc.cluster.local - 10.9.9.9:80 10.0.0.1:5000 - default\n```\n";

fn meshwhy(args: &[&str], folder: &Path) -> Output {
    // The developer's own rules have no say here.
    let nowhere = folder.join("no-configuration");
    Command::new(env!("CARGO_BIN_EXE_meshwhy"))
        .args(args)
        .current_dir(folder)
        .env("COLUMNS", "100")
        .env("LC_ALL", "C")
        .env("XDG_CONFIG_HOME", nowhere)
        .env_remove("MESHWHY_RULES")
        .stdin(std::process::Stdio::null())
        .output()
        .expect("the program runs")
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

/// A folder with the faults and these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("rules")).expect("a folder");
    for (name, text) in files {
        fs::write(folder.path().join("rules").join(name), text).expect("a file");
    }
    fs::copy(root().join(FAULTS), folder.path().join("faults.log")).expect("a copy");
    folder
}

fn json(args: &[&str], folder: &Path) -> Value {
    let output = meshwhy(args, folder);
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{args:?}: {e}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn ids(findings: &Value) -> Vec<&str> {
    findings.as_array().expect("a list").iter().filter_map(|f| f["id"].as_str()).collect()
}

fn finding<'j>(json: &'j Value, id: &str) -> &'j Value {
    let all = json["findings"].as_array().expect("a list");
    all.iter()
        .find(|f| f["id"] == id)
        .unwrap_or_else(|| panic!("{id} is not among {:?}", ids(&json["findings"])))
}

/// The examples of `docs/rules.md`: its files are written, its commands run, and what it shows is what they print.
#[test]
fn the_examples_of_the_page_run() {
    let page = text("docs/rules.md");
    let mut renewed = String::new();
    let mut commands = 0;
    for (at, example) in page.split("\n## Example: ").enumerate() {
        if at == 0 {
            renewed.push_str(example);
            continue;
        }
        renewed.push_str("\n## Example: ");
        let folder = folder(&[]);
        let mut rest = example;
        while let Some((before, fence)) = rest.split_once("\n```") {
            let ticks = 3 + fence.bytes().take_while(|b| *b == b'`').count();
            let (info, body) = fence.trim_start_matches('`').split_once('\n').expect("an info string");
            let close = format!("\n{}\n", "`".repeat(ticks));
            let (body, after) = body.split_once(&close).expect("the end of a fence");
            let shown = match info.split_once(' ') {
                None if info == "console" => {
                    let command =
                        body.lines().next().and_then(|l| l.strip_prefix("$ meshwhy ")).expect("a command");
                    commands += 1;
                    let args: Vec<&str> = command.split(' ').collect();
                    let output = meshwhy(&args, folder.path());
                    let words = [output.stdout, output.stderr].concat();
                    let words = String::from_utf8(words).expect("UTF-8");
                    format!("$ meshwhy {command}\n{}", words.trim_end())
                }
                Some((_, file)) => {
                    fs::write(folder.path().join(file), format!("{body}\n")).expect("a file");
                    body.to_owned()
                }
                None => body.to_owned(),
            };
            let ticks = "`".repeat(ticks);
            renewed.push_str(&format!("{before}\n{ticks}{info}\n{shown}\n{ticks}\n"));
            // The blank line behind it begins the next piece.
            rest = after;
        }
        renewed.push_str(rest);
    }
    assert!(commands >= 4, "only {commands} commands");
    if std::env::var_os(RENEW).is_some() {
        fs::write(root().join("docs/rules.md"), &renewed).expect("docs/rules.md can be written");
    }
    assert!(
        text("docs/rules.md") == renewed,
        "docs/rules.md shows something else; {RENEW}=1 renews it:\n{renewed}"
    );
}

#[test]
fn every_command_knows_own_pages() {
    let folder = folder(&[("tariff.md", PAGE)]);
    let path = folder.path();
    let built_in = json(&["--output", "json", "faults.log"], path);
    assert!(ids(&built_in["findings"]).contains(&"connection-refused"));
    assert_eq!(finding(&built_in, "connection-refused")["help"], "docs/diagnoses.md#connection-refused");
    let mine = json(&["--output", "json", "--rules", "rules", "faults.log"], path);
    assert!(!ids(&mine["findings"]).contains(&"connection-refused"));
    assert_eq!(finding(&mine, "tariff-limit")["help"], Value::Null);
    let report = json(&["report", "--output", "json", "--rules", "rules", "faults.log"], path);
    assert!(ids(&report["findings"]).contains(&"tariff-limit"));
    let compare = [
        "compare",
        "--output",
        "json",
        "--rules",
        "rules",
        "--before",
        "faults.log",
        "--after",
        "faults.log",
    ];
    assert!(out(&meshwhy(&compare, path)).contains("\"tariff-limit\""));
    for words in
        [&["explain", "--rules", "rules", "tariff-limit"][..], &["explain", "--rules", "rules", "UF"]]
    {
        let screen = out(&meshwhy(words, path));
        assert!(screen.contains("the tariff's own limit") && !screen.contains('\x1b'), "{words:?}: {screen}");
    }
    assert!(out(&meshwhy(&["catalog", "causes", "--rules", "rules"], path)).contains("tariff-limit"));
    assert!(!out(&meshwhy(&["catalog", "causes"], path)).contains("tariff-limit"));
}

/// The folder of the platform first, then the option; the environment stands for the option.
#[test]
#[cfg(target_os = "linux")]
fn folders_have_an_order() {
    let folder = folder(&[("tariff.md", PAGE)]);
    let path = folder.path();
    let own = path.join("config/meshwhy/rules");
    fs::create_dir_all(&own).expect("a folder");
    fs::write(own.join("tariff.md"), PAGE.replace("the tariff's own limit", "from the platform's folder"))
        .expect("a file");
    let title = |rules: &[&str], variable: Option<&str>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_meshwhy"));
        command.args(["explain"]).args(rules).arg("tariff-limit").current_dir(path);
        command.env("LC_ALL", "C").env("XDG_CONFIG_HOME", path.join("config")).env_remove("MESHWHY_RULES");
        command.envs(variable.map(|folder| ("MESHWHY_RULES", folder)));
        out(&command.output().expect("the program runs")).lines().next().unwrap_or_default().to_owned()
    };
    assert!(title(&[], None).contains("from the platform's folder"));
    assert!(title(&["--rules", "rules"], None).contains("the tariff's own limit"));
    assert!(title(&[], Some("rules")).contains("the tariff's own limit"));
}

#[test]
fn a_bad_page_stops_with_its_place() {
    let folder = folder(&[("tariff.md", &PAGE.replace("weight", "wieght"))]);
    for args in [
        &["--rules", "rules", "faults.log"][..],
        &["report", "--rules", "rules", "faults.log"],
        &["explain", "--rules", "rules", "UF"],
    ] {
        let output = meshwhy(args, folder.path());
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(message.contains("rules/tariff.md:9:1: ") && message.contains("wieght"), "{message}");
        assert!(output.stdout.is_empty());
    }
    let missing = meshwhy(&["--rules", "nowhere", "faults.log"], folder.path());
    assert_eq!(missing.status.code(), Some(2));
}

#[test]
fn check_runs_the_examples() {
    let good = folder(&[("tariff.md", PAGE)]);
    let checked = meshwhy(&["catalog", "check", "rules"], good.path());
    assert_eq!(checked.status.code(), Some(0), "{}", out(&checked));
    for (page, place) in [
        (PAGE.replace("\"UF\"", "\"UH\""), "rules/tariff.md:17: no pattern fits"),
        (PAGE.replace("log fires", "log silent"), "rules/tariff.md:17: a pattern fits"),
        (PAGE.replace("[2026", "x"), "rules/tariff.md:17: this example holds neither"),
        (PAGE.replace("weight", "wieght"), "rules/tariff.md:9:1: "),
    ] {
        let bad = folder(&[("tariff.md", &page)]);
        let checked = meshwhy(&["catalog", "check", "rules"], bad.path());
        assert_eq!(checked.status.code(), Some(1), "{}", out(&checked));
        assert!(out(&checked).contains(place), "{place} is not in {}", out(&checked));
    }
    // Every built-in page is a page that a user may begin with.
    let source = out(&meshwhy(&["catalog", "page", "no-route"], good.path()));
    assert_eq!(source, text("src/diagnosis/catalog/no-route.md"));
}

#[test]
fn known_findings_are_counted_and_named_until_their_day() {
    let known =
        "[[known]]\nid = \"connection-*\"\nscope = \"*ledger*\"\nuntil = \"2026-12-31\"\nreason = \"t-7\"\n";
    let all = folder(&[]);
    let before = json(&["--output", "json", "faults.log"], all.path());
    let scope =
        finding(&before, "connection-refused")["scope"]["upstream"].as_str().expect("an upstream").to_owned();
    let known = known.replace("*ledger*", &scope);
    let folder = folder(&[("known.toml", &known)]);
    let path = folder.path();
    let after = json(&["--output", "json", "--rules", "rules", "faults.log"], path);
    let total = |json: &Value| ids(&json["findings"]).len();
    assert_eq!(total(&after) + 1, total(&before));
    assert!(!ids(&after["findings"]).contains(&"connection-refused"));
    let suppressed = &after["suppressed"][0];
    assert_eq!((&suppressed["until"], &suppressed["reason"]), (&"2026-12-31".into(), &"t-7".into()));
    assert_eq!(suppressed["finding"]["id"], "connection-refused");
    assert_eq!(before["suppressed"], Value::Array(Vec::new()));
    let line = "1 known finding not shown: connection-refused at ";
    for args in [
        &["--rules", "rules", "faults.log"][..],
        &["report", "--rules", "rules", "faults.log"],
        &["report", "--output", "html", "--rules", "rules", "faults.log"],
        &["compare", "--rules", "rules", "--before", "faults.log", "--after", "faults.log"],
    ] {
        let screen = out(&meshwhy(args, path)).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(screen.contains(line) && screen.contains("2026-12-31 (t-7)"), "{args:?}: {screen}");
    }
    // The day counts from the log's own time, so this holds for ever.
    fs::write(path.join("rules/known.toml"), known.replace("2026-12-31", "2026-01-31")).expect("a file");
    let passed = json(&["--output", "json", "--rules", "rules", "faults.log"], path);
    assert_eq!(ids(&passed["findings"]), ids(&before["findings"]));
    let warnings = passed["input"]["warnings"].to_string();
    assert!(
        warnings.contains("connection-refused at ") && warnings.contains("was known until 2026-01-31 (t-7)"),
        "{warnings}"
    );
    // A gate is for what is not known.
    let gate = |until: &str| {
        let rows = known.replace("connection-*", "*").replace(&scope, "*").replace("2026-12-31", until);
        fs::write(path.join("rules/known.toml"), rows).expect("a file");
        meshwhy(&["--fail-on", "warning", "--rules", "rules", "faults.log"], path).status.code()
    };
    assert_eq!((gate("2026-12-31"), gate("2026-01-31")), (Some(0), Some(1)));
}

#[test]
fn lists_are_printed() {
    let folder = folder(&[]);
    for (by, part) in
        [("guide", "1.1 Envoy refuses"), ("flag", "UF UpstreamConnectionFailure"), ("symptom", "status 503")]
    {
        let output = meshwhy(&["explain", "--list", by], folder.path());
        assert!(output.status.success() && out(&output).contains(part), "{by}: {}", out(&output));
    }
    assert_eq!(meshwhy(&["explain"], folder.path()).status.code(), Some(2));
    assert_eq!(meshwhy(&["explain", "--list", "guide", "UF"], folder.path()).status.code(), Some(2));
}
