//! Requests through the whole pipeline: what is refused, how, and that nothing acts before it may.

mod applications;
mod bodies;
mod browsers;
mod handlers;
mod harness;
mod long_running;
mod paths;
mod random;
mod replies;
mod signatures;
mod upgrades;
mod usage;
