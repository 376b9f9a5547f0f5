//! `chat_endpoints`: one row per client object, and who serves it.

use trunkline_kernel::Timestamp;
use trunkline_store::{StoreError, Tx, Value, params};

use super::PersonNumber;

/// A client's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EndpointRow {
    pub(crate) number: i64,
    /// The node that serves or served it.
    pub(crate) node: String,
    /// Grows with every connection that takes it over.
    pub(crate) connection: i64,
    /// Whether that connection has ended and its positions are stored.
    pub(crate) is_released: bool,
    pub(crate) created_at: Timestamp,
}

/// The row of a person's client.
pub(crate) fn find_endpoint(
    tx: &mut Tx<'_>,
    person: PersonNumber,
    epid: &str,
) -> Result<Option<EndpointRow>, StoreError> {
    let row = tx.query_opt(
        "SELECT number, node, connection, is_released, created_at FROM chat_endpoints
         WHERE person = ?1 AND epid = ?2",
        params![person, epid],
    )?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(EndpointRow {
        number: row.get(0)?,
        node: row.get(1)?,
        connection: row.get(2)?,
        is_released: row.get(3)?,
        created_at: row.get(4)?,
    }))
}

/// Inserts the row of a new client, which `node` serves.
pub(crate) fn insert_endpoint(
    tx: &mut Tx<'_>,
    person: PersonNumber,
    epid: &str,
    node: &str,
    now: Timestamp,
) -> Result<EndpointRow, StoreError> {
    let row = tx.query_one(
        "INSERT INTO chat_endpoints (person, epid, node, connection, is_released, created_at, seen_at)
         VALUES (?1, ?2, ?3, 1, 0, ?4, ?4) RETURNING number",
        params![person, epid, node, now],
    )?;
    let (number, node) = (row.get(0)?, node.to_owned());
    Ok(EndpointRow { number, node, connection: 1, is_released: false, created_at: now })
}

/// Makes `node` the one that serves a client; returns the number of its connection.
pub(crate) fn take_over(
    tx: &mut Tx<'_>,
    endpoint: i64,
    node: &str,
    now: Timestamp,
) -> Result<Option<i64>, StoreError> {
    let row = tx.query_opt(
        "UPDATE chat_endpoints SET node = ?2, connection = connection + 1, is_released = 0, seen_at = ?3
         WHERE number = ?1 RETURNING connection",
        params![endpoint, node, now],
    )?;
    row.map(|row| row.get(0)).transpose()
}

/// Notes that a connection ended and its positions are stored; nothing when another one took over.
pub(crate) fn release(
    tx: &mut Tx<'_>,
    endpoint: i64,
    connection: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE chat_endpoints SET is_released = 1, seen_at = ?3 WHERE number = ?1 AND connection = ?2",
        params![endpoint, connection, now],
    )?;
    Ok(())
}

/// Notes when clients were last connected: rows of endpoint, connection and time.
pub(crate) fn touch(tx: &mut Tx<'_>, claims: &[(i64, i64)], now: Timestamp) -> Result<(), StoreError> {
    let rows: Vec<Vec<Value>> =
        claims.iter().map(|(endpoint, connection)| params![*endpoint, *connection, now].to_vec()).collect();
    tx.execute_many("UPDATE chat_endpoints SET seen_at = ?3 WHERE number = ?1 AND connection = ?2", &rows)?;
    Ok(())
}

/// Notes when a person was last seen.
pub(crate) fn person_seen(tx: &mut Tx<'_>, person: PersonNumber, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE chat_people SET last_seen_at = ?2 WHERE number = ?1 AND erased_at IS NULL",
        params![person, now],
    )?;
    Ok(())
}

/// Deletes at most `limit` clients that were not connected since `before`, with their positions; returns how many.
pub(crate) fn delete_unseen(tx: &mut Tx<'_>, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
    let rows = tx.query_all(
        "SELECT number FROM chat_endpoints WHERE seen_at < ?1 ORDER BY seen_at LIMIT ?2",
        params![before, limit],
    )?;
    let mut numbers = Vec::with_capacity(rows.len());
    for row in &rows {
        numbers.push(vec![Value::Int(row.get(0)?)]);
    }
    tx.execute_many("DELETE FROM chat_positions WHERE endpoint = ?1", &numbers)?;
    tx.execute_many("DELETE FROM chat_endpoints WHERE number = ?1", &numbers)
}
