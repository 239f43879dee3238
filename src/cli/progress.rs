//! A progress bar on standard error, for inputs that take longer than a glance.

use std::io::IsTerminal;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use meshwhy::pipeline::Progress;
use meshwhy::words::Lang;

/// How far this run is; one program reads one set of inputs.
static PROGRESS: Progress = Progress::new();

/// The progress of this run. An interrupt ends the reading, and the result of what was read is shown; a second one
/// ends the program, for a reader may wait for bytes that never come.
pub(super) fn interruptible() -> &'static Progress {
    #[expect(clippy::exit, reason = "the second interrupt must not wait for anything")]
    let handler = || {
        if PROGRESS.stop.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    };
    // Without a handler an interrupt ends the program at once, as it does everywhere else.
    let _ = ctrlc::set_handler(handler);
    &PROGRESS
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
