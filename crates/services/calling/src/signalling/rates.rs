//! How often is too often.

use std::time::Duration;

/// A bucket of tokens that fills evenly. Time is that of the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    /// Millionths of a token.
    level: u64,
    filled_at: Duration,
    burst: u32,
    per_second: Rate,
}

/// Tokens that come back, in thousandths of one per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate(u32);

impl Rate {
    /// `tokens` in each second.
    pub(crate) const fn per_second(tokens: u32) -> Self {
        Self(tokens * 1_000)
    }

    /// `tokens` in each minute, rounded down to thousandths of one per second.
    pub(crate) const fn per_minute(tokens: u32) -> Self {
        Self(tokens * 1_000 / 60)
    }
}

const TOKEN: u64 = 1_000_000;

impl Bucket {
    /// A full bucket of `burst` tokens.
    pub(crate) fn new(burst: u32, per_second: Rate, now: Duration) -> Self {
        Self { level: u64::from(burst) * TOKEN, filled_at: now, burst, per_second }
    }

    /// Takes `tokens`, if there are as many.
    pub(crate) fn take(&mut self, tokens: u32, now: Duration) -> bool {
        let is_there = self.has(tokens, now);
        if is_there {
            self.level -= u64::from(tokens) * TOKEN;
        }
        is_there
    }

    /// Whether there are as many as `tokens`.
    pub(crate) fn has(&mut self, tokens: u32, now: Duration) -> bool {
        self.fill(now);
        self.level >= u64::from(tokens) * TOKEN
    }

    /// Whether it is as full as when it was new.
    pub(crate) fn is_full(&mut self, now: Duration) -> bool {
        self.fill(now);
        self.level == u64::from(self.burst) * TOKEN
    }

    fn fill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.filled_at);
        let micros = u64::try_from(passed.as_micros()).unwrap_or(u64::MAX);
        // Thousandths of a token per second are millionths of one per millisecond.
        let grown = micros.saturating_mul(u64::from(self.per_second.0)) / 1_000;
        self.level = self.level.saturating_add(grown).min(u64::from(self.burst) * TOKEN);
        self.filled_at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_evenly() {
        let at = Duration::from_millis;
        let mut bucket = Bucket::new(2, Rate::per_second(4), at(0));
        assert!(bucket.take(2, at(0)));
        assert!(!bucket.take(1, at(249)));
        assert!(bucket.take(1, at(250)));
        assert!(!bucket.take(1, at(250)));
        assert!(!bucket.is_full(at(700)));
        assert!(bucket.is_full(at(10_000)));
        assert!(!bucket.take(3, at(20_000)));
    }
}
