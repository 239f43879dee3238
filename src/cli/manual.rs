//! Manual pages and completions, made from the command line itself.

use std::fs;
use std::path::Path;

use clap::Command;
use clap_mangen::Man;
use meshwhy::words::{Lang, nearest};
use meshwhy::{ErrorKind, Result, both};

use super::help;
use super::plan::wrong;

/// The completions of a shell.
pub(super) fn completions(shell: clap_complete::Shell) -> Vec<u8> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut help::command(Lang::En), "meshwhy", &mut text);
    text
}

/// The page of a command, or of the program.
pub(super) fn page(command: Option<&str>, lang: Lang) -> Result<Vec<u8>> {
    let root = built(help::command(lang));
    let Some(name) = command else { return rendered(&root) };
    let found = root.find_subcommand(name).ok_or_else(|| {
        let near = nearest(name, root.get_subcommands().map(Command::get_name));
        let hint = near.map_or(both!("", ""), |near| both!("; is {near} meant?", "；是否指 {near}？"));
        let (en, zh) = (&hint.en, &hint.zh);
        wrong(both!("no command is called {name:?}{en}", "没有名为 {name:?} 的命令{zh}"))
    })?;
    rendered(found)
}

/// Writes the pages of the program, of each command, and of the kubectl plugin into a folder.
pub(super) fn pages(folder: &Path, lang: Lang) -> Result<()> {
    fs::create_dir_all(folder).map_err(ErrorKind::Write)?;
    let roots = [built(help::command(lang)), built(help::plugin(lang))];
    let mut left: Vec<&Command> = roots.iter().collect();
    while let Some(command) = left.pop() {
        let name = command.get_display_name().unwrap_or(command.get_name());
        fs::write(folder.join(format!("{name}.1")), rendered(command)?).map_err(ErrorKind::Write)?;
        left.extend(command.get_subcommands().filter(|below| !below.is_hide_set()));
    }
    Ok(())
}

/// With the names that its commands are called by.
fn built(command: Command) -> Command {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    command
}

fn rendered(command: &Command) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    Man::new(command.clone()).render(&mut text).map_err(ErrorKind::Write)?;
    Ok(text)
}
