//! Nothing acknowledged is lost: not by SIGKILL, not by a power cut, not by a disk that is full or fails.
//!
//! A program (`durability_writer`) writes numbered transactions and reports each acknowledgement over a
//! pipe. It is stopped at drawn moments, started again on the same data, and in the end the data is
//! compared with the reports. `TRUNKLINE_TEST_SEED` repeats the drawn moments of a failed run.

mod disk_faults;
mod full_disk;
mod kills;
mod ledger;
mod machine;
mod power_cuts;
mod writer;

use std::time::Duration;

use trunkline_kernel::{Entropy as _, SeededEntropy, SystemEntropy};

/// How often a writing program is stopped in one test.
const ROUNDS: u64 = 100;
/// Each round numbers its transactions from its own start, far above what a round can write.
const NUMBERS_A_ROUND: u64 = 1_000_000;
/// How long to wait for a condition on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(30);

/// Repeatable draws; the seed is printed when the test fails.
struct Dice {
    seed: u64,
    entropy: SeededEntropy,
}

impl Dice {
    /// With the seed of the environment, or a new one.
    fn new() -> Self {
        let drawn = || {
            let mut bytes = [0; 8];
            SystemEntropy.fill(&mut bytes);
            u64::from_ne_bytes(bytes)
        };
        let given = std::env::var("TRUNKLINE_TEST_SEED").ok();
        let seed = given.map_or_else(drawn, |seed| seed.parse().expect("TRUNKLINE_TEST_SEED is a number"));
        println!("repeat with TRUNKLINE_TEST_SEED={seed}");
        Self { seed, entropy: SeededEntropy::new(seed) }
    }

    fn below(&self, bound: u64) -> u64 {
        let mut bytes = [0; 8];
        self.entropy.fill(&mut bytes);
        u64::from_ne_bytes(bytes) % bound
    }
}

/// When a program is stopped.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// So long after its start: often while it opens and repairs the database.
    AfterStart(Duration),
    /// So long after it is ready.
    AfterReady(Duration),
    /// After so many acknowledgements.
    Acknowledged(usize),
}

impl Moment {
    fn draw(dice: &Dice) -> Self {
        let micros = Duration::from_micros(dice.below(50_000));
        match dice.below(5) {
            0 => Self::AfterStart(micros),
            1 | 2 => Self::AfterReady(micros),
            _ => Self::Acknowledged(usize::try_from(1 + dice.below(300)).expect("a small number")),
        }
    }
}

/// The first number of a round.
const fn first_of(round: u64) -> u64 {
    round * NUMBERS_A_ROUND + 1
}
