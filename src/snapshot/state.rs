//! What `--state` keeps between two runs: a snapshot that also remembers how far each file was read.
//!
//! The file is replaced whole, by a rename, and only after all that was read is in it. So a run that is killed changed
//! nothing, and the next one reads the same lines again.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{Held, Snapshot, write};
use crate::error::{Error, ErrorKind, Result};
use crate::pack;
use crate::words::Said;

/// Bytes that tell a file from every other: its first ones, and the last that were read.
const PROBE_BYTES: u64 = 4096;

/// How far a file was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tracked {
    /// Number of the source in the snapshot.
    pub source: u32,
    /// Device and inode, where the system has them.
    pub device: u64,
    /// See above.
    pub inode: u64,
    /// Its size on disk when it was read, for files that are packed.
    pub packed_bytes: u64,
    /// Unpacked bytes that were read: whole lines.
    pub bytes: u64,
    /// Digest of its first bytes.
    pub head: pack::Wide,
    /// Digest of the last bytes that were read.
    pub tail: pack::Wide,
}

packed!(Tracked { source, device, inode, packed_bytes, bytes, head, tail });

impl Tracked {
    /// True when a stream with these first bytes may begin with what was read.
    pub fn may_begin(&self, head: &[u8]) -> bool {
        let some = self.bytes.min(PROBE_BYTES) as usize;
        head.get(..some).is_some_and(|head| digest(head) == self.head)
    }

    /// True when the stream begins with all that was read. Goes through it as far as that.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn begins(&self, reader: impl Read) -> io::Result<bool> {
        let mut probe = Probe::default();
        let mut reader = reader.take(self.bytes);
        let mut buffer = vec![0; 64 << 10];
        loop {
            match reader.read(&mut buffer)? {
                0 => break,
                got => probe.pass(&buffer[..got]),
            }
        }
        Ok(probe.bytes == self.bytes && probe.digests() == (self.head, self.tail))
    }

    /// The same for a file, of which only the last bytes are read: its first ones have been looked at.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn ends_in(&self, file: &File) -> io::Result<bool> {
        Ok(file.metadata()?.len() >= self.bytes && tail_of(file, self.bytes)? == self.tail)
    }

    /// Remembers so many bytes of a file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn reach(&mut self, file: &File, bytes: u64) -> io::Result<()> {
        let mut head = vec![0; bytes.min(PROBE_BYTES) as usize];
        read_at(file, 0, &mut head)?;
        (self.head, self.tail, self.bytes) = (digest(&head), tail_of(file, bytes)?, bytes);
        Ok(())
    }
}

fn tail_of(file: &File, bytes: u64) -> io::Result<pack::Wide> {
    let some = bytes.min(PROBE_BYTES);
    let mut tail = vec![0; some as usize];
    read_at(file, bytes - some, &mut tail)?;
    Ok(digest(&tail))
}

fn read_at(mut file: &File, at: u64, out: &mut [u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(out)
}

/// The first and the last bytes of a stream that passes by.
#[derive(Debug, Clone, Default)]
pub struct Probe {
    head: Vec<u8>,
    tail: Vec<u8>,
    /// Bytes that passed by.
    pub bytes: u64,
}

impl Probe {
    /// Takes the next bytes.
    pub fn pass(&mut self, bytes: &[u8]) {
        const SOME: usize = PROBE_BYTES as usize;
        self.bytes += bytes.len() as u64;
        self.head.extend_from_slice(&bytes[..bytes.len().min(SOME - self.head.len())]);
        self.tail.extend_from_slice(&bytes[bytes.len().saturating_sub(SOME)..]);
        self.tail.drain(..self.tail.len().saturating_sub(SOME));
    }

    /// Digests of both.
    pub fn digests(&self) -> (pack::Wide, pack::Wide) {
        (digest(&self.head), digest(&self.tail))
    }
}

fn digest(bytes: &[u8]) -> pack::Wide {
    pack::Wide(pack::hash(1, &[bytes]))
}

/// A state that nobody else works with.
#[derive(Debug)]
pub struct State {
    /// All that was counted so far, and how far each file was read.
    pub snapshot: Snapshot,
    path: PathBuf,
    /// Held until the end; the system lets go of it however the program ends.
    _lock: File,
}

impl State {
    /// True when nothing was read yet.
    pub fn is_new(&self) -> bool {
        self.snapshot.tracked.is_empty()
    }

    /// Opens the state, or begins one.
    ///
    /// # Errors
    /// When another run works with it, or it cannot be read.
    pub fn open(path: &Path) -> Result<State> {
        let lock_path = beside(path, ".lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.map_err(|cause| unreadable(&lock_path, cause))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(refused(
                    path,
                    both!(
                        "another run is working with this state; try again when it has ended",
                        "另一个进程正在使用该状态文件；请在其结束后重试"
                    ),
                ));
            }
            Err(TryLockError::Error(cause)) => return Err(unreadable(&lock_path, cause)),
        }
        let snapshot = match path.try_exists() {
            Ok(false) => Snapshot::default(),
            Ok(true) => Held::File { name: path.display().to_string(), path: path.to_owned() }.load()?,
            Err(cause) => return Err(unreadable(path, cause)),
        };
        let sources = snapshot.about.sources.len();
        if snapshot.tracked.iter().any(|tracked| tracked.source as usize >= sources) {
            return Err(refused(path, both!("it is damaged", "已损坏")));
        }
        Ok(State { snapshot, path: path.to_owned(), _lock: lock })
    }

    /// Writes the state. It is on disk, whole, when this returns; before, the old one is.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self) -> Result<()> {
        // One name is enough: nobody else works with it. What a killed run left there is overwritten.
        let new = beside(&self.path, ".new");
        let mut file = File::create(&new).map_err(ErrorKind::Write)?;
        let mut out = io::BufWriter::new(&mut file);
        write(&self.snapshot, &mut out)?;
        out.flush().map_err(ErrorKind::Write)?;
        drop(out);
        file.sync_all().map_err(ErrorKind::Write)?;
        std::fs::rename(&new, &self.path).map_err(ErrorKind::Write)?;
        // The name, too, must survive a power cut.
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Ok(folder) = File::open(folder.unwrap_or(Path::new("."))) {
            // Some systems cannot do that with folders; then there is nothing to be done.
            drop(folder.sync_all());
        }
        Ok(())
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn unreadable(path: &Path, cause: io::Error) -> Error {
    ErrorKind::Read { source: path.display().to_string(), offset: 0, cause }.into()
}

fn refused(path: &Path, what: Said) -> Error {
    ErrorKind::Snapshot { source: path.display().to_string(), offset: None, what }.into()
}
