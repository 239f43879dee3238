//! Pages and known findings of the user's own: where they are, and `meshwhy catalog check`.

use std::io::Write;
use std::path::Path;

use meshwhy::aggregate::Summary;
use meshwhy::diagnosis::{Example, Page, Rulebook};
use meshwhy::format::Reader;
use meshwhy::input::Input;
use meshwhy::pipeline::{Options, summarise};
use meshwhy::query::Filter;
use meshwhy::report::escape::terminal;
use meshwhy::report::units::counted;
use meshwhy::words::{Lang, Said};
use meshwhy::{ErrorKind, Result, both, say};

use super::args::Rules;
use super::config;
use super::exit::Exit;

/// The built-in pages, under those of the configuration folder, under those of `--rules`.
pub(super) fn rulebook(args: &Rules) -> Result<Rulebook> {
    let mut book = Rulebook::built_in();
    let own = config::folder(config::variable).map(|folder| folder.join("rules"));
    for folder in own.iter().filter(|folder| folder.is_dir()).chain(&args.rules) {
        book.add(folder)?;
    }
    Ok(book)
}

/// Reads a folder's pages and runs their examples; says what fails, with file and line.
pub(super) fn check(folder: &Path, lang: Lang, out: &mut dyn Write) -> Result<Exit> {
    let mut book = Rulebook::built_in();
    let mut tell = |text: &str| {
        let text = terminal(text.as_bytes());
        writeln!(out, "{text}").map_err(ErrorKind::Write)
    };
    let read = match book.add(folder) {
        Ok(read) => read,
        Err(error) if matches!(error.kind(), ErrorKind::Catalog { .. }) => {
            tell(&error.in_lang(lang))?;
            return Ok(Exit::Gate);
        }
        Err(error) => return Err(error),
    };
    let (mut failures, mut examples) = (0, 0);
    for (file, page) in &read.pages {
        let fires = page.fires.iter().map(|example| (example, true));
        for (example, should) in fires.chain(page.silent.iter().map(|example| (example, false))) {
            examples += 1;
            let place = format!("{file}:{}", example.line);
            let summary = summary_of(example)?;
            if let Some(wrong) = wrong(page, &summary, should) {
                failures += 1;
                tell(&format!("{place}: {}", wrong.in_lang(lang)))?;
            } else if let Some(rival) = rival(&book, page, &summary).filter(|_| should) {
                tell(&say!(
                    lang,
                    "{place}: note: fires, but {rival} explains these lines better",
                    "{place}: 提示：命中，但 {rival} 更能解释这些行"
                ))?;
            }
        }
        if page.fires.is_empty() && !page.head.when.is_empty() {
            failures += 1;
            tell(&say!(
                lang,
                "{file}:1: no example shows that it fires (```log fires)",
                "{file}:1: 没有命中的样例（```log fires）"
            ))?;
        }
    }
    let (n, off, known) = (read.pages.len() as u64, read.off.len(), read.known.len() as u64);
    let result = match failures {
        0 => lang.pick("all as they say", "均与所述相符").to_owned(),
        n => say!(lang, "{n} wrong", "{n} 处不符"),
    };
    let [pages, tried, rows] =
        [(n, "page"), (examples, "example"), (known, "known finding")].map(|(n, noun)| counted(n, noun));
    tell(&say!(
        lang,
        "{pages}, {off} switched off, {tried}, {rows}: {result}",
        "{n} 页，关闭 {off} 个原因，{examples} 个样例，{known} 条已知发现：{result}"
    ))?;
    Ok(if failures == 0 { Exit::Done } else { Exit::Gate })
}

fn summary_of(example: &Example) -> Result<Summary> {
    let input = Input::Bytes { name: "-".to_owned(), bytes: example.text.as_bytes().to_vec() };
    let options = Options { threads: 1, ..Options::default() };
    let (summary, ..) = summarise(&[input], &Reader::new(), &Filter::default(), &options, None)?;
    Ok(summary)
}

/// What is wrong with an example, if anything is.
fn wrong(page: &Page, summary: &Summary, should_fire: bool) -> Option<Said> {
    let lines = &summary.lines;
    if lines.rejected > 0 {
        return Some(both!("a line of this example cannot be read", "样例中有一行无法读取"));
    }
    if lines.access + lines.proxy == 0 {
        return Some(both!(
            "this example holds neither an access record nor a line of the proxy's own log",
            "样例中既没有访问日志记录，也没有代理自身的日志行"
        ));
    }
    match (should_fire, page.fires_on(summary)) {
        (true, false) => Some(both!(
            "no pattern fits this example, which should fire",
            "此样例应当命中，但没有模式与之相符"
        )),
        (false, true) => Some(both!(
            "a pattern fits this example, which should be silent",
            "此样例不应命中，却有模式与之相符"
        )),
        _ => None,
    }
}

/// The cause that comes first where the page's own is no finding.
fn rival(book: &Rulebook, page: &Page, summary: &Summary) -> Option<String> {
    let findings = book.catalog().diagnose(summary);
    match findings.iter().any(|finding| finding.id == page.head.id) {
        true => None,
        false => findings.into_iter().next().map(|finding| finding.id),
    }
}
