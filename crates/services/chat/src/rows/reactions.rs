//! `chat_reactions`: who reacted to a message, and how.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use trunkline_kernel::Timestamp;
use trunkline_store::{Row, StoreError, Tx, params};

use super::people::numbers_in;
use super::{MessageRow, PersonNumber};

/// Somebody's reaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReactionRow {
    pub(crate) person: PersonNumber,
    pub(crate) raw_id: String,
    pub(crate) emoji: String,
    pub(crate) at: Timestamp,
}

/// How many people reacted in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReactionSummaryRow {
    pub(crate) emoji: String,
    pub(crate) count: u32,
    /// Whether the person who looks is one of them.
    pub(crate) is_own: bool,
}

/// Adds a reaction; returns whether it is new.
pub(crate) fn insert_reaction(
    tx: &mut Tx<'_>,
    message: &MessageRow,
    person: PersonNumber,
    emoji: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let added = tx.execute(
        "INSERT INTO chat_reactions (thread, message, person, emoji, at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (thread, message, emoji, person) DO NOTHING",
        params![message.thread, message.number, person, emoji, now],
    )?;
    Ok(added == 1)
}

/// Removes a reaction; returns whether it was there.
pub(crate) fn delete_reaction(
    tx: &mut Tx<'_>,
    message: &MessageRow,
    person: PersonNumber,
    emoji: &str,
) -> Result<bool, StoreError> {
    let removed = tx.execute(
        "DELETE FROM chat_reactions WHERE thread = ?1 AND message = ?2 AND emoji = ?3 AND person = ?4",
        params![message.thread, message.number, emoji, person],
    )?;
    Ok(removed == 1)
}

/// How many other reactions than `emoji` a message has, counted once each.
pub(crate) fn count_others(tx: &mut Tx<'_>, message: &MessageRow, emoji: &str) -> Result<u32, StoreError> {
    let row = tx.query_one(
        "SELECT COUNT(DISTINCT emoji) FROM chat_reactions WHERE thread = ?1 AND message = ?2 AND emoji <> ?3",
        params![message.thread, message.number, emoji],
    )?;
    row.get(0)
}

/// Where a page of reactions starts: behind this one.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ReactionsFrom {
    pub(crate) emoji: String,
    pub(crate) person: i64,
}

/// Reactions `r` that the person in `?1` sees: somebody who was removed those of until then.
const SEEN: &str = "NOT EXISTS (SELECT 1 FROM chat_members v
             WHERE v.thread = r.thread AND v.person = ?1 AND v.removed_at < r.at)";

/// At most `limit` reactions to a message as `person` sees them, by what they are and by the people's numbers.
pub(crate) fn list_reactions(
    tx: &mut Tx<'_>,
    message: &MessageRow,
    person: PersonNumber,
    from: &ReactionsFrom,
    limit: u32,
) -> Result<Vec<ReactionRow>, StoreError> {
    let sql = format!(
        "SELECT r.person, p.raw_id, r.emoji, r.at FROM chat_reactions r JOIN chat_people p ON p.number = r.person
         WHERE r.thread = ?2 AND r.message = ?3 AND (r.emoji, r.person) > (?4, ?5) AND {SEEN}
         ORDER BY r.emoji, r.person LIMIT ?6"
    );
    let (thread, number, emoji) = (message.thread, message.number, from.emoji.as_str());
    let rows = tx.query_all(&sql, params![person, thread, number, emoji, from.person, limit])?;
    let read = |row: &Row| {
        Ok(ReactionRow { person: row.get(0)?, raw_id: row.get(1)?, emoji: row.get(2)?, at: row.get(3)? })
    };
    rows.iter().map(read).collect()
}

/// The reactions to messages as `person` sees them, by the messages' numbers, the earliest first.
pub(crate) fn summarize(
    tx: &mut Tx<'_>,
    messages: &[MessageRow],
    person: PersonNumber,
) -> Result<HashMap<i64, Vec<ReactionSummaryRow>>, StoreError> {
    let mut found: HashMap<i64, Vec<ReactionSummaryRow>> = HashMap::new();
    if messages.is_empty() {
        return Ok(found);
    }
    let numbers = numbers_in(messages.iter().map(|message| message.number));
    let sql = format!(
        "SELECT m.number, r.emoji, COUNT(*), CAST(MAX(CASE WHEN r.person = ?1 THEN 1 ELSE 0 END) AS BIGINT)
         FROM chat_messages m JOIN chat_reactions r ON r.thread = m.thread AND r.message = m.number
         WHERE m.number IN ({numbers}) AND {SEEN} GROUP BY m.number, r.emoji ORDER BY m.number, MIN(r.at), r.emoji"
    );
    for row in tx.query_all(&sql, params![person])? {
        let summary = ReactionSummaryRow { emoji: row.get(1)?, count: row.get(2)?, is_own: row.get(3)? };
        found.entry(row.get(0)?).or_default().push(summary);
    }
    Ok(found)
}
