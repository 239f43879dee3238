//! What the program asks of the system: no socket, and nothing is written but what it was told to write.

use std::io::Write;
use std::process::Command;

use crate::program::{plain, program, run, start};
use crate::samples::root;

/// Runs the program under strace, and gives the calls that make, rename or remove something, or go to a network.
fn calls(folder: &std::path::Path, args: &[&str]) -> Option<Vec<String>> {
    calls_of(folder, args, b"")
}

/// The same, of a program that reads these bytes from a pipe.
fn calls_of(folder: &std::path::Path, args: &[&str], input: &[u8]) -> Option<Vec<String>> {
    if !Command::new("strace").arg("--version").output().is_ok_and(|told| told.status.success()) {
        return None;
    }
    let trace = folder.join("trace");
    let mut command = Command::new("strace");
    // Names of calls that a machine does not have are passed over.
    let wanted = "trace=%network,?open,?openat,?openat2,?creat,?mkdir,?mkdirat,?rename,?renameat,?renameat2,?unlink,?unlinkat,\
                  ?link,?linkat,?symlink,?symlinkat,?chmod,?fchmod,?fchmodat,?truncate,?ftruncate,?mknod,?mknodat,?execve,?io_uring_setup";
    command
        .args(["-f", "-qq", "-e", "signal=none", "-e", wanted, "-o"])
        .arg(&trace)
        .arg(program())
        .args(args);
    let mut command = plain(command);
    command.stdin(std::process::Stdio::piped());
    let mut running = start(command);
    // What needs no input does not wait for it.
    let _ = running.stdin().write_all(input);
    let ran = running.end();
    let text = std::fs::read_to_string(&trace).unwrap_or_default();
    if !text.contains("execve(") {
        // Where processes may not be traced, strace has nothing to tell.
        return None;
    }
    assert_eq!(ran.code(), 0, "{args:?}: {}", ran.err);
    let call = |line: &str| line.split_once(' ').map_or(line, |(_, call)| call).trim().to_owned();
    // A thread that ends as strace lets go of it made no call: strace has no name for it.
    let made = |call: &String| !call.starts_with("???(");
    Some(text.lines().map(call).filter(made).collect())
}

/// Opening for reading changes nothing.
fn changes(call: &str) -> bool {
    let reads = call.starts_with("open") && call.contains("O_RDONLY") && !call.contains("O_CREAT");
    // A pipe may be asked whether it is a socket, and is none. The first execve starts the program itself.
    let is_none = call.ends_with("= -1 ENOTSOCK (Socket operation on non-socket)");
    !reads && !is_none && !call.starts_with("execve(") && !call.contains("resumed>")
}

#[expect(clippy::print_stderr, reason = "what was skipped is said")]
fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}

#[test]
fn no_socket_is_opened_and_nothing_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = "sample-logs/istio-text/checkout-killed.log";
    let made = run(crate::program::meshwhy(&["--output", "snapshot", log]));
    let snap = folder.path().join("a.snap");
    std::fs::write(&snap, made.out).expect("a file");
    let snap = snap.to_str().expect("a name");
    let packed = crate::paths::packed(&std::fs::read(root().join(log)).expect("a sample"));
    let archives = folder.path().join("archives");
    std::fs::create_dir(&archives).expect("a folder");
    for (name, bytes) in packed {
        std::fs::write(archives.join(name), bytes).expect("a file");
    }
    let archives = archives.to_str().expect("a name");
    for args in [
        &[log][..],
        &["sample-logs", "--output", "json"],
        &["report", log, "--output", "html"],
        &["compare", "--before", log, "--after", log],
        &["records", log],
        &["records", log, "--output", "csv"],
        &["merge", snap],
        &["merge", snap, "--output", "snapshot"],
        &["report", snap],
        &[archives, "--output", "json"],
        &["trace", "r-1", log],
        &["explain", "UF"],
    ] {
        if !asks_for_nothing(args, calls(folder.path(), args)) {
            return;
        }
    }
    // What is followed is a pipe here, and ends.
    for args in [&["--follow", "--plain"][..], &["--follow", "--output", "json"], &["watch"]] {
        let log = std::fs::read(root().join(log)).expect("a sample");
        if !asks_for_nothing(args, calls_of(folder.path(), args, &log)) {
            return;
        }
    }
}

/// `false`: nobody can tell.
#[track_caller]
fn asks_for_nothing(args: &[&str], calls: Option<Vec<String>>) -> bool {
    let Some(calls) = calls else {
        skipped("what the program asks of the system (strace is missing or may not trace)");
        return false;
    };
    let changes: Vec<&String> = calls.iter().filter(|call| changes(call)).collect();
    assert!(changes.is_empty(), "{args:?}: {changes:#?}");
    let started = calls.iter().filter(|call| call.starts_with("execve(")).count();
    assert_eq!(started, 1, "{args:?} starts nothing");
    true
}

/// With a file to write: that one, and its other name while it is not complete.
#[test]
fn only_the_file_that_was_asked_for_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("page.html");
    let name = page.to_str().expect("a name");
    let log = "sample-logs/istio-text/checkout-killed.log";
    let place = folder.path().to_str().expect("a name");
    for args in [
        &["report", log, "--output", "html", "--output-file", name][..],
        &[log, "--output", "snapshot", "--output-file", name],
        &[log, "--output", "json", "--output-file", name],
    ] {
        let Some(calls) = calls(folder.path(), args) else {
            return skipped("which files the program writes (strace is missing or may not trace)");
        };
        let changes: Vec<&String> = calls.iter().filter(|call| changes(call)).collect();
        assert!(!changes.is_empty());
        for call in changes {
            let own = call.contains(&format!("\"{place}/.page.html.")) || call.starts_with("fchmod(");
            assert!(own, "{args:?}: {call}");
        }
        assert!(page.is_file());
    }
}

/// What is kept between runs: the state, its lock, and the state's other name while it is not complete.
#[test]
fn only_the_state_that_was_asked_for_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("kept.state");
    let (place, name) = (folder.path().to_str().expect("a name"), state.to_str().expect("a name"));
    let log = "sample-logs/istio-text/checkout-killed.log";
    for _ in 0..2 {
        let Some(calls) = calls(folder.path(), &["--state", name, log]) else {
            return skipped("what is kept between runs (strace is missing or may not trace)");
        };
        for call in calls.iter().filter(|call| changes(call)) {
            let own = call.contains(&format!("\"{place}/kept.state"))
                || call.contains(&format!("\"{place}/.kept.state"))
                || call.starts_with("fchmod(");
            assert!(own, "{call}");
        }
    }
    assert!(state.is_file());
}

/// In a network of its own, without even a loopback, nothing is missed.
#[test]
fn without_a_network_the_answer_is_the_same() {
    let args = ["sample-logs/istio-text/checkout-killed.log", "--output", "json"];
    let with = run(crate::program::meshwhy(&args));
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--net"]).arg(program()).args(args);
    let without = run(plain(command));
    if without.err.contains("unshare") {
        return skipped("an empty network (unshare is missing or not allowed)");
    }
    assert!(without.code() == 0 && without.out == with.out, "{}", without.err);
}

/// `unsafe` is for the one room that earns it.
#[test]
fn unsafe_code_is_in_one_room() {
    for path in crate::samples::files("src") {
        let name = crate::samples::relative(&path);
        if name.starts_with("src/scan/") || !name.ends_with(".rs") {
            continue;
        }
        let code = crate::samples::text(&name);
        assert!(!code.contains("allow(unsafe_code)") && !code.contains("expect(unsafe_code"), "{name}");
    }
    let manifest = crate::samples::text("Cargo.toml");
    assert!(manifest.contains("\nunsafe_code = \"deny\""));
    assert!(manifest.contains("\nrust-version = \"") && root().join("Cargo.lock").is_file());
    assert!(
        crate::samples::text("docs/releasing.md").contains("CycloneDX"),
        "a release has a bill of materials"
    );
}
