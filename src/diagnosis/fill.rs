//! Fills the names of a finding into its page's texts, commands and resources.
//!
//! The names come from a log, and so from strangers: what goes into a command is quoted for the shell unless it is
//! harmless, and what goes into a resource is quoted for YAML.

use super::case::Case;
use super::finding::Remedy;
use super::page::Advice;
use crate::aggregate::without_port;
use crate::envoy::Cluster;
use crate::words::Lang;

/// The names of one finding.
pub struct Names(Vec<(&'static str, String)>);

#[derive(Clone, Copy)]
enum Into {
    Prose,
    Shell,
    Yaml,
}

impl Names {
    /// No names: placeholders stay as `<name>`.
    pub fn none() -> Names {
        Names(Vec::new())
    }

    /// The names around a group of records.
    pub fn of(case: &Case<'_>) -> Names {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut names = Vec::new();
        let mut put = |name, value: Option<String>| {
            names.extend(value.filter(|v| !v.is_empty()).map(|value| (name, value)));
        };
        let cluster = case.key.upstream.as_ref().map(|name| Cluster::parse(name));
        // Inbound clusters name no service, but the SNI of in-mesh mutual TLS does.
        let sni = case.symptom.snis.top().map(|(sni, _)| &sni[..]);
        let by_sni = sni.map(Cluster::parse).filter(|c| c.service.is_some());
        let authority = case.symptom.authorities.top().map(|(a, _)| &a[..]);
        let by_authority = authority.and_then(crate::envoy::cluster::in_mesh);
        let service = cluster
            .and_then(|c| c.service)
            .or(by_sni.and_then(|c| c.service))
            .or(by_authority.map(|(s, _)| s));
        let namespace = cluster
            .and_then(|c| c.namespace)
            .or(by_sni.and_then(|c| c.namespace))
            .or(by_authority.map(|(_, n)| n));
        put("service", service.map(text));
        put("namespace", namespace.map(text));
        put("port", cluster.and_then(|c| c.port).or(by_sni.and_then(|c| c.port)).map(|p| p.to_string()));
        put("subset", cluster.and_then(|c| c.subset).map(text));
        put("upstream", cluster.map(|c| text(c.name)));
        put("authority", authority.map(text));
        put("route", case.key.route.as_deref().map(text));
        put("path", case.symptom.paths.top().map(|(p, _)| text(p)));
        put("sni", sni.map(text));
        put("host", case.symptom.hosts.top().map(|(h, _)| text(h)));
        put("host_ip", case.symptom.hosts.top().map(|(h, _)| text(without_port(h))));
        put("pod", case.symptom.pods.top().map(|(p, _)| text(p)));
        put("listener", case.symptom.listeners.top().map(|(l, _)| text(l)));
        Names(names)
    }

    /// A page's advice with the names filled in.
    pub fn remedy(&self, advice: &Advice, lang: Lang) -> Remedy {
        let mut text = self.fill(&advice.text, Into::Prose);
        if let Some(expect) = &advice.expect {
            let expect = self.fill(expect, Into::Prose);
            text = say!(lang, "{text} (expect: {expect})", "{text}（预期：{expect}）");
        }
        Remedy {
            text,
            command: advice.command.as_deref().map(|c| self.fill(c.trim_end(), Into::Shell)),
            yaml: advice.yaml.as_deref().map(|y| self.fill(y.trim_end(), Into::Yaml)),
        }
    }

    /// Prose with the names filled in.
    pub fn prose(&self, text: &str) -> String {
        self.fill(text, Into::Prose)
    }

    fn fill(&self, mut text: &str, into: Into) -> String {
        let mut out = String::with_capacity(text.len());
        while let Some(open) = text.find('{') {
            out.push_str(&text[..open]);
            let rest = &text[open..];
            let close = rest.find('}').filter(|&end| end > 1 && PLACEHOLDERS.contains(&&rest[1..end]));
            let Some(close) = close else {
                out.push('{');
                text = &rest[1..];
                continue;
            };
            match self.0.iter().find(|(name, _)| *name == &rest[1..close]) {
                Some((_, value)) => out.push_str(&quoted(value, into)),
                None => out.push_str(&format!("<{}>", &rest[1..close])),
            }
            text = &rest[close + 1..];
        }
        out.push_str(text);
        out
    }
}

const PLACEHOLDERS: [&str; 13] = [
    "service",
    "namespace",
    "port",
    "subset",
    "upstream",
    "authority",
    "route",
    "path",
    "sni",
    "host",
    "host_ip",
    "pod",
    "listener",
];

fn quoted(value: &str, into: Into) -> String {
    let harmless = value.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:/-".contains(&b));
    match into {
        Into::Shell if !harmless => {
            let clean: String = value.chars().filter(|c| !c.is_control()).collect();
            format!("'{}'", clean.replace('\'', r"'\''"))
        }
        // JSON strings are YAML.
        Into::Yaml if !harmless => serde_json::to_string(value).unwrap_or_default(),
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_names_cannot_run() {
        let names = Names(vec![("authority", "$(reboot)'x\n".to_owned()), ("service", "reviews".to_owned())]);
        assert_eq!(
            names.fill("curl {authority} {service} {port} {other} {", Into::Shell),
            r"curl '$(reboot)'\''x' reviews <port> {other} {"
        );
        assert_eq!(names.fill("host: {authority}", Into::Yaml), r#"host: "$(reboot)'x\n""#);
    }
}
