//! One group of records that failed alike, seen in its surroundings.

use super::finding::FindingScope;
use super::scene::Scene;
use crate::aggregate::{Counts, Scope, Span, Summary, Symptom, SymptomKey, Text, Upstream};
use crate::record::Outcome;

/// A symptom with all that the summary knows around it.
#[derive(Clone, Copy)]
pub struct Case<'s> {
    /// Everything.
    pub summary: &'s Summary,
    /// Where to find what in it.
    pub(super) scene: &'s Scene<'s>,
    /// What the records have in common.
    pub key: &'s SymptomKey,
    /// What was counted of them.
    pub symptom: &'s Symptom,
    /// Their upstream.
    pub upstream: Option<&'s Upstream>,
    /// Their authority, where there is no upstream.
    pub authority: Option<&'s Scope>,
    /// The listener they came in by, if they share one.
    pub listener: Option<&'s Scope>,
    /// Their route, if it has a name of its own.
    pub route: Option<&'s Scope>,
}

impl<'s> Case<'s> {
    /// Puts a symptom into its surroundings.
    pub fn new(scene: &'s Scene<'s>, key: &'s SymptomKey, symptom: &'s Symptom) -> Case<'s> {
        let summary = scene.summary;
        let named = |name: &&Text| !matches!(&name[..], b"default" | b"allow_any" | b"block_all");
        Case {
            summary,
            scene,
            key,
            symptom,
            upstream: key.upstream.as_ref().and_then(|name| summary.upstreams.get(name)),
            authority: key.authority.as_ref().and_then(|name| summary.authorities.get(name)),
            listener: symptom.listeners.top().and_then(|(name, _)| summary.listeners.get(name)),
            route: key.route.as_ref().filter(named).and_then(|name| summary.routes.get(name)),
        }
    }

    /// All requests of the scope that the group is part of: its upstream; else the narrower of route and authority;
    /// else its listener.
    pub fn scope_counts(&self) -> Counts {
        if let Some(upstream) = self.upstream {
            return upstream.counts;
        }
        let narrow = [self.route, self.authority].into_iter().flatten().map(|s| s.counts);
        narrow
            .min_by_key(Counts::requests)
            .or(self.listener.map(|l| l.counts))
            .unwrap_or(self.summary.no_upstream.counts)
    }

    /// When the scope succeeded.
    pub fn scope_ok(&self) -> Span {
        self.upstream
            .map(|u| u.ok)
            .or(self.authority.map(|a| a.ok))
            .or(self.listener.map(|l| l.ok))
            .unwrap_or_default()
    }

    /// Share of the scope's requests.
    pub fn share(&self) -> f64 {
        let all = self.scope_counts().requests();
        if all == 0 { 0.0 } else { self.symptom.count as f64 / all as f64 }
    }

    /// Successes of the scope.
    pub fn ok(&self) -> u64 {
        self.scope_counts().of(Outcome::Ok)
    }

    /// True when the signal of this name holds.
    pub fn signal(&self, name: &str) -> bool {
        super::rules::find(name).is_some_and(|rule| (rule.holds)(self))
    }

    /// Other symptoms of the same upstream; of the same authority where the log has no clusters.
    pub fn siblings(&self) -> impl Iterator<Item = (&'s SymptomKey, &'s Symptom)> {
        let mine = self.key;
        let groups = match mine.upstream.is_some() || mine.authority.is_some() {
            true => self.scene.groups(mine),
            false => &[],
        };
        groups.iter().copied().filter(move |(key, _)| *key != mine)
    }

    /// The scope a finding about this group has.
    pub fn scope(&self) -> FindingScope {
        let key = self.key;
        FindingScope {
            upstream: key.upstream.clone(),
            upstreams: Vec::new(),
            route: key.route.clone().filter(|_| key.upstream.is_none() && key.authority.is_some()),
            authority: key.authority.clone(),
            host: None,
            listener: key.listener.clone().filter(|_| key.upstream.is_none() && key.authority.is_none()),
        }
    }
}
