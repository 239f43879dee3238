//! `--by`: requests grouped by what the user asks for. Costs nothing when nobody asks.

use super::counter::{Counter, Ordered, Text, make_room};
use super::summary::{Caps, Counts};
use super::{Latency, NAME_BYTES, without_port};
use indexmap::map::Entry;

use crate::arrange::Arrange;
use crate::envoy::{cluster, flags};
use crate::error::{ErrorKind, Result};
use crate::pack::{Broken, Pack, Packer, Unpacker};
use crate::record::{Field, Kind, Outcome, Record};

/// Bytes of the values of a group, for each group that the cap admits.
const ROOM: usize = 256;
/// Groups, in input order, whose durations are kept in full detail.
const DETAILED: usize = 2_000;
/// Buckets of durations of the groups behind them.
const FEW_DURATIONS: usize = 128;
/// Distinct flags of a group.
const FLAGS: usize = 24;

/// What records are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct By(&'static Row);

#[derive(Debug, PartialEq, Eq)]
struct Row {
    name: &'static str,
    key: Key,
}

#[derive(Debug, PartialEq, Eq)]
enum Key {
    /// A field as it stands.
    Field(Field),
    /// A field without a port behind it.
    Address(Field),
    /// The path without its query, which would make every request a group.
    Path,
    Upstream,
    Pod,
    Namespace,
    Container,
    Flags,
    Outcome,
    Direction,
    Format,
}

/// Everything that can be grouped by, in the order of the help text.
static ROWS: &[Row] = &[
    Row { name: "upstream", key: Key::Upstream },
    Row { name: "host", key: Key::Field(Field::UpstreamHost) },
    Row { name: "authority", key: Key::Address(Field::Authority) },
    Row { name: "route", key: Key::Field(Field::RouteName) },
    Row { name: "path", key: Key::Path },
    Row { name: "method", key: Key::Field(Field::Method) },
    Row { name: "client", key: Key::Address(Field::DownstreamRemote) },
    Row { name: "user-agent", key: Key::Field(Field::UserAgent) },
    Row { name: "flag", key: Key::Flags },
    Row { name: "code", key: Key::Field(Field::Code) },
    Row { name: "details", key: Key::Field(Field::Details) },
    Row { name: "outcome", key: Key::Outcome },
    Row { name: "direction", key: Key::Direction },
    Row { name: "sni", key: Key::Field(Field::ServerName) },
    Row { name: "pod", key: Key::Pod },
    Row { name: "namespace", key: Key::Namespace },
    Row { name: "container", key: Key::Container },
    Row { name: "format", key: Key::Format },
    Row { name: "protocol", key: Key::Field(Field::Protocol) },
    Row { name: "transport", key: Key::Field(Field::TransportFailure) },
    Row { name: "termination", key: Key::Field(Field::Termination) },
    Row { name: "request-id", key: Key::Field(Field::RequestId) },
    Row { name: "x-forwarded-for", key: Key::Field(Field::ForwardedFor) },
    Row { name: "listener", key: Key::Field(Field::DownstreamLocal) },
    Row { name: "local-address", key: Key::Address(Field::UpstreamLocal) },
    Row { name: "start-time", key: Key::Field(Field::StartTime) },
    Row { name: "duration", key: Key::Field(Field::Duration) },
    Row { name: "grpc-status", key: Key::Field(Field::GrpcStatus) },
    Row { name: "attempts", key: Key::Field(Field::Attempts) },
    Row { name: "service-time", key: Key::Field(Field::ServiceTime) },
    Row { name: "bytes-received", key: Key::Field(Field::BytesReceived) },
    Row { name: "bytes-sent", key: Key::Field(Field::BytesSent) },
];

impl Pack for By {
    fn put(&self, out: &mut Packer<'_>) {
        out.text(self.name().as_bytes());
    }

    fn read(from: &mut Unpacker<'_>) -> std::result::Result<Self, Broken> {
        let name: String = from.take()?;
        By::named(&name).map_err(|_| from.broken("grouped by a field that is not known"))
    }
}

impl By {
    /// Reads `FIELD,FIELD`.
    ///
    /// # Errors
    /// When there is no such field; the message lists those there are.
    pub fn parse(text: &str) -> Result<Vec<By>> {
        text.split(',').map(str::trim).map(By::named).collect()
    }

    fn named(name: &str) -> Result<By> {
        ROWS.iter().find(|row| row.name == name).map(By).ok_or_else(|| {
            let names: Vec<_> = ROWS.iter().map(|row| row.name).collect();
            let names = names.join(", ");
            let message = both!(
                "--by: {name:?} is no field; there are: {names}",
                "--by：没有字段 {name:?}；可用的有：{names}"
            )
            .meant(name, ROWS.iter().map(|row| row.name));
            ErrorKind::Option { message }.into()
        })
    }

    /// As the user typed it.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// The record's value; `None` where it has none.
    fn value(self, record: &Record<'_>) -> Option<Text> {
        let field = |field| record.text(field).filter(|text| !text.is_empty());
        let fixed = |name: &'static str| Some(name.as_bytes().into());
        match self.0.key {
            // ztunnel's route is its direction.
            Key::Field(Field::RouteName) if record.kind() == Kind::Ztunnel => None,
            Key::Field(name) => field(name).map(|text| (*text).into()),
            Key::Address(name) => field(name).map(|text| without_port(&text).into()),
            Key::Path => field(Field::Path)
                .map(|text| text.split(|b| matches!(b, b'?' | b'#')).next().unwrap_or_default().into()),
            Key::Upstream => record.upstream().map(|name| cluster::stripped(name).into()),
            Key::Pod => record.pod().map(Text::from),
            Key::Namespace => record.namespace().map(Text::from),
            Key::Container => record.container().map(Text::from),
            Key::Flags => Some(set(record)).filter(|set| !set.is_empty()),
            Key::Outcome => fixed(record.outcome().name()),
            Key::Direction => record.direction().and_then(|direction| fixed(direction.name())),
            Key::Format => fixed(record.format()),
        }
    }
}

/// The flag set in canonical spelling.
fn set(record: &Record<'_>) -> Text {
    let mut names = names(record);
    names.arrange();
    names.dedup();
    names.join(&b","[..]).into()
}

fn names<'a>(record: &Record<'a>) -> Vec<&'a [u8]> {
    flags::tokens(record.bytes(Field::Flags)).map(flags::short).collect()
}

/// Requests that have the same values.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Group {
    /// Requests by outcome.
    pub counts: Counts,
    /// Flags by short name.
    pub flags: Counter<Text>,
    /// Durations of HTTP records except 101 and `client_gone`.
    pub latency: Latency,
}

packed!(Group { counts, flags, latency });

impl Group {
    fn merge(&mut self, later: Group, at: usize) {
        self.counts.merge(later.counts);
        self.flags.merge(later.flags, FLAGS);
        self.latency.merge(&later.latency);
        self.latency.pack(if at < DETAILED { usize::MAX } else { FEW_DURATIONS });
    }
}

/// All groups.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Groups {
    /// What records are grouped by; empty when nobody asked.
    pub by: Vec<By>,
    /// Groups by their values, one for each field of `by`, in input order.
    pub rows: Ordered<Box<[Option<Text>]>, Group>,
    /// Requests of groups beyond the cap.
    pub other: Option<Box<Group>>,
    /// Bytes of the values.
    kept: usize,
}

packed!(Groups { by, rows, other, kept });

impl Groups {
    /// No groups yet.
    pub fn new(by: &[By]) -> Groups {
        Groups { by: by.to_vec(), ..Groups::default() }
    }

    /// Counts a record.
    pub(super) fn record(&mut self, record: &Record<'_>, outcome: Outcome, latency_ms: Option<u64>) {
        let key: Box<[Option<Text>]> = self.by.iter().map(|by| by.value(record).map(cut)).collect();
        let group = match self.rows.entry(key) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                self.kept += held(entry.key());
                entry.insert(Group::default())
            }
        };
        group.counts.add(outcome, 1);
        if !record.flags().is_empty() {
            let mut names = names(record);
            names.arrange();
            names.dedup();
            for name in names {
                group.flags.add(name, 1);
            }
        }
        if let Some(ms) = latency_ms {
            group.latency.add(ms);
        }
    }

    /// Adds what a later part of the input counted.
    pub(super) fn merge(&mut self, later: Groups, caps: &Caps) {
        if self.by.is_empty() {
            self.by = later.by;
        }
        for (key, group) in later.rows {
            if let Some((at, _, mine)) = self.rows.get_full_mut(&key) {
                mine.merge(group, at);
                continue;
            }
            let bytes = self.kept + held(&key);
            if self.rows.len() < caps.groups && bytes <= caps.groups * ROOM {
                self.kept = bytes;
                let at = self.rows.len();
                make_room(&mut self.rows, caps.groups);
                self.rows.entry(key.clone()).or_default().merge(group, at);
            } else {
                self.other.get_or_insert_default().merge(group, 0);
            }
        }
        if let Some(other) = later.other {
            self.other.get_or_insert_default().merge(*other, 0);
        }
    }

    /// Bytes on the heap, about.
    pub(super) fn weight(&self) -> usize {
        let latency: usize = self.rows.values().map(|group| group.latency.held()).sum();
        let row = size_of::<Group>() + 64 + self.by.len() * 48;
        self.kept + self.rows.len() * row + latency
    }
}

/// A value that is not too long.
fn cut(text: Text) -> Text {
    if text.len() > NAME_BYTES { text[..NAME_BYTES].into() } else { text }
}

/// Bytes of a group's values.
fn held(key: &[Option<Text>]) -> usize {
    key.iter().flatten().map(|text| text.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_or_refused() {
        let by = By::parse("pod, code").unwrap();
        assert_eq!(by.iter().map(|by| by.name()).collect::<Vec<_>>(), ["pod", "code"]);
        for slip in ["", "pod,", "nonsense"] {
            assert!(By::parse(slip).unwrap_err().to_string().contains("upstream, host"), "{slip}");
        }
    }

    #[test]
    fn merging_is_exact_and_capped_in_input_order() {
        let part = |names: &[&str]| {
            let mut groups = Groups::new(&By::parse("pod").unwrap());
            for name in names {
                let key: Box<[Option<Text>]> = [Some(Text::from(name.as_bytes()))].into();
                groups.rows.entry(key).or_default().counts.add(Outcome::Ok, 1);
            }
            groups
        };
        let caps = Caps { groups: 2, ..Caps::default() };
        let mut whole = Groups::default();
        whole.merge(part(&["a", "b", "a"]), &caps);
        whole.merge(part(&["c", "b", "c"]), &caps);
        let rows: Vec<u64> = whole.rows.values().map(|group| group.counts.requests()).collect();
        assert_eq!((rows, whole.other.unwrap().counts.requests()), (vec![2, 2], 2));
    }
}
