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
//!
//! # In a program of one's own
//!
//! Bytes become records, records a summary, and the summary findings:
//!
//! ```
//! use meshwhy::aggregate::Tally;
//! use meshwhy::diagnosis::diagnose;
//! use meshwhy::format::{Desk, Reader};
//!
//! let log: String = (0..60)
//!     .map(|second| {
//!         format!(
//!             "[2026-01-02T03:04:{second:02}.000Z] \"GET /cart HTTP/1.1\" 503 UF \
//!              upstream_reset_before_response_started{{remote_connection_failure,delayed_connect_error:_111}} - \
//!              \"delayed_connect_error:_111\" 0 91 1 - \"-\" \"curl/8.5\" \"6f5b-{second}\" \"shop\" \"10.0.0.7:8080\" \
//!              outbound|8080||shop.web.svc.cluster.local - 10.96.0.7:8080 10.0.0.2:40{second:02} - default\n"
//!         )
//!     })
//!     .collect();
//!
//! let (reader, mut desk, mut tally) = (Reader::new(), Desk::default(), Tally::default());
//! let mut offset = 0;
//! for (number, line) in (1..).zip(log.as_bytes().split_inclusive(|b| *b == b'\n')) {
//!     if let Some(record) = reader.record(line, &mut desk) {
//!         assert_eq!(record.code(), 503);
//!         tally.record(&record, 0, number, offset, line);
//!     }
//!     offset += line.len() as u64;
//! }
//! let summary = tally.finish();
//! assert_eq!(summary.counts.failed(), 60);
//!
//! let findings = diagnose(&summary);
//! assert_eq!(findings[0].id, "connection-refused");
//! ```
//!
//! [`pipeline::summarise`] does all but the last step for files, folders, archives and pipes, on all cores and in bounded
//! memory, and takes off what carried the lines; [`report::renderer`] finds an output by its name:
//!
//! ```
//! use meshwhy::format::Reader;
//! use meshwhy::input::Input;
//! use meshwhy::pipeline::{Options, summarise};
//! use meshwhy::query::{Filter, Key};
//!
//! let line = b"[2026-01-02T03:04:05.678Z] \"GET / HTTP/1.1\" 200 - via_upstream - \"-\" 0 9 3 3 \"-\" \"-\" \"-\" \"shop\" \
//!     \"10.0.0.7:80\" outbound|80||shop.web.svc.cluster.local - 10.96.0.7:80 10.0.0.2:4000 - default\n";
//! let input = Input::Bytes { name: "a line".to_owned(), bytes: line.to_vec() };
//! let mut filter = Filter::default();
//! filter.add(Key::Upstream, "shop", 0)?;
//! let (summary, passed, outcome) = summarise(&[input], &Reader::new(), &filter, &Options::default(), None)?;
//! assert_eq!((summary.counts.requests(), passed.left_out, outcome.failures.len()), (1, 0, 0));
//! # Ok::<(), meshwhy::Error>(())
//! ```

// First, because of their macros.
#[macro_use]
pub mod words;
#[macro_use]
pub mod pack;

pub mod aggregate;
pub mod arrange;
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
pub mod snapshot;

pub use error::{Error, ErrorKind, Result};
