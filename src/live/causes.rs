//! Findings as they arise and fade: those of the last minutes, and those of everything that are over.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::arrange::Arrange;
use crate::diagnosis::{Diagnosis, Finding, FindingScope, Rulebook};
use crate::pipeline::{Known, Live};

use crate::aggregate::KEPT_S;

/// A finding is fresh for so long, in the log's time.
const FRESH_US: i64 = 30_000_000;
/// Without another record for so long a finding fades.
const STILL_US: i64 = 60_000_000;

/// How a finding stands to the present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It goes on.
    Now,
    /// It was there in the last minutes, but not in the last one.
    Fading,
    /// It is over.
    Over,
}

/// A finding, and since when it is there.
#[derive(Debug, Clone)]
pub struct Cause {
    /// The finding: of the last minutes, or of everything when it is over.
    pub finding: Finding,
    /// How it stands to the present.
    pub state: State,
    /// It came up a moment ago.
    pub fresh: bool,
    /// When it began.
    pub since_us: Option<i64>,
}

/// All findings, those that go on first.
#[derive(Debug, Clone, Default)]
pub struct Causes {
    /// Those that go on, then those that fade, then those that are over; each in the order of the diagnosis.
    pub list: Vec<Cause>,
    /// When each was seen first. Those of the first look are not news.
    arose: HashMap<Identity, i64>,
    looked: bool,
}

/// What makes two findings of different moments one.
type Identity = (String, FindingScope);

fn identity(finding: &Finding) -> Identity {
    // How many upstreams one cause hits changes from moment to moment.
    (finding.id.clone(), FindingScope { upstreams: Vec::new(), ..finding.scope.clone() })
}

impl Causes {
    /// Takes the findings of the last minutes, and those of everything.
    pub fn update(&mut self, recent: Vec<Finding>, all: Vec<Finding>, now_us: Option<i64>) {
        let now = now_us.unwrap_or_default();
        let mut older: HashMap<Identity, Finding> = HashMap::new();
        let mut order = Vec::new();
        for finding in all {
            order.push(identity(&finding));
            older.insert(identity(&finding), finding);
        }
        let mut arose = HashMap::new();
        let mut list: Vec<Cause> = Vec::new();
        for finding in recent {
            let key = identity(&finding);
            let known = older.remove(&key);
            let first = if self.looked { now } else { i64::MIN };
            let first = self.arose.get(&key).copied().unwrap_or(first);
            arose.insert(key, first);
            let since_us = match known.map(|known| known.span.first_us()) {
                Some(since) => since.min(finding.span.first_us()).or(finding.span.first_us()),
                None => finding.span.first_us(),
            };
            let still = finding.span.last_us().is_none_or(|last| now - last <= STILL_US);
            let state = if still { State::Now } else { State::Fading };
            list.push(Cause { finding, state, fresh: now.saturating_sub(first) <= FRESH_US, since_us });
        }
        let over = order.into_iter().filter_map(|key| older.remove(&key));
        list.extend(over.map(|finding| Cause {
            since_us: finding.span.first_us(),
            state: State::Over,
            fresh: false,
            finding,
        }));
        list.arrange_by_key(|cause| cause.state);
        (self.list, self.arose, self.looked) = (list, arose, now_us.is_some());
    }

    /// The likeliest cause of what goes on with an upstream.
    pub fn of(&self, upstream: Option<&[u8]>) -> Option<&Cause> {
        let hits = |cause: &&Cause| {
            let scope = &cause.finding.scope;
            match upstream {
                Some(name) => {
                    scope.upstream.as_deref() == Some(name)
                        || scope.upstreams.iter().any(|other| **other == *name)
                }
                None => scope.upstream.is_none() && scope.upstreams.is_empty(),
            }
        };
        self.list.iter().filter(|cause| cause.state != State::Over).find(hits)
    }
}

/// What a diagnosis needs, taken from what is known in a moment, so that the reading does not wait for the diagnosis.
pub(super) struct Look {
    recent: crate::aggregate::Summary,
    all: crate::aggregate::Summary,
    now_us: Option<i64>,
    pub(super) version: u64,
}

impl Look {
    fn at(known: &Known) -> Look {
        let now_us = known.now_us();
        Look {
            recent: now_us.map(|now| known.lately.whole(KEPT_S, now)).unwrap_or_default(),
            all: known.summary().clone(),
            now_us,
            version: known.version,
        }
    }

    /// As a triage judges it.
    fn settled(mut self) -> Look {
        self.recent.settle_order();
        self.all.settle_order();
        self
    }
}

/// Diagnoses again and again, at most twice a second and never more than a fifth of the time.
pub(super) struct Diagnosing<'d> {
    live: &'d Live,
    rulebook: &'d Rulebook,
    causes: Causes,
    version: Option<u64>,
    next: Instant,
}

const PAUSE: Duration = Duration::from_millis(500);
/// Findings fade while nothing comes, too.
const IDLE: Duration = Duration::from_secs(5);

impl<'d> Diagnosing<'d> {
    pub(super) fn new(live: &'d Live, rulebook: &'d Rulebook) -> Diagnosing<'d> {
        Diagnosing { live, rulebook, causes: Causes::default(), version: None, next: Instant::now() }
    }

    /// When there is something to do.
    pub(super) fn pause(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }

    /// The findings, when there is something new to say.
    pub(super) fn step(&mut self) -> Option<Causes> {
        if Instant::now() < self.next {
            return None;
        }
        let version = self.live.look(|known| known.version);
        let idle = self.version == Some(version) && self.next.elapsed() < IDLE;
        if idle {
            return None;
        }
        let started = Instant::now();
        let look = self.live.look(Look::at).settled();
        let now_us = look.now_us.unwrap_or_default();
        let of = |summary| -> Diagnosis { self.rulebook.diagnose(summary, now_us) };
        self.causes.update(of(&look.recent).findings, of(&look.all).findings, look.now_us);
        self.version = Some(look.version);
        self.next = Instant::now() + PAUSE.max(started.elapsed() * 4);
        Some(self.causes.clone())
    }
}

/// The findings of this moment, without a history.
pub(super) fn now(live: &Live, rulebook: &Rulebook, causes: &mut Causes) {
    let look = live.look(Look::at).settled();
    let now_us = look.now_us.unwrap_or_default();
    let of = |summary| rulebook.diagnose(summary, now_us).findings;
    causes.update(of(&look.recent), of(&look.all), look.now_us);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::{Options, summarise};

    fn finding() -> Finding {
        let lines = include_str!("../../sample-logs/istio-text/tcp-refused.log");
        let input = crate::input::Input::Bytes { name: "-".into(), bytes: lines.into() };
        let (reader, filter) = (crate::format::Reader::new(), crate::query::Filter::default());
        let (summary, ..) = summarise(&[input], &reader, &filter, &Options::default(), None).unwrap();
        crate::diagnosis::diagnose(&summary).remove(0)
    }

    #[test]
    fn findings_arise_fade_and_are_over() {
        let finding = finding();
        let last = finding.span.last_us().unwrap();
        let mut causes = Causes::default();
        let mut at = |recent: bool, all: bool, seconds: i64| {
            let list = |wanted: bool| if wanted { vec![finding.clone()] } else { Vec::new() };
            causes.update(list(recent), list(all), Some(last + seconds * 1_000_000));
            causes.list.iter().map(|cause| (cause.state, cause.fresh)).collect::<Vec<_>>()
        };
        assert_eq!(at(false, false, -20), []);
        assert_eq!(at(true, true, 0), [(State::Now, true)]);
        assert_eq!(at(true, true, 40), [(State::Now, false)]);
        assert_eq!(at(true, true, 61), [(State::Fading, false)]);
        assert_eq!(at(false, true, 400), [(State::Over, false)]);
        assert_eq!(at(true, true, 0), [(State::Now, true)], "it is there again");
    }

    #[test]
    fn what_was_there_before_the_first_look_is_no_news() {
        let finding = finding();
        let mut causes = Causes::default();
        causes.update(vec![finding.clone()], vec![finding.clone()], finding.span.last_us());
        assert!(!causes.list[0].fresh);
        assert_eq!(causes.of(finding.scope.upstream.as_deref()).map(|cause| cause.state), Some(State::Now));
    }
}
