//! Jitter from a seed.

use std::time::Duration;

/// `SplitMix64`, <https://prng.di.unimi.it/splitmix64.c>: one addition and two multiplications a number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rng(u64);

impl Rng {
    /// The same seed gives the same numbers.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    /// `step`, up to a tenth longer, so that what failed together does not come back together.
    pub(crate) fn stretch(&mut self, step: Duration) -> Duration {
        let micros = u64::try_from(step.as_micros()).unwrap_or(u64::MAX);
        let tenth = (micros / 10).max(1);
        Duration::from_micros(micros.saturating_add(self.next() % tenth))
    }
}
