//! The drawing: a board, findings and the state of the screen become cells of a terminal.
//!
//! The first two lines say which upstream fails, how, since when and why; the rest is the proof, as much as fits. Every
//! text of a log has been made harmless before it comes here, and is clipped by the columns that it takes.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::app::{App, Focus, Prompt, Shown};
use super::board::{Board, TREND, WINDOWS, Window};
use super::causes::{Cause, Causes, State};
use super::help::help;
use super::table;
use super::text::{block, broken, clipped, failure};
use super::tone::Tone;
use super::watch::Page;
use crate::diagnosis::Severity;
use crate::report::escape::terminal;
use crate::report::palette::Palette;
use crate::report::units::{confidence, count, duration, rate};
use crate::report::{finding_title, shortened};
use crate::words::Lang;

/// Below this the headline has no words, only what they are about.
const NARROW: usize = 60;

/// Everything that is drawn.
pub(super) struct Painter<'p> {
    pub(super) app: &'p mut App,
    pub(super) board: &'p Board,
    pub(super) causes: &'p Causes,
    /// Title and lines of what fills the screen instead of the board.
    pub(super) page: Option<&'p Page>,
    pub(super) colour: bool,
    pub(super) palette: &'p Palette,
}

/// Lines one below the other, as long as there is room.
struct Pen<'b> {
    buffer: &'b mut Buffer,
    area: Rect,
    y: u16,
}

impl Pen<'_> {
    fn line(&mut self, line: &Line<'_>) {
        if self.y < self.area.bottom() && self.area.width > 0 {
            self.buffer.set_line(self.area.x, self.y, line, self.area.width);
        }
        self.y = self.y.saturating_add(1);
    }

    fn style(&mut self, y: u16, style: Style) {
        if y < self.area.bottom() {
            self.buffer.set_style(Rect { y, height: 1, ..self.area }, style);
        }
    }
}

/// Lines of the main screen: how many for each part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Plan {
    totals: usize,
    trend: bool,
    rows: usize,
    causes: usize,
    failures: usize,
}

impl Plan {
    /// The board's lines: title, headline (2), totals, sparklines, the table, findings, failures, keys. What proves least
    /// goes first when there is little room.
    fn of(height: usize, totals: usize, rows: usize, causes: usize, failures: usize) -> Plan {
        // Title, headline, the head of the table and the keys stand always.
        let mut left = height.saturating_sub(5);
        let totals = if height >= 9 { totals.min(left) } else { 0 };
        left -= totals;
        let trend = height >= 18;
        left = left.saturating_sub(if trend { 2 } else { 0 });
        // Each list has a head of its own.
        let heads = |n: usize| if n > 0 { n + 1 } else { 0 };
        let mut plan = Plan { totals, trend, rows: rows.min(left), causes: 0, failures: 0 };
        if left >= 3 && causes > 0 {
            plan.rows = rows.min(left / 2).max(1);
            let room = left - plan.rows - 1;
            plan.causes = causes.min(if left >= 12 { room / 2 } else { room }).max(1);
        }
        left = left.saturating_sub(plan.rows + heads(plan.causes));
        if left >= 3 && failures > 0 {
            plan.failures = failures.min(left - 1);
            left -= plan.failures + 1;
        }
        // What is left over goes to the tables.
        let more = rows.saturating_sub(plan.rows).min(left);
        plan.rows += more;
        plan.causes += causes.saturating_sub(plan.causes).min(if plan.causes > 0 { left - more } else { 0 });
        plan
    }
}

impl Painter<'_> {
    pub(super) fn draw(mut self, frame: &mut Frame<'_>) {
        let area = frame.area();
        let mut pen = Pen { buffer: frame.buffer_mut(), area, y: area.y };
        let shown = self.app.shown.clone();
        match shown {
            Shown::Main => self.main(&mut pen),
            Shown::Upstream(_) => {
                if let Some((title, lines)) = self.page {
                    self.page(title, lines, &mut pen);
                }
            }
            Shown::Page { title, lines } => self.page(&title, &lines, &mut pen),
            Shown::Help => {
                let lang = self.lang();
                self.page(lang.pick("keys", "按键"), &help(lang), &mut pen);
            }
        }
        if area.height > 1 {
            pen.y = area.bottom() - 1;
            let last = self.last_line(usize::from(area.width));
            pen.buffer.set_style(Rect { y: pen.y, height: 1, ..area }, Style::reset());
            blank(&mut pen);
            pen.line(&last);
        }
    }

    fn lang(&self) -> Lang {
        self.app.asked.lang
    }

    fn style(&self, tone: Tone) -> Style {
        tone.style(self.palette, self.colour)
    }

    fn tinted(&self, tone: Tone, text: impl Into<String>) -> Span<'static> {
        Span::styled(text.into(), self.style(tone))
    }

    fn moment(&self, us: i64) -> String {
        self.app.asked.times.moment(us, self.board.now_us)
    }

    fn main(&mut self, pen: &mut Pen<'_>) {
        let (width, height) = (usize::from(pen.area.width), usize::from(pen.area.height));
        let board = self.board;
        let causes = &self.causes.list;
        let plan = Plan::of(height, board.totals.len(), board.rows.len(), causes.len(), board.failures.len());
        pen.line(&self.title(width));
        for line in self.headline(width) {
            pen.line(&line);
        }
        for (side, counts) in board.totals.iter().take(plan.totals) {
            pen.line(&self.totals(side, counts, width));
        }
        if plan.trend {
            self.trend(width).iter().for_each(|line| pen.line(line));
        }
        self.table(&plan, width, pen);
        if plan.causes > 0 {
            self.causes(&plan, width, pen);
        }
        if plan.failures > 0 {
            let lang = self.lang();
            pen.line(&Line::from(self.tinted(Tone::Dim, lang.pick("LAST FAILURES", "最近的失败"))));
            for failure in board.failures.iter().take(plan.failures) {
                pen.line(&Line::from(shortened(
                    &self::failure(failure, self.app.asked.times, board.now_us, Some(lang)),
                    width,
                )));
            }
        }
    }

    /// What is followed, what time it is there, and what state the screen is in.
    fn title(&self, width: usize) -> Line<'static> {
        let (board, lang) = (self.board, self.lang());
        let time =
            board.now_us.map_or(String::new(), |us| format!("  {}", self.app.asked.times.zone().clock(us)));
        let what = match &board.sources[..] {
            [] => String::new(),
            [one] if one == "-" => lang.pick("standard input", "标准输入").to_owned(),
            [one] => shortened(&terminal(one.as_bytes()), 40),
            many => {
                let n = many.len();
                say!(lang, "{n} inputs", "{n} 个输入")
            }
        };
        let mut spans = vec![self.tinted(Tone::Strong, "meshwhy"), Span::raw(format!("{time}  {what}"))];
        let mut tell = |tone: Tone, text: String| {
            spans.push(Span::raw("  "));
            spans.push(self.tinted(tone, text));
        };
        if self.app.paused {
            tell(Tone::Chosen, lang.pick(" PAUSED ", " 已暂停 ").to_owned());
        }
        if board.open == 0 && !board.sources.is_empty() {
            tell(Tone::Strong, lang.pick("(ended)", "（已结束）").to_owned());
        }
        if !self.app.asked.filter.is_empty() {
            let filter = terminal(self.app.asked.filter.as_bytes());
            let n = board.matching;
            tell(Tone::Warning, say!(lang, "filter: {filter} ({n})", "过滤：{filter}（{n}）"));
        }
        if let Some(unread) = board.unread.last() {
            tell(Tone::Warning, terminal(unread.as_bytes()));
        }
        clipped(spans, width)
    }

    /// Which upstream fails, how, since when; and why.
    fn headline(&self, width: usize) -> [Line<'static>; 2] {
        let (board, lang) = (self.board, self.lang());
        let Some(row) = &board.worst else {
            let (tone, text) = match board.lines {
                (0, _) => (Tone::Dim, lang.pick("waiting for the first line", "等待第一行").to_owned()),
                (n, 0) => {
                    let n = count(n);
                    let text = say!(
                        lang,
                        "{n} lines, and no access-log record yet",
                        "已读 {n} 行，尚无访问日志记录"
                    );
                    (Tone::Warning, text)
                }
                _ => (
                    Tone::Good,
                    lang.pick("All fine: no request failed", "一切正常：没有失败的请求").to_owned(),
                ),
            };
            return [Line::from(self.tinted(tone, shortened(&text, width))), Line::default()];
        };
        let window = row.failing().unwrap_or_default();
        let counts = row.of(window);
        let (failed, requests) = (count(counts.failed()), count(counts.requests()));
        let share = match board.only_failures {
            true => String::new(),
            false => lang.aside(&rate(counts.failed(), counts.requests())),
        };
        let flags = row
            .flags
            .ranked()
            .into_iter()
            .take(3)
            .map(|(flag, n)| format!("{} {}", terminal(flag), count(n)));
        let mut flags: Vec<String> = flags.collect();
        if counts.of(crate::record::Outcome::AppError) > 0 {
            let n = count(counts.of(crate::record::Outcome::AppError));
            flags.push(say!(lang, "APP {n}", "应用 {n}"));
        }
        let flags = if flags.is_empty() { String::new() } else { format!(" · {}", flags.join(" ")) };
        let ago = |us: i64| match board.now_us.map(|now| now - us) {
            Some(us @ 1_000_000..) => lang.aside(&duration((us / 1_000_000 * 1000).unsigned_abs())),
            _ => String::new(),
        };
        let since = row.since_us.map_or(String::new(), |us| {
            let (clock, ago) = (self.moment(us), ago(us));
            say!(lang, " · since {clock}{ago}", " · 自 {clock} 起{ago}")
        });
        let name = shortened(&row.name, (width / 2).max(16));
        if width < NARROW {
            let flag = row.flags.top().map_or(String::new(), |(flag, _)| format!(" {}", terminal(flag)));
            let since = row.since_us.map_or(String::new(), |us| format!(" {}", self.moment(us)));
            let tone = if window == Window::Minute { Tone::Bad } else { Tone::Warning };
            let first =
                vec![self.tinted(tone, name), Span::raw(format!(" {failed}/{requests}{flag}{since}"))];
            return [clipped(first, width), self.why(row.upstream.as_deref(), width)];
        }
        let (word, tone, what) = match window {
            Window::Minute => (
                lang.pick("FAILING", "正在失败"),
                Tone::Bad,
                say!(
                    lang,
                    "{failed} of {requests} failed{share}",
                    "{requests} 个请求中 {failed} 个失败{share}"
                ),
            ),
            Window::Five => (
                lang.pick("quiet for a minute", "一分钟内无失败"),
                Tone::Warning,
                say!(
                    lang,
                    "{failed} of {requests} failed{share} in 5 min",
                    "5 分钟内 {requests} 个请求中 {failed} 个失败{share}"
                ),
            ),
            Window::All => (
                lang.pick("quiet for 5 minutes", "五分钟内无失败"),
                Tone::Good,
                say!(
                    lang,
                    "{failed} of {requests} failed{share} in all",
                    "总计 {requests} 个请求中 {failed} 个失败{share}"
                ),
            ),
        };
        let first = vec![
            self.tinted(tone, format!("{word}  ")),
            self.tinted(Tone::Strong, name),
            Span::raw(format!("  {what}{since}{flags}")),
        ];
        [clipped(first, width), self.why(row.upstream.as_deref(), width)]
    }

    fn why(&self, upstream: Option<&[u8]>, width: usize) -> Line<'static> {
        let lang = self.lang();
        let why = lang.pick("why: ", "原因：");
        if let Some(cause) = self.causes.of(upstream) {
            let sure = confidence(cause.finding.confidence);
            let sure = say!(lang, " ({sure} sure)", "（置信度 {sure}）");
            let title = terminal(cause.finding.title.as_bytes());
            return clipped(vec![self.tinted(Tone::Dim, why), Span::raw(format!("{title}{sure}"))], width);
        }
        let details = self.board.details(upstream).unwrap_or_default();
        let text = if details.is_empty() { String::new() } else { format!("{why}{details}") };
        clipped(vec![self.tinted(Tone::Dim, text)], width)
    }

    fn totals(&self, side: &str, counts: &[crate::aggregate::Counts; 3], width: usize) -> Line<'static> {
        let lang = self.lang();
        let mut spans = Vec::new();
        if !side.is_empty() {
            spans.push(self.tinted(Tone::Dim, format!("{side}  ")));
        }
        spans.push(self.tinted(Tone::Dim, lang.pick("failed in ", "失败：")));
        for (at, window) in WINDOWS.into_iter().enumerate() {
            let counts = counts[window as usize];
            let (requests, failed) = (count(counts.requests()), count(counts.failed()));
            let share = match self.board.only_failures || counts.requests() == 0 {
                true => String::new(),
                false => lang.aside(&rate(counts.failed(), counts.requests())),
            };
            if at > 0 {
                spans.push(self.tinted(Tone::Dim, " │ "));
            }
            spans.push(self.tinted(Tone::Dim, format!("{} ", window.name(lang))));
            let tone = if counts.failed() > 0 && window == Window::Minute { Tone::Bad } else { Tone::Plain };
            let text = say!(lang, "{failed} of {requests}{share}", "{failed} / {requests}{share}");
            spans.push(self.tinted(tone, text));
        }
        clipped(spans, width)
    }

    /// Requests and failures of the last minutes, each against its own peak.
    fn trend(&self, width: usize) -> [Line<'static>; 2] {
        let lang = self.lang();
        let room = width.saturating_sub(32).clamp(4, TREND);
        let trend = &self.board.trend[self.board.trend.len().saturating_sub(room)..];
        let labels = lang.pick(["requests", "failures"], ["请求", "失败"]);
        let one = |label: &str, tone: Tone, of: &dyn Fn(&(u64, u64)) -> u64| {
            let peak = trend.iter().map(of).max().unwrap_or(0);
            let blocks: String = trend.iter().map(|cell| block(of(cell), peak)).collect();
            let pad = " ".repeat(9_usize.saturating_sub(label.width()));
            let peak = count(peak);
            let tail = say!(lang, "  peak {peak} in 5 s", "  峰值 {peak} / 5 秒");
            let spans = vec![
                self.tinted(Tone::Dim, format!("{label}{pad}")),
                self.tinted(tone, blocks),
                self.tinted(Tone::Dim, tail),
            ];
            clipped(spans, width)
        };
        [one(labels[0], Tone::Plain, &|cell| cell.0), one(labels[1], Tone::Bad, &|cell| cell.1)]
    }

    fn table(&self, plan: &Plan, width: usize, pen: &mut Pen<'_>) {
        let chosen = self.app.row(self.board);
        let first = first_shown(chosen, plan.rows, self.board.rows.len());
        let rows = self.board.rows.get(first..).unwrap_or_default();
        let rows = &rows[..rows.len().min(plan.rows)];
        let lines = table::lines(self.board, rows, &self.app.asked, width);
        for (at, (text, failing)) in lines.into_iter().enumerate() {
            let y = pen.y;
            let tone = match at {
                0 => Tone::Dim,
                _ if failing => Tone::Plain,
                _ => Tone::Dim,
            };
            pen.line(&Line::from(self.tinted(tone, text)));
            if at > 0 && first + at - 1 == chosen && self.app.focus == Focus::Upstreams {
                pen.style(y, self.style(Tone::Chosen));
            }
        }
    }

    fn causes(&self, plan: &Plan, width: usize, pen: &mut Pen<'_>) {
        let (lang, list) = (self.lang(), &self.causes.list);
        let now = list.iter().filter(|cause| cause.state == State::Now).count();
        let all = list.len();
        let head = say!(lang, "FINDINGS  {now} now of {all}", "诊断  共 {all} 项，当前 {now} 项");
        pen.line(&Line::from(self.tinted(Tone::Dim, head)));
        let chosen = self.app.finding.min(all.saturating_sub(1));
        let focused = self.app.focus == Focus::Findings;
        let first = if focused { first_shown(chosen, plan.causes, all) } else { 0 };
        for (at, cause) in list.iter().enumerate().skip(first).take(plan.causes) {
            let y = pen.y;
            pen.line(&self.cause(cause, width));
            if focused && at == chosen {
                pen.style(y, self.style(Tone::Chosen));
            }
        }
    }

    fn cause(&self, cause: &Cause, width: usize) -> Line<'static> {
        let (lang, finding) = (self.lang(), &cause.finding);
        let over = cause.state == State::Over;
        let tone = match finding.severity {
            _ if cause.state != State::Now => Tone::Dim,
            Severity::Critical => Tone::Bad,
            Severity::Warning => Tone::Warning,
            Severity::Note => Tone::Dim,
        };
        let clock = |us: Option<i64>| us.map_or_else(|| "-".to_owned(), |us| self.moment(us));
        let (since, last) = (clock(cause.since_us), clock(finding.span.last_us()));
        let when = match cause.state {
            State::Now => say!(lang, "since {since}", "自 {since} 起"),
            State::Fading | State::Over => say!(lang, "until {last}", "至 {last} 止"),
        };
        let fresh = if cause.fresh { lang.pick("NEW ", "新 ") } else { "" };
        let load =
            if finding.requests > 0 { format!("{}  ", count(finding.requests)) } else { String::new() };
        let tail = if width < NARROW { String::new() } else { format!("  {load}{when}") };
        let word = finding.severity.word(lang);
        let pad = " ".repeat(9_usize.saturating_sub(word.width()));
        let room = width.saturating_sub(tail.width() + fresh.width() + word.width() + pad.len());
        let title = shortened(&finding_title(finding, lang), room.max(12));
        let gap = " ".repeat(room.saturating_sub(title.width()));
        let spans = vec![
            self.tinted(tone, format!("{word}{pad}")),
            self.tinted(Tone::Strong, fresh),
            self.tinted(if over { Tone::Dim } else { Tone::Plain }, title),
            Span::raw(gap),
            self.tinted(Tone::Dim, tail),
        ];
        clipped(spans, width)
    }

    /// Text that fills the screen, and scrolls.
    fn page(&mut self, title: &str, lines: &[String], pen: &mut Pen<'_>) {
        let (width, height) = (usize::from(pen.area.width), usize::from(pen.area.height));
        let lines: Vec<String> =
            lines.iter().flat_map(|line| broken(&terminal(line.as_bytes()), width)).collect();
        let room = height.saturating_sub(2);
        self.app.scroll = self.app.scroll.min(lines.len().saturating_sub(room));
        let paused = if self.app.paused { self.lang().pick("  PAUSED", "  已暂停") } else { "" };
        pen.line(&clipped(vec![self.tinted(Tone::Strong, format!("{title}{paused}"))], width));
        for line in lines.iter().skip(self.app.scroll).take(room) {
            pen.line(&Line::from(line.as_str()));
        }
    }

    /// The keys, or what is asked or said.
    fn last_line(&self, width: usize) -> Line<'static> {
        let lang = self.lang();
        if let Some(text) = &self.app.message {
            return clipped(vec![self.tinted(Tone::Strong, terminal(text.as_bytes()))], width);
        }
        let text = match (self.app.prompt, &self.app.shown) {
            (Some(Prompt::Filter), _) => {
                let filter = terminal(self.app.asked.filter.as_bytes());
                say!(
                    lang,
                    "show upstreams with: {filter}▏ (Enter, Esc)",
                    "只显示上游：{filter}▏（Enter、Esc）"
                )
            }
            (Some(Prompt::Save), _) => lang
                .pick(
                    "save a report as: m Markdown · h HTML · j JSON · Esc",
                    "保存报告为：m Markdown · h HTML · j JSON · Esc",
                )
                .to_owned(),
            (None, Shown::Main) => {
                let sort = self.app.asked.sort.name(lang);
                say!(
                    lang,
                    "q quit · ? help · ↑↓ Enter open · Tab findings · / filter · p pause · w save · s sort: {sort}",
                    "q 退出 · ? 帮助 · ↑↓ Enter 打开 · Tab 诊断 · / 过滤 · p 暂停 · w 保存 · s 排序：{sort}"
                )
            }
            (None, _) => lang.pick("Esc back · ↑↓ scroll · q quit", "Esc 返回 · ↑↓ 滚动 · q 退出").to_owned(),
        };
        clipped(vec![self.tinted(Tone::Dim, text)], width)
    }
}

/// Nothing of what was drawn here before shows through.
fn blank(pen: &mut Pen<'_>) {
    let text = " ".repeat(usize::from(pen.area.width));
    pen.buffer.set_string(pen.area.x, pen.y, text, Style::reset());
}

/// The first row that is shown, so that the chosen one is.
fn first_shown(chosen: usize, room: usize, all: usize) -> usize {
    (chosen + 1).saturating_sub(room).min(all.saturating_sub(room))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_height_has_a_plan_that_fits() {
        for height in 0..80 {
            for (totals, rows, causes, failures) in
                [(1, 0, 0, 0), (1, 3, 2, 40), (3, 200, 30, 100), (1, 200, 0, 5)]
            {
                let plan = Plan::of(height, totals, rows, causes, failures);
                let heads = usize::from(plan.causes > 0) + usize::from(plan.failures > 0);
                let lists = plan.rows + plan.causes + plan.failures + heads;
                let all = 5 + plan.totals + if plan.trend { 2 } else { 0 } + lists;
                assert!(all <= height.max(5), "{height}: {plan:?}");
                if height >= 12 && rows > 0 && causes > 0 {
                    assert!(plan.rows > 0 && plan.causes > 0, "{height}: {plan:?}");
                }
            }
        }
    }
}
