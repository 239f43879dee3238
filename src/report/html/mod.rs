//! The incident report as one HTML file: no network, light and dark, prints well, readable without scripts. Skeleton,
//! style and script are the files beside this one; a content security policy admits them by their hash and nothing else.

mod charts;
mod graph;
mod sha256;

use std::io::Write;

use super::escape::html;
use super::story::{Block, Section, Span, Story, Table, spans, tell, tell_triage};
use super::{Account, Narrator, Renderer, Report};
use crate::error::{ErrorKind, Result};
use crate::words::Lang;

const SKELETON: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The narrator, and the renderer of a triage.
pub(super) struct Html;

impl Renderer for Html {
    fn name(&self) -> &'static str {
        "html"
    }

    fn render(&self, report: &Report<'_>, out: &mut dyn Write) -> Result<()> {
        out.write_all(written(&tell_triage(report)).as_bytes()).map_err(ErrorKind::Write)?;
        Ok(())
    }
}

impl Narrator for Html {
    fn name(&self) -> &'static str {
        "html"
    }

    fn narrate(&self, account: &Account<'_>, out: &mut dyn Write) -> Result<()> {
        let text = written(&tell(account));
        out.write_all(text.as_bytes()).map_err(ErrorKind::Write)?;
        Ok(())
    }
}

/// Fills the skeleton in one pass: what is filled in is never searched for placeholders.
pub(super) fn written(story: &Story) -> String {
    let mut pieces = SKELETON.split("{{");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once("}}").unwrap_or((piece, ""));
        match name {
            "style" => out += STYLE,
            "script" => out += SCRIPT,
            "style-hash" => out += &sha256::source(STYLE),
            "script-hash" => out += &sha256::source(SCRIPT),
            "lang" => out += story.lang.pick("en", "zh-Hans"),
            "title" => out += &html(&story.title),
            _ => body(story, &mut out),
        }
        out += rest;
    }
    out
}

fn body(story: &Story, out: &mut String) {
    *out += &format!("<h1>{}</h1>\n", html(&story.title));
    for (at, sentence) in story.lead.iter().enumerate() {
        let class = if at == 0 { " class=\"lead\"" } else { "" };
        *out += &format!("<p{class}>{}</p>\n", prose(sentence));
        if at == 0 {
            write_key(&story.key, out);
        }
    }
    story.sections.iter().for_each(|section| write_section(section, story.lang, out));
}

/// The figures for those who only glance.
fn write_key(key: &[(&str, String)], out: &mut String) {
    *out += "<dl class=\"key\">";
    for (name, value) in key {
        *out += &format!("<div><dt>{}</dt><dd>{}</dd></div>", html(name), html(value));
    }
    *out += "</dl>\n";
}

fn write_section(section: &Section, lang: Lang, out: &mut String) {
    // The script gives each cause a button.
    let causes = section.blocks.iter().any(|b| matches!(b, Block::Head(_)));
    *out += if causes { "<section class=\"causes\">\n" } else { "<section>\n" };
    if !section.title.is_empty() {
        *out += &format!("<h2>{}</h2>\n", html(&section.title));
    }
    section.blocks.iter().for_each(|block| write_block(block, lang, out));
    *out += "</section>\n";
}

fn write_block(block: &Block, lang: Lang, out: &mut String) {
    match block {
        Block::Text(text) => *out += &format!("<p>{}</p>\n", prose(text)),
        Block::Head(text) => *out += &format!("<h3>{}</h3>\n", html(text)),
        Block::Table(table) => write_table(table, out),
        Block::Code(text) => *out += &format!("<div class=\"code\"><pre>{}</pre></div>\n", code(text)),
        Block::Items(items) => write_list("", items, out),
        Block::Tasks(tasks) => write_list(" class=\"tasks\"", tasks, out),
        Block::Figure(figure) => charts::figure(figure, lang, out),
    }
}

fn write_list(class: &str, items: &[String], out: &mut String) {
    *out += &format!("<ul{class}>\n");
    items.iter().for_each(|item| *out += &format!("<li>{}</li>\n", prose(item)));
    *out += "</ul>\n";
}

fn write_table(table: &Table, out: &mut String) {
    let class = |at: usize| if at >= table.numbers { " class=\"n\"" } else { "" };
    *out += "<div class=\"wide\"><table class=\"sortable\"><thead><tr>";
    for (at, cell) in table.head.iter().enumerate() {
        *out += &format!("<th scope=\"col\"{}>{}</th>", class(at), html(cell));
    }
    *out += "</tr></thead><tbody>\n";
    for row in &table.rows {
        *out += "<tr>";
        for (at, cell) in row.iter().enumerate() {
            *out += &format!("<td{}>{}</td>", class(at), html(cell));
        }
        *out += "</tr>\n";
    }
    *out += "</tbody></table></div>\n";
}

/// Sentences, in which `names` between backticks are code.
fn prose(text: &str) -> String {
    let piece = |span: Span<'_>| match span {
        Span::Text(text) => html(text),
        Span::Code(code) => format!("<code>{}</code>", html(code)),
    };
    spans(text).into_iter().map(piece).collect()
}

/// Lines of code; their newlines stay.
fn code(text: &str) -> String {
    text.split('\n').map(html).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_in_stays_text() {
        let evil = "</title><script>alert(1)</script>{{script}}\" onload=\"x";
        let story = Story {
            lang: Lang::En,
            title: evil.to_owned(),
            lead: vec![format!("`{evil}`")],
            key: vec![("x", evil.to_owned())],
            sections: vec![Section {
                title: evil.to_owned(),
                blocks: vec![
                    Block::Code(format!("{evil}\nsecond")),
                    Block::Table(Table::new(["x"], vec![vec![evil.to_owned()]], 1)),
                ],
            }],
        };
        let page = written(&story);
        assert_eq!(page.matches("<script>").count(), 1, "only the page's own");
        assert_eq!(page.matches(SCRIPT).count(), 1);
        assert!(!page.contains("\" onload"));
        assert!(page.contains("\nsecond</pre>"));
    }

    #[test]
    fn nothing_is_loaded_and_no_style_attribute_used() {
        for text in [SKELETON, STYLE, SCRIPT] {
            for word in ["http://", "https://", "@import", "url(", "innerHTML", "eval("] {
                let own = text.replace("http://www.w3.org/2000/svg", "");
                assert!(!own.contains(word), "{word}");
            }
        }
    }
}
