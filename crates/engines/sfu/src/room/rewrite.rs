//! One continuous outgoing stream per slot, whatever is put into it.
//!
//! ```text
//! layer low    ──┐                       sequence  dense, from the slot's own start
//! layer high   ──┼─► Rewrite ──► slot    timestamp never back, runs on over switches
//! another one  ──┘
//! ```

use std::collections::VecDeque;

use crate::Now;

/// Ticks of the video clock in a second (RFC 6184 §8.2.1, RFC 7741 §6.1).
pub(super) const VIDEO_CLOCK_HZ: u32 = 90_000;
/// Ticks of Opus' clock in a second (RFC 7587 §4.1).
pub(super) const AUDIO_CLOCK_HZ: u32 = 48_000;
/// The shortest step of time over a switch: a frame at 30 frames a second. Players drop frames of equal time.
const SWITCH_TICKS_MIN_VIDEO: u32 = 3_000;
/// One Opus packet of 20 ms.
const SWITCH_TICKS_MIN_AUDIO: u32 = 960;
/// The longest step: who sees a slot filled after a longer while resets its jitter buffer once, not for minutes.
const SWITCH_SECONDS_MAX: u32 = 10;
/// How far back a packet may come and still find its number: a second of the largest layer.
const BEHIND_MAX: u64 = 512;

/// What becomes of a packet's numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Numbers {
    pub(super) sequence: u64,
    pub(super) timestamp: u32,
    /// The first packet after a switch, or of the slot.
    pub(super) is_first: bool,
    /// No later packet went out before it.
    pub(super) is_newest: bool,
}

/// Maps the sequence numbers and times of the packets that go into one slot.
#[derive(Clone, Debug)]
pub(super) struct Rewrite {
    clock_hz: u32,
    // `None` before the first packet and after `detach`.
    base: Option<Base>,
    /// The highest outgoing number so far; one below the first before the first.
    highest: u64,
    last_timestamp: u32,
    /// When the packet with `last_timestamp` was captured, or came.
    last_at: Option<Now>,
    dropped: Dropped,
}

/// Where the present stream begins in the slot's.
#[derive(Clone, Copy, Debug)]
struct Base {
    incoming: u64,
    outgoing: u64,
    timestamp_offset: u32,
    /// The highest incoming number that was forwarded or left out.
    seen: u64,
}

impl Rewrite {
    /// `first` is where the slot's numbers start, below 32,768: the receiver takes the first packet for one before any
    /// rollover (RFC 3711 §3.3.1), also when it is lost and the second comes first.
    pub(super) fn new(clock_hz: u32, first: u16, timestamp: u32) -> Self {
        debug_assert!(first < 32_768, "{first}");
        Self {
            clock_hz,
            base: None,
            highest: u64::from(first),
            last_timestamp: timestamp,
            last_at: None,
            dropped: Dropped::default(),
        }
    }

    /// Nothing more comes of the present stream; the next packet starts another one.
    pub(super) fn detach(&mut self) {
        self.base = None;
    }

    /// The numbers of a packet of the present stream; the first one after [`Rewrite::detach`] starts a stream.
    ///
    /// `at` is when it was captured by the sender's clock mapped to ours, or when it came.
    /// `None`: it belongs before the switch, is too old, or was left out.
    pub(super) fn map(&mut self, incoming: u64, timestamp: u32, at: Now) -> Option<Numbers> {
        let Some(base) = &mut self.base else { return Some(self.start(incoming, timestamp, at)) };
        // The first packet of a stream that is found to be reordered: what came before it is gone for good.
        if incoming < base.incoming || incoming + BEHIND_MAX <= base.seen {
            return None;
        }
        let left_out = self.dropped.below(incoming)?;
        let sequence = base.outgoing + (incoming - base.incoming) - left_out;
        let timestamp = timestamp.wrapping_add(base.timestamp_offset);
        base.seen = base.seen.max(incoming);
        // Not the same as a new `incoming`: above it there may be packets that were left out.
        let is_newest = sequence > self.highest;
        if is_newest {
            self.highest = sequence;
            self.last_timestamp = timestamp;
            self.last_at = Some(at);
        }
        Some(Numbers { sequence, timestamp, is_first: false, is_newest })
    }

    /// Leaves a packet out without a gap for the receiver. `false`: a later packet has gone out already, so that its
    /// number is promised and it must be forwarded.
    pub(super) fn skip(&mut self, incoming: u64) -> bool {
        let Some(base) = &mut self.base else { return true };
        if incoming < base.incoming {
            return true;
        }
        if incoming <= base.seen {
            return false;
        }
        // Numbers between `seen` and this one are still to come, and keep their places.
        base.seen = incoming;
        self.dropped.push(incoming);
        true
    }

    fn start(&mut self, incoming: u64, timestamp: u32, at: Now) -> Numbers {
        let outgoing = self.highest + 1;
        let shown = match self.last_at {
            None => self.last_timestamp,
            Some(last) => self.last_timestamp.wrapping_add(self.ticks_between(last, at)),
        };
        let timestamp_offset = shown.wrapping_sub(timestamp);
        self.base = Some(Base { incoming, outgoing, timestamp_offset, seen: incoming });
        self.dropped = Dropped::default();
        self.highest = outgoing;
        self.last_timestamp = shown;
        self.last_at = Some(at);
        Numbers { sequence: outgoing, timestamp: shown, is_first: true, is_newest: true }
    }

    fn ticks_between(&self, last: Now, at: Now) -> u32 {
        let least = match self.clock_hz {
            AUDIO_CLOCK_HZ => SWITCH_TICKS_MIN_AUDIO,
            _ => SWITCH_TICKS_MIN_VIDEO,
        };
        let most = self.clock_hz * SWITCH_SECONDS_MAX;
        let ticks = at.saturating_sub(last).as_micros() * u128::from(self.clock_hz) / 1_000_000;
        u32::try_from(ticks).unwrap_or(most).clamp(least, most)
    }
}

/// Incoming numbers that were left out since the base.
#[derive(Clone, Debug, Default)]
struct Dropped {
    // Invariant: ascending, at most `BEHIND_MAX`.
    numbers: VecDeque<u64>,
    /// How many of them were older than those.
    older: u64,
}

impl Dropped {
    /// How many of them lie below `incoming`; `None` when `incoming` itself was left out.
    fn below(&self, incoming: u64) -> Option<u64> {
        // The newest packet is above all of them: no search for nearly every packet.
        if self.numbers.back().is_none_or(|&last| last < incoming) {
            return Some(self.older + self.numbers.len() as u64);
        }
        self.numbers.binary_search(&incoming).err().map(|below| self.older + below as u64)
    }

    /// Adds a number above all others.
    fn push(&mut self, incoming: u64) {
        if self.numbers.len() as u64 == BEHIND_MAX {
            self.numbers.pop_front();
            self.older += 1;
        }
        self.numbers.push_back(incoming);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn at(ms: u64) -> Now {
        Now::from_millis(ms)
    }

    #[test]
    fn a_switch_goes_on_where_the_last_stream_was() {
        let mut rewrite = Rewrite::new(VIDEO_CLOCK_HZ, 100, 5_000);
        let first = rewrite.map(7_000, 90_000, at(0)).expect("the first packet");
        assert_eq!((first.sequence, first.timestamp, first.is_first), (101, 5_000, true));
        let second = rewrite.map(7_002, 93_000, at(33)).expect("goes on");
        assert_eq!((second.sequence, second.timestamp), (103, 8_000), "the hole of a lost packet stays");
        rewrite.detach();
        let other = rewrite.map(40, 1_000_000, at(83)).expect("the other layer");
        assert_eq!((other.sequence, other.timestamp), (104, 8_000 + 4_500));
        assert_eq!(rewrite.map(39, 997_000, at(90)), None, "from before the switch");
    }

    #[test]
    fn time_goes_on_by_a_frame_at_least_and_ten_seconds_at_most() {
        let check = |clock_hz: u32, pause: Now, expect| {
            let mut rewrite = Rewrite::new(clock_hz, 0, 0);
            rewrite.map(0, 77, at(1_000));
            rewrite.detach();
            let next = rewrite.map(0, 5, at(1_000) + pause).expect("the next stream");
            assert_eq!(next.timestamp, expect);
        };
        check(VIDEO_CLOCK_HZ, Now::ZERO, 3_000);
        check(AUDIO_CLOCK_HZ, at(1), 960);
        check(AUDIO_CLOCK_HZ, at(100), 4_800);
        check(VIDEO_CLOCK_HZ, Now::from_hours(1), 900_000);
    }

    #[test]
    fn a_repaired_packet_finds_its_hole() {
        let mut rewrite = Rewrite::new(VIDEO_CLOCK_HZ, 0, 0);
        for incoming in [10, 11, 13] {
            rewrite.map(incoming, 0, at(0));
        }
        let repaired = rewrite.map(12, 0, at(50)).expect("it is not too old");
        assert_eq!((repaired.sequence, repaired.is_newest), (3, false));
    }

    #[test]
    fn what_is_left_out_leaves_no_hole() {
        let mut rewrite = Rewrite::new(VIDEO_CLOCK_HZ, 0, 0);
        rewrite.map(10, 0, at(0));
        assert!(rewrite.skip(11));
        assert_eq!(rewrite.map(12, 0, at(1)).map(|numbers| numbers.sequence), Some(2));
        assert_eq!(rewrite.map(11, 0, at(2)), None, "it stays left out");
        rewrite.map(14, 0, at(3));
        assert!(!rewrite.skip(13), "its number is promised");
        assert_eq!(rewrite.map(13, 0, at(4)).map(|numbers| numbers.sequence), Some(3));
    }

    #[test]
    fn the_last_packet_may_come_behind_one_that_was_left_out() {
        let mut rewrite = Rewrite::new(VIDEO_CLOCK_HZ, 0, 0);
        rewrite.map(10, 0, at(0));
        assert!(rewrite.skip(12));
        let last = rewrite.map(11, 3_000, at(33)).expect("its place is kept");
        assert_eq!((last.sequence, last.is_newest), (2, true));
        rewrite.detach();
        assert_eq!(rewrite.map(0, 0, at(66)).map(|numbers| numbers.sequence), Some(3));
    }

    #[test]
    fn what_is_too_old_is_dropped() {
        let mut rewrite = Rewrite::new(VIDEO_CLOCK_HZ, 0, 0);
        rewrite.map(0, 0, at(0));
        rewrite.map(BEHIND_MAX, 0, at(0));
        assert_eq!(rewrite.map(0, 0, at(0)), None);
        assert_eq!(rewrite.map(1, 0, at(0)).map(|numbers| numbers.sequence), Some(2));
    }

    /// What happens to the packet of a number: how much later it comes, and whether it is left out.
    #[derive(Clone, Debug)]
    struct Fate {
        delay: u64,
        is_lost: bool,
        is_left_out: bool,
    }

    fn fates() -> impl Strategy<Value = Vec<Fate>> {
        let fate = (0..40_u64, prop::bool::weighted(0.1), prop::bool::weighted(0.1));
        let fate = fate.prop_map(|(delay, is_lost, is_left_out)| Fate { delay, is_lost, is_left_out });
        prop::collection::vec(fate, 1..1_500)
    }

    proptest! {
        #[test]
        fn numbers_keep_the_order_of_the_sender(
            fates in fates(),
            late in prop::bool::ANY,
            streams in prop::collection::vec(0..1_u64 << 40, 1..4),
        ) {
            let mut rewrite = Rewrite::new(VIDEO_CLOCK_HZ, 9, 0);
            let mut all = BTreeMap::new();
            for (stream, first) in streams.iter().enumerate() {
                rewrite.detach();
                let mut order: Vec<(u64, u64)> = (0..).zip(&fates)
                    .filter(|(_, fate)| !fate.is_lost)
                    .map(|(number, fate)| (if late { number + fate.delay } else { number }, number))
                    .collect();
                order.sort_unstable();
                let mut sent = BTreeMap::new();
                for (time, number) in order {
                    let is_left_out = fates[usize::try_from(number).expect("small")].is_left_out;
                    if is_left_out && rewrite.skip(first + number) {
                        continue;
                    }
                    if let Some(numbers) = rewrite.map(first + number, 0, at(time)) {
                        prop_assert!(sent.insert(number, numbers.sequence).is_none());
                        prop_assert!(all.insert(numbers.sequence, (stream, number)).is_none(), "one number twice");
                    }
                }
                // Outgoing numbers ascend as the sender's do, and the holes are those of packets not left out.
                prop_assert!(sent.values().is_sorted());
            }
            prop_assert!(all.values().is_sorted(), "a later stream lies behind an earlier one");
            if !late {
                // Without loss and reordering there is no hole.
                let lost = fates.iter().filter(|fate| fate.is_lost).count();
                if lost == 0 {
                    let (first, last) = (all.keys().next().copied(), all.keys().next_back().copied());
                    if let (Some(first), Some(last)) = (first, last) {
                        prop_assert_eq!(last - first + 1, all.len() as u64);
                    }
                }
            }
        }
    }
}
