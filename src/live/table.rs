//! The table of upstreams: rates by window, flags, and since when.

use unicode_width::UnicodeWidthStr;

use super::app::Sort;
use super::board::{Asked, Board, Row, WINDOWS, Window};
use crate::aggregate::Text;
use crate::record::Outcome;
use crate::report::escape::terminal;
use crate::report::shortened;
use crate::report::units::{count, rate};

/// A name needs this much to be recognised, and no name needs more than the other.
const NAME: usize = 14;
const NAME_MAX: usize = 60;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Column {
    Requests,
    Failed,
    Rate(Window),
    Flag(Text),
    App,
    Since,
}

/// The head and the rows, each with whether it fails at present.
pub(super) fn lines(board: &Board, rows: &[Row], asked: &Asked, width: usize) -> Vec<(String, bool)> {
    let columns = columns(board, rows, asked, width.saturating_sub(NAME));
    let lang = asked.lang;
    let window = asked.window.name(lang);
    let title = say!(lang, "UPSTREAM (flags: {window})", "上游（标志：{window}）");
    let mut table: Vec<(String, Vec<String>, bool)> =
        vec![(title, columns.iter().map(|c| head(c, asked)).collect(), false)];
    table.extend(rows.iter().map(|row| {
        let cells = columns.iter().map(|c| cell(c, row, board, asked)).collect();
        (row.name.clone(), cells, row.failing().is_some_and(|window| window != Window::All))
    }));
    let widths: Vec<usize> = (0..columns.len())
        .map(|at| table.iter().map(|(_, cells, _)| cells[at].width()).max().unwrap_or(0))
        .collect();
    let numbers: usize = widths.iter().map(|width| width + 2).sum();
    let room = width.saturating_sub(numbers);
    let longest = table.iter().skip(1).map(|(name, ..)| name.width()).max().unwrap_or(0);
    let name = longest.clamp(NAME, NAME_MAX).min(room);
    if table[0].0.width() > name {
        lang.pick("UPSTREAM", "上游").clone_into(&mut table[0].0);
    }
    table
        .into_iter()
        .map(|(label, cells, failing)| {
            let label = shortened(&label, name);
            let mut line = format!("{label}{}", " ".repeat(name.saturating_sub(label.width())));
            for (cell, width) in cells.iter().zip(&widths) {
                line.push_str(&" ".repeat(2 + width.saturating_sub(cell.width())));
                line.push_str(cell);
            }
            (line, failing)
        })
        .collect()
}

/// The columns that fit, in the order of the screen; what matters most is taken first.
fn columns(board: &Board, rows: &[Row], asked: &Asked, mut room: usize) -> Vec<Column> {
    let flags: Vec<Column> = board.flags.iter().take(12).cloned().map(Column::Flag).collect();
    let app = rows.iter().any(|row| row.of(asked.window).of(Outcome::AppError) > 0);
    let since = rows.iter().any(|row| row.since_us.is_some());
    let screen: Vec<Column> = WINDOWS
        .map(Column::Rate)
        .into_iter()
        .chain([Column::Requests, Column::Failed])
        .chain(flags.clone())
        .chain(app.then_some(Column::App))
        .chain(since.then_some(Column::Since))
        .collect();
    let mut wanted = vec![Column::Rate(Window::Minute), Column::Failed];
    wanted.extend(flags.iter().take(1).cloned());
    wanted.extend(since.then_some(Column::Since));
    wanted.push(Column::Rate(Window::Five));
    wanted.extend(flags.iter().take(3).cloned());
    wanted.extend([Column::Rate(Window::All), Column::App, Column::Requests]);
    wanted.extend(flags);
    let mut taken: Vec<Column> = Vec::new();
    for column in wanted {
        if taken.contains(&column) || !screen.contains(&column) {
            continue;
        }
        let cells = rows.iter().map(|row| cell(&column, row, board, asked).width());
        let width = cells.chain([head(&column, asked).width()]).max().unwrap_or(0) + 2;
        if width > room {
            continue;
        }
        room -= width;
        taken.push(column);
    }
    screen.into_iter().filter(|column| taken.contains(column)).collect()
}

fn head(column: &Column, asked: &Asked) -> String {
    let lang = asked.lang;
    let sorted = match (asked.sort, column) {
        (Sort::Failed, Column::Failed)
        | (Sort::Rate, Column::Rate(Window::Minute))
        | (Sort::Requests, Column::Requests)
        | (Sort::Since, Column::Since) => "↓",
        _ => "",
    };
    let name = match column {
        Column::Requests => lang.pick("REQ/1M", "请求/1分").to_owned(),
        Column::Failed => lang.pick("FAILED/1M", "失败/1分").to_owned(),
        Column::Rate(window) => window.name(lang).to_owned(),
        Column::Flag(flag) => shortened(&terminal(flag), 10),
        Column::App => lang.pick("APP", "应用").to_owned(),
        Column::Since => lang.pick("SINCE", "始于").to_owned(),
    };
    format!("{name}{sorted}")
}

fn cell(column: &Column, row: &Row, board: &Board, asked: &Asked) -> String {
    let minute = row.of(Window::Minute);
    match column {
        Column::Requests => or_dash(minute.requests()),
        Column::Failed => or_dash(minute.failed()),
        Column::Rate(window) => match row.of(*window) {
            counts if counts.requests() == 0 => "-".to_owned(),
            _ if board.only_failures => "n/a".to_owned(),
            counts => rate(counts.failed(), counts.requests()),
        },
        Column::Flag(flag) => or_dash(row.flags.get(flag)),
        Column::App => or_dash(row.of(asked.window).of(Outcome::AppError)),
        Column::Since => {
            let moment = |us| asked.times.moment(us, board.now_us);
            row.since_us.map_or_else(|| "-".to_owned(), moment)
        }
    }
}

fn or_dash(n: u64) -> String {
    if n == 0 { "-".to_owned() } else { count(n) }
}
