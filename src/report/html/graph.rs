//! Who calls whom, drawn: callers left of those they call, one column for each hop.

use super::super::escape::html;
use super::super::hops::{Arrow, Graph};
use crate::words::Lang;

const COLUMN: usize = 300;
const ROW: usize = 64;
const BOX: (usize, usize) = (180, 32);

pub(super) fn graph(graph: &Graph, lang: Lang, out: &mut String) {
    let columns = columns(graph);
    let mut filled = vec![0; columns.iter().max().map_or(1, |last| last + 1)];
    let places: Vec<(usize, usize)> = columns
        .iter()
        .map(|column| {
            filled[*column] += 1;
            (10 + column * COLUMN, 16 + (filled[*column] - 1) * ROW)
        })
        .collect();
    let width = filled.len() * COLUMN - (COLUMN - BOX.0) + 20;
    let height = filled.iter().max().unwrap_or(&1) * ROW;
    let who = lang.pick("Who calls whom", "谁调用谁");
    let whose = lang.pick("; failures as the caller's log has them", "；失败数以调用方的日志为准");
    let rest = match graph.more {
        0 => String::new(),
        n => say!(lang, "; {n} more in the table", "；表中另有 {n} 条"),
    };
    *out += &format!(
        "<figure><figcaption>{who}{whose}{rest}</figcaption>\n<div class=\"wide\"><svg \
         class=\"graph\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" \
         aria-label=\"{who}\">\n"
    );
    for arrow in &graph.arrows {
        line(arrow, &places, out);
    }
    for (name, (x, y)) in graph.nodes.iter().zip(&places) {
        let (w, h) = BOX;
        *out += &format!(
            "<g><title>{}</title><rect class=\"node\" x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" rx=\"4\"/><text x=\"{}\" \
             y=\"{}\">{}</text></g>\n",
            html(name),
            x + w / 2,
            y + h / 2 + 4,
            html(&super::super::terminal::shortened(name, 24))
        );
    }
    *out += "</svg></div></figure>\n";
}

fn line(arrow: &Arrow, places: &[(usize, usize)], out: &mut String) {
    let ((x1, y1), (x2, y2)) = (places[arrow.from], places[arrow.to]);
    let (w, h) = BOX;
    let class = if arrow.failing { "edge bad" } else { "edge" };
    let (x1, y1, y2) = (x1 + w, y1 + h / 2, y2 + h / 2);
    let (a, b) = (x1 + 50, x2.saturating_sub(50));
    *out += &format!(
        "<g><title>{}</title><path class=\"{class}\" d=\"M{x1},{y1} C{a},{y1} {b},{y2} {x2},{y2}\"/><circle class=\"{class} end\" \
         cx=\"{x2}\" cy=\"{y2}\" r=\"4\"/></g>\n",
        html(&arrow.words)
    );
}

/// The column of each node: one more than that of its callers. Calls in a circle end the counting.
fn columns(graph: &Graph) -> Vec<usize> {
    let mut columns = vec![0; graph.nodes.len()];
    for _ in 0..graph.nodes.len().min(8) {
        for Arrow { from, to, .. } in &graph.arrows {
            if from != to {
                columns[*to] = columns[*to].max((columns[*from] + 1).min(8));
            }
        }
    }
    columns
}
