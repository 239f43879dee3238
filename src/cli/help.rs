//! Help and messages about the command line, in both languages. The English is that of the arguments themselves
//! (`args.rs`); this file has the Chinese of each of its sentences, and a test that finds those it lacks.

use std::fmt::Write as _;
use std::io::{Write as _, stderr, stdout};

use clap::builder::{PossibleValue, StyledStr};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, CommandFactory};
use meshwhy::words::Lang;

use super::args::{Cli, Plugin};
use super::exit::Exit;
use super::help_zh::{HELP, SIGNS};

/// The command line with its help in a language.
pub(super) fn command(lang: Lang) -> Command {
    match lang {
        Lang::En => Cli::command(),
        Lang::Zh => in_chinese(Cli::command()),
    }
}

/// The plugin's command line with its help in a language.
pub(super) fn plugin(lang: Lang) -> Command {
    match lang {
        Lang::En => Plugin::command(),
        Lang::Zh => in_chinese(Plugin::command()),
    }
}

/// The short help.
pub(super) fn help(lang: Lang) -> String {
    signs(&command(lang).render_help().to_string(), lang)
}

/// Help and version are results; everything else is a slip.
pub(super) fn usage(error: &clap::Error, lang: Lang) -> Exit {
    let slip = error.use_stderr();
    // A closed pipe is nobody who could be told.
    let _ = match lang {
        Lang::En => error.print(),
        Lang::Zh if slip => write!(anstream::AutoStream::auto(stderr()), "{}", slip_in_chinese(error)),
        Lang::Zh => {
            let text = signs(&error.render().ansi().to_string(), lang);
            write!(anstream::AutoStream::auto(stdout()), "{text}")
        }
    };
    if slip { Exit::Usage } else { Exit::Done }
}

fn told(english: &str) -> Option<&'static str> {
    HELP.iter().find(|(en, _)| *en == english).map(|(_, zh)| *zh)
}

fn in_chinese(command: Command) -> Command {
    let say = |text: Option<&StyledStr>| text.and_then(|text| told(&text.to_string()));
    let (about, long, after) =
        (say(command.get_about()), say(command.get_long_about()), say(command.get_after_help()));
    let mut command = command
        .mut_args(argument_in_chinese)
        .mut_subcommands(in_chinese)
        .subcommand_help_heading("命令")
        .disable_help_subcommand(true);
    if let Some(text) = about {
        command = command.about(text);
    }
    if let Some(text) = long {
        command = command.long_about(text);
    }
    if let Some(text) = after {
        command = command.after_help(text);
    }
    command
}

fn argument_in_chinese(arg: Arg) -> Arg {
    let say = |text: Option<&StyledStr>| text.and_then(|text| told(&text.to_string()));
    let (short, long) = (say(arg.get_help()), say(arg.get_long_help()));
    let heading = arg.get_help_heading().and_then(told);
    let values: Vec<PossibleValue> = arg.get_possible_values();
    let described = values.iter().any(|value| value.get_help().is_some());
    let mut arg = match heading {
        Some(heading) => arg.help_heading(heading),
        None => arg,
    };
    if let Some(text) = short {
        arg = arg.help(text);
    }
    if let Some(text) = long {
        arg = arg.long_help(text);
    }
    // What the values mean stands in the list of them, which belongs to the parser.
    if described && arg.is_positional() {
        let lines: Vec<String> = values
            .iter()
            .map(|value| {
                let meaning = value.get_help().and_then(|text| told(&text.to_string())).unwrap_or_default();
                format!("{}：{meaning}", value.get_name())
            })
            .collect();
        let head = short.unwrap_or_default();
        arg = arg.long_help(format!("{head}：\n{}", lines.join("\n"))).hide_possible_values(true);
    }
    arg
}

/// The few words that clap itself writes into a help text.
fn signs(text: &str, lang: Lang) -> String {
    match lang {
        Lang::En => text.to_owned(),
        Lang::Zh => SIGNS.iter().fold(text.to_owned(), |text, (en, zh)| text.replace(en, zh)),
    }
}

/// A slip on the command line: what is wrong, what would be right, and the usage.
fn slip_in_chinese(error: &clap::Error) -> String {
    let of = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join("、"),
        Some(ContextValue::Number(n)) => n.to_string(),
        Some(ContextValue::StyledStr(text)) => text.to_string(),
        _ => String::new(),
    };
    let (arg, value) = (of(ContextKind::InvalidArg), of(ContextKind::InvalidValue));
    let what = match error.kind() {
        ErrorKind::UnknownArgument => format!("无法识别的参数 {arg}"),
        ErrorKind::InvalidSubcommand => format!("无法识别的命令 {}", of(ContextKind::InvalidSubcommand)),
        ErrorKind::InvalidValue if value.is_empty() => format!("{arg} 缺少值"),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => format!("{arg} 的值 {value:?} 无效"),
        ErrorKind::ArgumentConflict => {
            let other = of(ContextKind::PriorArg);
            match other == arg || other.is_empty() {
                true => format!("{arg} 只能使用一次，或不能与其他参数同时使用"),
                false => format!("{arg} 不能与 {other} 同时使用"),
            }
        }
        ErrorKind::MissingRequiredArgument => format!("缺少必需的参数：{arg}"),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            "缺少命令".to_owned()
        }
        ErrorKind::NoEquals => format!("{arg} 的值要写在等号之后"),
        ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues | ErrorKind::TooManyValues => {
            format!("{arg} 的值的个数不对")
        }
        ErrorKind::InvalidUtf8 => "参数不是 UTF-8".to_owned(),
        _ => "命令行有误".to_owned(),
    };
    let mut out = format!("错误：{what}\n");
    let valid = of(ContextKind::ValidValue);
    if !valid.is_empty() {
        let _ = writeln!(out, "  [可选值：{valid}]");
    }
    for kind in [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue] {
        let meant = of(kind);
        if !meant.is_empty() {
            let _ = writeln!(out, "\n  提示：是否要用 {meant}？");
        }
    }
    let usage = of(ContextKind::Usage);
    if !usage.is_empty() {
        let _ = writeln!(out, "\n{}", signs(usage.trim_end(), Lang::Zh));
    }
    out.push_str("\n更多信息见 --help。\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every sentence of the help of a command and of those below it.
    fn sentences(command: &Command, out: &mut Vec<String>) {
        let mut add = |text: Option<&StyledStr>| out.extend(text.map(StyledStr::to_string));
        add(command.get_about());
        add(command.get_long_about());
        add(command.get_after_help());
        for arg in command.get_arguments() {
            add(arg.get_help());
            add(arg.get_long_help());
            arg.get_possible_values().iter().for_each(|value| add(value.get_help()));
        }
        out.extend(command.get_arguments().filter_map(|arg| arg.get_help_heading().map(str::to_owned)));
        command.get_subcommands().for_each(|below| sentences(below, out));
    }

    #[test]
    fn every_sentence_of_the_help_is_told_in_chinese() {
        let mut all = Vec::new();
        sentences(&Cli::command(), &mut all);
        sentences(&Plugin::command(), &mut all);
        all.sort();
        all.dedup();
        let missing: Vec<&String> = all.iter().filter(|text| told(text).is_none()).collect();
        assert!(missing.is_empty(), "these lack their Chinese in help_zh.rs:\n{missing:#?}");
        let stale: Vec<_> = HELP.iter().filter(|(en, _)| !all.iter().any(|text| text == en)).collect();
        assert!(stale.is_empty(), "nobody says these any more:\n{stale:#?}");
    }

    #[test]
    fn the_chinese_command_line_is_the_same_command_line() {
        command(Lang::Zh).debug_assert();
        plugin(Lang::Zh).debug_assert();
        let names = |lang| {
            let mut command = command(lang);
            command.build();
            let of = |command: &Command| command.get_arguments().map(|a| a.get_id().to_string()).collect();
            let mut all: Vec<Vec<String>> = vec![of(&command)];
            all.extend(command.get_subcommands().filter(|c| c.get_name() != "help").map(of));
            all
        };
        assert_eq!(names(Lang::Zh), names(Lang::En));
    }

    #[test]
    fn slips_are_told_in_chinese() {
        for (args, part) in [
            (&["meshwhy", "--bogus"][..], "无法识别的参数 --bogus"),
            (&["meshwhy", "--top", "x"], "--top <N> 的值 \"x\" 无效"),
            (&["meshwhy", "--fail-on", "x"], "[可选值：critical、warning]"),
            (&["meshwhy", "compare", "--before", "a"], "缺少必需的参数：--after"),
            (&["meshwhy", "--top"], "--top <N> 缺少值"),
        ] {
            let error = command(Lang::Zh).try_get_matches_from(args).expect_err("a slip");
            let text = slip_in_chinese(&error);
            assert!(text.contains(part) && text.starts_with("错误："), "{args:?}: {text}");
        }
    }
}
