//! A healthy line costs no allocation. A program of its own: the allocator that counts is the whole program's.
#![allow(unsafe_code, reason = "the trait of allocators is unsafe")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use meshwhy::format::Reader;
use meshwhy::input::Input;
use meshwhy::pipeline::{Options, summarise};
use meshwhy::query::Filter;

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: everything is passed on to the system's allocator, unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Healthy lines to 40 endpoints of 8 upstreams, no two of them the same.
fn log(lines: u64) -> String {
    let mut log = String::new();
    for n in 0..lines {
        let (service, host, port) = (n % 8, n % 40, 32_768 + n % 20_000);
        let (second, milli, took) = (n / 500 % 60, n % 1_000, n * 7 % 90);
        writeln!(
            log,
            "[2026-11-22T14:{:02}:{second:02}.{milli:03}Z] \"GET /api/{n}?q=a HTTP/1.1\" 200 - via_upstream - \"-\" 0 {} {took} {took} \"-\" \"curl/8.5.0\" \"00000000-0000-4000-8000-{n:012}\" \"svc-{service}.shop:8080\" \"10.0.{service}.{host}:8080\" outbound|8080||svc-{service}.shop.svc.cluster.local 10.1.2.3:{port} 10.96.0.{service}:8080 10.1.2.3:{port} - default",
            n / 30_000 % 60,
            n % 9_000,
        )
        .expect("text");
    }
    log
}

/// Allocations of a triage on one thread.
fn allocations(log: String) -> u64 {
    let lines = log.lines().count() as u64;
    let input = [Input::Bytes { name: "log".to_owned(), bytes: log.into_bytes() }];
    let reader = Reader::new();
    let options = Options { threads: 1, ..Options::default() };
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    let (summary, ..) = summarise(&input, &reader, &Filter::default(), &options, None).expect("memory");
    let after = ALLOCATIONS.load(Ordering::Relaxed);
    assert_eq!((summary.counts.requests(), summary.counts.failed()), (lines, 0));
    after - before
}

/// What a block of lines costs is a few tables for its rows, 4 MiB of lines apart: the lines themselves cost nothing.
const BOUND_PER_MILLION: u64 = 150_000;

#[test]
fn healthy_lines_allocate_nothing() {
    let few = allocations(log(20_000));
    let many = allocations(log(120_000));
    let per_million = (many - few) * 10;
    assert!(per_million <= BOUND_PER_MILLION, "{per_million} allocations per million lines");
}
