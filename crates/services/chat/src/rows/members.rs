//! `chat_members`: who is or was in a thread.

use serde::{Deserialize, Serialize};
use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::{Row, StoreError, Tx, Value, params};

use super::{PersonNumber, ThreadNumber};

/// Somebody in a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MemberRow {
    pub(crate) person: PersonNumber,
    pub(crate) raw_id: String,
    /// The place in the order of adding. It stays as long as the member does, and no other ever gets it.
    pub(crate) ordinal: i64,
    /// Empty for none.
    pub(crate) name: String,
    /// A JSON object of texts.
    pub(crate) metadata: String,
    pub(crate) share_history_at: Timestamp,
    pub(crate) added_change: i64,
    pub(crate) removed_change: Option<i64>,
}

const MEMBER: &str = "m.person, p.raw_id, m.ordinal, m.name, m.metadata, m.share_history_at, m.added_change,
     m.removed_change";

fn read_member(row: &Row) -> Result<MemberRow, StoreError> {
    Ok(MemberRow {
        person: row.get(0)?,
        raw_id: row.get(1)?,
        ordinal: row.get(2)?,
        name: row.get(3)?,
        metadata: row.get(4)?,
        share_history_at: row.get(5)?,
        added_change: row.get(6)?,
        removed_change: row.get(7)?,
    })
}

/// Where a page of members starts.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct MembersFrom {
    /// Only members added after this place; 0 from the first.
    pub(crate) after: i64,
    /// How many to leave out at the beginning.
    pub(crate) skip: u32,
}

/// At most `limit` present members of a thread, in the order of adding.
pub(crate) fn list_members(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    from: MembersFrom,
    limit: u32,
) -> Result<Vec<MemberRow>, StoreError> {
    let sql = format!(
        "SELECT {MEMBER} FROM chat_members m JOIN chat_people p ON p.number = m.person
         WHERE m.thread = ?1 AND m.removed_change IS NULL AND m.ordinal > ?2
         ORDER BY m.ordinal LIMIT ?3 OFFSET ?4"
    );
    let rows = tx.query_all(&sql, params![thread, from.after, limit, from.skip])?;
    rows.iter().map(read_member).collect()
}

/// Everybody who was in the thread when `change` happened, whoever was removed by it included, in the order of adding.
pub(crate) fn list_members_at(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    change: i64,
) -> Result<Vec<MemberRow>, StoreError> {
    let sql = format!(
        "SELECT {MEMBER} FROM chat_members m JOIN chat_people p ON p.number = m.person
         WHERE m.thread = ?1 AND m.added_change <= ?2 AND (m.removed_change IS NULL OR m.removed_change >= ?2)
         ORDER BY m.ordinal"
    );
    tx.query_all(&sql, params![thread, change])?.iter().map(read_member).collect()
}

/// The same for somebody of whom only the raw id is known.
pub(crate) fn find_member_by_raw_id(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    resource: ResourceId,
    raw_id: &str,
) -> Result<Option<MemberRow>, StoreError> {
    let sql = format!(
        "SELECT {MEMBER} FROM chat_people p JOIN chat_members m ON m.thread = ?1 AND m.person = p.number
         WHERE p.resource_id = ?2 AND p.raw_id = ?3"
    );
    tx.query_opt(&sql, params![thread, resource, raw_id])?.as_ref().map(read_member).transpose()
}

/// Somebody who joins.
#[derive(Clone, Debug)]
pub(crate) struct JoinedRow<'a> {
    pub(crate) person: PersonNumber,
    pub(crate) ordinal: i64,
    pub(crate) joined: i64,
    pub(crate) name: &'a str,
    pub(crate) metadata: &'a str,
    pub(crate) share_history_at: Timestamp,
    pub(crate) added_change: i64,
    pub(crate) added_at: Timestamp,
}

/// Puts people into a thread; whoever was removed before starts anew.
pub(crate) fn insert_members(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    joined: &[JoinedRow<'_>],
) -> Result<(), StoreError> {
    let rows: Vec<Vec<Value>> = joined
        .iter()
        .map(|row| {
            params![
                thread,
                row.person,
                row.ordinal,
                row.joined,
                row.name,
                row.metadata,
                row.share_history_at,
                row.added_change,
                row.added_at
            ]
            .to_vec()
        })
        .collect();
    tx.execute_many(
        "INSERT INTO chat_members (thread, person, ordinal, joined, name, metadata, share_history_at, added_change,
             added_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (thread, person) DO UPDATE SET ordinal = excluded.ordinal, joined = excluded.joined,
             name = excluded.name, metadata = excluded.metadata, share_history_at = excluded.share_history_at,
             added_change = excluded.added_change, added_at = excluded.added_at, removed_change = NULL, removed_at = NULL,
             read_id = 0, read_at = NULL, read_change = NULL",
        &rows,
    )?;
    Ok(())
}

/// Writes the name and the metadata that are given.
pub(crate) fn update_member(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    person: PersonNumber,
    name: Option<&str>,
    metadata: Option<&str>,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE chat_members SET name = COALESCE(?3, name), metadata = COALESCE(?4, metadata)
         WHERE thread = ?1 AND person = ?2",
        params![thread, person, name, metadata],
    )?;
    Ok(())
}

/// Removes somebody; the row stays for the history they may still see.
pub(crate) fn mark_removed(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    person: PersonNumber,
    change: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE chat_members SET removed_change = ?3, removed_at = ?4, read_id = 0, read_at = NULL,
             read_change = NULL WHERE thread = ?1 AND person = ?2",
        params![thread, person, change, now],
    )?;
    Ok(())
}
