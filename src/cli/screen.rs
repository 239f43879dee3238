//! Where the result goes, and how wide and colourful it may be.

use std::io::{BufWriter, IsTerminal, Write, stdout};

use super::args::When;

/// Columns when nobody tells: a pipe into a pager or a file.
const WIDTH: usize = 120;

/// Standard output, buffered.
pub(super) fn out(colour: bool) -> Box<dyn Write + Send> {
    let plain = BufWriter::with_capacity(1 << 16, stdout());
    // On old Windows consoles colours are no bytes of the text; anstream knows.
    if colour { Box::new(BufWriter::new(anstream::AutoStream::always(stdout()))) } else { Box::new(plain) }
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

pub(super) fn width() -> usize {
    let told = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let seen = || terminal_size::terminal_size_of(stdout()).map(|(width, _)| usize::from(width.0));
    told.or_else(seen).filter(|width| *width > 0).unwrap_or(WIDTH)
}
