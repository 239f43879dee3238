//! The two languages. A sentence stands in the code once, in both of them side by side, so that none can lack one:
//! `say!` makes it in the language that is asked for, `both!` makes it in both, where that is not known yet.
//!
//! Pages and tables carry their Chinese themselves: a page in the `[zh]` table of its head, a row in its `zh`.

use std::fmt;

/// A sentence in the language that is asked for: `say!(lang, "{n} failed", "{n} 个失败")`.
#[macro_export]
macro_rules! say {
    ($lang:expr, $en:literal, $zh:literal $(,)?) => {
        match $lang {
            $crate::words::Lang::En => ::std::format!($en),
            $crate::words::Lang::Zh => ::std::format!($zh),
        }
    };
}

/// A sentence in both languages, as a [`Said`].
#[macro_export]
macro_rules! both {
    ($en:literal, $zh:literal $(,)?) => {
        $crate::words::Said { en: ::std::format!($en), zh: ::std::format!($zh) }
    };
}

/// A language of people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Chinese, in simplified characters.
    Zh,
}

impl Lang {
    /// The language of this name, as in `--lang zh`.
    pub fn named(name: &str) -> Option<Lang> {
        match name {
            "en" => Some(Lang::En),
            "zh" => Some(Lang::Zh),
            _ => None,
        }
    }

    /// The language of the user's locale: the first variable that is set decides, as everywhere on POSIX systems.
    pub fn of_locale(variable: impl Fn(&str) -> Option<String>) -> Lang {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set).unwrap_or_default();
        // `zh_CN.UTF-8`, `zh-Hans`, `zh`.
        let language = locale.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        if language.eq_ignore_ascii_case("zh") { Lang::Zh } else { Lang::En }
    }

    /// What belongs to this language.
    pub fn pick<T>(self, en: T, zh: T) -> T {
        match self {
            Lang::En => en,
            Lang::Zh => zh,
        }
    }

    /// Between the items of a list in a sentence.
    pub fn comma(self) -> &'static str {
        self.pick(", ", "、")
    }

    /// Between the parts of a sentence that stand for themselves.
    pub fn semicolon(self) -> &'static str {
        self.pick("; ", "；")
    }

    /// An aside in brackets, with the blank before it that English wants.
    pub fn aside(self, text: &str) -> String {
        say!(self, " ({text})", "（{text}）")
    }
}

/// A sentence in both languages, made before it is known who will read it. Shows itself in English.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// In English.
    pub en: String,
    /// In Chinese.
    pub zh: String,
}

impl Said {
    /// The sentence in a language.
    pub fn in_lang(&self, lang: Lang) -> &str {
        lang.pick(&self.en, &self.zh)
    }
}

impl Said {
    /// Behind what it is about: `--since: "x" is no time`.
    #[must_use]
    pub fn behind(&self, what: &str) -> Said {
        let Said { en, zh } = self;
        both!("{what}: {en}", "{what}：{zh}")
    }
}

impl Said {
    /// With the known name that the mistaken one is nearest to, where one is near.
    #[must_use]
    pub fn meant<'n>(self, name: &str, known: impl IntoIterator<Item = &'n str>) -> Said {
        let Some(near) = nearest(name, known) else { return self };
        let Said { en, zh } = self;
        both!("{en}; is {near:?} meant?", "{zh}；是否指 {near:?}？")
    }
}

/// The nearest name, where one is so near that a slip of the hand would explain the difference.
pub fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    // Linear time, whatever was typed.
    let name: String = name.chars().take(LONGEST_NAME).collect();
    let like = |known: &'n str| (strsim::jaro_winkler(&name, known), known);
    let scored = known.into_iter().map(like).filter(|(score, _)| *score > ENOUGH);
    scored.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, known)| known)
}

/// One letter too few, too many or wrong in a short name.
const ENOUGH: f64 = 0.85;

/// No name is longer.
const LONGEST_NAME: usize = 300;

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.en)
    }
}

/// True for text with at least one Chinese character.
pub fn is_chinese(text: &str) -> bool {
    text.chars().any(|c| matches!(c, '\u{4e00}'..='\u{9fff}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_decides() {
        let of = |all: &str, messages: &str, lang: &str| {
            Lang::of_locale(|name| {
                let value = match name {
                    "LC_ALL" => all,
                    "LC_MESSAGES" => messages,
                    _ => lang,
                };
                Some(value.to_owned())
            })
        };
        assert_eq!(of("", "", "zh_CN.UTF-8"), Lang::Zh);
        assert_eq!(of("", "", "zh-Hans"), Lang::Zh);
        assert_eq!(of("", "zh", "en_US.UTF-8"), Lang::Zh);
        assert_eq!(of("C.UTF-8", "zh_CN", "zh_CN"), Lang::En);
        assert_eq!(of("", "", "zha_XX"), Lang::En);
        assert_eq!(Lang::of_locale(|_| None), Lang::En);
    }

    #[test]
    fn a_sentence_has_both_languages() {
        let n = 3;
        assert_eq!(say!(Lang::En, "{n} failed", "{n} 个失败"), "3 failed");
        let said = both!("{n} failed", "{n} 个失败");
        assert_eq!((said.to_string().as_str(), said.in_lang(Lang::Zh)), ("3 failed", "3 个失败"));
    }
}
