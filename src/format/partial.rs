//! Lines that were cut.

use super::text::Named;
use crate::record::{Layout, Reject};

pub(super) fn read(_known: &[Named], _line: &[u8], _layout: &mut Layout) -> Option<Result<(), Reject>> {
    None
}

pub(super) fn read_without_time(
    _known: &[Named],
    _line: &[u8],
    _layout: &mut Layout,
) -> Option<Result<(), Reject>> {
    None
}
