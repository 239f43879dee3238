//! Answers to `explain` and `catalog`: flags, causes and formats in words. What the user typed is escaped like a log.

use std::io::{self, Write};

use super::View;
use super::escape::terminal;
use super::terminal::{Painted, Sheet, Tone, shortened, wrap};
use crate::diagnosis::{Catalog, Hit, Names, Page, Remedy};
use crate::envoy::{FLAGS, FlagRow, FlagSet, flags};
use crate::error::{ErrorKind, Result};
use crate::format::known_formats;

/// Causes that are listed; what fits worse is no answer.
const HITS: usize = 30;

/// Explains flags, a cause id, or any text that the catalogue knows. `false`: nothing is known of it.
///
/// # Errors
/// When the writer fails.
pub fn explain(text: &str, view: View, out: &mut dyn Write) -> Result<bool> {
    let mut sheet = Sheet::new(out, view.width, view.colour);
    let catalog = Catalog::built_in();
    let set = set_of(text);
    if known_flags(&set) {
        flag_set(&set, catalog, &mut sheet).map_err(ErrorKind::Write)?;
        return Ok(true);
    }
    let hits = catalog.look_up(text);
    match &hits[..] {
        [] => return Ok(false),
        [only] => page(only.page, &mut sheet),
        [first, second, ..] if first.score >= 1.0 && second.score < 1.0 => page(first.page, &mut sheet),
        many => list(text, many, &mut sheet),
    }
    .map_err(ErrorKind::Write)?;
    Ok(true)
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
        sheet.labelled(&format!("  {:<id$}", hit.page.head.id), id + 4, &hit.page.title)?;
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
    let title =
        Painted { text: sheet.paint(Tone::Strong, &page.title), ..Painted::plain(page.title.clone()) };
    let guide = match page.head.guide.is_empty() {
        true => page.head.id.clone(),
        false => format!("{} · guide {}", page.head.id, page.head.guide.join(", ")),
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
        sheet.line(link)?;
    }
    Ok(())
}

fn remedy(remedy: &Remedy, sheet: &mut Sheet<'_>) -> io::Result<()> {
    if !remedy.text.is_empty() {
        sheet.labelled("- ", 2, &remedy.text)?;
    }
    for line in remedy.command.iter().chain(&remedy.yaml).flat_map(|block| block.lines()) {
        sheet.line(&format!("    {line}"))?;
    }
    Ok(())
}

/// Markdown reads well as it stands; only its long lines are wrapped, and never inside a fence or a table.
fn markdown(body: &str, sheet: &mut Sheet<'_>) -> io::Result<()> {
    let mut fenced = false;
    for line in body.lines() {
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

/// All causes, by id.
///
/// # Errors
/// When the writer fails.
pub fn list_causes(width: usize, out: &mut dyn Write) -> Result<()> {
    let mut sheet = Sheet::new(out, width, false);
    let mut pages: Vec<&Page> = Catalog::built_in().pages().iter().collect();
    pages.sort_by(|a, b| a.head.id.cmp(&b.head.id));
    let id = pages.iter().map(|page| page.head.id.len()).max().unwrap_or(0);
    for page in pages {
        sheet.labelled(&format!("{:<id$}", page.head.id), id + 2, &page.title).map_err(ErrorKind::Write)?;
    }
    Ok(())
}

/// All text formats that are recognised, with their Envoy format strings.
///
/// # Errors
/// When the writer fails.
pub fn list_formats(out: &mut dyn Write) -> Result<()> {
    for (name, text) in known_formats() {
        writeln!(out, "{name}\n    {}", terminal(text.trim_end().as_bytes())).map_err(ErrorKind::Write)?;
    }
    writeln!(
        out,
        "JSON under Istio's keys or any (--json-keys), and ztunnel's lines, are recognised as well"
    )
    .map_err(ErrorKind::Write)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(text: &str) -> Option<String> {
        let mut out = Vec::new();
        let known = explain(text, View::default(), &mut out).unwrap();
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
        list_causes(100, &mut causes).unwrap();
        let (flags, causes) = (String::from_utf8(flags).unwrap(), String::from_utf8(causes).unwrap());
        assert!(FLAGS.iter().all(|row| flags.contains(row.name)));
        assert!(Catalog::built_in().pages().iter().all(|page| causes.contains(&page.head.id)));
    }
}
