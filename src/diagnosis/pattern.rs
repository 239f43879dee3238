//! Conditions on a group of records that failed alike.

use serde::{Deserialize, Deserializer, de};

use super::case::Case;
use crate::aggregate::{Counter, ProxyLog, Sni, Text};
use crate::envoy::{Cluster, FlagSet};
use crate::record::Kind;

/// One pattern of a page. All conditions that are given must hold; in a list, one is enough.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct When {
    flags: Vec<Flag>,
    only_flags: Option<Vec<Flag>>,
    no_flags: bool,
    codes: Vec<Codes>,
    details: Vec<String>,
    transport: Vec<String>,
    termination: Vec<String>,
    kind: Vec<KindName>,
    direction: Vec<DirectionName>,
    cluster: Vec<String>,
    service: Vec<String>,
    namespace: Vec<String>,
    authority: Vec<String>,
    path: Vec<String>,
    pod: Vec<String>,
    route: Vec<String>,
    protocol: Vec<String>,
    outcome: Vec<String>,
    host: Option<bool>,
    local_address: Option<bool>,
    sni: Option<SniName>,
    bytes_sent: Vec<u64>,
    #[serde(deserialize_with = "fraction")]
    min_share: Option<f64>,
    #[serde(deserialize_with = "super::page::signals")]
    signals: Vec<String>,
    #[serde(deserialize_with = "super::page::signals")]
    not_signals: Vec<String>,
    /// Signals of the proxy's own log lines; such a pattern has no other condition.
    pub(super) proxy_log: Vec<ProxySignalName>,
    /// How sure this pattern alone makes us, 0 to 1.
    #[serde(deserialize_with = "weight")]
    pub weight: f64,
    /// The evidence in words.
    pub says: Option<String>,
}

/// Neither impossible nor certain: the odds of both have no end.
fn weight<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    let weight = f64::deserialize(from)?;
    match weight > 0.0 && weight < 1.0 {
        true => Ok(weight),
        false => Err(de::Error::custom("a weight lies between 0 and 1")),
    }
}

fn fraction<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    let share = f64::deserialize(from)?;
    match (0.0..=1.0).contains(&share) {
        true => Ok(Some(share)),
        false => Err(de::Error::custom("a share lies between 0 and 1")),
    }
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct Flag(FlagSet);

impl TryFrom<String> for Flag {
    type Error = String;
    fn try_from(name: String) -> Result<Flag, String> {
        FlagSet::of(&name).map(Flag).ok_or_else(|| format!("no response flag is called {name}"))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum KindName {
    Http,
    Tcp,
    Ztunnel,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum DirectionName {
    Inbound,
    Outbound,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SniName {
    Absent,
    Same,
    Other,
}

/// Names of the signals in the proxy's own log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ProxySignalName {
    Crash,
    AssertFailure,
    TooManyOpenFiles,
    XdsClosed,
    ConfigRejected,
    SecretMissing,
    CertificateExpired,
    Warming,
    Draining,
    Overload,
}

/// `"503"` or `"5xx"`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct Codes {
    low: u16,
    high: u16,
}

impl TryFrom<String> for Codes {
    type Error = String;
    fn try_from(text: String) -> Result<Codes, String> {
        if let Some(class) = text.strip_suffix("xx").and_then(|c| c.parse::<u16>().ok()).filter(|c| *c < 10) {
            return Ok(Codes { low: class * 100, high: class * 100 + 99 });
        }
        let code = text.parse().map_err(|_| format!("{text} is no status code"))?;
        Ok(Codes { low: code, high: code })
    }
}

/// Flags that only accompany another one.
const COMPANIONS: FlagSet = FlagSet::known(&["URX", "DI"]);

impl When {
    /// True when it speaks of the proxy's own lines.
    pub fn is_about_proxy_log(&self) -> bool {
        !self.proxy_log.is_empty()
    }

    /// True when one of its signals stands in the proxy's own log.
    pub fn told_by(&self, log: &ProxyLog) -> bool {
        self.proxy_log.iter().any(|name| log.notes.contains_key(&super::catalog::signal_of(*name)))
    }

    /// True when the pattern is about one of these flags (companions only where it names them).
    pub fn names_flags(&self, flags: FlagSet) -> bool {
        let any = listed(&self.flags);
        let only = self.only_flags.as_deref().map_or(FlagSet::EMPTY, listed);
        let asked = if flags.without(COMPANIONS).is_empty() { flags } else { flags.without(COMPANIONS) };
        asked.intersects(any.with(only))
    }

    /// The glob on details, transport reason or termination that a text fits, and the pattern's weight. Globs that fit
    /// any text do not count.
    pub fn fits_text(&self, text: &[u8]) -> Option<(&str, f64)> {
        [&self.details, &self.transport, &self.termination]
            .into_iter()
            .flatten()
            .find(|glob| glob.len() > 2 && glob_matches(glob.as_bytes(), text))
            .map(|glob| (glob.as_str(), self.weight))
    }

    /// What in a line tells this pattern from others with the same flag.
    pub fn telling_text(&self) -> Option<String> {
        let globs =
            if self.transport.iter().any(|g| g != "-" && g != "*") { &self.transport } else { &self.details };
        let shown: Vec<&str> =
            globs.iter().map(String::as_str).filter(|g| *g != "-" && *g != "*").take(3).collect();
        (!shown.is_empty()).then(|| shown.join(" | "))
    }

    /// True when the group fits.
    pub fn matches(&self, case: &Case<'_>) -> bool {
        let key = case.key;
        !self.is_about_proxy_log()
            && self.flags_fit(key.flags)
            && (self.codes.is_empty() || self.codes.iter().any(|c| (c.low..=c.high).contains(&key.code)))
            && fits(&self.details, key.details.as_ref())
            && fits(&self.transport, key.transport.as_ref())
            && fits(&self.termination, key.termination.as_ref())
            && fits(&self.cluster, key.upstream.as_ref())
            && self.place_fits(case)
            && fits(&self.route, key.route.as_ref())
            && fits(&self.protocol, key.protocol.as_ref())
            && among(
                &self.kind,
                match key.kind {
                    Kind::Http => KindName::Http,
                    Kind::Tcp => KindName::Tcp,
                    Kind::Ztunnel => KindName::Ztunnel,
                },
            )
            && among(
                &self.direction,
                match key.direction {
                    Some(crate::envoy::Direction::Inbound) => DirectionName::Inbound,
                    Some(crate::envoy::Direction::Outbound) => DirectionName::Outbound,
                    None => DirectionName::None,
                },
            )
            && (self.outcome.is_empty() || self.outcome.iter().any(|o| o == key.outcome.name()))
            && self.host.is_none_or(|host| key.host == Some(host))
            && self.local_address.is_none_or(|local| key.local_address == Some(local))
            && self.sni.is_none_or(|sni| {
                sni == match key.sni {
                    Sni::Absent => SniName::Absent,
                    Sni::Same => SniName::Same,
                    Sni::Other => SniName::Other,
                }
            })
            && self.sizes_fit(case)
            && self.min_share.is_none_or(|least| case.share() >= least)
            && self.signals.iter().all(|name| case.signal(name))
            && !self.not_signals.iter().any(|name| case.signal(name))
    }

    /// Whose requests they are: what the cluster's name tells, and what most of the group have in common.
    fn place_fits(&self, case: &Case<'_>) -> bool {
        let part = |globs: &[String], of: fn(&Cluster<'_>) -> Option<Vec<u8>>| {
            globs.is_empty()
                || case
                    .key
                    .upstream
                    .as_ref()
                    .and_then(|name| of(&Cluster::parse(name)))
                    .is_some_and(|value| globs.iter().any(|glob| glob_matches(glob.as_bytes(), &value)))
        };
        let mostly = |globs: &[String], values: &Counter<Text>| {
            let fit = |value: &[u8]| globs.iter().any(|glob| glob_matches(glob.as_bytes(), value));
            let hits: u64 = values.iter().filter(|(value, _)| fit(value)).map(|(_, n)| n).sum();
            globs.is_empty() || hits * 2 > values.total() - values.other()
        };
        part(&self.service, |cluster| cluster.service.map(<[u8]>::to_vec))
            && part(&self.namespace, |cluster| cluster.namespace.map(<[u8]>::to_vec))
            && mostly(&self.authority, &case.symptom.authorities)
            && mostly(&self.path, &case.symptom.paths)
            && mostly(&self.pod, &case.symptom.pods)
    }

    fn flags_fit(&self, flags: FlagSet) -> bool {
        let any = listed(&self.flags);
        let speaking = if any.intersects(COMPANIONS) { flags } else { flags.without(COMPANIONS) };
        (self.flags.is_empty() || speaking.intersects(any))
            && self.only_flags.as_ref().is_none_or(|only| flags == listed(only))
            && (!self.no_flags || flags.is_empty())
    }

    fn sizes_fit(&self, case: &Case<'_>) -> bool {
        if self.bytes_sent.is_empty() {
            return true;
        }
        let hits: u64 = case
            .symptom
            .bytes_sent
            .iter()
            .filter(|(size, _)| self.bytes_sent.contains(&size.0))
            .map(|(_, n)| n)
            .sum();
        hits * 2 > case.symptom.count
    }
}

fn among<T: PartialEq>(list: &[T], value: T) -> bool {
    list.is_empty() || list.contains(&value)
}

fn listed(list: &[Flag]) -> FlagSet {
    list.iter().fold(FlagSet::EMPTY, |set, flag| set.with(flag.0))
}

fn fits(globs: &[String], value: Option<&Text>) -> bool {
    // Only `-` itself stands for a missing value: `*` asks for one.
    globs.is_empty()
        || globs.iter().any(|glob| match value {
            Some(value) => glob_matches(glob.as_bytes(), value),
            None => glob == "-",
        })
}

/// `*` stands for any text, also none; everything else for itself. Linear in practice: one backtrack point.
pub fn glob_matches(glob: &[u8], text: &[u8]) -> bool {
    let (mut g, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        if glob.get(g) == Some(&b'*') {
            retry = Some((g, t));
            g += 1;
        } else if glob.get(g) == Some(&text[t]) {
            (g, t) = (g + 1, t + 1);
        } else if let Some((star, from)) = retry {
            retry = Some((star, from + 1));
            (g, t) = (star + 1, from + 1);
        } else {
            return false;
        }
    }
    glob[g..].iter().all(|&b| b == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (glob, text, fits) in [
            ("a*c", "abc", true),
            ("a*c", "ac", true),
            ("*x*", "axb", true),
            ("a", "ab", false),
            ("*", "", true),
            ("-", "-", true),
            ("*ab", "aab", true),
            ("", "", true),
        ] {
            assert_eq!(glob_matches(glob.as_bytes(), text.as_bytes()), fits, "{glob} {text}");
        }
    }
}
