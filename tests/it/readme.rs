//! The README's commands and its example.

use std::process::Command;

use crate::samples::{RENEW, root, text};

/// The command whose output stands in the README, and how much of it.
const SAMPLE: &str = "sample-logs/istio-text/checkout-killed.log";
const COLUMNS: &str = "100";

/// The README in each language, with the word before the checks on its screen.
const PAGES: [(&str, &str, &str); 2] = [("README.md", "en", "check"), ("README.zh.md", "zh", "检查")];

fn output(lang: &str) -> String {
    let run = Command::new(env!("CARGO_BIN_EXE_meshwhy"))
        .args([SAMPLE, "--lang", lang])
        .current_dir(root())
        .env("COLUMNS", COLUMNS)
        .output()
        .expect("the program runs");
    assert!(run.status.success());
    String::from_utf8(run.stdout).expect("UTF-8")
}

/// The screen down to the first finding's checks.
fn shown(output: &str, check: &str) -> String {
    let end = output.find(&format!("\n   {check}")).map_or(output.len(), |at| at + 1);
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
    for (name, lang, check) in PAGES {
        let page = text(name);
        let expected = shown(&output(lang), check);
        let (before, found, behind) = fence(&page);
        if std::env::var_os(RENEW).is_some() {
            std::fs::write(root().join(name), format!("{before}{expected}{behind}")).expect(name);
            continue;
        }
        assert_eq!(found, expected, "{name}: {RENEW}=1 renews it");
    }
}

/// Lines of a README's `sh` fences, without what is said about them.
fn commands(name: &str) -> Vec<String> {
    let page = text(name);
    let fences = page.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next().map(str::to_owned));
    fences.flat_map(|fence| fence.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[test]
fn the_first_commands_are_the_promised_ones() {
    let commands = commands("README.md");
    assert_eq!(commands[0], format!("cargo run --release -- {SAMPLE}"));
    assert_eq!(commands[1], "cargo test");
    assert!(root().join(SAMPLE).is_file());
}

/// Both READMEs show the same commands; only what is said behind them differs.
#[test]
fn the_readmes_show_the_same_commands() {
    let bare = |name: &str| -> Vec<String> {
        let own = |line: &String| line.split(" # ").next().unwrap_or_default().trim_end().to_owned();
        commands(name).iter().map(own).collect()
    };
    assert_eq!(bare("README.md"), bare("README.zh.md"));
}

/// Options and commands that the README shows are known to the program.
#[test]
fn shown_options_exist() {
    let help = |args: &[&str]| {
        let run = Command::new(env!("CARGO_BIN_EXE_meshwhy"))
            .args(args)
            .env("LC_ALL", "C")
            .output()
            .expect("the program runs");
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
