//! A page in Chinese: the same rule, whose sentences (and comments of its resources) are those of the `[zh]` table of
//! its head and of its Chinese section.

use super::page::{Advice, Page};
use super::rules;

/// How a Chinese section begins: the word for "meaning".
const LABEL: &str = "**含义**：";

/// What the first paragraph of a Chinese section says.
pub(super) fn meaning(paragraph: &str) -> String {
    paragraph.strip_prefix(LABEL).unwrap_or(paragraph).replace("**", "")
}

/// The comment at the end of a line of a resource; a single word is a name.
fn comment(line: &str) -> Option<&str> {
    let (before, text) = line.split_once("# ")?;
    ((before.is_empty() || before.ends_with(' ')) && text.contains(' ')).then_some(text)
}

/// The line with its comment in Chinese.
fn commented(line: &str, told: impl Fn(&str) -> Option<String>) -> String {
    let zh = comment(line).and_then(|text| Some((text, told(text)?)));
    zh.map_or(line.to_owned(), |(text, zh)| format!("{}{zh}", line.strip_suffix(text).unwrap_or(line)))
}

impl Page {
    /// The page as a Chinese reader sees it; English and Chinese change places, so that both can still be searched.
    /// What it does not say in Chinese stays in English: pages of users need no Chinese.
    #[must_use]
    pub fn in_chinese(&self) -> Page {
        let mut page = self.clone();
        let told = |text: &str| self.head.zh.get(text).cloned();
        for adjust in page.head.support.iter_mut().chain(&mut page.head.against) {
            adjust.says = match &adjust.says {
                Some(says) => told(says).or_else(|| Some(says.clone())),
                None => rules::find(&adjust.signal).map(|rule| rule.zh.to_owned()),
            };
        }
        for when in &mut page.head.when {
            when.says = when.says.take().map(|says| told(&says).unwrap_or(says));
        }
        for Advice { text, expect, yaml, .. } in page.head.confirm.iter_mut().chain(&mut page.head.fix) {
            *text = told(text).unwrap_or_else(|| text.clone());
            *expect = expect.take().map(|expect| told(&expect).unwrap_or(expect));
            if let Some(yaml) = yaml {
                *yaml = yaml.split('\n').map(|line| commented(line, told)).collect::<Vec<_>>().join("\n");
            }
        }
        std::mem::swap(&mut page.title, &mut page.head.title_zh);
        if !self.body_zh.is_empty() {
            std::mem::swap(&mut page.meaning, &mut page.meaning_zh);
            std::mem::swap(&mut page.body, &mut page.body_zh);
        }
        page
    }

    /// The English sentences of the head, each of which a page that comes with the program says in Chinese, too.
    pub fn sentences(&self) -> Vec<&str> {
        let head = &self.head;
        let whens = head.when.iter().filter_map(|when| when.says.as_deref());
        let adjusts = head.support.iter().chain(&head.against).filter_map(|adjust| adjust.says.as_deref());
        let advice = || head.confirm.iter().chain(&head.fix);
        let texts = advice().flat_map(|a| [Some(a.text.as_str()), a.expect.as_deref()]).flatten();
        let comments = advice().filter_map(|a| a.yaml.as_deref()).flat_map(str::lines).filter_map(comment);
        whens.chain(adjusts).chain(texts).chain(comments).filter(|text| !text.is_empty()).collect()
    }
}
