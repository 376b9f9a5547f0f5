//! `directory_applications`.

use trunkline_kernel::Timestamp;
use trunkline_store::{Row, StoreError, Tx, params};
use uuid::Uuid;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApplicationRow {
    pub(crate) client_id: Uuid,
    pub(crate) object_id: Uuid,
    pub(crate) name: String,
    pub(crate) redirect_uris: Vec<String>,
    pub(crate) is_managed_identity: bool,
    pub(crate) created_at: Timestamp,
}

const COLUMNS: &str = "client_id, object_id, name, redirect_uris, is_managed_identity, created_at";

fn application_of(row: &Row) -> Result<ApplicationRow, StoreError> {
    let redirect_uris = serde_json::from_str(&row.get::<String>(3)?)
        .map_err(|_| StoreError::Decode { column: 3, expected: "a JSON array of texts" })?;
    Ok(ApplicationRow {
        client_id: row.get(0)?,
        object_id: row.get(1)?,
        name: row.get(2)?,
        redirect_uris,
        is_managed_identity: row.get(4)?,
        created_at: row.get(5)?,
    })
}

fn uris_text(application: &ApplicationRow) -> String {
    serde_json::to_string(&application.redirect_uris).expect("texts always serialize")
}

/// Returns whether the row is new: no other has its client id, object id or name.
pub(crate) fn insert(tx: &mut Tx<'_>, application: &ApplicationRow) -> Result<bool, StoreError> {
    let inserted = tx.execute(
        "INSERT INTO directory_applications
         (client_id, object_id, name, redirect_uris, is_managed_identity, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
        params![
            application.client_id,
            application.object_id,
            application.name.as_str(),
            uris_text(application),
            application.is_managed_identity,
            application.created_at
        ],
    )?;
    Ok(inserted == 1)
}

/// Name, redirect URIs and whether it is a managed identity; the name must be free.
pub(crate) fn update(tx: &mut Tx<'_>, application: &ApplicationRow) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE directory_applications SET name = ?2, redirect_uris = ?3, is_managed_identity = ?4
         WHERE client_id = ?1",
        params![
            application.client_id,
            application.name.as_str(),
            uris_text(application),
            application.is_managed_identity
        ],
    )?;
    Ok(())
}

fn find(tx: &mut Tx<'_>, column: &str, value: &str) -> Result<Option<ApplicationRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM directory_applications WHERE {column} = ?1");
    tx.query_opt(&sql, params![value])?.as_ref().map(application_of).transpose()
}

pub(crate) fn find_by_client_id(
    tx: &mut Tx<'_>,
    client_id: Uuid,
) -> Result<Option<ApplicationRow>, StoreError> {
    find(tx, "client_id", &client_id.to_string())
}

pub(crate) fn find_by_object_id(
    tx: &mut Tx<'_>,
    object_id: Uuid,
) -> Result<Option<ApplicationRow>, StoreError> {
    find(tx, "object_id", &object_id.to_string())
}

pub(crate) fn find_by_name(tx: &mut Tx<'_>, name: &str) -> Result<Option<ApplicationRow>, StoreError> {
    find(tx, "name", name)
}

/// The application a person or a path names: by client id, object id or name.
pub(crate) fn find_named(tx: &mut Tx<'_>, named: &str) -> Result<Option<ApplicationRow>, StoreError> {
    let Ok(id) = Uuid::try_parse(named) else { return find_by_name(tx, named) };
    match find_by_client_id(tx, id)? {
        Some(application) => Ok(Some(application)),
        None => find_by_object_id(tx, id),
    }
}

/// A page in the order of names, starting behind `after`.
pub(crate) fn list(tx: &mut Tx<'_>, after: &str, limit: u32) -> Result<Vec<ApplicationRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM directory_applications WHERE name > ?1 ORDER BY name LIMIT ?2");
    tx.query_all(&sql, params![after, limit])?.iter().map(application_of).collect()
}

/// The managed identities, oldest first.
pub(crate) fn list_managed_identities(
    tx: &mut Tx<'_>,
    limit: u32,
) -> Result<Vec<ApplicationRow>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM directory_applications WHERE is_managed_identity = 1
         ORDER BY created_at, client_id LIMIT ?1"
    );
    tx.query_all(&sql, params![limit])?.iter().map(application_of).collect()
}

/// How many there are.
pub(crate) fn count(tx: &mut Tx<'_>) -> Result<u64, StoreError> {
    tx.query_one("SELECT COUNT(*) FROM directory_applications", params![])?.get(0)
}

/// Deletes the application with its credentials, roles, codes and refresh tokens.
pub(crate) fn delete(tx: &mut Tx<'_>, application: &ApplicationRow) -> Result<(), StoreError> {
    let client_id = application.client_id.to_string();
    for sql in [
        "DELETE FROM directory_credentials WHERE client_id = ?1",
        "DELETE FROM directory_codes WHERE client_id = ?1",
        "DELETE FROM directory_refresh_tokens WHERE client_id = ?1",
        "DELETE FROM directory_applications WHERE client_id = ?1",
    ] {
        tx.execute(sql, params![client_id.as_str()])?;
    }
    super::role_assignments::delete_of_principal(tx, application.object_id)?;
    Ok(())
}
