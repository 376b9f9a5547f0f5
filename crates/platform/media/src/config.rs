//! What the media plane is started with.

use std::net::{IpAddr, Ipv4Addr};

/// Where media is taken and how much of it.
#[derive(Clone, Debug)]
pub struct MediaConfig {
    /// The addresses to bind; a wildcard binds every address of its family. Empty: both wildcards.
    pub listen: Vec<IpAddr>,
    /// The port of the first thread, UDP and TCP alike; each further thread takes the next one. 0: any free ones.
    pub port_first: u16,
    /// How many threads; 0: one for each core.
    pub threads: usize,
    /// What clients are told instead of the machine's own addresses: those of a NAT before it. Empty: its own.
    pub public: Vec<IpAddr>,
    /// Whether media is also taken over TCP, for networks that block UDP.
    pub is_tcp_on: bool,
    /// Whether loopback addresses are told too: a developer's browser runs on the same machine.
    pub is_loopback_offered: bool,
    /// How many clients all threads take together.
    pub peers_max: usize,
}

impl MediaConfig {
    /// One thread on any free port of loopback, with TCP, for ten clients: what tests and benchmarks begin with.
    #[must_use]
    pub fn loopback() -> Self {
        Self {
            listen: vec![Ipv4Addr::LOCALHOST.into()],
            port_first: 0,
            threads: 1,
            public: Vec::new(),
            is_tcp_on: true,
            is_loopback_offered: true,
            peers_max: 10,
        }
    }
}
