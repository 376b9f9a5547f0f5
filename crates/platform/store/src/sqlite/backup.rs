//! Copying a running database into a new file.
//!
//! The copy reads one snapshot, so writers neither wait nor make it start over. The log cannot be
//! emptied meanwhile and grows by what is written.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::connection::{Place, unavailable};
use super::setup;
use crate::error::StoreError;
use crate::store::BackupReport;

/// Pages (4 KiB) copied at a time, with a pause after each, so that the disk also serves the writer.
const PAGES_PER_STEP: i32 = 1024;
const STEP_PAUSE: Duration = Duration::from_millis(2);

/// Copies the database at `place` into `target`, which must not exist.
pub(crate) fn copy(place: &Place, target: &Path) -> Result<BackupReport, StoreError> {
    if target.exists() {
        return Err(failed(target, "it exists already"));
    }
    let partial = partial_name(target);
    let reserved = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial);
    reserved.map_err(|failure| failed(&partial, &failure.to_string()))?;
    let copied = copy_pages(place, &partial).and_then(|()| publish(&partial, target));
    if copied.is_err() {
        // What cannot be removed is named in the error already.
        let _ = std::fs::remove_file(&partial);
    }
    copied
}

fn copy_pages(place: &Place, partial: &Path) -> Result<(), StoreError> {
    let source = place.open_reader()?;
    // A read inside a transaction pins the snapshot for all steps.
    setup::run(&source, "BEGIN")?;
    setup::run(&source, "SELECT count(*) FROM schema_migrations")?;
    let mut destination = Connection::open(partial).map_err(|failure| unavailable(&failure))?;
    let backup =
        Backup::new(&source.connection, &mut destination).map_err(|failure| unavailable(&failure))?;
    loop {
        match backup.step(PAGES_PER_STEP).map_err(|failure| unavailable(&failure))? {
            StepResult::Done => return Ok(()),
            // Another connection holds a lock for a moment, or there is more to copy.
            _ => std::thread::sleep(STEP_PAUSE),
        }
    }
}

fn publish(partial: &Path, target: &Path) -> Result<BackupReport, StoreError> {
    let sync = || -> std::io::Result<u64> {
        let file = File::open(partial)?;
        file.sync_all()?;
        let size_bytes = file.metadata()?.len();
        std::fs::rename(partial, target)?;
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()?;
        Ok(size_bytes)
    };
    let size_bytes = sync().map_err(|failure| failed(target, &failure.to_string()))?;
    Ok(BackupReport { size_bytes })
}

fn partial_name(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

fn failed(path: &Path, reason: &str) -> StoreError {
    StoreError::Unavailable { reason: format!("cannot write the backup {}: {reason}", path.display()) }
}
