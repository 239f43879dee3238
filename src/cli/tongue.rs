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
        let set = || variable("MESHWHY_LANG").as_deref().and_then(Lang::named);
        Tongue { asked: asked.or_else(set), locale: Lang::of_locale(variable) }
    }

    /// As it is, or in the language of the configuration file where nothing else was asked for.
    pub(super) fn or(self, lang: Option<Lang>) -> Tongue {
        Tongue { asked: self.asked.or(lang), ..self }
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

/// The arguments without a language and a configuration file before the command, which have been read: options come behind it, but nobody
/// should have to know.
pub(super) fn without_leading(mut args: Vec<OsString>) -> Vec<OsString> {
    loop {
        let text = |at: usize| args.get(at).and_then(|arg| arg.to_str()).unwrap_or_default();
        let named = |name: &str| Lang::named(name).is_some();
        let words = match text(1) {
            "--lang" if named(text(2)) => 2,
            "--config" if args.len() > 2 => 2,
            "--no-config" => 1,
            first if first.strip_prefix("--lang=").is_some_and(named) => 1,
            first if first.starts_with("--config=") => 1,
            _ => return args,
        };
        args.drain(1..=words);
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
