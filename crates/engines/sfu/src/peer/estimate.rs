//! How much can be sent to a client, out of what congestion control says.
//!
//! Both kinds of estimate are bounded by what arrives: of a quiet sender they know only that so little got through. Such
//! an estimate may raise what was told before, never lower it; one that is near to what is sent is about the network.

use std::time::Duration;

use super::config::ESTIMATE_START;
use crate::Now;

/// A part of the span in which sent bytes are counted.
const STEP: Duration = Duration::from_millis(100);
/// Parts in that span of one second.
const STEPS: usize = 10;
/// An estimate of at least this many percent of what is sent is bounded by the sender. The library's own bound is 150.
const SENDER_BOUND_PERCENT: u64 = 125;
/// Lost on the way to a client, 0 to 1, up to which its own estimate (REMB) is bounded by the sender as well.
const LOSS_LIGHT: f32 = 0.02;

/// The estimate for one client.
pub(super) struct Estimates {
    told_bps: u64,
    // Bytes by step; `step` is the number of the newest.
    sent: [u64; STEPS],
    step: u64,
    loss: f32,
}

impl Default for Estimates {
    fn default() -> Self {
        Self { told_bps: ESTIMATE_START.as_u64(), sent: [0; STEPS], step: 0, loss: 0.0 }
    }
}

impl Estimates {
    /// Counts media that is sent, with its repairs and padding.
    pub(super) fn count(&mut self, bytes: usize, now: Now) {
        self.forget(now);
        self.sent[place(self.step)] += bytes as u64;
    }

    /// Takes the worst loss of a video slot in the last statistics, 0 to 1.
    pub(super) fn set_loss(&mut self, loss: f32) {
        self.loss = loss;
    }

    /// What to tell of an estimate of transport-wide feedback.
    pub(super) fn by_feedback(&mut self, bps: u64, now: Now) -> u64 {
        self.forget(now);
        let sent_bps = self.sent.iter().sum::<u64>() * 8;
        self.tell(bps, bps >= sent_bps / 100 * SENDER_BOUND_PERCENT)
    }

    /// What to tell of an estimate of the client's own, which is all there is without feedback.
    pub(super) fn by_client(&mut self, bps: u64) -> u64 {
        self.tell(bps, self.loss <= LOSS_LIGHT)
    }

    fn tell(&mut self, bps: u64, is_bounded_by_sender: bool) -> u64 {
        self.told_bps = if is_bounded_by_sender { bps.max(self.told_bps) } else { bps };
        self.told_bps
    }

    /// Empties the steps that are over.
    fn forget(&mut self, now: Now) {
        let step = u64::try_from(now.as_nanos() / STEP.as_nanos()).unwrap_or(u64::MAX);
        let passed = step.saturating_sub(self.step).min(STEPS as u64);
        for back in 0..passed {
            self.sent[place(step - back)] = 0;
        }
        self.step = self.step.max(step);
    }
}

fn place(step: u64) -> usize {
    usize::try_from(step % STEPS as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After a second in which `sent_bps` went out.
    fn after(estimates: &mut Estimates, sent_bps: usize, second: u64) -> Now {
        let start = Now::from_secs(second);
        for step in 0..50 {
            estimates.count(sent_bps / 8 / 50, start + Duration::from_millis(20) * step);
        }
        start + Duration::from_millis(999)
    }

    #[test]
    fn of_a_quiet_sender_nothing_is_learned() {
        let mut estimates = Estimates::default();
        let now = after(&mut estimates, 200_000, 1);
        assert_eq!(estimates.by_feedback(300_000, now), 1_000_000);
        assert_eq!(estimates.by_feedback(1_200_000, now), 1_200_000);
        assert_eq!(estimates.by_feedback(300_000, now), 1_200_000);
    }

    #[test]
    fn an_estimate_near_to_what_is_sent_counts_and_stays() {
        let mut estimates = Estimates::default();
        let now = after(&mut estimates, 800_000, 1);
        assert_eq!(estimates.by_feedback(600_000, now), 600_000);
        // Less is sent thereafter: the network is not known to have become better.
        let now = after(&mut estimates, 200_000, 5);
        assert_eq!(estimates.by_feedback(300_000, now), 600_000);
        assert_eq!(estimates.by_feedback(700_000, now), 700_000);
    }

    #[test]
    fn what_was_sent_long_ago_does_not_count() {
        let mut estimates = Estimates::default();
        let now = after(&mut estimates, 2_000_000, 1);
        assert_eq!(estimates.by_feedback(300_000, now + Duration::from_secs(1)), 1_000_000);
        assert_eq!(estimates.by_feedback(300_000, now + Duration::from_hours(1)), 1_000_000);
    }

    #[test]
    fn a_clients_own_estimate_counts_when_packets_are_lost() {
        let mut estimates = Estimates::default();
        assert_eq!(estimates.by_client(50_000), 1_000_000);
        estimates.set_loss(0.05);
        assert_eq!(estimates.by_client(50_000), 50_000);
    }
}
