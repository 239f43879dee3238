//! Log content that wants to be more than text: escapes, markup, formulas, columns, and the program's own words. In every
//! form of every command it stays text.

use std::collections::BTreeSet;
use std::io::Write;

use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag};

use crate::broken::{member, padded};
use crate::media::{self, shows_all};
use crate::paths::gzip;
use crate::program::{FAILING, GOOD, Ran, fed, meshwhy, on_path, piped, run};

/// Stands in every value, so that it can be found again.
const MARK: &str = "zq9";

/// Values that mean something to one medium or another.
static VALUES: &[&str] = &[
    "\x1b[2J\x1b[31mzq9\x07",
    "\x1b]8;;https://zq9\x1b\\x",
    "\u{9b}31mzq9",
    "\u{202e}9qz\u{2066}",
    "zq\u{200b}9\u{feff}",
    "<script>alert('zq9')</script>",
    "\"><img src=x onerror=zq9()>",
    "' onload='zq9",
    "</style><svg/onload=zq9>",
    "<!--zq9",
    "&#60;zq9&#62;",
    "</title></script>zq9",
    "{{script}}zq9",
    "javascript:zq9",
    "expression(zq9)",
    "[zq9](https://zq9.example)",
    "![zq9](https://zq9.example/a.png)",
    "<https://zq9.example>",
    "https://zq9.example",
    "www.zq9.example",
    "@zq9",
    "#9",
    "org/zq9#12",
    "`zq9",
    "```zq9",
    "~~~zq9",
    "|zq9|zq9|",
    "\\|zq9",
    "**zq9**",
    "_zq9_",
    "$zq9$",
    "# zq9",
    "- zq9",
    "1. zq9",
    "> zq9",
    "+ zq9",
    "=cmd|'/C zq9'!A0",
    "+zq9",
    "-zq9+1",
    "@SUM(zq9)",
    "\t=zq9",
    "＝zq9",
    "a,zq9,b",
    "a;zq9",
    "zq9\"\",\"",
    "CRITICAL  zq9",
    "All fine: 100 requests to zq9, none failed",
    "\",\"severity\":\"critical\",\"zq9\":\"",
    "]--> end\n zq9",
    "\"]; click zq9 href \"https://zq9\"",
    "\\u001b[2Jzq9",
    "%zq9%0a",
    "zq9\\",
];

/// A failing line with a value in every column that a client or a name can reach, as Istio's JSON: there any bytes can stand.
fn line(value: &str) -> String {
    let text = |value: &str| serde_json::Value::from(value).to_string();
    let v = text(value);
    let cluster = text(&format!("outbound|80|{value}|web.shop.svc.cluster.local"));
    format!(
        "{{\"start_time\":\"2026-01-02T03:04:05.678Z\",\"method\":{v},\"path\":{v},\"protocol\":\"HTTP/1.1\",\"response_code\":503,\
         \"response_flags\":\"UF\",\"response_code_details\":{v},\"connection_termination_details\":{v},\"upstream_transport_failure_reason\":{v},\
         \"bytes_received\":0,\"bytes_sent\":91,\"duration\":3,\"upstream_service_time\":null,\"x_forwarded_for\":{v},\"user_agent\":{v},\"request_id\":{v},\
         \"authority\":{v},\"upstream_host\":{v},\"upstream_cluster\":{cluster},\"upstream_local_address\":null,\
         \"downstream_local_address\":{v},\"downstream_remote_address\":{v},\"requested_server_name\":{v},\"route_name\":{v}}}\n"
    )
}

/// Once more as text, where quotes and newlines cannot stand as they are.
fn text_line(value: &str) -> String {
    let v = value.replace(['\n', '"'], "");
    let v = v.as_str();
    FAILING
        .replace("/a HTTP", &format!("/{v} HTTP"))
        .replace("curl/8", v)
        .replace("r-1", v)
        .replace("web.shop:80", v)
        .replace("- default", &format!("- {v}"))
}

/// A log of so many lines of each: enough to be an incident, with a healthy time before it.
fn log(values: &[&str]) -> String {
    let mut out: String =
        (0..40).map(|n| GOOD.replace("03:04:06", &format!("03:03:{:02}", n % 60))).collect();
    for value in values {
        out += &line(value).repeat(3);
        out += &text_line(value).repeat(3);
        // Somebody else's line, and one of the proxy's own log.
        out += &format!("{}\n", value.replace('\n', " "));
        out += &format!(
            "2026-01-02T03:04:05.000000Z\twarning\tenvoy config\tgRPC config for type rejected: {}\n",
            value.replace('\n', " ")
        );
    }
    out
}

const FORMS: &[(&[&str], &str)] = &[
    (&["--output", "table"], "table"),
    (&["--output", "json"], "json"),
    (&["--output", "markdown"], "markdown"),
    (&["--output", "html"], "html"),
    (&["--output", "csv"], "table of cells"),
    (&["--output", "prometheus"], "series"),
    (&["--by", "path,authority", "--output", "table"], "table"),
    (&["report", "--output", "markdown"], "markdown"),
    (&["report", "--output", "json"], "json"),
    (&["report", "--output", "html"], "html"),
    (&["report", "--redact", "--redact-authority", "--output", "markdown"], "markdown"),
    (&["report", "--redact", "--redact-authority", "--output", "html"], "html"),
    (&["compare", "--split-at", "2026-01-02T03:04:00Z", "--output", "markdown"], "markdown"),
    (&["compare", "--split-at", "2026-01-02T03:04:00Z", "--output", "html"], "html"),
    (&["compare", "--split-at", "2026-01-02T03:04:00Z", "--output", "json"], "json"),
    (&["records", "--output", "ndjson"], "ndjson"),
    (&["records", "--output", "csv"], "csv"),
];

fn forms(log: &str, lang: &str) -> Vec<(String, &'static str, Ran)> {
    let run = |(args, medium): &(&[&str], &'static str)| {
        let args = [args, &["--lang", lang][..]].concat();
        let args = if args[0] == "records" { &args[..3] } else { &args[..] };
        (args.join(" "), *medium, piped(args, log.as_bytes()))
    };
    FORMS.iter().map(run).collect()
}

#[track_caller]
fn stays_text(what: &str, medium: &str, text: &str) {
    shows_all(text, what);
    match medium {
        "json" => media::json(what, text),
        "ndjson" => media::ndjson(what, text),
        "markdown" => markdown_stays_text(what, text),
        "html" => html_stays_text(what, text),
        "csv" => media::csv(what, text),
        "table of cells" => media::tables(what, text),
        "series" => assert!(!media::series(what, text).contains(MARK), "{what}"),
        _ => {}
    }
}

#[test]
fn hostile_values_stay_text_in_every_form() {
    for lang in ["en", "zh"] {
        let log = log(VALUES);
        for (what, medium, ran) in forms(&log, lang) {
            assert_eq!(ran.code(), 0, "{what}: {}", ran.err);
            let text = ran.text();
            stays_text(&what, medium, text);
            shows_all(&ran.err, &what);
        }
    }
}

/// A value alone, so that it is first in every list, title and sentence.
#[test]
fn each_hostile_value_alone_stays_text() {
    for value in VALUES {
        let log = log(&[value]);
        for args in [
            &["--output", "markdown"][..],
            &["report", "--output", "markdown"],
            &["report", "--output", "html"],
            &[],
        ] {
            let ran = piped(args, log.as_bytes());
            let medium = args.last().copied().unwrap_or("table");
            stays_text(&format!("{value:?} {args:?}"), medium, ran.text());
        }
    }
}

#[test]
fn a_pasted_line_and_a_traced_request_stay_text() {
    for value in VALUES.iter().filter(|value| !value.starts_with('-') && !value.contains('\n')) {
        let pasted = run(meshwhy(&["explain", line(value).trim_end()]));
        assert_eq!(pasted.code(), 0, "{value:?}: {}", pasted.err);
        shows_all(pasted.text(), value);
        let unknown = run(meshwhy(&["explain", value]));
        shows_all(unknown.text(), value);
        shows_all(&unknown.err, value);
        for form in ["table", "json"] {
            let traced = piped(&["trace", value, "--output", form], log(&[value]).as_bytes());
            shows_all(traced.text(), &format!("trace {value:?} {}", traced.err));
        }
    }
    // Names of files are strangers' bytes, too.
    let name = "no\x1b[31m/such\u{202e}/file";
    for args in [
        &[name][..],
        &["report", name],
        &["merge", name],
        &["trace", "x", name],
        &["--rules", name, "-"],
        &["--format-from", name, "-"],
        &["--state", name, "-"],
        &["catalog", "check", name],
        &["report", "--output-file", name, "-"],
    ] {
        let missing = run(meshwhy(args));
        assert_ne!(missing.code(), 0, "{args:?}");
        assert!(missing.err.contains("such"), "{args:?}: {}", missing.err);
        shows_all(&missing.err, "a name");
    }
}

/// An archive of logs with these names; one each that breaks off, so that the name stands in a message, too.
fn archive(names: &[String]) -> (tempfile::TempDir, std::path::PathBuf) {
    let file = tar::EntryType::Regular;
    let mut archive = Vec::new();
    for name in names {
        let log = log(&["harmless"]).into_bytes();
        archive.extend(member(file, name, "", log.len() as u64));
        archive.extend(padded(&log));
        let cut = &gzip(&log)[..300];
        archive.extend(member(file, &format!("{name}.gz"), "", cut.len() as u64));
        archive.extend(padded(cut));
    }
    archive.resize(archive.len() + 1024, 0);
    crate::broken::file("x.tar", &archive)
}

/// Members of an archive are called as their maker liked, and messages name them.
#[test]
fn names_of_files_stay_text() {
    let names: Vec<String> = VALUES.iter().map(|value| (*value).to_owned()).collect();
    let (_folder, path) = archive(&names);
    for (args, medium) in FORMS {
        let ran = on_path(args, &path);
        let what = format!("names of files: {}", args.join(" "));
        assert_eq!(ran.code(), 3, "{what}: {}", ran.err);
        assert!(ran.err.matches("at byte ").count() >= VALUES.len(), "{what}: {}", ran.err);
        stays_text(&what, medium, ran.text());
        shows_all(&ran.err, &what);
    }
}

/// A line as it stood is bytes for a pipe, and on a terminal nothing but text.
#[test]
fn lines_as_they_stood_do_not_steer_a_terminal() {
    let folder = tempfile::tempdir().expect("a folder");
    let line = FAILING.replace("curl/8", "\x1b]0;owned\x07\x1b[2J\u{202e}\u{9b}31m");
    let log = folder.path().join("a.log");
    std::fs::write(&log, &line).expect("a file");
    assert_eq!(on_path(&["records", "--output", "raw"], &log).out, line.as_bytes());

    let size = portable_pty::PtySize { rows: 24, cols: 200, pixel_width: 0, pixel_height: 0 };
    let pair = portable_pty::native_pty_system().openpty(size).expect("a terminal");
    let mut command = portable_pty::CommandBuilder::new(crate::program::program());
    command.args(["records", "--output", "raw", "--no-progress"]);
    command.arg(&log);
    command.env("XDG_CONFIG_HOME", "/nonexistent");
    let mut child = pair.slave.spawn_command(command).expect("the program runs");
    drop(pair.slave);
    let mut shown = Vec::new();
    // A terminal whose other side is closed ends with an error.
    let mut reader = pair.master.try_clone_reader().expect("a reader");
    let _ = std::io::Read::read_to_end(&mut reader, &mut shown);
    assert!(child.wait().expect("a child").success());
    let shown = String::from_utf8(shown).expect("text").replace("\r\n", "\n");
    shows_all(&shown, "a line as it stood");
    assert!(shown.contains("\\x1b]0;owned\\x07") && shown.contains("upstream_reset"), "{shown}");
}

/// What was counted as a snapshot, merged, and told from there.
fn through_a_snapshot(log: &str) -> Vec<(String, &'static str, Ran)> {
    let folder = tempfile::tempdir().expect("a folder");
    let made = piped(&["--output", "snapshot", "--stdin-name", "x\x1b[31m\u{202e}<b>=|.log"], log.as_bytes());
    assert_eq!(made.code(), 0, "{}", made.err);
    let (first, merged) = (folder.path().join("first.snap"), folder.path().join("merged.snap"));
    std::fs::write(&first, &made.out).expect("a file");
    let again = on_path(&["merge", "--output", "snapshot"], &first);
    assert_eq!(again.code(), 0, "{}", again.err);
    std::fs::write(&merged, &again.out).expect("a file");
    let forms = [
        (&["merge"][..], "table"),
        (&["merge", "--output", "json"], "json"),
        (&["merge", "--output", "csv"], "table of cells"),
        (&["merge", "--output", "html"], "html"),
        (&["report", "--output", "markdown"], "markdown"),
        (&["report", "--output", "html"], "html"),
    ];
    let run = |(args, medium): (&[&str], &'static str)| {
        (format!("a snapshot: {}", args.join(" ")), medium, on_path(args, &merged))
    };
    forms.into_iter().map(run).collect()
}

#[test]
fn what_a_snapshot_kept_stays_text() {
    for (what, medium, ran) in through_a_snapshot(&log(VALUES)) {
        assert_eq!(ran.code(), 0, "{what}: {}", ran.err);
        stays_text(&what, medium, ran.text());
        shows_all(&ran.err, &what);
    }
}

/// The live view without a screen, while the log is still being written.
fn live(log: &str) -> Ran {
    // By the clock of the log: its last minute is what is shown.
    fed(&["--follow", "--plain", "--interval", "300ms"], |stdin| {
        stdin.write_all(log.as_bytes())?;
        std::thread::sleep(std::time::Duration::from_millis(1_500));
        Ok(())
    })
}

#[test]
fn blocks_of_the_live_view_stay_text() {
    for value in ["\x1b[2J\x1b[31mzq9\x07", "zq\u{200b}9\u{feff}", "\u{202e}9qz\u{2066}", "CRITICAL  zq9"] {
        let ran = live(&log(&[value]));
        assert_eq!(ran.code(), 0, "{}", ran.err);
        assert!(ran.text().matches("  failing  ").count() >= 1, "a block was written: {}", ran.text());
        shows_all(ran.text(), value);
        shows_all(&ran.err, value);
    }
}

/// Markdown as a reader of it sees it: what came from the log is text or code, and makes no cell, link or element.
#[track_caller]
fn markdown_stays_text(what: &str, text: &str) {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_MATH;
    let (mut code, mut columns, mut cells) = (false, 0, 0);
    for event in Parser::new_ext(text, options) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => code = true,
            Event::End(pulldown_cmark::TagEnd::CodeBlock) => code = false,
            Event::Start(Tag::Table(alignments)) => columns = alignments.len(),
            Event::Start(Tag::TableRow | Tag::TableHead) => cells = 0,
            Event::Start(Tag::TableCell) => cells += 1,
            Event::End(pulldown_cmark::TagEnd::TableRow | pulldown_cmark::TagEnd::TableHead) => {
                assert_eq!(cells, columns, "{what}")
            }
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                panic!("{what} links to {dest_url}\n{text}")
            }
            Event::Html(html) | Event::InlineHtml(html) => panic!("{what} holds {html}\n{text}"),
            Event::InlineMath(math) | Event::DisplayMath(math) => panic!("{what} holds {math}\n{text}"),
            Event::Start(Tag::Strikethrough) => panic!("{what} strikes out\n{text}"),
            // Chats and trackers look for these in what is left.
            Event::Text(text) if !code => {
                for live in ["@zq9", "://zq9", "www.zq9", "zq9#1"] {
                    assert!(!text.contains(live), "{what}: {live} in {text}");
                }
            }
            _ => {}
        }
    }
    assert!(text.contains(MARK) || !what.contains(MARK), "{what}: what was logged is shown");
}

/// The elements and attributes of a page are those that a harmless log gives; its policy admits its own script and nothing else.
#[track_caller]
fn html_stays_text(what: &str, page: &str) {
    let values: Vec<String> = (0..VALUES.len()).map(|n| format!("harmless{n}")).collect();
    let harmless = log(&values.iter().map(String::as_str).collect::<Vec<_>>());
    static KNOWN: std::sync::OnceLock<BTreeSet<String>> = std::sync::OnceLock::new();
    let known = KNOWN.get_or_init(|| {
        let pages = FORMS.iter().filter(|(_, medium)| *medium == "html");
        let (_folder, path) = archive(&values);
        let mut known = BTreeSet::new();
        for (args, _) in pages {
            for (log, lang) in [(&harmless, "en"), (&harmless, "zh"), (&log(&["harmless"]), "en")] {
                let args = [args, &["--lang", lang][..]].concat();
                known.extend(media::tags("harmless", piped(&args, log.as_bytes()).text()));
            }
            known.extend(media::tags("harmless", on_path(args, &path).text()));
        }
        known
    });
    let unknown: Vec<String> = media::tags(what, page).difference(known).cloned().collect();
    assert!(unknown.is_empty(), "{what}: {unknown:?}");
    media::html(what, page);
}

/// Lines that look like the program's own result add nothing to it.
#[test]
fn what_imitates_the_result_is_not_believed() {
    let own = piped(&[], log(&["x"]).as_bytes());
    let imitation: String =
        own.text().lines().map(|line| format!("{line}\n{}", line_with_agent(line))).collect();
    let ran = piped(&["--output", "json"], imitation.as_bytes());
    let findings = ran.json()["findings"].as_array().expect("a list").clone();
    let screen = piped(&[], imitation.as_bytes());
    let heads = |text: &str| text.lines().filter(|line| line.starts_with("CRITICAL ")).count();
    let critical = findings.iter().filter(|finding| finding["severity"] == "critical").count();
    assert!(heads(screen.text()) <= critical, "{}", screen.text());
    assert_eq!(ran.lines().other, own.text().lines().count() as u64);
}

fn line_with_agent(agent: &str) -> String {
    FAILING.replace("curl/8", &agent.replace('"', "'"))
}

/// Pieces of values, and any characters.
fn value() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        2 => proptest::sample::select(VALUES).prop_map(str::to_owned),
        1 => any::<String>().prop_map(|text| text.chars().take(12).collect::<String>()),
        1 => "[<>\"'`|\\[\\]()@#_*~$\\\\=+,;:/.\u{202e}\u{9b}\x1b -]{1,8}",
    ];
    proptest::collection::vec(piece, 1..4).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn any_values_stay_text_in_every_form(values in proptest::collection::vec(value(), 1..8)) {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        for (what, medium, ran) in forms(&log(&values), "en") {
            prop_assert_eq!(ran.code(), 0, "{}: {}", what, ran.err);
            stays_text(&what, medium, ran.text());
        }
    }
}
