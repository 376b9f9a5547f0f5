//! The first connection: makes the folder and brings the tables up to date.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use trunkline_kernel::Timestamp;

use super::connection::{Place, Session};
use super::tx::{SqliteTx, read_row};
use crate::config::Engine;
use crate::error::{OpenError, StoreError};
use crate::migrations::{self, Applied, Slice, Step};
use crate::params;

/// Opens the writer's connection and runs outstanding migrations in one transaction.
pub(crate) fn prepare(place: &Place, slices: &[Slice], now: Timestamp) -> Result<Session, OpenError> {
    if let Some((path, folder)) = place.path().and_then(|path| Some((path, path.parent()?))) {
        let made = make_folder(folder).and_then(|()| make_file(path, folder));
        made.map_err(|failure| in_folder(folder, &failure.to_string()))?;
    }
    let session = place.open_writer().map_err(|failure| match place.path().and_then(Path::parent) {
        Some(folder) => in_folder(folder, &failure.to_string()),
        None => OpenError::Store(failure),
    })?;
    migrate(&session, slices, now)?;
    Ok(session)
}

/// Makes the folder and those above it, for their owner only, so that a power cut does not take them away.
fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_folder(parent)?;
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(failure) if failure.kind() != ErrorKind::AlreadyExists => Err(failure),
        _ => File::open(parent)?.sync_all(),
    }
}

/// Makes an empty database that only its owner can read. SQLite gives the log and the log's index the
/// same permissions.
fn make_file(path: &Path, folder: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => {}
        Err(failure) if failure.kind() == ErrorKind::AlreadyExists => return Ok(()),
        Err(failure) => return Err(failure),
    }
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder)?.sync_all()
}

fn in_folder(folder: &Path, reason: &str) -> OpenError {
    OpenError::Folder { folder: folder.to_owned(), reason: reason.to_owned() }
}

fn migrate(session: &Session, slices: &[Slice], now: Timestamp) -> Result<(), OpenError> {
    run(session, "BEGIN IMMEDIATE")?;
    let done = run(session, migrations::CREATE_TABLE)
        .map_err(OpenError::from)
        .and_then(|()| applied(session).map_err(OpenError::from))
        .and_then(|applied| migrations::plan(slices, &applied))
        .and_then(|steps| steps.iter().try_for_each(|step| apply(session, step, now)));
    match done {
        Ok(()) => Ok(run(session, "COMMIT")?),
        Err(failure) => {
            run(session, "ROLLBACK")?;
            Err(failure)
        }
    }
}

fn applied(session: &Session) -> Result<Vec<Applied>, StoreError> {
    let rows = SqliteTx::new(session, 0).query_all(migrations::SELECT_APPLIED, &[], true)?;
    rows.iter().map(Applied::from_row).collect()
}

fn apply(session: &Session, step: &Step, now: Timestamp) -> Result<(), OpenError> {
    let Step { slice, migration } = step;
    let ran = session.connection.execute_batch(&step.sql(Engine::Sqlite)?);
    ran.map_err(|failure| step.failed(failure.to_string()))?;
    let values =
        params![*slice, migration.version, migration.name, migrations::checksum(migration.sql), now].to_vec();
    SqliteTx::new(session, 0).execute(migrations::INSERT_APPLIED, &values)?;
    Ok(())
}

/// Runs one statement, rows or none.
pub(crate) fn run(session: &Session, sql: &str) -> Result<(), StoreError> {
    let failed = |failure: rusqlite::Error| super::connection::translate(&failure, sql);
    let mut statement = session.connection.prepare_cached(sql).map_err(failed)?;
    let columns = statement.column_count();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(failed)? {
        read_row(row, columns, sql)?;
    }
    Ok(())
}
