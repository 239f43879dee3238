//! Records become counts. `fold(a ++ b) == merge(fold(a), fold(b))`, exactly: integers only, keys in input order.
//!
//! A [`Tally`] counts one part of the input without caps (a part is bounded by its bytes); its [`Summary`] is merged
//! into the whole, where every keyed table has a cap. Above a cap totals stay exact and the rest is counted as `other`.

mod clock;
mod counter;
mod detail;
mod group;
mod latency;
mod row_key;
mod series;
mod summary;
mod symptom;
mod tally;
mod timed;
mod totals;
mod turn;

pub use counter::{Counter, Ordered, Text};
pub use detail::{Detail, Hits, Split};
pub use group::{By, Group, Groups};
pub use latency::Latency;
pub use series::{Cell, Load, Series};
pub use summary::{
    Caps, Counts, Ends, FlaggedLoad, Host, Lines, ProxyLog, ProxyNote, RejectSample, Scope, Sides, Summary,
    Upstream,
};
pub use symptom::{Exemplar, Size, Sni, Span, Symptom, SymptomKey, without_port};
pub use tally::Tally;
pub use timed::{Room, Timed};
pub use totals::Totals;
pub use turn::{Turn, Turns};
