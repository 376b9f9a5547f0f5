//! Whose datagram it is, for fuzzing: the demux is no part of the crate's surface.

use std::net::SocketAddr;

use trunkline_sfu::{Now, PeerKey};

use super::demux::{Demux, Route};

/// Names and addresses of clients, and the question whose a datagram is.
#[derive(Debug, Default)]
pub struct Whose(Demux);

impl Whose {
    /// A client with the name its checks call and an address that was found to be its own.
    pub fn add(&mut self, peer: PeerKey, ufrag: &str, address: SocketAddr) {
        self.0.add_ufrag(ufrag.to_owned(), peer);
        self.0.add_address(address, Route { peer, socket: 0, local: address.ip() });
    }

    /// Whose it is; the reason, when it is nobody's.
    pub fn find(&mut self, source: SocketAddr, bytes: &[u8], now: Now) -> Result<PeerKey, &'static str> {
        self.0.find(source, bytes, now).map_err(super::demux::Stray::name)
    }
}
