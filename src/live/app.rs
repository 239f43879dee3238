//! What is shown, and how: changed by keys, never by data.

use super::board::{Asked, Board, Row, Window};
use super::causes::Causes;
use super::keys::Key;
use crate::aggregate::Text;
use crate::arrange::Arrange;
use crate::report::Times;
use crate::words::Lang;

/// Characters of a filter; more is no name.
const FILTER: usize = 100;

/// What stands first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// Most failures in the last minute, then in the longer windows.
    #[default]
    Failed,
    /// The highest rate of failures, in the same order.
    Rate,
    /// Most requests.
    Requests,
    /// What began to fail last.
    Since,
    /// By name.
    Name,
}

const SORTS: [Sort; 5] = [Sort::Failed, Sort::Rate, Sort::Requests, Sort::Since, Sort::Name];

impl Sort {
    fn next(self) -> Sort {
        let at = SORTS.iter().position(|sort| *sort == self).unwrap_or(0);
        SORTS[(at + 1) % SORTS.len()]
    }

    /// Its name on the screen.
    pub fn name(self, lang: Lang) -> &'static str {
        match self {
            Sort::Failed => lang.pick("failures", "失败数"),
            Sort::Rate => lang.pick("rate", "失败率"),
            Sort::Requests => lang.pick("requests", "请求数"),
            Sort::Since => lang.pick("newest trouble", "最新故障"),
            Sort::Name => lang.pick("name", "名称"),
        }
    }

    pub(super) fn sort(self, rows: &mut [Row]) {
        let failed = |row: &Row| row.counts.map(|counts| counts.failed());
        let requests = |row: &Row| row.counts.map(|counts| counts.requests());
        let permille = |row: &Row| row.counts.map(|c| c.failed() * 1000 / c.requests().max(1));
        rows.arrange_by(|a, b| {
            let order = match self {
                // When trouble began is worked out later, for the rows that have some.
                Sort::Failed | Sort::Since => {
                    failed(b).cmp(&failed(a)).then_with(|| requests(b).cmp(&requests(a)))
                }
                Sort::Rate => permille(b).cmp(&permille(a)).then_with(|| failed(b).cmp(&failed(a))),
                Sort::Requests => requests(b).cmp(&requests(a)),
                Sort::Name => std::cmp::Ordering::Equal,
            };
            order.then_with(|| a.name.cmp(&b.name))
        });
    }
}

/// What fills the screen.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Shown {
    /// The board.
    #[default]
    Main,
    /// One upstream.
    Upstream(Option<Text>),
    /// Text, such as a finding's page.
    Page {
        /// What it is.
        title: String,
        /// Its lines, harmless.
        lines: Vec<String>,
    },
    /// The keys.
    Help,
}

/// What the last line asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prompt {
    /// Names to be shown.
    Filter,
    /// The form of a report.
    Save,
}

/// Which list the arrows move in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Focus {
    /// The upstreams.
    #[default]
    Upstreams,
    /// The findings.
    Findings,
}

/// What a key asks for beyond the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// The end, with the summary.
    Quit,
    /// The end, as by a signal.
    Interrupt,
    /// A report in this form.
    Save(&'static str),
    /// The page of a finding, by its place.
    Open(usize),
}

/// The state of the screen.
#[derive(Debug, Clone, Default)]
pub struct App {
    /// What fills the screen.
    pub shown: Shown,
    /// How rows are asked for.
    pub asked: Asked,
    /// Which list the arrows move in.
    pub focus: Focus,
    /// What the last line asks for.
    pub prompt: Option<Prompt>,
    /// The screen stands still; the counting goes on.
    pub paused: bool,
    /// The upstream chosen, by name: rows move about.
    chosen: Option<Option<Text>>,
    /// The finding chosen.
    pub finding: usize,
    /// Lines scrolled.
    pub scroll: usize,
    /// What is said in the last line.
    pub message: Option<String>,
    /// The filter before it was edited.
    before: String,
}

impl App {
    /// At the beginning, in a language, with times so written.
    pub fn new(lang: Lang, times: Times) -> App {
        App { asked: Asked { lang, times, ..Asked::default() }, ..App::default() }
    }

    /// The place of the row chosen; the first one until another is.
    pub fn row(&self, board: &Board) -> usize {
        let place = |chosen: &Option<Text>| board.rows.iter().position(|row| row.upstream == *chosen);
        self.chosen.as_ref().and_then(place).unwrap_or(0)
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key, board: &Board, causes: &Causes) -> Option<Action> {
        if key == Key::Interrupt {
            return Some(Action::Interrupt);
        }
        self.message = None;
        match self.prompt {
            Some(Prompt::Filter) => {
                self.edit(key);
                return None;
            }
            Some(Prompt::Save) => {
                self.prompt = None;
                return match key {
                    Key::Char('m') => Some(Action::Save("markdown")),
                    Key::Char('h') => Some(Action::Save("html")),
                    Key::Char('j') => Some(Action::Save("json")),
                    _ => None,
                };
            }
            None => {}
        }
        match key {
            Key::Char('q') => return Some(Action::Quit),
            Key::Char('p' | ' ') => self.paused = !self.paused,
            Key::Char('w') => self.prompt = Some(Prompt::Save),
            Key::Char('?') if self.shown == Shown::Help => self.back(),
            Key::Char('?') => self.show(Shown::Help),
            Key::Escape => self.back(),
            _ => return self.key_of(key, board, causes),
        }
        None
    }

    /// Keys whose meaning depends on what fills the screen.
    fn key_of(&mut self, key: Key, board: &Board, causes: &Causes) -> Option<Action> {
        if self.shown != Shown::Main {
            self.scroll_by(key);
            return None;
        }
        match key {
            Key::Char('s') => self.asked.sort = self.asked.sort.next(),
            Key::Char('1') => self.asked.window = Window::Minute,
            Key::Char('5') => self.asked.window = Window::Five,
            Key::Char('a' | '0') => self.asked.window = Window::All,
            Key::Char('/') => {
                self.before.clone_from(&self.asked.filter);
                self.prompt = Some(Prompt::Filter);
            }
            Key::Tab | Key::Char('f') => {
                self.focus = match self.focus {
                    Focus::Upstreams if !causes.list.is_empty() => Focus::Findings,
                    _ => Focus::Upstreams,
                };
            }
            Key::Enter => match self.focus {
                Focus::Findings if self.finding < causes.list.len() => {
                    return Some(Action::Open(self.finding));
                }
                _ => {
                    let row = board.rows.get(self.row(board));
                    if let Some(row) = row {
                        self.show(Shown::Upstream(row.upstream.clone()));
                    }
                }
            },
            key => self.choose(key, board, causes),
        }
        None
    }

    fn choose(&mut self, key: Key, board: &Board, causes: &Causes) {
        match self.focus {
            Focus::Findings => {
                let last = causes.list.len().saturating_sub(1);
                self.finding = moved(self.finding.min(last), key, last);
            }
            Focus::Upstreams => {
                let at = moved(self.row(board), key, board.rows.len().saturating_sub(1));
                self.chosen = board.rows.get(at).map(|row| row.upstream.clone());
            }
        }
    }

    fn scroll_by(&mut self, key: Key) {
        // Where the text ends is known when it is drawn.
        self.scroll = moved(self.scroll, key, usize::MAX - PAGE);
    }

    fn edit(&mut self, key: Key) {
        let filter = &mut self.asked.filter;
        match key {
            Key::Char(c) if filter.chars().count() < FILTER && !c.is_control() => filter.push(c),
            Key::Backspace => drop(filter.pop()),
            Key::Enter => self.prompt = None,
            Key::Escape => {
                std::mem::swap(filter, &mut self.before);
                self.prompt = None;
            }
            _ => {}
        }
    }

    /// Shows something else.
    pub fn show(&mut self, shown: Shown) {
        (self.shown, self.scroll) = (shown, 0);
    }

    /// One step back: from a page to the board; on the board, to everything.
    fn back(&mut self) {
        if self.shown == Shown::Main {
            self.asked.filter.clear();
            self.focus = Focus::Upstreams;
        }
        self.show(Shown::Main);
    }
}

/// Rows of a page, about.
const PAGE: usize = 10;

fn moved(at: usize, key: Key, last: usize) -> usize {
    match key {
        Key::Up | Key::Char('k') => at.saturating_sub(1),
        Key::Down | Key::Char('j') => (at + 1).min(last),
        Key::PageUp | Key::Char('b') => at.saturating_sub(PAGE),
        Key::PageDown => (at + PAGE).min(last),
        Key::Home | Key::Char('g') => 0,
        Key::End | Key::Char('G') => last,
        _ => at,
    }
}
