//! Timestamps: RFC 3339 as Envoy writes it, and the few other forms that logs hold.

/// Microseconds since 1970 (UTC) of a logged time; `None` when the text is no time we know. Understood: RFC 3339 with
/// any number of fraction digits and `Z` or an offset (a blank may stand for the `T`, slashes for the hyphens of the date), and Unix time in seconds with
/// an optional fraction, as `%START_TIME(%s.%3f)%` writes it.
pub fn parse_us(text: &[u8]) -> Option<i64> {
    if text.len() < 19 || !matches!(text[4], b'-' | b'/') {
        return unix(text);
    }
    if text[7] != text[4] || !matches!(text[10], b'T' | b't' | b' ') || text[13] != b':' || text[16] != b':' {
        return None;
    }
    let (year, month, day) = (digits(&text[0..4])?, digits(&text[5..7])?, digits(&text[8..10])?);
    let (hour, minute, second) = (digits(&text[11..13])?, digits(&text[14..16])?, digits(&text[17..19])?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (fraction_us, zone) = fraction(&text[19..])?;
    let seconds =
        days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset_s(zone)?;
    Some(seconds * 1_000_000 + fraction_us)
}

fn unix(text: &[u8]) -> Option<i64> {
    let dot = text.iter().position(|&b| b == b'.').unwrap_or(text.len());
    if !(9..=11).contains(&dot) {
        return None;
    }
    let (fraction_us, rest) = fraction(&text[dot..])?;
    rest.is_empty().then_some(())?;
    Some(digits(&text[..dot])? * 1_000_000 + fraction_us)
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0i64, |n, &b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))
}

/// `.123456789` as microseconds, and what stands behind it.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some(rest) = text.strip_prefix(b".").or_else(|| text.strip_prefix(b",")) else {
        return Some((0, text));
    };
    let end = rest.iter().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len());
    if end == 0 {
        return None;
    }
    let digits = rest[..end].iter().copied().chain(std::iter::repeat(b'0'));
    let us = digits.take(6).fold(0, |us, digit| us * 10 + i64::from(digit - b'0'));
    Some((us, &rest[end..]))
}

fn offset_s(zone: &[u8]) -> Option<i64> {
    let (sign, rest) = match zone {
        b"" | b"Z" | b"z" => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match rest.len() {
        2 => (digits(rest)?, 0),
        4 => (digits(&rest[..2])?, digits(&rest[2..])?),
        5 if rest[2] == b':' => (digits(&rest[..2])?, digits(&rest[3..])?),
        _ => return None,
    };
    (hours <= 18 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Whose clock a moment is told by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Zone {
    /// UTC.
    #[default]
    Utc,
    /// This machine's, or that of the variable `TZ`. Where neither can be had, as without the feature `cli`: UTC.
    Local,
}

impl Zone {
    /// RFC 3339 with milliseconds, `2026-01-02T03:04:05.678Z`. Times out of the calendar's range become its ends.
    pub fn milliseconds(self, us: i64) -> String {
        let time = timestamp(us);
        match self {
            Zone::Utc => format!("{time:.3}"),
            Zone::Local => format!("{:.3}", time.display_with_offset(here(time))),
        }
    }

    /// RFC 3339 with whole seconds.
    pub fn seconds(self, us: i64) -> String {
        let time = timestamp(us);
        match self {
            Zone::Utc => format!("{time:.0}"),
            Zone::Local => format!("{:.0}", time.display_with_offset(here(time))),
        }
    }

    /// `10:05:03Z`, or `18:05:03+08:00`.
    pub fn clock(self, us: i64) -> String {
        let text = self.seconds(us);
        text.split_once('T').map_or(text.clone(), |(_, clock)| clock.to_owned())
    }
}

/// How far the clocks here were from UTC at a time.
fn here(time: jiff::Timestamp) -> jiff::tz::Offset {
    jiff::tz::TimeZone::system().to_offset(time)
}

/// RFC 3339 in UTC with milliseconds.
pub fn rfc3339_ms(us: i64) -> String {
    Zone::Utc.milliseconds(us)
}

/// RFC 3339 in UTC with whole seconds.
pub fn rfc3339_s(us: i64) -> String {
    Zone::Utc.seconds(us)
}

/// `10:05:03Z`.
pub fn clock_s(us: i64) -> String {
    Zone::Utc.clock(us)
}

fn timestamp(us: i64) -> jiff::Timestamp {
    // Rounded down to what is shown, so that a time is never printed later than it was.
    jiff::Timestamp::from_microsecond(us).unwrap_or(if us < 0 {
        jiff::Timestamp::MIN
    } else {
        jiff::Timestamp::MAX
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written_back() {
        for text in ["2026-11-22T14:05:49.182Z", "1970-01-01T00:00:00.000Z", "2024-02-29T23:59:59.999Z"] {
            assert_eq!(rfc3339_ms(parse_us(text.as_bytes()).unwrap()), text);
        }
        assert_eq!(parse_us(b"2026-01-02T03:04:05+01:00"), parse_us(b"2026-01-02T02:04:05Z"));
        assert_eq!(parse_us(b"1527590590.528"), Some(1_527_590_590_528_000));
        assert_eq!(parse_us(b"2026-01-02 03:04:05.5"), parse_us(b"2026-01-02T03:04:05.500000Z"));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in ["", "-", "...", "02:37:30.332Z", "2026-13-02T03:04:05Z", "2026-01-02T03:04:05X", "12345"]
        {
            assert_eq!(parse_us(text.as_bytes()), None, "{text}");
        }
    }
}
