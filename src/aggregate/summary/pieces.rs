//! A summary is read in pieces: what is added to another one need not stand beside it.

use std::collections::HashSet;

use super::packed::FIELDS;
use super::{Kept, Place, Summary, Symptom, SymptomKey, Upstream, Values};
use crate::aggregate::counter::Text;
use crate::aggregate::host::SmallHost;
use crate::aggregate::values::{First, IDS, RequestId};
use crate::pack::{Broken, Pack, Packer, Unpacker, has_field};

/// So many upstreams are read at a time.
const UPSTREAMS: usize = 256;
/// So many symptoms.
const SYMPTOMS: usize = 64;
/// So many endpoints, or values of symptoms, are added at a time.
const ROWS: usize = 4096;
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
        symptoms(from, left, &mut take)?;
        let endpoints: Vec<(Place, u32)> = from.field(left)?;
        for some in endpoints.chunks(ROWS) {
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

/// Reads the symptoms, and behind them their values in the order in which they were first seen: these share one budget.
fn symptoms(from: &mut Unpacker<'_>, left: &mut usize, take: &mut impl FnMut(Summary)) -> Result<(), Broken> {
    from.check(has_field(left), "a field is missing")?;
    let mut waiting = WaitingValues::default();
    let mut some = Summary::default();
    from.each(|(key, mut symptom): (SymptomKey, Symptom)| {
        waiting.take(&key, &mut symptom);
        some.symptoms.insert(key, symptom);
        if some.symptoms.len() == SYMPTOMS {
            take(std::mem::take(&mut some));
        }
    })?;
    some.other_symptoms = from.field(left)?;
    take(some);
    let keys: HashSet<&SymptomKey> = waiting.keys.iter().collect();
    from.check(keys.len() == waiting.keys.len(), "a key comes twice")?;
    let values: Values = from.field(left)?;
    for some in values.first().chunks(ROWS) {
        take(waiting.of(some).ok_or_else(|| from.broken(FORGED))?);
    }
    Ok(())
}

/// Rows of groups that wait, as they were written: that takes a third of their tables.
#[derive(Default)]
struct Rows {
    /// Number of the first row of each group.
    first: Vec<u32>,
    /// Where each row begins in the bytes.
    at: Vec<u32>,
    bytes: Vec<u8>,
}

impl Rows {
    /// Takes the rows of the next group.
    fn take<K: Pack, V: Pack>(&mut self, rows: impl IntoIterator<Item = (K, V)>) {
        self.first.push(self.at.len() as u32);
        for row in rows {
            let mut packer = Packer::default();
            row.put(&mut packer);
            self.at.push(self.bytes.len() as u32);
            self.bytes.extend_from_slice(&packer.into_bytes());
        }
    }

    fn get<R: Pack>(&self, group: usize, at: u32) -> Option<R> {
        let first = *self.first.get(group)? as usize;
        let end = self.first.get(group + 1).map_or(self.at.len(), |next| *next as usize);
        let start = *self.at.get(first..end)?.get(at as usize)? as usize;
        Unpacker::new(self.bytes.get(start..)?).take().ok()
    }
}

/// Values that wait.
#[derive(Default)]
struct WaitingValues {
    keys: Vec<SymptomKey>,
    /// Groups: the tables of the symptoms, their request ids behind their texts.
    rows: Rows,
}

impl WaitingValues {
    /// Takes the values of the next symptom.
    fn take(&mut self, key: &SymptomKey, symptom: &mut Symptom) {
        self.keys.push(key.clone());
        symptom.tables_mut().into_iter().for_each(|table| self.rows.take(table.take_keys()));
        self.rows.take(symptom.request_ids.take_keys());
    }

    /// Some of the values, and the keys of their symptoms; `None` when one is not there, or comes twice.
    fn of(&self, some: &[First]) -> Option<Summary> {
        let mut piece = Summary::default();
        for &First { symptom, at, table } in some {
            let (symptom, table) = (symptom as usize, usize::from(table));
            let entry = piece.symptoms.entry(self.keys.get(symptom)?.clone());
            let here = entry.index();
            let found = entry.or_default();
            let group = symptom * (IDS + 1) + table;
            let new = if table == IDS {
                let (id, n): (RequestId, u64) = self.rows.get(group, at)?;
                let (at, new) = found.request_ids.add_found(&id, n);
                piece.values.note_id(here, at);
                new
            } else {
                let table_of = found.tables_mut().into_iter().nth(table)?;
                let (text, n): (Text, u64) = self.rows.get(group, at)?;
                let (at, new) = table_of.add_found(&text[..], n);
                piece.values.note_text(here, table, at, &text);
                new
            };
            if !new {
                return None;
            }
        }
        Some(piece)
    }
}

/// Endpoints that wait.
#[derive(Default)]
struct Waiting {
    /// Upstreams that have a name; behind them come those that had no room, and those without one.
    names: Vec<Text>,
    rows: Rows,
}

impl Waiting {
    /// Takes the endpoints of the next upstream.
    fn take(&mut self, upstream: Option<&mut Upstream>) {
        self.rows.take(upstream.map(|upstream| std::mem::take(&mut upstream.hosts)).into_iter().flatten());
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
            let (name, held): (Text, SmallHost) = self.rows.get(upstream, at)?;
            let at = piece.upstream_at(place).hosts.insert_full(name, held).0;
            piece.hosts.push((place, at as u32));
        }
        Some(piece)
    }
}
