//! What makes a row: the bytes in which its records are alike.

use crate::record::{Field, Record};

/// The fields whose bytes make a row, where the record does not tell where its telling bytes are.
const FIELDS: [Field; 13] = [
    Field::UpstreamCluster,
    Field::UpstreamHost,
    Field::Authority,
    Field::RouteName,
    Field::DownstreamLocal,
    Field::ServerName,
    Field::Code,
    Field::Flags,
    Field::Details,
    Field::Termination,
    Field::TransportFailure,
    Field::Protocol,
    Field::GrpcStatus,
];

/// The fields of a record that make its row.
pub(super) fn fields<'a>(record: &Record<'a>) -> [&'a [u8]; FIELDS.len()] {
    FIELDS.map(|field| record.logged(field).map_or(&b""[..], |raw| raw.bytes))
}

/// Texts that make a row, and their hash.
pub(super) struct Key<'a> {
    parts: &'a [&'a [u8]],
    pub(super) hash: u64,
}

impl<'a> Key<'a> {
    #[inline]
    pub(super) fn new(parts: &'a [&'a [u8]]) -> Key<'a> {
        // Each by itself, so that the processor need not wait for one before it begins the next.
        let hash = parts.iter().fold(0_u64, |hash, part| hash.rotate_left(23) ^ hash_of(part));
        Key { parts, hash }
    }

    pub(super) fn to_owned(&self) -> Owned {
        let mut ends = [0; FIELDS.len()];
        let mut end = 0;
        for (slot, part) in ends.iter_mut().zip(self.parts) {
            end += part.len();
            *slot = end as u32;
        }
        Owned { hash: self.hash, bytes: self.parts.concat().into(), ends, count: self.parts.len() }
    }
}

/// Where a row with these texts may stand: a few bits of it are used. Nothing rests upon it; words are multiplied side by side, and
/// no product waits for another, as those of a hash do.
#[inline(always)]
pub(super) fn guess(parts: &[&[u8]]) -> usize {
    let mut sum = 0_u64;
    for part in parts {
        sum = sum.rotate_left(11).wrapping_add(spread(part));
    }
    (sum.wrapping_mul(MULTIPLIER) >> 32) as usize
}

/// The golden ratio as a fraction of 2^64: its bits follow no pattern.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// A text as a number.
#[inline(always)]
fn spread(text: &[u8]) -> u64 {
    if text.len() > 128 {
        return spread_long(text);
    }
    if let (Some(head), Some(tail)) = (text.first_chunk::<64>(), text.last_chunk::<64>()) {
        return products(head).wrapping_add(products(tail).rotate_left(5));
    }
    if let (Some(head), Some(tail)) = (text.first_chunk::<32>(), text.last_chunk::<32>()) {
        return products(head).wrapping_add(products(tail).rotate_left(5));
    }
    if let (Some(head), Some(tail)) = (text.first_chunk::<16>(), text.last_chunk::<16>()) {
        return products(head).wrapping_add(products(tail).rotate_left(5));
    }
    let (a, b) = words(text);
    (a ^ text.len() as u64).wrapping_mul(b ^ MULTIPLIER)
}

/// The same of a text of any length.
#[inline(never)]
fn spread_long(text: &[u8]) -> u64 {
    let tail = text.last_chunk::<64>().map_or(0, |tail| products(tail));
    text.as_chunks::<64>().0.iter().fold(tail, |sum, chunk| sum.rotate_left(5).wrapping_add(products(chunk)))
}

/// The sum of the products of neighbouring words.
#[inline(always)]
fn products(text: &[u8]) -> u64 {
    text.as_chunks::<16>().0.iter().fold(0_u64, |sum, chunk| {
        let (a, b) = words(chunk);
        sum.rotate_left(1).wrapping_add(a.wrapping_mul(b ^ MULTIPLIER))
    })
}

/// A key that is kept: its texts end to end, and where they end. What is looked at first stands first.
#[derive(Default)]
#[repr(C)]
pub(super) struct Owned {
    pub(super) hash: u64,
    bytes: Box<[u8]>,
    count: usize,
    ends: [u32; FIELDS.len()],
}

impl Owned {
    /// Bytes on the heap.
    pub(super) fn weight(&self) -> usize {
        self.bytes.len()
    }

    /// True when it is this key, byte for byte.
    #[inline]
    pub(super) fn is(&self, key: &Key<'_>) -> bool {
        self.hash == key.hash && self.has(key.parts)
    }

    /// True when these are its texts, byte for byte.
    #[inline(always)]
    pub(super) fn has(&self, parts: &[&[u8]]) -> bool {
        self.fits(parts) && self.same(parts)
    }

    /// As many texts, each as long.
    #[inline(always)]
    pub(super) fn fits(&self, parts: &[&[u8]]) -> bool {
        let mut end = 0;
        self.count == parts.len()
            && parts.iter().zip(&self.ends).all(|(part, own)| {
                end += part.len();
                *own as usize == end
            })
    }

    /// True when these are its texts, which [fit](Self::fits).
    #[inline(always)]
    pub(super) fn same(&self, parts: &[&[u8]]) -> bool {
        let mut start = 0;
        for part in parts {
            let end = start + part.len();
            let Some(text) = self.bytes.get(start..end) else { return false };
            if !same(text, part) {
                return false;
            }
            start = end;
        }
        true
    }
}

/// Equality of texts of one length. They are short: a call of `memcmp` costs more than the comparison.
#[inline(always)]
fn same(a: &[u8], b: &[u8]) -> bool {
    // What is left at the end is compared together with what stands before it, and texts of about one length take the same way.
    if let (Some(tail), Some(other)) = (a.last_chunk::<64>(), b.last_chunk::<64>()) {
        return tail == other && a.first_chunk::<64>() == b.first_chunk::<64>() && (a.len() <= 128 || a == b);
    }
    if let (Some(tail), Some(other)) = (a.last_chunk::<32>(), b.last_chunk::<32>()) {
        return tail == other && a.first_chunk::<32>() == b.first_chunk::<32>();
    }
    if let (Some(tail), Some(other)) = (a.last_chunk::<16>(), b.last_chunk::<16>()) {
        return tail == other && a.first_chunk::<16>() == b.first_chunk::<16>();
    }
    words(a) == words(b)
}

/// Up to sixteen bytes as two words, different for different texts of one length.
#[inline(always)]
fn words(text: &[u8]) -> (u64, u64) {
    if let (Some(head), Some(tail)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        return (u64::from_le_bytes(*head), u64::from_le_bytes(*tail));
    }
    if let (Some(head), Some(tail)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        return (u32::from_le_bytes(*head).into(), u32::from_le_bytes(*tail).into());
    }
    (text.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)), 0)
}

/// The hash of a text, sixteen bytes at a time.
#[inline(always)]
fn hash_of(text: &[u8]) -> u64 {
    let mut hash = text.len() as u64;
    let Some(tail) = text.last_chunk::<16>() else { return mix(hash, words(text)) };
    for chunk in text[..text.len() - 1].as_chunks::<16>().0 {
        hash = mix(hash, words(chunk));
    }
    mix(hash, words(tail))
}

/// Two words are multiplied, and the two halves of the product folded together.
#[inline(always)]
fn mix(hash: u64, (a, b): (u64, u64)) -> u64 {
    let product = u128::from(hash ^ a ^ 0x2d35_8dcc_aa6c_78a5) * u128::from(b ^ 0x8bb8_4b93_962e_acc9);
    (product as u64) ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_key_is_itself_and_no_other(texts in prop::collection::vec(prop_oneof![prop::collection::vec(any::<u8>(), 0..40), prop::collection::vec(any::<u8>(), 60..300)], 1..6), at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let parts: Vec<&[u8]> = texts.iter().map(|text| &text[..]).collect();
            let key = Key::new(&parts);
            let kept = key.to_owned();
            prop_assert!(kept.is(&key));
            let mut other = texts.clone();
            let chosen = at.index(other.len());
            let length = other[chosen].len();
            match length {
                0 => other[chosen].push(0),
                _ => other[chosen][at.index(length)] ^= 1 << bit,
            }
            let parts: Vec<&[u8]> = other.iter().map(|text| &text[..]).collect();
            // Even where the hash is the same.
            let forged = Key { parts: &parts, hash: key.hash };
            prop_assert!(!kept.is(&forged));
        }
    }
}
