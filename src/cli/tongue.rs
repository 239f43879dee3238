//! Which language is spoken: `--lang` decides; without it the locale decides for people, and scripts get English.

use std::ffi::OsString;

use meshwhy::words::Lang;

/// What the user asked for, and what the locale says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tongue {
    asked: Option<Lang>,
    locale: Lang,
}

impl Tongue {
    /// Reads it from the raw arguments: help and errors about the arguments need it, too.
    pub(crate) fn of(args: &[OsString], variable: impl Fn(&str) -> Option<String>) -> Tongue {
        let mut asked = None;
        let mut texts = args.iter().skip(1).map(|arg| arg.to_str().unwrap_or_default());
        while let Some(text) = texts.next().filter(|text| *text != "--") {
            let name = match text.strip_prefix("--lang") {
                Some("") => texts.next(),
                Some(rest) => rest.strip_prefix('='),
                None => None,
            };
            asked = name.and_then(Lang::named).or(asked);
        }
        Tongue { asked, locale: Lang::of_locale(variable) }
    }

    /// For people: screens, documents, messages.
    pub(crate) fn people(self) -> Lang {
        self.asked.unwrap_or(self.locale)
    }

    /// For an output of this name: those for scripts do not change with the locale of who runs them.
    pub(super) fn output(self, name: &str) -> Lang {
        match name {
            "table" | "markdown" | "html" => self.people(),
            _ => self.asked.unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tongue(args: &[&str], locale: &str) -> Tongue {
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        Tongue::of(&args, |name| (name == "LANG").then(|| locale.to_owned()))
    }

    #[test]
    fn the_option_stands_above_the_locale_and_scripts_get_english() {
        let by_locale = tongue(&["meshwhy", "a.log"], "zh_CN.UTF-8");
        assert_eq!((by_locale.people(), by_locale.output("table")), (Lang::Zh, Lang::Zh));
        assert_eq!((by_locale.output("json"), by_locale.output("html")), (Lang::En, Lang::Zh));
        for args in [&["meshwhy", "--lang", "zh"][..], &["meshwhy", "report", "--lang=zh"]] {
            assert_eq!(tongue(args, "C").output("json"), Lang::Zh, "{args:?}");
        }
        assert_eq!(tongue(&["meshwhy", "--lang", "en"], "zh_CN").people(), Lang::En);
        assert_eq!(tongue(&["meshwhy", "--", "--lang", "zh"], "C").people(), Lang::En);
    }
}
