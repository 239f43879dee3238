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
        match address.split_at_checked(self.name.len()) {
            Some((name, [b':', port @ ..])) => {
                self.plain && same(name, &self.name) && port.len() <= 5 && port.iter().all(u8::is_ascii_digit)
            }
            Some((name, [])) => (self.plain || name.is_empty()) && same(name, &self.name),
            _ => self.name.is_empty() && address == b"-",
        }
    }
}

/// Equality of texts of one length. Addresses of IPv4 are two words that may overlap: a call to compare memory costs more.
#[inline(always)]
fn same(a: &[u8], b: &[u8]) -> bool {
    match (a.first_chunk::<8>(), a.last_chunk::<8>(), b.first_chunk::<8>(), b.last_chunk::<8>()) {
        (Some(a_head), Some(a_tail), Some(b_head), Some(b_tail)) if a.len() <= 16 => {
            a_head == b_head && a_tail == b_tail
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_that_of_its_machine() {
        let addresses: [&[u8]; 14] = [
            b"",
            b"-",
            b"10.0.0.1:80",
            b"10.0.0.1:8080",
            b"10.0.0.11:80",
            b"10.0.0.1",
            b"127.0.0.6:1",
            b"1.2.3.4:5",
            b"[fd00::1]:80",
            b"[fd00::1]:443",
            b"fd00::1",
            b"fd00::1:80",
            b"10.0.0.1:80x",
            b"envoy://internal_client_address/",
        ];
        for one in addresses {
            let machine = Machine::of(one);
            for other in addresses.into_iter().filter(|other| machine.is_that_of(other)) {
                assert_eq!(
                    machine.name,
                    Machine::of(other).name,
                    "{} {}",
                    one.escape_ascii(),
                    other.escape_ascii()
                );
            }
        }
        assert!(Machine::of(b"10.0.0.1:80").is_that_of(b"10.0.0.1:41000"));
        assert!(Machine::of(b"[fd00::1]:80").is_that_of(b"[fd00::1]:41000"));
        assert!(Machine::of(b"-").is_that_of(b"-"));
    }
}
