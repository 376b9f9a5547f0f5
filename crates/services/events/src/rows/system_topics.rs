//! SQL over `events_system_topics`.

use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::{Row, StoreError, Tx, params};

/// One row of `events_system_topics`.
#[derive(Clone, Debug)]
pub(crate) struct SystemTopicRow {
    /// In lower case.
    pub(crate) group: String,
    /// In lower case.
    pub(crate) name: String,
    /// With the capitals it was given.
    pub(crate) shown_name: String,
    /// The resource whose events it stands for; each has at most one.
    pub(crate) resource: ResourceId,
    pub(crate) location: String,
    /// A JSON object of strings.
    pub(crate) tags: String,
    /// JSON as ARM writes it.
    pub(crate) identity: Option<String>,
    pub(crate) created_at: Timestamp,
}

const COLUMNS: &str = "group_name, name, shown_name, resource_id, location, tags, identity, created_at";

fn row_of(row: &Row) -> Result<SystemTopicRow, StoreError> {
    Ok(SystemTopicRow {
        group: row.get(0)?,
        name: row.get(1)?,
        shown_name: row.get(2)?,
        resource: row.get(3)?,
        location: row.get(4)?,
        tags: row.get(5)?,
        identity: row.get(6)?,
        created_at: row.get(7)?,
    })
}

/// Inserts the topic; its name and its resource must be free.
pub(crate) fn insert_system_topic(tx: &mut Tx<'_>, topic: &SystemTopicRow) -> Result<(), StoreError> {
    let sql = format!("INSERT INTO events_system_topics ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
    tx.execute(
        &sql,
        params![
            topic.group.as_str(),
            topic.name.as_str(),
            topic.shown_name.as_str(),
            topic.resource,
            topic.location.as_str(),
            topic.tags.as_str(),
            topic.identity.clone(),
            topic.created_at
        ],
    )?;
    Ok(())
}

/// Replaces location, tags and identity; returns whether there is such a topic.
pub(crate) fn replace_system_topic(tx: &mut Tx<'_>, topic: &SystemTopicRow) -> Result<bool, StoreError> {
    let replaced = tx.execute(
        "UPDATE events_system_topics SET location = ?3, tags = ?4, identity = ?5 WHERE group_name = ?1 AND name = ?2",
        params![
            topic.group.as_str(),
            topic.name.as_str(),
            topic.location.as_str(),
            topic.tags.as_str(),
            topic.identity.clone()
        ],
    )?;
    Ok(replaced == 1)
}

/// The topic of that name in that group, both in any case.
pub(crate) fn find_system_topic(
    tx: &mut Tx<'_>,
    group: &str,
    name: &str,
) -> Result<Option<SystemTopicRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM events_system_topics WHERE group_name = ?1 AND name = ?2");
    let row = tx.query_opt(&sql, params![group.to_lowercase(), name.to_lowercase()])?;
    row.as_ref().map(row_of).transpose()
}

/// The resource's topic.
pub(crate) fn find_system_topic_of(
    tx: &mut Tx<'_>,
    resource: ResourceId,
) -> Result<Option<SystemTopicRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM events_system_topics WHERE resource_id = ?1");
    tx.query_opt(&sql, params![resource])?.as_ref().map(row_of).transpose()
}

/// At most `limit` topics after `after` (group and name in lower case), in that order; of one group when given.
pub(crate) fn list_system_topics(
    tx: &mut Tx<'_>,
    group: Option<&str>,
    after: (&str, &str),
    limit: u32,
) -> Result<Vec<SystemTopicRow>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM events_system_topics
         WHERE (?1 = '' OR group_name = ?1) AND (group_name, name) > (?2, ?3) ORDER BY group_name, name LIMIT ?4"
    );
    let group = group.unwrap_or("").to_lowercase();
    let rows = tx.query_all(&sql, params![group, after.0, after.1, limit])?;
    rows.iter().map(row_of).collect()
}

/// Deletes the topic; returns whether there was one.
pub(crate) fn delete_system_topic(tx: &mut Tx<'_>, group: &str, name: &str) -> Result<bool, StoreError> {
    let sql = "DELETE FROM events_system_topics WHERE group_name = ?1 AND name = ?2";
    Ok(tx.execute(sql, params![group.to_lowercase(), name.to_lowercase()])? == 1)
}
