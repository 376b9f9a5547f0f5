//! The SQLite half of [`Tx`](crate::Tx).

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, ToSql};

use super::connection::{Session, translate};
use crate::error::StoreError;
use crate::outbox;
use crate::value::{Row, Value};

pub(crate) struct SqliteTx<'a> {
    session: &'a Session,
    /// The last number given to an event; the batch stores it before its commit.
    last_sequence: i64,
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl<'a> SqliteTx<'a> {
    pub(crate) const fn new(session: &'a Session, last_sequence: i64) -> Self {
        Self { session, last_sequence }
    }

    pub(crate) const fn last_sequence(&self) -> i64 {
        self.last_sequence
    }

    pub(crate) fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, StoreError> {
        let mut statement = self.prepare(sql)?;
        run(&mut statement, sql, params)
    }

    pub(crate) fn execute_many(&mut self, sql: &str, rows: &[Vec<Value>]) -> Result<u64, StoreError> {
        let mut statement = self.prepare(sql)?;
        let mut changed = 0;
        for row in rows {
            changed += run(&mut statement, sql, row)?;
        }
        Ok(changed)
    }

    pub(crate) fn emit(&mut self, mut values: Vec<Value>) -> Result<(), StoreError> {
        let sequence = self.last_sequence + 1;
        if let Some(last) = values.last_mut() {
            *last = Value::Int(sequence);
        }
        self.execute(outbox::INSERT, &values)?;
        self.last_sequence = sequence;
        Ok(())
    }

    pub(crate) fn query_all(
        &mut self,
        sql: &str,
        params: &[Value],
        is_read_only: bool,
    ) -> Result<Vec<Row>, StoreError> {
        let mut statement = self.prepare(sql)?;
        if is_read_only && !statement.readonly() {
            return Err(StoreError::ReadOnly);
        }
        bind(&mut statement, sql, params)?;
        let columns = statement.column_count();
        let mut found = Vec::new();
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(|failure| translate(&failure, sql))? {
            found.push(read_row(row, columns, sql)?);
        }
        Ok(found)
    }

    fn prepare(&self, sql: &str) -> Result<CachedStatement<'a>, StoreError> {
        if self.session.deadline.is_past() {
            return Err(StoreError::TooSlow);
        }
        self.session.connection.prepare_cached(sql).map_err(|failure| translate(&failure, sql))
    }
}

fn run(statement: &mut CachedStatement<'_>, sql: &str, params: &[Value]) -> Result<u64, StoreError> {
    bind(statement, sql, params)?;
    statement.raw_execute().map(|changed| changed as u64).map_err(|failure| translate(&failure, sql))
}

fn bind(statement: &mut CachedStatement<'_>, sql: &str, params: &[Value]) -> Result<(), StoreError> {
    // SQLite would take a missing parameter as NULL; PostgreSQL would not.
    if statement.parameter_count() != params.len() {
        let message = format!("{} parameters expected, {} given", statement.parameter_count(), params.len());
        return Err(StoreError::Statement { sql: sql.to_owned(), message });
    }
    for (index, value) in (1..).zip(params) {
        statement.raw_bind_parameter(index, value).map_err(|failure| translate(&failure, sql))?;
    }
    Ok(())
}

pub(crate) fn read_row(row: &rusqlite::Row<'_>, columns: usize, sql: &str) -> Result<Row, StoreError> {
    let mut values = Vec::with_capacity(columns);
    for column in 0..columns {
        let value = row.get_ref(column).map_err(|failure| translate(&failure, sql))?;
        values.push(read_value(value, column)?);
    }
    Ok(Row::new(values))
}

fn read_value(value: ValueRef<'_>, column: usize) -> Result<Value, StoreError> {
    match value {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(number) => Ok(Value::Int(number)),
        ValueRef::Blob(bytes) => Ok(Value::Blob(bytes.to_vec())),
        ValueRef::Text(bytes) => String::from_utf8(bytes.to_vec())
            .map(Value::Text)
            .map_err(|_| StoreError::Decode { column, expected: "UTF-8 text" }),
        ValueRef::Real(_) => Err(StoreError::Decode { column, expected: "no floating point" }),
    }
}
