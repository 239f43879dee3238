//! Who calls whom, as the outputs show it: rows of figures, and a graph that Markdown and HTML draw.

use super::escape::utf8;
use super::units::{count, counted, duration, rate};
use crate::aggregate::{Edge, Hops, Latency, Seen};
use crate::diagnosis::upstream_title;
use crate::words::Lang;

/// Columns of the table of hops.
const HEAD: [(&str, &str); 11] = [
    ("caller", "调用方"),
    ("upstream", "上游"),
    ("requests", "请求"),
    ("failed", "失败"),
    ("at callee", "被调用方收到"),
    ("failed there", "被调用方失败"),
    ("disagree", "不一致"),
    ("tries", "尝试"),
    ("p50", "p50"),
    ("between", "途中"),
    ("in callee", "被调用方耗时"),
];

/// The names of the columns.
pub(super) fn head(lang: Lang) -> Vec<&'static str> {
    HEAD.map(|(en, zh)| lang.pick(en, zh)).into()
}

/// What is told of hops that are not shown.
pub(super) fn more(hops: usize, lang: Lang) -> String {
    let (en, n) = (counted(hops as u64, "more hop"), hops);
    say!(lang, "{en}", "另有 {n} 跳")
}

/// Nodes of a graph at most: more cannot be read.
const NODES: usize = 30;

/// The edges that have another side to tell of.
pub(super) fn told(hops: &Hops) -> Vec<&Edge> {
    let known = |edge: &&Edge| edge.by_callee.is_some() || edge.paired > 0;
    hops.edges.iter().filter(known).collect()
}

/// A name for a proxy: its pod, or the file its lines stand in, without folders.
pub(super) fn proxy(name: &[u8]) -> String {
    let name = utf8(name);
    name.rsplit('/').next().unwrap_or(&name).to_owned()
}

fn caller(edge: &Edge, lang: Lang) -> String {
    edge.caller.as_deref().map_or_else(|| lang.pick("(all callers)", "（所有调用方）").to_owned(), proxy)
}

/// One row below [`head()`].
pub(super) fn row(edge: &Edge, lang: Lang) -> Vec<String> {
    let median = |latency: &Latency| match latency.count() {
        0 => "-".to_owned(),
        _ => duration(latency.quantile_ms(500)),
    };
    let there = |get: fn(Seen) -> u64| edge.by_callee.map_or("-".to_owned(), |seen| count(get(seen)));
    let disagree = edge.caller_only + edge.callee_only + edge.missing;
    let tries = match edge.paired {
        0 => "-".to_owned(),
        n => {
            let tenths = edge.attempts * 10 / n;
            format!("{}.{}", tenths / 10, tenths % 10)
        }
    };
    vec![
        caller(edge, lang),
        upstream_title(&edge.upstream, lang),
        count(edge.by_caller.requests),
        count(edge.by_caller.failed),
        there(|seen| seen.requests),
        there(|seen| seen.failed),
        if edge.paired + edge.missing == 0 { "-".to_owned() } else { count(disagree) },
        tries,
        median(&edge.times.total),
        median(&edge.times.network),
        match (edge.times.queue.count(), edge.times.application.count()) {
            (0, _) | (_, 0) => "-".to_owned(),
            _ => duration(edge.times.queue.quantile_ms(500) + edge.times.application.quantile_ms(500)),
        },
    ]
}

/// A graph of callers and upstreams.
pub(super) struct Graph {
    /// Names, callers first.
    pub(super) nodes: Vec<String>,
    pub(super) arrows: Vec<Arrow>,
    /// Edges left out because a larger graph could not be read.
    pub(super) more: usize,
}

/// One edge: positions of its nodes, and what is written on it.
pub(super) struct Arrow {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) words: String,
    pub(super) failing: bool,
}

/// The graph of the edges with the most failures. `None` when there is nothing to draw.
pub(super) fn graph(hops: &Hops, lang: Lang) -> Option<Graph> {
    let edges = told(hops);
    let mut graph = Graph { nodes: Vec::new(), arrows: Vec::new(), more: 0 };
    for edge in &edges {
        let (from, to) = (caller(edge, lang), place(edge, &edges, lang));
        let new = [&from, &to].iter().filter(|name| !graph.nodes.contains(name)).count();
        if graph.nodes.len() + new > NODES {
            graph.more += 1;
            continue;
        }
        let [from, to] = [from, to].map(|name| {
            graph.nodes.iter().position(|known| *known == name).unwrap_or_else(|| {
                graph.nodes.push(name);
                graph.nodes.len() - 1
            })
        });
        let Seen { requests, failed } = edge.by_caller;
        let (n, of, share) = (count(failed), count(requests), rate(failed, requests));
        let mut words = say!(lang, "{n} of {of} failed ({share})", "{of} 个中 {n} 个失败（{share}）");
        if let Some(seen) = edge.by_callee.filter(|seen| seen.failed != failed) {
            let there = count(seen.failed);
            words += &say!(lang, ", {there} at the callee", "，被调用方 {there} 个");
        }
        graph.arrows.push(Arrow { from, to, words, failing: failed > 0 });
    }
    (!graph.arrows.is_empty()).then_some(graph)
}

/// An upstream goes by its pod's name where that pod calls on, so that chains are chains.
fn place(edge: &Edge, edges: &[&Edge], lang: Lang) -> String {
    let calls_on = |name: &[u8]| edges.iter().any(|other| other.caller.as_deref() == Some(name));
    match edge.callees.iter().collect::<Vec<_>>()[..] {
        [one] if calls_on(one) => proxy(one),
        _ => upstream_title(&edge.upstream, lang),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::Text;

    fn edge(caller: &str, callee: &str, upstream: &str, failed: u64) -> Edge {
        Edge {
            caller: Some(Text::from(caller.as_bytes())),
            upstream: upstream.as_bytes().into(),
            callees: [Text::from(callee.as_bytes())].into(),
            by_caller: Seen { requests: 10, failed },
            by_callee: Some(Seen { requests: 10, failed: 0 }),
            ..Edge::default()
        }
    }

    #[test]
    fn chains_are_chains() {
        let edges = vec![
            edge("gateway", "web-1", "outbound|80||web.shop.svc.cluster.local", 3),
            edge("web-1", "cart-1", "outbound|80||cart.shop.svc.cluster.local", 2),
        ];
        let graph = graph(&Hops { edges, ..Hops::default() }, Lang::En).unwrap();
        assert_eq!(graph.nodes, ["gateway", "web-1", "cart.shop:80"]);
        assert_eq!((graph.arrows[1].from, graph.arrows[1].to), (1, 2));
        assert!(graph.arrows[0].words.contains("3 of 10 failed"), "{}", graph.arrows[0].words);
    }

    #[test]
    fn a_graph_stays_readable() {
        let edges = (0..100).map(|n| edge(&format!("c{n}"), "x", &format!("u{n}"), 0)).collect();
        let graph = graph(&Hops { edges, ..Hops::default() }, Lang::En).unwrap();
        assert_eq!((graph.nodes.len(), graph.more), (NODES, 100 - NODES / 2));
    }
}
