//! What a receiver can take, made of what its congestion control thinks.
//!
//! An estimate is of what was sent: one above it is believed, one that stays below it is trouble. Who gets nothing is
//! not measured. So the first pictures are shown on good faith, and after trouble the first one is tried again.

use crate::Now;

/// Taken to be there until something else is known, as the congestion control does.
const START_BPS: u64 = 1_000_000;
/// What first pictures may take in all, whatever is known to be there: a camera or a screen in one size beside a gallery
/// of small ones. Most networks have more. The pacer lets 250 % of the estimate through, at least 600 kbit/s: as
/// much as this until feedback comes, and then less or more.
const FAITH_BPS: u64 = 2_500_000;
/// Part of the estimate that is spent: the rest is for repairs and for being wrong.
const SPENT_PERCENT: u64 = 90;
/// An estimate below this part of what is sent is trouble, until it is above the other.
const TROUBLE_PERCENT: u64 = 90;
const CALM_PERCENT: u64 = 96;
/// Below this part, it is trouble that cannot wait.
const COLLAPSE_PERCENT: u64 = 60;
/// An estimate that rose within this time is on its way up: feedback comes each tenth of a second, news less often.
const RISING: Now = Now::from_millis(500);
/// How long an estimate may take to follow when more is sent: a key frame, half a second of measuring, feedback.
const FOLLOWS: Now = Now::from_secs(2);
/// How long trouble may last before larger pictures are made smaller, and before pictures are paused.
const SHRINK_AFTER: Now = Now::from_secs(1);
const PAUSE_AFTER: Now = Now::from_secs(3);
/// How long after trouble new pictures are shown only where there is room: what there is has been measured.
const CAUTION: Now = Now::from_mins(1);
/// Pauses before one picture is tried again where none is shown, by the troubles since the last `CAUTION` without one.
const RETRIES: [Now; 4] = [Now::from_secs(5), Now::from_secs(10), Now::from_secs(20), Now::from_secs(40)];

/// The congestion control's view of one receiver, and what was learned from it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bandwidth {
    estimate_bps: Option<u64>,
    /// When it rose last; `None` once it has fallen.
    rose: Option<Now>,
    /// When more began to be sent, and what was estimated then.
    raised: Option<(Now, u64)>,
    trouble: Option<Trouble>,
    /// When there was serious trouble last.
    troubled_last: Option<Now>,
    /// Serious troubles before that one, each within `CAUTION` of the next.
    troubles: usize,
}

/// Less gets through than is sent.
#[derive(Clone, Copy, Debug)]
struct Trouble {
    since: Now,
    is_serious: bool,
}

/// What may be spent, in bits per second, the sound not counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Budget {
    /// To keep larger layers than the lowest.
    pub(super) keep_bps: u64,
    /// To keep pictures at all.
    pub(super) keep_lowest_bps: u64,
    /// To show a picture for the first time.
    pub(super) show_bps: u64,
    /// To raise one, or show it again.
    pub(super) raise_bps: u64,
    /// Whether one picture is shown, whatever it takes, where there is room for none.
    pub(super) may_try: bool,
}

impl Bandwidth {
    /// Takes a new estimate; answers whether it is another one than before, by more than a twentieth.
    pub(super) fn estimated(&mut self, bps: u64, now: Now) -> bool {
        let before = self.estimate_bps.replace(bps);
        if before != Some(bps) {
            self.rose = before.filter(|before| *before < bps).map(|_| now);
        }
        before.is_none_or(|before| before.abs_diff(bps) > before / 20)
    }

    /// A picture was shown or made larger.
    pub(super) fn raised(&mut self, now: Now) {
        if self.trouble.is_none() {
            self.raised = Some((now, self.estimate()));
        }
    }

    /// What may be spent while pictures of `video_bps` and sound of `audio_bps` are sent.
    pub(super) fn budget(&mut self, video_bps: u64, audio_bps: u64, now: Now) -> Budget {
        let measured_bps = (self.estimate() / 100 * SPENT_PERCENT).saturating_sub(audio_bps);
        self.notice_trouble(video_bps, audio_bps, now);
        let limit = |is_limited| if is_limited { measured_bps } else { u64::MAX };
        let lasts = self.trouble.map_or(Now::ZERO, |trouble| now.saturating_sub(trouble.since));
        let has_faith = self.trouble.is_none() && !self.is_cautious(now);
        Budget {
            keep_bps: limit(self.trouble.is_some_and(|trouble| trouble.is_serious)),
            keep_lowest_bps: limit(lasts >= PAUSE_AFTER),
            show_bps: if has_faith { measured_bps.max(FAITH_BPS) } else { measured_bps },
            raise_bps: measured_bps,
            may_try: self.trouble.is_none()
                && self.troubled_last.is_none_or(|last| now >= last + self.retry()),
        }
    }

    /// Whether less gets through than is sent.
    pub(super) fn is_troubled(&self) -> bool {
        self.trouble.is_some()
    }

    /// What must be estimated, for so much to be raised to.
    pub(super) fn estimate_for(bps: u64, audio_bps: u64) -> u64 {
        (bps + audio_bps) * 100 / SPENT_PERCENT
    }

    fn estimate(&self) -> u64 {
        self.estimate_bps.unwrap_or(START_BPS)
    }

    fn is_cautious(&self, now: Now) -> bool {
        self.troubled_last.is_some_and(|last| now < last + CAUTION)
    }

    fn retry(&self) -> Now {
        RETRIES[self.troubles.min(RETRIES.len() - 1)]
    }

    fn notice_trouble(&mut self, video_bps: u64, audio_bps: u64, now: Now) {
        let is_below = |percent| {
            self.estimate_bps.is_some_and(|estimate| estimate < (video_bps + audio_bps) / 100 * percent)
        };
        let least = if self.trouble.is_some() { CALM_PERCENT } else { TROUBLE_PERCENT };
        // Sound alone is not for us to make less of.
        if video_bps == 0 || !is_below(least) || self.is_following(now) {
            self.trouble = None;
            return;
        }
        let before = self.trouble.unwrap_or(Trouble { since: now, is_serious: false });
        let is_serious = before.is_serious
            || now.saturating_sub(before.since) >= SHRINK_AFTER
            || (is_below(COLLAPSE_PERCENT) && !self.is_rising(now));
        if is_serious {
            if !before.is_serious {
                self.troubles = if self.is_cautious(now) { self.troubles + 1 } else { 0 };
            }
            self.troubled_last = Some(now);
        }
        self.trouble = Some(Trouble { is_serious, ..before });
    }

    fn is_rising(&self, now: Now) -> bool {
        self.rose.is_some_and(|at| now.saturating_sub(at) < RISING)
    }

    /// Whether an estimate that has not fallen may still be one of when less was sent.
    fn is_following(&self, now: Now) -> bool {
        self.raised.is_some_and(|(at, bps)| now.saturating_sub(at) < FOLLOWS && self.estimate() >= bps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Now {
        Now::from_millis(ms)
    }

    fn estimated(bps: u64) -> Bandwidth {
        let mut bandwidth = Bandwidth::default();
        bandwidth.estimated(bps, at(0));
        bandwidth
    }

    #[test]
    fn first_pictures_are_shown_on_good_faith_and_raised_where_there_is_room() {
        let check = |mut bandwidth: Bandwidth, show_bps, raise_bps| {
            let budget = bandwidth.budget(60_000, 40_000, at(0));
            let (keep_bps, keep_lowest_bps) = (u64::MAX, u64::MAX);
            let expect = Budget { keep_bps, keep_lowest_bps, show_bps, raise_bps, may_try: true };
            assert_eq!(budget, expect);
        };
        check(Bandwidth::default(), 2_500_000, 860_000);
        check(estimated(120_000), 2_500_000, 68_000);
        check(estimated(3_000_000), 2_660_000, 2_660_000);
    }

    #[test]
    fn trouble_makes_pictures_smaller_and_then_pauses_them() {
        let mut bandwidth = estimated(400_000);
        let mut limits = |ms| {
            let budget = bandwidth.budget(500_000, 0, at(ms));
            (budget.keep_bps, budget.keep_lowest_bps)
        };
        assert_eq!(limits(0), (u64::MAX, u64::MAX));
        assert_eq!(limits(999), (u64::MAX, u64::MAX));
        assert_eq!(limits(1_000), (360_000, u64::MAX));
        assert_eq!(limits(3_000), (360_000, 360_000));
        let calm = bandwidth.budget(300_000, 0, at(3_100));
        assert_eq!((calm.keep_bps, calm.show_bps, calm.raise_bps), (u64::MAX, 360_000, 360_000));
        assert_eq!(bandwidth.budget(300_000, 0, at(62_999)).show_bps, 360_000);
        assert_eq!(bandwidth.budget(300_000, 0, at(63_000)).show_bps, 2_500_000);
    }

    #[test]
    fn a_collapse_makes_pictures_smaller_at_once() {
        let mut bandwidth = estimated(250_000);
        let budget = bandwidth.budget(500_000, 0, at(0));
        assert_eq!((budget.keep_bps, budget.keep_lowest_bps), (225_000, u64::MAX));
    }

    #[test]
    fn an_estimate_that_rises_is_no_collapse() {
        let rising = || {
            let mut bandwidth = estimated(200_000);
            bandwidth.estimated(250_000, at(1_000));
            bandwidth
        };
        let keep_bps = |bandwidth: &mut Bandwidth, ms| bandwidth.budget(500_000, 0, at(ms)).keep_bps;
        let mut bandwidth = rising();
        assert_eq!(keep_bps(&mut bandwidth, 1_000), u64::MAX);
        bandwidth.estimated(250_000, at(1_200));
        assert_eq!(keep_bps(&mut bandwidth, 1_499), u64::MAX);
        assert_eq!(keep_bps(&mut bandwidth, 1_500), 225_000);
        let mut bandwidth = rising();
        bandwidth.estimated(249_000, at(1_100));
        assert_eq!(keep_bps(&mut bandwidth, 1_100), 224_100);
        let mut bandwidth = rising();
        for ms in (1_000..2_000).step_by(100) {
            bandwidth.estimated(250_000 + ms, at(ms));
            assert_eq!(keep_bps(&mut bandwidth, ms), u64::MAX);
        }
        assert!(keep_bps(&mut bandwidth, 2_000) < u64::MAX, "but trouble when it lasts");
    }

    #[test]
    fn an_estimate_may_take_a_while_to_follow_but_may_not_fall() {
        let mut bandwidth = estimated(1_000_000);
        bandwidth.raised(at(0));
        for ms in [0, 1_999] {
            bandwidth.budget(2_000_000, 0, at(ms));
            assert!(!bandwidth.is_troubled(), "{ms}");
        }
        bandwidth.budget(2_000_000, 0, at(2_000));
        assert!(bandwidth.is_troubled());
        bandwidth.raised(at(2_100));
        bandwidth.budget(2_000_000, 0, at(2_100));
        assert!(bandwidth.is_troubled(), "more of the same is no cure");
        bandwidth.budget(1_000_000, 0, at(2_200));
        bandwidth.raised(at(2_200));
        bandwidth.estimated(999_999, at(2_200));
        bandwidth.budget(2_000_000, 0, at(2_200));
        assert!(bandwidth.is_troubled());
    }

    #[test]
    fn a_picture_is_tried_again_after_longer_and_longer_pauses() {
        let mut bandwidth = estimated(100_000);
        let mut now = at(0);
        for pause_ms in [5_000, 10_000, 20_000, 40_000, 40_000] {
            assert!(!bandwidth.budget(500_000, 0, now).may_try, "trouble");
            assert!(!bandwidth.budget(0, 0, now + at(pause_ms - 1)).may_try, "{pause_ms}");
            now += at(pause_ms);
            assert!(bandwidth.budget(0, 0, now).may_try, "{pause_ms}");
        }
        now += CAUTION;
        bandwidth.budget(500_000, 0, now);
        assert!(bandwidth.budget(0, 0, now + at(5_000)).may_try, "trouble of long ago is forgiven");
    }

    #[test]
    fn sound_alone_is_no_trouble() {
        let mut bandwidth = estimated(30_000);
        assert_eq!(bandwidth.budget(0, 50_000, at(0)).raise_bps, 0);
        assert!(!bandwidth.is_troubled());
    }
}
