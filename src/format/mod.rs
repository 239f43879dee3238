//! A line becomes a record, a proxy's own log line, somebody else's line, or a counted reject.
//!
//! What a line is, is a function of its bytes alone (and of the formats the user named), never of the lines before
//! it: so the answer is the same for any thread count and block size.

pub mod from_yaml;
mod json;
mod operators;
mod partial;
mod proxy;
mod template;
mod text;
mod twin;
mod value;
mod ztunnel;

pub use proxy::{ProxyLine, ProxySignal, Writer};
pub use template::Template;

use crate::error::Result;
use crate::record::{Layout, Reject, unescape_into};

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

/// Reads lines of any known format, several in one stream.
#[derive(Debug, Default)]
pub struct Reader {
    text: text::TextFormats,
    json: json::JsonKeys,
}

impl Reader {
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

    /// Of the known text formats, reads this one only.
    ///
    /// # Errors
    /// When no format has this name.
    pub fn only(mut self, name: &str) -> Result<Reader> {
        self.text.only(name)?;
        Ok(self)
    }

    /// Adds the user's own JSON keys, `FIELD=KEY,…`; they come before the known ones.
    ///
    /// # Errors
    /// An item is not `FIELD=KEY`, or there is no such field.
    pub fn with_json_keys(mut self, keys: &str) -> Result<Reader> {
        self.json = json::JsonKeys::parse(keys)?;
        Ok(self)
    }

    /// Reads one line, wrappers already peeled off. The ranges in `layout` point into `line`, or into `scratch` when
    /// `layout.in_scratch` is set (values that had to be put together).
    #[inline]
    pub fn read(&self, line: &[u8], layout: &mut Layout, scratch: &mut Vec<u8>) -> Reading {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if self.text.read_own(line, layout) {
            return Reading::Access;
        }
        if line.first() == Some(&b'{') {
            let reading = self.json.read(line, layout, scratch);
            let broken = matches!(reading, Reading::Rejected(_));
            return if broken && self.text.read_jsonish(line, layout) { Reading::Access } else { reading };
        }
        match self.text.read(line, layout) {
            Some(Ok(())) => return Reading::Access,
            Some(Err(_)) | None if self.read_escaped(line, layout, scratch) => return Reading::Access,
            Some(Err(reject)) => return Reading::Rejected(reject),
            None => {}
        }
        if ztunnel::read(line, layout) {
            return Reading::Access;
        }
        proxy::read(line).map_or(Reading::Other, Reading::Proxy)
    }

    /// A text line that was cut out of a JSON string by hand: its quotes are still `\"`.
    fn read_escaped(&self, line: &[u8], layout: &mut Layout, scratch: &mut Vec<u8>) -> bool {
        if !line.starts_with(b"[") || memchr::memmem::find(&line[..line.len().min(64)], b"] \\\"").is_none() {
            return false;
        }
        scratch.clear();
        unescape_into(line, scratch);
        let read = matches!(self.text.read(scratch, layout), Some(Ok(())));
        layout.in_scratch = read;
        read
    }
}
