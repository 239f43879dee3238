//! `--state`: reading on is reading everything, whatever happened to the files, and to the runs, in between.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// A line of a made-up log.
fn line(n: usize) -> String {
    let (code, flags, details) = match n % 7 {
        0 => (503, "UF", "upstream_reset_before_response_started{connection_failure}"),
        3 => (504, "UT", "response_timeout"),
        _ => (200, "-", "via_upstream"),
    };
    format!(
        "[2026-11-22T{:02}:{:02}:{:02}.{:03}Z] \"GET /cart/{} HTTP/1.1\" {code} {flags} {details} - \"-\" 0 19 {} 3 \"-\" \"curl/8\" \
         \"{n:08x}-0000-4000-8000-000000000000\" \"cart:8080\" \"10.0.0.{}:8080\" outbound|8080||cart.prod.svc.cluster.local \
         10.1.0.9:5000 10.96.0.1:8080 10.1.0.7:4000 - default\n",
        n / 3_600_000 % 24,
        n / 60_000 % 60,
        n / 1_000 % 60,
        n % 1_000,
        n % 5,
        n % 900,
        n % 4,
    )
}

fn lines(range: std::ops::Range<usize>) -> String {
    range.map(line).collect()
}

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).expect("the log");
    file.write_all(text.as_bytes()).expect("the log");
}

fn meshwhy(args: &[&str], paths: &[&Path]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meshwhy"));
    command.args(args).args(paths).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(args: &[&str], paths: &[&Path]) -> Output {
    meshwhy(args, paths).output().expect("the program runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A folder with logs, and a state beside it.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("logs")).expect("a folder");
        Place { folder }
    }

    fn logs(&self) -> std::path::PathBuf {
        self.folder.path().join("logs")
    }

    fn log(&self, name: &str) -> std::path::PathBuf {
        self.logs().join(name)
    }

    fn state(&self) -> std::path::PathBuf {
        self.folder.path().join("state")
    }

    fn resumed(&self, args: &[&str]) -> Output {
        let state = self.state();
        run(&[args, &["--state", state.to_str().expect("UTF-8")]].concat(), &[&self.logs()])
    }

    /// Reading on gives what reading everything gives.
    #[track_caller]
    fn holds(&self, when: &str) {
        for args in [&["--output", "json"][..], &["report", "--output", "json"]] {
            let on = self.resumed(args);
            let whole = run(args, &[&self.logs()]);
            assert!(on.status.success(), "{when}: {}", said(&on));
            let (on, whole) = (String::from_utf8_lossy(&on.stdout), String::from_utf8_lossy(&whole.stdout));
            let differing = on.lines().zip(whole.lines()).find(|(a, b)| a != b);
            assert!(on == whole, "{when}: {differing:?}");
        }
    }
}

fn gzip(path: &Path) {
    let mut out = flate2::write::GzEncoder::new(
        File::create(path.with_extension("log.gz")).expect("a file"),
        flate2::Compression::fast(),
    );
    out.write_all(&fs::read(path).expect("the log")).expect("a file");
    out.finish().expect("a file");
    fs::remove_file(path).expect("the log");
}

#[test]
fn reading_on_is_reading_everything() {
    let place = Place::new();
    let (log, old, older) = (place.log("a.log"), place.log("b.log"), place.log("c.log"));
    append(&log, &lines(0..50));
    place.holds("the first run");
    place.holds("nothing new");
    append(&log, &lines(50..53));
    place.holds("a few lines more");
    // Rotated, and the old one grew before that.
    append(&log, &lines(53..60));
    fs::rename(&log, &old).expect("a name");
    append(&log, &lines(60..90));
    place.holds("rotated");
    fs::rename(&old, &older).expect("a name");
    fs::rename(&log, &old).expect("a name");
    append(&log, &lines(90..91));
    place.holds("rotated twice");
    append(&older, &lines(91..95));
    gzip(&older);
    place.holds("compressed, with lines that nobody had seen");
    place.holds("compressed");
    // Rotated by copying and cutting off.
    append(&log, &lines(95..120));
    place.holds("more");
    append(&log, &lines(120..130));
    fs::copy(&log, place.log("d.log")).expect("a copy");
    File::create(&log).expect("the log");
    place.holds("copied and cut");
    append(&log, &lines(130..180));
    place.holds("grown again");
    append(&place.log("new.log"), &lines(200..210));
    place.holds("another log");
}

#[test]
fn a_line_without_its_end_waits() {
    let place = Place::new();
    let (log, text) = (place.log("a.log"), lines(0..20));
    let cut = text.len() - 40;
    append(&log, &text[..cut]);
    let on = place.resumed(&["--output", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&on.stdout).expect("JSON");
    assert_eq!(json["input"]["access_lines"], 19);
    append(&log, &text[cut..]);
    place.holds("the line has its end");
    // A runtime's line is whole when its last piece is there.
    let place = Place::new();
    let log = place.log("a.log");
    let piece = |tag: &str, text: &str| format!("2026-11-22T00:00:00.000000000Z stdout {tag} {text}\n");
    append(&log, &piece("F", line(1).trim_end()));
    let cut = line(2);
    let (head, tail) = cut.trim_end().split_at(100);
    append(&log, &piece("P", head));
    let on = place.resumed(&["--output", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&on.stdout).expect("JSON");
    assert_eq!(json["input"]["access_lines"], 1);
    append(&log, &piece("F", tail));
    place.holds("the piece has its rest");
}

/// Killed at any moment, it neither loses nor counts twice.
#[test]
fn a_killed_run_changes_nothing() {
    let place = Place::new();
    let log = place.log("a.log");
    let mut n = 0;
    let mut random = 1_u64;
    let mut next = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let mut killed = 0;
    for round in 0..30 {
        let more = next(2_000) as usize;
        append(&log, &lines(n..n + more));
        n += more;
        if round % 7 == 6 {
            fs::rename(&log, place.log(&format!("old{round}.log"))).expect("a name");
        }
        let state = place.state();
        let mut child =
            meshwhy(&["--output", "json", "--state", state.to_str().expect("UTF-8")], &[&place.logs()])
                .spawn()
                .expect("it runs");
        std::thread::sleep(Duration::from_millis(next(250)));
        child.kill().expect("it can be killed");
        killed += usize::from(!child.wait().expect("it ends").success());
    }
    assert!(killed > 5, "only {killed} runs were killed in time");
    append(&log, &lines(n..n + 10));
    place.holds("after runs that were killed");
}

#[test]
fn what_cannot_be_read_on_is_said() {
    let place = Place::new();
    append(&place.log("a.log"), &lines(0..20));
    place.holds("the first run");
    let other = place.resumed(&["--output", "json", "--flag", "UF"]);
    assert_eq!(other.status.code(), Some(2));
    assert!(said(&other).contains("begun with other filters"), "{}", said(&other));
    let state = place.state();
    let state = state.to_str().expect("UTF-8");
    let stdin = run(&["--state", state], &[]);
    assert_eq!(stdin.status.code(), Some(2));
    assert!(said(&stdin).contains("standard input"), "{}", said(&stdin));
    // A second run at the same time.
    let lock = OpenOptions::new().write(true).open(format!("{state}.lock")).expect("the lock");
    lock.lock().expect("the lock");
    let second = place.resumed(&[]);
    assert_eq!(second.status.code(), Some(3));
    assert!(said(&second).contains("another run is working with this state"), "{}", said(&second));
    drop(lock);
    place.holds("the first run has ended");
    // Damaged.
    let mut bytes = fs::read(state).expect("the state");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(state, bytes).expect("the state");
    let damaged = place.resumed(&[]);
    assert_eq!(damaged.status.code(), Some(3));
    assert!(said(&damaged).contains("damaged"), "{}", said(&damaged));
}

/// It costs what is new.
#[test]
fn only_what_is_new_is_read() {
    let place = Place::new();
    append(&place.log("a.log"), &lines(0..100));
    place.holds("the first run");
    // Same first and last bytes, same length: nobody looks between them.
    let mut text = fs::read(place.log("a.log")).expect("the log");
    let middle = text.len() / 2;
    text[middle..middle + 5_000].fill(b'x');
    fs::write(place.log("a.log"), text).expect("the log");
    append(&place.log("a.log"), &lines(100..101));
    let on = place.resumed(&["--output", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&on.stdout).expect("JSON");
    assert_eq!(json["input"]["access_lines"], 101);
}
