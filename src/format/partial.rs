//! Lines that no format fits whole: cut by a log shipper, elided by a person (`...`), pasted without their time, or
//! with columns of their own. What makes them access records is the head: the quoted request, the code, the flags.
//! What follows is read from the left as far as it goes, along the known format that gets furthest; behind an
//! elision only what cannot be anything else is taken.

use memchr::{memchr, memchr_iter, memrchr};

use super::template::{Class, Step, Template};
use super::text::TextFormats;
use super::twin;
use super::value;
use crate::envoy::cluster;
use crate::record::{Field, Kind, Layout, Reason, Reject};

/// The name of lines with a readable head that follow no known format.
const OWN_FORMAT: &str = "envoy-text";

/// How far the end of a word is looked for.
const LONGEST_WORD: usize = 4096;

/// How far behind the time the request is looked for.
const LONGEST_COLUMNS: usize = 200;

/// How much of a line without a time is looked at for a broken one.
const LONGEST_TIME: usize = 40;

/// A line that starts with `[TIME] `. `None`: nothing of an access line behind the time.
pub(super) fn read(formats: &TextFormats, line: &[u8], layout: &mut Layout) -> Option<Result<(), Reject>> {
    let closed = memchr(b']', line)?;
    let behind = closed + 2;
    if line.get(behind) != Some(&b'"') {
        // Columns of somebody's own before the request: a mesh, a tenant, a trace.
        let window = line.get(behind..line.len().min(behind + LONGEST_COLUMNS))?;
        let quote = behind + value::find(window, b" \"")? + 1;
        let head = head(line, quote + 1).ok().filter(|head| like_envoy(line, head))?;
        read_behind(formats, line, &head, layout);
        layout.set(Field::StartTime, 1..closed);
        return Some(Ok(()));
    }
    match head(line, behind + 1) {
        Ok(head) => {
            read_behind(formats, line, &head, layout);
            layout.set(Field::StartTime, 1..closed);
            Some(Ok(()))
        }
        Err(reject) => Some(Err(reject)),
    }
}

/// A line without a time, or with one that is broken: `[...] "GET`, `02:37:30.332Z] "GET`, `"GET`.
pub(super) fn read_without_time(
    formats: &TextFormats,
    line: &[u8],
    layout: &mut Layout,
) -> Option<Result<(), Reject>> {
    let window = &line[..line.len().min(LONGEST_TIME)];
    let start = usize::from(window.first() == Some(&b'['));
    let mut sure = false;
    let (time, quote) = if start == 0 && window.first()? == &b'"' {
        (None, 0)
    } else if let Some(closed) = value::find(window, b"] \"") {
        let text = &window[start..closed];
        let broken = broken_time(text);
        sure = broken.is_some();
        // A format of somebody's own may write the time in any way: then the rest must prove more.
        let is_time = broken.or((start == 1).then(|| text.iter().any(u8::is_ascii_digit)))?;
        (is_time.then_some(start..closed), closed + 2)
    } else {
        // No brackets around the time.
        let blank = value::find(window, b" \"").filter(|&blank| value::is_time(&window[..blank]))?;
        (Some(0..blank), blank + 1)
    };
    let head = head(line, quote + 1).ok()?;
    // Other servers quote the request, too: the code and flags must be followed by something of Envoy's.
    if !sure && !like_envoy(line, &head) {
        return None;
    }
    read_behind(formats, line, &head, layout);
    if let Some(range) = time {
        layout.set(Field::StartTime, range);
    }
    Some(Ok(()))
}

/// `Some(true)` for a piece of a time, `Some(false)` for dots in its place.
fn broken_time(text: &[u8]) -> Option<bool> {
    let dots = !text.is_empty() && text.iter().all(|&b| b == b'.') || text == "…".as_bytes();
    let piece = memchr(b':', text).is_some()
        && text.iter().all(|&b| b.is_ascii_digit() || matches!(b, b':' | b'.' | b'-' | b'+' | b'T' | b'Z'));
    if piece { Some(true) } else { dots.then_some(false) }
}

/// Where the request, the code and the flags are.
struct Head {
    method: (usize, usize),
    path: (usize, usize),
    protocol: Option<(usize, usize)>,
    code: (usize, usize),
    flags: Option<(usize, usize)>,
    /// The first byte of what follows; the end of the line when nothing does.
    after: usize,
}

/// Reads the head whose request starts at `start`, behind its quote. The closing quote is the earliest one that has a
/// protocol before it and code and flags behind it; people also drop the protocol, or name the flags (`flags=UF`).
fn head(line: &[u8], start: usize) -> Result<Head, Reject> {
    let reject = |field, column: usize| Reject { reason: Reason::Missing(field), column: column as u32 };
    let Some(blank) = memchr(b' ', &line[start..]).map(|at| start + at) else {
        return Err(reject(Field::Method, start));
    };
    if memchr(b'"', &line[start..blank]).is_some() {
        return Err(reject(Field::Method, start));
    }
    let mut without_protocol = None;
    let mut without_flags = None;
    let mut column = blank;
    for quote in memchr_iter(b'"', &line[blank..]).map(|at| blank + at) {
        let Some((code, behind)) =
            word(line, quote + 1).filter(|&(code, _)| value::is_code(&line[code.0..code.1]))
        else {
            continue;
        };
        column = behind.min(line.len());
        let flags = word(line, behind).filter(|&(flags, _)| value::is_flags(&line[flags.0..flags.1]));
        let protocol = protocol_before(line, blank, quote);
        let path_end = protocol.map_or(quote, |start| start - usize::from(line[start - 1] == b' '));
        let found = Head {
            method: (start, blank),
            path: ((blank + 1).min(path_end), path_end),
            protocol: protocol.map(|start| (start, quote)),
            code,
            flags: flags.map(|(flags, _)| flags),
            after: flags.map_or(behind, |(_, after)| after).min(line.len()),
        };
        match (protocol.is_some(), flags.is_some()) {
            (true, true) => return Ok(found),
            (false, true) if without_protocol.is_none() && looks_like_request(line, &found) => {
                without_protocol = Some(found);
            }
            (_, false) if without_flags.is_none() && names_flags(line, found.after) => {
                without_flags = Some(found);
            }
            _ => {}
        }
    }
    // The earlier of the two: what stands further right is more likely a header's.
    match (without_protocol, without_flags) {
        (Some(a), Some(b)) => Ok(if a.after <= b.after { a } else { b }),
        (Some(head), None) | (None, Some(head)) => Ok(head),
        (None, None) if column > blank => Err(reject(Field::Flags, column)),
        (None, None) if memchr(b'"', &line[blank..]).is_some() => Err(reject(Field::Code, column)),
        (None, None) => Err(reject(Field::Method, start)),
    }
}

/// The blank-free word behind a blank at `at`, and where the next blank is.
fn word(line: &[u8], at: usize) -> Option<((usize, usize), usize)> {
    (line.get(at) == Some(&b' ')).then_some(())?;
    let rest = &line[at + 1..line.len().min(at + 1 + LONGEST_WORD)];
    let end = at + 1 + memchr(b' ', rest).unwrap_or(rest.len());
    (end > at + 1).then_some(((at + 1, end), end))
}

/// Where the protocol starts that ends at `quote`, a blank behind the path or (Istio 1.0) right behind it.
fn protocol_before(line: &[u8], from: usize, quote: usize) -> Option<usize> {
    let window = from.max(quote.saturating_sub(10));
    if let Some(blank) = memrchr(b' ', &line[window..quote]) {
        let start = window + blank + 1;
        // The blank behind the method is not the one before the protocol.
        if start > from + 1 && start < quote && value::is_protocol(&line[start..quote]) {
            return Some(start);
        }
    }
    let path = from + 1;
    let start = path + value::glued(line.get(path..quote)?)?;
    line[start..].starts_with(b"HTTP/").then_some(start)
}

/// A method and a path, when there is no protocol to prove it.
fn looks_like_request(line: &[u8], head: &Head) -> bool {
    let method = &line[head.method.0..head.method.1];
    let path = &line[head.path.0..head.path.1];
    !method.is_empty()
        && method.iter().all(|b| b.is_ascii_uppercase() || *b == b'-')
        && !path.contains(&b' ')
        && path.first().is_some_and(|b| matches!(b, b'/' | b'*' | b'-' | b'h'))
}

/// True when what follows code and flags is what Envoy writes there. Python's server logs `200 -` and ends; Apache and
/// nginx log a size where Envoy has flags, or `-` and then the quoted referer.
fn like_envoy(line: &[u8], head: &Head) -> bool {
    if head.protocol.is_none() {
        return false;
    }
    if head.flags.is_some_and(|(start, end)| &line[start..end] != b"-") {
        return true;
    }
    let text = |range: (usize, usize)| &line[range.0..range.1];
    let Some((first, next)) = word(line, head.after) else { return false };
    let second = word(line, next).map_or(&b""[..], |(second, _)| text(second));
    match text(first) {
        b"-" => true,
        // Transport failure or mixer status, then another, or a byte count.
        [b'"', ..] => value::is_count(second) || (text(first) == b"\"-\"" && second == b"\"-\""),
        [b'a'..=b'z', more @ ..] => more.iter().any(|b| matches!(b, b'_' | b'.' | b'=')),
        number => value::is_count(number) && value::is_count(second),
    }
}

/// Fills the layout from the head, and from what can be read behind it.
fn read_behind(formats: &TextFormats, line: &[u8], head: &Head, layout: &mut Layout) {
    let text = line.trim_ascii_end();
    let tails = || formats.all().filter_map(|named| Some((named, tail(&named.template, text, head)?)));
    // The head was damaged, and the rest is whole.
    for (named, (step, at)) in tails() {
        start(named.name, head, layout);
        if twin::read_from(&named.template, step, text, at, layout) {
            return finish(line, head, layout, true);
        }
    }
    let best = tails()
        .map(|(named, (step, at))| (walk(&named.template, step, text, at, None), named, step, at))
        .reduce(|best, other| if other.0.values > best.0.values { other } else { best });
    let Some((walked, named, step, at)) = best.filter(|(walked, ..)| walked.values > 0) else {
        start(OWN_FORMAT, head, layout);
        loose(text, head.after, layout);
        return finish(line, head, layout, false);
    };
    start(named.name, head, layout);
    walk(&named.template, step, text, at, Some(layout));
    if !walked.whole {
        loose(text, walked.end, layout);
    }
    finish(line, head, layout, walked.whole);
}

/// The number of the step behind the flags, and where its value starts. `None` for formats with another kind of head,
/// and where the text behind the flags is another.
fn tail(template: &Template, line: &[u8], head: &Head) -> Option<(usize, usize)> {
    head.flags?;
    let flags = template.steps.iter().position(|step| step.field == Some(Field::Flags))?;
    let usual = flags > 0 && template.steps[flags - 1].field == Some(Field::Code);
    let literal = &template.steps[flags].literal;
    let follows = line.get(head.after..).is_some_and(|rest| rest.starts_with(literal));
    (usual && literal.first() == Some(&b' ') && follows).then_some((flags + 1, head.after + literal.len()))
}

fn start(name: &'static str, head: &Head, layout: &mut Layout) {
    layout.reset(name);
    layout.set(Field::Method, head.method.0..head.method.1);
    layout.set(Field::Path, head.path.0..head.path.1);
    layout.set(Field::Code, head.code.0..head.code.1);
    if let Some((start, end)) = head.protocol {
        layout.set(Field::Protocol, start..end);
    }
    if let Some((start, end)) = head.flags {
        layout.set(Field::Flags, start..end);
    }
}

fn finish(line: &[u8], head: &Head, layout: &mut Layout, whole: bool) {
    let dash = |(start, end): (usize, usize)| matches!(&line[start..end], b"-" | b"");
    let tcp = dash(head.method) && dash(head.path) && head.protocol.is_none_or(dash);
    layout.kind = if tcp { Kind::Tcp } else { Kind::Http };
    layout.complete = whole;
}

/// How far a format got.
struct Walked {
    values: usize,
    /// Where the first value stands that could not be read.
    end: usize,
    /// Every value was there; more text may follow.
    whole: bool,
}

/// Reads values from the left until one does not fit. Each ends at the first occurrence of the text behind it.
fn walk(
    template: &Template,
    first: usize,
    line: &[u8],
    at: usize,
    mut layout: Option<&mut Layout>,
) -> Walked {
    let steps = &template.steps;
    let mut end = at;
    let mut values = 0;
    for (n, step) in steps.iter().enumerate().skip(first) {
        let rest = &line[end..];
        let last = n + 1 == steps.len();
        let (length, cut) = match value_end(step, rest) {
            Some(length) => (length, false),
            None => (rest.len(), true),
        };
        let text = &rest[..length];
        let elided = matches!(text, b"..." | b"~~") || text == "…".as_bytes();
        // Unquoted dots may stand for any number of columns.
        let quoted = step.literal.first() == Some(&b'"');
        let wrong = !elided && !step.class.accepts(text)
            || text.len() > step.class.longest() && !step.class.is_free();
        // Half a value is worse than none; words that Envoy prints are known when they are seen.
        let half = cut && !last && !matches!(step.class, Class::Details);
        if wrong || half || (elided && !quoted) || rest.is_empty() {
            return Walked { values, end, whole: false };
        }
        if let Some(layout) = layout.as_deref_mut()
            && !elided
        {
            twin::set(step, end, text, layout);
        }
        values += 1;
        end = (end + length + step.literal.len()).min(line.len());
        if cut && !last {
            return Walked { values, end: line.len(), whole: false };
        }
    }
    Walked { values, end, whole: true }
}

/// Where a value ends that starts here; `None` when the line ends first.
fn value_end(step: &Step, rest: &[u8]) -> Option<usize> {
    let found = match step.class {
        Class::Details => value::details_end(rest, &step.literal),
        _ => value::find(rest, &step.literal),
    };
    // A closing quote ends a value even where the line ends behind it.
    found.or_else(|| {
        (step.literal.first() == Some(&b'"') && rest.last() == Some(&b'"')).then(|| rest.len() - 1)
    })
}

/// Behind an elision, or in a format of somebody's own: named values, and a cluster with the host before it.
fn loose(line: &[u8], from: usize, layout: &mut Layout) {
    let mut at = from.min(line.len());
    while at < line.len() {
        let end = at + memchr(b' ', &line[at..]).unwrap_or(line.len() - at);
        let word = &line[at..end];
        if let Some((field, start)) = named_value(word)
            && layout.range(field).is_none()
        {
            layout.set(field, at + start..end);
        }
        // A cluster at the very end may be half of one.
        if end < line.len()
            && cluster::direction(word).is_some()
            && layout.range(Field::UpstreamCluster).is_none()
        {
            layout.set(Field::UpstreamCluster, at..end);
            quoted_pair(&line[..at.saturating_sub(1).max(from).min(line.len())], from, layout);
            return;
        }
        at = end + 1;
    }
    quoted_pair(line, from, layout);
}

/// `"AUTHORITY" "HOST:PORT"` at the end of a text: the authority and the upstream host.
fn quoted_pair(text: &[u8], from: usize, layout: &mut Layout) {
    let Some(host) = quoted_before(text, from, text.len()) else { return };
    let bytes = &text[host.0..host.1];
    if !(memchr(b':', bytes).is_some() && value::is_address(bytes))
        || layout.range(Field::UpstreamHost).is_some()
    {
        return;
    }
    layout.set(Field::UpstreamHost, host.0..host.1);
    let Some(authority) = quoted_before(text, from, host.0.saturating_sub(2)) else { return };
    if layout.range(Field::Authority).is_none() && memchr(b' ', &text[authority.0..authority.1]).is_none() {
        layout.set(Field::Authority, authority.0..authority.1);
    }
}

/// The quoted value whose closing quote is the last byte before `end`.
fn quoted_before(text: &[u8], from: usize, end: usize) -> Option<(usize, usize)> {
    let inside = text.get(from..end)?.strip_suffix(b"\"")?;
    let open = from + memrchr(b'"', inside)?;
    Some((open + 1, from + inside.len()))
}

/// `flags=UF`: the value's field, and where it starts in the word.
fn named_value(word: &[u8]) -> Option<(Field, usize)> {
    let equals = memchr(b'=', word)?;
    let field = match &word[..equals] {
        b"flags" | b"response_flags" | b"response_flag" => Field::Flags,
        b"details" | b"response_code_details" | b"response_details" => Field::Details,
        b"duration" | b"duration_ms" => Field::Duration,
        b"upstream_host" => Field::UpstreamHost,
        b"upstream_cluster" | b"cluster" => Field::UpstreamCluster,
        b"authority" | b"host" => Field::Authority,
        b"route_name" | b"route" => Field::RouteName,
        b"request_id" | b"x-request-id" => Field::RequestId,
        b"upstream_transport_failure_reason" => Field::TransportFailure,
        b"connection_termination_details" => Field::Termination,
        b"bytes_sent" => Field::BytesSent,
        b"bytes_received" => Field::BytesReceived,
        _ => return None,
    };
    let value = &word[equals + 1..];
    (field != Field::Flags || value::is_flags(value)).then_some((field, equals + 1))
}

/// True when the next few words name the flags (`flags=UF`).
fn names_flags(line: &[u8], from: usize) -> bool {
    let rest = line.get(from..line.len().min(from + 256)).unwrap_or_default();
    rest.split(|&b| b == b' ').any(|word| named_value(word).is_some_and(|(field, _)| field == Field::Flags))
}
