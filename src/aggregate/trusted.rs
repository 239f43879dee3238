//! Lines that need no second check: those whose telling bytes were read with care before.

use super::row_key::{Key, Owned};
use crate::format::Glance;
use crate::record::Record;

/// Places for telling bytes, by a few bits of their hash: a power of two. What comes later takes the place.
const PLACES: usize = 1024;
/// Longer telling bytes are not remembered: real ones are a third of that, and every part on its way holds as many as there are
/// places.
const LONGEST: usize = 640;

/// Telling bytes of records that were read, with the name of their format.
#[derive(Default)]
pub struct Trusted(Vec<(&'static str, Owned)>);

impl Trusted {
    /// True for a line that is what a glance says it is: one of the same format with the same telling bytes was read.
    #[inline]
    pub fn has(&self, glance: &Glance<'_>) -> bool {
        self.place(glance).is_some()
    }

    /// The place of a line that is what a glance says it is.
    #[inline]
    pub fn place(&self, glance: &Glance<'_>) -> Option<usize> {
        let key = Key::new(glance.identity.parts());
        let at = key.hash as usize % PLACES;
        let (format, kept) = self.0.get(at)?;
        (std::ptr::eq(*format, glance.format) && kept.is(&key)).then_some(at)
    }

    /// Remembers a record that was read, and says at which place, which is its own until another record takes it.
    #[inline]
    pub fn note(&mut self, record: &Record<'_>) -> Option<usize> {
        let identity = record.identity()?;
        if identity.parts().iter().map(|part| part.len()).sum::<usize>() > LONGEST {
            return None;
        }
        let key = Key::new(identity.parts());
        if self.0.is_empty() {
            self.0.resize_with(PLACES, Default::default);
        }
        let at = key.hash as usize % PLACES;
        let place = &mut self.0[at];
        if !std::ptr::eq(place.0, record.format()) || !place.1.is(&key) {
            *place = (record.format(), key.to_owned());
        }
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{Reader, Reading};
    use crate::record::{Carrier, Layout};

    #[test]
    fn a_line_is_trusted_when_its_like_was_read_and_long_ones_take_no_room() {
        let reader = Reader::new();
        let line = |id: u8, host: &str| {
            format!(
                "[2026-11-22T14:05:49.182Z] \"GET /{id} HTTP/1.1\" 200 - via_upstream - \"-\" 0 9 1 1 \"-\" \"curl\" \"r-{id}\" \"{host}\" \
                 \"10.0.0.1:80\" outbound|80||{host} 10.0.0.2:41000 10.96.0.1:80 10.0.0.2:42000 - default"
            )
        };
        for (host, kept) in [("shop".to_owned(), true), ("s".repeat(LONGEST), false)] {
            let (first, second) = (line(1, &host), line(2, &host));
            let mut trusted = Trusted::default();
            let has = |trusted: &Trusted| {
                reader.looker().expect("text").look(second.as_bytes(), |_, glance| trusted.has(glance))
            };
            assert_eq!(has(&trusted), Some(false));
            let (mut layout, mut scratch) = (Layout::default(), Vec::new());
            assert_eq!(reader.read(first.as_bytes(), &mut layout, &mut scratch), Reading::Access);
            trusted.note(&Record::new(first.as_bytes(), &layout, Carrier::default()));
            assert_eq!(has(&trusted), Some(kept), "{}", host.len());
        }
    }
}
