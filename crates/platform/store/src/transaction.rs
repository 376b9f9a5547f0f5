//! [`Tx`]: one transaction, the same on both engines.

use crate::error::StoreError;
use crate::jobs::NewJob;
use crate::outbox::NewEvent;
use crate::postgres::tx::PostgresTx;
use crate::sqlite::tx::SqliteTx;
use crate::value::{Row, Value};
use crate::wakes::{JOBS_TOPIC, OUTBOX_TOPIC, WAKE_BYTES_MAX, WakeMessage};
use crate::{Engine, jobs, outbox};

/// An open transaction. The closure given to `Store::write` or `Store::read` gets one.
///
/// Statements are written in SQLite's dialect with the placeholders `?1`, `?2`, ...
/// A failed statement poisons the transaction: every later call fails, and so does the commit, even
/// when the closure returns `Ok`.
pub struct Tx<'a> {
    engine: EngineTx<'a>,
    is_read_only: bool,
    failure: Option<StoreError>,
    wakes: Vec<WakeMessage>,
}

pub(crate) enum EngineTx<'a> {
    Sqlite(SqliteTx<'a>),
    Postgres(PostgresTx<'a>),
}

impl<'a> Tx<'a> {
    pub(crate) const fn new(engine: EngineTx<'a>, is_read_only: bool) -> Self {
        Self { engine, is_read_only, failure: None, wakes: Vec::new() }
    }

    /// Which engine runs this transaction, for the few statements that must differ.
    pub const fn engine(&self) -> Engine {
        match self.engine {
            EngineTx::Sqlite(_) => Engine::Sqlite,
            EngineTx::Postgres(_) => Engine::Postgres,
        }
    }

    /// Runs a statement that returns no rows; returns how many rows it changed.
    pub fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, StoreError> {
        self.guarded_write(sql, params, |engine| match engine {
            EngineTx::Sqlite(tx) => tx.execute(sql, params),
            EngineTx::Postgres(tx) => tx.execute(sql, params),
        })
    }

    /// Runs one statement once per row of parameters; returns how many rows changed in all.
    ///
    /// On PostgreSQL the rows are sent without waiting for each other's answer.
    pub fn execute_many(&mut self, sql: &str, rows: &[Vec<Value>]) -> Result<u64, StoreError> {
        if rows.iter().any(|row| holds_nul(row)) {
            return Err(self.poison(StoreError::NulCharacter));
        }
        self.guarded_write(sql, &[], |engine| match engine {
            EngineTx::Sqlite(tx) => tx.execute_many(sql, rows),
            EngineTx::Postgres(tx) => tx.execute_many(sql, rows),
        })
    }

    /// Runs a statement that returns exactly one row.
    ///
    /// **Errors**: [`StoreError::Statement`] when it returns none or several, which poisons.
    pub fn query_one(&mut self, sql: &str, params: &[Value]) -> Result<Row, StoreError> {
        match self.query_opt(sql, params)? {
            Some(row) => Ok(row),
            None => Err(self.poison(unexpected(sql, "expected one row, found none"))),
        }
    }

    /// Runs a statement that returns at most one row.
    ///
    /// **Errors**: [`StoreError::Statement`] when it returns several, which poisons.
    pub fn query_opt(&mut self, sql: &str, params: &[Value]) -> Result<Option<Row>, StoreError> {
        let mut rows = self.query_all(sql, params)?;
        if rows.len() > 1 {
            return Err(self.poison(unexpected(sql, "expected at most one row, found several")));
        }
        Ok(rows.pop())
    }

    /// Runs a statement and returns all its rows; bound them with `LIMIT`.
    pub fn query_all(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        let is_read_only = self.is_read_only;
        self.guarded(sql, params, |engine| match engine {
            EngineTx::Sqlite(tx) => tx.query_all(sql, params, is_read_only),
            EngineTx::Postgres(tx) => tx.query_all(sql, params),
        })
    }

    /// Writes an event into the outbox, in this transaction; consumers get it after the commit.
    pub fn emit(&mut self, event: &NewEvent<'_>) -> Result<(), StoreError> {
        let values = outbox::row_of(event);
        self.guarded_write(outbox::INSERT, &values, |engine| match engine {
            EngineTx::Sqlite(tx) => tx.emit(values.clone()),
            EngineTx::Postgres(tx) => tx.defer(outbox::INSERT, &values),
        })?;
        self.wake_once(OUTBOX_TOPIC);
        Ok(())
    }

    /// Puts a job in the table, or replaces the one with the same kind and key.
    ///
    /// A replaced job starts over: its attempts are forgotten, and a worker that runs it loses its lease.
    pub fn schedule(&mut self, job: &NewJob<'_>) -> Result<(), StoreError> {
        let values = jobs::row_of(job);
        self.guarded_write(jobs::UPSERT, &values, |engine| match engine {
            EngineTx::Sqlite(tx) => tx.execute(jobs::UPSERT, &values).map(drop),
            EngineTx::Postgres(tx) => tx.defer(jobs::UPSERT, &values),
        })?;
        self.wake_once(JOBS_TOPIC);
        Ok(())
    }

    /// Removes the job; returns whether there was one. A worker that runs it loses its lease.
    pub fn unschedule(&mut self, kind: &str, key: &str) -> Result<bool, StoreError> {
        Ok(self.execute(jobs::DELETE, crate::params![kind, key])? > 0)
    }

    /// Ends `job` in this transaction, together with what the job did.
    ///
    /// **Errors**: [`StoreError::LeaseLost`] when another worker has taken the job over, it was
    /// replaced or removed; the transaction is poisoned, so that its effects do not happen twice.
    pub fn finish_job(&mut self, job: &jobs::Job) -> Result<(), StoreError> {
        if self.execute(jobs::FINISH, &job.fence())? == 1 {
            return Ok(());
        }
        Err(self.poison(StoreError::LeaseLost))
    }

    /// Wakes the subscribers of `topic` on every node after the commit. Wake-ups may be lost.
    ///
    /// **Errors**: [`StoreError::TooLarge`] when topic and payload together exceed
    /// [`WAKE_BYTES_MAX`] bytes; [`StoreError::NulCharacter`].
    pub fn wake(&mut self, topic: &str, payload: &str) -> Result<(), StoreError> {
        self.check_usable()?;
        if self.is_read_only {
            return Err(self.poison(StoreError::ReadOnly));
        }
        if topic.len() + payload.len() > WAKE_BYTES_MAX {
            return Err(self.poison(StoreError::TooLarge { what: "a wake-up", bytes_max: WAKE_BYTES_MAX }));
        }
        if topic.contains('\0') || payload.contains('\0') {
            return Err(self.poison(StoreError::NulCharacter));
        }
        self.wakes.push(WakeMessage::new(topic, payload));
        Ok(())
    }

    fn wake_once(&mut self, topic: &str) {
        if !self.wakes.iter().any(|wake| wake.is_for(topic)) {
            self.wakes.push(WakeMessage::new(topic, ""));
        }
    }

    /// What poisoned the transaction, if anything did.
    pub(crate) const fn failure(&self) -> Option<&StoreError> {
        self.failure.as_ref()
    }

    pub(crate) fn into_parts(self) -> (EngineTx<'a>, Vec<WakeMessage>, Option<StoreError>) {
        (self.engine, self.wakes, self.failure)
    }

    fn guarded_write<T>(
        &mut self,
        sql: &str,
        params: &[Value],
        run: impl FnOnce(&mut EngineTx<'a>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.check_usable()?;
        if self.is_read_only {
            return Err(self.poison(StoreError::ReadOnly));
        }
        self.guarded(sql, params, run)
    }

    fn guarded<T>(
        &mut self,
        sql: &str,
        params: &[Value],
        run: impl FnOnce(&mut EngineTx<'a>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.check_usable()?;
        if holds_nul(params) {
            return Err(self.poison(StoreError::NulCharacter));
        }
        if !changes_or_reads_rows(sql) {
            return Err(self.poison(unexpected(sql, "a closure changes and reads rows, nothing else")));
        }
        run(&mut self.engine).map_err(|failure| self.poison(failure))
    }

    fn check_usable(&self) -> Result<(), StoreError> {
        if self.failure.is_some() { Err(StoreError::Poisoned) } else { Ok(()) }
    }

    fn poison(&mut self, failure: StoreError) -> StoreError {
        self.failure.get_or_insert_with(|| failure.clone());
        failure
    }
}

fn holds_nul(params: &[Value]) -> bool {
    params.iter().any(|value| matches!(value, Value::Text(text) if text.as_bytes().contains(&0)))
}

/// Whether the statement may stand in a closure. Transaction control inside one would break the batch
/// it is part of, and tables are made by migrations.
fn changes_or_reads_rows(sql: &str) -> bool {
    let word = sql.trim_start().split(|letter: char| !letter.is_ascii_alphabetic()).next().unwrap_or("");
    ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"].iter().any(|allowed| word.eq_ignore_ascii_case(allowed))
}

fn unexpected(sql: &str, message: &str) -> StoreError {
    StoreError::Statement { sql: sql.to_owned(), message: message.to_owned() }
}
