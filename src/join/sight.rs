//! One record as the join keeps it: numbers, and the few texts that say who talked to whom.

use std::ops::Deref;

use crate::aggregate::without_port;
use crate::envoy::{Direction, FlagSet};
use crate::pack::{self, Pack, Packer, Wide};
use crate::record::{Kind, Outcome, id_key};

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
pub(super) enum Part {
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

pub(super) const PARTS: usize = 9;

/// What is kept of a record, but for its texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Noted {
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
    /// Where its texts begin among those of its block.
    pub(super) start: u32,
    /// Where each text ends, behind that.
    pub(super) ends: [u16; PARTS],
}

/// One record.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    pub(super) noted: &'a Noted,
    /// Its texts, end to end.
    pub(super) text: &'a [u8],
}

/// Wherever they are kept.
impl PartialEq for Sight<'_> {
    fn eq(&self, other: &Self) -> bool {
        let noted = |sight: &Self| Noted { start: 0, ..*sight.noted };
        noted(self) == noted(other) && self.text == other.text
    }
}

impl Deref for Sight<'_> {
    type Target = Noted;

    fn deref(&self) -> &Noted {
        self.noted
    }
}

impl<'a> Sight<'a> {
    /// Writes it down.
    pub(super) fn put(self, out: &mut Packer<'_>) {
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
        out.text(self.text);
        self.ends.put(out);
    }

    fn part(self, part: Part) -> &'a [u8] {
        self.part_at(part as usize)
    }

    pub(super) fn part_at(self, at: usize) -> &'a [u8] {
        let start = if at == 0 { 0 } else { usize::from(self.ends[at - 1]) };
        self.text.get(start..usize::from(self.ends[at])).unwrap_or_default()
    }

    /// Request id.
    pub fn id(self) -> &'a [u8] {
        self.part(Part::Id)
    }

    /// Pod, or the input where nothing tells the pod.
    pub fn proxy(self) -> &'a [u8] {
        self.part(Part::Proxy)
    }

    /// Cluster, stripped.
    pub fn cluster(self) -> &'a [u8] {
        self.part(Part::Cluster)
    }

    /// Address of the endpoint, without what Envoy writes around internal ones.
    pub fn host(self) -> &'a [u8] {
        bare(self.part(Part::Host))
    }

    /// Our end of the upstream connection.
    pub fn upstream_local(self) -> &'a [u8] {
        bare(self.part(Part::UpstreamLocal))
    }

    /// Address at which this proxy was reached.
    pub fn listener(self) -> &'a [u8] {
        match self.kind {
            // ztunnel logs only the destination.
            Kind::Ztunnel => self.host(),
            _ => bare(self.part(Part::Listener)),
        }
    }

    /// The client's end of the downstream connection.
    pub fn client(self) -> &'a [u8] {
        bare(self.part(Part::Client))
    }

    /// Method and path.
    pub fn request(self) -> &'a [u8] {
        self.part(Part::Request)
    }

    /// Details; else why the connection ended or failed.
    pub fn details(self) -> &'a [u8] {
        self.part(Part::Details)
    }

    /// True for a line that can be the calling side: it chose an endpoint, and that is not its own application.
    pub fn calls(self) -> bool {
        !self.host().is_empty()
            && (self.direction != Some(Direction::Inbound) || self.cluster().starts_with(b"inbound-vip|"))
    }

    /// True for a line that can be the called side of another proxy's.
    pub fn serves(self) -> bool {
        !self.listener().is_empty()
            && (self.kind != Kind::Ztunnel || self.direction == Some(Direction::Inbound))
    }

    /// True for a request's line in a format without the addresses of either connection's near end, like Envoy's default.
    pub fn is_bare(self) -> bool {
        self.kind == Kind::Http
            && self.direction.is_none()
            && [self.cluster(), self.listener(), self.client(), self.upstream_local()]
                .iter()
                .all(|p| p.is_empty())
    }

    /// Failed by the upstream or by the proxy.
    pub fn failed(self) -> bool {
        self.outcome.failed()
    }

    /// End, microseconds since 1970.
    pub fn end_us(self) -> Option<i64> {
        let us = i64::try_from(self.duration_ms?).ok()?.checked_mul(1_000)?;
        self.time_us?.checked_add(us)
    }

    /// What orders sights: nothing that depends on the order of the inputs comes before the content.
    pub(super) fn rank(self) -> impl Ord + use<'a> {
        (self.time_us, self.direction, self.text, self.code, self.flags, self.duration_ms, self.place)
    }

    /// The key of the request id; `None` without one.
    pub fn id_key(self) -> Option<u64> {
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
