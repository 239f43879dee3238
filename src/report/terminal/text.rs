//! Words on a screen of a given width: colour, wrapping, shortening. All widths are columns, not characters.

use std::io::{self, Write};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::report::View;
use crate::report::palette::{Palette, Tone};

/// A sheet of text: knows its width and whether colours are wanted.
pub(in crate::report) struct Sheet<'w> {
    out: &'w mut dyn Write,
    pub(in crate::report) width: usize,
    colour: bool,
    palette: Palette,
}

impl<'w> Sheet<'w> {
    pub(in crate::report) fn new(out: &'w mut dyn Write, view: &View) -> Sheet<'w> {
        // Below 40 columns nothing can be laid out; the terminal may then wrap as it likes.
        Sheet { out, width: view.width.max(40), colour: view.colour, palette: view.palette }
    }

    /// One without colours.
    pub(in crate::report) fn plain(out: &'w mut dyn Write, width: usize) -> Sheet<'w> {
        Sheet::new(out, &View { width, ..View::default() })
    }

    /// Text in its colour, or as it is.
    pub(in crate::report) fn paint(&self, tone: Tone, text: &str) -> String {
        let codes = if self.colour { self.palette.style(tone).codes() } else { String::new() };
        if codes.is_empty() || text.is_empty() {
            text.to_owned()
        } else {
            format!("\x1b[{codes}m{text}\x1b[0m")
        }
    }

    /// One line as it is, without blanks at its end.
    pub(in crate::report) fn line(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.trim_end_matches(' ').as_bytes())?;
        self.out.write_all(b"\n")
    }

    pub(in crate::report) fn blank(&mut self) -> io::Result<()> {
        self.line("")
    }

    /// A paragraph behind a label; its further lines are indented to where the first began.
    pub(in crate::report) fn labelled(&mut self, label: &str, indent: usize, text: &str) -> io::Result<()> {
        let head = padded(label, indent);
        for (i, line) in wrap(text, self.width.saturating_sub(indent)).iter().enumerate() {
            match i {
                0 => self.line(&format!("{}{line}", self.paint(Tone::Dim, &head)))?,
                _ => self.line(&format!("{:indent$}{line}", ""))?,
            }
        }
        Ok(())
    }

    /// Left and right part on one line; when they do not fit together, the right one goes below, indented.
    pub(in crate::report) fn both_ends(
        &mut self,
        left: &Painted,
        right: &str,
        indent: usize,
    ) -> io::Result<()> {
        let used = left.width + right.width();
        let right_text = self.paint(Tone::Dim, right);
        if right.is_empty() {
            return self.line(&left.text);
        }
        if used + 2 <= self.width {
            return self.line(&format!("{}{:gap$}{right_text}", left.text, "", gap = self.width - used));
        }
        self.line(&left.text)?;
        self.line(&format!("{:indent$}{right_text}", ""))
    }
}

/// Coloured text that remembers how wide it is.
pub(in crate::report) struct Painted {
    pub(in crate::report) text: String,
    pub(in crate::report) width: usize,
}

impl Painted {
    pub(in crate::report) fn plain(text: String) -> Painted {
        Painted { width: text.width(), text }
    }
}

/// Text with blanks behind it up to `width` columns; `{:<}` counts characters, of which some are two columns wide.
pub(in crate::report) fn padded(text: &str, width: usize) -> String {
    format!("{text}{:blanks$}", "", blanks = width.saturating_sub(text.width()))
}

/// Lines of at most `width` columns, broken at blanks and between Chinese characters; a word that is longer stands
/// alone.
pub(in crate::report) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        for (at, piece) in pieces(word).into_iter().enumerate() {
            let columns = piece.width();
            let blank = usize::from(at == 0 && used > 0);
            if used > 0 && used + blank + columns > width {
                lines.push(String::new());
                used = 0;
            }
            let Some(line) = lines.last_mut() else { continue };
            if used > 0 && blank > 0 {
                line.push(' ');
                used += 1;
            }
            line.push_str(piece);
            used += columns;
        }
    }
    lines
}

/// The parts of a word between which a line may end: around each wide character, but not before a sign that closes nor
/// after one that opens.
fn pieces(word: &str) -> Vec<&str> {
    const CLOSE: &str = "，。、；：！？）】」』》”’…";
    const OPEN: &str = "（【「『《“‘";
    let wide = |c: char| c.width() == Some(2);
    let mut out = Vec::new();
    let (mut start, mut before) = (0, None::<char>);
    for (at, c) in word.char_indices() {
        let may_end = before.is_some_and(|b| (wide(b) || wide(c)) && !OPEN.contains(b) && !CLOSE.contains(c));
        if may_end {
            out.push(&word[start..at]);
            start = at;
        }
        before = Some(c);
    }
    out.push(&word[start..]);
    out
}

/// Items joined by ` · `, as many on a line as fit.
pub(in crate::report) fn joined(items: &[String], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for item in items.iter().filter(|item| !item.is_empty()) {
        match lines.last_mut() {
            Some(line) if line.width() + 3 + item.width() <= width => {
                line.push_str(" · ");
                line.push_str(item);
            }
            _ => lines.push(item.clone()),
        }
    }
    lines
}

/// At most `width` columns: what is too long loses its middle, because names differ at both ends.
pub fn shortened(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(1);
    let (head, tail) = (room.div_ceil(2), room / 2);
    let head = fitting(text.chars(), head);
    let tail = fitting(text.chars().rev(), tail);
    format!("{head}…{}", tail.chars().rev().collect::<String>())
}

fn fitting(chars: impl Iterator<Item = char>, columns: usize) -> String {
    let mut left = columns;
    chars
        .take_while(|c| {
            let width = c.width().unwrap_or(0);
            let fits = width <= left;
            left = left.saturating_sub(width);
            fits
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn long_names_lose_their_middle() {
        assert_eq!(shortened("outbound|9080||reviews", 11), "outbo…views");
        assert_eq!(shortened("short", 11), "short");
        assert_eq!(shortened("日本語日本語", 7), "日…語".to_owned());
    }

    #[test]
    fn chinese_breaks_anywhere_but_before_what_closes() {
        assert_eq!(wrap("连接被拒绝，再试。", 8), ["连接被拒", "绝，再", "试。"]);
        assert_eq!(wrap("检查 upstream_rq_total（计数）", 12), ["检查", "upstream_rq_total", "（计数）"]);
        assert_eq!(padded("检查", 6), "检查  ");
    }

    #[test]
    fn items_move_to_the_next_line_whole() {
        let items = ["aaaa", "bbbb", "", "cccc"].map(str::to_owned);
        assert_eq!(joined(&items, 11), ["aaaa · bbbb", "cccc"]);
    }

    proptest! {
        #[test]
        fn nothing_is_wider_than_asked(text in "\\PC{0,60}", width in 2usize..40) {
            prop_assert!(shortened(&text, width).width() <= width);
            for line in wrap(&text, width) {
                prop_assert!(line.width() <= width || !line.contains(' '));
            }
        }

        #[test]
        fn wrapping_loses_no_word(text in "[a-z ]{0,80}", width in 1usize..30) {
            let words = |t: &str| t.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            prop_assert_eq!(words(&wrap(&text, width).join(" ")), words(&text));
        }
    }
}
