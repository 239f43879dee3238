//! The doorman: parse, run, exit code. A closed output pipe is success.

mod cli;
mod kube;

use std::io::Write;
use std::process::ExitCode;

use cli::{Exit, run};

fn main() -> ExitCode {
    let exit = match run(std::env::args_os()) {
        Ok(exit) => exit,
        Err(error) if error.is_broken_pipe() => Exit::Done,
        Err(error) => {
            // Nothing can be done when standard error is gone, too.
            let _ = writeln!(std::io::stderr(), "meshwhy: {error}");
            Exit::of(&error)
        }
    };
    ExitCode::from(exit as u8)
}
