//! Why: causes with what speaks for and against them, and the lines that show them.

use super::super::escape::utf8;
use super::super::units::{confidence, counted, rate};
use super::{Block, Section, Teller};
use crate::diagnosis::{Finding, Remedy, Severity, only_failures};
use crate::record::time::rfc3339_ms;

/// Lines shown of each cause.
const LINES: usize = 3;

impl Teller<'_, '_> {
    /// Causes that are told in full: those of the incident first, then all that matter.
    fn told(&self) -> Vec<&Finding> {
        let mine = self.findings();
        let others = self.account.report.findings.iter();
        let others =
            others.filter(|f| f.severity > Severity::Note && !mine.iter().any(|m| std::ptr::eq(*m, *f)));
        let mut all = mine.clone();
        all.extend(others);
        all.truncate(self.account.report.view.top);
        all
    }

    pub(super) fn causes(&self) -> Section {
        let mut blocks = Vec::new();
        for (at, finding) in self.told().into_iter().enumerate() {
            self.cause(at + 1, finding, &mut blocks);
        }
        let hidden = self.account.report.findings.len().saturating_sub(self.told().len());
        if hidden > 0 {
            blocks.push(Block::Text(format!("{} left out here.", counted(hidden as u64, "further note"))));
        }
        Section { title: "Likely causes".to_owned(), blocks }
    }

    fn cause(&self, number: usize, finding: &Finding, blocks: &mut Vec<Block>) {
        let prose = |text: &str| self.redact.prose(text);
        let scope = match &finding.scope.authority {
            Some(authority) if finding.scope.upstream.is_none() => self.redact.authority(authority),
            _ => finding.scope.title(),
        };
        blocks.push(Block::Head(format!(
            "{number}. {}: {} ({}, {} sure)",
            scope,
            finding.title,
            finding.severity.name(),
            confidence(finding.confidence)
        )));
        let share = match only_failures(self.account.report.summary) {
            true => String::new(),
            false => format!(" of {} ({})", finding.of, rate(finding.requests, finding.of)),
        };
        let guide = match finding.guide.is_empty() {
            true => String::new(),
            false => format!(", guide {}", finding.guide.join(", ")),
        };
        blocks.push(Block::Text(format!(
            "{} {}{share}. [{}{guide}]",
            prose(&finding.likely_cause),
            counted(finding.requests, "record"),
            finding.id
        )));
        let mut facts: Vec<String> =
            finding.evidence.iter().map(|fact| format!("for: {}", prose(&fact.text))).collect();
        facts.extend(finding.against.iter().map(|fact| format!("against: {}", prose(&fact.text))));
        for other in &finding.alternatives {
            facts.push(format!("instead: {} ({}), {}", other.title, other.id, confidence(other.confidence)));
        }
        if !facts.is_empty() {
            blocks.push(Block::Items(facts));
        }
        for (label, remedies) in [("Check", &finding.confirm), ("Fix", &finding.fix)] {
            for remedy in remedies {
                self.remedy(label, remedy, blocks);
            }
        }
    }

    fn remedy(&self, label: &str, remedy: &Remedy, blocks: &mut Vec<Block>) {
        let text = match remedy.text.is_empty() {
            true => format!("{label}:"),
            false => format!("{label}: {}", self.redact.prose(&remedy.text)),
        };
        blocks.push(Block::Text(text));
        blocks.extend(remedy.command.iter().map(|c| Block::Code(self.redact.prose(c))));
        blocks.extend(remedy.yaml.iter().map(|y| Block::Code(self.redact.prose(y))));
    }

    pub(super) fn exemplars(&self) -> Section {
        let mut blocks = Vec::new();
        for finding in self.told() {
            if finding.exemplars.is_empty() {
                continue;
            }
            blocks.push(Block::Head(format!("{}: {}", finding.scope.title(), finding.title)));
            for exemplar in finding.exemplars.iter().take(LINES) {
                let time = exemplar.time_us.map_or("no time".to_owned(), rfc3339_ms);
                let id = exemplar
                    .request_id
                    .as_deref()
                    .map_or(String::new(), |id| format!("request {}, ", utf8(id)));
                blocks.push(Block::Text(format!(
                    "{time}, {id}{} line {}, byte {}",
                    self.account.report.source(exemplar.source),
                    exemplar.line,
                    exemplar.offset
                )));
                blocks.push(Block::Code(self.redact.exemplar(exemplar)));
                blocks.extend(self.way(exemplar));
            }
        }
        Section { title: "Lines that show it".to_owned(), blocks }
    }
}
