//! `meshwhy merge`, and `--output snapshot`.

use std::io::{IsTerminal, Write, stdout};

use meshwhy::input::Input;
use meshwhy::pipeline::{resume, snapshot};
use meshwhy::snapshot::write;
use meshwhy::{Error, ErrorKind, Result, both};

use super::args::Merge;
use super::exit::Exit;
use super::plan::{Reading, TriagePlan, now_us, wrong};
use super::progress::{interruptible, watched};
use super::run::{complain, count, exit, gated};
use super::screen;
use super::tongue::Tongue;

/// The triage's output that can be merged.
pub(super) const OUTPUT: &str = "snapshot";

/// Runs `meshwhy merge`: a triage whose inputs are all snapshots.
pub(super) fn merged(args: Merge, tongue: Tongue) -> Result<Exit> {
    let mut reading = Reading::plain(args.paths.into_iter().map(Input::from_arg).collect(), args.quiet);
    reading.options.allow_overlap = args.snapshots.allow_overlap;
    reading.options.snapshots_only = true;
    count(&args.shape, &args.rules, reading, tongue)
}

/// Reads, counts, and writes down the counts.
pub(super) fn written(plan: &TriagePlan, tongue: Tongue) -> Result<Exit> {
    if stdout().is_terminal() {
        return Err(wrong(both!(
            "a snapshot is no text: write it to a file, meshwhy --output snapshot … > part.snap",
            "快照不是文本：请写入文件，meshwhy --output snapshot … > part.snap"
        )));
    }
    let reading = &plan.reading;
    let progress = interruptible();
    let (snapshot, outcome) = watched(reading.progress, tongue.people(), progress, || {
        let Reading { inputs, reader, filter, options, state, .. } = reading;
        let Some(state) = state else {
            return snapshot(inputs, reader, filter, &plan.by, options, Some(progress));
        };
        let (mut all, outcome) = resume(state, inputs, reader, filter, &plan.by, options, Some(progress))?;
        // How far files were read is nobody else's business.
        all.tracked.clear();
        Ok((all, outcome))
    })?;
    complain(&outcome, tongue, false);
    if outcome.sources.is_empty() && !outcome.failures.is_empty() {
        return Ok(Exit::Partial);
    }
    let mut out = screen::out(false);
    write(&snapshot, &mut out)?;
    out.flush().map_err(|cause| Error::from(ErrorKind::Write(cause)))?;
    let findings = plan.rulebook.diagnose(&snapshot.summary, now_us()).findings;
    let told = (!reading.quiet).then_some(tongue);
    let tripped = gated(&plan.gates, &snapshot.summary, &findings, told);
    Ok(exit(&outcome, snapshot.passed, &reading.inputs, tripped))
}
