//! What was sent and is not known to have arrived: a ring of eight bytes a packet, numbered by its first one.

use std::collections::VecDeque;

use super::Purpose;
use crate::Now;

/// At most 16 KB. With packets of 1,100 bytes it reaches back 7 s at 2.5 Mbit/s and 0.9 s at 20 Mbit/s, where a round
/// trip of 300 ms and feedback every 250 ms (the slowest that browsers send) need 0.6 s.
const MAX_PACKETS: usize = 2_048;
/// For how long feedback about a packet is taken: a satellite's round trip, a queue of a second, slow feedback.
const KEPT_US: u64 = 2_500_000;

/// A packet that feedback tells something new of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Told {
    pub(super) sent_us: u64,
    pub(super) bytes: u16,
    pub(super) kind: Kind,
    /// It had been told lost before.
    pub(super) was_lost: bool,
}

/// Where a number lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// A little before all that feedback may still tell of.
    Before,
    Kept,
    /// Never sent, or long ago.
    Outside,
}

/// A [`Purpose`] without its number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Media,
    Padding,
    Probe,
}

impl Kind {
    pub(super) fn of(purpose: Purpose) -> Self {
        match purpose {
            Purpose::Media | Purpose::Repair => Self::Media,
            Purpose::Padding => Self::Padding,
            Purpose::Probe(_) => Self::Probe,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Unknown,
    Lost,
    Arrived,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    // Wraps after 71 minutes; nothing is kept for so long.
    at_us: u32,
    bytes: u16,
    kind: Kind,
    state: State,
}

/// The packets that feedback may still tell of.
#[derive(Debug, Default)]
pub(super) struct History {
    // Invariant: consecutive numbers, the first one `first`; none arrived at the front; at most `MAX_PACKETS`.
    packets: VecDeque<Sent>,
    first: u16,
    newest_us: u64,
}

impl History {
    /// Remembers a packet and numbers it.
    pub(super) fn push(&mut self, bytes: usize, kind: Kind, now: Now) -> u16 {
        self.forget(now);
        if self.packets.len() == MAX_PACKETS {
            self.pop();
        }
        let bytes = u16::try_from(bytes).unwrap_or(u16::MAX);
        // Time of an engine does not go back; if it did, the packet would count as sent with the one before.
        self.newest_us = micros(now).max(self.newest_us);
        self.packets.push_back(Sent { at_us: low(self.newest_us), bytes, kind, state: State::Unknown });
        self.number_at(self.packets.len() - 1)
    }

    /// Where a number lies. Behind one that is outside, of many in a row, there is nothing to find.
    pub(super) fn place(&self, number: u16) -> Place {
        let ahead = usize::from(number.wrapping_sub(self.first));
        if ahead < self.packets.len() {
            Place::Kept
        } else if usize::from(self.first.wrapping_sub(number)) <= MAX_PACKETS && !self.packets.is_empty() {
            Place::Before
        } else {
            Place::Outside
        }
    }

    /// How long after the one before it a packet was sent, when both are kept.
    pub(super) fn spacing_us(&self, number: u16) -> Option<u32> {
        let index = usize::from(number.wrapping_sub(self.first));
        let before = self.packets.get(index.checked_sub(1)?)?;
        Some(self.packets.get(index)?.at_us.wrapping_sub(before.at_us))
    }

    /// Takes what feedback says of a packet; answers when that is new, which lost after arrived is not.
    pub(super) fn tell(&mut self, number: u16, is_arrived: bool) -> Option<Told> {
        let index = usize::from(number.wrapping_sub(self.first));
        let newest_us = self.newest_us;
        let sent = self.packets.get_mut(index)?;
        let was_lost = sent.state == State::Lost;
        if sent.state == State::Arrived || (was_lost && !is_arrived) {
            return None;
        }
        sent.state = if is_arrived { State::Arrived } else { State::Lost };
        let age_us = u64::from(low(newest_us).wrapping_sub(sent.at_us));
        let told = Told { sent_us: newest_us - age_us, bytes: sent.bytes, kind: sent.kind, was_lost };
        while self.packets.front().is_some_and(|sent| sent.state == State::Arrived) {
            self.pop();
        }
        Some(told)
    }

    /// Drops what is too old for feedback.
    pub(super) fn forget(&mut self, now: Now) {
        let now_us = micros(now);
        if now_us.saturating_sub(self.newest_us) > KEPT_US {
            self.first = self.number_at(self.packets.len());
            self.packets = VecDeque::new();
            return;
        }
        while let Some(sent) = self.packets.front() {
            let age_us = low(now_us).wrapping_sub(sent.at_us);
            // Beyond half of the range, it was sent later than `now`.
            if u64::from(age_us) <= KEPT_US || age_us > u32::MAX / 2 {
                break;
            }
            self.pop();
        }
    }

    /// Bytes of memory that it takes.
    #[cfg(test)]
    pub(super) fn kept_bytes(&self) -> usize {
        self.packets.capacity() * size_of::<Sent>()
    }

    fn pop(&mut self) {
        if self.packets.pop_front().is_some() {
            self.first = self.first.wrapping_add(1);
        }
    }

    fn number_at(&self, index: usize) -> u16 {
        // At most `MAX_PACKETS`.
        self.first.wrapping_add(u16::try_from(index).unwrap_or(u16::MAX))
    }
}

/// A point in time in whole microseconds.
pub(super) fn micros(now: Now) -> u64 {
    now.as_secs().saturating_mul(1_000_000).saturating_add(u64::from(now.subsec_micros()))
}

fn low(us: u64) -> u32 {
    (us & 0xffff_ffff) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Now {
        Now::from_millis(ms)
    }

    #[test]
    fn a_packet_is_told_of_once() {
        let mut history = History::default();
        let first = history.push(100, Kind::Media, at(10));
        let second = history.push(200, Kind::Probe, at(20));
        assert_eq!(second, first.wrapping_add(1));
        assert_eq!((history.spacing_us(second), history.spacing_us(first)), (Some(10_000), None));
        assert_eq!(history.place(second), Place::Kept);
        assert_eq!(history.place(second.wrapping_add(1)), Place::Outside);
        assert_eq!(history.place(first.wrapping_sub(1)), Place::Before);
        let told = Told { sent_us: 20_000, bytes: 200, kind: Kind::Probe, was_lost: false };
        assert_eq!(history.tell(second, true), Some(told));
        assert_eq!(history.tell(second, true), None);
        assert_eq!(history.tell(second, false), None);
        assert_eq!(history.tell(first, false).map(|told| told.was_lost), Some(false));
        assert_eq!(history.tell(first, false), None);
        assert_eq!(history.tell(first, true).map(|told| told.was_lost), Some(true));
        assert!(history.packets.is_empty());
        assert_eq!(history.tell(second.wrapping_add(1), true), None, "never sent");
        assert_eq!(history.push(1, Kind::Media, at(30)), 2);
    }

    #[test]
    fn numbers_wrap() {
        let mut history = History::default();
        for round in 0..70_000_u32 {
            let now = at(u64::from(round));
            let number = history.push(100, Kind::Media, now);
            assert_eq!(u32::from(number), round % 65_536);
            assert_eq!(history.tell(number, true).map(|told| told.sent_us), Some(micros(now)));
        }
    }

    #[test]
    fn what_is_old_or_too_much_is_forgotten() {
        let mut history = History::default();
        for number in 0..3_000_u64 {
            history.push(100, Kind::Media, at(number / 4));
        }
        assert_eq!(history.packets.len(), MAX_PACKETS);
        assert!(history.kept_bytes() <= 16 * 1_024);
        assert_eq!(history.tell(951, true), None);
        assert!(history.tell(952, true).is_some());
        history.forget(at(3_100));
        assert_eq!(history.tell(2_399, true), None);
        assert!(history.tell(2_400, true).is_some());
        // After so long the short times would look new again.
        history.forget(at(749 + (1 << 32) / 1_000));
        assert_eq!(history.tell(2_999, true), None);
        assert_eq!(history.push(1, Kind::Media, at(5_000_000)), 3_000);
    }

    #[test]
    fn time_that_goes_back_harms_nothing() {
        let mut history = History::default();
        history.push(1, Kind::Media, at(5_000));
        let late = history.push(1, Kind::Media, at(1_000));
        history.forget(at(1_000));
        assert_eq!(history.tell(late, true).map(|told| told.sent_us), Some(5_000_000));
    }
}
