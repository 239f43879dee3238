//! The doorman: parse, run, exit code. A closed output pipe is success.

mod cli;
mod kube;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use cli::{Exit, Tongue, run};

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    let tongue = Tongue::of(&args, |name| std::env::var(name).ok());
    let exit = match run(args, tongue) {
        Ok(exit) => exit,
        Err(error) if error.is_broken_pipe() => Exit::Done,
        Err(error) => {
            // Nothing can be done when standard error is gone, too.
            let _ = writeln!(std::io::stderr(), "meshwhy: {}", error.in_lang(tongue.people()));
            Exit::of(&error)
        }
    };
    ExitCode::from(exit as u8)
}
