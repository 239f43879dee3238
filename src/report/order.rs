//! The order of a table's rows, where the user chooses one.

use std::cmp::Ordering;

use super::Report;
use crate::aggregate::{Counts, Group, Latency, Text, Upstream};
use crate::arrange::Arrange;
use crate::error::{ErrorKind, Result};

/// More keys than this never decide anything.
const KEYS: usize = 4;

/// What rows are ordered by, the first key first. Without a key: by failures, then requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Order([Option<Key>; KEYS]);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    by: SortBy,
    turned: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SortBy {
    Failed,
    Requests,
    Rate,
    P50,
    P99,
    Since,
    Name,
}

/// Names as the user types them.
const NAMES: [(&str, SortBy); 7] = [
    ("failed", SortBy::Failed),
    ("requests", SortBy::Requests),
    ("rate", SortBy::Rate),
    ("p50", SortBy::P50),
    ("p99", SortBy::P99),
    ("since", SortBy::Since),
    ("name", SortBy::Name),
];

/// What a row is compared by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'r, N> {
    pub(super) counts: Counts,
    pub(super) latency: &'r Latency,
    /// Start of the first failure.
    pub(super) since_us: Option<i64>,
    pub(super) name: N,
}

impl<'r, N> Row<'r, N> {
    pub(super) fn of(name: N, upstream: &'r Upstream) -> Row<'r, N> {
        Row {
            counts: upstream.counts,
            latency: &upstream.latency,
            since_us: upstream.failure.first_us(),
            name,
        }
    }
}

impl Order {
    /// Reads `KEY,KEY`. Figures fall, names and times rise; `-` before a key turns it round.
    ///
    /// # Errors
    /// When there is no such key, or there are too many; the message lists those there are.
    pub fn parse(text: &str) -> Result<Order> {
        let mut keys = [None; KEYS];
        for (at, item) in text.split(',').map(str::trim).enumerate() {
            let (turned, name) = item.strip_prefix('-').map_or((false, item), |rest| (true, rest));
            let by = NAMES.iter().find(|(known, _)| *known == name).map(|(_, by)| *by);
            match (keys.get_mut(at), by) {
                (Some(key), Some(by)) => *key = Some(Key { by, turned }),
                _ => {
                    let names = NAMES.map(|(name, _)| name).join(", ");
                    let message = both!(
                        "--sort: {item:?}: up to {KEYS} of these are expected: {names}",
                        "--sort：{item:?}：应为以下至多 {KEYS} 个：{names}"
                    )
                    .meant(name, by.is_none().then_some(NAMES.map(|(name, _)| name)).into_iter().flatten());
                    return Err(ErrorKind::Option { message }.into());
                }
            }
        }
        Ok(Order(keys))
    }

    /// Which of two rows stands first.
    pub(super) fn compare<N: Ord>(&self, a: &Row<'_, N>, b: &Row<'_, N>) -> Ordering {
        let chosen = self.0.iter().flatten().map(|key| {
            let order = key.by.compare(a, b);
            if key.turned { order.reverse() } else { order }
        });
        let last = [SortBy::Failed, SortBy::Requests, SortBy::Name].into_iter().map(|by| by.compare(a, b));
        chosen.chain(last).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }
}

impl SortBy {
    fn compare<N: Ord>(self, a: &Row<'_, N>, b: &Row<'_, N>) -> Ordering {
        let falling = |of: fn(&Row<'_, N>) -> u64| of(b).cmp(&of(a));
        match self {
            SortBy::Failed => falling(|row| row.counts.failed()),
            SortBy::Requests => falling(|row| row.counts.requests()),
            // a/b against c/d as a·d against c·b: no rounding.
            SortBy::Rate => {
                let part = |x: &Row<'_, N>, y: &Row<'_, N>| {
                    u128::from(x.counts.failed()) * u128::from(y.counts.requests().max(1))
                };
                part(b, a).cmp(&part(a, b))
            }
            SortBy::P50 => falling(|row| row.latency.quantile_ms(500)),
            SortBy::P99 => falling(|row| row.latency.quantile_ms(990)),
            // What never failed comes last.
            SortBy::Since => (a.since_us.is_none(), a.since_us).cmp(&(b.since_us.is_none(), b.since_us)),
            SortBy::Name => a.name.cmp(&b.name),
        }
    }
}

/// The groups of `--by` in the order that the user chose.
pub(super) fn sorted_groups<'a>(report: &Report<'a>) -> Vec<(&'a [Option<Text>], &'a Group)> {
    let mut rows: Vec<(&[Option<Text>], &Group)> =
        report.summary.groups.rows.iter().map(|(key, group)| (&key[..], group)).collect();
    let order = report.view.order;
    rows.arrange_by(|a, b| {
        let [a, b] = [a, b].map(|(name, group)| Row {
            counts: group.counts,
            latency: &group.latency,
            since_us: None,
            name: *name,
        });
        order.compare(&a, &b)
    });
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Outcome;

    fn sorted(order: &str, rows: &[(&'static str, u64, u64)]) -> Vec<&'static str> {
        let order = Order::parse(order).unwrap();
        let latency = Latency::default();
        let mut rows: Vec<Row<'_, &'static str>> = rows
            .iter()
            .map(|(name, failed, ok)| {
                let mut counts = Counts::default();
                counts.add(Outcome::ProxyError, *failed);
                counts.add(Outcome::Ok, *ok);
                Row { counts, latency: &latency, since_us: None, name: *name }
            })
            .collect();
        rows.sort_by(|a, b| order.compare(a, b));
        rows.into_iter().map(|row| row.name).collect()
    }

    #[test]
    fn keys_stand_in_for_each_other_in_turn() {
        let rows = [("a", 1, 1), ("b", 5, 95), ("c", 1, 9), ("d", 0, 100)];
        assert_eq!(sorted("failed", &rows), ["b", "c", "a", "d"]);
        assert_eq!(sorted("rate", &rows), ["a", "c", "b", "d"]);
        assert_eq!(sorted("-name", &rows), ["d", "c", "b", "a"]);
        assert_eq!(sorted("requests, -name", &rows), ["d", "b", "c", "a"]);
        for slip in ["", "fail", "name,", "name,rate,p50,p99,since"] {
            assert!(Order::parse(slip).unwrap_err().to_string().contains("failed, requests"), "{slip}");
        }
    }
}
