//! SQL over `resources_groups`.

use trunkline_kernel::Timestamp;
use trunkline_store::{Row, StoreError, Tx, params};

/// One row of `resources_groups`.
#[derive(Clone, Debug)]
pub(crate) struct GroupRow {
    /// In lower case.
    pub(crate) name: String,
    /// With the capitals it was given.
    pub(crate) shown_name: String,
    pub(crate) location: String,
    /// A JSON object of strings.
    pub(crate) tags: String,
    /// The operation that deletes it, while that runs.
    pub(crate) deletion: Option<String>,
    pub(crate) created_at: Timestamp,
}

const COLUMNS: &str = "name, shown_name, location, tags, deletion, created_at";

fn group_of(row: &Row) -> Result<GroupRow, StoreError> {
    Ok(GroupRow {
        name: row.get(0)?,
        shown_name: row.get(1)?,
        location: row.get(2)?,
        tags: row.get(3)?,
        deletion: row.get(4)?,
        created_at: row.get(5)?,
    })
}

/// Inserts the group unless one has its name.
pub(crate) fn insert_group(tx: &mut Tx<'_>, group: &GroupRow) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO resources_groups (name, shown_name, location, tags, deletion, created_at)
         VALUES (?1, ?2, ?3, ?4, NULL, ?5) ON CONFLICT DO NOTHING",
        params![
            group.name.as_str(),
            group.shown_name.as_str(),
            group.location.as_str(),
            group.tags.as_str(),
            group.created_at
        ],
    )?;
    Ok(())
}

/// Makes the group `name` again when somebody deleted it.
pub(crate) fn ensure_default_group(tx: &mut Tx<'_>, name: &str, now: Timestamp) -> Result<(), StoreError> {
    let group = GroupRow {
        name: name.to_owned(),
        shown_name: name.to_owned(),
        location: "global".to_owned(),
        tags: "{}".to_owned(),
        deletion: None,
        created_at: now,
    };
    insert_group(tx, &group)
}

pub(crate) fn find_group(tx: &mut Tx<'_>, name: &str) -> Result<Option<GroupRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM resources_groups WHERE name = ?1");
    tx.query_opt(&sql, params![name])?.as_ref().map(group_of).transpose()
}

/// A page in the order of names, starting behind `after`.
pub(crate) fn list_groups(tx: &mut Tx<'_>, after: &str, limit: u32) -> Result<Vec<GroupRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM resources_groups WHERE name > ?1 ORDER BY name LIMIT ?2");
    tx.query_all(&sql, params![after, limit])?.iter().map(group_of).collect()
}

pub(crate) fn replace_group_tags(tx: &mut Tx<'_>, name: &str, tags: &str) -> Result<(), StoreError> {
    tx.execute("UPDATE resources_groups SET tags = ?2 WHERE name = ?1", params![name, tags])?;
    Ok(())
}

/// Says which operation deletes the group.
pub(crate) fn mark_group_deletion(tx: &mut Tx<'_>, name: &str, operation: &str) -> Result<(), StoreError> {
    tx.execute("UPDATE resources_groups SET deletion = ?2 WHERE name = ?1", params![name, operation])?;
    Ok(())
}

/// Deletes the group, which must be empty.
pub(crate) fn delete_group(tx: &mut Tx<'_>, name: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM resources_groups WHERE name = ?1", params![name])?;
    Ok(())
}
