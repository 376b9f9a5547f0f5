//! How much a receiver can take, learned from what it tells of the packets that were sent to it.
//!
//! ```text
//! sent ─► history ─┐
//! feedback ────────┴► arrivals ─┬► delays: do packets queue? ─┐
//!                               ├► loss: is much lost?        ├► estimate, down and slowly up
//!                               ├► acked: how much arrives?  ─┘      ▲
//!                               └► clusters: was it that fast? ──────┘ up at once
//! ```
//!
//! In the spirit of Google Congestion Control (draft-ietf-rmcat-gcc-02), for a server that forwards what others encode:
//! it sends whole layers, so the estimate is mostly far from what is sent, and is raised by clusters more than by growth.
//! What is not sent says nothing: while little is sent, the estimate stays as it is.

mod acked;
mod cluster;
mod delay;
mod estimate;
mod history;
mod loss;
mod probes;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::{Now, rtcp};
use acked::Acked;
use delay::{Delays, PAUSE_US, Queue};
use estimate::Estimate;
use history::{History, Kind, Place, Told, micros};
use loss::Loss;
use probes::Probes;

/// Packets that one feedback tells of. Browsers send one every 50 to 250 ms, at 20 Mbit/s of 500 packets; it may claim
/// 65,535 in 40 bytes.
const MAX_TOLD: usize = 2_048;
/// Silence of this and two round trips is no slow feedback: browsers send it at least every 250 ms.
const SILENCE: Duration = Duration::from_millis(500);
/// Silence needs so many packets: feedback tells of the last packets only when more arrive.
const SILENT_PACKETS: u32 = 10;
/// After silence, feedback has to come for so long before silence lowers again: where feedback itself gets lost there is
/// silence all the time, and once has been enough.
const HEARD: Duration = Duration::from_secs(2);
/// Taken for the round trip until one was measured.
const ROUND_TRIP_START: Duration = Duration::from_millis(200);
/// No round trip counts as longer: the history does not reach further back.
const ROUND_TRIP_MAX: Duration = Duration::from_secs(2);
/// Weight of a longer round trip in the smoothed one; a shorter one counts at once.
const ROUND_TRIP_WEIGHT: u32 = 16;
/// So long after a cluster's last packet media may still queue behind it: four times what it lasts.
const DISTURBED: Duration = Duration::from_millis(200);
/// What arrives is measured over half a second.
const MEASURED: Duration = Duration::from_millis(500);
/// Times of arrival stay within this (three weeks), so that sums of them do not overflow.
const CLOCK_MAX_US: i64 = 1 << 41;

/// What a packet is sent for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// Sound and pictures.
    Media,
    /// Media that is sent again.
    Repair,
    /// Nothing: it fills.
    Padding,
    /// A part of a cluster, whatever it carries.
    Probe(ProbeId),
}

/// Names a cluster of packets; after 256 the names come again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProbeId(u8);

/// A cluster of packets that shows whether the way carries so much.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Probe {
    /// What its packets are marked with, as [`Purpose::Probe`].
    pub id: ProbeId,
    /// How fast it is to be sent, in bits per second.
    pub bps: u64,
    /// How much of it at least, in bytes of UDP payload; to be sent in five packets or more.
    pub bytes: u32,
}

/// The bandwidth of the way to one receiver.
#[derive(Debug)]
pub struct Controller {
    history: History,
    delays: Delays,
    // The second without the pauses of the sender, which say nothing about the way.
    acked: Acked,
    busy: Acked,
    loss: Loss,
    estimate: Estimate,
    probes: Probes,
    round_trip: Option<Duration>,
    is_overused: bool,
    // Media sent before this may have queued behind a cluster, and what arrives is not media alone.
    disturbed_until: Now,
    // Since the last feedback.
    untold_packets: u32,
    silence_at: Option<Now>,
    is_silent: bool,
    // Silence lowers from then on.
    heard_at: Now,
    // The number after the last one that was told, and when that one was sent.
    told_until: u16,
    told_sent_us: u64,
}

impl Controller {
    /// Knows nothing of the way yet and takes `start_bps` for its bandwidth.
    pub fn new(start_bps: u64) -> Self {
        Self {
            history: History::default(),
            delays: Delays::default(),
            acked: Acked::default(),
            busy: Acked::default(),
            loss: Loss::default(),
            estimate: Estimate::new(start_bps),
            probes: Probes::default(),
            round_trip: None,
            is_overused: false,
            disturbed_until: Now::ZERO,
            untold_packets: 0,
            silence_at: None,
            is_silent: false,
            heard_at: Now::ZERO,
            told_until: 0,
            told_sent_us: 0,
        }
    }

    /// Counts a packet that is about to be sent, of `bytes` of UDP payload.
    ///
    /// Answers the number that it carries in its transport-wide header extension.
    pub fn sent(&mut self, bytes: usize, purpose: Purpose, now: Now) -> u16 {
        let number = self.history.push(bytes, Kind::of(purpose), now);
        match purpose {
            Purpose::Media => self.probes.media_sent(now),
            Purpose::Probe(id) => {
                self.probes.probe_sent(id, number, bytes, now);
                self.disturbed_until = now + DISTURBED;
            }
            Purpose::Repair | Purpose::Padding => {}
        }
        self.untold_packets = self.untold_packets.saturating_add(1);
        // Of a receiver that never told anything nothing is expected.
        if self.untold_packets == SILENT_PACKETS && self.round_trip.is_some() && !self.is_silent {
            self.silence_at = Some(now + self.grace());
        }
        number
    }

    /// Learns from what the receiver tells. What was never sent, or was told before, is left out.
    pub fn feedback(&mut self, feedback: &rtcp::TransportFeedback<'_>, now: Now) {
        self.arrived(feedback.arrivals(), now);
    }

    /// Takes what the next step up needs and what all wishes take, in bits per second. Clusters try to reach both; with a
    /// `minimum_bps` of 0 nothing more is wanted.
    pub fn set_wanted(&mut self, minimum_bps: u64, desired_bps: u64) {
        self.probes.set_wanted(minimum_bps, desired_bps);
    }

    /// What the way is taken to carry, in bits per second.
    pub fn estimate_bps(&self) -> u64 {
        self.estimate.bps()
    }

    /// Whether packets queue on the way, because more is sent than gets through.
    pub fn is_overused(&self) -> bool {
        self.is_overused
    }

    /// The part that was lost in the last second of feedback, 0 to 1, when it told of enough.
    pub fn loss(&self) -> Option<f32> {
        // At most 1,000, which is exact.
        self.loss.permille().map(|permille| permille as f32 / 1_000.0)
    }

    /// From a packet's way out to the feedback that tells of it; near to the least that was seen lately.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// What arrived in the last half second that feedback told of, in bits per second; as it was, while there is none.
    pub fn acked_bps(&self) -> Option<u64> {
        self.acked.bps()
    }

    /// A cluster that is to start now.
    ///
    /// None while one is on its way, nothing more is wanted, nothing is sent, or packets queue or are lost.
    pub fn poll_probe(&mut self, now: Now) -> Option<Probe> {
        if !self.may_probe() {
            return None;
        }
        let jitter = Duration::from_micros(self.delays.jitter_us());
        self.probes.poll(self.estimate.bps(), jitter, now)
    }

    /// When [`Self::handle_timeout`] and then [`Self::poll_probe`] are to be called; never, while nothing is sent.
    ///
    /// Changes with what is sent, told and wanted.
    pub fn poll_timeout(&self) -> Option<Now> {
        let probe_at = self.probes.timeout(self.estimate.bps(), self.may_probe(), self.grace());
        self.silence_at.into_iter().chain(probe_at).min()
    }

    /// Looks at what did not happen until now.
    pub fn handle_timeout(&mut self, now: Now) {
        self.history.forget(now);
        self.probes.notice_pause(now);
        self.take_cluster(None, now);
        if self.silence_at.is_some_and(|at| at <= now) {
            // Once, until there has been feedback for a while.
            (self.silence_at, self.is_silent) = (None, true);
            if now >= self.heard_at && self.estimate.silent(self.acked.shown_bps().unwrap_or(0)) {
                self.probes.lowered(now);
            }
        }
    }

    /// Bytes of memory that it takes, but for those of a cluster on its way.
    #[cfg(test)]
    fn kept_bytes(&self) -> usize {
        size_of::<Self>() + self.history.kept_bytes()
    }

    fn arrived(&mut self, arrivals: impl Iterator<Item = (u16, Option<i64>)>, now: Now) {
        self.history.forget(now);
        let mut seen = Seen::default();
        for (number, arrived_us) in arrivals.take(MAX_TOLD) {
            match self.history.place(number) {
                Place::Before => continue,
                Place::Kept => {}
                Place::Outside => break,
            }
            let spacing_us = self.history.spacing_us(number).unwrap_or(0);
            let Some(told) = self.history.tell(number, arrived_us.is_some()) else { continue };
            self.follow(number, spacing_us, told.sent_us);
            seen.number = Some(number);
            match arrived_us {
                Some(at_us) => self.take_arrival(number, told, at_us, &mut seen),
                None => seen.lost += u32::from(told.kind == Kind::Media),
            }
        }
        let Some(number) = seen.number else { return };
        self.hear(now);
        self.loss.add(seen.arrived, seen.lost, seen.found, now);
        if let Some(sent_us) = seen.sent_us {
            self.measure_round_trip(now.saturating_sub(Duration::from_micros(sent_us)));
        }
        self.adjust(seen.has_risen, now);
        self.take_cluster(Some(number), now);
    }

    fn take_arrival(&mut self, number: u16, told: Told, at_us: i64, seen: &mut Seen) {
        let at_us = at_us.clamp(-CLOCK_MAX_US, CLOCK_MAX_US);
        seen.sent_us = seen.sent_us.max(Some(told.sent_us));
        let sent_us = i64::try_from(told.sent_us).unwrap_or(i64::MAX);
        let delay_us = at_us.saturating_sub(sent_us);
        if !self.delays.see(told.sent_us, delay_us) {
            self.acked.reset();
            self.busy.reset();
        }
        self.acked.add(at_us, told.bytes);
        self.busy.add(at_us, told.bytes);
        match told.kind {
            Kind::Media => {
                seen.arrived += 1;
                seen.found += u32::from(told.was_lost);
                if told.sent_us < micros(self.disturbed_until) {
                    self.delays.disturb();
                } else {
                    seen.has_risen |= self.delays.add(told.sent_us, delay_us);
                }
            }
            Kind::Probe => self.probes.arrived(number, at_us),
            Kind::Padding => {}
        }
    }

    /// Notices what was not told of before this packet, and whether it was sent after a pause.
    fn follow(&mut self, number: u16, spacing_us: u32, sent_us: u64) {
        let behind = usize::from(self.told_until.wrapping_sub(number));
        if (1..=MAX_TOLD).contains(&behind) {
            return;
        }
        let is_gap = behind > 0;
        if is_gap {
            self.acked.gap(spacing_us);
        }
        let is_pause = sent_us > self.told_sent_us.saturating_add(PAUSE_US);
        if is_gap || is_pause {
            self.busy.gap(if is_pause { 0 } else { spacing_us });
        }
        (self.told_until, self.told_sent_us) = (number.wrapping_add(1), sent_us);
    }

    fn hear(&mut self, now: Now) {
        if self.is_silent {
            self.heard_at = now + HEARD + self.grace();
        }
        (self.untold_packets, self.silence_at, self.is_silent) = (0, None, false);
    }

    fn adjust(&mut self, has_risen: bool, now: Now) {
        let queue = self.delays.queue();
        self.is_overused = match queue {
            Queue::Clear | Queue::Falls => false,
            Queue::Flat | Queue::Rises => self.is_overused || has_risen || self.loss.is_full(),
        };
        let (Some(acked), Some(sure)) = (self.acked.bps(), self.acked.sure_bps()) else { return };
        self.loss.judge(acked, queue != Queue::Clear, now);
        let is_calm = queue == Queue::Clear && now > self.disturbed_until + MEASURED;
        if is_calm {
            self.estimate.carried(sure);
        }
        let round_trip = self.round_trip.unwrap_or(ROUND_TRIP_START);
        let carried = self.busy.sure_bps().unwrap_or(sure).max(sure);
        let is_lowered = if has_risen && queue == Queue::Clear {
            self.estimate.limited(carried, round_trip, now)
        } else if has_risen || (queue == Queue::Flat && self.loss.is_full()) {
            self.estimate.overused(carried, round_trip, now)
        } else if let Some(permille) = self.loss.lasting(now) {
            let is_lowered = self.estimate.lost(permille, acked, round_trip, now);
            if is_lowered {
                self.loss.lowered(acked, now);
            }
            is_lowered
        } else if is_calm && self.loss.is_light() {
            self.estimate.grow(sure, now);
            false
        } else {
            self.estimate.hold(now);
            false
        };
        if is_lowered {
            self.probes.lowered(now);
        }
    }

    fn take_cluster(&mut self, told: Option<u16>, now: Now) {
        if let Some(bps) = self.probes.found(told, self.grace(), self.estimate.bps(), now) {
            self.estimate.carried(bps);
        }
    }

    fn measure_round_trip(&mut self, sample: Duration) {
        let sample = sample.min(ROUND_TRIP_MAX);
        self.round_trip = Some(match self.round_trip {
            Some(known) => sample.min(known + sample.saturating_sub(known) / ROUND_TRIP_WEIGHT),
            None => sample,
        });
    }

    /// Only where somebody tells what arrives, and nothing queues.
    fn may_probe(&self) -> bool {
        let is_calm = self.delays.is_known() && self.delays.queue() == Queue::Clear && !self.loss.is_heavy();
        is_calm && !self.is_silent
    }

    fn grace(&self) -> Duration {
        SILENCE + 2 * self.round_trip.unwrap_or(ROUND_TRIP_START)
    }
}

/// What one feedback told.
#[derive(Default)]
struct Seen {
    /// The last number that was told anything new of.
    number: Option<u16>,
    /// When the last packet was sent that arrived.
    sent_us: Option<u64>,
    arrived: u32,
    lost: u32,
    found: u32,
    /// A queue was seen to grow.
    has_risen: bool,
}
