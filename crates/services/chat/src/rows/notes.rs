//! `chat_notes`: changes of the thread itself.

use std::sync::Arc;

use trunkline_kernel::Timestamp;
use trunkline_store::{FromValue, Row, StoreError, Tx, Value, params};

use super::{PersonNumber, ThreadNumber};

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoteKind {
    /// The thread was made.
    Created,
    /// Topic, metadata or retention.
    Properties,
    /// The thread was deleted.
    Deleted,
}

impl NoteKind {
    const ALL: [Self; 3] = [Self::Created, Self::Properties, Self::Deleted];

    const fn text(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Properties => "properties",
            Self::Deleted => "deleted",
        }
    }
}

impl FromValue for NoteKind {
    const EXPECTED: &'static str = "a kind of note";

    fn from_value(value: &Value) -> Option<Self> {
        let text = String::from_value(value)?;
        Self::ALL.into_iter().find(|kind| kind.text() == text)
    }
}

/// Why a thread was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeleteReason {
    /// Somebody did it.
    User,
    /// Its time was over.
    Policy,
}

impl DeleteReason {
    const fn text(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Policy => "policy",
        }
    }
}

/// A change of the thread itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NoteRow {
    pub(crate) change: i64,
    pub(crate) kind: NoteKind,
    /// Who did it; [`PersonNumber::NOBODY`] for the server.
    pub(crate) person: PersonNumber,
    pub(crate) raw_id: Arc<str>,
    /// The name of that person in the thread; empty for none.
    pub(crate) name: String,
    /// Of a deletion.
    pub(crate) reason: DeleteReason,
    /// Milliseconds since the epoch.
    pub(crate) version: i64,
    pub(crate) at: Timestamp,
}

/// Inserts a note.
pub(crate) fn insert_note(tx: &mut Tx<'_>, thread: ThreadNumber, note: &NoteRow) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO chat_notes (thread, change, kind, person, reason, version, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            thread,
            note.change,
            note.kind.text(),
            note.person,
            note.reason.text(),
            note.version,
            note.at
        ],
    )?;
    Ok(())
}

const NOTE: &str =
    "SELECT n.change, n.kind, n.person, COALESCE(p.raw_id, ''), COALESCE(m.name, ''), n.reason,
         n.version, n.at
     FROM chat_notes n LEFT JOIN chat_people p ON p.number = n.person
     LEFT JOIN chat_members m ON m.thread = n.thread AND m.person = n.person";

fn read_note(row: &Row) -> Result<NoteRow, StoreError> {
    let is_policy = row.get::<String>(5)? == DeleteReason::Policy.text();
    Ok(NoteRow {
        change: row.get(0)?,
        kind: row.get(1)?,
        person: row.get(2)?,
        raw_id: row.get::<String>(3)?.into(),
        name: row.get(4)?,
        reason: if is_policy { DeleteReason::Policy } else { DeleteReason::User },
        version: row.get(6)?,
        at: row.get(7)?,
    })
}

/// Notes after the change `after`, at most `limit`, in order.
pub(crate) fn list_after(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    after: i64,
    limit: u32,
) -> Result<Vec<NoteRow>, StoreError> {
    let sql = format!("{NOTE} WHERE n.thread = ?1 AND n.change > ?2 ORDER BY n.change LIMIT ?3");
    tx.query_all(&sql, params![thread, after, limit])?.iter().map(read_note).collect()
}

/// The note of a change.
pub(crate) fn find_note(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    change: i64,
) -> Result<Option<NoteRow>, StoreError> {
    let sql = format!("{NOTE} WHERE n.thread = ?1 AND n.change = ?2");
    tx.query_opt(&sql, params![thread, change])?.as_ref().map(read_note).transpose()
}
