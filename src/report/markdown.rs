//! The incident report as Markdown that Slack, Jira and GitHub all take: headings, tables, lists, code fences.

use std::io::Write;

use super::escape::markdown;
use super::hops::Graph;
use super::story::{Block, Figure, Span, Stack, Story, Table, spans, tell, tell_triage};
use super::{Account, Narrator, Renderer, Report, units};
use crate::error::{ErrorKind, Result};
use crate::record::time::rfc3339_s;
use crate::words::Lang;

/// The narrator, and the renderer of a triage.
pub(super) struct Markdown;

impl Renderer for Markdown {
    fn name(&self) -> &'static str {
        "markdown"
    }

    fn render(&self, report: &Report<'_>, out: &mut dyn Write) -> Result<()> {
        out.write_all(written(&tell_triage(report)).as_bytes()).map_err(ErrorKind::Write)?;
        Ok(())
    }
}

impl Narrator for Markdown {
    fn name(&self) -> &'static str {
        "markdown"
    }

    fn narrate(&self, account: &Account<'_>, out: &mut dyn Write) -> Result<()> {
        let text = written(&tell(account));
        out.write_all(text.as_bytes()).map_err(ErrorKind::Write)?;
        Ok(())
    }
}

pub(super) fn written(story: &Story) -> String {
    let mut out = format!("# {}\n", markdown(&story.title));
    for (at, sentence) in story.lead.iter().enumerate() {
        let text = prose(sentence);
        out += &if at == 0 { format!("\n**{text}**\n") } else { format!("\n{text}\n") };
    }
    for section in &story.sections {
        if !section.title.is_empty() {
            out += &format!("\n## {}\n", markdown(&section.title));
        }
        section.blocks.iter().for_each(|block| write(block, story.lang, &mut out));
    }
    out
}

fn write(block: &Block, lang: Lang, out: &mut String) {
    match block {
        Block::Text(text) => *out += &format!("\n{}\n", prose(text)),
        Block::Head(text) => *out += &format!("\n### {}\n", markdown(text)),
        Block::Table(table) => write_table(table, out),
        Block::Code(text) => {
            let fence = fence(text);
            *out += &format!("\n{fence}\n{}\n{fence}\n", fenced(text));
        }
        Block::Items(items) => {
            out.push('\n');
            items.iter().for_each(|item| *out += &format!("- {}\n", prose(item)));
        }
        Block::Tasks(tasks) => {
            out.push('\n');
            tasks.iter().for_each(|task| *out += &format!("- [ ] {}\n", prose(task)));
        }
        Block::Figure(Figure::Stack(stack)) => *out += &format!("\n{}\n", sparkline(stack, lang)),
        Block::Figure(Figure::Graph(graph)) => mermaid(graph, lang, out),
        // The tables around say the same in words.
        Block::Figure(Figure::Heat(_) | Figure::Lines(_)) => {}
    }
}

/// Sentences, in which `names` between backticks stay code.
fn prose(text: &str) -> String {
    let piece = |span: Span<'_>| match span {
        Span::Text(text) => markdown(text),
        Span::Code(code) => format!("`{}`", super::escape::terminal(code.as_bytes())),
    };
    spans(text).into_iter().map(piece).collect()
}

fn write_table(table: &Table, out: &mut String) {
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let lines: Vec<String> =
        (0..table.head.len()).map(|at| if at >= table.numbers { "---:" } else { "---" }.to_owned()).collect();
    out.push('\n');
    *out += &row(table.head.iter().map(|cell| markdown(cell)).collect());
    *out += &row(lines);
    for cells in &table.rows {
        *out += &row(cells.iter().map(|cell| markdown(cell)).collect());
    }
}

/// A fence longer than any run of backticks in the text.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

/// Lines of a code block: nothing in them steers or hides; their newlines stay.
fn fenced(text: &str) -> String {
    text.split('\n').map(|line| super::escape::terminal(line.as_bytes())).collect::<Vec<_>>().join("\n")
}

/// A graph that GitHub and GitLab draw; where nobody does, its source can be read.
fn mermaid(graph: &Graph, lang: Lang, out: &mut String) {
    *out += "\n```mermaid\ngraph LR\n";
    for (at, name) in graph.nodes.iter().enumerate() {
        *out += &format!("  n{at}[\"{}\"]\n", quoted(name));
    }
    for arrow in &graph.arrows {
        let link = if arrow.failing { "==>" } else { "-->" };
        *out += &format!("  n{} {link}|\"{}\"| n{}\n", arrow.from, quoted(&arrow.words), arrow.to);
    }
    *out += "```\n";
    if graph.more > 0 {
        let more = super::hops::more(graph.more, lang);
        *out += &say!(lang, "\n{more} not drawn.\n", "\n{more}未画出。\n");
    }
}

/// Text in a Mermaid label: what could end it, or be markup, is written as a number.
fn quoted(text: &str) -> String {
    let mut out = String::new();
    for c in super::escape::terminal(text.as_bytes()).chars() {
        match c {
            c if c.is_alphanumeric() || matches!(c, ' ' | '.' | ',' | ':' | '-' | '/' | '(' | ')' | '%') => {
                out.push(c)
            }
            c => out += &format!("#{};", c as u32),
        }
    }
    out
}

/// Columns of the sparkline.
const COLUMNS: usize = 60;

fn sparkline(stack: &Stack, lang: Lang) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let each = stack.buckets.len().div_ceil(COLUMNS).max(1);
    let sums: Vec<u64> =
        stack.buckets.chunks(each).map(|chunk| chunk.iter().map(|bucket| bucket.2).sum()).collect();
    let most = sums.iter().copied().max().unwrap_or(0).max(1);
    let bar = |n: &u64| BARS[usize::try_from((n * 7).div_ceil(most)).unwrap_or(7).min(7)];
    let line: String = sums.iter().map(bar).collect();
    let width_s = stack.width_s.saturating_mul(each as i64);
    let (Some(first), Some(last)) = (stack.buckets.first(), stack.buckets.last()) else {
        return String::new();
    };
    let (unit, most, what) = (units::bucket(width_s, lang), units::count(most), stack.what);
    let from = rfc3339_s(first.0);
    let to = rfc3339_s(last.0.saturating_add(stack.width_s.saturating_mul(1_000_000)));
    say!(
        lang,
        "`{line}` {what} per {unit}, {from} – {to}; highest {most}",
        "`{line}` 每{unit}{what}数，{from} – {to}；最高 {most}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_cannot_be_closed_from_inside() {
        let mut out = String::new();
        write(&Block::Code("a ```` b\n# no heading".to_owned()), Lang::En, &mut out);
        assert_eq!(out, "\n`````\na ```` b\n# no heading\n`````\n");
    }

    #[test]
    fn names_cannot_leave_a_graph() {
        let nodes = vec!["a\"]\n```\n# b <i>|;".to_owned(), "c".to_owned()];
        let arrows =
            vec![super::super::hops::Arrow { from: 0, to: 1, words: "x\" y".to_owned(), failing: true }];
        let mut out = String::new();
        mermaid(&Graph { nodes, arrows, more: 0 }, Lang::En, &mut out);
        assert_eq!(out.matches("```").count(), 2, "{out}");
        assert!(!out.contains("<i>") && out.lines().count() == 7, "{out}");
    }

    #[test]
    fn cells_stay_in_their_cell() {
        let mut out = String::new();
        let rows = vec![vec!["a|b\n@all <b>[x](y)".to_owned(), "1".to_owned()]];
        write(&Block::Table(Table::new(["x", "y"], rows, 1)), Lang::En, &mut out);
        assert_eq!(out.lines().count(), 4);
        let last = out.lines().last().unwrap();
        assert!(!last.contains("<b>") && last.contains("`a\\|b\\x0a@all`"), "{last}");
    }
}
