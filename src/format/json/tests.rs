//! The three readers together: shapes of the field, lines that are none, and the walker against serde_json.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::format::{ProxySignal, Writer};

/// A line read: what it is, and a copy of its fields.
fn read_with(keys: &JsonKeys, line: &[u8]) -> (Reading, Map<String, Value>) {
    let (mut layout, mut scratch) = (Layout::default(), Vec::new());
    let reading = keys.read(line, &mut layout, &mut scratch);
    let text = if layout.in_scratch { &scratch[..] } else { line };
    let record = Record::new(text, &layout, Default::default());
    let mut fields = Map::new();
    for field in Field::ALL {
        if let Some(raw) = record.logged(*field) {
            fields.insert(field.key().to_owned(), String::from_utf8_lossy(&raw.text()).into());
        }
    }
    fields.insert("format".to_owned(), layout.format.into());
    fields.insert("kind".to_owned(), record.kind().name().into());
    fields.insert("complete".to_owned(), layout.complete.into());
    (reading, fields)
}

fn read(line: &str) -> (Reading, Map<String, Value>) {
    read_with(&JsonKeys::default(), line.as_bytes())
}

/// The line is a record, and has at least these values.
#[track_caller]
fn expect(line: &str, want: Value) {
    let (reading, fields) = read(line);
    assert_eq!(reading, Reading::Access, "{line}");
    for (key, want) in want.as_object().unwrap() {
        assert_eq!(fields.get(key).unwrap_or(&Value::Null), want, "{key} of {line}");
    }
}

const ISTIO: &str = r#"{"authority":"httpbin:8000","bytes_received":0,"bytes_sent":135,"connection_termination_details":null,"downstream_local_address":"10.0.45.184:8000","downstream_remote_address":"10.44.1.23:46520","duration":4,"method":"GET","path":"/status/418?a=\"b\"","protocol":"HTTP/1.1","request_id":"84961386-6d84-929d-98bd-c5aee93b5c88","requested_server_name":null,"response_code":418,"response_code_details":"via_upstream","response_flags":"-","route_name":"default","start_time":"2020-11-25T21:26:18.409Z","upstream_cluster":"outbound|8000||httpbin.foo.svc.cluster.local","upstream_host":"10.44.1.27:80","upstream_local_address":"10.44.1.23:37652","upstream_service_time":"4","upstream_transport_failure_reason":null,"user_agent":"curl/7.73.0-DEV","x_forwarded_for":null}"#;

const GATEWAY: &str = r#"{"start_time":"2024-01-12T19:54:01.821Z","method":"GET","x-envoy-origin-path":"/a","protocol":"HTTP/2","response_code":"503","response_flags":"UF","response_code_details":"x","connection_termination_details":"-","upstream_transport_failure_reason":"-","bytes_received":"0","bytes_sent":"91","duration":"3","x-envoy-upstream-service-time":"-","x-forwarded-for":"10.0.0.1","user-agent":"UA","x-request-id":"r-1",":authority":"shop","upstream_host":"10.0.0.2:80","upstream_cluster":"httproute/a/b/rule/0","upstream_local_address":"-","downstream_local_address":"10.0.0.3:80","downstream_remote_address":"10.0.0.4:1","requested_server_name":"-","route_name":"r"}"#;

#[test]
fn istio_in_every_era() {
    expect(
        ISTIO,
        json!({"format": "istio-json", "kind": "http", "complete": true, "method": "GET",
            "path": "/status/418?a=\"b\"", "response_code": "418", "response_flags": "-", "duration": "4",
            "start_time": "2020-11-25T21:26:18.409Z", "upstream_host": "10.44.1.27:80", "x_forwarded_for": null}),
    );
    // 1.1: all strings, and the time where the method should be.
    expect(
        r#"{"start_time":"2019-03-06T09:31:27.360Z","method":"2019-03-06T09:31:27.360Z","path":"/","protocol":"HTTP/1.1","response_code":"200","response_flags":"-","istio_policy_status":"-","upstream_cluster":"a","requested_server_name":"-","duration":"5"}"#,
        json!({"format": "istio-json", "method": null, "path": "/", "response_code": "200", "kind": "http"}),
    );
    expect(
        r#"{"start_time":"2020-11-25T21:26:18.409Z","method":null,"path":null,"protocol":null,"response_code":0,"response_flags":"UF,URX","bytes_sent":0}"#,
        json!({"kind": "tcp", "response_flags": "UF,URX", "format": "json"}),
    );
}

#[test]
fn the_unescaped_text_of_old_envoy_gateways() {
    expect(
        GATEWAY,
        json!({"format": "envoy-gateway-json", "user_agent": "UA", "request_id": "r-1", "path": "/a"}),
    );
    for odd in
        [r#"a "quoted" agent"#, r#"ends in \"#, r#"x","response_code":"200","user-agent":"y"#, r#"","b":"c"#]
    {
        expect(
            &GATEWAY.replace("UA", odd),
            json!({"format": "envoy-gateway-json", "response_code": "503", "request_id": "r-1", "authority": "shop",
                "upstream_cluster": "httproute/a/b/rule/0", "route_name": "r", "complete": true}),
        );
    }
    let (_, fields) = read(&GATEWAY.replace("UA", r#"a "quoted" agent"#));
    assert_eq!(fields["user_agent"], r#"a "quoted" agent"#);
    // Cut behind the flags.
    let cut = &GATEWAY.replace("UA", "\"")[..400];
    expect(cut, json!({"complete": false, "response_flags": "UF", "upstream_cluster": null}));
}

#[test]
fn relatives_and_renamed_keys() {
    expect(
        r#"{"responseFlags":"RL","clientDuration":"12","upstreamName":"-","responseCode":"429","requestId":"b","httpMethod":"HEAD","systemTime":"2019-12-27T16:07:21.295Z","path":"/","targetDuration":"-","protocol":"HTTP/1.1"}"#,
        json!({"response_code": "429", "response_flags": "RL", "method": "HEAD", "duration": "12", "request_id": "b",
            "start_time": "2019-12-27T16:07:21.295Z", "format": "json"}),
    );
    expect(
        r#"{"start_time":"2022-01-01T00:00:00.000Z","code":"200","response_flags":"-","x_request_id":"i","x_envoy_upstream_service_time":"7","method":"GET"}"#,
        json!({"response_code": "200", "request_id": "i", "upstream_service_time": "7"}),
    );
    expect(
        r#"{"latency":"35.076236ms","method":"GET","responseCode":200,"responseFlags":"-","time":"2019-06-11T20:57:35.424310Z","level":"info"}"#,
        json!({"duration": "35.076236", "response_code": "200"}),
    );
    expect(
        r#"{"@timestamp":"2024-11-25T15:02:08.288Z","response_flags":"DC","response_code":0,"upstream_cluster":"a","protocol":"HTTP/2"}"#,
        json!({"format": "contour-json", "start_time": "2024-11-25T15:02:08.288Z", "kind": "http"}),
    );
    expect(
        r#"{"start_time":"t","time_to_first_byte":3,"response_code":200,"response_flags":"-"}"#,
        json!({"format": "osm-json"}),
    );
}

#[test]
fn nested_shapes() {
    for holder in ["log", "message", "body", "jsonPayload", "_source"] {
        let line = format!(r#"{{"pod":"p-1","container":"istio-proxy","{holder}":{ISTIO},"time":"x"}}"#);
        expect(
            &line,
            json!({"format": "istio-json", "response_code": "418", "path": "/status/418?a=\"b\"", "pod": "p-1",
                "container": "istio-proxy", "start_time": "2020-11-25T21:26:18.409Z"}),
        );
    }
    expect(
        &format!(r#"{{"kubernetes":{{"pod":{{"name":"p-1"}},"namespace":"shop"}},{}"#, &ISTIO[1..]),
        json!({"pod": "p-1", "namespace": "shop", "response_code": "418", "format": "istio-json"}),
    );
    expect(
        r#"{"httpRequest":{"requestMethod":"GET","requestUrl":"http://shop/cart?x=1","status":503,"latency":"0.035s","protocol":"http","userAgent":"u"},"labels":{"response_flag":"UF","response_details":"d","upstream_cluster":"outbound|80||a.b.svc.cluster.local"},"timestamp":"2024-01-01T00:00:00Z","logName":"projects/p/logs/server-accesslog-stackdriver"}"#,
        json!({"format": "gcp-json", "method": "GET", "path": "/cart?x=1", "authority": "shop", "response_code": "503",
            "response_flags": "UF", "duration": "35", "upstream_cluster": "outbound|80||a.b.svc.cluster.local"}),
    );
    expect(
        r#"{"@timestamp":"2024-01-01T00:00:00Z","http":{"response":{"status_code":503},"request":{"method":"GET"}},"url":{"path":"/a"},"envoyproxy":{"response_flags":"UH","upstream_service_time":4},"event":{"duration":5000000},"kubernetes":{"pod":{"name":"p"}}}"#,
        json!({"format": "ecs-json", "response_code": "503", "response_flags": "UH", "duration": "5", "path": "/a",
            "method": "GET", "pod": "p", "upstream_service_time": "4"}),
    );
    expect(
        r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"k8s.pod.name","value":{"stringValue":"p"}}]},"scopeLogs":[{"logRecords":[{"timeUnixNano":"1606339579512000000","body":{},"attributes":[{"key":"response_code","value":{"stringValue":"200"}},{"key":"path","value":{"stringValue":"/a"}}]}]}]}]}"#,
        json!({"format": "otlp-json", "response_code": "200", "path": "/a", "pod": "p", "start_time": "1606339579.512"}),
    );
    expect(
        r#"{"commonProperties":{"startTime":"2024-01-01T00:00:00.5Z","upstreamRemoteAddress":{"socketAddress":{"address":"10.0.0.1","portValue":80}},"responseFlags":{"upstreamConnectionFailure":true,"unauthorizedDetails":{"reason":"EXTERNAL_SERVICE"}},"duration":"0.012s"},"protocolVersion":"HTTP11","request":{"requestMethod":"GET","path":"/"},"response":{"responseCode":503}}"#,
        json!({"format": "als-json", "upstream_host": "10.0.0.1:80", "response_flags": "UF,UAEX", "duration": "12",
            "protocol": "HTTP/1.1", "response_code": "503"}),
    );
}

#[test]
fn the_users_keys_come_first() {
    let mut keys = JsonKeys::default();
    keys.parse("response_code=st, path=req.path,method=verb").unwrap();
    let line = br#"{"st":503,"path":"/other","req":{"path":"/mine"},"verb":"PUT","method":"GET"}"#;
    let (reading, fields) = read_with(&keys, line);
    assert_eq!(reading, Reading::Access);
    assert_eq!(
        (&fields["response_code"], &fields["path"], &fields["method"]),
        (&json!("503"), &json!("/mine"), &json!("PUT"))
    );
    assert!(JsonKeys::default().parse("response_code").is_err());
    assert!(JsonKeys::default().parse("nonsense=a").is_err());
}

#[test]
fn cut_and_broken_lines() {
    let at = ISTIO.find("\"route_name\"").unwrap();
    expect(&ISTIO[..at + 16], json!({"complete": false, "response_code": "418", "route_name": null}));
    let before_code = &ISTIO[..ISTIO.find("\"response_code\"").unwrap()];
    assert_eq!(read(before_code).0, Reading::Other);
    let rejected =
        |line: &str| matches!(read(line).0, Reading::Rejected(r) if r.reason == Reason::BrokenJson);
    assert!(rejected(r#"{"a":=,"response_code":200}"#));
    assert!(rejected(r#"{"response_code":"#));
    let deep = format!("{{\"log\":{}1{},\"response_code\":1e0}}", "[".repeat(300), "]".repeat(300));
    assert!(matches!(read(&deep).0, Reading::Rejected(r) if r.reason == Reason::TooDeep));
    let missing = r#"{"response_code":null,"path":"/"}"#;
    assert!(matches!(read(missing).0, Reading::Rejected(r) if r.reason == Reason::NoStatus));
}

#[test]
fn other_peoples_json() {
    for line in [
        r#"{"level":"info","ts":1714564800.1,"logger":"controller","msg":"hello"}"#,
        r#"{"level":"info","msg":"x","time":"2024-05-01T12:00:00Z"}"#,
        r#"{"status":200,"method":"GET","path":"/","bytes_sent":5,"time":"2024-05-01T12:00:00Z"}"#,
        r#"{"http":{"response":{"status_code":200}},"url":{"path":"/"}}"#,
        r#"{"httpRequest":{"status":200,"requestMethod":"GET"},"logName":"projects/p/logs/requests"}"#,
        "{}",
        "{",
        "{\"",
        "{not json at all",
        r#"{"level":"info","message":{"status":200}}"#,
    ] {
        assert_eq!(read(line).0, Reading::Other, "{line}");
    }
}

#[test]
fn the_proxys_own_json_lines() {
    let line = r#"{"level":"warning","time":"2024-05-01T12:00:00.123456Z","scope":"envoy config","msg":"StreamAggregatedResources gRPC config stream closed: 13, ","thread":"21"}"#;
    let Reading::Proxy(found) = read(line).0 else { panic!("{line}") };
    assert_eq!((found.writer, found.signal), (Writer::Envoy, Some(ProxySignal::XdsClosed)));
    let line = r#"{"level":"info","time":"2024-05-01T12:00:00.123456Z","scope":"access","message":"connection opened","src.addr":"10.0.0.1:1"}"#;
    assert!(matches!(read(line).0, Reading::Proxy(found) if found.writer == Writer::Ztunnel));
}

/// The reading of a flat object by serde_json alone: what the walker must agree with.
fn twin(line: &[u8]) -> Option<Map<String, Value>> {
    let object: Map<String, Value> = serde_json::from_slice(line).ok()?;
    let mut best: std::collections::BTreeMap<Field, (u8, String)> = Default::default();
    for (name, value) in &object {
        let Some(Key { field: Some(field), rank, .. }) = keys::lookup(name.as_bytes()) else { continue };
        let Some(text) = general::scalar(field, value) else { continue };
        let text = values::converted(field, text).into_owned();
        if best.get(&field).is_none_or(|(known, _)| rank < *known) {
            best.insert(field, (rank, text));
        }
    }
    Some(best.into_iter().map(|(field, (_, text))| (field.key().to_owned(), text.into())).collect())
}

fn key() -> impl Strategy<Value = String> {
    const KNOWN: &[&str] = &[
        "path",
        "method",
        "response_code",
        "response_flags",
        "responseCode",
        "duration",
        "latency",
        "start_time",
        "time",
        "user_agent",
        "user-agent",
        "upstream_cluster",
        "upstream_service_time",
        "x-request-id",
        "request_id",
        "host",
        "status",
        "code",
        "route_name",
        "bytes_sent",
        "protocol",
        "grpc_status",
        "flags",
    ];
    prop_oneof![8 => proptest::sample::select(KNOWN).prop_map(str::to_owned), 1 => "[a-z\\\\\"é]{0,6}"]
}

fn text_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        "[ -~]{0,12}".prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        (0u32..100_000).prop_map(|n| Value::from(n.to_string())),
        (0u32..100_000).prop_map(|n| Value::from(format!("{}.{:03}ms", n, n % 1000))),
        any::<u32>().prop_map(Value::from),
        any::<i32>().prop_map(|n| Value::from(f64::from(n) / 4.0)),
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        Just(json!(["UF", "URX"])),
        Just(json!({"a": ["}", "\""]})),
        Just(Value::from("2024-01-02T03:04:05.678Z")),
    ]
}

/// An object as text, members in any order, keys perhaps twice, blanks anywhere.
fn object() -> impl Strategy<Value = String> {
    let gap = proptest::sample::select(&["", "", " ", "\t"][..]);
    proptest::collection::vec((key(), text_value(), gap), 0..12).prop_map(|members| {
        let parts: Vec<_> = members
            .iter()
            .map(|(k, v, gap)| format!("{gap}{}{gap}:{gap}{v}{gap}", Value::from(k.as_str())))
            .collect();
        format!("{{{}}}", parts.join(","))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn walker_and_serde_json_agree(line in object()) {
        let (reading, got) = read(&line);
        if reading == Reading::Access && !is_swapped(&line) {
            let want = twin(line.as_bytes()).unwrap();
            for field in Field::ALL {
                prop_assert_eq!(got.get(field.key()), want.get(field.key()), "{:?} of {}", field, line);
            }
        }
    }

    #[test]
    fn the_walker_alone_agrees_where_it_dares(line in object()) {
        let keys = JsonKeys::default();
        let (mut layout, mut seen) = (Layout::default(), Seen::new());
        if keys.walk(line.as_bytes(), &mut layout, &mut seen) == Walk::Whole && !seen.inside {
            let record = Record::new(line.as_bytes(), &layout, Default::default());
            let want = twin(line.as_bytes()).unwrap();
            for field in Field::ALL {
                let got = record.logged(*field).map(|raw| String::from_utf8_lossy(&raw.text()).into_owned());
                prop_assert_eq!(got.as_deref(), want.get(field.key()).and_then(Value::as_str), "{:?} of {}", field, line);
            }
        }
    }

    #[test]
    fn mutated_lines_never_panic(line in object(), at in any::<proptest::sample::Index>(), byte in any::<u8>(), cut in any::<proptest::sample::Index>()) {
        let mut bytes = line.into_bytes();
        let i = at.index(bytes.len());
        bytes[i] = byte;
        read_with(&JsonKeys::default(), &bytes);
        read_with(&JsonKeys::default(), &bytes[..cut.index(bytes.len() + 1).max(1).min(bytes.len())]);
    }

    #[test]
    fn any_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        bytes.insert(0, b'{');
        read_with(&JsonKeys::default(), &bytes);
        proxy::read(&bytes[1..]);
        ztunnel::read(&bytes[1..], &mut Layout::default());
    }

    #[test]
    fn a_cut_istio_line_is_a_record_or_nothing(at in 1..ISTIO.len()) {
        let (reading, fields) = read(&ISTIO[..at]);
        let code_whole = at > ISTIO.find("418,").unwrap() + 3;
        if code_whole {
            prop_assert_eq!(reading, Reading::Access);
            prop_assert_eq!(&fields["complete"], &json!(false));
        } else {
            prop_assert_ne!(reading, Reading::Access);
        }
    }
}

/// A method that is a time is moved; the twin knows nothing of that.
fn is_swapped(line: &str) -> bool {
    line.contains("\"method\"") && line.contains("2024-")
}
