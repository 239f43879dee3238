//! One function for each command.

use std::ffi::OsString;
use std::io::{IsTerminal, Read as _, Write, stderr, stdin, stdout};

use clap::{CommandFactory, FromArgMatches};
use meshwhy::aggregate::Summary;
use meshwhy::diagnosis::{Catalog, Finding, Rulebook};
use meshwhy::emit::{Form, Output};
use meshwhy::format::Reader;
use meshwhy::input::Input;
#[cfg(feature = "parquet")]
use meshwhy::pipeline::rewrite_as_parquet;
use meshwhy::pipeline::{Options, Outcome, Passed, opened, resume, rewrite, summarise, summarise_by};
use meshwhy::query::Filter;
use meshwhy::report::explain::lists;
use meshwhy::report::{self, Renderer, Report, SourceInfo, View, explain};
use meshwhy::words::Lang;
use meshwhy::{Error, ErrorKind, Result, both, say};

use super::args::{self, Cli, Command, Explain, ListBy, Records, Rules, Shape, Shelf, Triage, Watch, When};
use super::exit::Exit;
use super::gates::Gates;
use super::plan::{Reading, RecordsPlan, TriagePlan, now_us, wrong};
use super::progress::{interruptible, watched};
use super::rules::{check, rulebook};
use super::tongue::Tongue;
use super::{defaults, help, manual, near, screen};

/// Runs the program.
pub(crate) fn run(args: Vec<OsString>, tongue: Tongue) -> Result<Exit> {
    if args.first().is_some_and(|name| super::plugin::is_its_name(name)) {
        return super::plugin::run(args, tongue);
    }
    let (args, tongue) = defaults::with_defaults(args, &Cli::command(), false, tongue)?;
    let lang = tongue.people();
    let mut root = help::command(lang);
    let parsed = args.parse(&mut root).and_then(|m| Cli::from_arg_matches(&m));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return Ok(args.complain(&error, root, lang)),
    };
    match cli.command {
        Some(Command::Report(args)) => super::report::report(*args, tongue),
        Some(Command::Compare(args)) => super::compare::compare(*args, tongue),
        Some(Command::Merge(args)) => super::snapshot::merged(*args, tongue),
        Some(Command::Records(args)) => records(*args, tongue),
        Some(Command::Watch(args)) => {
            let Watch { read, rules, shape, blocks } = *args;
            super::follow::follow(&shape, &rules, &blocks, Reading::of(read)?, tongue)
        }
        Some(Command::Trace(args)) => super::trace::traced(*args, tongue),
        Some(Command::Explain(args)) => explained(args, lang),
        Some(Command::Catalog(args)) => catalog(&args, lang),
        Some(Command::Completions { shell }) => write_out(&manual::completions(shell)),
        Some(Command::Man { folder: Some(folder), .. }) => manual::pages(&folder, lang).map(|()| Exit::Done),
        Some(Command::Man { command, .. }) => write_out(&manual::page(command.as_deref(), lang)?),
        None if cli.triage.look.read.paths.is_empty() && stdin().is_terminal() => {
            write_out(help::help(lang).as_bytes())
        }
        None => {
            refuse_late_command(&cli.triage, &root)?;
            refuse_mistyped_command(&cli.triage, &root)?;
            triage(cli.triage, tongue)
        }
    }
}

fn write_out(text: &[u8]) -> Result<Exit> {
    let mut out = screen::out(false);
    out.write_all(text).and_then(|()| out.flush()).map_err(ErrorKind::Write)?;
    Ok(Exit::Done)
}

/// A command behind an option is read as a path; nobody means that.
fn refuse_late_command(args: &Triage, cli: &clap::Command) -> Result<()> {
    let late = args
        .look
        .read
        .paths
        .iter()
        .filter_map(|path| path.to_str())
        .find(|path| cli.find_subcommand(path).is_some() && !std::path::Path::new(path).exists());
    late.map_or(Ok(()), |name| {
        Err(wrong(both!(
            "a command comes first: meshwhy {name} [OPTIONS]",
            "命令要写在最前面：meshwhy {name} [OPTIONS]"
        )))
    })
}

fn triage(args: Triage, tongue: Tongue) -> Result<Exit> {
    let Triage { follow, look: Watch { read, rules, shape, blocks }, snapshots, memory } = args;
    let mut reading = Reading::of(read)?;
    reading.options.allow_overlap = snapshots.allow_overlap;
    reading.state = memory.state;
    if follow {
        return super::follow::follow(&shape, &rules, &blocks, reading, tongue);
    }
    super::follow::refuse_without(&blocks)?;
    count(&shape, &rules, reading, tongue)
}

/// A first word that is no file, and nearly a command, is a slip.
fn refuse_mistyped_command(args: &Triage, cli: &clap::Command) -> Result<()> {
    let word = args.look.read.paths.first().filter(|path| !path.exists()).and_then(|path| path.to_str());
    let Some(word) = word else { return Ok(()) };
    meshwhy::words::nearest(word, cli.get_subcommands().map(clap::Command::get_name)).map_or(Ok(()), |near| {
        Err(wrong(both!(
            "there is no file and no command {word:?}; is {near:?} meant?",
            "没有名为 {word:?} 的文件或命令；是否指 {near:?}？"
        )))
    })
}

/// Reads, counts, judges and shows.
pub(super) fn count(shape: &Shape, rules: &Rules, reading: Reading, tongue: Tongue) -> Result<Exit> {
    let file = shape.output_file.as_deref();
    let plan = TriagePlan::of(shape, rules, reading)?;
    let Some(renderer) = plan.renderer else { return super::snapshot::written(&plan, file, tongue) };
    let reading = &plan.reading;
    let progress = interruptible(file);
    let (summary, passed, outcome) = watched(reading.progress, tongue.people(), progress, || {
        let options = &reading.options;
        let Reading { inputs, reader, filter, state, .. } = reading;
        let Some(state) = state else {
            return summarise_by(inputs, reader, filter, &plan.by, options, Some(progress));
        };
        let (snapshot, outcome) = resume(state, inputs, reader, filter, &plan.by, options, Some(progress))?;
        let (summary, _, passed) = opened(snapshot, &outcome);
        Ok((summary, passed, outcome))
    })?;
    conclude(shape, &plan, renderer, &summary, passed, &outcome, tongue)
}

/// Judges what was counted, and shows it.
pub(super) fn conclude(
    shape: &Shape,
    plan: &TriagePlan,
    renderer: &dyn Renderer,
    summary: &Summary,
    passed: Passed,
    outcome: &Outcome,
    tongue: Tongue,
) -> Result<Exit> {
    let reading = &plan.reading;
    let file = shape.output_file.as_deref();
    let to_screen = file.is_none() && stdout().is_terminal();
    // A file has the colours that were asked for, whatever the terminal is.
    let colour = match (file, shape.colour.when) {
        (Some(_), When::Auto) => false,
        (_, when) => screen::colour(when),
    };
    let lang = tongue.output(&shape.output);
    let on_screen = renderer.name() == "table" && to_screen;
    // The screen names what was not read, so a terminal need not show it twice.
    let nothing = outcome.sources.is_empty() && !outcome.failures.is_empty();
    complain(outcome, tongue, on_screen && !nothing);
    if nothing {
        return Ok(Exit::Partial);
    }
    let diagnosis = plan.rulebook.clone().in_lang(lang).diagnose(summary, now_us());
    let sources = sources(outcome);
    let failures: Vec<String> = outcome.failures.iter().map(|failure| failure.in_lang(lang)).collect();
    let report = Report {
        summary,
        findings: &diagnosis.findings,
        suppressed: &diagnosis.suppressed,
        sources: &sources,
        failures: &failures,
        warnings: &[all_warnings(reading, passed, outcome, lang), diagnosis.notes.clone()].concat(),
        filtered: passed.left_out,
        view: View {
            lang,
            width: screen::width(),
            colour,
            palette: plan.palette,
            top: plan.top,
            order: plan.order,
            times: plan.times,
            bucket_seconds: plan.bucket_seconds,
        },
    };
    screen::write(file, colour, |out| renderer.render(&report, out))?;
    let told = (!reading.quiet).then_some(tongue);
    let tripped = gated(&plan.gates, summary, &diagnosis.findings, told);
    Ok(exit(outcome, passed, &reading.inputs, tripped))
}

/// Whether a gate tripped; says which, unless nobody is to be told.
pub(super) fn gated(gates: &Gates, summary: &Summary, findings: &[Finding], tongue: Option<Tongue>) -> bool {
    let tripped = gates.tripped(summary, findings);
    if let Some(tongue) = tongue {
        let lang = tongue.people();
        for gate in &tripped {
            let what = gate.in_lang(lang);
            tell(&say!(lang, "gate: {what}", "门禁：{what}"));
        }
    }
    !tripped.is_empty()
}

fn records(args: Records, tongue: Tongue) -> Result<Exit> {
    let plan = RecordsPlan::of(args)?;
    let reading = &plan.reading;
    let progress = interruptible(None);
    // Lines on the same terminal and a bar would overwrite each other.
    let watch = reading.progress && !stdout().is_terminal();
    let (passed, outcome) = watched(watch, tongue.people(), progress, || {
        // Whole lines come, many at a time, or few when no more are there yet: nothing is to be held back. Other forms escape on
        // their own.
        let raw = plan.output == Output::Lines(Form::Raw);
        let mut out = if raw { screen::lines() } else { Box::new(stdout()) };
        let Reading { inputs, reader, filter, options, .. } = reading;
        let result = match plan.output {
            Output::Lines(form) => rewrite(inputs, reader, filter, form, options, Some(progress), &mut out)?,
            #[cfg(feature = "parquet")]
            Output::Parquet => rewrite_as_parquet(inputs, reader, filter, options, Some(progress), &mut out)?,
        };
        out.flush().map_err(ErrorKind::Write)?;
        Ok::<_, Error>(result)
    })?;
    complain(&outcome, tongue, false);
    if !reading.quiet {
        let lang = tongue.people();
        let warn = |text: &String| tell(&say!(lang, "warning: {text}", "警告：{text}"));
        all_warnings(reading, passed, &outcome, lang).iter().for_each(warn);
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

/// What the reader should know about the reading, and about filters that left nothing.
fn all_warnings(reading: &Reading, passed: Passed, outcome: &Outcome, lang: Lang) -> Vec<String> {
    let mut out = warnings(passed, outcome, lang);
    out.extend(near::upstream(&reading.filter, passed, outcome, lang));
    out.extend(near::flag(&reading.filter, passed, lang));
    out
}

pub(super) fn warnings(passed: Passed, outcome: &Outcome, lang: Lang) -> Vec<String> {
    let mut out = Vec::new();
    if outcome.interrupted {
        out.push(say!(
            lang,
            "reading was interrupted: this is the result of what was read",
            "读取被中断：这是已读部分的结果"
        ));
        out.extend(unheard(outcome, lang));
    }
    if passed.untimed > 0 {
        let n = passed.untimed;
        out.push(say!(
            lang,
            "{n} records without a time were left out by --since or --until",
            "{n} 条没有时间的记录被 --since 或 --until 排除"
        ));
    }
    out
}

/// Inputs from which nothing came before the interrupt: pods that do not answer, pipes that nobody writes to.
fn unheard(outcome: &Outcome, lang: Lang) -> Option<String> {
    const LISTED: usize = 5;
    let silent = || outcome.sources.iter().filter(|source| source.bytes == 0).map(|source| &*source.name);
    // A single input is named by what is said of an empty one.
    if outcome.sources.len() == 1 || silent().next().is_none() {
        return None;
    }
    let more = silent().nth(LISTED).map(|_| "…");
    let names = silent().take(LISTED).chain(more).collect::<Vec<_>>().join(lang.comma());
    Some(say!(lang, "nothing came from {names}", "没有收到任何内容：{names}"))
}

/// Says on standard error what could not be read.
pub(super) fn complain(outcome: &Outcome, tongue: Tongue, silent: bool) {
    if !silent {
        outcome.failures.iter().for_each(|failure| tell(&failure.in_lang(tongue.people())));
    }
}

pub(super) fn tell(text: &str) {
    // Names of files may hold anything; nothing can be done when standard error is gone.
    let text = meshwhy::report::escape::terminal(text.as_bytes());
    let _ = writeln!(stderr(), "meshwhy: {text}");
}

fn explained(args: Explain, lang: Lang) -> Result<Exit> {
    let rulebook = rulebook(&args.rules)?.in_lang(lang);
    if let Some(by) = args.list {
        return listed(rulebook.catalog(), by);
    }
    let mut text = without_lang(&args.words).join(" ");
    if text == "-" {
        text.clear();
        let cause = stdin().take(1 << 20).read_to_string(&mut text);
        cause.map_err(|cause| ErrorKind::Read { source: "-".to_owned(), offset: 0, cause })?;
    }
    let colour = screen::colour(When::Auto);
    let palette = screen::palette(&args.wishes)?;
    let view = View { lang, width: screen::width(), colour, palette, ..View::default() };
    let mut out = screen::out(colour);
    let known = pasted(&text, &rulebook, view, &mut out)?
        || explain::explain(text.trim(), rulebook.catalog(), view, &mut out)?;
    out.flush().map_err(ErrorKind::Write)?;
    if known {
        return Ok(Exit::Done);
    }
    let text = text.trim();
    let pages = rulebook.catalog().pages();
    if let Some(near) = near::explained(text, pages.iter().map(|page| &page.head.id[..])) {
        return Err(wrong(both!(
            "nothing is known of {text:?}: is {near:?} meant?",
            "没有关于 {text:?} 的内容：是否指 {near:?}？"
        )));
    }
    Err(wrong(both!(
        "nothing is known of {text:?}; meshwhy catalog causes lists what is",
        "没有关于 {text:?} 的内容；meshwhy catalog causes 列出已有的"
    )))
}

/// The words without a `--lang` behind them: all that follows the first word is one text otherwise.
fn without_lang(words: &[String]) -> &[String] {
    match words {
        [rest @ .., option, name] if option == "--lang" && Lang::named(name).is_some() => rest,
        [rest @ .., option] if option.strip_prefix("--lang=").and_then(Lang::named).is_some() => rest,
        all => all,
    }
}

fn listed(catalog: &Catalog, by: ListBy) -> Result<Exit> {
    let by = match by {
        ListBy::Guide => lists::By::Guide,
        ListBy::Flag => lists::By::Flag,
        ListBy::Symptom => lists::By::Symptom,
    };
    let mut out = screen::out(false);
    lists::write(catalog, by, screen::width(), &mut out)?;
    out.flush().map_err(ErrorKind::Write)?;
    Ok(Exit::Done)
}

/// Log lines given as words: they are triaged, and their flags explained. `false`: there is none.
fn pasted(text: &str, rulebook: &Rulebook, view: View, out: &mut dyn Write) -> Result<bool> {
    let input = Input::Bytes { name: "-".to_owned(), bytes: text.as_bytes().to_vec() };
    let options = Options { threads: 1, ..Options::default() };
    let (summary, passed, outcome) = summarise(&[input], &Reader::new(), &Filter::default(), &options, None)?;
    if passed.access == 0 {
        return Ok(false);
    }
    let diagnosis = rulebook.diagnose(&summary, now_us());
    let report = Report {
        summary: &summary,
        findings: &diagnosis.findings,
        suppressed: &diagnosis.suppressed,
        sources: &sources(&outcome),
        failures: &[],
        warnings: &diagnosis.notes,
        filtered: 0,
        view,
    };
    report::renderer("table")?.render(&report, out)?;
    for (flags, _) in summary.flag_sets.iter() {
        out.write_all(b"\n").map_err(ErrorKind::Write)?;
        explain::flag_meanings(&String::from_utf8_lossy(flags), view, out)?;
    }
    Ok(true)
}

fn catalog(args: &args::Catalog, lang: Lang) -> Result<Exit> {
    let mut out = screen::out(false);
    let view = View { lang, width: screen::width(), ..View::default() };
    let mut exit = Exit::Done;
    match &args.what {
        Shelf::Flags => explain::list_flags(view, &mut out)?,
        Shelf::Details => explain::list_details(view, &mut out)?,
        Shelf::Causes(rules) => {
            let rulebook = rulebook(rules)?.in_lang(lang);
            explain::list_causes(rulebook.catalog(), view.width, &mut out)?;
        }
        Shelf::Formats => explain::list_formats(view, &mut out)?,
        Shelf::Page { id } => {
            let source = Catalog::source(id).ok_or_else(|| {
                wrong(both!(
                    "no cause is called {id:?}; meshwhy catalog causes lists them",
                    "没有名为 {id:?} 的原因；meshwhy catalog causes 列出全部原因"
                ))
            })?;
            out.write_all(source.as_bytes()).map_err(ErrorKind::Write)?;
        }
        Shelf::Check { folder } => exit = check(folder, lang, &mut out)?,
    }
    out.flush().map_err(ErrorKind::Write)?;
    Ok(exit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
