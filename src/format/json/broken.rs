//! What can be had out of text that looks like a JSON access record and is none.
//!
//! Two things happen in the field. A line is cut at its end: the members before the cut are good. Or the text was
//! never JSON: Envoy Gateway 0.6 to 1.2.6 (and others' formats of the kind) wrote it as a text format, where a quote
//! in a header stays as it is. There a value ends where the next key begins. In Envoy Gateway's order of keys the
//! next key is known; a value that the client controls ends at the first place where it can, but the user agent,
//! the likeliest to hold quotes, at the last.

use memchr::memmem;

use super::{JsonKeys, Reading, Seen, decide};
use crate::record::object::{Member, Object, Shape, Step, blanks, is_followed};
use crate::record::{Layout, Reason, Reject};

/// Envoy Gateway's keys in the order in which its text format writes them.
const GATEWAY: [&[u8]; 24] = [
    b"start_time",
    b"method",
    b"x-envoy-origin-path",
    b"protocol",
    b"response_code",
    b"response_flags",
    b"response_code_details",
    b"connection_termination_details",
    b"upstream_transport_failure_reason",
    b"bytes_received",
    b"bytes_sent",
    b"duration",
    b"x-envoy-upstream-service-time",
    b"x-forwarded-for",
    b"user-agent",
    b"x-request-id",
    b":authority",
    b"upstream_host",
    b"upstream_cluster",
    b"upstream_local_address",
    b"downstream_local_address",
    b"downstream_remote_address",
    b"requested_server_name",
    b"route_name",
];

/// True for a line in Envoy Gateway's text format of JSON look: it begins as no JSON writer begins. A key that comes
/// twice in such a line was sent by a client.
pub(super) fn is_unescaped(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(b"{\"start_time\":\"") else { return false };
    let head = &rest[..rest.len().min(64)];
    memmem::find(head, b"\",\"method\":\"").is_some()
        && memmem::find(rest, b"\",\"x-envoy-origin-path\":\"").is_some()
}

impl JsonKeys {
    /// Reads what can be read of a line that is no JSON.
    #[cold]
    pub(super) fn salvage(&self, line: &[u8], layout: &mut Layout) -> Reading {
        layout.reset("json");
        let mut seen = Seen::new();
        let unescaped = is_unescaped(line);
        let mut whole = unescaped && gateway(line, layout, &mut seen);
        // Where nothing is escaped a client can write what looks like the next object.
        if !whole && is_followed(line) {
            return Reading::Rejected(Reject { reason: Reason::SeveralObjects, column: 0 });
        }
        if !unescaped {
            whole = self.loose(line, layout, &mut seen);
        }
        match decide(seen.tells, line, layout) {
            Some(Reading::Access) => {
                layout.complete = whole;
                Reading::Access
            }
            Some(reading) => reading,
            None if has_marks(line) => Reading::Rejected(Reject { reason: Reason::BrokenJson, column: 0 }),
            None => Reading::Other,
        }
    }

    /// Members one after the other, each value up to the next thing that looks like a key. True when the object was
    /// closed.
    fn loose(&self, line: &[u8], layout: &mut Layout, seen: &mut Seen) -> bool {
        let mut at = blanks(line, 0) + 1;
        while let Some(step) = loose_member(line, at) {
            let (member, end) = match step {
                Ok(found) => found,
                Err(whole) => return whole,
            };
            // A value that the walker would hand over stays as it is: there is nobody behind this reader.
            if !self.note(line, &member, layout, seen)
                && matches!(member.shape, Shape::Text(_) | Shape::Number)
            {
                let name = &line[member.key.clone()];
                if let Some((field, tells)) = self.lookup(name).and_then(|key| Some((key.field?, key.tells)))
                {
                    seen.tells |= tells;
                    layout.set_escaped(field, member.value);
                }
            }
            at = end;
        }
        false
    }
}

/// The member at `at`, and where the next begins. `Err` at the end of the object (true) or of the line (false).
/// `None` when nothing can be made of the text.
fn loose_member(line: &[u8], at: usize) -> Option<Result<(Member, usize), bool>> {
    let at = blanks(line, at);
    let at = if line.get(at) == Some(&b',') { blanks(line, at + 1) } else { at };
    match line.get(at) {
        None => return Some(Err(false)),
        Some(b'}') => return Some(Err(true)),
        Some(b'"') => {}
        Some(_) => return None,
    }
    let (key_end, value_at) = key_at(line, at)?;
    let key = at + 1..key_end;
    if line.get(value_at) != Some(&b'"') {
        // Numbers, words, nested values: as the strict walk reads them, on an object of one member.
        let mut object = Object::open_member(line, at);
        return match object.step() {
            Step::Member(member) => Some(Ok((member, object.position()))),
            Step::Cut => Some(Err(false)),
            _ => None,
        };
    }
    let start = value_at + 1;
    let mut from = start;
    let end = loop {
        let Some(quote) = memchr::memchr(b'"', &line[from..]).map(|i| from + i) else {
            return Some(Err(false));
        };
        let behind = blanks(line, quote + 1);
        match line.get(behind) {
            Some(b'}') if blanks(line, behind + 1) == line.len() => break quote,
            Some(b',') if key_at(line, blanks(line, behind + 1)).is_some() => break quote,
            None => return Some(Err(false)),
            _ => from = quote + 1,
        }
    };
    let escaped = memchr::memchr(b'\\', &line[start..end]).is_some();
    Some(Ok((Member { key, key_escaped: false, value: start..end, shape: Shape::Text(escaped) }, end + 1)))
}

/// `"key":` at `at`: the key's closing quote and where the value begins. Short and plain: the text is scanned for it
/// at every quote.
fn key_at(line: &[u8], at: usize) -> Option<(usize, usize)> {
    const LONGEST: usize = 64;
    let rest = line.get(at..)?.strip_prefix(b"\"")?;
    let plain = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':' | b'@' | b'/');
    let length = rest.iter().take(LONGEST).take_while(plain).count();
    let quote = at + 1 + length;
    let colon = blanks(line, quote + 1);
    (length > 0 && line.get(quote) == Some(&b'"') && line.get(colon) == Some(&b':'))
        .then(|| (quote, blanks(line, colon + 1)))
}

/// Envoy Gateway's text, by its known order of keys. True when the line is whole.
fn gateway(line: &[u8], layout: &mut Layout, seen: &mut Seen) -> bool {
    let mut at = b"{\"start_time\":\"".len();
    for (i, key) in GATEWAY.iter().enumerate() {
        let next = GATEWAY.get(i + 1).map(|next| [b"\",\"", *next, b"\":\""].concat());
        let end = match &next {
            Some(mark) if *key == b"user-agent" => memmem::rfind(&line[at..], mark),
            Some(mark) => memmem::find(&line[at..], mark),
            None => line[at..].strip_suffix(b"\"}").map(<[u8]>::len),
        };
        let Some(end) = end.map(|end| at + end) else { return false };
        if let Some(known) = super::keys::lookup(key) {
            seen.tells |= known.tells;
            if let Some(field) = known.field {
                layout.set(field, at..end);
            }
        }
        at = end + next.map_or(0, |mark| mark.len());
    }
    true
}

/// Marks of an access record somewhere in the text.
pub(super) fn has_marks(line: &[u8]) -> bool {
    const MARKS: [&[u8]; 4] =
        [b"response_code\"", b"response_flags\"", b"responseCode\"", b"responseFlags\""];
    MARKS.iter().any(|mark| memmem::find(line, mark).is_some())
}
