//! Envoy's text formats.

use crate::record::{Layout, Reject};

/// The text formats that are tried.
#[derive(Debug, Default)]
pub(super) struct TextFormats {}

impl TextFormats {
    /// `None`: not an access line at all.
    pub(super) fn read(&self, _line: &[u8], _layout: &mut Layout) -> Option<Result<(), Reject>> {
        None
    }
}
