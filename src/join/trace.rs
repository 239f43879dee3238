//! The lines of one request as a tree: who called whom, in order of time.

use std::collections::BTreeMap;

use super::pairs::{Pair, of_connection, of_request};
use super::sample::Sample;
use super::sight::{Place, Sight, connection_key};
use super::sights::Sights;
use super::tell::bounds;
use crate::aggregate::{Step, suspicious, without_port};
use crate::envoy::{Direction, cluster};
use crate::record::{Field, Record, id_key};

/// Lines of one request that are kept: more than any mesh makes of one.
const LINES: usize = 10_000;
/// Lines of connections without a request id that are kept while a request is looked for.
const CONNECTIONS: usize = 20_000;
/// Clocks of logs tick in milliseconds.
const TICK_US: i64 = 2_000;
/// An application's own call may be logged so long before the call that brought it about.
const SLACK_US: i64 = 2_000_000;

/// All lines of one request, while they are looked for.
#[derive(Debug, Clone)]
pub struct Trace {
    key: Option<u64>,
    sights: Sights,
    more: u64,
    connections: Sample,
}

impl Trace {
    /// Looks for a request id.
    pub fn of(id: &str) -> Trace {
        Trace {
            key: id_key(id.as_bytes()),
            sights: Sights::default(),
            more: 0,
            connections: Sample::new(CONNECTIONS),
        }
    }

    /// Takes a record if it is the request's, or may be of its connections.
    pub fn see(&mut self, record: &Record<'_>, name: &str, place: Place) {
        let id = record.text(Field::RequestId).unwrap_or_default();
        let key = id_key(&id);
        if key.is_some() {
            if key == self.key {
                self.add(|sights| sights.note(record, record.outcome(), name, place));
            }
        } else if suspicious(record, record.outcome()) {
            let mut one = Sights::default();
            one.note(record, record.outcome(), name, place);
            let Some(sight) = one.iter().next() else { return };
            if let Some(key) = connection_key(sight.client(), sight.listener()) {
                self.connections.add(key, sight.time_us, |sights| sights.copy(sight));
            }
        }
    }

    fn add(&mut self, note: impl FnOnce(&mut Sights)) {
        match self.sights.len() < LINES {
            true => note(&mut self.sights),
            false => self.more += 1,
        }
    }

    /// Adds what a later part of the input held.
    pub fn merge(&mut self, later: Trace) {
        later.sights.iter().for_each(|sight| self.add(|sights| sights.copy(sight)));
        self.more += later.more;
        self.connections.merge(later.connections);
    }

    /// Moves every line number: this part of the input begins after `lines` lines of its source.
    pub fn shift_lines(&mut self, lines: u64) {
        self.sights.iter_mut().for_each(|sight| sight.place.line += lines);
        self.connections.shift_lines(lines);
    }

    /// Lines beyond the cap.
    pub fn more(&self) -> u64 {
        self.more
    }

    /// The tree, from the first proxy on.
    pub fn steps(self) -> Vec<Step> {
        let connections = self.connections.settled();
        let mut sights: Vec<Sight<'_>> = self.sights.iter().collect();
        let mut ends = Vec::new();
        for above in sights.iter().filter(|s| s.calls()) {
            let Some(key) = connection_key(above.upstream_local(), above.host()) else { continue };
            let Some(group) = connections.get(key) else { continue };
            let both: Vec<Sight<'_>> = std::iter::once(*above).chain(group.sights()).collect();
            ends.extend(of_connection(&both).into_iter().filter(|p| p.caller == 0).map(|p| both[p.callee]));
        }
        sights.extend(ends);
        steps(&sights)
    }
}

/// The tree of these lines.
pub(super) fn steps(sights: &[Sight<'_>]) -> Vec<Step> {
    let mut sights = sights.to_vec();
    sights.sort_by(|a, b| a.rank().cmp(&b.rank()));
    sights.dedup_by_key(|s| s.place);
    let parents = parents(&sights);
    let mut children: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
    for (at, parent) in parents.iter().enumerate() {
        children.entry(*parent).or_default().push(at);
    }
    let mut grower = Grower {
        sights: &sights,
        children: &children,
        seen: vec![false; sights.len()],
        first_us: None,
        out: Vec::new(),
    };
    for root in children.get(&None).into_iter().flatten() {
        grower.grow(*root, 0);
    }
    // Lines that name each other in a circle have no root: log content may be anything.
    for at in 0..sights.len() {
        if !grower.seen[at] {
            grower.grow(at, 0);
        }
    }
    grower.out
}

/// For each line the line above it.
fn parents(sights: &[Sight<'_>]) -> Vec<Option<usize>> {
    let mut parents = vec![None; sights.len()];
    for Pair { caller, callee } in of_request(sights) {
        parents[callee] = Some(caller);
    }
    for (at, below) in sights.iter().enumerate() {
        if parents[at].is_some() {
            continue;
        }
        parents[at] = match below.id_key() {
            // A connection's end: its other end is known by its addresses.
            None => sights.iter().position(|above| {
                above.calls() && above.upstream_local() == below.client() && above.host() == below.listener()
            }),
            Some(_) if below.calls() => caused_by(sights, at),
            Some(_) => None,
        };
    }
    parents
}

/// The line by which the request came to the pod that calls on.
pub(super) fn caused_by(sights: &[Sight<'_>], at: usize) -> Option<usize> {
    let below = sights[at];
    let same_pod = |above: Sight<'_>| {
        let own = without_port(above.listener());
        above.direction == Some(Direction::Inbound)
            && !above.calls()
            && (above.proxy() == below.proxy() || (!own.is_empty() && own == without_port(below.client())))
    };
    let when = |above: Sight<'_>| match (above.time_us, above.end_us(), below.time_us) {
        (Some(start), Some(end), Some(at)) => {
            start.saturating_sub(SLACK_US) <= at && at <= end.saturating_add(SLACK_US)
        }
        _ => true,
    };
    let near = |above: Sight<'_>| match (above.time_us, below.time_us) {
        (Some(a), Some(b)) => a.abs_diff(b),
        _ => u64::MAX,
    };
    sights
        .iter()
        .enumerate()
        .filter(|(above, sight)| *above != at && same_pod(**sight) && when(**sight))
        .min_by_key(|(above, sight)| (near(**sight), *above))
        .map(|(above, _)| above)
}

struct Grower<'g, 's> {
    sights: &'g [Sight<'s>],
    children: &'g BTreeMap<Option<usize>, Vec<usize>>,
    seen: Vec<bool>,
    first_us: Option<i64>,
    out: Vec<Step>,
}

impl Grower<'_, '_> {
    /// Writes a line and all below it, depth first. A stack and not recursion: a hostile log may be deep.
    fn grow(&mut self, root: usize, depth: usize) {
        let mut stack = vec![(root, depth, None::<usize>, 0_i64, (0, 0))];
        while let Some((at, depth, above, behind, attempt)) = stack.pop() {
            if std::mem::replace(&mut self.seen[at], true) {
                continue;
            }
            let sight = self.sights[at];
            let skew_us = above.map_or(0, |above| lead(self.sights[above], sight));
            let behind = behind.saturating_add(skew_us);
            let time_us = sight.time_us.map(|us| us.saturating_sub(behind));
            self.first_us = self.first_us.or(time_us);
            let after_us = time_us.zip(self.first_us).map(|(us, first)| us.saturating_sub(first));
            self.out.push(step(sight, depth, after_us, skew_us, attempt));
            let below = self.children.get(&Some(at)).map(Vec::as_slice).unwrap_or_default();
            let several = sight.calls() && below.len() > 1;
            let total = u32::try_from(below.len()).unwrap_or(u32::MAX);
            for (n, child) in below.iter().enumerate().rev() {
                let n = u32::try_from(n + 1).unwrap_or(u32::MAX);
                let attempt = if several { (n, total) } else { (0, 0) };
                stack.push((*child, depth + 1, Some(at), behind, attempt));
            }
        }
    }
}

/// How far the clock of a callee is ahead of its caller's, where the times of the two cannot be true together.
fn lead(above: Sight<'_>, below: Sight<'_>) -> i64 {
    if above.proxy() == below.proxy() || !above.calls() {
        return 0;
    }
    match bounds(above, below) {
        // A callee may notice late that its caller has left.
        Some((low, high)) if low > TICK_US && below.outcome != crate::record::Outcome::ClientGone => {
            (low + high) / 2
        }
        Some((low, high)) if high < -TICK_US => (low + high) / 2,
        _ => 0,
    }
}

fn step(sight: Sight<'_>, depth: usize, after_us: Option<i64>, skew_us: i64, attempt: (u32, u32)) -> Step {
    let side = match sight.direction {
        _ if cluster::is_tunnel(sight.cluster()) => "tunnel",
        Some(Direction::Inbound) => "callee",
        Some(Direction::Outbound) => "caller",
        None if sight.cluster().is_empty() && sight.host().is_empty() => "callee",
        None => "",
    };
    let host = if sight.host().is_empty() { sight.listener() } else { sight.host() };
    Step {
        depth,
        time_us: sight.time_us,
        after_us,
        skew_us,
        duration_ms: sight.duration_ms,
        code: sight.code,
        flags: sight.flags,
        details: sight.details().into(),
        request: sight.request().into(),
        proxy: sight.proxy().into(),
        side,
        upstream: sight.cluster().into(),
        host: host.into(),
        attempt,
        source: sight.place.source,
        line: sight.place.line,
        offset: sight.place.offset,
    }
}
