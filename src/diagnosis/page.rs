//! A page of the catalogue: head (the rule), prose (what people read) and examples (its test), in one Markdown file.
//! `docs/catalog.md` describes the form.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::pattern::When;
use crate::words::{Lang, Said};
use crate::{ErrorKind, Result};

/// The rule half of a page, its first `toml` fence.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Cause id.
    pub id: String,
    /// Title in Chinese.
    pub title_zh: String,
    /// Row of the severity table.
    pub class: Class,
    /// Sections of the troubleshooting guide that the page answers.
    #[serde(default)]
    pub guide: Vec<String>,
    /// Other names that `explain` finds the page by.
    #[serde(default)]
    pub also: Vec<String>,
    /// Globs of error texts that clients saw.
    #[serde(default)]
    pub texts: Vec<String>,
    /// Official pages.
    #[serde(default)]
    pub links: Vec<String>,
    /// Causes in the same scope that this one is only a consequence of.
    #[serde(default)]
    pub symptom_of: Vec<String>,
    /// Causes that bring this one about, though both are told: it stands behind them in the list.
    #[serde(default)]
    pub follows: Vec<String>,
    /// Patterns that make the cause a candidate.
    #[serde(default)]
    pub when: Vec<When>,
    /// Signals that raise the odds.
    #[serde(default)]
    pub support: Vec<Adjust>,
    /// Signals that lower the odds.
    #[serde(default)]
    pub against: Vec<Adjust>,
    /// How to check.
    #[serde(default)]
    pub confirm: Vec<Advice>,
    /// What to do.
    #[serde(default)]
    pub fix: Vec<Advice>,
    /// The Chinese of every sentence above, by the English one.
    #[serde(default)]
    pub zh: BTreeMap<String, String>,
}

/// A signal and what it does to the odds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adjust {
    /// Name of a row of `RULES`.
    pub signal: String,
    /// Multiplies the odds.
    pub factor: f64,
    /// The sentence shown; the signal has one of its own.
    pub says: Option<String>,
    /// The rival that the signal speaks for.
    pub favours: Option<String>,
}

/// Something to check or to do, with placeholders.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Advice {
    /// What.
    pub text: String,
    /// A command.
    pub command: Option<String>,
    /// What the command should show.
    pub expect: Option<String>,
    /// A resource.
    pub yaml: Option<String>,
}

/// Rows of the severity table: what kind of thing a cause is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Class {
    /// A service that fails or is slow.
    S1,
    /// A fault that never heals by itself.
    S2,
    /// The proxy itself.
    S3,
    /// A policy that does what it should.
    S4,
    /// The caller.
    S5,
    /// No route or filter chain at a gateway.
    S6,
    /// Normal ends of streams and TCP sessions.
    S7,
    /// The proxy's own log lines.
    S8,
}

impl Class {
    /// In a word or two.
    pub fn meaning(self, lang: Lang) -> &'static str {
        let (en, zh) = match self {
            Class::S1 => ("service fails", "服务故障"),
            Class::S2 => ("never heals by itself", "不会自愈"),
            Class::S3 => ("the proxy itself", "代理自身"),
            Class::S4 => ("policy", "策略"),
            Class::S5 => ("the caller", "调用方"),
            Class::S6 => ("no route at a gateway", "网关无路由"),
            Class::S7 => ("normal end", "正常结束"),
            Class::S8 => ("proxy log", "代理日志"),
        };
        lang.pick(en, zh)
    }
}

/// One page.
#[derive(Debug, Clone)]
pub struct Page {
    /// The rule.
    pub head: Head,
    /// The cause in words.
    pub title: String,
    /// First paragraph: what it means.
    pub meaning: String,
    /// The Markdown behind the head, without the examples.
    pub body: String,
    /// First paragraph of the Chinese section.
    pub meaning_zh: String,
    /// The Chinese section.
    pub body_zh: String,
    /// Lines that must make the page a candidate, one entry a fence.
    pub fires: Vec<String>,
    /// Lines that must not.
    pub silent: Vec<String>,
}

impl Page {
    /// Reads a page. `name` is used in messages.
    ///
    /// # Errors
    /// When the title, the head or an example is missing, or the head has a key or value it should not.
    pub fn parse(name: &str, text: &str) -> Result<Page> {
        let fail = |message: Said| ErrorKind::Catalog { page: name.to_owned(), message };
        let title = text.lines().next().and_then(|line| line.strip_prefix("# ")).ok_or_else(|| {
            fail(both!("line 1: a title (`# …`) is expected", "第 1 行：应为标题（`# …`）"))
        })?;
        let (before, toml, rest) =
            fence(text, "toml").ok_or_else(|| fail(both!("no ```toml head", "没有 ```toml 头部")))?;
        let head: Head = toml::from_str(toml).map_err(|e| {
            let line = before.lines().count()
                + 1
                + e.span().map_or(0, |s| toml[..s.start].matches('\n').count() + 1);
            let what = e.message();
            fail(both!("line {line}: {what}", "第 {line} 行：{what}"))
        })?;
        for adjust in head.support.iter().chain(&head.against) {
            if super::rules::find(&adjust.signal).is_none() {
                let name = &adjust.signal;
                return Err(fail(both!("no signal is called {name}", "没有名为 {name} 的信号")).into());
            }
        }
        for name in head.when.iter().flat_map(When::signals) {
            if super::rules::find(name).is_none() {
                return Err(fail(both!("no signal is called {name}", "没有名为 {name} 的信号")).into());
            }
        }
        let (prose, examples) = rest.split_once("\n## Examples").unwrap_or((rest, ""));
        let (body, body_zh) = match prose.split_once("\n## 中文") {
            Some((body, zh)) => match zh.split_once("\n## ") {
                Some((zh, more)) => (format!("{body}\n## {more}"), zh),
                None => (body.to_owned(), zh),
            },
            None => (prose.to_owned(), ""),
        };
        Ok(Page {
            title: title.trim().to_owned(),
            meaning: first_paragraph(&body),
            meaning_zh: super::chinese::meaning(&first_paragraph(body_zh)),
            body: body.trim().to_owned(),
            body_zh: body_zh.trim().to_owned(),
            fires: fences(examples, "log fires"),
            silent: fences(examples, "log silent"),
            head,
        })
    }
}

/// The first paragraph as one line; empty when a heading comes first.
fn first_paragraph(body: &str) -> String {
    let first = body.trim().split("\n\n").next().filter(|p| !p.starts_with('#')).unwrap_or_default();
    first.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The first fence with this info string: the text before it, its content, and what follows.
fn fence<'t>(text: &'t str, info: &str) -> Option<(&'t str, &'t str, &'t str)> {
    let open = format!("```{info}\n");
    let start = text.find(&open)?;
    let content = &text[start + open.len()..];
    let end = content.find("\n```").map(|at| at + 1).or_else(|| content.starts_with("```").then_some(0))?;
    Some((&text[..start], &content[..end], &content[end + 3..]))
}

fn fences(mut text: &str, info: &str) -> Vec<String> {
    let mut out = Vec::new();
    while let Some((_, content, rest)) = fence(text, info) {
        out.push(content.to_owned());
        text = rest;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# a thing\n\n```toml\nid = \"x\"\ntitle_zh = \"某\"\nclass = \"S1\"\n[[when]]\nflags = [\"UF\"]\nweight = 0.5\n```\n\nIt means\nthis.\n\n## Why\n\nSo.\n\n## 中文\n\n意思。\n\n## Examples\n\n```log fires\na\nb\n```\n\n```log silent\nc\n```\n";

    #[test]
    fn a_page_is_taken_apart() {
        let page = Page::parse("x", PAGE).unwrap();
        assert_eq!((page.title.as_str(), page.meaning.as_str()), ("a thing", "It means this."));
        assert_eq!((page.fires, page.silent), (vec!["a\nb\n".to_owned()], vec!["c\n".to_owned()]));
        assert!(page.body.ends_with("So.") && page.body_zh == "意思。");
    }

    #[test]
    fn a_slip_names_the_line() {
        let text = PAGE.replace("weight", "wieght");
        let error = Page::parse("x", &text).unwrap_err().to_string();
        assert!(error.contains("line 9") && error.contains("wieght"), "{error}");
    }
}
