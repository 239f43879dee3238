//! The general reader: serde_json, for records below the top of an object and for values that must be converted.
//!
//! All shapes are looked for at every level: fields under their known keys, then the nested shapes of Google Cloud,
//! Elastic, OpenTelemetry and Envoy's gRPC access log service, then the objects in which shippers hang a record
//! (`log`, `message`, `jsonPayload`, …). Every value found is an offer for its field; the lowest rank wins, and at
//! the same rank the deeper one.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::keys::{self, tell};
use super::shapes;
use super::{JsonKeys, Reading, decide, values};
use crate::record::{Field, Layout, Reason, Reject};

/// Shippers nest two or three deep.
const DEPTH: usize = 5;

/// The best value of each field so far.
pub(super) struct Offers<'v> {
    best: [Option<(u8, Cow<'v, str>)>; Field::COUNT],
    pub(super) tells: u32,
    /// Name of the shape, where one was found that tells the product.
    pub(super) product: Option<&'static str>,
}

impl<'v> Offers<'v> {
    /// Offers a value at a rank.
    pub(super) fn put(&mut self, field: Field, rank: u8, value: Cow<'v, str>) {
        let best = &mut self.best[field as usize];
        if best.as_ref().is_none_or(|(known, _)| rank <= *known) {
            *best = Some((rank, values::converted(field, value)));
        }
    }

    /// Offers a JSON value, if it is one that a field can have.
    pub(super) fn put_value(&mut self, field: Field, rank: u8, value: &'v Value) {
        if let Some(text) = scalar(field, value) {
            self.put(field, rank, text);
        }
    }
}

/// A value as text; lists only where flags were logged as one.
pub(super) fn scalar(field: Field, value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(n) => Some(number(n)),
        Value::Bool(b) => Some(if *b { "true" } else { "false" }.into()),
        Value::Array(items) if field == Field::Flags => {
            let names: Vec<_> = items.iter().filter_map(Value::as_str).collect();
            Some(if names.is_empty() { "-".into() } else { names.join(",").into() })
        }
        _ => None,
    }
}

/// A number as digits: an exponent is written out.
fn number(n: &serde_json::Number) -> Cow<'static, str> {
    let text = n.to_string();
    match n.as_f64() {
        Some(f) if text.contains(['e', 'E']) && f.abs() < 1e18 => format!("{f}").into(),
        _ => text.into(),
    }
}

impl JsonKeys {
    /// Reads the line with serde_json; `None` when it is no JSON object.
    #[cold]
    pub(super) fn general(&self, line: &[u8], layout: &mut Layout, scratch: &mut Vec<u8>) -> Option<Reading> {
        let value: Value = match serde_json::from_slice(line) {
            Ok(value) => value,
            Err(e) if e.to_string().starts_with("recursion limit") => {
                return Some(Reading::Rejected(Reject {
                    reason: Reason::TooDeep,
                    column: e.column() as u32,
                }));
            }
            Err(_) => return None,
        };
        let object = value.as_object()?;
        let mut offers = Offers { best: [const { None }; Field::COUNT], tells: 0, product: None };
        self.gather(object, &mut offers, DEPTH);
        for (&field, offer) in Field::ALL.iter().zip(&offers.best) {
            if let Some((_, text)) = offer {
                let start = scratch.len();
                scratch.extend_from_slice(text.as_bytes());
                layout.set(field, start..scratch.len());
            }
        }
        layout.in_scratch = true;
        let reading = decide(offers.tells, scratch, layout);
        if let (Some(Reading::Access), Some(product)) = (reading, offers.product) {
            layout.format = product;
        }
        if reading.is_none() {
            layout.reset("");
        }
        Some(reading.unwrap_or(Reading::Other))
    }

    /// Collects offers from an object and from what hangs below it.
    pub(super) fn gather<'v>(&self, object: &'v Map<String, Value>, offers: &mut Offers<'v>, depth: usize) {
        for (name, value) in object {
            let Some(key) = self.lookup(name.as_bytes()) else { continue };
            offers.tells |= key.tells & !tell::DEEP;
            if let Some(field) = key.field {
                offers.put_value(field, key.rank, value);
            }
        }
        for (path, field) in &self.own {
            let found = std::str::from_utf8(path).ok().and_then(|path| shapes::at(object, path));
            if let Some(value) = found {
                offers.tells |= match field {
                    Field::Code => tell::CODE,
                    Field::Flags => tell::FLAGS,
                    _ => 0,
                };
                offers.put_value(*field, 0, value);
            }
        }
        shapes::offer_all(object, offers);
        if depth == 0 {
            return;
        }
        for name in keys::HOLDERS {
            // In Elastic's schema `event` tells of the shipping, and `duration` there counts nanoseconds.
            let is_record = name != "event" || offers.product != Some("ecs-json");
            if let Some(Value::Object(inner)) = object.get(name).filter(|_| is_record) {
                self.gather(inner, offers, depth - 1);
            }
        }
        shapes::open_telemetry(self, object, offers, depth);
    }
}
