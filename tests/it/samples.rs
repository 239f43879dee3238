//! Samples and how to read them. No tests here.

use std::fs;
use std::path::{Path, PathBuf};

use std::io::Read;

use meshwhy::aggregate::{Summary, Tally};
use meshwhy::diagnosis::{Finding, diagnose};
use meshwhy::emit::Form;
use meshwhy::format::{Reader, Reading};
use meshwhy::frame::peel;
use meshwhy::input::Input;
use meshwhy::pipeline::{Options, Outcome, rewrite, summarise};
use meshwhy::query::Filter;
use meshwhy::record::{Layout, Record};
use meshwhy::report::{Report, SourceInfo, View, renderer};

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

/// Set to renew generated files and goldens instead of comparing them.
pub(crate) const RENEW: &str = "MESHWHY_RENEW";

/// A recorded log.
pub(crate) struct Sample {
    /// `istio-text/no-route.log`
    pub(crate) name: String,
    /// As it is on disk.
    pub(crate) packed: Vec<u8>,
    /// Decompressed.
    pub(crate) plain: Vec<u8>,
}

/// All samples.
pub(crate) fn samples() -> Vec<Sample> {
    let load = |path: &PathBuf| {
        let name = relative(path).trim_start_matches("sample-logs/").to_owned();
        let packed = fs::read(path).unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut plain = Vec::new();
        if name.ends_with(".gz") {
            flate2::read::MultiGzDecoder::new(&packed[..]).read_to_end(&mut plain).expect("a whole sample");
        } else {
            plain.clone_from(&packed);
        }
        Sample { name, packed, plain }
    };
    let all: Vec<Sample> =
        files("sample-logs").iter().filter(|p| p.extension().is_none_or(|e| e != "md")).map(load).collect();
    assert!(all.len() >= 30, "only {} samples found", all.len());
    all
}

/// Bytes in memory as an input.
pub(crate) fn bytes(name: &str, bytes: &[u8]) -> Input {
    Input::Bytes { name: name.to_owned(), bytes: bytes.to_vec() }
}

/// What a run of the library gave.
pub(crate) struct Triage {
    pub(crate) summary: Summary,
    pub(crate) findings: Vec<Finding>,
    pub(crate) outcome: Outcome,
}

/// Reads and diagnoses inputs.
pub(crate) fn triage(inputs: &[Input], options: &Options) -> Triage {
    let (summary, _, outcome) =
        summarise(inputs, &Reader::new(), &Filter::default(), options, None).expect("nothing stops a triage");
    let findings = diagnose(&summary);
    Triage { summary, findings, outcome }
}

impl Triage {
    /// The result in one of the output forms.
    pub(crate) fn rendered(&self, form: &str, width: usize) -> Vec<u8> {
        let source = |s: &meshwhy::pipeline::Source| SourceInfo {
            name: s.name.clone(),
            container: s.container,
            bytes: s.bytes,
            lines: s.lines,
        };
        let sources: Vec<SourceInfo> = self.outcome.sources.iter().map(source).collect();
        let failures: Vec<String> = self.outcome.failures.iter().map(ToString::to_string).collect();
        let report = Report {
            summary: &self.summary,
            findings: &self.findings,
            suppressed: &[],
            sources: &sources,
            failures: &failures,
            warnings: &[],
            filtered: 0,
            view: View { width, ..View::default() },
        };
        let mut out = Vec::new();
        renderer(form).and_then(|r| r.render(&report, &mut out)).expect("memory can be written to");
        out
    }
}

/// The records of inputs, as `meshwhy records` writes them.
pub(crate) fn records(inputs: &[Input], reader: &Reader, options: &Options) -> Vec<u8> {
    let mut out = Vec::new();
    rewrite(inputs, reader, &Filter::default(), Form::Ndjson, options, None, &mut out)
        .expect("memory can be written to");
    out
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
