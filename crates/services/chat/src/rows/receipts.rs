//! Read receipts: one per person and thread, in the person's row of `chat_members`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use trunkline_kernel::Timestamp;
use trunkline_store::{Row, StoreError, Tx, params};

use super::{PersonNumber, ThreadNumber};

/// How far somebody has read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReceiptRow {
    pub(crate) person: PersonNumber,
    pub(crate) raw_id: Arc<str>,
    /// The id of the newest message read.
    pub(crate) message: i64,
    /// Who sent that message; [`PersonNumber::NOBODY`] when it is not known.
    pub(crate) message_sender: PersonNumber,
    pub(crate) read_at: Timestamp,
    pub(crate) change: i64,
}

const RECEIPT: &str = "SELECT r.person, COALESCE(p.raw_id, ''), r.read_id, COALESCE(m.sender, 0), r.read_at,
         r.read_change
     FROM chat_members r LEFT JOIN chat_people p ON p.number = r.person
     LEFT JOIN chat_messages m ON m.thread = r.thread AND m.id = r.read_id";

fn read_receipt(row: &Row) -> Result<ReceiptRow, StoreError> {
    Ok(ReceiptRow {
        person: row.get(0)?,
        raw_id: row.get::<String>(1)?.into(),
        message: row.get(2)?,
        message_sender: row.get(3)?,
        read_at: row.get(4)?,
        change: row.get(5)?,
    })
}

/// Where a page of receipts starts.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct ReceiptsFrom {
    /// Only of people with higher numbers.
    pub(crate) after: PersonNumber,
    /// How many to leave out at the beginning.
    pub(crate) skip: u32,
}

/// At most `limit` receipts of present members, by the people's numbers.
pub(crate) fn list_receipts(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    from: ReceiptsFrom,
    limit: u32,
) -> Result<Vec<ReceiptRow>, StoreError> {
    let sql = format!(
        "{RECEIPT} WHERE r.thread = ?1 AND r.person > ?2 AND r.read_change IS NOT NULL AND r.removed_change IS NULL
         ORDER BY r.person LIMIT ?3 OFFSET ?4"
    );
    let rows = tx.query_all(&sql, params![thread, from.after, limit, from.skip])?;
    rows.iter().map(read_receipt).collect()
}

/// Receipts after the change `after`, at most `limit`, in order.
pub(crate) fn list_after(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    after: i64,
    limit: u32,
) -> Result<Vec<ReceiptRow>, StoreError> {
    let sql = format!("{RECEIPT} WHERE r.thread = ?1 AND r.read_change > ?2 ORDER BY r.read_change LIMIT ?3");
    tx.query_all(&sql, params![thread, after, limit])?.iter().map(read_receipt).collect()
}

/// Writes how far somebody has read; returns whether that is further than before.
pub(crate) fn advance(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    receipt: &ReceiptRow,
) -> Result<bool, StoreError> {
    let changed = tx.execute(
        "UPDATE chat_members SET read_id = ?3, read_at = ?4, read_change = ?5
         WHERE thread = ?1 AND person = ?2 AND removed_change IS NULL AND read_id < ?3",
        params![thread, receipt.person, receipt.message, receipt.read_at, receipt.change],
    )?;
    Ok(changed == 1)
}
