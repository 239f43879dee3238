//! The fastest twin: the steps of [`avx2`](super::avx2), and the positions of a step's blanks are taken out all at once.
//!
//! A compare gives its bit mask without detours, a masked load ends where the text ends, and `compress` moves the numbers
//! of the chosen bytes to the front: no loop over bits, so no branch that depends on the line.

#![allow(unsafe_code)]

use std::arch::x86_64::{
    _mm_clmulepi64_si128, _mm_cvtsi128_si64, _mm_set_epi64x, _mm_set1_epi8, _mm256_add_epi16,
    _mm256_cvtepu8_epi16, _mm256_set1_epi16, _mm256_storeu_si256, _mm512_castsi512_si128,
    _mm512_cmpeq_epi8_mask, _mm512_extracti32x4_epi32, _mm512_loadu_si512, _mm512_maskz_compress_epi8,
    _mm512_maskz_loadu_epi8, _mm512_set1_epi8,
};

use super::{Columns, MAX_BLANKS};

/// Bytes of a step.
const STEP: usize = 64;

/// The numbers of the bytes of a step.
static NUMBERS: [u8; STEP] = {
    let mut numbers = [0; STEP];
    let mut n = 0;
    while n < STEP {
        numbers[n] = n as u8;
        n += 1;
    }
    numbers
};

/// Proof that the CPU has what `find` needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scanner(());

impl Scanner {
    /// `None` when the CPU lacks a feature.
    pub(super) fn new() -> Option<Scanner> {
        let able = std::arch::is_x86_feature_detected!("avx512f")
            && std::arch::is_x86_feature_detected!("avx512bw")
            && std::arch::is_x86_feature_detected!("avx512vbmi2")
            && std::arch::is_x86_feature_detected!("bmi1")
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

// SAFETY: must be called on a CPU with these features.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,bmi1,popcnt,pclmulqdq")]
unsafe fn find(text: &[u8], columns: &mut Columns) -> Option<usize> {
    let (quote, blank, newline) =
        (_mm512_set1_epi8(b'"' as i8), _mm512_set1_epi8(b' ' as i8), _mm512_set1_epi8(b'\n' as i8));
    // SAFETY: the array has 64 bytes; the load needs no alignment.
    let numbers = unsafe { _mm512_loadu_si512(NUMBERS.as_ptr().cast()) };
    // All ones when the step before ended inside quotes.
    let mut quoted = 0;
    let (mut base, mut blanks, mut quotes) = (0, 0, 0);
    loop {
        let left = text.len() - base;
        let (bytes, end) = if left >= STEP {
            // SAFETY: 64 bytes are left from `base` on; the load needs no alignment.
            (unsafe { _mm512_loadu_si512(text.as_ptr().add(base).cast()) }, 0)
        } else {
            // SAFETY: only bytes of the text are loaded. It ends like a line.
            (unsafe { _mm512_maskz_loadu_epi8((1 << left) - 1, text.as_ptr().add(base).cast()) }, 1 << left)
        };
        let newlines = _mm512_cmpeq_epi8_mask(bytes, newline) | end;
        // All bits below the first newline; all of them when there is none.
        let line = newlines.wrapping_sub(1) & !newlines;
        let marks = _mm512_cmpeq_epi8_mask(bytes, quote) & line;
        let product = _mm_clmulepi64_si128::<0>(_mm_set_epi64x(0, marks.cast_signed()), _mm_set1_epi8(-1));
        let inside = _mm_cvtsi128_si64(product).cast_unsigned() ^ quoted;
        quoted = (inside.cast_signed() >> 63).cast_unsigned();
        let parting = _mm512_cmpeq_epi8_mask(bytes, blank) & line & !inside;
        quotes += marks.count_ones();
        let (first, count) = (blanks + 1, parting.count_ones() as usize);
        blanks += count;
        if blanks > MAX_BLANKS {
            return None;
        }
        let positions = _mm512_maskz_compress_epi8(parting, numbers);
        let start = _mm256_set1_epi16(base as i16);
        let edges = &mut columns.edges[first..first + 2 * 16];
        let few = _mm256_cvtepu8_epi16(_mm512_castsi512_si128(positions));
        // SAFETY: the slice has 32 places; the store needs no alignment.
        unsafe { _mm256_storeu_si256(edges.as_mut_ptr().cast(), _mm256_add_epi16(few, start)) };
        if count > 16 {
            let more = _mm256_cvtepu8_epi16(_mm512_extracti32x4_epi32::<1>(positions));
            // SAFETY: as above, from the 17th place on.
            unsafe { _mm256_storeu_si256(edges[16..].as_mut_ptr().cast(), _mm256_add_epi16(more, start)) };
        }
        if newlines != 0 {
            let end = base + newlines.trailing_zeros() as usize;
            columns.blanks = blanks;
            columns.quotes = quotes;
            columns.edges[blanks + 1] = end as u16;
            // An open quote is an odd number of them.
            return quotes.is_multiple_of(2).then_some(end);
        }
        base += STEP;
    }
}
