//! An ordinary line at a glance: what must be known to count it, for whoever knows its telling bytes already.

use std::ops::Range;

use super::text::TextFormats;
use crate::record::{Field, Identity, Kind, Layout};
use crate::scan::Columns;

/// What is plain to see of an ordinary line of a text format. Its telling bytes have not been checked: they are worth
/// something only to those who saw the same bytes in a record of the same format, [`Record::identity`].
///
/// [`Record::identity`]: crate::record::Record::identity
#[derive(Debug, Clone, Copy)]
pub struct Glance<'a> {
    /// Name of the format.
    pub format: &'static str,
    /// The bytes that say what the line means.
    pub identity: Identity<'a>,
    /// HTTP or TCP.
    pub kind: Kind,
    /// The start, in the form that Envoy writes unless told otherwise: `2026-01-02T03:04:05.678Z`, its digits digits.
    pub time: &'a [u8; 24],
    /// What is counted.
    pub numbers: Numbers,
    /// Request id; empty where the format has none, or has it where a glance does not look.
    pub request_id: &'a [u8],
    /// The proxy's end of the upstream connection, `-` included; empty where the format has none.
    pub local: &'a [u8],
    /// There is an upstream connection.
    pub local_address: bool,
    /// It left from where the client reached the proxy.
    pub at_own_address: bool,
    /// `x-envoy-upstream-service-time`, `-` included; empty where the format has none.
    pub service_time: &'a [u8],
    /// Request path with query.
    pub path: &'a [u8],
    /// Address of the client.
    pub remote: &'a [u8],
    /// The values that the telling bytes do not tell.
    pub rest: Rest<'a>,
}

/// The values of a line that may be others where the telling bytes are the same, as they stand, `-` included.
#[derive(Debug, Clone, Copy)]
pub struct Rest<'a> {
    /// The whole line.
    pub line: &'a [u8],
    pub(super) columns: &'a Columns,
    pub(super) spots: &'a [Spot],
    /// Where the path stands.
    pub(super) path: (usize, usize),
}

/// Where such a value stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    pub(super) field: Field,
    pub(super) column: u8,
    /// Bytes of the column before the value; as many are behind it.
    pub(super) around: u8,
}

impl<'a> Rest<'a> {
    /// Which values there are, of all lines of the format. None when the format has a field twice.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = Field> {
        self.spots.iter().map(|spot| spot.field)
    }

    /// Where in the line the value of one of those fields stands, by its place among them.
    #[inline(always)]
    pub fn place(&self, at: usize) -> Option<Range<usize>> {
        let Spot { field, column, around } = *self.spots.get(at)?;
        let start = self.columns.start(column) + usize::from(around);
        Some(match field {
            Field::Path => self.path.0..self.path.1,
            Field::Method => start..self.path.0.wrapping_sub(1),
            _ => start..self.columns.end(column).wrapping_sub(around.into()),
        })
    }
}

/// The numbers of a line.
#[derive(Debug, Clone, Copy)]
pub struct Numbers {
    /// Bytes from the client.
    pub received: u64,
    /// Bytes to the client.
    pub sent: u64,
    /// Milliseconds.
    pub duration_ms: u64,
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

    /// Looks at the line that the text starts with, and hands over how long it is, without its newline, and what is plain
    /// to see; `None` when that is nothing.
    #[inline(always)]
    pub fn look<'a, R>(&'a mut self, text: &'a [u8], see: impl FnOnce(usize, &Glance<'a>) -> R) -> Option<R> {
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
        self.formats.glance(line, &self.columns, &mut self.lately, |glance| see(end, glance))
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
