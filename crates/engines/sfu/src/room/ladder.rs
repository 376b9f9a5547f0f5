//! How eagerly a slot climbs from layer to layer: down at once, up with care, so that pictures do not flicker between
//! sizes at the edge of the bandwidth.

use crate::{Layer, Now};

/// The least time between a change and a raise.
const SETTLED: Now = Now::from_secs(2);
/// A raise that is taken back within this time was too much.
const TRIAL: Now = Now::from_secs(10);
/// Pauses after raises that were taken back.
const PENALTIES: [Now; 4] = [Now::from_secs(4), Now::from_secs(8), Now::from_secs(16), Now::from_secs(30)];
/// With this part of what there was at a raise, or more, it is another network: what was learned does not hold.
const WIDE_PERCENT: u64 = 150;

/// The recent changes of a slot's layer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ladder {
    changed: Option<Now>,
    /// The last change, when it was a raise.
    raised: Option<Raise>,
    barred: Option<Bar>,
    /// Raises taken back, one after another.
    failures: u8,
    /// What the receiver wished at the last look.
    wish: Option<Layer>,
}

#[derive(Clone, Copy, Debug)]
struct Raise {
    at: Now,
    /// What there was to raise pictures with.
    bps: u64,
}

/// No raise before a time, unless there is much more than when the last one was too much.
#[derive(Clone, Copy, Debug)]
struct Bar {
    until: Now,
    bps: u64,
}

impl Ladder {
    /// The receiver wishes `wish`: a greater wish than before is followed without pause.
    pub(super) fn wish(&mut self, wish: Layer) {
        if self.wish.replace(wish) < Some(wish) {
            self.changed = None;
        }
    }

    /// Whether it may climb, where there are `bps` to raise pictures with.
    pub(super) fn may_raise(&self, bps: u64, now: Now) -> bool {
        let is_settled = self.changed.is_none_or(|changed| now.saturating_sub(changed) >= SETTLED);
        // A raise was as high as there was room for, but that was not all there is.
        let is_wider = self.raised.is_some_and(|raise| is_wide(bps, raise.bps));
        let is_barred = self.barred.is_some_and(|bar| now < bar.until && !is_wide(bps, bar.bps));
        (is_settled || is_wider) && !is_barred
    }

    /// The layer has changed, where there are `bps` to raise pictures with.
    pub(super) fn changed(&mut self, from: Option<Layer>, to: Option<Layer>, bps: u64, now: Now) {
        self.changed = Some(now);
        if to > from {
            self.raised = Some(Raise { at: now, bps });
            return;
        }
        let trial = self.raised.take().filter(|raise| now.saturating_sub(raise.at) < TRIAL);
        // A smaller wish is no failure.
        if let Some(raise) = trial.filter(|_| to < self.wish) {
            let penalty = PENALTIES[usize::from(self.failures).min(PENALTIES.len() - 1)];
            self.barred = Some(Bar { until: now + penalty, bps: raise.bps });
            self.failures = self.failures.saturating_add(1);
        } else {
            self.failures = 0;
        }
    }
}

fn is_wide(bps: u64, before: u64) -> bool {
    bps >= (before / 100).saturating_mul(WIDE_PERCENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BPS: u64 = 500_000;

    fn at(seconds: u64) -> Now {
        Now::from_secs(seconds)
    }

    #[test]
    fn a_raise_waits_after_a_change() {
        let mut ladder = Ladder::default();
        ladder.wish(Layer::High);
        assert!(ladder.may_raise(BPS, at(0)));
        ladder.changed(None, Some(Layer::Low), BPS, at(0));
        assert!(!ladder.may_raise(BPS, at(1)));
        assert!(ladder.may_raise(BPS, at(2)));
    }

    #[test]
    fn a_greater_wish_is_followed_at_once() {
        let mut ladder = Ladder::default();
        ladder.wish(Layer::Low);
        ladder.changed(None, Some(Layer::Low), BPS, at(0));
        ladder.wish(Layer::High);
        assert!(ladder.may_raise(BPS, at(0)));
    }

    #[test]
    fn raises_taken_back_wait_longer_and_longer() {
        let mut ladder = Ladder::default();
        ladder.wish(Layer::High);
        let mut now = at(100);
        for penalty in [4, 8, 16, 30, 30] {
            ladder.changed(Some(Layer::Low), Some(Layer::Middle), BPS, now);
            ladder.changed(Some(Layer::Middle), Some(Layer::Low), BPS, now + at(1));
            assert!(!ladder.may_raise(BPS, now + at(penalty)));
            now += at(1 + penalty);
            assert!(ladder.may_raise(BPS, now));
        }
        ladder.changed(Some(Layer::Low), Some(Layer::Middle), BPS, now);
        ladder.changed(Some(Layer::Middle), Some(Layer::Low), BPS, now + at(11));
        assert!(ladder.may_raise(BPS, now + at(13)), "it held for long enough");
    }

    #[test]
    fn much_more_room_than_before_ends_all_pauses() {
        let mut ladder = Ladder::default();
        ladder.wish(Layer::High);
        ladder.changed(Some(Layer::Low), Some(Layer::Middle), BPS, at(100));
        assert!(!ladder.may_raise(749_999, at(101)));
        assert!(ladder.may_raise(750_000, at(101)), "that was not all there is");
        ladder.changed(Some(Layer::Middle), Some(Layer::Low), 300_000, at(101));
        assert!(!ladder.may_raise(750_000, at(102)), "but a raise after a fall waits");
        assert!(!ladder.may_raise(749_999, at(104)));
        assert!(ladder.may_raise(750_000, at(104)));
        assert!(ladder.may_raise(300_000, at(105)));
    }

    #[test]
    fn nothing_is_wide_beside_more_than_can_be() {
        assert!(!is_wide(u64::MAX - 1, u64::MAX));
        assert!(is_wide(0, 0));
    }
}
