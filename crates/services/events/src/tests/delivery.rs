//! The whole way of events: a real store, the machine, and endpoints that do as they are told.

mod backlog;
mod dead_letters;
mod failures;
mod fakes;
mod fan_out;
mod leases;
mod lifecycle;
mod replays;
mod restarts;
mod rows;
