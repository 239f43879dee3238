//! What only a report asks for: counted beside a [`Tally`](super::Tally), so that the triage does not pay for it.

use super::counter::{Ordered, Text};
use super::symptom::{VALUE_BYTES, head, without_port};
use super::{Counts, Latency, Series, series::Cell};
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
        let counts = record.kind() == Kind::Http && record.code() != 101 && outcome != Outcome::ClientGone;
        if let (true, Some(us), Some(ms)) = (counts, record.start_us(), record.duration_ms()) {
            self.latency.at(us).add(ms);
        }
        let caller = without_port(record.bytes(Field::DownstreamRemote));
        if caller.is_empty() {
            return;
        }
        let caller = head(caller, VALUE_BYTES);
        match self.callers.get_mut(caller) {
            Some(counts) => counts.add(outcome, 1),
            None => self.callers.entry(caller.into()).or_default().add(outcome, 1),
        }
    }

    /// Bytes on the heap, about.
    pub fn weight(&self) -> usize {
        let latency: usize = self.latency.iter().map(|(_, cell)| cell.held()).sum();
        self.latency.held() + latency + self.callers.len() * (size_of::<Counts>() + 128)
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
