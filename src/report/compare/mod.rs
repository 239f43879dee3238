//! Two times, two versions, two clusters: what got worse, better, new or gone.
//!
//! Samples are of unequal size, so shares are compared, never counts, and a difference is told only when chance is a bad
//! explanation: Fisher's exact test for failures, Kolmogorov and Smirnov's for latency, each at 1 % divided by the
//! number of comparisons made.

mod json;
mod statistics;
mod words;

use std::collections::BTreeMap;
use std::io::Write;

use super::{html, known, markdown};
use crate::aggregate::{Latency, Summary, Text, Upstream};
use crate::arrange::Arrange;
use crate::diagnosis::{Finding, Severity, Suppressed, only_failures, upstream_title};
use crate::error::{Error, ErrorKind, Result};
use crate::words::Lang;

/// One side of a comparison.
#[derive(Debug, Clone, Copy)]
pub struct Side<'r> {
    /// The counts.
    pub summary: &'r Summary,
    /// The causes.
    pub findings: &'r [Finding],
    /// Findings that the user knows already: they are not compared.
    pub suppressed: &'r [Suppressed],
    /// What the reader should know about this side, in words.
    pub notes: &'r [String],
}

/// Form of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Markdown,
    /// For people, one file to be opened in a browser.
    Html,
    /// For scripts, schema `meshwhy.compare/1`.
    Json,
}

impl Form {
    /// The form with this name.
    ///
    /// # Errors
    /// When there is none; the message lists those there are.
    pub fn named(name: &str) -> Result<Form> {
        match name {
            "markdown" => Ok(Form::Markdown),
            "json" => Ok(Form::Json),
            "html" => Ok(Form::Html),
            _ => {
                let message = both!(
                    "there is no output {name:?} for a comparison; there are: markdown, json, html",
                    "compare 没有输出格式 {name:?}；可用的有：markdown、json、html"
                )
                .meant(name, ["markdown", "json", "html"]);
                Err(Error::from(ErrorKind::Option { message }))
            }
        }
    }
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    /// Share of the requests that failed.
    Failures,
    /// Share of the requests that show a cause.
    Cause,
    /// How long requests take.
    Latency,
}

/// How it changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    New,
    Worse,
    Better,
    Gone,
    /// No difference, or one that chance explains.
    Same,
    /// One side has nothing to compare with.
    Unknown,
}

/// Hits of all requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Share {
    pub(super) hits: u64,
    pub(super) of: u64,
}

/// One comparison.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    pub(super) what: What,
    /// Upstream or other scope for people; `None`: everything.
    pub(super) scope: Option<String>,
    /// Cluster as logged, where there is one.
    pub(super) upstream: Option<Text>,
    /// Cause id and title.
    pub(super) cause: Option<(String, String)>,
    pub(super) before: Share,
    pub(super) after: Share,
    /// p50, p90, p99, milliseconds.
    pub(super) latency: Option<[[u64; 3]; 2]>,
    /// The chance to see such a difference where there is none.
    pub(super) p: f64,
    pub(super) verdict: Verdict,
    /// A note at most: new ones trip no gate.
    pub(super) minor: bool,
}

/// What differs between two inputs.
pub struct Comparison<'r> {
    before: Side<'r>,
    after: Side<'r>,
    changes: Vec<Change>,
    /// The bound that p must be below.
    level: f64,
    lang: Lang,
}

/// Chance to be wrong anywhere in the whole comparison.
const FAMILY: f64 = 0.01;
/// A shift of latency that is smaller does not matter, however sure it is.
const SHIFT: f64 = 0.2;
const SHIFT_MS: u64 = 3;
/// Requests of which latencies are compared at least.
const FEWEST: u64 = 30;

impl<'r> Comparison<'r> {
    /// Compares.
    pub fn of(before: Side<'r>, after: Side<'r>, lang: Lang) -> Comparison<'r> {
        let mut changes = vec![total(before, after)];
        let mut upstreams: BTreeMap<&Text, [Option<&Upstream>; 2]> = BTreeMap::new();
        for (side, summary) in [before.summary, after.summary].into_iter().enumerate() {
            for (name, upstream) in &summary.upstreams {
                upstreams.entry(name).or_default()[side] = Some(upstream);
            }
        }
        for (name, sides) in upstreams {
            let share = |side: Option<&Upstream>| {
                side.map_or(Share::default(), |u| Share { hits: u.counts.failed(), of: u.counts.requests() })
            };
            let scope = Some(upstream_title(name, lang));
            let mut change = change(What::Failures, scope.clone(), share(sides[0]), share(sides[1]));
            change.upstream = Some(name.clone());
            changes.push(change);
            if let [Some(a), Some(b)] = sides {
                changes.extend(shift(scope, Some(name), &a.latency, &b.latency));
            }
        }
        let [old, new] = [before, after].map(|side| side.summary.totals().latency);
        changes.extend(shift(None, None, &old, &new));
        changes.extend(causes(before, after, lang));
        let level = FAMILY / changes.iter().filter(|c| c.verdict != Verdict::Unknown).count().max(1) as f64;
        for change in changes.iter_mut().filter(|c| c.p > level && c.verdict != Verdict::Unknown) {
            change.verdict = Verdict::Same;
        }
        changes.arrange_by(|a, b| {
            let size = |c: &Change| (c.after.hits.max(c.before.hits), c.after.of);
            (a.verdict, a.what)
                .cmp(&(b.verdict, b.what))
                .then(size(b).cmp(&size(a)))
                .then(a.scope.cmp(&b.scope))
        });
        Comparison { before, after, changes, level, lang }
    }

    /// True when something got worse, or something bad is new.
    pub fn regressed(&self) -> bool {
        self.changes.iter().any(|c| matches!(c.verdict, Verdict::Worse | Verdict::New) && !c.minor)
    }

    /// Writes it.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn write(&self, form: Form, out: &mut dyn Write) -> Result<()> {
        let text = match form {
            Form::Markdown => markdown::written(&words::story(self)),
            Form::Html => html::written(&words::story(self)),
            Form::Json => return json::write(self, out),
        };
        out.write_all(text.as_bytes()).map_err(ErrorKind::Write)?;
        Ok(())
    }

    /// What the reader should know about the data.
    fn warnings(&self) -> Vec<String> {
        let lang = self.lang;
        let mut out = Vec::new();
        for (name, side) in words::sides(self) {
            if side.summary.counts.requests() == 0 {
                out.push(say!(
                    lang,
                    "there is no request {name}: nothing can be compared",
                    "{name}没有任何请求：无法比较"
                ));
            }
            if only_failures(side.summary) {
                out.push(say!(
                    lang,
                    "the log {name} holds almost only failures (successes are not logged?): shares mean little",
                    "{name}的日志里几乎只有失败的请求（没有记录成功的请求？）：比例没有意义"
                ));
            }
            let known = known::sentence(side.suppressed, lang);
            for text in known.iter().chain(side.notes) {
                out.push(say!(lang, "{name}: {text}", "{name}：{text}"));
            }
        }
        out
    }
}

fn total(before: Side<'_>, after: Side<'_>) -> Change {
    let share = |s: &Summary| {
        let counts = s.totals().counts;
        Share { hits: counts.failed(), of: counts.requests() }
    };
    change(What::Failures, None, share(before.summary), share(after.summary))
}

fn change(what: What, scope: Option<String>, before: Share, after: Share) -> Change {
    let p = statistics::fisher(before, after);
    let rate = |s: Share| s.hits as f64 / s.of.max(1) as f64;
    let verdict = match (before, after) {
        (Share { of: 0, .. }, _) | (_, Share { of: 0, .. }) => Verdict::Unknown,
        (Share { hits: 0, .. }, Share { hits: 1.., .. }) => Verdict::New,
        (Share { hits: 1.., .. }, Share { hits: 0, .. }) => Verdict::Gone,
        (b, a) if rate(a) > rate(b) => Verdict::Worse,
        (b, a) if rate(a) < rate(b) => Verdict::Better,
        _ => Verdict::Same,
    };
    Change {
        what,
        scope,
        upstream: None,
        cause: None,
        before,
        after,
        latency: None,
        p,
        verdict,
        minor: false,
    }
}

/// A shift of latency, when both sides have enough requests.
fn shift(scope: Option<String>, name: Option<&Text>, before: &Latency, after: &Latency) -> Option<Change> {
    if before.count().min(after.count()) < FEWEST {
        return None;
    }
    let quantiles = |l: &Latency| [500, 900, 990].map(|permille| l.quantile_ms(permille));
    let (old, new) = (quantiles(before), quantiles(after));
    // Of the quantiles that moved notably the one that moved most decides.
    let moved = old.iter().zip(new).filter(|(a, b)| {
        let by = a.abs_diff(*b);
        by >= SHIFT_MS && by as f64 >= SHIFT * **a.min(&b) as f64
    });
    let ratio = |a: u64, b: u64| (b.max(1) as f64 / a.max(1) as f64).ln();
    let most = moved.map(|(a, b)| ratio(*a, b)).max_by(|a, b| a.abs().total_cmp(&b.abs()));
    let verdict = match most {
        Some(by) if by > 0.0 => Verdict::Worse,
        Some(_) => Verdict::Better,
        None => Verdict::Same,
    };
    let all = |l: &Latency| Share { hits: 0, of: l.count() };
    Some(Change {
        what: What::Latency,
        scope,
        upstream: name.cloned(),
        cause: None,
        before: all(before),
        after: all(after),
        latency: Some([old, new]),
        p: statistics::smirnov(before, after),
        verdict,
        minor: false,
    })
}

/// Causes of either side, by id and scope.
fn causes(before: Side<'_>, after: Side<'_>, lang: Lang) -> Vec<Change> {
    let mut pairs: BTreeMap<(String, String), [Option<&Finding>; 2]> = BTreeMap::new();
    for (side, findings) in [before.findings, after.findings].into_iter().enumerate() {
        for finding in findings {
            pairs.entry((finding.scope.title(lang), finding.id.clone())).or_default()[side] = Some(finding);
        }
    }
    pairs
        .into_iter()
        .filter_map(|((scope, id), sides)| {
            let known = sides[1].or(sides[0])?;
            let share = |side: usize, summary: &Summary| match sides[side] {
                Some(finding) => Share { hits: finding.requests, of: finding.of },
                None => Share { hits: 0, of: requests(known, summary) },
            };
            let mut change =
                change(What::Cause, Some(scope), share(0, before.summary), share(1, after.summary));
            change.upstream = known.scope.upstream.clone();
            change.cause = Some((id, known.title.clone()));
            change.minor = known.severity == Severity::Note;
            Some(change)
        })
        .collect()
}

/// Requests of a finding's scope on the side that does not have the finding.
fn requests(finding: &Finding, summary: &Summary) -> u64 {
    let scope = &finding.scope;
    let of = |name: &Text| summary.upstreams.get(name).map_or(0, |u| u.counts.requests());
    if scope.upstreams.len() > 1 {
        return scope.upstreams.iter().map(of).sum();
    }
    match (&scope.upstream, &scope.authority) {
        (Some(name), _) => of(name),
        (None, Some(authority)) => summary.authorities.get(authority).map_or(0, |a| a.counts.requests()),
        (None, None) => summary.counts.requests(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_alone_is_no_change() {
        let share = |hits, of| Share { hits, of };
        let verdict = |a, b| {
            let change = change(What::Failures, None, a, b);
            (change.verdict, change.p < 0.01)
        };
        assert_eq!(verdict(share(10, 1_000), share(100, 10_000)), (Verdict::Same, false));
        assert_eq!(verdict(share(10, 1_000), share(1_000, 10_000)), (Verdict::Worse, true));
        assert_eq!(verdict(share(0, 1_000), share(1, 1_000)), (Verdict::New, false));
        assert_eq!(verdict(share(0, 1_000), share(50, 1_000)), (Verdict::New, true));
        assert_eq!(verdict(share(50, 1_000), share(0, 1_000)), (Verdict::Gone, true));
        assert_eq!(verdict(share(50, 1_000), share(0, 0)).0, Verdict::Unknown);
    }

    #[test]
    fn latency_moves_only_when_it_matters() {
        let of = |base: u64| {
            let mut latency = Latency::default();
            (0..1_000).for_each(|n| latency.add(base + n % 10));
            latency
        };
        let verdict = |a, b| shift(None, None, &of(a), &of(b)).map(|c| (c.verdict, c.p < 1e-3));
        assert_eq!(verdict(10, 40), Some((Verdict::Worse, true)));
        assert_eq!(verdict(40, 10), Some((Verdict::Better, true)));
        assert_eq!(verdict(100, 101), Some((Verdict::Same, true)));
        assert!(shift(None, None, &Latency::default(), &of(1)).is_none());
    }
}
