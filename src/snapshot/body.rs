//! The counts behind the header, read piece by piece: what is put together with others never stands whole beside them.

use std::collections::HashMap;
use std::io::{self, BufRead, Read};

use super::Tracked;
use super::file::{BLOCK, Refused, checksum, damaged, exactly};
use crate::aggregate::{Detail, Moved, Summary};
use crate::join::{Join, Second};
use crate::pack::{Broken, Unpacker, Wide, has_field};
use crate::query::Passed;
use crate::words::Said;

/// Fields of the body.
pub(super) const FIELDS: usize = 10;

/// Some of the counts. Added to others one after the other, the pieces are what was written.
pub(super) enum Piece {
    Summary(Box<Summary>),
    Detail(Box<Detail>),
    Join(Box<Join>),
    /// `None`: not all was gathered that a second reading would find.
    Second(Option<Box<Second>>),
    Rest(Rest),
    Tracked(Vec<Tracked>),
}

/// What takes next to no memory.
pub(super) struct Rest {
    pub(super) passed: Passed,
    pub(super) failures: Vec<Said>,
    pub(super) skipped: u64,
    pub(super) interrupted: bool,
}

/// Reads the counts of so many sources.
pub(super) fn pieces(
    from: &mut Unpacker<'_>,
    sources: usize,
    take: &mut dyn FnMut(Piece),
) -> Result<(), Broken> {
    const MISSING: &str = "a field is missing";
    let left = &mut from.fields(FIELDS)?;
    let (mut most_source, mut now) = (None, Vec::new());
    from.check(has_field(left), MISSING)?;
    Summary::pieces(from, |piece| {
        most_source = most_source.max(piece.most_source());
        // Those that only stand there for their values have been named before.
        let counted = piece.symptoms.iter().filter(|(_, symptom)| symptom.count > 0);
        now.extend(counted.map(|(key, _)| key.digest()));
        take(Piece::Summary(Box::new(piece)));
    })?;
    // What the join calls the symptoms may have been made otherwise by the version that wrote it.
    let digests: Vec<Wide> = from.field(left)?;
    let digests: HashMap<u64, u64> = digests.iter().map(|digest| digest.0).zip(now).collect();
    from.check(has_field(left), MISSING)?;
    Detail::pieces(from, |piece| take(Piece::Detail(Box::new(piece))))?;
    from.check(has_field(left), MISSING)?;
    Join::pieces(from, |mut piece| {
        most_source = most_source.max(piece.most_source());
        piece.relocate(|source| Moved { source, ..Moved::default() }, &digests);
        take(Piece::Join(Box::new(piece)));
    })?;
    if has_field(left) && from.take()? {
        Second::pieces(from, |piece| {
            most_source = most_source.max(piece.most_source());
            take(Piece::Second(Some(Box::new(piece))));
        })?;
    } else {
        take(Piece::Second(None));
    }
    take(Piece::Rest(Rest {
        passed: from.field(left)?,
        failures: from.field(left)?,
        skipped: from.field(left)?,
        interrupted: from.field(left)?,
    }));
    take(Piece::Tracked(from.field(left)?));
    let there = most_source.is_none_or(|most| (most as usize) < sources);
    from.check(there, "a source is named that is not there")
}

/// The compressed bytes, whose checksums are compared as they pass.
pub(super) struct Blocks<R> {
    reader: R,
    /// Where the next block begins in the file.
    at: u64,
    number: u64,
    /// Bytes of the blocks to come.
    left: u64,
    block: Vec<u8>,
    /// Bytes of the block that have been read.
    passed: usize,
    refused: Option<Refused>,
}

impl<R: BufRead> Blocks<R> {
    pub(super) fn new(reader: R, at: u64, bytes: u64) -> Blocks<R> {
        Blocks { reader, at, number: 0, left: bytes, block: Vec::new(), passed: 0, refused: None }
    }

    fn next(&mut self) -> Result<(), Refused> {
        self.number += 1;
        self.passed = 0;
        let mut sum = [0; 8];
        exactly(&mut self.reader, &mut sum, self.at)?;
        self.block.resize(self.left.min(BLOCK as u64) as usize, 0);
        exactly(&mut self.reader, &mut self.block, self.at + 8)?;
        if sum != checksum(self.number, &self.block) {
            return Err(damaged(self.at));
        }
        self.at += 8 + self.block.len() as u64;
        self.left -= self.block.len() as u64;
        Ok(())
    }

    /// Looks at the blocks that nobody asked for, too.
    pub(super) fn end(mut self) -> Result<(), Refused> {
        while self.refused.is_none() && self.left > 0 {
            self.next()?;
        }
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        match self.reader.fill_buf() {
            Ok([]) => Ok(()),
            Ok(_) => Err((Some(self.at), both!("there is more behind its end", "结尾之后还有内容"))),
            Err(cause) => Err((Some(self.at), both!("{cause}", "{cause}"))),
        }
    }
}

impl<R: BufRead> BufRead for Blocks<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.passed == self.block.len() && self.left > 0 && self.refused.is_none() {
            self.refused = self.next().err();
        }
        match self.refused {
            Some(_) => Err(io::ErrorKind::InvalidData.into()),
            None => Ok(&self.block[self.passed..]),
        }
    }

    fn consume(&mut self, bytes: usize) {
        self.passed += bytes;
    }
}

impl<R: BufRead> Read for Blocks<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let got = self.fill_buf()?.read(out)?;
        self.consume(got);
        Ok(got)
    }
}
