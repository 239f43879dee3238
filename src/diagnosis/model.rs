//! The numbers of the model, all in one place. `docs/catalog.md`, "The model", says how they work together; what a
//! single cause weighs stands in its page.

/// Below this confidence a candidate is not worth naming.
pub(super) const NEGLIGIBLE: f64 = 0.05;
/// An alternative below this is left out.
pub(super) const FAINT: f64 = 0.01;
/// How much it counts that a cause explains the scope's other failures too: odds times one plus this, times the share
/// of them that it explains.
pub(super) const COHERENCE: f64 = 2.0;
/// Alternatives of a finding.
pub(super) const ALTERNATIVES: usize = 3;
/// Lines shown with a finding.
pub(super) const EXEMPLARS: usize = 3;
/// One cause that hits at least so many upstreams at once is told once.
pub(super) const MANY_UPSTREAMS: usize = 3;
/// What was seen in the last ten seconds of the log may still go on.
pub(super) const STILL_US: i64 = 10_000_000;
/// Of ten request ids of a group, so many must be another group's too, for both to be the same requests.
pub(super) const SAME_REQUESTS_OF_TEN: u64 = 5;
/// Of ten records of a group, the other side of so many must be known for what it says to hold for the group.
pub(super) const KNOWN_OF_TEN: u64 = 3;
/// A log with fewer successes than one in so many holds (almost) only failures …
pub(super) const ONE_SUCCESS_IN: u64 = 50;
/// … if it has at least so many records …
pub(super) const FILTERED_RECORDS: u64 = 50;
/// … in at least so many places, or with so many different status codes. One upstream that fails in one way is an outage.
pub(super) const FILTERED_KINDS: usize = 3;
/// A closed configuration stream is opened again within seconds; away for five minutes it is lost.
pub(super) const XDS_AWAY_US: i64 = 300_000_000;
/// A second crash within ten minutes is a crash loop.
pub(super) const CRASH_LOOP_US: i64 = 600_000_000;
