//! The whole contract of delivery in virtual time: a simulated store, scripted endpoints, seeds.

mod batches;
mod clock;
mod crashes;
mod dead_letters;
mod drain;
mod endpoints;
mod expiry;
mod isolation;
mod ladder;
mod late;
mod memory;
mod store;
mod subscriptions;
mod world;
