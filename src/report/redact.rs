//! What must not leave the house with a report: secrets always, and whatever tells persons apart when asked.
//!
//! The same value always gets the same pseudonym within one report, numbered by first appearance: a hash could be
//! undone by trying all addresses.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::escape::utf8;
use crate::aggregate::{Exemplar, Summary};
use crate::arrange::Arrange;

/// What to hide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hide {
    /// Values of query parameters that look like secrets, tokens, credentials.
    pub secrets: bool,
    /// Client addresses, user agents, long ids in paths, query strings.
    pub persons: bool,
    /// Authorities.
    pub authorities: bool,
}

/// Hides values behind pseudonyms.
#[derive(Debug)]
pub(super) struct Redactor {
    hide: Hide,
    /// User agents and authorities that were seen with failures, longest first.
    agents: Vec<String>,
    authorities: Vec<String>,
    /// Addresses of endpoints and listeners: they are the mesh, not persons.
    ours: BTreeSet<String>,
    given: RefCell<BTreeMap<&'static str, BTreeMap<String, usize>>>,
}

impl Redactor {
    pub(super) fn of(hide: Hide, summary: &Summary) -> Redactor {
        let mut redactor = Redactor {
            hide,
            agents: Vec::new(),
            authorities: Vec::new(),
            ours: BTreeSet::new(),
            given: RefCell::default(),
        };
        if hide.persons {
            let agents = summary.symptoms.values().flat_map(|s| s.user_agents.iter());
            redactor.agents = longest_first(agents.map(|(text, _)| utf8(text).into_owned()));
            let hosts = summary.upstreams.values().flat_map(|u| u.hosts().map(|(name, _)| name));
            let addresses = hosts.chain(summary.listeners.keys());
            redactor.ours = addresses.map(|a| bare(&utf8(a)).to_owned()).collect();
        }
        if hide.authorities {
            let names = summary.authorities.keys().map(|text| utf8(text).into_owned());
            redactor.authorities = longest_first(names);
        }
        redactor
    }

    /// `client-1`, `client-2`, … in the order in which they were asked for.
    fn pseudonym(&self, kind: &'static str, value: &str) -> String {
        let mut given = self.given.borrow_mut();
        let mine = given.entry(kind).or_default();
        let next = mine.len() + 1;
        let number = *mine.entry(value.to_owned()).or_insert(next);
        format!("{kind}-{number}")
    }

    /// A client's address.
    pub(super) fn client(&self, address: &[u8]) -> String {
        let text = utf8(address);
        match self.hide.persons {
            true => self.pseudonym("client", bare(&text)),
            false => text.into_owned(),
        }
    }

    /// An authority.
    pub(super) fn authority(&self, name: &[u8]) -> String {
        let text = utf8(name);
        match self.hide.authorities {
            true => self.pseudonym("authority", &text),
            false => text.into_owned(),
        }
    }

    /// A path, or method and path.
    pub(super) fn path(&self, path: &[u8]) -> String {
        self.text(&utf8(path), None)
    }

    /// A whole line. The request id stays: it is what finds the request again.
    pub(super) fn exemplar(&self, exemplar: &Exemplar) -> String {
        let id = exemplar.request_id.as_deref().map(|id| utf8(id).into_owned());
        self.text(&utf8(&exemplar.raw), id.as_deref())
    }

    /// Any text that may quote the log.
    pub(super) fn prose(&self, text: &str) -> String {
        self.text(text, None)
    }

    fn text(&self, text: &str, keep: Option<&str>) -> String {
        let mut out = text.to_owned();
        if self.hide.authorities {
            out = self.named(out, "authority", &self.authorities);
        }
        if self.hide.persons {
            out = self.named(out, "agent", &self.agents);
        }
        if self.hide.secrets || self.hide.persons {
            out = self.queries(&out);
            out = self.words(&out, keep);
        }
        out
    }

    fn named(&self, mut text: String, kind: &'static str, names: &[String]) -> String {
        for name in names.iter().filter(|name| name.len() > 2) {
            if text.contains(name.as_str()) {
                text = text.replace(name.as_str(), &self.pseudonym(kind, name));
            }
        }
        text
    }

    /// Values of `?key=value&key=value`.
    fn queries(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(['?', '&', ';', '#']).or_else(|| rest.find("\\u0026")) {
            let mark = if rest[at..].starts_with('\\') { 6 } else { 1 };
            let (head, tail) = rest.split_at(at + mark);
            out.push_str(head);
            rest = tail;
            let end = tail.find(|c: char| ends_value(c) || c == '\\').unwrap_or(tail.len());
            let Some((key, value)) = tail[..end].split_once('=') else { continue };
            if !value.is_empty() && !key.is_empty() && (self.hide.persons || is_secret(key)) {
                out.push_str(key);
                out.push('=');
                out.push_str(&self.pseudonym("redacted", value));
                rest = &tail[end..];
            }
        }
        out.push_str(rest);
        out
    }

    /// Words that are secrets by themselves; addresses and long ids when persons are to be hidden.
    fn words(&self, text: &str, keep: Option<&str>) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        let mut scheme = false;
        while let Some(c) = rest.chars().next() {
            let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
            if end == 0 {
                scheme &= matches!(c, ' ' | '+' | '%');
                out.push(c);
                rest = &rest[c.len_utf8()..];
                continue;
            }
            let (word, tail) = rest.split_at(end);
            rest = tail;
            let kept = keep.is_some_and(|id| !id.is_empty() && (id.contains(word) || word.contains(id)));
            if (is_jwt(word) || (scheme && word.len() >= 8)) && !kept {
                out.push_str(&self.pseudonym("redacted", word));
            } else if self.hide.persons && !kept {
                out.push_str(&self.person(word));
            } else {
                out.push_str(word);
            }
            scheme = matches!(word.to_ascii_lowercase().as_str(), "bearer" | "basic");
        }
        out
    }

    fn person(&self, word: &str) -> String {
        let address = bare(word);
        if is_address(address) && !self.ours.contains(address) {
            return format!("{}{}", self.pseudonym("client", address), &word[address.len()..]);
        }
        if is_long_id(word) { self.pseudonym("id", word) } else { word.to_owned() }
    }
}

fn longest_first(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut out: Vec<String> = names.collect::<BTreeSet<_>>().into_iter().collect();
    out.arrange_by_key(|name| std::cmp::Reverse(name.len()));
    out
}

/// An address without its port.
fn bare(address: &str) -> &str {
    match address.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') && port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => address,
    }
}

fn is_address(word: &str) -> bool {
    word.parse::<std::net::IpAddr>().is_ok()
}

fn ends_value(c: char) -> bool {
    c.is_whitespace() || matches!(c, '&' | ';' | '#' | '"' | '\'' | '<' | '>' | ',' | '}' | '|')
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':')
}

fn is_jwt(word: &str) -> bool {
    word.len() >= 20 && word.trim_start_matches(':').starts_with("eyJ") && word.contains('.')
}

/// Ids of persons, orders, sessions: letters and digits mixed at length, or many digits; `rs-7d9f` stays.
fn is_long_id(word: &str) -> bool {
    if word.contains([':', '.']) {
        return false;
    }
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let letters = word.bytes().filter(u8::is_ascii_alphabetic).count();
    (letters == 0 && digits >= 8) || (digits >= 4 && letters >= 4 && word.len() >= 16)
}

/// Whether a parameter's name says that its value is nobody's business.
fn is_secret(key: &str) -> bool {
    const PARTS: [&str; 12] = [
        "token",
        "secret",
        "password",
        "passwd",
        "apikey",
        "accesskey",
        "signature",
        "credential",
        "session",
        "jwt",
        "authorization",
        "assertion",
    ];
    const WHOLE: [&str; 13] =
        ["key", "sig", "sid", "code", "otp", "pass", "pwd", "pw", "pin", "ticket", "auth", "oauth", "saml"];
    let key: String =
        key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    PARTS.iter().any(|part| key.contains(part)) || WHOLE.contains(&key.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn redactor(persons: bool) -> Redactor {
        Redactor::of(Hide { secrets: true, persons, authorities: false }, &Summary::default())
    }

    #[test]
    fn secrets_go_and_the_rest_stays() {
        let r = redactor(false);
        assert_eq!(
            r.prose("GET /a?access_token=abc&page=2&api_key=x HTTP/1.1"),
            "GET /a?access_token=redacted-1&page=2&api_key=redacted-2 HTTP/1.1"
        );
        assert_eq!(r.prose("/b?token=abc"), "/b?token=redacted-1", "the same value, the same name");
        assert_eq!(r.prose(r"/a?x=1\u0026token=q\u0026y=2"), r"/a?x=1\u0026token=redacted-3\u0026y=2");
        assert!(!r.prose("x eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx.c2ln y").contains("eyJ"));
        assert_eq!(r.prose("Bearer abcdefgh12345"), "Bearer redacted-5");
        let line = "\"GET /a/1f0c7b44a9d04c2e?author=me HTTP/1.1\" 503 UF \"10.0.0.1:80\"";
        assert_eq!(r.prose(line), line);
    }

    #[test]
    fn persons_get_one_pseudonym_each() {
        let r = redactor(true);
        assert_eq!(r.client(b"10.0.0.7:1234"), "client-1");
        assert_eq!(
            r.prose("\"GET /u/1f0c7b44a9d04c2e?q=mail HTTP/1.1\" 10.0.0.7:99 10.0.0.8"),
            "\"GET /u/id-1?q=redacted-1 HTTP/1.1\" client-1:99 client-2"
        );
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "\\PC{0,80}") {
            let r = redactor(true);
            prop_assert_eq!(r.prose(&text), r.prose(&text));
        }
    }
}
