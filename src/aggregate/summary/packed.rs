//! How the finished counts are written down.

use super::{
    Code, Counts, FlaggedLoad, Kept, Lines, Place, ProxyLog, ProxyNote, RejectSample, Scope, Summary,
    Upstream,
};
use crate::envoy::Direction;
use crate::pack::{Broken, Pack, Packer, Unpacker};

packed!(Counts { by_outcome });
packed!(Upstream { counts, flags, codes, latency, hosts, other_hosts, span, ok, failure, series, turns });
packed!(Scope { counts, span, ok, ok_with_sni, inbound, tcp_carried, door });
packed!(FlaggedLoad { load, flags, other_flags });
packed!(RejectSample { source, line, offset, column, reason, sample });
packed!(ProxyLog { writers, notes });
packed!(ProxyNote { count, span, exemplars });
packed!(Kept { upstreams, hosts, scopes, symptoms });
packed!(Lines {
    total,
    access,
    proxy,
    other,
    rejected,
    formats,
    incomplete,
    without_time,
    without_flags,
    reject_reasons,
    rejects,
});

/// Fields of a summary, but for what is worked out anew.
pub(super) const FIELDS: usize = 26;

impl Summary {
    /// Writes it down.
    pub fn put(&self, out: &mut Packer<'_>) {
        out.wide(FIELDS as u64);
        self.lines.put(out);
        self.counts.put(out);
        self.sides.put(out);
        self.ends.put(out);
        self.groups.put(out);
        self.flags.put(out);
        self.flag_sets.put(out);
        self.tunnel_flag_sets.put(out);
        self.codes.put(out);
        self.span.put(out);
        self.upstreams.put(out);
        self.other_upstreams.put(out);
        self.no_upstream.put(out);
        self.authorities.put(out);
        self.routes.put(out);
        self.listeners.put(out);
        self.snis.put(out);
        self.other_scopes.put(out);
        self.symptoms.put(out);
        self.other_symptoms.put(out);
        self.values.put(out);
        self.hosts.put(out);
        self.kept.put(out);
        self.timeline.put(out);
        self.proxy_log.put(out);
        self.service_times.put(out);
    }
}

impl Pack for Place {
    fn put(&self, out: &mut Packer<'_>) {
        let known = match self {
            Place::None => 0,
            Place::Other => 1,
            Place::Known(at) => u64::from(*at) + 2,
        };
        known.put(out);
    }

    fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken> {
        Ok(match from.take::<u64>()? {
            0 => Place::None,
            1 => Place::Other,
            at => Place::Known(u32::try_from(at - 2).map_err(|_| from.broken("no upstream is there"))?),
        })
    }
}

/// Where lines of a source went: its number, and the lines and bytes before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moved {
    /// Number of the source.
    pub source: u32,
    /// Lines of that source that come before.
    pub lines: u64,
    /// Bytes of that source that come before.
    pub bytes: u64,
}

impl Summary {
    /// Puts the symptoms in an order that does not depend on that of the inputs, once all are counted: what stands closer
    /// to the break comes first, then what came first. The diagnosis folds what others passed on into what broke.
    pub fn settle_order(&mut self) {
        self.symptoms.sort_by_cached_key(|key, symptom| {
            let passed_on = matches!(key.details.as_deref(), None | Some(b"via_upstream"));
            let side = match key.direction {
                Some(Direction::Inbound) => 0,
                None => 1,
                Some(Direction::Outbound) => 2,
            };
            let mut packer = Packer::default();
            key.put(&mut packer);
            (passed_on, side, symptom.span.first_us().unwrap_or(i64::MAX), packer.into_bytes())
        });
        // Their places are others now; nothing is added any more.
        self.values = <_>::default();
    }

    /// The highest number of a source that is named.
    pub fn most_source(&self) -> Option<u32> {
        let examples = self.symptoms.values().flat_map(|symptom| &symptom.exemplars);
        let noted = self.proxy_log.notes.values().flat_map(|note| &note.exemplars);
        let rejects = self.lines.rejects.iter().map(|reject| reject.source);
        examples.chain(noted).map(|exemplar| exemplar.source).chain(rejects).max()
    }

    /// Gives the sources other numbers.
    pub fn relocate(&mut self, to: impl Fn(u32) -> Moved) {
        let place = |source: &mut u32, line: &mut u64, offset: &mut u64| {
            let moved = to(*source);
            *source = moved.source;
            *line += moved.lines;
            *offset += moved.bytes;
        };
        let examples = self.symptoms.values_mut().flat_map(|symptom| &mut symptom.exemplars);
        let noted = self.proxy_log.notes.values_mut().flat_map(|note| &mut note.exemplars);
        examples.chain(noted).for_each(|e| place(&mut e.source, &mut e.line, &mut e.offset));
        self.lines.rejects.iter_mut().for_each(|r| place(&mut r.source, &mut r.line, &mut r.offset));
    }
}

impl Pack for Code {
    fn put(&self, out: &mut Packer<'_>) {
        self.0.put(out);
    }

    fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken> {
        from.take().map(Code)
    }
}
