//! SQL over `events_handshakes`.

use trunkline_kernel::Timestamp;
use trunkline_store::{Row, StoreError, Tx, params};

/// One row of `events_handshakes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HandshakeRow {
    /// The subscription's number.
    pub(crate) subscription: i64,
    /// What the endpoint must repeat.
    pub(crate) code: String,
    /// Requests sent so far.
    pub(crate) attempts: u32,
    /// Until when the code counts.
    pub(crate) expires_at: Timestamp,
}

const COLUMNS: &str = "subscription, code, attempts, expires_at";

fn row_of(row: &Row) -> Result<HandshakeRow, StoreError> {
    Ok(HandshakeRow {
        subscription: row.get(0)?,
        code: row.get(1)?,
        attempts: row.get(2)?,
        expires_at: row.get(3)?,
    })
}

/// Writes the handshake, in place of an earlier one of the same subscription.
pub(crate) fn put_handshake(tx: &mut Tx<'_>, handshake: &HandshakeRow) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO events_handshakes (subscription, code, attempts, expires_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (subscription) DO UPDATE
         SET code = excluded.code, attempts = excluded.attempts, expires_at = excluded.expires_at",
        params![handshake.subscription, handshake.code.as_str(), handshake.attempts, handshake.expires_at],
    )?;
    Ok(())
}

/// The subscription's handshake.
pub(crate) fn find_handshake(tx: &mut Tx<'_>, subscription: i64) -> Result<Option<HandshakeRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM events_handshakes WHERE subscription = ?1");
    tx.query_opt(&sql, params![subscription])?.as_ref().map(row_of).transpose()
}

/// Ends the subscription's handshake; returns whether there was one.
pub(crate) fn delete_handshake(tx: &mut Tx<'_>, subscription: i64) -> Result<bool, StoreError> {
    let sql = "DELETE FROM events_handshakes WHERE subscription = ?1";
    Ok(tx.execute(sql, params![subscription])? == 1)
}
