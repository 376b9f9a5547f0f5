//! `chat_threads`: a thread as a request sees it, and lists of them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::{Row, StoreError, Tx, Value, params};

use super::{PersonNumber, ThreadNumber};

/// A thread and the caller's place in it, read before anything is done in it. Counters move as changes are made, so
/// that several changes in one transaction follow each other.
#[derive(Clone, Debug)]
pub(crate) struct ThreadView {
    pub(crate) number: ThreadNumber,
    pub(crate) resource: ResourceId,
    pub(crate) id: Arc<str>,
    pub(crate) created_at: Timestamp,
    pub(crate) last_change: i64,
    pub(crate) last_sequence: i64,
    pub(crate) last_version_ms: i64,
    pub(crate) members_version: i64,
    pub(crate) member_count: u32,
    pub(crate) next_ordinal: i64,
    pub(crate) is_importing: bool,
    pub(crate) is_deleted: bool,
    /// The caller's place; `None` for somebody who was never in it.
    pub(crate) member: Option<MemberView>,
}

/// The caller's place in a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MemberView {
    pub(crate) name: String,
    pub(crate) share_history_at: Timestamp,
    pub(crate) added_change: i64,
    pub(crate) removed_change: Option<i64>,
}

impl ThreadView {
    /// The number of the next change.
    pub(crate) const fn next_change(&mut self) -> i64 {
        self.last_change += 1;
        self.last_change
    }

    /// The sequence number of the next message or edit.
    pub(crate) const fn next_sequence(&mut self) -> i64 {
        self.last_sequence += 1;
        self.last_sequence
    }

    /// The next message id or version, in milliseconds: the time, or just after the last one.
    pub(crate) fn next_version(&mut self, now: Timestamp) -> i64 {
        self.last_version_ms = milliseconds(now).max(self.last_version_ms + 1);
        self.last_version_ms
    }

    /// The name under which the caller takes part; empty for none.
    pub(crate) fn caller_name(&self) -> &str {
        self.member.as_ref().map_or("", |member| &member.name)
    }
}

/// Milliseconds since the epoch.
pub(crate) const fn milliseconds(time: Timestamp) -> i64 {
    time.as_micros().div_euclid(1000)
}

const VIEW: &str = "t.number, t.resource_id, t.id, t.created_at, t.last_change, t.last_sequence,
     t.last_version_ms, t.members_version, t.member_count, t.next_ordinal, t.is_importing, t.deleted_at,
     m.name, m.share_history_at, m.added_change, m.removed_change";

/// The thread with that id as `person` sees it.
pub(crate) fn load_view(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    id: &str,
    person: PersonNumber,
) -> Result<Option<ThreadView>, StoreError> {
    let sql = format!(
        "SELECT {VIEW} FROM chat_threads t LEFT JOIN chat_members m ON m.thread = t.number AND m.person = ?3
         WHERE t.resource_id = ?1 AND t.id = ?2"
    );
    tx.query_opt(&sql, params![resource, id, person])?.as_ref().map(read_view).transpose()
}

/// The thread with that number as `person` sees it.
pub(crate) fn load_view_by_number(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    person: PersonNumber,
) -> Result<Option<ThreadView>, StoreError> {
    let sql = format!(
        "SELECT {VIEW} FROM chat_threads t LEFT JOIN chat_members m ON m.thread = t.number AND m.person = ?2
         WHERE t.number = ?1"
    );
    tx.query_opt(&sql, params![thread, person])?.as_ref().map(read_view).transpose()
}

fn read_view(row: &Row) -> Result<ThreadView, StoreError> {
    let member = match row.get::<Option<String>>(12)? {
        None => None,
        Some(name) => Some(MemberView {
            name,
            share_history_at: row.get(13)?,
            added_change: row.get(14)?,
            removed_change: row.get(15)?,
        }),
    };
    Ok(ThreadView {
        number: row.get(0)?,
        resource: row.get(1)?,
        id: row.get::<String>(2)?.into(),
        created_at: row.get(3)?,
        last_change: row.get(4)?,
        last_sequence: row.get(5)?,
        last_version_ms: row.get(6)?,
        members_version: row.get(7)?,
        member_count: row.get(8)?,
        next_ordinal: row.get(9)?,
        is_importing: row.get(10)?,
        is_deleted: row.get::<Option<Timestamp>>(11)?.is_some(),
        member,
    })
}

/// Writes the counters of a thread after its changes. With `has_message` the thread's last message came at `now`.
pub(crate) fn store_counters(
    tx: &mut Tx<'_>,
    view: &ThreadView,
    has_message: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    let last_message_at = has_message.then_some(now);
    tx.execute(
        "UPDATE chat_threads SET last_change = ?2, last_sequence = ?3, last_version_ms = ?4,
             last_message_at = COALESCE(?5, last_message_at), changed_at = ?6 WHERE number = ?1",
        params![
            view.number,
            view.last_change,
            view.last_sequence,
            view.last_version_ms,
            last_message_at,
            now
        ],
    )?;
    Ok(())
}

/// Writes what changed with somebody who joined or left.
pub(crate) fn store_membership(tx: &mut Tx<'_>, view: &ThreadView) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE chat_threads SET members_version = ?2, member_count = ?3, next_ordinal = ?4 WHERE number = ?1",
        params![view.number, view.members_version, view.member_count, view.next_ordinal],
    )?;
    Ok(())
}

/// A whole thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ThreadRow {
    pub(crate) number: ThreadNumber,
    pub(crate) resource: ResourceId,
    pub(crate) id: String,
    pub(crate) topic: String,
    /// A JSON object of texts.
    pub(crate) metadata: String,
    pub(crate) created_at: Timestamp,
    pub(crate) created_by_raw: String,
    /// Days after which the thread is deleted.
    pub(crate) retention_days: Option<u32>,
    pub(crate) last_message_at: Option<Timestamp>,
    pub(crate) deleted_at: Option<Timestamp>,
    pub(crate) member_count: u32,
    pub(crate) is_importing: bool,
    /// Its place in the list it came from: joined for people, the number for servers.
    pub(crate) place: i64,
}

const THREAD: &str = "t.number, t.resource_id, t.id, t.topic, t.metadata, t.created_at,
     COALESCE(p.raw_id, ''), t.retention_days, t.last_message_at, t.deleted_at,
     t.member_count, t.is_importing";

fn read_thread(row: &Row) -> Result<ThreadRow, StoreError> {
    Ok(ThreadRow {
        number: row.get(0)?,
        resource: row.get(1)?,
        id: row.get(2)?,
        topic: row.get(3)?,
        metadata: row.get(4)?,
        created_at: row.get(5)?,
        created_by_raw: row.get(6)?,
        retention_days: row.get(7)?,
        last_message_at: row.get(8)?,
        deleted_at: row.get(9)?,
        member_count: row.get(10)?,
        is_importing: row.get(11)?,
        place: row.get(12)?,
    })
}

/// The thread with that number, a deleted one too as long as its row is there.
pub(crate) fn find_thread(tx: &mut Tx<'_>, thread: ThreadNumber) -> Result<Option<ThreadRow>, StoreError> {
    let sql = format!(
        "SELECT {THREAD}, t.number FROM chat_threads t LEFT JOIN chat_people p ON p.number = t.created_by
         WHERE t.number = ?1"
    );
    tx.query_opt(&sql, params![thread])?.as_ref().map(read_thread).transpose()
}

/// Inserts a thread that is being made; returns its number, or `None` when the id is taken.
pub(crate) fn insert_thread(
    tx: &mut Tx<'_>,
    new: &NewThreadRow<'_>,
) -> Result<Option<ThreadNumber>, StoreError> {
    let row = tx.query_opt(
        "INSERT INTO chat_threads (resource_id, id, topic, metadata, created_at, created_by, retention_days,
             last_change, last_sequence, last_version_ms, changed_at, members_version, member_count, next_ordinal,
             is_importing, inserted_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, 0, 0, ?5, 0, 0, 1, ?8, ?9)
         ON CONFLICT (resource_id, id) DO NOTHING RETURNING number",
        params![
            new.resource,
            new.id,
            new.topic,
            new.metadata,
            new.created_at,
            new.created_by,
            new.retention_days,
            new.is_importing,
            new.inserted_at
        ],
    )?;
    row.map(|row| row.get(0)).transpose()
}

/// What a new thread's row is made of. Its counters start at 0.
#[derive(Clone, Copy)]
pub(crate) struct NewThreadRow<'a> {
    pub(crate) resource: ResourceId,
    pub(crate) id: &'a str,
    pub(crate) topic: &'a str,
    pub(crate) metadata: &'a str,
    pub(crate) created_at: Timestamp,
    pub(crate) created_by: PersonNumber,
    pub(crate) retention_days: Option<u32>,
    pub(crate) is_importing: bool,
    /// When the row comes, by our clock.
    pub(crate) inserted_at: Timestamp,
}

/// Writes the properties that are given.
#[expect(clippy::option_option, reason = "as it is, for ever and so many days are three things")]
pub(crate) fn update_properties(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    topic: Option<&str>,
    metadata: Option<&str>,
    retention_days: Option<Option<u32>>,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE chat_threads SET topic = COALESCE(?2, topic), metadata = COALESCE(?3, metadata) WHERE number = ?1",
        params![thread, topic, metadata],
    )?;
    if let Some(days) = retention_days {
        tx.execute("UPDATE chat_threads SET retention_days = ?2 WHERE number = ?1", params![thread, days])?;
    }
    Ok(())
}

/// Marks a thread as deleted.
pub(crate) fn mark_deleted(tx: &mut Tx<'_>, thread: ThreadNumber, now: Timestamp) -> Result<(), StoreError> {
    tx.execute("UPDATE chat_threads SET deleted_at = ?2 WHERE number = ?1", params![thread, now])?;
    Ok(())
}

/// Where a page of a person's threads starts.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ThreadsFrom {
    /// Only threads at a place before this one; `None` from the newest.
    pub(crate) before: Option<i64>,
    /// Only threads with a message since.
    pub(crate) start: Option<Timestamp>,
}

/// At most `limit` threads a person is in, the last joined first.
pub(crate) fn list_threads(
    tx: &mut Tx<'_>,
    person: PersonNumber,
    from: &ThreadsFrom,
    limit: u32,
) -> Result<Vec<ThreadRow>, StoreError> {
    let sql = format!(
        "SELECT {THREAD}, m.joined FROM chat_members m JOIN chat_threads t ON t.number = m.thread
         LEFT JOIN chat_people p ON p.number = t.created_by
         WHERE m.person = ?1 AND m.joined < ?2 AND m.removed_change IS NULL AND t.deleted_at IS NULL
         AND t.is_importing = 0 AND COALESCE(t.last_message_at, t.created_at) >= ?3
         ORDER BY m.joined DESC LIMIT ?4"
    );
    let start = from.start.map_or(i64::MIN, Timestamp::as_micros);
    let before = from.before.unwrap_or(i64::MAX);
    let rows = tx.query_all(&sql, params![person, before, start, limit])?;
    rows.iter().map(read_thread).collect()
}

/// At most `limit` threads of a resource with numbers below `before`, the newest first; only those `person` is in,
/// when one is named. Those being imported are there too.
pub(crate) fn list_all_threads(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    person: Option<PersonNumber>,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<ThreadRow>, StoreError> {
    let mut values: Vec<Value> = params![resource, before.unwrap_or(i64::MAX), limit].to_vec();
    let (mut from, mut is_in) = ("chat_threads t", "");
    if let Some(person) = person {
        // From the person's few threads, not from all of the resource.
        from = "chat_members m JOIN chat_threads t ON t.number = m.thread";
        is_in = "AND m.person = ?4 AND m.removed_change IS NULL";
        values.push(person.into());
    }
    let sql = format!(
        "SELECT {THREAD}, t.number FROM {from} LEFT JOIN chat_people p ON p.number = t.created_by
         WHERE t.resource_id = ?1 AND t.number < ?2 AND t.deleted_at IS NULL {is_in}
         ORDER BY t.number DESC LIMIT ?3"
    );
    tx.query_all(&sql, &values)?.iter().map(read_thread).collect()
}

/// Deletes the row of a thread of which nothing else is left.
pub(crate) fn delete_row(tx: &mut Tx<'_>, thread: ThreadNumber) -> Result<(), StoreError> {
    tx.execute("DELETE FROM chat_threads WHERE number = ?1", params![thread])?;
    Ok(())
}

/// Threads of a resource whose rows were there at `until`, deleted ones too, with their ids; at most `limit`.
pub(crate) fn list_until(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    until: Timestamp,
    limit: u32,
) -> Result<Vec<(ThreadNumber, String)>, StoreError> {
    let rows = tx.query_all(
        "SELECT number, id FROM chat_threads WHERE resource_id = ?1 AND inserted_at <= ?2 ORDER BY number LIMIT ?3",
        params![resource, until, limit],
    )?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// Threads deleted before `until` of which something is left, with their resources and ids; at most `limit`.
pub(crate) fn list_deleted_until(
    tx: &mut Tx<'_>,
    until: Timestamp,
    limit: u32,
) -> Result<Vec<(ThreadNumber, ResourceId, String)>, StoreError> {
    let rows = tx.query_all(
        "SELECT number, resource_id, id FROM chat_threads WHERE deleted_at IS NOT NULL AND deleted_at < ?1
         ORDER BY deleted_at LIMIT ?2",
        params![until, limit],
    )?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).collect()
}
