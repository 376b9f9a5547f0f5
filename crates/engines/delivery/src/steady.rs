//! A clock that never steps back, made from the wall clock that is handed in.
//!
//! Waits inside the machine (holding, flushing, probing) count in steady time: an operator who sets the machine's
//! clock back an hour must not stop the cursor for an hour. What the store keeps is wall-clock time.

use std::time::Duration;

use trunkline_kernel::Timestamp;

/// Microseconds of steady time since the machine was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Instant(u64);

impl Instant {
    /// This much later.
    pub(crate) fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)))
    }

    /// How long after `earlier`; zero when it is not after it.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// Both clocks at the moment of the last call.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Steady {
    wall: Option<Timestamp>,
    now: Instant,
}

impl Steady {
    /// Takes the wall clock: forward it carries the steady clock along, backward it does not.
    pub(crate) fn advance(&mut self, wall: Timestamp) {
        let passed = wall.since(self.wall.unwrap_or(wall));
        self.now = self.now.plus(passed);
        self.wall = Some(wall);
    }

    /// Steady time of the last call.
    pub(crate) const fn now(&self) -> Instant {
        self.now
    }

    /// Wall-clock time of the last call.
    pub(crate) fn wall(&self) -> Timestamp {
        self.wall.unwrap_or_default()
    }

    /// When the wall clock will show that the steady clock has come to `instant`.
    pub(crate) fn to_wall(self, instant: Instant) -> Timestamp {
        self.wall().plus(instant.since(self.now))
    }
}
