//! Text that needs no escape is copied as it stands: whether it does is asked of many bytes at a time.

/// True when all of it is ASCII that can be seen (blanks too), and none of the two given bytes.
#[inline]
pub(super) fn is_plain(text: &[u8], but: [u8; 2]) -> bool {
    // What is left over at the end is judged together with bytes that were judged already.
    if let Some(last) = text.last_chunk::<16>() {
        let mut odd = odd_bytes(last, but);
        let mut rest = text;
        while let Some((first, behind)) = rest.split_first_chunk::<16>() {
            odd |= odd_bytes(first, but);
            rest = behind;
        }
        return odd == 0;
    }
    if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        return odd_bytes(first, but) | odd_bytes(last, but) == 0;
    }
    let mut odd = 0;
    for b in text {
        odd |= odd_bytes(&[*b], but);
    }
    odd == 0
}

/// True when all of a long text is ASCII that can be seen (blanks too), and, if asked for, no backslash.
#[inline]
pub(super) fn is_seen<const BACKSLASH_TOO: bool>(text: &[u8]) -> bool {
    // Each byte has a lane of its own until the end: the lanes are put together only once.
    let mut odd = [0; 64];
    let mut judge = |bytes: &[u8; 64]| {
        for (lane, b) in odd.iter_mut().zip(bytes) {
            *lane |= u8::from(b.wrapping_sub(b' ') > b'~' - b' ') | u8::from(BACKSLASH_TOO && *b == b'\\');
        }
    };
    let Some(last) = text.last_chunk() else {
        return is_plain(text, if BACKSLASH_TOO { *b"\\\\" } else { [0; 2] });
    };
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first_chunk() {
        judge(first);
        rest = behind;
    }
    judge(last);
    odd.iter().fold(0, |any, lane| any | lane) == 0
}

/// Not 0 when any of the bytes is not plain. Without a way out in between, so that they are compared side by side.
#[inline(always)]
fn odd_bytes<const N: usize>(bytes: &[u8; N], but: [u8; 2]) -> u8 {
    let mut odd = 0;
    for b in bytes {
        odd |= u8::from(b.wrapping_sub(b' ') > b'~' - b' ') | u8::from(*b == but[0]) | u8::from(*b == but[1]);
    }
    odd
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn many_bytes_at_a_time_are_judged_as_each_alone(bytes in prop::collection::vec(prop_oneof![40 => 0x20u8..0x7f, 1 => any::<u8>()], 0..70)) {
            let each = bytes.iter().all(|b| (0x20..0x7f).contains(b) && *b != b'"' && *b != b',');
            prop_assert_eq!(is_plain(&bytes, *b"\","), each);
        }
    }
}
