//! `meshwhy trace`.

use std::io::Write;

use meshwhy::pipeline::{Passed, trace};
use meshwhy::report::{TraceForm, TraceReport};
use meshwhy::{ErrorKind, Result, both};

use super::args;
use super::exit::Exit;
use super::plan::{Reading, wrong};
use super::progress::{interruptible, watched};
use super::run::{complain, exit, sources};
use super::screen;
use super::tongue::Tongue;

/// Runs the command.
pub(super) fn traced(args: args::Trace, tongue: Tongue) -> Result<Exit> {
    let form = TraceForm::named(&args.output)?;
    let id = args.id.trim();
    if matches!(id, "" | "-") {
        return Err(wrong(both!(
            "a request id comes first: meshwhy trace REQUEST_ID [PATH]...",
            "请先给出请求 ID：meshwhy trace REQUEST_ID [PATH]..."
        )));
    }
    let reading = Reading::of(args.read)?;
    let progress = interruptible(None);
    let found = watched(reading.progress, tongue.people(), progress, || {
        let Reading { inputs, reader, filter, options, .. } = &reading;
        trace(id, inputs, reader, filter, options, Some(progress))
    })?;
    complain(&found.outcome, tongue, false);
    if found.outcome.sources.is_empty() && !found.outcome.failures.is_empty() {
        return Ok(Exit::Partial);
    }
    let report = TraceReport {
        id,
        steps: &found.steps,
        more: found.more,
        sources: &sources(&found.outcome),
        access: found.access,
    };
    let mut out = screen::out(false);
    report.write(form, tongue.people(), &mut out)?;
    out.flush().map_err(ErrorKind::Write)?;
    let passed = Passed { access: found.access, ..Passed::default() };
    Ok(exit(&found.outcome, passed, &reading.inputs, false))
}
