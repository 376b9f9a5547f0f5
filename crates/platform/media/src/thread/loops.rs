//! Participants without transport that say again what they heard: the echo test.

use std::collections::VecDeque;
use std::time::Duration;

use trunkline_sfu::{Forward, Layer, Now, Packet, PeerKey, SourceKey, SourceKind};

/// Packets on their way back: twenty seconds of audio. Beyond it the newest is lost.
const PACKETS_MAX: usize = 1_000;

/// Audio that waits until it is said again.
#[derive(Debug)]
pub(super) struct LoopQueue {
    key: PeerKey,
    delay: Duration,
    // Invariant: in the order of their times.
    waiting: VecDeque<(Now, Packet)>,
}

impl LoopQueue {
    pub(super) fn new(key: PeerKey, delay: Duration) -> Self {
        Self { key, delay, waiting: VecDeque::new() }
    }

    /// Hears a packet.
    pub(super) fn hear(&mut self, forward: Forward, now: Now) {
        if forward.slot.is_video || self.waiting.len() >= PACKETS_MAX {
            return;
        }
        let at = now + self.delay;
        let packet = Packet {
            source: SourceKey { peer: self.key, kind: SourceKind::Audio },
            layer: Layer::Low,
            codec: forward.codec,
            sequence: forward.sequence,
            timestamp: forward.timestamp,
            marker: forward.marker,
            payload: forward.payload,
            arrived: at,
            captured: None,
            marks: forward.marks,
        };
        self.waiting.push_back((at, packet));
    }

    /// When [`LoopQueue::say`] has something.
    pub(super) fn due(&self) -> Now {
        self.waiting.front().map_or(Now::MAX, |(at, _)| *at)
    }

    /// What is said by now.
    pub(super) fn say(&mut self, now: Now, said: &mut Vec<Packet>) {
        while let Some((_, packet)) = self.waiting.pop_front_if(|(at, _)| *at <= now) {
            said.push(packet);
        }
    }
}

#[cfg(test)]
mod tests {
    use trunkline_sfu::{Codec, Marks, SlotKey};

    use super::*;

    fn forward(sequence: u64, is_video: bool) -> Forward {
        Forward {
            to: PeerKey(2),
            slot: SlotKey { is_video, index: 0 },
            codec: Codec::Opus,
            sequence,
            timestamp: 960,
            marker: false,
            is_repairable: false,
            payload: [1, 2, 3].into(),
            patch: None,
            marks: Marks::default(),
            captured: Now::ZERO,
        }
    }

    #[test]
    fn audio_comes_back_after_the_delay_and_video_does_not() {
        let mut queue = LoopQueue::new(PeerKey(2), Duration::from_secs(2));
        queue.hear(forward(7, false), Now::from_secs(1));
        queue.hear(forward(8, true), Now::from_secs(1));
        let mut said = Vec::new();
        queue.say(Now::from_millis(2_999), &mut said);
        assert_eq!((said.len(), queue.due()), (0, Now::from_secs(3)));
        queue.say(Now::from_secs(3), &mut said);
        let told: Vec<_> =
            said.iter().map(|packet| (packet.source, packet.sequence, packet.arrived)).collect();
        let source = SourceKey { peer: PeerKey(2), kind: SourceKind::Audio };
        assert_eq!(told, [(source, 7, Now::from_secs(3))]);
        assert_eq!(queue.due(), Now::MAX);
    }

    #[test]
    fn no_more_than_twenty_seconds_are_kept() {
        let mut queue = LoopQueue::new(PeerKey(2), Duration::ZERO);
        for sequence in 0..1_500 {
            queue.hear(forward(sequence, false), Now::ZERO);
        }
        let mut said = Vec::new();
        queue.say(Now::ZERO, &mut said);
        assert_eq!(said.len(), PACKETS_MAX);
    }
}
