//! Names that a filter on upstreams left out.

use std::collections::HashSet;

use crate::aggregate::Text;
use crate::arrange::Arrange;
use crate::query::Filter;
use crate::record::Record;

/// Upstreams of records that a filter on upstreams left out: somebody may have mistyped one of them.
#[derive(Debug, Default)]
pub(super) struct Missed(HashSet<Text>);

impl Missed {
    /// More names than this are no help.
    const MOST: usize = 1_000;

    /// A record was left out.
    pub(super) fn note(&mut self, filter: &Filter, record: &Record<'_>) {
        if filter.names_upstreams()
            && let Some(name) = record.upstream()
            && self.0.len() < Missed::MOST
            && !self.0.contains(name)
        {
            self.0.insert(name.into());
        }
    }

    /// Those of a later part.
    pub(super) fn add(&mut self, later: Missed) {
        let room = Missed::MOST - self.0.len();
        self.0.extend(later.0.into_iter().take(room));
    }

    /// The names, in their order.
    pub(super) fn names(self) -> Vec<Text> {
        let mut names: Vec<Text> = self.0.into_iter().collect();
        names.arrange();
        names
    }
}
