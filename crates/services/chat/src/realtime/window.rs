//! What was sent to one client and is not acknowledged yet: a pure state machine.
//!
//! ```text
//!  front                         next_id
//!   ▼                              ▼
//!  [acked][waiting][acked][waiting]       acknowledged ones leave at the front only, so that a position
//!                                         never passes a change that is still on its way
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use crate::rows::ThreadNumber;

/// Requests on their way to one client. A browser answers each within milliseconds; more at once only fill buffers.
pub(crate) const IN_FLIGHT_MAX: usize = 64;
/// How long a client may take to acknowledge. The real one answers after 5 s at the latest, whatever its handlers do.
pub(crate) const ACKNOWLEDGE_WITHIN: Duration = Duration::from_secs(30);
/// Wrong acknowledgements in a row that end a connection: no client of ours makes any.
pub(crate) const WRONG_MAX: u32 = 100;

/// What an acknowledged request moves: a thread's position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) thread: ThreadNumber,
    pub(crate) change: i64,
}

/// What an acknowledgement was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acknowledged {
    /// A request that waited so long.
    Waiting(Duration),
    /// None that waits.
    Unknown,
    /// None that waits, and so too often.
    TooManyUnknown,
}

/// The requests of one connection.
#[derive(Debug, Default)]
pub(crate) struct Window {
    // Invariant: ids rise by one from `first_id`.
    in_flight: VecDeque<InFlight>,
    /// The id of the front, less one: ids start at 1.
    passed: u64,
    wrong_in_a_row: u32,
}

#[derive(Debug)]
struct InFlight {
    moves: Option<Position>,
    sent_at: Duration,
    is_acknowledged: bool,
}

impl Window {
    /// How many more requests may be sent now.
    pub(crate) fn room(&self) -> usize {
        IN_FLIGHT_MAX.saturating_sub(self.in_flight.len())
    }

    /// Whether everything was acknowledged.
    pub(crate) fn is_empty(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// The id of the next request.
    pub(crate) fn next_id(&self) -> u64 {
        self.passed + self.in_flight.len() as u64 + 1
    }

    /// Notes that a request is sent; returns its id. Its acknowledgement makes the position that of `moves`.
    pub(crate) fn send(&mut self, moves: Option<Position>, now: Duration) -> u64 {
        let id = self.next_id();
        self.in_flight.push_back(InFlight { moves, sent_at: now, is_acknowledged: false });
        id
    }

    /// Takes an acknowledgement; positions that may move now are appended to `moved`, in order.
    pub(crate) fn acknowledge(&mut self, id: u64, now: Duration, moved: &mut Vec<Position>) -> Acknowledged {
        let index = id.checked_sub(self.passed + 1).and_then(|index| usize::try_from(index).ok());
        let waiting = index.and_then(|index| self.in_flight.get_mut(index));
        let Some(request) = waiting.filter(|request| !request.is_acknowledged) else {
            self.wrong_in_a_row += 1;
            return if self.wrong_in_a_row >= WRONG_MAX {
                Acknowledged::TooManyUnknown
            } else {
                Acknowledged::Unknown
            };
        };
        request.is_acknowledged = true;
        self.wrong_in_a_row = 0;
        let waited = now.saturating_sub(request.sent_at);
        while let Some(front) = self.in_flight.pop_front_if(|front| front.is_acknowledged) {
            self.passed += 1;
            moved.extend(front.moves);
        }
        Acknowledged::Waiting(waited)
    }

    /// Whether the oldest request waits for too long.
    pub(crate) fn is_overdue(&self, now: Duration) -> bool {
        let is_late = |front: &InFlight| now.saturating_sub(front.sent_at) > ACKNOWLEDGE_WITHIN;
        self.in_flight.front().is_some_and(is_late)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Duration = Duration::from_secs(100);

    fn position(change: i64) -> Position {
        Position { thread: ThreadNumber(1), change }
    }

    fn filled(count: i64) -> Window {
        let mut window = Window::default();
        for change in 1..=count {
            window.send(Some(position(change)), NOW);
        }
        window
    }

    #[test]
    fn positions_move_in_order_although_acknowledgements_do_not() {
        let (mut window, mut moved) = (filled(3), Vec::new());
        assert_eq!(window.acknowledge(3, NOW, &mut moved), Acknowledged::Waiting(Duration::ZERO));
        assert_eq!(window.acknowledge(2, NOW, &mut moved), Acknowledged::Waiting(Duration::ZERO));
        assert!(moved.is_empty());
        window.acknowledge(1, NOW + Duration::from_secs(2), &mut moved);
        assert_eq!(moved, [position(1), position(2), position(3)]);
        assert!(window.is_empty());
        assert_eq!(window.next_id(), 4);
    }

    #[test]
    fn wrong_acknowledgements_are_counted_until_they_are_too_many() {
        let (mut window, mut moved) = (filled(1), Vec::new());
        for id in [0, 2, u64::MAX] {
            assert_eq!(window.acknowledge(id, NOW, &mut moved), Acknowledged::Unknown);
        }
        for _ in 3..WRONG_MAX - 1 {
            window.acknowledge(9, NOW, &mut moved);
        }
        assert_eq!(window.acknowledge(9, NOW, &mut moved), Acknowledged::TooManyUnknown);
        assert!(moved.is_empty());
    }

    #[test]
    fn a_right_acknowledgement_forgives_the_wrong_ones() {
        let (mut window, mut moved) = (filled(2), Vec::new());
        for _ in 0..WRONG_MAX - 1 {
            window.acknowledge(9, NOW, &mut moved);
        }
        window.acknowledge(1, NOW, &mut moved);
        assert_eq!(window.acknowledge(1, NOW, &mut moved), Acknowledged::Unknown, "twice");
    }

    #[test]
    fn a_client_that_does_not_acknowledge_is_overdue() {
        let window = filled(1);
        assert!(!window.is_overdue(NOW + ACKNOWLEDGE_WITHIN));
        assert!(window.is_overdue(NOW + ACKNOWLEDGE_WITHIN + Duration::from_millis(1)));
        assert!(!Window::default().is_overdue(NOW * 9));
    }

    proptest! {
        /// Whatever a client acknowledges: positions only rise, and none passes a request that waits.
        #[test]
        fn no_position_passes_a_waiting_request(steps in prop::collection::vec((any::<bool>(), 0u64..90), 0..300)) {
            let (mut window, mut moved) = (Window::default(), Vec::new());
            let mut acknowledged = std::collections::BTreeSet::new();
            for (is_send, id) in steps {
                if is_send && window.room() > 0 {
                    let change = i64::try_from(window.next_id()).expect("few");
                    window.send(Some(position(change)), NOW);
                } else {
                    let is_known = id > 0 && id < window.next_id() && !acknowledged.contains(&id);
                    let answer = window.acknowledge(id, NOW, &mut moved);
                    prop_assert_eq!(is_known, matches!(answer, Acknowledged::Waiting(_)));
                    if is_known { acknowledged.insert(id); }
                }
                prop_assert!(window.in_flight.len() <= IN_FLIGHT_MAX);
                let contiguous = (1..=300).take_while(|id| acknowledged.contains(id)).count();
                prop_assert_eq!(moved.len(), contiguous);
                let rising: Vec<i64> = (1..=i64::try_from(contiguous).expect("few")).collect();
                prop_assert_eq!(moved.iter().map(|moved| moved.change).collect::<Vec<_>>(), rising);
            }
        }
    }
}
