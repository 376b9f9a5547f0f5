//! When a cluster of packets is sent faster than the rest, to see whether the way carries more, and how fast.
//!
//! ```text
//! more is wanted ─► cluster ─► it got through ─► at once a larger one, until what is wanted is there
//!                      ▲ └──► it did not ─► a smaller one after 1, 2, 3 s ─┐
//!                      └─────────────────────────────────────────────────────┘
//! ```

use std::time::Duration;

use super::cluster::{Carried, Cluster};
use super::{Probe, ProbeId};
use crate::Now;

/// The first cluster, of an estimate that is only believed.
const FIRST_PERCENT: u64 = 200;
/// After one that got through. Three times as much each round trip: from 0.3 to 3 Mbit/s in two.
const NEXT_PERCENT: u64 = 300;
/// After one that did not, and after a queue: hardly disturbs a way that carries just the estimate.
const AGAIN_PERCENT: u64 = 150;
/// A cluster that showed less than this of the estimate was not sent as fast as it should: it would not end soon.
const MORE_PERCENT: u64 = 115;
/// What is wanted, and as much more as measuring takes away.
const WANTED_PERCENT: u64 = 115;
/// After a cluster that did not get through the next one waits so long; each time a second longer.
const WAIT_STEP: Duration = Duration::from_secs(1);
/// Longest wait. A cluster of 6 KB every 3 s is 16 kbit/s, and a way that has become wide again is found in 4 s.
const WAIT_MAX: Duration = Duration::from_secs(3);
/// A cluster that had raised the estimate for no longer than this until packets queued had not shown it.
const PROVEN_AFTER: Duration = Duration::from_secs(4);
/// No cluster starts when no media was sent for so long: nothing would carry it. A shared screen may have a picture a
/// second.
const FRESH: Duration = Duration::from_secs(2);
/// A cluster that its sender has not completed after so long is given up.
const SENT_WITHIN: Duration = Duration::from_secs(1);
/// How long it takes, and twice the jitter: a longer one disturbs more, in a shorter one the jitter hides the rate.
const LASTS: Duration = Duration::from_millis(50);
/// Five packets of the size that pictures have, unless they would take longer than this,
const FULL_BYTES: u64 = 5 * 1_100;
const LASTS_MOST: Duration = Duration::from_millis(150);
/// and then five of sound and padding.
const LEAST_BYTES: u64 = 5 * 250;
/// A tenth of a second at 5 Mbit/s; it goes into the queues of all that lies before the receiver.
const MOST_BYTES: u64 = 64_000;

/// Decides on clusters, and follows the one on its way.
#[derive(Debug)]
pub(super) struct Probes {
    minimum_bps: u64,
    desired_bps: u64,
    cluster: Option<Cluster>,
    last_id: u8,
    next_at: Now,
    percent: u64,
    wait: Duration,
    raised_at: Option<Now>,
    // None: nothing is being sent.
    media_at: Option<Now>,
}

impl Default for Probes {
    fn default() -> Self {
        Self {
            minimum_bps: 0,
            desired_bps: 0,
            cluster: None,
            last_id: 0,
            next_at: Now::ZERO,
            percent: FIRST_PERCENT,
            wait: Duration::ZERO,
            raised_at: None,
            media_at: None,
        }
    }
}

impl Probes {
    pub(super) fn set_wanted(&mut self, minimum_bps: u64, desired_bps: u64) {
        // The next step may take more than all wishes, for it is given room to spare.
        (self.minimum_bps, self.desired_bps) = (minimum_bps, desired_bps.max(minimum_bps));
    }

    /// Media is sent: there is something to probe for.
    pub(super) fn media_sent(&mut self, now: Now) {
        self.media_at = Some(now);
    }

    /// A packet of a cluster is sent.
    pub(super) fn probe_sent(&mut self, id: ProbeId, number: u16, bytes: usize, now: Now) {
        if let Some(cluster) = self.cluster.as_mut().filter(|cluster| cluster.id() == id) {
            cluster.sent(number, bytes, now);
        }
    }

    /// A packet of some cluster has arrived.
    pub(super) fn arrived(&mut self, number: u16, arrived_us: i64) {
        if let Some(cluster) = &mut self.cluster {
            cluster.arrived(number, arrived_us);
        }
    }

    /// What the cluster on its way has shown, in bits per second: once feedback has told of all of it, `told` being the
    /// last number, or `grace` after its last packet.
    pub(super) fn found(
        &mut self,
        told: Option<u16>,
        grace: Duration,
        estimate_bps: u64,
        now: Now,
    ) -> Option<u64> {
        let cluster = self.cluster.as_ref()?;
        let is_over = match told {
            Some(number) => cluster.is_told(number),
            None => now >= cluster.ends_at(SENT_WITHIN, grace),
        };
        if !is_over {
            return None;
        }
        let cluster = self.cluster.take()?;
        let carried = cluster.carried();
        match carried {
            Carried::All(bps) if bps >= estimate_bps / 100 * MORE_PERCENT => {
                (self.percent, self.wait, self.next_at) = (NEXT_PERCENT, Duration::ZERO, now);
            }
            Carried::Unseen => self.next_at = now + WAIT_STEP,
            _ => self.fail(now),
        }
        let (Carried::All(bps) | Carried::Part(bps)) = carried else { return None };
        if bps > estimate_bps {
            self.raised_at = Some(now);
        }
        Some(bps)
    }

    /// The estimate was lowered.
    pub(super) fn lowered(&mut self, now: Now) {
        let was_wrong = self.raised_at.take().is_some_and(|at| now < at + PROVEN_AFTER);
        if was_wrong {
            self.fail(now);
        }
        self.percent = AGAIN_PERCENT;
        self.next_at = self.next_at.max(now + WAIT_STEP);
    }

    /// Starts a cluster when one is due.
    pub(super) fn poll(&mut self, estimate_bps: u64, jitter: Duration, now: Now) -> Option<Probe> {
        self.notice_pause(now);
        if self.due_at(estimate_bps)? > now {
            return None;
        }
        let least_bps = if self.percent == AGAIN_PERCENT { 0 } else { self.minimum_bps };
        let bps = (estimate_bps / 100 * self.percent).max(least_bps);
        let bps = bps.min(self.desired_bps.saturating_mul(WANTED_PERCENT) / 100).max(1);
        let bytes = |lasts: Duration| bps / 8 * u64::from(lasts.subsec_millis()) / 1_000;
        let least = bytes(LASTS_MOST).clamp(LEAST_BYTES, FULL_BYTES);
        let bytes = bytes(LASTS + 2 * jitter).clamp(least, MOST_BYTES);
        self.last_id = self.last_id.wrapping_add(1);
        // At most `MOST_BYTES`.
        let probe = Probe { id: ProbeId(self.last_id), bps, bytes: u32::try_from(bytes).unwrap_or(u32::MAX) };
        self.cluster = Some(Cluster::new(probe, now));
        Some(probe)
    }

    /// Notices that nothing is sent any more.
    pub(super) fn notice_pause(&mut self, now: Now) {
        self.media_at = self.media_at.filter(|at| now < *at + FRESH);
    }

    /// When something is to be done: about the cluster on its way, or for the next one if one `may_start`.
    pub(super) fn timeout(&self, estimate_bps: u64, may_start: bool, grace: Duration) -> Option<Now> {
        match &self.cluster {
            Some(cluster) => Some(cluster.ends_at(SENT_WITHIN, grace)),
            None if may_start => self.due_at(estimate_bps),
            None => None,
        }
    }

    fn due_at(&self, estimate_bps: u64) -> Option<Now> {
        let media_at = self.media_at?;
        let is_wanted = self.minimum_bps > 0 && self.desired_bps > estimate_bps;
        let is_due = is_wanted && self.cluster.is_none() && self.next_at < media_at + FRESH;
        is_due.then_some(self.next_at)
    }

    fn fail(&mut self, now: Now) {
        self.wait = (self.wait + WAIT_STEP).min(WAIT_MAX);
        self.next_at = now + self.wait;
        self.percent = AGAIN_PERCENT;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::congestion::history::micros;

    const GRACE: Duration = Duration::from_millis(700);
    const WANTED_BPS: u64 = 3_000_000;

    fn at(ms: u64) -> Now {
        Now::from_millis(ms)
    }

    fn probes() -> Probes {
        let mut probes = Probes::default();
        probes.set_wanted(1_200_000, WANTED_BPS);
        probes.media_sent(at(0));
        probes
    }

    /// Sends a cluster and lets it arrive at `percent` of its rate; answers what was found.
    fn carry(probes: &mut Probes, probe: Probe, percent: u64, estimate_bps: u64, now: Now) -> Option<u64> {
        let packets = 10;
        for number in 0..=packets {
            let bits = u64::from(number) * u64::from(probe.bytes) / 10 * 8;
            let sent_us = bits * 1_000_000 / probe.bps;
            let bytes = usize::try_from(probe.bytes).unwrap() / 10 + 1;
            probes.probe_sent(probe.id, number, bytes, now + Duration::from_micros(sent_us));
            let arrived_us = micros(now) + sent_us * 100 / percent;
            probes.arrived(number, i64::try_from(arrived_us).unwrap());
        }
        probes.found(Some(packets), GRACE, estimate_bps, now)
    }

    #[test]
    fn clusters_grow_until_what_is_wanted_is_there() {
        let mut probes = probes();
        let first = probes.poll(500_000, Duration::ZERO, at(0)).expect("due");
        assert_eq!((first.bps, first.bytes), (1_200_000, 7_500), "what the next step needs");
        assert_eq!(probes.poll(500_000, Duration::ZERO, at(0)), None, "one is on its way");
        let found = carry(&mut probes, first, 100, 500_000, at(100)).expect("it arrived");
        assert!(found.abs_diff(1_200_000) < 30_000, "{found}");
        let second = probes.poll(found, Duration::ZERO, at(100)).expect("due at once");
        assert_eq!(second.bps, WANTED_BPS * 115 / 100);
        assert_eq!(probes.poll(WANTED_BPS, Duration::ZERO, at(100)), None);
    }

    #[test]
    fn after_failures_the_next_one_waits_longer_and_is_smaller() {
        let mut probes = probes();
        let mut due_ms = 0;
        for wait_ms in [1_000, 2_000, 3_000, 3_000] {
            probes.media_sent(at(due_ms));
            assert_eq!(probes.timeout(1_000_000, true, GRACE), Some(at(due_ms)));
            assert_eq!(probes.timeout(1_000_000, false, GRACE), None);
            let probe = probes.poll(1_000_000, Duration::ZERO, at(due_ms)).expect("due");
            assert_eq!(probe.bps, if due_ms == 0 { 2_000_000 } else { 1_500_000 });
            assert!(carry(&mut probes, probe, 30, 1_000_000, at(due_ms)).is_some());
            due_ms += wait_ms;
            probes.media_sent(at(due_ms - 1));
            assert_eq!(probes.poll(1_000_000, Duration::ZERO, at(due_ms - 1)), None);
        }
    }

    #[test]
    fn a_sender_that_is_too_slow_is_not_asked_at_once_again() {
        let mut probes = probes();
        let probe = probes.poll(1_000_000, Duration::ZERO, at(0)).expect("due");
        let slow = Probe { bps: probe.bps * 55 / 100, ..probe };
        let found = carry(&mut probes, slow, 100, 1_000_000, at(0)).expect("it arrived");
        assert!(found > 1_000_000, "{found}");
        assert_eq!(probes.timeout(found, true, GRACE), Some(at(1_000)));
    }

    #[test]
    fn a_cluster_that_packets_queue_after_had_shown_nothing() {
        let mut probes = probes();
        let probe = probes.poll(1_000_000, Duration::ZERO, at(0)).expect("due");
        carry(&mut probes, probe, 100, 1_000_000, at(0));
        probes.lowered(at(3_000));
        probes.lowered(at(3_500));
        probes.media_sent(at(4_400));
        assert_eq!(probes.timeout(1_000_000, true, GRACE), Some(at(4_500)));
        let probe = probes.poll(1_000_000, Duration::ZERO, at(4_500)).expect("due");
        assert_eq!(probe.bps, 1_500_000);
    }

    #[test]
    fn nothing_is_tried_when_nothing_is_wanted_or_sent() {
        let mut probes = probes();
        probes.set_wanted(0, WANTED_BPS);
        assert_eq!(probes.timeout(1_000_000, true, GRACE), None);
        assert_eq!(probes.poll(1_000_000, Duration::ZERO, at(0)), None);
        probes.set_wanted(1, WANTED_BPS);
        assert_eq!(probes.timeout(WANTED_BPS, true, GRACE), None);
        assert_eq!(probes.timeout(1_000_000, true, GRACE), Some(at(0)));
        assert_eq!(probes.poll(1_000_000, Duration::ZERO, at(2_000)), None, "nothing was sent for so long");
        assert_eq!(probes.timeout(1_000_000, true, GRACE), None);
        probes.media_sent(at(3_000));
        assert!(probes.poll(1_000_000, Duration::ZERO, at(3_000)).is_some());
    }

    #[test]
    fn a_cluster_that_is_never_sent_is_given_up() {
        let mut probes = probes();
        let probe = probes.poll(1_000_000, Duration::ZERO, at(0)).expect("due");
        assert_eq!(probes.timeout(1_000_000, true, GRACE), Some(at(1_000)));
        assert_eq!(probes.found(None, GRACE, 1_000_000, at(999)), None);
        assert_eq!(probes.timeout(1_000_000, true, GRACE), Some(at(1_000)));
        assert_eq!(probes.found(None, GRACE, 1_000_000, at(1_000)), None);
        probes.media_sent(at(1_500));
        assert_eq!(probes.timeout(1_000_000, true, GRACE), Some(at(2_000)));
        let next = probes.poll(1_000_000, Duration::ZERO, at(2_000)).expect("due");
        assert_ne!(next.id, probe.id);
        assert_eq!(next.bps, 2_000_000, "nothing was learned");
    }

    #[test]
    fn a_small_estimate_gets_a_small_cluster_and_jitter_a_long_one() {
        let bytes = |estimate: u64, jitter_ms| {
            let mut probes = probes();
            probes.set_wanted(1, WANTED_BPS);
            probes.poll(estimate, Duration::from_millis(jitter_ms), at(0)).expect("due").bytes
        };
        assert_eq!(bytes(30_000, 0), 1_250);
        assert_eq!(bytes(100_000, 0), 3_750);
        assert_eq!(bytes(200_000, 0), 5_500);
        assert_eq!(bytes(1_000_000, 0), 12_500);
        assert_eq!(bytes(1_000_000, 10), 17_500);
    }
}
