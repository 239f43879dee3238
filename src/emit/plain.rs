//! Text that needs no escape is copied as it stands: whether it does is asked of many bytes at a time.

/// True when all of it is ASCII that can be seen (blanks too), and none of the two given bytes.
#[inline]
pub(super) fn is_plain(text: &[u8], but: [u8; 2]) -> bool {
    let (wide, _) = text.as_chunks::<16>();
    if let Some(last) = text.last_chunk::<16>() {
        return wide.iter().chain([last]).fold(true, |plain, bytes| plain & all_plain(bytes, but));
    }
    // Two halves that may overlap.
    if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        return all_plain(first, but) & all_plain(last, but);
    }
    text.iter().all(|b| all_plain(&[*b], but))
}

/// Without a way out in between, so that the bytes are compared side by side.
#[inline(always)]
fn all_plain<const N: usize>(bytes: &[u8; N], but: [u8; 2]) -> bool {
    let odd = |b: u8| (b.wrapping_sub(b' ') > b'~' - b' ') | (b == but[0]) | (b == but[1]);
    bytes.iter().fold(0, |any, b| any | u8::from(odd(*b))) == 0
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
