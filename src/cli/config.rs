//! The configuration file: defaults of options, and aliases. Its keys are the long names of options; a slip is an error
//! with line and column, never ignored.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use clap::Command;
use meshwhy::report::palette::Palette;
use meshwhy::words::{Lang, Said};
use meshwhy::{Result, both};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::defaults::{PLUGIN, options, takes_value};
use super::plan::wrong;

/// Name of the file in the folder of the platform.
const FILE: &str = "meshwhy.toml";
/// Options whose value is a path: a relative one counts from the file's own folder.
const PATHS: [&str; 2] = ["rules", "format-from"];
/// The table of aliases.
const ALIASES: &str = "aliases";
/// The table of colours, as both shores write it, and the option that it stands for.
const COLOURS: [&str; 2] = ["colours", "colors"];
const PALETTE: &str = "palette";

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct Config {
    /// Values of options, by command (none: of all) and long name.
    options: BTreeMap<(Option<String>, String), Vec<OsString>>,
    aliases: BTreeMap<String, Vec<String>>,
    /// Language of all prose.
    pub(super) lang: Option<Lang>,
}

/// `meshwhy` in the folder where this platform keeps configuration.
pub(super) fn folder(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let path = |name| variable(name).map(PathBuf::from);
    let home = |below: &str| path("HOME").map(|home| home.join(below));
    let base = match env::consts::OS {
        "windows" => path("APPDATA"),
        "macos" => path("XDG_CONFIG_HOME").or_else(|| home("Library/Application Support")),
        _ => path("XDG_CONFIG_HOME").or_else(|| home(".config")),
    };
    // A relative path would make the answer depend on where one stands.
    base.filter(|base| base.is_absolute()).map(|base| base.join("meshwhy"))
}

/// The file that is to be read: `--config FILE`, `MESHWHY_CONFIG`, or the platform's where there is one; none after
/// `--no-config`.
pub(super) fn chosen(args: &[OsString], variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let mut asked = None;
    let mut rest = args.iter().skip(1).take_while(|arg| *arg != "--");
    while let Some(arg) = rest.next() {
        if arg == "--no-config" {
            return None;
        } else if arg == "--config" {
            asked = rest.next().map(PathBuf::from).or(asked);
        } else if let Some(path) = arg.to_str().and_then(|arg| arg.strip_prefix("--config=")) {
            asked = Some(PathBuf::from(path));
        }
    }
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let own = || folder(set).map(|folder| folder.join(FILE)).filter(|path| path.is_file());
    asked.or_else(|| set("MESHWHY_CONFIG").map(PathBuf::from)).or_else(own)
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or has a slip in it.
    pub(super) fn read(path: &Path, root: &Command, plugin: &Command) -> Result<Config> {
        let text = fs::read_to_string(path).map_err(|cause| {
            let path = path.display();
            wrong(both!("--config {path}: {cause}", "--config {path}：{cause}"))
        })?;
        Config::parse_with(path, &text, root, Some(plugin))
    }

    #[cfg(test)]
    pub(super) fn parse(path: &Path, text: &str, root: &Command) -> Result<Config> {
        Config::parse_with(path, text, root, None)
    }

    pub(super) fn parse_with(
        path: &Path,
        text: &str,
        root: &Command,
        plugin: Option<&Command>,
    ) -> Result<Config> {
        let page = Page { path, text };
        let table = DeTable::parse(text).map_err(|error| {
            let said = error.message();
            page.slip(error.span().map_or(0, |span| span.start), both!("{said}", "{said}"))
        })?;
        let mut config = Config::default();
        for (key, value) in table.get_ref() {
            let (name, at) = (key.get_ref().as_ref(), key.span().start);
            let command = match name {
                PLUGIN => plugin,
                _ => root.find_subcommand(name),
            };
            match (value.get_ref(), command) {
                (DeValue::Table(aliases), _) if name == ALIASES => {
                    for (name, words) in aliases {
                        let words = page.words(words.get_ref(), words.span().start)?;
                        config.aliases.insert(name.get_ref().to_string(), words);
                    }
                }
                (DeValue::Table(tones), _) if COLOURS.contains(&name) => {
                    let wishes = tones.iter().map(|(tone, style)| page.colour(tone, style));
                    let wishes = wishes.collect::<Result<_>>()?;
                    config.options.insert((None, PALETTE.to_owned()), wishes);
                }
                (DeValue::Table(table), Some(command)) => {
                    for (key, value) in table {
                        let (long, at) = (key.get_ref().as_ref(), key.span().start);
                        let values =
                            page.option(&[command], long, at, value.get_ref(), value.span().start)?;
                        config.options.insert((Some(name.to_owned()), long.to_owned()), values);
                    }
                }
                (value_of, _) if name == "lang" => {
                    let named = value_of.as_str().and_then(Lang::named);
                    let slip =
                        || page.slip(value.span().start, both!("en or zh is expected", "应为 en 或 zh"));
                    config.lang = Some(named.ok_or_else(slip)?);
                }
                (value_of, _) => {
                    let all: Vec<&Command> = [root].into_iter().chain(root.get_subcommands()).collect();
                    let values = page.option(&all, name, at, value_of, value.span().start)?;
                    config.options.insert((None, name.to_owned()), values);
                }
            }
        }
        Ok(config)
    }

    /// Values of an option: of this command alone, else those of all commands unless the option is the command's own.
    pub(super) fn values(&self, long: &str, own: Option<(&str, bool)>) -> Vec<OsString> {
        let of =
            |command: Option<&str>| self.options.get(&(command.map(str::to_owned), long.to_owned())).cloned();
        let alone = own.and_then(|(command, _)| of(Some(command)));
        let shared = || own.is_none_or(|(_, own)| !own).then(|| of(None)).flatten();
        alone.or_else(shared).unwrap_or_default()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.options.is_empty() && self.aliases.is_empty()
    }

    pub(super) fn alias(&self, name: &str) -> Option<&[String]> {
        self.aliases.get(name).map(Vec::as_slice)
    }
}

/// The file while it is read.
#[derive(Clone, Copy)]
struct Page<'p> {
    path: &'p Path,
    text: &'p str,
}

impl Page<'_> {
    fn slip(self, at: usize, message: Said) -> meshwhy::Error {
        let (line, column) = meshwhy::error::line_and_column(self.text, at);
        wrong(message.behind(&format!("{}:{line}:{column}", self.path.display())))
    }

    /// What an option's value becomes on the command line.
    fn option(
        self,
        commands: &[&Command],
        long: &str,
        at: usize,
        value: &DeValue<'_>,
        value_at: usize,
    ) -> Result<Vec<OsString>> {
        let named = |name: &str| {
            commands.iter().flat_map(|command| options(command)).find(|arg| arg.get_long() == Some(name))
        };
        let Some(arg) = named(long) else {
            let known = commands.iter().flat_map(|command| options(command)).filter_map(clap::Arg::get_long);
            let near = meshwhy::words::nearest(long, known.chain([ALIASES, COLOURS[0], COLOURS[1]]));
            return Err(self.slip(
                at,
                match near {
                    Some(near) => both!(
                        "{long:?} is no option; is {near:?} meant?",
                        "没有选项 {long:?}；是否指 {near:?}？"
                    ),
                    None => both!("{long:?} is no option", "没有选项 {long:?}"),
                },
            ));
        };
        match (takes_value(arg), value) {
            (false, DeValue::Boolean(yes)) => Ok(if *yes { vec!["true".into()] } else { Vec::new() }),
            (false, _) => Err(self.slip(value_at, both!("true or false is expected", "应为 true 或 false"))),
            (true, DeValue::Array(items)) => {
                items.iter().map(|item| self.plain(long, item.get_ref(), item.span().start)).collect()
            }
            (true, value) => Ok(vec![self.plain(long, value, value_at)?]),
        }
    }

    fn plain(self, long: &str, value: &DeValue<'_>, at: usize) -> Result<OsString> {
        let text = match value {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().to_owned(),
            DeValue::Float(number) => number.as_str().to_owned(),
            _ => return Err(self.slip(at, both!("a text or a number is expected", "应为文本或数字"))),
        };
        let base = self.path.parent().filter(|_| PATHS.contains(&long));
        Ok(base.map_or(text.clone().into(), |base| base.join(text).into_os_string()))
    }

    /// A line of the table of colours, as the option has it.
    fn colour(self, tone: &Spanned<Cow<'_, str>>, style: &Spanned<DeValue<'_>>) -> Result<OsString> {
        let at = style.span().start;
        let Some(text) = style.get_ref().as_str() else {
            return Err(
                self.slip(at, both!("a style is expected, such as 'bold red'", "应为样式，如 'bold red'"))
            );
        };
        let wish = format!("{}={text}", tone.get_ref());
        Palette::default().with(&wish).map_err(|error| self.slip(at, error.said()))?;
        Ok(wish.into())
    }

    /// The words of an alias: a list, or a text with blanks between them.
    fn words(self, value: &DeValue<'_>, at: usize) -> Result<Vec<String>> {
        let slip = || {
            self.slip(
                at,
                both!(
                    "an alias is a list of words, or a text with blanks between them",
                    "别名应为词的列表，或以空格分隔的文本"
                ),
            )
        };
        let words = match value {
            DeValue::String(text) => split(text).ok_or_else(slip)?,
            DeValue::Array(items) => {
                let word = |item: &Spanned<DeValue<'_>>| item.get_ref().as_str().map(str::to_owned);
                items.iter().map(|item| word(item).ok_or_else(slip)).collect::<Result<_>>()?
            }
            _ => return Err(slip()),
        };
        if words.is_empty() { Err(slip()) } else { Ok(words) }
    }
}

/// Words between blanks; quotes of both kinds keep blanks together. `None`: a quote has no end.
fn split(text: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut open) = (Vec::new(), None::<String>, None);
    for c in text.chars() {
        match (open, c) {
            (Some(quote), c) if c == quote => open = None,
            (None, '"' | '\'') => {
                open = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    open.is_none().then_some(words)
}

/// A variable of the environment that is set to something.
pub(super) fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| value != OsStr::new(""))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::super::args::Cli;
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn the_folder_is_where_the_platform_says() {
        let folder = |xdg: Option<&str>, home: Option<&str>| {
            folder(|name| if name == "HOME" { home } else { xdg }.map(OsString::from))
        };
        assert_eq!(folder(Some("/c"), Some("/h")), Some("/c/meshwhy".into()));
        assert_eq!(folder(None, Some("/h")), Some("/h/.config/meshwhy".into()));
        assert_eq!(folder(Some("c"), Some("/h")), None);
        assert_eq!(folder(None, None), None);
    }

    #[test]
    fn the_file_that_is_asked_for_is_read() {
        let chosen = |args: &[&str], variable: Option<&str>| {
            let args: Vec<OsString> = ["meshwhy"].iter().chain(args).map(OsString::from).collect();
            chosen(&args, |name| variable.filter(|_| name == "MESHWHY_CONFIG").map(OsString::from))
        };
        assert_eq!(chosen(&["report", "--config", "a"], Some("b")), Some("a".into()));
        assert_eq!(chosen(&["--config=a"], None), Some("a".into()));
        assert_eq!(chosen(&["x"], Some("b")), Some("b".into()));
        assert_eq!(chosen(&["--config", "a", "--no-config"], Some("b")), None);
        assert_eq!(chosen(&["--", "--config", "a"], None), None);
    }

    #[test]
    fn a_slip_names_its_place() {
        let read = |text: &str| {
            Config::parse(Path::new("m.toml"), text, &Cli::command()).expect_err("a slip").to_string()
        };
        for (text, part) in [
            ("top = 3\nuptream = 'a'\n", "m.toml:2:1: \"uptream\" is no option; is \"upstream\" meant?"),
            ("[report]\nby = 'pod'\n", "m.toml:2:1: \"by\" is no option"),
            ("no-probes = 'yes'\n", "m.toml:1:13: true or false is expected"),
            ("top = true\n", "m.toml:1:7: a text or a number is expected"),
            ("upstream = ['a', true]\n", "m.toml:1:18: a text or a number is expected"),
            ("[aliases]\nx = \"'a\"\n", "m.toml:2:5: an alias is a list of words"),
            ("[nothing]\nx = 1\n", "m.toml:1:2: \"nothing\" is no option"),
            ("[colours]\nok = 'greem'\n", "m.toml:2:6: \"ok=greem\" is no style"),
            ("[colors]\nok = 3\n", "m.toml:2:6: a style is expected"),
            ("colour = 1\n", "is \"colours\" meant?"),
            ("top = \n", "m.toml:1:"),
        ] {
            let said = read(text);
            assert!(said.contains(part), "{text}: {said}");
        }
    }

    #[test]
    fn quotes_keep_blanks_together() {
        let words = |text| split(text).expect("words");
        assert_eq!(words("a  'b c'\td\"e f\"g ''"), ["a", "b c", "de fg", ""]);
        assert_eq!(split("'a"), None);
    }
}
