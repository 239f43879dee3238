//! How deep and how far an input is opened. The only place where decoders are built, so that none is unbounded.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;

/// No limit on total output: memory is bounded by the blocks, so an honest 500 GB log must pass.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Containers inside containers.
    pub depth: u8,
    /// Entries of one input.
    pub entries: u32,
    /// Bytes of a zip that cannot be read in place (it comes through a pipe, or sits inside another container): its
    /// table of contents is at the end, so it has to be held in memory.
    pub zip_in_memory: u64,
}

impl Default for Limits {
    fn default() -> Self {
        // Four: a zip of tar.gz of CRI files is three. A support bundle of a large mesh has some ten thousand files.
        Limits { depth: 4, entries: 100_000, zip_in_memory: 256 << 20 }
    }
}

/// Compressed bytes read at a time.
const INPUT_BYTES: usize = 128 << 10;

/// A decoder of all gzip members of a stream.
pub(super) fn gzip<R: Read>(reader: R) -> Members<BufReader<R>> {
    Members::Between(Some(BufReader::with_capacity(INPUT_BYTES, reader)))
}

/// A decoder of all zstd frames of a stream. libzstd refuses windows above 128 MiB by itself.
pub(super) fn zstd<R: Read>(reader: R) -> io::Result<::zstd::Decoder<'static, BufReader<R>>> {
    ::zstd::Decoder::with_buffer(BufReader::with_capacity(INPUT_BYTES, reader))
}

/// What is in a compressed stream, which begins with these bytes; a plain one is itself.
///
/// # Errors
/// When no decoder can be made.
pub fn unpacked(reader: impl Read + Send + 'static, head: &[u8]) -> io::Result<Box<dyn Read + Send>> {
    Ok(match super::recognise(head).map(super::Container::name) {
        Some("gzip") => Box::new(gzip(reader)),
        Some("zstd") => Box::new(zstd(reader)?),
        _ => Box::new(reader),
    })
}

/// A reader of tar entries.
pub(super) fn tar<R: Read>(reader: R) -> ::tar::Archive<R> {
    ::tar::Archive::new(reader)
}

/// A reader of zip entries.
pub(super) fn zip<R: Read + io::Seek>(reader: R) -> ::zip::result::ZipResult<::zip::ZipArchive<R>> {
    ::zip::ZipArchive::new(reader)
}

/// gzip members, one after the other. Unlike flate2's own reader of several members it takes zeros behind the last
/// one for padding (tape blocks, preallocated files), and calls anything else by its name.
pub(super) enum Members<R> {
    Between(Option<R>),
    Inside(Box<GzDecoder<R>>),
}

impl<R: BufRead> Members<R> {
    /// True when the stream is at its end, zeros passed over.
    fn at_end(reader: &mut R) -> io::Result<bool> {
        loop {
            let bytes = reader.fill_buf()?;
            let Some(first) = bytes.first() else { return Ok(true) };
            if *first != 0 {
                return if *first == 0x1f {
                    Ok(false)
                } else {
                    Err(io::Error::new(io::ErrorKind::InvalidData, "garbage after the gzip data"))
                };
            }
            let zeros = bytes.iter().take_while(|b| **b == 0).count();
            reader.consume(zeros);
        }
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            match self {
                Members::Between(None) => return Ok(0),
                Members::Between(slot) => {
                    let Some(mut reader) = slot.take() else { return Ok(0) };
                    if Self::at_end(&mut reader)? {
                        return Ok(0);
                    }
                    *self = Members::Inside(Box::new(GzDecoder::new(reader)));
                }
                Members::Inside(decoder) => {
                    let got = decoder.read(out)?;
                    if got > 0 {
                        return Ok(got);
                    }
                    let Members::Inside(decoder) = std::mem::replace(self, Members::Between(None)) else {
                        return Ok(0);
                    };
                    *self = Members::Between(Some(decoder.into_inner()));
                }
            }
        }
    }
}
