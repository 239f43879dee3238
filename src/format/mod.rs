//! A line becomes a record, a proxy's own log line, somebody else's line, or a counted reject.
//!
//! What a line is, is a function of its bytes alone (and of the formats the user named), never of the lines before
//! it: so the answer is the same for any thread count and block size.

mod json;
mod proxy;
mod text;
mod ztunnel;

pub use proxy::{ProxyLine, ProxySignal, Writer};

use crate::error::Result;
use crate::record::{Layout, Reject};

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
        if line.first() == Some(&b'{') {
            return self.json.read(line, layout, scratch);
        }
        match self.text.read(line, layout) {
            Some(Ok(())) => return Reading::Access,
            Some(Err(reject)) => return Reading::Rejected(reject),
            None => {}
        }
        if ztunnel::read(line, layout) {
            return Reading::Access;
        }
        proxy::read(line).map_or(Reading::Other, Reading::Proxy)
    }
}
