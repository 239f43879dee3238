//! Lists for people are put in order by one sort.
//!
//! The standard library's sort is compiled anew for each type of element and each comparison, six kilobytes every time, to be as
//! quick as can be. Lists that are made once in a run need not be sorted that quickly: here places are sorted, through a
//! comparison that is called indirectly, and the elements follow.

use std::cmp::Ordering;

/// To put elements in order; equal ones stay as they stand to each other.
pub trait Arrange<T> {
    /// By a comparison.
    fn arrange_by(&mut self, compare: impl Fn(&T, &T) -> Ordering);

    /// By a key of each element, which is made anew for each comparison.
    fn arrange_by_key<K: Ord>(&mut self, key: impl Fn(&T) -> K) {
        self.arrange_by(|a, b| key(a).cmp(&key(b)));
    }

    /// By their own order.
    fn arrange(&mut self)
    where
        T: Ord,
    {
        self.arrange_by(T::cmp);
    }
}

impl<T> Arrange<T> for [T] {
    fn arrange_by(&mut self, compare: impl Fn(&T, &T) -> Ordering) {
        let mut targets = targets(self.len(), &|a, b| compare(&self[a], &self[b]));
        // Each exchange brings one element to where it belongs.
        for at in 0..self.len() {
            while targets[at] != at {
                let target = targets[at];
                self.swap(at, target);
                targets.swap(at, target);
            }
        }
    }
}

/// Where each of so many elements belongs.
#[inline(never)]
fn targets(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|a, b| compare(*a, *b));
    let mut targets = vec![0; count];
    for (target, at) in order.into_iter().enumerate() {
        targets[at] = target;
    }
    targets
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn elements_are_ordered_as_by_the_standard_library(mut list in prop::collection::vec((0u8..9, any::<u8>()), 0..60)) {
            let mut expected = list.clone();
            expected.sort_by_key(|element| element.0);
            list.arrange_by_key(|element| element.0);
            prop_assert_eq!(&list, &expected);
            expected.sort();
            list.arrange();
            prop_assert_eq!(list, expected);
        }
    }
}
