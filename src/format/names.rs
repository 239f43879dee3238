//! Everything that is understood, for people: names, who writes it, and a line as a sample. The text formats are the
//! rows of `known.toml`; what is recognised by code has its row in `shown.toml`, and a test reads every sample.

use std::sync::OnceLock;

use serde::Deserialize;

/// What kind of thing a row speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// An Envoy format string.
    Text,
    /// JSON of a product.
    Json,
    /// Lines of ztunnel.
    Ztunnel,
    /// What stands around a line.
    Wrapper,
    /// What holds many lines: compression, archives, documents.
    Container,
}

impl Sort {
    /// True for the formats of records, whose names records carry.
    pub fn is_format(self) -> bool {
        matches!(self, Sort::Text | Sort::Json | Sort::Ztunnel)
    }
}

/// One thing that is understood.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormatRow {
    /// What kind of thing it is.
    #[serde(skip, default = "text")]
    pub sort: Sort,
    /// Name, as records carry it.
    pub name: String,
    /// Who writes it, and in which versions.
    pub since: String,
    /// The same in Chinese.
    pub zh: String,
    /// A line; of wrappers, `LINE` stands for the line they carry.
    pub sample: String,
    /// The Envoy format string of a text format.
    pub text: Option<String>,
}

fn text() -> Sort {
    Sort::Text
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    format: Vec<FormatRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shown {
    json: Vec<FormatRow>,
    ztunnel: Vec<FormatRow>,
    wrapper: Vec<FormatRow>,
    container: Vec<FormatRow>,
}

/// All rows: formats of records first, then what carries them.
pub fn format_rows() -> &'static [FormatRow] {
    static ROWS: OnceLock<Vec<FormatRow>> = OnceLock::new();
    ROWS.get_or_init(|| {
        // A slip in a table is found by the test below; a program without rows still reads logs.
        let known = toml::from_str::<Known>(include_str!("known.toml")).map(|k| k.format).unwrap_or_default();
        let Ok(shown) = toml::from_str::<Shown>(include_str!("shown.toml")) else { return known };
        let sorted = |sort, rows: Vec<FormatRow>| rows.into_iter().map(move |row| FormatRow { sort, ..row });
        known
            .into_iter()
            .chain(sorted(Sort::Json, shown.json))
            .chain(sorted(Sort::Ztunnel, shown.ztunnel))
            .chain(sorted(Sort::Wrapper, shown.wrapper))
            .chain(sorted(Sort::Container, shown.container))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sound() {
        toml::from_str::<Known>(include_str!("known.toml")).expect("known.toml");
        toml::from_str::<Shown>(include_str!("shown.toml")).expect("shown.toml");
        let mut names = std::collections::HashSet::new();
        for row in format_rows() {
            assert!(names.insert((format!("{:?}", row.sort), &row.name)), "{} stands there twice", row.name);
            assert!(!row.since.is_empty() && !row.sample.is_empty(), "{}", row.name);
            assert!(!row.sample.contains('\n'), "{}: one line", row.name);
            assert_eq!(row.text.is_some(), row.sort == Sort::Text, "{}", row.name);
        }
    }
}
