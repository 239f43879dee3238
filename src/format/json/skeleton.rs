//! The speculative reader: a proxy writes the same keys in the same order on every line, so what stands between the
//! values of one line also stands between those of the next.
//!
//! A line that the walker has read as a plain record is remembered as a *skeleton*: the bytes before each value. The next
//! line is compared with them piece by piece, and only its values are looked at. Whatever does not fit (another key,
//! another shape, a value that must be converted) is the walker's: this reader never guesses, so what it reads is what
//! the walker would have read (`tests` compare them on changed lines). What a line is still depends on its bytes alone.

use std::cell::RefCell;

use super::keys::{self, tell};
use super::{Reading, decide, values};
use crate::record::object::{Object, Shape, Step, string_end};
use crate::record::{Field, Layout};

/// Skeletons remembered: a stream rarely mixes more formats than these.
const KEPT: usize = 2;

/// A key whose skeletons are longer than this is no proxy's.
const LONGEST: usize = 4096;

/// Keys that tell of more than their field, in lines that are no plain records.
const UNCOMMON: u32 =
    tell::DEEP | tell::HOLDER | tell::KUBERNETES | tell::LEVEL | tell::MESSAGE | tell::SCOPE;

thread_local! {
    static MEMORY: RefCell<Memory> = const { RefCell::new(Memory { kept: [const { None }; KEPT], missed: 0 }) };
}

struct Memory {
    kept: [Option<Skeleton>; KEPT],
    missed: u32,
}

/// What all lines of one writer have in common.
#[derive(Debug)]
struct Skeleton {
    /// What stands before the values, end to end.
    text: Box<[u8]>,
    members: Box<[Member]>,
    tells: u32,
}

#[derive(Debug, Clone, Copy)]
struct Member {
    /// Length of what stands before the value: `,"key":`.
    before: usize,
    field: Option<Field>,
}

/// Equality of texts of one length, a word at a time: they are short, and a call of `memcmp` costs more than that.
#[inline(always)]
fn same(a: &[u8], b: &[u8]) -> bool {
    let ((words, _), (others, _)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    match (a.last_chunk::<8>(), b.last_chunk::<8>()) {
        // What is left at the end is compared together with what stands before it.
        (Some(tail), Some(other)) => {
            tail == other && words.iter().zip(others).all(|(word, other)| word == other)
        }
        _ => a.iter().zip(b).all(|(a, b)| a == b),
    }
}

/// Reads the line if it is like one that was learned.
#[inline]
pub(super) fn read(line: &[u8], layout: &mut Layout) -> Option<Reading> {
    MEMORY.with_borrow(|memory| {
        memory.kept.iter().flatten().find_map(|skeleton| {
            layout.reset("json");
            skeleton.read(line, layout).then(|| decide(skeleton.tells, line, layout)).flatten()
        })
    })
}

/// Remembers a line that the walker has read as a record. Fewer and fewer are learned when it does not help.
#[cold]
pub(super) fn learn(line: &[u8]) {
    MEMORY.with_borrow_mut(|memory| {
        memory.missed = memory.missed.wrapping_add(1);
        if !memory.missed.is_power_of_two() {
            return;
        }
        if let Some(skeleton) = Skeleton::of(line) {
            memory.kept.rotate_right(1);
            memory.kept[0] = Some(skeleton);
        }
    });
}

impl Skeleton {
    /// The skeleton of a line; `None` when it has anything uncommon.
    fn of(line: &[u8]) -> Option<Skeleton> {
        let mut object = Object::open_at(line, 0).filter(|_| line.first() == Some(&b'{'))?;
        let (mut text, mut members, mut tells, mut fields) = (Vec::new(), Vec::new(), 0, 0);
        let mut end = 0;
        loop {
            match object.step() {
                Step::Member(member) if !member.key_escaped && member.shape != Shape::Nested => {
                    let key = &line[member.key.clone()];
                    let known = keys::lookup(key);
                    let told = known.map_or(0, |known| known.tells);
                    let field = known.and_then(|known| known.field);
                    let bit = field.map_or(0, Field::bit);
                    if told & UNCOMMON != 0 || key.contains(&b'.') || fields & bit != 0 {
                        return None;
                    }
                    tells |= told;
                    fields |= bit;
                    let quote = usize::from(matches!(member.shape, Shape::Text(_)));
                    let start = member.value.start - quote;
                    text.extend_from_slice(&line[end..start]);
                    members.push(Member { before: start - end, field });
                    end = member.value.end + quote;
                }
                Step::End => break,
                _ => return None,
            }
        }
        let plain = line.get(end..) == Some(b"}") && text.len() <= LONGEST;
        plain.then(|| Skeleton { text: text.into(), members: members.into(), tells })
    }

    /// Notes where the fields are; false when the line has another skeleton or an uncommon value.
    #[inline]
    fn read(&self, line: &[u8], layout: &mut Layout) -> bool {
        let (mut before, mut at) = (&self.text[..], 0);
        for member in &self.members {
            let Some((expected, rest)) = before.split_at_checked(member.before) else { return false };
            before = rest;
            if !line.get(at..at + expected.len()).is_some_and(|text| same(text, expected)) {
                return false;
            }
            at += expected.len();
            let (value, shape, end) = match line.get(at) {
                Some(b'"') => match string_end(line, at + 1) {
                    Some((end, escaped)) => (at + 1..end, Shape::Text(escaped), end + 1),
                    None => return false,
                },
                Some(b'-' | b'0'..=b'9') => {
                    let digits =
                        line[at..].iter().take_while(|b| matches!(b, b'0'..=b'9' | b'.' | b'-')).count();
                    (at..at + digits, Shape::Number, at + digits)
                }
                Some(b'n') if line[at..].starts_with(b"null") => {
                    at += 4;
                    continue;
                }
                _ => return false,
            };
            if let Some(field) = member.field {
                if !values::plain(field, &line[value.clone()], shape) {
                    return false;
                }
                match shape {
                    Shape::Text(true) => layout.set_escaped(field, value),
                    _ => layout.set(field, value),
                }
            }
            at = end;
        }
        line.get(at..) == Some(b"}")
    }
}
