//! Packets of a layer that do not come: what is decoded behind them is broken until the next key frame.
//!
//! Transport asks the sender for them again, a few times in a row, and gives up when a burst of losses takes all of them.
//! Receivers wait for seconds before they ask for a key frame. So it is asked for here.

use std::collections::VecDeque;

use crate::Now;

/// How long the transport needs to get them again, the round trip to the sender not counted.
const REPAIRED_WITHIN: Now = Now::from_millis(250);
/// A long way, until it is measured: a key frame for nothing disturbs more than a late one.
const ROUND_TRIP_START: Now = Now::from_millis(250);
/// A sender's reports cannot make us wait for longer.
const ROUND_TRIP_MAX: Now = Now::from_secs(1);
/// Gaps that are told apart: further ones count as part of the last. They all end with the next key frame.
const GAPS_MAX: usize = 16;
/// Requests, while no key frame comes: bursts take requests and key frames as well. Then it is left to the receivers.
const ASKS_MAX: u8 = 3;

/// When what is missing has not come for too long, by the round trip to the sender.
pub(super) fn patience(round_trip: Option<Now>) -> Now {
    REPAIRED_WITHIN + round_trip.map_or(ROUND_TRIP_START, |round_trip| round_trip.min(ROUND_TRIP_MAX))
}

/// What is missing of a layer since its last key frame.
#[derive(Clone, Debug, Default)]
pub(super) struct Gaps {
    // Invariant: ascending in numbers and time, without overlap, at most `GAPS_MAX`.
    gaps: VecDeque<Gap>,
    /// Requests since something has been missing.
    asks: u8,
}

#[derive(Clone, Copy, Debug)]
struct Gap {
    first: u64,
    last: u64,
    /// How many of these numbers have not come.
    missing: u64,
    since: Now,
}

impl Gaps {
    /// A packet came that is not late, `highest` having been the last before it.
    pub(super) fn advance(&mut self, highest: u64, sequence: u64, now: Now) {
        if sequence <= highest + 1 {
            return;
        }
        let gap = Gap { first: highest + 1, last: sequence - 1, missing: sequence - highest - 1, since: now };
        let is_full = self.gaps.len() == GAPS_MAX;
        match self.gaps.back_mut().filter(|_| is_full) {
            Some(last) => {
                last.last = gap.last;
                last.missing += gap.missing;
            }
            None => self.gaps.push_back(gap),
        }
    }

    /// A packet came late.
    pub(super) fn fill(&mut self, sequence: u64) {
        let Some(index) = self.gaps.iter().position(|gap| (gap.first..=gap.last).contains(&sequence)) else {
            return;
        };
        self.gaps[index].missing -= 1;
        if self.gaps[index].missing == 0 {
            self.gaps.remove(index);
            self.end();
        }
    }

    /// A key frame begins with a packet: nothing before it is needed any more.
    pub(super) fn overtaken(&mut self, sequence: u64) {
        while self.gaps.front().is_some_and(|gap| gap.last < sequence) {
            self.gaps.pop_front();
        }
        self.end();
    }

    /// Since when something has been missing.
    pub(super) fn since(&self) -> Option<Now> {
        self.gaps.front().map(|gap| gap.since)
    }

    /// A key frame was asked for.
    pub(super) fn asked(&mut self) {
        self.asks += 1;
        if self.asks == ASKS_MAX {
            self.forget();
        }
    }

    /// Nobody needs it.
    pub(super) fn forget(&mut self) {
        self.gaps.clear();
        self.end();
    }

    fn end(&mut self) {
        if self.gaps.is_empty() {
            self.asks = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(ms: u64) -> Now {
        Now::from_millis(ms)
    }

    #[test]
    fn a_gap_is_there_until_all_of_it_has_come() {
        let mut gaps = Gaps::default();
        gaps.advance(9, 10, at(0));
        assert_eq!(gaps.since(), None);
        gaps.advance(10, 13, at(1));
        gaps.advance(13, 15, at(2));
        gaps.fill(12);
        assert_eq!(gaps.since(), Some(at(1)));
        gaps.fill(11);
        assert_eq!(gaps.since(), Some(at(2)));
        gaps.fill(14);
        assert_eq!(gaps.since(), None);
    }

    #[test]
    fn a_key_frame_overtakes_what_is_missing_before_it() {
        let mut gaps = Gaps::default();
        gaps.advance(10, 13, at(1));
        gaps.advance(20, 22, at(2));
        gaps.overtaken(12);
        assert_eq!(gaps.since(), Some(at(1)));
        gaps.overtaken(13);
        assert_eq!(gaps.since(), Some(at(2)));
        gaps.overtaken(22);
        assert_eq!(gaps.since(), None);
    }

    #[test]
    fn it_is_given_up_when_no_key_frame_comes() {
        let mut gaps = Gaps::default();
        gaps.advance(10, 13, at(1));
        gaps.asked();
        gaps.overtaken(13);
        gaps.advance(20, 22, at(2));
        for _ in 0..2 {
            gaps.asked();
            assert_eq!(gaps.since(), Some(at(2)));
        }
        gaps.asked();
        assert_eq!(gaps.since(), None);
    }

    #[test]
    fn patience_is_as_long_as_the_way() {
        assert_eq!(patience(None), at(500));
        assert_eq!(patience(Some(at(100))), at(350));
        assert_eq!(patience(Some(at(60_000))), at(1_250));
    }

    proptest! {
        #[test]
        fn whatever_comes_little_is_kept(
            numbers in prop::collection::vec(prop_oneof![0..400_u64, any::<u64>()], 0..500),
        ) {
            let mut gaps = Gaps::default();
            let mut highest = None;
            for (number, now) in numbers.into_iter().zip(0..) {
                match highest {
                    Some(highest) if number > highest => gaps.advance(highest, number, at(now)),
                    Some(_) => gaps.fill(number),
                    None => {}
                }
                highest = highest.max(Some(number));
                prop_assert!(gaps.gaps.len() <= GAPS_MAX);
                let ends: Vec<u64> = gaps.gaps.iter().flat_map(|gap| [gap.first, gap.last]).collect();
                prop_assert!(ends.is_sorted());
            }
        }
    }
}
