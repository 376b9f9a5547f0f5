//! The fleet engine: a bounded pool of connections, each with a thread that runs the closures.
//!
//! ```text
//! write, read ──> fair queue (a key at a time) ──> worker threads: BEGIN, lock key, closure, COMMIT
//!                                                  listener thread: LISTEN and NOTIFY
//! ```

mod connect;
mod listen;
mod session;
mod setup;
pub(crate) mod tx;
mod vacuum;
mod value;
mod worker;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, watch};
use trunkline_kernel::{Secret, Timestamp};

use self::connect::Address;
use self::listen::{Listener, OUTGOING_MAX};
use self::worker::{Request, Worker};
use crate::error::{OpenError, StoreError};
use crate::key::Key;
use crate::meter::Shared;
use crate::migrations::Slice;
use crate::queue::{FairQueue, QueueBounds};
use crate::work::Work;

/// The most connections a node may use: PostgreSQL's own default is 100 for all nodes together, and
/// beyond a few per core they only wait for each other.
const CONNECTIONS_MAX: usize = 512;

pub(crate) struct PostgresEngine {
    /// For what runs outside of transactions.
    address: Box<Address>,
    queue: Arc<FairQueue<Request>>,
    reads: AtomicU64,
    is_closed: watch::Sender<bool>,
    // Guards the handles until somebody joins them.
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl PostgresEngine {
    pub(crate) async fn open(
        url: &Secret<String>,
        connections: usize,
        slices: &[Slice],
        now: Timestamp,
        shared: Arc<Shared>,
    ) -> Result<Self, OpenError> {
        let bounds = &shared.bounds;
        let address = Address::parse(url, bounds.connect_duration_max)?;
        setup::prepare(&address, slices, now).await?;
        let queue = Arc::new(FairQueue::new(QueueBounds {
            total_max: bounds.writes_queued_max,
            per_resource_max: bounds.writes_queued_per_resource_max,
            is_exclusive_per_key: true,
        }));
        let mut threads = Vec::new();
        for _ in 0..connections.clamp(1, CONNECTIONS_MAX) {
            let worker = Worker::new(address.clone(), Arc::clone(&queue), Arc::clone(&shared));
            threads.push(spawn("trunkline-pg", move || worker.run())?);
        }
        let (outgoing, receiver) = mpsc::channel(OUTGOING_MAX);
        let (is_closed, closed) = watch::channel(false);
        shared.wakes.connect_other_nodes(outgoing);
        let listener = Listener { address: address.clone(), shared, outgoing: receiver, is_closed: closed };
        threads.push(spawn("trunkline-pg-wake", move || listen(listener))?);
        Ok(Self {
            address: Box::new(address),
            queue,
            reads: AtomicU64::new(0),
            is_closed,
            threads: Mutex::new(threads),
        })
    }

    pub(crate) fn submit_write(
        &self,
        key: &Key,
        work: Box<dyn Work>,
    ) -> Result<(), (Box<dyn Work>, StoreError)> {
        let request = Request { work, is_read_only: false };
        self.queue.push(key, request).map_err(|(request, refusal)| (request.work, refusal))
    }

    pub(crate) fn submit_read(&self, work: Box<dyn Work>) -> Result<(), (Box<dyn Work>, StoreError)> {
        // A key of its own each: reads do not wait for each other.
        let key = Key::new("read", self.reads.fetch_add(1, Ordering::Relaxed));
        let request = Request { work, is_read_only: true };
        self.queue.push(&key, request).map_err(|(request, refusal)| (request.work, refusal))
    }

    pub(crate) fn queue_lengths(&self) -> (usize, usize) {
        (self.queue.len(), 0)
    }

    pub(crate) async fn purge_log(&self, tables: &'static [&'static str]) -> Result<(), StoreError> {
        vacuum::vacuum(&self.address, tables).await
    }

    pub(crate) async fn close(&self) {
        self.stop();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let joined = tokio::task::spawn_blocking(move || {
            for thread in threads {
                if thread.join().is_err() {
                    tracing::error!("a thread of the store panicked");
                }
            }
        });
        if joined.await.is_err() {
            tracing::error!("the threads of the store could not be awaited");
        }
    }

    fn stop(&self) {
        self.queue.close();
        self.is_closed.send_replace(true);
    }
}

impl Drop for PostgresEngine {
    fn drop(&mut self) {
        self.stop();
    }
}

fn listen(listener: Listener) {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(listener.run()),
        Err(failure) => tracing::error!(%failure, "no wake-ups between nodes: they look every second"),
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(body);
    spawned.map_err(|failure| StoreError::Unavailable { reason: format!("cannot start a thread: {failure}") })
}
