use super::*;
use crate::record::{Carrier, Layout};

const NOW: i64 = 1_767_323_045_678_000; // 2026-01-02T03:04:05.678Z

fn keeps(conditions: &[(Key, &str)], fields: &[(Field, &str)]) -> bool {
    let mut filter = Filter::default();
    for (key, text) in conditions {
        filter.add(*key, text, NOW).unwrap();
    }
    let mut text = b"^".to_vec();
    let mut layout = Layout::new("test");
    for (field, value) in fields {
        layout.set(*field, text.len()..text.len() + value.len());
        text.extend_from_slice(value.as_bytes());
    }
    filter.keeps(&Record::new(&text, &layout, Carrier::default()))
}

const RECORD: &[(Field, &str)] = &[
    (Field::StartTime, "2026-01-02T03:00:00.000Z"),
    (Field::Method, "GET"),
    (Field::Path, "/api/v1/users?id=7"),
    (Field::Code, "503"),
    (Field::Flags, "UF,URX"),
    (Field::Details, "upstream_reset_before_response_started{connection_failure}"),
    (Field::Duration, "1500"),
    (Field::UpstreamCluster, "outbound|9080|v2|reviews.default.svc.cluster.local"),
    (Field::UpstreamHost, "10.1.2.31:9080"),
    (Field::Authority, "reviews:9080"),
    (Field::DownstreamRemote, "10.9.9.9:51234"),
    (Field::RequestId, "abc-1"),
    (Field::Pod, "web-0"),
    (Field::UserAgent, "kube-probe/1.30"),
];

#[test]
fn each_key_keeps_and_leaves_out() {
    for (key, yes, no) in [
        (Key::Since, "2026-01-02T03:00:00Z", "2026-01-02T03:00:01Z"),
        (Key::Since, "-5m", "-4m"),
        (Key::Until, "2026-01-02T03:00:01Z", "2026-01-02T03:00:00Z"),
        (Key::Upstream, "reviews", "review"),
        (Key::Upstream, "reviews.default:9080", "ratings*"),
        (Key::Upstream, "outbound|9080|*", "inbound*"),
        (Key::Upstream, "*.svc.cluster.local", "*.example"),
        (Key::Host, "10.1.2.31", "10.1.2.3"),
        (Key::Host, "10.1.2.*:9080", "*:80"),
        (Key::Authority, "reviews", "Reviews"),
        (Key::Path, "/api/*/users", "/api"),
        (Key::Path, "*id=7", "*id=8"),
        (Key::Method, "POST,GET", "get"),
        (Key::Client, "10.9.9.9", "10.9.9"),
        (Key::RequestId, "abc-*", "abc"),
        (Key::Flag, "DC,UF", "DC"),
        (Key::Flag, "UpstreamConnectionFailure", "-"),
        (Key::Code, "404,5xx", "504"),
        (Key::Code, ">=503", ">503"),
        (Key::Code, "404,>502", "404,<503"),
        (Key::Details, "*{connection_failure}", "via_upstream"),
        (Key::Outcome, "ok,proxy_error", "ok"),
        (Key::Direction, "outbound", "inbound"),
        (Key::Pod, "web-*", "api-*"),
        (Key::Duration, ">1s", "<1.5s"),
    ] {
        assert!(keeps(&[(key, yes)], RECORD), "{key:?} {yes}");
        assert!(!keeps(&[(key, no)], RECORD), "{key:?} {no}");
        assert!(!keeps(&[(key, &format!("!{yes}"))], RECORD), "{key:?} !{yes}");
        assert!(!keeps(&[(key, yes), (key, no)], RECORD), "all conditions must hold");
    }
}

#[test]
fn what_is_missing_fits_nothing() {
    assert!(!keeps(&[(Key::Namespace, "*")], RECORD));
    assert!(keeps(&[(Key::Namespace, "!prod")], RECORD));
    assert!(!keeps(&[(Key::Since, "-1h")], &[]) && !keeps(&[(Key::Until, "!-1h")], &[]));
    assert!(keeps(&[(Key::Flag, "-")], &[(Field::Flags, "-")]));
    assert!(keeps(&[], &[]));
}

#[test]
fn probes_are_told_by_agent_and_path() {
    let mut filter = Filter::default();
    filter.without_probes();
    for (field, value, kept) in [
        (Field::UserAgent, "kube-probe/1.30", false),
        (Field::UserAgent, "curl/8", true),
        (Field::Path, "/app-health/x/readyz", false),
        (Field::Path, "/metrics-of-my-app", true),
    ] {
        let mut layout = Layout::new("test");
        let text = format!("^{value}");
        layout.set(field, 1..text.len());
        assert_eq!(filter.keeps(&Record::new(text.as_bytes(), &layout, Carrier::default())), kept, "{value}");
    }
}

#[test]
fn slips_are_refused_with_what_was_expected() {
    for (key, text, part) in [
        (Key::Since, "yesterday", "-15m"),
        (Key::Since, "end-15m", "-15m"),
        (Key::Since, "-soon", "-15m"),
        (Key::Code, "5x5x", "503, 5xx or '>=500'"),
        (Key::Code, ">=5xx", "503, 5xx or '>=500'"),
        (Key::Code, "=>500", "503, 5xx or '>=500'"),
        (Key::Code, "", "missing"),
        (Key::Outcome, "bad", "proxy_error"),
        (Key::Direction, "up", "inbound or outbound"),
        (Key::Duration, "1s", "'>1s'"),
        (Key::Duration, "<0", "'>1s'"),
        (Key::Duration, ">1 year", "'>1s'"),
    ] {
        let message = Filter::default().add(key, text, NOW).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn times_before_the_last_record_are_told_from_others() {
    let of = |text: &str| before_the_last(text);
    assert_eq!((of("end-15m"), of("!end-1h")), (Some("-15m".to_owned()), Some("!-1h".to_owned())));
    assert_eq!((of("-15m"), of("end"), of("2026-01-02T03:04:05Z")), (None, None, None));
}
