//! The ordinary line: one column a value, and quotes only where the format prints them.
//!
//! A line is taken apart at the blanks outside its quotes (see [`scan`](crate::scan)). Where the number of columns and
//! of quotes is the format's, and each literal byte stands where the format prints it, no value hides a quote, and
//! every value is what its column holds: the exact reading would say the same. The request alone (method, path,
//! protocol between one pair of quotes) is cut at its first and its last blank.
//!
//! There are two ways to look at such a line. [`Ordinary::read`] checks every value and fills a layout.
//! [`Ordinary::glance`] checks only what differs from line to line, and gives the *telling bytes* unread: whoever has
//! seen these very bytes in a line that `read` took knows that it takes this one too, and what it means. Anything
//! unusual is left to [`scan`](super::scan), and by it to the exact reading.

use crate::format::glance::{Glance, Plan, Spot};
use crate::format::template::{Class, Step, Template};
use crate::format::value;
use crate::record::{Field, Kind, Layout, Stretches};
use crate::scan::{Columns, MAX_BLANKS};

/// Longer lines may hold values that are too long for their class.
const LONGEST_LINE: usize = 4096;

/// A format as columns.
#[derive(Debug)]
pub(super) struct Ordinary {
    columns: Vec<Column>,
    /// Quotes that the format itself prints.
    quotes: u32,
    /// All fields that it fills.
    fields: u64,
    /// `None` for formats of which too little is told by bytes that repeat.
    plan: Option<Plan>,
}

/// What stands between two blanks.
#[derive(Debug, Default)]
struct Column {
    /// Literal bytes before the value, and behind it.
    before: Vec<u8>,
    after: Vec<u8>,
    /// The value; `None` for the request.
    value: Option<(Option<Field>, Class)>,
}

impl Ordinary {
    /// `None` for formats that have more in a column than one value or the request.
    pub(super) fn of(template: &Template) -> Option<Ordinary> {
        let mut columns = vec![Column::default()];
        let mut quoted = false;
        let mut fields = 0;
        let mut request = None;
        open(&template.lead, &mut columns, &mut quoted)?;
        let steps = &template.steps;
        let mut n = 0;
        while n < steps.len() {
            let Step { field, class, ref literal, .. } = steps[n];
            let here = u8::try_from(columns.len() - 1).ok()?;
            let mut literal = literal;
            if field == Some(Field::Method) {
                let whole =
                    |k: usize, wanted| steps.get(n + k).is_some_and(|step| step.field == Some(wanted));
                let parted = steps[n].literal == b" " && steps.get(n + 1)?.literal == b" ";
                if !quoted || !parted || !whole(1, Field::Path) || !whole(2, Field::Protocol) {
                    return None;
                }
                request = Some(here);
                fields |= Field::Method.bit() | Field::Path.bit() | Field::Protocol.bit();
                n += 2;
                literal = &steps[n].literal;
            } else {
                match class {
                    // What they look like is told by more than quotes and blanks.
                    Class::Glued | Class::OwnTime => return None,
                    Class::Details if quoted => return None,
                    _ => {}
                }
                columns.last_mut()?.value = Some((field, class));
                fields |= field.map_or(0, Field::bit);
            }
            close(literal, n + 1 == steps.len(), &mut columns, &mut quoted)?;
            n += 1;
        }
        let request = request.filter(|&at| {
            columns.get(at as usize).is_some_and(|column| column.before == b"\"" && column.after == b"\"")
        })?;
        if quoted || columns.len() > MAX_BLANKS + 1 {
            return None;
        }
        let quotes = template.quotes() as u32;
        let plan = Plan::of(&columns, request);
        Some(Ordinary { columns, quotes, fields, plan })
    }

    /// How many columns and quotes: no two formats may have the same.
    #[cfg(test)]
    pub(super) fn measures(&self) -> (usize, u32) {
        (self.columns.len(), self.quotes)
    }

    /// True for a line with as many columns and quotes.
    #[inline]
    pub(super) fn fits(&self, line: &[u8], columns: &Columns) -> bool {
        columns.count() == self.columns.len() && columns.quotes() == self.quotes && line.len() <= LONGEST_LINE
    }

    /// Fills the layout; `false` when the line is not an ordinary one.
    pub(super) fn read(&self, line: &[u8], columns: &Columns, layout: &mut Layout) -> bool {
        self.fits(line, columns) && self.fill::<true>(line, columns, layout)
    }

    /// Fills the layout of a line whose values are what its columns hold, because a glance found its telling bytes to be
    /// those of a line that was read.
    pub(super) fn read_known(&self, line: &[u8], columns: &Columns, layout: &mut Layout) -> bool {
        self.fits(line, columns) && self.fill::<false>(line, columns, layout)
    }

    #[inline]
    fn fill<const CHECKED: bool>(&self, line: &[u8], columns: &Columns, layout: &mut Layout) -> bool {
        for (n, column) in (0u8..).zip(&self.columns) {
            let (start, end) = (columns.start(n), columns.end(n));
            let Some(text) = line.get(start..end) else { return false };
            if CHECKED && !stands_between(text, &column.before, &column.after) {
                return false;
            }
            // Of a known line the signs around its values are known, too.
            let (start, end) = (start + column.before.len(), end.wrapping_sub(column.after.len()));
            let Some(value) = line.get(start..end) else { return false };
            match column.value {
                Some((field, class)) => {
                    let last = n + 1 == columns.count() as u8;
                    if CHECKED && (!is_ordinary(class, value) || (last && ends_blank(value))) {
                        return false;
                    }
                    if let Some(field) = field {
                        layout.place(field, start, end);
                    }
                }
                None => {
                    let Some((first, last)) = request(line, start, end) else { return false };
                    if CHECKED && !value::is_protocol(&line[last + 1..end]) {
                        return false;
                    }
                    if value == b"- - -" {
                        layout.kind = Kind::Tcp;
                    }
                    layout.place(Field::Method, start, first);
                    layout.place(Field::Path, first + 1, last);
                    layout.place(Field::Protocol, last + 1, end);
                    if let Some(plan) = &self.plan {
                        for (start, end) in plan.stretches(columns, last + 1) {
                            layout.stretches.add(start, end);
                        }
                    }
                }
            }
        }
        layout.announce(self.fields);
        true
    }

    /// What is plain to see of a line that [`fits`](Self::fits).
    #[inline(always)]
    pub(super) fn glance<'a>(
        &'a self,
        format: &'static str,
        line: &'a [u8],
        columns: &'a Columns,
    ) -> Option<Glance<'a>> {
        let plan = self.plan.as_ref()?;
        // `[2026-01-02T03:04:05.678Z]`, which is 26 bytes long.
        let [b'[', time @ .., b']'] = line.first_chunk::<26>()? else { return None };
        if columns.end(0) != 26 {
            return None;
        }
        let (start, end) = (columns.start(plan.request) + 1, columns.end(plan.request).wrapping_sub(1));
        if *line.get(start - 1)? != b'"' {
            return None;
        }
        let (first, last) = request(line, start, end)?;
        let kind =
            if last == start + 3 && line.get(start..end)? == b"- - -" { Kind::Tcp } else { Kind::Http };
        let path = (first + 1, last);
        Some(Glance { format, kind, time, line, columns, plan, path })
    }
}

/// The literal that leads the line.
fn open(text: &[u8], columns: &mut [Column], quoted: &mut bool) -> Option<()> {
    for &byte in text {
        *quoted ^= byte == b'"';
        if byte == b' ' && !*quoted {
            return None;
        }
        columns.last_mut()?.before.push(byte);
    }
    Some(())
}

/// The literal behind a value: it closes the value's column and opens the next one.
fn close(text: &[u8], last: bool, columns: &mut Vec<Column>, quoted: &mut bool) -> Option<()> {
    let mut opened = false;
    for &byte in text {
        *quoted ^= byte == b'"';
        if byte == b' ' && !*quoted {
            // No column without a value.
            if opened {
                return None;
            }
            opened = true;
            columns.push(Column::default());
            continue;
        }
        let column = columns.last_mut()?;
        let side = if opened { &mut column.before } else { &mut column.after };
        side.push(byte);
    }
    // Of two values in one column nothing says where the first one ends.
    (opened || last).then_some(())
}

impl Plan {
    fn of(columns: &[Column], request: u8) -> Option<Plan> {
        let mut plan = Plan { request, ..Plan::default() };
        let mut numbers = [None; 3];
        for (n, column) in (0u8..).zip(columns) {
            let bare = column.before.is_empty() && column.after.is_empty();
            match column.value {
                Some((Some(Field::StartTime), Class::Time)) if n == 0 => {
                    (column.before == b"[" && column.after == b"]").then_some(())?;
                }
                Some((Some(Field::BytesReceived), _)) if bare => numbers[0] = Some(n),
                Some((Some(Field::BytesSent), _)) if bare => numbers[1] = Some(n),
                Some((Some(Field::Duration), _)) if bare => numbers[2] = Some(n),
                Some((
                    Some(field @ (Field::UpstreamLocal | Field::DownstreamRemote | Field::ServiceTime)),
                    Class::Token,
                )) if bare => {
                    plan.bare.push(n);
                    match field {
                        Field::UpstreamLocal => plan.local = Some(n),
                        Field::DownstreamRemote => plan.remote = Some(n),
                        _ => plan.service = Some(n),
                    }
                }
                Some((
                    None | Some(Field::ForwardedFor | Field::UserAgent | Field::RequestId),
                    Class::Free,
                )) if column.before == b"\"" && column.after == b"\"" => {
                    plan.headers.push(n);
                    if matches!(column.value, Some((Some(Field::RequestId), _))) {
                        plan.id = Some(n);
                    }
                }
                value => {
                    if matches!(value, Some((Some(Field::DownstreamLocal), _))) && bare {
                        plan.listener = Some(n);
                    }
                    match plan.stretches.last_mut() {
                        Some((_, last)) if *last + 1 == n && n != request => *last = n,
                        _ => plan.stretches.push((n, n)),
                    }
                }
            }
        }
        let [received, sent, duration] = numbers;
        (plan.received, plan.sent, plan.duration) = (received?, sent?, duration?);
        plan.spots = spots(columns, request, |n| {
            plan.stretches.iter().any(|&(first, last)| (first..=last).contains(&n))
        });
        // Every stretch has its place in `Stretches`.
        let mut room = Stretches::default();
        plan.stretches.iter().all(|_| room.add(0, 0)).then_some(plan)
    }
}

/// The values of the columns that tell nothing, and what stands before the protocol.
fn spots(columns: &[Column], request: u8, tells: impl Fn(u8) -> bool) -> Vec<Spot> {
    let mut spots = Vec::new();
    let mut fields: Vec<Field> = Vec::new();
    for (n, column) in (0u8..).zip(columns) {
        // Such columns have the same sign, or none, on both sides of the value.
        let around = column.before.len() as u8;
        let spot = |field| Spot { field, column: n, around };
        match column.value {
            None if n == request => {
                fields.extend([Field::Method, Field::Path]);
                spots.extend([Field::Method, Field::Path].map(spot));
            }
            Some((Some(field), _)) => {
                fields.push(field);
                spots.extend((!tells(n)).then(|| spot(field)));
            }
            _ => {}
        }
    }
    let twice = |spot: &Spot| fields.iter().filter(|field| **field == spot.field).count() > 1;
    if spots.iter().any(twice) { Vec::new() } else { spots }
}

/// A word whose bytes have their high bit set where those of `text` are blanks, and are 0 elsewhere.
#[inline]
fn blanks(text: &[u8; 8]) -> u64 {
    let rest = u64::from_le_bytes(*text) ^ value::all(b' ');
    !(((rest & value::all(0x7f)) + value::all(0x7f)) | rest) & value::all(0x80)
}

/// True when there is something between these two literals, or nothing at all. They are a byte or two: a call to compare memory costs
/// more than the comparison.
#[inline(always)]
fn stands_between(text: &[u8], before: &[u8], after: &[u8]) -> bool {
    let same = |part: &[u8], literal: &[u8]| part.iter().zip(literal).all(|(a, b)| a == b);
    let end = text.len().wrapping_sub(after.len());
    (before.len()..=text.len()).contains(&end)
        && (before.is_empty() || same(text, before))
        && (after.is_empty() || same(&text[end..], after))
}

/// The first and the last blank of a request that stands at `start..end`: the path lies between them, and none of the
/// three is empty. Only for methods of up to seven bytes and protocols of up to eight.
#[inline(always)]
fn request(line: &[u8], start: usize, end: usize) -> Option<(usize, usize)> {
    let head = line.get(start..)?.first_chunk::<8>()?;
    let tail = line.get(..end.checked_sub(1)?)?.last_chunk::<8>()?;
    let (head, tail) = (blanks(head), blanks(tail));
    if head == 0 || tail == 0 {
        return None;
    }
    let first = start + head.trailing_zeros() as usize / 8;
    let last = end - 2 - tail.leading_zeros() as usize / 8;
    let blank = |at: usize| line.get(at) == Some(&b' ');
    // A blank at the start of the path looks like the end of the method; one at the end, like that of the path.
    let whole = first > start && first + 1 < last && !blank(first + 1) && !blank(end - 1);
    whole.then_some((first, last))
}

/// What stands behind the last value does not belong to it.
fn ends_blank(text: &[u8]) -> bool {
    text.last().is_some_and(u8::is_ascii_whitespace)
}

/// True for a value that the exact reading would take as it stands.
#[inline]
fn is_ordinary(class: Class, text: &[u8]) -> bool {
    match class {
        // An empty value looks like the end of the one before.
        _ if text.is_empty() => false,
        Class::Free => text.first() != Some(&b' '),
        // A bracket that a blank may have cut is no ordinary one.
        Class::Details => class.accepts(text) && !super::scan::opens_bracket(text),
        Class::Time | Class::Protocol | Class::Code | Class::Flags | Class::Count | Class::Number => {
            text.len() <= class.longest() && class.accepts(text)
        }
        _ => class.accepts(text),
    }
}

#[cfg(test)]
pub(super) mod tests;
