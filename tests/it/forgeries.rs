//! Header fields that hold what belongs to other columns: in every text layout, what was put into each column is what is
//! read out of it. A text format escapes nothing, and clients choose these values.

use meshwhy::format::{Reader, known_formats};
use meshwhy::input::Input;
use meshwhy::pipeline::{Options, summarise};
use meshwhy::query::Filter;

use crate::samples::records_of;

/// A value of one column that looks like something else; the kinds are those that were tried on a real Envoy.
struct Forgery {
    what: &'static str,
    /// The operator that prints it.
    operator: &'static str,
    value: &'static str,
}

const AGENT: &str = "REQ(USER-AGENT)";
const CALLERS: &str = "REQ(X-FORWARDED-FOR)";
const ID: &str = "REQ(X-REQUEST-ID)";
const HOST: &str = "REQ(:AUTHORITY)";
const PATH: &str = "REQ(X-ENVOY-ORIGINAL-PATH?:PATH)";

static FORGERIES: &[Forgery] = &[
    Forgery { what: "columns", operator: AGENT, value: r#"" 200 - via_upstream - "-" 0 0 0 0 "-" ""# },
    Forgery {
        what: "the end of a line",
        operator: AGENT,
        value: r#"" 200 - via_upstream - "-" 0 0 0 0 "-" "-" "-" "h" "10.6.6.6:1" outbound|1||evil - - - - r"#,
    },
    Forgery {
        what: "a whole line",
        operator: AGENT,
        value: r#"[2025-01-02T03:04:05.678Z] "GET /evil HTTP/1.1" 200 - via_upstream - "-" 0 0 0 0 "-" "x" "y" "z" "10.6.6.6:1" outbound|1||evil - 1.1.1.1:1 2.2.2.2:2 - r"#,
    },
    Forgery { what: "more quoted columns", operator: AGENT, value: r#"a" "b" "c" "d:1"# },
    Forgery { what: "quotes", operator: AGENT, value: r#"Mozilla/5.0 "quoted" (X11)"# },
    Forgery { what: "a backslash before the quote", operator: AGENT, value: r"back\slash\" },
    Forgery { what: "brackets", operator: AGENT, value: "[brackets] {braces}" },
    Forgery { what: "an expression", operator: AGENT, value: "${jndi:ldap://x/y}" },
    Forgery { what: "a statement", operator: AGENT, value: "'; DROP TABLE logs;--" },
    Forgery { what: "a tab", operator: AGENT, value: "tab\tinside" },
    Forgery { what: "other letters", operator: AGENT, value: "日本語エージェント" },
    Forgery { what: "escapes of an address", operator: AGENT, value: "percent%20%00%22" },
    Forgery { what: "quotes", operator: CALLERS, value: r#""quoted""# },
    Forgery { what: "blanks", operator: CALLERS, value: "a b c" },
    Forgery { what: "a list", operator: CALLERS, value: "10.1.2.3, 192.168.0.9,172.16.0.1" },
    Forgery { what: "a zone", operator: CALLERS, value: "fe80::1%eth0" },
    Forgery { what: "columns", operator: CALLERS, value: r#"" 200 - via_upstream - "-" 0 0 0 0"# },
    Forgery { what: "quotes", operator: ID, value: r#"id with "quotes""# },
    Forgery { what: "blanks", operator: ID, value: "id with spaces" },
    Forgery { what: "columns", operator: ID, value: r#"" 200 - via_upstream - "-" 0 0 0 0"# },
    Forgery { what: "a port beyond all", operator: HOST, value: "checkout:99999" },
    Forgery { what: "brackets", operator: HOST, value: "[::1]:8080" },
    Forgery { what: "a quote", operator: PATH, value: r#"/raw"quote"# },
    Forgery { what: "a backslash", operator: PATH, value: r"/back\slash" },
    Forgery { what: "columns", operator: PATH, value: r#"/x"200-via_upstream"# },
    Forgery { what: "brackets and braces", operator: PATH, value: "/semi;colon?x=[1,2]&y={}" },
    Forgery { what: "a cluster's marks", operator: PATH, value: "/a|b|c" },
    Forgery { what: "blanks", operator: "ROUTE_NAME", value: "any route with spaces" },
];

/// What each column holds where nothing is forged, and the name of what is read out of it.
static COLUMNS: &[(&str, &str, &str)] = &[
    ("START_TIME", "start_time", "2026-01-02T03:04:05.678Z"),
    ("REQ(:METHOD)", "method", "GET"),
    (PATH, "path", "/a"),
    ("PROTOCOL", "protocol", "HTTP/1.1"),
    ("RESPONSE_CODE", "response_code", "503"),
    ("RESPONSE_FLAGS", "response_flags", "UF"),
    ("RESPONSE_CODE_DETAILS", "response_code_details", "upstream_reset"),
    ("BYTES_RECEIVED", "bytes_received", "11"),
    ("BYTES_SENT", "bytes_sent", "12"),
    ("DURATION", "duration", "13"),
    (CALLERS, "x_forwarded_for", "10.0.0.1"),
    (AGENT, "user_agent", "curl/8.5.0"),
    (ID, "request_id", "-"),
    (HOST, "authority", "web.shop:80"),
    ("UPSTREAM_HOST", "upstream_host", "10.0.0.7:80"),
    ("UPSTREAM_CLUSTER", "upstream_cluster", "outbound|80||web"),
    ("UPSTREAM_CLUSTER_RAW", "upstream_cluster", "outbound|80||web"),
    ("DOWNSTREAM_LOCAL_ADDRESS", "downstream_local_address", "10.9.9.9:80"),
    ("DOWNSTREAM_REMOTE_ADDRESS", "downstream_remote_address", "10.0.0.1:5000"),
    ("ROUTE_NAME", "route_name", "default"),
];

/// The line that a proxy prints in this format, and what its columns hold.
fn printed(format: &str, forgery: &Forgery) -> (String, Vec<(&'static str, &'static str)>) {
    let mut columns = Vec::new();
    let parts = format.split('%').enumerate().map(|(n, part)| {
        if n % 2 == 0 {
            return part;
        }
        let Some((operator, key, usual)) = COLUMNS.iter().find(|(operator, ..)| *operator == part) else {
            return "-";
        };
        let value = if *operator == forgery.operator { forgery.value } else { usual };
        columns.push((*key, value));
        value
    });
    (parts.collect(), columns)
}

/// Columns that are not as they were printed.
fn wrong(read: &serde_json::Value, columns: &[(&'static str, &'static str)]) -> Vec<String> {
    let column = |(key, printed): &(&str, &str)| {
        let value = match &read[key] {
            serde_json::Value::Null => "-".to_owned(),
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        (value != *printed).then(|| format!("{key} is {value:?}"))
    };
    columns.iter().filter_map(column).collect()
}

#[test]
fn no_header_forges_another_column() {
    let mut tried = Vec::new();
    // Where somebody put columns of their own behind Envoy's, a quote more and a column more look the same.
    for (name, format) in known_formats().filter(|(name, _)| *name != "envoy-default-plus") {
        for forgery in FORGERIES.iter().filter(|forgery| format.contains(forgery.operator)) {
            let (line, columns) = printed(format, forgery);
            tried.push((format!("{name}: {} in {}", forgery.what, forgery.operator), line, columns));
        }
    }
    assert!(tried.len() > 250, "{}", tried.len());
    let lines: Vec<&str> = tried.iter().map(|(_, line, _)| line.as_str()).collect();
    let read = records_of(lines.join("\n").as_bytes());
    assert_eq!(read.len(), tried.len());
    let wrongs: Vec<String> = tried
        .iter()
        .zip(&read)
        .filter_map(|((what, line, columns), read)| {
            let wrong = wrong(read, columns);
            (!wrong.is_empty()).then(|| format!("{what}: {}\n  {line}", wrong.join(", ")))
        })
        .collect();
    assert!(wrongs.is_empty(), "{} of {}:\n{}", wrongs.len(), tried.len(), wrongs.join("\n"));

    // Counting may pass over lines that it has seen the like of: no row comes from a header all the same.
    let again = [&lines[..], &lines[..], &lines[..]].concat().join("\n").into_bytes();
    let inputs = [Input::Bytes { name: "-".to_owned(), bytes: again }];
    let options = Options { threads: 1, ..Options::default() };
    let (summary, ..) =
        summarise(&inputs, &Reader::new(), &Filter::default(), &options, None).expect("memory");
    assert_eq!(summary.counts.failed(), 3 * tried.len() as u64);
    let upstreams: Vec<&[u8]> = summary.upstreams.keys().map(|name| &name[..]).collect();
    assert_eq!(upstreams, [b"outbound|80||web"]);
    assert_eq!((summary.flags.get(&b"UF"[..]), summary.flags.len()), (3 * tried.len() as u64, 1));
}
