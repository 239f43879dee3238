//! `meshwhy compare`.

use std::io::Write;

use meshwhy::aggregate::Summary;
use meshwhy::diagnosis::Diagnosis;
use meshwhy::input::Input;
use meshwhy::pipeline::{Outcome, Passed, Progress, summarise, summarise_sides};
use meshwhy::record::time::parse_us;
use meshwhy::report::compare::{Comparison, Form, Side};
use meshwhy::{ErrorKind, Result, both};

use super::args;
use super::exit::Exit;
use super::plan::{Reading, now_us, wrong};
use super::progress::{interruptible, watched};
use super::rules::rulebook;
use super::run::{complain, exit};
use super::screen;
use super::tongue::Tongue;

/// Runs the command.
pub(super) fn compare(args: args::Compare, tongue: Tongue) -> Result<Exit> {
    let form = Form::named(&args.output)?;
    let split = args.split_at.as_deref().map(moment).transpose()?;
    if split.is_none() && !args.read.paths.is_empty() {
        return Err(wrong(both!(
            "PATH goes with --split-at; name the others behind --before and --after",
            "PATH 与 --split-at 一起使用；其他情况请写在 --before 和 --after 之后"
        )));
    }
    let rulebook = rulebook(&args.rules)?;
    // Each side has its own end, which times may be counted from.
    let side = |paths| Reading::of(args::Read { paths, ..args.read.clone() });
    let mut readings = match split {
        Some(_) => vec![side(args.read.paths.clone())?],
        None => vec![side(args.before)?, side(args.after)?],
    };
    readings.iter_mut().for_each(|reading| reading.options.allow_overlap = args.snapshots.allow_overlap);
    let progress = interruptible(None);
    let wanted = readings.iter().all(|reading| reading.progress);
    let (sides, outcomes) = watched(wanted, tongue.people(), progress, || match (&readings[..], split) {
        ([before, after], _) => both(before, after, progress),
        ([reading], Some(at_us)) => halves(reading, at_us, progress),
        _ => Err(wrong(both!(
            "--before and --after, or --split-at, are needed",
            "需要 --before 和 --after，或 --split-at"
        ))),
    })?;
    outcomes.iter().for_each(|outcome| complain(outcome, tongue, false));
    let [before, after] = &sides;
    let lang = tongue.output(&args.output);
    let rulebook = rulebook.in_lang(lang);
    let diagnoses = [before, after].map(|side| rulebook.diagnose(&side.0, now_us()));
    let [old, new] = &diagnoses;
    let comparison = Comparison::of(side_of(&before.0, old), side_of(&after.0, new), lang);
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
    let inputs: Vec<Input> = readings.into_iter().flat_map(|reading| reading.inputs).collect();
    Ok(exit(outcome, passed, &inputs, tripped))
}

fn side_of<'r>(summary: &'r Summary, diagnosis: &'r Diagnosis) -> Side<'r> {
    let Diagnosis { findings, suppressed, notes } = diagnosis;
    Side { summary, findings, suppressed, notes }
}

type Sides = ([(Summary, Passed); 2], Vec<Outcome>);

fn halves(reading: &Reading, at_us: i64, progress: &Progress) -> Result<Sides> {
    let Reading { inputs, reader, filter, options, .. } = reading;
    let (sides, outcome) = summarise_sides(inputs, reader, filter, at_us, options, Some(progress))?;
    Ok((sides, vec![outcome]))
}

fn both(before: &Reading, after: &Reading, progress: &Progress) -> Result<Sides> {
    let counted = |reading: &Reading| {
        let Reading { inputs, reader, filter, options, .. } = reading;
        summarise(inputs, reader, filter, options, Some(progress))
    };
    let (old, old_passed, first) = counted(before)?;
    let (new, new_passed, second) = counted(after)?;
    Ok(([(old, old_passed), (new, new_passed)], vec![first, second]))
}

fn moment(text: &str) -> Result<i64> {
    parse_us(text.as_bytes()).ok_or_else(|| {
        wrong(both!(
            "--split-at: {text:?} is no time: 2026-01-02T03:04:05Z is expected",
            "--split-at：{text:?} 不是时间：应为 2026-01-02T03:04:05Z"
        ))
    })
}
