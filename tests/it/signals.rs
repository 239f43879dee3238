//! Interrupts and other signals, with real processes.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::program::{FAILING, GOOD, Running, meshwhy, start};

const JSON: [&str; 4] = ["--output", "json", "--threads", "2"];

/// Waits until something holds; it is given a minute, as machines may be busy.
#[track_caller]
fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a process has a handler for a signal.
fn heeds(pid: u32, signal: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}

/// How many bytes a process has read so far.
fn bytes_read(pid: u32) -> u64 {
    let io = std::fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
    let read = io.lines().find_map(|line| line.strip_prefix("rchar: "));
    read.and_then(|n| n.parse().ok()).unwrap_or(0)
}

const HUP: u32 = 1;
const INT: u32 = 2;
const TERM: u32 = 15;

/// The program, reading a log that does not end. It has read three lines.
fn reading(args: &[&str]) -> (Running, std::process::ChildStdin) {
    let mut command = meshwhy(args);
    command.stdin(Stdio::piped());
    let mut running = start(command);
    let pid = running.id();
    wait_for("handlers", || heeds(pid, INT) && heeds(pid, TERM) && heeds(pid, HUP));
    let before = bytes_read(pid);
    let mut stdin = running.stdin();
    let log = format!("{GOOD}{GOOD}{FAILING}");
    stdin.write_all(log.as_bytes()).expect("it reads");
    wait_for("the lines to be read", || bytes_read(pid) >= before + log.len() as u64);
    // From the reader to the counts it is a few milliseconds.
    std::thread::sleep(Duration::from_millis(700));
    (running, stdin)
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn an_interrupt_prints_the_result_of_what_was_read() {
    for signal in ["INT", "TERM"] {
        let (running, stdin) = reading(&JSON);
        running.signal(signal);
        let ran = running.end();
        drop(stdin);
        assert_eq!((ran.code(), ran.lines().access), (0, 3), "{signal}: {}", ran.err);
        let warnings = ran.json()["input"]["warnings"].to_string();
        assert!(warnings.contains("interrupted"), "{signal}: {warnings}");
    }
}

/// Of files it was asked for all, and did not get it.
#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn an_interrupted_file_is_not_read_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let fifo = folder.path().join("log");
    assert!(Command::new("mkfifo").arg(&fifo).status().expect("mkfifo").success());
    let mut command = meshwhy(&JSON);
    command.arg(&fifo);
    let running = start(command);
    let pid = running.id();
    wait_for("handlers", || heeds(pid, TERM));
    let mut log = std::fs::OpenOptions::new().write(true).open(&fifo).expect("a reader");
    log.write_all(GOOD.as_bytes()).expect("it reads");
    std::thread::sleep(Duration::from_millis(700));
    running.signal("TERM");
    let ran = running.end();
    assert_eq!((ran.code(), ran.lines().access), (3, 1), "{}", ran.err);
}

/// The result may be stuck, as nobody takes it: the second signal waits for nothing.
#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn a_second_signal_ends_at_once() {
    for (first, second, code) in [("INT", "INT", 130), ("TERM", "TERM", 143), ("INT", "TERM", 143)] {
        let mut command = meshwhy(&["records"]);
        let mut child =
            command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the program runs");
        let (pid, mut stdin) = (child.id(), child.stdin.take().expect("a pipe"));
        wait_for("handlers", || heeds(pid, INT) && heeds(pid, TERM));
        // More than a pipe holds: it waits for somebody to take its records.
        let feeding = std::thread::spawn(move || stdin.write_all(GOOD.repeat(20_000).as_bytes()));
        let mut stdout = child.stdout.take().expect("a pipe");
        stdout.read_exact(&mut [0]).expect("a first record");
        let send = |name: &str| {
            assert!(
                Command::new("kill").args(["-s", name, &pid.to_string()]).status().expect("kill").success()
            );
        };
        send(first);
        std::thread::sleep(Duration::from_millis(300));
        assert!(child.try_wait().expect("a child").is_none(), "it waits for its reader");
        send(second);
        wait_for("the end", || child.try_wait().expect("a child").is_some());
        assert_eq!(child.wait().expect("a child").code(), Some(code), "{first}, {second}");
        drop(stdout);
        drop(feeding.join().expect("the writer"));
    }
}

/// The terminal is closed; the result goes elsewhere, and is still wanted.
#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn a_terminal_that_goes_away_takes_no_result_with_it() {
    let (mut running, mut stdin) = reading(&JSON);
    running.signal("HUP");
    std::thread::sleep(Duration::from_millis(300));
    assert!(!running.has_ended());
    stdin.write_all(FAILING.repeat(2).as_bytes()).expect("it reads on");
    drop(stdin);
    let ran = running.end();
    assert_eq!((ran.code(), ran.lines().access), (0, 5), "{}", ran.err);
}
