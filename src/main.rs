//! The doorman: parse, run, exit code. A closed output pipe is success.

mod cli;
mod kube;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use cli::{Exit, Tongue, run};
use meshwhy::report::escape::terminal;

/// What is freed by one thread and wanted by another comes back at once, and what lies idle goes back to the system.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    let tongue = Tongue::of(&args, |name| std::env::var(name).ok());
    let exit = match run(args, tongue) {
        Ok(exit) => exit,
        Err(error) if error.is_broken_pipe() => Exit::Done,
        Err(error) => {
            // Names of files may hold anything; nothing can be done when standard error is gone, too.
            let said = error.in_lang(tongue.people());
            let lines: Vec<String> = said.lines().map(|line| terminal(line.as_bytes())).collect();
            let _ = writeln!(std::io::stderr(), "meshwhy: {}", lines.join("\n"));
            Exit::of(&error)
        }
    };
    ExitCode::from(exit as u8)
}
