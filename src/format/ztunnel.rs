//! ztunnel's access lines (ambient mesh).

use crate::record::Layout;

/// True when the line is a ztunnel access line; the layout is filled.
pub(super) fn read(_line: &[u8], _layout: &mut Layout) -> bool {
    false
}
