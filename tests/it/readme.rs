//! The README's commands and its example.

use std::process::Command;

use crate::samples::{RENEW, root, text};

/// The command whose output stands in the README, and how much of it.
const SAMPLE: &str = "sample-logs/istio-text/checkout-killed.log";
const COLUMNS: &str = "100";

fn output() -> String {
    let run = Command::new(env!("CARGO_BIN_EXE_meshwhy"))
        .arg(SAMPLE)
        .current_dir(root())
        .env("COLUMNS", COLUMNS)
        // The developer's own rules have no say here.
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .output()
        .expect("the program runs");
    assert!(run.status.success());
    String::from_utf8(run.stdout).expect("UTF-8")
}

/// The screen down to the first finding's checks.
fn shown(output: &str) -> String {
    let end = output.find("\n   check").map_or(output.len(), |at| at + 1);
    let rest = &output[end..];
    let check =
        rest.find("           kubectl").and_then(|at| Some(at + rest[at..].find('\n')? + 1)).unwrap_or(0);
    format!("{}{}   …\n", &output[..end], &rest[..check])
}

/// The first `text` fence: what stands before, in and behind it.
fn fence(page: &str) -> (&str, &str, &str) {
    let open = page.find("```text\n").expect("a text fence") + "```text\n".len();
    let close = open + page[open..].find("```").expect("its end");
    (&page[..open], &page[open..close], &page[close..])
}

#[test]
fn the_example_is_real() {
    let page = text("README.md");
    let expected = shown(&output());
    let (before, found, behind) = fence(&page);
    if std::env::var_os(RENEW).is_some() {
        std::fs::write(root().join("README.md"), format!("{before}{expected}{behind}")).expect("README.md");
        return;
    }
    assert_eq!(found, expected, "{RENEW}=1 renews it");
}

/// Lines of the README's `sh` fences.
fn commands() -> Vec<String> {
    let page = text("README.md");
    let fences = page.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next().map(str::to_owned));
    fences.flat_map(|fence| fence.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[test]
fn the_first_commands_are_the_promised_ones() {
    let commands = commands();
    assert_eq!(commands[0], format!("cargo run --release -- {SAMPLE}"));
    assert_eq!(commands[1], "cargo test");
    assert!(root().join(SAMPLE).is_file());
}

/// Options and commands that the README shows are known to the program.
#[test]
fn shown_options_exist() {
    let help = |args: &[&str]| {
        let run = Command::new(env!("CARGO_BIN_EXE_meshwhy")).args(args).output().expect("the program runs");
        assert!(run.status.success(), "{args:?}");
        String::from_utf8(run.stdout).expect("UTF-8")
    };
    let commands = ["records", "report", "compare", "explain"].map(|name| help(&[name, "--help"]));
    let all = [help(&["--help"]), commands.concat()].concat();
    let pages = ["README.md", "docs/cli.md", "docs/formats.md"].map(text).concat();
    let mut seen = 0;
    for line in pages.lines().filter(|line| line.contains("meshwhy ")) {
        let own =
            line.split("meshwhy ").last().unwrap_or_default().split([';', '#']).next().unwrap_or_default();
        let own = own.split(" | ").next().unwrap_or_default();
        for option in own.split_whitespace().filter(|word| word.starts_with("--")) {
            let option: String =
                option.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
            seen += 1;
            assert!(all.contains(&option), "{option} is shown in: {line}");
        }
    }
    assert!(seen >= 10, "only {seen} options found");
}
