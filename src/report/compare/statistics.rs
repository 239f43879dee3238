//! How well chance alone explains a difference.

use super::Share;
use crate::aggregate::Latency;
use crate::arrange::Arrange;

/// Counts above which the normal approximation of Fisher's test is as good.
const EXACT: u64 = 20_000;

/// Fisher's exact test, two-sided: the chance of a split at least as unlikely as the one seen, when both sides fail
/// alike.
pub(super) fn fisher(before: Share, after: Share) -> f64 {
    if before.of == 0 || after.of == 0 {
        return 1.0;
    }
    let (hits, of) = (before.hits + after.hits, before.of + after.of);
    if hits == 0 || hits == of {
        return 1.0;
    }
    if hits.min(of - hits).min(before.of).min(after.of) > EXACT {
        return normal(before, after);
    }
    // The split seen may go through each number of hits `k` before: of a hypergeometric distribution.
    let least = hits.saturating_sub(after.of);
    let most = hits.min(before.of);
    let choose = |n: u64, k: u64| ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k);
    let chance = |k: u64| choose(before.of, k) + choose(after.of, hits - k) - choose(of, hits);
    let seen = chance(before.hits.clamp(least, most));
    let sum: f64 = (least..=most).map(chance).filter(|ln| *ln <= seen + 1e-7).map(f64::exp).sum();
    sum.min(1.0)
}

fn normal(before: Share, after: Share) -> f64 {
    let (n, m) = (before.of as f64, after.of as f64);
    let pooled = (before.hits + after.hits) as f64 / (n + m);
    let spread = (pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m)).sqrt();
    let z = ((before.hits as f64 / n) - (after.hits as f64 / m)).abs() / spread.max(1e-300);
    two_sided(z)
}

/// Kolmogorov's and Smirnov's test of two samples; on rounded values it is rather too careful.
pub(super) fn smirnov(before: &Latency, after: &Latency) -> f64 {
    let (n, m) = (before.count() as f64, after.count() as f64);
    if n == 0.0 || m == 0.0 {
        return 1.0;
    }
    let mut steps: Vec<(u64, f64)> = before.buckets().map(|(low, _, k)| (low, k as f64 / n)).collect();
    steps.extend(after.buckets().map(|(low, _, k)| (low, -(k as f64) / m)));
    steps.arrange_by_key(|step| step.0);
    let (mut gap, mut widest): (f64, f64) = (0.0, 0.0);
    for chunk in steps.chunk_by(|a, b| a.0 == b.0) {
        gap += chunk.iter().map(|step| step.1).sum::<f64>();
        widest = widest.max(gap.abs());
    }
    (2.0 * (-2.0 * widest * widest * n * m / (n + m)).exp()).min(1.0)
}

/// Chance of a normal value at least this far from the middle.
fn two_sided(z: f64) -> f64 {
    // Complementary error function (Abramowitz and Stegun 7.1.26), whose factor keeps it right far out.
    let x = z / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let series = t
        * (0.254_829_592
            + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    (series * (-x * x).exp()).clamp(0.0, 1.0)
}

fn ln_factorial(n: u64) -> f64 {
    if n < 16 {
        return (2..=n).map(|k| (k as f64).ln()).sum();
    }
    // Stirling's series; the next term is below 1e-9.
    let n = n as f64;
    n * n.ln() - n + 0.5 * (2.0 * std::f64::consts::PI * n).ln() + 1.0 / (12.0 * n)
        - 1.0 / (360.0 * n * n * n)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(hits: u64, of: u64) -> Share {
        Share { hits, of }
    }

    #[test]
    fn the_tea_taster_and_other_known_tables() {
        let near = |got: f64, want: f64| assert!((got - want).abs() < 1e-3, "{got} {want}");
        near(fisher(share(3, 4), share(1, 4)), 0.4857);
        near(fisher(share(1, 12), share(9, 12)), 0.0028);
        near(fisher(share(0, 10), share(0, 10)), 1.0);
        near(two_sided(1.96), 0.05);
    }

    #[test]
    fn exact_and_normal_agree_on_large_counts() {
        let (a, b) = (share(5_000, 100_000), share(5_200, 100_000));
        assert!((fisher(a, b) - normal(a, b)).abs() < 0.003);
    }

    #[test]
    fn equal_latencies_are_equal() {
        let mut latency = Latency::default();
        (0..500).for_each(|n| latency.add(n));
        assert_eq!(smirnov(&latency, &latency), 1.0);
    }
}
