//! Where the result goes, and how wide and colourful it may be.

use std::io::{self, BufWriter, IsTerminal, Write, stdout};
use std::path::Path;

use meshwhy::report::escape::terminal;
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

/// Standard output for lines as they stood in a log. A terminal shows them and is not steered by them; a pipe and a file get
/// every byte.
pub(super) fn lines() -> Box<dyn Write + Send> {
    if stdout().is_terminal() {
        Box::new(Shown { out: stdout(), begun: Vec::new() })
    } else {
        Box::new(stdout())
    }
}

/// Writes out what cannot be seen, line by line. Tabs stay: they do no harm, and are part of many a line.
struct Shown<W> {
    out: W,
    /// The last line, as long as it has no end.
    begun: Vec<u8>,
}

impl<W: Write> Shown<W> {
    fn show(&mut self, lines: &[u8]) -> io::Result<()> {
        for line in lines.split_inclusive(|b| *b == b'\n') {
            let (text, end) = line.strip_suffix(b"\n").map_or((line, ""), |text| (text, "\n"));
            let cells: Vec<String> = text.split(|b| *b == b'\t').map(terminal).collect();
            self.out.write_all((cells.join("\t") + end).as_bytes())?;
        }
        Ok(())
    }
}

impl<W: Write> Write for Shown<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.begun.extend_from_slice(bytes);
        if let Some(end) = self.begun.iter().rposition(|b| *b == b'\n') {
            let rest = self.begun.split_off(end + 1);
            let lines = std::mem::replace(&mut self.begun, rest);
            self.show(&lines)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let rest = std::mem::take(&mut self.begun);
        self.show(&rest)?;
        self.out.flush()
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_on_a_terminal_are_shown_however_they_come() {
        let log = b"a\x1b[2J\tb\xff\nc\xe2\x80\xaed\r\ne";
        for step in 1..log.len() {
            let mut shown = Shown { out: Vec::new(), begun: Vec::new() };
            log.chunks(step).for_each(|piece| shown.write_all(piece).unwrap());
            shown.flush().unwrap();
            let text = String::from_utf8(shown.out).unwrap();
            assert_eq!(text, "a\\x1b[2J\tb\\xff\nc\\u{202e}d\\x0d\ne", "{step} bytes at a time");
        }
    }
}
