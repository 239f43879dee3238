//! `meshwhy --follow`, `meshwhy watch` and `kubectl meshwhy -f`: the live view, then the result as ever.

use std::io::{IsTerminal, Write, stdout};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::thread;
use std::time::Duration;

use meshwhy::live::{End, Message, Setup, blocks, sender, watch};
use meshwhy::pipeline::{Live, Progress, finish, follow as read_on};
use meshwhy::query::duration_ms;
use meshwhy::{Error, ErrorKind, Result, both};

use super::args::{Blocks, Rules, Shape};
use super::exit::Exit;
use super::plan::{Reading, TriagePlan, wrong};
use super::progress::interruptible;
use super::run::conclude;
use super::screen;
use super::tongue::Tongue;

/// Time between two blocks, unless the user says another.
const INTERVAL: Duration = Duration::from_secs(10);

/// Options that mean nothing where nothing is followed.
pub(super) fn refuse_without(args: &Blocks) -> Result<()> {
    let name = match args {
        Blocks { plain: true, .. } => "--plain",
        Blocks { interval: Some(_), .. } => "--interval",
        _ => return Ok(()),
    };
    Err(wrong(both!("{name}: only with --follow", "{name}：只能与 --follow 同用")))
}

fn not_with(name: &str) -> Error {
    wrong(both!("{name}: not with --follow", "{name}：不能与 --follow 同用"))
}

/// Follows the inputs, shows them until the user has seen enough, and leaves the result.
pub(super) fn follow(
    shape: &Shape,
    rules: &Rules,
    args: &Blocks,
    reading: Reading,
    tongue: Tongue,
) -> Result<Exit> {
    let lang = tongue.people();
    let interval = args.interval.as_deref().map_or(Ok(INTERVAL), interval)?;
    let plan = TriagePlan::of(shape, rules, reading)?;
    let Some(renderer) = plan.renderer else { return Err(not_with("--output snapshot")) };
    if plan.reading.state.is_some() {
        return Err(not_with("--state"));
    }
    let rulebook = plan.rulebook.clone().in_lang(lang);
    let progress = interruptible(shape.output_file.as_deref());
    let (sending, messages, wake, waiting) = sender();
    let live = Live::new(wake);
    let setup = Setup {
        live: &live,
        rulebook: &rulebook,
        lang,
        colour: screen::colour(shape.colour.when),
        palette: plan.palette,
        times: plan.times,
        top: plan.top,
        stop: &progress.stop,
    };
    let is_table = renderer.name() == "table";
    let full = is_table && !args.plain && stdout().is_terminal();
    if full {
        end_with_the_screen(progress);
    }
    let (end, outcome) = thread::scope(|scope| {
        // The reading ends with the showing, also when that panics.
        let stop = Stop(progress);
        let reading = scope.spawn(|| {
            let Reading { inputs, reader, filter, options, .. } = &plan.reading;
            read_on(inputs, reader, filter, &plan.by, options, progress, &live)
        });
        let shown = show(full, is_table, setup, &messages, &sending, &waiting, interval);
        let interrupted = progress.stop.load(Ordering::Relaxed);
        drop(stop);
        let outcome = reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let end = shown.map(|end| if interrupted { End::Interrupted } else { end });
        (end, outcome)
    });
    let (end, mut outcome) = (end?, outcome?);
    // To have seen enough is no interrupt.
    outcome.interrupted = end == End::Interrupted;
    let followed = finish(&live);
    conclude(shape, &plan, renderer, &followed.summary, followed.passed, &outcome, tongue)
}

fn show(
    full: bool,
    is_table: bool,
    setup: Setup<'_>,
    messages: &Receiver<Message>,
    sending: &Sender<Message>,
    waiting: &AtomicBool,
    interval: Duration,
) -> Result<End> {
    if full {
        // Without keys there is no way out of a full screen.
        if let Ok(end) = watch(setup, messages, sending, waiting) {
            return Ok(end);
        }
    }
    let mut out = stdout();
    // Other outputs are one document, at the end.
    let out: Option<&mut dyn Write> = if is_table { Some(&mut out) } else { None };
    Ok(blocks(setup, messages, waiting, interval, out).map_err(ErrorKind::Write)?)
}

fn interval(text: &str) -> Result<Duration> {
    duration_ms(text).filter(|ms| *ms >= 100).map(Duration::from_millis).ok_or_else(|| {
        wrong(both!(
            "--interval: {text:?}: a duration of 100ms or more is expected, such as 10s",
            "--interval：{text:?}：应为 100ms 以上的时长，如 10s"
        ))
    })
}

/// Ends the reading when dropped.
struct Stop<'p>(&'p Progress);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }
}

/// A screen that goes away ends the view like an interrupt. Where there is none, a hang-up is what it is anywhere else.
#[cfg(unix)]
fn end_with_the_screen(progress: &'static Progress) {
    use signal_hook::consts::SIGHUP;
    let gone = std::sync::Arc::new(AtomicBool::new(false));
    // Without a handler a signal ends the program at once, as it does everywhere else.
    let _ = signal_hook::flag::register(SIGHUP, std::sync::Arc::clone(&gone));
    thread::spawn(move || {
        while !gone.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(50));
        }
        progress.stop.store(true, Ordering::Relaxed);
    });
}

#[cfg(not(unix))]
fn end_with_the_screen(_progress: &'static Progress) {}
