//! Findings that the user knows already: they are counted and named, but not told in full, until a date.

use serde::Deserialize;

use super::finding::{Finding, FindingScope, upstream_title};
use super::pattern::glob_matches;
use crate::record::time::parse_us;
use crate::words::Lang;

/// One row of `known.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// Glob on the cause id.
    pub id: String,
    /// Glob on a name of the scope.
    #[serde(default = "anything")]
    pub scope: String,
    /// The last day, or moment, on which it is known.
    until: Until,
    /// Why, for those who read it later.
    pub reason: Option<String>,
}

fn anything() -> String {
    "*".to_owned()
}

/// `known.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KnownFile {
    #[serde(default)]
    pub(super) known: Vec<Known>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "toml::Value")]
struct Until {
    text: String,
    /// Last microsecond.
    us: i64,
}

impl TryFrom<toml::Value> for Until {
    type Error = String;

    fn try_from(value: toml::Value) -> Result<Until, String> {
        let text = match value {
            toml::Value::String(text) => text,
            toml::Value::Datetime(time) => time.to_string(),
            _ => return Err("a date such as 2026-12-31 is expected".to_owned()),
        };
        let moment = match text.len() {
            10 => format!("{text}T23:59:59.999999Z"),
            _ => text.clone(),
        };
        // A number would be read as seconds since 1970; nobody means that here.
        let time = Some(moment).filter(|m| m.contains('-')).and_then(|m| parse_us(m.as_bytes()));
        match time {
            Some(us) => Ok(Until { text, us }),
            None => Err(format!("{text} is no date such as 2026-12-31, nor a time in RFC 3339")),
        }
    }
}

/// A finding that is not told in full.
#[derive(Debug, Clone, PartialEq)]
pub struct Suppressed {
    /// The finding.
    pub finding: Finding,
    /// How long it is known, as the user wrote it.
    pub until: String,
    /// Why, in the user's words.
    pub reason: Option<String>,
}

impl Known {
    /// True when the row is about this finding. A finding about several upstreams is known only where all of them are. Names
    /// are the English ones in any language.
    fn covers(&self, finding: &Finding) -> bool {
        let fits = |glob: &str, text: &[u8]| glob_matches(glob.as_bytes(), text);
        let named = |upstream: &[u8]| {
            fits(&self.scope, upstream) || fits(&self.scope, upstream_title(upstream, Lang::En).as_bytes())
        };
        let FindingScope { upstream, upstreams, route, authority, host, listener } = &finding.scope;
        let by_name = || {
            upstream.as_deref().is_some_and(named)
                || [route, authority, host, listener]
                    .into_iter()
                    .flatten()
                    .any(|name| fits(&self.scope, name))
        };
        fits(&self.id, finding.id.as_bytes())
            && match upstreams.len() {
                0 | 1 => by_name() || fits(&self.scope, finding.scope.title(Lang::En).as_bytes()),
                _ => upstreams.iter().all(|name| named(name)),
            }
    }

    fn expired(&self, now_us: i64) -> bool {
        now_us > self.until.us
    }
}

/// Parts findings into those to tell and those that are known, and says of which the date has passed.
pub(super) fn part(
    findings: Vec<Finding>,
    known: &[Known],
    now_us: i64,
    lang: Lang,
) -> (Vec<Finding>, Vec<Suppressed>, Vec<String>) {
    let (mut told, mut suppressed, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    for finding in findings {
        let rows = || known.iter().filter(|row| row.covers(&finding));
        // The later row stands in the folder that counts more.
        if let Some(row) = rows().rfind(|row| !row.expired(now_us)) {
            let (until, reason) = (row.until.text.clone(), row.reason.clone());
            suppressed.push(Suppressed { finding, until, reason });
            continue;
        }
        if let Some(row) = rows().next_back() {
            let reason = row.reason.as_ref().map_or(String::new(), |reason| lang.aside(reason));
            let (id, scope, until) = (&finding.id, finding.scope.title(lang), &row.until.text);
            notes.push(say!(
                lang,
                "{id} at {scope} was known until {until}{reason}; that has passed, so it is shown again",
                "{scope} 的 {id} 作为已知发现的期限 {until} 已过{reason}，因此重新显示"
            ));
        }
        told.push(finding);
    }
    (told, suppressed, notes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn until(text: &str) -> Result<Until, String> {
        Until::try_from(toml::Value::String(text.to_owned()))
    }

    #[test]
    fn a_day_ends_at_its_end() {
        let end = until("2026-12-31").unwrap().us;
        assert_eq!(Some(end + 1), parse_us(b"2027-01-01T00:00:00Z"));
        assert_eq!(Some(until("2026-12-31T10:00:00+02:00").unwrap().us), parse_us(b"2026-12-31T08:00:00Z"));
        for slip in ["", "soon", "2026-13-01", "1767225600", "31.12.2026"] {
            assert!(until(slip).is_err(), "{slip}");
        }
    }
}
