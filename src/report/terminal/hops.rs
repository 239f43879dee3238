//! The table of who calls whom, when several proxies' logs were given.

use std::io;

use super::matrix;
use super::text::{Sheet, Tone, shortened};
use crate::report::Report;
use crate::report::escape::terminal;
use crate::report::hops::{HEAD, row, told};
use crate::report::units::counted;

/// Columns that vanish first on a narrow screen, in this order.
const SPARE: [&str; 5] = ["in callee", "between", "p50", "tries", "disagree"];
/// What a column of figures needs.
const FIGURE: usize = 11;

pub(super) fn table(report: &Report<'_>, sheet: &mut Sheet<'_>) -> io::Result<()> {
    let edges = told(&report.summary.hops);
    if edges.is_empty() {
        return Ok(());
    }
    let names = (sheet.width / 4).clamp(10, 40);
    let room = sheet.width.saturating_sub(2 * names) / FIGURE;
    let spare = HEAD.len().saturating_sub(2).saturating_sub(room).min(SPARE.len());
    let shown = |at: usize| !SPARE[..spare].contains(&HEAD[at]);
    let keep = |cells: Vec<String>| -> Vec<String> {
        cells.into_iter().enumerate().filter(|(at, _)| shown(*at)).map(|(_, cell)| cell).collect()
    };
    let mut cells = vec![keep(HEAD.iter().map(|name| name.to_uppercase()).collect())];
    let top = report.view.top.max(1);
    cells.extend(edges.iter().take(top).map(|edge| {
        let texts = row(edge).into_iter().enumerate().map(|(at, cell)| match at {
            0 | 1 => shortened(&terminal(cell.as_bytes()), names),
            _ => cell,
        });
        keep(texts.collect())
    }));
    sheet.blank()?;
    matrix::print(&cells, |column| column < 2, sheet)?;
    let hidden = edges.len().saturating_sub(top);
    if hidden > 0 {
        sheet.line(&sheet.paint(Tone::Dim, &counted(hidden as u64, "more hop")))?;
    }
    Ok(())
}
