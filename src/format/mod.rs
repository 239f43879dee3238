//! A line becomes a record, a proxy's own log line, somebody else's line, or a counted reject.
//!
//! What a line is, is a function of its bytes alone (and of the formats the user named), never of the lines before
//! it: so the answer is the same for any thread count and block size.

pub mod from_yaml;
mod glance;
mod json;
mod mended;
mod names;
mod operators;
mod partial;
mod proxy;
mod template;
mod text;
mod twin;
mod value;
mod ztunnel;

pub use from_yaml::LogFormat;
pub use glance::{Glance, Looker};
pub use names::{FormatRow, Sort, format_rows};
pub use proxy::{ProxyLine, ProxySignal, Writer};
pub use template::Template;

use crate::error::{ErrorKind, Result};
use crate::record::{Carrier, Field, Layout, Reason, Record, Reject};

/// Names and Envoy format strings of the text formats that are recognised without being told.
pub fn known_formats() -> impl Iterator<Item = (&'static str, &'static str)> {
    text::KNOWN.iter().map(|known| (known.name, known.template.format()))
}

/// What a line turned out to be. For [`Access`](Reading::Access) the layout has been filled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reading {
    /// An access record.
    Access,
    /// A line of pilot-agent's, Envoy's or ztunnel's own log.
    Proxy(ProxyLine),
    /// Not ours: an application's line, a blank line, another server's access log.
    Other,
    /// It has the marks of an access line, and its head cannot be read.
    Rejected(Reject),
}

/// What a [`Reader`] writes on while it reads; one serves for all lines.
#[derive(Debug, Default)]
pub struct Desk {
    layout: Layout,
    scratch: Vec<u8>,
}

/// Reads lines of any known format, several in one stream.
#[derive(Debug, Default)]
pub struct Reader {
    text: text::TextFormats,
    json: json::JsonKeys,
    only: Only,
}

/// Which kinds of known formats are tried.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
enum Only {
    #[default]
    Everything,
    Text,
    /// JSON of one product.
    Json(&'static str),
    Ztunnel,
}

impl Only {
    fn takes_text(self) -> bool {
        matches!(self, Only::Everything | Only::Text)
    }

    /// A cut record may lack the keys that tell the product; `json` is every product's.
    fn takes_json(self, layout: &Layout) -> bool {
        match self {
            Only::Everything => true,
            Only::Text => false,
            Only::Ztunnel => layout.format == "ztunnel",
            Only::Json(name) => {
                layout.format == name
                    || (layout.format != "ztunnel" && name == "json")
                    || (layout.format == "json" && !layout.complete)
            }
        }
    }
}

impl Reader {
    /// The access record of a line, if it is one. What carried the line has been taken off ([`peel`](crate::frame::peel)).
    pub fn record<'a>(&self, line: &'a [u8], desk: &'a mut Desk) -> Option<Record<'a>> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        match self.read(line, &mut desk.layout, &mut desk.scratch) {
            Reading::Access => {
                let text = if desk.layout.in_scratch { &desk.scratch[..] } else { line };
                Some(Record::new(text, &desk.layout, Carrier::default()))
            }
            _ => None,
        }
    }

    /// A reader of every format meshwhy knows.
    pub fn new() -> Reader {
        Reader::default()
    }

    /// Tries a format of the user's first; its records go by this name.
    #[must_use]
    pub fn with_template(mut self, name: &str, template: Template) -> Reader {
        self.text.add(name, template);
        self
    }

    /// Of the known formats, reads this one only. Those of the user's own are read all the same.
    ///
    /// # Errors
    /// When no format has this name; the message lists those there are.
    pub fn only(mut self, name: &str) -> Result<Reader> {
        let Some(row) = format_rows().iter().find(|row| row.sort.is_format() && row.name == name) else {
            let known: Vec<&str> =
                format_rows().iter().filter(|row| row.sort.is_format()).map(|row| &*row.name).collect();
            let names = known.join(", ");
            let message = both!(
                "--format: no format is called {name:?}; there are: {names}",
                "--format：没有名为 {name:?} 的格式；可用的有：{names}"
            )
            .meant(name, known);
            return Err(ErrorKind::Option { message }.into());
        };
        self.only = match row.sort {
            Sort::Json => Only::Json(&row.name),
            Sort::Ztunnel => Only::Ztunnel,
            _ => {
                self.text.only(name);
                Only::Text
            }
        };
        Ok(self)
    }

    /// Adds the user's own JSON keys, `FIELD=KEY,…`; they come before the known ones.
    ///
    /// # Errors
    /// An item is not `FIELD=KEY`, or there is no such field.
    pub fn with_json_keys(mut self, keys: &str) -> Result<Reader> {
        self.json.parse(keys)?;
        Ok(self)
    }

    /// Adds formats that were found in a configuration; all of them are tried.
    ///
    /// # Errors
    /// When one of the format strings cannot be read, or the formats hold no field of a record.
    pub fn with_formats(mut self, formats: Vec<LogFormat>) -> Result<Reader> {
        let mut fields = 0;
        for format in formats {
            match format {
                // A mesh that spells out the default is read as the default.
                LogFormat::Text(text) if known_formats().any(|(_, known)| known == text.trim_end()) => {
                    fields += 1;
                }
                LogFormat::Text(text) => {
                    self = self.with_template("custom", Template::compile(&text)?);
                    fields += 1;
                }
                LogFormat::Json(keys) => {
                    fields += keys.len();
                    keys.into_iter().for_each(|(field, key)| self.json.add(field, &key));
                }
            }
        }
        if fields == 0 {
            let message = both!(
                "its JSON format holds no operator that is a field of an access record",
                "其中的 JSON 格式没有任何对应访问记录字段的操作符"
            );
            return Err(ErrorKind::Option { message }.into());
        }
        Ok(self)
    }

    /// Looks at lines before they are read; `None` when every line must be read.
    pub fn looker(&self) -> Option<Looker<'_>> {
        (self.only.takes_text() && self.text.can_glance()).then(|| Looker::new(&self.text))
    }

    /// Reads one line, wrappers already peeled off. The ranges in `layout` point into `line`, or into `scratch` when
    /// `layout.in_scratch` is set (values that had to be put together).
    #[inline]
    pub fn read(&self, line: &[u8], layout: &mut Layout, scratch: &mut Vec<u8>) -> Reading {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if self.text.read_own(line, layout) {
            return Reading::Access;
        }
        let line = match line.last() {
            Some(b',' | b';' | b'`' | b'\'' | b' ') => unquoted(line),
            _ => line,
        };
        let reading = self.read_plain(line, layout, scratch);
        match reading {
            Reading::Access if !layout.in_scratch && self.is_dressed(line, layout) => {
                self.read_mended(line, layout, scratch, |line, out| {
                    mended::undress(line, out);
                    true
                });
                Reading::Access
            }
            // Each of several objects is read for itself.
            Reading::Rejected(Reject { reason: Reason::SeveralObjects, .. }) => reading,
            Reading::Other | Reading::Rejected(_)
                if self.read_mended(line, layout, scratch, mended::mend) =>
            {
                Reading::Access
            }
            reading => reading,
        }
    }

    /// A line as a proxy writes it.
    #[inline]
    fn read_plain(&self, line: &[u8], layout: &mut Layout, scratch: &mut Vec<u8>) -> Reading {
        if line.first() == Some(&b'{') {
            return self.read_object(line, layout, scratch);
        }
        if self.only.takes_text() {
            match self.text.read(line, layout) {
                Some(Ok(())) => return Reading::Access,
                Some(Err(reject)) => return Reading::Rejected(reject),
                None => {}
            }
        }
        if matches!(self.only, Only::Everything | Only::Ztunnel) && ztunnel::read(line, layout) {
            return Reading::Access;
        }
        if let Some(line) = proxy::read(line) {
            return Reading::Proxy(line);
        }
        match line.first() {
            Some(b' ' | b'\t' | b'"' | b'[') if matches!(self.only, Only::Everything | Only::Json(_)) => {
                json::part(line).map_or(Reading::Other, Reading::Rejected)
            }
            _ => Reading::Other,
        }
    }

    #[inline]
    fn is_dressed(&self, line: &[u8], layout: &Layout) -> bool {
        let Some(cluster) = layout.range(Field::UpstreamCluster).and_then(|range| line.get(range)) else {
            return false;
        };
        // One byte of two or three decides for nearly all lines.
        let disguised = |at: usize| matches!(cluster.get(at), Some(b'\\' | b'&'));
        (disguised(7) || disguised(8) || disguised(11)) && mended::is_dressed(cluster)
    }

    /// A line that was changed on its way, as it was. What was read before stays when that is no better.
    fn read_mended(
        &self,
        line: &[u8],
        layout: &mut Layout,
        scratch: &mut Vec<u8>,
        mend: fn(&[u8], &mut Vec<u8>) -> bool,
    ) -> bool {
        let mut as_written = Vec::new();
        if !mend(line, &mut as_written) {
            return false;
        }
        let mut inner = Layout::default();
        if self.read_plain(&as_written, &mut inner, scratch) != Reading::Access {
            return false;
        }
        *layout = inner;
        if !layout.in_scratch {
            *scratch = as_written;
            layout.in_scratch = true;
        }
        true
    }

    /// A line that starts with `{`: JSON, or the text formats that look like it.
    fn read_object(&self, line: &[u8], layout: &mut Layout, scratch: &mut Vec<u8>) -> Reading {
        let reading = self.json.read(line, layout, scratch);
        let wanted = match reading {
            Reading::Access => self.only.takes_json(layout),
            Reading::Rejected(_) => matches!(self.only, Only::Everything | Only::Json(_)),
            _ => true,
        };
        let unread = !wanted || matches!(reading, Reading::Rejected(_));
        if unread && self.only.takes_text() && self.text.read_jsonish(line, layout) {
            return Reading::Access;
        }
        if wanted { reading } else { Reading::Other }
    }
}

/// A line without what code, lists and sentences put behind it. No route name ends so.
#[cold]
fn unquoted(line: &[u8]) -> &[u8] {
    let mut line = line;
    while let Some((b',' | b';' | b'`' | b'\'' | b' ', head)) = line.split_last() {
        line = head;
    }
    line
}
