//! The catalogue and what the user's folders make of it: pages that add to it, replace or switch off built-in ones, and
//! findings that are known (`docs/rules.md`). A slip in a folder is an error with file, line and column, never ignored.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::catalog::Catalog;
use super::finding::Finding;
use super::known::{self, Known, KnownFile, Suppressed};
use super::page::{self, Page};
use crate::aggregate::Summary;
use crate::arrange::Arrange;
use crate::words::{Lang, Said};
use crate::{Error, ErrorKind, Result};

/// A page is prose and a few rules; what is greater is something else.
const PAGE_BYTES: u64 = 256 << 10;
/// Pages of one folder: each is tried on each group of failures.
const PAGES: usize = 500;
/// Patterns of one page.
const PATTERNS: usize = 100;
/// Rows of `known.toml`.
const KNOWN: usize = 1_000;
/// The file with the known findings.
const KNOWN_FILE: &str = "known.toml";
/// What people call the file that says what a folder is for.
const NO_PAGE: &str = "README.md";

/// Pages and known findings.
#[derive(Debug, Clone)]
pub struct Rulebook {
    catalog: Catalog,
    known: Vec<Known>,
    /// Ids that some folder has switched off: other pages may still name them.
    off: Vec<String>,
}

/// What ails the traffic, by a rulebook.
#[derive(Debug, Clone, Default)]
pub struct Diagnosis {
    /// The findings, most important first.
    pub findings: Vec<Finding>,
    /// Findings that are known: not told in full.
    pub suppressed: Vec<Suppressed>,
    /// Known findings whose date has passed, in words.
    pub notes: Vec<String>,
}

/// One file of a folder.
struct Leaf {
    name: String,
    text: String,
}

/// What a folder holds, for those who check it.
#[derive(Debug, Clone)]
pub struct Folder {
    /// Each page with its file.
    pub pages: Vec<(String, Page)>,
    /// Causes that are switched off.
    pub off: Vec<String>,
    /// Rows of `known.toml`.
    pub known: Vec<Known>,
}

impl Default for Rulebook {
    fn default() -> Self {
        Rulebook::built_in()
    }
}

impl Rulebook {
    /// The built-in pages, and nothing known.
    pub fn built_in() -> Rulebook {
        Rulebook { catalog: Catalog::built_in().clone(), known: Vec::new(), off: Vec::new() }
    }

    /// The rulebook in a language.
    #[must_use]
    pub fn in_lang(self, lang: Lang) -> Rulebook {
        Rulebook { catalog: self.catalog.in_lang(lang), ..self }
    }

    /// The pages.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Lays a folder over what there is: its pages replace those of the same id.
    ///
    /// # Errors
    /// When the folder cannot be listed, or something in it is wrong; the first slip is told with file, line and column.
    pub fn add(&mut self, folder: &Path) -> Result<Folder> {
        let leaves = leaves(folder)?;
        let mut files: BTreeMap<String, String> = BTreeMap::new();
        let mut read = Folder { pages: Vec::new(), off: Vec::new(), known: Vec::new() };
        for leaf in leaves.iter().filter(|leaf| !leaf.is_known()) {
            let (id, page) = match page::switched_off(&leaf.name, &leaf.text)? {
                Some(id) => (id, None),
                None => {
                    let page = leaf.page()?;
                    (page.head.id.clone(), Some(page))
                }
            };
            if let Some(first) = files.insert(id.clone(), leaf.name.clone()) {
                return Err(leaf.fault(&id, both!("{first} is about {id}, too", "{first} 也是 {id} 的页")));
            }
            match page {
                Some(page) => read.pages.push((leaf.name.clone(), page)),
                None if !self.catalog.has(&id) => {
                    return Err(leaf.fault(
                        &id,
                        both!(
                            "no cause is called {id}: nothing to switch off",
                            "没有名为 {id} 的原因，无从关闭"
                        ),
                    ));
                }
                None => read.off.push(id),
            }
        }
        for (_, page) in &read.pages {
            self.catalog.put(page.clone());
        }
        for id in &read.off {
            self.catalog.remove(id);
            self.off.push(id.clone());
        }
        for leaf in &leaves {
            match leaf.is_known() {
                true => read.known.extend(self.known_of(leaf)?),
                false => self.check_names(leaf, &read)?,
            }
        }
        self.known.extend(read.known.iter().cloned());
        Ok(read)
    }

    fn is_cause(&self, id: &str) -> bool {
        self.catalog.has(id) || self.off.iter().any(|off| off == id)
    }

    /// Other causes that a page names must be there.
    fn check_names(&self, leaf: &Leaf, read: &Folder) -> Result<()> {
        let Some((_, page)) = read.pages.iter().find(|(name, _)| *name == leaf.name) else { return Ok(()) };
        let head = &page.head;
        let favoured = head.support.iter().chain(&head.against).filter_map(|adjust| adjust.favours.as_ref());
        let unknown =
            head.symptom_of.iter().chain(&head.follows).chain(favoured).find(|id| !self.is_cause(id));
        unknown.map_or(Ok(()), |id| Err(leaf.fault(id, no_cause(id))))
    }

    fn known_of(&self, leaf: &Leaf) -> Result<Vec<Known>> {
        let file: KnownFile = toml::from_str(&leaf.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            page::fault(&leaf.name, &leaf.text, at, page::as_it_is(error.message()))
        })?;
        if file.known.len() > KNOWN {
            return Err(page::fault(
                &leaf.name,
                &leaf.text,
                0,
                both!("more than {KNOWN} known findings", "已知发现超过 {KNOWN} 条"),
            ));
        }
        let unknown = file.known.iter().find(|row| !row.id.contains('*') && !self.is_cause(&row.id));
        match unknown {
            Some(row) => Err(leaf.fault(&row.id, no_cause(&row.id))),
            None => Ok(file.known),
        }
    }

    /// What ails the traffic, most important first. Whether a date has passed is asked of the log's last record, so that
    /// a log gives the same answer on every day; of `now_us` where no record has a time.
    pub fn diagnose(&self, summary: &Summary, now_us: i64) -> Diagnosis {
        let findings = self.catalog.diagnose(summary);
        let now_us = summary.span.last_us().unwrap_or(now_us);
        let (findings, suppressed, notes) = known::part(findings, &self.known, now_us, self.catalog.lang());
        Diagnosis { findings, suppressed, notes }
    }
}

impl Leaf {
    fn is_known(&self) -> bool {
        Path::new(&self.name).file_name().is_some_and(|name| name == KNOWN_FILE)
    }

    fn page(&self) -> Result<Page> {
        let mut page = Page::parse(&self.name, &self.text)?;
        let id = &page.head.id;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !id.chars().all(plain) || !(1..=64).contains(&id.len()) {
            let message = both!(
                "an id has up to 64 lower-case letters, digits and hyphens",
                "id 由至多 64 个小写字母、数字和连字符组成"
            );
            return Err(self.fault(id, message));
        }
        if page.head.when.len() > PATTERNS {
            return Err(page::fault(
                &self.name,
                &self.text,
                0,
                both!("more than {PATTERNS} patterns", "模式超过 {PATTERNS} 个"),
            ));
        }
        if page.head.title_zh.is_empty() {
            page.head.title_zh.clone_from(&page.title);
        }
        Ok(page)
    }

    /// What is wrong with a name, at the first place where it stands in quotes.
    fn fault(&self, name: &str, message: Said) -> Error {
        let at = ['"', '\''].iter().find_map(|quote| self.text.find(&format!("{quote}{name}{quote}")));
        page::fault(&self.name, &self.text, at.unwrap_or(0), message)
    }
}

fn no_cause(id: &str) -> Said {
    both!("no cause is called {id}", "没有名为 {id} 的原因")
}

/// Pages and known findings of a folder, in the order of their names.
fn leaves(folder: &Path) -> Result<Vec<Leaf>> {
    let refuse = |path: &Path, cause: &dyn std::fmt::Display| -> Error {
        let (path, cause) = (path.display(), cause.to_string());
        ErrorKind::Option { message: both!("rules: {path}: {cause}", "规则：{path}：{cause}") }.into()
    };
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder).map_err(|e| refuse(folder, &e))? {
        let path = entry.map_err(|e| refuse(folder, &e))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let wanted =
            name == KNOWN_FILE || (name.ends_with(".md") && name != NO_PAGE && !name.starts_with('.'));
        if wanted && path.is_file() {
            paths.push(path);
        }
        if paths.len() > PAGES {
            return Err(refuse(folder, &format!("more than {PAGES} pages")));
        }
    }
    paths.arrange();
    paths
        .into_iter()
        .map(|path| {
            let bytes = fs::metadata(&path).map_err(|e| refuse(&path, &e))?.len();
            if bytes > PAGE_BYTES {
                return Err(refuse(&path, &format!("{bytes} bytes; {PAGE_BYTES} are allowed")));
            }
            let text = fs::read_to_string(&path).map_err(|e| refuse(&path, &e))?;
            // Editors of other systems; neither moves a line.
            let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
            Ok(Leaf { name: path.display().to_string(), text })
        })
        .collect()
}

#[cfg(test)]
mod tests;
