//! Which records count: conditions over a record, all of which must hold.
//!
//! A condition is a [`Key`] and a text. `!` before the text negates it; names, paths and addresses are globs; flags,
//! codes, outcomes, directions and methods take several values joined by `,`, of which one must fit.

mod glob;
mod probe;
mod value;

use crate::envoy::{Cluster, FlagSet, flags};
use crate::error::{Error, ErrorKind, Result};
use crate::record::{Field, Outcome, Record};
use crate::words::Said;
use value::{Codes, Comparison};
pub use value::{before_the_last, duration_ms};

/// What a condition looks at. Each is an option of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// Start at or after a time.
    Since,
    /// Start before a time.
    Until,
    /// Upstream cluster: as logged, or `service`, `service.namespace`, `service.namespace:port`, or its host.
    Upstream,
    /// Endpoint, with or without port.
    Host,
    /// Authority, with or without port.
    Authority,
    /// Route name.
    Route,
    /// Path, with or without query.
    Path,
    /// HTTP method.
    Method,
    /// Client address, with or without port.
    Client,
    /// Request id.
    RequestId,
    /// Response flags, short or long names; `-` is none.
    Flag,
    /// Status: `503`, `5xx`.
    Code,
    /// Response code details.
    Details,
    /// What became of the request.
    Outcome,
    /// `inbound` or `outbound`.
    Direction,
    /// Pod.
    Pod,
    /// Namespace of the pod.
    Namespace,
    /// Duration: `>1s`, `<=250ms`.
    Duration,
}

/// Conditions that all must hold. An empty filter costs nothing.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    conditions: Vec<Condition>,
    timed: bool,
}

#[derive(Debug, Clone)]
struct Condition {
    /// As the user would write it, times in full.
    text: String,
    negated: bool,
    test: Test,
}

#[derive(Debug, Clone)]
enum Test {
    SinceUs(i64),
    UntilUs(i64),
    Upstream(Vec<u8>),
    /// A glob over a field's text, or over the text before the last of one of these bytes.
    Field(Field, Vec<u8>, Cut),
    Methods(Vec<Vec<u8>>),
    Flags(Vec<Vec<u8>>),
    Codes(Codes),
    Outcomes(Vec<Outcome>),
    Directions(Vec<&'static str>),
    Pod(Vec<u8>),
    Namespace(Vec<u8>),
    Duration(Comparison),
    Probe,
}

/// What may be missing from the glob at the text's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    Nothing,
    Port,
    Query,
}

impl Filter {
    /// Adds a condition. `now_us` is the time that `-15m` counts from, in microseconds since 1970.
    ///
    /// # Errors
    /// When the text is not what the key needs; the message says what is.
    pub fn add(&mut self, key: Key, text: &str, now_us: i64) -> Result<()> {
        let (negated, value) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let glob = || value.as_bytes().to_vec();
        let test = match key {
            Key::Since => Test::SinceUs(value::time_us(value, now_us)?),
            Key::Until => Test::UntilUs(value::time_us(value, now_us)?),
            Key::Upstream => Test::Upstream(glob()),
            Key::Host => Test::Field(Field::UpstreamHost, glob(), Cut::Port),
            Key::Authority => Test::Field(Field::Authority, glob(), Cut::Port),
            Key::Route => Test::Field(Field::RouteName, glob(), Cut::Nothing),
            Key::Path => Test::Field(Field::Path, glob(), Cut::Query),
            Key::Client => Test::Field(Field::DownstreamRemote, glob(), Cut::Port),
            Key::RequestId => Test::Field(Field::RequestId, glob(), Cut::Nothing),
            Key::Details => Test::Field(Field::Details, glob(), Cut::Nothing),
            Key::Method => Test::Methods(list(value, "a method")?.map(|m| m.as_bytes().to_vec()).collect()),
            Key::Flag => Test::Flags(
                list(value, "a response flag")?.map(|f| flags::short(f.as_bytes()).to_vec()).collect(),
            ),
            Key::Code => Test::Codes(Codes::parse(list(value, "a code such as 503 or 5xx")?)?),
            Key::Outcome => {
                Test::Outcomes(list(value, "an outcome")?.map(value::outcome).collect::<Result<_>>()?)
            }
            Key::Direction => {
                Test::Directions(list(value, "a direction")?.map(value::direction).collect::<Result<_>>()?)
            }
            Key::Pod => Test::Pod(glob()),
            Key::Namespace => Test::Namespace(glob()),
            Key::Duration => Test::Duration(Comparison::parse(value)?),
        };
        self.timed |= matches!(test, Test::SinceUs(_) | Test::UntilUs(_));
        let shown = match test {
            Test::SinceUs(us) | Test::UntilUs(us) => crate::record::time::rfc3339_ms(us),
            _ => value.to_owned(),
        };
        let text = format!("{key:?} {}{shown}", if negated { "!" } else { "" });
        self.conditions.push(Condition { text, negated, test });
        Ok(())
    }

    /// Leaves out what kubelets, load balancers and scrapers ask.
    pub fn without_probes(&mut self) {
        let text = "NoProbes".to_owned();
        self.conditions.push(Condition { text, negated: true, test: Test::Probe });
    }

    /// The conditions in words, for comparing: sorted, each once.
    pub fn texts(&self) -> Vec<String> {
        let texts: std::collections::BTreeSet<String> =
            self.conditions.iter().map(|c| c.text.clone()).collect();
        texts.into_iter().collect()
    }

    /// True when every record is kept.
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// True when records without a time are left out because the filter asks for one.
    pub fn needs_time(&self) -> bool {
        self.timed
    }

    /// True when it leaves records out by their upstream.
    pub fn names_upstreams(&self) -> bool {
        self.upstreams().next().is_some()
    }

    /// Globs that the upstream must fit.
    pub fn upstreams(&self) -> impl Iterator<Item = &[u8]> {
        self.conditions.iter().filter_map(|condition| match &condition.test {
            Test::Upstream(glob) if !condition.negated => Some(&glob[..]),
            _ => None,
        })
    }

    /// Names and globs of flags that a record must have one of.
    pub fn flags(&self) -> impl Iterator<Item = &[u8]> {
        let named = self.conditions.iter().filter_map(|condition| match &condition.test {
            Test::Flags(globs) if !condition.negated => Some(globs),
            _ => None,
        });
        named.flatten().map(|glob| &glob[..])
    }

    /// True when the record counts.
    #[inline]
    pub fn keeps(&self, record: &Record<'_>) -> bool {
        self.conditions.iter().all(|condition| condition.holds(record))
    }
}

/// What the filter did, and how many access records there were before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Passed {
    /// Access records read.
    pub access: u64,
    /// Access records left out.
    pub left_out: u64,
    /// Of these, records without a time that a condition on time left out.
    pub untimed: u64,
}

impl Passed {
    /// Decides on a record, and counts.
    #[inline]
    pub fn admits(&mut self, filter: &Filter, record: &Record<'_>) -> bool {
        self.access += 1;
        if filter.is_empty() || filter.keeps(record) {
            return true;
        }
        self.left_out += 1;
        self.untimed += u64::from(filter.needs_time() && record.start_us().is_none());
        false
    }

    /// Counts a record of which no filter asks anything.
    #[inline]
    pub fn unasked(&mut self) {
        self.access += 1;
    }

    /// Adds what another part of the input counted.
    pub fn add(&mut self, later: Passed) {
        self.access += later.access;
        self.left_out += later.left_out;
        self.untimed += later.untimed;
    }
}

packed!(Passed { access, left_out, untimed });

impl Condition {
    fn holds(&self, record: &Record<'_>) -> bool {
        let fits = match &self.test {
            // A time that is not there is neither before nor after: such a record is left out either way.
            Test::SinceUs(us) => return record.start_us().is_some_and(|at| (at >= *us) != self.negated),
            Test::UntilUs(us) => return record.start_us().is_some_and(|at| (at < *us) != self.negated),
            Test::Upstream(glob) => record.upstream().is_some_and(|name| upstream_fits(glob, name)),
            Test::Field(field, glob, cut) => {
                record.text(*field).is_some_and(|text| field_fits(glob, &text, *cut))
            }
            Test::Methods(globs) => {
                record.text(Field::Method).is_some_and(|text| globs.iter().any(|g| glob::fits(g, &text)))
            }
            Test::Flags(globs) => flags_fit(globs, record),
            Test::Codes(codes) => codes.contain(record.code()),
            Test::Outcomes(outcomes) => outcomes.contains(&record.outcome()),
            Test::Directions(names) => record.direction().is_some_and(|d| names.contains(&d.name())),
            Test::Pod(glob) => record.pod().is_some_and(|pod| glob::fits(glob, pod)),
            Test::Namespace(glob) => record.namespace().is_some_and(|name| glob::fits(glob, name)),
            Test::Duration(comparison) => record.duration_ms().is_some_and(|ms| comparison.holds(ms)),
            Test::Probe => probe::is_probe(record),
        };
        fits != self.negated
    }
}

fn list<'v>(value: &'v str, what: &str) -> Result<impl Iterator<Item = &'v str>> {
    if value.split(',').any(|item| item.trim().is_empty()) {
        return Err(wrong(both!("{what} is missing in {value:?}", "{value:?} 中有一项为空")));
    }
    Ok(value.split(',').map(str::trim))
}

fn wrong(message: Said) -> Error {
    ErrorKind::Option { message }.into()
}

/// True when the whole text fits a glob: `*` is any text, `?` any one byte.
pub fn glob_fits(pattern: &[u8], text: &[u8]) -> bool {
    glob::fits(pattern, text)
}

/// True when a glob fits any of the names by which people know an upstream.
pub fn upstream_fits(pattern: &[u8], name: &[u8]) -> bool {
    if glob::fits(pattern, name) {
        return true;
    }
    let cluster = Cluster::parse(name);
    if cluster.host.is_some_and(|host| glob::fits(pattern, host)) {
        return true;
    }
    let (Some(service), Some(namespace)) = (cluster.service, cluster.namespace) else { return false };
    let full = [service, b".", namespace].concat();
    glob::fits(pattern, service)
        || glob::fits(pattern, &full)
        || cluster
            .port
            .is_some_and(|port| glob::fits(pattern, &[&full[..], b":", port.to_string().as_bytes()].concat()))
}

fn field_fits(pattern: &[u8], text: &[u8], cut: Cut) -> bool {
    let end = match cut {
        Cut::Nothing => None,
        Cut::Port => memchr::memrchr(b':', text),
        Cut::Query => memchr::memchr(b'?', text),
    };
    glob::fits(pattern, text) || end.is_some_and(|end| glob::fits(pattern, &text[..end]))
}

fn flags_fit(globs: &[Vec<u8>], record: &Record<'_>) -> bool {
    if record.flags() == FlagSet::EMPTY {
        return globs.iter().any(|g| g == b"-");
    }
    flags::tokens(record.bytes(Field::Flags))
        .map(flags::short)
        .any(|token| globs.iter().any(|g| g != b"-" && glob::fits(g, token)))
}

#[cfg(test)]
mod tests;
