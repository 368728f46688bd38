//! One partition's way: straight to the journal, or through the spool. It keeps the order and does no I/O.
//!
//! A record goes straight only while none of its partition waits and none is just being made to wait. So a record that is
//! appended after another one was acknowledged never overtakes it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use model::Millis;

use crate::Offset;

/// One partition.
#[derive(Debug)]
pub(super) struct Lane(Mutex<State>);

#[derive(Debug)]
struct State {
    is_spooling: bool,
    /// The last attempt on the journal failed.
    is_away: bool,
    /// Appends to the spool that are under way.
    entering: u32,
    /// The first record that is not drained, and the first that is not there yet.
    next: Offset,
    end: Offset,
    /// Since when the record at `next` waits, or one before it.
    oldest: Option<Millis>,
}

/// What waits in a lane.
pub(super) struct Waiting {
    pub(super) records: u64,
    pub(super) oldest: Option<Millis>,
    pub(super) is_away: bool,
}

impl Lane {
    /// A lane of which the records from `next` up to `end` wait.
    pub(super) fn new(next: Offset, end: Offset) -> Self {
        Self(Mutex::new(State { is_spooling: next < end, is_away: false, entering: 0, next, end, oldest: None }))
    }

    /// Locks, also after a panic elsewhere: every change under the lock is complete before anything can panic.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a record has to go through the spool.
    pub(super) fn is_spooling(&self) -> bool {
        self.state().is_spooling
    }

    /// From now on records go through the spool; the caller is about to append one there.
    pub(super) fn enter(&self) -> Entering<'_> {
        let mut state = self.state();
        // That it went this way although nothing waited means that the journal did not take it.
        state.is_away |= !state.is_spooling;
        state.is_spooling = true;
        state.entering += 1;
        Entering(self)
    }

    /// Where the draining goes on.
    pub(super) fn next(&self) -> Offset {
        self.state().next
    }

    /// A record that waits was read. It may be one whose sender went away, so that nobody told of it.
    pub(super) fn found(&self, last: Offset, oldest: Millis) {
        let mut state = self.state();
        state.is_spooling = true;
        state.end = state.end.max(last.next());
        state.oldest = Some(oldest);
    }

    /// The journal took what it was offered, or did not.
    pub(super) fn attempted(&self, is_away: bool) {
        self.state().is_away = is_away;
    }

    /// The records before `next` need not wait any more; the one there waits since `oldest` at the latest.
    pub(super) fn advance(&self, next: Offset, oldest: Millis) {
        let mut state = self.state();
        state.next = next;
        state.end = state.end.max(next);
        state.oldest = Some(oldest);
        state.settle();
    }

    /// What waits.
    pub(super) fn waiting(&self) -> Waiting {
        let state = self.state();
        let records = state.end.0.saturating_sub(state.next.0);
        let is_away = state.is_away && state.is_spooling;
        Waiting { records, oldest: state.oldest.filter(|_| records > 0), is_away }
    }
}

impl State {
    /// Lets records go straight again once none waits.
    fn settle(&mut self) {
        if self.entering == 0 && self.next >= self.end {
            self.is_spooling = false;
            self.oldest = None;
        }
    }
}

/// An append to the spool that is under way, also until its future is dropped.
pub(super) struct Entering<'a>(&'a Lane);

impl Entering<'_> {
    /// The record stands at `offset` since `at`.
    pub(super) fn entered(self, offset: Offset, at: Millis) {
        let mut state = self.0.state();
        state.end = state.end.max(offset.next());
        if state.next < state.end {
            state.oldest.get_or_insert(at);
        }
    }
}

impl Drop for Entering<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.entering = state.entering.saturating_sub(1);
        state.settle();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Millis = Millis(5);

    #[test]
    fn a_record_goes_straight_only_while_none_waits_and_none_enters() {
        let lane = Lane::new(Offset(0), Offset(0));
        assert!(!lane.is_spooling());
        let (one, two) = (lane.enter(), lane.enter());
        one.entered(Offset(0), AT);
        lane.advance(Offset(1), AT);
        assert!(lane.is_spooling(), "the second one is still on its way");
        two.entered(Offset(1), AT);
        assert!(lane.is_spooling(), "it waits");
        assert_eq!(lane.waiting().records, 1);
        lane.advance(Offset(2), AT);
        assert!(!lane.is_spooling());
        assert_eq!((lane.waiting().records, lane.waiting().oldest), (0, None));
    }

    #[test]
    fn a_record_that_was_refused_leaves_the_way_open() {
        let lane = Lane::new(Offset(3), Offset(3));
        drop(lane.enter());
        assert!(!lane.is_spooling());
    }

    #[test]
    fn a_record_whose_sender_went_away_is_waited_for_once_it_is_found() {
        let lane = Lane::new(Offset(0), Offset(0));
        drop(lane.enter());
        lane.found(Offset(0), AT);
        assert!(lane.is_spooling());
        lane.advance(Offset(1), AT);
        assert!(!lane.is_spooling());
    }

    #[test]
    fn a_lane_that_was_left_full_goes_on_spooling() {
        let lane = Lane::new(Offset(2), Offset(7));
        assert!(lane.is_spooling());
        assert_eq!(lane.waiting().records, 5);
    }
}
