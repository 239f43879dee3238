//! Finds the marks of a line: its quotes, and the blanks outside quotes. The one room with unsafe code.
//!
//! A line of a known text format has a fixed pattern of marks, so two integers tell whether a line has it, and the
//! positions tell where every field is. Each 64 bytes become bit masks; the prefix xor of the quote bits is the
//! in-quotes mask; the bits that are left are taken out one after the other.
//!
//! `avx2` needs AVX2, BMI2 and POPCNT and is chosen at run time; `portable` is the readable twin and runs everywhere.
//! A property test proves them equal on arbitrary bytes.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod portable;

/// How many marks a line may have. Known formats have at most 48.
pub const MAX_MARKS: usize = 64;

/// The marks of a line.
#[derive(Debug, Clone)]
pub struct Marks {
    /// Positions, ascending; valid up to `len`. Twice the size, so that a step of 64 bytes never needs a check inside.
    positions: [u32; MAX_MARKS * 2],
    len: usize,
    /// Bit n: mark n is a quote (else a blank).
    quotes: u64,
    /// Bit n: mark n+1 stands right behind mark n.
    adjacent: u64,
}

impl Default for Marks {
    fn default() -> Self {
        Marks { positions: [0; MAX_MARKS * 2], len: 0, quotes: 0, adjacent: 0 }
    }
}

/// The pattern of marks: what lines of one format have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Shape {
    /// How many marks.
    pub len: usize,
    /// Bit n: mark n is a quote.
    pub quotes: u64,
    /// Bit n: mark n+1 stands right behind mark n.
    pub adjacent: u64,
}

impl Marks {
    /// Finds the marks of a line. False when it has more than [`MAX_MARKS`]; the marks are then void.
    #[inline]
    pub fn find(&mut self, line: &[u8]) -> bool {
        #[cfg(target_arch = "x86_64")]
        if let Some(scanner) = avx2::Scanner::new() {
            return scanner.find(line, self);
        }
        portable::find(line, self)
    }

    /// The pattern of the marks.
    #[inline]
    pub fn shape(&self) -> Shape {
        Shape { len: self.len, quotes: self.quotes, adjacent: self.adjacent }
    }

    /// Position of mark `n`. 0 when there are not so many.
    #[inline]
    pub fn at(&self, n: usize) -> usize {
        self.positions.get(n).map_or(0, |&at| at as usize)
    }

    fn clear(&mut self) {
        self.len = 0;
        self.quotes = 0;
        self.adjacent = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(find: impl Fn(&[u8], &mut Marks) -> bool, line: &[u8]) -> Option<(Vec<u32>, Shape)> {
        let mut marks = Marks::default();
        find(line, &mut marks).then(|| (marks.positions[..marks.len].to_vec(), marks.shape()))
    }

    #[test]
    fn marks_of_a_small_line() {
        let (at, shape) = found(portable::find, br#"a "b c" d"#).unwrap();
        assert_eq!(at, [1, 2, 6, 7]);
        assert_eq!((shape.quotes, shape.adjacent), (0b0110, 0b0101));
    }

    proptest! {
        #[test]
        fn the_twins_agree(line in prop::collection::vec(prop_oneof![Just(b'"'), Just(b' '), Just(b'x'), Just(b'\\'), any::<u8>()], 0..400)) {
            let fast = |line: &[u8], marks: &mut Marks| marks.find(line);
            prop_assert_eq!(found(fast, &line), found(portable::find, &line));
        }

        #[test]
        fn the_twins_agree_on_sparse_lines(line in "[a-z]{0,80}( ?\"?[a-z]{0,30}){0,40}") {
            let fast = |line: &[u8], marks: &mut Marks| marks.find(line);
            prop_assert_eq!(found(fast, line.as_bytes()), found(portable::find, line.as_bytes()));
        }
    }
}
