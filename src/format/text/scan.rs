//! The quick reading of the ordinary line. A line that holds exactly as many quotes as its format does cannot hide
//! one in a value: then every quote is where the format put it, and each piece between two of them is a few blanks
//! away from its values. Anything unusual is left to [`twin`](mod@super::super::twin): this reading never guesses.

use memchr::{memchr, memchr_iter, memrchr};

use crate::format::template::{Class, Step, Template};
use crate::format::twin;
use crate::record::Layout;

/// More quotes than any known format has.
const MOST: usize = 40;

/// Where the quotes of a line are.
pub(super) struct Quotes {
    at: [u32; MOST],
    /// How many there are; no more are counted than one above [`MOST`].
    pub(super) count: usize,
}

impl Quotes {
    #[inline]
    pub(super) fn of(line: &[u8]) -> Quotes {
        let mut quotes = Quotes { at: [0; MOST], count: 0 };
        for at in memchr_iter(b'"', line) {
            if let Some(slot) = quotes.at.get_mut(quotes.count) {
                *slot = at as u32;
            }
            quotes.count += 1;
            if quotes.count > MOST {
                break;
            }
        }
        quotes
    }
}

/// A format cut at its quotes.
#[derive(Debug)]
pub(in crate::format) struct Pieces(Vec<Piece>);

/// What stands between two quotes: values with one blank between them.
#[derive(Debug, Default)]
struct Piece {
    before: Vec<u8>,
    steps: std::ops::Range<usize>,
    after: Vec<u8>,
}

impl Pieces {
    /// `None` for formats that quotes and blanks alone do not take apart.
    pub(in crate::format) fn of(template: &Template) -> Option<Pieces> {
        let mut pieces = vec![Piece::default()];
        cut(&template.lead, 0, &mut pieces);
        for (n, step) in template.steps.iter().enumerate() {
            pieces.last_mut()?.steps.end = n + 1;
            let inner = step.literal == b" " && n + 1 < template.steps.len();
            if step.class == Class::Glued
                || (!inner && step.literal.is_empty() && n + 1 < template.steps.len())
            {
                return None;
            }
            if !inner {
                cut(&step.literal, n + 1, &mut pieces);
            }
        }
        let readable = pieces.iter().all(|piece| {
            let frees =
                template.steps[piece.steps.clone()].iter().filter(|step| step.class.is_free()).count();
            frees <= 1
        });
        (readable && pieces.len() > 2 && pieces.len() <= MOST + 1).then_some(Pieces(pieces))
    }

    /// Fills the layout; `false` when the line is not an ordinary one of this format.
    #[inline]
    pub(super) fn read(
        &self,
        template: &Template,
        line: &[u8],
        quotes: &Quotes,
        layout: &mut Layout,
    ) -> bool {
        if quotes.count + 1 != self.0.len() {
            return false;
        }
        let mut start = 0;
        for (n, piece) in self.0.iter().enumerate() {
            let end = if n < quotes.count { quotes.at[n] as usize } else { line.len() };
            let Some(text) = line.get(start..end) else { return false };
            if !piece.read(template, start, text, layout) {
                return false;
            }
            start = end + 1;
        }
        twin::set_kind(template, line, layout);
        true
    }
}

/// Adds literal text to the pieces, beginning a new one at each quote.
fn cut(literal: &[u8], step: usize, pieces: &mut Vec<Piece>) {
    for (n, text) in literal.split(|&b| b == b'"').enumerate() {
        if n > 0 {
            pieces.push(Piece { before: text.to_vec(), steps: step..step, after: Vec::new() });
        } else if let Some(piece) = pieces.last_mut() {
            let side = if piece.steps.is_empty() { &mut piece.before } else { &mut piece.after };
            side.extend_from_slice(text);
        }
    }
}

impl Piece {
    #[inline]
    fn read(&self, template: &Template, start: usize, text: &[u8], layout: &mut Layout) -> bool {
        let around = self.before.len() + self.after.len();
        let Some(inside) = text.len().checked_sub(around) else { return false };
        let (before, more) = text.split_at(self.before.len());
        let (mut rest, after) = more.split_at(inside);
        if !same(before, &self.before) || !same(after, &self.after) {
            return false;
        }
        let mut at = start + self.before.len();
        let steps = &template.steps[self.steps.clone()];
        if steps.is_empty() {
            return rest.is_empty();
        }
        // Values behind a free one are read from the right: there is only one blank before each.
        let mut tail = rest.len();
        let mut steps_behind = steps.len();
        if let Some(free) = steps[..steps.len() - 1].iter().position(|step| step.class.is_free()) {
            for step in steps[free + 1..].iter().rev() {
                let Some(blank) = memrchr(b' ', &rest[..tail]) else { return false };
                if !put(step, at + blank + 1, &rest[blank + 1..tail], layout) {
                    return false;
                }
                tail = blank;
            }
            rest = &rest[..tail];
            steps_behind = free + 1;
        }
        for step in &steps[..steps_behind - 1] {
            let Some(blank) = memchr(b' ', rest) else { return false };
            if !put(step, at, &rest[..blank], layout) {
                return false;
            }
            at += blank + 1;
            rest = &rest[blank + 1..];
        }
        put(&steps[steps_behind - 1], at, rest, layout)
    }
}

/// Equality of a byte or two: a call of `memcmp` costs more than the rest of the piece.
#[inline]
fn same(a: &[u8], b: &[u8]) -> bool {
    a.iter().zip(b).all(|(a, b)| a == b)
}

/// Puts a value into the layout if it is an ordinary one.
#[inline]
fn put(step: &Step, start: usize, text: &[u8], layout: &mut Layout) -> bool {
    let ordinary = match step.class {
        // A blank at the start looks like the end of the value before.
        Class::Free => text.first() != Some(&b' '),
        Class::Details => {
            step.class.accepts(text) && text.len() <= step.class.longest() && !opens_bracket(text)
        }
        class => class.accepts(text) && text.len() <= class.longest(),
    };
    if ordinary {
        twin::set(step, start, text, layout);
    }
    ordinary
}

/// True for details that a blank cut inside their brackets.
#[inline]
pub(super) fn opens_bracket(text: &[u8]) -> bool {
    if text.len() <= 12 && matches!(text, b"-" | b"via_upstream") {
        return false;
    }
    match text.iter().find(|b| matches!(b, b'{' | b'[')) {
        None => false,
        Some(b'{') => text.last() != Some(&b'}'),
        Some(_) => text.last() != Some(&b']'),
    }
}
