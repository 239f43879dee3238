//! The second reading, with its short cuts and without: one answer.

use proptest::prelude::*;

use super::gzip;
use crate::aggregate::{Hops, Summary};
use crate::format::Reader;
use crate::input::Input;
use crate::join::Known;
use crate::pipeline::summarise::{known_after_first, summarise_twice};
use crate::pipeline::{Options, summarise};
use crate::query::{Filter, Key};

/// Who wrote a line, and with which addresses.
#[derive(Debug, Clone, Copy)]
enum Writer {
    /// The sidecar of `web`, which calls `cart`.
    Caller,
    /// The sidecar of `cart`.
    Callee,
    /// A gateway whose clusters have no direction.
    Edge,
    /// A format without addresses.
    Bare,
    /// A call to an address outside, which the listener has, too.
    Outside,
    /// A connection.
    Tcp,
}

const WRITERS: [Writer; 6] =
    [Writer::Caller, Writer::Callee, Writer::Edge, Writer::Bare, Writer::Outside, Writer::Tcp];

const REFUSED: &str =
    "503 UF upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_111} -";

/// A request's line. `which` picks among few names and addresses, so that lines are alike.
fn line(writer: Writer, n: u64, id: u64, failed: bool, which: u64) -> String {
    let time = format!("2026-03-04T05:06:{:02}.{:03}Z", n / 1_000 % 60, n % 1_000);
    let id = format!("{id:08x}-0000-4000-8000-000000000000");
    let pod = format!("10.0.1.{}:8080", which % 3 + 1);
    let what = if failed { REFUSED } else { "200 - via_upstream -" };
    let port = 20_000 + n;
    let (host, cluster, local, listener, client) = match writer {
        Writer::Caller => (
            pod,
            "outbound|8080||cart.shop.svc.cluster.local",
            "10.0.0.1",
            "10.96.0.9:8080".into(),
            "10.0.0.1".into(),
        ),
        Writer::Callee => {
            (pod.clone(), "inbound|8080||", "127.0.0.6", pod, format!("10.0.0.{}", which % 2 + 1))
        }
        Writer::Edge => {
            (pod, "cart", "10.0.9.1", "10.0.9.1:8443".into(), format!("198.51.100.{}", which % 3))
        }
        Writer::Outside => (
            "192.0.2.7:443".into(),
            "PassthroughCluster",
            "10.0.0.1",
            "192.0.2.7:443".into(),
            "10.0.0.1".into(),
        ),
        Writer::Bare => {
            let code = if failed { "503 UF" } else { "200 -" };
            return format!(
                "[{time}] \"GET /cart HTTP/1.1\" {code} 0 19 {} 3 \"-\" \"curl/8\" \"{id}\" \"cart:8080\" \"{pod}\"",
                n % 9
            );
        }
        Writer::Tcp => {
            let ends = format!("10.0.0.1:{port} 10.96.0.7:5432 10.0.0.1:{port}");
            let flags = if failed { "UF" } else { "-" };
            return format!(
                "[{time}] \"- - -\" 0 {flags} - - \"-\" {} {} 5 - \"-\" \"-\" \"-\" \"-\" \"10.0.2.1:5432\" outbound|5432||db.shop.svc.cluster.local {ends} - -",
                which * 900,
                which * 700,
            );
        }
    };
    format!(
        "[{time}] \"GET /cart/{n} HTTP/1.1\" {what} \"-\" 0 19 {} 3 \"-\" \"curl/8\" \"{id}\" \"cart.shop:8080\" \"{host}\" {cluster} \
         {local}:{port} {listener} {client}:{port} - default",
        n % 9
    )
}

/// The same in what Istio calls JSON; only what the join looks at.
fn as_json(line: &str) -> String {
    let mut layout = crate::record::Layout::default();
    let read = Reader::new().read(line.as_bytes(), &mut layout, &mut Vec::new());
    assert_eq!(read, crate::format::Reading::Access, "{line}");
    let record = crate::record::Record::new(line.as_bytes(), &layout, crate::record::Carrier::default());
    let fields = crate::record::Field::ALL.iter().filter_map(|field| {
        let value = record.text(*field)?;
        Some((field.key().to_owned(), String::from_utf8_lossy(&value).into_owned().into()))
    });
    serde_json::Value::Object(fields.collect()).to_string()
}

fn inputs(logs: &[Vec<String>], packed: bool) -> Vec<Input> {
    let log = |(at, lines): (usize, &Vec<String>)| {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let bytes = if packed { gzip(text.as_bytes()) } else { text.into_bytes() };
        Input::Bytes { name: format!("{at}.log"), bytes }
    };
    logs.iter().enumerate().map(log).collect()
}

fn options(threads: usize, block_bytes: usize) -> Options {
    Options { threads, block_bytes, ..Options::default() }
}

fn quick(inputs: &[Input], options: &Options) -> Summary {
    summarise(inputs, &Reader::new(), &Filter::default(), options, None).expect("it is read").0
}

/// Every line read with care, twice: what is filtered is not glanced at.
fn slow(inputs: &[Input]) -> Hops {
    let mut all = Filter::default();
    all.add(Key::Since, "2000-01-01T00:00:00Z", 0).expect("a filter");
    summarise_twice(inputs, &all, &options(1, 1 << 20)).hops
}

/// Each log of one writer.
fn logs(writers: &[Writer], lines: u64, id: impl Fn(u64, u64) -> u64) -> Vec<Vec<String>> {
    let log = |(at, writer): (u64, &Writer)| {
        (0..lines).map(|n| line(*writer, n, id(at, n), n % 5 == 0, n % 4)).collect()
    };
    (0..).zip(writers).map(log).collect()
}

#[test]
fn replicas_that_share_no_request_are_read_once() {
    let options = options(2, 4_000);
    let own = |at: u64, n: u64| at * 1_000_000 + n;
    for writers in [
        &[Writer::Caller, Writer::Caller, Writer::Tcp][..],
        &[Writer::Callee, Writer::Callee],
        &[Writer::Edge],
    ] {
        let mut logs = logs(writers, 300, own);
        logs.push(Vec::new());
        let plain = inputs(&logs, false);
        assert!(matches!(known_after_first(&plain, &options), Known::All(_)), "{writers:?}");
        let hops = quick(&plain, &options).hops;
        assert!(hops.complete && hops.edges.is_empty() == matches!(writers[0], Writer::Callee));
        assert_eq!(hops, slow(&plain), "{writers:?}");
        assert_eq!(quick(&inputs(&logs, true), &options).hops, hops);
    }
}

#[test]
fn a_request_id_that_two_logs_share_is_looked_for_again() {
    let options = options(2, 4_000);
    // The second log's lines carry the ids of the first one's, some of which failed there.
    let logs = logs(&[Writer::Caller, Writer::Caller], 300, |at, n| n + at * 4);
    let plain = inputs(&logs, false);
    assert!(matches!(known_after_first(&plain, &options), Known::Edges(_)));
    let hops = quick(&plain, &options).hops;
    assert!(hops.traces.values().any(|steps| steps.iter().any(|step| step.code == 200)), "{:?}", hops.traces);
    assert_eq!(hops, slow(&plain));
}

#[test]
fn lines_that_can_face_each_other_are_read_again() {
    let own = |at: u64, n: u64| at * 1_000_000 + n;
    for writers in [
        [Writer::Caller, Writer::Callee],
        [Writer::Edge, Writer::Callee],
        [Writer::Caller, Writer::Bare],
        [Writer::Outside, Writer::Outside],
    ] {
        let plain = inputs(&logs(&writers, 50, own), false);
        assert!(matches!(known_after_first(&plain, &options(1, 1 << 20)), Known::Nothing), "{writers:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn short_cuts_of_the_second_reading_change_nothing(
        requests in prop::collection::vec((0usize..4, 0usize..6, 0u64..200, any::<bool>(), 0u64..4, 0u8..10), 1..200),
        usual in prop::collection::vec(0usize..6, 4),
        mixed in 0u8..3,
        json in 0usize..16,
        wrapped in 0u8..4,
        shared in any::<bool>(),
        packed in any::<bool>(),
        threads in 1usize..4,
        block in 400usize..9_000,
    ) {
        let mut logs = vec![Vec::new(); 4];
        for (n, (log, writer, id, failed, which, odd)) in (0u64..).zip(requests) {
            // Most logs are of one writer.
            let writer = WRITERS[if mixed == 0 { writer } else { usual[log] }];
            let id = if shared { id } else { n * 4 + log as u64 };
            let mut text = line(writer, n, id, failed && odd < 5, which);
            if json >> log & 1 == 1 {
                text = as_json(&text);
            }
            if wrapped == 0 && odd == 9 {
                text = format!("[pod/web-{which}/istio-proxy] {text}");
            }
            logs[log].push(text);
        }
        let inputs = inputs(&logs, packed);
        let want = slow(&inputs);
        let options = options(threads, block);
        prop_assert_eq!(&quick(&inputs, &options).hops, &want);
        prop_assert_eq!(&summarise_twice(&inputs, &Filter::default(), &options).hops, &want);
    }
}
