//! Whom messages name: the column `mentions` of `chat_messages`, with numbers for people, so that whoever is erased
//! can be taken out.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use trunkline_kernel::Timestamp;
use trunkline_store::{StoreError, Tx, Value, params};

use super::people::people_by_number;
use super::{MessageRow, PersonNumber, ThreadNumber};

/// Somebody a message names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MentionRow {
    pub(crate) person: PersonNumber,
    pub(crate) raw_id: Arc<str>,
    /// How the message names them.
    pub(crate) text: String,
}

/// The same in the column.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Stored {
    person: PersonNumber,
    text: String,
}

/// Mentions for the column; empty for none.
pub(crate) fn write(mentions: &[MentionRow]) -> String {
    let stored = |mention: &MentionRow| Stored { person: mention.person, text: mention.text.clone() };
    write_stored(&mentions.iter().map(stored).collect::<Vec<_>>())
}

fn write_stored(mentions: &[Stored]) -> String {
    if mentions.is_empty() {
        return String::new();
    }
    serde_json::to_string(mentions).expect("numbers and texts always serialize")
}

fn read(column: &str) -> Result<Vec<Stored>, StoreError> {
    if column.is_empty() {
        return Ok(Vec::new());
    }
    serde_json::from_str(column).map_err(|_| StoreError::Decode { column: 0, expected: "mentions as JSON" })
}

/// Whom messages name, by the messages' numbers.
pub(crate) fn load(
    tx: &mut Tx<'_>,
    messages: &[MessageRow],
) -> Result<HashMap<i64, Vec<MentionRow>>, StoreError> {
    let mut named = Vec::new();
    for message in messages {
        named.extend(read(&message.mentions)?.into_iter().map(|stored| (message.number, stored)));
    }
    let people: Vec<PersonNumber> = named.iter().map(|(_, stored)| stored.person).collect();
    let raw_ids = people_by_number(tx, &people)?;
    let mut found: HashMap<i64, Vec<MentionRow>> = HashMap::new();
    for ((message, stored), raw_id) in named.into_iter().zip(raw_ids) {
        let mention = MentionRow { person: stored.person, raw_id, text: stored.text };
        found.entry(message).or_default().push(mention);
    }
    Ok(found)
}

/// Takes people who leave no row among the participants out of every message of a thread.
pub(crate) fn forget_in_thread(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    people: &[PersonNumber],
) -> Result<(), StoreError> {
    if people.is_empty() {
        return Ok(());
    }
    let people: HashSet<PersonNumber> = people.iter().copied().collect();
    let sql = "SELECT number, mentions FROM chat_messages WHERE thread = ?1 AND mentions <> ''";
    let mut changed: Vec<Vec<Value>> = Vec::new();
    for row in tx.query_all(sql, params![thread])? {
        let mut mentions = read(&row.get::<String>(1)?)?;
        let before = mentions.len();
        mentions.retain(|stored| !people.contains(&stored.person));
        if mentions.len() < before {
            changed.push(params![row.get::<i64>(0)?, write_stored(&mentions)].to_vec());
        }
    }
    tx.execute_many("UPDATE chat_messages SET mentions = ?2 WHERE number = ?1", &changed)?;
    Ok(())
}

/// Takes a person out of at most `limit` messages sent until then that name them; returns how many those were.
pub(crate) fn forget_person(
    tx: &mut Tx<'_>,
    person: PersonNumber,
    until: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    // Only participants are named, and their rows stay; whose row went was taken out with it.
    let rows = tx.query_all(
        "SELECT m.number, m.mentions FROM chat_messages m
         WHERE m.thread IN (SELECT c.thread FROM chat_members c JOIN chat_threads t ON t.number = c.thread
             WHERE c.person = ?1 AND t.inserted_at <= ?4)
         AND m.mentions <> '' AND m.mentions LIKE ?2 AND m.created_at <= ?4 LIMIT ?3",
        params![person, format!("%{{\"person\":{},%", person.0), limit, until],
    )?;
    let mut forgotten = 0;
    for row in rows {
        let mut mentions = read(&row.get::<String>(1)?)?;
        mentions.retain(|stored| stored.person != person);
        forgotten += tx.execute(
            "UPDATE chat_messages SET mentions = ?2 WHERE number = ?1",
            params![row.get::<i64>(0)?, write_stored(&mentions)],
        )?;
    }
    Ok(forgotten)
}
