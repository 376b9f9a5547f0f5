//! `chat_people`: raw ids and the numbers that stand for them.

use std::collections::HashMap;
use std::sync::Arc;

use trunkline_kernel::identifier::Identifier;
use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::{Row, StoreError, Tx, params};
use uuid::Uuid;

use super::PersonNumber;

/// Who acts when an application calls with the resource's key: the published payloads want an identifier.
pub(crate) fn service_raw_id(resource: ResourceId) -> String {
    Identifier::acs_user(resource, Uuid::nil()).raw_id()
}

/// The number of a person; `None` for somebody who never took part.
pub(crate) fn find_person(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    raw_id: &str,
) -> Result<Option<PersonNumber>, StoreError> {
    let row = tx.query_opt(
        "SELECT number FROM chat_people WHERE resource_id = ?1 AND raw_id = ?2",
        params![resource, raw_id],
    )?;
    row.map(|row| row.get(0)).transpose()
}

/// The number of a person, who gets one at `now` if there was none.
///
/// Several people in one transaction go in the order of their raw ids, so that two transactions never wait for
/// each other in a circle.
pub(crate) fn person(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    raw_id: &str,
    now: Timestamp,
) -> Result<PersonNumber, StoreError> {
    if let Some(known) = find_person(tx, resource, raw_id)? {
        return Ok(known);
    }
    let row = tx.query_one(
        "INSERT INTO chat_people (resource_id, raw_id, inserted_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (resource_id, raw_id) DO UPDATE SET raw_id = excluded.raw_id RETURNING number",
        params![resource, raw_id, now],
    )?;
    row.get(0)
}

/// The number of a person who joins a thread, and the place of that thread in the person's own list.
///
/// The order is that of [`person`].
pub(crate) fn join(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    raw_id: &str,
    now: Timestamp,
) -> Result<(PersonNumber, i64), StoreError> {
    let row = tx.query_one(
        "INSERT INTO chat_people (resource_id, raw_id, inserted_at, joins) VALUES (?1, ?2, ?3, 1)
         ON CONFLICT (resource_id, raw_id) DO UPDATE SET joins = chat_people.joins + 1, erased_at = NULL
         RETURNING number, joins",
        params![resource, raw_id, now],
    )?;
    Ok((row.get(0)?, row.get(1)?))
}

/// Numbers as a list in SQL. Only our own numbers go in, so there is nothing to escape.
pub(crate) fn numbers_in(numbers: impl Iterator<Item = i64>) -> String {
    numbers.map(|number| number.to_string()).collect::<Vec<_>>().join(", ")
}

/// The raw ids of people, in the order asked for; an unknown number gives an empty text.
pub(crate) fn people_by_number(
    tx: &mut Tx<'_>,
    people: &[PersonNumber],
) -> Result<Vec<Arc<str>>, StoreError> {
    if people.is_empty() {
        return Ok(Vec::new());
    }
    let numbers = numbers_in(people.iter().map(|person| person.0));
    let rows =
        tx.query_all(&format!("SELECT number, raw_id FROM chat_people WHERE number IN ({numbers})"), &[])?;
    let mut known: HashMap<PersonNumber, Arc<str>> = HashMap::with_capacity(rows.len());
    for row in rows {
        known.insert(row.get(0)?, row.get::<String>(1)?.into());
    }
    Ok(people.iter().map(|person| known.get(person).cloned().unwrap_or_else(|| "".into())).collect())
}

/// A person to be erased.
pub(crate) struct PersonRow {
    pub(crate) resource: ResourceId,
    pub(crate) raw_id: String,
    /// When they first took part, by our clock.
    pub(crate) inserted_at: Timestamp,
}

/// The person behind a number.
pub(crate) fn find_by_number(tx: &mut Tx<'_>, person: PersonNumber) -> Result<Option<PersonRow>, StoreError> {
    let sql = "SELECT resource_id, raw_id, inserted_at FROM chat_people WHERE number = ?1";
    let row = tx.query_opt(sql, params![person])?;
    let read =
        |row: &Row| Ok(PersonRow { resource: row.get(0)?, raw_id: row.get(1)?, inserted_at: row.get(2)? });
    row.as_ref().map(read).transpose()
}

/// Marks a person as erased at `until`, unless they have joined a thread since.
pub(crate) fn mark_erased(tx: &mut Tx<'_>, person: PersonNumber, until: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE chat_people SET erased_at = ?2, last_seen_at = NULL WHERE number = ?1 AND NOT EXISTS (
             SELECT 1 FROM chat_members WHERE person = ?1 AND removed_change IS NULL AND added_at > ?2)",
        params![person, until],
    )?;
    Ok(())
}

/// Deletes at most `limit` people of a resource who were there at `until` and whom nothing names that came since;
/// returns how many.
pub(crate) fn delete_some_of(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    until: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    tx.execute(
        "DELETE FROM chat_people WHERE number IN (
             SELECT p.number FROM chat_people p WHERE p.resource_id = ?1 AND p.inserted_at <= ?2
             AND NOT EXISTS (SELECT 1 FROM chat_members m WHERE m.person = p.number)
             AND NOT EXISTS (SELECT 1 FROM chat_messages m WHERE m.sender = p.number)
             AND NOT EXISTS (SELECT 1 FROM chat_message_people m WHERE m.person = p.number)
             AND NOT EXISTS (SELECT 1 FROM chat_threads t WHERE t.created_by = p.number)
             AND NOT EXISTS (SELECT 1 FROM chat_notes n WHERE n.person = p.number)
             AND NOT EXISTS (SELECT 1 FROM chat_endpoints e WHERE e.person = p.number AND e.created_at > ?2)
             LIMIT ?3)",
        params![resource, until, limit],
    )
}
