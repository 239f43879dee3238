//! What only a report asks for: counted beside a [`Tally`](super::Tally), so that the triage does not pay for it.

use super::counter::{Ordered, Text};
use super::symptom::without_port;
use super::{Counts, Known, Latency, Series, series::Cell};
use crate::format::Glance;
use crate::record::{Field, Kind, Outcome, Record};

impl Cell for Latency {
    fn merge(&mut self, other: &Self) {
        Latency::merge(self, other);
    }
}

/// Callers that are told apart; what comes later is counted as one.
const CALLERS: usize = 10_000;

/// Latency over time, and who called.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Detail {
    /// Durations over time, of HTTP records except 101 and `client_gone`.
    pub latency: Series<Latency, 128>,
    /// Requests by the address they came from, without port.
    pub callers: Ordered<Text, Counts>,
    /// Requests of callers beyond the cap.
    pub other_callers: Counts,
}

impl Detail {
    /// Counts a record.
    pub fn record(&mut self, record: &Record<'_>) {
        let outcome = record.outcome();
        let counts_latency =
            record.kind() == Kind::Http && record.code() != 101 && outcome != Outcome::ClientGone;
        let known = Known { outcome, counts_latency, start_us: record.start_us() };
        self.count(known, record.duration_ms(), record.bytes(Field::DownstreamRemote));
    }

    /// Counts a record that is known at a glance.
    pub fn glance(&mut self, known: Known, glance: &Glance<'_>) {
        let caller = if glance.remote == b"-" { b"" } else { glance.remote };
        self.count(known, Some(glance.numbers.duration_ms), caller);
    }

    fn count(&mut self, known: Known, duration_ms: Option<u64>, caller: &[u8]) {
        if let (true, Some(us), Some(ms)) = (known.counts_latency, known.start_us, duration_ms) {
            self.latency.at(us).add(ms);
        }
        let caller = without_port(caller);
        if caller.is_empty() {
            return;
        }
        match self.callers.get_mut(caller) {
            Some(counts) => counts.add(known.outcome, 1),
            None => self.callers.entry(caller.into()).or_default().add(known.outcome, 1),
        }
    }

    /// Adds what a later part of the input counted.
    pub fn merge(&mut self, later: Detail) {
        self.latency.merge(&later.latency);
        for (name, counts) in later.callers {
            let room = self.callers.len() < CALLERS;
            match self.callers.get_mut(&name) {
                Some(mine) => mine.merge(counts),
                None if room => {
                    self.callers.insert(name, counts);
                }
                None => self.other_callers.merge(counts),
            }
        }
        self.other_callers.merge(later.other_callers);
    }
}
