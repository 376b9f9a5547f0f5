//! A sender as the forwarding server is one: a camera in three layers, the layer chosen from the estimate, and sound,
//! which takes room on the way but has no numbers for feedback.

use super::super::{Probe, Purpose};
use super::way::{Chance, Packet};
use crate::Now;
use crate::congestion::Controller;

pub(super) const LAYERS_BPS: [u64; 3] = [150_000, 500_000, 1_200_000];
const SOUND_BPS: u64 = 40_000;
const PACKET_BYTES: u64 = 1_100;
const SOUND_EVERY_MS: u64 = 20;
/// What the forwarding server paces by, of the estimate and at least.
const PACE_PERCENT: u64 = 250;
const PACE_LEAST_BPS: u64 = 600_000;
/// One picture in so many is a large one.
const KEY_PICTURES: u64 = 150;

/// What is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Media {
    /// The layer that the estimate allows, up to the highest.
    Layers,
    /// Always so much, and more is wished for when `desired_bps` is more.
    Constant {
        bps: u64,
        desired_bps: u64,
    },
    /// A screen that changes now and then, paced; nothing between.
    Bursts {
        bytes: u64,
        every_ms: u64,
    },
    Nothing,
}

/// Sends media and clusters.
pub(super) struct Sender {
    pub(super) media: Media,
    pub(super) layer: Option<usize>,
    trouble_since_ms: Option<u64>,
    cluster: Option<Sending>,
    pictures: u64,
    // Of a burst: what is left of it, and what may be sent.
    left_bytes: u64,
    credit_bits: u64,
    chance: Chance,
    pub(super) probes: u64,
    pub(super) probe_bytes: u64,
}

struct Sending {
    probe: Probe,
    since_ms: u64,
    sent_bytes: u64,
}

impl Sender {
    pub(super) fn new(media: Media, seed: u64) -> Self {
        let chance = Chance(seed);
        Self {
            media,
            layer: None,
            trouble_since_ms: None,
            cluster: None,
            pictures: 0,
            left_bytes: 0,
            credit_bits: 0,
            chance,
            probes: 0,
            probe_bytes: 0,
        }
    }

    pub(super) fn media_bps(&self) -> u64 {
        match self.media {
            Media::Layers => SOUND_BPS + self.layer.map_or(0, |layer| LAYERS_BPS[layer]),
            Media::Constant { bps, .. } => bps,
            Media::Bursts { bytes, every_ms } => bytes * 8_000 / every_ms,
            Media::Nothing => 0,
        }
    }

    /// What goes out in this millisecond: bursts, the packets of each belonging together.
    pub(super) fn step(&mut self, controller: &mut Controller, ms: u64) -> Vec<Vec<Packet>> {
        let now = Now::from_millis(ms);
        if ms.is_multiple_of(200) {
            self.choose(controller, ms);
        }
        if let Some(probe) = controller.poll_probe(now) {
            self.probes += 1;
            assert!(self.cluster.is_none(), "one at a time");
            self.cluster = Some(Sending { probe, since_ms: ms, sent_bytes: 0 });
        }
        let mut bursts = Vec::new();
        if let Media::Bursts { bytes, every_ms } = self.media {
            bursts.push(self.burst(if ms.is_multiple_of(every_ms) { bytes } else { 0 }, controller, now));
            return bursts;
        }
        let video_bps = self.media_bps().saturating_sub(SOUND_BPS);
        if video_bps > 0 && [0, 33, 66].contains(&(ms % 100)) {
            bursts.push(self.picture(video_bps, controller, now));
        }
        if self.media != Media::Nothing && ms.is_multiple_of(SOUND_EVERY_MS) {
            let bytes = SOUND_BPS * SOUND_EVERY_MS / 8_000;
            bursts.push(vec![Packet { number: None, bytes }]);
        }
        bursts.push(self.padding(controller, ms));
        bursts
    }

    /// What the pace lets out of it in this millisecond.
    fn burst(&mut self, bytes: u64, controller: &mut Controller, now: Now) -> Vec<Packet> {
        self.left_bytes += bytes;
        let pace_bps = (controller.estimate_bps() * PACE_PERCENT / 100).max(PACE_LEAST_BPS);
        self.credit_bits += pace_bps / 1_000;
        let mut packets = Vec::new();
        while self.left_bytes > 0 && self.credit_bits >= PACKET_BYTES * 8 {
            let bytes = self.left_bytes.min(PACKET_BYTES);
            self.left_bytes -= bytes;
            self.credit_bits -= bytes * 8;
            packets.push(self.packet(bytes, controller, now));
        }
        if self.left_bytes == 0 {
            self.credit_bits = 0;
        }
        packets
    }

    fn picture(&mut self, bps: u64, controller: &mut Controller, now: Now) -> Vec<Packet> {
        let is_key = self.pictures.is_multiple_of(KEY_PICTURES);
        self.pictures += 1;
        let mean = bps / 8 / 30;
        let mut left = if is_key { mean * 5 } else { mean * (70 + self.chance.up_to(60)) / 100 };
        let mut packets = Vec::new();
        while left > 0 {
            let bytes = left.min(PACKET_BYTES);
            left -= bytes;
            packets.push(self.packet(bytes, controller, now));
        }
        packets
    }

    fn packet(&mut self, bytes: u64, controller: &mut Controller, now: Now) -> Packet {
        let purpose = match &mut self.cluster {
            Some(cluster) => {
                cluster.sent_bytes += bytes;
                Purpose::Probe(cluster.probe.id)
            }
            None => Purpose::Media,
        };
        let number = controller.sent(usize::try_from(bytes).unwrap(), purpose, now);
        Packet { number: Some(number), bytes }
    }

    /// Fills the cluster up to where it should be.
    fn padding(&mut self, controller: &mut Controller, ms: u64) -> Vec<Packet> {
        let mut packets = Vec::new();
        while let Some(cluster) = &self.cluster {
            let due = cluster.probe.bps * (ms - cluster.since_ms) / 8_000;
            let all = u64::from(cluster.probe.bytes);
            if cluster.sent_bytes >= all {
                self.probe_bytes += cluster.sent_bytes;
                self.cluster = None;
            } else if cluster.sent_bytes <= due {
                let bytes = PACKET_BYTES.min(all / 5);
                packets.push(self.packet(bytes, controller, Now::from_millis(ms)));
            } else {
                break;
            }
        }
        packets
    }

    /// As the room does: down after a second of trouble, at once when it is grave, up when there is room to spare.
    fn choose(&mut self, controller: &mut Controller, ms: u64) {
        // Feedback tells of pictures alone.
        let estimate = controller.estimate_bps() + SOUND_BPS;
        match self.media {
            Media::Constant { bps, desired_bps } => {
                let minimum = if desired_bps > bps { desired_bps } else { 0 };
                controller.set_wanted(minimum, desired_bps * 110 / 100);
                return;
            }
            Media::Bursts { .. } | Media::Nothing => return controller.set_wanted(0, 0),
            Media::Layers => {}
        }
        let sent = self.media_bps();
        let budget = (estimate * 90 / 100).saturating_sub(SOUND_BPS);
        let fitting = |budget| LAYERS_BPS.iter().rposition(|bps| *bps <= budget);
        if estimate < sent * 90 / 100 {
            let since = *self.trouble_since_ms.get_or_insert(ms);
            if ms - since >= 1_000 || estimate < sent * 60 / 100 {
                self.layer = fitting(budget).or(Some(0)).min(self.layer);
            }
        } else {
            self.trouble_since_ms = None;
            let budget = if self.layer.is_none() { budget } else { budget * 85 / 100 };
            self.layer = self.layer.max(fitting(budget)).or(Some(0));
        }
        let needs = |bps: u64| (bps * 100 / 85 + SOUND_BPS) * 100 / 90;
        let next = self.layer.map_or(0, |layer| layer + 1);
        let minimum = LAYERS_BPS.get(next).map_or(0, |bps| needs(*bps));
        controller.set_wanted(minimum, (LAYERS_BPS[2] + SOUND_BPS) * 110 / 100);
    }
}
