//! Envoy's text formats: which of them a line is in, and where its fields are.

mod ordinary;
mod scan;

use std::sync::LazyLock;

use ordinary::Ordinary;
use scan::{Pieces, Quotes};

use super::glance::Glance;
use super::template::Template;
use super::{partial, twin, value};
use crate::record::{Field, Layout, Reject};
use crate::scan::Columns;

/// A format and the name it goes by.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) name: &'static str,
    pub(super) template: Template,
    ordinary: Option<Ordinary>,
    /// How many quotes the format itself prints: a line with fewer is another one's.
    quotes: usize,
    pieces: Option<Pieces>,
}

impl Named {
    fn new(name: String, template: Template) -> Named {
        let quotes = template.quotes();
        Named { name: name.leak(), template, quotes, ordinary: None, pieces: None }
    }

    /// Reads a whole line: the ordinary one quickly, any other exactly.
    #[inline]
    fn read(&self, line: &[u8], quotes: &Quotes, layout: &mut Layout) -> bool {
        if quotes.count < self.quotes {
            return false;
        }
        layout.reset(self.name);
        if self.pieces.as_ref().is_some_and(|pieces| pieces.read(&self.template, line, quotes, layout)) {
            return true;
        }
        layout.reset(self.name);
        twin::read(&self.template, line, layout)
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct KnownFile {
    format: Vec<KnownRow>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct KnownRow {
    name: String,
    #[expect(dead_code, reason = "for people; `names` reads it")]
    since: String,
    #[expect(dead_code, reason = "for people; `names` reads it")]
    zh: String,
    #[expect(dead_code, reason = "for people; `names` reads it")]
    sample: String,
    text: String,
}

/// The formats of `known.toml`, in its order. They live as long as the program, so their names do too.
pub(super) static KNOWN: LazyLock<&'static [Named]> = LazyLock::new(|| {
    // A broken row would be a format less; the test `every_known_format_is_loaded` sees it first.
    let file: KnownFile =
        toml::from_str(include_str!("known.toml")).unwrap_or(KnownFile { format: Vec::new() });
    let rows = file.format.into_iter().filter_map(|row| {
        let mut named = Named::new(row.name, Template::compile(&row.text).ok()?);
        named.ordinary = Ordinary::of(&named.template);
        named.pieces = Pieces::of(&named.template);
        Some(named)
    });
    rows.collect::<Vec<_>>().leak()
});

/// The text formats that are tried.
#[derive(Debug)]
pub(super) struct TextFormats {
    /// The user's own, tried first.
    own: Vec<Named>,
    known: &'static [Named],
}

impl Default for TextFormats {
    fn default() -> Self {
        TextFormats { own: Vec::new(), known: *KNOWN }
    }
}

impl TextFormats {
    pub(super) fn add(&mut self, name: &str, template: Template) {
        // A name for each --format-string: a few bytes, for as long as the program runs.
        // Only the known formats are proved to be read alike quickly and exactly.
        self.own.push(Named::new(name.to_owned(), template));
    }

    /// Leaves one known format only; none when it is not a known text format.
    pub(super) fn only(&mut self, name: &str) {
        let at = self.known.iter().position(|known| known.name == name);
        self.known = at.map_or(&[], |at| &self.known[at..=at]);
    }

    /// All of them, in the order in which they are tried.
    pub(super) fn all(&self) -> impl Iterator<Item = &Named> {
        self.own.iter().chain(self.known)
    }

    /// A whole line in one of the user's own formats.
    #[inline]
    pub(super) fn read_own(&self, line: &[u8], layout: &mut Layout) -> bool {
        self.own.iter().any(|own| {
            layout.reset(own.name);
            twin::read(&own.template, line, layout)
        })
    }

    /// A line that looks like JSON and is none, in a text format that looks like JSON.
    pub(super) fn read_jsonish(&self, line: &[u8], layout: &mut Layout) -> bool {
        self.known.iter().filter(|known| known.template.lead.starts_with(b"{")).any(|known| {
            layout.reset(known.name);
            twin::read(&known.template, line, layout)
        })
    }

    /// The ordinary line of one of the commonest formats.
    fn read_ordinary(&self, line: &[u8], layout: &mut Layout) -> bool {
        let mut columns = Columns::default();
        columns.find(line) == Some(line.len())
            && self.known.iter().any(|known| {
                layout.reset(known.name);
                known.ordinary.as_ref().is_some_and(|ordinary| ordinary.read(line, &columns, layout))
            })
    }

    /// False when a glance may see a line otherwise than a reading would: the user's own formats come first.
    pub(super) fn can_glance(&self) -> bool {
        self.own.is_empty()
    }

    /// The ordinary line of one of the commonest formats, at a glance. `lately` is the place of the format that was found
    /// last: no two have the same columns.
    #[inline(always)]
    pub(super) fn glance<'a>(
        &'a self,
        line: &'a [u8],
        columns: &'a Columns,
        lately: &mut usize,
    ) -> Option<Glance<'a>> {
        let fits =
            |known: &Named| known.ordinary.as_ref().is_some_and(|ordinary| ordinary.fits(line, columns));
        let known = match self.known.get(*lately).filter(|known| fits(known)) {
            Some(known) => known,
            None => {
                *lately = self.known.iter().position(fits)?;
                &self.known[*lately]
            }
        };
        known.ordinary.as_ref()?.glance(known.name, line, columns)
    }

    /// Fills the layout of the line that [`glance`](Self::glance) was taken at and whose telling bytes are known.
    pub(super) fn read_known(
        &self,
        line: &[u8],
        columns: &Columns,
        lately: usize,
        layout: &mut Layout,
    ) -> bool {
        self.known.get(lately).is_some_and(|known| {
            layout.reset(known.name);
            known.ordinary.as_ref().is_some_and(|ordinary| ordinary.read_known(line, columns, layout))
        })
    }

    /// `None`: not an access line at all.
    pub(super) fn read(&self, line: &[u8], layout: &mut Layout) -> Option<std::result::Result<(), Reject>> {
        if line.first() == Some(&b'[') && self.read_ordinary(line, layout) {
            return Some(Ok(()));
        }
        let Some(start) = mark(line) else { return partial::read_without_time(self, line, layout) };
        let text = &line[start..];
        let quotes = Quotes::of(text);
        // The user's own are tried again: something may stand before the time.
        // A cluster or a route name that holds a quote is more likely the end of a shorter layout, behind columns that a
        // header forged.
        let holds_quote = |layout: &Layout, field| {
            layout.range(field).is_some_and(|value| memchr::memchr(b'"', &text[value]).is_some())
        };
        let forged = |layout: &Layout| {
            holds_quote(layout, Field::UpstreamCluster) || holds_quote(layout, Field::RouteName)
        };
        let whole = self.known.iter().any(|known| known.read(text, &quotes, layout) && !forged(layout))
            || self.known.iter().any(|known| known.read(text, &quotes, layout))
            || (start > 0 && self.read_own(text, layout));
        let reading = if whole { Some(Ok(())) } else { partial::read(self, text, layout) };
        match reading {
            Some(Ok(())) if start > 0 => layout.shift(start),
            Some(Err(reject)) => return Some(Err(Reject { column: reject.column + start as u32, ..reject })),
            _ => {}
        }
        reading
    }
}

/// Where `[2026-01-02T…]` starts, with a blank behind it: the start of an access line. Mostly at 0; something that
/// carried the line may stand before it.
fn mark(line: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'[', line).find(|&at| {
        let inside = &line[at + 1..];
        let end = inside.iter().take(41).position(|&b| b == b']');
        end.is_some_and(|end| value::is_time(&inside[..end]) && inside.get(end + 1) == Some(&b' '))
    })
}

#[cfg(test)]
mod tests;
