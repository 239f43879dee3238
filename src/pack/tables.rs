//! Lists and tables. Tables keep their order; a key that comes twice is forged.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, Hash};

use indexmap::IndexMap;

use super::{Broken, Pack, Packer, Unpacker};

/// What an entry of a table costs in memory besides its own size.
const ENTRY: usize = 32;

impl<T: Pack> Pack for Vec<T> {
    fn put(&self, out: &mut Packer<'_>) {
        out.list(self.iter());
    }

    fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken> {
        let len = from.length(size_of::<T>())?;
        let mut list = Vec::with_capacity(len);
        for _ in 0..len {
            list.push(from.take()?);
        }
        Ok(list)
    }

    fn absent() -> Option<Self> {
        Some(Vec::new())
    }
}

impl<T: Pack> Pack for Box<[Option<T>]> {
    fn put(&self, out: &mut Packer<'_>) {
        out.list(self.iter());
    }

    fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken> {
        from.take::<Vec<Option<T>>>().map(Vec::into_boxed_slice)
    }
}

impl<T: Pack, const N: usize> Pack for [T; N] {
    fn put(&self, out: &mut Packer<'_>) {
        out.list(self.iter());
    }

    fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken> {
        let mut list: Vec<T> = from.take()?;
        // An older version may have known fewer.
        while list.len() < N
            && let Some(value) = T::absent()
        {
            list.push(value);
        }
        list.try_into().map_err(|_| from.broken("a list of another length"))
    }

    fn absent() -> Option<Self> {
        let list: Option<Vec<T>> = (0..N).map(|_| T::absent()).collect();
        list?.try_into().ok()
    }
}

impl<K: Pack + Hash + Eq, V: Pack, S: BuildHasher + Default> Pack for IndexMap<K, V, S> {
    fn put(&self, out: &mut Packer<'_>) {
        out.wide(self.len() as u64);
        for (key, value) in self {
            key.put(out);
            value.put(out);
        }
    }

    fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken> {
        let len = from.length(size_of::<(K, V)>() + ENTRY)?;
        let mut table = IndexMap::with_capacity_and_hasher(len, S::default());
        for _ in 0..len {
            let (key, value) = from.take()?;
            from.check(table.insert(key, value).is_none(), "a key comes twice")?;
        }
        Ok(table)
    }

    fn absent() -> Option<Self> {
        Some(IndexMap::default())
    }
}

impl<K: Pack + Ord, V: Pack> Pack for BTreeMap<K, V> {
    fn put(&self, out: &mut Packer<'_>) {
        out.wide(self.len() as u64);
        for (key, value) in self {
            key.put(out);
            value.put(out);
        }
    }

    fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken> {
        let len = from.length(size_of::<(K, V)>() + ENTRY)?;
        let mut table = BTreeMap::new();
        for _ in 0..len {
            let (key, value) = from.take()?;
            from.check(table.insert(key, value).is_none(), "a key comes twice")?;
        }
        Ok(table)
    }

    fn absent() -> Option<Self> {
        Some(BTreeMap::new())
    }
}

impl<K: Pack + Ord> Pack for BTreeSet<K> {
    fn put(&self, out: &mut Packer<'_>) {
        out.list(self.iter());
    }

    fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken> {
        let len = from.length(size_of::<K>() + ENTRY)?;
        (0..len).map(|_| from.take()).collect()
    }

    fn absent() -> Option<Self> {
        Some(BTreeSet::new())
    }
}
