//! Clients, peers and a server in one network of memory.

mod allocations;
mod bytes;
mod credentials;
mod network;
mod relaying;
