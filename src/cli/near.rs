//! Did you mean: the known name that a mistaken one is nearest to.

use meshwhy::envoy::Cluster;
use meshwhy::envoy::flags::{FLAGS, FlagSet};
use meshwhy::pipeline::{Outcome, Passed};
use meshwhy::query::{Filter, upstream_fits};
use meshwhy::say;
use meshwhy::words::{Lang, nearest};

/// Names that are listed where none is near.
const LISTED: usize = 5;

/// What to say where a filter on upstreams left nothing, and no upstream fits it.
pub(super) fn upstream(filter: &Filter, passed: Passed, outcome: &Outcome, lang: Lang) -> Option<String> {
    if passed.access == 0 || passed.left_out < passed.access || outcome.missed.is_empty() {
        return None;
    }
    let fits = |glob: &[u8]| outcome.missed.iter().any(|name| upstream_fits(glob, name));
    let glob = filter.upstreams().find(|glob| !fits(glob))?;
    let glob = String::from_utf8_lossy(glob);
    let names: Vec<String> = outcome.missed.iter().map(|name| known_as(name)).collect();
    let short = names.iter().map(|name| name.split('.').next().unwrap_or(name));
    let near = nearest(glob.trim_matches('*'), short.chain(names.iter().map(String::as_str)));
    Some(match near {
        Some(near) => say!(
            lang,
            "no upstream fits {glob:?}: is {near:?} meant?",
            "没有上游符合 {glob:?}：是否指 {near:?}？"
        ),
        None => {
            let mut seen: Vec<&str> = names.iter().map(String::as_str).take(LISTED).collect();
            if names.len() > LISTED {
                seen.push("…");
            }
            let seen = seen.join(lang.comma());
            say!(
                lang,
                "no upstream fits {glob:?}; seen were {seen}",
                "没有上游符合 {glob:?}；出现过的有 {seen}"
            )
        }
    })
}

/// What to say where a filter on flags left nothing, and names one that Envoy does not have.
pub(super) fn flag(filter: &Filter, passed: Passed, lang: Lang) -> Option<String> {
    if passed.access == 0 || passed.left_out < passed.access {
        return None;
    }
    let unknown = |name: &&str| !name.contains('*') && FlagSet::of(name).is_none();
    filter.flags().filter_map(|name| str::from_utf8(name).ok()).filter(unknown).find_map(|name| {
        let near = nearest_flag(name)?;
        Some(say!(
            lang,
            "Envoy has no flag {name:?}: is {near:?} meant?",
            "Envoy 没有标志 {name:?}：是否指 {near:?}？"
        ))
    })
}

fn nearest_flag(name: &str) -> Option<&'static str> {
    let short = nearest(&name.to_uppercase(), FLAGS.iter().map(|row| row.code));
    short.or_else(|| nearest(name, FLAGS.iter().map(|row| row.name)))
}

/// The cause or flag that is nearest to what nothing is known of.
pub(super) fn explained<'p>(text: &str, pages: impl Iterator<Item = &'p str>) -> Option<&'p str> {
    nearest(text, pages).or_else(|| nearest_flag(text))
}

/// The shortest name that tells an upstream from others: `reviews.default`, a host, or the cluster's own.
fn known_as(name: &[u8]) -> String {
    let cluster = Cluster::parse(name);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match (cluster.service, cluster.namespace, cluster.host) {
        (Some(service), Some(namespace), _) => format!("{}.{}", text(service), text(namespace)),
        (_, _, Some(host)) => text(host),
        _ => text(cluster.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_hand_are_found() {
        let known = ["reviews", "ratings", "details", "productpage"];
        for (slip, meant) in [("reviws", "reviews"), ("rating", "ratings"), ("prodcutpage", "productpage")] {
            assert_eq!(nearest(slip, known), Some(meant));
        }
        assert_eq!(nearest("checkout", known), None);
        assert_eq!((nearest_flag("ufx"), nearest_flag("NoRouteFond")), (Some("UF"), Some("NoRouteFound")));
        assert_eq!(nearest_flag("--"), None);
    }
}
