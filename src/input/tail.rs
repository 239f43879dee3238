//! A file that grows, followed through rotation.
//!
//! What log rotation does to a file, and what is done about it:
//!
//! - *renamed, and made anew*: the old file is read to its end before the new one is begun, and the new one only when
//!   something stands in it: until then whoever writes may still write to the old one;
//! - *copied, and truncated*: the file is shorter than what was read of it, or begins otherwise, and is read from its
//!   start;
//! - *gone, or not there yet*: it is waited for.
//!
//! The file is asked every few milliseconds: that works on every file system, also on those that tell nothing of changes.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::find::{Identity, identity};

/// How often the file is asked: a fraction of what a person notices.
const POLL: Duration = Duration::from_millis(20);

/// First bytes of the file by which it is known again: more than the time at the beginning of a line.
const HEAD_BYTES: usize = 256;

/// The reading end. At the end of the file it waits for more.
pub struct Tail {
    path: PathBuf,
    file: Option<Open>,
    over: Arc<AtomicBool>,
    /// The last byte that was read was no newline.
    inside_line: bool,
}

struct Open {
    file: File,
    identity: Option<Identity>,
    /// How much of it was read.
    at: u64,
    /// Its first bytes, as far as they were read.
    head: Vec<u8>,
    /// Zeros at its beginning are no text: whoever truncates it under a writer that does not append leaves a hole.
    holed: bool,
    /// Another file stands in its place, and something is in it: nothing more is written to this one.
    replaced: bool,
}

/// What came of a look at the file.
enum Step {
    Read(usize),
    /// Something has changed, and another look is worth while at once.
    Again,
    Nothing,
}

impl Tail {
    /// Follows a file, from its start. Where it is not there yet it is waited for. `over` ends it.
    ///
    /// # Errors
    /// The file is there and cannot be opened.
    pub fn new(path: &Path, over: Arc<AtomicBool>) -> io::Result<Tail> {
        let file = Open::at(path)?;
        Ok(Tail { path: path.to_owned(), file, over, inside_line: false })
    }

    fn step(&mut self, out: &mut [u8]) -> io::Result<Step> {
        let Some(open) = &mut self.file else {
            // It may be forbidden for a moment while it is made.
            self.file = Open::at(&self.path).unwrap_or_default();
            return Ok(if self.file.is_some() { Step::Again } else { Step::Nothing });
        };
        let was_replaced = open.replaced;
        if open.begins_anew()? {
            open.rewind()?;
            return Ok(self.end_line(out));
        }
        match open.read(out)? {
            0 => {}
            got => {
                self.inside_line = out[got - 1] != b'\n';
                return Ok(Step::Read(got));
            }
        }
        if was_replaced {
            self.file = None;
            return Ok(self.end_line(out));
        }
        // Asked once more after this, to the end: the writer may have written to it until a moment ago.
        open.replaced = open.is_replaced(&self.path);
        Ok(if open.replaced { Step::Again } else { Step::Nothing })
    }

    /// The last line of a file is no part of the next file's first one.
    fn end_line(&mut self, out: &mut [u8]) -> Step {
        if !std::mem::take(&mut self.inside_line) {
            return Step::Again;
        }
        out[0] = b'\n';
        Step::Read(1)
    }
}

impl Read for Tail {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            if self.over.load(Ordering::Relaxed) {
                return Ok(0);
            }
            match self.step(out)? {
                Step::Read(got) => return Ok(got),
                Step::Again => {}
                Step::Nothing => thread::sleep(POLL),
            }
        }
    }
}

impl Open {
    /// Opens it, if it is there.
    fn at(path: &Path) -> io::Result<Option<Open>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let identity = identity(path, &file.metadata()?);
        Ok(Some(Open { file, identity, at: 0, head: Vec::new(), holed: false, replaced: false }))
    }

    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut got = self.file.read(out)?;
            self.at += got as u64;
            if self.head.len() < HEAD_BYTES {
                let missing = HEAD_BYTES - self.head.len();
                self.head.extend_from_slice(&out[..got.min(missing)]);
            }
            if self.holed && got > 0 {
                let text = out[..got].iter().position(|b| *b != 0).unwrap_or(got);
                out.copy_within(text..got, 0);
                got -= text;
                self.holed = got == 0;
                if self.holed {
                    continue;
                }
            }
            return Ok(got);
        }
    }

    /// Whether it was truncated. Asked where it has changed its length: then its beginning is looked at, for it may have
    /// grown again beyond what was read.
    fn begins_anew(&mut self) -> io::Result<bool> {
        let length = self.file.metadata()?.len();
        if length < self.at {
            return Ok(true);
        }
        if length == self.at || self.head.is_empty() {
            return Ok(false);
        }
        let mut head = vec![0; self.head.len()];
        self.file.seek(SeekFrom::Start(0))?;
        let read = self.file.read_exact(&mut head);
        self.file.seek(SeekFrom::Start(self.at))?;
        match read {
            Ok(()) => Ok(head != self.head),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(true),
            Err(error) => Err(error),
        }
    }

    fn rewind(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        (self.at, self.holed) = (0, true);
        self.head.clear();
        Ok(())
    }

    fn is_replaced(&self, path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|now| now.len() > 0 && identity(path, &now) != self.identity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    struct Case {
        folder: tempfile::TempDir,
        tail: Tail,
    }

    impl Case {
        fn new(first: &str) -> Case {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.log");
            fs::write(&path, first).unwrap();
            Case { tail: Tail::new(&path, Arc::default()).unwrap(), folder }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn append(&self, name: &str, text: &str) {
            let file = File::options().append(true).create(true).open(self.path(name));
            file.unwrap().write_all(text.as_bytes()).unwrap();
        }

        /// All that is to be had now.
        fn rest(&mut self) -> String {
            let (mut all, mut out) = (Vec::new(), [0; 7]);
            loop {
                match self.tail.step(&mut out).unwrap() {
                    Step::Read(got) => all.extend_from_slice(&out[..got]),
                    Step::Again => {}
                    Step::Nothing => return String::from_utf8(all).unwrap(),
                }
            }
        }
    }

    #[test]
    fn the_old_file_is_read_to_its_end_before_the_new_one() {
        let mut case = Case::new("one\n");
        assert_eq!(case.rest(), "one\n");
        fs::rename(case.path("a.log"), case.path("a.log.1")).unwrap();
        case.append("a.log", "");
        case.append("a.log.1", "two\n");
        assert_eq!(case.rest(), "two\n", "whoever writes has not opened the new one yet");
        case.append("a.log.1", "three");
        case.append("a.log", "four\n");
        assert_eq!(case.rest(), "three\nfour\n");
        case.append("a.log", "five\n");
        assert_eq!(case.rest(), "five\n");
    }

    #[test]
    fn a_truncated_file_is_read_anew() {
        let mut case = Case::new("2026-11-22 one\n2026-11-22 two\n");
        assert_eq!(case.rest().lines().count(), 2);
        fs::write(case.path("a.log"), "2026-11-23 three\n").unwrap();
        assert_eq!(case.rest(), "2026-11-23 three\n");
        // Longer by now than what was read of it.
        fs::write(case.path("a.log"), "2026-11-24 four\n2026-11-24 five\n").unwrap();
        assert_eq!(case.rest(), "2026-11-24 four\n2026-11-24 five\n");
    }

    #[test]
    fn a_hole_is_no_text() {
        let mut case = Case::new("one and a half\n");
        assert_eq!(case.rest(), "one and a half\n");
        fs::write(case.path("a.log"), "").unwrap();
        assert_eq!(case.rest(), "");
        fs::write(case.path("a.log"), [&[0; 40][..], b"two\n"].concat()).unwrap();
        assert_eq!(case.rest(), "two\n");
    }

    #[test]
    fn what_is_not_there_yet_is_waited_for() {
        let mut case = Case::new("one\n");
        assert_eq!(case.rest(), "one\n");
        fs::remove_file(case.path("a.log")).unwrap();
        assert_eq!(case.rest(), "");
        case.append("a.log", "two\n");
        assert_eq!(case.rest(), "two\n");
        let later = case.path("b.log");
        case.tail = Tail::new(&later, Arc::default()).unwrap();
        assert_eq!(case.rest(), "");
        case.append("b.log", "three\n");
        assert_eq!(case.rest(), "three\n");
    }
}
