//! Every sample through every container, block size and number of threads: one answer. And what must hold for any
//! bytes whatever.

use std::io::Write;

use meshwhy::format::{Reader, Template, known_formats};
use meshwhy::input::Input;
use meshwhy::pipeline::Options;
use proptest::prelude::*;
use serde_json::Value;

use crate::samples::{Sample, bytes, records, samples, triage};

fn options(block_bytes: usize, threads: usize) -> Options {
    Options { block_bytes, threads, ..Options::default() }
}

/// The triage as JSON, without what may differ from container to container: names of sources.
fn answer(inputs: &[Input], options: &Options) -> Value {
    let mut json: Value =
        serde_json::from_slice(&triage(inputs, options).rendered("json", 80)).expect("JSON");
    json["input"]["sources"] = Value::Null;
    forget_sources(&mut json);
    json
}

fn forget_sources(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.iter_mut().for_each(|(key, value)| match key.as_str() {
                "source" => *value = Value::Null,
                _ => forget_sources(value),
            });
        }
        Value::Array(items) => items.iter_mut().for_each(forget_sources),
        _ => {}
    }
}

pub(crate) fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(plain).expect("memory");
    out.finish().expect("memory")
}

fn tar(plain: &[u8]) -> Vec<u8> {
    let mut out = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(plain.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    out.append_data(&mut header, "pods/istio-proxy.log", plain).expect("memory");
    out.into_inner().expect("memory")
}

pub(crate) fn zip(plain: &[u8]) -> Vec<u8> {
    let mut out = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    out.start_file("istio-proxy.log", zip::write::SimpleFileOptions::default()).expect("memory");
    out.write_all(plain).expect("memory");
    out.finish().expect("memory").into_inner()
}

/// A sample in everything that it may be packed in. Members and frames are cut in the middle of a line.
pub(crate) fn packed(plain: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let (head, tail) = plain.split_at(plain.len() / 2);
    let frame = |part| zstd::encode_all(part, 1).expect("memory");
    vec![
        ("gzip", gzip(plain)),
        ("gzip, two members", [gzip(head), gzip(tail)].concat()),
        ("gzip in gzip", gzip(&gzip(plain))),
        ("zstd", frame(plain)),
        ("zstd, two frames", [frame(head), frame(tail)].concat()),
        ("tar", tar(plain)),
        ("tar.gz", gzip(&tar(plain))),
        ("zip", zip(plain)),
    ]
}

fn same(sample: &Sample, what: &str, got: &Value, expected: &Value) {
    if got != expected {
        for (key, value) in expected.as_object().expect("an object") {
            assert_eq!(&got[key], value, "{} as {what}: {key} differs", sample.name);
        }
        panic!("{} as {what}: more keys than expected", sample.name);
    }
}

#[test]
fn every_container_gives_the_same_answer() {
    for sample in samples() {
        let expected = answer(&[bytes("x", &sample.plain)], &options(4 << 20, 1));
        for (container, packed) in packed(&sample.plain) {
            let got = answer(&[bytes("x", &packed)], &options(7_777, 2));
            same(&sample, container, &got, &expected);
        }
        same(
            &sample,
            "the file itself",
            &answer(&[bytes("x", &sample.packed)], &Options::default()),
            &expected,
        );
    }
}

#[test]
fn every_block_size_and_thread_count_gives_the_same_answer() {
    let folder = tempfile::tempdir().expect("a folder for files");
    for sample in samples() {
        let path = folder.path().join("x.log");
        std::fs::write(&path, &sample.plain).expect("a file");
        let expected = answer(&[bytes("x", &sample.plain)], &options(4 << 20, 1));
        // Each part of a file is opened and merged for itself, so the smallest blocks are for the small samples.
        let smallest = if sample.plain.len() < 1 << 15 { 300 } else { 5_000 };
        for (block, threads) in [(smallest, 2), (1 << 14, 4)] {
            let options = options(block, threads);
            let what = format!("blocks of {block}, {threads} threads");
            same(&sample, &what, &answer(&[bytes("x", &sample.plain)], &options), &expected);
            let file = [Input::Path(path.clone())];
            same(&sample, &format!("a file, {what}"), &answer(&file, &options), &expected);
        }
    }
}

/// `records`, too: same lines, same order, same numbers of lines.
#[test]
fn records_come_in_input_order() {
    for sample in samples() {
        let inputs = [bytes("x", &sample.plain)];
        let expected = records(&inputs, &Reader::new(), &options(4 << 20, 1));
        let got = records(&inputs, &Reader::new(), &options(777, 4));
        assert!(got == expected, "{}: records differ", sample.name);
    }
}

/// Formats that the user names are read exactly, by the readable twin; known ones by the fast readers first.
#[test]
fn the_fast_readers_say_what_the_exact_one_says() {
    let text_formats = known_formats().filter(|(_, text)| !text.starts_with('{'));
    let exact = text_formats.fold(Reader::new(), |reader, (name, text)| {
        reader.with_template(name, Template::compile(text).expect("a known format"))
    });
    for sample in samples() {
        let inputs = [bytes("x", &sample.plain)];
        let options = Options::default();
        let fast = records(&inputs, &Reader::new(), &options);
        let slow = records(&inputs, &exact, &options);
        for (a, b) in fast.split(|&c| c == b'\n').zip(slow.split(|&c| c == b'\n')) {
            assert_eq!(String::from_utf8_lossy(a), String::from_utf8_lossy(b), "{}", sample.name);
        }
        assert_eq!(fast.len(), slow.len(), "{}", sample.name);
    }
}

/// A folder that is named after a format holds nothing else.
#[test]
fn samples_are_read_as_the_format_of_their_folder() {
    for sample in samples() {
        let (folder, _) = sample.name.split_once('/').expect("a folder");
        let expected = match folder {
            // Where that text happens to be JSON it cannot be told from its successor.
            "envoy-gateway-0.6" => "envoy-gateway-json",
            "wrapped" | "proxy-log" => "istio-text",
            name => name,
        };
        let lines = triage(&[bytes("x", &sample.plain)], &Options::default()).summary.lines;
        assert!(lines.access > 0 && lines.rejected == 0, "{}: {lines:?}", sample.name);
        for (name, n) in &lines.formats {
            assert_eq!(*name, expected, "{}: {n} lines", sample.name);
        }
    }
}

/// What was recorded together is told the same way, whatever the format.
#[test]
fn twins_of_a_recording_agree() {
    let of = |name: &str| {
        let all = samples();
        let sample = all.iter().find(|s| s.name == name).unwrap_or_else(|| panic!("no sample {name}"));
        let mut got = answer(&[bytes("x", &sample.plain)], &Options::default());
        // Positions and bytes are those of the format.
        got["input"] = Value::Null;
        for finding in got["findings"].as_array_mut().expect("findings") {
            finding["exemplars"] = Value::Null;
        }
        got
    };
    for (text, json) in [
        ("istio-text/checkout-killed.log", "istio-json/checkout-killed.jsonl.gz"),
        ("istio-text/subset-missing.log", "istio-json/subset-missing.jsonl"),
        ("istio-text/jwt-rejected.log", "istio-json/jwt-rejected.jsonl"),
        ("istio-text/connect-timeout.log", "istio-text/connect-timeout.log"),
    ] {
        assert_eq!(of(text), of(json), "{text} and {json}");
    }
}

/// Lines of all samples, to be spoiled.
fn sample_lines() -> &'static [Vec<u8>] {
    static LINES: std::sync::OnceLock<Vec<Vec<u8>>> = std::sync::OnceLock::new();
    LINES.get_or_init(|| {
        let every = samples().into_iter().map(|sample| {
            let mut lines: Vec<Vec<u8>> = sample.plain.split(|&b| b == b'\n').map(<[u8]>::to_vec).collect();
            lines.dedup_by(|a, b| a.len() == b.len());
            lines.truncate(40);
            lines
        });
        every.flatten().filter(|line| line.len() < 4096).collect()
    })
}

/// A line with something wrong: bytes replaced, taken out, put in, or the end missing.
fn spoiled() -> impl Strategy<Value = Vec<u8>> {
    let slip = (
        any::<proptest::sample::Index>(),
        prop_oneof![Just(b'"'), Just(b' '), Just(b'\\'), Just(b'{'), Just(b'-'), any::<u8>()],
        0..4u8,
    );
    (proptest::sample::select(sample_lines()), proptest::collection::vec(slip, 0..4)).prop_map(
        |(mut line, slips)| {
            for (at, byte, kind) in slips {
                if line.is_empty() {
                    break;
                }
                let at = at.index(line.len());
                match kind {
                    0 => line[at] = byte,
                    1 => line.insert(at, byte),
                    2 => drop(line.remove(at)),
                    _ => line.truncate(at),
                }
            }
            line
        },
    )
}

/// Every line is one of four things, and what is a record is written as one.
fn accounted_for(log: &[u8]) -> std::result::Result<(), TestCaseError> {
    let inputs = [bytes("x", log)];
    let options = options(4096, 2);
    let triage = triage(&inputs, &options);
    let lines = &triage.summary.lines;
    prop_assert_eq!(lines.total, lines.access + lines.proxy + lines.other + lines.rejected);
    prop_assert_eq!(lines.access, triage.summary.counts.requests());
    let written = records(&inputs, &Reader::new(), &options);
    let mut objects = 0;
    for line in written.split(|&b| b == b'\n').filter(|line| !line.is_empty()) {
        let object: Value = serde_json::from_slice(line).map_err(|e| TestCaseError::fail(format!("{e}")))?;
        prop_assert!(object["outcome"].is_string());
        objects += 1;
    }
    prop_assert_eq!(lines.access, objects);
    serde_json::from_slice::<Value>(&triage.rendered("json", 80))
        .map_err(|e| TestCaseError::fail(format!("{e}")))?;
    let screen = triage.rendered("table", 80);
    prop_assert!(!screen.iter().any(|&b| b < b' ' && b != b'\n'), "a control byte on the screen");
    prop_assert!(std::str::from_utf8(&screen).is_ok());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn spoiled_logs_are_accounted_for(lines in proptest::collection::vec(spoiled(), 1..30)) {
        accounted_for(&lines.join(&b'\n'))?;
    }

    #[test]
    fn any_bytes_are_accounted_for(log in proptest::collection::vec(any::<u8>(), 0..2000)) {
        accounted_for(&log)?;
    }

    /// The parts of a log count as the whole does: cut it anywhere between lines.
    #[test]
    fn parts_add_up(lines in proptest::collection::vec(spoiled(), 2..30), cut in any::<proptest::sample::Index>()) {
        let (head, tail) = lines.split_at(cut.index(lines.len()));
        let log = |lines: &[Vec<u8>]| lines.iter().flat_map(|l| [l, &b"\n"[..]].concat()).collect::<Vec<u8>>();
        let whole = triage(&[bytes("x", &log(&lines))], &Options::default());
        let parts = triage(&[bytes("a", &log(head)), bytes("b", &log(tail))], &Options::default());
        // The first line may say that the rest is a table, or that it is a document: with another first line it is not.
        let sources = || whole.outcome.sources.iter().chain(&parts.outcome.sources);
        prop_assume!(sources().all(|source| source.container == "plain"));
        let (whole, parts) = (&whole.summary, &parts.summary);
        // Long lines that a container runtime cut into pieces are joined within one source only.
        prop_assume!(whole.lines.total == parts.lines.total);
        prop_assert_eq!(&whole.counts, &parts.counts);
        prop_assert_eq!(&whole.codes, &parts.codes);
        prop_assert_eq!(whole.flag_sets.iter().collect::<Vec<_>>(), parts.flag_sets.iter().collect::<Vec<_>>());
    }
}
