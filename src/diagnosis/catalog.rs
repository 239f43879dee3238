//! The catalogue: every page, and how they compete to explain a log.
//!
//! For each group of records that failed alike, each page whose pattern matches is a candidate. The heaviest pattern
//! gives the odds, signals multiply them, and a candidate that also explains the other failures of the same scope
//! gains: one cause is likelier than two. Where the candidates' confidences add up to more than one, they share it. The
//! likeliest becomes the finding, the others its alternatives. `docs/catalog.md` has the whole model.

use std::collections::BTreeMap;
use std::sync::OnceLock;

mod entry;
mod pages;

use super::calibration::calibrate;
use super::case::Case;
use super::fill::Names;
use super::finding::{Alternative, Fact, Finding, FindingScope, Severity};
use super::fold::{fold_echoes, fold_ends, fold_symptoms, fold_upstreams};
use super::page::{Adjust, Page};
use super::pattern::ProxySignalName;
use super::scene::Scene;
use super::{facts, model, rules, severity, sides};
use entry::Entry;

use crate::Result;
use crate::aggregate::{Exemplar, Span, Summary, Symptom, SymptomKey};
use crate::arrange::Arrange;
use crate::format::ProxySignal;
use crate::words::Lang;

/// All pages.
#[derive(Debug, Clone)]
pub struct Catalog {
    entries: Vec<Entry>,
    lang: Lang,
}

/// A page that may explain a group of records.
#[derive(Debug, Clone)]
pub struct Candidate<'c> {
    /// The page.
    pub page: &'c Page,
    /// 0 to 1.
    pub confidence: f64,
    /// What speaks for it.
    pub evidence: Vec<Fact>,
    /// What speaks against it.
    pub against: Vec<Fact>,
}

/// Groups of records in one scope with one cause.
pub(super) struct Story<'c, 's> {
    pub(super) page: &'c Page,
    pub(super) scope: FindingScope,
    pub(super) parts: Vec<(Case<'s>, Candidate<'c>)>,
    pub(super) rivals: BTreeMap<&'c str, f64>,
    /// What this cause brought about, and how many records show it.
    pub(super) symptoms: Vec<(&'c Page, u64)>,
}

impl Catalog {
    /// The pages that come with the program.
    pub fn built_in() -> &'static Catalog {
        static CATALOG: OnceLock<Catalog> = OnceLock::new();
        CATALOG.get_or_init(|| Catalog {
            entries: pages::PAGES.iter().map(|(id, text)| Entry::built_in(id, text)).collect(),
            lang: Lang::En,
        })
    }

    /// Reads pages.
    ///
    /// # Errors
    /// The first page that cannot be read.
    pub fn parse<'p>(pages: impl IntoIterator<Item = (&'p str, &'p str)>) -> Result<Catalog> {
        let read = |(name, text)| Page::parse(name, text).map(Entry::of);
        Ok(Catalog { entries: pages.into_iter().map(read).collect::<Result<_>>()?, lang: Lang::En })
    }

    /// The catalogue in a language: its pages' prose, and what it says itself. What a page does not say in Chinese
    /// stays in English.
    #[must_use]
    pub fn in_lang(&self, lang: Lang) -> Catalog {
        Catalog { entries: self.entries.iter().map(|entry| entry.in_lang(lang)).collect(), lang }
    }

    /// The language of what it says.
    pub fn lang(&self) -> Lang {
        self.lang
    }

    /// The text of a built-in page, to begin one's own with.
    pub fn source(id: &str) -> Option<&'static str> {
        pages::PAGES.iter().find(|(name, _)| *name == id).map(|(_, text)| *text)
    }

    /// Adds a page, or puts it in the place of the one with its id.
    pub(super) fn put(&mut self, page: Page) {
        let entry = Entry::of(page);
        match self.entries.iter_mut().find(|old| old.id() == entry.id()) {
            Some(old) => *old = entry,
            None => self.entries.push(entry),
        }
    }

    /// Takes a page out.
    pub(super) fn remove(&mut self, id: &str) {
        self.entries.retain(|entry| entry.id() != id);
    }

    /// Every page.
    pub fn pages(&self) -> Vec<&Page> {
        self.entries.iter().filter_map(Entry::page).collect()
    }

    /// The page of a cause.
    pub fn page(&self, id: &str) -> Option<&Page> {
        self.entries.iter().find(|entry| entry.id() == id)?.page()
    }

    /// True when there is a page of this cause; cheaper than reading it.
    pub fn has(&self, id: &str) -> bool {
        self.entries.iter().any(|entry| entry.id() == id)
    }

    /// The pages that may explain a group of records, likeliest first.
    pub fn candidates<'c>(&'c self, case: &Case<'_>) -> Vec<Candidate<'c>> {
        let mut all: Vec<Candidate<'c>> =
            self.entries.iter().filter_map(|entry| candidate(entry, case)).collect();
        share_out(&mut all);
        all
    }

    /// What ails the traffic, most important first.
    pub fn diagnose(&self, summary: &Summary) -> Vec<Finding> {
        let only_failures = only_failures(summary);
        let splits = super::split::splits(summary);
        let scene = Scene::of(summary);
        let mut stories = self.stories(&scene, &splits);
        fold_symptoms(&mut stories);
        fold_echoes(&mut stories);
        fold_ends(&mut stories);
        let mut findings: Vec<Finding> =
            stories.into_iter().filter_map(|story| self.tell(story, only_failures)).collect();
        findings.extend(self.told_by_proxy_log(summary));
        findings.extend(sides::clocks(self, summary, self.lang));
        sides::retries(self, &scene, only_failures, &mut findings);
        let mut findings = fold_upstreams(findings, |id| self.page(id).map(|page| page.head.class));
        self.rank(&mut findings);
        calibrate(&mut findings);
        findings
    }

    /// Findings from the proxy's own lines.
    fn told_by_proxy_log(&self, summary: &Summary) -> Vec<Finding> {
        if summary.proxy_log.notes.is_empty() {
            return Vec::new();
        }
        let told = |entry: &'_ Entry| {
            let page = entry.page_if(|when| when.told_by(&summary.proxy_log))?;
            told_by_proxy_log(page, summary, self.lang)
        };
        self.entries.iter().filter_map(told).collect()
    }

    /// Severity, then the root before what it brings about, then how many records it explains how surely.
    fn rank(&self, findings: &mut [Finding]) {
        let present: Vec<(String, Severity)> = findings.iter().map(|f| (f.id.clone(), f.severity)).collect();
        let brought_about = |f: &Finding| {
            self.page(&f.id).is_some_and(|page| {
                present.iter().any(|(id, severity)| {
                    *severity == f.severity
                        && (page.head.symptom_of.contains(id) || page.head.follows.contains(id))
                })
            })
        };
        findings.sort_by_cached_key(|f| {
            let weight = f.requests as f64 * f.confidence;
            // All of them are positive: their bits order as they do.
            let falling = |x: f64| std::cmp::Reverse(x.to_bits());
            (std::cmp::Reverse(f.severity), brought_about(f), falling(weight), falling(f.confidence))
        });
    }

    /// One story for each cause and scope.
    fn stories<'c, 's>(
        &'c self,
        scene: &'s Scene<'s>,
        splits: &'s [(SymptomKey, Symptom)],
    ) -> Vec<Story<'c, 's>> {
        let cases: Vec<(Case<'s>, Vec<Candidate<'c>>)> = scene
            .summary
            .symptoms
            .iter()
            .chain(splits.iter().map(|(key, symptom)| (key, symptom)))
            .map(|(key, symptom)| {
                let case = Case::new(scene, key, symptom);
                let candidates = self.entries.iter().filter_map(|entry| candidate(entry, &case)).collect();
                (case, candidates)
            })
            .collect();
        // How many records of a scope each cause could explain.
        let mut explained: BTreeMap<(Vec<u8>, &str), u64> = BTreeMap::new();
        let mut bad: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
        for (case, candidates) in &cases {
            *bad.entry(scope_key(case)).or_default() += case.symptom.count;
            for candidate in candidates {
                *explained.entry((scope_key(case), &candidate.page.head.id)).or_default() +=
                    case.symptom.count;
            }
        }
        let mut stories: Vec<Story<'c, 's>> = Vec::new();
        for (case, mut candidates) in cases {
            let key = scope_key(&case);
            let others = bad[&key] - case.symptom.count;
            for candidate in &mut candidates {
                let also = explained[&(key.clone(), candidate.page.head.id.as_str())] - case.symptom.count;
                if others > 0 {
                    let odds = candidate.confidence / (1.0 - candidate.confidence);
                    let odds = odds * (1.0 + model::COHERENCE * also as f64 / others as f64);
                    candidate.confidence = (odds / (1.0 + odds)).clamp(0.01, 0.99);
                }
            }
            share_out(&mut candidates);
            let mut candidates = candidates.into_iter();
            let Some(best) = candidates.next().filter(|best| best.confidence >= model::NEGLIGIBLE) else {
                continue;
            };
            let weight = case.symptom.count as f64;
            let scope = case.scope();
            let at = stories.iter().position(|s| s.page.head.id == best.page.head.id && s.scope == scope);
            let story = match at {
                Some(at) => &mut stories[at],
                None => {
                    stories.push(Story {
                        page: best.page,
                        scope,
                        parts: Vec::new(),
                        rivals: BTreeMap::new(),
                        symptoms: Vec::new(),
                    });
                    let last = stories.len() - 1;
                    &mut stories[last]
                }
            };
            for rival in candidates {
                *story.rivals.entry(&rival.page.head.id).or_default() += rival.confidence * weight;
            }
            story.parts.push((case, best));
        }
        stories
    }

    /// A story as a finding.
    fn tell(&self, story: Story<'_, '_>, only_failures: bool) -> Option<Finding> {
        let (page, lang) = (story.page, self.lang);
        let cases: Vec<Case<'_>> = story.parts.iter().map(|(case, _)| *case).collect();
        let requests: u64 = cases.iter().map(|c| c.symptom.count).sum();
        let of = cases.iter().map(|c| c.scope_counts().requests()).max().unwrap_or(0).max(requests);
        let mut span = Span::default();
        cases.iter().for_each(|c| span.merge(c.symptom.span));
        let weighed = severity::Weighed {
            id: &page.head.id,
            class: page.head.class,
            cases: &cases,
            k: requests,
            n: of,
            only_failures,
        };
        let severity = severity::of(&weighed)?;
        let total = requests.max(1) as f64;
        let confidence =
            story.parts.iter().map(|(c, best)| best.confidence * c.symptom.count as f64).sum::<f64>() / total;
        let biggest = cases.iter().max_by_key(|c| c.symptom.count)?;
        let names = Names::of(biggest);
        let mut scope = story.scope;
        scope.host = facts::place(&cases);
        let (mut evidence, against) = sentences(&story.parts);
        evidence.extend(sides::facts(&cases, self.lang));
        evidence.extend(facts::of(&cases, self.lang));
        evidence.extend(story.symptoms.iter().map(|(page, count)| {
            let (id, title) = (&page.head.id, &page.title);
            Fact::new(say!(self.lang, "brings about {id}: {title}", "由此引发 {id}：{title}"), *count)
        }));
        let mut alternatives: Vec<Alternative> = story
            .rivals
            .iter()
            .map(|(id, sum)| (*id, sum / total))
            .filter(|(id, confidence)| *id != page.head.id && *confidence >= model::FAINT)
            .filter_map(|(id, confidence)| {
                let rival = self.page(id)?;
                let check = rival.head.confirm.first().map(|advice| names.remedy(advice, lang));
                Some(Alternative { id: id.to_owned(), title: rival.title.clone(), confidence, check })
            })
            .collect();
        alternatives.arrange_by(|a, b| b.confidence.total_cmp(&a.confidence).then_with(|| a.id.cmp(&b.id)));
        alternatives.truncate(model::ALTERNATIVES);
        let mut exemplars: Vec<Exemplar> =
            cases.iter().flat_map(|c| c.symptom.exemplars.iter().cloned()).collect();
        Exemplar::keep_first(&mut exemplars, model::EXEMPLARS);
        Some(Finding {
            id: page.head.id.clone(),
            title: page.title.clone(),
            severity,
            confidence,
            guide: page.head.guide.clone(),
            scope,
            requests,
            of,
            span,
            ongoing: ongoing(span, biggest.summary),
            likely_cause: names.prose(&page.meaning),
            evidence,
            against,
            fix: page.head.fix.iter().map(|advice| names.remedy(advice, lang)).collect(),
            confirm: page.head.confirm.iter().map(|advice| names.remedy(advice, lang)).collect(),
            alternatives,
            exemplars,
        })
    }
}

impl Page {
    /// True when the page may explain something of a log: a pattern fits a group of records, or the proxy's own lines.
    pub fn fires_on(&self, summary: &Summary) -> bool {
        let splits = super::split::splits(summary);
        let groups = summary.symptoms.iter().chain(splits.iter().map(|(key, symptom)| (key, symptom)));
        let fits = |case: &Case<'_>| self.head.when.iter().any(|when| when.matches(case));
        let scene = Scene::of(summary);
        { groups }.any(|(key, symptom)| fits(&Case::new(&scene, key, symptom)))
            || self.head.when.iter().any(|when| when.told_by(&summary.proxy_log))
    }
}

/// True when the log holds (almost) nothing but failures, in several places or of several kinds: somebody filtered it.
pub fn only_failures(summary: &Summary) -> bool {
    let requests = summary.counts.requests();
    let ok = summary.counts.of(crate::record::Outcome::Ok);
    let places = summary.upstreams.len().max(summary.authorities.len());
    let kinds = summary.codes.iter().filter(|(_, n)| n * model::ONE_SUCCESS_IN >= requests).count();
    requests >= model::FILTERED_RECORDS
        && ok * model::ONE_SUCCESS_IN < requests
        && places.max(kinds) >= model::FILTERED_KINDS
}

fn scope_key(case: &Case<'_>) -> Vec<u8> {
    let scope = case.scope();
    [scope.upstream, scope.authority, scope.listener]
        .into_iter()
        .map(|part| part.unwrap_or_default())
        .collect::<Vec<_>>()
        .join(&0)
}

fn candidate<'c>(entry: &'c Entry, case: &Case<'_>) -> Option<Candidate<'c>> {
    let page = entry.page_if(|when| when.matches(case))?;
    let best = page
        .head
        .when
        .iter()
        .filter(|when| when.matches(case))
        .max_by(|a, b| a.weight.total_cmp(&b.weight))?;
    let mut odds = best.weight / (1.0 - best.weight).max(0.001);
    let says = best.says.clone().unwrap_or_else(|| signature(case));
    let mut evidence = vec![Fact::new(says, case.symptom.count)];
    let mut against = Vec::new();
    for adjust in page.head.support.iter().chain(&page.head.against) {
        if case.signal(&adjust.signal) {
            odds *= adjust.factor;
            let fact = Fact::new(sentence(adjust), 0);
            if adjust.factor >= 1.0 { evidence.push(fact) } else { against.push(fact) }
        }
    }
    Some(Candidate { page, confidence: (odds / (1.0 + odds)).clamp(0.01, 0.99), evidence, against })
}

fn sentence(adjust: &Adjust) -> String {
    adjust
        .says
        .clone()
        .or_else(|| rules::find(&adjust.signal).map(|rule| rule.says.to_owned()))
        .unwrap_or_default()
}

/// The line's own words: code, flags, details.
fn signature(case: &Case<'_>) -> String {
    let text =
        |t: &Option<crate::aggregate::Text>| t.as_ref().map(|t| String::from_utf8_lossy(t).into_owned());
    let mut words = vec![case.key.code.to_string(), case.key.flags.to_string()];
    words.extend(text(&case.key.details));
    words.extend(text(&case.key.termination));
    if case.key.details.is_none() {
        words.extend(text(&case.key.transport));
    }
    words.join(" ")
}

/// Confidences that add up to more than one share it; then the likeliest first.
fn share_out(candidates: &mut [Candidate<'_>]) {
    let sum: f64 = candidates.iter().map(|c| c.confidence).sum();
    if sum > 1.0 {
        candidates.iter_mut().for_each(|c| c.confidence /= sum);
    }
    candidates.arrange_by(|a, b| {
        b.confidence.total_cmp(&a.confidence).then_with(|| a.page.head.id.cmp(&b.page.head.id))
    });
}

/// The facts of all parts: same sentences are one, counts add up.
fn sentences(parts: &[(Case<'_>, Candidate<'_>)]) -> (Vec<Fact>, Vec<Fact>) {
    let (mut evidence, mut against): (Vec<Fact>, Vec<Fact>) = (Vec::new(), Vec::new());
    let add = |list: &mut Vec<Fact>, fact: &Fact| match list.iter_mut().find(|f| f.text == fact.text) {
        Some(known) => known.count += fact.count,
        None => list.push(fact.clone()),
    };
    for (_, candidate) in parts {
        candidate.evidence.iter().for_each(|fact| add(&mut evidence, fact));
        candidate.against.iter().for_each(|fact| add(&mut against, fact));
    }
    evidence.arrange_by_key(|fact| std::cmp::Reverse(fact.count));
    (evidence, against)
}

fn ongoing(span: Span, summary: &Summary) -> bool {
    match (span.last_us(), summary.span.last_us()) {
        (Some(last), Some(end)) => end - last <= model::STILL_US,
        _ => false,
    }
}

/// A finding from the proxy's own lines.
fn told_by_proxy_log(page: &Page, summary: &Summary, lang: Lang) -> Option<Finding> {
    let when = page
        .head
        .when
        .iter()
        .filter(|w| w.is_about_proxy_log())
        .max_by(|a, b| a.weight.total_cmp(&b.weight))?;
    let notes: Vec<_> = page
        .head
        .when
        .iter()
        .flat_map(|w| &w.proxy_log)
        .filter_map(|name| summary.proxy_log.notes.get(&signal_of(*name)).map(|note| (*name, note)))
        .filter(|(name, note)| *name != ProxySignalName::XdsClosed || stays_away(summary, note.span))
        .collect();
    let count: u64 = notes.iter().map(|(_, note)| note.count).sum();
    if count == 0 {
        return None;
    }
    let mut span = Span::default();
    notes.iter().for_each(|(_, note)| span.merge(note.span));
    let again = count >= 2
        && matches!((span.first_us(), span.last_us()), (Some(a), Some(b)) if b - a <= model::CRASH_LOOP_US);
    let severity = match page.head.class {
        super::page::Class::S3 if count >= 10 || (again && page.head.id == "proxy-crash") => {
            Severity::Critical
        }
        super::page::Class::S1 | super::page::Class::S2 if count < 3 => Severity::Note,
        _ => Severity::Warning,
    };
    let names = Names::none();
    Some(Finding {
        id: page.head.id.clone(),
        title: page.title.clone(),
        severity,
        confidence: when.weight,
        guide: page.head.guide.clone(),
        scope: FindingScope::default(),
        requests: count,
        of: summary.lines.proxy.max(count),
        span,
        ongoing: ongoing(span, summary),
        likely_cause: names.prose(&page.meaning),
        evidence: vec![Fact::new(
            when.says.clone().unwrap_or_else(|| {
                lang.pick("the proxy's own log says so", "代理自身日志中有此记录").to_owned()
            }),
            count,
        )],
        against: Vec::new(),
        fix: page.head.fix.iter().map(|advice| names.remedy(advice, lang)).collect(),
        confirm: page.head.confirm.iter().map(|advice| names.remedy(advice, lang)).collect(),
        alternatives: Vec::new(),
        exemplars: notes
            .iter()
            .flat_map(|(_, note)| note.exemplars.iter().cloned())
            .take(model::EXEMPLARS)
            .collect(),
    })
}

/// The configuration stream is closed and opened again about every half hour. Only one that stays away counts.
fn stays_away(summary: &Summary, closed: Span) -> bool {
    let back = summary.proxy_log.notes.get(&ProxySignal::XdsConnected).and_then(|note| note.span.last_us());
    match (closed.first_us(), closed.last_us()) {
        (Some(first), Some(last)) => {
            back.is_none_or(|back| back < last) && last - first >= model::XDS_AWAY_US
        }
        _ => false,
    }
}

pub(super) fn signal_of(name: ProxySignalName) -> ProxySignal {
    match name {
        ProxySignalName::Crash => ProxySignal::Crash,
        ProxySignalName::AssertFailure => ProxySignal::AssertFailure,
        ProxySignalName::TooManyOpenFiles => ProxySignal::TooManyOpenFiles,
        ProxySignalName::XdsClosed => ProxySignal::XdsClosed,
        ProxySignalName::ConfigRejected => ProxySignal::ConfigRejected,
        ProxySignalName::SecretMissing => ProxySignal::SecretMissing,
        ProxySignalName::CertificateExpired => ProxySignal::CertificateExpired,
        ProxySignalName::Warming => ProxySignal::Warming,
        ProxySignalName::Draining => ProxySignal::Draining,
        ProxySignalName::Overload => ProxySignal::Overload,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_can_be_read() {
        let bad: Vec<String> = pages::PAGES
            .iter()
            .filter_map(|(name, text)| Page::parse(name, text).err())
            .map(|error| error.to_string())
            .collect();
        assert!(bad.is_empty(), "{}", bad.join("\n"));
        assert!(
            pages::PAGES.iter().all(|(name, text)| Page::parse(name, text).is_ok_and(|p| p.head.id == *name))
        );
    }
}
