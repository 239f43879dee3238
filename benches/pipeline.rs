//! Bytes to findings. Each run asserts its answer.

#[path = "corpus.rs"]
mod corpus;

use std::io::Write;

use divan::counter::BytesCount;
use meshwhy::diagnosis::diagnose;
use meshwhy::format::Reader;
use meshwhy::input::Input;
use meshwhy::pipeline::{Options, summarise};
use meshwhy::query::Filter;

use corpus::{FAILED, LINES, json, text};

fn main() {
    divan::main();
}

const THREADS: [usize; 2] = [1, 0];

fn analyse(inputs: &[Input], threads: usize) {
    let options = Options { threads, ..Options::default() };
    let read = summarise(inputs, &Reader::new(), &Filter::default(), &options, None);
    let (summary, _, outcome) = read.expect("memory can be read");
    assert!(outcome.failures.is_empty());
    assert_eq!((summary.counts.requests(), summary.counts.failed()), (LINES, FAILED));
    let findings = diagnose(&summary);
    assert_eq!(findings.first().map(|f| f.id.as_str()), Some("connection-refused"));
}

fn input(bytes: &[u8]) -> [Input; 1] {
    [Input::Bytes { name: "bench".to_owned(), bytes: bytes.to_vec() }]
}

#[divan::bench(args = THREADS)]
fn istio_text(bencher: divan::Bencher<'_, '_>, threads: usize) {
    let log = input(text());
    bencher.counter(BytesCount::of_slice(text())).bench_local(|| analyse(&log, threads));
}

#[divan::bench(args = THREADS)]
fn istio_json(bencher: divan::Bencher<'_, '_>, threads: usize) {
    let log = input(json());
    bencher.counter(BytesCount::of_slice(json())).bench_local(|| analyse(&log, threads));
}

/// Throughput is told in bytes of log, not of gzip.
#[divan::bench(args = THREADS)]
fn istio_text_gzip(bencher: divan::Bencher<'_, '_>, threads: usize) {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(text()).expect("memory");
    let log = input(&packer.finish().expect("memory"));
    bencher.counter(BytesCount::of_slice(text())).bench_local(|| analyse(&log, threads));
}
