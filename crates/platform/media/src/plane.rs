//! The media plane: its threads, from start to stop.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use tracing::{error, info, warn};
use trunkline_kernel::{Clock, Entropy};
use trunkline_net::udp::BatchSocket;
use trunkline_sfu::Certificate;

use crate::config::MediaConfig;
use crate::error::MediaError;
use crate::handle::MediaHandle;
use crate::metrics::Metrics;
use crate::ports;
use crate::queue::ThreadLink;
use crate::relay::MediaPorts;
use crate::thread::peers::Places;
use crate::thread::{MediaThread, Shared};

/// All media threads of a process. Dropping it stops them without waiting.
pub struct MediaPlane {
    handle: MediaHandle,
    addresses: Vec<SocketAddr>,
    threads: Vec<Running>,
}

struct Running {
    link: Arc<ThreadLink>,
    /// That of all its sockets.
    port: u16,
    /// Ends with the thread.
    ended: Receiver<()>,
}

impl MediaPlane {
    /// Binds the sockets and starts the threads.
    ///
    /// `clock` must run by itself: the time-outs of waiting for sockets are those of the machine.
    ///
    /// **Errors**: [`MediaError::Net`] and [`MediaError::NoPort`] when a port cannot be had; [`MediaError::Start`];
    /// [`MediaError::Certificate`].
    pub fn start(
        config: MediaConfig,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        metrics: Metrics,
    ) -> Result<Self, MediaError> {
        let certificate = Arc::new(Certificate::generate().map_err(|_| MediaError::Certificate)?);
        let places = Places::new(config.peers_max);
        let shared = Arc::new(Shared { config, clock, entropy, metrics, certificate, places });
        let count = match shared.config.threads {
            0 => thread::available_parallelism().map_or(1, std::num::NonZero::get),
            count => count,
        };
        let mut plane = Self { handle: MediaHandle::closed(), addresses: Vec::new(), threads: Vec::new() };
        for index in 0..count {
            let ends = ports::bind(&shared.config, index)?;
            plane.addresses.extend(ends.sockets.iter().map(BatchSocket::local));
            let port = ends.sockets.first().map_or(0, |socket| socket.local().port());
            let link = Arc::new(ThreadLink::new()?);
            let thread = MediaThread::new(Arc::clone(&link), ends, Arc::clone(&shared))?;
            let ended = spawn(index, thread)?;
            plane.threads.push(Running { link, port, ended });
        }
        plane.handle =
            MediaHandle::new(plane.threads.iter().map(|running| Arc::clone(&running.link)).collect());
        info!(threads = count, "media is taken");
        Ok(plane)
    }

    /// The way in for those who run calls.
    pub fn handle(&self) -> MediaHandle {
        self.handle.clone()
    }

    /// The addresses of UDP that are bound; TCP listens on the same ones when it is on.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The way to the threads for a relay of this process.
    pub fn ports(&self) -> MediaPorts {
        MediaPorts(self.threads.iter().map(|running| (running.port, Arc::clone(&running.link))).collect())
    }

    /// Ends every transport, which tells the clients, and waits at most `patience` for the threads to end.
    ///
    /// It blocks; every room is closed afterwards.
    pub fn stop(self, patience: Duration) {
        for running in &self.threads {
            running.link.stop();
        }
        for (index, running) in self.threads.iter().enumerate() {
            if running.ended.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
                warn!(thread = index, "a media thread does not end in time and is left behind");
            }
        }
    }
}

impl Drop for MediaPlane {
    fn drop(&mut self) {
        for running in &self.threads {
            running.link.stop();
        }
    }
}

/// Runs a thread and returns what ends when it does.
fn spawn(index: usize, thread: MediaThread) -> Result<Receiver<()>, MediaError> {
    let (alive, ended) = channel();
    thread::Builder::new().name(format!("media-{index}")).spawn(move || {
        // Moved in, so that it ends with the thread.
        let _alive = alive;
        if catch_unwind(AssertUnwindSafe(|| thread.run())).is_err() {
            error!(
                thread = index,
                "a media thread ended by a bug; its calls lose their media, and others go on"
            );
        }
    })?;
    Ok(ended)
}
