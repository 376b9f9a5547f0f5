//! The timers of one call.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::rules::TimerId;

/// Timers by name. A call has a handful for each leg that comes or goes, and few of them are set at once.
#[derive(Debug, Default)]
pub(super) struct Timers {
    /// When each is due, by the monotonic clock.
    due: BTreeMap<TimerId, Duration>,
}

impl Timers {
    /// Sets a timer, in the place of the one of that name.
    pub(super) fn set(&mut self, timer: TimerId, due: Duration) {
        self.due.insert(timer, due);
    }

    pub(super) fn stop(&mut self, timer: TimerId) {
        self.due.remove(&timer);
    }

    /// How long until the first is due; `None` when none is set.
    pub(super) fn wait(&self, now: Duration) -> Option<Duration> {
        self.due.values().min().map(|due| due.saturating_sub(now))
    }

    /// Takes the one that is due for longest.
    pub(super) fn take_due(&mut self, now: Duration) -> Option<TimerId> {
        let (timer, due) = self.due.iter().min_by_key(|(_, due)| **due).map(|(timer, due)| (*timer, *due))?;
        if due > now {
            return None;
        }
        self.due.remove(&timer);
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::P;

    #[test]
    fn timers_come_in_order_and_once() {
        let mut timers = Timers::default();
        timers.set(TimerId::Ring(P(2)), Duration::from_secs(5));
        timers.set(TimerId::Setup(P(1)), Duration::from_secs(3));
        timers.set(TimerId::Ring(P(2)), Duration::from_secs(2));
        timers.set(TimerId::Empty, Duration::from_secs(1));
        timers.stop(TimerId::Empty);

        assert_eq!(timers.wait(Duration::from_secs(1)), Some(Duration::from_secs(1)));
        assert_eq!(timers.take_due(Duration::from_secs(1)), None);
        assert_eq!(timers.take_due(Duration::from_secs(9)), Some(TimerId::Ring(P(2))));
        assert_eq!(timers.take_due(Duration::from_secs(9)), Some(TimerId::Setup(P(1))));
        assert_eq!(timers.take_due(Duration::from_secs(9)), None);
        assert_eq!(timers.wait(Duration::ZERO), None);
    }
}
