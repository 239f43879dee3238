//! What was counted before, during and after an incident.

use super::Incident;
use crate::aggregate::{Detail, Latency, Series, Summary, Symptom};

/// Requests of a stretch of time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Load {
    /// How long it was, microseconds.
    pub us: i64,
    /// Requests of all upstreams.
    pub requests: u64,
    /// Those that failed.
    pub failed: u64,
    /// Durations.
    pub latency: Latency,
}

/// The log around an incident, all upstreams together. Buckets that hold the onset or the end belong to the incident.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Window {
    /// Before the onset.
    pub before: Load,
    /// From onset to end.
    pub during: Load,
    /// After the end.
    pub after: Load,
}

impl Window {
    /// The log around an incident.
    pub fn of(incident: &Incident, summary: &Summary, detail: &Detail) -> Window {
        let mut window = Window::default();
        let side = |us: i64, width_us: i64| {
            let part = if us + width_us <= incident.onset_us {
                Part::Before
            } else if us > incident.last_us && !incident.ongoing {
                Part::After
            } else {
                Part::During
            };
            (part, width_us)
        };
        let width_us = summary.timeline.width_s() * 1_000_000;
        for (us, cell) in summary.timeline.iter() {
            let (part, width) = side(us, width_us);
            let load = window.part(part);
            load.us += width;
            load.requests += cell.load.requests;
            load.failed += cell.load.failed;
        }
        let width_us = detail.latency.width_s() * 1_000_000;
        for (us, latency) in detail.latency.iter() {
            let (part, _) = side(us, width_us);
            window.part(part).latency.merge(latency);
        }
        window
    }

    fn part(&mut self, part: Part) -> &mut Load {
        match part {
            Part::Before => &mut self.before,
            Part::During => &mut self.during,
            Part::After => &mut self.after,
        }
    }
}

enum Part {
    Before,
    During,
    After,
}

impl Incident {
    /// Records of a symptom that belong to the incident.
    pub fn count_of(&self, symptom: &Symptom) -> u64 {
        within(&symptom.series, self.onset_us, self.last_us)
    }
}

/// Counts of the buckets that touch a stretch of time.
pub(super) fn within<const MAX: usize>(series: &Series<u64, MAX>, from_us: i64, to_us: i64) -> u64 {
    let width_us = series.width_s() * 1_000_000;
    series.iter().filter(|(us, _)| us + width_us > from_us && *us <= to_us).map(|(_, n)| n).sum()
}
