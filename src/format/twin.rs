//! The exact reading of a line along a [`Template`], written to be read: with nom, one rule a function. The fast
//! reading of [`text`](super::text) must say the same or nothing; where it says nothing, this one decides.
//!
//! Nothing is escaped in a text format, and the client chooses what stands in header fields. So:
//!
//! - A value whose shape is known ends at the first occurrence of the text behind it, and must have that shape.
//! - Values that can be anything ([`Class::Free`]) come in chains. Where a chain ends is told by the values behind
//!   it ([`chain_end`]): the first place from which they can be read, if only the client's fields behind it could
//!   pretend to be them; the last place, if the client's fields are in the chain itself.
//! - Inside a chain, the first value ends as early as possible and the others start as late as possible
//!   ([`chain_starts`]): that gives x-forwarded-for and the request id their place, and the user agent the rest.
//! - What has been read is never taken back: a header that looks like columns cannot win over the columns before it.

use nom::bytes::complete::{tag, take, take_until};
use nom::combinator::{eof, verify};
use nom::sequence::terminated;
use nom::{IResult, Parser};

use super::template::{Class, Step, Template};
use super::value;
use crate::record::{Field, Kind, Layout};

type Read<'a, T = &'a [u8]> = IResult<&'a [u8], T>;

/// Reads a whole line. On `false` the layout holds nothing of use.
pub(super) fn read(template: &Template, line: &[u8], layout: &mut Layout) -> bool {
    line.starts_with(&template.lead) && read_from(template, 0, line, template.lead.len(), layout)
}

/// Reads a line whose value number `step` starts at byte `at`; what stands before is not looked at.
pub(super) fn read_from(
    template: &Template,
    step: usize,
    line: &[u8],
    at: usize,
    layout: &mut Layout,
) -> bool {
    let Some(mut rest) = line.get(at..) else { return false };
    let mut reading = Reading { template, line, layout };
    let mut n = step;
    while n < template.steps.len() {
        let next =
            if template.steps[n].class.is_free() { reading.chain(n, rest) } else { reading.shaped(n, rest) };
        match next {
            Ok((after, count)) => {
                rest = after;
                n += count;
            }
            Err(_) => return false,
        }
    }
    set_kind(template, line, layout);
    rest.is_empty()
}

struct Reading<'t, 'l> {
    template: &'t Template,
    line: &'l [u8],
    layout: &'t mut Layout,
}

impl<'l> Reading<'_, 'l> {
    /// One value of known shape, and the text behind it. Returns how many steps were read.
    fn shaped(&mut self, n: usize, rest: &'l [u8]) -> Read<'l, usize> {
        let step = &self.template.steps[n];
        let (after, value) = shaped(step, rest)?;
        self.set(step, self.line.len() - rest.len(), value);
        Ok((after, 1))
    }

    /// A chain of free values, and the text behind it.
    fn chain(&mut self, n: usize, rest: &'l [u8]) -> Read<'l, usize> {
        let steps = &self.template.steps;
        let count = steps[n..].iter().take_while(|step| step.class.is_free()).count();
        let (chain, behind) = steps[n..].split_at(count);
        let base = self.line.len() - rest.len();
        let (after, text) = chain_end(chain, behind, rest)?;
        let starts = chain_starts(chain, text);
        for (k, step) in chain.iter().enumerate() {
            let start = starts[k];
            let end = starts.get(k + 1).map_or(text.len(), |next| next - step.literal.len());
            self.set(step, base + start, &text[start..end]);
        }
        Ok((after, count))
    }

    fn set(&mut self, step: &Step, start: usize, value: &[u8]) {
        set(step, start, value, self.layout);
    }
}

/// Puts a value where it belongs.
#[inline]
pub(super) fn set(step: &Step, start: usize, value: &[u8], layout: &mut Layout) {
    let Some(field) = step.field else { return };
    let end = start + value.len();
    match step.class {
        Class::Glued => {
            let at = value::glued(value).unwrap_or(value.len());
            layout.set(Field::Path, start..start + at);
            layout.set(Field::Protocol, start + at..end);
        }
        Class::Free if field == Field::RouteName && step.literal.is_empty() => {
            layout.set(field, start..start + value::route_end(value));
        }
        _ => layout.set(field, start..end),
    }
}

/// A value of known shape and the literal behind it.
fn shaped<'a>(step: &Step, rest: &'a [u8]) -> Read<'a> {
    let literal = step.literal.as_slice();
    if literal.is_empty() {
        // The last value of the line.
        return verify(take(rest.len()), |text: &[u8]| {
            text.len() <= step.class.longest() && step.class.accepts(text)
        })
        .parse(rest);
    }
    let end = |text: &'a [u8]| match step.class {
        Class::Details => take(value::details_end(text, literal).unwrap_or(text.len())).parse(text),
        _ => until(literal, step.inner, text),
    };
    let (window, beyond) = rest.split_at(rest.len().min(step.class.longest() + literal.len()));
    let (left, value) =
        terminated(verify(end, |text: &[u8]| step.class.accepts(text)), tag(literal)).parse(window)?;
    Ok((&rest[rest.len() - beyond.len() - left.len()..], value))
}

/// The text up to the literal, after it has occurred `inner` times in the text itself.
fn until<'a>(literal: &[u8], inner: usize, text: &'a [u8]) -> Read<'a> {
    let mut skipped = 0;
    for _ in 0..inner {
        let (_, before) = take_until(literal).parse(&text[skipped..])?;
        skipped += before.len() + literal.len();
    }
    let (_, before) = take_until(literal).parse(&text[skipped..])?;
    take(skipped + before.len()).parse(text)
}

/// Where a chain of free values ends: the text of the chain, and what follows the literal behind it.
fn chain_end<'a>(chain: &[Step], behind: &[Step], rest: &'a [u8]) -> Read<'a> {
    let Some((last, literal)) = chain.last().map(|last| (last, last.literal.as_slice())) else {
        return take(0usize).parse(rest);
    };
    // Every value but the last needs room for the literal behind it.
    let least = chain[..chain.len() - 1]
        .iter()
        .try_fold(0, |at, step| Some(at + value::find(&rest[at..], &step.literal)? + step.literal.len()));
    let Some(least) = least else { return fail(rest) };
    if literal.is_empty() {
        return verify(take(rest.len()), |text: &[u8]| {
            last.class != Class::Glued || last.class.accepts(text)
        })
        .parse(rest);
    }
    let run = run_behind(behind);
    let client_behind = behind.iter().any(|step| step.forgeable);
    let fits = |at: usize| {
        let whole = if client_behind { &run[..proven(run)] } else { run };
        let ends_line = whole.len() == behind.len();
        (last.class != Class::Glued || last.class.accepts(&rest[..at]))
            && can_read(whole, &rest[at + literal.len()..], ends_line)
    };
    let mut from = if client_behind { 0 } else { least };
    let mut to = rest.len();
    loop {
        let found = if client_behind {
            value::find(&rest[from..], literal).map(|at| from + at)
        } else {
            value::rfind(&rest[from..to], literal).map(|at| from + at)
        };
        match found {
            None => return fail(rest),
            // The values behind the chain are here, and the chain's own do not fit before them.
            Some(at) if at < least && fits(at) => return fail(rest),
            Some(at) if fits(at) => return Ok((&rest[at + literal.len()..], &rest[..at])),
            Some(at) if client_behind => from = at + 1,
            // Occurrences may overlap: `" " "` holds `" "` twice.
            Some(at) => to = at + literal.len() - 1,
        }
    }
}

/// The values of known shape behind a chain.
fn run_behind(behind: &[Step]) -> &[Step] {
    let free = behind.iter().position(|step| step.class.is_free()).unwrap_or(behind.len());
    &behind[..free]
}

/// How many values of a run must be right for the place to be right: up to the last one that proves something.
fn proven(run: &[Step]) -> usize {
    run.iter().rposition(|step| step.class.is_proof()).map_or(run.len(), |last| last + 1)
}

/// True when all the values of a run can be read here.
fn can_read(run: &[Step], text: &[u8], ends_line: bool) -> bool {
    let rest = run.iter().try_fold(text, |rest, step| shaped(step, rest).map(|(after, _)| after));
    rest.is_ok_and(|rest| !ends_line || eof::<_, nom::error::Error<&[u8]>>(rest).is_ok())
}

/// Where the values of a chain start, within its text, which has room for them all.
fn chain_starts(chain: &[Step], text: &[u8]) -> Vec<usize> {
    // As early as possible, for all.
    let mut starts = vec![0];
    for step in &chain[..chain.len() - 1] {
        let at = starts.last().copied().unwrap_or(0);
        starts.push(at + value::find(&text[at..], &step.literal).unwrap_or(0) + step.literal.len());
    }
    // As late as possible, for all but the first, and for the second where the first is not closed by a quote:
    // termination details may hold quotes of their own.
    let first_wins = chain[0].field != Some(Field::Termination);
    let mut end = text.len();
    for n in (1 + usize::from(first_wins)..chain.len()).rev() {
        let literal = &chain[n - 1].literal;
        let earliest = starts[n] - literal.len();
        if let Some(at) = value::rfind(&text[earliest..end], literal) {
            starts[n] = earliest + at + literal.len();
        }
        end = starts[n] - literal.len();
    }
    starts
}

fn fail<T>(rest: &[u8]) -> Read<'_, T> {
    Err(nom::Err::Error(nom::error::Error::new(rest, nom::error::ErrorKind::TakeUntil)))
}

/// A connection has neither method nor path nor protocol.
pub(super) fn set_kind(template: &Template, line: &[u8], layout: &mut Layout) {
    let absent = |field| layout.range(field).is_none_or(|range| matches!(line.get(range), Some(b"-" | b"")));
    let coded = template.steps.iter().any(|step| step.field == Some(Field::Code));
    let tcp = if template.has_request {
        [Field::Method, Field::Path, Field::Protocol].into_iter().all(absent)
    } else {
        !coded
    };
    layout.kind = if tcp { Kind::Tcp } else { Kind::Http };
}
