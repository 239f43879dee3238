//! What ails the user's traffic.

use crate::aggregate::{Exemplar, Span, Text};
use crate::words::Lang;

/// How much a finding matters. Ordered: the worst is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Somebody should look.
    Warning,
    /// Users feel it now.
    Critical,
}

impl Severity {
    /// `note`, `warning`, `critical`.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }

    /// For people.
    pub fn word(self, lang: Lang) -> &'static str {
        match self {
            Severity::Note => lang.pick("note", "提示"),
            Severity::Warning => lang.pick("warning", "警告"),
            Severity::Critical => lang.pick("critical", "严重"),
        }
    }
}

/// What a finding is about. Bytes as logged: every output escapes them in its own way.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct FindingScope {
    /// Upstream cluster as logged.
    pub upstream: Option<Text>,
    /// All upstreams, where one cause hit several.
    pub upstreams: Vec<Text>,
    /// Name of the route.
    pub route: Option<Text>,
    /// Authority, where there is no upstream.
    pub authority: Option<Text>,
    /// The one endpoint that is hit, where others of the same upstream are fine.
    pub host: Option<Text>,
    /// Address dialled, where there is neither upstream nor authority.
    pub listener: Option<Text>,
}

impl FindingScope {
    /// Name for people: `reviews.default:9080 (v2)`, an authority, an address; the raw name when it is no Istio name.
    pub fn title(&self, lang: Lang) -> String {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if self.upstreams.len() > 1 {
            let n = self.upstreams.len();
            return say!(lang, "{n} upstreams", "{n} 个上游");
        }
        if let Some(upstream) = &self.upstream {
            return upstream_title(upstream, lang);
        }
        match (&self.authority, &self.route, &self.listener) {
            (Some(authority), ..) => text(authority),
            (_, Some(route), _) => format!("{} {}", lang.pick("route", "路由"), text(route)),
            (.., Some(listener)) => format!("{} {}", lang.pick("listener", "监听器"), text(listener)),
            _ => lang.pick("this proxy", "本代理").to_owned(),
        }
    }
}

/// Name of an upstream for people: `reviews.default:9080 (v2)`, `port 8080 of this pod` for inbound clusters.
pub fn upstream_title(name: &[u8], lang: Lang) -> String {
    use crate::envoy::{Cluster, Direction};
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let cluster = Cluster::parse(name);
    let Some(port) = cluster.port else { return text(cluster.name) };
    let subset = cluster.subset.map_or(String::new(), |s| format!(" ({})", text(s)));
    match (cluster.service, cluster.namespace, cluster.host) {
        (Some(service), Some(namespace), _) => {
            format!("{}.{}:{port}{subset}", text(service), text(namespace))
        }
        (_, _, Some(host)) => format!("{}:{port}{subset}", text(host)),
        _ if cluster.direction == Some(Direction::Inbound) => {
            say!(lang, "this pod's port {port}", "本 Pod 的端口 {port}")
        }
        _ => text(cluster.name),
    }
}

/// A sentence of evidence, for or against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The sentence, without capital and full stop.
    pub text: String,
    /// How many records it stands on; 0 when it is about the whole.
    pub count: u64,
    /// True when it is told with the numbers of one scope, so that it does not hold for several.
    pub of_one_scope: bool,
}

impl Fact {
    /// A sentence that stands on so many records.
    pub fn new(text: String, count: u64) -> Fact {
        Fact { text, count, of_one_scope: false }
    }
}

/// Something to do or to check, names already filled in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Remedy {
    /// What to do.
    pub text: String,
    /// A command that can be pasted.
    pub command: Option<String>,
    /// A resource to apply.
    pub yaml: Option<String>,
}

/// Another cause that would explain the same records.
#[derive(Debug, Clone, PartialEq)]
pub struct Alternative {
    /// Cause id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// 0 to 1.
    pub confidence: f64,
    /// The one check that separates it.
    pub check: Option<Remedy>,
}

/// One cause in one scope.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Cause id.
    pub id: String,
    /// The cause in words, without capital and full stop. This and all other prose is in the catalogue's language.
    pub title: String,
    /// How much it matters.
    pub severity: Severity,
    /// 0 to 1.
    pub confidence: f64,
    /// Sections of the troubleshooting guide.
    pub guide: Vec<String>,
    /// What it is about.
    pub scope: FindingScope,
    /// Records that show it.
    pub requests: u64,
    /// All records of the scope.
    pub of: u64,
    /// When it was seen.
    pub span: Span,
    /// True when it was still there at the end of the log.
    pub ongoing: bool,
    /// The likely cause in a sentence or two.
    pub likely_cause: String,
    /// What speaks for it.
    pub evidence: Vec<Fact>,
    /// What speaks against it.
    pub against: Vec<Fact>,
    /// What to do.
    pub fix: Vec<Remedy>,
    /// How to check.
    pub confirm: Vec<Remedy>,
    /// Rivals, likeliest first, at most three.
    pub alternatives: Vec<Alternative>,
    /// The first records that show it.
    pub exemplars: Vec<Exemplar>,
}

impl Finding {
    /// Share of the scope's requests, 0 to 1.
    pub fn share(&self) -> f64 {
        if self.of == 0 { 0.0 } else { self.requests as f64 / self.of as f64 }
    }
}
