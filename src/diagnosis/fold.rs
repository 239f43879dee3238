//! One fault, one finding: what is only another sight of it is folded in.

use super::case::Case;
use super::catalog::Story;
use super::finding::Finding;
use super::page::Class;
use super::{model, sides};
use crate::aggregate::Span;
use crate::arrange::Arrange;
use crate::envoy::{Direction, FlagSet};
use crate::record::Outcome;

/// A story that another one of the same scope brings about becomes part of it.
pub(super) fn fold_symptoms(stories: &mut Vec<Story<'_, '_>>) {
    let mut at = 0;
    while at < stories.len() {
        let symptom = &stories[at];
        let head = &symptom.page.head;
        let may_follow = |root: &Story<'_, '_>| {
            root.page.head.id != head.id && head.symptom_of.contains(&root.page.head.id)
        };
        let root = match head.symptom_of.is_empty() {
            true => None,
            false => stories.iter().position(|root| may_follow(root) && root.scope == symptom.scope),
        };
        match root {
            Some(root) => {
                let symptom = stories.remove(at);
                let root = &mut stories[if root > at { root - 1 } else { root }];
                root.tell_within(symptom);
            }
            None => at += 1,
        }
    }
}

impl Story<'_, '_> {
    /// What this cause brought about becomes part of it, and stays named: in the evidence and among the alternatives.
    fn tell_within(&mut self, symptom: Self) {
        let count = symptom.parts.iter().map(|(case, _)| case.symptom.count).sum();
        let weight: f64 =
            symptom.parts.iter().map(|(case, best)| best.confidence * case.symptom.count as f64).sum();
        *self.rivals.entry(&symptom.page.head.id).or_default() += weight;
        self.symptoms.push((symptom.page, count));
        self.symptoms.extend(symptom.symptoms);
        self.parts.extend(symptom.parts);
    }
}

/// Two proxies log the same request. The caller passes on an error that the callee's log explains; the callee sees a
/// client leave whose log tells of a timeout. The request ids prove that it is one fault.
pub(super) fn fold_echoes(stories: &mut Vec<Story<'_, '_>>) {
    let mut roles: Vec<Role> = stories.iter().map(Role::of).collect();
    let mut at = 0;
    while at < stories.len() {
        let (echo, role) = (&stories[at], roles[at]);
        if !role.may_echo() {
            at += 1;
            continue;
        }
        let roots = stories.iter().enumerate().filter(|(other, root)| {
            *other != at
                && (role.echoes(roles[*other]) && root.scope != echo.scope && same_requests(echo, root)
                    || role.is_tunnelled_by(roles[*other])
                        && sides::same_requests(&cases(echo), &cases(root)))
        });
        // All stories on the way share request ids; the other side of this very hop is the one that it is an echo of.
        let proven = |root: &Story<'_, '_>| sides::shared(&cases(echo), &cases(root)).0;
        let root = roots
            .max_by_key(|(other, root)| (proven(root), std::cmp::Reverse(*other)))
            .map(|(other, _)| other);
        match root {
            Some(root) => {
                let echo = stories.remove(at);
                roles.remove(at);
                let root = &mut stories[if root > at { root - 1 } else { root }];
                // Inbound clusters have no name, and some formats no clusters; the caller's has one.
                if root.scope.upstream.as_ref().is_none_or(|name| name.starts_with(b"inbound|"))
                    && echo.scope.upstream.is_some()
                    && calls_it(&echo, root)
                {
                    root.scope = echo.scope;
                }
                // With its new name the root may be another's, which had the old name as well.
                at = 0;
            }
            None => at += 1,
        }
    }
}

/// True when an echo may give a story its name: it is about the very hop on which that broke, as far as the join knows.
fn calls_it(echo: &Story<'_, '_>, root: &Story<'_, '_>) -> bool {
    let calls = cases(echo);
    let own = |case: &Case<'_>| case.key.details.as_deref() != Some(&b"via_upstream"[..]);
    let made: Vec<Case<'_>> = cases(root).into_iter().filter(own).collect();
    let (shared, known, _) = sides::shared(&calls, &made);
    !calls.iter().all(inbound) && (shared > 0 || known == 0)
}

/// What a story can be to another one that tells of the same requests.
#[derive(Clone, Copy)]
struct Role {
    /// The caller passed on what its upstream answered.
    passed_on: bool,
    /// The application between them answered, with the failure of its own call.
    passed_through: bool,
    /// The caller's connection broke; the callee stands closer to the break.
    broke: bool,
    /// The callee saw its client leave.
    cut_off: bool,
    /// The callee tells of a failure.
    below: bool,
    /// A proxy made the answer.
    made: bool,
    /// The caller gave up.
    cut_above: bool,
    /// A source's ztunnel tells what the destination's answered.
    told_by_tunnel: bool,
    /// A destination's ztunnel says why.
    tells_in_tunnel: bool,
}

impl Role {
    fn of(story: &Story<'_, '_>) -> Role {
        fn details<'c>(case: &'c Case<'_>) -> &'c [u8] {
            case.key.details.as_deref().unwrap_or_default()
        }
        let all = |holds: &dyn Fn(&Case<'_>) -> bool| story.parts.iter().all(|(case, _)| holds(case));
        let any = |holds: &dyn Fn(&Case<'_>) -> bool| story.parts.iter().any(|(case, _)| holds(case));
        // gRPC: 200 with URX is a failure whose status the format may lack.
        let failed = |case: &Case<'_>| match case.key.outcome {
            Outcome::Ok => case.key.flags.intersects(FlagSet::known(&["URX"])),
            outcome => outcome != Outcome::ClientGone,
        };
        let outside = all(&|case| failed(case) && !inbound(case));
        // Formats without details: then a flag says that the proxy itself made the answer.
        let own_flag = |case: &Case<'_>| {
            details(case).is_empty() && !case.key.flags.without(FlagSet::known(&["URX"])).is_empty()
        };
        let answered = |case: &Case<'_>| details(case).starts_with(b"http status: ");
        Role {
            passed_on: outside && all(&|case| matches!(details(case), b"via_upstream" | b"")),
            passed_through: all(&|case| failed(case) && inbound(case) && details(case) == b"via_upstream"),
            broke: outside && all(&|case| details(case).starts_with(b"upstream_reset_")),
            cut_off: story.page.head.id != "retry-amplification"
                && all(&|case| inbound(case) && case.key.outcome == Outcome::ClientGone),
            below: any(&|case| failed(case) && inbound(case)),
            made: any(&|case| {
                failed(case) && (!matches!(details(case), b"via_upstream" | b"") || own_flag(case))
            }),
            cut_above: any(&|case| {
                !inbound(case) && matches!(case.key.outcome, Outcome::ProxyError | Outcome::ClientGone)
            }),
            told_by_tunnel: all(&|case| !inbound(case) && answered(case)),
            tells_in_tunnel: all(&|case| inbound(case) && !answered(case)),
        }
    }

    fn may_echo(self) -> bool {
        self.passed_on || self.passed_through || self.broke || self.cut_off || self.told_by_tunnel
    }

    /// True when it can be what the other one looks like from the other side of the connection.
    fn echoes(self, root: Role) -> bool {
        self.passed_on && (root.below || root.made)
            || self.passed_through && root.made
            || self.broke && root.below
            || self.cut_off && root.cut_above
    }

    /// True when the source's ztunnel can tell what the destination's answered, and that one's log says why.
    fn is_tunnelled_by(self, root: Role) -> bool {
        self.told_by_tunnel && root.tells_in_tunnel
    }
}

/// One cause that both ends of the same requests or connections show is one story, told by the caller, whose cluster has
/// a name.
pub(super) fn fold_ends(stories: &mut Vec<Story<'_, '_>>) {
    let mut at = 0;
    while at < stories.len() {
        if !stories[at].parts.iter().all(|(case, _)| inbound(case) || case.key.upstream.is_none()) {
            at += 1;
            continue;
        }
        let caller = stories.iter().position(|root| {
            root.page.head.id == stories[at].page.head.id
                && root.scope != stories[at].scope
                && root.parts.iter().all(|(case, _)| case.key.upstream.is_some() && !inbound(case))
                && sides::same_requests(&cases(&stories[at]), &cases(root))
        });
        match caller {
            Some(_) => {
                stories.remove(at);
            }
            None => at += 1,
        }
    }
}

fn inbound(case: &Case<'_>) -> bool {
    case.key.direction == Some(Direction::Inbound)
}

fn cases<'s>(story: &Story<'_, 's>) -> Vec<Case<'s>> {
    story.parts.iter().map(|(case, _)| *case).collect()
}

fn same_requests(echo: &Story<'_, '_>, root: &Story<'_, '_>) -> bool {
    if sides::same_requests(&cases(echo), &cases(root)) {
        return true;
    }
    let ids = || echo.parts.iter().flat_map(|(case, _)| case.symptom.request_ids.iter().map(|(id, _)| *id));
    let known = |id| root.parts.iter().any(|(case, _)| case.symptom.request_ids.get(&id) > 0);
    let all = ids().count() as u64;
    let shared = ids().filter(|id| known(*id)).count() as u64;
    shared > 0 && shared * 10 >= all * model::SAME_REQUESTS_OF_TEN
}

/// A fault of the proxy itself is one fault, whatever the requests wanted that it hit.
fn one_proxy(findings: Vec<Finding>, class_of: impl Fn(&str) -> Option<Class>) -> Vec<Finding> {
    let mut out: Vec<Finding> = Vec::new();
    for finding in findings {
        let first = out.iter_mut().find(|f| f.id == finding.id && class_of(&f.id) == Some(Class::S3));
        let Some(first) = first else {
            out.push(finding);
            continue;
        };
        let mut upstreams = std::mem::take(&mut first.scope.upstreams);
        upstreams.extend(first.scope.upstream.clone());
        upstreams.extend(finding.scope.upstream.clone());
        upstreams.arrange();
        upstreams.dedup();
        absorb(first, finding);
        first.scope.upstreams = upstreams;
    }
    out
}

/// One cause on many upstreams at the same time is one finding with a list.
pub(super) fn fold_upstreams(
    findings: Vec<Finding>,
    class_of: impl Fn(&str) -> Option<Class>,
) -> Vec<Finding> {
    let mut out: Vec<Finding> = Vec::new();
    for finding in findings {
        let alike = |f: &Finding| {
            f.id == finding.id
                && f.scope.upstream.is_some()
                && finding.scope.upstream.is_some()
                && overlap(f.span, finding.span)
        };
        match out.iter_mut().find(|f| alike(f)) {
            Some(first) => first.scope.upstreams.push(finding.scope.upstream.clone().unwrap_or_default()),
            None => {
                let mut first = finding.clone();
                first.scope.upstreams.extend(first.scope.upstream.clone());
                out.push(first);
                continue;
            }
        }
        out.push(finding);
    }
    // Few of them stay apart; many are told by the worst.
    let lists: Vec<Finding> =
        out.iter().filter(|f| f.scope.upstreams.len() >= model::MANY_UPSTREAMS).cloned().collect();
    let mut kept: Vec<Finding> = Vec::new();
    for mut finding in out {
        finding.scope.upstreams = Vec::new();
        let list = lists.iter().find(|list| {
            list.id == finding.id
                && finding.scope.upstream.as_ref().is_some_and(|u| list.scope.upstreams.contains(u))
        });
        let Some(list) = list else {
            kept.push(finding);
            continue;
        };
        match kept.iter_mut().find(|k| k.id == finding.id && k.scope.upstreams == list.scope.upstreams) {
            None => {
                finding.scope.upstreams = list.scope.upstreams.clone();
                kept.push(finding);
            }
            Some(worst) => absorb(worst, finding),
        }
    }
    one_proxy(kept, class_of)
}

fn overlap(a: Span, b: Span) -> bool {
    match (a.first_us(), a.last_us(), b.first_us(), b.last_us()) {
        (Some(a0), Some(a1), Some(b0), Some(b1)) => a0 <= b1 && b0 <= a1,
        _ => true,
    }
}

/// Two findings of one cause become one; the name is that of the larger.
fn absorb(worst: &mut Finding, mut other: Finding) {
    if other.requests > worst.requests {
        other.scope.upstreams = std::mem::take(&mut worst.scope.upstreams);
        std::mem::swap(worst, &mut other);
    }
    let total = (worst.requests + other.requests).max(1) as f64;
    worst.confidence =
        (worst.confidence * worst.requests as f64 + other.confidence * other.requests as f64) / total;
    worst.severity = worst.severity.max(other.severity);
    worst.requests += other.requests;
    worst.of += other.of;
    worst.span.merge(other.span);
    worst.ongoing |= other.ongoing;
    if worst.scope.host != other.scope.host {
        worst.scope.host = None;
    }
    other.evidence.retain(|fact| !fact.of_one_scope);
    worst.evidence.retain(|fact| !fact.of_one_scope);
    for fact in other.evidence {
        match worst.evidence.iter_mut().find(|f| f.text == fact.text) {
            Some(known) => known.count += fact.count,
            None => worst.evidence.push(fact),
        }
    }
}
