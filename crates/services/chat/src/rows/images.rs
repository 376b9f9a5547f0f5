//! `chat_images`: pictures in threads. Their bytes are blobs.

use trunkline_kernel::Timestamp;
use trunkline_store::{Row, StoreError, Tx, params};

use super::{PersonNumber, ThreadNumber};

/// A picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImageRow {
    pub(crate) id: String,
    pub(crate) thread: ThreadNumber,
    pub(crate) uploader: PersonNumber,
    /// The number of the message that shows it.
    pub(crate) message: Option<i64>,
    pub(crate) name: String,
    pub(crate) has_small: bool,
    pub(crate) created_at: Timestamp,
}

/// The blob with a picture as it was uploaded.
pub(crate) fn original_blob(id: &str) -> String {
    format!("chat/images/{id}/original")
}

/// The blob with its small view.
pub(crate) fn small_blob(id: &str) -> String {
    format!("chat/images/{id}/small")
}

const IMAGE: &str = "id, thread, uploader, message, name, has_small, created_at";

fn read_image(row: &Row) -> Result<ImageRow, StoreError> {
    Ok(ImageRow {
        id: row.get(0)?,
        thread: row.get(1)?,
        uploader: row.get(2)?,
        message: row.get(3)?,
        name: row.get(4)?,
        has_small: row.get(5)?,
        created_at: row.get(6)?,
    })
}

/// Inserts a picture, before its blobs are put and before anybody knows its id: what is interrupted is an unused one.
pub(crate) fn insert_image(tx: &mut Tx<'_>, image: &ImageRow) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO chat_images (id, thread, uploader, message, name, has_small, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            image.id.as_str(),
            image.thread,
            image.uploader,
            image.message,
            image.name.as_str(),
            image.has_small,
            image.created_at
        ],
    )?;
    Ok(())
}

/// How many pictures somebody uploaded that no message took.
pub(crate) fn count_unused(tx: &mut Tx<'_>, uploader: PersonNumber) -> Result<u32, StoreError> {
    let row = tx.query_one(
        "SELECT COUNT(*) FROM chat_images WHERE uploader = ?1 AND message IS NULL AND is_discarded = 0",
        params![uploader],
    )?;
    row.get(0)
}

/// The picture of a thread with that id.
pub(crate) fn find_image(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    id: &str,
) -> Result<Option<ImageRow>, StoreError> {
    let sql = format!("SELECT {IMAGE} FROM chat_images WHERE id = ?1 AND thread = ?2 AND is_discarded = 0");
    tx.query_opt(&sql, params![id, thread])?.as_ref().map(read_image).transpose()
}

/// Gives a picture to a message; returns whether it could be given: it is the uploader's own and not in another one.
pub(crate) fn attach(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    uploader: PersonNumber,
    id: &str,
    message: i64,
) -> Result<bool, StoreError> {
    let attached = tx.execute(
        "UPDATE chat_images SET message = ?4 WHERE id = ?1 AND thread = ?2 AND uploader = ?3 AND is_discarded = 0
         AND (message IS NULL OR message = ?4)",
        params![id, thread, uploader, message],
    )?;
    Ok(attached == 1)
}

/// Nobody sees the picture any more; a job deletes its files. Returns whether there was one.
pub(crate) fn discard(tx: &mut Tx<'_>, thread: ThreadNumber, id: &str) -> Result<bool, StoreError> {
    let discarded = tx.execute(
        "UPDATE chat_images SET message = NULL, name = '', is_discarded = 1 WHERE id = ?1 AND thread = ?2",
        params![id, thread],
    )?;
    Ok(discarded == 1)
}

/// Discards every picture of a message; returns how many.
pub(crate) fn discard_of_message(tx: &mut Tx<'_>, message: i64) -> Result<u64, StoreError> {
    tx.execute(
        "UPDATE chat_images SET message = NULL, name = '', is_discarded = 1 WHERE message = ?1",
        params![message],
    )
}

/// Discards at most `limit` of the pictures somebody uploaded until then; returns how many.
pub(crate) fn discard_of_uploader(
    tx: &mut Tx<'_>,
    person: PersonNumber,
    until: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    tx.execute(
        "UPDATE chat_images SET message = NULL, name = '', is_discarded = 1 WHERE id IN (
             SELECT id FROM chat_images WHERE uploader = ?1 AND is_discarded = 0 AND created_at <= ?3 LIMIT ?2)",
        params![person, limit, until],
    )
}

/// Discards pictures that no message took until `before`; returns how many.
pub(crate) fn discard_unused(tx: &mut Tx<'_>, before: Timestamp) -> Result<u64, StoreError> {
    tx.execute(
        "UPDATE chat_images SET name = '', is_discarded = 1
         WHERE message IS NULL AND created_at < ?1 AND is_discarded = 0",
        params![before],
    )
}

/// The ids of discarded pictures, at most `limit`.
pub(crate) fn list_discarded(tx: &mut Tx<'_>, limit: u32) -> Result<Vec<String>, StoreError> {
    let rows = tx.query_all(
        "SELECT id FROM chat_images WHERE message IS NULL AND is_discarded = 1 LIMIT ?1",
        params![limit],
    )?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// The ids of pictures of a thread, at most `limit`.
pub(crate) fn list_of_thread(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    limit: u32,
) -> Result<Vec<String>, StoreError> {
    let rows =
        tx.query_all("SELECT id FROM chat_images WHERE thread = ?1 LIMIT ?2", params![thread, limit])?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Deletes the row of a picture whose blobs are gone.
pub(crate) fn delete_image(tx: &mut Tx<'_>, id: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM chat_images WHERE id = ?1", params![id])?;
    Ok(())
}
