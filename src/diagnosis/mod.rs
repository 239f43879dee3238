//! Counts become findings: causes ranked by evidence.

mod calibration;
mod case;
mod catalog;
mod chinese;
mod common;
mod facts;
mod fill;
mod finding;
mod fold;
mod guide;
mod known;
mod lookup;
mod model;
mod page;
mod pattern;
mod rulebook;
mod rules;
mod scene;
mod severity;
mod sides;
mod split;

pub use case::Case;
pub use catalog::{Candidate, Catalog, only_failures};
pub use fill::Names;
pub use finding::{Alternative, Fact, Finding, FindingScope, Remedy, Severity, upstream_title};
pub use guide::{GUIDE, help};
pub use known::{Known, Suppressed};
pub use lookup::Hit;
pub use page::{Adjust, Advice, Class, Example, Head, Page};
pub use pattern::{When, glob_matches};
pub use rulebook::{Diagnosis, Folder, Rulebook};
pub use rules::{RULES, Rule};
pub use scene::Scene;
pub use split::splits;

use crate::aggregate::Summary;

/// What ails the traffic, most important first, by the built-in catalogue, in English.
pub fn diagnose(summary: &Summary) -> Vec<Finding> {
    Catalog::built_in().diagnose(summary)
}
