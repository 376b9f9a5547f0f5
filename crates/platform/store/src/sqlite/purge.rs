//! Emptying the write-ahead log, so that what was deleted is in no file any more.
//!
//! `secure_delete` overwrites deleted rows in the pages of the database, but earlier versions of these pages
//! stay in the log until it is started over. A reader (a backup, a long list) holds the log as it is.

use std::time::Duration;

use super::checkpoint::{Checkpoints, Copy};
use super::connection::Place;
use crate::error::StoreError;

/// How long one attempt waits for readers. The writer waits as long, so it is short.
const READERS_WAIT: Duration = Duration::from_millis(20);
/// The pause after an attempt that met a reader: for the reader to finish and the writer to write.
const PAUSE: Duration = Duration::from_millis(80);
/// Attempts in all: ten seconds of waiting and pauses.
const ATTEMPTS_MAX: u32 = 100;

/// Copies the whole log into the database and truncates it.
///
/// **Errors**: [`StoreError::Busy`] when somebody kept reading for ten seconds; whatever copying fails with.
pub(crate) fn purge(place: &Place, checkpoints: &Checkpoints) -> Result<(), StoreError> {
    let session = place.open_writer()?;
    let failed = |failure: rusqlite::Error| super::connection::unavailable(&failure);
    session.connection.busy_timeout(READERS_WAIT).map_err(failed)?;
    for _ in 0..ATTEMPTS_MAX {
        match checkpoints.copy(&session, Copy::Purge) {
            Err(StoreError::Busy) => std::thread::sleep(PAUSE),
            done => return done.map(drop),
        }
    }
    Err(StoreError::Busy)
}
