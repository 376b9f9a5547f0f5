//! What the way is taken to carry: down to a little less than what arrives when packets queue, up step by step while
//! it is used (draft-ietf-rmcat-gcc-02 §5.5), at once when a cluster has shown more, and as it was while little is sent.

use std::time::Duration;

use crate::Now;

/// Of what arrives when packets queue, so much is kept (the draft's beta): the rest lets the queue drain.
const KEPT_PERCENT: u64 = 85;
/// It does not go below this: sound alone needs as much.
const LEAST_BPS: u64 = 30_000;
/// No way is taken to carry more.
const MOST_BPS: u64 = 1_000_000_000;
/// After a change and a round trip, so long until its effect is seen: half of the quarter of a second in which what
/// arrives is measured, and feedback.
const SETTLES: Duration = Duration::from_millis(200);
/// It grows only while so much of it is used: what is not sent says nothing.
const USED_PERCENT: u64 = 80;
/// In a second by 8 % (the draft's eta), in a thousand.
const GROWS_PERMILLE: u64 = 80;
/// Near to where packets queued before, by this: a packet in a response time of 200 ms, as the draft does.
const GROWS_NEAR_BPS: u64 = 40_000;
/// Less than this apart from there is near.
const NEAR_PERCENT: u64 = 15;
/// Time between two feedbacks counts up to this, less than a second: what was between longer ones is not known.
const GROWS_AT_ONCE: Duration = Duration::from_millis(500);
/// At most this much of what arrives is reached by growth; only a cluster can show more (draft, §5.5).
const GROWS_TO_PERCENT: u64 = 150;

/// The estimate.
#[derive(Debug)]
pub(super) struct Estimate {
    bps: u64,
    lowered_at: Option<Now>,
    grown_at: Now,
    // What arrived when packets queued.
    limit_bps: Option<u64>,
}

impl Estimate {
    pub(super) fn new(bps: u64) -> Self {
        Self { bps: bounded(bps), lowered_at: None, grown_at: Now::ZERO, limit_bps: None }
    }

    pub(super) fn bps(&self) -> u64 {
        self.bps
    }

    /// Packets queue while `acked_bps` arrive; answers whether it was lowered.
    pub(super) fn overused(&mut self, acked_bps: u64, round_trip: Duration, now: Now) -> bool {
        self.limit_bps = Some(acked_bps);
        self.lower(acked_bps / 100 * KEPT_PERCENT, round_trip, now)
    }

    /// Packets queued while `acked_bps` arrived, and do no more: nothing has to drain. Answers whether it was lowered.
    pub(super) fn limited(&mut self, acked_bps: u64, round_trip: Duration, now: Now) -> bool {
        self.limit_bps = Some(acked_bps);
        self.lower(acked_bps, round_trip, now)
    }

    /// So much is lost, of a thousand, while `acked_bps` arrive; answers whether it was lowered.
    ///
    /// What is sent less half of what is lost, as the draft has it, but what arrives in any case.
    pub(super) fn lost(&mut self, permille: u32, acked_bps: u64, round_trip: Duration, now: Now) -> bool {
        let permille = u64::from(permille.min(900));
        let sent_bps = acked_bps * 1_000 / (1_000 - permille);
        let less_bps = self.bps.min(sent_bps) * (1_000 - permille / 2) / 1_000;
        self.lower(less_bps.max(acked_bps), round_trip, now)
    }

    /// Nothing is heard of what is sent, after `acked_bps` arrived; answers whether it was lowered.
    pub(super) fn silent(&mut self, acked_bps: u64) -> bool {
        let bps = bounded((self.bps / 2).max(acked_bps)).min(self.bps);
        let is_lowered = bps < self.bps;
        self.bps = bps;
        is_lowered
    }

    /// So much got through, whatever was lost beside it.
    pub(super) fn carried(&mut self, bps: u64) {
        self.bps = bounded(self.bps.max(bps));
    }

    /// Nothing queues and little is lost while `acked_bps` arrive.
    pub(super) fn grow(&mut self, acked_bps: u64, now: Now) {
        self.carried(acked_bps);
        let since = now.saturating_sub(self.grown_at).min(GROWS_AT_ONCE);
        self.grown_at = now;
        if acked_bps < self.bps / 100 * USED_PERCENT {
            return;
        }
        let near = |limit: &u64| self.bps.abs_diff(*limit) <= limit / 100 * NEAR_PERCENT;
        let is_near = self.limit_bps.as_ref().is_some_and(near);
        let second_bps = if is_near { GROWS_NEAR_BPS } else { self.bps * GROWS_PERMILLE / 1_000 };
        let by_bps = second_bps * u64::from(since.subsec_millis()) / 1_000;
        let most_bps = (acked_bps / 100 * GROWS_TO_PERCENT).max(self.bps);
        self.bps = bounded((self.bps + by_bps).min(most_bps));
    }

    /// Nothing may grow until now.
    pub(super) fn hold(&mut self, now: Now) {
        self.grown_at = now;
    }

    fn lower(&mut self, bps: u64, round_trip: Duration, now: Now) -> bool {
        self.hold(now);
        let is_settled = self.lowered_at.is_none_or(|at| now >= at + round_trip + SETTLES);
        let bps = bounded(bps);
        if !is_settled || bps >= self.bps {
            return false;
        }
        self.bps = bps;
        self.lowered_at = Some(now);
        true
    }
}

fn bounded(bps: u64) -> u64 {
    bps.clamp(LEAST_BPS, MOST_BPS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUND_TRIP: Duration = Duration::from_millis(100);

    fn at(ms: u64) -> Now {
        Now::from_millis(ms)
    }

    #[test]
    fn it_goes_down_to_less_than_arrives_and_then_waits_for_the_effect() {
        let mut estimate = Estimate::new(1_000_000);
        assert!(estimate.overused(600_000, ROUND_TRIP, at(0)));
        assert_eq!(estimate.bps(), 510_000);
        assert!(!estimate.overused(300_000, ROUND_TRIP, at(299)));
        assert!(estimate.overused(300_000, ROUND_TRIP, at(300)));
        assert!(!estimate.overused(400_000, ROUND_TRIP, at(1_000)), "what arrives is more");
        assert_eq!(estimate.bps(), 255_000);
        assert!(estimate.overused(0, ROUND_TRIP, at(2_000)));
        assert_eq!(estimate.bps(), LEAST_BPS);
    }

    #[test]
    fn loss_lowers_to_no_less_than_arrives() {
        let mut estimate = Estimate::new(5_000_000);
        assert!(estimate.lost(200, 800_000, ROUND_TRIP, at(0)));
        assert_eq!(estimate.bps(), 900_000);
        assert!(estimate.lost(200, 800_000, ROUND_TRIP, at(300)));
        assert_eq!(estimate.bps(), 810_000);
        assert!(estimate.lost(1_000, 800_000, ROUND_TRIP, at(600)));
        assert!(!estimate.lost(1_000, 800_000, ROUND_TRIP, at(900)));
        assert_eq!(estimate.bps(), 800_000);
    }

    #[test]
    fn it_grows_while_it_is_used_and_slowly_where_packets_queued() {
        let grown = |estimate: &mut Estimate, acked_bps, from: u64| {
            estimate.hold(at(from));
            for ms in (from + 100..=from + 1_000).step_by(100) {
                estimate.grow(acked_bps, at(ms));
            }
            estimate.bps()
        };
        let mut estimate = Estimate::new(1_000_000);
        assert_eq!(grown(&mut estimate, 700_000, 0), 1_000_000, "not used");
        let fast = grown(&mut estimate, 900_000, 2_000);
        assert!((1_075_000..1_090_000).contains(&fast), "{fast}");
        assert!(estimate.overused(900_000, ROUND_TRIP, at(4_000)));
        assert_eq!(grown(&mut estimate, 700_000, 5_000), 805_000);
        assert_eq!(Estimate::new(1_000_000).bps(), 1_000_000);
    }

    #[test]
    fn a_cluster_only_raises() {
        let mut estimate = Estimate::new(1_000_000);
        estimate.carried(2_000_000);
        estimate.carried(500_000);
        assert_eq!(estimate.bps(), 2_000_000);
        assert!(estimate.silent(900_000));
        assert_eq!(estimate.bps(), 1_000_000);
        assert!(estimate.silent(900_000));
        assert!(!estimate.silent(950_000));
        assert_eq!(estimate.bps(), 900_000, "as much arrived until then");
        estimate.carried(u64::MAX);
        assert_eq!(estimate.bps(), MOST_BPS);
    }
}
