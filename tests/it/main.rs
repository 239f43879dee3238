//! Everything that is tested from outside, in one binary. Where a new test belongs:

/// The HTML report in a real browser; ignored unless asked for.
mod browser;
/// The pages of the catalogue: their examples, their ids, the guide's sections.
mod catalogue;
/// The program: exit codes, pipes, filters, messages.
mod cli;
/// The promises of `docs/house.md`: arrows, tables, sizes, generated files.
mod house;
/// Incident reports and comparisons: truth of recordings, schemas, redaction, gates.
mod incident;
/// Samples and how to read them, for the other modules.
mod samples;
