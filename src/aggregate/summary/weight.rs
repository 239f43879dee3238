//! What counts take of memory.

use super::{Ends, Scope, SmallHost, Summary, Symptom, SymptomKey, Upstream};

impl Summary {
    /// Bytes on the heap, about.
    pub(in crate::aggregate) fn weight(&self) -> usize {
        // What a row of a table costs besides its name and its own size: the hash, the allocation, room for the next.
        const ROW: usize = 96;
        // What is held of an endpoint, mostly.
        const HOST: usize = 40;
        let upstreams = self.upstreams.values().map(Upstream::held).sum::<usize>()
            + self.upstreams.capacity() * (size_of::<Upstream>() + ROW);
        let scopes = self.authorities.len() + self.routes.len() + self.listeners.len() + self.snis.len();
        let symptoms: usize =
            self.symptoms.iter().map(|(key, symptom)| 4 * ROW + key.held() + symptom.held()).sum::<usize>()
                + self.symptoms.capacity() * size_of::<(SymptomKey, Symptom)>();
        let flags: usize = self.timeline.iter().map(|(_, cell)| cell.flags.len()).sum();
        upstreams
            + self.no_upstream.held()
            + self.hosts.len() * (size_of::<SmallHost>() + HOST + ROW)
            + scopes * (size_of::<Scope>() + ROW)
            + symptoms
            + self.values.held()
            + self.timeline.held()
            + flags * ROW
            + self.groups.weight()
            + self.ends.len() * (size_of::<Ends>() + ROW)
    }
}

impl Upstream {
    /// Bytes on the heap, but for the endpoints.
    fn held(&self) -> usize {
        self.latency.held()
            + self.series.held()
            + self.turns.held()
            + (self.flags.len() + self.codes.len()) * 64
    }
}
