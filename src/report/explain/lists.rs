//! `explain --list`: the causes by what the reader has in hand, a section of the guide, a flag, or what was seen.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use super::super::escape::terminal;
use super::super::terminal::Sheet;
use crate::diagnosis::{Catalog, GUIDE, Page};
use crate::envoy::{FLAGS, FlagSet};
use crate::error::{ErrorKind, Result};
use crate::format::{Reader, Reading};
use crate::record::{Carrier, Layout, Outcome, Record};

/// What the list is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Section of the troubleshooting guide.
    Guide,
    /// Response flag.
    Flag,
    /// Status, and the text that a client saw.
    Symptom,
}

/// A row of a list: what the reader has, what that is, and the ids of the causes.
pub type Row = (String, String, Vec<String>);

/// The rows of a list, none without a cause.
pub fn rows(catalog: &Catalog, by: By) -> Vec<Row> {
    let rows: Vec<Row> = match by {
        By::Guide => guide(catalog),
        By::Flag => FLAGS
            .iter()
            .map(|row| {
                let hits = catalog.by_flags(FlagSet::parse(row.code.as_bytes()));
                let ids = hits.iter().map(|hit| hit.page.head.id.clone()).collect();
                (row.code.to_owned(), row.name.to_owned(), ids)
            })
            .collect(),
        By::Symptom => statuses(catalog).into_iter().chain(texts(catalog)).collect(),
    };
    rows.into_iter().filter(|(_, _, ids)| !ids.is_empty()).collect()
}

/// Writes a list.
///
/// # Errors
/// When the writer fails.
pub fn write(catalog: &Catalog, by: By, width: usize, out: &mut dyn Write) -> Result<()> {
    let mut sheet = Sheet::plain(out, width);
    all(&rows(catalog, by), &mut sheet).map_err(ErrorKind::Write)?;
    Ok(())
}

fn all(rows: &[Row], sheet: &mut Sheet<'_>) -> io::Result<()> {
    for (key, about, ids) in rows {
        let head = format!("{}  {}", terminal(key.as_bytes()), terminal(about.as_bytes()));
        sheet.labelled("", 0, head.trim())?;
        sheet.labelled("", 4, &ids.join(", "))?;
    }
    Ok(())
}

fn guide(catalog: &Catalog) -> Vec<Row> {
    let ids = |section: &str| -> Vec<String> {
        let answers = |page: &&Page| page.head.guide.iter().any(|s| s == section);
        catalog.pages().into_iter().filter(answers).map(|page| page.head.id.clone()).collect()
    };
    let known =
        GUIDE.iter().map(|(section, about)| ((*section).to_owned(), (*about).to_owned(), ids(section)));
    // Pages of the user's own may have a guide of their own.
    let others: BTreeSet<&String> = catalog
        .pages()
        .iter()
        .flat_map(|page| &page.head.guide)
        .filter(|section| !GUIDE.iter().any(|(known, _)| known == section))
        .collect();
    known.chain(others.into_iter().map(|section| (section.clone(), String::new(), ids(section)))).collect()
}

/// By the status that the records of the pages' own examples have.
fn statuses(catalog: &Catalog) -> Vec<Row> {
    let mut by_code: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    for page in catalog.pages() {
        for code in codes(page) {
            by_code.entry(code).or_default().push(page.head.id.clone());
        }
    }
    let lang = catalog.lang();
    let about = |code| match code {
        0 => lang.pick(
            "no answer: the client left, or the connection is TCP's",
            "没有应答：客户端已离开，或为 TCP 连接",
        ),
        200..=399 => lang.pick(
            "told as a success all the same: gRPC, streams, redirects",
            "仍以成功告知客户端：gRPC、流、重定向",
        ),
        _ => "",
    };
    by_code
        .into_iter()
        .map(|(code, ids)| (say!(lang, "status {code}", "状态码 {code}"), about(code).to_owned(), ids))
        .collect()
}

/// Statuses of the failures that a page is shown with; of all its records where none failed.
fn codes(page: &Page) -> BTreeSet<u16> {
    let (reader, mut layout, mut scratch) = (Reader::new(), Layout::default(), Vec::new());
    let (mut codes, mut failures) = (BTreeSet::new(), BTreeSet::new());
    for line in page.fires.iter().flat_map(|example| example.text.lines()) {
        if let Reading::Access = reader.read(line.as_bytes(), &mut layout, &mut scratch) {
            let text = if layout.in_scratch { &scratch[..] } else { line.as_bytes() };
            let record = Record::new(text, &layout, Carrier::default());
            let failed = record.outcome() != Outcome::Ok || !record.flags().is_empty();
            codes.insert(record.code());
            failures.extend(failed.then(|| record.code()));
        }
    }
    if failures.is_empty() { codes } else { failures }
}

/// By the texts that clients saw.
fn texts(catalog: &Catalog) -> Vec<Row> {
    let mut by_text: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for page in catalog.pages() {
        for text in &page.head.texts {
            let text = text.trim_matches('*').replace('*', " … ");
            let ids = by_text.entry(text).or_default();
            if !ids.contains(&page.head.id) {
                ids.push(page.head.id.clone());
            }
        }
    }
    by_text.into_iter().map(|(text, ids)| (format!("“{text}”"), String::new(), ids)).collect()
}
