//! Finds pages by what people have in their hands: a flag, details, a text a client saw, a word, a section number.

use super::catalog::Catalog;
use super::common;
use super::page::Page;
use super::pattern::glob_matches;
use crate::arrange::Arrange;
use crate::envoy::FlagSet;
use crate::words::{Lang, is_chinese};

/// A page, and why it was found.
#[derive(Debug, Clone)]
pub struct Hit<'c> {
    /// The page.
    pub page: &'c Page,
    /// What of it fits, in words.
    pub why: String,
    /// The better the greater; 1 is certain.
    pub score: f64,
}

impl Catalog {
    /// The pages that fit a query, best first. A cause id or a section number finds just its own.
    pub fn look_up(&self, query: &str) -> Vec<Hit<'_>> {
        let query = query.trim();
        if let Some(page) = self.page(query) {
            return vec![Hit {
                page,
                why: self.lang().pick("the cause's name", "原因名称").to_owned(),
                score: 1.0,
            }];
        }
        let mut hits: Vec<Hit<'_>> = self
            .pages()
            .iter()
            .filter_map(|page| fit(page, query, self.lang()).map(|(score, why)| Hit { page, why, score }))
            .collect();
        hits.arrange_by(|a, b| {
            let place = |hit: &Hit<'_>| common::anywhere(&hit.page.head.id);
            (b.score.total_cmp(&a.score))
                .then_with(|| place(a).cmp(&place(b)))
                .then_with(|| a.page.head.id.cmp(&b.page.head.id))
        });
        // A text that fits whole makes pages that share a word with it noise.
        if let Some(best) = hits.first().map(|hit| hit.score) {
            hits.retain(|hit| hit.score >= best / 4.0);
        }
        hits
    }

    /// The pages that a flag set may mean, with the details that tell them apart, the commonest in the field first.
    pub fn by_flags(&self, flags: FlagSet) -> Vec<Hit<'_>> {
        let mut hits: Vec<Hit<'_>> = Vec::new();
        for page in self.pages() {
            let best = page
                .head
                .when
                .iter()
                .filter(|when| when.names_flags(flags))
                .max_by(|a, b| a.weight.total_cmp(&b.weight));
            let common = common::place(&page.head.id, flags) != usize::MAX;
            if let Some(when) = best {
                hits.push(Hit { page, why: when.telling_text().unwrap_or_default(), score: when.weight });
            } else if common {
                // Common with the flag by experience, though no pattern of it names the flag.
                hits.push(Hit { page, why: String::new(), score: 0.0 });
            }
        }
        hits.arrange_by(|a, b| {
            let place = |hit: &Hit<'_>| common::place(&hit.page.head.id, flags);
            (place(a).cmp(&place(b)))
                .then_with(|| b.score.total_cmp(&a.score))
                .then_with(|| a.page.head.id.cmp(&b.page.head.id))
        });
        hits
    }
}

/// How well a page fits a query, and by what.
fn fit(page: &Page, query: &str, lang: Lang) -> Option<(f64, String)> {
    let head = &page.head;
    let lower = query.to_lowercase();
    let joined: String = query.split_whitespace().collect::<Vec<_>>().join("_");
    let mut best: Option<(f64, String)> = None;
    let mut take = |score: f64, why: String| {
        if best.as_ref().is_none_or(|(known, _)| score > *known) {
            best = Some((score, why));
        }
    };
    if head.guide.iter().any(|section| section == query) {
        take(1.0, say!(lang, "section {query} of the guide", "手册第 {query} 节"));
    }
    if let Some(text) =
        head.texts.iter().find(|glob| glob_matches(glob.to_lowercase().as_bytes(), lower.as_bytes()))
    {
        let text = text.trim_matches('*');
        take(0.95, say!(lang, "the text “{text}”", "报错文本“{text}”"));
    }
    for when in &head.when {
        if let Some((glob, weight)) = when.fits_text(joined.as_bytes()) {
            take(
                0.5 + weight * 0.4,
                say!(lang, "details or transport reason {glob}", "响应码详情或传输失败原因 {glob}"),
            );
        }
    }
    // As the name is written, then as it is spoken: WRONG_VERSION_NUMBER is the proxy's word, “wrong version number” the
    // client's.
    if let Some(word) = head.also.iter().find(|word| lower == word.to_lowercase()) {
        take(0.92, say!(lang, "also called {word}", "又称 {word}"));
    }
    let spoken = spoken(query);
    if let Some(word) = head.also.iter().find(|word| spoken == self::spoken(word)) {
        take(0.9, say!(lang, "also called {word}", "又称 {word}"));
    }
    if let Some(word) = head.also.iter().find(|word| mentions(&spoken, &self::spoken(word))) {
        take(0.6, say!(lang, "also called {word}", "又称 {word}"));
    }
    let holds = |text: &str| text.to_lowercase().contains(&lower);
    if [&page.title, &head.title_zh, &head.id].into_iter().any(|text| holds(text)) {
        take(0.5, lang.pick("the title", "标题").to_owned());
    }
    // Two characters are a word in Chinese.
    let is_word = lower.chars().count() >= if is_chinese(&lower) { 2 } else { 4 };
    if is_word && (holds(&page.body) || holds(&page.body_zh)) {
        take(0.1, lang.pick("the text of the page", "正文").to_owned());
    }
    best
}

/// A name as one would say it: case and the signs between words do not matter.
fn spoken(text: &str) -> String {
    text.to_lowercase().replace(['-', '_'], " ")
}

/// One of the two holds the other as whole words.
fn mentions(query: &str, word: &str) -> bool {
    let within = |long: &str, short: &str| {
        short.chars().count() >= 2
            && long.match_indices(short).any(|(at, _)| {
                let free = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric());
                free(long[..at].chars().next_back()) && free(long[at + short.len()..].chars().next())
            })
    };
    within(query, word) || within(word, query)
}
