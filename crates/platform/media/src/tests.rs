//! Clients on real sockets of loopback, through real media threads.

mod client;
mod connections;
mod data;
mod giants;
mod hostile;
mod relayed;
mod rooms;
mod stopping;
mod talking;
mod world;
