//! The file: two lines of text that say what it is, and the counts, compressed, in blocks with a checksum each.

use std::io::{self, BufRead, Read, Write};

use serde::{Deserialize, Serialize};
use zstd::zstd_safe::{CParameter, Strategy};

use super::body::{Blocks, FIELDS, Piece, pieces};
use super::{About, Snapshot};
use crate::error::{ErrorKind, Result};
use crate::input::{Head, MAGIC, Source};
use crate::pack::{self, Broken, Pack, Packer, Unpacker, Wide};
use crate::record::time::rfc3339_ms;
use crate::words::Said;

/// The version of the format that is written; all up to this one are read.
pub const VERSION: u32 = 1;

/// Longest header: a hundred thousand sources with long names.
const HEADER_BYTES: u64 = 64 << 20;
/// Most bytes of the counts, compressed and not. A mesh at every cap of every table stays below.
const BODY_BYTES: u64 = 160 << 20;
/// Bytes that share a checksum.
pub(super) const BLOCK: usize = 64 << 10;
/// Smaller files take longer to write.
const LEVEL: i32 = 9;
/// How the compressor looks, and how far back: the files are as large as they would be by its own choice, give or take a
/// fifteenth, for a quarter of the memory.
const SEARCH: [CParameter; 4] = [
    CParameter::WindowLog(19),
    CParameter::HashLog(17),
    CParameter::ChainLog(18),
    CParameter::Strategy(Strategy::ZSTD_btlazy2),
];

/// The second line.
#[derive(Serialize, Deserialize)]
struct Header {
    schema: String,
    program: String,
    sources: Vec<Row>,
    first_time: Option<String>,
    last_time: Option<String>,
    times_us: Option<(i64, i64)>,
    lines: u64,
    access_lines: u64,
    filters: Vec<String>,
    by: Vec<String>,
    body_bytes: u64,
    unpacked_bytes: u64,
}

/// A source in the header.
#[derive(Serialize, Deserialize)]
struct Row {
    name: String,
    container: String,
    bytes: u64,
    lines: u64,
    #[serde(default)]
    head: Vec<String>,
}

/// Writes a snapshot.
///
/// # Errors
/// When the writer fails.
pub fn write(snapshot: &Snapshot, out: &mut dyn Write) -> Result<()> {
    put(snapshot, out).map_err(|cause| ErrorKind::Write(cause).into())
}

fn put(snapshot: &Snapshot, out: &mut dyn Write) -> io::Result<()> {
    let mut packing = zstd::Encoder::new(Body::default(), LEVEL)?;
    SEARCH.into_iter().try_for_each(|parameter| packing.set_parameter(parameter))?;
    let mut unpacked_bytes = 0;
    let mut written = Ok(());
    fields(snapshot, &mut |bytes| {
        unpacked_bytes += bytes.len() as u64;
        if written.is_ok() {
            written = packing.write_all(bytes);
        }
    });
    written?;
    sealed(snapshot, &packing.finish()?, unpacked_bytes, out)
}

/// The compressed counts, in blocks: a buffer that doubles would hold half of them a third time.
#[derive(Default)]
pub(super) struct Body(Vec<Vec<u8>>);

impl Body {
    fn bytes(&self) -> u64 {
        self.0.iter().map(|block| block.len() as u64).sum()
    }
}

impl Write for Body {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.last().is_none_or(|block| block.len() == BLOCK) {
            self.0.push(Vec::with_capacity(BLOCK));
        }
        let Some(block) = self.0.last_mut() else { return Ok(0) };
        let some = bytes.len().min(BLOCK - block.len());
        block.extend_from_slice(&bytes[..some]);
        Ok(some)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The file around a body that is compressed already.
pub(super) fn sealed(
    snapshot: &Snapshot,
    packed: &Body,
    unpacked_bytes: u64,
    out: &mut dyn Write,
) -> io::Result<()> {
    let about = &snapshot.about;
    let header = Header {
        schema: format!("meshwhy.snapshot/{VERSION}"),
        program: concat!("meshwhy ", env!("CARGO_PKG_VERSION")).to_owned(),
        sources: about.sources.iter().map(Row::of).collect(),
        first_time: about.times_us.map(|(first, _)| rfc3339_ms(first)),
        last_time: about.times_us.map(|(_, last)| rfc3339_ms(last)),
        times_us: about.times_us,
        lines: snapshot.summary.lines.total,
        access_lines: snapshot.summary.lines.access,
        filters: about.filters.clone(),
        by: about.by.clone(),
        body_bytes: packed.bytes(),
        unpacked_bytes,
    };
    let mut head = [MAGIC, VERSION.to_string().as_bytes(), b"\n"].concat();
    serde_json::to_writer(&mut head, &header)?;
    head.push(b'\n');
    out.write_all(&head)?;
    out.write_all(&checksum(0, &head))?;
    for (number, block) in packed.0.iter().enumerate() {
        out.write_all(&checksum(number as u64 + 1, block))?;
        out.write_all(block)?;
    }
    Ok(())
}

/// Writes down one field.
type Put<'s> = &'s dyn Fn(&mut Packer<'_>);

/// Writes down what [`pieces`] reads, field after field, and hands on what has come together: the whole of it is never held as bytes.
pub(super) fn fields(snapshot: &Snapshot, write: &mut pack::Write<'_>) {
    let digests: Vec<Wide> = snapshot.summary.symptoms.keys().map(|key| Wide(key.digest())).collect();
    let fields: [Put<'_>; FIELDS] = [
        &|out| snapshot.summary.put(out),
        &|out| digests.put(out),
        &|out| snapshot.detail.put(out),
        &|out| snapshot.join.put(out),
        &|out| {
            snapshot.second.is_some().put(out);
            snapshot.second.iter().for_each(|second| second.put(out));
        },
        &|out| snapshot.passed.put(out),
        &|out| snapshot.failures.put(out),
        &|out| snapshot.skipped.put(out),
        &|out| snapshot.interrupted.put(out),
        &|out| snapshot.tracked.put(out),
    ];
    let mut packer = Packer::writing(&mut *write);
    packer.wide(fields.len() as u64);
    fields.into_iter().for_each(|put| put(&mut packer));
    let rest = packer.into_bytes();
    write(&rest);
}

pub(super) fn checksum(number: u64, bytes: &[u8]) -> [u8; 8] {
    pack::hash(number, &[bytes]).to_le_bytes()
}

impl Row {
    fn of(source: &Source) -> Row {
        Row {
            name: source.name.clone(),
            container: source.container.to_owned(),
            bytes: source.bytes,
            lines: source.lines,
            head: source.head.0.iter().map(|digest| format!("{digest:016x}")).collect(),
        }
    }

    fn source(self) -> Option<Source> {
        // Sums of them must not overflow.
        let sound = self.bytes.max(self.lines) < 1 << 56;
        let digests = self.head.iter().map(|digest| u64::from_str_radix(digest, 16).ok());
        sound.then_some(Source {
            container: pack::name(&self.container)?,
            bytes: self.bytes,
            lines: self.lines,
            head: Head(digests.collect::<Option<_>>()?),
            name: self.name,
        })
    }
}

/// Why a snapshot is refused, and where.
pub(super) type Refused = (Option<u64>, Said);

/// A file whose header has been read.
pub(super) struct Opened<R> {
    pub(super) about: About,
    reader: R,
    /// Bytes read so far.
    at: u64,
    body_bytes: u64,
    unpacked_bytes: u64,
}

impl<R: BufRead> Opened<R> {
    /// Reads the header.
    pub(super) fn open(mut reader: R) -> std::result::Result<Opened<R>, Refused> {
        let mut head = Vec::new();
        let version = line(&mut reader, &mut head, 64)?;
        let version = version.strip_prefix(MAGIC).ok_or_else(|| damaged(0))?;
        let version = str::from_utf8(version).ok().and_then(|text| text.parse::<u32>().ok());
        let version = version.ok_or_else(|| damaged(MAGIC.len() as u64))?;
        if version > VERSION || version == 0 {
            let said = both!(
                "it is a snapshot of version {version}; this program reads up to version {VERSION}",
                "快照版本为 {version}；本程序最高支持版本 {VERSION}"
            );
            return Err((Some(MAGIC.len() as u64), said));
        }
        let start = head.len() as u64;
        let header = line(&mut reader, &mut head, HEADER_BYTES)?.to_vec();
        let mut sum = [0; 8];
        exactly(&mut reader, &mut sum, head.len() as u64)?;
        if sum != checksum(0, &head) {
            return Err(damaged(0));
        }
        let header: Header = serde_json::from_slice(&header).map_err(|error| {
            (
                Some(start + error.column() as u64),
                both!("the header cannot be read: {error}", "头部无法读取：{error}"),
            )
        })?;
        if header.body_bytes.max(header.unpacked_bytes) > BODY_BYTES {
            return Err((Some(start), both!("it is larger than any snapshot", "大小超过任何快照")));
        }
        let sources: Option<Vec<Source>> = header.sources.into_iter().map(Row::source).collect();
        let times_us = header.times_us.filter(|(first, last)| first <= last);
        let about = About {
            sources: sources.ok_or_else(|| damaged(start))?,
            filters: header.filters,
            by: header.by,
            times_us,
        };
        let at = head.len() as u64 + 8;
        Ok(Opened { about, reader, at, body_bytes: header.body_bytes, unpacked_bytes: header.unpacked_bytes })
    }

    /// Reads the rest, piece by piece. What is wrong may show after some of them.
    pub(super) fn pieces(self, take: &mut dyn FnMut(Piece)) -> std::result::Result<About, Refused> {
        let start = self.at;
        let mut blocks = Blocks::new(self.reader, start, self.body_bytes);
        let read = zstd::Decoder::with_buffer(&mut blocks).map(|mut unpacked| {
            let mut from = Unpacker::reading(&mut unpacked, self.unpacked_bytes as usize);
            pieces(&mut from, self.about.sources.len(), take)?;
            from.check(from.is_done(), "there is more than counts")?;
            drop(from);
            Ok(matches!(unpacked.read(&mut [0]), Ok(0)))
        });
        // What is wrong with the bytes goes before what they are taken for.
        blocks.end()?;
        match read {
            Ok(Ok(true)) => Ok(self.about),
            Ok(Err(broken)) => Err(unreadable(start, broken)),
            Ok(Ok(false)) | Err(_) => Err(damaged(start)),
        }
    }
}

fn unreadable(start: u64, Broken { offset: at, what }: Broken) -> Refused {
    let said = both!(
        "its counts cannot be read: at their byte {at}: {what}",
        "计数无法读取：第 {at} 字节处：{what}"
    );
    (Some(start), said)
}

pub(super) fn damaged(at: u64) -> Refused {
    (
        Some(at),
        both!(
            "it is damaged: the checksum of what begins here is wrong",
            "已损坏：从此处开始的内容校验和不符"
        ),
    )
}

/// Reads a line of at most so many bytes, and appends it to what was read before.
fn line<'h>(
    reader: &mut impl BufRead,
    head: &'h mut Vec<u8>,
    most: u64,
) -> std::result::Result<&'h [u8], Refused> {
    let start = head.len();
    let read = reader.take(most).read_until(b'\n', head);
    let at = Some(head.len() as u64);
    read.map_err(|cause| (at, both!("{cause}", "{cause}")))?;
    match head[start..].strip_suffix(b"\n") {
        Some(_) => Ok(&head[start..head.len() - 1]),
        None if (head.len() - start) as u64 == most => Err(damaged(start as u64)),
        None => Err(too_short(head.len() as u64)),
    }
}

fn too_short(at: u64) -> Refused {
    (Some(at), both!("it ends here, before its counts do", "在此处结束，计数并不完整"))
}

/// Fills a buffer with the bytes from `at` on.
pub(super) fn exactly(reader: &mut impl Read, out: &mut [u8], at: u64) -> std::result::Result<(), Refused> {
    let mut got = 0;
    while got < out.len() {
        match reader.read(&mut out[got..]) {
            Ok(0) => return Err(too_short(at + got as u64)),
            Ok(more) => got += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) => return Err((Some(at + got as u64), both!("{cause}", "{cause}"))),
        }
    }
    Ok(())
}
