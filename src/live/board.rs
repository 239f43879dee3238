//! What the main screen shows, worked out of what is known: rates by window, rows by upstream, the worst of them.

use std::collections::HashMap;

use crate::aggregate::{BUCKET_S, Counter, Counts, KEPT_S, Text, Upstream};
use crate::diagnosis::{glob_matches, only_failures, upstream_title};
use crate::pipeline::{Failure, Known};
use crate::report::escape::terminal;
use crate::report::{Times, sides};
use crate::words::Lang;

use super::app::Sort;

/// Buckets of the sparklines.
pub(super) const TREND: usize = (KEPT_S / BUCKET_S) as usize;
/// Rows that are worked out; no screen is longer.
const ROWS: usize = 200;
/// Failing lines that are shown at most.
const FAILURES: usize = 100;
/// Two failures further apart than this are not of one trouble: buckets.
const QUIET: usize = (60 / BUCKET_S) as usize;
/// Distinct flags of a window that are told apart.
const FLAGS: usize = 64;

/// A stretch of time up to now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(usize)]
pub enum Window {
    /// The last minute.
    #[default]
    Minute,
    /// The last five minutes.
    Five,
    /// Everything.
    All,
}

/// All windows, the shortest first.
pub(super) const WINDOWS: [Window; 3] = [Window::Minute, Window::Five, Window::All];

impl Window {
    /// Its length; everything has none.
    pub fn seconds(self) -> Option<i64> {
        match self {
            Window::Minute => Some(60),
            Window::Five => Some(KEPT_S),
            Window::All => None,
        }
    }

    /// Its name on the screen.
    pub fn name(self, lang: Lang) -> &'static str {
        match self {
            Window::Minute => lang.pick("1 min", "1 分钟"),
            Window::Five => lang.pick("5 min", "5 分钟"),
            Window::All => lang.pick("all", "全部"),
        }
    }
}

/// How the rows are asked for.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The window of the flags.
    pub window: Window,
    /// What stands first.
    pub sort: Sort,
    /// Names that are shown: a part of them, or a glob.
    pub filter: String,
    /// The language of names.
    pub lang: Lang,
    /// How times are written.
    pub times: Times,
}

/// One upstream; `None`: what has none.
#[derive(Debug, Clone)]
pub struct Row {
    /// The cluster.
    pub upstream: Option<Text>,
    /// Its name for people, harmless.
    pub name: String,
    /// Requests by window.
    pub counts: [Counts; 3],
    /// Flags of the window asked for.
    pub flags: Counter<Text>,
    /// When the failures that still go on began.
    pub since_us: Option<i64>,
}

impl Row {
    /// Requests of a window.
    pub fn of(&self, window: Window) -> Counts {
        self.counts[window as usize]
    }

    /// The shortest window with a failure.
    pub fn failing(&self) -> Option<Window> {
        WINDOWS.into_iter().find(|window| self.of(*window).failed() > 0)
    }
}

/// The main screen's content.
#[derive(Debug, Clone, Default)]
pub struct Board {
    /// The present moment of the log.
    pub now_us: Option<i64>,
    /// Names of the inputs.
    pub sources: Vec<String>,
    /// Inputs that have not ended.
    pub open: usize,
    /// Requests by window, by the side that logged them where there are several.
    pub totals: Vec<(&'static str, [Counts; 3])>,
    /// Requests and failures of the last buckets, earliest first.
    pub trend: Vec<(u64, u64)>,
    /// Upstreams as asked for, and how many there are of them.
    pub rows: Vec<Row>,
    /// Upstreams that the filter leaves.
    pub matching: usize,
    /// The upstream that fails most now, whatever was asked for.
    pub worst: Option<Row>,
    /// Flags of the window, most frequent first.
    pub flags: Vec<Text>,
    /// The last requests that failed, latest first.
    pub failures: Vec<Failure>,
    /// What could not be read.
    pub unread: Vec<String>,
    /// Only failures are logged: rates mean nothing.
    pub only_failures: bool,
    /// All lines, and those that are access records.
    pub lines: (u64, u64),
    /// Grows with what came.
    pub version: u64,
}

impl Board {
    /// The board of this moment.
    pub fn of(known: &Known, asked: &Asked) -> Board {
        let summary = known.summary();
        let now_us = known.now_us();
        let all = counted(known, now_us);
        let light = |at: usize| -> Row {
            let upstream = summary.upstreams.get_index(at).map(|(name, _)| name.clone());
            let name = row_name(upstream.as_deref(), asked.lang);
            Row { upstream, name, counts: all[at], flags: Counter::default(), since_us: None }
        };
        let worst = (0..all.len()).max_by_key(|at| {
            let [minute, five, all] = all[*at].map(|counts| counts.failed());
            (minute, five, all, std::cmp::Reverse(*at))
        });
        let worst = worst.map(light).filter(|row| row.failing().is_some());
        let mut rows: Vec<Row> = (0..all.len())
            .filter(|at| all[*at][Window::All as usize].requests() > 0)
            .map(light)
            .filter(|row| matches(row, &asked.filter))
            .collect();
        let matching = rows.len();
        asked.sort.sort(&mut rows);
        rows.truncate(ROWS);
        rows.iter_mut().for_each(|row| complete(row, known, asked.window, now_us));
        if asked.sort == Sort::Since {
            rows.sort_by_key(|row| std::cmp::Reverse(row.since_us));
        }
        let mut flags: Counter<Text> = Counter::default();
        for (flag, n) in rows.iter().flat_map(|row| row.flags.iter()) {
            flags.add(&**flag, n);
        }
        Board {
            now_us,
            sources: known.sources.clone(),
            open: known.open,
            totals: totals(known, now_us, asked.lang),
            trend: trend(known, now_us),
            matching,
            worst: worst.map(|mut row| {
                let window = row.failing().unwrap_or_default();
                complete(&mut row, known, window, now_us);
                row
            }),
            rows,
            flags: flags.ranked().into_iter().map(|(flag, _)| flag.clone()).collect(),
            failures: known.failures.iter().rev().take(FAILURES).cloned().collect(),
            unread: known.unread.iter().map(|said| said.in_lang(asked.lang).to_owned()).collect(),
            only_failures: only_failures(summary),
            lines: (summary.lines.total, summary.lines.access),
            version: known.version,
        }
    }

    /// The most frequent details of an upstream's last failures.
    pub fn details(&self, upstream: Option<&[u8]>) -> Option<String> {
        let mut counts: HashMap<&[u8], usize> = HashMap::new();
        for failure in self.failures.iter().filter(|failure| failure.upstream.as_deref() == upstream) {
            *counts.entry(&failure.details).or_default() += 1;
        }
        let top = counts.into_iter().max_by_key(|(details, n)| (*n, std::cmp::Reverse(*details)));
        top.map(|(details, _)| terminal(details)).filter(|details| !details.is_empty())
    }
}

/// The name of a row.
pub(super) fn row_name(upstream: Option<&[u8]>, lang: Lang) -> String {
    match upstream {
        Some(name) => terminal(upstream_title(name, lang).as_bytes()),
        None => lang.pick("(no upstream)", "（无上游）").to_owned(),
    }
}

/// The counts of every upstream by window, in the order of the summary; behind them those of what has none.
fn counted(known: &Known, now_us: Option<i64>) -> Vec<[Counts; 3]> {
    let summary = known.summary();
    let none = summary.upstreams.len();
    let mut all = vec![[Counts::default(); 3]; none + 1];
    for (at, upstream) in summary.upstreams.values().enumerate() {
        all[at][Window::All as usize] = upstream.counts;
    }
    all[none][Window::All as usize] = summary.no_upstream_once().0;
    let Some(now_us) = now_us else { return all };
    for (back, moment) in known.lately.last(KEPT_S, now_us) {
        let named = moment.summary.upstreams.iter().filter_map(|(name, upstream)| {
            summary.upstreams.get_index_of(name).map(|at| (at, upstream.counts))
        });
        for (at, counts) in named.chain([(none, moment.summary.no_upstream_once().0)]) {
            all[at][Window::Five as usize].merge(counts);
            if (back as i64) < 60 / BUCKET_S {
                all[at][Window::Minute as usize].merge(counts);
            }
        }
    }
    all
}

/// An upstream in a summary.
pub(super) fn find<'s>(
    summary: &'s crate::aggregate::Summary,
    upstream: Option<&[u8]>,
) -> Option<&'s Upstream> {
    match upstream {
        Some(name) => summary.upstreams.get(name),
        None => Some(&summary.no_upstream),
    }
}

/// What is worked out only for rows that are shown.
fn complete(row: &mut Row, known: &Known, window: Window, now_us: Option<i64>) {
    let upstream = row.upstream.as_deref();
    row.flags = match (window.seconds(), now_us) {
        (None, _) => find(known.summary(), upstream).map(|found| found.flags.clone()).unwrap_or_default(),
        (Some(_), None) => Counter::default(),
        (Some(seconds), Some(now)) => {
            let mut flags = Counter::default();
            for (_, moment) in known.lately.last(seconds, now) {
                if let Some(found) = find(&moment.summary, upstream) {
                    flags.merge(found.flags.clone(), FLAGS);
                }
            }
            flags
        }
    };
    row.since_us = now_us.and_then(|now| since_us(known, upstream, now));
}

/// When the failures began that still go on: back through the last minutes, to where there was none for a minute; behind
/// them through the coarser series that is kept of everything.
fn since_us(known: &Known, upstream: Option<&[u8]>, now_us: i64) -> Option<i64> {
    let mut first: Option<i64> = None;
    let mut reached = 0;
    for (back, moment) in known.lately.last(KEPT_S, now_us).rev() {
        let found = find(&moment.summary, upstream);
        let Some(us) = found.and_then(|upstream| upstream.failure.first_us()) else { continue };
        if first.is_some() && back - reached > QUIET {
            return first;
        }
        first = Some(first.map_or(us, |first| first.min(us)));
        reached = back;
    }
    let mut first = first?;
    if reached + QUIET < TREND {
        return Some(first);
    }
    let whole = find(known.summary(), upstream)?;
    let width_us = whole.series.width_s() * 1_000_000;
    let cells: Vec<_> = whole.series.iter().collect();
    for (start, _) in cells.into_iter().rev().filter(|(_, cell)| cell.failed > 0) {
        if start >= first {
            continue;
        }
        if first - (start + width_us) > 60_000_000 {
            break;
        }
        first = start.max(whole.failure.first_us().unwrap_or(start));
    }
    Some(first)
}

fn totals(known: &Known, now_us: Option<i64>, lang: Lang) -> Vec<(&'static str, [Counts; 3])> {
    let summary = known.summary();
    let named = sides(&summary.vantages(), lang);
    let several = named.iter().filter(|(_, counts)| counts.requests() > 0).count() > 1;
    let mut all: Vec<(&str, [Counts; 3])> = match several {
        true => named.iter().map(|(name, counts)| (*name, by_window(*counts))).collect(),
        false => vec![("", by_window(summary.totals().counts))],
    };
    for (back, moment) in now_us.into_iter().flat_map(|now| known.lately.last(KEPT_S, now)) {
        let counts: Vec<Counts> = match several {
            true => sides(&moment.summary.vantages(), lang).iter().map(|(_, counts)| *counts).collect(),
            false => vec![moment.counts],
        };
        for ((_, all), counts) in all.iter_mut().zip(counts) {
            all[Window::Five as usize].merge(counts);
            if (back as i64) < 60 / BUCKET_S {
                all[Window::Minute as usize].merge(counts);
            }
        }
    }
    all.retain(|(name, counts)| name.is_empty() || counts[Window::All as usize].requests() > 0);
    all
}

fn by_window(all: Counts) -> [Counts; 3] {
    [Counts::default(), Counts::default(), all]
}

fn trend(known: &Known, now_us: Option<i64>) -> Vec<(u64, u64)> {
    let mut trend = vec![(0, 0); TREND];
    for (back, moment) in now_us.into_iter().flat_map(|now| known.lately.last(KEPT_S, now)) {
        trend[TREND - 1 - back] = (moment.counts.requests(), moment.counts.failed());
    }
    trend
}

fn matches(row: &Row, filter: &str) -> bool {
    if filter.is_empty() {
        return true;
    }
    let raw = row.upstream.as_deref().unwrap_or_default();
    if filter.contains(['*', '?']) {
        return glob_matches(filter.as_bytes(), row.name.as_bytes()) || glob_matches(filter.as_bytes(), raw);
    }
    let wanted = filter.to_lowercase();
    row.name.to_lowercase().contains(&wanted) || String::from_utf8_lossy(raw).to_lowercase().contains(&wanted)
}
