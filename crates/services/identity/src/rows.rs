//! SQL over `identity_users` and `identity_labels`; over the other tables in the modules below.

pub(crate) mod assignments;
pub(crate) mod directory_users;

use std::collections::BTreeMap;

use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::{Row, StoreError, Tx, Value, params};

/// Users looked up by one statement: a batch of participants fits, and the statement stays short.
const KNOWN_AT_ONCE: usize = 200;

/// One row of `identity_users`, with its labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UserRow {
    pub(crate) raw_id: String,
    pub(crate) generation: i64,
    pub(crate) created_at: Timestamp,
    pub(crate) labels: BTreeMap<String, String>,
}

/// Returns whether the row is new.
pub(crate) fn insert_user(tx: &mut Tx<'_>, resource: ResourceId, user: &UserRow) -> Result<bool, StoreError> {
    let inserted = tx.execute(
        "INSERT INTO identity_users (resource_id, raw_id, generation, created_at)
         VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        params![resource, user.raw_id.as_str(), user.generation, user.created_at],
    )?;
    if inserted == 1 {
        insert_labels(tx, resource, &user.raw_id, &user.labels)?;
    }
    Ok(inserted == 1)
}

fn insert_labels(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    raw_id: &str,
    labels: &BTreeMap<String, String>,
) -> Result<(), StoreError> {
    let rows: Vec<Vec<Value>> = labels
        .iter()
        .map(|(name, value)| params![resource, raw_id, name.as_str(), value.as_str()].to_vec())
        .collect();
    tx.execute_many(
        "INSERT INTO identity_labels (resource_id, raw_id, name, value) VALUES (?1, ?2, ?3, ?4)",
        &rows,
    )?;
    Ok(())
}

/// Puts `labels` in the place of those the user has.
pub(crate) fn replace_labels(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    raw_id: &str,
    labels: &BTreeMap<String, String>,
) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM identity_labels WHERE resource_id = ?1 AND raw_id = ?2",
        params![resource, raw_id],
    )?;
    insert_labels(tx, resource, raw_id, labels)
}

/// The generation of a user; `None` when there is no such user.
pub(crate) fn find_generation(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    raw_id: &str,
) -> Result<Option<i64>, StoreError> {
    let row = tx.query_opt(
        "SELECT generation FROM identity_users WHERE resource_id = ?1 AND raw_id = ?2",
        params![resource, raw_id],
    )?;
    row.map(|row| row.get(0)).transpose()
}

/// Those of `raw_ids` that are users of the resource, with their generations and in no order.
pub(crate) fn list_generations(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    raw_ids: &[String],
) -> Result<Vec<(String, i64)>, StoreError> {
    let mut known = Vec::new();
    for some in raw_ids.chunks(KNOWN_AT_ONCE) {
        let places: Vec<_> = (2..some.len() + 2).map(|place| format!("?{place}")).collect();
        let list = places.join(", ");
        let sql = format!(
            "SELECT raw_id, generation FROM identity_users WHERE resource_id = ?1 AND raw_id IN ({list})"
        );
        let values: Vec<Value> = std::iter::once(Value::from(resource))
            .chain(some.iter().map(|raw_id| Value::from(raw_id.as_str())))
            .collect();
        for row in tx.query_all(&sql, &values)? {
            known.push((row.get(0)?, row.get(1)?));
        }
    }
    Ok(known)
}

/// A user with its labels.
pub(crate) fn find_user(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    raw_id: &str,
) -> Result<Option<UserRow>, StoreError> {
    let row = tx.query_opt(
        "SELECT raw_id, generation, created_at FROM identity_users WHERE resource_id = ?1 AND raw_id = ?2",
        params![resource, raw_id],
    )?;
    row.map(|row| user_of(tx, resource, &row)).transpose()
}

fn user_of(tx: &mut Tx<'_>, resource: ResourceId, row: &Row) -> Result<UserRow, StoreError> {
    let raw_id: String = row.get(0)?;
    let labels = tx.query_all(
        "SELECT name, value FROM identity_labels WHERE resource_id = ?1 AND raw_id = ?2 ORDER BY name",
        params![resource, raw_id.as_str()],
    )?;
    let labels =
        labels.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect::<Result<_, StoreError>>()?;
    Ok(UserRow { raw_id, generation: row.get(1)?, created_at: row.get(2)?, labels })
}

/// Returns whether there was such a user. Another generation ends every token made before.
pub(crate) fn change_generation(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    raw_id: &str,
    generation: i64,
) -> Result<bool, StoreError> {
    let changed = tx.execute(
        "UPDATE identity_users SET generation = ?3 WHERE resource_id = ?1 AND raw_id = ?2",
        params![resource, raw_id, generation],
    )?;
    Ok(changed == 1)
}

/// Returns whether there was such a user. A directory user whose identity it was gets another one.
pub(crate) fn delete_user(tx: &mut Tx<'_>, resource: ResourceId, raw_id: &str) -> Result<bool, StoreError> {
    directory_users::delete(tx, resource, raw_id)?;
    tx.execute(
        "DELETE FROM identity_labels WHERE resource_id = ?1 AND raw_id = ?2",
        params![resource, raw_id],
    )?;
    let deleted = tx.execute(
        "DELETE FROM identity_users WHERE resource_id = ?1 AND raw_id = ?2",
        params![resource, raw_id],
    )?;
    Ok(deleted == 1)
}

/// Deletes at most `limit` users of a resource that were there at `until`, with their labels; returns how
/// many.
pub(crate) fn delete_some_users(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    until: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    let ids = tx.query_all(
        "SELECT raw_id FROM identity_users WHERE resource_id = ?1 AND created_at <= ?2 ORDER BY raw_id LIMIT ?3",
        params![resource, until, limit],
    )?;
    let mut deleted = 0;
    for row in ids {
        deleted += u64::from(delete_user(tx, resource, &row.get::<String>(0)?)?);
    }
    Ok(deleted)
}

/// What an operator looks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct UserFilter {
    /// Part of the raw id or of a label's value; empty for all.
    pub(crate) search: String,
    /// A label that must have this value.
    pub(crate) label: Option<(String, String)>,
}

/// A page in the order of raw ids, starting behind `after`.
pub(crate) fn list_users(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    filter: &UserFilter,
    after: &str,
    limit: u32,
) -> Result<Vec<UserRow>, StoreError> {
    let mut sql = "SELECT u.raw_id, u.generation, u.created_at FROM identity_users u
         WHERE u.resource_id = ?1 AND u.raw_id > ?2"
        .to_owned();
    let mut values = params![resource, after].to_vec();
    if let Some((name, value)) = &filter.label {
        let (first, second) = (values.len() + 1, values.len() + 2);
        sql.push_str(&format!(
            " AND EXISTS (SELECT 1 FROM identity_labels l WHERE l.resource_id = u.resource_id
                AND l.raw_id = u.raw_id AND l.name = ?{first} AND l.value = ?{second})"
        ));
        values.extend([Value::from(name.as_str()), Value::from(value.as_str())]);
    }
    if !filter.search.is_empty() {
        let pattern = values.len() + 1;
        sql.push_str(&format!(
            " AND (lower(u.raw_id) LIKE ?{pattern} ESCAPE '!' OR EXISTS (SELECT 1 FROM identity_labels l
                WHERE l.resource_id = u.resource_id AND l.raw_id = u.raw_id AND lower(l.value) LIKE ?{pattern} ESCAPE '!'))"
        ));
        values.push(Value::from(format!("%{}%", escape_like(&filter.search.to_ascii_lowercase()))));
    }
    sql.push_str(&format!(" ORDER BY u.raw_id LIMIT ?{}", values.len() + 1));
    values.push(Value::from(limit));
    let found = tx.query_all(&sql, &values)?;
    found.iter().map(|row| user_of(tx, resource, row)).collect()
}

/// So that `%` and `_` in a search stand for themselves.
fn escape_like(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '%' | '_' | '!') {
            escaped.push('!');
        }
        escaped.push(character);
    }
    escaped
}
