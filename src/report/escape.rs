//! What came from a log is hostile: nothing of it may steer a terminal, hide, or reorder what a person reads.

use std::borrow::Cow;
use std::fmt::Write;
use std::io;

use serde::Serialize;

use crate::error::{ErrorKind, Result};
use crate::record::is_unseen;

/// Bytes as text: what is not UTF-8 appears as `\xNN`, never dropped. For outputs that escape on their own (JSON).
pub fn utf8(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => {
            let mut out = String::with_capacity(bytes.len() + 16);
            for chunk in bytes.utf8_chunks() {
                out.push_str(chunk.valid());
                hex(&mut out, chunk.invalid());
            }
            Cow::Owned(out)
        }
    }
}

/// Bytes for a terminal: one line, and every character that cannot be seen is written out.
pub fn terminal(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            visible(&mut out, c);
        }
        hex(&mut out, chunk.invalid());
    }
    out
}

/// Text for Markdown, where it stands in a line or in a cell of a table: one line, and nothing of it is markup, a link,
/// a mention of somebody, or HTML.
///
/// Mentions, links and references are recognised in the finished text, after every escape: only code is left alone. So
/// a word that could be one becomes code.
pub fn markdown(text: &str) -> String {
    let shown = terminal(text.as_bytes());
    let mut out = String::with_capacity(shown.len() + 16);
    for (at, word) in shown.split(' ').enumerate() {
        if at > 0 {
            out.push(' ');
        }
        if is_live(word) {
            out.push_str(&markdown_code(word));
        } else {
            escape_word(word, at == 0, &mut out);
        }
    }
    out
}

/// A code span; its bars are escaped, as tables need it.
fn markdown_code(word: &str) -> String {
    let longest = word.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if longest > 0 { " " } else { "" };
    format!("{fence}{pad}{}{pad}{fence}", word.replace('|', "\\|"))
}

/// Whether a chat or a tracker could make a link, a mention or a reference of it.
fn is_live(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    let mut after_hash = lower.split('#').skip(1);
    let reference = after_hash.any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    reference || lower.contains('@') || lower.contains("://") || lower.contains("www.")
}

fn escape_word(word: &str, first: bool, out: &mut String) {
    let mut before = ' ';
    for (at, c) in word.char_indices() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '$' => {
                // Within a word these two mean nothing: names stay readable.
                let next = word[at + c.len_utf8()..].chars().next().unwrap_or(' ');
                let inside = matches!(c, '_' | '#') && before.is_alphanumeric() && next.is_alphanumeric();
                if !inside {
                    out.push('\\');
                }
                out.push(c);
            }
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '+' | '-' if at == 0 && first => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
        before = c;
    }
}

/// Text for HTML, in elements and in quoted attributes.
pub fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in terminal(text.as_bytes()).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Writes a value as JSON that people can read, with a newline. Characters that are not seen as they are, are written as
/// `\uXXXX`: to a parser that is the same text, and to a terminal it is harmless.
pub fn json(value: &impl Serialize, out: &mut dyn io::Write) -> Result<()> {
    serde_json::to_writer_pretty(JsonText(&mut *out), value).map_err(|e| ErrorKind::Write(e.into()))?;
    out.write_all(b"\n").map_err(ErrorKind::Write)?;
    Ok(())
}

/// Takes the pieces of JSON that serde_json writes; each is whole characters, and other than ASCII stands in strings only.
struct JsonText<'w>(&'w mut dyn io::Write);

impl io::Write for JsonText<'_> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let mut rest = piece;
        let unseen = |text: &str| text.char_indices().find(|(_, c)| *c == '\x7f' || is_unseen(*c));
        while let Some((at, c)) = std::str::from_utf8(rest).ok().and_then(unseen) {
            self.0.write_all(&rest[..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(self.0, "\\u{unit:04x}")?;
            }
            rest = &rest[at + c.len_utf8()..];
        }
        self.0.write_all(rest)?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn visible(out: &mut String, c: char) {
    // Writing to a String cannot fail.
    let _ = match c {
        '\0'..='\x1f' | '\x7f' => write!(out, "\\x{:02x}", c as u32),
        c if is_unseen(c) => write!(out, "\\u{{{:x}}}", c as u32),
        c => {
            out.push(c);
            Ok(())
        }
    };
}

fn hex(out: &mut String, bytes: &[u8]) {
    for b in bytes {
        let _ = write!(out, "\\x{b:02x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_invisible_is_left() {
        assert_eq!(terminal(b"a\x1b[31mred\x07\r\n"), "a\\x1b[31mred\\x07\\x0d\\x0a");
        assert_eq!(terminal("x\u{202e}evil\u{200b}\u{9b}2J".as_bytes()), "x\\u{202e}evil\\u{200b}\\u{9b}2J");
        assert_eq!(terminal(b"caf\xc3\xa9 \xff\xc3"), "café \\xff\\xc3");
    }

    #[test]
    fn bytes_that_are_not_utf8_are_kept() {
        assert_eq!(utf8(b"a\xffb"), "a\\xffb");
        assert!(matches!(utf8("é".as_bytes()), Cow::Borrowed("é")));
    }

    #[test]
    fn json_is_the_same_text_with_nothing_unseen() {
        let text = "a\u{9b}2J\u{202e}b\u{e0041}\x7f\x1bé";
        let mut out = Vec::new();
        json(&[text], &mut out).unwrap();
        assert_eq!(serde_json::from_slice::<Vec<String>>(&out).unwrap(), [text]);
        let shown = String::from_utf8(out).unwrap();
        assert_eq!(shown, "[\n  \"a\\u009b2J\\u202eb\\udb40\\udc41\\u007f\\u001bé\"\n]\n");
    }

    #[test]
    fn markdown_and_html_are_text() {
        assert_eq!(
            markdown("a|b_c *x* <i> @all https://evil [l](u)"),
            "a\\|b_c \\*x\\* &lt;i&gt; `@all` `https://evil` \\[l\\](u)"
        );
        assert_eq!(markdown("a@b`|`c org/x#12 www.evil"), "`` a@b`\\|`c `` `org/x#12` `www.evil`");
        assert_eq!(html("<a href=\"x\" b='y'>&"), "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;");
    }

    proptest! {
        #[test]
        fn any_bytes_become_one_harmless_line(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let shown = terminal(&bytes);
            prop_assert!(shown.chars().all(|c| !c.is_control() && !is_unseen(c)));
        }
    }
}
