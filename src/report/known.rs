//! The findings that the user knows already, in one line: counted, named, never lost.

use super::units::counted;
use crate::diagnosis::Suppressed;
use crate::words::Lang;

/// Known findings that are named; more are counted.
const NAMED: usize = 5;

/// `2 known findings not shown: no-route at api.example.com until 2026-12-31 (ticket 7); …`
pub(super) fn sentence(suppressed: &[Suppressed], lang: Lang) -> Option<String> {
    let named = suppressed.iter().take(NAMED).map(|known| {
        let reason = known.reason.as_ref().map_or(String::new(), |reason| lang.aside(reason));
        let (id, scope, until) = (&known.finding.id, known.finding.scope.title(lang), &known.until);
        say!(lang, "{id} at {scope} until {until}{reason}", "{scope} 的 {id}，至 {until}{reason}")
    });
    let mut items: Vec<String> = named.collect();
    if suppressed.len() > NAMED {
        let more = suppressed.len() - NAMED;
        items.push(say!(lang, "and {more} more", "另有 {more} 条"));
    }
    let (n, items) = (suppressed.len() as u64, items.join(lang.semicolon()));
    let count = counted(n, "known finding");
    (n > 0).then(|| say!(lang, "{count} not shown: {items}", "{n} 条已知发现未显示：{items}"))
}
