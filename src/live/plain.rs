//! The same without a screen: one compact block each interval, for the logs of a pipeline.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::board::{Asked, Board, WINDOWS, Window};
use super::causes::{Causes, State, now};
use super::watch::{End, Message, Setup};
use crate::report::escape::terminal;
use crate::report::units::{count, rate};
use crate::report::{Times, finding_title, shortened};

/// Upstreams, and findings, of one block.
const ROWS: usize = 5;
/// How often a signal is looked for.
const PATIENCE: Duration = Duration::from_millis(100);

/// Writes a block each interval until all inputs have ended or a signal came; `None` writes nothing and only waits.
///
/// # Errors
/// Standard output is gone.
pub fn blocks(
    setup: Setup<'_>,
    messages: &Receiver<Message>,
    waiting: &AtomicBool,
    interval: Duration,
    mut out: Option<&mut dyn Write>,
) -> io::Result<End> {
    let mut next = Instant::now() + interval;
    let (mut causes, mut shown) = (Causes::default(), None);
    loop {
        if setup.stop.load(Ordering::Relaxed) {
            return Ok(End::Interrupted);
        }
        match messages.recv_timeout(PATIENCE.min(next.saturating_duration_since(Instant::now()))) {
            Ok(Message::Data) => waiting.store(false, Ordering::Release),
            Ok(_) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(End::Quit),
        }
        // The last block is the summary itself.
        if setup.live.look(|known| known.open == 0 && !known.sources.is_empty()) {
            return Ok(End::Quit);
        }
        if Instant::now() < next {
            continue;
        }
        next += interval;
        let Some(out) = &mut out else { continue };
        now(setup.live, setup.rulebook, &mut causes);
        let asked = Asked { lang: setup.lang, times: setup.times, ..Asked::default() };
        let board = setup.live.look(|known| Board::of(known, &asked));
        let same = shown == Some(board.version);
        shown = Some(board.version);
        out.write_all(block(&board, &causes, &asked, same).as_bytes())?;
        out.flush()?;
    }
}

/// One block: the totals, the upstreams that fail, the findings that go on. When nothing came since the last one, the
/// first line says so and nothing follows.
fn block(board: &Board, causes: &Causes, asked: &Asked, same: bool) -> String {
    let (lang, times) = (asked.lang, asked.times);
    let written = |us| times.zone().seconds(us);
    let time = board.now_us.map_or_else(|| "-".to_owned(), written);
    if same {
        return say!(lang, "{time}  nothing new\n", "{time}  无新内容\n");
    }
    let mut out = String::new();
    for (side, counts) in &board.totals {
        let windows: Vec<String> = WINDOWS
            .into_iter()
            .map(|window| {
                let counts = counts[window as usize];
                let (requests, failed) = (count(counts.requests()), count(counts.failed()));
                let share = match board.only_failures || counts.requests() == 0 {
                    true => String::new(),
                    false => lang.aside(&rate(counts.failed(), counts.requests())),
                };
                let name = window.name(lang);
                say!(
                    lang,
                    "{name}: {requests} requests, {failed} failed{share}",
                    "{name}：{requests} 个请求，{failed} 个失败{share}"
                )
            })
            .collect();
        let side = if side.is_empty() { String::new() } else { format!("{side}  ") };
        out.push_str(&format!("{time}  {side}{}\n", windows.join(" | ")));
    }
    let failing = board.rows.iter().filter(|row| row.of(Window::Minute).failed() > 0);
    for row in failing.take(ROWS) {
        let counts = row.of(Window::Minute);
        let (name, failed, requests) =
            (shortened(&row.name, 60), count(counts.failed()), count(counts.requests()));
        let flags = row
            .flags
            .ranked()
            .into_iter()
            .take(4)
            .map(|(flag, n)| format!(" {} {}", terminal(flag), count(n)));
        let flags: String = flags.collect();
        let since = row.since_us.map_or_else(
            || "-".to_owned(),
            |us| match times {
                Times::Relative { .. } => times.moment(us, board.now_us),
                _ => written(us),
            },
        );
        out.push_str(&say!(
            lang,
            "  failing  {name}: {failed} of {requests},{flags}, since {since}\n",
            "  失败  {name}：{requests} 个中 {failed} 个，{flags}，自 {since} 起\n"
        ));
    }
    for cause in causes.list.iter().filter(|cause| cause.state == State::Now).take(ROWS) {
        let (word, title) = (cause.finding.severity.word(lang), finding_title(&cause.finding, lang));
        out.push_str(&format!("  {word}  {}\n", shortened(&title, 110)));
    }
    out
}
