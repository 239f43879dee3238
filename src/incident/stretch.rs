//! Change points: where the rate of events changed.
//!
//! Time is a row of bins. A stretch with `hits` events among `exposure` requests has the Poisson log likelihood
//! `hits × ln(hits / exposure)` (what does not depend on the cut left out). The best cut is the one whose likelihoods,
//! less a penalty for each boundary, add up to the most. It is found exactly, by dynamic programming with pruning
//! (PELT, Killick et al. 2012); the penalty is the strict form of the Bayesian information criterion, `2.5 × ln(bins)`.
//! Boundaries are looked for beside bins with events only: a quiet hour costs nothing.

/// Events in one bin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    /// Number of the bin, from 0.
    pub at: i64,
    /// Events.
    pub hits: u64,
}

/// Bins with one rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stretch {
    /// First bin.
    pub from: i64,
    /// Bin behind the last.
    pub to: i64,
    /// Events.
    pub hits: u64,
    /// Requests (or bins, where requests are not known) that could have been events.
    pub exposure: f64,
}

impl Stretch {
    /// Events in relation to the exposure. Nothing observed has no events.
    pub fn rate(&self) -> f64 {
        if self.exposure > 0.0 { self.hits as f64 / self.exposure } else { 0.0 }
    }
}

/// Weight of a boundary: two for its place, and some for events that come in clumps.
const PENALTY: f64 = 2.5;

/// Cuts `0..bins` into stretches of constant rate. `hits` has the bins with events in order, `exposure` is the sum over
/// all bins before the given one.
pub fn stretches(bins: i64, hits: &[Bin], exposure: impl Fn(i64) -> f64) -> Vec<Stretch> {
    let nodes = nodes(bins, hits, exposure);
    let penalty = PENALTY * (bins.max(2) as f64).ln();
    let mut best = vec![0.0; nodes.len()];
    let mut back = vec![0; nodes.len()];
    let mut open = vec![0];
    for to in 1..nodes.len() {
        let cost = |from: usize, best: &[f64]| best[from] + cost(&nodes[from], &nodes[to]);
        let mut least = f64::INFINITY;
        for &from in &open {
            let sum = cost(from, &best) + penalty;
            if sum < least {
                (least, back[to]) = (sum, from);
            }
        }
        best[to] = least;
        // What is already worse without a further boundary can never win.
        open.retain(|&from| cost(from, &best) <= least);
        open.push(to);
    }
    let mut out = Vec::new();
    let mut to = nodes.len() - 1;
    while to > 0 {
        let (start, end) = (&nodes[back[to]], &nodes[to]);
        let (hits, exposure) = (end.hits - start.hits, end.exposure - start.exposure);
        out.push(Stretch { from: start.at, to: end.at, hits, exposure });
        to = back[to];
    }
    out.reverse();
    out
}

/// A place where a stretch may begin or end, with the sums of all before it.
struct Node {
    at: i64,
    hits: u64,
    exposure: f64,
}

fn nodes(bins: i64, hits: &[Bin], exposure: impl Fn(i64) -> f64) -> Vec<Node> {
    let mut out = vec![Node { at: 0, hits: 0, exposure: exposure(0) }];
    let mut sum = 0;
    let mut push = |at: i64, hits: u64| {
        if out.last().is_some_and(|last| last.at < at) {
            out.push(Node { at, hits, exposure: exposure(at) });
        }
    };
    for bin in hits {
        push(bin.at, sum);
        sum += bin.hits;
        push(bin.at + 1, sum);
    }
    push(bins, sum);
    out
}

/// Negative log likelihood of one rate between two places.
fn cost(from: &Node, to: &Node) -> f64 {
    let (hits, exposure) = ((to.hits - from.hits) as f64, to.exposure - from.exposure);
    if hits == 0.0 { 0.0 } else { hits * (exposure.max(1e-9) / hits).ln() }
}
