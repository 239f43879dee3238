//! One record as the join keeps it: numbers, and the few texts that say who talked to whom.

use std::collections::HashMap;

use crate::aggregate::{Ailing, without_port};
use crate::envoy::{Direction, FlagSet};
use crate::pack::{self, Broken, Pack, Packer, Unpacker, Wide};
use crate::record::{Field, Kind, Outcome, Record, id_key};

/// Bytes kept of each text.
const TEXT_BYTES: usize = 160;
/// A record without the other end's port is matched within so long.
const WINDOW_US: i64 = 2_000_000;

/// Where a record stood.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Number of the source.
    pub source: u32,
    /// Line, from 1.
    pub line: u64,
    /// Byte, from 0.
    pub offset: u64,
}

packed!(Place { source, line, offset });

/// The texts that are kept of a record.
#[derive(Debug, Clone, Copy)]
enum Part {
    Id,
    Proxy,
    Cluster,
    Host,
    UpstreamLocal,
    Listener,
    Client,
    Request,
    Details,
}

const PARTS: usize = 9;

/// Old names of inputs, and new ones.
pub type Renamed = HashMap<Vec<u8>, Vec<u8>>;

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// Digest of the symptom it belongs to; `None`: nothing is wrong with it.
    pub symptom: Option<u64>,
    /// Where it stood.
    pub place: Place,
    /// Start, microseconds since 1970.
    pub time_us: Option<i64>,
    /// Duration, milliseconds.
    pub duration_ms: Option<u64>,
    /// What the upstream took, milliseconds.
    pub service_ms: Option<u64>,
    /// Attempts the proxy made, where the format tells.
    pub attempts: Option<u64>,
    /// HTTP status.
    pub code: u16,
    /// Response flags.
    pub flags: FlagSet,
    /// What became of it.
    pub outcome: Outcome,
    /// Which side wrote it.
    pub direction: Option<Direction>,
    /// HTTP, TCP, ztunnel.
    pub kind: Kind,
    text: Box<[u8]>,
    ends: [u16; PARTS],
}

/// What has been worked out of a record when it is kept.
struct Worked {
    symptom: Option<u64>,
    outcome: Outcome,
    flags: FlagSet,
    time_us: Option<i64>,
}

/// The texts of a sight end to end, in a single allocation of their size.
fn texts(parts: [&[&[u8]]; PARTS]) -> (Box<[u8]>, [u16; PARTS]) {
    let length = |part: &[&[u8]]| part.iter().map(|piece| piece.len()).sum::<usize>().min(TEXT_BYTES);
    let mut text = Vec::with_capacity(parts.iter().map(|part| length(part)).sum());
    let mut ends = [0; PARTS];
    for (end, part) in ends.iter_mut().zip(parts) {
        let mut room = TEXT_BYTES;
        for piece in part {
            let kept = &piece[..piece.len().min(room)];
            text.extend_from_slice(kept);
            room -= kept.len();
        }
        // At most nine times 160 bytes.
        *end = text.len() as u16;
    }
    (text.into(), ends)
}

impl Pack for Sight {
    fn put(&self, out: &mut Packer<'_>) {
        self.symptom.map(Wide).put(out);
        self.place.put(out);
        self.time_us.put(out);
        for number in [self.duration_ms, self.service_ms, self.attempts] {
            number.map(Wide).put(out);
        }
        self.code.put(out);
        self.flags.put(out);
        self.outcome.put(out);
        self.direction.put(out);
        self.kind.put(out);
        self.text.put(out);
        self.ends.put(out);
    }

    fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken> {
        let symptom = from.take::<Option<Wide>>()?.map(|wide| wide.0);
        let (place, time_us) = (from.take()?, from.take()?);
        let mut wide = || from.take::<Option<Wide>>().map(|number| number.map(|wide| wide.0));
        let (duration_ms, service_ms, attempts) = (wide()?, wide()?, wide()?);
        Ok(Sight {
            symptom,
            place,
            time_us,
            duration_ms,
            service_ms,
            attempts,
            code: from.take()?,
            flags: from.take()?,
            outcome: from.take()?,
            direction: from.take()?,
            kind: from.take()?,
            text: from.take()?,
            ends: from.take()?,
        })
    }
}

impl Sight {
    /// Keeps the essence of a record with which nothing is wrong. `name` is the input's, for records that do not tell their
    /// pod.
    pub fn of(record: &Record<'_>, outcome: Outcome, name: &str, place: Place) -> Sight {
        let (flags, time_us) = (record.flags(), record.start_us());
        Sight::knowing(record, Worked { symptom: None, outcome, flags, time_us }, name, place)
    }

    /// That of a record with which something is wrong.
    pub(super) fn ailing(record: &Record<'_>, ailing: Ailing, name: &str, place: Place) -> Sight {
        let Ailing { symptom, outcome, flags, start_us: time_us, .. } = ailing;
        Sight::knowing(record, Worked { symptom: Some(symptom), outcome, flags, time_us }, name, place)
    }

    fn knowing(record: &Record<'_>, worked: Worked, name: &str, place: Place) -> Sight {
        let method = record.text(Field::Method).unwrap_or_default();
        let path = record.text(Field::Path).unwrap_or_default();
        let path = path.split(|&b| b == b'?').next().unwrap_or_default();
        let field = |field| record.text(field).unwrap_or_default();
        let details = match field(Field::Details) {
            details if !details.is_empty() => details,
            _ => match field(Field::Termination) {
                ended if !ended.is_empty() => ended,
                _ => match field(Field::TransportFailure) {
                    failed if !failed.is_empty() => failed,
                    _ => field(Field::DownstreamFailure),
                },
            },
        };
        let (text, ends) = texts([
            &[&field(Field::RequestId)],
            &[record.pod().unwrap_or(name.as_bytes())],
            &[record.upstream().unwrap_or_default()],
            &[&field(Field::UpstreamHost)],
            &[&field(Field::UpstreamLocal)],
            &[&field(Field::DownstreamLocal)],
            &[&field(Field::DownstreamRemote)],
            &[&method, if path.is_empty() { b"" } else { b" " }, path],
            &[&details],
        ]);
        let Worked { symptom, outcome, flags, time_us } = worked;
        Sight {
            symptom,
            place,
            time_us,
            duration_ms: record.duration_ms(),
            service_ms: record.number(Field::ServiceTime),
            attempts: record.number(Field::Attempts),
            code: record.code(),
            flags,
            outcome,
            direction: record.direction(),
            kind: record.kind(),
            text,
            ends,
        }
    }

    /// Gives its input another name, where that stands for the pod.
    pub(super) fn rename(&mut self, names: &Renamed) {
        let cut = |name: &[u8]| name[..name.len().min(TEXT_BYTES)].to_vec();
        let Some((_, new)) = names.iter().find(|(old, _)| cut(old) == self.proxy()) else { return };
        let at = Part::Proxy as usize;
        let (start, end) = (usize::from(self.ends[at - 1]), usize::from(self.ends[at]));
        let new = cut(new);
        self.text = [&self.text[..start], &new, &self.text[end..]].concat().into();
        // At most nine times 160 bytes.
        self.ends[at..].iter_mut().for_each(|e| *e = (usize::from(*e) - (end - start) + new.len()) as u16);
    }

    /// Its own bytes and those on the heap.
    pub(super) fn held_bytes(&self) -> usize {
        size_of::<Sight>() + self.text.len()
    }

    fn part(&self, part: Part) -> &[u8] {
        let at = part as usize;
        let start = if at == 0 { 0 } else { usize::from(self.ends[at - 1]) };
        self.text.get(start..usize::from(self.ends[at])).unwrap_or_default()
    }

    /// Request id.
    pub fn id(&self) -> &[u8] {
        self.part(Part::Id)
    }

    /// Pod, or the input where nothing tells the pod.
    pub fn proxy(&self) -> &[u8] {
        self.part(Part::Proxy)
    }

    /// Cluster, stripped.
    pub fn cluster(&self) -> &[u8] {
        self.part(Part::Cluster)
    }

    /// Address of the endpoint, without what Envoy writes around internal ones.
    pub fn host(&self) -> &[u8] {
        bare(self.part(Part::Host))
    }

    /// Our end of the upstream connection.
    pub fn upstream_local(&self) -> &[u8] {
        bare(self.part(Part::UpstreamLocal))
    }

    /// Address at which this proxy was reached.
    pub fn listener(&self) -> &[u8] {
        match self.kind {
            // ztunnel logs only the destination.
            Kind::Ztunnel => self.host(),
            _ => bare(self.part(Part::Listener)),
        }
    }

    /// The client's end of the downstream connection.
    pub fn client(&self) -> &[u8] {
        bare(self.part(Part::Client))
    }

    /// Method and path.
    pub fn request(&self) -> &[u8] {
        self.part(Part::Request)
    }

    /// Details; else why the connection ended or failed.
    pub fn details(&self) -> &[u8] {
        self.part(Part::Details)
    }

    /// True for a line that can be the calling side: it chose an endpoint, and that is not its own application.
    pub fn calls(&self) -> bool {
        !self.host().is_empty()
            && (self.direction != Some(Direction::Inbound) || self.cluster().starts_with(b"inbound-vip|"))
    }

    /// True for a line that can be the called side of another proxy's.
    pub fn serves(&self) -> bool {
        !self.listener().is_empty()
            && (self.kind != Kind::Ztunnel || self.direction == Some(Direction::Inbound))
    }

    /// True for a request's line in a format without the addresses of either connection's near end, like Envoy's default.
    pub fn is_bare(&self) -> bool {
        self.kind == Kind::Http
            && self.direction.is_none()
            && [self.cluster(), self.listener(), self.client(), self.upstream_local()]
                .iter()
                .all(|p| p.is_empty())
    }

    /// Failed by the upstream or by the proxy.
    pub fn failed(&self) -> bool {
        self.outcome.failed()
    }

    /// End, microseconds since 1970.
    pub fn end_us(&self) -> Option<i64> {
        let us = i64::try_from(self.duration_ms?).ok()?.checked_mul(1_000)?;
        self.time_us?.checked_add(us)
    }

    /// What orders sights: nothing that depends on the order of the inputs comes before the content.
    pub(super) fn rank(&self) -> impl Ord + '_ {
        (self.time_us, self.direction, &self.text, self.code, self.flags, self.duration_ms, self.place)
    }

    /// The key of the request id; `None` without one.
    pub fn id_key(&self) -> Option<u64> {
        id_key(self.id())
    }
}

/// The address itself: `envoy://connect_originate/10.1.2.3:15008` → `10.1.2.3:15008`.
pub(super) fn bare(address: &[u8]) -> &[u8] {
    match address.strip_prefix(b"envoy://") {
        Some(rest) => rest.splitn(2, |&b| b == b'/').nth(1).unwrap_or_default(),
        None => address,
    }
}

fn hashed(seed: u64, parts: &[&[u8]]) -> u64 {
    pack::hash(seed, parts)
}

/// Key of a connection of which both ends are known.
pub(super) fn connection_key(client: &[u8], server: &[u8]) -> Option<u64> {
    let port = |address: &[u8]| without_port(address).len() < address.len();
    (port(client) && port(server)).then(|| hashed(2, &[client, server]))
}

/// Key of what happened at a server about a time.
pub(super) fn moment_key(server: &[u8], time_us: Option<i64>) -> Option<u64> {
    let window = time_us?.div_euclid(WINDOW_US).to_le_bytes();
    (!server.is_empty()).then(|| hashed(3, &[without_port(server), &window]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_addresses_are_taken_out_of_their_wrapping() {
        assert_eq!(bare(b"envoy://connect_originate/10.1.2.3:15008"), b"10.1.2.3:15008");
        assert_eq!(bare(b"envoy://main_internal/"), b"");
        assert_eq!(bare(b"envoy://x"), b"");
        assert_eq!(bare(b"[::1]:80"), b"[::1]:80");
    }
}
