//! Interrupts and other signals, with real processes.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::program::{FAILING, GOOD, Running, meshwhy, program, start};

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
    for (signal, args) in [("INT", &JSON[..]), ("TERM", &JSON), ("INT", &["report", "--output", "json"])] {
        let (running, stdin) = reading(args);
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

/// Somebody tells of a terminal that was closed; the result goes elsewhere, and is still wanted.
#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn a_hang_up_takes_no_result_with_it() {
    let (mut running, mut stdin) = reading(&JSON);
    running.signal("HUP");
    std::thread::sleep(Duration::from_millis(300));
    assert!(!running.has_ended());
    stdin.write_all(FAILING.repeat(2).as_bytes()).expect("it reads on");
    drop(stdin);
    let ran = running.end();
    assert_eq!((ran.code(), ran.lines().access), (0, 5), "{}", ran.err);
}

/// A terminal of its own, and in it a line of shell that becomes the program; it reads a named pipe, the folder's `log`.
struct Tty {
    master: Option<Box<dyn portable_pty::MasterPty + Send>>,
    child: Box<dyn portable_pty::Child + Send + Sync>,
    log: std::fs::File,
}

impl Tty {
    fn reading(folder: &Path, arguments: &str) -> Tty {
        let fifo = folder.join("log");
        assert!(Command::new("mkfifo").arg(&fifo).status().expect("mkfifo").success());
        let size = portable_pty::PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let pair = portable_pty::native_pty_system().openpty(size).expect("a terminal");
        let mut shell = portable_pty::CommandBuilder::new("sh");
        shell.args(["-c", &format!("exec '{}' {arguments}", program())]);
        shell.cwd(folder);
        for (name, value) in [("XDG_CONFIG_HOME", "/nonexistent"), ("LC_ALL", "C"), ("TERM", "xterm")] {
            shell.env(name, value);
        }
        let child = pair.slave.spawn_command(shell).expect("the shell");
        drop(pair.slave);
        let pid = child.process_id().expect("an id");
        wait_for("handlers", || heeds(pid, INT) && heeds(pid, TERM));
        // Opening it waits for the program to open its end.
        let mut log = std::fs::OpenOptions::new().write(true).open(&fifo).expect("a reader");
        let before = bytes_read(pid);
        log.write_all(GOOD.as_bytes()).expect("it reads");
        wait_for("the line to be read", || bytes_read(pid) >= before + GOOD.len() as u64);
        Tty { master: Some(pair.master), child, log }
    }

    /// Closes the terminal, and nothing else.
    fn close(&mut self) {
        self.master = None;
    }

    fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_some()
    }
}

/// A terminal that is really gone: the kernel tells of it, and messages and the progress bar have nowhere to go any more.
#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn a_terminal_that_goes_away_takes_no_result_with_it() {
    for arguments in [
        "--output json log no-such-file >result",
        "--output json --output-file result log no-such-file",
        "report --output json --output-file result log no-such-file",
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut tty = Tty::reading(folder.path(), arguments);
        tty.close();
        // Long enough for the progress bar to look for its terminal.
        std::thread::sleep(Duration::from_millis(1_500));
        assert!(!tty.has_ended(), "{arguments}: it ended with its terminal");
        let Tty { mut child, mut log, .. } = tty;
        log.write_all(FAILING.repeat(2).as_bytes()).expect("it reads on");
        drop(log);
        wait_for("the end", || child.try_wait().expect("a child").is_some());
        // What could not be read is told by the code, as nobody hears the message.
        assert_eq!(child.wait().expect("a child").exit_code(), 3, "{arguments}");
        let text = std::fs::read_to_string(folder.path().join("result")).expect("a result");
        let result: serde_json::Value = serde_json::from_str(&text).expect("the whole of it");
        let counted = crate::program::Lines::of(&result);
        assert_eq!((counted.all, counted.access), (3, 3), "{arguments}");
        assert_eq!(result["totals"]["failed"], 2, "{arguments}");
    }
}

/// A result that was for the terminal is wanted by nobody when that is gone: the program ends, soon and without a panic.
#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn a_result_for_a_terminal_ends_with_it() {
    for arguments in ["log 2>messages", "--output json log 2>messages", "records log 2>messages"] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut tty = Tty::reading(folder.path(), arguments);
        // The log stays open: it is the terminal that ends it.
        tty.close();
        wait_for("the end", || tty.has_ended());
        let messages = std::fs::read_to_string(folder.path().join("messages")).expect("a file");
        assert_eq!(messages, "", "{arguments}");
    }
}
