//! `meshwhy merge`, and `--output snapshot`.

use std::io::{IsTerminal, stdout};
use std::path::Path;

use meshwhy::input::Input;
use meshwhy::pipeline::{opened, resume, snapshot};
use meshwhy::snapshot::write;
use meshwhy::{Result, both};

use super::args::Merge;
use super::exit::Exit;
use super::gates::Gates;
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
pub(super) fn written(plan: &TriagePlan, file: Option<&Path>, tongue: Tongue) -> Result<Exit> {
    if file.is_none() && stdout().is_terminal() {
        return Err(wrong(both!(
            "a snapshot is no text: write it to a file, meshwhy --output snapshot … > part.snap",
            "快照不是文本：请写入文件，meshwhy --output snapshot … > part.snap"
        )));
    }
    let reading = &plan.reading;
    let progress = interruptible(file);
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
    screen::write(file, false, |out| write(&snapshot, out))?;
    let passed = snapshot.passed;
    let tripped = plan.gates != Gates::default() && {
        let (summary, ..) = opened(snapshot, &outcome);
        let findings = plan.rulebook.diagnose(&summary, now_us()).findings;
        gated(&plan.gates, &summary, &findings, (!reading.quiet).then_some(tongue))
    };
    Ok(exit(&outcome, passed, &reading.inputs, tripped))
}
