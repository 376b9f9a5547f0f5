//! Opening SQLite connections, and translating what they say.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use trunkline_kernel::{Clock as _, SystemClock};

use crate::error::StoreError;

/// The database's name in the data folder.
pub(crate) const FILE_NAME: &str = "trunkline.db";

/// Prepared statements a connection keeps: more than all slices have, so that none is prepared twice.
const STATEMENTS_KEPT: usize = 512;
/// Virtual machine steps between two looks at the time: some 10 µs.
const STEPS_BETWEEN_LOOKS: i32 = 2000;
/// How long a connection waits for another's lock; only recovery and checkpoints contend for one.
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// The page caches, in KiB: what the writer's hot pages need, and little for each reader.
const WRITER_CACHE_KIB: i32 = 16_384;
const READER_CACHE_KIB: i32 = 2_048;

/// Where connections lead.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    File { path: PathBuf, is_synced: bool },
    Memory,
}

/// When the running closure must end. Shared with the connection's progress handler.
#[derive(Clone)]
pub(crate) struct Deadline(Arc<AtomicU64>);

impl Deadline {
    fn new() -> Self {
        Self(Arc::new(AtomicU64::new(u64::MAX)))
    }

    /// Starts a limit. It measures real time even under a test's clock: it protects the other writers.
    pub(crate) fn start(&self, limit: Duration) {
        let end = SystemClock.monotonic().saturating_add(limit);
        self.0.store(u64::try_from(end.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn clear(&self) {
        self.0.store(u64::MAX, Ordering::Relaxed);
    }

    pub(crate) fn is_past(&self) -> bool {
        let end = self.0.load(Ordering::Relaxed);
        end != u64::MAX && SystemClock.monotonic().as_micros() > u128::from(end)
    }
}

/// An open connection with its time limit.
pub(crate) struct Session {
    pub(crate) connection: Connection,
    pub(crate) deadline: Deadline,
}

impl Place {
    pub(crate) fn open_writer(&self) -> Result<Session, StoreError> {
        self.open(WRITER_CACHE_KIB).map_err(|failure| unavailable(&failure))
    }

    pub(crate) fn open_reader(&self) -> Result<Session, StoreError> {
        let open = || {
            let session = self.open(READER_CACHE_KIB)?;
            session.connection.pragma_update(None, "query_only", true)?;
            Ok(session)
        };
        open().map_err(|failure: rusqlite::Error| unavailable(&failure))
    }

    fn open(&self, cache_kib: i32) -> Result<Session, rusqlite::Error> {
        let mut connection = match self {
            Self::File { path, .. } => Connection::open_with_flags(path, flags())?,
            Self::Memory => Connection::open_in_memory()?,
        };
        connection.busy_timeout(LOCK_WAIT)?;
        connection.pragma_update(None, "cache_size", -cache_kib)?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.pragma_update(None, "secure_delete", true)?;
        // Otherwise the planner may look at bound values, and a statement it did that for is prepared anew with every
        // use: the first statement of a chat message cost more that way than all others together.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        if let Self::File { is_synced, .. } = self {
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", if *is_synced { "FULL" } else { "OFF" })?;
            // Checkpoints run elsewhere, so that no writer waits for one at its commit.
            connection.pragma_update(None, "wal_autocheckpoint", 0)?;
            // Not by the last to close either: it would trust a count of copied frames that may be wrong.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        }
        connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        let deadline = Deadline::new();
        let watched = deadline.clone();
        connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(move || watched.is_past()))?;
        Ok(Session { connection, deadline })
    }

    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::File { path, .. } => Some(path),
            Self::Memory => None,
        }
    }
}

fn flags() -> OpenFlags {
    // No mutex: each connection belongs to one thread at a time. The file is made once, at the start: a
    // database that went away with its disk must not be replaced by an empty one.
    OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

pub(crate) fn unavailable(failure: &rusqlite::Error) -> StoreError {
    StoreError::Unavailable { reason: failure.to_string() }
}

/// Sorts a statement's failure: the disk's fault, out of time, or a bug in the statement.
pub(crate) fn translate(failure: &rusqlite::Error, sql: &str) -> StoreError {
    let code = failure.sqlite_error_code();
    match code {
        Some(ErrorCode::OperationInterrupted) => StoreError::TooSlow,
        Some(
            ErrorCode::SystemIoFailure
            | ErrorCode::DiskFull
            | ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase
            | ErrorCode::CannotOpen
            | ErrorCode::OutOfMemory
            | ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::PermissionDenied
            // A file system that was remounted so; closures that only read are refused earlier.
            | ErrorCode::ReadOnly,
        ) => unavailable(failure),
        _ => StoreError::Statement { sql: sql.to_owned(), message: failure.to_string() },
    }
}
