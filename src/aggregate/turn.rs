//! Callers that were let through and then were not: what a policy that changed looks like from the callee's side.

use super::counter::Ordered;
use crate::pack::{self, Broken, Pack, Packer, Unpacker, Wide};

/// Callers and paths of one upstream that are watched; more than these are not told apart. One proxy has few inbound
/// clusters, so those that come first get more room.
fn cap(upstream: usize) -> usize {
    match upstream {
        0..16 => 4096,
        16..1_000 => 64,
        _ => 8,
    }
}

/// What became of one caller's requests for one path, in input order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Turn {
    /// Successes before the first denial.
    pub before: u64,
    /// Denials.
    pub denied: u64,
    /// Successes since the first denial.
    pub after: u64,
}

impl Turn {
    fn merge(&mut self, later: Turn) {
        if self.denied == 0 {
            self.before += later.before;
            self.after = later.after;
        } else {
            self.after += later.before + later.after;
        }
        self.denied += later.denied;
    }
}

packed!(Turn { before, denied, after });

/// [`Turn`]s by caller and path. The keys are hashes: only the counts matter. Like every table, it is capped when it is
/// merged into the whole, in input order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Turns(Ordered<u64, Turn>);

impl Pack for Turns {
    fn put(&self, out: &mut Packer<'_>) {
        out.wide(self.0.len() as u64);
        for (key, turn) in &self.0 {
            Wide(*key).put(out);
            turn.put(out);
        }
    }

    fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken> {
        let mut rows = Ordered::default();
        from.each(|(key, turn): (Wide, Turn)| {
            rows.insert(key.0, turn);
        })?;
        Ok(Turns(rows))
    }

    fn absent() -> Option<Self> {
        Some(Turns::default())
    }
}

impl Turns {
    /// Counts a request that was let through, or was not.
    pub(super) fn add(&mut self, client: &[u8], path: &[u8], denied: bool) {
        let path = path.split(|&b| b == b'?').next().unwrap_or_default();
        let one = Turn { before: u64::from(!denied), denied: u64::from(denied), after: 0 };
        self.0.entry(pack::hash(0x7475_726e, &[client, path])).or_default().merge(one);
    }

    /// Adds what a later part of the input counted, for upstream number `upstream`.
    pub(super) fn merge(&mut self, later: Turns, upstream: usize) {
        let cap = cap(upstream);
        for (key, turn) in later.0 {
            let room = self.0.len() < cap;
            match self.0.get_mut(&key) {
                Some(mine) => mine.merge(turn),
                None if room => {
                    self.0.insert(key, turn);
                }
                None => {}
            }
        }
    }

    /// Bytes on the heap, about.
    pub(super) fn held(&self) -> usize {
        self.0.capacity() * (size_of::<(u64, Turn)>() + 16)
    }

    /// Each caller and path, in input order.
    pub fn iter(&self) -> impl Iterator<Item = Turn> {
        self.0.values().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counted(requests: &[(u8, bool)]) -> Turns {
        let mut turns = Turns::default();
        requests.iter().for_each(|(client, denied)| turns.add(&[*client], b"/", *denied));
        turns
    }

    proptest! {
        #[test]
        fn cuts_change_nothing(requests in prop::collection::vec((0u8..4, any::<bool>()), 0..60), cut in 0usize..60) {
            let cut = cut.min(requests.len());
            let mut merged = counted(&requests[..cut]);
            merged.merge(counted(&requests[cut..]), 0);
            prop_assert_eq!(merged, counted(&requests));
        }
    }

    #[test]
    fn a_query_is_no_part_of_the_path() {
        let mut turns = Turns::default();
        turns.add(b"10.0.0.1", b"/a?x=1", false);
        turns.add(b"10.0.0.1", b"/a?x=2", true);
        assert_eq!(turns.iter().collect::<Vec<_>>(), [Turn { before: 1, denied: 1, after: 0 }]);
    }
}
