//! [`Store`]: open, read, write, back up, close.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::oneshot;
use trunkline_kernel::{Clock, Entropy, Timestamp};

use crate::config::{Backend, Engine, Health, StoreConfig, StoreMetrics};
use crate::error::{OpenError, StoreError};
use crate::key::Key;
use crate::meter::Shared;
use crate::migrations::{self, Slice};
use crate::outbox::Keep;
use crate::postgres::PostgresEngine;
use crate::sqlite::SqliteEngine;
use crate::transaction::Tx;
use crate::wakes::Wakes;
use crate::work::{Work, pack};

/// The durable store. Clones are handles to the same one.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    engine: EngineHandle,
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

enum EngineHandle {
    Sqlite(SqliteEngine),
    Postgres(PostgresEngine),
}

/// What a backup wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupReport {
    /// The size of the new file.
    pub size_bytes: u64,
}

/// What the database says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreFacts {
    /// The engine and its version, such as `SQLite 3.50.4` or `PostgreSQL 15.18`.
    pub version: String,
    /// The server's clock on PostgreSQL, to compare with this machine's; SQLite has none.
    pub clock: Option<Timestamp>,
}

const SQLITE_FACTS: &str = "SELECT 'SQLite ' || sqlite_version(), NULL";
const POSTGRES_FACTS: &str = "SELECT 'PostgreSQL ' || current_setting('server_version'), \
     CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)";

impl Store {
    /// Opens the store, makes what is missing and brings the tables of all `slices` up to date.
    ///
    /// Needs a tokio runtime. **Errors**: see [`OpenError`]; nothing is changed when the data is newer
    /// than the program.
    pub async fn open(
        config: StoreConfig,
        slices: &[Slice],
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, OpenError> {
        let mut all = vec![migrations::STORE];
        all.extend_from_slice(slices);
        let shared = Arc::new(Shared::new(config.bounds.clone()));
        let now = clock.now();
        let engine = if let Backend::Postgres { url, connections } = &config.backend {
            let opened = PostgresEngine::open(url, *connections, &all, now, Arc::clone(&shared)).await?;
            EngineHandle::Postgres(opened)
        } else {
            EngineHandle::Sqlite(SqliteEngine::open(&config, all, now, Arc::clone(&shared)).await?)
        };
        Ok(Self { inner: Arc::new(Inner { engine, shared, clock, entropy }) })
    }

    /// Runs `closure` in a transaction that may write, and answers when its effects are durable.
    ///
    /// The closure is rolled back when it returns an error, panics, or is too slow. It may run several
    /// times. Dropping the future does not stop it.
    pub async fn write<T, E, F>(&self, key: Key, closure: F) -> Result<T, E>
    where
        F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + Sync + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (work, receiver) = pack(closure);
        let submitted = match &self.inner.engine {
            EngineHandle::Sqlite(engine) => engine.submit_write(&key, work),
            EngineHandle::Postgres(engine) => engine.submit_write(&key, work),
        };
        self.answer(submitted, receiver).await
    }

    /// Runs `closure` in a transaction that only reads: all its statements see the same state.
    pub async fn read<T, E, F>(&self, closure: F) -> Result<T, E>
    where
        F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + Sync + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (work, receiver) = pack(closure);
        let submitted = match &self.inner.engine {
            EngineHandle::Sqlite(engine) => engine.submit_read(work),
            EngineHandle::Postgres(engine) => engine.submit_read(work),
        };
        self.answer(submitted, receiver).await
    }

    /// Whether the store accepts work.
    pub fn health(&self) -> Health {
        self.inner.shared.health()
    }

    /// Which engine it runs on.
    pub fn engine(&self) -> Engine {
        match self.inner.engine {
            EngineHandle::Sqlite(_) => Engine::Sqlite,
            EngineHandle::Postgres(_) => Engine::Postgres,
        }
    }

    /// Wake-ups: publish and subscribe.
    pub fn wakes(&self) -> &Wakes {
        &self.inner.shared.wakes
    }

    /// The clock the store was opened with.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    /// How much of the outbox stays after all consumers have passed it.
    pub fn outbox_keep(&self) -> Keep {
        self.inner.shared.bounds.outbox_keep
    }

    /// The source of randomness the store was opened with.
    pub fn entropy(&self) -> &Arc<dyn Entropy> {
        &self.inner.entropy
    }

    /// A snapshot of the store's numbers.
    pub fn metrics(&self) -> StoreMetrics {
        let (writes, reads) = match &self.inner.engine {
            EngineHandle::Sqlite(engine) => engine.queue_lengths(),
            EngineHandle::Postgres(engine) => engine.queue_lengths(),
        };
        self.inner.shared.meter.snapshot(writes, reads)
    }

    /// Asks the database for its version and its clock, for operators.
    pub async fn facts(&self) -> Result<StoreFacts, StoreError> {
        let sql = match self.engine() {
            Engine::Sqlite => SQLITE_FACTS,
            Engine::Postgres => POSTGRES_FACTS,
        };
        let facts = move |tx: &mut Tx<'_>| {
            let row = tx.query_one(sql, &[])?;
            Ok(StoreFacts { version: row.get(0)?, clock: row.get(1)? })
        };
        self.read(facts).await
    }

    /// Copies the running database into the new file `target`, while writers go on.
    ///
    /// The copy is one consistent state and on stable storage when this returns.
    ///
    /// **Errors**: [`StoreError::Unsupported`] on PostgreSQL and in memory;
    /// [`StoreError::Unavailable`] when `target` exists or cannot be written.
    pub async fn backup(&self, target: &Path) -> Result<BackupReport, StoreError> {
        match &self.inner.engine {
            EngineHandle::Sqlite(engine) => engine.backup(target).await,
            EngineHandle::Postgres(_) => {
                Err(StoreError::Unsupported("back up PostgreSQL with pg_dump or pg_basebackup"))
            }
        }
    }

    /// Makes sure that rows which were deleted before this call are in none of the store's own files.
    ///
    /// On SQLite the write-ahead log is copied and emptied; deleted rows are overwritten in the database
    /// itself. On PostgreSQL the dead rows of `tables` are given up for reuse, and its own log keeps their
    /// bytes until it is recycled. Copies made by [`Store::backup`] are left alone.
    ///
    /// **Errors**: [`StoreError::Busy`] when somebody reads from the log for longer than ten seconds, such
    /// as a backup; nothing is lost, call again later.
    pub async fn purge_log(&self, tables: &'static [&'static str]) -> Result<(), StoreError> {
        match &self.inner.engine {
            EngineHandle::Sqlite(engine) => engine.purge_log().await,
            EngineHandle::Postgres(engine) => engine.purge_log(tables).await,
        }
    }

    /// Refuses new work, finishes what waits, and ends the store's threads. A second call does nothing.
    pub async fn close(&self) {
        match &self.inner.engine {
            EngineHandle::Sqlite(engine) => engine.close().await,
            EngineHandle::Postgres(engine) => engine.close().await,
        }
    }

    async fn answer<T, E: From<StoreError>>(
        &self,
        submitted: Result<(), (Box<dyn Work>, StoreError)>,
        receiver: oneshot::Receiver<Result<T, E>>,
    ) -> Result<T, E> {
        if let Err((_, refusal)) = submitted {
            if refusal == StoreError::Busy {
                self.inner.shared.meter.refused_busy.add(1);
            }
            return Err(E::from(refusal));
        }
        receiver.await.unwrap_or_else(|_| {
            Err(E::from(StoreError::Unavailable { reason: "the store ended before it answered".to_owned() }))
        })
    }
}
