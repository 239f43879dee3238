//! Bytes come in: standard input, files, directories, compressed or packed.
//!
//! [`find()`] turns what the user named into a list of things to read; [`walk()`] opens one of them, container by
//! container, until plain bytes are left, and shows each stream it finds to a visitor (push, because an entry of an
//! archive borrows the archive). Nothing is ever written to disk. A part that cannot be read is shown as an error, and
//! the walk goes on with the next one.

mod csv;
mod document;
mod find;
mod gzip;
mod limit;
mod pipe;
mod snapshot;
mod source;
mod tail;
mod tar;
mod utf16;
mod walk;
mod zip;
mod zstd;

pub use find::{Found, Input, Stream, find};
pub use limit::{Limits, unpacked};
pub use pipe::Pipe;
pub use snapshot::{MAGIC, SNAPSHOT, is_snapshot};
pub use source::{Head, Source};
pub use tail::Tail;
pub use walk::{Bytes, Container, Entry, Still, Visit, Walk, is_text, one_stream, recognise, walk};

/// Every container, in the order in which they are tried: surest signature first.
pub static CONTAINERS: &[&dyn Container] = &[
    &gzip::Gzip,
    &zstd::Zstd,
    &zip::Zip,
    &snapshot::Snapshot,
    &tar::Tar,
    &utf16::Utf16,
    &document::Documents,
    &csv::Csv,
];
