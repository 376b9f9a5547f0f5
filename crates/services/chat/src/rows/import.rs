//! What an import reads and writes beside the rows of messages.

use std::collections::HashMap;

use trunkline_kernel::Timestamp;
use trunkline_store::{StoreError, Tx, Value, params};

use super::people::numbers_in;
use super::threads::ThreadView;
use super::{PersonNumber, ThreadNumber, mentions};

/// A message that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KnownRow {
    pub(crate) number: i64,
    pub(crate) id: i64,
    /// Milliseconds since the epoch.
    pub(crate) version: i64,
    pub(crate) sequence: i64,
}

/// The messages of a thread with one of the ids, and those at one of the places `sequences`, by id. Both lists are
/// short: those of a batch.
pub(crate) fn find_known(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    ids: &[i64],
    sequences: &[i64],
) -> Result<HashMap<i64, KnownRow>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let (ids, sequences) = (numbers_in(ids.iter().copied()), numbers_in(sequences.iter().copied()));
    // Two conditions, each with an index of its own.
    let by = |column: &str, numbers: &str| {
        format!(
            "SELECT number, id, version, sequence FROM chat_messages WHERE thread = ?1 AND {column} IN ({numbers})"
        )
    };
    let mut known = HashMap::new();
    for sql in [by("id", &ids), by("change", &sequences)] {
        for row in tx.query_all(&sql, params![thread])? {
            let row = KnownRow {
                number: row.get(0)?,
                id: row.get(1)?,
                version: row.get(2)?,
                sequence: row.get(3)?,
            };
            known.insert(row.id, row);
        }
    }
    Ok(known)
}

/// Writes the counters of a thread after messages were imported into it; the newest of them came and changed then.
pub(crate) fn store_imported(
    tx: &mut Tx<'_>,
    view: &ThreadView,
    newest: Timestamp,
    changed_at: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE chat_threads SET last_change = ?2, last_sequence = ?3, last_version_ms = ?4,
             last_message_at = CASE WHEN last_message_at > ?5 THEN last_message_at ELSE ?5 END,
             changed_at = CASE WHEN changed_at > ?6 THEN changed_at ELSE ?6 END
         WHERE number = ?1",
        params![view.number, view.last_change, view.last_sequence, view.last_version_ms, newest, changed_at],
    )?;
    Ok(())
}

/// Opens an imported thread to its participants. For realtime they join now: nothing that was imported is told.
pub(crate) fn open_thread(tx: &mut Tx<'_>, view: &ThreadView) -> Result<(), StoreError> {
    tx.execute("UPDATE chat_threads SET is_importing = 0 WHERE number = ?1", params![view.number])?;
    tx.execute(
        "UPDATE chat_members SET added_change = ?2 WHERE thread = ?1",
        params![view.number, view.last_change + 1],
    )?;
    Ok(())
}

/// Takes people out of a thread that nobody has seen yet: nothing is left of their time in it, and no message names
/// them.
pub(crate) fn delete_members(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    people: &[PersonNumber],
) -> Result<(), StoreError> {
    let rows: Vec<Vec<Value>> = people.iter().map(|person| params![thread, *person].to_vec()).collect();
    tx.execute_many("DELETE FROM chat_members WHERE thread = ?1 AND person = ?2", &rows)?;
    mentions::forget_in_thread(tx, thread, people)
}

/// Writes what an import says of somebody who is in the thread.
pub(crate) fn update_member(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    person: PersonNumber,
    (name, metadata): (&str, &str),
    share_history_at: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE chat_members SET name = ?3, metadata = ?4, share_history_at = ?5
         WHERE thread = ?1 AND person = ?2",
        params![thread, person, name, metadata, share_history_at],
    )?;
    Ok(())
}

/// Notes how far somebody had read elsewhere; returns whether that is further than before. The change 0 is before
/// every other, so that nobody is told.
pub(crate) fn note_read(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    person: PersonNumber,
    message: i64,
    read_at: Timestamp,
) -> Result<bool, StoreError> {
    let changed = tx.execute(
        "UPDATE chat_members SET read_id = ?3, read_at = ?4, read_change = 0
         WHERE thread = ?1 AND person = ?2 AND removed_change IS NULL AND read_id < ?3",
        params![thread, person, message, read_at],
    )?;
    Ok(changed == 1)
}
