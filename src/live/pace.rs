//! When the screen is drawn: at once where somebody waits for it, and never more than ten times in a second.
//!
//! Two drawings may follow each other at once, one more every [`APART`]; what is not urgent waits for the next tick. So a
//! failure after a quiet moment is seen as soon as it is known, and in a storm each drawing shows the storm so far.

use std::time::{Duration, Instant};

/// Drawings on the long run: with the one that may come early these are ten in any second.
const APART: Duration = Duration::from_millis(112);
/// What is not urgent is shown so often, and the clock goes on.
const TICK: Duration = Duration::from_millis(250);

/// The drawings so far.
#[derive(Debug)]
pub(super) struct Pace {
    last: Option<Instant>,
    /// When all drawings so far are paid for.
    paid: Instant,
}

impl Pace {
    /// None yet.
    pub(super) fn new(now: Instant) -> Pace {
        Pace { last: None, paid: now }
    }

    /// How long to wait before the next one.
    pub(super) fn wait(&self, now: Instant, urgent: bool) -> Duration {
        let Some(last) = self.last else { return Duration::ZERO };
        let due = if urgent { self.paid.checked_sub(APART).unwrap_or(last) } else { last + TICK };
        due.saturating_duration_since(now)
    }

    /// One begins.
    pub(super) fn drawn(&mut self, now: Instant) {
        self.last = Some(now);
        self.paid = self.paid.max(now) + APART;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The moments, in milliseconds, at which something urgent that comes at these is drawn.
    fn drawings(urgent_ms: impl Iterator<Item = u64>) -> Vec<u64> {
        let start = Instant::now();
        let (mut pace, mut drawn) = (Pace::new(start), vec![0]);
        pace.drawn(start);
        let mut urgent_ms = urgent_ms.peekable();
        let mut waiting = false;
        for ms in 0..10_000 {
            while urgent_ms.next_if(|at| *at <= ms).is_some() {
                waiting = true;
            }
            let now = start + Duration::from_millis(ms);
            if pace.wait(now, waiting).is_zero() {
                pace.drawn(now);
                drawn.push(ms);
                waiting = false;
            }
        }
        drawn
    }

    #[test]
    fn no_second_has_more_than_ten() {
        for every in [1, 7, 40, 112, 130, 249, 251, 5_000] {
            let drawn = drawings((0..).map(|n| n * every));
            for (at, ms) in drawn.iter().enumerate() {
                let within = drawn[at..].iter().take_while(|later| **later < ms + 1000).count();
                assert!(within <= 10, "every {every} ms: {within} from {ms} on");
            }
        }
    }

    #[test]
    fn a_failure_after_a_quiet_moment_does_not_wait() {
        // Right after a tick, and anywhere between two.
        for after in [1, 50, 249, 251, 300, 499] {
            let at = 5_000 + after;
            assert!(drawings(std::iter::once(at)).contains(&at), "{at}");
        }
    }

    #[test]
    fn nothing_is_drawn_more_often_than_the_clock_asks_for() {
        assert_eq!(drawings(std::iter::empty()).len(), 40);
    }
}
