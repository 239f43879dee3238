//! The fast twin: 64 bytes a step.
//!
//! ```text
//! Q = bytes that are quotes, B = bytes that are blanks            one bit a byte
//! I = prefix_xor(Q) ^ carry                                       bit set: inside quotes (the opening one included)
//! M = Q | (B & !I)                                                the marks
//! quotes   |= pext(Q, M) << n                                     one bit a mark
//! adjacent |= pext(M & (M >> 1), M) << n                          the next mark is the next byte
//! positions: the set bits of M
//! ```
//!
//! The last step of a line that is no multiple of 64 long reads the last 64 bytes again and shifts the bits that were
//! seen out; a line shorter than 64 bytes is copied first. So nothing is read outside the line.

#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m256i, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_set1_epi8, _pext_u64,
};

use super::{MAX_MARKS, Marks};

/// Proof that the CPU has what `find` needs.
#[derive(Clone, Copy)]
pub(super) struct Scanner(());

impl Scanner {
    /// `None` when the CPU lacks a feature. The check is a load and a test: the standard library remembers the answer.
    #[inline]
    pub(super) fn new() -> Option<Scanner> {
        let able = std::arch::is_x86_feature_detected!("avx2")
            && std::arch::is_x86_feature_detected!("bmi2")
            && std::arch::is_x86_feature_detected!("popcnt")
            && std::arch::is_x86_feature_detected!("bmi1");
        able.then_some(Scanner(()))
    }

    /// See [`Marks::find`].
    #[inline]
    pub(super) fn find(self, line: &[u8], marks: &mut Marks) -> bool {
        // SAFETY: `self` exists only where the CPU has the features.
        unsafe { find(line, marks) }
    }
}

/// What one step hands to the next.
#[derive(Default)]
struct Carry {
    /// All ones when the step ended inside quotes.
    quoted: u64,
    /// 1 when the step's last byte was a mark.
    mark: u64,
}

// SAFETY: must be called on a CPU with these features.
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
unsafe fn find(line: &[u8], marks: &mut Marks) -> bool {
    marks.clear();
    let mut carry = Carry::default();
    let mut base = 0;
    while line.len() - base >= 64 {
        // SAFETY: 64 bytes are left from `base` on.
        let (quotes, blanks) = unsafe { masks(line.as_ptr().add(base)) };
        if !step(quotes, blanks, 64, base, &mut carry, marks) {
            return false;
        }
        base += 64;
    }
    let left = line.len() - base;
    if left > 0 && !rest(line, base, left, &mut carry, marks) {
        return false;
    }
    marks.edges[marks.len + 1] = line.len() as u32;
    true
}

/// What is left of a line behind its last whole step.
// SAFETY: must be called on a CPU with these features.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
fn rest(line: &[u8], base: usize, left: usize, carry: &mut Carry, marks: &mut Marks) -> bool {
    let (quotes, blanks) = if line.len() >= 64 {
        // SAFETY: the line has at least 64 bytes, and these are its last.
        let (quotes, blanks) = unsafe { masks(line.as_ptr().add(line.len() - 64)) };
        (quotes >> (64 - left), blanks >> (64 - left))
    } else {
        let mut padded = [0u8; 64];
        padded[..left].copy_from_slice(line);
        // SAFETY: the array has 64 bytes.
        unsafe { masks(padded.as_ptr()) }
    };
    step(quotes, blanks, left, base, carry, marks)
}

/// Quotes and blanks of 64 bytes, one bit a byte.
// SAFETY: 64 bytes must be readable at `bytes`, on a CPU with AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn masks(bytes: *const u8) -> (u64, u64) {
    // SAFETY: the caller's promise; the loads need no alignment.
    let (low, high) = unsafe { (_mm256_loadu_si256(bytes.cast()), _mm256_loadu_si256(bytes.add(32).cast())) };
    (equal(low, high, b'"'), equal(low, high, b' '))
}

#[inline]
#[target_feature(enable = "avx2")]
fn equal(low: __m256i, high: __m256i, byte: u8) -> u64 {
    let wanted = _mm256_set1_epi8(byte as i8);
    let low = _mm256_movemask_epi8(_mm256_cmpeq_epi8(low, wanted)) as u32;
    let high = _mm256_movemask_epi8(_mm256_cmpeq_epi8(high, wanted)) as u32;
    u64::from(low) | u64::from(high) << 32
}

#[inline]
#[target_feature(enable = "bmi1,bmi2,popcnt")]
fn step(quotes: u64, blanks: u64, width: usize, base: usize, carry: &mut Carry, marks: &mut Marks) -> bool {
    let inside = prefix_xor(quotes) ^ carry.quoted;
    let found = quotes | (blanks & !inside);
    let n = marks.len;
    // The previous step's last byte and this one's first: both marks?
    if carry.mark & found & 1 != 0 && n > 0 {
        marks.adjacent |= 1 << (n - 1);
    }
    // All bits from `width` on are 0 in both masks, but `inside` goes on: take it at the last byte.
    carry.quoted = if inside >> (width - 1) & 1 != 0 { u64::MAX } else { 0 };
    carry.mark = found >> (width - 1) & 1;
    let count = found.count_ones() as usize;
    if n + count > MAX_MARKS {
        return false;
    }
    if count == 0 {
        return true;
    }
    marks.quotes |= _pext_u64(quotes, found) << n;
    marks.adjacent |= _pext_u64(found & (found >> 1), found) << n;
    let mut rest = found;
    let mut slot = n + 1;
    loop {
        // Eight at a time, whether there are so many or not: what is too much is written over by the next step.
        let Some(slots) = marks.edges.get_mut(slot..slot + 8) else { return false };
        for edge in slots {
            *edge = (base as u32).wrapping_add(rest.trailing_zeros());
            rest &= rest.wrapping_sub(1);
        }
        if rest == 0 {
            break;
        }
        slot += 8;
    }
    marks.len = n + count;
    true
}

/// Bit n of the result is the xor of bits 0 to n.
#[inline]
fn prefix_xor(mut bits: u64) -> u64 {
    bits ^= bits << 1;
    bits ^= bits << 2;
    bits ^= bits << 4;
    bits ^= bits << 8;
    bits ^= bits << 16;
    bits ^ (bits << 32)
}
