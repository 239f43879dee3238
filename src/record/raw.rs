//! A field as it stands in the line.

use std::borrow::Cow;

/// A field's bytes. `escaped` says that [`text`](Self::text) has work to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raw<'a> {
    /// The bytes as they stand.
    pub bytes: &'a [u8],
    /// True when the bytes hold JSON escapes.
    pub escaped: bool,
}

impl<'a> Raw<'a> {
    /// The value, with JSON escapes decoded. A broken escape stays as it is.
    pub fn text(self) -> Cow<'a, [u8]> {
        if !self.escaped || memchr::memchr(b'\\', self.bytes).is_none() {
            return Cow::Borrowed(self.bytes);
        }
        let mut out = Vec::with_capacity(self.bytes.len());
        unescape_into(self.bytes, &mut out);
        Cow::Owned(out)
    }
}

/// Decodes the inside of a JSON string. A broken escape stays as it is: log lines may be cut anywhere.
pub fn unescape_into(mut text: &[u8], out: &mut Vec<u8>) {
    while let Some(at) = memchr::memchr(b'\\', text) {
        out.extend_from_slice(&text[..at]);
        let rest = &text[at..];
        let (used, decoded) = match rest.get(1) {
            Some(b'n') => (2, Some('\n')),
            Some(b't') => (2, Some('\t')),
            Some(b'r') => (2, Some('\r')),
            Some(b'b') => (2, Some('\u{8}')),
            Some(b'f') => (2, Some('\u{c}')),
            Some(&b) if matches!(b, b'"' | b'\\' | b'/') => (2, Some(b as char)),
            Some(b'u') => unicode(rest),
            _ => (1, None),
        };
        match decoded {
            Some(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            None => out.extend_from_slice(&rest[..used]),
        }
        text = &rest[used..];
    }
    out.extend_from_slice(text);
}

/// `\uXXXX`, or a pair of them; a lone half of a pair stays as it is.
fn unicode(text: &[u8]) -> (usize, Option<char>) {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?;
        let hex = digits.strip_prefix(b"\\u")?;
        hex.iter().try_fold(0u32, |n, &b| Some(n * 16 + (b as char).to_digit(16)?))
    };
    let Some(first) = unit(0) else { return (1, None) };
    if let Some(c) = char::from_u32(first) {
        return (6, Some(c));
    }
    if let (0xD800..=0xDBFF, Some(second @ 0xDC00..=0xDFFF)) = (first, unit(6)) {
        return (12, char::from_u32(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)));
    }
    (6, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> String {
        let raw = Raw { bytes: text.as_bytes(), escaped: true };
        String::from_utf8_lossy(&raw.text()).into_owned()
    }

    #[test]
    fn escapes_are_decoded_and_broken_ones_stay() {
        assert_eq!(decoded(r#"a\"b\\c\u00e9\ud83d\ude00\n"#), "a\"b\\cé😀\n");
        assert_eq!(decoded(r"\u12"), r"\u12");
        assert_eq!(decoded(r"\ud800x"), r"\ud800x");
        assert_eq!(decoded("cut\\"), "cut\\");
    }
}
