//! The last packets of a layer that somebody waits for.
//!
//! Who waits begins with the first packet of a key frame. When that one is lost and repaired, or overtaken, the rest of
//! the frame has come before it and would be gone; so it is kept while somebody waits.

use std::collections::VecDeque;

use crate::Packet;

/// A quarter of a second of the largest layer, or a large key frame.
const PACKETS_MAX: usize = 96;

/// Packets in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(super) struct Recent {
    packets: VecDeque<Packet>,
    /// All packets from this number on that have come are there; `None`: nobody waits.
    since: Option<u64>,
}

impl Recent {
    /// Begins to keep packets, behind `highest`; goes on if it does so already.
    pub(super) fn begin(&mut self, highest: u64) {
        self.since.get_or_insert(highest + 1);
    }

    pub(super) fn end(&mut self) {
        *self = Self::default();
    }

    pub(super) fn push(&mut self, packet: &Packet) {
        let Some(since) = &mut self.since else { return };
        if self.packets.len() == PACKETS_MAX
            && let Some(oldest) = self.packets.pop_front()
        {
            *since = (*since).max(oldest.sequence + 1);
        }
        self.packets.push_back(packet.clone());
    }

    /// Whether everything that came behind a number is there.
    pub(super) fn covers(&self, sequence: u64) -> bool {
        self.since.is_some_and(|since| since <= sequence)
    }

    /// The packets behind a number, in the order of their numbers.
    pub(super) fn behind(&self, sequence: u64) -> Vec<Packet> {
        let mut packets: Vec<Packet> =
            self.packets.iter().filter(|packet| packet.sequence > sequence).cloned().collect();
        packets.sort_by_key(|packet| packet.sequence);
        packets
    }
}
