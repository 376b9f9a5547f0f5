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

/// What the writer and the copying thread tell each other.
pub(crate) struct Checkpoints {
    frames_soft: u32,
    /// Frames in the log after the last commit.
    frames: AtomicU32,
    /// Frames at which the next copy starts; above the soft bound while a reader holds the log.
    frames_due: AtomicU32,
    is_finish_requested: AtomicBool,
    // Guards what the thread waits for.
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_requested: bool,
    is_closed: bool,
    failure: Option<StoreError>,
}

impl Checkpoints {
    pub(crate) fn new(frames_soft: u32) -> Self {
        Self {
            frames_soft,
            frames: AtomicU32::new(0),
            frames_due: AtomicU32::new(frames_soft),
            is_finish_requested: AtomicBool::new(false),
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    pub(crate) fn set_frames(&self, frames: u32) {
        self.frames.store(frames, Ordering::Relaxed);
        if frames < self.frames_soft {
            self.frames_due.store(self.frames_soft, Ordering::Relaxed);
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

    pub(crate) fn take_finish_request(&self) -> bool {
        self.is_finish_requested.load(Ordering::Relaxed)
            && self.is_finish_requested.swap(false, Ordering::Relaxed)
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
        let idle = |state: &mut State| !state.is_requested && !state.is_closed;
        let mut state = self.changed.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
        state.is_requested = false;
        !state.is_closed
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
        let copied = open.and_then(|open| passive(&open).map(|is_complete| (open, is_complete)));
        match copied {
            Ok((open, is_complete)) => {
                session = Some(open);
                shared.meter.checkpoints.add(1);
                checkpoints.is_finish_requested.store(!is_complete, Ordering::Relaxed);
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
                drop(state);
                checkpoints.pause();
            }
        }
    }
}

/// Copies what can be copied without waiting for anybody; returns whether that was all.
pub(crate) fn passive(session: &Session) -> Result<bool, StoreError> {
    let (_, frames, copied) = checkpoint(session, "PRAGMA wal_checkpoint(PASSIVE)")?;
    Ok(frames == copied)
}

/// Copies everything and empties the log.
///
/// **Errors**: [`StoreError::Unavailable`] also when somebody still reads from the log.
pub(crate) fn truncate(session: &Session) -> Result<(), StoreError> {
    let (is_busy, ..) = checkpoint(session, "PRAGMA wal_checkpoint(TRUNCATE)")?;
    if is_busy {
        return Err(StoreError::Unavailable { reason: "the write-ahead log is still being read".to_owned() });
    }
    Ok(())
}

fn checkpoint(session: &Session, sql: &str) -> Result<(bool, i64, i64), StoreError> {
    let rows = SqliteTx::new(session, 0).query_all(sql, &[], false)?;
    let row =
        rows.first().ok_or_else(|| StoreError::Unavailable { reason: "no checkpoint ran".to_owned() })?;
    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
}
