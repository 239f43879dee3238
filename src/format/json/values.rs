//! Values as `record` understands them: durations in milliseconds, times as text or Unix seconds.

use std::borrow::Cow;

use crate::record::Field;
use crate::record::object::Shape;

/// True when a value may stay where it is: nothing to decode for what the program compares, nothing to convert.
#[inline]
pub(super) fn plain(field: Field, value: &[u8], shape: Shape) -> bool {
    if shape == Shape::Text(true) {
        // Only shown, never compared with a known text.
        return matches!(
            field,
            Field::Path | Field::UserAgent | Field::ForwardedFor | Field::RequestId | Field::Authority
        );
    }
    let number = shape == Shape::Number;
    match field {
        Field::StartTime => value == b"-" || (!number && value.len() >= 19 && value[4] == b'-'),
        Field::Duration | Field::ServiceTime if !number => digits(value),
        _ => !number || !value.iter().any(|b| matches!(b, b'e' | b'E')),
    }
}

fn digits(value: &[u8]) -> bool {
    value == b"-" || value.iter().all(|b| b.is_ascii_digit() || *b == b'.')
}

/// A value as text that `record` understands.
pub(super) fn converted(field: Field, value: Cow<'_, str>) -> Cow<'_, str> {
    match field {
        Field::Duration | Field::ServiceTime => match milliseconds(&value) {
            Some(ms) => ms.into(),
            None => value,
        },
        Field::StartTime => match unix_seconds(&value) {
            Some(seconds) => seconds.into(),
            None => value,
        },
        _ => value,
    }
}

/// `0.035s`, `35.07ms`, `120us`, `1m2.5s` as milliseconds; `None` for a text without unit, which stays as it is.
fn milliseconds(text: &str) -> Option<String> {
    let mut rest = text.trim();
    let mut ns: u128 = 0;
    if rest.is_empty() || rest.len() > 40 {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (amount, tail) = rest.split_at(end);
        let unit_end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let unit_ns: u128 = match unit.trim() {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        ns = ns.checked_add(scaled(amount, unit_ns)?)?;
        rest = tail;
    }
    Some(decimal(ns, 6))
}

/// A decimal number times `unit`, fractions of one cut off.
fn scaled(amount: &str, unit: u128) -> Option<u128> {
    if !amount.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
    let whole: u128 = whole.parse().ok()?;
    let mut sum = whole.checked_mul(unit)?;
    let mut place = unit;
    for digit in fraction.bytes() {
        if !digit.is_ascii_digit() {
            return None;
        }
        place /= 10;
        sum = sum.checked_add(place * u128::from(digit - b'0'))?;
    }
    Some(sum)
}

/// Nanoseconds as milliseconds, for values that are nanoseconds by definition.
pub(super) fn ms_of_ns(ns: &str) -> Option<String> {
    Some(decimal(ns.parse().ok()?, 6))
}

/// `n / 10^places`, without trailing zeros.
fn decimal(n: u128, places: u32) -> String {
    let unit = 10u128.pow(places);
    let text = format!("{}.{:0width$}", n / unit, n % unit, width = places as usize);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Unix time in milli-, micro- or nanoseconds as seconds; `None` for anything else.
fn unix_seconds(text: &str) -> Option<String> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let places = match text.len() {
        13 => 3,
        16 => 6,
        19 => 9,
        _ => return None,
    };
    Some(decimal(text.parse().ok()?, places))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_become_milliseconds() {
        let ms = |text| milliseconds(text).unwrap_or_default();
        assert_eq!(ms("0.035s"), "35");
        assert_eq!(ms("35.076236ms"), "35.076236");
        assert_eq!(ms("120us"), "0.12");
        assert_eq!(ms("120µs"), "0.12");
        assert_eq!(ms("1m2.5s"), "62500");
        assert_eq!(ms("0.0000000001s"), "0");
        for text in ["", "35", "s", "1parsec", "-", "1..2s"] {
            assert_eq!(milliseconds(text), None, "{text}");
        }
    }

    #[test]
    fn unix_times_become_seconds() {
        assert_eq!(unix_seconds("1606339579512").as_deref(), Some("1606339579.512"));
        assert_eq!(unix_seconds("1606339579512000000").as_deref(), Some("1606339579.512"));
        assert_eq!(unix_seconds("1606339579"), None);
    }
}
