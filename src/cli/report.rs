//! `meshwhy report`.

use meshwhy::diagnosis::only_failures;
use meshwhy::pipeline::{opened, resume, summarise_in_detail};
use meshwhy::report::{Account, Hide, Report, View, matters, narrator};
use meshwhy::{Result, both, incident};

use super::args;
use super::exit::Exit;
use super::plan::{Reading, bucket, now_us, wrong};
use super::progress::{interruptible, watched};
use super::rules::rulebook;
use super::run::{complain, exit, sources, warnings};
use super::screen;
use super::tongue::Tongue;

/// Runs the command.
pub(super) fn report(args: args::Report, tongue: Tongue) -> Result<Exit> {
    let narrator = narrator(&args.output)?;
    let bucket_seconds = args.bucket.as_deref().map(bucket).transpose()?;
    let slo_percent = args.slo.as_deref().map(objective).transpose()?;
    let hide = Hide {
        // Scripts compare the lines of JSON with the input's, byte for byte.
        secrets: args.redact || args.output != "json",
        persons: args.redact,
        authorities: args.redact_authority,
    };
    let rulebook = rulebook(&args.rules)?;
    let mut reading = Reading::of(args.read)?;
    reading.options.allow_overlap = args.snapshots.allow_overlap;
    reading.state = args.memory.state;
    let progress = interruptible(args.output_file.as_deref());
    let (summary, detail, passed, outcome) = watched(reading.progress, tongue.people(), progress, || {
        let Reading { inputs, reader, filter, options, state, .. } = &reading;
        let Some(state) = state else {
            return summarise_in_detail(inputs, reader, filter, options, Some(progress));
        };
        let (snapshot, outcome) = resume(state, inputs, reader, filter, &[], options, Some(progress))?;
        let (summary, detail, passed) = opened(snapshot, &outcome);
        Ok((summary, detail, passed, outcome))
    })?;
    complain(&outcome, tongue, false);
    if outcome.sources.is_empty() && !outcome.failures.is_empty() {
        return Ok(Exit::Partial);
    }
    let lang = tongue.output(&args.output);
    let diagnosis = rulebook.in_lang(lang).diagnose(&summary, now_us());
    let mut incidents = incident::find_in_detail(&summary, &detail, only_failures(&summary));
    incidents.retain(|incident| matters(&diagnosis.findings, incident));
    let failures: Vec<String> = outcome.failures.iter().map(|failure| failure.in_lang(lang)).collect();
    let account = Account {
        report: Report {
            summary: &summary,
            findings: &diagnosis.findings,
            suppressed: &diagnosis.suppressed,
            sources: &sources(&outcome),
            failures: &failures,
            warnings: &[warnings(passed, &outcome, lang), diagnosis.notes.clone()].concat(),
            filtered: passed.left_out,
            view: View { lang, top: args.top, bucket_seconds, ..View::default() },
        },
        incidents: &incidents,
        detail: &detail,
        slo_percent,
        hide,
    };
    screen::write(args.output_file.as_deref(), false, |out| narrator.narrate(&account, out))?;
    Ok(exit(&outcome, passed, &reading.inputs, false))
}

fn objective(text: &str) -> Result<f64> {
    let value: Option<f64> = text.trim().trim_end_matches('%').trim_end().parse().ok();
    value.filter(|v| (0.0..100.0).contains(v)).ok_or_else(|| {
        wrong(both!(
            "--slo: {text:?}: a share below 100 is expected, such as 99.9",
            "--slo：{text:?}：应为小于 100 的百分比，如 99.9"
        ))
    })
}
