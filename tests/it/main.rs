//! Everything that is tested from outside, in one binary. Where a new test belongs:

/// What must hold for any bytes: the properties that are fuzzed, too.
mod any_bytes;
/// Logs in which everything of a kind is distinct: bounded memory, exact totals.
mod attacks;
/// Input that arrives broken: what can be read is reported, and the rest named.
#[cfg(unix)]
mod broken;
/// The HTML report in a real browser; ignored unless asked for.
mod browser;
/// The pages of the catalogue: their examples, their ids, the guide's sections.
mod catalogue;
/// The program from outside, on samples: streams, forms, messages, options.
mod cli;
/// What scripts rely on: exit codes, pipes, filters.
mod contract;
/// Containers cut, changed and extended at many places.
#[cfg(unix)]
mod damage;
/// `docs/diagnoses.md`, and the lists by guide, flag and symptom.
mod diagnoses;
/// The long runs of `docs/reliability.md`; ignored unless asked for.
mod endurance;
/// Headers that pretend to be other columns.
mod forgeries;
/// Formats, wrappers, archives: what the program says it reads, it reads.
mod formats;
/// Counting lines at a glance gives what reading every one of them gives.
mod glance;
/// The screens and the JSON that people see, as files in `tests/golden`.
mod golden;
/// Log content that wants to be more than text, in every form of the result.
#[cfg(unix)]
mod hostile;
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
/// What each medium takes for more than text.
mod media;
/// What the program holds in memory when a log is made to hurt.
mod memory;
/// The files that make packages.
mod packaging;
/// Every sample through every container, block size and number of threads; and what must hold for any bytes.
mod paths;
/// The program as a process, for the other modules.
mod program;
/// What must hold for any bytes, as functions that the fuzzers call, too.
mod properties;
/// The README's commands and its example.
mod readme;
/// One named test a bug, with what happened.
mod regression;
/// `docs/reliability.md`: the tests it names exist.
mod reliability;
/// The user's own pages and known findings: the examples of `docs/rules.md`, every command, every slip.
mod rules;
/// Samples and how to read them, for the other modules.
mod samples;
/// What the program asks of the system: no socket, no file but those it was told to write.
#[cfg(unix)]
mod sandbox;
/// Interrupts and other signals, with real processes.
#[cfg(unix)]
mod signals;
/// Whole situations, made up with a known truth: what is found, how severe, and nothing beyond it.
mod situations;
/// Snapshots: merging them is reading everything, to the byte; what does not fit is refused.
mod snapshot;
/// Reading on where the last run ended, through rotation, truncation and runs that are killed.
#[cfg(unix)]
mod state;
mod sweep;
/// At the terminal: outputs for scripts, gates, orders, defaults, manual pages, completions, mistakes.
mod terminal;
/// What the program knows and says: `explain`, catalogues, messages, groups.
mod words;
