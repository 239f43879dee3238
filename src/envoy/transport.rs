//! Transport failure reasons (`%UPSTREAM_TRANSPORT_FAILURE_REASON%`): why a connection did not come up.
//!
//! The text is a mixture: errno as a number or in words, BoringSSL's or OpenSSL's error lists with numbers and names,
//! Envoy's own sentences, with blanks in old versions and `_` in new ones. `transport.toml` lists the telling parts,
//! the most exact first; whole families have one row.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::words::Lang;

/// Who raised a failure: it decides on which side to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RaisedBy {
    /// This proxy or its host.
    Us,
    /// The other end of the connection.
    Peer,
    /// Something between the two, or nobody answered.
    Network,
    /// The text does not tell.
    Either,
}

impl RaisedBy {
    /// In words.
    pub fn name(self, lang: Lang) -> &'static str {
        match self {
            RaisedBy::Us => lang.pick("us", "本端"),
            RaisedBy::Peer => lang.pick("the peer", "对端"),
            RaisedBy::Network => lang.pick("the network", "网络"),
            RaisedBy::Either => lang.pick("either side", "任意一端"),
        }
    }
}

/// One telling part of a transport failure reason.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransportRow {
    /// What the failure is called.
    pub name: String,
    /// Texts of which one is in the reason; lower case, blanks as `_`, `*` for any text.
    #[serde(default)]
    pub parts: Vec<String>,
    /// Error numbers of the TLS library.
    #[serde(default)]
    pub numbers: Vec<u64>,
    /// Linux error number.
    #[serde(default)]
    pub errno: Option<u64>,
    /// Who raised it.
    pub by: RaisedBy,
    /// What it means, in a sentence without a capital and a full stop.
    pub meaning: String,
    /// The same in Chinese.
    pub zh: String,
}

impl TransportRow {
    fn fits(&self, reason: &Reason) -> bool {
        self.parts.iter().any(|part| holds(&reason.text, part))
            || self.numbers.iter().any(|n| reason.numbers.contains(n))
            || self.errno.is_some_and(|n| reason.errnos.contains(&n))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    row: Vec<TransportRow>,
}

/// All rows, in the order in which they are tried.
pub fn rows() -> &'static [TransportRow] {
    static ROWS: OnceLock<Vec<TransportRow>> = OnceLock::new();
    // A slip in the table is found by the tests below; a program without rows still reads logs.
    ROWS.get_or_init(|| {
        toml::from_str::<Table>(include_str!("transport.toml")).map(|t| t.row).unwrap_or_default()
    })
}

/// The most exact row that fits a transport failure reason.
pub fn explain(text: &str) -> Option<&'static TransportRow> {
    let reason = Reason::of(text);
    rows().iter().find(|row| row.fits(&reason))
}

/// A reason made ready for comparing.
struct Reason {
    text: String,
    /// Numbers large enough to be a TLS library's.
    numbers: Vec<u64>,
    /// Numbers right behind the words that announce an errno.
    errnos: Vec<u64>,
}

/// The smallest number with a library in its upper byte. Anything below is a port, a length, an errno.
const FIRST_LIBRARY: u64 = 1 << 24;

impl Reason {
    fn of(text: &str) -> Reason {
        let text: String = text
            .chars()
            .map(|c| if c.is_ascii_whitespace() { '_' } else { c.to_ascii_lowercase() })
            .collect();
        let numbers = text
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|digits| digits.parse().ok())
            .filter(|n| *n >= FIRST_LIBRARY)
            .collect();
        let errnos = ["connect_error:_", "connect_error:", "os_error_"]
            .into_iter()
            .flat_map(|announced| text.match_indices(announced).map(|(at, word)| at + word.len()))
            .filter_map(|at| {
                let rest = text.get(at..)?;
                rest[..rest.bytes().take_while(u8::is_ascii_digit).count()].parse().ok()
            })
            .collect();
        Reason { text, numbers, errnos }
    }
}

/// True when `part` is somewhere in `text`; its pieces between `*` must follow one another.
fn holds(mut text: &str, part: &str) -> bool {
    for piece in part.split('*') {
        match text.find(piece).and_then(|at| text.get(at + piece.len()..)) {
            Some(rest) => text = rest,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Option<&'static str> {
        explain(text).map(|row| row.name.as_str())
    }

    #[test]
    fn the_table_is_sound() {
        toml::from_str::<Table>(include_str!("transport.toml")).expect("transport.toml");
        let mut names = std::collections::HashSet::new();
        let mut numbers = std::collections::HashSet::new();
        for row in rows() {
            assert!(names.insert(&row.name), "{} stands there twice", row.name);
            assert!(!row.meaning.is_empty() && !row.meaning.ends_with('.'), "{}", row.name);
            assert!(!row.parts.is_empty(), "{}", row.name);
            for part in &row.parts {
                assert!(!part.is_empty() && *part == part.to_lowercase() && !part.contains(' '), "{part}");
            }
            for number in row.numbers.iter().copied().chain(row.errno) {
                assert!(numbers.insert(number), "{number} stands there twice");
            }
        }
    }

    #[test]
    fn no_row_hides_behind_an_earlier_one() {
        for row in rows() {
            for part in &row.parts {
                let found = name(&part.replace('*', "x")).unwrap();
                assert_eq!(found, row.name, "{part}");
            }
            for number in &row.numbers {
                assert_eq!(name(&format!("TLS_error:_{number}:SSL_routines")), Some(&*row.name), "{number}");
            }
        }
    }

    #[test]
    fn every_era_is_read() {
        for text in [
            "delayed connect error: 111",
            "delayed_connect_error:_111",
            "delayed_connect_error:_Connection_refused",
            "immediate_connect_error:_Connection_refused|remote_address:10.1.2.3:80",
            "connection failed: Connection refused (os error 111)",
        ] {
            assert_eq!(name(text), Some("ECONNREFUSED"), "{text}");
        }
        for text in [
            "TLS error: 268435703:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER",
            "TLS_error:|268435703:SSL_routines:OPENSSL_internal:WRONG_VERSION_NUMBER:TLS_error_end",
            "TLS_error:_167772427:SSL_routines:OPENSSL_internal:wrong_version_number",
            "268435703",
        ] {
            assert_eq!(name(text), Some("WRONG_VERSION_NUMBER"), "{text}");
        }
        assert_eq!(name("TLS_error:_Secret_is_not_supplied_by_SDS"), Some("Secret is not supplied by SDS"));
    }

    #[test]
    fn the_exact_text_comes_before_the_name() {
        let failed = "TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED";
        assert_eq!(name(&format!("{failed}:TLS_error_end")), Some("CERTIFICATE_VERIFY_FAILED"));
        assert_eq!(
            name(&format!("{failed}:verify_cert_failed:_verify_SAN_list,_expected_SANs:_[a]:TLS_error_end")),
            Some("SAN mismatch")
        );
        assert_eq!(
            name(&format!(
                "{failed}:X509_verify_cert:_certificate_verification_error_at_depth_0:_certificate_has_expired:TLS_error_end"
            )),
            Some("certificate has expired")
        );
    }

    #[test]
    fn alerts_are_the_peers() {
        for (text, expected) in [
            ("TLSV1_ALERT_UNKNOWN_CA", "ALERT_UNKNOWN_CA"),
            ("TLSV1_CERTIFICATE_REQUIRED", "ALERT_CERTIFICATE_REQUIRED"),
            ("SSLV3_ALERT_CERTIFICATE_EXPIRED", "ALERT_CERTIFICATE_EXPIRED"),
            ("sslv3_alert_bad_certificate", "ALERT_BAD_CERTIFICATE"),
            ("TLSV1_ALERT_EXPORT_RESTRICTION", "TLS alert"),
        ] {
            let row =
                explain(&format!("TLS_error:|1:SSL_routines:OPENSSL_internal:{text}:TLS_error_end")).unwrap();
            assert_eq!((row.name.as_str(), row.by), (expected, RaisedBy::Peer), "{text}");
        }
    }

    #[test]
    fn families_catch_the_rest() {
        assert_eq!(
            name("TLS_error:_268435596:SSL_routines:OPENSSL_internal:DH_P_TOO_LONG"),
            Some("TLS error")
        );
        assert_eq!(name("delayed_connect_error:_4711"), Some("connect error"));
        assert_eq!(name("immediate_connect_error:_11"), Some("connect error"));
        assert_eq!(name("-"), None);
        assert_eq!(name(""), None);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_taken(text in ".*", tail in ".*") {
            let _ = explain(&text);
            let _ = explain(&format!("delayed_connect_error:_{text}os error {tail}"));
        }
    }
}
