//! What a receiver can take, made of what its congestion control thinks.
//!
//! An estimate follows what is sent: of a call without pictures it says little, and a busy machine makes it drop for a
//! moment. So only one that stays below what is sent is believed at once; one above it allows what is sent now, and a
//! try at somewhat more.

use crate::Now;

/// Taken to be there until something else is known: most networks have more, and a small gallery fits.
const START_BPS: u64 = 1_000_000;
/// Part of the estimate that is spent: the rest is for repairs and for being wrong.
const SPENT_PERCENT: u64 = 90;
/// An estimate below this part of what is sent is trouble, until it is above the other.
const TROUBLE_PERCENT: u64 = 90;
const CALM_PERCENT: u64 = 96;
/// Below this part, it is trouble that cannot wait.
const COLLAPSE_PERCENT: u64 = 60;
/// How long trouble may last before larger pictures are made smaller, and before pictures are paused.
const SHRINK_AFTER: Now = Now::from_secs(1);
const PAUSE_AFTER: Now = Now::from_secs(3);
/// How long nothing is tried on good faith after trouble.
const CAUTION: Now = Now::from_secs(30);

/// The congestion control's view of one receiver, and what was learned from it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bandwidth {
    estimate_bps: Option<u64>,
    trouble_since: Option<Now>,
    cautious_until: Now,
}

/// What may be spent, in bits per second, the sound not counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::struct_field_names, reason = "units stand last in names")]
pub(super) struct Budget {
    /// To keep larger layers than the lowest.
    pub(super) keep_bps: u64,
    /// To keep pictures at all.
    pub(super) keep_lowest_bps: u64,
    /// To show a picture that is not shown.
    pub(super) show_bps: u64,
    /// To raise one.
    pub(super) raise_bps: u64,
}

impl Bandwidth {
    /// Takes a new estimate; answers whether it is another one than before, by more than a twentieth.
    pub(super) fn estimated(&mut self, bps: u64) -> bool {
        let before = self.estimate_bps.replace(bps);
        before.is_none_or(|before| before.abs_diff(bps) > before / 20)
    }

    /// What may be spent while `sent_bps` are sent, `audio_bps` of them sound.
    pub(super) fn budget(&mut self, sent_bps: u64, audio_bps: u64, now: Now) -> Budget {
        let spend = |bps: u64| (bps / 100 * SPENT_PERCENT).saturating_sub(audio_bps);
        let Some(estimate) = self.estimate_bps else {
            let bps = spend(START_BPS);
            return Budget { keep_bps: u64::MAX, keep_lowest_bps: u64::MAX, show_bps: bps, raise_bps: bps };
        };
        let is_below = |percent| estimate < sent_bps / 100 * percent;
        let least = if self.trouble_since.is_some() { CALM_PERCENT } else { TROUBLE_PERCENT };
        if !is_below(least) {
            self.trouble_since = None;
            let show = estimate.max(START_BPS);
            let raise = if now < self.cautious_until { estimate } else { show };
            let (show_bps, raise_bps) = (spend(show), spend(raise));
            return Budget { keep_bps: u64::MAX, keep_lowest_bps: u64::MAX, show_bps, raise_bps };
        }
        let lasts = now.saturating_sub(*self.trouble_since.get_or_insert(now));
        let bps = spend(estimate);
        let limit = |is_serious| if is_serious { bps } else { u64::MAX };
        let is_serious = lasts >= SHRINK_AFTER || is_below(COLLAPSE_PERCENT);
        if is_serious {
            self.cautious_until = now + CAUTION;
        }
        let (keep_bps, keep_lowest_bps) = (limit(is_serious), limit(lasts >= PAUSE_AFTER));
        Budget { keep_bps, keep_lowest_bps, show_bps: bps, raise_bps: bps }
    }

    /// Whether less gets through than is sent.
    pub(super) fn is_troubled(&self) -> bool {
        self.trouble_since.is_some()
    }

    /// What must be estimated, for so much to be raised to.
    pub(super) fn estimate_for(bps: u64, audio_bps: u64) -> u64 {
        (bps + audio_bps) * 100 / SPENT_PERCENT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Now {
        Now::from_millis(ms)
    }

    #[test]
    fn a_receiver_that_gets_what_it_is_sent_is_in_no_trouble() {
        let mut bandwidth = Bandwidth::default();
        bandwidth.estimated(120_000);
        let budget = bandwidth.budget(100_000, 40_000, at(0));
        assert_eq!((budget.keep_bps, budget.keep_lowest_bps), (u64::MAX, u64::MAX));
        assert_eq!((budget.show_bps, budget.raise_bps), (860_000, 860_000));
        bandwidth.estimated(3_000_000);
        assert_eq!(bandwidth.budget(100_000, 40_000, at(0)).raise_bps, 2_660_000);
    }

    #[test]
    fn trouble_makes_pictures_smaller_and_then_pauses_them() {
        let mut bandwidth = Bandwidth::default();
        bandwidth.estimated(400_000);
        let mut limits = |ms| {
            let budget = bandwidth.budget(500_000, 0, at(ms));
            (budget.keep_bps, budget.keep_lowest_bps)
        };
        assert_eq!(limits(0), (u64::MAX, u64::MAX));
        assert_eq!(limits(999), (u64::MAX, u64::MAX));
        assert_eq!(limits(1_000), (360_000, u64::MAX));
        assert_eq!(limits(3_000), (360_000, 360_000));
        let calm = bandwidth.budget(300_000, 0, at(3_100));
        assert_eq!((calm.keep_bps, calm.show_bps, calm.raise_bps), (u64::MAX, 900_000, 360_000));
        assert_eq!(bandwidth.budget(300_000, 0, at(33_000)).raise_bps, 900_000);
    }

    #[test]
    fn a_collapse_makes_pictures_smaller_at_once() {
        let mut bandwidth = Bandwidth::default();
        bandwidth.estimated(250_000);
        let budget = bandwidth.budget(500_000, 0, at(0));
        assert_eq!((budget.keep_bps, budget.keep_lowest_bps), (225_000, u64::MAX));
    }
}
