//! Objects around a line: Docker's files, log shippers, exports with one object a line.

use std::ops::Range;

use super::{Role, Wrapper};
use crate::record::object::{Member, Object, Shape, Step};

/// Objects nest: `resourceLogs` of OpenTelemetry has the line six levels down, lists counted.
const DEPTH: usize = 8;

/// Finds the message in an object; `None` when the object is a record itself, a proxy's own log line, or has none.
pub(super) fn unwrap(text: &[u8]) -> Option<Wrapper> {
    let mut search = Search { text, message: None, wrapper: Wrapper::default() };
    search.object(0, text.len(), DEPTH)?;
    let (_, range, escaped) = search.message?;
    let mut wrapper = search.wrapper;
    // Docker ends every message with `\n`: without it there is often nothing left to decode.
    let mut raw = &text[range.clone()];
    if escaped && raw.ends_with(b"\\n") && !raw.ends_with(b"\\\\n") {
        raw = &raw[..raw.len() - 2];
    }
    wrapper.text = range.start..range.start + raw.len();
    wrapper.escaped = escaped && memchr::memchr(b'\\', raw).is_some();
    Some(wrapper)
}

struct Search<'a> {
    text: &'a [u8],
    message: Option<(u8, Range<usize>, bool)>,
    wrapper: Wrapper,
}

impl Search<'_> {
    /// Looks through the object at `at`. `None`: this is no wrapper, stop.
    fn object(&mut self, at: usize, end: usize, depth: usize) -> Option<()> {
        let mut object = Object::open_at(&self.text[..end], at)?;
        loop {
            match object.step() {
                Step::Member(member) => self.member(&member, depth)?,
                Step::End => return Some(()),
                Step::Cut | Step::Broken(_) => return None,
            }
        }
    }

    fn member(&mut self, member: &Member, depth: usize) -> Option<()> {
        let key = &self.text[member.key.clone()];
        match member.shape {
            Shape::Text(escaped) => {
                if is_record(key) {
                    return None;
                }
                if let Some(rank) = message(key) {
                    // Envoy's OpenTelemetry logger may leave the body empty: the record is in the attributes.
                    if !member.value.is_empty()
                        && self.message.as_ref().is_none_or(|(known, ..)| rank < *known)
                    {
                        self.message = Some((rank, member.value.clone(), escaped));
                    }
                } else if let Some((role, rank)) = role(key) {
                    self.wrapper.name(role, rank, member.value.clone(), escaped);
                }
            }
            Shape::Nested if depth > 0 => self.inside(member, depth - 1)?,
            _ if is_record(key) => return None,
            _ => {}
        }
        Some(())
    }

    fn inside(&mut self, member: &Member, depth: usize) -> Option<()> {
        let value = member.value.clone();
        match &self.text[member.key.clone()] {
            // Known shapes of a record: for the JSON reader, as is a whole record in place of a message.
            b"httpRequest" | b"common_properties" | b"commonProperties" => None,
            b"message" | b"log" | b"jsonPayload" | b"_source" | b"body" | b"Body" | b"event" => {
                self.object(value.start, value.end, depth)
            }
            b"kubernetes" | b"labels" | b"resource" | b"stream" => {
                self.names(value, depth);
                Some(())
            }
            b"pod" => self.named(Role::Pod, value),
            b"container" => self.named(Role::Container, value),
            b"attributes" if holds_record(&self.text[value.clone()]) => None,
            b"resourceLogs" | b"scopeLogs" | b"logRecords" => {
                let at = value.start + 1;
                match Object::open_at(&self.text[..value.end], at) {
                    Some(_) => self.object(at, value.end, depth),
                    None => Some(()),
                }
            }
            _ => Some(()),
        }
    }

    /// Names in an object that holds nothing else of interest.
    fn names(&mut self, value: Range<usize>, depth: usize) {
        let Some(mut object) = Object::open_at(&self.text[..value.end], value.start) else { return };
        while let Step::Member(member) = object.step() {
            let key = &self.text[member.key.clone()];
            match member.shape {
                Shape::Text(escaped) => {
                    if let Some((role, rank)) = role(key) {
                        self.wrapper.name(role, rank, member.value, escaped);
                    }
                }
                Shape::Nested if key == b"attributes" => self.attributes(member.value),
                Shape::Nested if key == b"labels" && depth > 0 => self.names(member.value, depth - 1),
                Shape::Nested if key == b"pod" => {
                    self.named(Role::Pod, member.value);
                }
                Shape::Nested if key == b"container" => {
                    self.named(Role::Container, member.value);
                }
                _ => {}
            }
        }
    }

    /// OpenTelemetry's list of `{"key":…,"value":{"stringValue":…}}`.
    fn attributes(&mut self, value: Range<usize>) {
        let text = &self.text[..value.end];
        let mut at = value.start + 1;
        while let Some(mut object) = Object::open_at(text, at) {
            let (mut known, mut found) = (None, None);
            while let Step::Member(member) = object.step() {
                match (&text[member.key], member.shape) {
                    (b"key", Shape::Text(false)) => known = attribute(&text[member.value]),
                    (b"value", Shape::Nested) => found = Object::open_at(text, member.value.start),
                    _ => {}
                }
            }
            if let (Some(role), Some(mut inner)) = (known, found)
                && let Step::Member(Member { value, shape: Shape::Text(escaped), .. }) = inner.step()
            {
                self.wrapper.name(role, 2, value, escaped);
            }
            if object.position() <= at {
                return;
            }
            at = object.position()
                + text[object.position()..].iter().take_while(|b| matches!(b, b',' | b' ')).count();
        }
    }

    /// `{"name":…}`.
    fn named(&mut self, role: Role, value: Range<usize>) -> Option<()> {
        if let Some(mut object) = Object::open_at(&self.text[..value.end], value.start) {
            while let Step::Member(member) = object.step() {
                if let (b"name", Shape::Text(escaped)) = (&self.text[member.key.clone()], member.shape) {
                    self.wrapper.name(role, 1, member.value, escaped);
                }
            }
        }
        Some(())
    }
}

/// OpenTelemetry's names.
fn attribute(key: &[u8]) -> Option<Role> {
    match key {
        b"k8s.pod.name" => Some(Role::Pod),
        b"k8s.namespace.name" => Some(Role::Namespace),
        b"k8s.container.name" => Some(Role::Container),
        _ => None,
    }
}

/// True for attributes that are a record's fields: then the body is not the line.
fn holds_record(attributes: &[u8]) -> bool {
    [&b"\"response_code\""[..], b"\"response_flags\"", b"\"responseFlags\""]
        .iter()
        .any(|key| memchr::memmem::find(attributes, key).is_some())
}

/// Keys of a message, best first.
fn message(key: &[u8]) -> Option<u8> {
    const KEYS: [&[u8]; 12] = [
        b"message",
        b"log",
        b"line",
        b"Line",
        b"textPayload",
        b"@message",
        b"_raw",
        b"event",
        b"MESSAGE",
        b"stringValue",
        b"body",
        b"Body",
    ];
    KEYS.iter().position(|known| *known == key).map(|rank| rank as u8)
}

/// Keys of pod, namespace and container, each with its rank.
pub(super) fn role(key: &[u8]) -> Option<(Role, u8)> {
    Some(match key {
        b"pod_name" | b"podName" => (Role::Pod, 0),
        b"pod" => (Role::Pod, 1),
        b"namespace_name" | b"pod_namespace" => (Role::Namespace, 0),
        b"namespace" => (Role::Namespace, 1),
        b"container_name" | b"containerName" => (Role::Container, 0),
        b"container" => (Role::Container, 1),
        _ => return None,
    })
}

/// Keys that an access record or a proxy's own log has, and no wrapper.
fn is_record(key: &[u8]) -> bool {
    let by_start: &[&[u8]] = match key.first() {
        Some(b'a') => &[b"authority"],
        Some(b'b') => &[b"bytes_"],
        Some(b'c') => &[b"connection_termination"],
        Some(b'd') => &[b"downstream_"],
        Some(b'm') => &[b"msg"],
        Some(b'r') => {
            &[b"response_", b"responseCode", b"responseFlags", b"requested_server_name", b"route_name"]
        }
        Some(b's') => &[b"start_time", b"scope"],
        Some(b'u') => &[b"upstream_"],
        Some(b'x') => &[b"x_forwarded_for", b"x-forwarded-for", b"x-envoy-", b"x_envoy_"],
        Some(b':') => &[b":authority"],
        _ => return false,
    };
    by_start.iter().any(|start| key.starts_with(start))
}
