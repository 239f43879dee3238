//! Containers are opened one inside the other, until plain bytes are left.

use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;

use super::{CONTAINERS, Limits, document};
use crate::error::{Error, ErrorKind};

/// A stream of bytes that may tell that it has to be waited for. Every stream of the walk is passed on as one of these.
///
/// It is no [`Read`] by itself: that has ten functions, and each kind of stream would bring along all of them.
pub trait Bytes {
    /// [`Read::read`].
    ///
    /// # Errors
    /// What cannot be read.
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize>;

    /// True when the next read would wait, and has been waited for a little already.
    fn waits(&mut self) -> bool {
        false
    }
}

impl Read for dyn Bytes + '_ {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        Bytes::read(self, out)
    }
}

/// A reader that is never waited for: a file, a decoder, memory.
#[derive(Debug)]
pub struct Still<R>(pub R);

impl<R: Read> Bytes for Still<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.read(out)
    }
}

/// One stream on its way through the containers.
pub struct Entry<'r> {
    /// Name as the user sees it: `bundle.tar.gz!dir/x.log`.
    pub name: String,
    /// The bytes.
    pub reader: &'r mut dyn Bytes,
    /// The file itself, where `reader` reads a whole regular file: zip wants to jump about in it.
    pub file: Option<&'r File>,
    /// Named by the user, and not found in a directory or an archive. Then it is read whatever it holds.
    pub named: bool,
    /// The containers around it: `plain`, `gzip`, `tar.gz`, …
    pub container: &'static str,
}

/// Shown each stream, and each part that cannot be read; `Break` ends the walk.
pub type Visit<'v> = dyn FnMut(Result<Entry<'_>, Error>) -> ControlFlow<()> + 'v;

/// A kind of container.
pub trait Container: Sync {
    /// Its name in the output.
    fn name(&self) -> &'static str;
    /// Whether a stream with these first bytes is one.
    fn recognises(&self, head: &[u8]) -> bool;
    /// Opens it and passes what is inside to [`Walk::enter`], what cannot be read to [`Walk::fail`].
    fn open(&self, entry: Entry<'_>, walk: &mut Walk<'_>) -> ControlFlow<()>;
}

/// The walk through one input: what all its containers share.
pub struct Walk<'v> {
    /// How deep and how far.
    pub limits: Limits,
    depth: u8,
    entries: u32,
    skipped: u64,
    visit: &'v mut Visit<'v>,
}

/// Opens one input, shows every plain stream in it to `visit`, and returns how many were passed over because they hold
/// no text.
pub fn walk<'v>(entry: Entry<'_>, limits: &Limits, visit: &'v mut Visit<'v>) -> (ControlFlow<()>, u64) {
    let mut walk = Walk { limits: *limits, depth: 0, entries: 0, skipped: 0, visit };
    let flow = walk.enter(entry);
    (flow, walk.skipped)
}

impl Walk<'_> {
    /// Goes on with a stream: into the container it is, or to the visitor.
    pub fn enter(&mut self, entry: Entry<'_>) -> ControlFlow<()> {
        let Entry { name, reader, file, named, container } = entry;
        let mut peeked = Peeked::new(reader, named);
        let Some(found) = recognise(peeked.head()) else {
            if !named && !is_text(peeked.head()) {
                self.skipped += 1;
                let offset = peeked.head().len() as u64;
                // What is no text is not missed. A break is told: nobody knows what would have followed.
                return match peeked.error.take() {
                    Some(cause) => self.fail(ErrorKind::Read { source: name, offset, cause }.into()),
                    None => ControlFlow::Continue(()),
                };
            }
            return (self.visit)(Ok(Entry { name, reader: &mut peeked, file, named, container }));
        };
        if self.depth >= self.limits.depth {
            let limit = u64::from(self.limits.depth);
            return self.fail(
                ErrorKind::Limit {
                    source: name,
                    // What is too deep begins here.
                    offset: 0,
                    what: both!("containers inside each other", "层嵌套的容器"),
                    limit,
                }
                .into(),
            );
        }
        self.depth += 1;
        let container = chained(container, found.name());
        let flow = found.open(Entry { name, reader: &mut peeked, file, named, container }, self);
        self.depth -= 1;
        flow
    }

    /// Shows a stream as it is.
    pub fn show(&mut self, entry: Entry<'_>) -> ControlFlow<()> {
        (self.visit)(Ok(entry))
    }

    /// Tells that a part cannot be read.
    pub fn fail(&mut self, error: Error) -> ControlFlow<()> {
        (self.visit)(Err(error))
    }

    /// Counts one more entry of an archive, which begins at this byte of it; false, and told, when there are too many.
    pub fn admit(&mut self, archive: &str, offset: u64) -> ControlFlow<(), bool> {
        self.entries += 1;
        if self.entries <= self.limits.entries {
            return ControlFlow::Continue(true);
        }
        // Told once: the entries after this one are not even looked at.
        let limit = u64::from(self.limits.entries);
        let (source, what) = (archive.to_owned(), both!("entries", "个条目"));
        self.fail(ErrorKind::Limit { source, offset, what, limit }.into())?;
        ControlFlow::Continue(false)
    }
}

/// The container that a stream with this head is.
pub fn recognise(head: &[u8]) -> Option<&'static dyn Container> {
    CONTAINERS.iter().copied().find(|container| container.recognises(head))
}

/// True when the head is that of a compressed stream (and not an archive) that holds plain text: one file, one source.
pub fn one_stream(head: &[u8]) -> bool {
    let mut inside = Vec::new();
    let reader: &mut dyn Bytes = &mut Still(head);
    match recognise(head).map(Container::name) {
        // An error is no news here: the head ends in the middle of the stream.
        Some("gzip") => drop(super::limit::gzip(reader).take(1024).read_to_end(&mut inside)),
        Some("zstd") => {
            if let Ok(decoder) = super::limit::zstd(reader) {
                drop(decoder.take(1024).read_to_end(&mut inside));
            }
        }
        _ => return false,
    }
    !inside.is_empty() && recognise(&inside).is_none() && is_text(&inside)
}

/// Text has no NUL bytes.
pub fn is_text(head: &[u8]) -> bool {
    memchr::memchr(0, head).is_none()
}

/// Name of a container inside another.
fn chained(outer: &'static str, inner: &'static str) -> &'static str {
    match (outer, inner) {
        ("plain", name) => name,
        ("gzip", "tar") => "tar.gz",
        ("zstd", "tar") => "tar.zst",
        (outer, _) => outer,
    }
}

/// First bytes of a stream that are looked at.
pub(super) const HEAD_BYTES: usize = 4096;

/// A stream whose first bytes have been read already.
struct Peeked<'r> {
    head: Vec<u8>,
    at: usize,
    error: Option<io::Error>,
    reader: &'r mut dyn Bytes,
}

impl<'r> Peeked<'r> {
    /// What nobody named is looked at more closely: it may hold no text at all.
    fn new(reader: &'r mut dyn Bytes, named: bool) -> Peeked<'r> {
        let mut peeked = Peeked { head: vec![0; HEAD_BYTES], at: 0, error: None, reader };
        let mut filled = 0;
        while filled < HEAD_BYTES && !(named && settled(&peeked.head[..filled])) {
            match peeked.reader.read(&mut peeked.head[filled..]) {
                Ok(0) => break,
                Ok(got) => filled += got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    peeked.error = Some(error);
                    break;
                }
            }
        }
        peeked.head.truncate(filled);
        peeked
    }

    fn head(&self) -> &[u8] {
        &self.head[self.at..]
    }
}

/// True when more bytes cannot change what the stream is: a line of text has begun and ended. A pipe that has sent
/// one line must not be waited on for more. Depends on the bytes alone, not on how they arrived, as far as it can:
/// a longer head is judged like its first settled prefix.
fn settled(head: &[u8]) -> bool {
    match memchr::memchr(b'\n', head) {
        Some(end) => !document::may_be_one(&head[..end]),
        None => false,
    }
}

impl Bytes for Peeked<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at < self.head.len() {
            let got = self.head().read(out)?;
            self.at += got;
            return Ok(got);
        }
        match self.error.take() {
            Some(error) => Err(error),
            None => self.reader.read(out),
        }
    }

    fn waits(&mut self) -> bool {
        self.at >= self.head.len() && self.error.is_none() && self.reader.waits()
    }
}
