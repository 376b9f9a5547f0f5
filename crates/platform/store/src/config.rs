//! Where the data lives, and every bound of the store with its reason.

use std::path::PathBuf;
use std::time::Duration;

use trunkline_kernel::Secret;

use crate::outbox::Keep;

/// Where the data lives.
#[derive(Clone, Debug)]
pub enum Backend {
    /// Files in a folder of this machine; the default.
    Sqlite {
        /// The data folder; the database is `trunkline.db` in it. It is made when absent.
        folder: PathBuf,
    },
    /// Memory of this process, gone when the store is closed: for CI and trials.
    Ephemeral,
    /// A PostgreSQL server, version 15 or later, shared by several nodes.
    Postgres {
        /// A libpq address: `postgres://user:password@host:port/database?sslmode=verify-full`.
        url: Secret<String>,
        /// Connections for transactions, each with its thread; 1 to 512. One more listens for wake-ups.
        connections: usize,
    },
}

/// How to open a store.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// Where the data lives.
    pub backend: Backend,
    /// The bounds.
    pub bounds: Bounds,
    /// Leaves out the fsync at commit. Only the durability tests set it, to show that they can fail.
    #[doc(hidden)]
    pub unsafe_without_fsync: bool,
}

impl StoreConfig {
    /// A store on `backend` with the default bounds.
    pub fn new(backend: Backend) -> Self {
        Self { backend, bounds: Bounds::default(), unsafe_without_fsync: false }
    }
}

/// The bounds of queues, times and sizes. Each default carries its reason.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Writes that may wait, over all resources: at 18,000 a second the last one waits half a second,
    /// and longer waits are better refused than served.
    pub writes_queued_max: usize,
    /// Writes of one resource that may wait: a quarter, so that four busy tenants still leave room.
    pub writes_queued_per_resource_max: usize,
    /// Reads that may wait: a read takes some 20 µs, so the last one waits some 50 ms.
    pub reads_queued_max: usize,
    /// Threads that read, each with its own SQLite connection (some 2 MiB of cache when busy).
    pub readers: usize,
    /// Closures in one commit: beyond this a larger batch no longer saves CPU, only adds delay.
    pub batch_closures_max: usize,
    /// After this time a batch takes no further closure, so that a slow one delays few others.
    pub batch_duration_max: Duration,
    /// How long one closure may run; on SQLite it holds up every other writer. On PostgreSQL it may wait
    /// as long again for its key, after which it is refused as busy.
    pub closure_duration_max: Duration,
    /// How often a closure is run again after a deadlock or a broken connection.
    pub reruns_max: u32,
    /// Frames (4 KiB) in the write-ahead log before it is copied into the database in the background.
    pub wal_frames_soft: u32,
    /// How long to wait for a connection to PostgreSQL.
    pub connect_duration_max: Duration,
    /// Events kept after all consumers have passed them: none, unless somebody shows or repeats the past.
    pub outbox_keep: Keep,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            writes_queued_max: 8192,
            writes_queued_per_resource_max: 2048,
            reads_queued_max: 2048,
            readers: 2,
            batch_closures_max: 512,
            batch_duration_max: Duration::from_millis(20),
            closure_duration_max: Duration::from_secs(2),
            reruns_max: 5,
            wal_frames_soft: 4096,
            connect_duration_max: Duration::from_secs(5),
            outbox_keep: Keep::default(),
        }
    }
}

/// Which engine a store runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// SQLite, in a file or in memory.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// Whether the store accepts work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// Reads and writes are served.
    Healthy,
    /// Writes are refused until the cause is gone; the store tries again by itself.
    Unhealthy {
        /// What failed, for operators.
        reason: String,
    },
}

/// Numbers for operators: totals since the start, and the present depth of the queues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreMetrics {
    /// Writes committed.
    pub writes_committed: u64,
    /// Writes rolled back, because the closure failed or was too slow.
    pub writes_rolled_back: u64,
    /// Commits; fewer than writes on SQLite, where one commit serves a batch.
    pub commits: u64,
    /// Commits that failed, or whose outcome is not known.
    pub commits_failed: u64,
    /// Reads served.
    pub reads: u64,
    /// Closures run again.
    pub reruns: u64,
    /// Closures refused because a queue was full.
    pub refused_busy: u64,
    /// Copies of the write-ahead log into the database (SQLite).
    pub checkpoints: u64,
    /// Writes that wait now.
    pub writes_queued: u64,
    /// Reads that wait now.
    pub reads_queued: u64,
    /// Frames (4 KiB) in the write-ahead log at the last commit (SQLite).
    pub wal_frames: u64,
}
