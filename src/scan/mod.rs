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

/// Slots for marks and both ends, rounded up.
const SLOTS: usize = 128;
/// The edge before the line: one less than its first byte.
const BEFORE: u32 = u32::MAX;

/// The marks of a line.
#[derive(Debug, Clone)]
pub struct Marks {
    /// Edges, ascending: slot 0 is the edge before the line, slot n + 1 is mark n, and behind the last mark comes the
    /// line's end. Larger than needed, so that a step can write its slots eight at a time without asking.
    edges: [u32; SLOTS],
    len: usize,
    /// Bit n: mark n is a quote (else a blank).
    quotes: u64,
    /// Bit n: mark n+1 stands right behind mark n.
    adjacent: u64,
}

impl Default for Marks {
    fn default() -> Self {
        Marks { edges: [BEFORE; SLOTS], len: 0, quotes: 0, adjacent: 0 }
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

    /// The first byte behind edge `n`: edge 0 is before the line, edge `n` is mark `n - 1`.
    #[inline]
    pub fn behind(&self, n: u8) -> usize {
        self.edges[n as usize % SLOTS].wrapping_add(1) as usize
    }

    /// Where edge `n` stands: the position of mark `n - 1`, or the line's length behind the last mark.
    #[inline]
    pub fn edge(&self, n: u8) -> usize {
        self.edges[n as usize % SLOTS] as usize
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
        find(line, &mut marks).then(|| (marks.edges[1..=marks.len + 1].to_vec(), marks.shape()))
    }

    #[test]
    fn marks_of_a_small_line() {
        let (at, shape) = found(portable::find, br#"a "b c" d"#).unwrap();
        assert_eq!(at, [1, 2, 6, 7, 9]);
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
