//! Copying the write-ahead log into the database, off the writer's thread.
//!
//! SQLite starts the log over when all of it has been copied at the moment a write begins. A copy beside
//! a busy writer always misses the newest frames, so the writer copies those few itself when told to:
//! that bounds the log. A long reader (a backup) holds the log as it is, and it grows meanwhile.
//!
//! SQLite counts frames as copied before they are durable: it syncs the database only when it has copied
//! the whole log. A sync that fails takes away everything written since the last good one, so the frames
//! counted by earlier copies may be lost on the disk although the system's cache still shows them. Copying
//! only the frames after these, and then starting the log over, would damage the database. After a failed
//! copy the count therefore starts again at zero.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use super::connection::{Place, Session};
use super::tx::SqliteTx;
use crate::error::StoreError;
use crate::meter::{Part, Shared};

/// How long to wait after a failed copy; the writer stops meanwhile.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// The log may grow to this many times its soft bound beside a copy; then the writer waits for the copy.
const STALL_FACTOR: u32 = 4;
/// How long the writer waits at most: a copy of a few megabytes takes some milliseconds on a healthy disk.
const STALL_PATIENCE: Duration = Duration::from_secs(2);

/// Where the log's index counts the copied frames, in bytes from its start: `nBackfill`, the first field
/// after the two copies of the header (SQLite's "WAL-mode File Format", section 2.1).
const COPIED_FRAMES_AT: u64 = 96;

/// How a copy is made.
#[derive(Clone, Copy)]
pub(crate) enum Copy {
    /// What can be copied without waiting for anybody.
    Passive,
    /// Everything; then the log is emptied. Fails when somebody still reads from the log.
    Truncate,
    /// As [`Copy::Truncate`], but meeting a reader or the writer is no failure: [`StoreError::Busy`].
    Purge,
}

/// What the writer and the copying thread tell each other.
pub(crate) struct Checkpoints {
    /// The log's index; none in memory.
    index: Option<PathBuf>,
    /// Held for each copy. True while one runs and after one that failed.
    is_count_doubtful: Mutex<bool>,
    frames_soft: u32,
    /// Frames in the log after the last commit.
    frames: AtomicU32,
    /// Frames at which the next copy starts; above the soft bound while a reader holds the log.
    frames_due: AtomicU32,
    /// Frames at which the writer waits for a copy that is under way.
    frames_stall: AtomicU32,
    is_finish_requested: AtomicBool,
    // Guards what the thread waits for.
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_requested: bool,
    is_copying: bool,
    is_closed: bool,
    failure: Option<StoreError>,
}

impl Checkpoints {
    pub(crate) fn new(database: Option<&Path>, frames_soft: u32) -> Self {
        Self {
            index: database.map(|path| path.with_extension("db-shm")),
            is_count_doubtful: Mutex::new(false),
            frames_soft,
            frames: AtomicU32::new(0),
            frames_due: AtomicU32::new(frames_soft),
            frames_stall: AtomicU32::new(frames_soft.saturating_mul(STALL_FACTOR)),
            is_finish_requested: AtomicBool::new(false),
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    pub(crate) fn set_frames(&self, frames: u32) {
        let before = self.frames.swap(frames, Ordering::Relaxed);
        if frames < before {
            // The log was started over.
            self.frames_due.store(self.frames_soft, Ordering::Relaxed);
            self.frames_stall.store(self.frames_soft.saturating_mul(STALL_FACTOR), Ordering::Relaxed);
        }
    }

    pub(crate) fn frames(&self) -> u32 {
        self.frames.load(Ordering::Relaxed)
    }

    pub(crate) fn request_when_due(&self) {
        if self.frames() < self.frames_due.load(Ordering::Relaxed) {
            return;
        }
        let next = self.frames().saturating_add(self.frames_soft / 2);
        self.frames_due.store(next, Ordering::Relaxed);
        self.lock().is_requested = true;
        self.changed.notify_one();
    }

    /// Whether the writer is to copy the newest frames before it writes again. Until it has, no other
    /// copy starts: the two would exclude each other.
    pub(crate) fn is_finish_requested(&self) -> bool {
        self.is_finish_requested.load(Ordering::Relaxed)
    }

    /// Whether the log has grown so far beyond its soft bound that the writer must let the copy catch up.
    pub(crate) fn is_stall_due(&self) -> bool {
        self.frames() >= self.frames_stall.load(Ordering::Relaxed)
    }

    /// Waits for the copy that is under way, if there is one, and keeps another from starting.
    pub(crate) fn wait_for_copy(&self) {
        self.is_finish_requested.store(true, Ordering::Relaxed);
        let copied = self.changed.wait_timeout_while(self.lock(), STALL_PATIENCE, |state| state.is_copying);
        drop(copied.unwrap_or_else(PoisonError::into_inner));
    }

    /// The writer has copied what it could. A log that is held by a reader grows on to the next bound.
    pub(crate) fn finished(&self) {
        let stall = self.frames().saturating_add(self.frames_soft.saturating_mul(STALL_FACTOR));
        self.frames_stall.store(stall, Ordering::Relaxed);
        self.lock().is_requested = false;
        self.is_finish_requested.store(false, Ordering::Relaxed);
    }

    pub(crate) fn failure(&self) -> Option<StoreError> {
        self.lock().failure.clone()
    }

    pub(crate) fn clear_failure(&self) {
        self.lock().failure = None;
    }

    /// Copies from the log into the database; returns how many frames of the log are now there, or -1 when
    /// somebody else copies at the moment.
    pub(crate) fn copy(&self, session: &Session, copy: Copy) -> Result<i64, StoreError> {
        let mut is_doubtful = match (copy, self.is_count_doubtful.try_lock()) {
            (_, Ok(guard)) => guard,
            (_, Err(TryLockError::Poisoned(poisoned))) => poisoned.into_inner(),
            (Copy::Passive, Err(TryLockError::WouldBlock)) => return Ok(-1),
            (Copy::Truncate | Copy::Purge, Err(TryLockError::WouldBlock)) => lock(&self.is_count_doubtful),
        };
        if *is_doubtful && let Some(index) = &self.index {
            let file = OpenOptions::new().write(true).open(index);
            let forgotten = file.and_then(|file| file.write_all_at(&0_u32.to_ne_bytes(), COPIED_FRAMES_AT));
            forgotten.map_err(|failure| StoreError::Unavailable { reason: failure.to_string() })?;
        }
        *is_doubtful = true;
        let copied = copy.run(session);
        // Whoever met a reader has copied what it could, as a passive copy does.
        *is_doubtful = !matches!(copied, Ok(_) | Err(StoreError::Busy));
        copied
    }

    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    /// Waits for work; false when the store is closed.
    fn wait(&self) -> bool {
        let idle =
            |state: &mut State| (!state.is_requested || self.is_finish_requested()) && !state.is_closed;
        let mut state = self.changed.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
        state.is_requested = false;
        state.is_copying = !state.is_closed;
        state.is_copying
    }

    /// The copying thread is done for now.
    fn copied(&self, frames: i64) {
        if frames < i64::from(self.frames()) {
            self.is_finish_requested.store(true, Ordering::Relaxed);
        }
        self.lock().is_copying = false;
        self.changed.notify_all();
    }

    fn pause(&self) {
        let closed = self.changed.wait_timeout_while(self.lock(), RETRY_PAUSE, |state| !state.is_closed);
        drop(closed.unwrap_or_else(PoisonError::into_inner));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The copying thread.
pub(crate) fn run(place: &Place, checkpoints: &Checkpoints, shared: &Shared) {
    let mut session: Option<Session> = None;
    while checkpoints.wait() {
        let open = session.take().map_or_else(|| place.open_writer(), Ok);
        let copied =
            open.and_then(|open| checkpoints.copy(&open, Copy::Passive).map(|copied| (open, copied)));
        match copied {
            Ok((open, copied)) => {
                session = Some(open);
                shared.meter.checkpoints.add(1);
                checkpoints.copied(copied);
                if checkpoints.failure().is_some() {
                    checkpoints.clear_failure();
                    shared.set_healthy(Part::Checkpoint);
                }
            }
            Err(failure) => {
                shared.set_unhealthy(Part::Checkpoint, &failure);
                let mut state = checkpoints.lock();
                state.failure = Some(failure);
                state.is_requested = true;
                state.is_copying = false;
                drop(state);
                checkpoints.pause();
            }
        }
    }
}

impl Copy {
    fn run(self, session: &Session) -> Result<i64, StoreError> {
        let sql = match self {
            Self::Passive => "PRAGMA wal_checkpoint(PASSIVE)",
            Self::Truncate | Self::Purge => "PRAGMA wal_checkpoint(TRUNCATE)",
        };
        let unavailable = |reason: &str| StoreError::Unavailable { reason: reason.to_owned() };
        let rows = SqliteTx::new(session, 0).query_all(sql, &[], false)?;
        let row = rows.first().ok_or_else(|| unavailable("no checkpoint ran"))?;
        let is_busy: bool = row.get(0)?;
        match self {
            Self::Truncate if is_busy => Err(unavailable("the write-ahead log is still being read")),
            Self::Purge if is_busy => Err(StoreError::Busy),
            _ => row.get(2),
        }
    }
}
