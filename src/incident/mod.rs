//! When it went wrong: stretches of time in which an upstream fails more than it otherwise does.
//!
//! 1. `curve`: the failures of one upstream, of all causes and of each, beside the requests they are among
//! 2. `stretch`: change points: time is cut into stretches of constant failure rate (penalised Poisson likelihood,
//!    solved exactly), so that neither a bucket width nor a threshold decides what is found
//! 3. `find`(find()): stretches that stand out from the quiet ones become incidents; what overlaps is one incident
//! 4. `sharpen`: onset and end to the second, where the report's detail has seconds and the search had not
//! 5. `moment`: where requests take long, when the fault itself came and went
//! 6. [`Window`]: what was counted before, during and after
//!
//! Times are those of the start of requests, as access logs have it.

mod curve;
mod find;
mod moment;
mod sharpen;
mod stretch;
#[cfg(test)]
mod tests;
mod window;

pub use find::{Harm, Incident, find};
pub use stretch::{Stretch, stretches};
pub use window::{Around, Load, Share, Shares, Window, distinct_ids};

use crate::aggregate::{Detail, Summary};
use crate::arrange::Arrange;

/// As [`find`](find()), with times as exact as the detail is.
pub fn find_in_detail(summary: &Summary, detail: &Detail, only_failures: bool) -> Vec<Incident> {
    let mut out = find(summary, only_failures);
    for incident in &mut out {
        sharpen::sharpen(incident, detail);
        (incident.began_us, incident.over_us) = (incident.onset_us, incident.last_us);
        moment::moments(incident, detail);
    }
    out.arrange_by_key(|i| (i.harm, std::cmp::Reverse(i.failed), i.onset_us));
    out
}
