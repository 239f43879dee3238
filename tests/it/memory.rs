//! Memory is bounded whatever the log holds: the program's own high-water mark, while it reads logs that are made to hurt.

use std::fmt::Write as _;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use crate::program::on_path;

/// The bound of every log, in MiB.
const BOUND_MIB: u64 = 128;

/// A million with an optimised build; a plain test build is far slower, and the caps are reached long before.
const LINES: usize = if cfg!(debug_assertions) { 60_000 } else { 1_000_000 };

/// Istio's text, every part of which may be told apart.
struct Line<'a> {
    at: usize,
    path: &'a str,
    code: u16,
    flags: &'a str,
    details: &'a str,
    agent: &'a str,
    authority: &'a str,
    upstream: &'a str,
    host: &'a str,
    client: &'a str,
    sni: &'a str,
    route: &'a str,
    /// Milliseconds.
    duration: usize,
    /// Seconds from one line to the next, in thousandths.
    pace: usize,
}

impl Line<'_> {
    fn of(at: usize) -> Line<'static> {
        Line {
            at,
            path: "/",
            code: 503,
            flags: "UF",
            details: "upstream_reset_before_response_started{connection_timeout}",
            agent: "curl/8.5.0",
            authority: "shop.example.com",
            upstream: "outbound|80||shop.default.svc.cluster.local",
            host: "10.0.0.1:80",
            client: "10.1.0.1:4000",
            sni: "-",
            route: "default",
            duration: at % 50,
            pace: 1,
        }
    }

    fn write(&self, out: &mut String) {
        let Line {
            at, path, code, flags, details, agent, authority, upstream, host, client, sni, route, ..
        } = self;
        let ms = at * self.pace;
        let (s, ms) = (ms / 1000, ms % 1000);
        let (d, h, m, s) = (1 + s / 86_400 % 28, s / 3600 % 24, s / 60 % 60, s % 60);
        writeln!(
            out,
            "[2026-01-{d:02}T{h:02}:{m:02}:{s:02}.{ms:03}Z] \"GET {path} HTTP/1.1\" {code} {flags} {details} - \"-\" 0 {} {} - \"-\" \
             \"{agent}\" \"{at:032x}\" \"{authority}\" \"{host}\" {upstream} - 10.96.0.1:80 {client} {sni} {route}",
            at % 5000,
            self.duration,
        )
        .expect("memory");
    }
}

/// A log of so many lines.
fn written(lines: usize, mut line: impl FnMut(usize, &mut String)) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    let mut writer = BufWriter::new(&mut file);
    let mut text = String::new();
    for at in 0..lines {
        text.clear();
        line(at, &mut text);
        writer.write_all(text.as_bytes()).expect("room");
    }
    writer.flush().expect("room");
    drop(writer);
    file
}

/// The high-water mark of a run, in MiB.
fn peak_of(args: &[&str], path: &Path) -> u64 {
    let ran = on_path(args, path);
    assert_eq!(ran.code(), 0, "{}", ran.err);
    assert!(ran.most.memory_kib > 0, "the system tells how much memory a process had");
    ran.most.memory_kib / 1024
}

/// Reads a log of so many lines with two threads; gives the high-water mark in MiB of the dearest of these outputs.
fn peak_mib(outputs: &[&[&'static str]], lines: usize, line: impl FnMut(usize, &mut String)) -> u64 {
    let file = written(lines, line);
    let args = |output: &[&'static str]| [output, &["--threads", "2", "--no-progress"]].concat();
    outputs.iter().map(|output| peak_of(&args(output), file.path())).max().unwrap_or_default()
}

#[track_caller]
fn stays_below(what: &str, lines: usize, line: impl FnMut(usize, &mut String)) {
    let peak = peak_mib(&[&[]], lines, line);
    assert!(peak <= BOUND_MIB, "{what}: {peak} MiB");
}

/// The same of a triage, a report and a snapshot.
#[track_caller]
fn all_stay_below(what: &str, lines: usize, line: impl FnMut(usize, &mut String)) {
    let peak = peak_mib(&[&[], &["report"], &["--output", "snapshot"]], lines, line);
    assert!(peak <= BOUND_MIB, "{what}: {peak} MiB");
}

/// A line of which no other has any name.
fn distinct(at: usize, out: &mut String) {
    let (path, agent, authority) = (format!("/p{at}"), format!("agent{at}"), format!("h{at}.example.com"));
    let (host, client) = (
        format!("10.{}.{}.{}:80", at >> 16, at >> 8 & 255, at & 255),
        format!("11.{}.{}.{}:9", at >> 16, at >> 8 & 255, at & 255),
    );
    let (sni, route) = (format!("s{at}.example.com"), format!("route{at}"));
    let upstream = format!("outbound|80||svc{at}.ns.svc.cluster.local");
    Line {
        path: &path,
        agent: &agent,
        authority: &authority,
        host: &host,
        client: &client,
        sni: &sni,
        route: &route,
        upstream: &upstream,
        ..Line::of(at)
    }
    .write(out);
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn everything_distinct() {
    all_stay_below("everything distinct", LINES, distinct);
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn full_snapshots_are_put_together() {
    let folder = tempfile::tempdir().expect("a folder");
    let lines = LINES / 5;
    for part in 0..3 {
        let log = written(lines, |at, out| distinct(at + part * lines, out));
        let snapshot = on_path(&["--output", "snapshot", "--no-progress"], log.path());
        assert_eq!(snapshot.code(), 0, "{}", snapshot.err);
        std::fs::write(folder.path().join(format!("{part}.snap")), snapshot.out).expect("room");
    }
    for args in [&["merge", "--output", "json"][..], &["merge", "--output", "snapshot"], &["report"]] {
        let peak = peak_of(args, folder.path());
        assert!(peak <= BOUND_MIB, "{args:?}: {peak} MiB");
    }
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn thousands_of_upstreams_with_hundreds_of_endpoints() {
    all_stay_below("endpoints", LINES, |at, out| {
        let (upstream, endpoint) = (at % 3_000, at / 3_000);
        let name = format!("outbound|80||svc{upstream}.ns.svc.cluster.local");
        let host = format!("10.{endpoint}.{}.{}:80", upstream >> 8, upstream & 255);
        let (path, authority) = (format!("/p{at}"), format!("h{upstream}.example.com"));
        let client = format!("10.3.{}.{}:4000", at >> 8 & 255, at & 255);
        let (code, flags, details) =
            if at % 3 == 0 { (503, "UF", "connect_timeout") } else { (200, "-", "via_upstream") };
        let line = Line { path: &path, code, flags, details, authority: &authority, ..Line::of(at) };
        Line { upstream: &name, host: &host, client: &client, ..line }.write(out);
    });
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn many_upstreams_over_weeks_with_all_durations() {
    let upstreams = LINES.min(300_000) / 4;
    stays_below("upstreams", LINES, |at, out| {
        let upstream = format!("outbound|80||svc{}.ns.svc.cluster.local", at * 7 % upstreams);
        let (code, flags, details) = if at % 2 == 0 { (200, "-", "via_upstream") } else { (503, "UF", "x") };
        let duration = (at * 7919) % (1 << (at % 30));
        Line { upstream: &upstream, code, flags, details, duration, pace: 20_000, ..Line::of(at) }.write(out);
    });
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn distinct_flags_details_and_codes() {
    stays_below("flags, details, codes", LINES, |at, out| {
        let (flags, details) = (format!("X{at},Y{}", at / 2), format!("why_{at}{}", "z".repeat(at % 400)));
        let code = 100 + (at % 900) as u16;
        Line { flags: &flags, details: &details, code, pace: 3_000, ..Line::of(at) }.write(out);
    });
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn lines_of_a_mebibyte() {
    // Three fields of a third of a mebibyte each, and none of them twice.
    stays_below("long lines", 120, |at, out| {
        let long = |mark: &str| format!("{mark}{at}{}", "x".repeat(340_000));
        let (path, upstream, details, route) = (long("/"), long("outbound|80||"), long("d"), long("r"));
        Line { path: &path, upstream: &upstream, details: &details, ..Line::of(at) }.write(out);
        Line { route: &route, authority: &path[1..], host: &details, ..Line::of(at) }.write(out);
    });
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn many_groups_of_failures_with_many_values_each() {
    stays_below("groups of failures", LINES, |at, out| {
        let details = format!("why_{}", at % 2_500);
        let (path, agent) = (format!("/p{at}{}", "y".repeat(200)), format!("agent{at}{}", "y".repeat(200)));
        let authority = format!("h{at}.example.com");
        Line {
            details: &details,
            path: &path,
            agent: &agent,
            authority: &authority,
            pace: 1_000,
            ..Line::of(at)
        }
        .write(out);
    });
}
