//! How much the parts that wait to be merged may hold, all together.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes of parts that wait for their turn; the task whose turn it is may add as much.
pub(super) const WAITING_BYTES: usize = 3 << 20;

/// The same where lines are written out: what is written of a few blocks is more than that, and there is little else in memory.
pub(super) const WAITING_TEXT_BYTES: usize = 8 << 20;

/// Parts pass it on their way to the merging. The task whose turn it is waits only while some of its own parts are still
/// to be merged: so there is always one that goes on.
pub(super) struct Gate {
    /// Bytes that may wait.
    room: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Number of the task whose parts are merged now.
    turn: u64,
    waiting_bytes: usize,
    /// Those of the task whose turn it is that came since it is: at most what it really has waiting, so that above 0
    /// something of it is still to be merged.
    of_turn_bytes: usize,
}

impl Gate {
    pub(super) fn new(room: usize) -> Gate {
        Gate { room, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Waits until there is room for a part of task `number`, or its turn comes.
    pub(super) fn enter(&self, number: u64, bytes: usize) {
        let closed = |state: &mut State| {
            let all = state.waiting_bytes.saturating_add(bytes);
            match number > state.turn {
                true => state.waiting_bytes > 0 && all > self.room,
                false => state.of_turn_bytes > 0 && all > 2 * self.room,
            }
        };
        let mut state = self.changed.wait_while(self.state(), closed).unwrap_or_else(PoisonError::into_inner);
        state.waiting_bytes += bytes;
        if number <= state.turn {
            state.of_turn_bytes += bytes;
        }
    }

    /// A part was merged.
    pub(super) fn leave(&self, bytes: usize) {
        let mut state = self.state();
        state.waiting_bytes = state.waiting_bytes.saturating_sub(bytes);
        state.of_turn_bytes = state.of_turn_bytes.saturating_sub(bytes);
        drop(state);
        self.changed.notify_all();
    }

    /// All parts of the task whose turn it was are merged.
    pub(super) fn next(&self) {
        let mut state = self.state();
        state.turn += 1;
        state.of_turn_bytes = 0;
        drop(state);
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
