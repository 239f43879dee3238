//! Log content that wants to be more than text: escapes, markup, formulas, columns, and the program's own words. In every
//! form of every command it stays text.

use std::collections::BTreeSet;

use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag};

use crate::program::{FAILING, GOOD, Ran, meshwhy, piped, run};
use crate::properties::shows_all;

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
    (&["compare", "--split-at", "2026-01-02T03:04:00Z", "--output", "markdown"], "markdown"),
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
        "json" => {
            drop(serde_json::from_str::<serde_json::Value>(text).unwrap_or_else(|e| panic!("{what}: {e}")))
        }
        "ndjson" => text.lines().for_each(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|e| panic!("{what}: {e}: {line}"));
        }),
        "markdown" => markdown_stays_text(what, text),
        "csv" => csv_stays_text(what, text),
        "table of cells" => {
            text.lines().flat_map(|line| cells(what, line)).for_each(|cell| runs_nothing(what, &cell))
        }
        "series" => series_stay_text(what, text),
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
            assert!(ran.err.chars().all(|c| !c.is_control() || c == '\n'), "{what}: {:?}", ran.err);
            if medium == "html" {
                html_stays_text(&what, text);
            }
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
            if medium == "html" {
                html_stays_text(&format!("{value:?}"), ran.text());
            }
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
    let missing = run(meshwhy(&["no\x1b[31m/such\u{202e}/file"]));
    assert_eq!(missing.code(), 3);
    shows_all(&missing.err, "a name");
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

/// Every tag with the names of its attributes. Panics on what is no tag.
#[track_caller]
fn tags(what: &str, page: &str) -> BTreeSet<String> {
    let mut tags = BTreeSet::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let (mut shape, mut quote, mut end) = (String::new(), None, None);
        for (at, c) in rest.char_indices() {
            match (quote, c) {
                (Some(open), c) if c == open => quote = None,
                (Some(_), _) => {}
                (None, '"' | '\'') => quote = Some(c),
                (None, '>') => {
                    end = Some(at);
                    break;
                }
                (None, c) => shape.push(c),
            }
        }
        let end = end.unwrap_or_else(|| panic!("{what}: an open tag: {}", &rest[..rest.len().min(200)]));
        rest = &rest[end + 1..];
        // The page's own style and script are no markup inside.
        if let name @ ("style" | "script") = shape.as_str() {
            let (_, behind) = rest.split_once(&format!("</{name}>")).expect("an end");
            rest = behind;
        }
        tags.insert(shape);
    }
    tags
}

/// The elements and attributes of a page are those that a harmless log gives; its policy admits its own script and nothing else.
#[track_caller]
fn html_stays_text(what: &str, page: &str) {
    let values: Vec<String> = (0..VALUES.len()).map(|n| format!("harmless{n}")).collect();
    let harmless = log(&values.iter().map(String::as_str).collect::<Vec<_>>());
    static KNOWN: std::sync::OnceLock<BTreeSet<String>> = std::sync::OnceLock::new();
    let known = KNOWN.get_or_init(|| {
        let page = |log: &str, args: &[&str]| tags("harmless", piped(args, log.as_bytes()).text());
        let mut known = BTreeSet::new();
        for log in [&harmless, &log(&["harmless"])] {
            for lang in ["en", "zh"] {
                known.extend(page(log, &["report", "--output", "html", "--lang", lang]));
                known.extend(page(log, &["--output", "html", "--lang", lang]));
            }
        }
        known
    });
    let unknown: Vec<String> = tags(what, page).difference(known).cloned().collect();
    assert!(unknown.is_empty(), "{what}: {unknown:?}");
    assert_eq!(page.matches("<script").count(), 1, "{what}");
    let (_, policy) = page.split_once("http-equiv=\"Content-Security-Policy\" content=\"").expect("a policy");
    let policy = policy.split('"').next().unwrap_or_default();
    assert!(
        policy.contains("default-src 'none'")
            && !policy.contains("unsafe-inline")
            && !policy.contains("http"),
        "{policy}"
    );
}

/// The cells of one line of comma-separated values.
#[track_caller]
fn cells(what: &str, line: &str) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell)),
            c => cell.push(c),
        }
    }
    assert!(!quoted, "{what}: a record is one line: {line}");
    cells.push(cell);
    cells
}

/// A spreadsheet runs none of it.
#[track_caller]
fn runs_nothing(what: &str, cell: &str) {
    let runs = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']);
    assert!(!runs, "{what}: {cell}");
}

/// A table that a spreadsheet opens: as many cells in every row, and none of them is run.
#[track_caller]
fn csv_stays_text(what: &str, text: &str) {
    let columns = text.lines().next().expect("a head").split(',').count();
    for line in text.lines() {
        let cells = cells(what, line);
        assert_eq!(cells.len(), columns, "{what}: {line}");
        cells.iter().for_each(|cell| runs_nothing(what, cell));
    }
}

/// Every line is a comment or a series: a name, labels between quotes, a number.
#[track_caller]
fn series_stay_text(what: &str, text: &str) {
    for line in text.lines().filter(|line| !line.starts_with("# ")) {
        let (series, number) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{what}: {line}"));
        assert!(number.parse::<f64>().is_ok() && series.starts_with("meshwhy_"), "{what}: {line}");
        let (mut quoted, mut escaped, mut outside) = (false, false, String::new());
        for c in series.chars() {
            match c {
                _ if escaped => escaped = false,
                '\\' if quoted => escaped = true,
                '"' => quoted = !quoted,
                c if !quoted => outside.push(c),
                _ => {}
            }
        }
        assert!(!quoted && !outside.contains(MARK), "{what}: {line}");
    }
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
            if medium == "html" {
                html_stays_text(&what, ran.text());
            }
        }
    }
}
