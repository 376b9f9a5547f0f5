//! The HTTP server: accepts connections on its addresses and drains them at the end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::warn;
use trunkline_tasks::Tasks;

use crate::bounds::{Counters, count};
use crate::connection::{Shared, http_builder, serve, serve_tcp};
use crate::listen::Listener;
use crate::{Bounds, CounterSnapshot, Handler, Listeners, Peer, PeerAddress};

/// Pauses after a failed accept (out of file descriptors, usually): doubled from the first to the last.
/// The connection stays in the kernel's queue meanwhile.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LAST_PAUSE: Duration = Duration::from_secs(1);
/// At the start of a drain, connections that clients had already completed are still accepted: closing the
/// listener would reset them. Taking them from the kernel's queue takes microseconds each.
const LAST_ACCEPTS: Duration = Duration::from_millis(20);

/// A running server. Dropping the handle leaves it running; end it with [`Server::drain`].
#[derive(Debug)]
pub struct Server {
    tasks: Tasks,
    addresses: Vec<SocketAddr>,
    counters: Arc<Counters>,
}

impl Server {
    /// Starts to accept connections: TLS on TCP addresses when `tls` is given, plain otherwise and always
    /// on a unix socket. Must be called within a Tokio runtime.
    pub fn start(
        listeners: Listeners,
        tls: Option<Arc<ServerConfig>>,
        bounds: Bounds,
        handler: Handler,
    ) -> Self {
        let tasks = Tasks::new();
        let counters = Arc::new(Counters::default());
        let addresses = listeners.addresses().to_vec();
        let http = http_builder(&bounds, tasks.clone());
        let places = Arc::new(Semaphore::new(bounds.connections.min(Semaphore::MAX_PERMITS)));
        let shared = Arc::new(Shared {
            handler,
            tls,
            bounds: Arc::new(bounds),
            counters: Arc::clone(&counters),
            http,
            shutdown: tasks.shutdown(),
        });
        for listener in listeners.listeners {
            let acceptor =
                Acceptor { shared: Arc::clone(&shared), tasks: tasks.clone(), places: Arc::clone(&places) };
            tasks.spawn("accept connections", async move {
                match listener {
                    Listener::Tcp(listener) => acceptor.accept_tcp(listener).await,
                    Listener::Unix(listener, _file) => acceptor.accept_unix(listener).await,
                }
            });
        }
        Self { tasks, addresses, counters }
    }

    /// The TCP addresses with their real ports, in the order they were given.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What has been counted so far.
    pub fn counters(&self) -> CounterSnapshot {
        self.counters.snapshot()
    }

    /// Reads the counters for as long as anybody asks, also after the server has gone.
    pub fn counter_reader(&self) -> impl Fn() -> CounterSnapshot + Send + Sync + 'static {
        let counters = Arc::clone(&self.counters);
        move || counters.snapshot()
    }

    /// Stops accepting, tells clients (`Connection: close`, GOAWAY), waits at most `patience` for requests in
    /// progress and cuts off the rest. Upgraded connections belong to whoever upgraded them.
    ///
    /// Returns whether everything ended by itself.
    pub async fn drain(&self, patience: Duration) -> bool {
        self.tasks.stop(patience).await
    }
}

/// A place among the open connections; given back when the socket closes.
struct Place {
    _permit: OwnedSemaphorePermit,
    counters: Arc<Counters>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.counters.open.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Acceptor {
    shared: Arc<Shared>,
    tasks: Tasks,
    places: Arc<Semaphore>,
}

impl Acceptor {
    async fn accept_tcp(&self, listener: TcpListener) {
        let mut pause = Pause::new();
        let accept = async {
            loop {
                let Some((stream, address)) = pause.after(listener.accept().await).await else { continue };
                let Some(place) = self.take_place() else { continue };
                self.tasks.spawn("connection", serve_tcp(Arc::clone(&self.shared), stream, address, place));
            }
        };
        self.until_drained(accept).await;
    }

    async fn accept_unix(&self, listener: UnixListener) {
        let mut pause = Pause::new();
        let accept = async {
            loop {
                let Some((stream, _)) = pause.after(listener.accept().await).await else { continue };
                let Some(place) = self.take_place() else { continue };
                let user_id = stream.peer_cred().ok().map(|credentials| credentials.uid());
                let peer = Peer { address: PeerAddress::Local { user_id }, is_tls: false, server_name: None };
                let shared = Arc::clone(&self.shared);
                self.tasks
                    .spawn("connection", async move { serve(&shared, stream, peer, false, place).await });
            }
        };
        self.until_drained(accept).await;
    }

    /// Runs the endless `accept` until the drain begins and the kernel's queue is empty.
    async fn until_drained(&self, accept: impl Future<Output = ()>) {
        let drained = async {
            self.shared.shutdown.requested().await;
            tokio::time::sleep(LAST_ACCEPTS).await;
        };
        tokio::select! {
            biased;
            () = accept => {}
            () = drained => {}
        }
    }

    /// `None` when all places are taken; the connection is then closed by dropping it.
    fn take_place(&self) -> Option<Place> {
        let counters = &self.shared.counters;
        let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() else {
            count(&counters.refused);
            return None;
        };
        count(&counters.accepted);
        counters.open.fetch_add(1, Ordering::Relaxed);
        Some(Place { _permit: permit, counters: Arc::clone(counters) })
    }
}

/// Slows an accept loop down while accepting fails.
struct Pause(Duration);

impl Pause {
    fn new() -> Self {
        Self(FIRST_PAUSE)
    }

    async fn after<T>(&mut self, accepted: io::Result<T>) -> Option<T> {
        match accepted {
            Ok(connection) => {
                self.0 = FIRST_PAUSE;
                Some(connection)
            }
            Err(error) if is_of_one_connection(&error) => None,
            Err(error) => {
                warn!(%error, "cannot accept connections; see the limit of open files (`ulimit -n`)");
                tokio::time::sleep(self.0).await;
                self.0 = (self.0 * 2).min(LAST_PAUSE);
                None
            }
        }
    }
}

/// The client gave up while it was queued: nothing is wrong with the listener.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn failing_accepts_are_paced_and_success_resets() {
        let mut pause = Pause::new();
        for _ in 0..10 {
            assert_eq!(pause.after::<()>(Err(io::Error::from_raw_os_error(24))).await, None);
        }
        assert_eq!(pause.0, LAST_PAUSE);
        assert_eq!(pause.after(Ok(1)).await, Some(1));
        assert_eq!(pause.0, FIRST_PAUSE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_gave_up_costs_no_pause() {
        let mut pause = Pause::new();
        assert_eq!(pause.after::<()>(Err(io::ErrorKind::ConnectionAborted.into())).await, None);
        assert_eq!(pause.0, FIRST_PAUSE);
    }
}
