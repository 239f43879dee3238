//! A snapshot that was found among the inputs, and waits for its turn.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use super::body::Piece;
use super::file::{Opened, Refused};
use super::merge::behind;
use super::{About, Snapshot};
use crate::aggregate::Moved;
use crate::error::{Error, ErrorKind};

/// A snapshot that is not opened yet.
#[derive(Debug)]
pub enum Held {
    /// A file: read when it is its turn.
    File {
        /// As the user named it.
        name: String,
        /// Where it is.
        path: PathBuf,
    },
    /// It came through a pipe, or lies in an archive.
    Bytes {
        /// As the user named it.
        name: String,
        /// All of it.
        bytes: Vec<u8>,
    },
}

impl Held {
    /// Name of the input.
    pub fn name(&self) -> &str {
        match self {
            Held::File { name, .. } | Held::Bytes { name, .. } => name,
        }
    }

    /// Bytes held in memory.
    pub fn bytes(&self) -> u64 {
        match self {
            Held::File { .. } => 0,
            Held::Bytes { bytes, .. } => bytes.len() as u64,
        }
    }

    /// What it was made of.
    ///
    /// # Errors
    /// When it cannot be read, or is none that this version reads.
    pub fn about(&self) -> Result<About, Error> {
        Ok(self.open()?.about)
    }

    /// All of it.
    ///
    /// # Errors
    /// When it cannot be read, is damaged, or none that this version reads.
    pub fn load(&self) -> Result<Snapshot, Error> {
        let mut all = Snapshot::default();
        let about = self.pieces(&mut |piece| match piece {
            Piece::Tracked(tracked) => all.tracked = tracked,
            piece => all.add_piece(piece, |source| Moved { source, ..Moved::default() }),
        })?;
        Ok(Snapshot { about, ..all })
    }

    /// Reads all of it, and keeps nothing.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn check(&self) -> Result<(), Error> {
        self.pieces(&mut |_| ()).map(drop)
    }

    /// Adds it to a whole, which is of no use any more if it cannot be read: so [check](Self::check) it before. What only a
    /// report asks for is left out where no report is asked for.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn add_to(&self, whole: &mut Snapshot, reports: bool) -> Result<(), Error> {
        let before = whole.about.sources.len();
        let about = self.pieces(&mut |piece| match piece {
            Piece::Detail(_) if !reports => {}
            piece => whole.add_piece(piece, behind(before)),
        })?;
        whole.know(about);
        Ok(())
    }

    fn pieces(&self, take: &mut dyn FnMut(Piece)) -> Result<About, Error> {
        self.open()?.pieces(take).map_err(|refused| self.refused(refused))
    }

    fn open(&self) -> Result<Opened<Box<dyn BufRead + '_>>, Error> {
        let reader: Box<dyn BufRead> = match self {
            Held::Bytes { bytes, .. } => Box::new(&bytes[..]),
            Held::File { name, path } => match File::open(path) {
                Ok(file) => Box::new(BufReader::new(file)),
                Err(cause) => return Err(ErrorKind::Read { source: name.clone(), offset: 0, cause }.into()),
            },
        };
        Opened::open(reader).map_err(|refused| self.refused(refused))
    }

    fn refused(&self, (offset, what): Refused) -> Error {
        ErrorKind::Snapshot { source: self.name().to_owned(), offset, what }.into()
    }
}
