//! Where the result goes, and how wide and colourful it may be.

use std::io::{BufWriter, IsTerminal, Write, stdout};
use std::path::Path;

use meshwhy::report::palette::Palette;
use meshwhy::{ErrorKind, Result};

use super::args::{When, Wishes};
use super::plan::wrong;

/// Columns when nobody tells: a pipe into a pager or a file.
const WIDTH: usize = 120;

/// Standard output, buffered.
pub(super) fn out(colour: bool) -> Box<dyn Write + Send> {
    let plain = BufWriter::with_capacity(1 << 16, stdout());
    // On old Windows consoles colours are no bytes of the text; anstream knows.
    if colour { Box::new(BufWriter::new(anstream::AutoStream::always(stdout()))) } else { Box::new(plain) }
}

/// Writes the result where it shall go: a file, whole or not at all, or standard output.
pub(super) fn write(
    file: Option<&Path>,
    colour: bool,
    fill: impl FnOnce(&mut dyn Write) -> Result<()>,
) -> Result<()> {
    match file {
        Some(path) => super::whole::write(path, fill),
        None => {
            let mut out = out(colour);
            fill(&mut out)?;
            Ok(out.flush().map_err(ErrorKind::Write)?)
        }
    }
}

pub(super) fn colour(when: When) -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto => {
            stdout().is_terminal()
                && !set("NO_COLOR")
                && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
        }
    }
}

/// The colours that the user wishes for.
pub(super) fn palette(args: &Wishes) -> Result<Palette> {
    let named = |error: meshwhy::Error| wrong(error.said().behind("--palette"));
    args.palette.iter().try_fold(Palette::default(), |palette, wish| palette.with(wish)).map_err(named)
}

pub(super) fn width() -> usize {
    let told = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let seen = || terminal_size::terminal_size_of(stdout()).map(|(width, _)| usize::from(width.0));
    told.or_else(seen).filter(|width| *width > 0).unwrap_or(WIDTH)
}
