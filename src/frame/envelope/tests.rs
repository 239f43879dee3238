//! Every wrapper of the field around the same line, and what must be left alone.

use proptest::prelude::*;

use super::*;

const LINE: &str = r#"[2020-11-25T21:26:18.409Z] "GET /status/418 HTTP/1.1" 418 - via_upstream - "-" 0 135 4 4 "-" "curl/7.73.0-DEV" "84961386" "httpbin:8000" "10.44.1.27:80" outbound|8000||httpbin.foo.svc.cluster.local 10.44.1.23:37652 10.0.45.184:8000 10.44.1.23:46520 - default"#;

const JSON: &str = r#"{"start_time":"2020-11-25T21:26:18.409Z","path":"/a\"b","response_code":200}"#;

fn peeled(line: &str) -> (String, [Option<String>; 3]) {
    let mut scratch = b"left over".to_vec();
    let got = peel(line.as_bytes(), &mut scratch);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let carrier = [got.carrier.pod, got.carrier.namespace, got.carrier.container];
    (text(got.text), carrier.map(|name| name.map(text)))
}

fn escaped(line: &str) -> String {
    let quoted = serde_json::Value::from(line).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

#[test]
fn prefixes_are_taken_off() {
    let pod = [Some("httpbin-5c9f-abcde"), None, Some("istio-proxy")];
    let all = [Some("httpbin-5c9f-abcde"), Some("foo"), Some("istio-proxy")];
    let none = [None, None, None];
    let cases: &[(&str, [Option<&str>; 3])] = &[
        ("", none),
        ("[pod/httpbin-5c9f-abcde/istio-proxy] ", pod),
        ("2020-11-25T21:26:19.512345678Z ", none),
        ("2020-11-25T21:26:19.512345678+01:00 ", none),
        ("[pod/httpbin-5c9f-abcde/istio-proxy] 2020-11-25T21:26:19.512345678Z ", pod),
        ("httpbin-5c9f-abcde istio-proxy ", pod),
        ("foo httpbin-5c9f-abcde istio-proxy ", all),
        ("httpbin-5c9f-abcde istio-proxy 2020-11-25T21:26:19.512345678Z ", pod),
        ("httpbin-5c9f-abcde istio-proxy 11-25 21:26:19 ", pod),
        ("\u{1b}[38;5;12mhttpbin-5c9f-abcde\u{1b}[0m \u{1b}[94mistio-proxy\u{1b}[0m ", pod),
        ("istio-proxy-1  | ", [None, None, Some("istio-proxy-1")]),
        ("\u{1b}[36mistio-proxy-1  | \u{1b}[0m", [None, None, Some("istio-proxy-1")]),
        ("istio-proxy-1  | 2020-11-25T21:26:19.512345678Z ", [None, None, Some("istio-proxy-1")]),
        ("2016-10-06T00:17:09.669794202Z stdout F ", none),
        ("2016-10-06T00:17:09.669794202Z stderr F:x ", none),
        ("[httpbin-5c9f-abcde] ", [Some("httpbin-5c9f-abcde"), None, None]),
        ("[httpbin-5c9f-abcde istio-proxy] ", pod),
        ("gw.log:", none),
        ("logs/2024.log:123:", none),
        ("./gw.log:", none),
        (
            "/var/log/pods/foo_httpbin-5c9f-abcde_0b1c/istio-proxy/0.log:7:2016-10-06T00:17:09.669794202Z stdout F ",
            all,
        ),
        ("/var/log/containers/httpbin-5c9f-abcde_foo_istio-proxy-4f1e.log:", all),
        ("ACCESS ", none),
        ("Nov 25 21:26:18 node-1 envoy[12]: ", none),
        ("Nov  5 21:26:18 node-1 envoy[12]: ", none),
        (
            r#"2020-11-25T21:26:19Z {pod="httpbin-5c9f-abcde", namespace="foo", container="istio-proxy"} "#,
            all,
        ),
        ("2020-11-25T21:26:19Z {} ", none),
        ("2020-11-25T21:26:19.000000+00:00 kube/httpbin ", none),
        ("2020-11-25T21:26:19+00:00\tkubernetes.var.log\t", none),
        ("2020-11-25T21:26:19Z\t", none),
    ];
    for (prefix, want) in cases {
        for line in [LINE, JSON] {
            let (text, carrier) = peeled(&format!("{prefix}{line}"));
            assert_eq!(text, line, "{prefix:?}");
            assert_eq!(carrier, want.map(|name| name.map(str::to_owned)), "{prefix:?}");
        }
    }
    // A prefix nobody has heard of.
    assert_eq!(peeled(&format!("<13>1 whatever: {LINE}")).0, LINE);
}

#[test]
fn objects_are_taken_off() {
    let all = [Some("p-1"), Some("foo"), Some("istio-proxy")];
    let none = [None, None, None];
    let cases: &[(&str, [Option<&str>; 3])] = &[
        (r#"{"log":"LINE\n","stream":"stdout","time":"2020-11-25T21:26:19.512345678Z"}"#, none),
        (
            r#"{"date":1606339579.51,"stream":"stdout","logtag":"F","message":"LINE","kubernetes":{"pod_name":"p-1","namespace_name":"foo","labels":{"app":"x"},"container_name":"istio-proxy"}}"#,
            all,
        ),
        (
            r#"{"labels":{"app":"h","container":"istio-proxy","namespace":"foo","pod":"p-1"},"line":"LINE","timestamp":"2020-11-25T21:26:19.512Z"}"#,
            all,
        ),
        (
            r#"{"insertId":"x1","labels":{"k8s-pod/app":"h"},"logName":"projects/p/logs/stdout","resource":{"labels":{"container_name":"istio-proxy","namespace_name":"foo","pod_name":"p-1"},"type":"k8s_container"},"textPayload":"LINE","timestamp":"x"}"#,
            all,
        ),
        (
            r#"{"@timestamp":"x","message":"LINE","stream":"stdout","log":{"offset":1,"file":{"path":"/x.log"}},"container":{"id":"i"},"kubernetes":{"namespace":"foo","pod":{"name":"p-1"},"container":{"name":"istio-proxy"}}}"#,
            all,
        ),
        (
            r#"{"_index":"i","_source":{"message":"LINE","kubernetes":{"namespace":"foo","pod":{"name":"p-1"},"container":{"name":"istio-proxy"}}}}"#,
            all,
        ),
        (
            r#"{"file":"/f","kubernetes":{"pod_name":"p-1","pod_namespace":"foo","container_name":"istio-proxy"},"message":"LINE","source_type":"kubernetes_logs"}"#,
            all,
        ),
        (
            r#"{"message":"LINE","nodeName":"n1","namespace":"foo","podName":"p-1","containerName":"istio-proxy"}"#,
            all,
        ),
        (
            r#"{"pod": "\u001b[32mp-1\u001b[0m", "container": "istio-proxy", "namespace": "foo", "message": "LINE"}"#,
            all,
        ),
        (r#"{"logStreamName":"s","timestamp":1606339579512,"message":"LINE","eventId":"36"}"#, none),
        (
            r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1","body":{"stringValue":"LINE"}}]}]}]}"#,
            none,
        ),
        (r#"{"event":"LINE","sourcetype":"x","fields":{"a":"b"}}"#, none),
        (r#"{"jsonPayload":{"message":"LINE"},"timestamp":"x"}"#, none),
        (r#"{"log":"ACCESS LINE\n","stream":"stdout"}"#, none),
    ];
    for (wrapper, want) in cases {
        for line in [LINE, JSON] {
            let (text, carrier) = peeled(&wrapper.replace("LINE", &escaped(line)));
            assert_eq!(text, line, "{wrapper}");
            assert_eq!(carrier, want.map(|name| name.map(str::to_owned)), "{wrapper}");
        }
    }
}

#[test]
fn wrappers_nest() {
    let bit = format!(r#"{{"log":"{}\n","kubernetes":{{"pod_name":"p-1"}}}}"#, escaped(LINE));
    let watch = format!(r#"{{"logStreamName":"s","message":"{}"}}"#, escaped(&bit));
    let (text, carrier) = peeled(&watch);
    assert_eq!((text.as_str(), carrier[0].as_deref()), (LINE, Some("p-1")));
    let cri = format!("2016-10-06T00:17:09.669794202Z stdout F {watch}");
    assert_eq!(peeled(&cri).0, LINE);
}

#[test]
fn what_is_not_wrapped_stays() {
    for line in [
        LINE,
        JSON,
        "",
        " ",
        "2024-05-01T12:00:00.123456Z\tinfo\tReadiness succeeded",
        "2024-05-01T12:00:00.123456Z info xdsproxy connected to upstream XDS server",
        "2024-05-29T02:46:11.488Z] \"GET / HTTP/1.1\" 503 UF x",
        "[2017-05-17 03:00:52.735][14236][critical][assert] assert failure",
        "[Envoy (Epoch 0)] [2020-01-01 00:00:00.000][21][warning][config] x",
        r#"127.0.0.1 - - [2024-01-01T00:00:00Z] "GET / HTTP/1.1" 200 5"#,
        "hello world and more words",
        r#"received reply {"response_code":500}"#,
        r#"Client web-1 {"response_code":500}"#,
        r#"{"level":"info","time":"2024-05-01T12:00:00.123456Z","scope":"ads","msg":"hello"}"#,
        r#"{"log":{"start_time":"x","response_code":200}}"#,
        r#"{"message":"cut"#,
        "{",
    ] {
        assert_eq!(peeled(line), (line.to_owned(), [None, None, None]));
    }
    let (text, carrier) = peeled("web-1 istio-proxy 2024-05-01T12:00:00.123456Z\tinfo\tReady");
    assert_eq!(text, "2024-05-01T12:00:00.123456Z\tinfo\tReady");
    assert_eq!(carrier[0].as_deref(), Some("web-1"));
}

fn joined(lines: &[&str]) -> Vec<(String, u64)> {
    let mut joiner = Joiner::new();
    let mut out = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        if let Some(whole) = joiner.push(line.as_bytes(), i as u64 + 1, 0) {
            out.push((peeled(std::str::from_utf8(whole.bytes).unwrap()).0, whole.line));
        }
    }
    while let Some(rest) = joiner.pop() {
        out.push((peeled(std::str::from_utf8(rest.bytes).unwrap()).0, rest.line));
    }
    assert!(!joiner.is_open());
    out
}

#[test]
fn pieces_are_joined_per_stream() {
    let time = "2016-10-06T00:17:09.669794202Z";
    let lines = [
        &format!("{time} stdout P {}", &LINE[..50]),
        &format!("{time} stderr F 2024-05-01T12:00:00.123456Z\tinfo\thello"),
        &format!("{time} stdout P {}", &LINE[50..90]),
        &format!("{time} stdout F {}", &LINE[90..]),
        LINE,
        &format!("{time} stdout P {}", &LINE[..50]),
    ];
    let got = joined(&lines);
    let want = [("2024-05-01T12:00:00.123456Z\tinfo\thello", 2), (LINE, 1), (LINE, 5), (&LINE[..50], 6)];
    assert_eq!(got, want.map(|(text, line)| (text.to_owned(), line)));
}

#[test]
fn dockers_pieces_are_joined_and_shortened_messages_are_not() {
    let long = format!("[2020-11-25T21:26:18.409Z] \"GET /{} HTTP/1.1\" 200 -", "a".repeat(DOCKER));
    const DOCKER: usize = 20_000;
    let wrap =
        |text: &str, end: &str| format!(r#"{{"log":"{}{end}","stream":"stdout","time":"x"}}"#, escaped(text));
    let (head, tail) = long.split_at(16 * 1024);
    assert_eq!(joined(&[&wrap(head, ""), &wrap(tail, "\\n")]), [(long.clone(), 1)]);
    assert_eq!(joined(&[&wrap(head, "")]), [(head.to_owned(), 1)]);
    assert_eq!(joined(&[&wrap(LINE, ""), &wrap(LINE, "\\n")]).len(), 2);
}

#[test]
fn a_block_is_cut_before_an_open_line() {
    let time = "2016-10-06T00:17:09.669794202Z";
    let (whole, piece) = (format!("{time} stdout F x\n"), format!("{time} stdout P x\n"));
    let error = format!("{time} stderr F x\n");
    assert_eq!(open_from(whole.as_bytes()), None);
    assert_eq!(open_from(format!("{LINE}\n{LINE}\n").as_bytes()), None);
    assert_eq!(open_from(b""), None);
    let open = format!("{piece}{whole}{piece}{error}{piece}{error}");
    assert_eq!(open_from(open.as_bytes()), Some(piece.len() + whole.len()));
    assert_eq!(open_from(format!("{piece}{whole}{error}").as_bytes()), None);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut scratch = Vec::new();
        peel(&bytes, &mut scratch);
        partial(&bytes);
        open_from(&bytes);
    }

    #[test]
    fn damaged_wrappers_never_panic(
        which in 0..6usize, at in any::<proptest::sample::Index>(), byte in any::<u8>(), cut in any::<proptest::sample::Index>(),
    ) {
        let wrapped = [
            format!(r#"{{"log":"{}\n","stream":"stdout","kubernetes":{{"pod":{{"name":"a\n"}}}}}}"#, escaped(JSON)),
            format!(r#"2020-11-25T21:26:19Z {{pod="h", container="\"i"}} {LINE}"#),
            format!("\u{1b}[36mistio-proxy-1  | \u{1b}[0m{LINE}"),
            format!("[pod/httpbin-5c9f-abcde/istio-proxy] 2020-11-25T21:26:19.512345678Z {LINE}"),
            format!("Nov 25 21:26:18 node-1 envoy[12]: {LINE}"),
            format!("/var/log/pods/foo_h_0/istio-proxy/0.log:7:2016-10-06T00:17:09.669794202Z stdout P {LINE}"),
        ];
        let mut bytes = wrapped[which].clone().into_bytes();
        let i = at.index(bytes.len());
        bytes[i] = byte;
        bytes.truncate(cut.index(bytes.len() + 1));
        let mut scratch = Vec::new();
        peel(&bytes, &mut scratch);
        partial(&bytes);
        open_from(&bytes);
    }

    #[test]
    fn text_that_was_not_decoded_ends_the_line(line in "[ -~]{0,20}") {
        let full = format!("[pod/a/b] {line}{LINE}");
        let mut scratch = Vec::new();
        let got = peel(full.as_bytes(), &mut scratch).text.to_vec();
        prop_assert!(full.as_bytes().ends_with(&got));
    }

    #[test]
    fn a_message_comes_out_as_it_went_in(message in "[a-z\"\\\\\t é{}]{0,40}") {
        let full = format!(r#"{{"stream":"stdout","log":"x {}"}}"#, escaped(&message));
        let mut scratch = Vec::new();
        let got = peel(full.as_bytes(), &mut scratch).text.to_vec();
        prop_assert_eq!(String::from_utf8(got).unwrap(), format!("x {message}"));
    }
}
