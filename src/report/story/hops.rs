//! Who calls whom, and the way of single requests.

use super::super::hops::{graph, head, row, told};
use super::super::trace::lines;
use super::{Block, Figure, Section, Table, Teller};
use crate::aggregate::Exemplar;

impl Teller<'_, '_> {
    /// The hops between the proxies whose logs were given.
    pub(super) fn hops(&self) -> Section {
        let hops = &self.account.report.summary.hops;
        let rows: Vec<Vec<String>> = told(hops)
            .into_iter()
            .take(self.account.report.view.top)
            .map(|edge| row(edge, self.lang()))
            .collect();
        let mut blocks = Vec::new();
        if !rows.is_empty() {
            blocks.extend(graph(hops, self.lang()).map(|graph| Block::Figure(Figure::Graph(graph))));
            let head = head(self.lang()).into_iter().map(str::to_owned).collect();
            blocks.push(Block::Table(Table { head, rows, numbers: 2 }));
        }
        Section { title: self.lang().pick("Both sides", "调用双方").to_owned(), blocks }
    }

    /// An example's request through all proxies that logged it.
    pub(super) fn way(&self, exemplar: &Exemplar) -> Option<Block> {
        let steps = self.account.report.summary.hops.traces.get(exemplar.request_id.as_ref()?)?;
        Some(Block::Code(self.redact.prose(&lines(steps, self.lang()).join("\n"))))
    }
}
