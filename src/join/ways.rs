//! Lines on their way into the tables of who called whom: of lines that are alike, only what differs is looked at.

use super::collect::{Second, called, client, server};
use super::sight::bare;
use crate::aggregate::{Seen, Span, Text, suspicious, without_port};
use crate::record::{Field, Kind, Record};

/// What is seen of a line at a glance that the join wants of it.
#[derive(Debug, Clone, Copy)]
pub struct Passing<'a> {
    /// Request id; empty where a glance does not tell.
    pub id: &'a [u8],
    /// The proxy's end of the upstream connection, `-` for none.
    pub local: &'a [u8],
    /// The client's end of the downstream connection, `-` for none.
    pub remote: &'a [u8],
}

/// The lines of one row, on their way into the table of edges: only what differs from line to line is looked at.
#[derive(Debug)]
pub(super) struct Way {
    /// Who wrote them.
    pub(super) proxy: Text,
    /// Something is wrong with them: the first reading keeps them.
    pub(super) ailing: bool,
    failed: bool,
    /// They have a request id.
    pub(super) has_id: bool,
    seen: Seen,
    span: Span,
    /// Cluster that was called.
    cluster: Option<Text>,
    /// From where it was called last.
    from: Machine,
    /// Whose requests came.
    serves: Option<Serving>,
}

#[derive(Debug)]
struct Serving {
    server: Text,
    tunnel: bool,
    /// Who came last, and what of it is not in the table yet.
    client: Machine,
    seen: Seen,
    span: Span,
}

impl Way {
    /// For the lines that are like this one, which is in the table already.
    pub(super) fn of(record: &Record<'_>, name: &str) -> Way {
        let outcome = record.outcome();
        let serves = server(record).map(|server| Serving {
            server: server.into(),
            tunnel: record.kind() == Kind::Ztunnel,
            client: Machine::of(client(record)),
            seen: Seen::default(),
            span: Span::default(),
        });
        Way {
            proxy: record.pod().unwrap_or(name.as_bytes()).into(),
            ailing: suspicious(record, outcome),
            failed: outcome.failed(),
            has_id: record.logged(Field::RequestId).is_some(),
            seen: Seen::default(),
            span: Span::default(),
            cluster: called(record).map(Text::from),
            from: Machine::of(record.bytes(Field::UpstreamLocal)),
            serves,
        }
    }

    /// True when a record of the same row is one of these lines.
    pub(super) fn is_of(&self, record: &Record<'_>, name: &str) -> bool {
        record.pod().unwrap_or(name.as_bytes()) == &self.proxy[..] && record.outcome().failed() == self.failed
    }

    /// Counts a line.
    #[inline]
    pub(super) fn count(&mut self, edges: &mut Second, us: Option<i64>, line: &Passing<'_>) {
        let one = Seen { requests: 1, failed: u64::from(self.failed) };
        if self.cluster.is_some() {
            self.seen.add(one);
            us.into_iter().for_each(|us| self.span.add(us));
            if !self.from.is_that_of(line.local) {
                self.from = Machine::of(line.local);
                edges.note_client(&self.proxy, &self.from.name);
            }
        }
        if let Some(serving) = &mut self.serves {
            if !serving.client.is_that_of(line.remote) {
                serving.flush(edges, &self.proxy);
                serving.client = Machine::of(line.remote);
            }
            serving.seen.add(one);
            us.into_iter().for_each(|us| serving.span.add(us));
        }
    }

    /// Puts into the table what is not there yet.
    pub(super) fn flush(mut self, edges: &mut Second) {
        if let Some(cluster) = self.cluster.filter(|_| self.seen.requests > 0) {
            edges.call(&self.proxy, &cluster, self.seen, self.span);
        }
        if let Some(serving) = &mut self.serves {
            serving.flush(edges, &self.proxy);
        }
    }
}

impl Serving {
    fn flush(&mut self, edges: &mut Second, proxy: &Text) {
        let (seen, span) = (std::mem::take(&mut self.seen), std::mem::take(&mut self.span));
        if seen.requests > 0 {
            edges.serve((proxy, &self.server, &self.client.name), self.tunnel, seen, span);
        }
    }
}

/// An address without its port.
#[derive(Debug, Default)]
struct Machine {
    name: Text,
    /// Such a name and a port behind it are an address: no IPv6 address without brackets.
    plain: bool,
}

impl Machine {
    fn of(address: &[u8]) -> Machine {
        let address = if address == b"-" { b"" } else { address };
        let name = without_port(bare(address));
        Machine {
            plain: !name.is_empty() && (!name.contains(&b':') || name.ends_with(b"]")),
            name: name.into(),
        }
    }

    /// True when the address is one of this machine. False for some that are, too.
    #[inline]
    fn is_that_of(&self, address: &[u8]) -> bool {
        match address.strip_prefix(&self.name[..]) {
            Some([b':', port @ ..]) => self.plain && port.len() <= 5 && port.iter().all(u8::is_ascii_digit),
            Some([]) => self.plain || address.is_empty(),
            _ => self.name.is_empty() && address == b"-",
        }
    }
}
