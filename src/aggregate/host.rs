//! Endpoints of upstreams: there may be a hundred thousand of them.

use super::{Counts, Span};
use crate::pack::{Broken, Pack, Packer, Unpacker};
use crate::record::OUTCOMES;

/// One endpoint of an upstream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Host {
    /// Requests by outcome.
    pub counts: Counts,
    /// When it was used.
    pub span: Span,
    /// When it succeeded.
    pub ok: Span,
    /// When it failed.
    pub failure: Span,
}

packed!(Host { counts, span, ok, failure });

impl Host {
    /// Adds what was counted elsewhere.
    pub(super) fn merge(&mut self, other: &Host) {
        self.counts.merge(other.counts);
        self.span.merge(other.span);
        self.ok.merge(other.ok);
        self.failure.merge(other.failure);
    }
}

/// An endpoint as tables hold it: most of its numbers are small, and its times near each other, so it takes a third of the
/// room. The same endpoint is always the same bytes: counts, spans after the first moment, and that moment, as numbers of seven
/// bits a byte.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SmallHost(Box<[u8]>);

/// Bytes of the longest number.
const WIDE: usize = 10;
/// Those of the longest endpoint: its counts, a mark and two numbers for each of its spans, and a time.
const LONGEST: usize = OUTCOMES.len() * WIDE + 3 * (1 + 2 * WIDE) + WIDE;

/// Bytes on their way into a [`SmallHost`].
struct Bytes {
    bytes: [u8; LONGEST],
    len: usize,
}

impl Bytes {
    fn of(host: &Host) -> Bytes {
        let mut out = Bytes { bytes: [0; LONGEST], len: 0 };
        host.counts.by_outcome.into_iter().for_each(|n| out.wide(n));
        // All other times lie behind the first. Should they not, differences go around the end of numbers, and back again.
        let base = host.span.first_us().unwrap_or_default();
        for span in [host.span, host.ok, host.failure] {
            out.wide(u64::from(span.ends_us().is_some()));
            if let Some((first, last)) = span.ends_us() {
                out.wide(first.wrapping_sub(base) as u64);
                out.wide(last.wrapping_sub(first) as u64);
            }
        }
        out.wide(base as u64);
        out
    }

    fn wide(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.byte(number as u8 | 0x80);
            number >>= 7;
        }
        self.byte(number as u8);
    }

    fn byte(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl SmallHost {
    pub(super) fn of(host: &Host) -> SmallHost {
        SmallHost(Bytes::of(host).as_slice().into())
    }

    /// What is held. No bytes at all are an endpoint without requests.
    pub(super) fn host(&self) -> Host {
        // The bytes are its own: there is nothing in them that cannot be read.
        self.read().unwrap_or_default()
    }

    fn read(&self) -> Result<Host, Broken> {
        let mut from = Unpacker::new(&self.0);
        let mut host = Host::default();
        for n in &mut host.counts.by_outcome {
            *n = from.wide()?;
        }
        let mut ends = [None; 3];
        for ends in &mut ends {
            if from.take()? {
                *ends = Some((from.wide()? as i64, from.wide()? as i64));
            }
        }
        let base = from.wide()? as i64;
        let [span, ok, failure] = ends.map(|ends| {
            ends.map_or_else(Span::default, |(first, wide): (i64, i64)| {
                let first = first.wrapping_add(base);
                Span::between(first, first.wrapping_add(wide))
            })
        });
        Ok(Host { span, ok, failure, ..host })
    }

    /// Changes what is held.
    pub(super) fn change(&mut self, how: impl FnOnce(&mut Host)) {
        let mut host = self.host();
        how(&mut host);
        let bytes = Bytes::of(&host);
        match self.0.len() == bytes.len {
            true => self.0.copy_from_slice(bytes.as_slice()),
            false => self.0 = bytes.as_slice().into(),
        }
    }
}

impl Pack for SmallHost {
    fn put(&self, out: &mut Packer<'_>) {
        self.host().put(out);
    }

    fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken> {
        from.take().map(|host| SmallHost::of(&host))
    }

    fn absent() -> Option<Self> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn span() -> impl Strategy<Value = Span> {
        let us = prop_oneof![any::<i64>(), 1_767_348_012_000_000..1_767_348_013_000_000i64];
        let ends = (us.clone(), us).prop_map(|(a, b)| Span::between(a.min(b), a.max(b)));
        prop_oneof![Just(Span::default()), ends]
    }

    proptest! {
        #[test]
        fn what_is_held_is_what_was_given(
            by_outcome in prop_oneof![any::<[u64; 6]>(), prop::array::uniform6(0u64..300)],
            span in span(),
            ok in span(),
            failure in span(),
        ) {
            let host = Host { counts: Counts { by_outcome }, span, ok, failure };
            let held = SmallHost::of(&host);
            prop_assert_eq!(held.host(), host);
        }
    }

    #[test]
    fn an_endpoint_of_an_ordinary_day_takes_little_room() {
        let us = 1_767_348_012_345_000;
        let span = Span::between(us, us + 86_400_000_000);
        let mut host = Host { span, ok: span, ..Host::default() };
        host.counts.add(crate::record::Outcome::Ok, 100_000);
        let held = SmallHost::of(&host);
        assert!(held.0.len() <= 40, "{}", held.0.len());
        assert_eq!(SmallHost::default().host(), Host::default());
    }
}
