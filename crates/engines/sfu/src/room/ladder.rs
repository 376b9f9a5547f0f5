//! How eagerly a slot climbs from layer to layer: down at once, up with care, so that pictures do not flicker between
//! sizes at the edge of the bandwidth.

use crate::{Layer, Now};

/// The least time between a change and a raise.
const SETTLED: Now = Now::from_secs(2);
/// A raise that is taken back within this time was too much.
const TRIAL: Now = Now::from_secs(10);
/// Pauses after raises that were taken back.
const PENALTIES: [Now; 4] = [Now::from_secs(4), Now::from_secs(8), Now::from_secs(16), Now::from_secs(30)];

/// The recent changes of a slot's layer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ladder {
    changed: Option<Now>,
    raised: Option<Now>,
    /// No raise before.
    barred_until: Now,
    /// Raises taken back, one after another.
    failures: u8,
    /// What the receiver wished at the last look.
    wish: Option<Layer>,
}

impl Ladder {
    /// The receiver wishes `wish`: a greater wish than before is followed without pause.
    pub(super) fn wish(&mut self, wish: Layer) {
        if self.wish.replace(wish) < Some(wish) {
            self.changed = None;
        }
    }

    /// Whether it may climb.
    pub(super) fn may_raise(&self, now: Now) -> bool {
        let is_settled = self.changed.is_none_or(|changed| now.saturating_sub(changed) >= SETTLED);
        is_settled && now >= self.barred_until
    }

    /// The layer has changed.
    pub(super) fn changed(&mut self, from: Option<Layer>, to: Option<Layer>, now: Now) {
        self.changed = Some(now);
        if to > from {
            self.raised = Some(now);
            return;
        }
        let was_trial = self.raised.take().is_some_and(|raised| now.saturating_sub(raised) < TRIAL);
        // A smaller wish is no failure.
        if was_trial && to < self.wish {
            let penalty = PENALTIES[usize::from(self.failures).min(PENALTIES.len() - 1)];
            self.barred_until = now + penalty;
            self.failures = self.failures.saturating_add(1);
        } else {
            self.failures = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Now {
        Now::from_secs(seconds)
    }

    #[test]
    fn a_raise_waits_after_a_change() {
        let mut ladder = Ladder::default();
        ladder.wish(Layer::High);
        assert!(ladder.may_raise(at(0)));
        ladder.changed(None, Some(Layer::Low), at(0));
        assert!(!ladder.may_raise(at(1)));
        assert!(ladder.may_raise(at(2)));
    }

    #[test]
    fn a_greater_wish_is_followed_at_once() {
        let mut ladder = Ladder::default();
        ladder.wish(Layer::Low);
        ladder.changed(None, Some(Layer::Low), at(0));
        ladder.wish(Layer::High);
        assert!(ladder.may_raise(at(0)));
    }

    #[test]
    fn raises_taken_back_wait_longer_and_longer() {
        let mut ladder = Ladder::default();
        ladder.wish(Layer::High);
        let mut now = at(100);
        for penalty in [4, 8, 16, 30, 30] {
            ladder.changed(Some(Layer::Low), Some(Layer::Middle), now);
            ladder.changed(Some(Layer::Middle), Some(Layer::Low), now + at(1));
            assert!(!ladder.may_raise(now + at(penalty)));
            now += at(1 + penalty);
            assert!(ladder.may_raise(now));
        }
        ladder.changed(Some(Layer::Low), Some(Layer::Middle), now);
        ladder.changed(Some(Layer::Middle), Some(Layer::Low), now + at(11));
        assert!(ladder.may_raise(now + at(13)), "it held for long enough");
    }
}
