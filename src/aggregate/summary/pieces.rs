//! A summary is read in pieces: what is added to another one need not stand beside it.

use std::collections::HashSet;

use super::packed::FIELDS;
use super::{Host, Kept, Place, Summary, Upstream};
use crate::aggregate::counter::Text;
use crate::pack::{Broken, Pack, Packer, Unpacker, has_field};

/// So many upstreams are read at a time.
const UPSTREAMS: usize = 256;
/// So many endpoints are added at a time.
const ENDPOINTS: usize = 4096;
const FORGED: &str = "a place is named that is not there";

impl Summary {
    /// Reads it in pieces, each a summary of its own that holds some of the tables and names no place that is not in it. Put
    /// together in this order they are the whole.
    ///
    /// # Errors
    /// When the bytes are none that [`put`](Self::put) writes.
    pub fn pieces(from: &mut Unpacker<'_>, mut take: impl FnMut(Summary)) -> Result<(), Broken> {
        let left = &mut from.fields(FIELDS)?;
        let none = Summary::default;
        take(Summary {
            lines: from.field(left)?,
            counts: from.field(left)?,
            sides: from.field(left)?,
            ends: from.field(left)?,
            groups: from.field(left)?,
            flags: from.field(left)?,
            flag_sets: from.field(left)?,
            tunnel_flag_sets: from.field(left)?,
            codes: from.field(left)?,
            span: from.field(left)?,
            ..none()
        });
        // Which endpoints came first is told behind other tables.
        let mut waiting = Waiting::default();
        let mut some = none();
        from.check(has_field(left), "a field is missing")?;
        from.each(|(name, mut upstream): (Text, Upstream)| {
            waiting.names.push(name.clone());
            waiting.take(Some(&mut upstream));
            some.upstreams.insert(name, upstream);
            if some.upstreams.len() == UPSTREAMS {
                take(std::mem::take(&mut some));
            }
        })?;
        take(some);
        let names: HashSet<&Text> = waiting.names.iter().collect();
        from.check(names.len() == waiting.names.len(), "a key comes twice")?;
        let mut unnamed =
            Summary { other_upstreams: from.field(left)?, no_upstream: from.field(left)?, ..none() };
        waiting.take(unnamed.other_upstreams.as_deref_mut());
        waiting.take(Some(&mut unnamed.no_upstream));
        take(unnamed);
        take(Summary { authorities: from.field(left)?, ..none() });
        take(Summary { routes: from.field(left)?, ..none() });
        take(Summary { listeners: from.field(left)?, ..none() });
        take(Summary { snis: from.field(left)?, other_scopes: from.field(left)?, ..none() });
        let symptoms = Summary {
            symptoms: from.field(left)?,
            other_symptoms: from.field(left)?,
            values: from.field(left)?,
            ..none()
        };
        from.check(symptoms.values.fit(&symptoms.symptoms), FORGED)?;
        take(symptoms);
        let endpoints: Vec<(Place, u32)> = from.field(left)?;
        for some in endpoints.chunks(ENDPOINTS) {
            take(waiting.of(some).ok_or_else(|| from.broken(FORGED))?);
        }
        // What is kept is counted anew.
        let _: Kept = from.field(left)?;
        take(Summary {
            timeline: from.field(left)?,
            proxy_log: from.field(left)?,
            service_times: from.field(left)?,
            ..none()
        });
        Ok(())
    }
}

/// Endpoints that wait, as they were written: that takes a third of their tables.
#[derive(Default)]
struct Waiting {
    /// Upstreams that have a name; behind them come those that had no room, and those without one.
    names: Vec<Text>,
    /// Number of the first endpoint of each.
    first: Vec<u32>,
    /// Where each endpoint begins in the bytes.
    at: Vec<u32>,
    bytes: Vec<u8>,
}

impl Waiting {
    /// Takes the endpoints of the next upstream.
    fn take(&mut self, upstream: Option<&mut Upstream>) {
        self.first.push(self.at.len() as u32);
        let hosts = upstream.map(|upstream| std::mem::take(&mut upstream.hosts));
        for (name, host) in hosts.into_iter().flatten() {
            let mut row = Packer::default();
            name.put(&mut row);
            host.put(&mut row);
            self.at.push(self.bytes.len() as u32);
            self.bytes.extend_from_slice(&row.into_bytes());
        }
    }

    /// Some of the endpoints, and the names of their upstreams; `None` when one is not there.
    fn of(&self, some: &[(Place, u32)]) -> Option<Summary> {
        let mut piece = Summary::default();
        for &(place, at) in some {
            let (upstream, place) = match place {
                Place::Known(known) => {
                    let entry = piece.upstreams.entry(self.names.get(known as usize)?.clone());
                    let here = Place::Known(entry.index() as u32);
                    entry.or_default();
                    (known as usize, here)
                }
                Place::Other => (self.names.len(), place),
                Place::None => (self.names.len() + 1, place),
            };
            let (name, host) = self.get(upstream, at)?;
            let at = piece.upstream_at(place).hosts.insert_full(name, host).0;
            piece.hosts.push((place, at as u32));
        }
        Some(piece)
    }

    fn get(&self, upstream: usize, at: u32) -> Option<(Text, Host)> {
        let first = *self.first.get(upstream)? as usize;
        let end = self.first.get(upstream + 1).map_or(self.at.len(), |next| *next as usize);
        let start = *self.at.get(first..end)?.get(at as usize)? as usize;
        Unpacker::new(self.bytes.get(start..)?).take().ok()
    }
}
