//! The times of a log, which mostly differ in their seconds.

use crate::record::time;

/// Reads timestamps; the part up to the minute repeats from line to line and is read once.
#[derive(Default)]
pub(super) struct Clock {
    /// `2026-11-22T14:05`, as two words.
    minute: (u64, u64),
    minute_us: Option<i64>,
}

/// What stands behind the minute, in the form that Envoy writes unless told otherwise, as a word.
const SECONDS: u64 = u64::from_le_bytes(*b":00.000Z");
/// What each byte may exceed that by, as the distance to 127.
const ROOM: u64 = u64::from_le_bytes([0x7f, 0x7f - 5, 0x7f - 9, 0x7f, 0x7f - 9, 0x7f - 9, 0x7f - 9, 0x7f]);
const LOW: u64 = u64::from_le_bytes([0x7f; 8]);

impl Clock {
    /// Microseconds since 1970.
    #[inline(always)]
    pub(super) fn read(&mut self, text: &[u8]) -> Option<i64> {
        let ([first, second, third], []) = text.as_chunks::<8>() else { return time::parse_us(text) };
        let digits = u64::from_le_bytes(*third) ^ SECONDS;
        if (((digits & LOW) + ROOM) | digits) & !LOW != 0 {
            return time::parse_us(text);
        }
        let minute = (u64::from_le_bytes(*first), u64::from_le_bytes(*second));
        if minute != self.minute {
            self.minute = minute;
            self.minute_us = time::parse_us(&[&first[..], &second[..], b":00Z"].concat());
        }
        let digit = |at: u32| (digits >> (8 * at) & 0xff) as i64;
        let seconds = digit(1) * 10 + digit(2);
        let millis = digit(4) * 100 + digit(5) * 10 + digit(6);
        Some(self.minute_us? + seconds * 1_000_000 + millis * 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_agrees_with_the_careful_reader() {
        let mut clock = Clock::default();
        for text in [
            "2026-11-22T14:05:49.182Z",
            "2026-11-22T14:05:60.000Z",
            "2026-11-22T14:06:00.001Z",
            "2026-99-22T14:06:00.001Z",
            "2026-11-22T14:06:01.5Z",
            "x",
            "1527590590.528",
        ] {
            assert_eq!(clock.read(text.as_bytes()), time::parse_us(text.as_bytes()), "{text}");
        }
    }
}
