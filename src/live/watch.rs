//! The loop of the full screen: data, keys and findings come as messages; what is shown is drawn at most ten times a second.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use ratatui::crossterm::event;

use super::app::{Action, App, Shown};
use super::board::Board;
use super::causes::{Causes, Diagnosing};
use super::keys::{Key, Meaning, meaning};
use super::pace::Pace;
use super::save::save;
use super::screen::Screen;
use super::{drill, view};
use crate::aggregate::Text;
use crate::diagnosis::Rulebook;
use crate::pipeline::Live;
use crate::report::palette::Palette;
use crate::report::{Report, SourceInfo, Times, View, explain, finding_in_full};
use crate::words::Lang;

/// How often the threads beside the screen look up.
const GLANCE: Duration = Duration::from_millis(100);

/// What happened.
#[derive(Debug)]
pub enum Message {
    /// Something was read.
    Data,
    /// A key was pressed.
    Key(Key),
    /// The terminal has another size, or something else is to be drawn anew.
    Draw,
    /// Keys can no longer be read: the terminal is gone.
    NoKeys,
    /// The findings of now.
    Causes(Box<Causes>),
    /// What became of a report.
    Said(String),
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By the user's wish, or because there is nothing more to come.
    Quit,
    /// By a signal or Ctrl-C.
    Interrupted,
}

/// What the screen needs.
#[derive(Clone, Copy)]
pub struct Setup<'s> {
    /// What is known.
    pub live: &'s Live,
    /// Who knows the causes.
    pub rulebook: &'s Rulebook,
    /// The language of all prose.
    pub lang: Lang,
    /// Colours.
    pub colour: bool,
    /// Which they are.
    pub palette: Palette,
    /// How times are written.
    pub times: Times,
    /// Rows of a table in a saved report.
    pub top: usize,
    /// Set by a signal.
    pub stop: &'s AtomicBool,
}

/// A channel of messages, and what wakes it whenever something was read: once, until the message is taken.
pub fn sender() -> (Sender<Message>, Receiver<Message>, impl Fn() + Send + Sync + 'static, Arc<AtomicBool>) {
    let (sender, receiver) = channel();
    let waiting = Arc::new(AtomicBool::new(false));
    let (own, flag) = (sender.clone(), Arc::clone(&waiting));
    let wake = move || {
        if !flag.swap(true, Ordering::AcqRel) {
            // Nobody listens any more at the end.
            let _ = own.send(Message::Data);
        }
    };
    (sender, receiver, wake, waiting)
}

/// Shows what is known until the user or a signal ends it. The terminal is as before then.
///
/// # Errors
/// The terminal cannot be taken; one that goes away later is an interrupt.
pub fn watch(
    setup: Setup<'_>,
    messages: &Receiver<Message>,
    sender: &Sender<Message>,
    waiting: &AtomicBool,
) -> io::Result<End> {
    let mut screen = Screen::enter()?;
    let over = Arc::new(AtomicBool::new(false));
    let (orders, to_do) = channel();
    // Nobody waits for this thread: where the terminal goes away, reading its keys may never return.
    let (own, ended) = (sender.clone(), Arc::clone(&over));
    thread::spawn(move || read_keys(own, &ended));
    Ok(thread::scope(|scope| {
        let _over = Over(&over);
        let (over, own) = (&over, sender.clone());
        scope.spawn(move || work(setup, &to_do, own, over));
        let mut watching = Watching {
            setup,
            failed: (0, 0),
            app: App::new(setup.lang, setup.times),
            board: Board::default(),
            causes: Causes::default(),
            orders,
            page: None,
        };
        let end = watching.run(&mut screen, messages, waiting);
        // Before the threads are waited for: the terminal is given back at once.
        drop(screen);
        end
    }))
}

/// Tells the threads to end, also when this one panics.
struct Over<'o>(&'o AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the thread's own end")]
fn read_keys(sender: Sender<Message>, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        let event = match event::poll(GLANCE) {
            Ok(false) => continue,
            Ok(true) => event::read(),
            Err(error) => Err(error),
        };
        let message = match event.as_ref().map(meaning) {
            Ok(Meaning::Key(key)) => Message::Key(key),
            Ok(Meaning::Resized) => Message::Draw,
            Ok(Meaning::Nothing) => continue,
            Err(_) => Message::NoKeys,
        };
        let gone = matches!(message, Message::NoKeys);
        if sender.send(message).is_err() || gone {
            return;
        }
    }
}

/// What takes too long to be done between two drawings: diagnoses and reports.
fn work(setup: Setup<'_>, orders: &Receiver<&'static str>, sender: Sender<Message>, over: &AtomicBool) {
    let mut diagnosing = Diagnosing::new(setup.live, setup.rulebook);
    while !over.load(Ordering::Relaxed) {
        if let Some(causes) = diagnosing.step()
            && sender.send(Message::Causes(Box::new(causes))).is_err()
        {
            return;
        }
        match orders.recv_timeout(diagnosing.pause().clamp(Duration::from_millis(50), GLANCE)) {
            Ok(form) => {
                let said = save(setup.live, setup.rulebook, form, setup.lang, setup.top);
                if sender.send(Message::Said(said)).is_err() {
                    return;
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// The title and the lines of a page.
pub(super) type Page = (String, Vec<String>);

/// What a message asks of the drawing.
enum Taken {
    Ends(End),
    /// Somebody waits for it: a failure, or the answer to a key.
    Urgent,
    /// It is shown with the next drawing.
    Calm,
}

struct Watching<'w> {
    setup: Setup<'w>,
    /// Requests that failed, and inputs that go on, as far as is known here.
    failed: (u64, usize),
    app: App,
    board: Board,
    causes: Causes,
    orders: Sender<&'static str>,
    /// The upstream that fills the screen, and its page.
    page: Option<(Option<Text>, Page)>,
}

impl Watching<'_> {
    fn run(&mut self, screen: &mut Screen, messages: &Receiver<Message>, waiting: &AtomicBool) -> End {
        // The first drawing shows what is there, or that nothing is.
        let mut pace = Pace::default();
        let mut urgent = true;
        loop {
            let mut next = messages.recv_timeout(pace.wait(Instant::now(), urgent));
            loop {
                match next {
                    Ok(message) => match self.take(message, waiting) {
                        Taken::Ends(end) => return end,
                        Taken::Urgent => urgent = true,
                        Taken::Calm => {}
                    },
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => return End::Quit,
                }
                next = messages.try_recv().map_err(|_| RecvTimeoutError::Timeout);
            }
            if self.setup.stop.load(Ordering::Relaxed) || Screen::is_broken() {
                return End::Interrupted;
            }
            if pace.wait(Instant::now(), urgent).is_zero() {
                pace.drawn(Instant::now());
                if self.draw(screen).is_err() {
                    return End::Interrupted;
                }
                urgent = false;
            }
        }
    }

    fn take(&mut self, message: Message, waiting: &AtomicBool) -> Taken {
        match message {
            Message::Data => {
                waiting.store(false, Ordering::Release);
                let failed = self.setup.live.look(|known| (known.failed, known.open));
                let news = std::mem::replace(&mut self.failed, failed) != failed;
                return if news { Taken::Urgent } else { Taken::Calm };
            }
            Message::Causes(causes) => {
                if !self.app.paused {
                    self.causes = *causes;
                }
                return Taken::Calm;
            }
            Message::Draw => {}
            Message::NoKeys => return Taken::Ends(End::Interrupted),
            Message::Said(text) => self.app.message = Some(text),
            Message::Key(key) => match self.app.key(key, &self.board, &self.causes) {
                Some(Action::Quit) => return Taken::Ends(End::Quit),
                Some(Action::Interrupt) => return Taken::Ends(End::Interrupted),
                Some(Action::Open(place)) => self.open(place),
                // The worker lives as long as this loop.
                Some(Action::Save(form)) => drop(self.orders.send(form)),
                None => {}
            },
        }
        Taken::Urgent
    }

    fn draw(&mut self, screen: &mut Screen) -> io::Result<()> {
        let (app, lang) = (&mut self.app, self.setup.lang);
        if !app.paused {
            self.board = self.setup.live.look(|known| Board::of(known, &app.asked));
        }
        let (live, paused, times) = (self.setup.live, app.paused, self.setup.times);
        let palette = &self.setup.palette;
        let (board, causes, colour) = (&self.board, &self.causes, self.setup.colour);
        let page = &mut self.page;
        screen.draw(|frame| {
            let width = usize::from(frame.area().width).saturating_sub(1);
            if let Shown::Upstream(upstream) = &app.shown
                && !(paused && page.as_ref().is_some_and(|(shown, _)| shown == upstream))
            {
                let name = upstream.as_deref();
                let lines = live.look(|known| drill::lines(known, name, times, lang, width));
                *page = Some((upstream.clone(), (drill::title(name, lang), lines)));
            }
            let page = page.as_ref().map(|(_, page)| page);
            view::Painter { app, board, causes, page, colour, palette }.draw(frame);
        })
    }

    /// The page of a finding: what is known of it here, and what the catalogue says of the cause.
    fn open(&mut self, place: usize) {
        let Some(cause) = self.causes.list.get(place) else { return };
        let view = View { lang: self.setup.lang, width: 100, times: self.setup.times, ..View::default() };
        let source =
            |name: &String| SourceInfo { name: name.clone(), container: "plain", bytes: 0, lines: 0 };
        let sources: Vec<SourceInfo> = self.board.sources.iter().map(source).collect();
        let mut text = Vec::new();
        let told = self.setup.live.look(|known| {
            let report = Report {
                summary: known.summary(),
                findings: std::slice::from_ref(&cause.finding),
                suppressed: &[],
                sources: &sources,
                failures: &[],
                warnings: &[],
                filtered: 0,
                view,
            };
            finding_in_full(&report, &mut text)
        });
        text.push(b'\n');
        let explained = explain::explain(&cause.finding.id, self.setup.rulebook.catalog(), view, &mut text);
        // Memory takes everything.
        debug_assert!(told.is_ok() && explained.is_ok());
        let lines = String::from_utf8_lossy(&text).lines().map(str::to_owned).collect();
        self.app.show(Shown::Page { title: cause.finding.id.clone(), lines });
    }
}
