//! Answers to `explain` and `catalog`: flags, causes and formats in words (`explain --list`: [`lists`]). What the user typed is escaped like a log.

pub mod lists;

use std::io::{self, Write};

use super::View;
use super::escape::terminal;
use super::terminal::{Painted, Sheet, Tone, shortened, wrap};
use crate::arrange::Arrange;
use crate::diagnosis::{Catalog, Hit, Names, Page, Remedy, help};
use crate::envoy::details::{self, DetailRow};
use crate::envoy::transport::{self, TransportRow};
use crate::envoy::{FLAGS, FlagRow, FlagSet, flags};
use crate::error::{ErrorKind, Result};
use crate::format::{Sort, format_rows};
use crate::words::Lang;

/// A page that fits this much better than the next is the answer: a name against a word that is mentioned.
const CLEAR: f64 = 0.25;

/// Causes that are listed; what fits worse is no answer.
const HITS: usize = 30;

/// Explains flags, a cause id, or any text that the catalogue knows, in the language of the catalogue. `false`: nothing
/// is known of it.
///
/// # Errors
/// When the writer fails.
pub fn explain(text: &str, catalog: &Catalog, view: View, out: &mut dyn Write) -> Result<bool> {
    let mut sheet = Sheet::new(out, &view);
    let set = set_of(text);
    if known_flags(&set) {
        flag_set(&set, catalog, &mut sheet).map_err(ErrorKind::Write)?;
        return Ok(true);
    }
    // The meaning of a value of the log stands before the causes that it may have.
    let lang = catalog.lang();
    let meant = values(text, lang);
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
        [only] => page(only.page, lang, &mut sheet),
        [first, second, ..] if first.score - second.score >= CLEAR => page(first.page, lang, &mut sheet),
        many => list(text, many, lang, &mut sheet),
    }
    .map_err(ErrorKind::Write)?;
    Ok(true)
}

/// What a text means as a value of the details or of the transport failure reason: names and sentences, whole
/// values before the reasons inside them.
fn values(text: &str, lang: Lang) -> Vec<(String, String)> {
    let joined: String = text.split_whitespace().collect::<Vec<_>>().join("_");
    let mut out: Vec<(String, String)> = Vec::new();
    // A reason may stand for a whole value and inside one: it is said once.
    for row in [details::explain(&joined), details::explain_reason(&joined)].into_iter().flatten() {
        if out.iter().all(|(name, _)| *name != row.pattern) {
            out.push((row.pattern.clone(), detail_meaning(row, lang)));
        }
    }
    out.extend(transport::explain(&joined).map(|row| (row.name.clone(), transport_meaning(row, lang))));
    out
}

/// What the flags of a set mean. Unknown ones are named as such.
///
/// # Errors
/// When the writer fails.
pub fn flag_meanings(text: &str, view: View, out: &mut dyn Write) -> Result<()> {
    meanings(text, view.lang, &mut Sheet::new(out, &view)).map_err(ErrorKind::Write)?;
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
    let lang = catalog.lang();
    meanings(text, lang, sheet)?;
    let hits = catalog.by_flags(FlagSet::parse(text.as_bytes()));
    if hits.is_empty() {
        return Ok(());
    }
    sheet.blank()?;
    sheet.line(lang.pick(
        "Which cause? Look at the details and the transport failure reason:",
        "是哪一种原因？看响应码详情和传输失败原因：",
    ))?;
    table(&hits, lang, sheet)?;
    hint(&hits, lang, sheet)
}

fn meanings(text: &str, lang: Lang, sheet: &mut Sheet<'_>) -> io::Result<()> {
    let rows: Vec<&FlagRow> = FlagSet::parse(text.as_bytes()).rows().collect();
    let name = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    for row in rows {
        let label = format!("{:<5} {:<name$}", row.code, row.name);
        sheet.labelled(&label, label.len() + 2, &meaning(row, lang))?;
    }
    for token in flags::tokens(text.as_bytes()).filter(|t| FlagSet::parse(t).has_unknown()) {
        let token = terminal(token);
        sheet.line(&say!(
            lang,
            "{token}  no flag of Envoy itself: a filter may have set it",
            "{token}  不是 Envoy 自身的标志：可能由过滤器设置"
        ))?;
    }
    Ok(())
}

fn meaning(row: &FlagRow, lang: Lang) -> String {
    let since = match row.since.strip_prefix("up to ") {
        Some(version) => say!(lang, "{version} or before", "{version} 或更早"),
        None => row.since.to_owned(),
    };
    let FlagRow { meaning, zh, status, status_zh, .. } = row;
    say!(
        lang,
        "{meaning} (status: {status}; since Envoy {since})",
        "{zh}（状态码：{status_zh}；始于 Envoy {since}）"
    )
}

fn list(text: &str, hits: &[Hit<'_>], lang: Lang, sheet: &mut Sheet<'_>) -> io::Result<()> {
    let text = shortened(&terminal(text.as_bytes()), 60);
    sheet.line(&say!(lang, "{text}: what fits best comes first", "{text}：最匹配的在前"))?;
    table(hits, lang, sheet)?;
    hint(hits, lang, sheet)
}

fn table(hits: &[Hit<'_>], lang: Lang, sheet: &mut Sheet<'_>) -> io::Result<()> {
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
        let more = hits.len() - HITS;
        sheet.line(&say!(lang, "  and {more} more", "  另有 {more} 项"))?;
    }
    Ok(())
}

fn hint(hits: &[Hit<'_>], lang: Lang, sheet: &mut Sheet<'_>) -> io::Result<()> {
    let Some(first) = hits.first() else { return Ok(()) };
    sheet.blank()?;
    let id = &first.page.head.id;
    let text = say!(
        lang,
        "meshwhy explain {id}    meshwhy explain '<a whole log line>'",
        "meshwhy explain {id}    meshwhy explain '<一整行日志>'"
    );
    sheet.line(&sheet.paint(Tone::Dim, &text))
}

fn page(page: &Page, lang: Lang, sheet: &mut Sheet<'_>) -> io::Result<()> {
    // A page may be the user's own, and so anybody's: what it says is escaped like a log.
    let title = terminal(page.title.as_bytes());
    let title = Painted { text: sheet.paint(Tone::Strong, &title), ..Painted::plain(title) };
    let guide = match page.head.guide.is_empty() {
        true => page.head.id.clone(),
        false => {
            let (word, sections) = (lang.pick("guide", "手册"), page.head.guide.join(lang.comma()));
            format!("{} · {word} {}", page.head.id, terminal(sections.as_bytes()))
        }
    };
    sheet.both_ends(&title, &guide, 0)?;
    sheet.blank()?;
    markdown(&page.body, sheet)?;
    let names = Names::none();
    for (heading, advice) in
        [(lang.pick("Check", "检查"), &page.head.confirm), (lang.pick("Fix", "修复"), &page.head.fix)]
    {
        if advice.is_empty() {
            continue;
        }
        sheet.blank()?;
        sheet.line(&sheet.paint(Tone::Strong, heading))?;
        for item in advice {
            remedy(&names.remedy(item, lang), sheet)?;
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
        sheet.line(
            &sheet.paint(Tone::Dim, &say!(lang, "with sample lines: {help}", "附样例日志行：{help}")),
        )?;
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
        // On a screen the stars of bold words are only noise.
        let line = &line.replace("**", "");
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
pub fn list_flags(view: View, out: &mut dyn Write) -> Result<()> {
    let mut sheet = Sheet::plain(out, view.width);
    let name = FLAGS.iter().map(|row| row.name.len()).max().unwrap_or(0);
    for row in FLAGS {
        let label = format!("{:<5} {:<name$}", row.code, row.name);
        sheet.labelled(&label, label.len() + 2, &meaning(row, view.lang)).map_err(ErrorKind::Write)?;
    }
    Ok(())
}

/// All causes, by id, with their class and the sections of the guide that they answer.
///
/// # Errors
/// When the writer fails.
pub fn list_causes(catalog: &Catalog, width: usize, out: &mut dyn Write) -> Result<()> {
    let (mut sheet, lang) = (Sheet::plain(out, width), catalog.lang());
    let mut pages: Vec<&Page> = catalog.pages();
    pages.arrange_by(|a, b| a.head.id.cmp(&b.head.id));
    let id = pages.iter().map(|page| page.head.id.len()).max().unwrap_or(0);
    for page in pages {
        let mut aside = page.head.class.meaning(lang).to_owned();
        if !page.head.guide.is_empty() {
            let guide = page.head.guide.join(lang.comma());
            aside.push_str(&say!(lang, "; guide {guide}", "；手册 {guide}"));
        }
        let text = terminal(format!("{}{}", page.title, lang.aside(&aside)).as_bytes());
        sheet.labelled(&format!("{:<id$}", page.head.id), id + 2, &text).map_err(ErrorKind::Write)?;
    }
    Ok(())
}

/// All response code details and transport failures that are known, with who writes them and what they mean.
///
/// # Errors
/// When the writer fails.
pub fn list_details(view: View, out: &mut dyn Write) -> Result<()> {
    let mut sheet = Sheet::plain(out, view.width);
    vocabulary(view.lang, &mut sheet).map_err(ErrorKind::Write)?;
    Ok(())
}

fn vocabulary(lang: Lang, sheet: &mut Sheet<'_>) -> io::Result<()> {
    for (kind, heading) in [
        (
            details::Kind::Detail,
            ("Response code details (* stands for any text)", "响应码详情（* 代表任意文本）"),
        ),
        (
            details::Kind::Reset,
            (
                "Reasons within upstream_reset_before_response_started{…}",
                "upstream_reset_before_response_started{…} 里的原因",
            ),
        ),
        (details::Kind::Close, ("Reasons for which this proxy closes a connection", "本代理关闭连接的原因")),
    ] {
        sheet.line(lang.pick(heading.0, heading.1))?;
        for row in details::rows().iter().filter(|row| row.kind == kind) {
            sheet.line(&row.pattern)?;
            sheet.labelled("", 4, &detail_meaning(row, lang))?;
        }
        sheet.blank()?;
    }
    sheet.line(lang.pick("Transport failure reasons", "传输失败原因"))?;
    for row in transport::rows() {
        sheet.line(&row.name)?;
        sheet.labelled("", 4, &transport_meaning(row, lang))?;
    }
    Ok(())
}

fn detail_meaning(row: &DetailRow, lang: Lang) -> String {
    let DetailRow { by, code, flags, since, .. } = row;
    let mut facts = vec![say!(lang, "by {by}", "来自 {by}")];
    if !code.is_empty() {
        let code_zh = row.code_in_chinese();
        facts.push(say!(lang, "status {code}", "状态码 {code_zh}"));
    }
    if !flags.is_empty() {
        let flags = flags.join(lang.comma());
        facts.push(say!(lang, "flags {flags}", "标志 {flags}"));
    }
    if !since.is_empty() {
        facts.push(say!(lang, "since Envoy {since}", "始于 Envoy {since}"));
    }
    format!("{}{}", lang.pick(&row.meaning, &row.zh), lang.aside(&facts.join(lang.semicolon())))
}

fn transport_meaning(row: &TransportRow, lang: Lang) -> String {
    let (meaning, by) = (lang.pick(&row.meaning, &row.zh), row.by.name(lang));
    say!(lang, "{meaning} (raised by {by})", "{meaning}（由{by}引起）")
}

/// All that is recognised without being told: formats, wrappers and containers, each with a sample.
///
/// # Errors
/// When the writer fails.
pub fn list_formats(view: View, out: &mut dyn Write) -> Result<()> {
    let mut sheet = Sheet::plain(out, view.width);
    formats(view.lang, &mut sheet).map_err(ErrorKind::Write)?;
    Ok(())
}

fn formats(lang: Lang, sheet: &mut Sheet<'_>) -> io::Result<()> {
    for (at, (heading, sorts)) in [
        (
            lang.pick(
                "Formats of access records (names for --format)",
                "访问记录的格式（--format 使用的名称）",
            ),
            &[Sort::Text, Sort::Json, Sort::Ztunnel][..],
        ),
        (
            lang.pick(
                "What may stand around a line (LINE), also inside each other",
                "行（LINE）外面可以有的包装，可以互相嵌套",
            ),
            &[Sort::Wrapper],
        ),
        (lang.pick("Containers, also inside each other", "容器，可以互相嵌套"), &[Sort::Container]),
    ]
    .into_iter()
    .enumerate()
    {
        if at > 0 {
            sheet.blank()?;
        }
        sheet.line(heading)?;
        for row in format_rows().iter().filter(|row| sorts.contains(&row.sort)) {
            sheet.labelled(&format!("{:<24}", row.name), 26, lang.pick(&row.since, &row.zh))?;
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
        list_flags(View::default(), &mut flags).unwrap();
        list_causes(Catalog::built_in(), 100, &mut causes).unwrap();
        let (flags, causes) = (String::from_utf8(flags).unwrap(), String::from_utf8(causes).unwrap());
        assert!(FLAGS.iter().all(|row| flags.contains(row.name)));
        assert!(Catalog::built_in().pages().iter().all(|page| causes.contains(&page.head.id)));
    }
}
