//! Copying the write-ahead log into the database, off the writer's thread.
//!
//! SQLite starts the log over when all of it has been copied at the moment a write begins. A copy beside
//! a busy writer always misses the newest frames, so the writer copies those few itself when told to:
//! that bounds the log. A long reader (a backup) holds the log as it is, and it grows meanwhile.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
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

/// What the writer and the copying thread tell each other.
pub(crate) struct Checkpoints {
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
    pub(crate) fn new(frames_soft: u32) -> Self {
        Self {
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
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The copying thread.
pub(crate) fn run(place: &Place, checkpoints: &Arc<Checkpoints>, shared: &Shared) {
    let mut session: Option<Session> = None;
    while checkpoints.wait() {
        let open = session.take().map_or_else(|| place.open_writer(), Ok);
        let copied = open.and_then(|open| passive(&open).map(|copied| (open, copied)));
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

/// Copies what can be copied without waiting for anybody; returns how many frames of the log are now
/// in the database. It can be -1 when another connection copies at the moment.
pub(crate) fn passive(session: &Session) -> Result<i64, StoreError> {
    let (_, copied) = checkpoint(session, "PRAGMA wal_checkpoint(PASSIVE)")?;
    Ok(copied)
}

/// Copies everything and empties the log.
///
/// **Errors**: [`StoreError::Unavailable`] also when somebody still reads from the log.
pub(crate) fn truncate(session: &Session) -> Result<(), StoreError> {
    let (is_busy, _) = checkpoint(session, "PRAGMA wal_checkpoint(TRUNCATE)")?;
    if is_busy {
        return Err(StoreError::Unavailable { reason: "the write-ahead log is still being read".to_owned() });
    }
    Ok(())
}

fn checkpoint(session: &Session, sql: &str) -> Result<(bool, i64), StoreError> {
    let rows = SqliteTx::new(session, 0).query_all(sql, &[], false)?;
    let row =
        rows.first().ok_or_else(|| StoreError::Unavailable { reason: "no checkpoint ran".to_owned() })?;
    Ok((row.get(0)?, row.get(2)?))
}
