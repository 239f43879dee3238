//! What the user need not type: options from the environment and from the configuration file, and the file's aliases.
//!
//! All of it becomes part of the command line, before what was typed: so each option is read by one parser, whoever gave
//! it, and what was typed comes last and wins. Options that may be given several times (filters, gates) are not put in
//! where they were typed.

use std::ffi::OsString;

use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory};
use meshwhy::words::Lang;

use super::args::{Cli, Plugin};
use super::config::{self, Config};
use super::exit::Exit;
use super::help;
use super::run::tell;
use super::tongue::{self, Tongue};

/// The plugin's name among the commands.
pub(super) const PLUGIN: &str = "kubectl";
/// These mean the same wherever they stand, and are read before everything else.
const EARLY: [&str; 5] = ["help", "version", "lang", "config", "no-config"];

/// A command line: as it was typed, and with what need not be typed.
pub(super) struct Line {
    args: Vec<OsString>,
    /// Nothing was put in.
    bare: bool,
    typed: Vec<OsString>,
}

impl Line {
    pub(super) fn parse(&self, root: &mut Command) -> Result<ArgMatches, clap::Error> {
        root.try_get_matches_from_mut(&self.args)
    }

    /// Says what is wrong with it; also that the user's own words are not, where that is so.
    pub(super) fn complain(&self, error: &clap::Error, mut root: Command, lang: Lang) -> Exit {
        let exit = help::usage(error, lang);
        if exit != Exit::Done && !self.bare && root.try_get_matches_from_mut(&self.typed).is_ok() {
            tell(lang.pick(
                "options of the environment (MESHWHY_…) and of the configuration file are part of the command line",
                "环境变量（MESHWHY_…）和配置文件中的选项也是命令行的一部分",
            ));
        }
        exit
    }
}

/// The command line with the defaults put in. `root` is what it is parsed by; `plugin`: it is that of `kubectl meshwhy`.
///
/// # Errors
/// When the configuration file cannot be read, or has a slip in it.
pub(super) fn with_defaults(
    args: Vec<OsString>,
    root: &Command,
    plugin: bool,
    tongue: Tongue,
) -> meshwhy::Result<(Line, Tongue)> {
    let path = config::chosen(&args, config::variable);
    let other = || if plugin { Cli::command() } else { Plugin::command() };
    let config = match &path {
        None => Config::default(),
        Some(path) if plugin => Config::read(path, &other(), root)?,
        Some(path) => Config::read(path, root, &other())?,
    };
    let tongue = tongue.or(config.lang);
    let typed = tongue::without_leading(args);
    let set =
        |(name, _): (OsString, OsString)| name.to_str().is_some_and(|name| name.starts_with("MESHWHY_"));
    let args = match config.is_empty() && !std::env::vars_os().any(set) {
        true => typed.clone(),
        false => filled(&typed, root, plugin, &config, config::variable),
    };
    Ok((Line { bare: args == typed, args, typed }, tongue))
}

/// The command line with the options of a file and of the environment before those that were typed.
fn filled(
    typed: &[OsString],
    root: &Command,
    plugin: bool,
    config: &Config,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Vec<OsString> {
    let mut args = typed.to_vec();
    if !plugin && let Some(words) = alias(&args, root, config) {
        args.splice(1..2, words.iter().map(OsString::from));
    }
    if args.get(1).is_some_and(|first| first == "help") {
        return args;
    }
    let (mut command, mut name, mut at) = (root, plugin.then_some(PLUGIN), 1);
    while let Some(below) = args.get(at).and_then(|arg| command.find_subcommand(arg)) {
        (command, at) = (below, at + 1);
        name = name.or(Some(below.get_name()));
    }
    let mut defaults = Vec::new();
    for arg in options(command) {
        let long = arg.get_long().unwrap_or_default();
        if matches!(arg.get_action(), ArgAction::Append) && is_typed(long, &args[at..]) {
            continue;
        }
        let own = name.map(|name| (name, is_own(arg, name)));
        // What the environment says stands for what the file says.
        let values = environment(arg, long, own, &variable).unwrap_or_else(|| config.values(long, own));
        for value in values {
            let mut word = OsString::from(format!("--{long}"));
            if takes_value(arg) {
                word.push("=");
                word.push(value);
            }
            defaults.push(word);
        }
    }
    args.splice(at..at, defaults);
    args
}

fn is_typed(long: &str, args: &[OsString]) -> bool {
    let words = args.iter().take_while(|arg| *arg != "--").filter_map(|arg| arg.to_str()?.strip_prefix("--"));
    { words }.any(|word| word.split('=').next() == Some(long))
}

/// Options of a command that have a long name, without those that are read before everything else.
pub(super) fn options(command: &Command) -> impl Iterator<Item = &Arg> {
    let early = |arg: &&Arg| arg.get_long().is_some_and(|long| !EARLY.contains(&long));
    command.get_arguments().filter(early)
}

pub(super) fn takes_value(arg: &Arg) -> bool {
    !matches!(arg.get_action(), ArgAction::SetTrue)
}

/// True when an option means something else in this command than in others, so that a default for all is none for it:
/// forms of the output, and kubectl's own options.
fn is_own(arg: &Arg, command: &str) -> bool {
    let long = arg.get_long().unwrap_or_default();
    match command {
        PLUGIN => arg.get_help_heading().is_some_and(|heading| heading.contains("kubectl")),
        _ => long == "output",
    }
}

/// `MESHWHY_FAIL_OVER`; `MESHWHY_REPORT_OUTPUT` for one command alone.
fn environment(
    arg: &Arg,
    long: &str,
    own: Option<(&str, bool)>,
    variable: &impl Fn(&str) -> Option<OsString>,
) -> Option<Vec<OsString>> {
    let name = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|word| word.to_uppercase().replace('-', "_")).collect();
        format!("MESHWHY_{}", words.join("_"))
    };
    let alone = own.and_then(|(command, _)| variable(&name(&[command, long])));
    let shared = || own.is_none_or(|(_, own)| !own).then(|| variable(&name(&[long]))).flatten();
    let value = alone.or_else(shared).filter(|value| !value.is_empty())?;
    if takes_value(arg) {
        return Some(vec![value]);
    }
    let no = ["0", "false", "no", "off"].iter().any(|no| value.eq_ignore_ascii_case(no));
    Some(if no { Vec::new() } else { vec![value] })
}

/// What the first word stands for, where it is an alias and no command.
fn alias<'c>(args: &[OsString], root: &Command, config: &'c Config) -> Option<&'c [String]> {
    let first = args.get(1)?;
    if root.find_subcommand(first).is_some() {
        return None;
    }
    config.alias(first.to_str()?)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::error::ErrorKind;

    use super::*;

    fn typed(config: &str, variables: &[(&str, &str)], args: &[&str]) -> String {
        let root = Cli::command();
        let config = Config::parse(Path::new("/c/meshwhy.toml"), config, &root).expect("a configuration");
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        };
        let args = filled(&tongue::without_leading(args), &root, false, &config, variable);
        args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_was_typed_comes_last() {
        let config =
            "top = 20\nno-probes = true\nquiet = false\nupstream = ['a', '!b']\n[report]\noutput = 'html'\n";
        assert_eq!(
            typed(config, &[("MESHWHY_TOP", "5")], &["meshwhy", "--top", "7", "x.log"]),
            "meshwhy --upstream=a --upstream=!b --no-probes --top=5 --top 7 x.log"
        );
        assert_eq!(
            typed(config, &[], &["meshwhy", "x.log", "--upstream=c"]),
            "meshwhy --no-probes --top=20 x.log --upstream=c"
        );
        assert_eq!(
            typed(config, &[("MESHWHY_OUTPUT", "json"), ("MESHWHY_NO_PROBES", "0")], &["meshwhy", "report"]),
            "meshwhy report --upstream=a --upstream=!b --output=html --top=20"
        );
        assert_eq!(
            typed("", &[("MESHWHY_RECORDS_OUTPUT", "csv")], &["meshwhy", "--lang", "zh", "records", "x"]),
            "meshwhy records --output=csv x"
        );
        assert_eq!(
            typed("rules = 'r'", &[], &["meshwhy", "catalog", "causes"]),
            "meshwhy catalog causes --rules=/c/r"
        );
        assert_eq!(typed("top = 3", &[], &["meshwhy", "man"]), "meshwhy man");
    }

    #[test]
    fn aliases_stand_for_words() {
        let config = "top = 3\n[aliases]\nbad = ['records', '--code', '5xx']\nslow = \"--duration '>1s' --no-probes\"\n";
        assert_eq!(typed(config, &[], &["meshwhy", "bad", "x.log"]), "meshwhy records --code 5xx x.log");
        assert_eq!(typed(config, &[], &["meshwhy", "slow"]), "meshwhy --top=3 --duration >1s --no-probes");
        assert_eq!(typed(config, &[], &["meshwhy", "x.log", "bad"]), "meshwhy --top=3 x.log bad");
    }

    /// What a command needs besides its options.
    const NEEDED: [(&[&str], &[&str]); 6] = [
        (&["compare"], &["--split-at=2026-11-22T14:05:00Z"]),
        (&["trace"], &["an-id"]),
        (&["merge"], &["a.snapshot"]),
        (&["explain"], &["UF"]),
        (&["completions"], &["bash"]),
        (&["catalog", "causes"], &[]),
    ];

    /// All commands, with what has to be typed to reach them.
    fn commands(root: &Command) -> Vec<(Vec<String>, &Command)> {
        let mut all = vec![(Vec::new(), root)];
        let mut at = 0;
        while let Some((words, command)) = all.get(at).cloned() {
            let below = |below| ([&words[..], &[String::from(Command::get_name(below))]].concat(), below);
            all.extend(command.get_subcommands().filter(|below| below.get_name() != "help").map(below));
            at += 1;
        }
        all
    }

    /// Each option of each command, given by the environment or by the file and by nothing else, is read by the parser as
    /// if it had been typed.
    #[test]
    fn every_option_may_come_from_the_environment_and_from_the_file() {
        let mut seen = 0;
        for plugin in [false, true] {
            let mut root = if plugin { Plugin::command() } else { Cli::command() };
            root.build();
            for (words, command) in commands(&root) {
                for arg in options(command) {
                    let long = arg.get_long().expect("a name");
                    let value = match arg.get_possible_values().first() {
                        _ if !takes_value(arg) => "true".to_owned(),
                        Some(value) => value.get_name().to_owned(),
                        None => "7".to_owned(),
                    };
                    let name = match (words.first(), plugin) {
                        (Some(command), _) if is_own(arg, command) => Some(command.as_str()),
                        (_, true) if is_own(arg, PLUGIN) => Some(PLUGIN),
                        _ => None,
                    };
                    let variable = [name, Some(long)].into_iter().flatten().collect::<Vec<_>>().join("-");
                    let variable = format!("MESHWHY_{}", variable.to_uppercase().replace('-', "_"));
                    let quoted = if takes_value(arg) { format!("{value:?}") } else { value.clone() };
                    let table = name.map_or(String::new(), |name| format!("[{name}]\n"));
                    let other = if plugin { Cli::command() } else { Plugin::command() };
                    let (cli, kubectl) = if plugin { (&other, &root) } else { (&root, &other) };
                    let text = format!("{table}{long} = {quoted}\n");
                    let file = Config::parse_with(Path::new("m.toml"), &text, cli, Some(kubectl));
                    let file = file.unwrap_or_else(|error| panic!("{words:?} --{long}: {error}"));
                    for (config, set) in [(&file, false), (&Config::default(), true)] {
                        let mut typed: Vec<OsString> = ["meshwhy"]
                            .into_iter()
                            .map(OsString::from)
                            .chain(words.iter().map(OsString::from))
                            .collect();
                        let needed = NEEDED.iter().find(|(command, _)| words.iter().eq(*command));
                        typed.extend(needed.into_iter().flat_map(|(_, args)| *args).map(OsString::from));
                        let of = |asked: &str| (set && asked == variable).then(|| OsString::from(&value));
                        let args = filled(&typed, &root, plugin, config, of);
                        assert!(args.len() == typed.len() + 1, "{words:?} {variable}: {args:?}");
                        match root.clone().try_get_matches_from(&args) {
                            Ok(matches) => {
                                let below = words.iter().try_fold(&matches, |matches, word| {
                                    matches
                                        .subcommand()
                                        .filter(|(name, _)| name == word)
                                        .map(|(_, below)| below)
                                });
                                let source = below.expect("the command").value_source(arg.get_id().as_str());
                                assert_eq!(
                                    source,
                                    Some(clap::parser::ValueSource::CommandLine),
                                    "{words:?} --{long}"
                                );
                            }
                            // It was read, and asks for another one.
                            Err(error) => assert!(
                                matches!(
                                    error.kind(),
                                    ErrorKind::MissingRequiredArgument | ErrorKind::ArgumentConflict
                                ),
                                "{words:?} --{long}: {error}"
                            ),
                        }
                        seen += 1;
                    }
                }
            }
        }
        assert!(seen > 400, "{seen}");
    }
}
