//! What the user named becomes a list of files: directories are walked, links followed once, no file read twice.

use std::collections::HashSet;
use std::fmt;
use std::fs::Metadata;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::arrange::Arrange;
use crate::error::{Error, ErrorKind};

/// What the user named.
#[derive(Debug, Clone)]
pub enum Input {
    /// Standard input.
    Stdin,
    /// A file, a directory, a named pipe.
    Path(PathBuf),
    /// Bytes in memory, for library users and tests.
    Bytes {
        /// Name in the output.
        name: String,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Something that is opened when its turn comes, such as the output of another program.
    Stream(Stream),
}

/// A named stream of bytes that somebody else opens.
#[derive(Clone)]
pub struct Stream {
    /// Name in the output. `NAMESPACE/pod/POD/CONTAINER` tells who wrote the lines.
    pub name: String,
    open: Arc<Open>,
}

type Open = dyn Fn() -> io::Result<Box<dyn Read + Send>> + Send + Sync;

impl Stream {
    /// A stream that `open` opens, once for each reading.
    pub fn new(
        name: String,
        open: impl Fn() -> io::Result<Box<dyn Read + Send>> + Send + Sync + 'static,
    ) -> Stream {
        Stream { name, open: Arc::new(open) }
    }

    pub(crate) fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        (self.open)()
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Input {
    /// What a path on the command line means: `-` is standard input.
    pub fn from_arg(path: PathBuf) -> Input {
        if path.as_os_str() == "-" { Input::Stdin } else { Input::Path(path) }
    }
}

/// One thing to read.
#[derive(Debug)]
pub enum Found<'i> {
    /// Standard input.
    Stdin,
    /// A file, or something like it.
    Path {
        /// Where it is.
        path: PathBuf,
        /// Named by the user, and not found in a directory.
        named: bool,
        /// Its length, where it has one.
        bytes: u64,
    },
    /// Bytes in memory.
    Bytes {
        /// Name in the output.
        name: &'i str,
        /// The bytes.
        bytes: &'i [u8],
    },
    /// Something that has to be waited for.
    Stream(&'i Stream),
    /// Something that could not even be looked at; told in its place, so that the order of messages is that of the
    /// inputs.
    Failed(Error),
}

/// Lists what there is to read, in the order named; within a directory by name.
pub fn find(inputs: &[Input]) -> Vec<Found<'_>> {
    let mut finder = Finder { seen: HashSet::new(), found: Vec::new() };
    for input in inputs {
        match input {
            Input::Stdin => finder.found.push(Found::Stdin),
            Input::Bytes { name, bytes } => finder.found.push(Found::Bytes { name, bytes }),
            Input::Path(path) => finder.path(path, true),
            Input::Stream(stream) => finder.found.push(Found::Stream(stream)),
        }
    }
    finder.found
}

/// What tells a file from every other: device and inode.
#[cfg(unix)]
pub(super) type Identity = (u64, u64);
#[cfg(not(unix))]
pub(super) type Identity = PathBuf;

#[cfg(unix)]
pub(super) fn identity(_path: &Path, metadata: &Metadata) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
pub(super) fn identity(path: &Path, _metadata: &Metadata) -> Option<Identity> {
    path.canonicalize().ok()
}

struct Finder<'i> {
    seen: HashSet<Identity>,
    found: Vec<Found<'i>>,
}

impl Finder<'_> {
    fn path(&mut self, start: &Path, named: bool) {
        // A stack and not recursion: a hostile tree may be deep. Children are pushed in reverse, to come out by name.
        let mut stack = vec![(start.to_owned(), named)];
        while let Some((path, named)) = stack.pop() {
            let metadata = match std::fs::metadata(&path) {
                Ok(metadata) => metadata,
                // A link that leads nowhere (or in circles) inside a directory has no content to miss.
                Err(_) if !named && path.is_symlink() => continue,
                Err(error) => {
                    self.failed(&path, error);
                    continue;
                }
            };
            let kind = metadata.file_type();
            if !kind.is_dir() && !kind.is_file() {
                // Pipes and devices only when asked for: to open one may wait for ever.
                if named {
                    self.found.push(Found::Path { path, named, bytes: 0 });
                }
                continue;
            }
            if identity(&path, &metadata).is_some_and(|identity| !self.seen.insert(identity)) {
                continue;
            }
            if kind.is_file() {
                self.found.push(Found::Path { path, named, bytes: metadata.len() });
                continue;
            }
            match children(&path) {
                Ok(children) => stack.extend(children.into_iter().rev().map(|child| (child, false))),
                Err(error) => self.failed(&path, error),
            }
        }
    }

    fn failed(&mut self, path: &Path, cause: std::io::Error) {
        let source = path.display().to_string();
        self.found.push(Found::Failed(ErrorKind::Read { source, offset: 0, cause }.into()));
    }
}

fn children(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut children = std::fs::read_dir(path)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<_>>>()?;
    children.arrange();
    Ok(children)
}
