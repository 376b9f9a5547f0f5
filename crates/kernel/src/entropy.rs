//! Randomness as an argument.
//!
//! Nothing else in the workspace draws random numbers (`clippy.toml` refuses it), so that a test with a
//! seed repeats to the byte.

use std::sync::Mutex;

use aws_lc_rs::digest::{SHA256, digest};
use uuid::Uuid;

/// A source of random bytes.
pub trait Entropy: Send + Sync + 'static {
    /// Fills `bytes` with unpredictable bytes.
    fn fill(&self, bytes: &mut [u8]);

    /// A random id (RFC 9562 §5.4, version 4).
    fn uuid(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }
}

/// The operating system's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::disallowed_methods, reason = "the one place that draws random bytes")]
    fn fill(&self, bytes: &mut [u8]) {
        aws_lc_rs::rand::fill(bytes).expect("the operating system always has random bytes after boot");
    }
}

/// A repeatable generator for tests: SHA-256 of the seed and a counter.
#[derive(Debug)]
pub struct SeededEntropy {
    seed: u64,
    // Guards the number of blocks drawn so far.
    counter: Mutex<u64>,
}

impl SeededEntropy {
    /// The same `seed` gives the same bytes in the same order.
    pub fn new(seed: u64) -> Self {
        Self { seed, counter: Mutex::new(0) }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let mut counter = self.counter.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for chunk in bytes.chunks_mut(32) {
            let mut block = [0; 16];
            block[..8].copy_from_slice(&self.seed.to_be_bytes());
            block[8..].copy_from_slice(&counter.to_be_bytes());
            *counter += 1;
            chunk.copy_from_slice(&digest(&SHA256, &block).as_ref()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_repeats_and_another_differs() {
        let draw = |seed| {
            let entropy = SeededEntropy::new(seed);
            (entropy.uuid(), entropy.uuid())
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert_ne!(draw(1).0, draw(1).1);
    }

    #[test]
    fn ids_are_version_four() {
        assert_eq!(SystemEntropy.uuid().get_version_num(), 4);
        assert_eq!(SeededEntropy::new(7).uuid().get_version_num(), 4);
    }
}
