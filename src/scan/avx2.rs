//! The fast twin: 64 bytes a step.
//!
//! ```text
//! Q, B, N = bytes that are quotes, blanks, newlines               one bit a byte
//! Q, B: without what stands behind the first bit of N             the next line is nobody's business
//! I = prefix_xor(Q) ^ carry                                       bit set: inside quotes (the opening one included)
//! O = B & !I                                                      the blanks that part columns
//! edges: the set bits of O
//! ```
//!
//! Text that is shorter than a step is copied first, so nothing is read outside it.

#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m256i, _mm_clmulepi64_si128, _mm_cvtsi128_si64, _mm_set_epi64x, _mm_set1_epi8, _mm256_cmpeq_epi8,
    _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_set1_epi8,
};

use super::{Columns, MAX_BLANKS};

/// Bytes of a step.
const STEP: usize = 64;

/// Proof that the CPU has what `find` needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scanner(());

impl Scanner {
    /// `None` when the CPU lacks a feature.
    pub(super) fn new() -> Option<Scanner> {
        let able = std::arch::is_x86_feature_detected!("avx2")
            && std::arch::is_x86_feature_detected!("bmi1")
            && std::arch::is_x86_feature_detected!("bmi2")
            && std::arch::is_x86_feature_detected!("popcnt")
            && std::arch::is_x86_feature_detected!("pclmulqdq");
        able.then_some(Scanner(()))
    }

    /// See [`Columns::find`]; for texts of less than 64 KiB.
    #[inline]
    pub(super) fn find(self, text: &[u8], columns: &mut Columns) -> Option<usize> {
        // SAFETY: `self` exists only where the CPU has the features.
        unsafe { find(text, columns) }
    }
}

/// What one step hands to the next.
struct Carry {
    /// All ones when the step ended inside quotes.
    quoted: u64,
    blanks: usize,
    quotes: u32,
}

// SAFETY: must be called on a CPU with these features.
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt,pclmulqdq")]
unsafe fn find(text: &[u8], columns: &mut Columns) -> Option<usize> {
    let mut carry = Carry { quoted: 0, blanks: 0, quotes: 0 };
    let mut base = 0;
    let end = loop {
        let left = text.len() - base;
        let masks = if left >= STEP {
            // SAFETY: 64 bytes are left from `base` on.
            unsafe { masks(text.as_ptr().add(base)) }
        } else {
            // What is missing is no mark; the text ends like a line.
            let mut padded = [0u8; STEP];
            padded[..left].copy_from_slice(&text[base..]);
            padded[left] = b'\n';
            // SAFETY: the array has 64 bytes.
            unsafe { masks(padded.as_ptr()) }
        };
        if !step(masks, base, &mut carry, columns) {
            return None;
        }
        if masks.newlines != 0 {
            break base + masks.newlines.trailing_zeros() as usize;
        }
        base += STEP;
    };
    columns.blanks = carry.blanks;
    columns.quotes = carry.quotes;
    columns.edges[carry.blanks + 1] = end as u16;
    // An open quote is an odd number of them.
    carry.quotes.is_multiple_of(2).then_some(end)
}

/// 64 bytes, one bit a byte.
#[derive(Clone, Copy)]
struct Masks {
    quotes: u64,
    blanks: u64,
    newlines: u64,
}

// SAFETY: 64 bytes must be readable at `bytes`, on a CPU with AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn masks(bytes: *const u8) -> Masks {
    // SAFETY: the caller's promise; the loads need no alignment.
    let (low, high) = unsafe { (_mm256_loadu_si256(bytes.cast()), _mm256_loadu_si256(bytes.add(32).cast())) };
    Masks {
        quotes: equal(low, high, b'"'),
        blanks: equal(low, high, b' '),
        newlines: equal(low, high, b'\n'),
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn equal(low: __m256i, high: __m256i, byte: u8) -> u64 {
    let wanted = _mm256_set1_epi8(byte as i8);
    let low = _mm256_movemask_epi8(_mm256_cmpeq_epi8(low, wanted)) as u32;
    let high = _mm256_movemask_epi8(_mm256_cmpeq_epi8(high, wanted)) as u32;
    u64::from(low) | u64::from(high) << 32
}

/// Takes the blanks of one step; false when there are too many of them.
#[inline]
#[target_feature(enable = "bmi1,bmi2,popcnt,pclmulqdq")]
fn step(masks: Masks, base: usize, carry: &mut Carry, columns: &mut Columns) -> bool {
    // All bits below the first newline; all of them when there is none.
    let line = masks.newlines.wrapping_sub(1) & !masks.newlines;
    let quotes = masks.quotes & line;
    let inside = prefix_xor(quotes) ^ carry.quoted;
    let parting = masks.blanks & line & !inside;
    carry.quoted = (inside.cast_signed() >> 63).cast_unsigned();
    carry.quotes += quotes.count_ones();
    // Slot 0 is before the line.
    let first = carry.blanks + 1;
    carry.blanks += parting.count_ones() as usize;
    if carry.blanks > MAX_BLANKS {
        return false;
    }
    let mut rest = parting;
    // Four at a time, whether there are so many or not: what is too much is written over by the next step.
    let mut slots = columns.edges[first..first + MAX_BLANKS + 4].chunks_exact_mut(4);
    while rest != 0 {
        let Some(slots) = slots.next() else { return false };
        for edge in slots {
            *edge = (base as u16).wrapping_add(rest.trailing_zeros() as u16);
            rest &= rest.wrapping_sub(1);
        }
    }
    true
}

/// Bit n of the result is the xor of bits 0 to n: the carry-less product with all ones.
#[inline]
#[target_feature(enable = "pclmulqdq")]
fn prefix_xor(bits: u64) -> u64 {
    let product = _mm_clmulepi64_si128::<0>(_mm_set_epi64x(0, bits.cast_signed()), _mm_set1_epi8(-1));
    _mm_cvtsi128_si64(product).cast_unsigned()
}
