//! [`Room`]: puts the changes of one thread in order before they are told. Pure.
//!
//! ```text
//! heard:      4  5     7  8        (with their notification, or only that they happened)
//! delivered: ─┘            next 5, then wait 20 ms for 6, then read what lies between
//! ```
//!
//! A new room knows nothing of the thread, so the first it does is to read what happened lately: whoever was told
//! already leaves it out.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::changes::Committed;

/// How long a change that is missing may take to come by itself: what a handler needs from commit to here.
const GAP_WAIT: Duration = Duration::from_millis(20);
/// Changes kept out of order; beyond that they are read.
const EARLY_MAX: usize = 512;

/// What is known of a thread's changes.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// Everything up to here was told; `None` until the room is open.
    delivered: Option<i64>,
    // Changes after `delivered`; without a value those of which only the number is known.
    early: BTreeMap<i64, Option<Committed>>,
    /// Until when a missing change may come by itself.
    due: Option<Duration>,
    /// Until when nothing is tried, because the store failed.
    rests_until: Option<Duration>,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Find out what happened lately, up to this change at least.
    Open { up_to: i64 },
    /// Tell of this change.
    Deliver(Committed),
    /// Read the changes after one and up to another from the store, and tell of them.
    Read { after: i64, up_to: i64 },
    /// Look again then.
    Wait(Duration),
    /// Nothing.
    Idle,
}

impl Room {
    /// Takes note of a change, with its notification when that is there; `false` when there is nothing to do for it.
    pub(super) fn hear(&mut self, change: i64, committed: Option<Committed>) -> bool {
        if self.delivered.is_some_and(|delivered| change <= delivered) {
            return false;
        }
        if self.early.len() >= EARLY_MAX && !self.early.contains_key(&change) {
            // All of them will be read, so only the last number matters.
            if self.early.last_key_value().is_some_and(|(last, _)| change > *last) {
                self.early.pop_last();
                self.early.insert(change, None);
            }
            return true;
        }
        let known = self.early.entry(change).or_default();
        if committed.is_some() {
            *known = committed;
        }
        true
    }

    /// What to do now.
    pub(super) fn next(&mut self, now: Duration) -> Next {
        let Some((&first, _)) = self.early.first_key_value() else {
            self.due = None;
            return Next::Idle;
        };
        if let Some(until) = self.rests_until {
            if now < until {
                return Next::Wait(until);
            }
            self.rests_until = None;
        }
        let up_to = *self.early.last_key_value().expect("there is a first").0;
        let delivered = match self.delivered {
            Some(delivered) => delivered,
            // Nothing comes before the first change of a thread.
            None if first == 1 => *self.delivered.insert(0),
            None => return Next::Open { up_to },
        };
        if first == delivered + 1
            && let Some(committed) = self.early.first_entry().and_then(|mut entry| entry.get_mut().take())
        {
            self.early.pop_first();
            self.delivered = Some(first);
            self.due = None;
            return Next::Deliver(committed);
        }
        let due = *self.due.get_or_insert(now + GAP_WAIT);
        if now < due && self.early.len() < EARLY_MAX {
            return Next::Wait(due);
        }
        Next::Read { after: delivered, up_to }
    }

    /// Takes a change back that could not be told; it comes again then.
    pub(super) fn put_back(&mut self, committed: Committed, due: Duration) {
        self.delivered = Some(committed.change - 1);
        self.early.insert(committed.change, Some(committed));
        self.rests_until = Some(due);
    }

    /// Notes that everything up to a change was read and told.
    pub(super) fn told_up_to(&mut self, change: i64) {
        self.delivered = self.delivered.max(Some(change));
        self.early = self.early.split_off(&(change + 1));
        self.due = None;
    }

    /// Notes that the store failed; it is tried again then.
    pub(super) const fn rest_until(&mut self, due: Duration) {
        self.rests_until = Some(due);
    }

    /// Up to which change everything was told.
    pub(super) const fn delivered(&self) -> Option<i64> {
        self.delivered
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::changes::Change;
    use crate::rows::ThreadNumber;

    fn committed(change: i64) -> Committed {
        Committed { thread: ThreadNumber(1), change, members_version: 1, what: Change::Silent }
    }

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// A room that has told everything up to 4.
    fn room() -> Room {
        let mut room = Room::default();
        room.hear(4, Some(committed(4)));
        assert_eq!(room.next(ms(0)), Next::Open { up_to: 4 });
        room.told_up_to(4);
        room
    }

    #[test]
    fn the_first_change_of_a_thread_waits_for_nothing() {
        let mut room = Room::default();
        room.hear(1, Some(committed(1)));
        assert_eq!(room.next(ms(0)), Next::Deliver(committed(1)));
    }

    #[test]
    fn a_new_room_looks_back_before_it_tells_anything() {
        let mut room = Room::default();
        for change in [7, 6] {
            room.hear(change, Some(committed(change)));
        }
        assert_eq!(room.next(ms(0)), Next::Open { up_to: 7 });
        room.told_up_to(8);
        assert!(!room.hear(8, Some(committed(8))), "it was read");
        assert_eq!((room.next(ms(0)), room.delivered()), (Next::Idle, Some(8)));
    }

    #[test]
    fn changes_that_overtook_each_other_are_told_in_order() {
        let mut room = room();
        room.hear(6, Some(committed(6)));
        assert_eq!(room.next(ms(9)), Next::Wait(ms(29)));
        room.hear(5, Some(committed(5)));
        assert_eq!(room.next(ms(10)), Next::Deliver(committed(5)));
        assert_eq!(room.next(ms(10)), Next::Deliver(committed(6)));
        assert_eq!(room.next(ms(10)), Next::Idle);
    }

    #[test]
    fn a_gap_is_read_after_a_while() {
        let mut room = room();
        room.hear(7, Some(committed(7)));
        assert_eq!(room.next(ms(10)), Next::Wait(ms(30)));
        assert_eq!(room.next(ms(30)), Next::Read { after: 4, up_to: 7 });
        room.told_up_to(7);
        assert_eq!((room.next(ms(31)), room.delivered()), (Next::Idle, Some(7)));
    }

    #[test]
    fn a_change_of_another_node_is_read() {
        let mut room = room();
        room.hear(5, None);
        assert_eq!(room.next(ms(10)), Next::Wait(ms(30)));
        assert_eq!(room.next(ms(30)), Next::Read { after: 4, up_to: 5 });
    }

    #[test]
    fn what_was_told_is_not_told_again() {
        let mut room = room();
        for change in 1..=4 {
            assert!(!room.hear(change, Some(committed(change))));
            assert!(!room.hear(change, None));
        }
        assert_eq!(room.next(ms(90)), Next::Idle);
    }

    #[test]
    fn a_change_that_could_not_be_told_comes_again_later_and_first() {
        let mut room = room();
        room.hear(5, Some(committed(5)));
        assert_eq!(room.next(ms(1)), Next::Deliver(committed(5)));
        room.put_back(committed(5), ms(200));
        room.hear(6, Some(committed(6)));
        assert_eq!(room.next(ms(2)), Next::Wait(ms(200)));
        assert_eq!(room.next(ms(200)), Next::Deliver(committed(5)));
        assert_eq!(room.next(ms(200)), Next::Deliver(committed(6)));
    }

    #[test]
    fn while_the_store_fails_a_room_neither_spins_nor_grows() {
        let mut room = room();
        room.hear(6, Some(committed(6)));
        for change in 7..5000 {
            room.hear(change, Some(committed(change)));
        }
        assert_eq!(room.early.len(), EARLY_MAX);
        assert_eq!(room.next(ms(1)), Next::Read { after: 4, up_to: 4999 });
        room.rest_until(ms(200));
        assert_eq!(room.next(ms(2)), Next::Wait(ms(200)));
    }

    proptest! {
        /// Whatever is heard in whatever order, and whether with a notification: all is told, once and in order.
        #[test]
        fn everything_is_told_once_and_in_order(
            heard in prop::collection::vec((1i64..40, any::<bool>()), 1..200),
        ) {
            let (mut room, mut told, mut now) = (room(), Vec::new(), ms(1000));
            let top = heard.iter().map(|(offset, _)| 4 + offset).max().expect("some");
            for (offset, has_notification) in heard {
                now += ms(1);
                let change = 4 + offset;
                room.hear(change, has_notification.then(|| committed(change)));
                drain(&mut room, now, &mut told);
            }
            drain(&mut room, now + ms(100), &mut told);
            drain(&mut room, now + ms(200), &mut told);
            prop_assert_eq!(told, (5..=top).collect::<Vec<_>>());
        }
    }

    fn drain(room: &mut Room, now: Duration, told: &mut Vec<i64>) {
        loop {
            match room.next(now) {
                Next::Deliver(committed) => told.push(committed.change),
                Next::Read { after, up_to } => {
                    told.extend(after + 1..=up_to);
                    room.told_up_to(up_to);
                }
                Next::Open { .. } | Next::Wait(_) | Next::Idle => return,
            }
        }
    }
}
