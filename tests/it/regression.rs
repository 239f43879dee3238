//! One named test a bug: what happened, and where it was told.

use meshwhy::pipeline::Options;

use crate::samples::{bytes, samples, triage};

/// Container runtimes cut lines of 16 KiB and more into pieces. The pieces were counted as records of their own, cut at the
/// end, and as somebody else's lines.
#[test]
fn pieces_of_a_line_are_one_record() {
    let all = samples();
    let sample = all.iter().find(|s| s.name == "wrapped/cri.log").expect("the sample");
    let lines = triage(&[bytes("x", &sample.plain)], &Options::default()).summary.lines;
    assert_eq!((lines.access, lines.other, lines.incomplete), (40, 0, 0));
}

/// An archive was cut within its last member, whose first bytes were those of no text: the member was passed over, and nobody
/// was told that the archive was broken.
#[test]
fn a_cut_archive_is_told_where_its_last_member_is_no_text() {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in [("a.log", crate::program::GOOD.as_bytes()), ("core", &[0; 3_000])] {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        archive.append_data(&mut header, name, bytes).expect("memory");
    }
    let whole = archive.into_inner().expect("memory");
    let run = |bytes: &[u8]| crate::program::piped(&["--output", "json"], bytes);
    assert_eq!((run(&whole).code(), run(&whole).lines().access), (0, 1));
    let cut = run(&whole[..512 + 512 + 512 + 1_000]);
    assert_eq!((cut.code(), cut.lines().access), (3, 1));
    assert!(cut.err.contains("-!core: at byte 1000"), "{}", cut.err);
}

/// The list of flags was cut out of the text as it stands in the line, and that of JSON may hold escapes.
#[test]
fn escaped_flags_are_split_as_they_read() {
    let line = br#"{"start_time":"2026-01-02T03:04:05Z","response_code":503,"response_flags":"X\"Y,\u0055F","duration":1}"#;
    let records = crate::samples::records_of(line);
    assert_eq!(records[0]["flags"], serde_json::json!(["UF", "X\"Y"]));
    let written = format!("{}\n", records[0]);
    assert_eq!(crate::samples::records_of(written.as_bytes())[0]["flags"], records[0]["flags"]);
}

/// A form feed between the entries of a document was taken for the beginning of a value and for its end, again and again:
/// the reading never ended, and lines came without end.
#[test]
fn any_byte_between_the_entries_of_a_document_is_passed() {
    let entry = serde_json::json!({ "textPayload": crate::program::GOOD.trim_end() });
    let pair = serde_json::json!(["1767323045678000000", crate::program::GOOD.trim_end()]);
    let record = serde_json::json!({ "body": { "stringValue": crate::program::GOOD.trim_end() } });
    for byte in (0..=b' ').chain(*b",:1a\\\x7f\x85\xa0\xff") {
        for (head, entry, tail) in [
            ("[", &entry, "]"),
            (r#"{"events":["#, &entry, "]}"),
            (r#"{"status":"success","data":{"result":[{"stream":{},"values":["#, &pair, "]}]}}"),
            (r#"{"resourceLogs":[{"resource":{},"scopeLogs":[{"logRecords":["#, &record, "]}]}]}"),
        ] {
            let entry = entry.to_string();
            let parts = [
                head.as_bytes(),
                entry.as_bytes(),
                b",",
                &[byte],
                entry.as_bytes(),
                &[byte],
                tail.as_bytes(),
            ];
            let document = parts.concat();
            let triage = triage(&[bytes("x", &document)], &Options::default());
            let lines = triage.summary.lines;
            assert!(lines.total <= 5, "{byte:#x} in {head}: {} lines", lines.total);
            assert!(lines.access >= 1, "{byte:#x} in {head}: {lines:?}");
        }
    }
}

/// Labels of a stream are written again with each of its entries: 60 kB of tiny entries became gigabytes of labels.
#[test]
fn tiny_entries_below_large_labels_are_no_bomb() {
    let label = "x".repeat(15_000);
    let entries = vec![r#"["1",""]"#; 8_000].join(",");
    let loki = format!(
        r#"{{"status":"success","data":{{"result":[{{"stream":{{"a":"{label}"}},"values":[{entries}]}}]}}}}"#
    );
    let entries = vec!["{}"; 8_000].join(",");
    let resource = format!(r#"{{"attributes":[{{"key":"a","value":{{"stringValue":"{label}"}}}}]}}"#);
    let telemetry = format!(
        r#"{{"resourceLogs":[{{"resource":{resource},"scopeLogs":[{{"logRecords":[{entries}]}}]}}]}}"#
    );
    for document in [loki, telemetry] {
        let triage = triage(&[bytes("x", document.as_bytes())], &Options::default());
        let source = &triage.outcome.sources[0];
        assert_eq!(source.lines, 8_000);
        let most = document.len() as u64 * 100 + (2 << 20);
        assert!(source.bytes < most, "{} bytes became {}", document.len(), source.bytes);
    }
}

/// A snapshot was forged so that a request id was counted no times at all: what the ids have in common was less than nothing,
/// and the program ended with a panic.
#[test]
fn forged_counts_of_nothing_are_no_panic() {
    let (_, property) =
        crate::properties::PROPERTIES.iter().find(|(name, _)| *name == "snapshots").expect("it");
    property(b"\x7c\x0f\xff\xa0\x0e\x01\xf1\x0f\xff\x00");
}
