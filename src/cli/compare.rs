//! `meshwhy compare`.

use std::io::Write;

use meshwhy::aggregate::Summary;
use meshwhy::diagnosis::Diagnosis;
use meshwhy::input::Input;
use meshwhy::pipeline::{Outcome, Passed, Progress, summarise, summarise_sides};
use meshwhy::record::time::parse_us;
use meshwhy::report::compare::{Comparison, Form, Side};
use meshwhy::{ErrorKind, Result};

use super::args;
use super::exit::Exit;
use super::plan::{Reading, now_us, wrong};
use super::progress::{interruptible, watched};
use super::rules::rulebook;
use super::run::{complain, exit};
use super::screen;

/// Runs the command.
pub(super) fn compare(args: args::Compare) -> Result<Exit> {
    let form = Form::named(&args.output)?;
    let split = args.split_at.as_deref().map(moment).transpose()?;
    if split.is_none() && !args.read.paths.is_empty() {
        return Err(wrong(
            "PATH goes with --split-at; name the others behind --before and --after".to_owned(),
        ));
    }
    let rulebook = rulebook(&args.rules)?;
    let reading = Reading::of(args.read)?;
    let progress = interruptible();
    let (sides, outcomes) = watched(reading.progress, progress, || match split {
        Some(at_us) => halves(&reading, at_us, progress),
        None => {
            let inputs = |paths: Vec<_>| paths.into_iter().map(Input::from_arg).collect::<Vec<_>>();
            both(&reading, &inputs(args.before), &inputs(args.after), progress)
        }
    })?;
    outcomes.iter().for_each(|outcome| complain(outcome, false));
    let [before, after] = &sides;
    let diagnoses = [before, after].map(|side| rulebook.diagnose(&side.0, now_us()));
    let comparison = Comparison::of(side(&before.0, &diagnoses[0]), side(&after.0, &diagnoses[1]));
    let mut out = screen::out(false);
    comparison.write(form, &mut out)?;
    out.flush().map_err(ErrorKind::Write)?;
    let passed = Passed {
        // Nothing to compare with is nothing to compare.
        access: if split.is_some() {
            before.1.access + after.1.access
        } else {
            before.1.access.min(after.1.access)
        },
        ..Passed::default()
    };
    let tripped = args.fail_on_regression && comparison.regressed();
    let worst = outcomes.iter().find(|outcome| !outcome.failures.is_empty() || outcome.interrupted);
    let Some(outcome) = worst.or(outcomes.first()) else { return Ok(Exit::Done) };
    Ok(exit(outcome, passed, &reading.inputs, tripped))
}

fn side<'r>(summary: &'r Summary, diagnosis: &'r Diagnosis) -> Side<'r> {
    let Diagnosis { findings, suppressed, notes } = diagnosis;
    Side { summary, findings, suppressed, notes }
}

type Sides = ([(Summary, Passed); 2], Vec<Outcome>);

fn halves(reading: &Reading, at_us: i64, progress: &Progress) -> Result<Sides> {
    let Reading { inputs, reader, filter, options, .. } = reading;
    let (sides, outcome) = summarise_sides(inputs, reader, filter, at_us, options, Some(progress))?;
    Ok((sides, vec![outcome]))
}

fn both(reading: &Reading, before: &[Input], after: &[Input], progress: &Progress) -> Result<Sides> {
    let Reading { reader, filter, options, .. } = reading;
    let (old, old_passed, first) = summarise(before, reader, filter, options, Some(progress))?;
    let (new, new_passed, second) = summarise(after, reader, filter, options, Some(progress))?;
    Ok(([(old, old_passed), (new, new_passed)], vec![first, second]))
}

fn moment(text: &str) -> Result<i64> {
    parse_us(text.as_bytes())
        .ok_or_else(|| wrong(format!("--split-at: {text:?} is no time: 2026-01-02T03:04:05Z is expected")))
}
