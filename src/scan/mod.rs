//! Takes a line apart at its blanks. The one room with unsafe code.
//!
//! One pass finds where the line ends, how many quotes it has, and where its *columns* are: what stands between two
//! blanks outside quotes. Each 64 bytes become three bit masks (quotes, blanks, newlines); the prefix xor of the quote
//! bits is the in-quotes mask; the blanks that are left are taken out one after the other. What the columns mean is
//! the business of the formats.
//!
//! `avx512` and `avx2` need what their names say, BMI and carry-less multiplication, and are chosen at run time; `portable`
//! is the readable twin and runs everywhere. Property tests prove them equal on arbitrary bytes.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

/// How many blanks a line of columns may have. Known formats have at most 22.
pub const MAX_BLANKS: usize = 32;

/// Slots for blanks and both ends, and room for what a step may write too much: as many as a byte tells apart, so that the
/// number of a column needs no check.
const SLOTS: usize = 256;
/// The blank before the line: one less than its first byte.
const BEFORE: u16 = u16::MAX;
/// Lines must be shorter. Those with so many columns are.
const LONGEST: usize = u16::MAX as usize;

/// The columns of one line.
#[derive(Debug, Clone)]
pub struct Columns {
    /// Slot 0 is before the line, slot n is blank n, and behind the last blank comes the line's end.
    edges: [u16; SLOTS],
    blanks: usize,
    quotes: u32,
    /// Chosen once: asking the CPU for every line costs more than a column.
    #[cfg(target_arch = "x86_64")]
    fastest: Option<avx512::Scanner>,
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
            fastest: avx512::Scanner::new(),
            #[cfg(target_arch = "x86_64")]
            fast: avx2::Scanner::new(),
        }
    }
}

impl Columns {
    /// Takes the line apart that `text` starts with: up to a newline, or to the end of the text. `None` when there are too
    /// many blanks, when a quote is left open, or when the line has 64 KiB: the columns are then void. Between two blanks side
    /// by side is an empty column.
    #[inline]
    pub fn find(&mut self, text: &[u8]) -> Option<usize> {
        let text = &text[..text.len().min(LONGEST)];
        self.find_in(text).filter(|end| *end < LONGEST)
    }

    #[inline]
    fn find_in(&mut self, text: &[u8]) -> Option<usize> {
        #[cfg(target_arch = "x86_64")]
        match (self.fastest, self.fast) {
            (Some(scanner), _) => return scanner.find(text, self),
            (None, Some(scanner)) => return scanner.find(text, self),
            (None, None) => {}
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
        self.edges[usize::from(column)].wrapping_add(1).into()
    }

    /// The byte behind a column: its blank, or the line's end.
    #[inline]
    pub fn end(&self, column: u8) -> usize {
        self.edges[usize::from(column.wrapping_add(1))].into()
    }

    /// The line is to end here: its last byte was no part of it.
    #[inline]
    pub fn cut(&mut self, end: usize) {
        self.edges[self.blanks + 1] = end as u16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Found = Option<(usize, Vec<u16>, u32)>;

    /// Miri takes a second for one.
    const CASES: u32 = if cfg!(miri) { 40 } else { 2000 };

    /// Built for a CPU with these features, the fast twin is there to be looked at.
    #[test]
    #[cfg(all(target_arch = "x86_64", target_feature = "avx2", target_feature = "pclmulqdq"))]
    fn the_fast_twin_takes_part() {
        assert!(avx2::Scanner::new().is_some());
    }

    fn found(find: impl Fn(&[u8], &mut Columns) -> Option<usize>, text: &[u8]) -> Found {
        let mut columns = Columns::default();
        let end = find(text, &mut columns)?;
        Some((end, columns.edges[1..=columns.count()].to_vec(), columns.quotes()))
    }

    /// What every twin finds that this machine has.
    #[track_caller]
    fn agree(text: &[u8]) {
        let careful = found(portable::find, text);
        assert_eq!(found(|text, columns| columns.find(text), text), careful);
        #[cfg(target_arch = "x86_64")]
        if let Some(scanner) = avx2::Scanner::new() {
            assert_eq!(found(|text, columns| scanner.find(text, columns), text), careful);
        }
        #[cfg(target_arch = "x86_64")]
        if let Some(scanner) = avx512::Scanner::new() {
            assert_eq!(found(|text, columns| scanner.find(text, columns), text), careful);
        }
    }

    #[test]
    fn columns_of_a_small_line() {
        assert_eq!(found(portable::find, b"a \"b c\" d\ne"), Some((9, vec![1, 7, 9], 2)));
        assert_eq!(found(portable::find, b"a  b"), Some((4, vec![1, 2, 4], 0)));
        for odd in [&b"a \"b c\n"[..], b"a \" b", &[b'a', b' '].repeat(MAX_BLANKS + 1)] {
            assert_eq!(found(portable::find, odd), None);
        }
        assert_eq!(found(portable::find, b""), Some((0, vec![0], 0)));
        let long =
            |len: usize| found(|text, columns| columns.find(text), &vec![b'x'; len]).map(|found| found.0);
        assert_eq!((long(LONGEST - 1), long(LONGEST), long(2 * LONGEST)), (Some(LONGEST - 1), None, None));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_twins_agree(text in prop::collection::vec(prop_oneof![1 => Just(b'"'), 1 => Just(b' '), 6 => Just(b'x'), 1 => Just(b'\\'), 3 => any::<u8>()], 0..400)) {
            agree(&text);
        }

        #[test]
        fn the_twins_agree_on_sparse_lines(text in "[a-z]{0,80}( ?\"?[a-z]{0,30}){0,40}\n?[a-z\" ]{0,70}") {
            agree(text.as_bytes());
        }

        #[test]
        fn the_twins_agree_on_columns(text in "([a-z]{1,30}|\"[a-z ]{0,20}\")( [a-z]{1,9}| \"[a-z ]{0,70}\"){0,36}\n?[a-z\" \n]{0,140}") {
            agree(text.as_bytes());
        }
    }
}
