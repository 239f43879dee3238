//! What requests have in common, counted by value: kinds of values, and their names for people.

use super::{Teller, text_of};
use crate::aggregate::{Detail, Text};
use crate::diagnosis::upstream_title;
use crate::incident::{Incident, Shares};
use crate::report::redact::Redactor;
use crate::words::Lang;

/// A kind of value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Kind {
    Upstream,
    Host,
    Route,
    Authority,
    Pod,
    Path,
    Caller,
}

/// All kinds, in the order of the report.
pub(in crate::report) const KINDS: [Kind; 7] =
    [Kind::Upstream, Kind::Host, Kind::Route, Kind::Authority, Kind::Pod, Kind::Path, Kind::Caller];

impl Kind {
    /// The key in the JSON.
    pub(in crate::report) fn name(self) -> &'static str {
        match self {
            Kind::Upstream => "upstream",
            Kind::Host => "host",
            Kind::Route => "route",
            Kind::Authority => "authority",
            Kind::Pod => "pod",
            Kind::Path => "path",
            Kind::Caller => "caller",
        }
    }

    /// For people.
    pub(super) fn word(self, lang: Lang) -> &'static str {
        match self {
            Kind::Upstream => lang.pick("upstream", "上游"),
            Kind::Host => lang.pick("host", "主机"),
            Kind::Route => lang.pick("route", "路由"),
            Kind::Authority => "authority",
            Kind::Pod => lang.pick("pod", "Pod"),
            Kind::Path => lang.pick("path", "路径"),
            Kind::Caller => lang.pick("caller", "调用方"),
        }
    }

    /// Requests by the values of this kind.
    pub(in crate::report) fn shares(self, incident: &Incident, detail: &Detail, only_hit: bool) -> Shares {
        let places = |part: usize| Shares::of(&detail.places, incident, only_hit, |key| key[part].into());
        match self {
            Kind::Upstream => places(0),
            Kind::Host => places(1),
            Kind::Route => places(2),
            Kind::Authority => places(3),
            Kind::Pod => places(4),
            Kind::Path => {
                Shares::of(&detail.paths, incident, only_hit, |[_, method, path]| match method.is_empty() {
                    true => path.into(),
                    false => [method, b" ", path].concat().into(),
                })
            }
            Kind::Caller => Shares::of(&detail.callers, incident, only_hit, |key| key[1].into()),
        }
    }

    /// A value, as far as it may be told.
    pub(in crate::report) fn shown(self, value: &Text, redact: &Redactor) -> String {
        match self {
            Kind::Authority => redact.authority(value),
            Kind::Path => redact.path(value),
            Kind::Caller => redact.client(value),
            _ => text_of(value),
        }
    }
}

impl Teller<'_, '_> {
    /// A value for people.
    pub(super) fn value(&self, kind: Kind, value: &Text) -> String {
        match kind {
            Kind::Upstream => upstream_title(value, self.lang()),
            _ => kind.shown(value, self.redact),
        }
    }
}
