//! Counts become findings: causes ranked by evidence.

mod finding;

pub use finding::{Alternative, Fact, Finding, FindingScope, Remedy, Severity, upstream_title};
