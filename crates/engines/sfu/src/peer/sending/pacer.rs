//! How fast pictures leave: what a receiver's network takes without queueing, with a burst of some packets.
//!
//! Senders pace what they send, and packets are forwarded as they come; so only what comes in bursts (a key frame asked
//! for by many, repairs, packets that came late together) is spread here. Sound never waits.

use crate::Now;

/// Faster than the estimate, so that the queue empties while the estimate is still low (as libwebrtc paces).
const RATE_PERCENT: u64 = 250;
/// However low the estimate: the lowest layer with its key frames.
const RATE_MIN_BPS: u64 = 600_000;
/// May leave at once: the packets of a picture in one call to the system.
const BURST_BYTES: u64 = 12_000;
/// How often waiting packets are looked at.
const STEP: Now = Now::from_millis(2);

/// A bucket that leaks at the receiver's pace.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pacer {
    // Bits and nanoseconds, so that nothing is rounded away.
    debt_bits: u64,
    at: Now,
}

impl Pacer {
    /// Lets time pass at an estimate.
    pub(super) fn advance(&mut self, estimate_bps: u64, now: Now) {
        let rate_bps = (estimate_bps.saturating_mul(RATE_PERCENT) / 100).max(RATE_MIN_BPS);
        let passed = now.saturating_sub(self.at);
        self.at = self.at.max(now);
        let micros = u64::try_from(passed.as_micros()).unwrap_or(u64::MAX);
        self.debt_bits = self.debt_bits.saturating_sub(rate_bps.saturating_mul(micros) / 1_000_000);
    }

    /// Whether a packet may leave.
    pub(super) fn is_open(&self) -> bool {
        self.debt_bits < BURST_BYTES * 8
    }

    /// Counts a packet that leaves, whether it waited or not.
    pub(super) fn count(&mut self, bytes: usize) {
        self.debt_bits += bytes as u64 * 8;
    }

    /// When to look again, while something waits.
    pub(super) fn due(&self, now: Now) -> Now {
        if self.is_open() { now } else { now + STEP }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_leaves_at_once_and_the_rest_at_the_pace() {
        let mut pacer = Pacer::default();
        pacer.advance(1_000_000, Now::from_secs(1));
        let mut left = 0;
        while pacer.is_open() {
            pacer.count(1_000);
            left += 1;
        }
        assert_eq!(left, 12);
        assert_eq!(pacer.due(Now::from_secs(1)), Now::from_secs(1) + STEP);
        // 2.5 Mbit/s are 2,500 bytes in 8 ms.
        for step in 1..=100_u32 {
            pacer.advance(1_000_000, Now::from_secs(1) + Now::from_millis(8) * step);
            while pacer.is_open() {
                pacer.count(1_000);
                left += 1;
            }
        }
        assert!((258..=263).contains(&left), "{left}");
    }

    #[test]
    fn the_lowest_layer_passes_however_low_the_estimate() {
        let mut pacer = Pacer::default();
        pacer.advance(40_000, Now::ZERO);
        pacer.count(100_000);
        assert!(!pacer.is_open());
        pacer.advance(40_000, Now::from_millis(1_200));
        assert!(pacer.is_open());
    }
}
