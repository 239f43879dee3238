//! tar: `istioctl bug-report` and most support bundles.

use std::cell::Cell;
use std::io::{self, Read};
use std::ops::ControlFlow;

use bstr::ByteSlice;

use super::limit;
use super::walk::{Container, Entry, Still, Walk};
use crate::error::ErrorKind;

/// tar.
pub(super) struct Tar;

impl Container for Tar {
    fn name(&self) -> &'static str {
        "tar"
    }

    fn recognises(&self, head: &[u8]) -> bool {
        // No line of text ends before the mark: a first line is enough to know that a stream is no tar.
        head.get(257..262) == Some(b"ustar") && memchr::memchr(b'\n', &head[..257]).is_none()
    }

    fn open(&self, entry: Entry<'_>, walk: &mut Walk<'_>) -> ControlFlow<()> {
        let watch = Watch::default();
        let mut archive = limit::tar(Watched { reader: entry.reader, watch: &watch });
        let failed = |cause| ErrorKind::Read { source: entry.name.clone(), offset: watch.read.get(), cause };
        let members = match archive.entries() {
            Ok(members) => members,
            Err(cause) => return walk.fail(failed(cause).into()),
        };
        for member in members {
            let told = watch.failed.get();
            let member = match member {
                Ok(member) => member,
                // A break inside a member was told with the member's name already.
                Err(_) if told => return ControlFlow::Continue(()),
                Err(cause) => return walk.fail(failed(cause).into()),
            };
            if !member.header().entry_type().is_file() && !member.header().entry_type().is_gnu_sparse() {
                continue;
            }
            if !walk.admit(&entry.name, member.raw_header_position())? {
                return ControlFlow::Continue(());
            }
            let path = member.path_bytes().into_owned();
            let path = path.strip_prefix(b"./".as_slice()).unwrap_or(&path).to_str_lossy();
            let name = format!("{}!{path}", entry.name);
            walk.enter(Entry {
                name,
                reader: &mut Still(Whole { left: member.size(), member, watch: &watch }),
                file: None,
                named: false,
                ..entry
            })?;
        }
        ControlFlow::Continue(())
    }
}

/// A member that ends before its length is a broken archive, and not the end of the member.
struct Whole<'w, R> {
    member: R,
    left: u64,
    watch: &'w Watch,
}

impl<R: Read> Read for Whole<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let got = self.member.read(out)?;
        self.left = self.left.saturating_sub(got as u64);
        if got == 0 && self.left > 0 && !out.is_empty() {
            self.left = 0;
            self.watch.failed.set(true);
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the archive ends inside this file"));
        }
        Ok(got)
    }
}

/// What happened to the reader below the archive.
#[derive(Default)]
struct Watch {
    read: Cell<u64>,
    failed: Cell<bool>,
}

struct Watched<'w, R> {
    reader: R,
    watch: &'w Watch,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self.reader.read(out) {
            Ok(got) => {
                self.watch.read.set(self.watch.read.get() + got as u64);
                Ok(got)
            }
            Err(error) => {
                self.watch.failed.set(true);
                Err(error)
            }
        }
    }
}
