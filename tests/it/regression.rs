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
