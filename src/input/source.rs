//! One stream of lines, and what tells it from every other.

use crate::pack;

/// One stream of lines that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// `-`, the path as given, `bundle.tar.gz!dir/x.log`.
    pub name: String,
    /// `plain`, `gzip`, `tar.gz`, …
    pub container: &'static str,
    /// Decompressed bytes read.
    pub bytes: u64,
    /// Lines read.
    pub lines: u64,
    /// Its first lines.
    pub head: Head,
}

/// Digests of the first lines of a stream, whatever it is called and packed in: of the first line, the first four, the
/// first sixteen, as far as it had that many when it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head(pub Vec<u64>);

const LADDER: [usize; 3] = [1, 4, 16];
/// Bytes that are looked at.
const HEAD_BYTES: usize = 64 << 10;

impl Head {
    /// The head of a stream that begins with these bytes.
    pub fn of(bytes: &[u8]) -> Head {
        let bytes = &bytes[..bytes.len().min(HEAD_BYTES)];
        let ends = memchr::memchr_iter(b'\n', bytes).enumerate();
        let steps = ends.filter(|(line, _)| LADDER.contains(&(line + 1)));
        Head(steps.take(LADDER.len()).map(|(_, end)| pack::hash(0, &[&bytes[..end]])).collect())
    }

    /// True for two readings of one stream, which may have grown between them. What has no whole line is like nothing.
    pub fn is_like(&self, other: &Head) -> bool {
        let both = self.0.iter().zip(&other.0).next_back();
        both.is_some_and(|(mine, theirs)| mine == theirs)
    }
}

impl Source {
    /// True when some lines of the stream are in both.
    pub fn overlaps(&self, other: &Source) -> bool {
        self.bytes.min(other.bytes) > 0 && self.head.is_like(&other.head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_known_again_when_it_has_grown() {
        let (short, long) = ("a\nb\n", "a\nb\nc\nd\ne\n");
        assert!(Head::of(short.as_bytes()).is_like(&Head::of(long.as_bytes())));
        assert!(!Head::of(b"a\nb\nc\nd\n").is_like(&Head::of(b"a\nb\nc\nx\n")));
        assert!(!Head::of(b"").is_like(&Head::of(b"")));
    }
}
