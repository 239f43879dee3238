//! From when to when.

use crate::pack::{Broken, Pack, Packer, Unpacker};

/// Earliest and latest of some times. There are several in each of many rows, so none is larger than two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    first_us: i64,
    /// Less than the first: there is no time.
    last_us: i64,
}

impl Default for Span {
    fn default() -> Self {
        Span { first_us: i64::MAX, last_us: i64::MIN }
    }
}

impl Pack for Span {
    fn put(&self, out: &mut Packer<'_>) {
        out.wide(2);
        self.first_us().put(out);
        self.last_us().put(out);
    }

    fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken> {
        let fields = from.wide()?;
        from.check(fields == 2, "a span has two ends")?;
        let ends: (Option<i64>, Option<i64>) = (from.take()?, from.take()?);
        let mut span = Span::default();
        [ends.0, ends.1].into_iter().flatten().for_each(|us| span.add(us));
        Ok(span)
    }

    fn absent() -> Option<Self> {
        Some(Span::default())
    }
}

impl Span {
    /// From the one to the other; no time at all where the last comes before the first.
    pub fn between(first_us: i64, last_us: i64) -> Span {
        Span { first_us, last_us }
    }

    /// Earliest, microseconds since 1970; `None`: there is no time.
    #[inline]
    pub fn first_us(&self) -> Option<i64> {
        (self.first_us <= self.last_us).then_some(self.first_us)
    }

    /// Latest, microseconds since 1970.
    #[inline]
    pub fn last_us(&self) -> Option<i64> {
        (self.first_us <= self.last_us).then_some(self.last_us)
    }

    /// Earliest and latest.
    #[inline]
    pub fn ends_us(&self) -> Option<(i64, i64)> {
        (self.first_us <= self.last_us).then_some((self.first_us, self.last_us))
    }

    /// Widens the span to hold a time.
    #[inline]
    pub fn add(&mut self, us: i64) {
        self.first_us = self.first_us.min(us);
        self.last_us = self.last_us.max(us);
    }

    /// Widens the span to hold another.
    #[inline]
    pub fn merge(&mut self, other: Span) {
        self.first_us = self.first_us.min(other.first_us);
        self.last_us = self.last_us.max(other.last_us);
    }
}
