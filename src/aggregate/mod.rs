//! Records become counts. `fold(a ++ b) == merge(fold(a), fold(b))`, exactly: integers only, keys in input order.
//!
//! A [`Tally`] counts one part of the input without caps (a part that becomes heavy is ended, see [`Tally::weight`]);
//! its [`Summary`] is merged into the whole, where every keyed table has a cap, in keys and in bytes. Above a cap totals
//! stay exact and the rest is counted as `other`. Where tables share a cap their keys are admitted in the order in which
//! the input named them, not table by table: so nothing depends on how the input was cut.

mod clock;
mod counter;
mod detail;
mod flagged;
mod group;
mod hops;
mod host;
mod lately;
mod latency;
mod row;
mod row_key;
mod series;
mod sides;
mod span;
mod summary;
mod symptom;
mod tally;
#[cfg(test)]
mod tests;
mod timed;
mod totals;
mod trusted;
mod turn;
mod values;

pub use clock::Clock;
pub(crate) use counter::make_room;
pub use counter::{Counter, Ordered, Text};
pub use detail::{Detail, DetailFull, DetailTally, FAILED, Hits, SERVED, Split};
pub use group::{By, Group, Groups};
pub use hops::{Edge, Hops, Link, Seen, Skew, Spent, Step, Times};
pub use host::Host;
pub use lately::{BUCKET_S, KEPT_S, Lately, LatelyTally, Moment};
pub use latency::Latency;
pub use row::suspicious;
pub use series::{Cell, Load, Series};
pub use sides::{Door, Sides};
pub use span::Span;
pub use summary::{
    Caps, Code, Counts, FlaggedLoad, Full, Lines, Moved, ProxyLog, ProxyNote, RejectSample, Scope, Summary,
    Told, Upstream,
};
pub use symptom::{Exemplar, Size, Sni, Symptom, SymptomKey, without_port};
pub use tally::{Ailing, Glimpse, Last, Tally};
pub use timed::{Room, Timed};
pub use totals::{Ends, Totals};
pub use trusted::Trusted;
pub use turn::{Turn, Turns};
pub use values::RequestId;

/// Bytes of a name that are kept. A DNS name has at most 253; what is longer is made up.
const NAME_BYTES: usize = 1024;
