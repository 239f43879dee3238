//! JSON access records.
//!
//! Four readers, each for what the one before cannot read. The *speculative* reader (`skeleton`) compares a line with
//! the one before and looks at the values only. The *walker* (here) steps over the top of the object
//! once and notes ranges: Istio, Envoy Gateway, Contour, OSM and whatever else is flat. The *general* reader
//! (`general`) parses with serde_json and puts the values into the scratch buffer: records below the top, lists of
//! attributes, values that must be converted. The *broken* reader (`broken`) gets what can be had out of text that
//! is no JSON: cut lines, and the JSON-looking text of old Envoy Gateways, where nothing is escaped.
//!
//! ADVICE FOR HACKERS. The walker never guesses: at anything uncommon (escaped keys, units, exponents, a key that
//! comes twice with null) it hands over. Whatever both can read, both must read alike: `tests` compare them on
//! generated objects. So a change of meaning (a new alias, another conversion) belongs into `keys` or `values`,
//! which both use.

mod broken;
mod general;
mod keys;
mod shapes;
mod skeleton;
#[cfg(test)]
mod tests;
mod values;

use std::ops::Range;

use self::keys::{Key, tell};
use super::{Reading, proxy, ztunnel};
use crate::error::{ErrorKind, Result};
use crate::record::object::{Member, Object, Shape, Step, blanks, is_followed};
use crate::record::{Field, Kind, Layout, Reason, Record, Reject, time};
use crate::words::Said;

/// Which keys hold which fields: the known ones, and the user's before them.
#[derive(Debug, Default)]
pub(super) struct JsonKeys {
    own: Vec<(Box<[u8]>, Field)>,
}

/// What a line is that belongs to a JSON record and is none: a list of records, or a line of one that was written over
/// several lines. The response code stands once in each.
#[cold]
pub(super) fn part(line: &[u8]) -> Option<Reject> {
    let text = line.trim_ascii_start();
    let reason = match text.first()? {
        b'[' if is_followed(&text[1..]) && broken::has_marks(text) => Reason::SeveralObjects,
        b'"' if [&b"\"response_code\""[..], b"\"responseCode\""].iter().any(|key| {
            text.strip_prefix(*key).is_some_and(|rest| rest.trim_ascii_start().first() == Some(&b':'))
        }) =>
        {
            Reason::SpreadObject
        }
        _ => return None,
    };
    Some(Reject { reason, column: 0 })
}

/// What the walk over the top of an object has seen.
#[derive(Debug)]
struct Seen {
    tells: u32,
    ranks: [u8; Field::COUNT],
    /// The same key came twice.
    twice: bool,
    /// A value that may hold a record or more fields.
    inside: bool,
    kubernetes: Option<Range<usize>>,
    talk: proxy::Talk,
}

/// How the walk ended.
#[derive(Debug, PartialEq)]
enum Walk {
    Whole,
    /// Something that only the general reader knows how to read.
    Uncommon,
    Cut,
    Broken,
}

impl JsonKeys {
    /// Reads `FIELD=KEY,…`. A key with dots is looked for as it stands, and as a path into nested objects.
    ///
    /// # Errors
    /// An item is not `FIELD=KEY`, or there is no such field.
    pub(super) fn parse(&mut self, text: &str) -> Result<()> {
        let wrong = |message: Said| ErrorKind::Option { message };
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let (field, key) = item.split_once('=').filter(|(_, key)| !key.is_empty()).ok_or_else(|| {
                wrong(both!(
                    "--json-keys: {item:?} is not FIELD=KEY",
                    "--json-keys：{item:?} 不是 FIELD=KEY 的形式"
                ))
            })?;
            let field = Field::from_key(field.trim()).ok_or_else(|| {
                let message =
                    both!("--json-keys: there is no field {field:?}", "--json-keys：没有字段 {field:?}");
                wrong(message.meant(field.trim(), Field::ALL.iter().map(|known| known.key())))
            })?;
            self.add(field, key.trim());
        }
        Ok(())
    }

    /// One key more; what was said before wins.
    pub(super) fn add(&mut self, field: Field, key: &str) {
        self.own.push((key.as_bytes().into(), field));
    }

    /// What a key means: the user's word first, at a rank before all others.
    #[inline]
    fn lookup(&self, key: &[u8]) -> Option<Key> {
        let known = keys::lookup(key).or_else(|| keys::lookup_flattened(key));
        if self.own.is_empty() {
            return known;
        }
        let Some((_, field)) = self.own.iter().find(|(own, _)| **own == *key) else {
            return known.map(|known| Key { rank: known.rank + 1, ..known });
        };
        let tells = match field {
            Field::Code => tell::CODE,
            Field::Flags => tell::FLAGS,
            _ => 0,
        };
        Some(Key { field: Some(*field), rank: 0, tells })
    }

    fn has_paths(&self) -> bool {
        self.own.iter().any(|(key, _)| key.contains(&b'.'))
    }

    /// Reads a line that starts with `{`.
    #[inline]
    pub(super) fn read(&self, line: &[u8], layout: &mut Layout, scratch: &mut Vec<u8>) -> Reading {
        // The user's own keys change what a key means.
        if !self.own.is_empty() {
            return self.read_any(line, layout, scratch);
        }
        if let Some(reading) = skeleton::read(line, layout) {
            return reading;
        }
        let reading = self.read_any(line, layout, scratch);
        if reading == Reading::Access && layout.complete && !layout.in_scratch {
            skeleton::learn(line);
        }
        reading
    }

    /// The same, without a guess from the lines before.
    fn read_any(&self, line: &[u8], layout: &mut Layout, scratch: &mut Vec<u8>) -> Reading {
        layout.reset("json");
        let mut seen = Seen::new();
        match self.walk(line, layout, &mut seen) {
            Walk::Whole if seen.twice && broken::is_unescaped(line) => return self.salvage(line, layout),
            Walk::Whole if seen.tells & tell::DEEP == 0 && !self.has_paths() => {
                if let Some(reading) = decide(seen.tells, line, layout) {
                    seen.pod(line, layout);
                    return reading;
                }
                if !seen.inside {
                    return speech(&seen.talk, line, layout);
                }
            }
            Walk::Cut | Walk::Broken => return self.salvage(line, layout),
            _ => {}
        }
        layout.reset("json");
        scratch.clear();
        match self.general(line, layout, scratch) {
            Some(Reading::Other) => speech(&seen.talk, line, layout),
            Some(reading) => reading,
            None => self.salvage(line, layout),
        }
    }

    /// Steps over the top of the object and notes where the fields are.
    #[inline]
    fn walk(&self, line: &[u8], layout: &mut Layout, seen: &mut Seen) -> Walk {
        let Some(mut object) = Object::open(line) else { return Walk::Broken };
        loop {
            match object.step() {
                Step::Member(member) => {
                    if !self.note(line, &member, layout, seen) {
                        return Walk::Uncommon;
                    }
                }
                Step::End if blanks(line, object.position()) == line.len() => return Walk::Whole,
                Step::Cut => return Walk::Cut,
                Step::End | Step::Broken(_) => return Walk::Broken,
            }
        }
    }

    /// Notes one member; false when the walker does not know how.
    #[inline]
    fn note(&self, line: &[u8], member: &Member, layout: &mut Layout, seen: &mut Seen) -> bool {
        if member.key_escaped {
            return false;
        }
        let name = &line[member.key.clone()];
        let Some(key) = self.lookup(name) else { return true };
        let nested = member.shape == Shape::Nested;
        seen.tells |= if nested || name.contains(&b'.') { key.tells } else { key.tells & !tell::DEEP };
        seen.inside |= nested && key.tells & (tell::HOLDER | tell::DEEP) != 0;
        if key.tells & (tell::LEVEL | tell::MESSAGE | tell::SCOPE | tell::HOLDER) != 0
            || key.field == Some(Field::StartTime)
        {
            seen.talk.note(name, member);
        }
        if nested && key.tells & tell::KUBERNETES != 0 {
            seen.kubernetes = Some(member.value.clone());
        }
        let Some(field) = key.field else { return true };
        let known = seen.ranks[field as usize];
        match member.shape {
            Shape::Null | Shape::Nested => known != key.rank && !(nested && field == Field::Flags),
            Shape::Bool => false,
            Shape::Number | Shape::Text(_) => {
                let value = &line[member.value.clone()];
                if !values::plain(field, value, member.shape) {
                    return false;
                }
                seen.twice |= known == key.rank;
                if key.rank <= known {
                    seen.ranks[field as usize] = key.rank;
                    match member.shape {
                        Shape::Text(true) => layout.set_escaped(field, member.value.clone()),
                        _ => layout.set(field, member.value.clone()),
                    }
                }
                true
            }
        }
    }
}

impl Seen {
    fn new() -> Seen {
        Seen {
            tells: 0,
            ranks: [u8::MAX; Field::COUNT],
            twice: false,
            inside: false,
            kubernetes: None,
            talk: proxy::Talk::default(),
        }
    }

    /// Pod, namespace and container, where a log shipper put them beside the record's own keys.
    fn pod(&self, line: &[u8], layout: &mut Layout) {
        let Some(at) = &self.kubernetes else { return };
        let Some(mut object) = Object::open_at(&line[..at.end], at.start) else { return };
        while let Step::Member(member) = object.step() {
            let field = match &line[member.key.clone()] {
                b"pod_name" => Field::Pod,
                b"namespace_name" | b"pod_namespace" | b"namespace" => Field::Namespace,
                b"container_name" => Field::Container,
                b"pod" => Field::Pod,
                b"container" => Field::Container,
                _ => continue,
            };
            match member.shape {
                Shape::Text(false) => layout.set(field, member.value),
                Shape::Nested => {
                    if let Some(name) = name_of(line, &member.value) {
                        layout.set(field, name);
                    }
                }
                _ => {}
            }
        }
    }
}

/// The `name` of an object such as Filebeat's `"pod":{"name":…}`.
fn name_of(line: &[u8], at: &Range<usize>) -> Option<Range<usize>> {
    let mut object = Object::open_at(&line[..at.end], at.start)?;
    while let Step::Member(member) = object.step() {
        if &line[member.key.clone()] == b"name" && member.shape == Shape::Text(false) {
            return Some(member.value);
        }
    }
    None
}

/// What an object is that is no access record: ztunnel's or a proxy's own log, or somebody else's.
fn speech(talk: &proxy::Talk, line: &[u8], layout: &mut Layout) -> Reading {
    if talk.is_ztunnel_access(line) && ztunnel::read_json(line, layout) {
        return Reading::Access;
    }
    proxy::read_json(talk, line).map_or(Reading::Other, Reading::Proxy)
}

/// Decides, when all fields are noted, whether they are an access record, and which product's. `None`: no access
/// record, and no mark of one. The same for all three readers.
fn decide(tells: u32, text: &[u8], layout: &mut Layout) -> Option<Reading> {
    let record = Record::new(text, layout, Default::default());
    let marked = tells & (tell::CODE | tell::FLAGS) != 0
        || (tells & tell::ENVOY != 0 && layout.range(Field::Code).is_some());
    if !marked {
        return None;
    }
    let code = record.number(Field::Code);
    if code.is_none() && record.logged(Field::Flags).is_none() {
        return Some(Reading::Rejected(Reject { reason: Reason::NoStatus, column: 0 }));
    }
    // Istio 1.1 wrote the start time under `method`.
    let swapped = record
        .get(Field::Method)
        .is_some_and(|raw| raw.bytes.len() >= 19 && time::parse_us(raw.bytes).is_some());
    let has = |field| record.get(field).is_some_and(|raw| !raw.bytes.is_empty());
    let request = (has(Field::Method) && !swapped) || has(Field::Path) || has(Field::Protocol);
    let kind = if request || code.unwrap_or(0) > 0 { Kind::Http } else { Kind::Tcp };
    let start = record.get(Field::StartTime).is_some();
    if swapped {
        if let Some(range) = layout.range(Field::Method).filter(|_| !start) {
            layout.set(Field::StartTime, range);
        }
        layout.clear(Field::Method);
    }
    layout.kind = kind;
    layout.format = product(tells);
    Some(Reading::Access)
}

/// Name of the format, from the keys that were there.
fn product(tells: u32) -> &'static str {
    let all = |bits: u32| tells & bits == bits;
    if all(tell::GATEWAY) {
        "envoy-gateway-json"
    } else if all(tell::OSM) {
        "osm-json"
    } else if all(tell::CONTOUR) || (all(tell::AT_TIME | tell::FLAGS | tell::CLUSTER) && !all(tell::START)) {
        "contour-json"
    } else if all(tell::START | tell::CODE | tell::FLAGS | tell::CLUSTER | tell::SNI) {
        "istio-json"
    } else {
        "json"
    }
}
