//! One function for each command.

use std::ffi::OsString;
use std::io::{IsTerminal, Read as _, Write, stderr, stdin, stdout};

use clap::{CommandFactory, FromArgMatches};
use meshwhy::diagnosis::{Finding, diagnose};
use meshwhy::format::Reader;
use meshwhy::input::Input;
use meshwhy::pipeline::{Options, Outcome, Passed, rewrite, summarise, summarise_by};
use meshwhy::query::Filter;
use meshwhy::report::{Report, SourceInfo, View, explain, renderer};
use meshwhy::{Error, ErrorKind, Result};

use super::args::{Catalog, Cli, Command, Explain, Records, Shape, Shelf, Triage, When};
use super::exit::Exit;
use super::plan::{Gates, Reading, RecordsPlan, TriagePlan, wrong};
use super::progress::{interruptible, watched};
use super::screen;

/// Runs the program.
pub(crate) fn run(args: impl IntoIterator<Item = OsString>) -> Result<Exit> {
    let args: Vec<OsString> = args.into_iter().collect();
    if args.first().is_some_and(|name| super::plugin::is_its_name(name)) {
        return super::plugin::run(args);
    }
    let parsed = Cli::command().try_get_matches_from(args).and_then(|m| Cli::from_arg_matches(&m));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return Ok(usage(&error)),
    };
    match cli.command {
        Some(Command::Report(args)) => super::report::report(*args),
        Some(Command::Compare(args)) => super::compare::compare(*args),
        Some(Command::Records(args)) => records(*args),
        Some(Command::Explain(args)) => explained(args),
        Some(Command::Catalog(args)) => catalog(&args),
        Some(Command::Completions { shell }) => completions(shell),
        Some(Command::Man) => manual(),
        None if cli.triage.read.paths.is_empty() && stdin().is_terminal() => help(),
        None => triage(cli.triage),
    }
}

/// Help and version are results; everything else is a slip.
pub(super) fn usage(error: &clap::Error) -> Exit {
    // A closed pipe is nobody who could be told.
    let _ = error.print();
    if error.use_stderr() { Exit::Usage } else { Exit::Done }
}

fn help() -> Result<Exit> {
    write_out(Cli::command().render_help().to_string().as_bytes())
}

fn completions(shell: clap_complete::Shell) -> Result<Exit> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "meshwhy", &mut text);
    write_out(&text)
}

fn manual() -> Result<Exit> {
    let mut text = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut text).map_err(ErrorKind::Write)?;
    write_out(&text)
}

fn write_out(text: &[u8]) -> Result<Exit> {
    let mut out = screen::out(false);
    out.write_all(text).and_then(|()| out.flush()).map_err(ErrorKind::Write)?;
    Ok(Exit::Done)
}

/// A command behind an option is read as a path; nobody means that.
fn refuse_late_command(args: &Triage) -> Result<()> {
    let cli = Cli::command();
    let late = args
        .read
        .paths
        .iter()
        .filter_map(|path| path.to_str())
        .find(|path| cli.find_subcommand(path).is_some() && !std::path::Path::new(path).exists());
    late.map_or(Ok(()), |name| Err(wrong(format!("a command comes first: meshwhy {name} [OPTIONS]"))))
}

fn triage(args: Triage) -> Result<Exit> {
    refuse_late_command(&args)?;
    count(&args.shape, Reading::of(args.read)?)
}

/// Reads, counts, judges and shows.
pub(super) fn count(shape: &Shape, reading: Reading) -> Result<Exit> {
    let colour = screen::colour(shape.colour.when);
    let plan = TriagePlan::of(shape, reading)?;
    let reading = &plan.reading;
    let progress = interruptible();
    let (summary, passed, outcome) = watched(reading.progress, progress, || {
        let options = &reading.options;
        let Reading { inputs, reader, filter, .. } = reading;
        summarise_by(inputs, reader, filter, &plan.by, options, Some(progress))
    })?;
    let on_screen = plan.renderer.name() == "table" && stdout().is_terminal();
    // The screen names what was not read, so a terminal need not show it twice.
    let nothing = outcome.sources.is_empty() && !outcome.failures.is_empty();
    complain(&outcome, on_screen && !nothing);
    if nothing {
        return Ok(Exit::Partial);
    }
    let findings = diagnose(&summary);
    let sources = sources(&outcome);
    let failures: Vec<String> = outcome.failures.iter().map(Error::to_string).collect();
    let report = Report {
        summary: &summary,
        findings: &findings,
        sources: &sources,
        failures: &failures,
        warnings: &warnings(passed, &outcome),
        filtered: passed.left_out,
        view: View { width: screen::width(), colour, top: plan.top, bucket_seconds: plan.bucket_seconds },
    };
    let mut out = screen::out(colour);
    plan.renderer.render(&report, &mut out)?;
    out.flush().map_err(ErrorKind::Write)?;
    let counts = summary.counts;
    let tripped = plan.gates.tripped(counts.failed(), counts.requests(), &findings);
    Ok(exit(&outcome, passed, &reading.inputs, tripped))
}

impl Gates {
    fn tripped(&self, failed: u64, requests: u64, findings: &[Finding]) -> bool {
        let over = self.over_percent.is_some_and(|p| failed as f64 * 100.0 > p * requests as f64);
        over || self.on.is_some_and(|gate| findings.iter().any(|f| f.severity >= gate))
    }
}

fn records(args: Records) -> Result<Exit> {
    let plan = RecordsPlan::of(args)?;
    let reading = &plan.reading;
    let progress = interruptible();
    // Lines on the same terminal and a bar would overwrite each other.
    let watch = reading.progress && !stdout().is_terminal();
    let (passed, outcome) = watched(watch, progress, || {
        let mut out = screen::out(false);
        let result = rewrite(
            &reading.inputs,
            &reading.reader,
            &reading.filter,
            plan.form,
            &reading.options,
            Some(progress),
            &mut out,
        )?;
        out.flush().map_err(ErrorKind::Write)?;
        Ok::<_, Error>(result)
    })?;
    complain(&outcome, false);
    if !reading.quiet {
        warnings(passed, &outcome).iter().for_each(|warning| say(&format!("warning: {warning}")));
    }
    Ok(exit(&outcome, passed, &reading.inputs, false))
}

/// The exit code, worst first: what is not known weighs more than what is.
pub(super) fn exit(outcome: &Outcome, passed: Passed, inputs: &[Input], tripped: bool) -> Exit {
    let files = inputs.iter().any(|input| !matches!(input, Input::Stdin));
    if !outcome.failures.is_empty() || (outcome.interrupted && files) {
        Exit::Partial
    } else if passed.access == 0 {
        Exit::NoRecords
    } else if tripped {
        Exit::Gate
    } else {
        Exit::Done
    }
}

pub(super) fn sources(outcome: &Outcome) -> Vec<SourceInfo> {
    let info = |source: &meshwhy::pipeline::Source| SourceInfo {
        name: source.name.clone(),
        container: source.container,
        bytes: source.bytes,
        lines: source.lines,
    };
    outcome.sources.iter().map(info).collect()
}

pub(super) fn warnings(passed: Passed, outcome: &Outcome) -> Vec<String> {
    let mut out = Vec::new();
    if outcome.interrupted {
        out.push("reading was interrupted: this is the result of what was read".to_owned());
    }
    if passed.untimed > 0 {
        let n = passed.untimed;
        out.push(format!("{n} records without a time were left out by --since or --until"));
    }
    out
}

/// Says on standard error what could not be read.
pub(super) fn complain(outcome: &Outcome, silent: bool) {
    if !silent {
        outcome.failures.iter().for_each(|failure| say(&failure.to_string()));
    }
}

pub(super) fn say(text: &str) {
    // Names of files may hold anything; nothing can be done when standard error is gone.
    let text = meshwhy::report::escape::terminal(text.as_bytes());
    let _ = writeln!(stderr(), "meshwhy: {text}");
}

fn explained(args: Explain) -> Result<Exit> {
    let mut text = args.words.join(" ");
    if text == "-" {
        text.clear();
        let cause = stdin().take(1 << 20).read_to_string(&mut text);
        cause.map_err(|cause| ErrorKind::Read { source: "-".to_owned(), offset: 0, cause })?;
    }
    let colour = screen::colour(When::Auto);
    let view = View { width: screen::width(), colour, ..View::default() };
    let mut out = screen::out(colour);
    let known = pasted(&text, view, &mut out)? || explain::explain(text.trim(), view, &mut out)?;
    out.flush().map_err(ErrorKind::Write)?;
    if known {
        return Ok(Exit::Done);
    }
    Err(wrong(format!("nothing is known of {:?}; meshwhy catalog causes lists what is", text.trim())))
}

/// Log lines given as words: they are triaged, and their flags explained. `false`: there is none.
fn pasted(text: &str, view: View, out: &mut dyn Write) -> Result<bool> {
    let input = Input::Bytes { name: "-".to_owned(), bytes: text.as_bytes().to_vec() };
    let options = Options { threads: 1, ..Options::default() };
    let (summary, passed, outcome) = summarise(&[input], &Reader::new(), &Filter::default(), &options, None)?;
    if passed.access == 0 {
        return Ok(false);
    }
    let report = Report {
        summary: &summary,
        findings: &diagnose(&summary),
        sources: &sources(&outcome),
        failures: &[],
        warnings: &[],
        filtered: 0,
        view,
    };
    renderer("table")?.render(&report, out)?;
    for (flags, _) in summary.flag_sets.iter() {
        out.write_all(b"\n").map_err(ErrorKind::Write)?;
        explain::flag_meanings(&String::from_utf8_lossy(flags), view, out)?;
    }
    Ok(true)
}

fn catalog(args: &Catalog) -> Result<Exit> {
    let mut out = screen::out(false);
    let width = screen::width();
    match args.what {
        Shelf::Flags => explain::list_flags(width, &mut out)?,
        Shelf::Details => explain::list_details(width, &mut out)?,
        Shelf::Causes => explain::list_causes(width, &mut out)?,
        Shelf::Formats => explain::list_formats(width, &mut out)?,
    }
    out.flush().map_err(ErrorKind::Write)?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_gate_is_a_limit_that_may_be_reached() {
        let gates = Gates { over_percent: Some(5.0), on: None };
        assert!(!gates.tripped(5, 100, &[]) && gates.tripped(6, 100, &[]) && !gates.tripped(0, 0, &[]));
    }
}
