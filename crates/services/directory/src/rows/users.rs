//! `directory_users`.

use trunkline_kernel::{Secret, Timestamp};
use trunkline_store::{Row, StoreError, Tx, params};
use uuid::Uuid;

/// One row.
#[derive(Clone, Debug)]
pub(crate) struct UserRow {
    pub(crate) object_id: Uuid,
    /// In lower case.
    pub(crate) user_name: String,
    pub(crate) display_name: String,
    pub(crate) password_hash: Secret<String>,
    pub(crate) is_enabled: bool,
    /// Wrong passwords since the last right one.
    pub(crate) failures: i64,
    pub(crate) locked_until: Option<Timestamp>,
    /// Another random number after each change of the password.
    pub(crate) generation: i64,
    pub(crate) created_at: Timestamp,
}

const COLUMNS: &str = "object_id, user_name, display_name, password_hash, is_enabled, failures, locked_until, generation, created_at";

fn user_of(row: &Row) -> Result<UserRow, StoreError> {
    Ok(UserRow {
        object_id: row.get(0)?,
        user_name: row.get(1)?,
        display_name: row.get(2)?,
        password_hash: Secret::new(row.get(3)?),
        is_enabled: row.get(4)?,
        failures: row.get(5)?,
        locked_until: row.get(6)?,
        generation: row.get(7)?,
        created_at: row.get(8)?,
    })
}

/// Returns whether the row is new: no other has its object id or user name.
pub(crate) fn insert(tx: &mut Tx<'_>, user: &UserRow) -> Result<bool, StoreError> {
    let inserted = tx.execute(
        "INSERT INTO directory_users
         (object_id, user_name, display_name, password_hash, is_enabled, failures, locked_until, generation,
          created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING",
        params![
            user.object_id,
            user.user_name.as_str(),
            user.display_name.as_str(),
            user.password_hash.expose(),
            user.is_enabled,
            user.failures,
            user.locked_until,
            user.generation,
            user.created_at
        ],
    )?;
    Ok(inserted == 1)
}

/// Everything but the ids and the creation.
pub(crate) fn update(tx: &mut Tx<'_>, user: &UserRow) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE directory_users SET display_name = ?2, password_hash = ?3, is_enabled = ?4, failures = ?5,
         locked_until = ?6, generation = ?7 WHERE object_id = ?1",
        params![
            user.object_id,
            user.display_name.as_str(),
            user.password_hash.expose(),
            user.is_enabled,
            user.failures,
            user.locked_until,
            user.generation
        ],
    )?;
    Ok(())
}

pub(crate) fn find_by_object_id(tx: &mut Tx<'_>, object_id: Uuid) -> Result<Option<UserRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM directory_users WHERE object_id = ?1");
    tx.query_opt(&sql, params![object_id])?.as_ref().map(user_of).transpose()
}

/// `user_name` in any case.
pub(crate) fn find_by_name(tx: &mut Tx<'_>, user_name: &str) -> Result<Option<UserRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM directory_users WHERE user_name = ?1");
    tx.query_opt(&sql, params![user_name.to_lowercase()])?.as_ref().map(user_of).transpose()
}

/// The user a person or a path names: by object id or user name.
pub(crate) fn find_named(tx: &mut Tx<'_>, named: &str) -> Result<Option<UserRow>, StoreError> {
    match Uuid::try_parse(named) {
        Ok(object_id) => find_by_object_id(tx, object_id),
        Err(_) => find_by_name(tx, named),
    }
}

/// A page in the order of user names, starting behind `after`.
pub(crate) fn list(tx: &mut Tx<'_>, after: &str, limit: u32) -> Result<Vec<UserRow>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM directory_users WHERE user_name > ?1 ORDER BY user_name LIMIT ?2");
    tx.query_all(&sql, params![after, limit])?.iter().map(user_of).collect()
}

/// How many there are.
pub(crate) fn count(tx: &mut Tx<'_>) -> Result<u64, StoreError> {
    tx.query_one("SELECT COUNT(*) FROM directory_users", params![])?.get(0)
}

/// Ends what the user has signed in to: codes and refresh tokens.
pub(crate) fn end_sessions(tx: &mut Tx<'_>, object_id: Uuid) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM directory_codes WHERE object_id = ?1",
        "DELETE FROM directory_refresh_tokens WHERE object_id = ?1",
    ] {
        tx.execute(sql, params![object_id])?;
    }
    Ok(())
}

/// Deletes the user with its roles, codes and refresh tokens.
pub(crate) fn delete(tx: &mut Tx<'_>, object_id: Uuid) -> Result<(), StoreError> {
    end_sessions(tx, object_id)?;
    tx.execute("DELETE FROM directory_users WHERE object_id = ?1", params![object_id])?;
    super::role_assignments::delete_of_principal(tx, object_id)?;
    Ok(())
}
