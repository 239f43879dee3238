//! Stretches that stand out become incidents.

use std::collections::BTreeMap;

use super::curve::{Curve, Place};
use super::stretch::{Bin, Stretch, stretches};
use crate::aggregate::{Counts, Hits, Span, Summary, Symptom, SymptomKey, Text};
use crate::arrange::Arrange;
use crate::envoy::{Direction, cluster::direction};
use crate::record::Outcome;

/// What an incident is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Harm {
    /// Failures, of the upstream or of this proxy.
    Failed,
    /// Refusals by policy: on purpose, unless somebody made a slip.
    Denied,
}

impl Harm {
    /// True when a request with this outcome is one of them.
    pub fn is(self, outcome: Outcome) -> bool {
        match self {
            Harm::Failed => outcome.failed(),
            Harm::Denied => outcome == Outcome::Denied,
        }
    }

    /// How many they are.
    pub fn count(self, counts: Counts) -> u64 {
        match self {
            Harm::Failed => counts.failed(),
            Harm::Denied => counts.of(Outcome::Denied),
        }
    }

    /// Those among requests that were hit.
    pub fn of(self, hits: Hits) -> u64 {
        match self {
            Harm::Failed => hits.failed,
            Harm::Denied => hits.denied,
        }
    }
}

/// A time in which more requests failed, or were denied, than otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    /// What happened to requests. Wherever it says "failed" below, it means this.
    pub harm: Harm,
    /// Start of the first request of it that failed, microseconds since 1970. Its requests are counted from here …
    pub onset_us: i64,
    /// … to the start of the last one.
    pub last_us: i64,
    /// When the fault itself began: later than the onset where requests that had been running for long broke then.
    pub began_us: i64,
    /// When the fault itself was over: later than the last failure where requests had to wait, and were answered then.
    pub over_us: i64,
    /// Times that are told as incidents of their own, and are not counted here.
    pub apart: Vec<(i64, i64)>,
    /// The log is too short before the onset to say that it had not begun earlier.
    pub began_before: bool,
    /// The log is too short after the last failure to say that it is over.
    pub ongoing: bool,
    /// No change was found: it fails at one rate from the first line to the last.
    pub steady: bool,
    /// Start of the bucket with the most failures.
    pub peak_us: i64,
    /// Failures in that bucket.
    pub peak_failed: u64,
    /// Width of that bucket, seconds: what the times above are known to.
    pub resolution_s: i64,
    /// Upstream clusters that were hit, most failures first; `None` stands for requests without one.
    pub upstreams: Vec<Option<Text>>,
    /// Callers' and callees' proxies logged the same requests: only the callers' records are counted.
    pub both_sides: bool,
    /// Requests to them meanwhile.
    pub requests: u64,
    /// Those that failed.
    pub failed: u64,
    /// Requests to them at other times.
    pub baseline_requests: u64,
    /// Those that failed.
    pub baseline_failed: u64,
}

impl Incident {
    /// End, unless it is still going on.
    pub fn end_us(&self) -> Option<i64> {
        (!self.ongoing).then_some(self.over_us)
    }

    /// Share of the requests that failed meanwhile.
    pub fn failure_rate(&self) -> f64 {
        share(self.failed, self.requests)
    }

    /// Share of the requests that failed at other times.
    pub fn baseline_rate(&self) -> f64 {
        share(self.baseline_failed, self.baseline_requests)
    }

    /// The times between which its records are counted: whole buckets, as it is not known to more.
    pub fn bounds_us(&self) -> (i64, i64) {
        let width_us = self.resolution_s.max(1).saturating_mul(1_000_000);
        let start = |us: i64| us.div_euclid(width_us) * width_us;
        (start(self.onset_us), start(self.last_us).saturating_add(width_us - 1))
    }

    /// The times in which its records are counted, in buckets of some width: [`bounds_us`](Self::bounds_us) without what is
    /// told apart. `end_us` is where it ends at the latest.
    pub(super) fn pieces(&self, from_us: i64, end_us: i64, width_us: i64) -> Vec<(i64, i64)> {
        let start = |us: i64| us.div_euclid(width_us) * width_us;
        let mut out = Vec::new();
        let mut from = from_us;
        for (first, last) in &self.apart {
            if from < start(*first) {
                out.push((from, start(*first) - 1));
            }
            from = from.max(start(*last).saturating_add(width_us));
        }
        if from <= end_us {
            out.push((from, end_us));
        }
        out
    }

    /// True when the upstream was hit and its records are counted.
    pub fn counts(&self, upstream: Option<&[u8]>) -> bool {
        let inbound = || upstream.is_some_and(|name| direction(name) == Some(Direction::Inbound));
        self.hit(upstream) && !(self.both_sides && inbound())
    }

    /// True when the upstream was hit.
    pub fn hit(&self, upstream: Option<&[u8]>) -> bool {
        self.upstreams.iter().any(|mine| mine.as_deref() == upstream)
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Fewer failures than this are told one by one, not as an incident.
const FEWEST: u64 = 5;

/// The same among many upstreams: more places, more chances of a fluke.
fn fewest(places: usize) -> u64 {
    match places {
        0..=100 => FEWEST,
        101..=1_000 => 2 * FEWEST,
        _ => 4 * FEWEST,
    }
}
/// How much greater the odds to fail must be than in quiet times. Finding the change is the likelihood's business; this
/// says that it matters.
const ODDS: f64 = 3.0;
/// Chi-squared with one degree of freedom: one in a thousand.
const SURE: f64 = 10.83;
/// Quiet times are the stretches with the lowest rates that together make this share of the log.
const QUIET: f64 = 0.1;
/// What fails from the first line to the last shows no change; from this lower bound on it is an incident all the same.
const STEADY: f64 = 0.05;
/// With so many failures expected and none seen, it is over (or had not begun): the chance to err is e⁻³, 5 %.
const EXPECTED: f64 = 3.0;
/// Upstreams that are looked at, those with the most failures first.
const PLACES: usize = 200;

/// Incidents, most failures first, those of denials last. `only_failures`: successes are not in the log, so rates mean
/// nothing.
pub fn find(summary: &Summary, only_failures: bool) -> Vec<Incident> {
    let mut out = of_harm(summary, only_failures, Harm::Failed);
    everywhere(summary, only_failures, &mut out);
    if !only_failures {
        let denials = of_harm(summary, only_failures, Harm::Denied);
        // What a policy refuses from the first line to the last is its work.
        out.extend(denials.into_iter().filter(|i| !i.steady));
    }
    out.arrange_by_key(|i| (i.harm, std::cmp::Reverse(i.failed), i.onset_us));
    out
}

fn of_harm(summary: &Summary, only_failures: bool, harm: Harm) -> Vec<Incident> {
    let places = places(summary, harm);
    let curves: Vec<Option<Curve>> = places.iter().map(|place| Curve::of(place, only_failures)).collect();
    let fewest = fewest(summary.upstreams.values().filter(|u| harm.count(u.counts) > 0).count());
    let mut spans = Vec::new();
    for (at, (place, curve)) in places.iter().zip(&curves).enumerate() {
        if let Some(curve) = curve {
            spans.extend(spans_of(place, curve, only_failures, fewest).into_iter().map(|found| (at, found)));
        }
    }
    let total = harm.count(summary.counts);
    let groups = groups(&spans);
    let mut out: Vec<Incident> = Vec::new();
    for group in &groups {
        let apart = apart(group, &groups);
        out.push(incident(group, apart, &places, &curves, summary));
    }
    // In a log of many upstreams some fail by chance from first to last.
    out.retain(|i| !i.steady || i.failed * 100 >= total);
    out
}

/// Upstreams of an incident that is everywhere, at most.
const NAMED: usize = 50;

/// A fault may hit so many upstreams that each has too few failures to stand out: all of them are looked at as one, too.
/// What upstreams of their own explain by half is theirs.
fn everywhere(summary: &Summary, only_failures: bool, out: &mut Vec<Incident>) {
    let failed = summary.symptoms.iter().filter(|(key, _)| key.outcome.failed());
    let symptoms: Vec<(&SymptomKey, &Symptom)> = failed.collect();
    let Some(curve) = Curve::whole(summary, only_failures) else { return };
    // Of the timeline: groups of failures have a cap.
    let hits = curve.all_hits();
    for span in found(&hits, &symptoms, &curve, only_failures, FEWEST).into_iter().filter(|span| !span.steady)
    {
        let (from, to) = (curve.bin(span.first_us), curve.bin(span.last_us) + 1);
        let mut failed = curve.failed(from, to);
        let mut requests = ((curve.requests(to) - curve.requests(from)).round() as u64).max(failed);
        let mut hit: BTreeMap<Option<&Text>, u64> = BTreeMap::new();
        for (key, symptom) in &symptoms {
            let n = super::window::within(&symptom.series, span.first_us, span.last_us);
            if n > 0 {
                *hit.entry(key.upstream.as_ref()).or_default() += n;
            }
        }
        let common = |i: &Incident| i.last_us.min(span.last_us) - i.onset_us.max(span.first_us);
        let overlaps = |i: &&Incident| i.harm == Harm::Failed && common(i) >= 0;
        let told = |out: &[Incident], name: Option<&Text>| {
            out.iter().filter(overlaps).any(|i| i.hit(name.map(|name| &name[..])))
        };
        let explained: u64 = hit.iter().filter(|(name, _)| told(out, **name)).map(|(_, n)| n).sum();
        if explained * 2 >= failed {
            continue;
        }
        // No failure is told twice: what stood out by itself is part of what is everywhere, and what goes on for longer
        // is told by itself.
        out.retain(|i| !overlaps(&i) || i.steady || common(i) * 2 < i.last_us - i.onset_us);
        hit.retain(|name, n| {
            let apart = told(out, *name);
            if apart {
                failed = failed.saturating_sub(*n);
                let upstream = name.map_or(Some(&summary.no_upstream), |name| summary.upstreams.get(name));
                let width_us = upstream.map_or(1, |u| u.series.width_s() * 1_000_000);
                let cells = upstream.into_iter().flat_map(|u| u.series.iter());
                let meanwhile = cells.filter(|(us, _)| us + width_us > span.first_us && *us <= span.last_us);
                requests = requests.saturating_sub(meanwhile.map(|(_, cell)| cell.requests).sum());
            }
            !apart
        });
        requests = requests.max(failed);
        let mut order: Vec<_> = hit.into_iter().collect();
        order.arrange_by_key(|(name, n)| (std::cmp::Reverse(*n), *name));
        order.truncate(NAMED);
        let inside = hits.iter().filter(|bin| (from..to).contains(&bin.at));
        let peak = inside.max_by_key(|bin| (bin.hits, std::cmp::Reverse(bin.at)));
        out.push(Incident {
            harm: Harm::Failed,
            both_sides: false,
            onset_us: span.first_us,
            last_us: span.last_us,
            began_us: span.first_us,
            over_us: span.last_us,
            apart: Vec::new(),
            began_before: span.began_before,
            ongoing: span.ongoing,
            steady: false,
            peak_us: peak.map_or(span.first_us, |bin| curve.time_us(bin.at)),
            peak_failed: peak.map_or(0, |bin| bin.hits),
            resolution_s: curve.width_us / 1_000_000,
            upstreams: order.into_iter().map(|(name, _)| name.cloned()).collect(),
            requests,
            failed,
            baseline_requests: summary.counts.requests().saturating_sub(requests),
            baseline_failed: summary.counts.failed().saturating_sub(failed),
        });
    }
}

/// Upstreams with failures.
fn places(summary: &Summary, harm: Harm) -> Vec<Place<'_>> {
    let mut by_name: BTreeMap<Option<&Text>, Vec<(&SymptomKey, &Symptom)>> = BTreeMap::new();
    for (key, symptom) in summary.symptoms.iter().filter(|(key, _)| harm.is(key.outcome)) {
        by_name.entry(key.upstream.as_ref()).or_default().push((key, symptom));
    }
    let mut out: Vec<Place<'_>> = by_name
        .into_iter()
        .filter_map(|(name, symptoms)| {
            let upstream = match name {
                Some(name) => summary.upstreams.get(name)?,
                None => &summary.no_upstream,
            };
            Some(Place { name, harm, upstream, symptoms })
        })
        .collect();
    out.arrange_by_key(|place| std::cmp::Reverse(harm.count(place.upstream.counts)));
    out.truncate(PLACES);
    out
}

/// A time in which one upstream fails.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Found {
    first_us: i64,
    last_us: i64,
    began_before: bool,
    ongoing: bool,
    steady: bool,
}

/// The times in which an upstream fails, for all causes together and for each set of flags.
fn spans_of(place: &Place<'_>, curve: &Curve, only_failures: bool, fewest: u64) -> Vec<Found> {
    let mut kinds: BTreeMap<_, Vec<(&SymptomKey, &Symptom)>> = BTreeMap::new();
    for &(key, symptom) in &place.symptoms {
        let code = if key.flags.is_empty() { key.code } else { 0 };
        kinds.entry((key.flags, &key.unknown_flags, code)).or_default().push((key, symptom));
    }
    let mut all = found(&curve.all_hits(), &place.symptoms, curve, only_failures, fewest);
    if kinds.len() > 1 {
        let steady = all.iter().any(|f| f.steady);
        let of_kinds =
            kinds.values().flat_map(|kind| found(&curve.hits(kind), kind, curve, only_failures, fewest));
        // Where all fails at one rate, one kind that takes the place of another is a phase of it and no rise.
        all.extend(of_kinds.filter(|f| !steady || f.steady || rises(f, curve)));
    }
    all.arrange_by_key(|f| (f.steady, f.first_us, f.last_us));
    let mut out: Vec<Found> = Vec::new();
    for next in all {
        match out.last_mut() {
            Some(last) if last.steady == next.steady && next.first_us <= last.last_us => {
                last.began_before |= next.began_before;
                // The one that lasts longer knows the end.
                if next.last_us >= last.last_us {
                    last.ongoing = next.ongoing;
                    last.last_us = next.last_us;
                }
            }
            _ => out.push(next),
        }
    }
    out
}

/// True when more requests of all kinds failed meanwhile than at other times.
fn rises(span: &Found, curve: &Curve) -> bool {
    let (from, to) = (curve.bin(span.first_us), curve.bin(span.last_us) + 1);
    let stretch = |hits, exposure| Stretch { from, to, hits, exposure };
    let inside = stretch(curve.failed(from, to), curve.exposure(to) - curve.exposure(from));
    let whole = stretch(curve.failed(0, curve.bins), curve.exposure(curve.bins) - curve.exposure(0));
    let outside = stretch(whole.hits - inside.hits, whole.exposure - inside.exposure);
    inside.rate() > outside.rate() && surely_more(&inside, &outside)
}

fn found(
    hits: &[Bin],
    symptoms: &[(&SymptomKey, &Symptom)],
    curve: &Curve,
    only_failures: bool,
    fewest: u64,
) -> Vec<Found> {
    if hits.iter().map(|bin| bin.hits).sum::<u64>() < fewest {
        return Vec::new();
    }
    let all = stretches(curve.bins, hits, |bin| curve.exposure(bin));
    let quiet = quiet(&all);
    let bad: Vec<bool> = all.iter().map(|s| stands_out(s, &quiet, fewest)).collect();
    let mut out: Vec<(usize, usize)> = Vec::new();
    for at in (0..all.len()).filter(|at| bad[*at]) {
        match out.last_mut() {
            Some((first, last)) if *last + 1 == at || pause(&all, *first, *last, at) => *last = at,
            _ => out.push((at, at)),
        }
    }
    let total = Stretch {
        from: 0,
        to: curve.bins,
        hits: all.iter().map(|s| s.hits).sum(),
        exposure: all.iter().map(|s| s.exposure).sum(),
    };
    let steady = lower_bound(&quiet) >= STEADY || (only_failures && out.is_empty());
    let mut found: Vec<Found> = out
        .into_iter()
        .filter_map(|(first, last)| {
            let (from, to) = (all.get(first)?, all.get(last)?);
            let inside = |bin: &&Bin| (from.from..to.to).contains(&bin.at);
            let first_bin = hits.iter().find(inside)?.at;
            let last_bin = hits.iter().rev().find(inside)?.at;
            let before = curve.exposure(first_bin) - curve.exposure(0);
            let after = curve.exposure(curve.bins) - curve.exposure(last_bin + 1);
            Some(Found {
                first_us: exact(symptoms, curve, first_bin, true),
                last_us: exact(symptoms, curve, last_bin, false),
                began_before: before * from.rate() < EXPECTED,
                ongoing: after * to.rate() < EXPECTED,
                steady: false,
            })
        })
        .collect();
    if steady && let (Some(first), Some(last)) = (hits.first(), hits.last()) {
        found.push(Found {
            first_us: exact(symptoms, curve, first.at, true),
            last_us: exact(symptoms, curve, last.at, false),
            began_before: (curve.exposure(first.at) - curve.exposure(0)) * total.rate() < EXPECTED,
            ongoing: (curve.exposure(curve.bins) - curve.exposure(last.at + 1)) * total.rate() < EXPECTED,
            steady: true,
        });
    }
    found
}

/// The stretches with the lowest rates, as one.
fn quiet(all: &[Stretch]) -> Stretch {
    let mut order: Vec<&Stretch> = all.iter().filter(|s| s.exposure > 0.0).collect();
    order.arrange_by(|a, b| a.rate().total_cmp(&b.rate()).then(a.from.cmp(&b.from)));
    let whole: f64 = order.iter().map(|s| s.exposure).sum();
    let mut sum = Stretch { from: 0, to: 0, hits: 0, exposure: 0.0 };
    for stretch in order {
        if sum.exposure >= QUIET * whole {
            break;
        }
        sum.hits += stretch.hits;
        sum.exposure += stretch.exposure;
    }
    sum
}

fn stands_out(stretch: &Stretch, quiet: &Stretch, fewest: u64) -> bool {
    let odds = |s: &Stretch, more: f64| {
        let rate = ((s.hits as f64 + more) / (s.exposure + 1.0)).min(0.999);
        rate / (1.0 - rate)
    };
    let usual = quiet.rate() * stretch.exposure;
    surely_more(stretch, quiet)
        && stretch.hits >= fewest
        && stretch.hits as f64 - usual >= fewest as f64
        && odds(stretch, 0.0) >= ODDS * odds(quiet, 0.5)
}

/// True when chance is a bad explanation for the two rates: the quiet ones were chosen for being low.
fn surely_more(stretch: &Stretch, quiet: &Stretch) -> bool {
    let rate = (stretch.hits + quiet.hits) as f64 / (stretch.exposure + quiet.exposure).max(1e-9);
    let term = |s: &Stretch| {
        let expected = (rate * s.exposure).max(1e-9);
        if s.hits == 0 { 0.0 } else { s.hits as f64 * (s.hits as f64 / expected).ln() }
    };
    2.0 * (term(stretch) + term(quiet)) >= SURE
}

/// True when what lies between two bad stretches is short beside them: one incident with a pause.
fn pause(all: &[Stretch], first: usize, last: usize, next: usize) -> bool {
    let (start, end) = (all[first].from, all[next].to);
    let gap = all[next].from - all[last].to;
    gap <= 2 || gap * 8 <= end - start
}

/// Lower bound of the Wilson interval of the rate.
fn lower_bound(stretch: &Stretch) -> f64 {
    let n = stretch.exposure.max(stretch.hits as f64);
    if n <= 0.0 {
        return 0.0;
    }
    let (p, z) = (stretch.hits as f64 / n, 1.96);
    let spread = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    ((p + z * z / (2.0 * n) - spread) / (1.0 + z * z / n)).max(0.0)
}

/// The first or last failure in a bin: to the microsecond where it is the first or last of its kind at all, else the
/// bin's edge.
fn exact(symptoms: &[(&SymptomKey, &Symptom)], curve: &Curve, bin: i64, first: bool) -> i64 {
    let (start, end) = (curve.time_us(bin), curve.time_us(bin + 1));
    let ends = |span: Span| if first { span.first_us() } else { span.last_us() };
    let known = symptoms
        .iter()
        // A symptom seen in this bin only by its far end says nothing of the near one.
        .filter_map(|(_, s)| ends(s.span))
        .filter(|us| (start..end).contains(us));
    match first {
        true => known.min().unwrap_or(start),
        false => known.max().unwrap_or(end - 1),
    }
}

type Group = Vec<(usize, Found)>;

/// Times of different upstreams that overlap by half of the shorter one are one incident; those of one upstream when they
/// overlap at all.
fn groups(spans: &[(usize, Found)]) -> Vec<Group> {
    let changes = |at: usize| spans.iter().any(|(place, found)| *place == at && !found.steady);
    let mut out: Vec<Group> = Vec::new();
    for span in spans {
        let joins = |other: &(usize, Found)| {
            let (a, b) = (&span.1, &other.1);
            let common = a.last_us.min(b.last_us) - a.first_us.max(b.first_us);
            let shorter = (a.last_us - a.first_us).min(b.last_us - b.first_us);
            match (a.steady, b.steady) {
                // What goes on all the time and rises as well is told of each upstream: the two share no failure then.
                (true, true) => !changes(span.0) && !changes(other.0),
                (false, false) => common >= 0 && common * 2 >= shorter,
                _ => false,
            }
        };
        let mut mine = vec![*span];
        let (joined, rest) = out.into_iter().partition::<Vec<_>, _>(|group| group.iter().any(joins));
        joined.into_iter().for_each(|group| mine.extend(group));
        out = rest;
        out.push(mine);
    }
    // An incident counts all that failed at its upstreams meanwhile: another one of the same must not do so again.
    while let Some((one, other)) = sharing(&out) {
        let group = out.remove(other);
        out[one].extend(group);
    }
    out
}

/// Two groups that would count the same failures.
fn sharing(groups: &[Group]) -> Option<(usize, usize)> {
    let windows: Vec<(i64, i64)> = groups.iter().map(window).collect();
    let share = |one: &Group, other: &Group| {
        one.iter().any(|(at, a)| !a.steady && other.iter().any(|(place, b)| at == place && !b.steady))
    };
    (0..groups.len()).find_map(|one| {
        let other = (one + 1..groups.len()).find(|other| {
            windows[one].0 <= windows[*other].1
                && windows[*other].0 <= windows[one].1
                && share(&groups[one], &groups[*other])
        })?;
        Some((one, other))
    })
}

fn window(group: &Group) -> (i64, i64) {
    let first = group.iter().map(|(_, f)| f.first_us).min().unwrap_or(0);
    (first, group.iter().map(|(_, f)| f.last_us).max().unwrap_or(first))
}

/// Of what fails all the time: when its upstreams have incidents of their own.
fn apart(group: &Group, groups: &[Group]) -> Vec<(i64, i64)> {
    if !group.iter().all(|(_, f)| f.steady) {
        return Vec::new();
    }
    let mine = |at: usize| group.iter().any(|(place, _)| *place == at);
    let others = groups.iter().filter(|other| other.iter().any(|(at, f)| !f.steady && mine(*at)));
    let mut out: Vec<(i64, i64)> = others.map(window).collect();
    out.arrange();
    out
}

fn incident(
    group: &Group,
    apart: Vec<(i64, i64)>,
    places: &[Place<'_>],
    curves: &[Option<Curve>],
    summary: &Summary,
) -> Incident {
    let (onset_us, last_us) = window(group);
    let mut hit: BTreeMap<usize, u64> = BTreeMap::new();
    let (mut requests, mut failed, mut all_requests, mut all_failed) = (0, 0, 0, 0);
    // One request is in the log of the caller's and of the callee's proxy: only the caller's is counted then.
    let is_inbound = |at: usize| places[at].name.is_some_and(|n| direction(n) == Some(Direction::Inbound));
    let both_sides =
        group.iter().any(|(at, _)| is_inbound(*at)) && !group.iter().all(|(at, _)| is_inbound(*at));
    let mut resolution_s = 1;
    for (at, _) in group {
        let Some(curve) = curves.get(*at).and_then(Option::as_ref) else { continue };
        if hit.contains_key(at) {
            continue;
        }
        let (from, to) = (curve.bin(onset_us).max(0), (curve.bin(last_us) + 1).min(curve.bins));
        let (mut bad, mut seen) = (curve.failed(from, to), curve.requests(to) - curve.requests(from));
        for (first, last) in &apart {
            let (first, last) = (curve.bin(*first).max(from), (curve.bin(*last) + 1).min(to));
            bad -= curve.failed(first, last).min(bad);
            seen -= curve.requests(last) - curve.requests(first);
        }
        let seen = seen.max(0.0).round() as u64;
        let counts = places[*at].upstream.counts;
        hit.insert(*at, bad);
        resolution_s = resolution_s.max(curve.width_us / 1_000_000);
        if both_sides && is_inbound(*at) {
            continue;
        }
        failed += bad;
        requests += seen.max(bad);
        all_requests += counts.requests();
        all_failed += places[*at].harm.count(counts);
    }
    let mut order: Vec<(usize, u64)> = hit.into_iter().collect();
    order.arrange_by_key(|(at, n)| (std::cmp::Reverse(*n), *at));
    let width_us = resolution_s * 1_000_000;
    let mut buckets: BTreeMap<i64, u64> = BTreeMap::new();
    for (at, _) in order.iter().filter(|(at, _)| !(both_sides && is_inbound(*at))) {
        for (us, n) in places[*at].symptoms.iter().flat_map(|(_, s)| s.series.iter()) {
            *buckets.entry(us.div_euclid(width_us) * width_us).or_default() += *n;
        }
    }
    let peak = buckets
        .range(onset_us.div_euclid(width_us) * width_us..=last_us)
        .filter(|(us, _)| {
            !apart.iter().any(|(first, last)| (first.div_euclid(width_us) * width_us..=*last).contains(us))
        })
        .max_by_key(|(us, n)| (**n, std::cmp::Reverse(**us)));
    let (peak_us, peak_failed) = peak.map_or((onset_us, 0), |(us, n)| (*us, *n));
    Incident {
        harm: group.first().map_or(Harm::Failed, |(at, _)| places[*at].harm),
        both_sides,
        onset_us,
        last_us,
        began_us: onset_us,
        over_us: last_us,
        apart,
        began_before: group.iter().filter(|(_, f)| f.first_us == onset_us).any(|(_, f)| f.began_before),
        ongoing: group.iter().any(|(_, f)| f.ongoing),
        steady: group.iter().all(|(_, f)| f.steady),
        peak_us: peak_us.max(summary.span.first_us().unwrap_or(peak_us)),
        peak_failed,
        resolution_s,
        upstreams: order.iter().map(|(at, _)| places[*at].name.cloned()).collect(),
        requests,
        failed,
        baseline_requests: all_requests.saturating_sub(requests),
        baseline_failed: all_failed.saturating_sub(failed),
    }
}
