//! Everything that is tested from outside, in one binary. Where a new test belongs:

/// The pages of the catalogue: their examples, their ids, the guide's sections.
mod catalogue;
/// The program: exit codes, pipes, filters, messages.
mod cli;
/// Formats, wrappers, archives: what the program says it reads, it reads.
mod formats;
/// The promises of `docs/house.md`: arrows, tables, sizes, generated files.
mod house;
/// Samples and how to read them, for the other modules.
mod samples;
