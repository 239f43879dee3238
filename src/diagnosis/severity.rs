//! Note, warning or critical: one rule for each class of causes.
//!
//! The classes are data in the pages. The rules compare counts with the lower bound of a confidence interval, so that
//! three failures of a hundred requests do not shout.

use super::case::Case;
use super::finding::Severity;
use super::page::Class;
use super::rules::timing_constant_ms;
use crate::aggregate::{Latency, Summary, Turn};
use crate::envoy::FlagSet;
use crate::record::{Kind, Outcome};

/// What a group of symptoms of one cause amounts to.
pub(super) struct Weighed<'g, 's> {
    /// Cause id.
    pub id: &'g str,
    /// Class of the cause.
    pub class: Class,
    /// The symptoms, all in one scope.
    pub cases: &'g [Case<'s>],
    /// Records that show it.
    pub k: u64,
    /// Records of the scope.
    pub n: u64,
    /// The log holds (almost) only failures: shares mean nothing.
    pub only_failures: bool,
}

/// A paste of a few lines: shares are what they are, but nothing is critical.
const PASTE_LINES: u64 = 20;
const HALF_MINUTE_US: i64 = 30_000_000;
const MINUTE_MS: u64 = 60_000;

/// Lower bound of the Wilson score interval of k of n.
pub(super) fn lower_bound(k: u64, n: u64, z: f64) -> f64 {
    if n == 0 {
        return 0.0;
    }
    let (k, n) = (k.min(n) as f64, n as f64);
    let p = k / n;
    let middle = p + z * z / (2.0 * n);
    let spread = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    ((middle - spread) / (1.0 + z * z / n)).max(0.0)
}

/// More scopes, more chances of a fluke: the interval widens with their number.
fn z_of(summary: &Summary) -> f64 {
    match summary.upstreams.len() + summary.authorities.len() {
        0..=100 => 1.96,
        101..=1000 => 2.58,
        _ => 3.29,
    }
}

/// The severity of a group; `None` when it is not even worth a note.
pub(super) fn of(group: &Weighed<'_, '_>) -> Option<Severity> {
    let Some(first) = group.cases.first() else { return Some(Severity::Note) };
    let summary = first.summary;
    let lb = if group.only_failures { 0.0 } else { lower_bound(group.k, group.n, z_of(summary)) };
    if summary.lines.access <= PASTE_LINES && matters(group) {
        let half = group.k * 2 >= group.n;
        return Some(if half && group.k >= 1 { Severity::Warning } else { Severity::Note });
    }
    let severity = match group.class {
        Class::S1 => service(group, lb),
        Class::S2 => never_heals(group, lb),
        Class::S3 => proxy(group),
        Class::S4 => policy(group, lb),
        Class::S5 => caller(group, lb),
        Class::S6 => edge(group, lb),
        Class::S7 => streams(group, lb),
        Class::S8 => Severity::Warning,
    };
    Some(severity)
}

/// Policies and clients that do what they should stay notes also in a short paste.
fn matters(group: &Weighed<'_, '_>) -> bool {
    !matches!(group.class, Class::S7) && !only_redirects(group) && failed_or_denied(group)
}

fn failed_or_denied(group: &Weighed<'_, '_>) -> bool {
    group.cases.iter().any(|case| case.key.outcome != Outcome::Ok)
}

fn service(group: &Weighed<'_, '_>, lb: f64) -> Severity {
    match of_service(group.k, lb, group.only_failures) {
        // A race is rare by nature and heals at the next try: a burst of it is still not an outage.
        Severity::Warning if group.k >= 10 && group.id != "keepalive-race" && worst_window(group) >= 0.25 => {
            Severity::Critical
        }
        severity => severity,
    }
}

/// The rule for services, by the number of requests and the lower bound of their share.
pub(super) fn of_service(k: u64, lb: f64, only_failures: bool) -> Severity {
    match k {
        0..3 => Severity::Note,
        _ if lb < 0.01 && (k < 30 || lb < 0.003) && !only_failures => Severity::Note,
        10.. if lb >= 0.05 => Severity::Critical,
        _ => Severity::Warning,
    }
}

fn never_heals(group: &Weighed<'_, '_>, lb: f64) -> Severity {
    match group.k {
        0..3 => Severity::Note,
        10.. if lb >= 0.05 => Severity::Critical,
        _ => Severity::Warning,
    }
}

fn proxy(group: &Weighed<'_, '_>) -> Severity {
    let least = match group.id {
        "local-health-check-failed" => 3,
        "proxy-draining" => 5,
        _ => 1,
    };
    match group.k {
        k if k < least => Severity::Note,
        10.. if !matches!(group.id, "local-health-check-failed" | "proxy-draining") => Severity::Critical,
        _ => Severity::Warning,
    }
}

fn policy(group: &Weighed<'_, '_>, lb: f64) -> Severity {
    if only_redirects(group) || !interfered(group) || strangers(group) {
        return Severity::Note;
    }
    if flipped(group) {
        return Severity::Critical;
    }
    // One caller inside the mesh that is refused every time is a policy that forgot somebody.
    let refused_caller = group.k >= 3
        && group.k == group.n
        && group.cases.iter().any(|c| c.key.direction == Some(crate::envoy::Direction::Inbound));
    if (lb < 0.05 || group.k < 10) && !refused_caller { Severity::Note } else { Severity::Warning }
}

/// Nobody who knows the service asks by its address, or for what only scanners look for.
fn strangers(group: &Weighed<'_, '_>) -> bool {
    let gateway = group.cases.first().is_some_and(|c| c.signal("gateway"));
    gateway && group.cases.iter().all(|c| c.signal("ip-authority") || c.signal("scanner-path"))
}

/// What was let through before is refused now: one caller's requests for a path, where the callee's side is logged, or
/// the whole scope. Ten successes or more before, and since the first refusal nine of ten requests are denied.
fn flipped(group: &Weighed<'_, '_>) -> bool {
    let Some(first) = group.cases.first() else { return false };
    let turned = |turn: Turn| {
        turn.before >= 10 && turn.denied >= 10 && turn.denied * 10 >= (turn.denied + turn.after) * 9
    };
    if !group.only_failures && first.upstream.is_some_and(|upstream| upstream.turns.iter().any(turned)) {
        return true;
    }
    let onset = group.cases.iter().filter_map(|c| c.symptom.span.first_us()).min();
    let (Some(onset), false, true) = (onset, group.only_failures, group.k >= 10) else { return false };
    if group.cases.iter().all(|case| ended(case, onset)) {
        return true;
    }
    let ok = first.ok();
    match first.upstream {
        Some(upstream) => {
            let width_us = upstream.series.width_s() * 1_000_000;
            let since: u64 = upstream
                .series
                .iter()
                .filter(|(start, _)| start + width_us > onset)
                .map(|(_, load)| load.requests)
                .sum();
            // The bucket of the onset may hold some of the successes before it.
            let since = since.min(group.n);
            ok >= 10 + since.saturating_sub(group.k) && group.k * 10 >= since * 9
        }
        None => ok >= 10 && first.scope_ok().last_us().is_some_and(|last| last <= onset),
    }
}

/// One route of its own, or one authority, was served ten times or more before the first refusal and never since, though
/// others of the same upstream still are.
fn ended(case: &Case<'_>, onset: i64) -> bool {
    let authority = case.symptom.authorities.top().filter(|(_, n)| *n == case.symptom.count);
    let authority = authority.and_then(|(name, _)| case.summary.authorities.get(name));
    [case.route, authority].into_iter().flatten().any(|scope| {
        scope.counts.of(Outcome::Ok) >= 10 && scope.ok.last_us().is_some_and(|last| last <= onset)
    })
}

/// The policy showed: the request did not just get its configured answer. A limit that cuts a session leaves an `ok`
/// outcome behind, but a flag or details of its own.
fn interfered(group: &Weighed<'_, '_>) -> bool {
    group.cases.iter().any(|case| {
        case.key.outcome != Outcome::Ok
            || !case.key.flags.is_empty()
            || !matches!(case.key.details.as_deref(), None | Some(b"via_upstream" | b"direct_response"))
            || case.signal("turned-away")
    })
}

/// An external authorizer that sends people to a login page.
fn only_redirects(group: &Weighed<'_, '_>) -> bool {
    !group.cases.is_empty() && group.cases.iter().all(|c| (300..400).contains(&c.key.code))
}

fn caller(group: &Weighed<'_, '_>, lb: f64) -> Severity {
    const LEFT: FlagSet = FlagSet::known(&["DC", "DR"]);
    if group.id == "client-disconnected" || group.id == "client-too-slow" && all_flagged(group, LEFT) {
        // Ends of streams, ranges and long downloads are no complaints.
        let counted: u64 = group
            .cases
            .iter()
            .filter(|c| !matches!(c.key.code, 101 | 206) && !is_connect(c))
            .map(|c| c.symptom.durations.between(0, MINUTE_MS - 1))
            .sum();
        let many = counted >= 20 && lower_bound(counted, group.n, 1.96) >= 0.10;
        return if many || impatient(group) { Severity::Warning } else { Severity::Note };
    }
    let listener = group.cases.iter().filter_map(|c| c.listener).map(|l| l.counts.requests()).max();
    let n = listener.filter(|n| *n >= group.k).unwrap_or(group.n);
    let of_listener = if group.only_failures { 0.0 } else { lower_bound(group.k, n, 1.96) };
    let one_source =
        group.k >= 5 && group.k == group.n && group.cases.iter().all(|c| c.symptom.clients.len() == 1);
    let many = group.k >= 10 && of_listener.max(lb) >= 0.10;
    if many || one_source { Severity::Warning } else { Severity::Note }
}

fn all_flagged(group: &Weighed<'_, '_>, flags: FlagSet) -> bool {
    group.cases.iter().all(|c| c.key.flags.intersects(flags))
}

fn is_connect(case: &Case<'_>) -> bool {
    case.symptom.exemplars.first().is_some_and(|e| e.request.starts_with(b"CONNECT"))
}

/// Clients that all give up after the same time, which is long beside what the upstream usually takes.
fn impatient(group: &Weighed<'_, '_>) -> bool {
    let mut all = Latency::default();
    group.cases.iter().for_each(|c| all.merge(&c.symptom.durations));
    let usual = group.cases.first().and_then(|c| c.upstream).map_or(0, |u| u.latency.quantile_ms(990));
    // Half of ten may meet by chance; ten that meet do not.
    timing_constant_ms(&all)
        .is_some_and(|ms| ms >= 3 * usual && all.between(ms - ms / 20, ms + ms / 20) >= 10)
}

fn edge(group: &Weighed<'_, '_>, lb: f64) -> Severity {
    let Some(case) = group.cases.first() else { return Severity::Note };
    if !case.signal("gateway") {
        return never_heals(group, lb);
    }
    // A format without details says NR of a TCP connection for this alone.
    let filter_chain = match case.key.details.as_deref() {
        Some(details) => details == b"filter_chain_not_found",
        None => case.key.kind == Kind::Tcp,
    };
    if filter_chain {
        let worked = case.listener.is_some_and(|l| l.counts.of(Outcome::Ok) > 0);
        return match group.k {
            10.. if worked && group.k * 4 >= group.n => Severity::Critical,
            10.. if lb >= 0.10 => Severity::Warning,
            _ => Severity::Note,
        };
    }
    if strangers(group) {
        return Severity::Note;
    }
    let served = case.authority.map_or(0, |a| a.counts.of(Outcome::Ok));
    match group.k {
        10.. if served >= 10 && case.signal("served-before") && lb >= 0.05 => Severity::Critical,
        10.. if (served > 0 && lb >= 0.05) || shares_a_served_domain(case) => Severity::Warning,
        _ => Severity::Note,
    }
}

/// `shop.example.com` is refused while `api.example.com` is served: a host that was forgotten, not a stranger's.
fn shares_a_served_domain(case: &Case<'_>) -> bool {
    let Some(mine) = &case.key.authority else { return false };
    memchr::memchr(b'.', mine).is_some() && case.scene.serves_beside(mine)
}

fn streams(group: &Weighed<'_, '_>, lb: f64) -> Severity {
    let nothing_came = group.cases.iter().any(|c| {
        c.key.outcome.failed() && c.symptom.bytes_sent.get(&crate::aggregate::Size(0)) * 2 > c.symptom.count
    });
    if nothing_came { service(group, lb) } else { Severity::Note }
}

/// The highest share that the group reaches in any stretch of at least 20 requests and 30 s.
fn worst_window(group: &Weighed<'_, '_>) -> f64 {
    let Some(upstream) = group.cases.first().and_then(|c| c.upstream) else { return 0.0 };
    if group.only_failures {
        return 0.0;
    }
    let width_us = upstream.series.width_s() * 1_000_000;
    let loads: Vec<(i64, u64)> = upstream.series.iter().map(|(start, load)| (start, load.requests)).collect();
    let mut hits = vec![0u64; loads.len()];
    let Some(&(begin, _)) = loads.first() else { return 0.0 };
    for case in group.cases {
        for (start, n) in case.symptom.series.iter() {
            let at = start.div_euclid(width_us) - begin.div_euclid(width_us);
            if let Some(slot) = usize::try_from(at).ok().and_then(|at| hits.get_mut(at)) {
                *slot += *n;
            }
        }
    }
    let mut worst: f64 = 0.0;
    for from in 0..loads.len() {
        let (mut n, mut k) = (0, 0);
        for to in from..loads.len() {
            n += loads[to].1;
            k += hits[to];
            let long =
                (to - from + 1) as i64 * width_us >= HALF_MINUTE_US || (from == 0 && to + 1 == loads.len());
            if n >= 20 && long {
                worst = worst.max(k as f64 / n as f64);
            }
        }
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_that_of_the_table() {
        let near = |k, n, percent: f64| (lower_bound(k, n, 1.96) * 100.0 - percent).abs() < 0.05;
        assert!(near(3, 157, 0.65) && near(4, 80, 1.96) && near(87, 234, 31.2));
        assert_eq!(lower_bound(0, 0, 1.96), 0.0);
    }
}
