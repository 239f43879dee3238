//! The findings that the user knows already, in one line: counted, named, never lost.

use super::units::counted;
use crate::diagnosis::Suppressed;

/// Known findings that are named; more are counted.
const NAMED: usize = 5;

/// `2 known findings not shown: no-route at api.example.com until 2026-12-31 (ticket 7); …`
pub(super) fn sentence(suppressed: &[Suppressed]) -> Option<String> {
    let named = suppressed.iter().take(NAMED).map(|known| {
        let reason = known.reason.as_ref().map_or(String::new(), |reason| format!(" ({reason})"));
        format!("{} at {} until {}{reason}", known.finding.id, known.finding.scope.title(), known.until)
    });
    let mut items: Vec<String> = named.collect();
    if suppressed.len() > NAMED {
        items.push(format!("and {} more", suppressed.len() - NAMED));
    }
    let count = counted(suppressed.len() as u64, "known finding");
    (!suppressed.is_empty()).then(|| format!("{count} not shown: {}", items.join("; ")))
}
