//! What happened when.

use std::collections::BTreeMap;

use super::super::escape::utf8;
use super::super::units::{count, counted};
use super::{Block, Section, Table, Teller, clock};
use crate::aggregate::{Host, Upstream};
use crate::incident::Incident;
use crate::record::time::{rfc3339_ms, rfc3339_s};

/// Events told at most.
const MOST: usize = 40;
/// Hosts told of each upstream.
const HOSTS: usize = 6;
/// With so many requests expected of a host and none seen it has gone (or had not come yet).
const EXPECTED: f64 = 5.0;

impl Teller<'_, '_> {
    /// The timeline.
    pub(super) fn events(&self, incident: &Incident) -> Section {
        let mut events: Vec<(i64, String)> = Vec::new();
        let summary = self.account.report.summary;
        for name in &incident.upstreams {
            let upstream = match name {
                Some(name) => summary.upstreams.get(name),
                None => Some(&summary.no_upstream),
            };
            let Some(upstream) = upstream else { continue };
            let title = self.name(name.as_deref());
            if let Some(first) = upstream.failure.first_us.filter(|first| *first < incident.onset_us) {
                events.push((
                    first,
                    format!("first failure in this log of {title}: background, or its harbinger"),
                ));
            }
            self.hosts(upstream, &title, &mut events);
        }
        self.flag_sets(incident, &mut events);
        let begun = if incident.began_before { "it may have begun before the log does" } else { "onset" };
        events.push((incident.onset_us, format!("{begun}: {} fails", self.place(incident))));
        let bucket = match incident.resolution_s {
            1 => "a second".to_owned(),
            s => super::super::units::duration(s.unsigned_abs() * 1000),
        };
        events.push((
            incident.peak_us.max(incident.onset_us),
            format!("peak: {} within {bucket}", counted(incident.peak_failed, "failure")),
        ));
        let end = if incident.ongoing {
            "last failure before the log ends: still going on"
        } else {
            "end: the last failure"
        };
        events.push((incident.last_us, end.to_owned()));
        events.sort();
        let hidden = events.len().saturating_sub(MOST);
        let day = |us: i64| rfc3339_s(us).split('T').next().unwrap_or_default().to_owned();
        let days = events.first().zip(events.last()).map(|(a, b)| (day(a.0), day(b.0))).unwrap_or_default();
        // A log of several days needs the day beside each time.
        let one_day = days.0 == days.1;
        let time = |us| if one_day { clock(us) } else { rfc3339_ms(us) };
        let rows = events.into_iter().take(MOST).map(|(us, text)| vec![time(us), text]).collect();
        let mut blocks = vec![Block::Table(Table::new(["UTC", "what"], rows, 2))];
        if hidden > 0 {
            blocks.push(Block::Text(format!("{} more.", counted(hidden as u64, "event"))));
        }
        let title = if one_day { format!("Timeline ({})", days.0) } else { "Timeline".to_owned() };
        Section { title, blocks }
    }

    fn flag_sets(&self, incident: &Incident, events: &mut Vec<(i64, String)>) {
        let mut sets: BTreeMap<String, (i64, u64)> = BTreeMap::new();
        for (key, symptom, n) in self.failures(incident) {
            let what = match (key.flags.is_empty(), key.unknown_flags.is_empty()) {
                (_, false) => utf8(&key.unknown_flags).into_owned(),
                (true, _) => format!("status {} without a flag", key.code),
                _ => key.flags.to_string(),
            };
            let Some(first) = symptom.span.first_us else { continue };
            let entry = sets.entry(what).or_insert((first, 0));
            entry.0 = entry.0.min(first);
            entry.1 += n;
        }
        for (what, (first, n)) in sets {
            events.push((
                first,
                format!("{what} appears for the first time ({} during the incident)", count(n)),
            ));
        }
    }

    /// Hosts that come, go, begin to fail or recover.
    fn hosts(&self, upstream: &Upstream, title: &str, events: &mut Vec<(i64, String)>) {
        let mut rows: Vec<_> = upstream.hosts.iter().collect();
        rows.sort_by(|a, b| b.1.counts.failed().cmp(&a.1.counts.failed()).then(a.0.cmp(b.0)));
        let (Some(start), Some(end)) = (upstream.span.first_us, upstream.span.last_us) else { return };
        for (name, host) in rows.into_iter().take(HOSTS) {
            let name = utf8(name);
            let (Some(first), Some(last)) = (host.span.first_us, host.span.last_us) else { continue };
            if missed(host, first - start) {
                events.push((first, format!("host {name} of {title} appears")));
            }
            if missed(host, end - last) {
                events.push((last, format!("host {name} of {title} is used for the last time")));
            }
            if let Some(failed) = host.failure.first_us {
                events.push((failed, format!("first failure of host {name}")));
            }
            let (ok, failed) = (host.ok.last_us, host.failure.last_us);
            if let (Some(ok), Some(failed)) = (ok, failed)
                && ok < failed
            {
                events.push((ok, format!("last success of host {name}")));
            }
        }
    }
}

/// True when the host, at its own pace, would have been used in a stretch of time in which it was not.
fn missed(host: &Host, away_us: i64) -> bool {
    let (Some(first), Some(last)) = (host.span.first_us, host.span.last_us) else { return false };
    let here_us = (last - first).max(1_000_000) as f64;
    host.counts.requests() as f64 * away_us as f64 / here_us >= EXPECTED
}
