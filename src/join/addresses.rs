//! Addresses by name: from which a proxy calls, at which a cluster's endpoints are reached.

use crate::aggregate::{Ordered, Text, make_room};
use crate::pack::{Broken, Pack, Packer, Unpacker};

/// Names with addresses.
const NAMES: usize = 20_000;
/// Addresses of one name; of many names fewer, so that all together stay below [`ALL`].
const MOST: usize = 256;
const ALL: usize = 1 << 18;
/// No address of a machine is so long.
const ADDRESS_BYTES: usize = 160;

/// Of each name the smallest addresses. How many is a function of the number of names alone, and falls as that grows: so the
/// order in which they come does not matter, nor how the input is cut.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Addresses {
    /// Sorted, each address once.
    by_name: Ordered<Text, Vec<Text>>,
}

impl Pack for Addresses {
    fn put(&self, out: &mut Packer<'_>) {
        self.by_name.put(out);
    }

    fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken> {
        let by_name: Ordered<Text, Vec<Text>> = from.take()?;
        let sorted = |known: &Vec<Text>| known.is_sorted_by(|a, b| a < b);
        from.check(by_name.values().all(sorted), "addresses are out of order")?;
        let mut addresses = Addresses { by_name };
        addresses.trim();
        Ok(addresses)
    }

    fn absent() -> Option<Self> {
        Some(Addresses::default())
    }
}

/// How many addresses are kept of each of so many names. Of the names of a part some may find no room in the whole, so those
/// above the cap count for nothing.
fn room(names: usize) -> usize {
    let share = ALL / names.clamp(1, NAMES);
    // In few steps: at each of them all lists are cut.
    MOST.min(1 << share.ilog2())
}

impl Addresses {
    /// Remembers an address of a name.
    pub(super) fn note(&mut self, name: &[u8], address: &[u8]) {
        if address.is_empty() || address.len() > ADDRESS_BYTES {
            return;
        }
        let most = room(self.by_name.len());
        match self.by_name.get_mut(name) {
            Some(known) => {
                if let Err(at) = known.binary_search_by(|other| (**other).cmp(address))
                    && at < most
                {
                    known.insert(at, address.into());
                    known.truncate(most);
                }
            }
            None => {
                // Most names have one.
                self.by_name.insert(name.into(), Vec::from([address.into()]));
                if room(self.by_name.len()) < most {
                    self.trim();
                }
            }
        }
    }

    /// Adds those of a later part of the input.
    pub(super) fn merge(&mut self, later: Addresses) {
        for (name, addresses) in later.by_name {
            if self.by_name.len() >= NAMES && !self.by_name.contains_key(&name) {
                continue;
            }
            make_room(&mut self.by_name, NAMES);
            let known = self.by_name.entry(name.clone()).or_default();
            if known.is_empty() {
                *known = addresses.clone();
            } else if !addresses.iter().all(|address| known.binary_search(address).is_ok()) {
                known.extend(addresses);
                known.sort_unstable();
                known.dedup();
                known.truncate(MOST);
            }
        }
        self.trim();
    }

    fn trim(&mut self) {
        let most = room(self.by_name.len());
        for known in self.by_name.values_mut().filter(|known| known.len() > most) {
            known.truncate(most);
            known.shrink_to_fit();
        }
    }

    /// Those of a name.
    pub(super) fn of(&self, name: &[u8]) -> &[Text] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// Gives names other names.
    pub(super) fn rename(&mut self, renamed: impl Fn(Text) -> Text) {
        let old = std::mem::take(&mut self.by_name);
        self.by_name = old.into_iter().map(|(name, addresses)| (renamed(name), addresses)).collect();
    }

    /// Bytes on the heap, about.
    pub(super) fn weight(&self) -> usize {
        const NAME: usize = 128;
        const ADDRESS: usize = size_of::<Text>() + 32;
        self.by_name.iter().map(|(name, known)| NAME + name.len() + known.len() * ADDRESS).sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn noted(pairs: &[(u16, u16)]) -> Addresses {
        let mut all = Addresses::default();
        for (name, address) in pairs {
            all.note(name.to_string().as_bytes(), format!("{address:05}").as_bytes());
        }
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        #[test]
        fn cuts_change_nothing(
            pairs in prop::collection::vec((0_u16..3_000, any::<u16>()), 0..8_000),
            few in prop::collection::vec((0_u16..2, any::<u16>()), 0..800),
            cut in 0_usize..9_000,
        ) {
            let pairs = [few, pairs].concat();
            let (first, rest) = pairs.split_at(cut.min(pairs.len()));
            let mut merged = noted(first);
            merged.merge(noted(rest));
            prop_assert_eq!(merged, noted(&pairs));
        }
    }

    #[test]
    fn many_names_have_few_addresses_each() {
        assert_eq!((room(0), room(1), room(1_024), room(1_025), room(10_000)), (256, 256, 256, 128, 16));
        assert_eq!(room(NAMES), room(usize::MAX));
        let pairs: Vec<_> = (0..300).map(|n| (0, 1_000 - n)).collect();
        let all = noted(&pairs);
        assert_eq!(all.of(b"0").len(), MOST);
        assert_eq!(&*all.of(b"0")[0], b"00701");
    }
}
