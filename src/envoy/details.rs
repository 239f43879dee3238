//! Response-code details (`%RESPONSE_CODE_DETAILS%`): the word or two that say what ended a request.
//!
//! The rows live in `details.toml`, because people read them and no code names them. Three lists: whole values, the
//! reasons inside the braces of an upstream reset, and the reasons for which this proxy closes a connection. Filters
//! may write any text of their own, so a value without a row is nothing unusual.

use std::sync::OnceLock;

use serde::Deserialize;

/// What a row speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// A whole value of the field.
    #[default]
    Detail,
    /// A reason inside the braces of `upstream_reset_before_response_started{…}` and its sister.
    Reset,
    /// A reason inside the parentheses of `downstream_local_disconnect(…)`, or in the termination details.
    Close,
}

/// One value, or all values with one beginning.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetailRow {
    /// The value; where it ends in `*`, what the value begins with.
    #[serde(rename = "match")]
    pub pattern: String,
    /// Which of the three lists it is from.
    #[serde(skip)]
    pub kind: Kind,
    /// Short names of the response flags that usually come with it.
    pub flags: Vec<String>,
    /// The usual status, in words where it varies; empty when it tells nothing.
    pub code: String,
    /// The status in Chinese, where it is said in words.
    #[serde(default)]
    pub code_zh: Option<String>,
    /// Which part of the proxy wrote it.
    pub by: String,
    /// First Envoy version that has it, with `~` where that is not exactly known; empty when unknown.
    pub since: String,
    /// What it means, in a sentence without a capital and a full stop.
    pub meaning: String,
    /// The same in Chinese.
    pub zh: String,
}

impl DetailRow {
    /// The usual status for a Chinese reader.
    pub fn code_in_chinese(&self) -> &str {
        self.code_zh.as_deref().unwrap_or(&self.code)
    }

    /// How much of `text` the row fits: `None` not at all, more for a longer match, and most for the very value.
    fn fit(&self, text: &str) -> Option<usize> {
        match self.pattern.strip_suffix('*') {
            Some(start) => text.starts_with(start).then_some(start.len()),
            None => (text == self.pattern).then_some(usize::MAX),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    detail: Vec<DetailRow>,
    reset: Vec<DetailRow>,
    close: Vec<DetailRow>,
}

/// All rows: details, then reset reasons, then close reasons.
pub fn rows() -> &'static [DetailRow] {
    static ROWS: OnceLock<Vec<DetailRow>> = OnceLock::new();
    ROWS.get_or_init(|| {
        // A slip in the table is found by the tests below; a program without rows still reads logs.
        let Ok(table) = toml::from_str::<Table>(include_str!("details.toml")) else { return Vec::new() };
        let named = |kind, rows: Vec<DetailRow>| rows.into_iter().map(move |row| DetailRow { kind, ..row });
        named(Kind::Detail, table.detail)
            .chain(named(Kind::Reset, table.reset))
            .chain(named(Kind::Close, table.close))
            .collect()
    })
}

/// The row that fits a value best: the very value before a beginning, a longer beginning before a shorter one, a
/// whole value before a reason that stands inside one.
pub fn explain(details: &str) -> Option<&'static DetailRow> {
    [Kind::Detail, Kind::Reset, Kind::Close].into_iter().find_map(|kind| best(kind, details))
}

/// The row of the reason inside `upstream_reset_…{REASON…}` or `downstream_local_disconnect(REASON)`.
pub fn explain_reason(details: &str) -> Option<&'static DetailRow> {
    if let Some((reason, _)) = split_reset(details.as_bytes()) {
        return best(Kind::Reset, std::str::from_utf8(reason).ok()?);
    }
    best(Kind::Close, details.strip_prefix("downstream_local_disconnect(")?.trim_end_matches(')'))
}

fn best(kind: Kind, text: &str) -> Option<&'static DetailRow> {
    rows()
        .iter()
        .filter(|row| row.kind == kind)
        .filter_map(|row| Some((row.fit(text)?, row)))
        .max_by_key(|(fit, _)| *fit)
        .map(|(_, row)| row)
}

/// Takes `upstream_reset_{before,after}_response_started{REASON|TRANSPORT}` apart: the reason, and the transport
/// failure behind it. A comma separates them up to Envoy 1.30, a bar since 1.31. No reason holds either, a transport
/// failure may hold both and braces as well, so the first separator and the last brace count. A value that was cut
/// off before its last brace is read to its end.
pub fn split_reset(details: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let rest = details.strip_prefix(b"upstream_reset_")?;
    let rest = rest.strip_prefix(b"before").or_else(|| rest.strip_prefix(b"after"))?;
    let rest = rest.strip_prefix(b"_response_started{")?;
    let inside = memchr::memrchr(b'}', rest).and_then(|end| rest.get(..end)).unwrap_or(rest);
    match memchr::memchr2(b',', b'|', inside).and_then(|at| inside.split_at_checked(at)) {
        Some((reason, transport)) => Some((reason, transport.get(1..).filter(|t| !t.is_empty()))),
        None => Some((inside, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envoy::FlagSet;

    #[test]
    fn the_table_is_sound() {
        toml::from_str::<Table>(include_str!("details.toml")).expect("details.toml");
        let mut seen = std::collections::HashSet::new();
        for row in rows() {
            assert!(seen.insert((&row.pattern, row.kind as u8)), "{} stands there twice", row.pattern);
            assert!(!row.pattern.contains(' ') && !row.pattern.is_empty(), "{}", row.pattern);
            assert!(!row.meaning.is_empty() && !row.meaning.ends_with('.'), "{}", row.pattern);
            assert!(!row.by.is_empty(), "{}", row.pattern);
            for flag in &row.flags {
                assert!(FlagSet::of(flag).is_some(), "{}: no flag is called {flag}", row.pattern);
            }
        }
        for kind in [Kind::Detail, Kind::Reset, Kind::Close] {
            assert!(rows().iter().any(|row| row.kind == kind));
        }
    }

    #[test]
    fn every_row_explains_itself() {
        for row in rows() {
            let text = row.pattern.replace('*', "x");
            let found = explain(&text).unwrap();
            assert_eq!((&found.pattern, found.kind), (&row.pattern, row.kind));
        }
    }

    #[test]
    fn the_longest_match_counts() {
        let pattern = |text| explain(text).map(|row| row.pattern.as_str());
        assert_eq!(pattern("via_upstream"), Some("via_upstream"));
        assert_eq!(
            pattern("rbac_access_denied_matched_policy[none]"),
            Some("rbac_access_denied_matched_policy[*")
        );
        assert_eq!(pattern("rbac_access_denied"), Some("rbac_access_denied"));
        assert_eq!(
            pattern("jwt_authn_access_denied{Jwt_is_expired}"),
            Some("jwt_authn_access_denied{Jwt_is_expired}")
        );
        assert_eq!(pattern("jwt_authn_access_denied{new reason}"), Some("jwt_authn_access_denied{*"));
        assert_eq!(pattern("overflow"), Some("overflow"));
        assert_eq!(pattern("on_idle_timeout"), Some("on_idle_timeout"));
        assert_eq!(pattern("something a script wrote"), None);
        assert_eq!(pattern(""), None);
    }

    #[test]
    fn reasons_inside_are_found() {
        let reason = |text| explain_reason(text).map(|row| row.pattern.as_str());
        assert_eq!(
            reason(
                "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_111}"
            ),
            Some("remote_connection_failure")
        );
        assert_eq!(
            reason("downstream_local_disconnect(filter_chain_is_being_removed)"),
            Some("filter_chain_is_being_removed")
        );
        assert_eq!(reason("via_upstream"), None);
        assert_eq!(reason("upstream_reset_before_response_started{never heard of}"), None);
    }

    #[test]
    fn resets_are_split_in_every_era() {
        let split = |text: &'static str| {
            let (reason, transport) = split_reset(text.as_bytes())?;
            let utf8 = |bytes| std::str::from_utf8(bytes).unwrap();
            Some((utf8(reason), transport.map(utf8)))
        };
        let before = "upstream_reset_before_response_started{connection_termination}";
        assert_eq!(split(before), Some(("connection_termination", None)));
        assert_eq!(
            split(
                "upstream_reset_before_response_started{connection_failure,TLS_error:_268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED}"
            ),
            Some((
                "connection_failure",
                Some("TLS_error:_268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED")
            ))
        );
        assert_eq!(
            split(
                "upstream_reset_after_response_started{remote_connection_failure|TLS_error:|1:a,{b}|2:c:TLS_error_end}"
            ),
            Some(("remote_connection_failure", Some("TLS_error:|1:a,{b}|2:c:TLS_error_end")))
        );
        assert_eq!(
            split("upstream_reset_before_response_started{HTTP/1_premature_upstream_half_close}"),
            Some(("HTTP/1_premature_upstream_half_close", None))
        );
        assert_eq!(
            split("upstream_reset_before_response_started{remote_connection_failure|delayed_conn"),
            Some(("remote_connection_failure", Some("delayed_conn")))
        );
        assert_eq!(split("upstream_reset_before_response_started{overflow|}"), Some(("overflow", None)));
        assert_eq!(split("upstream_reset_before_response_started{}"), Some(("", None)));
        assert_eq!(split("upstream_reset_before_response_started"), None);
        assert_eq!(split("via_upstream"), None);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_taken(text in ".*", bytes: Vec<u8>) {
            let _ = (explain(&text), explain_reason(&text), split_reset(&bytes));
            let wrapped = format!("upstream_reset_before_response_started{{{text}}}");
            let (reason, transport) = split_reset(wrapped.as_bytes()).unwrap();
            proptest::prop_assert!(reason.len() + transport.map_or(0, <[u8]>::len) <= text.len());
        }
    }
}
