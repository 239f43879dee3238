//! When the screen is drawn: as soon as may be where somebody waits for it, and never more than ten times in a second.
//!
//! In a storm a drawing comes every [`APART`], which makes ten in a second and lets nothing wait longer. A failure after a rest
//! is drawn at once, or [`EARLY`] behind a tick that was drawn a moment before; should a storm follow, its first second has
//! to pay for the drawing that came early, with a little more time between those that are left. What is not urgent waits for
//! the next tick.

use std::time::{Duration, Instant};

/// From one drawing to the next, where drawings are wanted all the time.
const APART: Duration = Duration::from_millis(100);
/// From the last drawing to one that comes early.
const EARLY: Duration = Duration::from_millis(70);
/// From one to the next in the second behind a drawing that came early: nine of these and that one take a second.
const PAYING: Duration = Duration::from_micros(103_400);
/// So long without a drawing, and one may come early: the two together take what two that pay would.
const REST: Duration = Duration::from_micros(136_800);
/// What is not urgent is shown so often, and the clock goes on.
const TICK: Duration = Duration::from_millis(250);

/// The drawings so far.
#[derive(Debug, Default)]
pub(super) struct Pace {
    last: Option<Instant>,
    /// There was a rest before the last one.
    rested: bool,
    /// A drawing came early within the second before.
    paying_until: Option<Instant>,
}

impl Pace {
    /// How long to wait before the next one.
    pub(super) fn wait(&self, now: Instant, urgent: bool) -> Duration {
        let Some(last) = self.last else { return Duration::ZERO };
        let apart = match urgent {
            false => TICK,
            true if self.rested => EARLY,
            true if self.paying_until.is_some_and(|until| last < until) => PAYING,
            true => APART,
        };
        (last + apart).saturating_duration_since(now)
    }

    /// One begins.
    pub(super) fn drawn(&mut self, now: Instant) {
        let gap = self.last.map(|last| now.saturating_duration_since(last));
        self.rested = gap.is_none_or(|gap| gap >= REST);
        if gap.is_some_and(|gap| gap < APART) {
            self.paying_until = Some(now + Duration::from_secs(1));
        }
        self.last = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The moments, in milliseconds, at which something urgent that comes at these is drawn.
    fn drawings(urgent_ms: impl Iterator<Item = u64>) -> Vec<u64> {
        let start = Instant::now();
        let (mut pace, mut drawn) = (Pace::default(), vec![0]);
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

    /// From a trickle to a storm, in step with the drawings and out of it.
    const EVERY_MS: [u64; 10] = [1, 7, 40, 99, 100, 101, 130, 249, 251, 5_000];

    #[test]
    fn no_second_has_more_than_ten() {
        for every in EVERY_MS {
            let drawn = drawings((0..).map(|n| n * every));
            for (at, ms) in drawn.iter().enumerate() {
                let within = drawn[at..].iter().take_while(|later| **later < ms + 1000).count();
                assert!(within <= 10, "every {every} ms: {within} from {ms} on");
            }
        }
        let storm = drawings(0..);
        assert!((98..=100).contains(&storm.len()), "and in a storm there are ten: {}", storm.len());
    }

    /// How long the urgent things wait that come so often, from a moment on, and when they came.
    fn waits(first: u64, every: u64) -> impl Iterator<Item = (u64, u64)> {
        let drawn = drawings((0..).map(move |n| first + n * every));
        (first..9_800).step_by(every as usize).map(move |at| {
            let seen = drawn.iter().find(|drawing| **drawing >= at).expect("it is drawn");
            (at, seen - at)
        })
    }

    #[test]
    fn nothing_urgent_waits_longer_than_a_tenth_of_a_second() {
        for every in EVERY_MS {
            for first in [0, 1, 50, 99, 249, 250, 251, 300] {
                for (at, wait) in waits(first, every) {
                    // The first second pays for a drawing that came early.
                    let most = if at < first + 1_500 { 104 } else { 100 };
                    assert!(wait <= most, "{at} of every {every} ms from {first} on waits for {wait} ms");
                }
            }
        }
    }

    #[test]
    fn a_failure_after_a_quiet_moment_does_not_wait() {
        // Right after a tick, and anywhere between two: there is time left for the drawing itself.
        for (after, wait) in [(1, 69), (50, 20), (70, 0), (249, 0), (251, 69), (300, 20), (499, 0)] {
            let at = 5_000 + after;
            assert!(drawings(std::iter::once(at)).contains(&(at + wait)), "{at}");
        }
    }

    #[test]
    fn nothing_is_drawn_more_often_than_the_clock_asks_for() {
        assert_eq!(drawings(std::iter::empty()).len(), 40);
    }
}
