//! Prefixes of text: what kubectl, stern, compose, CRI, grep and their like put before a line.

use std::ops::Range;

use memchr::memmem;

use super::{Role, Wrapper};

/// The longest prefix that is looked through for a line of Envoy's behind it.
const LONGEST: usize = 512;

/// Finds the prefix of a line, if it has one.
pub(super) fn strip(text: &[u8]) -> Option<Wrapper> {
    let at = skip_colours(text, 0);
    let found = match text.get(at)? {
        b'[' => bracketed(text, at),
        b'0'..=b'9' => timed(text, at).or_else(|| named(text, at)).or_else(|| grepped(text, at)),
        b'A' if text[at..].starts_with(b"ACCESS ") => Some(bare(at + b"ACCESS ".len())),
        b'a'..=b'z' => named(text, at).or_else(|| grepped(text, at)),
        b'A'..=b'Z' | b'.' | b'/' | b'_' => {
            syslog(text, at).or_else(|| named(text, at)).or_else(|| grepped(text, at))
        }
        _ => None,
    };
    let mut wrapper = match found {
        Some(wrapper) => wrapper,
        None if at > 0 && starts_line(&text[at..]) => bare(at),
        None => anything(text)?,
    };
    wrapper.text = skip_colours(text, wrapper.text.start)..text.len();
    Some(wrapper)
}

fn bare(at: usize) -> Wrapper {
    Wrapper { text: at..0, ..Wrapper::default() }
}

/// Behind terminal colour codes (`ESC [ … m`) at `at`.
pub(super) fn skip_colours(text: &[u8], mut at: usize) -> usize {
    while let Some(rest) = text.get(at..).and_then(|rest| rest.strip_prefix(b"\x1b[")) {
        let code = rest.iter().take(16).take_while(|b| b.is_ascii_digit() || **b == b';').count();
        if rest.get(code) != Some(&b'm') {
            break;
        }
        at += code + 3;
    }
    at
}

/// True where a proxy's line, a record in JSON, or another wrapper that starts with a time begins.
fn starts_line(text: &[u8]) -> bool {
    match text.first() {
        Some(b'[') => is_date(&text[1..]) || text.starts_with(b"[Envoy (Epoch "),
        Some(b'{') => text[1..].trim_ascii_start().first() == Some(&b'"'),
        Some(b'0'..=b'9') => is_date(text) || short_time(text).is_some(),
        Some(b'A') => text.starts_with(b"ACCESS ["),
        Some(0x1b) => true,
        _ => false,
    }
}

/// `2024-05-01T` or, as Envoy's own log writes it, with a blank.
fn is_date(text: &[u8]) -> bool {
    fits(text, b"0000-00-00T") || fits(text, b"0000-00-00 ")
}

fn fits(text: &[u8], pattern: &[u8]) -> bool {
    text.len() >= pattern.len()
        && text.iter().zip(pattern).all(|(b, p)| if *p == b'0' { b.is_ascii_digit() } else { b == p })
}

/// Length of an RFC 3339 time at the start of the text.
pub(super) fn time(text: &[u8]) -> Option<usize> {
    if !fits(text, b"0000-00-00T00:00:00") {
        return None;
    }
    let mut at = 19;
    if matches!(text.get(at), Some(b'.' | b',')) {
        at += 1 + text[at + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
    }
    match text.get(at)? {
        b'Z' => Some(at + 1),
        b'+' | b'-' if fits(&text[at + 1..], b"00:00") => Some(at + 6),
        b'+' | b'-' if fits(&text[at + 1..], b"0000") => Some(at + 5),
        _ => None,
    }
}

/// stern's `-t short`: `11-25 21:26:19 `.
fn short_time(text: &[u8]) -> Option<usize> {
    const PATTERN: &[u8] = b"00-00 00:00:00 ";
    fits(text, PATTERN).then_some(PATTERN.len())
}

/// What may stand behind a time: CRI, a shipper's tag, labels, or the line.
fn timed(text: &[u8], at: usize) -> Option<Wrapper> {
    if let Some(length) = short_time(&text[at..]) {
        return starts_line(&text[at + length..]).then(|| bare(at + length));
    }
    let at = at + time(&text[at..])?;
    let gap = text.get(at)?;
    let rest = at + 1;
    if let Some(message) = cri(text, rest) {
        return Some(bare(message.start));
    }
    let behind = &text[rest..];
    match gap {
        b'\t' | b' ' if starts_line(behind) => Some(bare(rest)),
        b' ' if behind.first() == Some(&b'{') => labels(text, rest),
        // Fluentd's files put a tag before the record, `aws logs tail` the stream.
        b'\t' | b' ' => {
            let end = rest + behind.iter().take(LONGEST).position(|b| b == gap)?;
            let (tag, line) = (&text[rest..end], &text[end + 1..]);
            let is_tag = tag.iter().any(|b| matches!(b, b'/' | b'.')) && !tag.contains(&b'"');
            (is_tag && starts_line(line)).then(|| bare(end + 1))
        }
        _ => None,
    }
}

/// `stdout F ` at `at`: where the message is. The tag may hold more parts behind a colon.
pub(super) fn cri(text: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = text.get(at..)?;
    let rest = rest.strip_prefix(b"stdout ").or_else(|| rest.strip_prefix(b"stderr "))?;
    let tag = rest.iter().take(64).position(|b| *b == b' ').unwrap_or(rest.len());
    let start = text.len() - rest.len() + tag;
    match rest[..tag] {
        [b'F' | b'P'] | [b'F' | b'P', b':', ..] => Some((start + 1).min(text.len())..text.len()),
        _ => None,
    }
}

/// logcli's `{app="x", pod="y"} `.
fn labels(text: &[u8], at: usize) -> Option<Wrapper> {
    let mut wrapper = Wrapper::default();
    let mut at = at + 1;
    loop {
        while matches!(text.get(at), Some(b' ' | b',')) {
            at += 1;
        }
        if text.get(at) == Some(&b'}') {
            break;
        }
        let name = at + text.get(at..)?.iter().take(LONGEST).position(|b| *b == b'=')?;
        if text.get(name + 1) != Some(&b'"') {
            return None;
        }
        let (end, escaped) = crate::record::object::string_end(text, name + 2)?;
        if let Some((role, rank)) = super::object::role(&text[at..name]) {
            wrapper.name(role, rank, name + 2..end, escaped);
        }
        at = end + 1;
    }
    at += 1;
    wrapper.text.start = at + text[at..].iter().take_while(|b| **b == b' ').count();
    Some(wrapper)
}

/// `[pod/NAME/CONTAINER] ` of kubectl, `[NAMESPACE/pod/NAME/CONTAINER] ` of ours, `[NAME] ` of kubetail.
fn bracketed(text: &[u8], at: usize) -> Option<Wrapper> {
    let end = at + memmem::find(&text[at..text.len().min(at + LONGEST)], b"] ")?;
    let rest = end + 2;
    let mut wrapper = bare(rest);
    let inside = at + 1..end;
    if text[inside.clone()].starts_with(b"pod/") {
        let name = inside.start + 4;
        let slash = memchr::memchr(b'/', &text[name..end]).map_or(end, |i| name + i);
        wrapper.name(Role::Pod, 0, name..slash, false);
        wrapper.name(Role::Container, 0, (slash + 1).min(end)..end, false);
        return Some(wrapper);
    }
    let names = super::path::names(&text[inside.clone()]);
    if let (Some(pod), Some(namespace)) = (names.pod, names.namespace) {
        let within = |range: Range<usize>| inside.start + range.start..inside.start + range.end;
        wrapper.name(Role::Pod, 0, within(pod), false);
        wrapper.name(Role::Namespace, 0, within(namespace), false);
        if let Some(container) = names.container {
            wrapper.name(Role::Container, 0, within(container), false);
        }
        return Some(wrapper);
    }
    let (pod, behind) = token(text, inside.start)?;
    wrapper.name(Role::Pod, 0, pod, false);
    let behind = match text.get(behind) {
        Some(b' ') => {
            let (container, behind) = token(text, behind + 1)?;
            wrapper.name(Role::Container, 0, container, false);
            behind
        }
        _ => behind,
    };
    (behind == end && starts_line(&text[rest..])).then_some(wrapper)
}

/// A Kubernetes name at `at`, colours around it left out, and what stands behind it.
fn token(text: &[u8], at: usize) -> Option<(Range<usize>, usize)> {
    const LONGEST_NAME: usize = 253;
    let start = skip_colours(text, at);
    let part = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    let length = text.get(start..)?.iter().take(LONGEST_NAME).take_while(part).count();
    let first = text.get(start)?.is_ascii_alphanumeric();
    (first && length > 0).then(|| (start..start + length, skip_colours(text, start + length)))
}

/// stern's one to three names, or compose's name and a bar.
fn named(text: &[u8], at: usize) -> Option<Wrapper> {
    let mut names: [Range<usize>; 3] = Default::default();
    let mut at = at;
    for count in 1..=3 {
        let (name, behind) = token(text, at)?;
        names[count - 1] = name;
        let blanks = text.get(behind..)?.iter().take(64).take_while(|b| **b == b' ').count();
        let next = skip_colours(text, behind + blanks);
        if count == 1
            && text.get(next) == Some(&b'|')
            && matches!(text.get(next + 1), Some(b' ' | 0x1b) | None)
        {
            return Some(composed(text, names[0].clone(), next + 1));
        }
        let plain = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.');
        if blanks != 1 || !text[names[count - 1].clone()].iter().all(plain) {
            return None;
        }
        if count > 1 && starts_line(&text[next..]) {
            // `received reply {"response_code":…}` is an application's sentence.
            let pod = &text[names[count - 2].clone()];
            if text.get(next) == Some(&b'{') && !pod.contains(&b'-') {
                return None;
            }
            let mut wrapper = bare(next);
            wrapper.name(Role::Container, 0, names[count - 1].clone(), false);
            wrapper.name(Role::Pod, 0, names[count - 2].clone(), false);
            if count == 3 {
                wrapper.name(Role::Namespace, 0, names[0].clone(), false);
            }
            return Some(wrapper);
        }
        at = next;
    }
    None
}

fn composed(text: &[u8], name: Range<usize>, at: usize) -> Wrapper {
    let at = skip_colours(text, at);
    let at = if text.get(at) == Some(&b' ') { at + 1 } else { at };
    let mut wrapper = bare(at);
    wrapper.name(Role::Container, 0, name, false);
    wrapper
}

/// grep's `FILE:` or `FILE:LINE:`. The kubelet's file names tell the pod.
fn grepped(text: &[u8], at: usize) -> Option<Wrapper> {
    let head = &text[at..text.len().min(at + LONGEST)];
    let stop =
        head.iter().position(|b| matches!(b, b':' | b' ' | b'\t' | b'"')).filter(|i| head[*i] == b':')?;
    let colon = at + stop;
    let path = at..colon;
    let digits = text[colon + 1..].iter().take(12).take_while(|b| b.is_ascii_digit()).count();
    let numbered = digits > 0 && text.get(colon + 1 + digits) == Some(&b':');
    let rest = if numbered { colon + digits + 2 } else { colon + 1 };
    // `name:2024-…` is no file and number, but a time behind a file.
    let mut wrapper = bare(if starts_line(&text[rest..]) { rest } else { return None });
    let names = super::path::names(&text[path.clone()]);
    for (role, range) in
        [(Role::Pod, names.pod), (Role::Namespace, names.namespace), (Role::Container, names.container)]
    {
        if let Some(range) = range {
            wrapper.name(role, 0, path.start + range.start..path.start + range.end, false);
        }
    }
    Some(wrapper)
}

/// `Nov 25 21:26:18 host tag[pid]: `.
fn syslog(text: &[u8], at: usize) -> Option<Wrapper> {
    const MONTHS: &[u8] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let rest = &text[at..];
    let is_month = rest.get(..3).is_some_and(|name| MONTHS.chunks(3).any(|month| month == name));
    if !is_month || !(fits(&rest[3..], b" 00 00:00:00 ") || fits(&rest[3..], b"  0 00:00:00 ")) {
        return None;
    }
    let end = memmem::find(&rest[16..rest.len().min(LONGEST)], b": ")? + 16 + 2;
    starts_line(&rest[end..]).then(|| bare(at + end))
}

/// The last resort: any prefix before `[TIME] "`, which only an access line holds. A lone `-` before it is another
/// server's access log (`HOST - USER [TIME] "…"`), and a line of the proxy's own log may quote one.
fn anything(text: &[u8]) -> Option<Wrapper> {
    let head = &text[..text.len().min(LONGEST)];
    let start = memchr::memchr_iter(b'[', head).find(|at| fits(&text[at + 1..], b"0000-00-00T"))?;
    let end = memmem::find(&text[start..text.len().min(start + 48)], b"] \"")?;
    let before = &text[..start];
    let gap = matches!(before.last()?, b' ' | b'\t' | b':' | b'|' | b'm');
    let own_log = time(before).is_some_and(|at| before[at..].first() == Some(&b'\t') || level(&before[at..]));
    (gap && end > 0 && !own_log && memmem::find(before, b" - ").is_none()).then(|| bare(start))
}

fn level(text: &[u8]) -> bool {
    let word = text.trim_ascii_start();
    let end = word.iter().position(|b| !b.is_ascii_alphabetic()).unwrap_or(word.len());
    matches!(
        word[..end].to_ascii_lowercase().as_slice(),
        b"trace" | b"debug" | b"info" | b"warn" | b"warning" | b"error" | b"fatal" | b"critical"
    )
}
