//! Which bytes of a line say what it means.

/// A format has at most so many stretches.
const MOST: usize = 6;

/// Where a line's telling bytes are: the stretches that hold code, flags, details, cluster, host and whatever else decides what
/// the record means, with the signs between them. Lines of one format whose stretches are equal differ only in what is
/// counted (time, duration, sizes) and in what the client chose (path, user agent, ids).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stretches {
    spans: [(u32, u32); MOST],
    len: usize,
}

impl Stretches {
    /// Adds a stretch; false when there are too many.
    #[inline]
    pub fn add(&mut self, start: usize, end: usize) -> bool {
        let Some(slot) = self.spans.get_mut(self.len) else { return false };
        *slot = (start as u32, end as u32);
        self.len += 1;
        true
    }

    /// Their bytes; `None` when there are no stretches, or they are not of this line.
    pub fn of<'a>(&self, line: &'a [u8]) -> Option<Identity<'a>> {
        let spans = self.spans.get(..self.len).filter(|spans| !spans.is_empty())?;
        let mut identity = Identity::default();
        for &(start, end) in spans {
            identity.add(line.get(start as usize..end as usize)?)?;
        }
        Some(identity)
    }
}

/// A line's telling bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Identity<'a> {
    parts: [&'a [u8]; MOST],
    len: usize,
}

impl<'a> Identity<'a> {
    /// Adds a stretch; `None` when there are too many.
    #[inline(always)]
    pub fn add(&mut self, stretch: &'a [u8]) -> Option<()> {
        *self.parts.get_mut(self.len)? = stretch;
        self.len += 1;
        Some(())
    }

    /// The stretches, first to last.
    #[inline]
    pub fn parts(&self) -> &[&'a [u8]] {
        &self.parts[..self.len.min(MOST)]
    }
}
