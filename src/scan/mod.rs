//! Takes a line apart at its blanks. The one room with unsafe code.
//!
//! One pass finds where the line ends, how many quotes it has, and where its *columns* are: what stands between two
//! blanks outside quotes. Each 64 bytes become three bit masks (quotes, blanks, newlines); the prefix xor of the quote
//! bits is the in-quotes mask; the blanks that are left are taken out one after the other. What the columns mean is
//! the business of the formats.
//!
//! `avx2` needs AVX2, BMI and carry-less multiplication and is chosen at run time; `portable` is the readable twin
//! and runs everywhere. A property test proves them equal on arbitrary bytes.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod portable;

/// How many blanks a line of columns may have. Known formats have at most 22.
pub const MAX_BLANKS: usize = 32;

/// Slots for blanks and both ends, and room for what a step may write too much; a power of two, so that an index is cut
/// to size by a mask.
const SLOTS: usize = 128;
/// The blank before the line: one less than its first byte.
const BEFORE: u32 = u32::MAX;

/// The columns of one line.
#[derive(Debug, Clone)]
pub struct Columns {
    /// Slot 0 is before the line, slot n is blank n, and behind the last blank comes the line's end.
    edges: [u32; SLOTS],
    blanks: usize,
    quotes: u32,
    /// Chosen once: asking the CPU for every line costs more than a column.
    #[cfg(target_arch = "x86_64")]
    fast: Option<avx2::Scanner>,
}

impl Default for Columns {
    fn default() -> Self {
        Columns {
            edges: [BEFORE; SLOTS],
            blanks: 0,
            quotes: 0,
            #[cfg(target_arch = "x86_64")]
            fast: avx2::Scanner::new(),
        }
    }
}

impl Columns {
    /// Takes the line apart that `text` starts with: up to a newline, or to the end of the text. `None` when two blanks
    /// stand side by side, when there are too many of them, or when a quote is left open: the columns are then void.
    #[inline]
    pub fn find(&mut self, text: &[u8]) -> Option<usize> {
        #[cfg(target_arch = "x86_64")]
        if let Some(scanner) = self.fast {
            return scanner.find(text, self);
        }
        portable::find(text, self)
    }

    /// How many columns.
    #[inline]
    pub fn count(&self) -> usize {
        self.blanks + 1
    }

    /// How many quotes in the whole line.
    #[inline]
    pub fn quotes(&self) -> u32 {
        self.quotes
    }

    /// The first byte of a column. Columns count from 0.
    #[inline]
    pub fn start(&self, column: u8) -> usize {
        self.edges[column as usize % SLOTS].wrapping_add(1) as usize
    }

    /// The byte behind a column: its blank, or the line's end.
    #[inline]
    pub fn end(&self, column: u8) -> usize {
        self.edges[(column as usize + 1) % SLOTS] as usize
    }

    /// The line is to end here: its last byte was no part of it.
    #[inline]
    pub fn cut(&mut self, end: usize) {
        self.edges[(self.blanks + 1) % SLOTS] = end as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Found = Option<(usize, Vec<u32>, u32)>;

    fn found(find: impl Fn(&[u8], &mut Columns) -> Option<usize>, text: &[u8]) -> Found {
        let mut columns = Columns::default();
        let end = find(text, &mut columns)?;
        Some((end, columns.edges[1..=columns.count()].to_vec(), columns.quotes()))
    }

    fn fast(text: &[u8]) -> Found {
        found(|text, columns| columns.find(text), text)
    }

    #[test]
    fn columns_of_a_small_line() {
        assert_eq!(found(portable::find, b"a \"b c\" d\ne"), Some((9, vec![1, 7, 9], 2)));
        for odd in [&b"a  b"[..], b"a \"b c\n", b"a \" b", &[b'a', b' '].repeat(MAX_BLANKS + 1)] {
            assert_eq!(found(portable::find, odd), None);
        }
        assert_eq!(found(portable::find, b""), Some((0, vec![0], 0)));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_twins_agree(text in prop::collection::vec(prop_oneof![1 => Just(b'"'), 1 => Just(b' '), 6 => Just(b'x'), 1 => Just(b'\\'), 3 => any::<u8>()], 0..400)) {
            prop_assert_eq!(fast(&text), found(portable::find, &text));
        }

        #[test]
        fn the_twins_agree_on_sparse_lines(text in "[a-z]{0,80}( ?\"?[a-z]{0,30}){0,40}\n?[a-z\" ]{0,70}") {
            prop_assert_eq!(fast(text.as_bytes()), found(portable::find, text.as_bytes()));
        }

        #[test]
        fn the_twins_agree_on_columns(text in "([a-z]{1,30}|\"[a-z ]{0,20}\")( [a-z]{1,9}| \"[a-z ]{0,70}\"){0,36}\n?[a-z\" \n]{0,140}") {
            prop_assert_eq!(fast(text.as_bytes()), found(portable::find, text.as_bytes()));
        }
    }
}
