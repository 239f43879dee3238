//! The screens and the JSON that people see, as files in `tests/golden`. `MESHWHY_RENEW=1` writes them anew; the diff is
//! to be read as a user would.

use std::fs;
use std::path::PathBuf;

use meshwhy::pipeline::Options;

use crate::samples::{RENEW, bytes, files, relative, root, samples, triage};

/// The outputs that are kept: form, columns, ending.
const FORMS: [(&str, usize, &str); 3] =
    [("table", 80, "table-80.txt"), ("table", 120, "table-120.txt"), ("json", 80, "json")];

fn golden(sample: &str, ending: &str) -> PathBuf {
    root().join("tests/golden").join(format!("{sample}.{ending}"))
}

#[test]
fn what_people_see_is_as_it_was() {
    let renew = std::env::var_os(RENEW).is_some();
    let mut changed = Vec::new();
    for sample in samples() {
        let triage =
            triage(&[bytes(&format!("sample-logs/{}", sample.name), &sample.packed)], &Options::default());
        for (form, width, ending) in FORMS {
            let path = golden(&sample.name, ending);
            let got = triage.rendered(form, width);
            if renew {
                fs::create_dir_all(path.parent().expect("a folder")).expect("tests/golden can be written");
                fs::write(&path, &got).expect("tests/golden can be written");
            }
            let expected = fs::read(&path).unwrap_or_default();
            if got != expected {
                changed.push(format!("{}\n{}", relative(&path), first_difference(&expected, &got)));
            }
        }
    }
    assert!(changed.is_empty(), "{RENEW}=1 renews these:\n{}", changed.join("\n"));
}

/// Reports of two recorded incidents, the triage and the comparison of one of them: arguments, and the file they are
/// kept in.
const REPORTS: [(&[&str], &str); 9] = [
    (&["report", "--slo", "99.9", KILLED], "checkout-killed.md"),
    (&["report", "--slo", "99.9", "--output", "json", KILLED], "checkout-killed.json"),
    (&["report", "--slo", "99.9", "--output", "html", KILLED], "checkout-killed.html"),
    (&["report", "--slo", "99.9", ROLLOUT], "rollout.md"),
    (&["report", "--slo", "99.9", "--output", "json", ROLLOUT], "rollout.json"),
    (&["report", "--slo", "99.9", "--output", "html", ROLLOUT], "rollout.html"),
    (&["--output", "markdown", ROLLOUT], "rollout-triage.md"),
    (&["--output", "html", ROLLOUT], "rollout-triage.html"),
    (&["compare", "--split-at", "2026-11-22T14:06:09.182Z", KILLED], "checkout-killed-compare.md"),
];
const KILLED: &str = "sample-logs/istio-text/checkout-killed.log";
const ROLLOUT: &str = "sample-logs/istio-text/rollout.log";

fn kept_report(name: &str) -> PathBuf {
    root().join("tests/golden/report").join(name)
}

/// The same bytes for any number of threads, and as they were.
#[test]
fn reports_are_as_they_were() {
    let mut changed = Vec::new();
    for (args, name) in REPORTS {
        let got = |threads: &str| {
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_meshwhy"));
            command
                .args(args)
                .args(["--threads", threads])
                .current_dir(root())
                .env("LC_ALL", "C")
                .output()
                .expect("it runs")
                .stdout
        };
        let one = got("1");
        assert!(one == got("4"), "{name}: four threads say something else");
        let path = kept_report(name);
        if std::env::var_os(RENEW).is_some() {
            fs::create_dir_all(path.parent().expect("a folder")).expect("tests/golden can be written");
            fs::write(&path, &one).expect("tests/golden can be written");
        }
        let expected = fs::read(&path).unwrap_or_default();
        if one != expected {
            changed.push(format!("{}\n{}", relative(&path), first_difference(&expected, &one)));
        }
    }
    assert!(changed.is_empty(), "{RENEW}=1 renews these:\n{}", changed.join("\n"));
}

fn first_difference(expected: &[u8], got: &[u8]) -> String {
    let (expected, got) = (String::from_utf8_lossy(expected), String::from_utf8_lossy(got));
    let mut got = got.lines();
    for (at, line) in expected.lines().enumerate() {
        let other = got.next().unwrap_or("(end)");
        if line != other {
            return format!("  line {}\n  - {line}\n  + {other}", at + 1);
        }
    }
    format!("  after the end\n  + {}", got.next().unwrap_or_default())
}

/// Lines of the screen fit the screen.
#[test]
fn tables_keep_their_width() {
    use unicode_width::UnicodeWidthStr;
    for sample in samples() {
        let triage = triage(&[bytes("x.log", &sample.packed)], &Options::default());
        for width in [80, 120] {
            let screen = String::from_utf8(triage.rendered("table", width)).expect("UTF-8");
            for line in screen.lines() {
                // Commands and resources are to be pasted: they are never broken.
                // The one line of a healthy log stays one line.
                let unbroken = line.starts_with("           ") || line.starts_with("All fine: ");
                assert!(unbroken || line.width() <= width, "{} at {width} columns: {line:?}", sample.name);
            }
        }
    }
}

#[test]
fn no_golden_is_left_over() {
    let mut known: Vec<PathBuf> =
        samples().iter().flat_map(|s| FORMS.map(|(_, _, ending)| golden(&s.name, ending))).collect();
    known.extend(REPORTS.map(|(_, name)| kept_report(name)));
    // The screens of the live view are not of samples: tests/it/live.rs knows them.
    let live = root().join("tests/golden/live");
    for path in files("tests/golden").into_iter().filter(|path| !path.starts_with(&live)) {
        assert!(known.contains(&path), "{} belongs to no sample", relative(&path));
    }
}
