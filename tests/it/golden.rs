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
    let known: Vec<PathBuf> =
        samples().iter().flat_map(|s| FORMS.map(|(_, _, ending)| golden(&s.name, ending))).collect();
    for path in files("tests/golden") {
        assert!(known.contains(&path), "{} belongs to no sample", relative(&path));
    }
}
