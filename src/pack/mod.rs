//! How counts are written down as bytes, and read back: what a snapshot is made of.
//!
//! Numbers take seven bits a byte; texts and tables say how long they are. A struct says how many fields follow, so that
//! what an older version wrote still reads: **new fields go to the end of a `packed!` list, and none is ever moved or
//! taken out**. What is read may be forged: no length is believed before the bytes for it are there, and what is built
//! from them is charged to a budget.

#[macro_use]
mod macros;
mod plain;
mod tables;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::Read;
use std::sync::{Mutex, PoisonError};

pub use plain::Wide;

/// Memory that the contents of one snapshot may take, about. A mesh at every cap of every table stays below.
const BUDGET: usize = 512 << 20;
/// Counts and places above this are forged: sums of many of them must not overflow.
const MOST: u64 = 1 << 56;

/// A value that can be written down.
pub trait Pack: Sized {
    /// Appends it.
    fn put(&self, out: &mut Packer<'_>);

    /// Reads it back.
    ///
    /// # Errors
    /// When the bytes are none that `pack` writes.
    fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken>;

    /// The value where an older version wrote none; `None`: every version did.
    fn absent() -> Option<Self> {
        None
    }
}

/// Bytes that are not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken {
    /// Where, from 0.
    pub offset: usize,
    /// What is wrong.
    pub what: &'static str,
}

/// Takes bytes that have come together.
pub type Write<'w> = dyn FnMut(&[u8]) + 'w;

/// Takes what is written down.
#[derive(Default)]
pub struct Packer<'w> {
    bytes: Vec<u8>,
    /// Takes the bytes when many have come together: then only so many are held.
    write: Option<&'w mut Write<'w>>,
}

/// So many bytes come together.
const GATHERED: usize = 64 << 10;

impl<'w> Packer<'w> {
    /// Hands the bytes on. What is left at the end is to be [fetched](Self::into_bytes).
    pub fn writing(write: &'w mut Write<'w>) -> Packer<'w> {
        Packer { bytes: Vec::new(), write: Some(write) }
    }

    /// What was written down and not handed on.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Appends a byte.
    pub fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    /// Appends a number of any size. Called from everywhere: once in the program is enough.
    #[inline(never)]
    pub fn wide(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
        if let Some(write) = self.write.as_mut().filter(|_| self.bytes.len() >= GATHERED) {
            write(&self.bytes);
            self.bytes.clear();
        }
    }

    /// Appends a list.
    pub fn list<'t, T: Pack + 't>(&mut self, list: impl ExactSizeIterator<Item = &'t T>) {
        self.wide(list.len() as u64);
        list.for_each(|value| value.put(self));
    }

    /// Appends a text.
    pub fn text(&mut self, text: &[u8]) {
        self.wide(text.len() as u64);
        self.bytes.extend_from_slice(text);
    }
}

/// Reads values one after the other.
pub struct Unpacker<'a> {
    /// What is at hand.
    held: Cow<'a, [u8]>,
    /// Bytes of it that have been read.
    at: usize,
    /// Bytes before it, which are gone.
    before: usize,
    /// Bytes behind it, which are still to come.
    behind: usize,
    more: Option<&'a mut dyn Read>,
    budget: usize,
}

impl<'a> Unpacker<'a> {
    /// A reader of these bytes.
    pub fn new(all: &'a [u8]) -> Unpacker<'a> {
        Unpacker { held: Cow::Borrowed(all), at: 0, before: 0, behind: 0, more: None, budget: BUDGET }
    }

    /// A reader of so many bytes that come one after the other: few of them are held at a time.
    pub fn reading(more: &'a mut dyn Read, bytes: usize) -> Unpacker<'a> {
        let held = Cow::Owned(Vec::new());
        Unpacker { held, at: 0, before: 0, behind: bytes, more: Some(more), budget: BUDGET }
    }

    /// The next value.
    ///
    /// # Errors
    /// When the bytes are none that [`Pack::put`] writes.
    pub fn take<T: Pack>(&mut self) -> Result<T, Broken> {
        T::read(self)
    }

    /// An error at this place.
    pub fn broken(&self, what: &'static str) -> Broken {
        Broken { offset: self.before + self.at, what }
    }

    /// An error unless this holds.
    ///
    /// # Errors
    /// Unless it does.
    pub fn check(&self, holds: bool, what: &'static str) -> Result<(), Broken> {
        if holds { Ok(()) } else { Err(self.broken(what)) }
    }

    /// The next bytes.
    ///
    /// # Errors
    /// When there are fewer.
    #[inline]
    pub fn bytes(&mut self, len: usize) -> Result<&[u8], Broken> {
        if len > self.held.len() - self.at {
            self.fetch(len)?;
        }
        let start = self.at;
        self.at += len;
        Ok(&self.held[start..self.at])
    }

    /// Gets so many bytes at hand, and lets go of those that have been read.
    #[cold]
    fn fetch(&mut self, len: usize) -> Result<(), Broken> {
        let missing = len - (self.held.len() - self.at);
        if missing <= self.behind
            && let Some(more) = &mut self.more
        {
            let held = self.held.to_mut();
            held.drain(..self.at);
            self.before += std::mem::take(&mut self.at);
            let some = missing.max(GATHERED).min(self.behind);
            // What cannot be read is known to those who made the reader.
            let got = more.take(some as u64).read_to_end(held).unwrap_or(0);
            self.behind -= got;
            if got >= missing {
                return Ok(());
            }
        }
        Err(self.broken("it ends too early"))
    }

    /// Bytes to come.
    fn left(&self) -> usize {
        self.held.len() - self.at + self.behind
    }

    /// The next number, of any size.
    ///
    /// # Errors
    /// When there is none.
    pub fn wide(&mut self) -> Result<u64, Broken> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.bytes(1)?[0];
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(self.broken("a number does not end"))
    }

    /// A number of elements that take so many bytes each in memory, for which there is room.
    ///
    /// # Errors
    /// When the bytes cannot hold as many, or memory should not.
    pub fn length(&mut self, each: usize) -> Result<usize, Broken> {
        let len = self.wide()?;
        // Each element takes a byte at least.
        let len = usize::try_from(len).ok().filter(|len| *len <= self.left());
        let Some(len) = len else { return Err(self.broken("a table is longer than the bytes it is in")) };
        self.charge(len.saturating_mul(each))?;
        Ok(len)
    }

    /// Takes memory from the budget.
    ///
    /// # Errors
    /// When there is not as much left.
    pub fn charge(&mut self, bytes: usize) -> Result<(), Broken> {
        match self.budget.checked_sub(bytes) {
            Some(left) => self.budget = left,
            None => return Err(self.broken("it takes more memory than any snapshot does")),
        }
        Ok(())
    }

    /// How many fields of a struct that knows so many are there.
    ///
    /// # Errors
    /// When there are more: a later version wrote them.
    pub fn fields(&mut self, known: usize) -> Result<usize, Broken> {
        let left = self.length(0)?;
        self.check(left <= known, "a field of a later version")?;
        Ok(left)
    }

    /// Takes the values of a list, one after the other.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn each<T: Pack>(&mut self, mut take: impl FnMut(T)) -> Result<(), Broken> {
        for _ in 0..self.length(size_of::<T>())? {
            take(T::read(self)?);
        }
        Ok(())
    }

    /// A field of a struct of which `left` fields are still to come; the value it has by default where an older version
    /// wrote none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn field<T: Pack>(&mut self, left: &mut usize) -> Result<T, Broken> {
        match has_field(left) {
            true => self.take(),
            false => T::absent().ok_or_else(|| self.broken("a field is missing")),
        }
    }

    /// True when everything has been read.
    pub fn is_done(&self) -> bool {
        self.left() == 0
    }
}

/// True when a field of a struct of which `left` fields are to come is there; it counts as read.
pub fn has_field(left: &mut usize) -> bool {
    let there = *left > 0;
    *left -= usize::from(there);
    there
}

/// Names of formats and containers live as long as the program; so many different ones are believed.
const NAMES: usize = 1_000;
const NAME_BYTES: usize = 200;

/// A name that lives as long as the program; `None` when there are too many, and when it is no plain word. Outputs take such
/// names for the program's own, and escape nothing in them.
pub fn name(text: &str) -> Option<&'static str> {
    static KNOWN: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(name) = known.get(text) {
        return Some(name);
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._+ ".contains(&b);
    let sound = known.len() < NAMES && text.len() <= NAME_BYTES && text.bytes().all(plain);
    sound.then(|| {
        let name: &'static str = text.to_owned().leak();
        known.insert(name);
        name
    })
}

/// A hash that is the same in every version and on every machine.
pub fn hash(seed: u64, parts: &[&[u8]]) -> u64 {
    parts.iter().fold(seed, |hash, part| xxhash_rust::xxh3::xxh3_64_with_seed(part, hash))
}
