//! Traffic splits: healthy records, so no symptom holds them, and yet there may be something to say of them.

use std::collections::HashMap;

use crate::aggregate::{Sni, Summary, Symptom, SymptomKey, Upstream};
use crate::envoy::{Cluster, Direction};
use crate::record::{Kind, Outcome};

/// One group for each Service and port whose traffic goes to several subsets: as if its records were a symptom, so that
/// pages can speak of it. The group goes by the name of the subset that was seen first.
pub fn splits(summary: &Summary) -> Vec<(SymptomKey, Symptom)> {
    let mut groups: Vec<(SymptomKey, Symptom, usize)> = Vec::new();
    let mut places: HashMap<(&[u8], Option<u16>), usize> = HashMap::new();
    for (name, upstream) in &summary.upstreams {
        let cluster = Cluster::parse(name);
        let Some(host) = cluster.host.filter(|_| cluster.subset.is_some()) else { continue };
        if cluster.direction != Some(Direction::Outbound) {
            continue;
        }
        let at = *places.entry((host, cluster.port)).or_insert(groups.len());
        if at == groups.len() {
            groups.push((healthy(name), Symptom::default(), 0));
        }
        let (_, symptom, subsets) = &mut groups[at];
        add(symptom, upstream);
        *subsets += 1;
    }
    groups.retain(|(.., subsets)| *subsets >= 2);
    groups.into_iter().map(|(key, symptom, _)| (key, symptom)).collect()
}

fn add(symptom: &mut Symptom, upstream: &Upstream) {
    symptom.count += upstream.counts.requests();
    symptom.span.merge(upstream.span);
    symptom.durations.merge(&upstream.latency);
}

fn healthy(upstream: &[u8]) -> SymptomKey {
    SymptomKey {
        upstream: Some(upstream.into()),
        listener: None,
        authority: None,
        kind: Kind::Http,
        direction: Some(Direction::Outbound),
        outcome: Outcome::Ok,
        code: 200,
        flags: crate::envoy::FlagSet::EMPTY,
        unknown_flags: Default::default(),
        details: None,
        transport: None,
        termination: None,
        route: None,
        protocol: None,
        host: None,
        local_address: None,
        sni: Sni::Absent,
    }
}
