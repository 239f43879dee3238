//! Every sample log through every form of the report, in both languages, with all that can be hidden: it comes to its end,
//! is the same bytes again, and tells no secret.

use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::samples::{files, relative, root};

fn report(path: &str, output: &str, lang: &str, threads: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_meshwhy"))
        // The developer's own rules have no say here.
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .env("LC_ALL", "C")
        .args(["report", "--redact", "--redact-authority", "--slo", "99.9"])
        .args(["--output", output, "--lang", lang, "--threads", threads, path])
        .current_dir(root())
        .output()
        .expect("the program runs")
}

/// What `--redact` hides, as the records have it: client addresses, user agents, values of queries, authorities.
fn secrets(path: &str) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_meshwhy"))
        .args(["records", "--quiet", path])
        .current_dir(root())
        .output()
        .expect("the program runs");
    let mut out = Vec::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let row: Value = serde_json::from_str(line).expect("JSON");
        // Cut lines may hold half of a value.
        if row["complete"] == false {
            continue;
        }
        out.extend(row["user_agent"].as_str().filter(|agent| agent.len() > 12).map(str::to_owned));
        let query = row["path"].as_str().and_then(|path| path.split_once('?'));
        let values = query.into_iter().flat_map(|(_, query)| query.split('&'));
        out.extend(
            values
                .filter_map(|pair| pair.split_once('='))
                .map(|(_, value)| value.to_owned())
                .filter(|v| v.len() > 7),
        );
    }
    out.sort();
    out.dedup();
    out
}

fn check(path: &str) {
    let secrets = secrets(path);
    for output in ["markdown", "json", "html"] {
        for lang in ["en", "zh"] {
            let what = format!("{path} as {output} in {lang}");
            let first = report(path, output, lang, "1");
            let errors = String::from_utf8_lossy(&first.stderr).into_owned();
            // Four: nothing in it was an access record; what is printed is whole all the same.
            assert!(matches!(first.status.code(), Some(0 | 4)), "{what}: {errors}");
            assert!(!errors.contains("panicked"), "{what}: {errors}");
            let again = report(path, output, lang, "4");
            assert!(first.stdout == again.stdout, "{what}: other bytes with four threads");
            let told = String::from_utf8(first.stdout).expect("UTF-8");
            if output == "json" {
                let value: Value = serde_json::from_str(&told).unwrap_or_else(|e| panic!("{what}: {e}"));
                assert_eq!(value["schema"], "meshwhy.report/1", "{what}");
            }
            for secret in &secrets {
                assert!(!told.contains(secret.as_str()), "{what}: {secret:?}");
            }
        }
    }
}

#[test]
fn every_sample_in_every_form_and_language() {
    let mut samples: Vec<String> = files("sample-logs").iter().map(|path| relative(path)).collect();
    samples.retain(|path| !path.ends_with(".md"));
    assert!(samples.len() > 20, "{samples:?}");
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(path) = samples.get(next.fetch_add(1, Ordering::Relaxed)) {
                    check(path);
                }
            });
        }
    });
}
