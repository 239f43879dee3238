use super::*;
use crate::record::{Carrier, Layout};
use proptest::prelude::*;

fn written(form: Form, kind: Kind, fields: &[(Field, &[u8])]) -> Vec<u8> {
    let mut text = b"^".to_vec();
    let mut layout = Layout::new("istio-text");
    layout.kind = kind;
    for (field, value) in fields {
        layout.set(*field, text.len()..text.len() + value.len());
        text.extend_from_slice(value);
    }
    let mut lines = Lines::new(form, Vec::new());
    let origin = Origin { source: "a.log", source_number: 0, line: 7, offset: 1_234, raw: b"prefix ^" };
    lines.add(&Record::new(&text, &layout, Carrier { pod: Some(b"web-0"), ..Carrier::default() }), &origin);
    lines.text().to_vec()
}

fn json(kind: Kind, fields: &[(Field, &[u8])]) -> serde_json::Value {
    serde_json::from_slice(&written(Form::Ndjson, kind, fields)).unwrap()
}

#[test]
fn a_record_has_the_keys_of_the_contract_in_order() {
    let record = json(
        Kind::Http,
        &[
            (Field::Code, b"503"),
            (Field::Flags, b"UpstreamConnectionFailure,ZZZ,URX"),
            (Field::Path, b""),
            (Field::Method, b"-"),
            (Field::Duration, b"35.07"),
            (Field::UpstreamCluster, b"outbound|80||a.b.svc.cluster.local"),
        ],
    );
    let keys: Vec<&str> = record.as_object().unwrap().keys().map(String::as_str).collect();
    let istio: Vec<&str> = Field::ALL.iter().take(24).map(|f| f.key()).collect();
    assert_eq!(keys[..24], istio[..]);
    let further = [
        "flags",
        "outcome",
        "kind",
        "direction",
        "format",
        "pod",
        "namespace",
        "container",
        "complete",
        "source",
        "line",
        "offset",
    ];
    assert_eq!(keys[24..], further);
    assert_eq!(record["response_code"], 503);
    assert_eq!(record["duration"], 35);
    assert_eq!(record["path"], "");
    assert!(record["method"].is_null() && record["namespace"].is_null());
    assert_eq!(record["response_flags"], "UpstreamConnectionFailure,ZZZ,URX");
    assert_eq!(record["flags"], serde_json::json!(["UF", "URX", "ZZZ"]));
    assert_eq!((&record["outcome"], &record["direction"]), (&"proxy_error".into(), &"outbound".into()));
    assert_eq!(
        (&record["source"], &record["line"], &record["offset"]),
        (&"a.log".into(), &7.into(), &1_234.into())
    );
    assert_eq!((&record["pod"], &record["complete"]), (&"web-0".into(), &true.into()));
}

#[test]
fn a_missing_flag_field_is_null_and_an_empty_list() {
    for fields in [&[(Field::Flags, &b"-"[..])][..], &[]] {
        let record = json(Kind::Http, fields);
        assert!(record["response_flags"].is_null());
        assert_eq!(record["flags"], serde_json::json!([]));
    }
}

#[test]
fn odd_numbers_are_never_dropped() {
    for (logged, expected) in [
        (&b"007"[..], serde_json::json!(7)),
        (b"0", 0.into()),
        (b"12ms", "12ms".into()),
        (b"99999999999999999999999", "99999999999999999999999".into()),
        (b"18446744073709551615", u64::MAX.into()),
    ] {
        assert_eq!(json(Kind::Http, &[(Field::Duration, logged)])["duration"], expected);
    }
}

#[test]
fn a_ztunnel_record_has_a_direction_and_no_route() {
    let record = json(Kind::Ztunnel, &[(Field::RouteName, b"inbound")]);
    assert!(record["route_name"].is_null());
    assert_eq!(record["direction"], "inbound");
    assert_eq!(record.as_object().unwrap().len(), 36);
}

#[test]
fn raw_is_the_line_as_it_stood() {
    assert_eq!(written(Form::Raw, Kind::Http, &[]), b"prefix ^\n");
}

#[test]
fn csv_runs_no_formula_and_keeps_its_columns() {
    let out = written(
        Form::Csv,
        Kind::Http,
        &[(Field::Path, b"=cmd|' /C calc'!A0"), (Field::UserAgent, b"a,\"b\"")],
    );
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains(",'=cmd|") && text.contains(",\"a,\"\"b\"\"\","), "{text}");
    assert_eq!(text.replace("\"a,\"\"b\"\"\"", "x").matches(',').count(), 35);
    assert_eq!(Form::Csv.head().iter().filter(|b| **b == b',').count(), 35);
}

#[test]
fn a_form_that_is_not_there_is_refused() {
    assert!(Output::named("xml").unwrap_err().to_string().contains("ndjson, raw, csv, parquet"));
    assert_eq!(Output::named("csv").unwrap(), Output::Lines(Form::Csv));
    let parquet = Output::named("parquet");
    #[cfg(feature = "parquet")]
    assert_eq!(parquet.unwrap(), Output::Parquet);
    #[cfg(not(feature = "parquet"))]
    assert!(parquet.unwrap_err().to_string().contains("--features parquet"));
}

proptest! {
    #[test]
    fn numbers_of_json_are_told_from_others_wherever_they_stand(
        before in "[0-9 ]{0,3}", number in "0|[0-9]{1,20}|[0-9a-z.-]{0,9}", behind in "[ 0-9a]{0,9}",
    ) {
        let text = format!("{before}{number}{behind}");
        let place = before.len()..before.len() + number.len();
        let digits = (1..=18).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
        let whole = digits && (number.len() == 1 || !number.starts_with('0'));
        prop_assert_eq!(ndjson::is_whole_number(text.as_bytes(), place), whole);
    }

    #[test]
    fn any_number_is_written_as_it_is(n in any::<u64>(), shift in 0..64) {
        for n in [n >> shift, 0, 9, 10, 99, 100, u64::MAX] {
            let mut out = b"n".to_vec();
            integer(&mut out, n);
            prop_assert_eq!(out, format!("n{n}").into_bytes());
        }
    }

    #[test]
    fn any_bytes_become_one_line_of_json(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let fields: Vec<(Field, &[u8])> = Field::ALL.iter().map(|f| (*f, &bytes[..])).collect();
        let out = written(Form::Ndjson, Kind::Http, &fields);
        prop_assert_eq!(out.iter().filter(|b| **b == b'\n').count(), 1);
        let record: serde_json::Value = serde_json::from_slice(&out).unwrap();
        if let (Ok(text), true) = (std::str::from_utf8(&bytes), bytes != b"-") {
            prop_assert_eq!(&record["path"], text);
        }
    }
}
