//! Both sides of a request: lines of different proxies that tell of the same request or of the same connection.
//!
//! The caller's proxy often sees only `503 via_upstream`; the proof stands in another proxy's log. A [`Join`] keeps
//! failing and suspicious records while the logs are read, within fixed bounds and whatever the order of the inputs; a
//! [`Second`] reading, where the inputs can be read again, adds their well-answered other sides, a sample of ordinary
//! requests, and who called whom, unless what was [gathered](Gather) at the first one shows that there are none. [`tell()`] puts both together. [`Trace`] looks for one request id.

mod addresses;
mod collect;
mod gather;
mod ids;
mod look;
mod pairs;
mod sample;
mod sight;
mod sights;
mod tell;
#[cfg(test)]
mod tests;
mod trace;
mod ways;

pub use collect::{Ceilings, Join, Second};
pub use gather::{Gather, Gathered, Gathering, Known};
pub use look::Look;
pub use sample::{Group, Sample};
pub use sight::{Noted, Place, Sight};
pub use sights::{Renamed, Sights};
pub use tell::tell;
pub use trace::Trace;
pub use ways::Passing;
