//! The times of a log, which mostly differ in their seconds.

use crate::record::time;

/// Reads timestamps; the part up to the minute repeats from line to line and is read once.
#[derive(Debug, Default)]
pub struct Clock {
    /// `2026-11-22T14:05`, as two words.
    minute: (u64, u64),
    /// Its start in seconds since 1970.
    minute_s: Option<i64>,
}

/// What stands behind the minute, in the form that Envoy writes unless told otherwise, as a word.
const SECONDS: u64 = u64::from_le_bytes(*b":00.000Z");
/// What each byte may exceed that by, as the distance to 127.
const ROOM: u64 = u64::from_le_bytes([0x7f, 0x7f - 5, 0x7f - 9, 0x7f, 0x7f - 9, 0x7f - 9, 0x7f - 9, 0x7f]);
const LOW: u64 = u64::from_le_bytes([0x7f; 8]);

impl Clock {
    /// Microseconds since 1970.
    #[inline(always)]
    pub fn read(&mut self, text: &[u8]) -> Option<i64> {
        match text.try_into().ok().and_then(|usual| self.read_usual(usual)) {
            Some((seconds, millis)) => Some(seconds * 1_000_000 + millis * 1_000),
            None => time::parse_us(text),
        }
    }

    /// Seconds since 1970, and milliseconds, of a time in the form that Envoy writes unless told otherwise; `None` when it is
    /// in another, there is no such time, or a second is leapt.
    #[inline(always)]
    pub fn read_usual(&mut self, text: &[u8; 24]) -> Option<(i64, i64)> {
        let ([first, second, third], []) = text.as_chunks::<8>() else { return None };
        let digits = u64::from_le_bytes(*third) ^ SECONDS;
        if (((digits & LOW) + ROOM) | digits) & !LOW != 0 {
            return None;
        }
        Some((self.minute([*first, *second])? + seconds(digits), millis(digits)))
    }

    #[inline(always)]
    fn minute(&mut self, text: [[u8; 8]; 2]) -> Option<i64> {
        let minute = (u64::from_le_bytes(text[0]), u64::from_le_bytes(text[1]));
        if minute != self.minute {
            self.turn(minute, text);
        }
        self.minute_s
    }

    #[cold]
    fn turn(&mut self, minute: (u64, u64), text: [[u8; 8]; 2]) {
        self.minute = minute;
        // The careful reader knows other forms, too.
        let fits = |(byte, shape): (&u8, &u8)| match shape {
            b'0' => byte.is_ascii_digit(),
            _ => byte == shape,
        };
        let usual = text.as_flattened().iter().zip(b"0000-00-00T00:00").all(fits);
        let start_us = time::parse_us(&[&text[0][..], &text[1], b":00Z"].concat()).filter(|_| usual);
        self.minute_s = start_us.map(|us| us.div_euclid(1_000_000));
    }
}

#[inline(always)]
fn digit(digits: u64, at: u32) -> i64 {
    (digits >> (8 * at) & 0xff) as i64
}

#[inline(always)]
fn seconds(digits: u64) -> i64 {
    digit(digits, 1) * 10 + digit(digits, 2)
}

#[inline(always)]
fn millis(digits: u64) -> i64 {
    digit(digits, 4) * 100 + digit(digits, 5) * 10 + digit(digits, 6)
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
            "2026-11-22 14:06:01.500Z",
            "2026-11-22T14:06:0x.500Z",
            "2026-11-22T14:06:01.500+",
            "x",
            "1527590590.528",
        ] {
            assert_eq!(clock.read(text.as_bytes()), time::parse_us(text.as_bytes()), "{text}");
            if let Ok(usual) = text.as_bytes().try_into()
                && let Some((seconds, millis)) = clock.read_usual(usual)
            {
                assert_eq!((text.as_bytes()[10], text.as_bytes()[23]), (b'T', b'Z'), "{text}");
                assert_eq!(
                    Some(seconds * 1_000_000 + millis * 1_000),
                    time::parse_us(text.as_bytes()),
                    "{text}"
                );
            }
        }
    }
}
