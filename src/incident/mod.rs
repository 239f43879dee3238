//! When it went wrong: stretches of time in which an upstream fails more than it otherwise does.
//!
//! 1. `curve`: the failures of one upstream, of all causes and of each, beside the requests they are among
//! 2. `stretch`: change points: time is cut into stretches of constant failure rate (penalised Poisson likelihood,
//!    solved exactly), so that neither a bucket width nor a threshold decides what is found
//! 3. `find`(find()): stretches that stand out from the quiet ones become incidents; what overlaps is one incident
//! 4. [`Window`]: what was counted before, during and after
//!
//! Times are those of the start of requests, as access logs have it.

mod curve;
mod find;
mod stretch;
#[cfg(test)]
mod tests;
mod window;

pub use find::{Incident, find};
pub use stretch::{Stretch, stretches};
pub use window::{Load, Window};
