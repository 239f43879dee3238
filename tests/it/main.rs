//! Everything that is tested from outside, in one binary. Where a new test belongs:

/// The HTML report in a real browser; ignored unless asked for.
mod browser;
/// The pages of the catalogue: their examples, their ids, the guide's sections.
mod catalogue;
/// The program from outside, on samples: streams, forms, messages, options.
mod cli;
/// What scripts rely on: exit codes, pipes, filters.
mod contract;
/// `docs/diagnoses.md`, and the lists by guide, flag and symptom.
mod diagnoses;
/// Headers that pretend to be other columns.
mod forgeries;
/// Formats, wrappers, archives: what the program says it reads, it reads.
mod formats;
/// Counting lines at a glance gives what reading every one of them gives.
mod glance;
/// The screens and the JSON that people see, as files in `tests/golden`.
mod golden;
/// The promises of `docs/house.md`: arrows, tables, sizes, generated files.
mod house;
/// Incident reports and comparisons: truth of recordings, schemas, redaction, gates.
mod incident;
/// Logs of several proxies: recordings, `trace`, and a mesh of 200 pods within its memory.
mod join;
/// The kubectl plugin, against a stand-in for kubectl.
#[cfg(unix)]
mod kube;
/// English and Chinese: completeness, screens, and who gets which.
mod languages;
/// The live view, in a pseudo-terminal.
#[cfg(unix)]
mod live;
/// What the program holds in memory when a log is made to hurt.
mod memory;
/// Every sample through every container, block size and number of threads; and what must hold for any bytes.
mod paths;
/// The README's commands and its example.
mod readme;
/// One named test a bug, with what happened.
mod regression;
/// The user's own pages and known findings: the examples of `docs/rules.md`, every command, every slip.
mod rules;
/// Samples and how to read them, for the other modules.
mod samples;
/// Whole situations, made up with a known truth: what is found, how severe, and nothing beyond it.
mod situations;
/// What the program knows and says: `explain`, catalogues, messages, groups.
mod words;
