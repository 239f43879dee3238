//! A sweep over broken inputs: every kind of container cut, changed and extended at many places. What was read is reported,
//! what was not is told with name and byte, nothing is told as whole that is not, and the lines add up.

use meshwhy::pipeline::Options;
use serde_json::{Value, json};

use crate::broken::{file, names};
use crate::paths::packed;
use crate::program::{FAILING, GOOD, on_path};
use crate::samples::{bytes, triage};

/// Lines that differ, so that they do not vanish when they are packed.
fn log() -> String {
    let line = |n: u32| {
        let of = if n.is_multiple_of(3) { FAILING } else { GOOD };
        of.replace("r-", &format!("r-{n}-{:x}-", n.wrapping_mul(2_654_435_761)))
    };
    (0..LINES as u32).map(line).collect()
}

const LINES: u64 = 60;

/// Something that holds the log.
struct Kind {
    name: &'static str,
    bytes: Vec<u8>,
    /// It says itself where it ends: a piece of it is never the whole.
    ends: bool,
    /// It has a checksum of all that matters.
    sums: bool,
}

fn kinds() -> Vec<Kind> {
    let log = log();
    let kind = |name, bytes, ends, sums| Kind { name, bytes, ends, sums };
    let mut all: Vec<Kind> = packed(log.as_bytes())
        .into_iter()
        .map(|(name, bytes)| kind(name, bytes, !name.contains(", two "), name.contains("gzip")))
        .collect();
    let utf16: Vec<u8> = format!("\u{feff}{log}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    all.push(kind("UTF-16", utf16, false, false));

    let lines: Vec<&str> = log.lines().collect();
    let events: Vec<Value> = lines.iter().map(|line| json!({ "textPayload": line })).collect();
    all.push(kind("a JSON array", Value::from(events).to_string().into_bytes(), true, false));
    let values: Vec<Value> = lines.iter().map(|line| json!(["1767323045678000000", line])).collect();
    let loki = json!({ "status": "success", "data": { "resultType": "streams", "result": [
        { "stream": { "pod": "web-1" }, "values": values } ] } });
    all.push(kind("an answer of Loki", loki.to_string().into_bytes(), true, false));

    let quoted = |line: &&str| format!("1,\"{}\"\r\n", line.replace('"', "\"\""));
    let table = format!("ts,message\r\n{}", lines.iter().map(quoted).collect::<String>());
    all.push(kind("a table", table.into_bytes(), false, false));

    let snapshot = crate::program::piped(&["--output", "snapshot"], log.as_bytes());
    assert_eq!(snapshot.code(), 0, "{}", snapshot.err);
    all.push(kind("a snapshot", snapshot.out, true, true));
    all
}

/// What a reading gave.
struct Read {
    access: u64,
    failed: bool,
}

/// Reads bytes. The lines add up, and each message names the input and a byte of it.
#[track_caller]
fn read(what: &str, data: &[u8]) -> Read {
    let told = triage(&[bytes("x.bin", data)], &Options { threads: 1, ..Options::default() });
    let lines = &told.summary.lines;
    assert_eq!(lines.total, lines.access + lines.proxy + lines.other + lines.rejected, "{what}");
    assert_eq!(told.summary.counts.requests(), lines.access, "{what}");
    for failure in &told.outcome.failures {
        let text = failure.to_string();
        let byte = text.strip_prefix("x.bin").and_then(|rest| rest.split_once(": at byte "));
        let byte = byte.is_some_and(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()));
        assert!(byte, "{what}: {text}");
    }
    Read { access: lines.access, failed: !told.outcome.failures.is_empty() }
}

/// Not optimised, a reading takes milliseconds.
const PLACES: usize = if cfg!(debug_assertions) { 60 } else { 1000 };

/// Places all over the bytes, and every one at both ends.
fn places(len: usize) -> impl Iterator<Item = usize> {
    let step = (len / PLACES).max(1);
    (0..len).filter(move |at| at % step == 0 || *at < 16 || at + 16 > len)
}

/// Below this a beginning may be taken for text, which has no end that could be missed. The marks of a tar are the last ones.
const MARKS: usize = 263;

#[test]
fn whatever_is_cut_is_told() {
    for Kind { name, bytes, ends, .. } in kinds() {
        let whole = read(name, &bytes);
        assert!(!whole.failed && whole.access == LINES, "{name}: {} lines", whole.access);
        for at in places(bytes.len()) {
            let what = format!("{name}, cut at {at} of {}", bytes.len());
            let part = read(&what, &bytes[..at]);
            assert!(part.access <= LINES, "{what}");
            if ends && part.access < LINES && at > MARKS {
                assert!(part.failed, "{what}: {} lines were told as all", part.access);
            }
        }
    }
}

#[test]
fn whatever_is_changed_does_no_harm() {
    for Kind { name, bytes, sums, .. } in kinds() {
        for at in places(bytes.len()) {
            for change in [1, 0xff] {
                let mut bytes = bytes.clone();
                bytes[at] ^= change;
                let what = format!("{name}, byte {at} ^ {change:#x}");
                let part = read(&what, &bytes);
                // Names and times in a header are not summed up, and a first byte that is another one makes another kind.
                if sums && part.access != LINES && at > MARKS {
                    assert!(part.failed, "{what}: {} lines were told as all", part.access);
                }
            }
        }
    }
}

#[test]
fn whatever_follows_takes_nothing_away() {
    for Kind { name, bytes, .. } in kinds() {
        for tail in [&b"garbage"[..], &[0; 1024], b"\x1f\x8b\x08", b"PK\x03\x04", b"{", b"\"", b"\n"] {
            let what = format!("{name}, then {}", tail.escape_ascii());
            let more = read(&what, &[&bytes[..], tail].concat());
            // A snapshot is whole or refused; a zip is what its last bytes say.
            let all = more.access == LINES || (more.failed && more.access == 0);
            assert!(all, "{what}: {} lines", more.access);
        }
    }
}

/// The same through the program: the exit code is 3, the message names the file and the byte.
#[test]
fn the_program_names_file_and_byte() {
    for Kind { name, bytes, ends, .. } in kinds().into_iter().filter(|kind| kind.ends) {
        let (_folder, path) = file("broken.bin", &bytes[..bytes.len() * 2 / 3]);
        let ran = on_path(&["--output", "json", "--threads", "2"], &path);
        names(&ran, "broken.bin");
        assert!(ends && ran.err.lines().count() == 1, "{name}: {}", ran.err);
        // Where nothing at all could be read there is no result, only the message.
        if !ran.out.is_empty() {
            assert!(ran.lines().access < LINES, "{name}");
            assert!(
                ran.json()["input"]["warnings"].to_string().contains("at byte"),
                "{name}: {}",
                ran.text()
            );
        }
    }
}
