//! The shapes of single values in a text line.

use crate::envoy::flags;

/// `2026-01-02T03:04:05.678Z`, with any fraction and offset: what Envoy prints by default.
#[inline]
pub(super) fn is_time(text: &[u8]) -> bool {
    match text.first_chunk::<24>() {
        Some(text24) if text.len() == 24 && is_usual_time(text24) => true,
        _ => is_any_time(text),
    }
}

fn is_any_time(text: &[u8]) -> bool {
    let Some((head, rest)) = text.split_first_chunk::<19>() else { return false };
    let [y1, y2, y3, y4, b'-', mo1, mo2, b'-', d1, d2, b'T', h1, h2, b':', m1, m2, b':', s1, s2] = *head
    else {
        return false;
    };
    text.len() <= 40
        && [y1, y2, y3, y4, mo1, mo2, d1, d2, h1, h2, m1, m2, s1, s2].iter().all(u8::is_ascii_digit)
        && rest.iter().all(|&b| b.is_ascii_digit() || matches!(b, b'.' | b'Z' | b'+' | b'-' | b':'))
}

/// The form with milliseconds and `Z`, eight bytes at a time: a byte that is xored with what it should be leaves at
/// most 9 where a digit belongs and 0 elsewhere, and adding what is missing to 127 must not carry.
#[inline(always)]
pub(super) fn is_usual_time(text: &[u8; 24]) -> bool {
    const SHAPE: [u64; 3] = [
        u64::from_le_bytes(*b"0000-00-"),
        u64::from_le_bytes(*b"00T00:00"),
        u64::from_le_bytes(*b":00.000Z"),
    ];
    const ROOM: [u64; 3] = [room(SHAPE[0]), room(SHAPE[1]), room(SHAPE[2])];
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let (words, _) = text.as_chunks::<8>();
    let carried = words.iter().zip(SHAPE).zip(ROOM).fold(0, |carried, ((word, shape), room)| {
        let rest = u64::from_le_bytes(*word) ^ shape;
        // A high bit in `rest` would hide a carry, so it counts as one.
        carried | ((rest & LOW) + room) | rest
    });
    carried & !LOW == 0
}

/// Lines up a byte value in all eight bytes of a word.
pub(super) const fn all(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The number of one to eight digits that stands there in the line, eight bytes at a time. What is before it must be part of
/// the line, too.
#[inline(always)]
pub(super) fn short_number(line: &[u8], start: usize, end: usize) -> Option<u64> {
    let length = end.checked_sub(start)?;
    if length == 0 || length > 8 {
        return None;
    }
    let tail = line.get(..end)?.last_chunk::<8>()?;
    // What stands before the number becomes leading zeros.
    let digits = (u64::from_le_bytes(*tail) ^ all(b'0')) & (u64::MAX << (8 * (8 - length)));
    if (digits.wrapping_add(all(0x7f - 9)) | digits) & all(0x80) != 0 {
        return None;
    }
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    const PAIR: u64 = 0x0000_00ff_0000_00ff;
    let high = (pairs & PAIR).wrapping_mul(100 + (1_000_000 << 32));
    let low = ((pairs >> 16) & PAIR).wrapping_mul(1 + (10_000 << 32));
    Some(high.wrapping_add(low) >> 32)
}

/// What each byte may not exceed, as the distance to 127: 9 for a digit, 0 for anything else.
const fn room(shape: u64) -> u64 {
    let mut bytes = shape.to_le_bytes();
    let mut at = 0;
    while at < 8 {
        bytes[at] = if bytes[at] == b'0' { 0x7f - 9 } else { 0x7f };
        at += 1;
    }
    u64::from_le_bytes(bytes)
}

/// `HTTP/1.1`, `-`, or nothing (formats that omit missing values).
pub(super) fn is_protocol(text: &[u8]) -> bool {
    match text {
        [b'H', b'T', b'T', b'P', b'/', version @ ..] => {
            (1..=3).contains(&version.len()) && version.iter().all(|&b| b.is_ascii_digit() || b == b'.')
        }
        _ => matches!(text, b"-" | b""),
    }
}

/// `0`, or three digits.
pub(super) fn is_code(text: &[u8]) -> bool {
    match text {
        [a, b, c] => a.is_ascii_digit() && b.is_ascii_digit() && c.is_ascii_digit(),
        _ => text == b"0",
    }
}

/// Response flags. They are few and short; a long text is something else, whatever its letters.
pub(super) fn is_flags(text: &[u8]) -> bool {
    text == b"-" || (text.len() <= 512 && flags::looks_like_flags(text))
}

/// Digits, and nothing else.
pub(super) fn is_count(text: &[u8]) -> bool {
    !text.is_empty() && text.len() <= 20 && text.iter().all(u8::is_ascii_digit)
}

/// A number that may be missing, negative or a fraction.
pub(super) fn is_number(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    text.len() <= 24 && digits.iter().all(|&b| b.is_ascii_digit() || b == b'.') && digits != b"."
}

/// Details never start with a quote and are never a bare number: that is how the layouts are told apart.
pub(super) fn is_details(text: &[u8]) -> bool {
    text.first() != Some(&b'"') && !is_count(text)
}

/// Where details end that start here and have `literal` behind them. Blanks can stand inside their brackets (texts
/// of OpenSSL before Envoy 1.21, names of policies), so an opened bracket is waited for.
pub(super) fn details_end(text: &[u8], literal: &[u8]) -> Option<usize> {
    let first = find(text, literal)?;
    let value = &text[..first];
    let close = match value.iter().find(|b| matches!(b, b'{' | b'[')) {
        Some(b'{') => b'}',
        Some(_) => b']',
        None => return Some(first),
    };
    if value.last() == Some(&close) {
        return Some(first);
    }
    let mut from = first;
    while let Some(at) = memchr::memchr2(close, b'"', &text[from..]) {
        let at = from + at;
        if text[at] == b'"' {
            break;
        }
        if text[at + 1..].starts_with(literal) {
            return Some(at + 1);
        }
        from = at + 1;
    }
    Some(first)
}

/// Envoy prints addresses with their port; else paths of sockets, `envoy://…`, `-`.
#[inline]
pub(super) fn is_address(text: &[u8]) -> bool {
    if matches!(text, b"-" | b"") {
        return true;
    }
    let path = matches!(text[0], b'/' | b'@');
    let (blank, colon) =
        text.iter().fold((false, path), |(blank, colon), &b| (blank | (b == b' '), colon | (b == b':')));
    colon && !blank
}

/// Splits path and protocol that nothing separates; `None` when no protocol ends the text.
pub(super) fn glued(text: &[u8]) -> Option<usize> {
    let tail = text.len().saturating_sub(8);
    let at = match memchr::memmem::rfind(&text[tail..], b"HTTP/") {
        Some(at) => tail + at,
        None => text.len().checked_sub(1)?,
    };
    (is_protocol(&text[at..]) && at > 0 && text[at - 1] != b' ').then_some(at)
}

/// Where a route name ends that the rest of the line starts with. It may hold blanks, but what follows a missing
/// one, and quoted columns at the end, were added by somebody to the format.
pub(super) fn route_end(rest: &[u8]) -> usize {
    if rest.starts_with(b"- ") {
        return 1;
    }
    let rest = rest.trim_ascii_end();
    if rest.last() == Some(&b'"')
        && let Some(at) = find(rest, b" \"")
    {
        return at;
    }
    rest.len()
}

/// The first occurrence. Literals are short, so that a byte search beats building a searcher.
#[inline]
pub(super) fn find(text: &[u8], literal: &[u8]) -> Option<usize> {
    let (&first, more) = literal.split_first()?;
    let mut from = 0;
    loop {
        let at = from + memchr::memchr(first, text.get(from..)?)?;
        if begins(&text[at + 1..], more) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// The last occurrence.
pub(super) fn rfind(text: &[u8], literal: &[u8]) -> Option<usize> {
    let (&first, more) = literal.split_first()?;
    let mut end = text.len();
    loop {
        let at = memchr::memrchr(first, &text[..end])?;
        if begins(&text[at + 1..], more) {
            return Some(at);
        }
        end = at;
    }
}

/// `starts_with` for a byte or two: a call of `memcmp` costs more.
#[inline]
fn begins(text: &[u8], more: &[u8]) -> bool {
    text.len() >= more.len() && text.iter().zip(more).all(|(a, b)| a == b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_usual_time_is_recognised_alike(edits in prop::collection::vec((0usize..24, any::<u8>()), 0..3)) {
            let mut text = *b"2026-11-22T14:05:49.182Z";
            for (at, byte) in edits {
                text[at] = byte;
            }
            prop_assert!(!is_usual_time(&text) || is_any_time(&text));
            let digits_and_marks = text.iter().zip(b"0000-00-00T00:00:00.000Z").all(|(b, shape)| {
                if *shape == b'0' { b.is_ascii_digit() } else { b == shape }
            });
            prop_assert_eq!(is_usual_time(&text), digits_and_marks);
        }
    }
}
