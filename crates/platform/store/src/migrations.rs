//! Tables per slice: numbered SQL files, forward only, checked at every start.
//!
//! What was applied stands in `schema_migrations` with a checksum. All outstanding migrations run in one
//! transaction, so that a failed upgrade leaves the data as it was.

pub(crate) mod blocks;

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};

use crate::config::Engine;
use crate::error::{OpenError, StoreError};
use crate::value::Row;

/// One step of a slice's tables. An applied step never changes; a correction is a new step.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// 1, 2, 3, ... without gaps.
    pub version: u32,
    /// What it does, in a word or two.
    pub name: &'static str,
    /// Statements in SQLite's dialect; they are translated for PostgreSQL. Lines between `--@sqlite` or
    /// `--@postgres` and `--@end` are for that engine alone.
    pub sql: &'static str,
}

/// A part of the program with tables of its own, prefixed with its name.
#[derive(Clone, Copy, Debug)]
pub struct Slice {
    /// Such as `identity`.
    pub name: &'static str,
    /// In the order of their versions.
    pub migrations: &'static [Migration],
}

/// The tables of the store itself; they come before those of any slice.
pub(crate) const STORE: Slice = Slice {
    name: "store",
    migrations: &[Migration { version: 1, name: "store", sql: include_str!("../migrations/0001_store.sql") }],
};

pub(crate) const CREATE_TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (\
     slice TEXT NOT NULL, version INTEGER NOT NULL, name TEXT NOT NULL, checksum TEXT NOT NULL, \
     applied_at INTEGER NOT NULL, PRIMARY KEY (slice, version)) STRICT";

pub(crate) const SELECT_APPLIED: &str =
    "SELECT slice, version, name, checksum FROM schema_migrations ORDER BY slice, version";

pub(crate) const INSERT_APPLIED: &str = "INSERT INTO schema_migrations (slice, version, name, checksum, applied_at) \
     VALUES (?1, ?2, ?3, ?4, ?5)";

/// What a database says was applied to it.
#[derive(Debug)]
pub(crate) struct Applied {
    slice: String,
    version: u32,
    name: String,
    checksum: String,
}

impl Applied {
    pub(crate) fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { slice: row.get(0)?, version: row.get(1)?, name: row.get(2)?, checksum: row.get(3)? })
    }
}

/// A migration that has yet to run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) slice: &'static str,
    pub(crate) migration: Migration,
}

impl Step {
    /// The statements for `engine`, not translated yet.
    pub(crate) fn sql(&self, engine: Engine) -> Result<String, OpenError> {
        blocks::for_engine(self.migration.sql, engine).map_err(|reason| self.failed(reason))
    }

    pub(crate) fn failed(&self, reason: String) -> OpenError {
        OpenError::Migration {
            slice: self.slice,
            version: self.migration.version,
            name: self.migration.name,
            reason,
        }
    }
}

pub(crate) fn checksum(sql: &str) -> String {
    let mut text = String::with_capacity(64);
    for byte in digest(&SHA256, sql.as_bytes()).as_ref() {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// Compares what the program carries with what was applied, and says what is left to run.
pub(crate) fn plan(slices: &[Slice], applied: &[Applied]) -> Result<Vec<Step>, OpenError> {
    let mut known: BTreeMap<&str, &[Migration]> = BTreeMap::new();
    for slice in slices {
        check_order(slice)?;
        check_blocks(slice)?;
        known.insert(slice.name, slice.migrations);
    }
    let mut newest: BTreeMap<&str, u32> = BTreeMap::new();
    for row in applied {
        let migrations = known.get(row.slice.as_str()).copied().unwrap_or_default();
        check_applied(row, migrations)?;
        newest.insert(&row.slice, row.version);
    }
    let outstanding = |slice: &Slice| {
        let done = newest.get(slice.name).copied().unwrap_or(0);
        let name = slice.name;
        slice
            .migrations
            .iter()
            .filter(move |migration| migration.version > done)
            .map(move |migration| Step { slice: name, migration: *migration })
    };
    Ok(slices.iter().flat_map(outstanding).collect())
}

fn check_order(slice: &Slice) -> Result<(), OpenError> {
    for (expected, migration) in (1..).zip(slice.migrations) {
        if migration.version != expected {
            return Err(OpenError::MigrationOrder { slice: slice.name, version: migration.version });
        }
    }
    Ok(())
}

fn check_blocks(slice: &Slice) -> Result<(), OpenError> {
    for migration in slice.migrations {
        Step { slice: slice.name, migration: *migration }.sql(Engine::Sqlite)?;
    }
    Ok(())
}

fn check_applied(row: &Applied, migrations: &[Migration]) -> Result<(), OpenError> {
    let newest = migrations.last().map_or(0, |migration| migration.version);
    let Some(migration) = migrations.iter().find(|migration| migration.version == row.version) else {
        return Err(OpenError::DataNewer { slice: row.slice.clone(), data: row.version, program: newest });
    };
    if checksum(migration.sql) == row.checksum {
        return Ok(());
    }
    Err(OpenError::MigrationChanged {
        slice: row.slice.clone(),
        version: row.version,
        name: row.name.clone(),
    })
}
