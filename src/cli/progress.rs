//! A progress bar on standard error, for inputs that take longer than a glance.

use std::io::IsTerminal;
#[cfg(unix)]
use std::io::Read;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, channel};
#[cfg(unix)]
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize},
};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use meshwhy::pipeline::Progress;
use meshwhy::words::Lang;

/// How far this run is; one program reads one set of inputs.
static PROGRESS: Progress = Progress::new();

/// The progress of this run. An interrupt, or a polite request to end, ends the reading, and the result of what was read
/// is shown; a second one ends the program, for a reader may wait for bytes that never come. `file` is where the result goes,
/// when that is not standard output.
pub(super) fn interruptible(file: Option<&Path>) -> &'static Progress {
    // Without a handler a signal does what it does everywhere else.
    let _ = listen(file.is_some());
    &PROGRESS
}

/// A handler may do next to nothing: it notes the signal, and wakes a thread through a pipe.
#[cfg(unix)]
fn listen(to_file: bool) -> std::io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::{flag, low_level};
    let which = Arc::new(AtomicUsize::new(0));
    let (mut woken, wake) = std::io::pipe()?;
    for signal in [SIGINT, SIGTERM] {
        flag::register_usize(signal, Arc::clone(&which), signal as usize)?;
        low_level::pipe::register(signal, wake.try_clone()?)?;
    }
    // A terminal that goes away takes nothing with it that is written elsewhere: who gave it may come back for the result.
    if to_file || !std::io::stdout().is_terminal() {
        flag::register(SIGHUP, Arc::new(AtomicBool::new(false)))?;
    }
    let heed = move || {
        while woken.read_exact(&mut [0]).is_ok() {
            stop(which.load(Ordering::Relaxed));
        }
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(heed)?;
    Ok(())
}

#[cfg(not(unix))]
fn listen(_to_file: bool) -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(|| stop(2))
}

#[expect(clippy::exit, reason = "the second signal must not wait for anything")]
fn stop(signal: usize) {
    if PROGRESS.stop.swap(true, Ordering::Relaxed) {
        meshwhy::live::restore();
        // As a shell tells of a program that a signal has ended.
        std::process::exit(128 + signal as i32);
    }
}

/// Nothing is shown before this: most inputs are read by then.
const PATIENCE: Duration = Duration::from_millis(800);
const TICK: Duration = Duration::from_millis(100);

/// Does the work, with a bar when it is wanted and somebody sees it.
pub(super) fn watched<T: Send>(
    wanted: bool,
    lang: Lang,
    progress: &Progress,
    work: impl FnOnce() -> T + Send,
) -> T {
    if !wanted || !std::io::stderr().is_terminal() {
        return work();
    }
    std::thread::scope(|scope| {
        let (done, is_done) = channel::<()>();
        scope.spawn(move || {
            if is_done.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            let bar = bar();
            while is_done.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                show(&bar, lang, progress);
            }
            bar.finish_and_clear();
        });
        let result = work();
        drop(done);
        result
    })
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::no_length();
    bar.set_draw_target(ProgressDrawTarget::stderr());
    bar
}

fn show(bar: &ProgressBar, lang: Lang, progress: &Progress) {
    let total = progress.total.load(Ordering::Relaxed);
    let template = match total {
        0 => lang.pick("{spinner} {bytes} read, {bytes_per_sec}", "{spinner} 已读 {bytes}，{bytes_per_sec}"),
        _ => lang.pick(
            "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
            "{bar:30} {bytes} / {total_bytes}，{bytes_per_sec}，剩余 {eta}",
        ),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    if total > 0 {
        bar.set_length(total);
    }
    bar.set_position(progress.read.load(Ordering::Relaxed));
}
