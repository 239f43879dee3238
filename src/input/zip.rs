//! zip. Its table of contents is at the end, so it is read from the file itself, or from memory up to a limit.

use std::io::{Cursor, Read, Seek, SeekFrom};
use std::ops::ControlFlow;

use super::limit;
use super::walk::{Container, Entry, Still, Walk};
use crate::error::ErrorKind;

/// zip.
pub(super) struct Zip;

impl Container for Zip {
    fn name(&self) -> &'static str {
        "zip"
    }

    fn recognises(&self, head: &[u8]) -> bool {
        head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06")
    }

    fn open(&self, entry: Entry<'_>, walk: &mut Walk<'_>) -> ControlFlow<()> {
        if let Some(mut file) = entry.file {
            return members(&mut file, &entry.name, entry.container, walk);
        }
        let limit = walk.limits.zip_in_memory;
        let mut bytes = Vec::new();
        match entry.reader.take(limit + 1).read_to_end(&mut bytes) {
            Err(cause) => {
                let offset = bytes.len() as u64;
                walk.fail(ErrorKind::Read { source: entry.name, offset, cause }.into())
            }
            Ok(got) if got as u64 > limit => {
                let what = both!(
                    "bytes of zip that does not come straight from a file (unpack it first)",
                    "字节，而这个 zip 不是直接来自文件（请先解压）"
                );
                walk.fail(ErrorKind::Limit { source: entry.name, offset: limit, what, limit }.into())
            }
            Ok(_) => members(&mut Cursor::new(bytes), &entry.name, entry.container, walk),
        }
    }
}

trait Seekable: Read + Seek {}

impl<R: Read + Seek> Seekable for R {}

fn members(
    reader: &mut dyn Seekable,
    source: &str,
    container: &'static str,
    walk: &mut Walk<'_>,
) -> ControlFlow<()> {
    let failed = |source: String, offset: u64, error: ::zip::result::ZipError| ErrorKind::Read {
        source,
        offset,
        cause: error.into(),
    };
    // The table of contents is looked for from there on backwards.
    let end = reader.seek(SeekFrom::End(0)).unwrap_or(0);
    let mut archive = match limit::zip(reader) {
        Ok(archive) => archive,
        Err(error) => return walk.fail(failed(source.to_owned(), end, error).into()),
    };
    for index in 0..archive.len() {
        // Where the member's own bytes cannot be found, the table at the end is what is wrong.
        let begins = archive.by_index_raw(index).map_or(end, |member| member.header_start());
        if !walk.admit(source, begins)? {
            break;
        }
        let named = archive.name_for_index(index).map(|name| format!("{source}!{name}"));
        match archive.by_index(index) {
            Ok(member) if !member.is_file() => {}
            Ok(member) => {
                let name = named.unwrap_or_else(|| source.to_owned());
                walk.enter(Entry { name, reader: &mut Still(member), file: None, named: false, container })?;
            }
            Err(error) => {
                walk.fail(failed(named.unwrap_or_else(|| source.to_owned()), begins, error).into())?;
            }
        }
    }
    ControlFlow::Continue(())
}
