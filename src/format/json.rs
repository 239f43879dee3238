//! JSON access records.

use super::Reading;
use crate::record::Layout;

/// Which keys hold which fields.
#[derive(Debug, Default)]
pub(super) struct JsonKeys {}

impl JsonKeys {
    pub(super) fn read(&self, _line: &[u8], _layout: &mut Layout, _scratch: &mut Vec<u8>) -> Reading {
        Reading::Other
    }
}
