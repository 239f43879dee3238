//! One cause of the catalogue. Of a built-in page only the patterns are read, and the rest of it when one of them fits:
//! most causes never come into question, and reading every page would take longer than reading a small log.

use std::borrow::Cow;
use std::sync::OnceLock;

use crate::diagnosis::page::{Page, patterns};
use crate::diagnosis::pattern::When;
use crate::words::Lang;

/// A cause: its page in one language.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    id: Cow<'static, str>,
    source: Source,
    lang: Lang,
    whens: OnceLock<Vec<When>>,
    page: OnceLock<Option<Page>>,
}

#[derive(Debug, Clone)]
enum Source {
    /// The text of a page that comes with the program.
    BuiltIn(&'static str),
    /// A page that somebody else has read; in English.
    Read(Box<Page>),
}

impl Entry {
    pub(super) fn built_in(id: &'static str, text: &'static str) -> Entry {
        Entry::new(id.into(), Source::BuiltIn(text), Lang::En)
    }

    pub(super) fn of(page: Page) -> Entry {
        Entry::new(page.head.id.clone().into(), Source::Read(Box::new(page)), Lang::En)
    }

    fn new(id: Cow<'static, str>, source: Source, lang: Lang) -> Entry {
        Entry { id, source, lang, whens: OnceLock::new(), page: OnceLock::new() }
    }

    pub(super) fn in_lang(&self, lang: Lang) -> Entry {
        Entry { whens: self.whens.clone(), ..Entry::new(self.id.clone(), self.source.clone(), lang) }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The page; `None` when it cannot be read, and a test sees to it that there is no such page.
    pub(super) fn page(&self) -> Option<&Page> {
        let page = match &self.source {
            Source::Read(page) if self.lang == Lang::En => return Some(page),
            source => self.page.get_or_init(|| {
                let page = match source {
                    Source::Read(page) => (**page).clone(),
                    Source::BuiltIn(text) => Page::parse(&self.id, text).ok()?,
                };
                Some(if self.lang == Lang::Zh { page.in_chinese() } else { page })
            }),
        };
        page.as_ref()
    }

    /// The page when one of its patterns is so.
    pub(super) fn page_if(&self, fits: impl Fn(&When) -> bool) -> Option<&Page> {
        self.whens().iter().any(fits).then(|| self.page()).flatten()
    }

    /// The patterns; what they say is in English.
    fn whens(&self) -> &[When] {
        match &self.source {
            Source::Read(page) => &page.head.when,
            Source::BuiltIn(text) => self.whens.get_or_init(|| patterns(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::pages::PAGES;
    use super::*;

    #[test]
    fn the_patterns_are_those_of_the_whole_page() {
        for (id, text) in PAGES {
            let entry = Entry::built_in(id, text);
            let page = entry.page().expect("a page");
            assert_eq!(format!("{:?}", entry.whens()), format!("{:?}", page.head.when), "{id}");
        }
    }
}
