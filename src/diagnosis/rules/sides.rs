//! Signals of the other side: what another proxy's log says of the same requests or connections.

use super::super::case::Case;
use crate::aggregate::Link;

/// The other side of a group's records, where enough of them were looked at.
fn link<'s>(case: &Case<'s>) -> Option<&'s Link> {
    case.summary.hops.link(case.key).filter(|link| link.seen > 0)
}

/// The callee's listener logged the very same connections, and no filter chain took them.
pub(super) fn connection_unmatched(case: &Case<'_>) -> bool {
    link(case).is_some_and(|link| link.unmatched > 0 && link.unmatched * 2 >= link.connections)
}

/// The callee's proxy, whose log is here, has no line of most of them.
pub(super) fn callee_never_saw(case: &Case<'_>) -> bool {
    link(case).is_some_and(|link| link.missing > 0 && link.missing * 2 >= link.seen)
}

/// The callee's proxy served most of them.
pub(super) fn callee_served(case: &Case<'_>) -> bool {
    link(case).is_some_and(|link| link.fine > 0 && link.fine * 2 >= link.seen)
}
