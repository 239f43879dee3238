//! Lines that need no second check: those whose telling bytes were read with care before.

use super::row_key::{Key, Owned};
use crate::format::Glance;
use crate::record::Record;

/// Places for telling bytes, by a few bits of their hash: a power of two. What comes later takes the place.
const PLACES: usize = 1024;

/// Telling bytes of records that were read, with the name of their format.
#[derive(Default)]
pub struct Trusted(Vec<(&'static str, Owned)>);

impl Trusted {
    /// True for a line that is what a glance says it is: one of the same format with the same telling bytes was read.
    #[inline]
    pub fn has(&self, glance: &Glance<'_>) -> bool {
        let key = Key::new(glance.identity.parts());
        let known = self.0.get(key.hash as usize % PLACES);
        known.is_some_and(|(format, kept)| std::ptr::eq(*format, glance.format) && kept.is(&key))
    }

    /// Remembers a record that was read.
    #[inline]
    pub fn note(&mut self, record: &Record<'_>) {
        let Some(identity) = record.identity() else { return };
        let key = Key::new(identity.parts());
        if self.0.is_empty() {
            self.0.resize_with(PLACES, Default::default);
        }
        let place = &mut self.0[key.hash as usize % PLACES];
        if !std::ptr::eq(place.0, record.format()) || !place.1.is(&key) {
            *place = (record.format(), key.to_owned());
        }
    }
}
