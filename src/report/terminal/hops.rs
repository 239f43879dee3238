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

pub(super) fn table(report: &Report<'_>, sheet: &mut Sheet<'_>) -> io::Result<()> {
    let edges = told(&report.summary.hops);
    if edges.is_empty() {
        return Ok(());
    }
    let names = (sheet.width / 4).clamp(10, 40);
    let top = report.view.top.max(1);
    let mut cells = vec![HEAD.iter().map(|name| name.to_uppercase()).collect::<Vec<String>>()];
    cells.extend(edges.iter().take(top).map(|edge| {
        let texts = row(edge, report.view.lang).into_iter().enumerate().map(|(at, cell)| match at {
            0 | 1 => shortened(&terminal(cell.as_bytes()), names),
            _ => cell,
        });
        texts.collect()
    }));
    let widths: Vec<usize> = (0..HEAD.len())
        .map(|at| cells.iter().map(|row| row[at].chars().count()).max().unwrap_or(0) + 2)
        .collect();
    let mut shown: Vec<usize> = (0..HEAD.len()).collect();
    for name in SPARE {
        if shown.iter().map(|at| widths[*at]).sum::<usize>() > sheet.width {
            shown.retain(|at| HEAD[*at] != name);
        }
    }
    let cells: Vec<Vec<String>> =
        cells.into_iter().map(|row| shown.iter().map(|at| row[*at].clone()).collect()).collect();
    sheet.blank()?;
    matrix::print(&cells, |column| column < 2, sheet)?;
    let hidden = edges.len().saturating_sub(top);
    if hidden > 0 {
        sheet.line(&sheet.paint(Tone::Dim, &counted(hidden as u64, "more hop")))?;
    }
    Ok(())
}
