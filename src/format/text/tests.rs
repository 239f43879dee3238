//! The exact reading says what must be read; the quick one must say the same or nothing.

use proptest::prelude::*;

use super::super::template::{Class, Template};
use super::super::twin;
use super::*;
use crate::record::{Carrier, Field, Kind, Record};

/// Lines of a real Envoy, with and without odd header fields.
pub(super) const REAL: &[&str] = &[
    r#"[2026-11-22T14:08:15.878Z] "OPTIONS /ok HTTP/1.1" 200 - via_upstream - "-" 0 16 2 2 "-" "curl/8.5.0" "f3fefa11-1619-4fcc-a085-c79fcea4df5b" "checkout" "127.106.2.11:8080" outbound|8080||checkout.shop.svc.cluster.local 127.0.0.1:35202 127.106.96.10:8080 127.106.1.10:35329 - default"#,
    r#"[2026-11-22T14:08:15.931Z] "- - HTTP/1.1" 400 DPE http1.codec_error - "-" 0 11 0 - "-" "-" "-" "-" "-" - - 127.106.96.10:8080 127.106.1.10:32965 - -"#,
    r#"[2026-11-22T14:08:16.079Z] "GET /ok HTTP/1.1" 200 - via_upstream - "-" 0 16 0 0 "-" "curl/8.5.0" "bf76937d-690e-40d0-8a0f-7b184362c4fe" "[::1]:8080" "127.106.2.11:8080" outbound|8080||checkout.shop.svc.cluster.local 127.0.0.1:35202 127.106.96.10:8080 127.106.1.10:46135 - any route with spaces"#,
    r#"[2026-11-22T14:08:16.175Z] "GET /raw"quote HTTP/1.1" 200 - via_upstream - "-" 0 16 0 0 ""quoted"" "back\slash\" "id with "quotes"" "checkout" "127.106.2.11:8080" outbound|8080||checkout.shop.svc.cluster.local 127.0.0.1:35202 127.106.96.10:8080 127.106.1.10:50317 - default"#,
    r#"[2026-11-22T14:08:17.000Z] "- - -" 0 - - rbac_access_denied_matched_policy[policy_with_spaces_"and"_quotes] "-" 6 0 0 - "-" "-" "-" "-" "127.147.2.11:3306" outbound|3306||mysql.shop.svc.cluster.local 127.0.0.1:58348 127.147.96.10:5432 127.147.1.10:49065 - -"#,
    r#"[2026-11-22T14:08:17.000Z] "GET /back\slash HTTP/1.1" 200 - via_upstream - "-" 0 16 0 0 "unknown" "" 200 - via_upstream - "-" 0 0 0 0 "-" "" "id with spaces" "checkout" "127.106.2.11:8080" outbound|8080||checkout.shop.svc.cluster.local 127.0.0.1:35202 127.106.96.10:8080 127.106.1.10:44671 - default"#,
    r#"[2026-11-22T14:08:17.000Z] "GET / HTTP/2" 503 UF,URX upstream_reset_before_response_started{remote_connection_failure|TLS_error:|268435581} - "TLS_error:|268435581" 0 91 10001 - "10.1.2.3, 192.168.0.9,172.16.0.1" "okhttp/4.12.0" "0156e38a-faaa-40a6-aa09-890b9ae759b0" "checkout" "127.106.2.11:8080" outbound|8080|v1|checkout.shop.svc.cluster.local - 127.106.96.10:8080 127.106.1.10:50317 checkout -"#,
];

fn read(line: &[u8]) -> Option<std::result::Result<Layout, Reject>> {
    let mut layout = Layout::default();
    Some(TextFormats::default().read(line, &mut layout)?.map(|()| layout))
}

pub(super) fn fields(line: &str) -> impl Fn(Field) -> String + '_ {
    let layout = read(line.as_bytes()).unwrap_or_else(|| panic!("no access line: {line}")).expect(line);
    move |field| {
        let record = Record::new(line.as_bytes(), &layout, Carrier::default());
        record
            .logged(field)
            .map_or("(none)".to_owned(), |raw| String::from_utf8_lossy(raw.bytes).into_owned())
    }
}

fn format_of(line: &str) -> &'static str {
    read(line.as_bytes()).expect(line).expect(line).format
}

#[test]
fn every_known_format_is_loaded() {
    let rows = include_str!("../known.toml").matches("[[format]]").count();
    assert_eq!(KNOWN.len(), rows);
    assert!(
        KNOWN.iter().filter(|known| known.pieces.is_some()).count() >= 6,
        "the quick reading lost its formats"
    );
    for name in ["istio-text", "envoy-default"] {
        assert!(KNOWN.iter().any(|known| known.name == name && known.pieces.is_some()), "{name}");
    }
}

/// A line as a format prints it, with ordinary values.
pub(super) fn printed(template: &Template, tcp: bool) -> String {
    let mut line = String::from_utf8_lossy(&template.lead).into_owned();
    for step in &template.steps {
        line.push_str(match (step.class, step.field) {
            (Class::Time | Class::OwnTime, _) => "2026-01-02T03:04:05.678Z",
            (_, Some(Field::Method)) => {
                if tcp {
                    "-"
                } else {
                    "GET"
                }
            }
            (Class::Glued, _) => {
                if tcp {
                    "--"
                } else {
                    "/a?b=cHTTP/1.1"
                }
            }
            (_, Some(Field::Path)) => {
                if tcp {
                    "-"
                } else {
                    "/a?b=c"
                }
            }
            (Class::Protocol, _) => {
                if tcp {
                    "-"
                } else {
                    "HTTP/1.1"
                }
            }
            (Class::Code, _) => {
                if tcp {
                    "0"
                } else {
                    "503"
                }
            }
            (Class::Flags, _) => "UF,URX",
            (Class::Count, _) => "12",
            (Class::Number, _) => "34",
            (Class::Details, _) => {
                if tcp {
                    "-"
                } else {
                    "upstream_reset_before_response_started{remote_connection_failure}"
                }
            }
            (Class::Address, _) => "10.0.0.1:8080",
            (Class::Token, _) => "x|y|z",
            (Class::Free, Some(Field::Termination)) => "transport socket timeout was reached",
            (Class::Free, _) => "a b, c",
        });
        line.push_str(&String::from_utf8_lossy(&step.literal));
    }
    line
}

#[test]
fn a_line_is_read_as_the_format_that_printed_it() {
    for known in KNOWN.iter().filter(|known| !known.template.lead.starts_with(b"{")) {
        for tcp in [false, true] {
            let line = printed(&known.template, tcp);
            let layout = read(line.as_bytes()).expect(&line).expect(&line);
            assert_eq!((layout.format, layout.complete), (known.name, true), "{line}");
            let wanted = if tcp || !known.template.has_request { Kind::Tcp } else { Kind::Http };
            assert_eq!(layout.kind, wanted, "{line}");
        }
    }
}

#[test]
fn text_that_looks_like_json_is_read_as_text() {
    let known = KNOWN.iter().find(|known| known.name == "envoy-gateway-0.6").unwrap();
    let line = printed(&known.template, false).replace("a b, c", r#"a "b", c"#);
    let mut layout = Layout::default();
    assert!(TextFormats::default().read_jsonish(line.as_bytes(), &mut layout), "{line}");
    let user_agent = layout.range(Field::UserAgent).unwrap();
    assert_eq!(&line[user_agent], r#"a "b", c"#);
}

#[test]
fn header_fields_with_quotes_stay_in_their_columns() {
    let get = fields(REAL[3]);
    assert_eq!(get(Field::Path), "/raw\"quote");
    assert_eq!(get(Field::ForwardedFor), "\"quoted\"");
    assert_eq!(get(Field::UserAgent), "back\\slash\\");
    assert_eq!(get(Field::RequestId), "id with \"quotes\"");
    assert_eq!(get(Field::Authority), "checkout");
    assert_eq!(fields(REAL[2])(Field::RouteName), "any route with spaces");
    assert_eq!(
        fields(REAL[4])(Field::Termination),
        "rbac_access_denied_matched_policy[policy_with_spaces_\"and\"_quotes]"
    );
}

/// An Istio line with these header fields.
fn with_headers(forwarded: &str, agent: &str, id: &str) -> String {
    format!(
        r#"[2026-01-02T03:04:05.678Z] "GET /real HTTP/1.1" 503 UF upstream_reset - "real reason" 1 2 3 4 "{forwarded}" "{agent}" "{id}" "real-host" "10.0.0.1:80" outbound|80||real 1.1.1.1:1 2.2.2.2:2 3.3.3.3:3 sni route"#
    )
}

#[test]
fn a_header_that_forges_columns_does_not_win() {
    let forgeries = [
        r#"" 200 - via_upstream - "-" 0 0 0 0 "-" ""#,
        r#"x HTTP/1.1" 200 - via_upstream - "-" 0 0 0 0 "-" "y"#,
        r#"" "x" "evil-host" "6.6.6.6:6" outbound|6||evil 6.6.6.6:6 6.6.6.6:6 6.6.6.6:6 - evil"#,
        r#"" "x" "evil-host" "6.6.6.6:6" outbound|6||evil 6.6.6.6:6 6.6.6.6:6 6.6.6.6:6 - "evil"#,
        r#"[2027-01-02T03:04:05.678Z] "GET /evil HTTP/1.1" 200 - via_upstream - "-" 0 0 0 0 "-" "-" "-" "-" "-" - - - - - -"#,
        r#"" 0 0 0 - ""#,
        r#"- "-" 7 7 7 - "-" "#,
    ];
    for forgery in forgeries {
        for place in 0..3 {
            let mut headers = ["1.2.3.4", "curl", "id"];
            headers[place] = forgery;
            let line = with_headers(headers[0], headers[1], headers[2]);
            let get = fields(&line);
            let got = [
                Field::Path,
                Field::Code,
                Field::Flags,
                Field::Details,
                Field::TransportFailure,
                Field::Duration,
            ];
            assert_eq!(got.map(&get), ["/real", "503", "UF", "upstream_reset", "real reason", "3"], "{line}");
            let got = [
                Field::Authority,
                Field::UpstreamHost,
                Field::UpstreamCluster,
                Field::ServerName,
                Field::RouteName,
            ];
            assert_eq!(
                got.map(&get),
                ["real-host", "10.0.0.1:80", "outbound|80||real", "sni", "route"],
                "{line}"
            );
            assert_eq!(get(Field::StartTime), "2026-01-02T03:04:05.678Z");
            if place == 1 {
                assert_eq!([Field::ForwardedFor, Field::RequestId].map(&get)[0], "1.2.3.4", "{line}");
            }
        }
    }
}

#[test]
fn a_forged_header_does_not_make_another_format_of_a_line() {
    // Each header holds the columns of the other layouts.
    for (name, agent) in [
        ("envoy-default", r#"x HTTP/1.1" 200 - via_upstream - "-" 0 0 0 0 "-" "y"#),
        ("istio-text-1.8", r#"" "x" 0 0 0 - ""#),
        ("istio-text-1.1", r#"x" "y" 0 0 0 - ""#),
    ] {
        let known = KNOWN.iter().find(|known| known.name == name).unwrap();
        let line = printed(&known.template, false).replacen(
            r#""a b, c" "a b, c" "a b, c" "x|"#,
            &format!(r#""a b, c" "{agent}" "a b, c" "x|"#),
            1,
        );
        assert!(line.contains(agent), "{line}");
        assert_eq!(format_of(&line), name, "{line}");
        assert_eq!(fields(&line)(Field::Path), "/a?b=c");
    }
}

#[test]
fn blanks_in_old_reasons_and_empty_values_are_read() {
    let line = r#"[2021-01-02T03:04:05.678Z] "GET / HTTP/2" 503 UF,URX upstream_reset_before_response_started{connection failure,TLS error: 268435703:SSL routines:WRONG_VERSION} - "TLS error: 268435703:SSL routines:WRONG_VERSION" 0 91 5 - "-" "-" "-" "h" "10.0.0.1:80" outbound|80||x - 1.1.1.1:1 2.2.2.2:2 - default"#;
    let get = fields(line);
    assert_eq!(
        get(Field::Details),
        "upstream_reset_before_response_started{connection failure,TLS error: 268435703:SSL routines:WRONG_VERSION}"
    );
    assert_eq!(get(Field::TransportFailure), "TLS error: 268435703:SSL routines:WRONG_VERSION");
    let omitted = r#"[2021-01-02T03:04:05.678Z] "GET / HTTP/2" 503 UH   "" 0 91 5  "" "" "" "h" "" outbound|80||x  1.1.1.1:1 2.2.2.2:2  "#;
    let get = fields(omitted);
    assert_eq!([Field::Details, Field::Termination, Field::ServiceTime].map(&get), ["", "", ""]);
    assert_eq!(
        [Field::DownstreamLocal, Field::ServerName, Field::RouteName].map(&get),
        ["1.1.1.1:1", "", ""]
    );
    assert_eq!(format_of(omitted), "istio-text");
}

#[test]
fn long_flags_and_columns_of_the_users_own_are_read() {
    let line = REAL[6].replace("UF,URX", "UpstreamConnectionFailure,UpstreamRetryLimitExceeded");
    assert_eq!(fields(&line)(Field::Flags), "UpstreamConnectionFailure,UpstreamRetryLimitExceeded");
    let line = format!("{} \"Internal\"", REAL[0]);
    assert_eq!(fields(&line)(Field::RouteName), "default");
    let line = format!("ACCESS {}", REAL[0]);
    assert_eq!(fields(&line)(Field::StartTime), "2026-11-22T14:08:15.878Z");
}

#[test]
fn cut_and_elided_lines_are_records_with_what_is_sure() {
    let cases = [
        (
            r#"[2026-01-02T03:04:05.678Z] "GET /a HTTP/1.1" 504 UT response_timeout ... "h.org" "1.2.3.4:80" outbound|80||h.org ..."#,
            "504",
            "response_timeout",
            "h.org",
        ),
        (
            r#"[...] "GET /a HTTP/1.1" 504 UT response_timeout - "-" 0 24 1"#,
            "504",
            "response_timeout",
            "(none)",
        ),
        (
            r#""GET /a HTTP/2" 403 - rbac_access_denied_matched_policy[none]"#,
            "403",
            "rbac_access_denied_matched_policy[none]",
            "(none)",
        ),
        (
            r#"02:37:30.332Z] "GET /a HTTP/1.1" 206 DC downstream_remote_disconnect"#,
            "206",
            "downstream_remote_disconnect",
            "(none)",
        ),
        (
            r#"[2026-01-02T03:04:05.678Z] "GET /a" 501 attempts=1 flags=URX details=via_upstream"#,
            "501",
            "via_upstream",
            "(none)",
        ),
        (
            r#"[2026-01-02T03:04:05.678Z] "GET /a HTTP/1.1" 503 UF,URX "-" "TLS error: no secret""#,
            "503",
            "(none)",
            "(none)",
        ),
    ];
    for (line, code, details, authority) in cases {
        let get = fields(line);
        assert_eq!(
            [Field::Path, Field::Code, Field::Details, Field::Authority].map(get),
            ["/a", code, details, authority],
            "{line}"
        );
        assert!(!read(line.as_bytes()).unwrap().unwrap().complete, "{line}");
    }
    // Columns of somebody's own before the request, no brackets around the time, the glued request of Istio 1.0.
    for line in [
        r#"[2026-01-02T03:04:05.678Z] default t-1 "GET /a HTTP/1.1" 200 - 0 1 2 3 "-" "-" "-" "h" "10.0.0.1:80""#,
        r#"2026-01-02T03:04:05.678Z "GET /a HTTP/1.1" 200 - 0 1 2 3 "-" "-" "-" "h" "10.0.0.1:80""#,
        r#"[2026-01-02T03:04:05.678Z] "GET /aHTTP/1.1" 200 - 0 1 2 ..."#,
    ] {
        let get = fields(line);
        let got = [Field::StartTime, Field::Path, Field::Protocol, Field::BytesSent].map(get);
        assert_eq!(got, ["2026-01-02T03:04:05.678Z", "/a", "HTTP/1.1", "1"], "{line}");
    }
    for cut in 80..REAL[0].len() - 20 {
        let layout = read(&REAL[0].as_bytes()[..cut]).unwrap().unwrap();
        assert!(!layout.complete, "{}", &REAL[0][..cut]);
        for &field in Field::ALL {
            // What is there is what the whole line has: no half of an address or a number.
            let whole = read(REAL[0].as_bytes()).unwrap().unwrap();
            if let Some(range) = layout.range(field).filter(|_| field != Field::Details) {
                assert_eq!(Some(range), whole.range(field), "{field:?} {}", &REAL[0][..cut]);
            }
        }
    }
}

#[test]
fn a_whole_line_without_its_time_is_complete() {
    let line = REAL[1].split_once("] ").unwrap().1;
    let layout = read(line.as_bytes()).unwrap().unwrap();
    assert!(layout.complete && layout.range(Field::StartTime).is_none() && layout.format == "istio-text");
}

#[test]
fn other_lines_are_not_ours() {
    for line in [
        "",
        "hello",
        r#"127.0.0.1 - - [11/Jan/2023 12:02:54] "POST /x HTTP/1.1" 200 -"#,
        r#"10.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /a.gif HTTP/1.0" 200 2326 "http://a/" "Mozilla/4.08""#,
        r#""GET / HTTP/1.1" 200 -"#,
        r#""GET / HTTP/1.1" 304 - "http://a/" "Mozilla/5.0""#,
        r#"[2026-01-02T03:04:05.678Z] INFO started"#,
        r#"[2026-01-02T03:04:05.678Z] INFO handled "GET / HTTP/1.1" 200 -"#,
        r#"2026-01-02T03:04:05.678Z "GET / HTTP/1.1" 200 1234"#,
        r#"[2026-01-02 03:04:05.678][1][warning][config] [source/x.cc:1] "a""#,
    ] {
        assert_eq!(read(line.as_bytes()), None, "{line}");
    }
}

#[test]
fn a_line_with_the_marks_and_no_head_is_rejected_with_the_place() {
    use crate::record::Reason::Missing;
    for (line, field, column) in [
        (r#"[2026-01-02T03:04:05Z] "garbage"#, Field::Method, 24),
        (r#"x [2026-01-02T03:04:05Z] "GET /x HTTP/1.1" abc UF"#, Field::Code, 29),
        (r#"[2026-01-02T03:04:05Z] "GET /x HTTP/1.1" 200 abc def"#, Field::Flags, 44),
    ] {
        assert_eq!(read(line.as_bytes()), Some(Err(Reject { reason: Missing(field), column })), "{line}");
    }
}

#[test]
fn hostile_lines_take_linear_time() {
    for unit in
        [r#"" ""#, r#"" 0 0 0 - ""#, r#" HTTP/1.1" 200 - "#, "[", r#"{ "#, "] \"", "[2026-01-02T03:04:05Z] "]
    {
        let line = format!(
            r#"[2026-01-02T03:04:05Z] "GET /x HTTP/1.1" 200 - a{}"#,
            unit.repeat((1 << 18) / unit.len())
        );
        let started = std::time::Instant::now();
        read(line.as_bytes());
        // Quadratic would be many minutes, even in a build without optimisation.
        assert!(started.elapsed().as_secs() < 10, "{unit}: {:?}", started.elapsed());
    }
}

fn odd_text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z0-9/.:|_-]{0,12}",
        1 => Just("-".to_owned()),
        1 => Just(String::new()),
        2 => "[ \"\\[\\]{}a0-]{0,10}",
        1 => Just("\" \"".to_owned()),
        1 => Just("\" 0 0 0 - \"".to_owned()),
        1 => Just(" HTTP/1.1\" 200 - via_upstream ".to_owned()),
    ]
}

/// A line printed by a known format: mostly proper values, sometimes any text.
fn printed_line() -> impl Strategy<Value = Vec<u8>> {
    (0..KNOWN.len(), proptest::collection::vec((0..10usize, odd_text()), 30)).prop_map(|(row, values)| {
        let template = &KNOWN[row].template;
        let mut line = template.lead.clone();
        for (step, (odd, text)) in template.steps.iter().zip(&values) {
            let proper: &[u8] = match step.class {
                Class::Time | Class::OwnTime => b"2026-01-02T03:04:05.678Z",
                Class::Protocol => b"HTTP/1.1",
                Class::Code => b"503",
                Class::Flags => b"UF",
                Class::Count | Class::Number => b"12",
                Class::Address => b"10.0.0.1:80",
                Class::Details => b"via_upstream",
                Class::Glued => b"/aHTTP/1.1",
                Class::Token => b"x|y",
                Class::Free => text.as_bytes(),
            };
            line.extend_from_slice(if *odd == 0 { text.as_bytes() } else { proper });
            line.extend_from_slice(&step.literal);
        }
        line
    })
}

type Edit = (proptest::sample::Index, u8, u8);

pub(super) fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let byte = prop_oneof![4 => Just(b'"'), 4 => Just(b' '), 1 => Just(b'{'), 1 => Just(b'-'), 1 => Just(b'0'), 2 => any::<u8>()];
    proptest::collection::vec((any::<proptest::sample::Index>(), 0..3u8, byte), 0..4)
}

pub(super) fn edited(mut line: Vec<u8>, edits: &[Edit]) -> Vec<u8> {
    for (at, kind, byte) in edits {
        let at = at.index(line.len().max(1));
        match kind {
            0 => line.insert(at.min(line.len()), *byte),
            1 if at < line.len() => drop(line.remove(at)),
            _ => {
                if let Some(old) = line.get_mut(at) {
                    *old = *byte;
                }
            }
        }
    }
    line
}

pub(super) fn mutated_line() -> impl Strategy<Value = Vec<u8>> {
    let base = prop_oneof![printed_line(), (0..REAL.len()).prop_map(|n| REAL[n].as_bytes().to_vec())];
    (base, edits()).prop_map(|(line, edits)| edited(line, &edits))
}

/// All that a reading says of a line.
fn said(layout: &Layout) -> (Kind, bool, Vec<Option<std::ops::Range<usize>>>) {
    (layout.kind, layout.complete, Field::ALL.iter().map(|&field| layout.range(field)).collect())
}

/// Every quick reading says what the exact one says, or nothing. Returns whether the columns alone were enough.
pub(super) fn agree(line: &[u8]) -> bool {
    let quotes = Quotes::of(line);
    let mut columns = Columns::default();
    let parted = columns.find(line) == Some(line.len());
    let mut by_columns = false;
    for known in KNOWN.iter() {
        let mut quick = Layout::new(known.name);
        let mut exact = Layout::new(known.name);
        let mut compare = |quick: &Layout, how: &str| {
            let read = twin::read(&known.template, line, &mut exact);
            let line = String::from_utf8_lossy(line);
            assert!(
                read && said(quick) == said(&exact),
                "{} by {how}: {line}\n{quick:?}\n{exact:?}",
                known.name
            );
        };
        if known.pieces.as_ref().is_some_and(|pieces| pieces.read(&known.template, line, &quotes, &mut quick))
        {
            compare(&quick, "quotes");
        }
        quick.reset(known.name);
        let Some(ordinary) = known.ordinary.as_ref().filter(|_| parted) else { continue };
        let read = ordinary.read(line, &columns, &mut quick);
        if read {
            by_columns = true;
            compare(&quick, "columns");
        }
        if ordinary.fits(line, &columns)
            && let Some(glance) = ordinary.glance(known.name, line, &columns)
            && glance.check().is_some()
            && glance.has_usual_time()
        {
            super::ordinary::tests::glance_agrees(line, &glance, read.then_some(&quick));
        }
    }
    by_columns
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_quick_reading_agrees_with_the_exact_one(line in mutated_line()) {
        agree(&line);
    }

    #[test]
    fn any_bytes_are_read_without_harm(line in prop_oneof![mutated_line(), proptest::collection::vec(any::<u8>(), 0..300)], user in 0..4usize) {
        let formats = ["%REQ(A)% %REQ(B)% %RESPONSE_CODE%", "%RESPONSE_FLAGS%|%REQ(A)%|%ROUTE_NAME%", "%REQ(A)%,%REQ(B)%,%REQ(C)%,%RESPONSE_CODE%,%REQ(D)%", "[%START_TIME%] %PROTOCOL% %RESPONSE_CODE%"];
        let mut layout = Layout::default();
        let mut own = TextFormats::default();
        own.add("custom", Template::compile(formats[user]).unwrap());
        let read = own.read_own(&line, &mut layout) || matches!(own.read(&line, &mut layout), Some(Ok(())));
        if read {
            for &field in Field::ALL {
                if let Some(range) = layout.range(field) {
                    prop_assert!(range.start <= range.end && range.end <= line.len(), "{field:?} {range:?} of {}: {}", line.len(), String::from_utf8_lossy(&line));
                }
            }
        }
    }
}

#[test]
fn the_quick_reading_takes_the_ordinary_line() {
    for line in [REAL[0], REAL[1], REAL[2], REAL[6]] {
        let quotes = Quotes::of(line.as_bytes());
        let istio = &KNOWN[0];
        let mut layout = Layout::default();
        assert!(
            istio.pieces.as_ref().unwrap().read(&istio.template, line.as_bytes(), &quotes, &mut layout),
            "{line}"
        );
    }
    let by_columns: Vec<bool> = REAL.iter().map(|line| agree(line.as_bytes())).collect();
    // Blanks in a route name, quotes in a header: not for the quickest reading.
    assert_eq!(by_columns, [true, true, false, false, false, false, true]);
}

/// Reads a line in a format of the user's own.
fn own(format: &str, line: &str) -> Option<Vec<(Field, String)>> {
    let mut formats = TextFormats::default();
    formats.add("custom", Template::compile(format).unwrap());
    let mut layout = Layout::default();
    let read = formats.read_own(line.as_bytes(), &mut layout);
    let value = |&field: &Field| Some((field, line[layout.range(field)?].to_owned()));
    read.then(|| Field::ALL.iter().filter_map(value).collect())
}

#[test]
fn formats_of_the_users_own_are_read() {
    let owned = |pairs: &[(Field, &str)]| {
        Some(pairs.iter().map(|(field, text)| (*field, (*text).to_owned())).collect::<Vec<_>>())
    };
    // A time with blanks of its own, an operator nobody knows, a duration by its points.
    assert_eq!(
        own(
            "%START_TIME(%Y/%m/%d %H:%M:%S)% %WHATEVER(a:b)%|%RESPONSE_CODE%|%COMMON_DURATION(DS_RX_BEG:DS_TX_END:ms)%ms",
            "2026/01/02 03:04:05 x y|503|17ms"
        ),
        owned(&[(Field::StartTime, "2026/01/02 03:04:05"), (Field::Code, "503"), (Field::Duration, "17")])
    );
    // A path with everything in it, and a user agent that looks like the columns behind it.
    assert_eq!(
        own(
            "%REQ(:METHOD)% %REQ(:PATH)% -> %RESPONSE_CODE% %RESPONSE_FLAGS_LONG% ua=%REQ(USER-AGENT)%",
            "GET /a -> b -> 200 NoRouteFound ua=x -> 503 - ua=y"
        ),
        owned(&[
            (Field::Method, "GET"),
            (Field::Path, "/a -> b"),
            (Field::Code, "200"),
            (Field::Flags, "NoRouteFound"),
            (Field::UserAgent, "x -> 503 - ua=y"),
        ])
    );
    // Clusters hold `|` themselves.
    assert_eq!(
        own("%RESPONSE_CODE%|%UPSTREAM_CLUSTER%|%UPSTREAM_HOST%", "200|outbound|80||x|10.0.0.1:80"),
        owned(&[
            (Field::Code, "200"),
            (Field::UpstreamHost, "10.0.0.1:80"),
            (Field::UpstreamCluster, "outbound|80||x")
        ])
    );
    assert_eq!(own("%RESPONSE_CODE% %RESPONSE_FLAGS%", "200"), None);
    assert_eq!(own("%RESPONSE_CODE% %RESPONSE_FLAGS%", "200 - x"), None);
}

#[test]
fn one_format_can_be_asked_for() {
    let mut formats = TextFormats::default();
    formats.only("envoy-default");
    assert_eq!(formats.all().count(), 1);
    let unknown = crate::format::Reader::new().only("no-such").unwrap_err();
    assert!(unknown.to_string().contains("envoy-default"));
    formats.only("no-such");
    assert_eq!(formats.all().count(), 0);
}

#[test]
fn a_line_cut_out_of_a_json_string_is_read() {
    use crate::format::{Reader, Reading};
    let line = REAL[3].replace('\\', r"\\").replace('"', r#"\""#);
    let (mut layout, mut scratch) = (Layout::default(), Vec::new());
    assert_eq!(Reader::new().read(line.as_bytes(), &mut layout, &mut scratch), Reading::Access);
    assert!(layout.in_scratch);
    let record = Record::new(&scratch, &layout, Carrier::default());
    assert_eq!(record.bytes(Field::UserAgent), b"back\\slash\\");
}

/// Every line of every sample, once there are samples: quick and exact reading agree on them.
#[test]
fn both_readings_agree_on_all_samples() {
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/sample-logs"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(bytes) = std::fs::read(&path) {
                bytes.split(|&b| b == b'\n').for_each(|line| {
                    agree(line);
                });
            }
        }
    }
    REAL.iter().for_each(|line| {
        agree(line.as_bytes());
    });
}
