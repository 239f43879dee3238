//! A JSON object's members as ranges, without reading more than needed.
//!
//! Both the wrappers (`frame`) and the JSON reader (`format`) walk the top of an object, and both must do it at the
//! speed of the line. So this walker finds where keys and values stand and decodes nothing; objects and lists inside
//! are stepped over by counting brackets. It is lenient: what it accepts need not be valid JSON in every corner, but
//! whatever is valid JSON it reads as any other parser does.

use std::ops::Range;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A string; the range leaves out its quotes. The flag says that it holds a backslash.
    Text(bool),
    /// A number, as written.
    Number,
    /// `true` or `false`.
    Bool,
    /// `null`.
    Null,
    /// An object or a list, with its brackets.
    Nested,
}

/// A key and its value, as ranges of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The key, without quotes.
    pub key: Range<usize>,
    /// True when the key holds a backslash.
    pub key_escaped: bool,
    /// The value.
    pub value: Range<usize>,
    /// What the value is.
    pub shape: Shape,
}

/// What comes next in an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// One more member.
    Member(Member),
    /// The closing bracket.
    End,
    /// The text ends inside the object.
    Cut,
    /// Not JSON, from this byte on.
    Broken(usize),
}

/// Walks the members of one object.
#[derive(Debug, Clone)]
pub struct Object<'a> {
    text: &'a [u8],
    at: usize,
    first: bool,
}

impl<'a> Object<'a> {
    /// The object that starts at the beginning of the text, blanks aside.
    pub fn open(text: &'a [u8]) -> Option<Object<'a>> {
        Object::open_at(text, 0)
    }

    /// The object that starts at byte `at`; ranges stay relative to the whole text.
    pub fn open_at(text: &'a [u8], at: usize) -> Option<Object<'a>> {
        let at = blanks(text, at);
        (text.get(at) == Some(&b'{')).then_some(Object { text, at: at + 1, first: true })
    }

    /// Members from byte `at` on, as if an object had just been opened there.
    pub fn open_member(text: &'a [u8], at: usize) -> Object<'a> {
        Object { text, at, first: true }
    }

    /// Where the walk stands: after [`Step::End`], the byte behind the object.
    pub fn position(&self) -> usize {
        self.at
    }

    /// The next member. After anything but a member, the walk is over.
    #[inline]
    pub fn step(&mut self) -> Step {
        let text = self.text;
        let mut at = blanks(text, self.at);
        match text.get(at) {
            Some(b'}') => {
                self.at = at + 1;
                return Step::End;
            }
            Some(b',') if !self.first => at = blanks(text, at + 1),
            Some(_) if !self.first => return Step::Broken(at),
            _ => {}
        }
        self.first = false;
        match text.get(at) {
            None => return Step::Cut,
            Some(b'"') => {}
            Some(_) => return Step::Broken(at),
        }
        let key_start = at + 1;
        let Some((key_end, key_escaped)) = string_end(text, key_start) else { return Step::Cut };
        at = blanks(text, key_end + 1);
        match text.get(at) {
            None => return Step::Cut,
            Some(b':') => at = blanks(text, at + 1),
            Some(_) => return Step::Broken(at),
        }
        let (value, shape, end) = match value(text, at) {
            Ok(found) => found,
            Err(step) => return step,
        };
        self.at = end;
        Step::Member(Member { key: key_start..key_end, key_escaped, value, shape })
    }
}

/// The value at `at`: its range, its shape, and the byte behind it.
#[inline(always)]
fn value(text: &[u8], at: usize) -> Result<(Range<usize>, Shape, usize), Step> {
    match text.get(at) {
        None => Err(Step::Cut),
        Some(b'"') => {
            let (end, escaped) = string_end(text, at + 1).ok_or(Step::Cut)?;
            Ok((at + 1..end, Shape::Text(escaped), end + 1))
        }
        Some(b'{' | b'[') => {
            let end = nested_end(text, at).ok_or(Step::Cut)?;
            Ok((at..end, Shape::Nested, end))
        }
        Some(b'n') => word(text, at, b"null", Shape::Null),
        Some(b't') => word(text, at, b"true", Shape::Bool),
        Some(b'f') => word(text, at, b"false", Shape::Bool),
        Some(b'-' | b'0'..=b'9') => {
            let digits = |b: &u8| matches!(b, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E');
            let end = at + text[at..].iter().take_while(|b| digits(b)).count();
            // A number at the very end may have lost digits.
            if end == text.len() { Err(Step::Cut) } else { Ok((at..end, Shape::Number, end)) }
        }
        Some(_) => Err(Step::Broken(at)),
    }
}

fn word(text: &[u8], at: usize, word: &[u8], shape: Shape) -> Result<(Range<usize>, Shape, usize), Step> {
    let rest = &text[at..];
    if rest.starts_with(word) {
        Ok((at..at + word.len(), shape, at + word.len()))
    } else if word.starts_with(rest) {
        Err(Step::Cut)
    } else {
        Err(Step::Broken(at))
    }
}

/// The objects that stand one behind the other in a text, as a list or bare; what is no object any more is the last
/// piece. `None`: there is but one.
#[cold]
pub fn several(text: &[u8]) -> Option<Vec<Range<usize>>> {
    let between = |at| at + text[at..].iter().take_while(|b| b", \t\n\r[]".contains(b)).count();
    let mut pieces = Vec::new();
    let mut at = between(0);
    while at < text.len() {
        let end = object_end(text, at).unwrap_or(text.len());
        pieces.push(at..end);
        at = between(end);
    }
    (pieces.len() > 1).then_some(pieces)
}

/// True when another object begins behind the first.
#[cold]
pub fn is_followed(text: &[u8]) -> bool {
    begins_behind(text, object_end(text, 0).unwrap_or(text.len()))
}

/// True when another object begins behind the one that ends at `end`.
#[inline]
pub fn begins_behind(text: &[u8], end: usize) -> bool {
    let behind = blanks(text, end);
    let behind = if text.get(behind) == Some(&b',') { blanks(text, behind + 1) } else { behind };
    text.get(behind) == Some(&b'{') && text.get(blanks(text, behind + 1)) == Some(&b'"')
}

/// The byte behind the object at `at`, if it is a whole one.
fn object_end(text: &[u8], at: usize) -> Option<usize> {
    let mut object = Object::open_at(text, at)?;
    loop {
        match object.step() {
            Step::Member(_) => {}
            Step::End => return Some(object.position()),
            Step::Cut | Step::Broken(_) => return None,
        }
    }
}

/// The first byte at or after `at` that is not JSON's white space.
#[inline]
pub fn blanks(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// Where the string ends whose first byte is at `at` (its closing quote), and whether a backslash is in it.
#[inline]
pub fn string_end(text: &[u8], mut at: usize) -> Option<(usize, bool)> {
    let mut escaped = false;
    loop {
        at = quote_or_backslash(text, at)?;
        if text[at] == b'"' {
            return Some((at, escaped));
        }
        escaped = true;
        at += 2;
    }
}

/// Eight bytes at a time: the strings of a log line are too short for a wide search to pay for its start.
#[inline]
fn quote_or_backslash(text: &[u8], mut at: usize) -> Option<usize> {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let rest = text.get(at..)?;
    let zero_byte = |word: u64| word.wrapping_sub(LOW) & !word & HIGH;
    let (words, _) = rest.as_chunks::<8>();
    for word in words {
        let word = u64::from_le_bytes(*word);
        let hit = zero_byte(word ^ (LOW * b'"' as u64)) | zero_byte(word ^ (LOW * b'\\' as u64));
        if hit != 0 {
            return Some(at + (hit.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    let tail = text.get(at..)?;
    tail.iter().position(|&b| b == b'"' || b == b'\\').map(|i| at + i)
}

/// The byte behind the object or list that starts at `at`.
fn nested_end(text: &[u8], at: usize) -> Option<usize> {
    let mut depth = 0usize;
    let mut at = at;
    loop {
        match text.get(at)? {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            b'"' => at = string_end(text, at + 1)?.0,
            _ => {}
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(text: &str) -> (Vec<(String, String, Shape)>, Step) {
        let mut object = Object::open(text.as_bytes()).unwrap();
        let mut out = Vec::new();
        loop {
            match object.step() {
                Step::Member(m) => out.push((text[m.key].to_owned(), text[m.value].to_owned(), m.shape)),
                step => return (out, step),
            }
        }
    }

    #[test]
    fn members_are_found_with_their_shapes() {
        let (found, end) = members(r#" {"a": "x\"y", "b":-1.5 , "c":null,"d":{"e":["}",{}]},"f":true}"#);
        let shapes: Vec<_> = found.iter().map(|(k, v, s)| (k.as_str(), v.as_str(), *s)).collect();
        assert_eq!(
            shapes,
            [
                ("a", r#"x\"y"#, Shape::Text(true)),
                ("b", "-1.5", Shape::Number),
                ("c", "null", Shape::Null),
                ("d", r#"{"e":["}",{}]}"#, Shape::Nested),
                ("f", "true", Shape::Bool),
            ]
        );
        assert_eq!(end, Step::End);
    }

    #[test]
    fn a_cut_object_gives_what_was_whole() {
        for cut in
            [r#"{"a":1,"b":12"#, r#"{"a":1,"b":"x"#, r#"{"a":1,"b"#, r#"{"a":1,"b":nu"#, r#"{"a":1,"b":[1"#]
        {
            let (found, end) = members(cut);
            assert_eq!((found.len(), end), (1, Step::Cut), "{cut}");
        }
        assert!(matches!(members(r#"{"a":1 "b":2}"#).1, Step::Broken(7)));
        assert!(matches!(members(r#"{"a":x}"#).1, Step::Broken(5)));
    }
}
