//! The embedded engine: one thread writes, a few read, one copies the log into the database.
//!
//! ```text
//! write ──> fair queue ──> writer thread: [savepoint closure]* ── one COMMIT (one fsync) ──> answers
//! read  ──> fair queue ──> reader threads, each with its own connection
//!                          checkpoint thread: log ──> database, without the writer
//! ```
//!
//! In memory there is one connection, so the writer thread reads too and nothing is copied.

mod backup;
mod batch;
mod checkpoint;
pub(crate) mod connection;
mod purge;
mod reader;
mod setup;
pub(crate) mod tx;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use trunkline_kernel::Timestamp;

use self::checkpoint::Checkpoints;
use self::connection::{FILE_NAME, Place};
use self::writer::{Request, Writer};
use crate::config::{Backend, StoreConfig};
use crate::error::{OpenError, StoreError};
use crate::key::Key;
use crate::meter::Shared;
use crate::migrations::Slice;
use crate::queue::{FairQueue, QueueBounds};
use crate::store::BackupReport;
use crate::work::Work;

pub(crate) struct SqliteEngine {
    place: Place,
    writes: Arc<FairQueue<Request>>,
    reads: Arc<FairQueue<Box<dyn Work>>>,
    checkpoints: Arc<Checkpoints>,
    // Guards the handles until somebody joins them.
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl SqliteEngine {
    pub(crate) async fn open(
        config: &StoreConfig,
        slices: Vec<Slice>,
        now: Timestamp,
        shared: Arc<Shared>,
    ) -> Result<Self, OpenError> {
        let place = match &config.backend {
            Backend::Sqlite { folder } => {
                Place::File { path: folder.join(FILE_NAME), is_synced: !config.unsafe_without_fsync }
            }
            _ => Place::Memory,
        };
        let opened = tokio::task::spawn_blocking(move || Self::start(place, &slices, now, &shared)).await;
        opened.unwrap_or_else(|_| Err(ended("the thread that opened the store panicked").into()))
    }

    fn start(
        place: Place,
        slices: &[Slice],
        now: Timestamp,
        shared: &Arc<Shared>,
    ) -> Result<Self, OpenError> {
        let session = setup::prepare(&place, slices, now)?;
        let bounds = &shared.bounds;
        let writes = Arc::new(FairQueue::new(QueueBounds {
            total_max: bounds.writes_queued_max,
            per_resource_max: bounds.writes_queued_per_resource_max,
            is_exclusive_per_key: false,
        }));
        let reads = Arc::new(FairQueue::new(QueueBounds {
            total_max: bounds.reads_queued_max,
            per_resource_max: bounds.reads_queued_max,
            is_exclusive_per_key: false,
        }));
        let checkpoints = Arc::new(Checkpoints::new(place.path(), bounds.wal_frames_soft));
        let writer = Writer::new(
            place.clone(),
            session,
            Arc::clone(&writes),
            Arc::clone(&checkpoints),
            Arc::clone(shared),
        )?;
        let mut threads = vec![spawn("trunkline-writer", move || writer.run())?];
        if matches!(place, Place::File { .. }) {
            for _ in 0..bounds.readers.max(1) {
                let (place, reads, shared) = (place.clone(), Arc::clone(&reads), Arc::clone(shared));
                threads.push(spawn("trunkline-reader", move || reader::run(&place, &reads, &shared))?);
            }
            let (place, checkpoints, shared) = (place.clone(), Arc::clone(&checkpoints), Arc::clone(shared));
            threads.push(spawn("trunkline-wal", move || checkpoint::run(&place, &checkpoints, &shared))?);
        }
        Ok(Self { place, writes, reads, checkpoints, threads: Mutex::new(threads) })
    }

    pub(crate) fn submit_write(
        &self,
        key: &Key,
        work: Box<dyn Work>,
    ) -> Result<(), (Box<dyn Work>, StoreError)> {
        let request = Request { work, is_read_only: false };
        self.writes.push(key, request).map_err(|(request, refusal)| (request.work, refusal))
    }

    pub(crate) fn submit_read(&self, work: Box<dyn Work>) -> Result<(), (Box<dyn Work>, StoreError)> {
        let key = Key::system("read");
        if matches!(self.place, Place::File { .. }) {
            return self.reads.push(&key, work);
        }
        let request = Request { work, is_read_only: true };
        self.writes.push(&key, request).map_err(|(request, refusal)| (request.work, refusal))
    }

    pub(crate) fn queue_lengths(&self) -> (usize, usize) {
        (self.writes.len(), self.reads.len())
    }

    pub(crate) async fn backup(&self, target: &Path) -> Result<BackupReport, StoreError> {
        let Place::File { .. } = self.place else {
            return Err(StoreError::Unsupported("a store in memory cannot be backed up"));
        };
        let (place, target) = (self.place.clone(), target.to_owned());
        let copied = tokio::task::spawn_blocking(move || backup::copy(&place, &target)).await;
        copied.unwrap_or_else(|_| Err(ended("the thread that copied the database panicked")))
    }

    /// Empties the log. In memory there is none.
    pub(crate) async fn purge_log(&self) -> Result<(), StoreError> {
        let Place::File { .. } = self.place else { return Ok(()) };
        let (place, checkpoints) = (self.place.clone(), Arc::clone(&self.checkpoints));
        let purged = tokio::task::spawn_blocking(move || purge::purge(&place, &checkpoints)).await;
        purged.unwrap_or_else(|_| Err(ended("the thread that emptied the log panicked")))
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
        self.writes.close();
        self.reads.close();
        self.checkpoints.close();
    }
}

impl Drop for SqliteEngine {
    fn drop(&mut self) {
        self.stop();
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(body);
    spawned.map_err(|failure| StoreError::Unavailable { reason: format!("cannot start a thread: {failure}") })
}

fn ended(reason: &str) -> StoreError {
    StoreError::Unavailable { reason: reason.to_owned() }
}
