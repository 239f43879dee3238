//! Lines that something on their way has dressed up: a chat or a wiki made their quotes curly, a web page or a Markdown
//! table escaped them, a test file holds them as a string, a mail quoted them with `> `.
//!
//! Only lines that nothing else could read come here. What was done is undone in one pass, for the whole rest of the
//! line, and the result is read like any other line. The start must be certain: the time in brackets with a quote behind
//! it, in any of the disguises, or an object whose first key is disguised or has nothing but quotation before it. An
//! application that quotes a record within a sentence of its own is not read.

use crate::record::unescape_into;

use super::value;

/// A record starts within so many bytes.
const LONGEST_PREFIX: usize = 512;

/// Longer lines are not mended: nobody pastes them.
const LONGEST_LINE: usize = 64 << 10;

/// How the quotes of a line are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quotes {
    Plain,
    /// `\"`, as in a string of JSON, Go, Java.
    Escaped,
    /// `&quot;`, `“`.
    Foreign,
}

/// The line as it was written, appended to `out`; false when there is nothing to mend.
#[cold]
pub(super) fn mend(line: &[u8], out: &mut Vec<u8>) -> bool {
    if line.len() > LONGEST_LINE {
        return false;
    }
    let Some((start, quotes)) = start(line) else { return false };
    let mut rest = &line[start..];
    if quotes == Quotes::Escaped {
        // The string ends at the first quote that is not escaped.
        unescape_into(&rest[..string_end(rest)], out);
    } else {
        while let Some((b'`' | b'\'' | b',' | b';', head)) = rest.split_last() {
            rest = head;
        }
        undress(rest, out);
    }
    while out.last().is_some_and(u8::is_ascii_whitespace) {
        out.pop();
    }
    true
}

/// True for a cluster whose bars were escaped for a table of Markdown's: then more of the line was.
pub(super) fn is_dressed(cluster: &[u8]) -> bool {
    ["outbound", "inbound", "inbound-vip"].iter().any(|head| {
        let behind = cluster.strip_prefix(head.as_bytes());
        behind.is_some_and(|rest| rest.starts_with(b"\\|") || rest.starts_with(b"&#124;"))
    })
}

/// Undoes what was done to a whole line that was read in spite of it.
pub(super) fn undress(mut text: &[u8], out: &mut Vec<u8>) {
    while let Some((&first, rest)) = text.split_first() {
        let (byte, used) = match first {
            b'&' => entity(text).unwrap_or((b'&', 1)),
            b'\\' if matches!(rest.first(), Some(b'[' | b']' | b'|' | b'_' | b'*' | b'"' | b'`')) => {
                (rest[0], 2)
            }
            0xe2 | 0xc2 => foreign(text).unwrap_or((first, 1)),
            _ => (first, 1),
        };
        out.push(byte);
        text = &text[used..];
    }
}

/// An HTML entity: its character and length.
fn entity(text: &[u8]) -> Option<(u8, usize)> {
    const ENTITIES: [(&[u8], u8); 14] = [
        (b"&quot;", b'"'),
        (b"&#34;", b'"'),
        (b"&#x22;", b'"'),
        (b"&ldquo;", b'"'),
        (b"&rdquo;", b'"'),
        (b"&amp;", b'&'),
        (b"&#38;", b'&'),
        (b"&lt;", b'<'),
        (b"&gt;", b'>'),
        (b"&#39;", b'\''),
        (b"&#x27;", b'\''),
        (b"&#124;", b'|'),
        (b"&#91;", b'['),
        (b"&#93;", b']'),
    ];
    ENTITIES.iter().find(|(name, _)| text.starts_with(name)).map(|(name, byte)| (*byte, name.len()))
}

/// Curly quotes, and the blank that does not break.
fn foreign(text: &[u8]) -> Option<(u8, usize)> {
    match text {
        [0xe2, 0x80, 0x9c..=0x9f, ..] | [0xe2, 0x80, 0xb3, ..] => Some((b'"', 3)),
        [0xc2, 0xa0, ..] => Some((b' ', 2)),
        _ => None,
    }
}

/// The quote at the start of a text, in any disguise.
fn quote(text: &[u8]) -> Option<Quotes> {
    match text.first()? {
        b'"' => Some(Quotes::Plain),
        b'\\' if text.get(1) == Some(&b'"') => Some(Quotes::Escaped),
        b'&' => entity(text).filter(|(byte, _)| *byte == b'"').map(|_| Quotes::Foreign),
        _ => foreign(text).filter(|(byte, _)| *byte == b'"').map(|_| Quotes::Foreign),
    }
}

/// Where the record starts, and how its quotes are written.
fn start(line: &[u8]) -> Option<(usize, Quotes)> {
    let head = &line[..line.len().min(LONGEST_PREFIX)];
    memchr::memchr2_iter(b'[', b'{', head).find_map(|at| {
        let found = if line[at] == b'[' { text(line, at) } else { object(line, at) };
        Some((at, found?))
    })
}

/// `[TIME] "` at `at`.
fn text(line: &[u8], at: usize) -> Option<Quotes> {
    let inside = &line[at + 1..];
    let closed = inside.iter().take(41).position(|b| *b == b']')?;
    let time = &inside[..closed];
    let escaped = time.ends_with(b"\\");
    if !value::is_time(time.strip_suffix(b"\\").unwrap_or(time)) {
        return None;
    }
    let behind = &inside[closed + 1..];
    let gap = match behind.first()? {
        b' ' => 1,
        _ => foreign(behind).filter(|(byte, _)| *byte == b' ')?.1,
    };
    let found = quote(&behind[gap..])?;
    // Nothing to mend, and it could not be read.
    (found != Quotes::Plain || gap > 1 || escaped).then_some(found)
}

/// `{"` at `at`, with nothing but quotation before it.
fn object(line: &[u8], at: usize) -> Option<Quotes> {
    let behind = &line[at + 1..];
    let blanks = behind.iter().take_while(|b| **b == b' ').count();
    let found = quote(&behind[blanks..])?;
    let before = &line[..at];
    let sure = match found {
        Quotes::Plain => at > 0 && before.iter().all(|b| is_quotation(*b)),
        _ => before.iter().all(|b| is_quotation(*b)) || names_message(before),
    };
    sure.then_some(found)
}

/// Marks of quoted mail, lists, code and strings.
fn is_quotation(byte: u8) -> bool {
    matches!(byte, b'>' | b' ' | b'\t' | b'-' | b'*' | b'`' | b'\'' | b'"' | b'$')
}

/// `"log": "` and its like: a line of an object that was printed one key a line.
fn names_message(before: &[u8]) -> bool {
    let Some(key) = before.strip_suffix(b"\"").map(<[u8]>::trim_ascii_end).and_then(|k| k.strip_suffix(b":"))
    else {
        return false;
    };
    // Only the last key counts.
    let key = key.rsplit(|b| matches!(b, b',' | b'{')).next().unwrap_or(key).trim_ascii();
    let key = key.strip_prefix(b"\"").and_then(|key| key.strip_suffix(b"\"")).unwrap_or(key);
    matches!(key, b"log" | b"message" | b"msg" | b"line" | b"value" | b"textPayload" | b"@message")
}

/// Where a string ends: at a quote with an even number of backslashes before it.
fn string_end(text: &[u8]) -> usize {
    let mut escaped = false;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"[2026-01-02T03:04:05.678Z] "GET /a?b=1&c=2 HTTP/1.1" 503 UF "-" outbound|80||web"#;

    fn mended(line: &str) -> Option<String> {
        let mut out = Vec::new();
        mend(line.as_bytes(), &mut out).then(|| String::from_utf8(out).unwrap())
    }

    #[test]
    fn disguises_are_taken_off() {
        for dressed in [
            LINE.replace('&', "&amp;").replace('"', "&quot;"),
            LINE.replace('"', "&#34;"),
            LINE.replace('"', "”"),
            LINE.replace(" \"", " “").replace("\" ", "” "),
            LINE.replace(' ', "\u{a0}"),
            LINE.replace('[', "\\[").replace(']', "\\]").replace('|', "\\|"),
            format!("\"{}\",", LINE.replace('"', "\\\"")),
            format!("  line := \"{}\\n\" // sample", LINE.replace('"', "\\\"")),
            format!("> {}", LINE.replace('"', "&quot;")),
        ] {
            assert_eq!(mended(&dressed).as_deref(), Some(LINE), "{dressed}");
        }
        let object = r#"{"response_code":503,"path":"/a"}"#;
        for dressed in [
            format!("> {object}"),
            format!("`{object}`"),
            format!("'{object}',"),
            object.replace('"', "&quot;"),
            object.replace('"', "“"),
            format!("\"{}\",", object.replace('"', "\\\"")),
            object.replace('"', "\\\""),
            format!("  \"log\": \"{}\\n\",", object.replace('"', "\\\"")),
        ] {
            assert_eq!(mended(&dressed).as_deref(), Some(object), "{dressed}");
        }
    }

    #[test]
    fn what_is_plain_or_said_by_an_application_stays() {
        for line in [
            LINE,
            "",
            "[",
            "{",
            "[2026-01-02T03:04:05.678Z] request",
            r#"{"response_code":503}"#,
            r#"got reply {"response_code":503}"#,
            r#"level=info body="{\"response_code\":503}""#,
            r#"{"level":"info","msg":"got {\"response_code\":503}"}"#,
        ] {
            assert_eq!(mended(line), None, "{line}");
        }
    }

    #[test]
    fn clusters_of_tables_are_known() {
        assert!(is_dressed(br"outbound\|80\|\|web") && is_dressed(b"inbound&#124;80&#124;&#124;"));
        assert!(!is_dressed(b"outbound|80||web") && !is_dressed(b"-") && !is_dressed(b"outbound"));
    }
}
