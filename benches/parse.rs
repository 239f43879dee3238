//! Lines to records, on one thread. Each run asserts its answer.

#[path = "corpus.rs"]
mod corpus;

use divan::counter::BytesCount;
use meshwhy::format::{Reader, Reading};
use meshwhy::record::{Layout, Record};

use corpus::{FAILED, LINES, json, text};

fn main() {
    divan::main();
}

/// Reads every line; gives records and failures.
fn read(log: &[u8]) -> (u64, u64) {
    let reader = Reader::new();
    let (mut layout, mut scratch) = (Layout::default(), Vec::new());
    let (mut records, mut failed) = (0, 0);
    for line in log.split(|&b| b == b'\n') {
        if reader.read(line, &mut layout, &mut scratch) == Reading::Access {
            let text = if layout.in_scratch { &scratch[..] } else { line };
            records += 1;
            failed += u64::from(Record::new(text, &layout, Default::default()).outcome().failed());
        }
    }
    (records, failed)
}

#[divan::bench]
fn istio_text(bencher: divan::Bencher<'_, '_>) {
    let log = text();
    bencher.counter(BytesCount::of_slice(log)).bench_local(|| assert_eq!(read(log), (LINES, FAILED)));
}

#[divan::bench]
fn istio_json(bencher: divan::Bencher<'_, '_>) {
    let log = json();
    bencher.counter(BytesCount::of_slice(log)).bench_local(|| assert_eq!(read(log), (LINES, FAILED)));
}
