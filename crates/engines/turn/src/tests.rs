//! Clients, peers and a server in one network of memory.

mod allocations;
mod bytes;
mod connections;
mod credentials;
mod network;
mod relaying;
mod sha256;
