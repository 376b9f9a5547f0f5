//! The relay: a thread that drives the TURN engine, for clients whose networks let nothing else through.
//!
//! ```text
//!  client ── UDP ────────────────► relay thread ── a socket for each relay ──► peers
//!  client ── TCP, TLS ─► a task ─►              ── two mailboxes ──► media threads
//! ```
//!
//! What a client sends to one of our own media ports, whatever address it was told, is handed to the media thread, and
//! the thread's answers to the relay: no socket is between them. The same goes for another relay of ours. So calls need
//! no relay port that is open from outside.

mod connections;
mod link;
pub(crate) mod mailbox;
mod metrics;
mod network;
mod streams;
mod thread;

use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tracing::{error, warn};
use trunkline_kernel::{Clock, Entropy, Secret};
use trunkline_net::outbound::IpNetwork;
use trunkline_net::udp::BatchSocket;
use trunkline_tasks::Tasks;
use trunkline_turn::{Limits, Statistics};

use crate::error::MediaError;
use crate::ports::{Ends, bind_ends};
use crate::queue::ThreadLink;
pub(crate) use link::RelayLink;
use streams::{Streams, Writing};
use thread::{Parts, RelayThread};

pub use metrics::RelayMetrics;
pub use trunkline_turn::{Credentials, Limits as RelayLimits, Statistics as RelayStatistics};

/// What a relay is started with.
#[derive(Clone, Debug)]
pub struct RelayConfig {
    /// The addresses to bind, UDP and TCP; none means every address of the machine.
    pub listen: Vec<IpAddr>,
    /// The port; 0 takes a free one.
    pub port: u16,
    /// The realm of its credentials.
    pub realm: String,
    /// What its credentials are made from.
    pub secret: Secret<Vec<u8>>,
    /// The ports of the media threads of this process.
    pub media: MediaPorts,
    /// The addresses clients are told instead of the machine's own; empty: its own.
    pub public: Vec<IpAddr>,
    /// Networks that are not public and that peers may be in all the same, this machine among them.
    pub allowed: Vec<IpNetwork>,
    /// Whether clients may have TCP connections with peers (RFC 6062).
    pub is_tcp_on: bool,
    /// Bounds.
    pub limits: Limits,
}

/// The port of each media thread, and the way to it. Clones lead to the same threads.
#[derive(Clone)]
pub struct MediaPorts(pub(crate) Vec<(u16, Arc<ThreadLink>)>);

impl MediaPorts {
    fn index(&self, port: u16) -> Option<usize> {
        self.0.iter().position(|(own, _)| *own == port)
    }
}

impl std::fmt::Debug for MediaPorts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(self.0.iter().map(|(port, _)| port)).finish()
    }
}

/// A running relay. Dropping it stops the thread without waiting.
pub struct Relay {
    handle: RelayHandle,
    addresses: Vec<SocketAddr>,
    ended: Receiver<()>,
}

/// The way into a relay.
#[derive(Clone)]
pub struct RelayHandle {
    link: Arc<RelayLink>,
    streams: Arc<Streams>,
    secret: Secret<Vec<u8>>,
}

impl Relay {
    /// Binds the sockets, starts the thread and accepts TCP. Must be called within a Tokio runtime.
    ///
    /// **Errors**: [`MediaError::Net`] when an address cannot be had; [`MediaError::Start`].
    pub fn start(
        config: RelayConfig,
        clock: &Arc<dyn Clock>,
        entropy: &dyn Entropy,
        tasks: &Tasks,
        metrics: RelayMetrics,
    ) -> Result<Self, MediaError> {
        let Ends { sockets, listeners } = bind_ends(&config.listen, config.port, true)?;
        let addresses: Vec<_> = sockets.iter().map(BatchSocket::local).collect();
        let link = Arc::new(RelayLink::new()?);
        let streams = Arc::new(Streams::new(Arc::clone(&link), metrics.clone()));
        for (_, media) in &config.media.0 {
            media.set_relay(Arc::clone(&link));
        }
        let mut seed = [0; 32];
        entropy.fill(&mut seed);
        let handle = RelayHandle {
            link: Arc::clone(&link),
            streams: Arc::clone(&streams),
            secret: config.secret.clone(),
        };
        let closing = Arc::clone(&link);
        let panics = metrics.panics.clone();
        let parts = Parts {
            config,
            sockets,
            link,
            clock: Arc::clone(clock),
            seed: Secret::new(seed),
            metrics,
            tasks: tasks.clone(),
        };
        let thread = RelayThread::new(parts)?;
        let runtime = tokio::runtime::Handle::current();
        let (alive, ended) = channel();
        std::thread::Builder::new().name("relay".to_owned()).spawn(move || {
            // Moved in, so that it ends with the thread.
            let _alive = alive;
            // Connections with peers are tasks.
            let _entered = runtime.enter();
            if catch_unwind(AssertUnwindSafe(|| thread.run())).is_err() {
                error!(
                    "the relay ended by a bug; calls that need it have no media until the server is restarted"
                );
                panics.inc();
            }
            closing.close();
        })?;
        for listener in listeners {
            let accept = Arc::clone(&streams).accept(TcpListener::from_std(listener)?, tasks.clone());
            tasks.spawn("relay: accept connections", accept);
        }
        Ok(Self { handle, addresses, ended })
    }

    /// The way in.
    pub fn handle(&self) -> RelayHandle {
        self.handle.clone()
    }

    /// The addresses that are bound, UDP and TCP alike.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Ends every allocation and waits at most `patience` for the thread. It blocks.
    pub fn stop(self, patience: Duration) {
        self.handle.link.stop();
        if self.ended.recv_timeout(patience) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            warn!("the relay's thread does not end in time and is left behind");
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.handle.link.stop();
    }
}

impl RelayHandle {
    /// A name and password for `user` until `expires_s` (seconds since the epoch).
    pub fn issue(&self, user: &str, expires_s: u64) -> Credentials {
        Credentials::issue(&self.secret, user, expires_s)
    }

    /// Ends every allocation of `user`.
    pub fn end_user(&self, user: &str) {
        self.link.end_user(user);
    }

    /// What happened so far; a second old at most.
    pub fn statistics(&self) -> Statistics {
        self.link.statistics()
    }

    /// Speaks TURN on a stream until it ends: TLS that was ended elsewhere, such as on the port of HTTPS.
    ///
    /// `server` is the address the client used.
    pub async fn serve<S>(&self, stream: S, client: SocketAddr, server: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        self.streams.serve(stream, (client, server), Writing::Apart).await;
    }
}

#[cfg(test)]
mod tests;
