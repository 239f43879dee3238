//! meshwhy says why requests fail, from Envoy and Istio access logs.
//!
//! The rooms, in the order in which data walks through them:
//!
//! 1. [`input`]: bytes come in (standard input, files, directories, compressed, packed)
//! 2. [`frame`]: a stream becomes blocks of whole lines, and lines lose what carried them
//! 3. [`mod@format`]: a line becomes a [`record`]
//! 4. [`aggregate`]: records become counts that merge exactly
//! 5. [`join`]: lines of different proxies become both sides of a request; [`diagnosis`]: counts become findings
//! 6. [`incident`]: counts over time become incidents
//! 7. [`report`]: findings become words; [`emit`] writes the records themselves; `live` (feature `cli`) shows them while
//!    the log is still being written
//!
//! [`words`] is the two languages, English and Chinese; every room that says something knows it.
//! [`envoy`] is the shelf with Envoy's vocabulary, used by every room; [`pipeline`] is the corridor that walks an
//! input through rooms 1 to 4, in parallel.

// First, because the macros of the two languages are made there.
#[macro_use]
pub mod words;

pub mod aggregate;
pub mod diagnosis;
pub mod emit;
pub mod envoy;
pub mod error;
pub mod format;
pub mod frame;
pub mod incident;
pub mod input;
pub mod join;
#[cfg(feature = "cli")]
pub mod live;
pub mod pipeline;
pub mod query;
pub mod record;
pub mod report;
pub mod scan;

pub use error::{Error, ErrorKind, Result};
