//! Answers to `explain` and `catalog`: flags, causes and formats in words (`explain --list`: [`lists`]). What the user typed is escaped like a log.

pub mod lists;

use std::io::{self, Write};

use super::View;
use super::escape::terminal;
use super::terminal::{Painted, Sheet, Tone, shortened, wrap};
use crate::diagnosis::{Catalog, Hit, Names, Page, Remedy, help};
use crate::envoy::details::{self, DetailRow};
use crate::envoy::transport::{self, TransportRow};
use crate::envoy::{FLAGS, FlagRow, FlagSet, flags};
use crate::error::{ErrorKind, Result};
use crate::format::{Sort, format_rows};

/// A page that fits this much better than the next is the answer: a name against a word that is mentioned.
const CLEAR: f64 = 0.25;

/// Causes that are listed; what fits worse is no answer.
const HITS: usize = 30;

/// Explains flags, a cause id, or any text that the catalogue knows. `false`: nothing is known of it.
///
/// # Errors
/// When the writer fails.
pub fn explain(text: &str, catalog: &Catalog, view: View, out: &mut dyn Write) -> Result<bool> {
    let mut sheet = Sheet::new(out, view.width, view.colour);
    let set = set_of(text);
    if known_flags(&set) {
        flag_set(&set, catalog, &mut sheet).map_err(ErrorKind::Write)?;
        return Ok(true);
    }
    // The meaning of a value of the log stands before the causes that it may have.
    let meant = values(text);
    for (label, meaning) in &meant {
        sheet.line(label).map_err(ErrorKind::Write)?;
        sheet.labelled("", 4, meaning).map_err(ErrorKind::Write)?;
    }
    let mut hits = catalog.look_up(text);
    if hits.is_empty() {
        // `os error 111` is how ztunnel spells what the pages know in words.
        let words = transport::explain(text).and_then(|row| row.parts.first());
        hits = words.map(|words| catalog.look_up(words)).unwrap_or_default();
    }
    if !meant.is_empty() && !hits.is_empty() {
        sheet.blank().map_err(ErrorKind::Write)?;
    }
    match &hits[..] {
        [] => return Ok(!meant.is_empty()),
        [only] => page(only.page, &mut sheet),
        [first, second, ..] if first.score - second.score >= CLEAR => page(first.page, &mut sheet),
        many => list(text, many, &mut sheet),
    }
    .map_err(ErrorKind::Write)?;
    Ok(true)
}

/// What a text means as a value of the details or of the transport failure reason: names and sentences, whole
/// values before the reasons inside them.
fn values(text: &str) -> Vec<(String, String)> {
    let joined: String = text.split_whitespace().collect::<Vec<_>>().join("_");
    let mut out: Vec<(String, String)> = Vec::new();
    // A reason may stand for a whole value and inside one: it is said once.
    for row in [details::explain(&joined), details::explain_reason(&joined)].into_iter().flatten() {
        if out.iter().all(|(name, _)| *name != row.pattern) {
            out.push((row.pattern.clone(), detail_meaning(row)));
        }
    }
    out.extend(transport::explain(&joined).map(|row| (row.name.clone(), transport_meaning(row))));
    out
}

/// What the flags of a set mean. Unknown ones are named as such.
///
/// # Errors
/// When the writer fails.
pub fn flag_meanings(text: &str, view: View, out: &mut dyn Write) -> Result<()> {
    meanings(text, &mut Sheet::new(out, view.width, view.colour)).map_err(ErrorKind::Write)?;
    Ok(())
}

/// The text as a flags field, however people wrote it: `UF,URX`, `URX UF`, `503 UC`, `UF+URX`.
fn set_of(text: &str) -> String {
    let words = text.split([' ', '+', ',']).filter(|word| !word.is_empty());
    let is_code = |word: &&str| word.len() == 3 && word.bytes().all(|b| b.is_ascii_digit());
    words.filter(|word| !is_code(word)).collect::<Vec<_>>().join(",")
}

/// True for a set with at least one flag of Envoy's; a lone upper-case word is more likely something else.
fn known_flags(text: &str) -> bool {
    flags::looks_like_flags(text.as_bytes()) && FlagSet::parse(text.as_bytes()).rows().next().is_some()
}

fn flag_set(text: &str, catalog: &Catalog, sheet: &mut Sheet<'_>) -> io::Result<()> {
    meanings(text, sheet)?;
    let hits = catalog.by_flags(FlagSet::parse(text.as_bytes()));
    if hits.is_empty() {
        return Ok(());
    }
    sheet.blank()?;
    sheet.line("Which cause? Look at the details and the transport failure reason:")?;
    table(&hits, sheet)?;
    hint(&hits, sheet)
}

fn meanings(text: &str, sheet: &mut Sheet<'_>) -> io::Result<()> {
    let rows: Vec<&FlagRow> = FlagSet::parse(text.as_bytes()).rows().collect();
    let name = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    for row in rows {
        let label = format!("{:<5} {:<name$}", row.code, row.name);
        sheet.labelled(&label, label.len() + 2, &meaning(row))?;
    }
    for token in flags::tokens(text.as_bytes()).filter(|t| FlagSet::parse(t).has_unknown()) {
        sheet.line(&format!("{}  no flag of Envoy itself: a filter may have set it", terminal(token)))?;
    }
    Ok(())
}

fn meaning(row: &FlagRow) -> String {
    let since = match row.since.strip_prefix("up to ") {
        Some(version) => format!("{version} or before"),
        None => row.since.to_owned(),
    };
    format!("{} (status: {}; since Envoy {since})", row.meaning, row.status)
}

fn list(text: &str, hits: &[Hit<'_>], sheet: &mut Sheet<'_>) -> io::Result<()> {
    sheet.line(&format!("{}: what fits best comes first", shortened(&terminal(text.as_bytes()), 60)))?;
    table(hits, sheet)?;
    hint(hits, sheet)
}

fn table(hits: &[Hit<'_>], sheet: &mut Sheet<'_>) -> io::Result<()> {
    let shown = &hits[..hits.len().min(HITS)];
    let id = shown.iter().map(|hit| hit.page.head.id.len()).max().unwrap_or(0);
    for hit in shown {
        let title = terminal(hit.page.title.as_bytes());
        sheet.labelled(&format!("  {:<id$}", hit.page.head.id), id + 4, &title)?;
        let why = hit.why.trim_matches('*');
        if !why.is_empty() {
            sheet.labelled("", id + 4, &terminal(why.as_bytes()))?;
        }
    }
    if hits.len() > HITS {
        sheet.line(&format!("  and {} more", hits.len() - HITS))?;
    }
    Ok(())
}

fn hint(hits: &[Hit<'_>], sheet: &mut Sheet<'_>) -> io::Result<()> {
    let Some(first) = hits.first() else { return Ok(()) };
    sheet.blank()?;
    let text = format!("meshwhy explain {}    meshwhy explain '<a whole log line>'", first.page.head.id);
    sheet.line(&sheet.paint(Tone::Dim, &text))
}

fn page(page: &Page, sheet: &mut Sheet<'_>) -> io::Result<()> {
    // A page may be the user's own, and so anybody's: what it says is escaped like a log.
    let title = terminal(page.title.as_bytes());
    let title = Painted { text: sheet.paint(Tone::Strong, &title), ..Painted::plain(title) };
    let guide = match page.head.guide.is_empty() {
        true => page.head.id.clone(),
        false => format!("{} · guide {}", page.head.id, terminal(page.head.guide.join(", ").as_bytes())),
    };
    sheet.both_ends(&title, &guide, 0)?;
    sheet.blank()?;
    markdown(&page.body, sheet)?;
    let names = Names::none();
    for (heading, advice) in [("Check", &page.head.confirm), ("Fix", &page.head.fix)] {
        if advice.is_empty() {
            continue;
        }
        sheet.blank()?;
        sheet.line(&sheet.paint(Tone::Strong, heading))?;
        for item in advice {
            remedy(&names.remedy(item), sheet)?;
        }
    }
    for (i, link) in page.head.links.iter().enumerate() {
        if i == 0 {
            sheet.blank()?;
        }
        sheet.line(&terminal(link.as_bytes()))?;
    }
    if let Some(help) = help(&page.head.id) {
        sheet.blank()?;
        sheet.line(&sheet.paint(Tone::Dim, &format!("with sample lines: {help}")))?;
    }
    Ok(())
}

fn remedy(remedy: &Remedy, sheet: &mut Sheet<'_>) -> io::Result<()> {
    if !remedy.text.is_empty() {
        sheet.labelled("- ", 2, &terminal(remedy.text.as_bytes()))?;
    }
    for line in remedy.command.iter().chain(&remedy.yaml).flat_map(|block| block.lines()) {
        sheet.line(&format!("    {}", terminal(line.as_bytes())))?;
    }
    Ok(())
}

/// Markdown reads well as it stands; only its long lines are wrapped, and never inside a fence or a table.
fn markdown(body: &str, sheet: &mut Sheet<'_>) -> io::Result<()> {
    let mut fenced = false;
    for line in body.lines() {
        let line = &terminal(line.as_bytes());
        fenced ^= line.trim_start().starts_with("```");
        if let Some(heading) = line.strip_prefix("## ").filter(|_| !fenced) {
            sheet.line(&sheet.paint(Tone::Strong, heading))?;
            continue;
        }
        if fenced || line.starts_with('|') || line.trim().is_empty() {
            sheet.line(line)?;
            continue;
        }
        let text = line.trim_start();
        let item = if text.starts_with("- ") { 2 } else { 0 };
        let lead = line.len() - text.len();
        let indent = lead + item;
        for (i, part) in wrap(text, sheet.width.saturating_sub(indent)).iter().enumerate() {
            let margin = if i == 0 { lead } else { indent };
            sheet.line(&format!("{:margin$}{part}", ""))?;
        }
    }
    Ok(())
}

/// All response flags.
///
/// # Errors
/// When the writer fails.
pub fn list_flags(width: usize, out: &mut dyn Write) -> Result<()> {
    let mut sheet = Sheet::new(out, width, false);
    let name = FLAGS.iter().map(|row| row.name.len()).max().unwrap_or(0);
    for row in FLAGS {
        let label = format!("{:<5} {:<name$}", row.code, row.name);
        sheet.labelled(&label, label.len() + 2, &meaning(row)).map_err(ErrorKind::Write)?;
    }
    Ok(())
}

/// All causes, by id, with their class and the sections of the guide that they answer.
///
/// # Errors
/// When the writer fails.
pub fn list_causes(catalog: &Catalog, width: usize, out: &mut dyn Write) -> Result<()> {
    let mut sheet = Sheet::new(out, width, false);
    let mut pages: Vec<&Page> = catalog.pages().iter().collect();
    pages.sort_by(|a, b| a.head.id.cmp(&b.head.id));
    let id = pages.iter().map(|page| page.head.id.len()).max().unwrap_or(0);
    for page in pages {
        let mut text = format!("{} ({}", terminal(page.title.as_bytes()), page.head.class.meaning());
        if !page.head.guide.is_empty() {
            text.push_str(&format!("; guide {}", page.head.guide.join(", ")));
        }
        text.push(')');
        sheet.labelled(&format!("{:<id$}", page.head.id), id + 2, &text).map_err(ErrorKind::Write)?;
    }
    Ok(())
}

/// All response code details and transport failures that are known, with who writes them and what they mean.
///
/// # Errors
/// When the writer fails.
pub fn list_details(width: usize, out: &mut dyn Write) -> Result<()> {
    let mut sheet = Sheet::new(out, width, false);
    vocabulary(&mut sheet).map_err(ErrorKind::Write)?;
    Ok(())
}

fn vocabulary(sheet: &mut Sheet<'_>) -> io::Result<()> {
    for (kind, heading) in [
        (details::Kind::Detail, "Response code details (* stands for any text)"),
        (details::Kind::Reset, "Reasons within upstream_reset_before_response_started{…}"),
        (details::Kind::Close, "Reasons for which this proxy closes a connection"),
    ] {
        sheet.line(heading)?;
        for row in details::rows().iter().filter(|row| row.kind == kind) {
            sheet.line(&row.pattern)?;
            sheet.labelled("", 4, &detail_meaning(row))?;
        }
        sheet.blank()?;
    }
    sheet.line("Transport failure reasons")?;
    for row in transport::rows() {
        sheet.line(&row.name)?;
        sheet.labelled("", 4, &transport_meaning(row))?;
    }
    Ok(())
}

fn detail_meaning(row: &DetailRow) -> String {
    let mut facts = vec![format!("by {}", row.by)];
    if !row.code.is_empty() {
        facts.push(format!("status {}", row.code));
    }
    if !row.flags.is_empty() {
        facts.push(format!("flags {}", row.flags.join(", ")));
    }
    if !row.since.is_empty() {
        facts.push(format!("since Envoy {}", row.since));
    }
    format!("{} ({})", row.meaning, facts.join("; "))
}

fn transport_meaning(row: &TransportRow) -> String {
    format!("{} (raised by {})", row.meaning, row.by.name())
}

/// All that is recognised without being told: formats, wrappers and containers, each with a sample.
///
/// # Errors
/// When the writer fails.
pub fn list_formats(width: usize, out: &mut dyn Write) -> Result<()> {
    let mut sheet = Sheet::new(out, width, false);
    formats(&mut sheet).map_err(ErrorKind::Write)?;
    Ok(())
}

fn formats(sheet: &mut Sheet<'_>) -> io::Result<()> {
    for (at, (heading, sorts)) in [
        ("Formats of access records (names for --format)", &[Sort::Text, Sort::Json, Sort::Ztunnel][..]),
        ("What may stand around a line (LINE), also inside each other", &[Sort::Wrapper]),
        ("Containers, also inside each other", &[Sort::Container]),
    ]
    .into_iter()
    .enumerate()
    {
        if at > 0 {
            sheet.blank()?;
        }
        sheet.line(heading)?;
        for row in format_rows().iter().filter(|row| sorts.contains(&row.sort)) {
            sheet.labelled(&format!("{:<24}", row.name), 26, &row.since)?;
            // Neither is wrapped: both are there to be copied.
            sheet.line(&format!("    {}", terminal(row.sample.as_bytes())))?;
            if let Some(text) = &row.text {
                sheet.line(&format!("    {}", terminal(text.trim_end().as_bytes())))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(text: &str) -> Option<String> {
        let mut out = Vec::new();
        let known = explain(text, Catalog::built_in(), View::default(), &mut out).unwrap();
        known.then(|| String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_flag_set_is_explained_flag_by_flag_with_its_causes() {
        for text in ["UF,URX", "URX UF", "UpstreamConnectionFailure,URX", "503 UF,URX"] {
            let screen = explained(text).unwrap();
            assert!(
                screen.contains("UF ") && screen.contains("URX ") && screen.contains("Which cause?"),
                "{screen}"
            );
            assert!(screen.contains("connection-refused"), "{screen}");
        }
        assert!(explained("UF,MINE").unwrap().contains("MINE  no flag of Envoy itself"));
    }

    #[test]
    fn every_cause_has_a_page_that_can_be_shown() {
        for page in Catalog::built_in().pages() {
            let screen = explained(&page.head.id).unwrap();
            assert!(screen.contains(&page.title) && screen.contains(&page.head.id), "{}", page.head.id);
        }
    }

    #[test]
    fn what_is_not_known_is_said_to_be() {
        assert_eq!(explained("zzzzqqqq"), None);
    }

    #[test]
    fn lists_name_everything() {
        let (mut flags, mut causes) = (Vec::new(), Vec::new());
        list_flags(100, &mut flags).unwrap();
        list_causes(Catalog::built_in(), 100, &mut causes).unwrap();
        let (flags, causes) = (String::from_utf8(flags).unwrap(), String::from_utf8(causes).unwrap());
        assert!(FLAGS.iter().all(|row| flags.contains(row.name)));
        assert!(Catalog::built_in().pages().iter().all(|page| causes.contains(&page.head.id)));
    }
}
