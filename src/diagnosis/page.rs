//! A page of the catalogue: head (the rule), prose (what people read) and examples (its test), in one Markdown file.
//! `docs/catalog.md` describes the form.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de};

use super::pattern::When;
use crate::words::{Lang, Said};
use crate::{Error, ErrorKind, Result};

/// The rule half of a page, its first `toml` fence.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Cause id.
    pub id: String,
    /// Title in Chinese; the built-in pages have one.
    #[serde(default)]
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
    #[serde(default, deserialize_with = "supporting")]
    pub support: Vec<Adjust>,
    /// Signals that lower the odds.
    #[serde(default, deserialize_with = "opposing")]
    pub against: Vec<Adjust>,
    /// How to check.
    #[serde(default)]
    pub confirm: Vec<Advice>,
    /// What to do.
    #[serde(default)]
    pub fix: Vec<Advice>,
    /// True in a page that only switches a cause off.
    #[serde(default)]
    pub off: bool,
    /// The Chinese of every sentence above, by the English one.
    #[serde(default)]
    pub zh: BTreeMap<String, String>,
}

/// A signal and what it does to the odds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adjust {
    /// Name of a row of `RULES`.
    #[serde(deserialize_with = "signal")]
    pub signal: String,
    /// Multiplies the odds.
    pub factor: f64,
    /// The sentence shown; the signal has one of its own.
    pub says: Option<String>,
    /// The rival that the signal speaks for.
    pub favours: Option<String>,
}

/// A name that is one of `RULES`; the reader of the head then knows the place of a wrong one.
struct SignalName(String);

impl<'de> Deserialize<'de> for SignalName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<SignalName, D::Error> {
        let name = String::deserialize(from)?;
        match super::rules::find(&name) {
            Some(_) => Ok(SignalName(name)),
            None => Err(de::Error::custom(format!("no signal is called {name}"))),
        }
    }
}

fn signal<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<String, D::Error> {
    Ok(SignalName::deserialize(from)?.0)
}

pub(super) fn signals<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Vec<String>, D::Error> {
    Ok(Vec::<SignalName>::deserialize(from)?.into_iter().map(|name| name.0).collect())
}

/// An adjustment whose factor lies on one side of 1.
struct Sided<const UP: bool>(Adjust);

impl<'de, const UP: bool> Deserialize<'de> for Sided<UP> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let adjust = Adjust::deserialize(from)?;
        match (UP, adjust.factor) {
            (true, 1.0..=MOST) | (false, 0.0..1.0) => Ok(Sided(adjust)),
            (true, _) => Err(de::Error::custom("a factor that supports is 1 to 1000")),
            (false, _) => Err(de::Error::custom("a factor that speaks against is 0 or more, and below 1")),
        }
    }
}

/// A greater factor would say no more: odds of a thousand are certainty.
const MOST: f64 = 1000.0;

fn supporting<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Vec<Adjust>, D::Error> {
    Ok(Vec::<Sided<true>>::deserialize(from)?.into_iter().map(|sided| sided.0).collect())
}

fn opposing<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Vec<Adjust>, D::Error> {
    Ok(Vec::<Sided<false>>::deserialize(from)?.into_iter().map(|sided| sided.0).collect())
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
    pub fires: Vec<Example>,
    /// Lines that must not.
    pub silent: Vec<Example>,
}

/// Log lines that a page is tried with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// Line of the page on which they begin, from 1.
    pub line: usize,
    /// The lines.
    pub text: String,
}

/// A page's text, its head found but not yet read.
struct Sheet<'t> {
    name: &'t str,
    text: &'t str,
    head: &'t str,
    rest: &'t str,
}

impl<'t> Sheet<'t> {
    fn of(name: &'t str, text: &'t str) -> Result<Sheet<'t>> {
        let (_, head, rest) = fence(text, "toml").ok_or_else(|| {
            fault(name, text, 0, both!("a head is expected: ```toml … ```", "应有头部：```toml … ```"))
        })?;
        Ok(Sheet { name, text, head, rest })
    }

    /// What the head says, as one kind of thing.
    fn read<T: de::DeserializeOwned>(&self) -> Result<T> {
        toml::from_str(self.head).map_err(|error| {
            // Both are slices of one text.
            let start = self.head.as_ptr() as usize - self.text.as_ptr() as usize;
            let at = start + error.span().map_or(0, |span| span.start);
            fault(self.name, self.text, at, as_it_is(error.message()))
        })
    }
}

/// What the reader of TOML says, which speaks English only.
pub(super) fn as_it_is(message: &str) -> Said {
    both!("{message}", "{message}")
}

/// What is wrong at a byte of a page.
pub(super) fn fault(page: &str, text: &str, at: usize, message: Said) -> Error {
    let (line, column) = crate::error::line_and_column(text, at);
    ErrorKind::Catalog { page: page.to_owned(), line, column, message }.into()
}

/// All of a page that says no more than that a cause is switched off.
#[derive(Deserialize)]
struct Switch {
    id: String,
    #[serde(default)]
    off: bool,
}

/// The cause that a page switches off; such a page needs nothing but its head, and of that only `id` and `off`.
///
/// # Errors
/// When there is no head.
pub(super) fn switched_off(name: &str, text: &str) -> Result<Option<String>> {
    // A head with a slip in it is for the reader of whole pages to complain of.
    let switch = Sheet::of(name, text)?.read::<Switch>().ok();
    Ok(switch.filter(|switch| switch.off).map(|switch| switch.id))
}

/// The patterns of a page, without reading the rest of it: they stand together in the head, behind its plain keys. A page
/// where they do not is for a test to find.
pub(super) fn patterns(text: &str) -> Vec<When> {
    #[derive(Deserialize)]
    struct Patterns {
        when: Vec<When>,
    }
    const TABLE: &str = "[[when]]";
    let head = fence(text, "toml").map_or("", |(_, head, _)| head);
    let first = head.find(TABLE).map_or("", |at| &head[at..]);
    let end = first.match_indices("\n[").map(|(at, _)| at + 1).find(|at| !first[*at..].starts_with(TABLE));
    toml::from_str(&first[..end.unwrap_or(first.len())]).map_or(Vec::new(), |read: Patterns| read.when)
}

impl Page {
    /// Reads a page. `name` is used in messages.
    ///
    /// # Errors
    /// When the title, the head or an example is missing, or the head has a key or value it should not.
    pub fn parse(name: &str, text: &str) -> Result<Page> {
        let title =
            text.lines().next().and_then(|line| line.strip_prefix("# ")).ok_or_else(|| {
                fault(name, text, 0, both!("a title (`# …`) is expected", "应为标题（`# …`）"))
            })?;
        let sheet = Sheet::of(name, text)?;
        let (head, rest): (Head, &str) = (sheet.read()?, sheet.rest);
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
            fires: fences(text, examples, "log fires"),
            silent: fences(text, examples, "log silent"),
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

/// All fences with this info string in the last part of a page.
fn fences(page: &str, mut text: &str, info: &str) -> Vec<Example> {
    let mut out = Vec::new();
    while let Some((_, content, rest)) = fence(text, info) {
        let at = page.len() - rest.len() - "```".len() - content.len();
        out.push(Example {
            line: memchr::memchr_iter(b'\n', &page.as_bytes()[..at]).count() + 1,
            text: content.to_owned(),
        });
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
        let lines = |text: &str, line| vec![Example { line, text: text.to_owned() }];
        assert_eq!((page.fires, page.silent), (lines("a\nb\n", 26), lines("c\n", 31)));
        assert!(page.body.ends_with("So.") && page.body_zh == "意思。");
    }

    #[test]
    fn a_slip_names_the_line() {
        let text = PAGE.replace("weight", "wieght");
        let error = Page::parse("x", &text).unwrap_err().to_string();
        assert!(error.starts_with("x:9:1: ") && error.contains("wieght"), "{error}");
        let text = PAGE.replace("weight = 0.5", "weight = 0.5\nsignals = [\"sparse\", \"spars\"]");
        assert_eq!(Page::parse("x", &text).unwrap_err().to_string(), "x:10:11: no signal is called spars");
        for (slip, place) in [
            ("weight = 1.0", "x:9:10: "),
            ("weight = nan", "x:9:10: "),
            ("weight = 0.5\n[[support]]\nsignal = \"sparse\"\nfactor = 0.5", "x:10:"),
            ("weight = 0.5\n[[against]]\nsignal = \"sparse\"\nfactor = inf", "x:10:"),
        ] {
            let error = Page::parse("x", &PAGE.replace("weight = 0.5", slip)).unwrap_err().to_string();
            assert!(error.starts_with(place), "{slip}: {error}");
        }
        assert!(Page::parse("x", "no title").unwrap_err().to_string().starts_with("x:1:1: "));
    }
}
