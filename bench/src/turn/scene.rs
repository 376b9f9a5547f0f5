//! Who sends what to whom.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use trunkline_net::udp::BatchSocket;

use super::callers::{self, Caller, Wish};
use super::servers::Relay;
use super::traffic::{End, Load};

/// The one channel of each client.
const CHANNEL: u16 = 0x4000;
const VOICE: Load = Load { bytes: 160, train: 1 };
/// The parts of a picture, which leave a browser together: 2.9 Mbit/s at 30 pictures a second.
const VIDEO: Load = Load { bytes: 1_200, train: 10 };
const VOICE_CLIENTS: usize = 100;
const VIDEO_CLIENTS: usize = 20;
/// The most clients that a scene has.
pub(crate) const CLIENTS_MAX: usize = VOICE_CLIENTS;

/// One situation.
pub(crate) struct Scene {
    pub(crate) what: &'static str,
    /// The argument that asks for it.
    pub(crate) kind: &'static str,
    pub(crate) load: Load,
    /// Datagrams a second where both relays are compared.
    pub(crate) per_second: u32,
    clients: usize,
    far_side: FarSide,
}

/// What is at the other end of a client's channel.
enum FarSide {
    /// The relay of another client: two who may only talk through relays.
    Relay,
    /// A socket without one.
    Plain,
}

pub(crate) const SCENES: [Scene; 4] = [
    Scene {
        what: "voice, client to client",
        kind: "voice",
        load: VOICE,
        per_second: 20_000,
        clients: VOICE_CLIENTS,
        far_side: FarSide::Relay,
    },
    Scene {
        what: "voice, client and plain peer",
        kind: "voice",
        load: VOICE,
        per_second: 20_000,
        clients: VOICE_CLIENTS,
        far_side: FarSide::Plain,
    },
    Scene {
        what: "video, client to client",
        kind: "video",
        load: VIDEO,
        per_second: 30_000,
        clients: VIDEO_CLIENTS,
        far_side: FarSide::Relay,
    },
    Scene {
        what: "video, client and plain peer",
        kind: "video",
        load: VIDEO,
        per_second: 30_000,
        clients: VIDEO_CLIENTS,
        far_side: FarSide::Plain,
    },
];

impl Scene {
    /// The clients of this scene, and all ends with channels through a relay, in both directions.
    pub(crate) fn through(&self, relay: &Relay) -> Result<(Vec<Caller>, Vec<End>)> {
        let mut callers = relay.callers(self.clients)?;
        let relays: Vec<SocketAddr> = callers.iter().filter_map(|caller| caller.relay).collect();
        let peers = match self.far_side {
            FarSide::Relay => Vec::new(),
            FarSide::Plain => (0..self.clients).map(callers::bind).collect::<Result<Vec<_>>>()?,
        };
        let wish_of = |number: usize| {
            let peer = peers.get(number).map_or_else(|| relays[partner(number)], BatchSocket::local);
            Wish::Channel(CHANNEL, peer)
        };
        callers::ask(&mut callers, relay.address, wish_of)?;
        let clients = callers.iter().map(|caller| End {
            socket: Arc::clone(&caller.socket),
            target: relay.address,
            channel: Some(CHANNEL),
        });
        let far = peers.into_iter().zip(relays).map(|(socket, target)| End::plain(socket, target));
        let ends = clients.chain(far).collect();
        Ok((callers, ends))
    }

    /// As many ends that send to each other without any relay.
    pub(crate) fn without_relay(&self) -> Result<Vec<End>> {
        let sockets = (0..self.clients).map(callers::bind).collect::<Result<Vec<_>>>()?;
        let places: Vec<_> = sockets.iter().map(BatchSocket::local).collect();
        let end = |(number, socket)| {
            let target = places.get(partner(number)).copied().context("clients come in pairs")?;
            Ok(End::plain(socket, target))
        };
        sockets.into_iter().enumerate().map(end).collect()
    }
}

/// Whom a client talks to: 0 with 1, 2 with 3.
fn partner(number: usize) -> usize {
    number ^ 1
}
