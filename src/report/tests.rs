//! Both renderers on small summaries made from records.

use super::*;
use crate::aggregate::{Caps, Exemplar, Span, Tally, Text};
use crate::diagnosis::{Alternative, Fact, FindingScope, Remedy, Severity};
use crate::format::{ProxyLine, Writer};
use crate::record::{Carrier, Field, Layout, Record, time};
use proptest::prelude::*;
use unicode_width::UnicodeWidthStr;

const REVIEWS: &[u8] = b"outbound|9080|v2|reviews.default.svc.cluster.local";
const RATINGS: &[u8] = b"outbound|9080||ratings.default.svc.cluster.local";
const DETAILS: &[u8] = b"outbound|9080||details.default.svc.cluster.local";

/// Feeds one record, made from fields, to a tally.
fn feed(tally: &mut Tally, line: u64, fields: &[(Field, &[u8])]) {
    let mut text = b"^".to_vec();
    let mut layout = Layout::new("istio-text");
    for (field, value) in fields {
        layout.set(*field, text.len()..text.len() + value.len());
        text.extend_from_slice(value);
    }
    tally.record(&Record::new(&text, &layout, Carrier::default()), 0, line, line * 100, &text);
}

fn request(tally: &mut Tally, n: u64, cluster: &[u8], code: &str, flags: &str, ms: u64) {
    let start = time::rfc3339_ms(1_767_348_012_000_000 + n as i64 * 200_000);
    feed(
        tally,
        n + 1,
        &[
            (Field::StartTime, start.as_bytes()),
            (Field::Method, b"GET"),
            (Field::Path, b"/reviews/0"),
            (Field::Code, code.as_bytes()),
            (Field::Flags, flags.as_bytes()),
            (Field::Details, b"via_upstream"),
            (Field::Duration, ms.to_string().as_bytes()),
            (Field::UpstreamCluster, cluster),
            (Field::UpstreamHost, b"10.1.2.31:9080"),
        ],
    );
}

fn finished(tally: Tally) -> Summary {
    let mut summary = Summary::default();
    summary.merge(tally.finish(), &Caps::default());
    summary
}

/// Two upstreams that fail and one that does not.
fn incident() -> Summary {
    let mut tally = Tally::default();
    for n in 0..4_000 {
        match n % 40 {
            0..3 if n > 1_200 => request(&mut tally, n, REVIEWS, "503", "UF,URX", 10_000),
            3 if n > 3_000 => request(&mut tally, n, RATINGS, "503", "UO", 0),
            4 => request(&mut tally, n, DETAILS, "0", "DC", 15_000),
            5 => request(&mut tally, n, DETAILS, "500", "-", 9),
            k if k % 2 == 0 => request(&mut tally, n, REVIEWS, "200", "-", 12),
            _ => request(&mut tally, n, DETAILS, "200", "-", 3),
        }
    }
    tally.proxy(&ProxyLine { writer: Writer::Agent, signal: None, time_us: None }, 0, 4_001, 0, b"x");
    finished(tally)
}

fn healthy() -> Summary {
    let mut tally = Tally::default();
    (0..1_200).for_each(|n| request(&mut tally, n, REVIEWS, "200", "-", 12));
    finished(tally)
}

fn finding(severity: Severity) -> Finding {
    let first = 1_767_348_252_000_000;
    Finding {
        id: "connection-refused".into(),
        title: "nothing listens on the port".into(),
        severity,
        confidence: 0.91,
        guide: vec!["1.1".into(), "7.4".into()],
        scope: FindingScope { upstream: Some(Text::from(REVIEWS)), ..FindingScope::default() },
        requests: 210,
        of: 2_000,
        span: Span::between(first, first + 500_000_000),
        ongoing: true,
        likely_cause: "Envoy reached 10.1.2.31, and the kernel there refused the connection: 210 × UF."
            .into(),
        evidence: vec![
            Fact::new("210 of 210 carry \"Connection refused\"".into(), 210),
            Fact::new("only one of three hosts, and it had served 200s until then".into(), 0),
        ],
        against: vec![],
        fix: vec![Remedy {
            text: "start the process in those pods".into(),
            command: None,
            yaml: Some("a: 1\nb: 2".into()),
        }],
        confirm: vec![Remedy {
            text: String::new(),
            command: Some(
                "kubectl -n default get endpointslices -l kubernetes.io/service-name=reviews -o wide".into(),
            ),
            yaml: None,
        }],
        alternatives: vec![Alternative {
            id: "endpoint-churn".into(),
            title: "a rollout".into(),
            confidence: 0.07,
            check: None,
        }],
        exemplars: vec![Exemplar {
            source: 0,
            line: 48_213,
            offset: 9,
            time_us: Some(first),
            request_id: Some(Text::from(&b"3f2c1111-2222-3333-4444-555555555591"[..])),
            request: Text::from(&b"GET /reviews/0"[..]),
            raw: Text::from(&b"[...] \"GET /reviews/0\" \xff"[..]),
        }],
    }
}

fn rendered(name: &str, summary: &Summary, findings: &[Finding], view: View) -> String {
    let lines = summary.lines.total;
    let sources = [SourceInfo { name: "-".into(), container: "plain", bytes: 100, lines }];
    let report = Report {
        summary,
        findings,
        suppressed: &[],
        sources: &sources,
        failures: &[],
        warnings: &[],
        filtered: 0,
        view,
    };
    let mut out = Vec::new();
    renderer(name).unwrap().render(&report, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn table(summary: &Summary, findings: &[Finding], width: usize) -> String {
    rendered("table", summary, findings, View { width, ..View::default() })
}

fn json(summary: &Summary, findings: &[Finding]) -> serde_json::Value {
    serde_json::from_str(&rendered("json", summary, findings, View::default())).unwrap()
}

#[test]
fn the_answer_is_in_the_first_lines_at_120_columns() {
    let screen = table(&incident(), &[finding(Severity::Critical), finding(Severity::Note)], 120);
    let lines: Vec<&str> = screen.lines().collect();
    assert_eq!(
        lines[0],
        "standard input · caller's side · 10:00:12Z – 10:13:31Z (13 min 19 s) · 4,000 requests · 334 failed (8.4 %)"
    );
    assert!(
        lines[2].starts_with("CRITICAL  reviews.default:9080 (v2): nothing listens on the port  "),
        "{screen}"
    );
    assert!(lines[2].ends_with("since 10:04:12Z, still going on") && lines[2].width() == 120, "{screen}");
    assert!(
        lines[3].starts_with("          210 of 2,000 requests (10.5 %)") && lines[3].ends_with("91 % sure")
    );
    assert!(lines[4].starts_with("note      reviews.default:9080 (v2): nothing"), "{screen}");
    for part in [
        "UPSTREAM",
        "  UF",
        "  URX",
        "  UO",
        "  DC",
        "  APP",
        "P50",
        "P99",
        "SINCE",
        "failures per",
        "peak ",
        "   why     Envoy reached",
        "   for     210 of 210",
        "   also    endpoint-churn 7 %",
        "   check   kubectl -n default",
        "   fix     start the process",
        "   yaml    1 resource to apply",
        "connection-refused · guide 1.1, 7.4",
        "1 of 210: 10:04:12.000Z 3f2c…5591 GET /reviews/0 (stdin:48213)",
        "read 4,001 lines: 4,000 access (istio-text), 1 proxy log, 0 not understood",
    ] {
        assert!(screen.contains(part), "{part:?} is missing in\n{screen}");
    }
}

#[test]
fn eighty_columns_are_enough() {
    let screen = table(&incident(), &[finding(Severity::Critical)], 80);
    for line in screen.lines().filter(|line| !line.contains("kubectl")) {
        assert!(line.width() <= 80, "{line:?} is too wide in\n{screen}");
    }
    assert!(!screen.contains("SINCE") && screen.contains("UF") && screen.contains("P99"), "{screen}");
}

#[test]
fn numbers_stand_under_their_heads() {
    for width in [80, 100, 120, 200] {
        let screen = table(&incident(), &[], width);
        let rows: Vec<&str> = screen.lines().skip_while(|l| !l.starts_with("UPSTREAM")).take(4).collect();
        let end = rows[0].find("FAILED").unwrap() + 6;
        for row in &rows[1..] {
            let around: Vec<char> = row.chars().skip(end - 1).take(2).collect();
            assert!(around[0].is_ascii_digit() && around[1] == ' ', "{screen}");
        }
    }
}

#[test]
fn healthy_input_is_one_line() {
    assert_eq!(
        table(&healthy(), &[], 80),
        "All fine: 1,200 requests to 1 upstream in 3 min 59 s, none failed (0 proxy-log lines, 0 not understood).\n"
    );
    let noted = table(&healthy(), &[finding(Severity::Note)], 80);
    assert_eq!(noted.lines().count(), 2, "{noted}");
}

#[test]
fn an_input_without_access_lines_says_what_to_do() {
    let mut tally = Tally::default();
    (0..214).for_each(|_| tally.other());
    let screen = table(&finished(tally), &[], 120);
    assert!(screen.starts_with(
        "No access-log line in 214 lines from standard input: these look like an application's log."
    ));
    assert!(screen.contains("-c istio-proxy") && screen.contains("kind: Telemetry"), "{screen}");
    let mut tally = Tally::default();
    tally.proxy(&ProxyLine { writer: Writer::Agent, signal: None, time_us: None }, 0, 1, 0, b"x");
    let screen = table(&finished(tally), &[], 120);
    assert!(screen.contains("kind: Telemetry") && screen.contains("accessLogFile"), "{screen}");
    assert!(table(&Summary::default(), &[], 80).starts_with("Nothing to read"));
}

#[test]
fn both_sides_are_never_added_up() {
    let mut tally = Tally::default();
    (0..50).for_each(|n| request(&mut tally, n, REVIEWS, "503", "UF", 1));
    (0..70).for_each(|n| request(&mut tally, n, b"inbound|9080||", "200", "-", 1));
    let screen = table(&finished(tally), &[], 120);
    assert!(screen.contains("caller's side: 50 requests · 50 failed (100 %)"), "{screen}");
    assert!(screen.contains("callee's side: 70 requests · 0 failed (0 %)"), "{screen}");
    assert!(
        !screen.contains("120  ") && !screen.contains("120 requests") && !screen.contains('─'),
        "{screen}"
    );
}

#[test]
fn a_log_of_failures_only_shows_no_rates() {
    let mut tally = Tally::default();
    for (at, cluster) in [REVIEWS, RATINGS, DETAILS].into_iter().enumerate() {
        (0..50).for_each(|n| request(&mut tally, n * 3 + at as u64, cluster, "503", "UF", 1));
    }
    let summary = finished(tally);
    let screen = table(&summary, &[], 120);
    assert!(screen.contains("n/a") && screen.contains("rates are not meaningful"), "{screen}");
    assert_eq!(json(&summary, &[])["input"]["warnings"].as_array().unwrap().len(), 1);
}

#[test]
fn colour_is_added_only_when_told_and_changes_no_word() {
    let summary = incident();
    let findings = [finding(Severity::Critical), finding(Severity::Warning)];
    let plain = table(&summary, &findings, 100);
    let coloured =
        rendered("table", &summary, &findings, View { width: 100, colour: true, ..View::default() });
    assert!(
        !plain.contains('\x1b')
            && coloured.contains("\x1b[1;31mCRITICAL")
            && coloured.contains("\x1b[33mWARNING")
    );
    let mut stripped = coloured;
    for code in ["\x1b[1;31m", "\x1b[33m", "\x1b[2m", "\x1b[1m", "\x1b[0m"] {
        stripped = stripped.replace(code, "");
    }
    let trimmed = |text: &str| text.lines().map(|l| l.trim_end().to_owned()).collect::<Vec<_>>();
    assert_eq!(trimmed(&stripped), trimmed(&plain));
}

#[test]
fn json_has_the_keys_of_the_contract() {
    let report = json(&incident(), &[finding(Severity::Critical)]);
    assert_eq!(report["schema"], "meshwhy.triage/1");
    assert_eq!(report["totals"]["requests"], 4_000);
    assert_eq!(report["totals"]["failed"], 334);
    assert_eq!(report["totals"]["flag_sets"]["UF,URX"], 209);
    assert_eq!(report["totals"]["codes"]["0"], 100);
    assert_eq!(report["totals"]["outcomes"].as_object().unwrap().len(), 6);
    assert_eq!(report["input"]["lines"], 4_001);
    assert_eq!(report["input"]["formats"][0]["name"], "istio-text");
    let first = &report["upstreams"][0];
    assert_eq!(first["upstream"], String::from_utf8_lossy(REVIEWS).as_ref());
    assert_eq!(
        (&first["service"], &first["port"], &first["subset"]),
        (&"reviews".into(), &9080.into(), &"v2".into())
    );
    assert_eq!(first["hosts"][0]["host"], "10.1.2.31:9080");
    assert!(first["first_failure"].as_str().unwrap().ends_with('Z'));
    let buckets = report["timeline"]["buckets"].as_array().unwrap();
    assert_eq!(buckets.iter().map(|b| b["requests"].as_u64().unwrap()).sum::<u64>(), 4_000);
    let keys: Vec<&str> = report["findings"][0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "id",
            "title",
            "severity",
            "confidence",
            "guide",
            "scope",
            "requests",
            "share",
            "first_seen",
            "last_seen",
            "ongoing",
            "likely_cause",
            "evidence",
            "against",
            "fix",
            "confirm",
            "alternatives",
            "help",
            "exemplars"
        ]
    );
    let finding = &report["findings"][0];
    assert_eq!(finding["scope"].as_object().unwrap().len(), 1);
    assert_eq!(finding["alternatives"][0].as_object().unwrap().len(), 2);
    assert_eq!(finding["exemplars"][0]["raw"], "[...] \"GET /reviews/0\" \\xff");
    assert_eq!(finding["exemplars"][0]["source"], "-");
}

#[test]
fn records_without_an_upstream_come_last() {
    let mut tally = Tally::default();
    (0..9).for_each(|n| request(&mut tally, n, b"-", "404", "NR", 0));
    (9..12).for_each(|n| request(&mut tally, n, REVIEWS, "200", "-", 0));
    let report = json(&finished(tally), &[]);
    assert_eq!(report["upstreams"].as_array().unwrap().len(), 2);
    assert!(report["upstreams"][1]["upstream"].is_null() && report["upstreams"][1]["failed"] == 9);
    assert!(report.get("partial").is_none());
}

#[test]
fn a_table_above_its_cap_is_marked() {
    let mut tally = Tally::default();
    for n in 0..30 {
        request(&mut tally, n, format!("outbound|{}||a.b.svc", n + 1).as_bytes(), "503", "UF", 0);
    }
    let mut summary = Summary::default();
    summary.merge(tally.finish(), &Caps { upstreams: 10, ..Caps::default() });
    let report = json(&summary, &[]);
    assert_eq!(report["partial"], true);
    let last = report["upstreams"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["other"], &last["requests"]), (&true.into(), &20.into()));
}

#[test]
fn an_output_that_is_not_there_is_refused() {
    let message = renderer("parquet").err().unwrap().to_string();
    assert!(message.contains("table, json"), "{message}");
}

proptest! {
    #[test]
    fn hostile_bytes_stay_on_their_line(
        bytes in prop::collection::vec(prop_oneof![Just(0x1bu8), Just(b'\n'), Just(0xc2), Just(0x9b), any::<u8>()], 0..80),
        width in 0usize..200,
    ) {
        let mut tally = Tally::default();
        for n in 0..30 {
            feed(&mut tally, n, &[
                (Field::StartTime, b"2026-01-02T03:04:05.678Z"),
                (Field::Method, &bytes), (Field::Path, &bytes), (Field::Code, b"503"), (Field::Flags, &bytes),
                (Field::Details, &bytes), (Field::UpstreamCluster, &bytes), (Field::UpstreamHost, &bytes),
                (Field::Authority, &bytes), (Field::RequestId, &bytes), (Field::Pod, &bytes),
            ]);
        }
        let summary = finished(tally);
        let text = Text::from(&bytes[..]);
        let mut hostile = finding(Severity::Warning);
        hostile.scope = FindingScope { upstream: Some(text.clone()), host: Some(text.clone()), ..FindingScope::default() };
        hostile.exemplars[0].request = text.clone();
        hostile.exemplars[0].request_id = Some(text.clone());
        hostile.exemplars[0].raw = text;
        hostile.title = String::from_utf8_lossy(&bytes).into_owned();
        hostile.evidence[0].text = hostile.title.clone();
        hostile.fix[0].command = Some(hostile.title.clone());
        let screen = table(&summary, std::slice::from_ref(&hostile), width);
        prop_assert!(screen.chars().all(|c| c == '\n' || !c.is_control()), "{:?}", screen);
        prop_assert_eq!(&json(&summary, &[hostile])["totals"]["requests"], 30);
    }
}
