//! The program as a process: fed, watched, interrupted. No tests here.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

pub(crate) use crate::properties::{FAILING, GOOD};
use crate::samples::root;

/// The program; `MESHWHY_BIN` names another build of it, for the long runs.
pub(crate) fn program() -> String {
    std::env::var("MESHWHY_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_meshwhy").to_owned())
}

/// The program with these arguments, and with nothing of the developer's own settings.
pub(crate) fn meshwhy(args: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(args);
    plain(command)
}

/// A command that is run in the repository, without the developer's own settings.
pub(crate) fn plain(mut command: Command) -> Command {
    command.current_dir(root()).env("COLUMNS", "100").env("LC_ALL", "C").env_remove("NO_COLOR");
    command.env("XDG_CONFIG_HOME", "/nonexistent").env_remove("MESHWHY_RULES");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
    /// What the process held while it ran; zeros where the system does not tell.
    pub(crate) most: Most,
    pub(crate) took: Duration,
}

/// The most that was seen of a process.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Most {
    pub(crate) memory_kib: u64,
    pub(crate) threads: u64,
    pub(crate) files: u64,
    /// Time of the processor, of all threads.
    pub(crate) cpu: Duration,
}

impl Ran {
    pub(crate) fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| panic!("killed: {:?}: {}", self.status, self.err))
    }

    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.out).expect("UTF-8 on standard output")
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.out).unwrap_or_else(|e| panic!("{e}: {} {:?}", self.err, self.status))
    }

    /// The counts of a triage as JSON, once they add up.
    #[track_caller]
    pub(crate) fn lines(&self) -> Lines {
        Lines::of(&self.json())
    }
}

/// What the lines turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lines {
    pub(crate) all: u64,
    pub(crate) access: u64,
    pub(crate) proxy: u64,
    pub(crate) other: u64,
    pub(crate) rejected: u64,
}

impl Lines {
    /// Of a triage as JSON. Every line is one of the four.
    #[track_caller]
    pub(crate) fn of(triage: &Value) -> Lines {
        let count = |key: &str| triage["input"][key].as_u64().unwrap_or_else(|| panic!("{key}: {triage}"));
        let lines = Lines {
            all: count("lines"),
            access: count("access_lines"),
            proxy: count("proxy_lines"),
            other: count("other_lines"),
            rejected: count("rejected_lines"),
        };
        assert_eq!(lines.all, lines.access + lines.proxy + lines.other + lines.rejected, "{lines:?}");
        let filtered = triage["input"]["filtered_records"].as_u64().unwrap_or(0);
        assert_eq!(triage["totals"]["requests"].as_u64(), Some(lines.access - filtered), "{lines:?}");
        lines
    }
}

/// A process that is looked at while it runs.
pub(crate) struct Running {
    child: Child,
    out: JoinHandle<Vec<u8>>,
    err: JoinHandle<Vec<u8>>,
    watch: JoinHandle<Most>,
    over: Arc<AtomicBool>,
    started: Instant,
}

/// Starts a command; both its streams are read, and the system is asked what it holds.
pub(crate) fn start(mut command: Command) -> Running {
    let started = Instant::now();
    let mut child = command.spawn().expect("the program runs");
    let out = collect(child.stdout.take());
    let err = collect(child.stderr.take());
    let over = Arc::new(AtomicBool::new(false));
    let (done, pid) = (Arc::clone(&over), child.id());
    let watch = std::thread::spawn(move || {
        let mut most = Most::default();
        while !done.load(Ordering::Relaxed) {
            most.look(pid);
            std::thread::sleep(Duration::from_millis(5));
        }
        most
    });
    Running { child, out, err, watch, over, started }
}

fn collect(stream: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut all = Vec::new();
        if let Some(mut stream) = stream {
            stream.read_to_end(&mut all).expect("a stream of the program");
        }
        all
    })
}

impl Most {
    fn look(&mut self, pid: u32) {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let number = |key: &str| {
            let rest = status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
            rest.trim().trim_end_matches(" kB").parse().unwrap_or(0)
        };
        // The kernel keeps the mark of memory, so that a look now and then does not miss a peak.
        self.memory_kib = self.memory_kib.max(number("VmHWM:"));
        self.threads = self.threads.max(number("Threads:"));
        let files = std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);
        self.files = self.files.max(files as u64);
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // Behind the name, which may hold anything: field 14 and 15 are ticks of 10 ms.
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        self.cpu = self.cpu.max(Duration::from_millis(ticks * 10));
    }
}

impl Running {
    /// Its standard input, once.
    pub(crate) fn stdin(&mut self) -> ChildStdin {
        self.child.stdin.take().expect("a pipe")
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, by its name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.id().to_string()]).status();
        assert!(sent.expect("kill").success(), "{name}");
    }

    /// What it holds at this moment.
    pub(crate) fn memory_kib_now(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap_or_default();
        let rest = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        rest.trim().trim_end_matches(" kB").parse().unwrap_or(0)
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_some()
    }

    pub(crate) fn end(mut self) -> Ran {
        let status = self.child.wait().expect("a child");
        let took = self.started.elapsed();
        self.over.store(true, Ordering::Relaxed);
        Ran {
            status,
            out: self.out.join().expect("standard output"),
            err: String::from_utf8_lossy(&self.err.join().expect("standard error")).into_owned(),
            most: self.watch.join().expect("the watch"),
            took,
        }
    }
}

/// Runs a command to its end.
pub(crate) fn run(command: Command) -> Ran {
    start(command).end()
}

/// Runs the program with these bytes on standard input.
pub(crate) fn piped(args: &[&str], input: &[u8]) -> Ran {
    fed(args, |stdin| stdin.write_all(input))
}

/// Runs the program while somebody writes to its standard input. It may end before it has read all.
pub(crate) fn fed(args: &[&str], write: impl FnOnce(&mut ChildStdin) -> std::io::Result<()>) -> Ran {
    let mut command = meshwhy(args);
    command.stdin(Stdio::piped());
    let mut running = start(command);
    let mut stdin = running.stdin();
    let written = write(&mut stdin);
    drop(stdin);
    let ran = running.end();
    let closed = |error: &std::io::Error| error.kind() == std::io::ErrorKind::BrokenPipe;
    assert!(written.as_ref().err().is_none_or(closed), "{written:?}: {}", ran.err);
    ran
}

/// Runs the program on a file or a folder.
pub(crate) fn on_path(args: &[&str], path: &Path) -> Ran {
    let mut command = meshwhy(args);
    command.arg(path);
    run(command)
}
