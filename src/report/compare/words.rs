//! The comparison as a document.

use super::super::story::{Block, Section, Story, Table};
use super::super::units::{count, counted, duration, rate};
use super::{Change, Comparison, Share, Verdict, What};
use crate::record::time::rfc3339_s;

/// Rows of a table.
const ROWS: usize = 30;

pub(super) fn story(comparison: &Comparison<'_>) -> Story {
    let of = |verdict| comparison.changes.iter().filter(move |c| c.verdict == verdict);
    let sections = [
        ("New", Verdict::New),
        ("Worse", Verdict::Worse),
        ("Better", Verdict::Better),
        ("Gone", Verdict::Gone),
    ]
    .map(|(title, verdict)| {
        let rows: Vec<Vec<String>> = of(verdict).map(row).collect();
        let more = rows.len().saturating_sub(ROWS);
        let mut blocks = Vec::new();
        if !rows.is_empty() {
            let rows = rows.into_iter().take(ROWS).collect();
            blocks.push(Block::Table(Table::new(["where", "what", "before", "after", "chance"], rows, 2)));
        }
        if more > 0 {
            blocks.push(Block::Text(format!("{} more in the JSON.", count(more as u64))));
        }
        Section { title: title.to_owned(), blocks }
    });
    let mut sections: Vec<Section> = sections.into();
    sections.push(data(comparison));
    sections.retain(|s| !s.blocks.is_empty());
    Story { title: title(comparison), lead: vec![lead(comparison)], key: key(comparison), sections }
}

fn title(comparison: &Comparison<'_>) -> String {
    let n =
        |verdicts: &[Verdict]| comparison.changes.iter().filter(|c| verdicts.contains(&c.verdict)).count();
    match (n(&[Verdict::New, Verdict::Worse]), n(&[Verdict::Better, Verdict::Gone])) {
        (0, 0) => "Nothing changed that chance would not explain".to_owned(),
        (0, _) => "Better than before".to_owned(),
        (_, 0) => "Worse than before".to_owned(),
        _ => "Some of it is worse than before, some better".to_owned(),
    }
}

fn lead(comparison: &Comparison<'_>) -> String {
    let side = |summary: &crate::aggregate::Summary| {
        let c = summary.counts;
        format!(
            "{} of {} failed ({})",
            count(c.failed()),
            counted(c.requests(), "request"),
            rate(c.failed(), c.requests())
        )
    };
    format!("Before: {}. After: {}.", side(comparison.before.summary), side(comparison.after.summary))
}

fn key(comparison: &Comparison<'_>) -> Vec<(&'static str, String)> {
    let share =
        |summary: &crate::aggregate::Summary| rate(summary.counts.failed(), summary.counts.requests());
    vec![
        ("failed before", share(comparison.before.summary)),
        ("failed after", share(comparison.after.summary)),
    ]
}

fn row(change: &Change) -> Vec<String> {
    let scope = change.scope.clone().unwrap_or_else(|| "all requests".to_owned());
    let what = match (&change.cause, change.what) {
        (Some((_, title)), _) => title.clone(),
        (None, What::Latency) => "latency p50 / p90 / p99".to_owned(),
        (None, _) => "failures".to_owned(),
    };
    let [before, after] = match change.latency {
        Some(sides) => sides.map(|quantiles| quantiles.map(duration).join(" / ")),
        None => [change.before, change.after].map(share),
    };
    vec![scope, what, before, after, chance(change.p)]
}

fn share(share: Share) -> String {
    format!("{} ({} of {})", rate(share.hits, share.of), count(share.hits), count(share.of))
}

/// The chance that it is chance.
fn chance(p: f64) -> String {
    match p {
        p if p < 0.0001 => "<0.01 %".to_owned(),
        p => format!("{:.2} %", p * 100.0),
    }
}

fn data(comparison: &Comparison<'_>) -> Section {
    let mut items = Vec::new();
    for (name, side) in [("before", comparison.before), ("after", comparison.after)] {
        let span = side.summary.span;
        if let (Some(first), Some(last)) = (span.first_us, span.last_us) {
            items.push(format!("{name}: {} – {}", rfc3339_s(first), rfc3339_s(last)));
        }
    }
    let same = comparison.changes.iter().filter(|c| c.verdict == Verdict::Same).count();
    let alone = comparison.changes.iter().filter(|c| c.verdict == Verdict::Unknown).count();
    items.push(format!(
        "{} made; a difference counts when the chance to see it without a change is below {:.3} %; {same} show none",
        counted((comparison.changes.len() - alone) as u64, "comparison"),
        comparison.level * 100.0
    ));
    if alone > 0 {
        items.push(format!(
            "{} could not be made: no request on one side",
            counted(alone as u64, "comparison")
        ));
    }
    items.extend(comparison.warnings());
    Section { title: "The data".to_owned(), blocks: vec![Block::Items(items)] }
}
