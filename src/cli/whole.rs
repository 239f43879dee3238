//! A result in a file: whole, or not at all. It is written under another name beside the place where it shall be, and
//! renamed when it is complete, so that a full disk leaves the old file as it was.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use meshwhy::{ErrorKind, Result};

/// Writes a file with what `fill` gives.
pub(super) fn write(path: &Path, fill: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let failed =
        |e: io::Error| ErrorKind::Write(io::Error::new(e.kind(), format!("{}: {e}", path.display())));
    // Pipes and devices cannot be put in place of one another; a link stays one, and its file is written.
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if std::fs::metadata(&real).is_ok_and(|there| !there.is_file()) {
        let mut out = BufWriter::new(OpenOptions::new().write(true).open(&real).map_err(failed)?);
        fill(&mut out)?;
        return Ok(out.flush().map_err(failed)?);
    }
    let part = Part::beside(&real).map_err(failed)?;
    let mut out = BufWriter::new(&part.file);
    fill(&mut out).map_err(|error| match error.into_kind() {
        ErrorKind::Write(e) => failed(e),
        other => other,
    })?;
    out.flush().map_err(failed)?;
    drop(out);
    Ok(part.becomes(&real).map_err(failed)?)
}

/// A file on its way; gone unless it is finished.
struct Part {
    file: File,
    path: PathBuf,
}

impl Part {
    fn beside(path: &Path) -> io::Result<Part> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}", std::process::id()));
        let part = path.with_file_name(hidden);
        // Nobody's file is written over, and no link followed that somebody laid there.
        let file = OpenOptions::new().write(true).create_new(true).open(&part)?;
        Ok(Part { file, path: part })
    }

    fn becomes(self, path: &Path) -> io::Result<()> {
        if let Ok(old) = std::fs::metadata(path) {
            self.file.set_permissions(old.permissions())?;
        }
        // Only what has reached the disk takes the old one's place.
        self.file.sync_all()?;
        std::fs::rename(&self.path, path)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // It is not there any more when it was renamed.
        let _ = std::fs::remove_file(&self.path);
    }
}
