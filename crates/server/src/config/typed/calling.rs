//! The settings of calls and of their media as types.

use std::net::IpAddr;
use std::time::Duration;

use trunkline_net::outbound::IpNetwork;

use super::Reader;

/// Calls.
#[derive(Clone, Debug)]
pub(crate) struct Calling {
    /// How long a call rings.
    pub(crate) ring_time: Duration,
    /// How long somebody who lost the connection may come back.
    pub(crate) rejoin_time: Duration,
    /// People in a call.
    pub(crate) participants_max: usize,
    /// Clients of this process.
    pub(crate) sessions_max: usize,
    /// Clients of one user.
    pub(crate) sessions_per_user: usize,
    /// Whether calls go on when the token they were joined with ends.
    pub(crate) outlives_token: bool,
    /// How long ended calls are kept.
    pub(crate) history: Duration,
}

/// Media.
#[derive(Clone, Debug)]
pub(crate) struct Media {
    /// The first port; 0 for any.
    pub(crate) port: u16,
    /// Where media is received; empty for every address of the machine.
    pub(crate) addresses: Vec<IpAddr>,
    /// What clients are told in place of the machine's own addresses.
    pub(crate) public_addresses: Vec<IpAddr>,
    /// Media threads; 0 for one per core.
    pub(crate) threads: usize,
    /// Whether media may come over TCP.
    pub(crate) tcp: bool,
    /// Participants of this process.
    pub(crate) peers_max: usize,
}

/// The relay.
#[derive(Clone, Debug)]
pub(crate) struct RelaySettings {
    /// The port of UDP and TCP; 0 for any, `None` without a relay.
    pub(crate) port: Option<u16>,
    /// Networks that are not public and that peers may be in all the same.
    pub(crate) allowed_networks: Vec<IpNetwork>,
    /// Allocations altogether.
    pub(crate) allocations_max: u32,
    /// What an allocation may relay each way; 0 for no bound.
    pub(crate) kbps_max: u32,
    /// Whether clients may have TCP connections with peers.
    pub(crate) tcp_allocations: bool,
}

impl Reader<'_> {
    pub(super) fn relay(&self) -> RelaySettings {
        RelaySettings {
            port: self.port("relay.port"),
            allowed_networks: self.parsed_list("relay.allowed_networks"),
            allocations_max: self.integer("relay.allocations_max").unwrap_or_default(),
            kbps_max: self.integer("relay.kbps_max").unwrap_or_default(),
            tcp_allocations: self.switch("relay.tcp_allocations"),
        }
    }

    pub(super) fn calling(&self) -> Calling {
        Calling {
            ring_time: self.seconds("calling.ring_s", 1),
            rejoin_time: self.seconds("calling.rejoin_s", 1),
            participants_max: self.size("calling.participants_max"),
            sessions_max: self.size("calling.sessions_max"),
            sessions_per_user: self.size("calling.sessions_per_user"),
            outlives_token: self.text("calling.on_token_end").as_deref() == Some("keep"),
            history: self.seconds("calling.history_days", 86_400),
        }
    }

    pub(super) fn media(&self) -> Media {
        Media {
            port: self.port("media.port").unwrap_or_default(),
            addresses: self.parsed_list("media.addresses"),
            public_addresses: self.parsed_list("media.public_addresses"),
            threads: self.size("media.threads"),
            tcp: self.switch("media.tcp"),
            peers_max: self.size("media.peers_max"),
        }
    }
}
