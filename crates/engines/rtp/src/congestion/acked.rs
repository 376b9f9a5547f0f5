//! How much arrives: bytes in steps of the receiver's clock, over the last half second that something is known of.

/// A step. Shorter ones would follow the clumps in which receivers and radio links take packets.
const STEP_US: i64 = 50_000;
/// Steps that are kept: half a second, which has 15 pictures of a camera and so is near to its mean.
const STEPS: u8 = 10;
/// The newest steps, which say what a way carries that has just become narrow.
const SHORT_STEPS: u8 = 5;
/// Less time than this says nothing about a rate: seven pictures.
const LEAST_US: i64 = 200_000;

/// The rate of what arrived, by the receiver's clock.
#[derive(Debug, Default)]
pub(super) struct Acked {
    // Bytes by step; `step` is the number of the newest.
    bytes: [u32; STEPS as usize],
    step: i64,
    /// First and last arrival since nothing arrived for a while.
    span_us: Option<(i64, i64)>,
    // What gaps took so far, which does not count as time.
    gaps_us: i64,
    /// A gap is before the next packet, of which so much counts.
    gap_us: Option<u32>,
}

impl Acked {
    /// Counts a packet; one that comes late by more than all steps is left out.
    pub(super) fn add(&mut self, arrived_us: i64, bytes: u16) {
        if let Some(least_us) = self.gap_us.take() {
            let ahead_us = arrived_us.saturating_sub(self.gaps_us).saturating_sub(self.last_us(arrived_us));
            let counts_us = self.lasts_us(bytes).max(i64::from(least_us));
            self.gaps_us = self.gaps_us.saturating_add(ahead_us.saturating_sub(counts_us).max(0));
        }
        let arrived_us = arrived_us.saturating_sub(self.gaps_us);
        let step = arrived_us.div_euclid(STEP_US);
        let ahead = step.saturating_sub(self.step);
        let all = i64::from(STEPS);
        let Some((first, last)) = self.span_us.filter(|_| ahead <= all) else {
            let span_us = Some((arrived_us, arrived_us));
            *self = Self { bytes: [0; STEPS as usize], step, span_us, ..*self };
            self.bytes[place(step)] = u32::from(bytes);
            return;
        };
        if ahead <= -all {
            return;
        }
        for passed in 0..ahead.max(0) {
            self.bytes[place(step - passed)] = 0;
        }
        self.step = self.step.max(step);
        self.span_us = Some((first.min(arrived_us), last.max(arrived_us)));
        let place = &mut self.bytes[place(step)];
        *place = place.saturating_add(u32::from(bytes));
    }

    /// Nothing is known of what came before the next packet: it counts as if it had come as fast as those before, and
    /// `least_us` behind the last one at least.
    pub(super) fn gap(&mut self, least_us: u32) {
        self.gap_us = Some(least_us);
    }

    /// What the little that is known shows, however short that was.
    pub(super) fn shown_bps(&self) -> Option<u64> {
        let (bytes, lasts_us) = self.sum(STEPS)?;
        Some(bytes * 8 * 1_000_000 / lasts_us.max(STEP_US.unsigned_abs()))
    }

    /// Forgets everything: the clock is another one.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Bits per second of the last half second.
    pub(super) fn bps(&self) -> Option<u64> {
        self.over(STEPS)
    }

    /// What surely gets through: the lower of the last half and the last quarter of a second.
    pub(super) fn sure_bps(&self) -> Option<u64> {
        Some(self.over(STEPS)?.min(self.over(SHORT_STEPS)?))
    }

    fn over(&self, steps: u8) -> Option<u64> {
        let (bytes, lasts_us) = self.sum(steps)?;
        (lasts_us >= LEAST_US.unsigned_abs()).then(|| bytes * 8 * 1_000_000 / lasts_us)
    }

    /// Bytes of the newest steps, and how long they took.
    fn sum(&self, steps: u8) -> Option<(u64, u64)> {
        let (first, last) = self.span_us?;
        let oldest = self.step - (i64::from(steps) - 1);
        let from = oldest.saturating_mul(STEP_US).max(first);
        let bytes = (oldest..=self.step).map(|step| u64::from(self.bytes[place(step)])).sum();
        Some((bytes, last.saturating_sub(from).max(0).unsigned_abs()))
    }

    /// How long so many bytes took lately.
    fn lasts_us(&self, bytes: u16) -> i64 {
        let Some((all, lasts_us)) = self.sum(STEPS).filter(|(all, _)| *all > 0) else { return 0 };
        i64::try_from(lasts_us * u64::from(bytes) / all).unwrap_or(i64::MAX)
    }

    fn last_us(&self, or_us: i64) -> i64 {
        self.span_us.map_or(or_us, |(_, last)| last)
    }
}

fn place(step: i64) -> usize {
    usize::try_from(step.rem_euclid(i64::from(STEPS))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From `from_ms` for `lasts_ms`, a kilobyte each 10 ms: 800 kbit/s.
    fn arrive(acked: &mut Acked, from_ms: i64, lasts_ms: i64) {
        for ms in (0..=lasts_ms).step_by(10) {
            acked.add((from_ms + ms) * 1_000, 1_000);
        }
    }

    fn assert_near(bps: Option<u64>, expect: u64) {
        let bps = bps.expect("long enough");
        assert!(bps.abs_diff(expect) < expect / 12, "{bps} instead of {expect}");
    }

    #[test]
    fn a_rate_needs_some_time() {
        let mut acked = Acked::default();
        arrive(&mut acked, -700, 190);
        assert_eq!(acked.bps(), None);
        arrive(&mut acked, -500, 100);
        assert_near(acked.bps(), 800_000);
        arrive(&mut acked, -390, 2_000);
        assert_near(acked.bps(), 800_000);
        acked.reset();
        assert_eq!(acked.bps(), None);
    }

    #[test]
    fn a_gap_takes_as_long_as_packets_do() {
        let mut acked = Acked::default();
        for block in 0..10 {
            acked.gap(10_000);
            arrive(&mut acked, block * 5_000, 90);
            assert!(acked.shown_bps().is_some_and(|bps| (700_000..1_000_000).contains(&bps)));
        }
        assert_near(acked.bps(), 800_000);
        assert_near(acked.sure_bps(), 800_000);
        // A burst of what was waiting is counted as it comes, gap or not.
        let mut slow = Acked::default();
        for block in 0..10 {
            slow.gap(0);
            arrive(&mut slow, block * 100, 90);
        }
        assert_near(slow.bps(), 800_000);
    }

    #[test]
    fn the_newest_part_counts_when_it_is_less() {
        let mut acked = Acked::default();
        arrive(&mut acked, 0, 1_000);
        for ms in (1_020..1_300).step_by(20) {
            acked.add(ms * 1_000, 500);
        }
        assert_near(acked.sure_bps(), 200_000);
        assert_near(acked.bps(), 480_000);
    }

    #[test]
    fn a_pause_is_no_low_rate_and_late_packets_count_where_they_belong() {
        let mut acked = Acked::default();
        arrive(&mut acked, 0, 1_000);
        arrive(&mut acked, 9_000, 250);
        assert_near(acked.bps(), 800_000);
        let before = acked.bps();
        acked.add(1_000, 60_000);
        assert_eq!(acked.bps(), before, "long ago");
        acked.add(9_050_000, 10_000);
        assert!(acked.bps() > before);
        for strange in [i64::MAX, i64::MIN, 0, i64::MAX, i64::MAX - 1] {
            acked.add(strange, u16::MAX);
            let _ = (acked.bps(), acked.sure_bps());
        }
    }
}
