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
        Owned {
            hash: self.hash,
            bytes: self.parts.concat().into(),
            lens: self.parts.iter().map(|part| part.len() as u32).collect(),
        }
    }
}

/// A key that is kept: its texts end to end, and their lengths.
pub(super) struct Owned {
    pub(super) hash: u64,
    bytes: Box<[u8]>,
    lens: Box<[u32]>,
}

impl Owned {
    /// Bytes on the heap.
    pub(super) fn weight(&self) -> usize {
        self.bytes.len() + self.lens.len() * size_of::<u32>()
    }

    /// True when it is this key, byte for byte.
    #[inline]
    pub(super) fn is(&self, key: &Key<'_>) -> bool {
        if self.hash != key.hash || self.lens.len() != key.parts.len() {
            return false;
        }
        let mut rest = &self.bytes[..];
        for (n, part) in key.parts.iter().enumerate() {
            let head = self.lens.get(n).and_then(|&len| rest.split_at_checked(len as usize));
            let Some((head, tail)) = head else { return false };
            if part.len() != head.len() || !same(head, part) {
                return false;
            }
            rest = tail;
        }
        true
    }
}

/// Equality of texts of one length. They are short: a call of `memcmp` costs more than the comparison.
#[inline(always)]
fn same(mut a: &[u8], mut b: &[u8]) -> bool {
    while let (Some((head, rest)), Some((other, others))) =
        (a.split_first_chunk::<32>(), b.split_first_chunk::<32>())
    {
        if head != other {
            return false;
        }
        (a, b) = (rest, others);
    }
    if let (Some((head, rest)), Some((other, others))) =
        (a.split_first_chunk::<16>(), b.split_first_chunk::<16>())
    {
        if head != other {
            return false;
        }
        (a, b) = (rest, others);
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
fn hash_of(mut text: &[u8]) -> u64 {
    let mut hash = text.len() as u64;
    while let Some((chunk, rest)) = text.split_first_chunk::<16>() {
        hash = mix(hash, words(chunk));
        text = rest;
    }
    mix(hash, words(text))
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
        fn a_key_is_itself_and_no_other(texts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..6), at in any::<prop::sample::Index>(), bit in 0u8..8) {
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
