//! Lines that need no second check: those whose telling bytes were read with care before.

use super::row_key::{Key, Owned, guess};
use crate::format::Glance;
use crate::record::Record;

/// Places for telling bytes, by a guess from them: a power of two. What comes later takes the place, unless who has it
/// was found there since somebody last wanted it: what comes once must not drive out what comes all the time.
const PLACES: usize = 1024;
/// Longer telling bytes are not remembered: real ones are a third of that, and every part on its way holds as many as there are
/// places.
const LONGEST: usize = 640;

/// Telling bytes of records that were read, each with a note for its owner.
pub struct Trusted<T>(Vec<Known<T>>);

/// What is known.
#[derive(Default)]
struct Known<T> {
    format: &'static str,
    key: Owned,
    note: T,
    /// It was found here.
    found: bool,
}

impl<T> Known<T> {
    #[inline(always)]
    fn is(&self, format: &'static str, parts: &[&[u8]]) -> bool {
        std::ptr::eq(self.format, format) && self.key.has(parts)
    }

    /// Whether its place may be taken; the next one who asks may take it unless it was found by then.
    fn yields(&mut self) -> bool {
        !std::mem::take(&mut self.found)
    }
}

impl<T> Default for Trusted<T> {
    fn default() -> Self {
        Trusted(Vec::new())
    }
}

impl<T: Default> Trusted<T> {
    /// The note on a line that is what a glance says it is: one of the same format with the same telling bytes was read.
    #[inline]
    pub fn find(&mut self, glance: &Glance<'_>) -> Option<&mut T> {
        let at = self.place(glance)?;
        Some(self.found(at))
    }

    /// The note on a record like one that was read.
    pub fn find_record(&mut self, record: &Record<'_>) -> Option<&mut T> {
        let at = self.of(record.format(), record.identity()?.parts())?;
        Some(self.found(at))
    }

    #[inline(always)]
    fn found(&mut self, at: usize) -> &mut T {
        let known = &mut self.0[at];
        known.found = true;
        &mut known.note
    }

    #[inline(always)]
    fn of(&self, format: &'static str, parts: &[&[u8]]) -> Option<usize> {
        let at = guess(parts) % PLACES;
        self.0.get(at)?.is(format, parts).then_some(at)
    }

    /// The place of a line that is what a glance says it is.
    #[inline]
    pub fn place(&self, glance: &Glance<'_>) -> Option<usize> {
        let at = match glance.parts::<4>() {
            // Istio's format, and others.
            Some(parts) => self.of(glance.format, &parts),
            None => self.of(glance.format, glance.identity().parts()),
        };
        glance.check().filter(|_| glance.has_usual_time()).and(at)
    }

    /// Remembers a record that was read, and says at which place, which is its own until another record takes it.
    #[inline]
    pub fn note(&mut self, record: &Record<'_>) -> Option<usize> {
        let identity = record.identity()?;
        if identity.parts().iter().map(|part| part.len()).sum::<usize>() > LONGEST {
            return None;
        }
        if self.0.is_empty() {
            self.0.resize_with(PLACES, Default::default);
        }
        let parts = identity.parts();
        let at = guess(parts) % PLACES;
        let place = &mut self.0[at];
        if !place.is(record.format(), parts) {
            if !place.yields() {
                return None;
            }
            *place = Known { format: record.format(), key: Key::new(parts).to_owned(), ..Known::default() };
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
            let mut trusted = Trusted::<u8>::default();
            let has = |trusted: &mut Trusted<u8>| {
                let looker = &mut reader.looker().expect("text");
                looker.look(second.as_bytes()).map(|(_, glance)| trusted.find(&glance).is_some())
            };
            assert_eq!(has(&mut trusted), Some(false));
            let (mut layout, mut scratch) = (Layout::default(), Vec::new());
            assert_eq!(reader.read(first.as_bytes(), &mut layout, &mut scratch), Reading::Access);
            trusted.note(&Record::new(first.as_bytes(), &layout, Carrier::default()));
            assert_eq!(has(&mut trusted), Some(kept), "{}", host.len());
        }
    }

    #[test]
    fn what_comes_once_does_not_drive_out_what_comes_again() {
        let (mut known, mut others) = (Known::<u8>::default(), 0);
        // One that is found each time, and as many others that want its place.
        for _ in 0..10 {
            known.found = true;
            others += u32::from(known.yields());
        }
        assert_eq!(others, 0);
        assert!(known.yields(), "nobody found it since");
    }
}
