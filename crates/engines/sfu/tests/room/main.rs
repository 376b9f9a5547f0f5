//! Whole rooms in virtual time: senders in three layers, a network that loses and reorders, receivers that check every
//! number. Nothing reads a clock or draws by chance: a failed run repeats to the byte.

mod allocation;
mod audio;
mod camera;
mod chance;
mod data;
mod gaps;
mod keyframes;
mod layers;
mod lines;
mod policies;
mod receiver;
mod repeat;
mod video;
mod world;
