//! The whole summary as signals ask for it: what each of them would have to look for everywhere is looked for once. There may be
//! thousands of groups of failures beside ten thousands of names.

use std::collections::{HashMap, HashSet};

use super::rules::network;
use crate::aggregate::{Summary, Symptom, SymptomKey, Text, Upstream, without_port};
use crate::arrange::Arrange;
use crate::envoy::Cluster;
use crate::record::Outcome;

/// A Service and its port, as the names of clusters tell them.
type Service<'s> = (Option<&'s [u8]>, Option<u16>);
/// Upstream and authority of a group of failures.
type Place<'s> = (Option<&'s Text>, Option<&'s Text>);
/// Groups of failures.
type Groups<'s> = Vec<(&'s SymptomKey, &'s Symptom)>;

/// Successes that make a name one that is served.
const SERVED: u64 = 10;
/// No filter chain took the connection.
const UNMATCHED: &[u8] = b"filter_chain_not_found";

/// A summary, and where to find what in it.
pub struct Scene<'s> {
    pub(super) summary: &'s Summary,
    groups: HashMap<Place<'s>, Groups<'s>>,
    /// Hosts that the names of upstreams tell, in order.
    hosts: Vec<&'s [u8]>,
    has_strangers: bool,
    /// Addresses, without ports, of listeners that carry inbound clusters.
    pub(super) inbound: HashSet<&'s [u8]>,
    /// Networks with a host that is all but free of failures.
    pub(super) sound_networks: HashSet<&'s [u8]>,
    subsets: HashMap<Service<'s>, Vec<(&'s [u8], &'s Upstream)>>,
    /// Addresses of listeners that ended connections which no filter chain took.
    pub(super) unmatched: HashSet<&'s Text>,
    /// Authorities that are served, by domain.
    served: HashMap<Vec<u8>, Vec<&'s Text>>,
}

impl<'s> Scene<'s> {
    /// Looks around.
    pub fn of(summary: &'s Summary) -> Scene<'s> {
        let mut scene = Scene {
            summary,
            groups: HashMap::new(),
            hosts: summary.upstreams.keys().filter_map(|name| Cluster::parse(name).host).collect(),
            has_strangers: false,
            inbound: HashSet::new(),
            sound_networks: HashSet::new(),
            subsets: HashMap::new(),
            unmatched: HashSet::new(),
            served: HashMap::new(),
        };
        scene.hosts.arrange();
        scene.look_at_groups();
        scene.look_at_upstreams();
        let inbound = summary.listeners.iter().filter(|(_, listener)| listener.inbound > 0);
        scene.inbound = inbound.map(|(name, _)| without_port(name)).collect();
        let served = summary.authorities.iter().filter(|(_, a)| a.counts.of(Outcome::Ok) >= SERVED);
        for (name, _) in served {
            scene.served.entry(domain(name)).or_default().push(name);
        }
        scene.has_strangers = scene.looks_for_strangers();
        scene
    }

    fn look_at_groups(&mut self) {
        for (key, symptom) in &self.summary.symptoms {
            self.groups
                .entry((key.upstream.as_ref(), key.authority.as_ref()))
                .or_default()
                .push((key, symptom));
            if key.details.as_deref() == Some(UNMATCHED) {
                self.unmatched.extend(symptom.listeners.iter().map(|(name, _)| name));
            }
        }
    }

    fn look_at_upstreams(&mut self) {
        for (name, upstream) in &self.summary.upstreams {
            let cluster = Cluster::parse(name);
            if let Some(subset) = cluster.subset {
                self.subsets.entry((cluster.host, cluster.port)).or_default().push((subset, upstream));
            }
            let sound = upstream.hosts().filter(|(_, h)| h.counts.failed() * 20 < h.counts.requests());
            self.sound_networks.extend(sound.filter_map(|(name, _)| network(name)));
        }
    }

    /// Clients come by names of the world outside: some SNI, or the authority of a quarter of the requests.
    fn looks_for_strangers(&self) -> bool {
        let requests = self.summary.counts.requests();
        let usual = self.summary.authorities.iter().filter(|(_, a)| a.counts.requests() * 4 > requests);
        let mut names = self.summary.snis.keys().chain(usual.map(|(name, _)| name));
        names.any(|name| self.is_stranger(name))
    }

    /// True when clients come by names of the world outside.
    pub(super) fn has_strangers(&self) -> bool {
        self.has_strangers
    }

    /// A name of the world outside the mesh.
    pub(super) fn is_stranger(&self, name: &[u8]) -> bool {
        memchr::memchr(b'.', name).is_some()
            && memchr::memmem::find(name, b".svc").is_none()
            && !name.starts_with(b"outbound_.")
            && name.iter().any(u8::is_ascii_alphabetic)
            && !self.is_short_form(name)
    }

    /// `reviews.default` is a short form of an upstream's own name.
    fn is_short_form(&self, name: &[u8]) -> bool {
        let long = [name, b"."].concat();
        let at = self.hosts.partition_point(|host| *host < &long[..]);
        self.hosts.get(at).is_some_and(|host| host.starts_with(&long))
    }

    /// Groups of failures with this upstream and authority.
    pub(super) fn groups(&self, key: &'s SymptomKey) -> &[(&'s SymptomKey, &'s Symptom)] {
        self.groups.get(&(key.upstream.as_ref(), key.authority.as_ref())).map_or(&[], |groups| groups)
    }

    /// Subsets of the Service and port of a cluster, in input order.
    pub(super) fn subsets(&self, of: &Cluster<'s>) -> &[(&'s [u8], &'s Upstream)] {
        self.subsets.get(&(of.host, of.port)).map_or(&[], |subsets| subsets)
    }

    /// `api.example.com` is served, as another authority of the domain of `shop.example.com`.
    pub(super) fn serves_beside(&self, authority: &Text) -> bool {
        self.served.get(&domain(authority)).is_some_and(|names| names.iter().any(|name| *name != authority))
    }
}

/// The last two labels, in lower case.
fn domain(name: &[u8]) -> Vec<u8> {
    let mut dots = memchr::memrchr_iter(b'.', name).skip(1);
    name[dots.next().map_or(0, |at| at + 1)..].to_ascii_lowercase()
}
