//! Sent packets that can be asked for again.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::codec::Places;
use crate::{Marks, Now, PictureNumbers};

/// A second of 2.5 Mbit/s. Payloads are shared by all receivers.
const PACKETS_MAX: usize = 256;
/// How long a packet can be asked for: later it would come too late to be shown.
const AGE_MAX: Now = Now::from_secs(1);

/// What is needed to send a packet once more.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) sequence: u64,
    pub(super) timestamp: u32,
    pub(super) marker: bool,
    /// That of repairs for the codec.
    pub(super) payload_type: u8,
    pub(super) payload: Arc<[u8]>,
    /// What to put in place of the sender's.
    pub(super) patch: Option<(Places, PictureNumbers)>,
    pub(super) marks: Marks,
    pub(super) sent: Now,
    /// When it was last sent again.
    pub(super) repaired: Option<Now>,
}

/// The packets of one slot, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Cache {
    // Invariant: rising numbers, at most PACKETS_MAX.
    packets: VecDeque<Kept>,
}

impl Cache {
    pub(super) fn put(&mut self, kept: Kept) {
        if self.packets.len() >= PACKETS_MAX {
            self.packets.pop_front();
        }
        while self.packets.front().is_some_and(|oldest| oldest.sent + AGE_MAX < kept.sent) {
            self.packets.pop_front();
        }
        let place = self.packets.partition_point(|other| other.sequence < kept.sequence);
        self.packets.insert(place, kept);
    }

    /// The packet with these low 16 bits of its number, if it is young enough.
    pub(super) fn find(&mut self, number: u16, now: Now) -> Option<&mut Kept> {
        let newest = self.packets.back()?.sequence;
        let back = (newest & 0xffff).wrapping_sub(u64::from(number)) & 0xffff;
        let sequence = newest.checked_sub(back)?;
        let place = self.packets.binary_search_by_key(&sequence, |kept| kept.sequence).ok()?;
        self.packets.get_mut(place).filter(|kept| kept.sent + AGE_MAX >= now)
    }

    /// The largest of the last packets: what fills a probe.
    pub(super) fn filler(&self) -> Option<&Kept> {
        /// A picture at most.
        const RECENT: usize = 16;
        self.packets.iter().rev().take(RECENT).max_by_key(|kept| kept.payload.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(sequence: u64, sent: Now) -> Kept {
        Kept {
            sequence,
            timestamp: 0,
            marker: false,
            payload_type: 97,
            payload: vec![0; 10].into(),
            patch: None,
            marks: Marks::default(),
            sent,
            repaired: None,
        }
    }

    #[test]
    fn a_packet_is_found_by_its_low_bits_also_when_they_wrap() {
        let mut cache = Cache::default();
        for sequence in [0xfffe, 0x1_0000, 0xffff, 0x1_0001] {
            cache.put(kept(sequence, Now::ZERO));
        }
        let mut find = |number| cache.find(number, Now::ZERO).map(|kept| kept.sequence);
        assert_eq!(find(0xffff), Some(0xffff));
        assert_eq!(find(0), Some(0x1_0000));
        assert_eq!(find(1), Some(0x1_0001));
        assert_eq!(find(2), None);
        assert_eq!(find(0xfffd), None);
        assert_eq!(Cache::default().packets.len(), 0);
    }

    #[test]
    fn no_number_below_zero_is_looked_for() {
        let mut cache = Cache::default();
        cache.put(kept(3, Now::ZERO));
        assert!(cache.find(9, Now::ZERO).is_none());
    }

    #[test]
    fn what_is_old_or_too_much_is_forgotten() {
        let mut cache = Cache::default();
        for sequence in 0..300 {
            cache.put(kept(sequence, Now::ZERO));
        }
        assert_eq!(cache.packets.len(), PACKETS_MAX);
        assert!(cache.find(43, Now::ZERO).is_none() && cache.find(44, Now::ZERO).is_some());
        assert!(cache.find(299, AGE_MAX + Now::from_millis(1)).is_none());
        cache.put(kept(300, AGE_MAX + Now::from_millis(1)));
        assert_eq!(cache.packets.len(), 1);
    }

    #[test]
    fn the_filler_is_the_largest_of_the_last() {
        let mut cache = Cache::default();
        assert!(cache.filler().is_none());
        cache.put(Kept { payload: vec![0; 900].into(), ..kept(1, Now::ZERO) });
        cache.put(kept(2, Now::ZERO));
        assert_eq!(cache.filler().map(|kept| kept.sequence), Some(1));
        for sequence in 3..19 {
            cache.put(kept(sequence, Now::ZERO));
        }
        assert_eq!(cache.filler().map(|kept| kept.payload.len()), Some(10));
    }
}
