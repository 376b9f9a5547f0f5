//! `chat_messages` and `chat_message_people`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use trunkline_kernel::Timestamp;
use trunkline_store::{Row, StoreError, Tx, Value, params};

use super::people::numbers_in;
use super::{MessageKind, PersonNumber, ThreadNumber};
use crate::rules::access::Window;

/// A message as it stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MessageRow {
    pub(crate) number: i64,
    pub(crate) thread: ThreadNumber,
    /// The published id: milliseconds since the epoch, unique in the thread.
    pub(crate) id: i64,
    pub(crate) kind: MessageKind,
    /// The change that made it what it is.
    pub(crate) change: i64,
    /// The change that sent it.
    pub(crate) first_change: i64,
    pub(crate) sequence: i64,
    /// Milliseconds since the epoch, unique in the thread; the id until the first edit.
    pub(crate) version: i64,
    /// Who sent it, or did what a system message tells.
    pub(crate) sender: PersonNumber,
    pub(crate) sender_raw: Arc<str>,
    /// Empty for none.
    pub(crate) sender_name: String,
    /// The text; the topic of a topicUpdated message; empty when deleted.
    pub(crate) body: String,
    /// A JSON object of texts.
    pub(crate) metadata: String,
    /// The images it shows, in order.
    pub(crate) attachments: Vec<Attachment>,
    /// The id of the message it answers.
    pub(crate) reply_to: Option<i64>,
    /// JSON; empty for none.
    pub(crate) mentions: String,
    pub(crate) created_at: Timestamp,
    /// The time of its version.
    pub(crate) changed_at: Timestamp,
    pub(crate) edited_at: Option<Timestamp>,
    pub(crate) deleted_at: Option<Timestamp>,
    /// What the application calls it; empty for nothing.
    pub(crate) client_id: String,
    /// Who was added or removed, in order; empty for other messages.
    pub(crate) people: Vec<MessagePersonRow>,
}

/// An image of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attachment {
    pub(crate) id: String,
    pub(crate) name: String,
}

/// Somebody whom a system message tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MessagePersonRow {
    pub(crate) person: PersonNumber,
    pub(crate) raw_id: Arc<str>,
    pub(crate) name: String,
    /// A JSON object of texts.
    pub(crate) metadata: String,
    pub(crate) share_history_at: Timestamp,
}

const MESSAGE: &str = "m.number, m.thread, m.id, m.kind, m.change, m.first_change, m.sequence, m.version, m.sender,
     COALESCE(p.raw_id, ''), m.sender_name, m.body, m.metadata, m.attachments, m.reply_to, m.mentions, m.created_at,
     m.changed_at, m.edited_at, m.deleted_at, m.client_id";

fn read_message(row: &Row) -> Result<MessageRow, StoreError> {
    Ok(MessageRow {
        number: row.get(0)?,
        thread: row.get(1)?,
        id: row.get(2)?,
        kind: row.get(3)?,
        change: row.get(4)?,
        first_change: row.get(5)?,
        sequence: row.get(6)?,
        version: row.get(7)?,
        sender: row.get(8)?,
        sender_raw: row.get::<String>(9)?.into(),
        sender_name: row.get(10)?,
        body: row.get(11)?,
        metadata: row.get(12)?,
        attachments: read_attachments(&row.get::<String>(13)?)?,
        reply_to: row.get(14)?,
        mentions: row.get(15)?,
        created_at: row.get(16)?,
        changed_at: row.get(17)?,
        edited_at: row.get(18)?,
        deleted_at: row.get(19)?,
        client_id: row.get(20)?,
        people: Vec::new(),
    })
}

fn read_attachments(json: &str) -> Result<Vec<Attachment>, StoreError> {
    if json.is_empty() {
        return Ok(Vec::new());
    }
    serde_json::from_str(json).map_err(|_| StoreError::Decode { column: 13, expected: "attachments as JSON" })
}

fn write_attachments(attachments: &[Attachment]) -> String {
    if attachments.is_empty() {
        return String::new();
    }
    serde_json::to_string(attachments).expect("texts always serialize")
}

/// Inserts a message; returns its number. Its people are written apart.
pub(crate) fn insert_message(tx: &mut Tx<'_>, message: &MessageRow) -> Result<i64, StoreError> {
    let row = tx.query_one(
        "INSERT INTO chat_messages (thread, id, kind, change, first_change, sequence, version, sender, sender_name,
             body, metadata, attachments, reply_to, mentions, created_at, changed_at, edited_at, deleted_at, client_id)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)
         RETURNING number",
        params![
            message.thread,
            message.id,
            message.kind,
            message.change,
            message.first_change,
            message.sequence,
            message.version,
            message.sender,
            message.sender_name.as_str(),
            message.body.as_str(),
            message.metadata.as_str(),
            write_attachments(&message.attachments),
            message.reply_to,
            message.mentions.as_str(),
            message.created_at,
            message.changed_at,
            message.edited_at,
            message.deleted_at,
            message.client_id.as_str()
        ],
    )?;
    row.get(0)
}

/// Writes everything of a message that an edit or a deletion changes, but for whom it names: an edit leaves that, and
/// the erasure of somebody it names may take them out at the same time.
pub(crate) fn update_message(tx: &mut Tx<'_>, message: &MessageRow) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE chat_messages SET change = ?2, sequence = ?3, version = ?4, body = ?5, metadata = ?6,
             attachments = ?7, changed_at = ?8, edited_at = ?9, deleted_at = ?10, client_id = ?11
         WHERE number = ?1",
        params![
            message.number,
            message.change,
            message.sequence,
            message.version,
            message.body.as_str(),
            message.metadata.as_str(),
            write_attachments(&message.attachments),
            message.changed_at,
            message.edited_at,
            message.deleted_at,
            message.client_id.as_str()
        ],
    )?;
    Ok(())
}

/// Writes whom a message names, as [`mentions::write`](super::mentions::write) has it; empty for nobody.
pub(crate) fn set_mentions(tx: &mut Tx<'_>, message: i64, mentions: &str) -> Result<(), StoreError> {
    tx.execute("UPDATE chat_messages SET mentions = ?2 WHERE number = ?1", params![message, mentions])?;
    Ok(())
}

/// Writes of whom a system message tells, in order.
pub(crate) fn insert_people(
    tx: &mut Tx<'_>,
    message: i64,
    people: &[MessagePersonRow],
) -> Result<(), StoreError> {
    let rows: Vec<Vec<Value>> = (1_i64..)
        .zip(people)
        .map(|(ordinal, row)| {
            let (name, metadata) = (row.name.as_str(), row.metadata.as_str());
            params![message, row.person, ordinal, name, metadata, row.share_history_at].to_vec()
        })
        .collect();
    tx.execute_many(
        "INSERT INTO chat_message_people (message, person, ordinal, name, metadata, share_history_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        &rows,
    )?;
    Ok(())
}

/// Fills in of whom the system messages among `messages` tell.
pub(crate) fn load_people(tx: &mut Tx<'_>, messages: &mut [MessageRow]) -> Result<(), StoreError> {
    let tells = |kind| matches!(kind, MessageKind::ParticipantAdded | MessageKind::ParticipantRemoved);
    let numbers = numbers_in(messages.iter().filter(|row| tells(row.kind)).map(|row| row.number));
    if numbers.is_empty() {
        return Ok(());
    }
    let rows = tx.query_all(
        &format!(
            "SELECT w.message, w.person, COALESCE(p.raw_id, ''), w.name, w.metadata, w.share_history_at
             FROM chat_message_people w LEFT JOIN chat_people p ON p.number = w.person
             WHERE w.message IN ({numbers}) ORDER BY w.message, w.ordinal"
        ),
        &[],
    )?;
    let mut found: HashMap<i64, Vec<MessagePersonRow>> = HashMap::new();
    for row in rows {
        found.entry(row.get(0)?).or_default().push(MessagePersonRow {
            person: row.get(1)?,
            raw_id: row.get::<String>(2)?.into(),
            name: row.get(3)?,
            metadata: row.get(4)?,
            share_history_at: row.get(5)?,
        });
    }
    for message in messages {
        message.people = found.remove(&message.number).unwrap_or_default();
    }
    Ok(())
}

/// Messages by a condition on `m`, with all that belongs to them.
fn select(tx: &mut Tx<'_>, rest: &str, values: &[Value]) -> Result<Vec<MessageRow>, StoreError> {
    let sql = format!(
        "SELECT {MESSAGE} FROM chat_messages m LEFT JOIN chat_people p ON p.number = m.sender {rest}"
    );
    let mut messages = tx.query_all(&sql, values)?.iter().map(read_message).collect::<Result<Vec<_>, _>>()?;
    load_people(tx, &mut messages)?;
    Ok(messages)
}

/// The message of a thread with that id, a deleted one too.
pub(crate) fn find_message(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    id: i64,
) -> Result<Option<MessageRow>, StoreError> {
    Ok(select(tx, "WHERE m.thread = ?1 AND m.id = ?2", params![thread, id])?.pop())
}

/// The message of a thread with that number, a deleted one too.
pub(crate) fn find_by_number(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    number: i64,
) -> Result<Option<MessageRow>, StoreError> {
    Ok(select(tx, "WHERE m.thread = ?1 AND m.number = ?2", params![thread, number])?.pop())
}

/// The messages with those numbers, the last sent first; those that are gone are left out.
pub(crate) fn list_by_number(tx: &mut Tx<'_>, numbers: &[i64]) -> Result<Vec<MessageRow>, StoreError> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let numbers = numbers_in(numbers.iter().copied());
    select(tx, &format!("WHERE m.number IN ({numbers}) ORDER BY m.number DESC"), &[])
}

/// The message that a sender's application calls `client_id`, which is not empty.
pub(crate) fn find_by_client_id(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    sender: PersonNumber,
    client_id: &str,
) -> Result<Option<MessageRow>, StoreError> {
    let rest = "WHERE m.thread = ?1 AND m.sender = ?2 AND m.client_id = ?3 AND m.client_id <> ''";
    Ok(select(tx, rest, params![thread, sender, client_id])?.pop())
}

/// The last message that the window shows.
pub(crate) fn find_newest(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    window: &Window,
) -> Result<Option<MessageRow>, StoreError> {
    let rest = "WHERE m.thread = ?1 AND m.created_at >= ?2 AND m.change <= ?3 ORDER BY m.id DESC LIMIT 1";
    Ok(select(tx, rest, params![thread, window.since, window.until_change])?.pop())
}

/// Where a page of replies starts: behind this message.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct RepliesFrom {
    pub(crate) after: i64,
}

/// At most `limit` messages that answer the message `id`, in the order of sending.
pub(crate) fn list_replies(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    window: &Window,
    id: i64,
    from: RepliesFrom,
    limit: u32,
) -> Result<Vec<MessageRow>, StoreError> {
    let rest =
        "WHERE m.thread = ?1 AND m.reply_to = ?2 AND m.id > ?3 AND m.created_at >= ?4 AND m.change <= ?5
         ORDER BY m.id LIMIT ?6";
    select(tx, rest, params![thread, id, from.after, window.since, window.until_change, limit])
}

/// The message that a change made what it is now, if it still is.
pub(crate) fn find_by_change(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    change: i64,
) -> Result<Option<MessageRow>, StoreError> {
    Ok(select(tx, "WHERE m.thread = ?1 AND m.change = ?2", params![thread, change])?.pop())
}

/// The message that a change sent, as it stands now.
pub(crate) fn find_sent_by(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    change: i64,
) -> Result<Option<MessageRow>, StoreError> {
    // Most were not edited since. Those that were moved to a later change: a short way, as they are looked for soon.
    if let Some(found) = find_by_change(tx, thread, change)? {
        return Ok(Some(found).filter(|found| found.first_change == change));
    }
    let rest = "WHERE m.thread = ?1 AND m.change > ?2 AND m.first_change = ?2";
    Ok(select(tx, rest, params![thread, change])?.pop())
}

/// Messages whose present state came after the change `after`, at most `limit`, in the order of changes.
pub(crate) fn list_changed(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    after: i64,
    limit: u32,
) -> Result<Vec<MessageRow>, StoreError> {
    let rest = "WHERE m.thread = ?1 AND m.change > ?2 ORDER BY m.change LIMIT ?3";
    select(tx, rest, params![thread, after, limit])
}

/// By how much the times of two changes may be out of order: a request waits for its turn with the time at which it
/// came, and the clocks of nodes differ.
const OUT_OF_ORDER_MAX: Duration = Duration::from_mins(5);

/// Where a page of messages starts.
///
/// ```text
/// page 1, page 2, ...   changes up to `top`, newest first
/// the last ones         those of them that were edited or deleted meanwhile, in the order of changes
/// ```
///
/// An edit moves a message to the front. Messages that come during the paging are left out, so that nothing shifts;
/// those that moved are shown at the end, so that nothing is missed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct MessagesFrom {
    /// Only versions since.
    pub(crate) start: Option<Timestamp>,
    /// What the first page found to be the last change; `None` on the first page.
    #[serde(default)]
    pub(crate) top: Option<i64>,
    /// The last change that was shown; `None` from the newest.
    #[serde(default)]
    pub(crate) shown: Option<i64>,
    /// Whether the rest is messages that moved.
    #[serde(default)]
    pub(crate) is_moved: bool,
}

/// At most `limit` messages the window shows, and where the next page starts; `None` behind the last one.
pub(crate) fn list_messages(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    window: &Window,
    from: &MessagesFrom,
    limit: u32,
) -> Result<(Vec<MessageRow>, Option<MessagesFrom>), StoreError> {
    let top = match from.top {
        Some(top) => top,
        None => last_change(tx, thread)?,
    };
    let mut messages = if from.is_moved {
        list_moved(tx, thread, window, from, top, limit + 1)?
    } else {
        list_in_order(tx, thread, window, from, top, limit + 1)?
    };
    let has_more = messages.len() > limit as usize;
    messages.truncate(limit as usize);
    let shown = messages.last().map(|message| message.change);
    let next = if has_more {
        Some(MessagesFrom { top: Some(top), shown, ..from.clone() })
    } else if from.is_moved {
        None
    } else {
        let moved = MessagesFrom { start: from.start, top: Some(top), shown: None, is_moved: true };
        let is_any = !list_moved(tx, thread, window, &moved, top, 1)?.is_empty();
        is_any.then_some(moved)
    };
    Ok((messages, next))
}

fn last_change(tx: &mut Tx<'_>, thread: ThreadNumber) -> Result<i64, StoreError> {
    let row = tx.query_opt("SELECT last_change FROM chat_threads WHERE number = ?1", params![thread])?;
    row.map_or(Ok(0), |row| row.get(0))
}

fn list_in_order(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    window: &Window,
    from: &MessagesFrom,
    top: i64,
    limit: u32,
) -> Result<Vec<MessageRow>, StoreError> {
    // Inclusive: the last change to look at.
    let mut newest = from.shown.map_or(top, |shown| shown - 1).min(window.until_change);
    let start = from.start.unwrap_or(Timestamp::from_micros(i64::MIN));
    // Times rise with changes, and no message was sent after it changed: behind this time there is nothing to show.
    let oldest = start.max(window.since).minus(OUT_OF_ORDER_MAX);
    let mut shown = Vec::new();
    loop {
        let rest = "WHERE m.thread = ?1 AND m.change <= ?2 ORDER BY m.change DESC LIMIT ?3";
        let messages = select(tx, rest, params![thread, newest, limit])?;
        let is_last = messages.len() < limit as usize;
        for message in messages {
            if message.changed_at < oldest {
                return Ok(shown);
            }
            newest = message.change - 1;
            if message.created_at >= window.since && message.changed_at >= start {
                shown.push(message);
            }
            if shown.len() == limit as usize {
                return Ok(shown);
            }
        }
        if is_last {
            return Ok(shown);
        }
    }
}

fn list_moved(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    window: &Window,
    from: &MessagesFrom,
    top: i64,
    limit: u32,
) -> Result<Vec<MessageRow>, StoreError> {
    let after = from.shown.unwrap_or(top);
    let start = from.start.map_or(i64::MIN, Timestamp::as_micros);
    let rest = "WHERE m.thread = ?1 AND m.change > ?2 AND m.change <= ?3 AND m.first_change <= ?4
         AND m.created_at >= ?5 AND m.changed_at >= ?6 ORDER BY m.change LIMIT ?7";
    select(tx, rest, params![thread, after, window.until_change, top, window.since, start, limit])
}

/// Deletes every reaction to a message.
pub(crate) fn delete_reactions(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    message: i64,
) -> Result<(), StoreError> {
    tx.execute("DELETE FROM chat_reactions WHERE thread = ?1 AND message = ?2", params![thread, message])?;
    Ok(())
}
