//! The table of who calls whom, when several proxies' logs were given.

use std::io;

use unicode_width::UnicodeWidthStr;

use super::Tone;
use super::matrix;
use super::text::{Sheet, shortened};
use crate::report::Report;
use crate::report::escape::terminal;
use crate::report::hops::{head, more, row, told};

/// Columns that vanish first on a narrow screen, in this order: the last one first.
const SPARE: [usize; 5] = [10, 9, 8, 7, 6];

pub(super) fn table(report: &Report<'_>, sheet: &mut Sheet<'_>) -> io::Result<()> {
    let edges = told(&report.summary.hops);
    if edges.is_empty() {
        return Ok(());
    }
    let names = (sheet.width / 4).clamp(10, 40);
    let top = report.view.top.max(1);
    let head = head(report.view.lang);
    let mut cells = vec![head.iter().map(|name| name.to_uppercase()).collect::<Vec<String>>()];
    cells.extend(edges.iter().take(top).map(|edge| {
        let texts = row(edge, report.view.lang).into_iter().enumerate().map(|(at, cell)| match at {
            0 | 1 => shortened(&terminal(cell.as_bytes()), names),
            _ => cell,
        });
        texts.collect()
    }));
    let widths: Vec<usize> =
        (0..head.len()).map(|at| cells.iter().map(|row| row[at].width()).max().unwrap_or(0) + 2).collect();
    let mut shown: Vec<usize> = (0..head.len()).collect();
    for spare in SPARE {
        if shown.iter().map(|at| widths[*at]).sum::<usize>() > sheet.width {
            shown.retain(|at| *at != spare);
        }
    }
    let cells: Vec<Vec<String>> =
        cells.into_iter().map(|row| shown.iter().map(|at| row[*at].clone()).collect()).collect();
    sheet.blank()?;
    matrix::print(&cells, |column| column < 2, sheet)?;
    let hidden = edges.len().saturating_sub(top);
    if hidden > 0 {
        sheet.line(&sheet.paint(Tone::Dim, &more(hidden, report.view.lang)))?;
    }
    Ok(())
}
