//! Whole ways in virtual time: what a receiver is taken to carry, over links that are wide, narrow, lossy and noisy.

mod changes;
mod hostile;
mod noise;
mod rates;
mod sender;
mod way;
mod world;

/// Each is another course of all that chance decides.
const SEEDS: [u64; 5] = [1, 2, 3, 4, 5];
