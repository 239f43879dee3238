//! An ordinary line at a glance: what must be known to count it, for whoever knows its telling bytes already.

use std::ops::Range;

use super::text::TextFormats;
use super::value;
use crate::envoy::address;
use crate::record::{Field, Identity, Kind, Layout};
use crate::scan::Columns;

/// A line of a text format that is an ordinary one if its telling bytes are those of a record of the same format,
/// [`Record::identity`], and what may be otherwise is found [in order](Self::check). Values are cut out when somebody asks for
/// them: whoever only counts needs few.
///
/// [`Record::identity`]: crate::record::Record::identity
#[derive(Debug, Clone, Copy)]
pub struct Glance<'a> {
    /// Name of the format.
    pub format: &'static str,
    /// HTTP or TCP.
    pub kind: Kind,
    /// The start, if the line [has one](Self::has_usual_time).
    pub time: &'a [u8; 24],
    /// The whole line.
    pub line: &'a [u8],
    pub(super) columns: &'a Columns,
    pub(super) plan: &'a Plan,
    /// Where the path stands.
    pub(super) path: (usize, usize),
}

/// What a glance looks at, by columns.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The request: method, path and protocol.
    pub(super) request: u8,
    /// Telling columns that stand side by side, first and last. The request's own begins at the protocol.
    pub(super) stretches: Vec<(u8, u8)>,
    /// Quoted values that the client chose.
    pub(super) headers: Vec<u8>,
    /// One of them: the request id.
    pub(super) id: Option<u8>,
    /// Values that may be anything but empty.
    pub(super) bare: Vec<u8>,
    pub(super) received: u8,
    pub(super) sent: u8,
    pub(super) duration: u8,
    /// The proxy's address towards the upstream: it matters whether there is one.
    pub(super) local: Option<u8>,
    /// The address at which the client reached the proxy; it is in a stretch, too.
    pub(super) listener: Option<u8>,
    /// The upstream's own time.
    pub(super) service: Option<u8>,
    /// The client's address.
    pub(super) remote: Option<u8>,
    /// All values that are in no stretch; empty when one of their fields is somewhere else, too.
    pub(super) spots: Vec<Spot>,
}

/// Where a value stands that the telling bytes do not tell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    pub(super) field: Field,
    pub(super) column: u8,
    /// Bytes of the column before the value; as many are behind it.
    pub(super) around: u8,
}

impl Plan {
    /// Where the telling bytes are, given where the protocol starts.
    #[inline(always)]
    pub(super) fn stretches(
        &self,
        columns: &Columns,
        protocol: usize,
    ) -> impl Iterator<Item = (usize, usize)> {
        self.stretches.iter().map(move |stretch| self.stretch(*stretch, columns, protocol))
    }

    #[inline(always)]
    fn stretch(&self, (first, last): (u8, u8), columns: &Columns, protocol: usize) -> (usize, usize) {
        let start = if first == self.request { protocol } else { columns.start(first) };
        (start, columns.end(last))
    }
}

impl<'a> Glance<'a> {
    /// The bytes that say what the line means: those of [`Record::identity`].
    ///
    /// [`Record::identity`]: crate::record::Record::identity
    #[inline(always)]
    pub fn identity(&self) -> Identity<'a> {
        let mut identity = Identity::default();
        for (start, end) in self.plan.stretches(self.columns, self.path.1 + 1) {
            // Columns follow each other, so all of them are parts of the line; and a plan has no more than there is room for.
            let Some(part) = self.line.get(start..end) else { break };
            identity.add(part);
        }
        identity
    }

    /// Checks what may be otherwise where the telling bytes are the same, but for the [time](Self::has_usual_time); tells how long
    /// it took, in milliseconds. `None`: it is not an ordinary line. Better asked for after the row was looked for: it takes the
    /// time in which that comes.
    #[inline(always)]
    pub fn check(&self) -> Option<u64> {
        let Glance { line, columns, plan, .. } = *self;
        for &header in &plan.headers {
            let (start, end) = (columns.start(header), columns.end(header));
            // A value, neither empty nor with a blank at its start, between quotes.
            let [b'"', first] = *line.get(start..)?.first_chunk::<2>()? else { return None };
            if *line.get(end.wrapping_sub(1))? != b'"' || end < start + 3 || matches!(first, b' ' | b'"') {
                return None;
            }
        }
        if plan.bare.iter().any(|&column| columns.start(column) == columns.end(column)) {
            return None;
        }
        let number = |column| value::short_number(line, columns.start(column), columns.end(column));
        number(plan.received)?;
        number(plan.sent)?;
        number(plan.duration)
    }

    /// The same where it is known how many parts they are: they need not go through memory.
    #[inline(always)]
    pub fn parts<const N: usize>(&self) -> Option<[&'a [u8]; N]> {
        let stretches: &[(u8, u8); N] = self.plan.stretches.as_slice().try_into().ok()?;
        let mut parts = [&b""[..]; N];
        for (part, stretch) in parts.iter_mut().zip(stretches) {
            let (start, end) = self.plan.stretch(*stretch, self.columns, self.path.1 + 1);
            *part = self.line.get(start..end)?;
        }
        Some(parts)
    }

    /// The start is of the form that Envoy writes unless told otherwise: `2026-01-02T03:04:05.678Z`. A clock that reads it
    /// knows, too.
    #[inline(always)]
    pub fn has_usual_time(&self) -> bool {
        value::is_usual_time(self.time)
    }

    /// Bytes from the client.
    #[inline(always)]
    pub fn received(&self) -> u64 {
        self.number(self.plan.received)
    }

    /// Bytes to the client.
    #[inline(always)]
    pub fn sent(&self) -> u64 {
        self.number(self.plan.sent)
    }

    /// Request id; empty where the format has none, or has it where a glance does not look.
    #[inline(always)]
    pub fn request_id(&self) -> &'a [u8] {
        let range = |id| self.columns.start(id) + 1..self.columns.end(id).wrapping_sub(1);
        self.plan.id.and_then(|id| self.line.get(range(id))).unwrap_or_default()
    }

    /// The proxy's end of the upstream connection, `-` included; empty where the format has none.
    #[inline(always)]
    pub fn local(&self) -> &'a [u8] {
        self.bare(self.plan.local)
    }

    /// There is an upstream connection.
    #[inline(always)]
    pub fn has_local_address(&self) -> bool {
        !matches!(self.local(), b"" | b"-")
    }

    /// It left from where the client reached the proxy.
    #[inline(always)]
    pub fn at_own_address(&self) -> bool {
        address::at_own_address(self.local(), self.bare(self.plan.listener), self.remote())
    }

    /// `x-envoy-upstream-service-time`, `-` included; empty where the format has none.
    #[inline(always)]
    pub fn service_time(&self) -> &'a [u8] {
        self.bare(self.plan.service)
    }

    /// Request path with query.
    #[inline(always)]
    pub fn path(&self) -> &'a [u8] {
        self.line.get(self.path.0..self.path.1).unwrap_or_default()
    }

    /// Address of the client.
    #[inline(always)]
    pub fn remote(&self) -> &'a [u8] {
        self.bare(self.plan.remote)
    }

    /// Which values are not told by the telling bytes, of all lines of the format. None when the format has a field twice.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = Field> {
        self.plan.spots.iter().map(|spot| spot.field)
    }

    /// Where in the line the value of one of those fields stands, `-` included, by its place among them.
    #[inline(always)]
    pub fn place(&self, at: usize) -> Option<Range<usize>> {
        let Spot { field, column, around } = *self.plan.spots.get(at)?;
        let start = self.columns.start(column) + usize::from(around);
        Some(match field {
            Field::Path => self.path.0..self.path.1,
            Field::Method => start..self.path.0.wrapping_sub(1),
            _ => start..self.columns.end(column).wrapping_sub(around.into()),
        })
    }

    #[inline(always)]
    fn bare(&self, column: Option<u8>) -> &'a [u8] {
        let range = |n| self.columns.start(n)..self.columns.end(n);
        column.and_then(|n| self.line.get(range(n))).unwrap_or_default()
    }

    #[inline(always)]
    fn number(&self, column: u8) -> u64 {
        value::short_number(self.line, self.columns.start(column), self.columns.end(column)).unwrap_or(0)
    }
}

/// Looks at lines.
#[derive(Debug)]
pub struct Looker<'r> {
    formats: &'r TextFormats,
    columns: Columns,
    /// Place of the format that was found last.
    lately: usize,
}

impl<'r> Looker<'r> {
    pub(super) fn new(formats: &'r TextFormats) -> Looker<'r> {
        Looker { formats, columns: Columns::default(), lately: 0 }
    }

    /// Looks at the line that the text starts with: how long it is, without its newline, and what is plain to see; `None`
    /// when that is nothing. A glance is large: it is never moved, where all that uses it is inlined.
    #[inline(always)]
    pub fn look<'a>(&'a mut self, text: &'a [u8]) -> Option<(usize, Glance<'a>)> {
        // A line of a format that can be told at a glance begins with its time.
        if text.first() != Some(&b'[') {
            return None;
        }
        let end = self.columns.find(text)?;
        let line = text.get(..end)?;
        let line = without_return(line);
        if line.len() < end {
            self.columns.cut(line.len());
        }
        Some((end, self.formats.glance(line, &self.columns, &mut self.lately)?))
    }

    /// Reads the line that was looked at last, whose telling bytes are those of a line that was read before. False: it has to
    /// be read as any other.
    pub fn read_known(&self, line: &[u8], layout: &mut Layout) -> bool {
        self.formats.read_known(without_return(line), &self.columns, self.lately, layout)
    }
}

#[inline(always)]
fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}
