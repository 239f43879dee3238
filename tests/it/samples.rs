//! Samples and how to read them. No tests here.

use std::fs;
use std::path::{Path, PathBuf};

use meshwhy::aggregate::{Summary, Tally};
use meshwhy::format::{Reader, Reading};
use meshwhy::frame::peel;
use meshwhy::record::{Layout, Record};

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the repository as text.
pub(crate) fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Every file below a folder of the repository, sorted.
pub(crate) fn files(folder: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, out: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() { walk(&path, out) } else { out.push(path) }
        }
    }
    let mut out = Vec::new();
    walk(&root().join(folder), &mut out);
    out.sort();
    out
}

/// Path of a file within the repository.
pub(crate) fn relative(path: &Path) -> String {
    path.strip_prefix(root()).expect("a file of the repository").to_string_lossy().into_owned()
}

/// Counts plain lines one after the other: no input, no blocks, no threads.
pub(crate) fn summary_of(lines: &[u8]) -> Summary {
    let reader = Reader::new();
    let (mut layout, mut scratch) = (Layout::default(), Vec::new());
    let mut tally = Tally::default();
    let mut offset = 0;
    for (at, line) in lines.split_inclusive(|&b| b == b'\n').enumerate() {
        let number = at as u64 + 1;
        let raw = line.strip_suffix(b"\n").unwrap_or(line);
        let mut peeling = Vec::new();
        let peeled = peel(raw, &mut peeling);
        match reader.read(peeled.text, &mut layout, &mut scratch) {
            Reading::Access => {
                let text = if layout.in_scratch { &scratch[..] } else { peeled.text };
                let record = Record::new(text, &layout, peeled.carrier);
                tally.record(&record, 0, number, offset, raw);
            }
            Reading::Proxy(proxy) => tally.proxy(&proxy, 0, number, offset, raw),
            Reading::Other => tally.other(),
            Reading::Rejected(reject) => tally.reject(reject, 0, number, offset, raw),
        }
        offset += line.len() as u64;
    }
    tally.finish()
}
