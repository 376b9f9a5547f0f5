//! How much can be sent to a client, and what is tried to learn it.

use std::time::Duration;

use trunkline_rtp::congestion::{Controller, Probe, ProbeId, Purpose};
use trunkline_rtp::rtcp::TransportFeedback;

use crate::Now;

/// What a new receiver is given before its first feedback.
const START_BPS: u64 = 1_000_000;
/// No client's estimate is taken for more.
const MOST_BPS: u64 = 1_000_000_000;
/// The least pace of pictures that are tried: as much as is wished, up to this.
const TRIED_BPS: u64 = 1_000_000;
/// A change of this part of an estimate is told.
const NEWS_PERCENT: u64 = 3;
/// Lost on the way to a client, 0 to 1, up to which its own estimate (REMB) is bounded by what is sent to it.
const LOSS_LIGHT: f32 = 0.02;
/// The least time between two looks at a cluster: timers have no finer steps.
const STEP: Duration = Duration::from_millis(1);

/// Congestion control for one client: by what it tells of each packet, or by its own estimate (REMB).
#[derive(Default)]
pub(super) struct Control {
    has_feedback: bool,
    // Whether the client has told anything yet.
    is_heard: bool,
    // Made with the first picture: who only listens needs none.
    controller: Option<Box<Controller>>,
    wanted: (u64, u64),
    probing: Option<Probing>,
    told_bps: Option<u64>,
    remb_bps: Option<u64>,
}

/// A cluster on its way out.
struct Probing {
    probe: Probe,
    since: Now,
    sent_bytes: u64,
}

impl Control {
    /// Whether the client tells of each packet.
    pub(super) fn set_feedback(&mut self, has_feedback: bool) {
        if !has_feedback {
            // What was learned of it is not known any more.
            *self = Self {
                wanted: self.wanted,
                told_bps: self.told_bps,
                remb_bps: self.remb_bps,
                ..Self::default()
            };
        }
        self.has_feedback = has_feedback;
    }

    pub(super) fn has_feedback(&self) -> bool {
        self.has_feedback
    }

    pub(super) fn set_wanted(&mut self, minimum_bps: u64, desired_bps: u64) {
        self.wanted = (minimum_bps, desired_bps);
        if let Some(controller) = &mut self.controller {
            controller.set_wanted(minimum_bps, desired_bps);
        }
    }

    /// Counts a packet that is about to leave; the number it carries.
    pub(super) fn count(&mut self, bytes: usize, purpose: Purpose, now: Now) -> u16 {
        let purpose = match &mut self.probing {
            Some(probing) => {
                // Whatever leaves now is a part of it.
                probing.sent_bytes += bytes as u64;
                Purpose::Probe(probing.probe.id)
            }
            None => purpose,
        };
        let (minimum_bps, desired_bps) = self.wanted;
        let controller = self.controller.get_or_insert_with(|| {
            let mut controller = Box::new(Controller::new(START_BPS));
            controller.set_wanted(minimum_bps, desired_bps);
            controller
        });
        controller.sent(bytes, purpose, now)
    }

    pub(super) fn feedback(&mut self, feedback: &TransportFeedback<'_>, now: Now) {
        if let Some(controller) = &mut self.controller {
            self.is_heard = true;
            controller.feedback(feedback, now);
        }
    }

    /// Takes the client's own estimate, which is bounded by what it gets: where hardly anything is lost it may raise what
    /// was told, never lower it.
    pub(super) fn remb(&mut self, bps: u64, loss: f32) {
        let before = self.remb_bps.unwrap_or(START_BPS);
        let bps = bps.min(MOST_BPS);
        self.remb_bps = Some(if loss <= LOSS_LIGHT { bps.max(before) } else { bps });
    }

    /// An estimate that is worth telling. `sound_bps` is sent beside the pictures, of which alone feedback tells.
    pub(super) fn news(&mut self, sound_bps: u64) -> Option<(u64, bool)> {
        let (bps, is_remb) = match &self.controller {
            Some(controller) if self.is_heard => (controller.estimate_bps() + sound_bps, false),
            _ => (self.remb_bps?, true),
        };
        let is_news = self.told_bps.is_none_or(|told| told.abs_diff(bps) > told / 100 * NEWS_PERCENT);
        is_news.then(|| {
            self.told_bps = Some(bps);
            (bps, is_remb)
        })
    }

    pub(super) fn told_bps(&self) -> Option<u64> {
        self.told_bps
    }

    pub(super) fn loss(&self) -> Option<f32> {
        self.controller.as_ref().and_then(|controller| controller.loss())
    }

    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.controller.as_ref().and_then(|controller| controller.round_trip())
    }

    /// What pictures are paced by.
    pub(super) fn pace_bps(&self) -> u64 {
        let estimate = match &self.controller {
            Some(controller) if self.has_feedback => controller.estimate_bps(),
            _ => self.remb_bps.unwrap_or(START_BPS),
        };
        let tried = self.wanted.1.min(TRIED_BPS);
        estimate.max(tried).max(self.probing.as_ref().map_or(0, |probing| probing.probe.bps))
    }

    /// Lets time pass, and begins a cluster that should begin.
    pub(super) fn handle_timeout(&mut self, now: Now) {
        let Some(controller) = &mut self.controller else { return };
        if controller.poll_timeout().is_some_and(|at| at <= now) {
            controller.handle_timeout(now);
        }
        if self.probing.is_none()
            && let Some(probe) = controller.poll_probe(now)
        {
            self.probing = Some(Probing { probe, since: now, sent_bytes: 0 });
        }
    }

    /// The cluster that lacks a packet by now.
    pub(super) fn owes(&mut self, now: Now) -> Option<ProbeId> {
        let Probing { probe, since, sent_bytes } = self.probing.as_ref()?;
        if *sent_bytes >= u64::from(probe.bytes) {
            self.probing = None;
            return None;
        }
        let owed_bytes = u128::from(probe.bps) * now.saturating_sub(*since).as_micros() / 8_000_000;
        (u128::from(*sent_bytes) <= owed_bytes).then_some(probe.id)
    }

    /// How much of the cluster on its way has left.
    pub(super) fn probed_bytes(&self) -> u64 {
        self.probing.as_ref().map_or(0, |probing| probing.sent_bytes)
    }

    /// Nothing can fill it.
    pub(super) fn end_probe(&mut self) {
        self.probing = None;
    }

    /// When [`Control::handle_timeout`] and [`Control::owes`] have something to do.
    pub(super) fn due(&self, now: Now) -> Now {
        if self.probing.is_some() {
            return now + STEP;
        }
        self.controller.as_ref().and_then(|controller| controller.poll_timeout()).unwrap_or(Now::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_own_estimate_counts_when_packets_are_lost() {
        let mut control = Control::default();
        assert_eq!(control.news(0), None);
        control.remb(50_000, 0.0);
        assert_eq!(control.news(0), Some((START_BPS, true)));
        control.remb(50_000, 0.05);
        assert_eq!(control.news(0), Some((50_000, true)));
        control.remb(50_500, 0.0);
        assert_eq!(control.news(0), None, "hardly another one");
        control.remb(3_000_000, 0.0);
        assert_eq!((control.news(0), control.told_bps()), (Some((3_000_000, true)), Some(3_000_000)));
        control.remb(u64::MAX, 0.0);
        assert_eq!(control.news(9), Some((MOST_BPS, true)));
    }

    #[test]
    fn without_feedback_nothing_is_probed() {
        let mut control = Control::default();
        control.set_feedback(true);
        control.set_wanted(0, 2_000_000);
        control.count(1_000, Purpose::Media, Now::ZERO);
        control.set_feedback(false);
        control.handle_timeout(Now::from_secs(1));
        assert_eq!((control.owes(Now::from_secs(1)), control.due(Now::from_secs(1))), (None, Now::MAX));
    }

    #[test]
    fn who_gets_no_pictures_costs_nothing() {
        let mut control = Control::default();
        control.set_feedback(true);
        control.set_wanted(0, 2_000_000);
        control.handle_timeout(Now::from_secs(1));
        assert_eq!(control.due(Now::from_secs(1)), Now::MAX);
        assert!(control.controller.is_none());
        assert_eq!((control.news(0), control.pace_bps()), (None, TRIED_BPS));
    }

    #[test]
    fn an_estimate_counts_the_sound_that_feedback_does_not_tell_of() {
        let mut control = Control::default();
        control.set_feedback(true);
        control.count(1_000, Purpose::Media, Now::ZERO);
        assert_eq!(control.news(40_000), None, "nothing was heard yet");
        control.is_heard = true;
        assert_eq!(control.news(40_000), Some((START_BPS + 40_000, false)));
        assert_eq!(control.news(60_000), None, "hardly another one");
        assert_eq!(control.news(0), Some((START_BPS, false)));
    }

    #[test]
    fn packets_are_numbered_without_gaps() {
        let mut control = Control::default();
        control.set_feedback(true);
        let numbers = [1, 2, 3].map(|ms| control.count(1_000, Purpose::Media, Now::from_millis(ms)));
        assert_eq!(numbers, [numbers[0], numbers[0].wrapping_add(1), numbers[0].wrapping_add(2)]);
    }
}
