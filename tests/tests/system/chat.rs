//! Chat as whole programs meet it: clients that come and go, servers that end, floods, and what deletion leaves.
//!
//! | module | what |
//! |---|---|
//! | [`cluster`] | one server, or two on one PostgreSQL, that are killed, stopped and started again |
//! | [`api`] | users, threads and messages over REST on kept connections |
//! | [`sender`] | somebody who sends, edits and deletes, and knows what was acknowledged |
//! | [`reader`] | a client that is cut off and switched at random, and writes down what it was told |

mod api;
mod chaos;
mod cluster;
mod erasure;
mod floods;
mod moves;
mod reader;
mod sender;

use trunkline_kernel::{Entropy as _, SeededEntropy, SystemEntropy};

use crate::support::server::until;

/// Repeatable draws; the seed is printed when the test fails.
struct Dice {
    seed: u64,
    entropy: SeededEntropy,
}

impl Dice {
    /// With the seed of the environment, or a new one.
    fn new() -> Self {
        let mut bytes = [0; 8];
        SystemEntropy.fill(&mut bytes);
        let given = std::env::var("TRUNKLINE_TEST_SEED").ok();
        let seed = given.map_or(u64::from_ne_bytes(bytes), |seed| seed.parse().expect("a number"));
        println!("repeat with TRUNKLINE_TEST_SEED={seed}");
        Self { seed, entropy: SeededEntropy::new(seed) }
    }

    /// Other draws for the `index`th part of the test, which do not depend on what the others draw.
    fn split(&self, index: u64) -> Self {
        let seed = self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(index);
        Self { seed, entropy: SeededEntropy::new(seed) }
    }

    fn below(&self, bound: u64) -> u64 {
        let mut bytes = [0; 8];
        self.entropy.fill(&mut bytes);
        u64::from_ne_bytes(bytes) % bound
    }
}
