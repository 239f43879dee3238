//! What the program says it reads, it reads: the rows of `catalog formats`, the samples of wrappers and products,
//! archives and trees as tools leave them, formats of the user's own.

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

use meshwhy::aggregate::{By, Summary};
use meshwhy::format::{Reader, Sort, format_rows};
use meshwhy::input::{CONTAINERS, Input};
use meshwhy::pipeline::{Options, Outcome, rewrite, summarise, summarise_by};
use meshwhy::query::Filter;

use crate::samples::root;

const FAILING: &str = r#"[2026-01-02T03:04:05.678Z] "GET /a HTTP/1.1" 503 UF upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_111} - "delayed_connect_error:_111" 0 91 3 - "-" "curl/8" "r-1" "web.shop:80" "10.0.0.7:80" outbound|80||web.shop.svc.cluster.local - 10.9.9.9:80 10.0.0.1:5000 - default"#;

fn counted(inputs: &[Input], reader: &Reader) -> (Summary, Outcome) {
    let options = Options { threads: 1, ..Options::default() };
    let (summary, _, outcome) =
        summarise(inputs, reader, &Filter::default(), &options, None).expect("nothing is written");
    assert!(outcome.failures.is_empty(), "{:?}", outcome.failures);
    (summary, outcome)
}

fn of_bytes(bytes: &[u8]) -> (Summary, Outcome) {
    counted(&[Input::Bytes { name: "-".to_owned(), bytes: bytes.to_vec() }], &Reader::new())
}

/// Records as JSON.
fn records(bytes: &[u8]) -> Vec<serde_json::Value> {
    let input = Input::Bytes { name: "-".to_owned(), bytes: bytes.to_vec() };
    let form = meshwhy::emit::Form::named("ndjson").expect("the default");
    let mut out = Vec::new();
    let options = Options { threads: 1, ..Options::default() };
    rewrite(&[input], &Reader::new(), &Filter::default(), form, &options, None, &mut out).expect("memory");
    let lines = out.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).expect("JSON")).collect()
}

/// Every sample that `catalog formats` shows is read as what it is a sample of.
#[test]
fn the_list_promises_nothing_that_is_not_kept() {
    for row in format_rows().iter().filter(|row| row.sort.is_format()) {
        let (summary, _) = of_bytes(row.sample.as_bytes());
        let names: Vec<_> = summary.lines.formats.keys().copied().collect();
        // Early Envoy Gateways printed the JSON of today, unescaped: what is sound JSON is read as JSON.
        let as_json = row.name == "envoy-gateway-0.6" && names == ["envoy-gateway-json"];
        assert!(names == [&*row.name] || as_json, "{}: {names:?}", row.name);
        assert!(row.name == "ztunnel" || summary.counts.requests() == 1, "{}", row.name);
        let tells = summary.counts.failed() == 1 || row.name == "ztunnel";
        assert!(tells, "{}: a sample should show a failure", row.name);
    }
    for row in format_rows().iter().filter(|row| row.sort == Sort::Wrapper) {
        let quoted = serde_json::Value::from(FAILING).to_string();
        let line = if row.sample.starts_with('{') { &quoted[1..quoted.len() - 1] } else { FAILING };
        let (summary, _) = of_bytes(row.sample.replace("LINE", line).as_bytes());
        assert_eq!((summary.lines.access, summary.lines.total), (1, 1), "{}", row.name);
        let read = records(row.sample.replace("LINE", line).as_bytes());
        assert_eq!(read[0]["upstream_host"], "10.0.0.7:80", "{}", row.name);
        if row.sample.contains("web-1/") || row.sample.contains("pod") {
            assert_eq!(read[0]["pod"], "web-1", "{}", row.name);
        }
    }
    let named: Vec<_> =
        format_rows().iter().filter(|row| row.sort == Sort::Container).map(|row| &*row.name).collect();
    for container in CONTAINERS {
        assert!(named.contains(&container.name()), "{} is not in the list", container.name());
    }
}

/// How many records each sample of a wrapper or product holds, and under which format they are read.
#[test]
fn wrapped_and_foreign_samples_hold_their_records() {
    let folder = root().join("sample-logs");
    let forty = [
        "cloudwatch.json",
        "cri.log",
        "docker-json.log",
        "fluent-bit.jsonl",
        "gcloud.json",
        "kubectl-prefix.log",
        "kubectl-timestamps.log",
        "loki.json",
        "stern.log",
    ];
    for entry in fs::read_dir(folder.join("wrapped")).expect("the folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        let expected = if forty.contains(&&*name) { 40 } else { 12 };
        let (summary, _) = counted(&[Input::Path(path)], &Reader::new());
        assert_eq!(summary.lines.formats.get("istio-text"), Some(&expected), "{name}");
        assert_eq!((summary.lines.access, summary.lines.rejected), (expected, 0), "{name}");
        assert_eq!(summary.lines.incomplete, 0, "{name}");
        assert!(summary.flags.get(&b"UF"[..]) >= 6, "{name}");
    }
    for path in [
        "envoy-gateway-json/subset-missing.jsonl",
        "contour-json/subset-missing.jsonl",
        "osm-json/subset-missing.jsonl",
        "json/gloo.jsonl",
        "istio-json/higress.jsonl",
        "ecs-json/subset-missing.jsonl",
        "gcp-json/subset-missing.jsonl",
        "otlp-json/subset-missing.jsonl",
        "als-json/subset-missing.jsonl",
        "otlp-json/batch.json",
        "als-json/stream.json",
    ] {
        let (format, product) = (path.split('/').next().expect("a folder"), path);
        let path = folder.join(path);
        let (summary, _) = counted(&[Input::Path(path)], &Reader::new());
        assert_eq!(summary.lines.formats.get(format), Some(&51), "{product}: {:?}", summary.lines.formats);
        assert_eq!(summary.flags.get(&b"NC"[..]), 36, "{product}");
        assert_eq!(summary.counts.failed(), 36, "{product}");
        assert_eq!(summary.lines.without_time, 0, "{product}");
    }
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(plain).expect("memory");
    out.finish().expect("memory")
}

fn tar(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut out = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        out.append_data(&mut header, name, &bytes[..]).expect("memory");
    }
    out.into_inner().expect("memory")
}

fn log(path: &str) -> Vec<u8> {
    format!("{}\n", FAILING.replace("/a ", &format!("{path} "))).into_bytes()
}

const MANIFEST: &str = r#"{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[
  {"metadata":{"name":"web-1","namespace":"shop"},"spec":{"containers":[{"name":"istio-proxy","image":"proxyv2"}]},
   "status":{"phase":"Running","containerStatuses":[{"name":"istio-proxy","ready":false,"restartCount":3}]}},
  {"metadata":{"name":"web-2","namespace":"shop"},"status":{"phase":"Pending"}}
]}
"#;
const YAML: &str = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: web, namespace: shop}\n\
                    spec:\n  http:\n  - fault: {abort: {httpStatus: 503, percentage: {value: 1}}}\n";
const CONFIG_DUMP: &str = r#"{"configs":[{"@type":"type.googleapis.com/envoy.admin.v3.RoutesConfigDump","dynamic_route_configs":[{"route_config":{"name":"80","virtual_hosts":[{"name":"web","routes":[{"direct_response":{"status":503}}]}]}}]}]}
"#;

/// The archive that `istioctl bug-report` makes.
#[test]
fn a_bug_report_gives_its_logs_by_name() {
    let archive = gzip(&tar(&[
        ("bug-report/cluster-context", b"kind-1\n".to_vec()),
        ("bug-report/proxies/shop/web-1/istio-proxy.log", log("/1")),
        ("bug-report/proxies/shop/web-1/config_dump", CONFIG_DUMP.as_bytes().to_vec()),
        ("bug-report/proxies/shop/web-2/istio-proxy.log", [log("/2"), log("/3")].concat()),
        ("bug-report/cluster/k8s-resources", YAML.as_bytes().to_vec()),
        ("bug-report/cluster/pods.json", MANIFEST.as_bytes().to_vec()),
        (
            "bug-report/istio/istiod-1/discovery.log",
            b"2026-01-02T03:04:05.678901Z\tinfo\tads\tPush debounce stable\n".to_vec(),
        ),
    ]));
    let input = Input::Bytes { name: "bug-report.tar.gz".to_owned(), bytes: archive };
    let (summary, outcome) = counted(&[input], &Reader::new());
    assert_eq!((summary.lines.access, summary.lines.rejected), (3, 0));
    let sources: Vec<_> = outcome.sources.iter().map(|source| source.name.as_str()).collect();
    for name in ["web-1/istio-proxy.log", "web-2/istio-proxy.log"] {
        assert!(
            sources.contains(&&*format!("bug-report.tar.gz!bug-report/proxies/shop/{name}")),
            "{sources:?}"
        );
    }
    let exemplars = summary.symptoms.values().flat_map(|symptom| &symptom.exemplars);
    assert_eq!(exemplars.map(|e| (e.line, e.offset)).next(), Some((1, 0)));
}

/// The tree that `kubectl cluster-info dump --output-directory` makes.
#[test]
fn a_cluster_dump_gives_its_logs_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let put = |path: &str, bytes: &[u8]| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    };
    // kubectl puts the logs of all containers of a pod into one file, with a line before and behind each.
    let logs = |path| {
        let head = b"==== START logs for container istio-proxy of pod shop/web-1 ====\n".to_vec();
        [head, log(path), b"==== END logs for container istio-proxy of pod shop/web-1 ====\n".to_vec()]
            .concat()
    };
    put("nodes.json", MANIFEST.as_bytes());
    put("shop/pods.json", MANIFEST.as_bytes());
    put("shop/events.yaml", YAML.as_bytes());
    put("shop/web-1/logs.txt", &logs("/1"));
    put("shop/web-2/logs.txt", &logs("/2"));
    let (summary, outcome) = counted(&[Input::Path(folder.path().to_owned())], &Reader::new());
    assert_eq!((summary.lines.access, summary.lines.rejected), (2, 0));
    let logs: Vec<_> = outcome.sources.iter().filter(|source| source.name.ends_with("logs.txt")).collect();
    assert_eq!(logs.len(), 2);
    assert!(logs.iter().any(|source| Path::new(&source.name).ends_with("shop/web-1/logs.txt")));
}

#[test]
fn every_way_to_pack_gives_the_same() {
    let plain = [log("/1"), log("/2")].concat();
    let text = String::from_utf8(plain.clone()).expect("text");
    let utf16 = |big: bool| {
        let bytes = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(bytes).collect::<Vec<u8>>()
    };
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("a/x.log", zip::write::SimpleFileOptions::default()).expect("memory");
    zip.write_all(&plain).expect("memory");
    let zip = zip.finish().expect("memory").into_inner();
    let inner = gzip(&tar(&[("x.log", plain.clone())]));
    for (what, packed) in [
        ("UTF-16LE", utf16(false)),
        ("UTF-16BE", utf16(true)),
        ("UTF-16 in gzip", gzip(&utf16(false))),
        ("zip", zip),
        ("zstd", zstd::encode_all(&plain[..], 1).expect("memory")),
        ("tar in tar.gz", gzip(&tar(&[("inner.tar", tar(&[("x.log", plain.clone())]))]))),
        ("tar.gz in tar.gz", gzip(&tar(&[("inner.tar.gz", inner)]))),
    ] {
        let (summary, _) = of_bytes(&packed);
        assert_eq!((summary.lines.access, summary.lines.total), (2, 2), "{what}");
    }
}

#[test]
fn one_format_may_be_asked_for() {
    let json = &format_rows().iter().find(|row| row.name == "istio-json").expect("the row").sample;
    let ztunnel = &format_rows().iter().find(|row| row.name == "ztunnel").expect("the row").sample;
    let mixed = format!("{FAILING}\n{json}\n{ztunnel}\n");
    let all = ["istio-text", "istio-json", "ztunnel"];
    for name in all {
        let reader = Reader::new().only(name).expect(name);
        let input = Input::Bytes { name: "-".to_owned(), bytes: mixed.clone().into_bytes() };
        let (summary, _) = counted(&[input], &reader);
        let read: Vec<_> = summary.lines.formats.iter().map(|(name, n)| (*name, *n)).collect();
        assert_eq!(read, [(name, 1)]);
        assert_eq!(summary.lines.rejected, 0, "{name}");
    }
    let error = Reader::new().only("nope").expect_err("no such format").to_string();
    for row in format_rows().iter().filter(|row| row.sort.is_format()) {
        assert!(error.contains(&row.name), "{error}");
    }
}

/// Groups are the same for any thread count and block size, and their sum is the whole.
#[test]
fn groups_do_not_depend_on_how_the_work_is_done() {
    let path = root().join("sample-logs/istio-text/checkout-killed.log");
    let by = By::parse("upstream,code").expect("fields");
    let run = |block_bytes, threads| {
        let options = Options { block_bytes, threads, ..Options::default() };
        let input = [Input::Path(path.clone())];
        summarise_by(&input, &Reader::new(), &Filter::default(), &by, &options, None).expect("counts").0
    };
    let whole = run(1 << 20, 1);
    let sum: u64 = whole.groups.rows.values().map(|group| group.counts.requests()).sum();
    assert_eq!(sum, whole.counts.requests());
    assert!(whole.groups.rows.len() > 3);
    for (block_bytes, threads) in [(777, 1), (4096, 3), (1 << 20, 4)] {
        assert_eq!(run(block_bytes, threads).groups, whole.groups);
    }
}

/// Both ends of one connection log it: the sides show both, and the totals count it once.
#[test]
fn both_ends_of_a_tunnel_are_not_added_up() {
    let line = &format_rows().iter().find(|row| row.name == "ztunnel").expect("the row").sample;
    let pair = format!("{line}\n{}\n", line.replace("outbound", "inbound"));
    let (summary, _) = of_bytes(pair.as_bytes());
    assert_eq!((summary.sides.caller.requests(), summary.sides.callee.requests()), (1, 1));
    assert_eq!(summary.sides.untold.requests(), 0);
    assert_eq!(
        (summary.lines.access, summary.totals().counts.requests(), summary.totals().other_ends),
        (2, 1, 1)
    );
    // A waypoint logs the request, and the tunnel that brought it.
    let request = FAILING.replace("outbound|80||", "inbound-vip|80|http|");
    let tunnel = FAILING.replace("outbound|80||web.shop.svc.cluster.local", "main_internal");
    let (summary, _) = of_bytes(format!("{request}\n{tunnel}\n").as_bytes());
    assert_eq!((summary.sides.callee.requests(), summary.sides.tunnel.requests()), (1, 1));
    let totals = summary.totals();
    assert_eq!((totals.counts.requests(), totals.counts.failed(), totals.carriers), (1, 1, 1));
    assert_eq!((totals.codes.get(&503), totals.flags.get(&b"UF"[..])), (Some(&1), 1));
    assert_eq!((totals.flag_sets.get(&b"UF"[..]), totals.latency.count()), (1, 1));
    let (summary, _) = of_bytes(format!("{tunnel}\n{tunnel}\n").as_bytes());
    assert_eq!(summary.totals().counts.requests(), 2);
}

/// One end's log counts in full. With both, what one end alone saw is kept: connections that never reached the
/// destination, peers outside the mesh. No order of the lines and no cut changes that.
#[test]
fn what_one_end_alone_saw_is_counted() {
    let line = |service: &str, direction: &str, error: &str| {
        let error = if error.is_empty() { String::new() } else { format!(" error=\"{error}\"") };
        format!(
            "2026-01-02T03:04:05.678901Z\tinfo\taccess\tconnection complete\tsrc.addr=10.0.0.1:5000 dst.addr=10.0.0.2:15008 \
             dst.service=\"{service}\" direction=\"{direction}\" bytes_sent=1 bytes_recv=2 duration=\"3ms\"{error}\n"
        )
    };
    let refused = "connection failed: Connection refused (os error 111)";
    let mut lines = vec![line("other.shop", "inbound", ""); 3];
    lines.extend(vec![line("cart.shop", "outbound", ""); 7]);
    lines.extend(vec![line("cart.shop", "outbound", refused); 2]);
    lines.extend(vec![line("cart.shop", "inbound", ""); 9]);
    lines.extend(vec![line("", "inbound", ""), line("", "outbound", "")]);
    let count = |lines: &[String], options: &Options| {
        let input = Input::Bytes { name: "-".to_owned(), bytes: lines.concat().into_bytes() };
        let (summary, ..) = summarise(&[input], &Reader::new(), &Filter::default(), options, None)
            .expect("nothing is written");
        let totals = summary.totals();
        assert_eq!(summary.lines.access, lines.len() as u64);
        let (alone, codes) = summary.no_upstream_once();
        assert_eq!(
            (alone.requests(), codes.values().sum()),
            (totals.counts.requests(), totals.counts.requests())
        );
        (totals.counts.requests(), totals.counts.failed(), totals.other_ends)
    };
    for (block_bytes, threads) in [(1 << 20, 1), (300, 3), (1000, 2)] {
        let options = Options { block_bytes, threads, ..Options::default() };
        assert_eq!(count(&lines, &options), (3 + 9 + 2 + 1, 2, 8));
        let backwards: Vec<_> = lines.iter().rev().cloned().collect();
        assert_eq!(count(&backwards, &options), (15, 2, 8));
        assert_eq!(count(&lines[3..12], &options), (9, 2, 0), "one end");
    }
}

/// Every layout, and every product's JSON, behind every prefix and inside every object that carries lines.
#[test]
fn every_format_is_read_in_every_wrapper() {
    for row in format_rows().iter().filter(|row| row.sort.is_format()) {
        let plain = records(row.sample.as_bytes());
        for wrapper in format_rows().iter().filter(|row| row.sort == Sort::Wrapper) {
            // What carries objects only, or puts the record's own word before it.
            if (wrapper.name == "emissary" && !row.sample.starts_with('['))
                || (wrapper.name == "kubectl --timestamps" && row.name == "ztunnel")
            {
                continue;
            }
            let quoted = serde_json::Value::from(&*row.sample).to_string();
            let inner =
                if wrapper.sample.starts_with('{') { &quoted[1..quoted.len() - 1] } else { &row.sample };
            let line = wrapper.sample.replace("LINE", inner);
            let read = records(line.as_bytes());
            assert_eq!(read.len(), plain.len(), "{} in {}: {line}", row.name, wrapper.name);
            for key in [
                "format",
                "response_code",
                "flags",
                "upstream_cluster",
                "path",
                "outcome",
                "start_time",
                "complete",
            ] {
                assert_eq!(read[0][key], plain[0][key], "{key} of {} in {}", row.name, wrapper.name);
            }
        }
    }
}

/// The same requests were logged as text, where nothing is escaped, and as JSON, where everything is: so the JSON tells
/// what the text must be read as. Quotes, backslashes, tabs, raw bytes and whole forged columns in headers.
#[test]
fn text_is_read_as_the_json_of_the_same_request() {
    let bytes = |path: &str| fs::read(root().join("sample-logs").join(path)).expect(path);
    for (text, json) in [
        ("istio-text/odd-headers.log", "istio-json/odd-headers.jsonl"),
        ("istio-text/jwt-rejected.log", "istio-json/jwt-rejected.jsonl"),
        ("istio-text/subset-missing.log", "istio-json/subset-missing.jsonl"),
    ] {
        let (text, json) = (records(&bytes(text)), records(&bytes(json)));
        assert_eq!(text.len(), json.len());
        for (text, json) in text.iter().zip(&json) {
            for (key, value) in json.as_object().expect("a record") {
                let own = ["format", "source", "line", "offset"].contains(&key.as_str());
                let mut read = text[key].clone();
                if let Some(bytes) = read.as_str().filter(|text| text.contains("\\xff")) {
                    // Envoy's JSON takes bytes that are no UTF-8 for Latin-1; ours keeps them apart.
                    read = bytes.replace("\\xff", "ÿ").replace("\\xfe", "þ").into();
                }
                assert!(own || read == *value, "{key} of {json}\nis read as {read}");
            }
        }
    }
}

/// Values that are not what a column usually holds.
#[test]
fn odd_columns_are_read() {
    // Head up to the bytes; the rest of the line is ordinary, or that of a connection.
    let line = |head: &str, http: bool| {
        let tail = match http {
            true => {
                r#"0 91 3 - "-" "curl/8" "r-1" "web.shop:80" "10.0.0.7:80" outbound|80||web.shop.svc.cluster.local - 10.9.9.9:80 10.0.0.1:5000 - default"#
            }
            false => {
                r#"10 20 3 - "-" "-" "-" "-" "10.0.0.7:80" outbound|80||web.shop.svc.cluster.local - 10.9.9.9:80 10.0.0.1:5000 - -"#
            }
        };
        format!("[2026-01-02T03:04:05.678Z] {head} {tail}\n")
    };
    let reset = "upstream_reset_before_response_started";
    let cases = [
        (line(r#""- - -" 0 UF,URX - - "delayed_connect_error:_111""#, false), "kind", "tcp"),
        (line(r#""- - -" 0 - - - "-""#, false), "kind", "tcp"),
        (line(r#""GET / HTTP/1.1" 0 DC downstream_remote_disconnect - "-""#, true), "outcome", "client_gone"),
        (line(r#""- - HTTP/1.1" 400 DPE http1.codec_error - "-""#, true), "kind", "http"),
        (line(r#""- - HTTP/1.1" 400 DPE http1.codec_error - "-""#, true), "protocol", "HTTP/1.1"),
        // No details at all: Envoy prints nothing between two blanks.
        (line(r#""GET / HTTP/1.1" 500 NFCF  - "-""#, true), "response_flags", "NFCF"),
        (
            line(r#""- - -" 0 UC - filter chain not found "-""#, false),
            "connection_termination_details",
            "filter chain not found",
        ),
        (
            line(
                r#""GET / HTTP/1.1" 503 UF x - "TLS error: 268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED""#,
                true,
            ),
            "upstream_transport_failure_reason",
            "TLS error: 268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED",
        ),
        (
            line(
                &format!(
                    r#""GET / HTTP/1.1" 503 UF {reset}{{connection_failure,delayed_connect_error:_111}} - "-""#
                ),
                true,
            ),
            "response_code_details",
            "upstream_reset_before_response_started{connection_failure,delayed_connect_error:_111}",
        ),
        (
            line(
                &format!(
                    r#""GET / HTTP/1.1" 503 UF {reset}{{remote_connection_failure|TLS_error:|268435581:a,b}} - "-""#
                ),
                true,
            ),
            "response_code_details",
            "upstream_reset_before_response_started{remote_connection_failure|TLS_error:|268435581:a,b}",
        ),
    ];
    for (line, key, expected) in cases {
        let read = records(line.as_bytes());
        assert_eq!(read.len(), 1, "{line}");
        assert_eq!(read[0][key], expected, "{key} of {line}");
        let host = ("upstream_host", "10.0.0.7:80");
        assert_eq!(read[0][host.0], host.1, "{line}");
        assert_eq!(read[0]["complete"], true, "{line}");
    }
}

/// A header that holds the whole end of another line makes neither another layout nor another upstream of its own.
#[test]
fn a_forged_end_wins_in_no_layout() {
    const FORGED: &str =
        r#"" 200 - via_upstream - "-" 0 0 0 0 "-" "-" "-" "h" "10.6.6.6:1" outbound|1||evil - - - - r"#;
    let value = |operator: &str| match operator {
        "START_TIME" => "2026-01-02T03:04:05.678Z",
        "REQ(:METHOD)" => "GET",
        "REQ(X-ENVOY-ORIGINAL-PATH?:PATH)" => "/a",
        "PROTOCOL" => "HTTP/1.1",
        "RESPONSE_CODE" => "503",
        "RESPONSE_FLAGS" => "UF",
        "RESPONSE_CODE_DETAILS" => "upstream_reset",
        "BYTES_RECEIVED" | "BYTES_SENT" | "DURATION" => "12",
        "REQ(USER-AGENT)" => FORGED,
        "REQ(:AUTHORITY)" => "cart",
        "REQ(X-FORWARDED-FOR)" => "10.0.0.1",
        "REQ(X-REQUEST-ID)" => "rid",
        "UPSTREAM_HOST" => "10.0.0.7:80",
        "UPSTREAM_CLUSTER" | "UPSTREAM_CLUSTER_RAW" => "outbound|80||web",
        "DOWNSTREAM_LOCAL_ADDRESS" => "10.9.9.9:80",
        "DOWNSTREAM_REMOTE_ADDRESS" => "10.0.0.1:5000",
        "ROUTE_NAME" => "default",
        _ => "-",
    };
    for (name, format) in meshwhy::format::known_formats() {
        // Columns that somebody put behind Envoy's own format look like the end of it.
        if !format.contains("USER-AGENT") || name == "envoy-default-plus" {
            continue;
        }
        let line: String = format
            .split('%')
            .enumerate()
            .map(|(n, part)| if n % 2 == 1 { value(part) } else { part })
            .collect();
        let read = records(line.as_bytes());
        assert_eq!(read.len(), 1, "{line}");
        for (key, expected) in [("authority", "cart"), ("upstream_host", "10.0.0.7:80")] {
            assert_eq!(read[0][key], expected, "{key} of {name}: {line}");
        }
        assert_eq!((&read[0]["response_code"], &read[0]["duration"]), (&503.into(), &12.into()), "{name}");
    }
}
