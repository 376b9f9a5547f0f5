//! Where the first numbers of streams come from.

use super::rewrite::Rewrite;

/// A generator of numbers that look random and are the same for the same seed (`SplitMix64`, S. Vigna).
#[derive(Clone, Debug)]
pub(super) struct Seed(pub(super) u64);

impl Seed {
    /// A stream that begins anywhere.
    pub(super) fn rewrite(&mut self, clock_hz: u32) -> Rewrite {
        let numbers = self.next();
        let first = u16::try_from(numbers & 0x7fff).expect("15 bits");
        let timestamp = u32::try_from(numbers >> 32).expect("the upper half");
        Rewrite::new(clock_hz, first, timestamp)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}
