//! The one thread that writes.
//!
//! A failed commit or disk error ends the connection: a log whose fsync failed must never be appended
//! to, because the checksums of its frames are chained and a frame that never reached the disk would
//! take later, acknowledged ones with it. Writes are accepted again when a new connection has copied
//! the whole log into the database, emptied it, and a small write went through.

use std::sync::Arc;
use std::time::Duration;

use super::batch::{self, Batch};
use super::checkpoint::{Checkpoints, Copy};
use super::connection::{Place, Session, unavailable};
use super::setup;
use super::tx::SqliteTx;
use crate::error::StoreError;
use crate::meter::{Part, Shared};
use crate::queue::FairQueue;
use crate::work::Work;

/// The pauses between attempts to recover: short at first, because most failures pass; bounded, so that
/// a store is back within seconds after its disk.
const RECOVERY_PAUSE_FIRST: Duration = Duration::from_millis(50);
const RECOVERY_PAUSE_LAST: Duration = Duration::from_secs(2);

const LOAD_SEQUENCE: &str = "SELECT last FROM outbox_sequence WHERE one = 1";
const PROBE: &str = "UPDATE store_probe SET probes = probes + 1 WHERE one = 1";

/// A closure in the writer's queue.
pub(crate) struct Request {
    pub(crate) work: Box<dyn Work>,
    /// Only in memory, where reads share the writer's connection.
    pub(crate) is_read_only: bool,
}

pub(crate) struct Writer {
    place: Place,
    session: Session,
    /// The last number given to an event in a committed transaction.
    sequence: i64,
    queue: Arc<FairQueue<Request>>,
    checkpoints: Arc<Checkpoints>,
    shared: Arc<Shared>,
}

impl Writer {
    pub(crate) fn new(
        place: Place,
        mut session: Session,
        queue: Arc<FairQueue<Request>>,
        checkpoints: Arc<Checkpoints>,
        shared: Arc<Shared>,
    ) -> Result<Self, StoreError> {
        watch_log(&mut session, &checkpoints)?;
        let sequence = load_sequence(&session)?;
        Ok(Self { place, session, sequence, queue, checkpoints, shared })
    }

    pub(crate) fn run(mut self) {
        while let Some((_, request)) = self.queue.pop() {
            self.serve(request);
        }
        if self.place.path().is_some() && self.checkpoints.copy(&self.session, Copy::Truncate).is_err() {
            tracing::warn!("the write-ahead log stays as it is; the next start reads it");
        }
    }

    fn serve(&mut self, first: Request) {
        let mut batch = Batch::new(first);
        let ran = self.ready_to_write().and_then(|()| {
            let queue = &self.queue;
            batch::run(&self.session, &self.shared, self.sequence, &mut batch, || queue.try_pop())
        });
        match ran {
            Ok(committed) => {
                self.sequence = committed.sequence;
                self.note_commit();
                batch.answer(&self.shared.meter);
                self.shared.wakes.publish_all(&committed.wakes);
            }
            Err(failure) => {
                self.shared.meter.commits_failed.add(1);
                self.recover(batch, &failure);
            }
        }
    }

    fn note_commit(&self) {
        self.shared.meter.commits.add(1);
        self.shared.meter.wal_frames.set(self.checkpoints.frames().into());
        self.checkpoints.request_when_due();
    }

    /// Finishes a checkpoint that cannot keep up with the writer, and stops when copying fails.
    fn ready_to_write(&self) -> Result<(), StoreError> {
        if let Some(failure) = self.checkpoints.failure() {
            return Err(failure);
        }
        let is_stalled = self.checkpoints.is_stall_due();
        if is_stalled {
            self.checkpoints.wait_for_copy();
        }
        if is_stalled || self.checkpoints.is_finish_requested() {
            self.checkpoints.copy(&self.session, Copy::Passive)?;
            self.checkpoints.finished();
        }
        Ok(())
    }

    /// Fails everything that waits, and returns when writing works again or the store is closed.
    fn recover(&mut self, batch: Batch, failure: &StoreError) {
        self.shared.set_unhealthy(Part::Writer, failure);
        self.queue.set_refusal(Some(failure.clone()));
        batch.fail(failure);
        for request in self.queue.drain() {
            request.work.fail(failure.clone());
        }
        let mut pause = RECOVERY_PAUSE_FIRST;
        while let Err(failure) = self.reopen() {
            self.shared.set_unhealthy(Part::Writer, &failure);
            self.queue.set_refusal(Some(failure));
            if self.queue.wait_until_closed(pause) {
                return;
            }
            pause = (pause * 2).min(RECOVERY_PAUSE_LAST);
        }
        self.checkpoints.finished();
        self.checkpoints.clear_failure();
        self.shared.set_healthy(Part::Writer);
        self.shared.set_healthy(Part::Checkpoint);
        self.queue.set_refusal(None);
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        if self.place.path().is_some() {
            // The new one first: the last to close drops the log's index, and the next to open would then
            // take up frames of the failed batch that happen to be whole.
            let mut session = self.place.open_writer()?;
            watch_log(&mut session, &self.checkpoints)?;
            self.session = session;
            self.checkpoints.copy(&self.session, Copy::Truncate)?;
        } else if !self.session.connection.is_autocommit() {
            setup::run(&self.session, "ROLLBACK")?;
        }
        setup::run(&self.session, "BEGIN IMMEDIATE")?;
        SqliteTx::new(&self.session, 0).execute(PROBE, &[])?;
        setup::run(&self.session, "COMMIT")?;
        self.sequence = load_sequence(&self.session)?;
        Ok(())
    }
}

fn watch_log(session: &mut Session, checkpoints: &Arc<Checkpoints>) -> Result<(), StoreError> {
    let checkpoints = Arc::clone(checkpoints);
    let hook = move |_: &mut rusqlite::hooks::Wal, frames: std::ffi::c_int| {
        checkpoints.set_frames(u32::try_from(frames).unwrap_or(0));
        Ok(())
    };
    session.connection.wal_hook(Some(hook)).map_err(|failure| unavailable(&failure))
}

fn load_sequence(session: &Session) -> Result<i64, StoreError> {
    let rows = SqliteTx::new(session, 0).query_all(LOAD_SEQUENCE, &[], true)?;
    rows.first().map_or(Ok(0), |row| row.get(0))
}
