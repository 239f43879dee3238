//! The properties of `properties.rs` on spoiled samples and on any bytes: on stable Rust, what the fuzzers of `tests/fuzz`
//! look at for longer.

use proptest::prelude::*;

use crate::program::{FAILING, GOOD};
use crate::properties::{PROPERTIES, Property};
use crate::samples::{samples, text};

/// What inputs are spoiled from: lines of every sample, and texts of other kinds.
fn seeds() -> &'static [Vec<u8>] {
    static SEEDS: std::sync::OnceLock<Vec<Vec<u8>>> = std::sync::OnceLock::new();
    SEEDS.get_or_init(|| {
        let mut all: Vec<Vec<u8>> = Vec::new();
        for sample in samples() {
            let mut lines: Vec<&[u8]> = sample.plain.split(|b| *b == b'\n').collect();
            lines.dedup_by_key(|line| line.len());
            all.extend(lines.iter().take(12).filter(|line| line.len() < 4096).map(|line| line.to_vec()));
            all.extend(lines.chunks(3).take(2).map(|lines| lines.join(&b'\n')));
        }
        all.extend(["no-route", "upstream-timeout"].iter().map(|id| {
            text(&format!("src/diagnosis/catalog/{id}.md")).into_bytes()
        }));
        let format = "[%START_TIME%] %REQ(:METHOD)% %RESPONSE_CODE% %RESPONSE_FLAGS%\0[2026-01-02T03:04:05Z] GET 503 UF";
        all.push(format.as_bytes().to_vec());
        all.extend(crate::paths::packed(format!("{GOOD}{FAILING}").as_bytes()).into_iter().map(|(_, bytes)| bytes));
        all
    })
}

/// Bytes that mean something, to somebody.
fn word() -> impl Strategy<Value = Vec<u8>> {
    let words: Vec<&[u8]> = vec![
        b"\"",
        b" ",
        b"\\",
        b"{",
        b"}",
        b"-",
        b"\n",
        b"\r\n",
        b"\0",
        b"\xff",
        b"\x1b[2J",
        b"%",
        b"(",
        b")%",
        b":",
        b"|",
        b"`",
        b"```",
        b"null",
        b"\\u",
        b"\\ud800",
        b"[pod/",
        b" stdout F ",
        b" stdout P ",
        b"PK\x03\x04",
        b"\x1f\x8b\x08",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"%START_TIME%",
        b"\"response_code\":",
        b"[[when]]",
        b"# ",
        b"99999999999999999999",
        b"<script>",
        b"\xe2\x80\xae",
    ];
    prop_oneof![
        3 => proptest::sample::select(words).prop_map(<[u8]>::to_vec),
        1 => proptest::collection::vec(any::<u8>(), 1..6),
    ]
}

/// A seed with something wrong, or any bytes.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let slip = (any::<proptest::sample::Index>(), word(), 0..4_u8, 0..40_usize);
    let spoiled = (
        proptest::sample::select(seeds()),
        proptest::collection::vec(slip, 0..6),
        proptest::sample::select(seeds()),
        any::<bool>(),
    );
    let spoiled = spoiled.prop_map(|(mut text, slips, other, joined)| {
        if joined {
            text = [text, other].join(&b'\n');
        }
        for (at, word, kind, length) in slips {
            let at = at.index(text.len() + 1);
            match kind {
                0 => drop(text.splice(at..at, word)),
                1 => drop(text.splice(at..(at + word.len()).min(text.len()), word)),
                2 => drop(text.drain(at..(at + length).min(text.len()))),
                _ => text.truncate(at.max(1)),
            }
        }
        text
    });
    prop_oneof![8 => spoiled, 1 => proptest::collection::vec(any::<u8>(), 0..600)]
}

#[track_caller]
fn holds((name, property): &Property, cases: u32) {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(data in bytes())| {
        let outcome = std::panic::catch_unwind(|| property(&data));
        prop_assert!(outcome.is_ok(), "{name}: {}", data.escape_ascii());
    });
}

fn named(name: &str) -> &'static Property {
    PROPERTIES.iter().find(|(known, _)| *known == name).expect("a property")
}

#[test]
fn lines_are_framed_alike_at_any_boundary() {
    holds(named("framing"), 2_000);
}

#[test]
fn the_quick_reading_says_what_the_exact_one_says() {
    holds(named("readers"), 300);
}

#[test]
fn json_is_read_as_serde_reads_it_whatever_came_before() {
    holds(named("json"), 2_000);
}

#[test]
fn a_record_that_was_written_is_read_as_the_same_record() {
    holds(named("round_trip"), 250);
}

#[test]
fn format_strings_are_refused_or_used() {
    holds(named("grammar"), 1_500);
}

#[test]
fn lines_come_out_of_wrappers_as_they_went_in() {
    holds(named("wrappers"), 2_000);
}

#[test]
fn whatever_an_input_is_packed_in_its_lines_add_up() {
    holds(named("containers"), 150);
}

#[test]
fn pages_are_refused_with_their_place_or_used() {
    holds(named("pages"), 80);
}

#[test]
fn no_form_of_the_result_steers_what_shows_it() {
    holds(named("outputs"), 60);
}

#[test]
fn snapshots_are_whole_or_refused() {
    holds(named("snapshots"), 400);
}

/// Each property has its fuzzer, each fuzzer its property.
#[test]
fn fuzzers_and_properties_are_the_same() {
    let mut names: Vec<String> = crate::samples::files("tests/fuzz/fuzz_targets")
        .iter()
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    let mut expected: Vec<&str> = PROPERTIES.iter().map(|(name, _)| *name).collect();
    expected.sort_unstable();
    assert_eq!(names, expected);
    let manifest = text("tests/fuzz/Cargo.toml");
    for name in names {
        assert!(manifest.contains(&format!("name = \"{name}\"\n")), "{name}");
    }
}
