//! `directory_codes`, `directory_refresh_tokens`, `directory_ended_families` and `directory_assertions`.
//!
//! Codes and refresh tokens are kept by their SHA-256: they are random, so nothing else is needed.

use trunkline_kernel::Timestamp;
use trunkline_store::{Row, StoreError, Tx, params};
use uuid::Uuid;

/// An authorization code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CodeRow {
    pub(crate) hash: Vec<u8>,
    pub(crate) client_id: Uuid,
    pub(crate) object_id: Uuid,
    pub(crate) redirect_uri: String,
    pub(crate) scope: String,
    /// The S256 challenge; empty for a client that proves itself instead.
    pub(crate) challenge: String,
    /// Empty for none.
    pub(crate) nonce: String,
    pub(crate) family: Uuid,
    pub(crate) expires_at: Timestamp,
    pub(crate) used_at: Option<Timestamp>,
}

/// A refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RefreshRow {
    pub(crate) hash: Vec<u8>,
    pub(crate) family: Uuid,
    pub(crate) client_id: Uuid,
    pub(crate) object_id: Uuid,
    pub(crate) scope: String,
    pub(crate) expires_at: Timestamp,
    pub(crate) used_at: Option<Timestamp>,
}

pub(crate) fn insert_code(tx: &mut Tx<'_>, code: &CodeRow) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO directory_codes
         (hash, client_id, object_id, redirect_uri, scope, challenge, nonce, family, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            code.hash.as_slice(),
            code.client_id,
            code.object_id,
            code.redirect_uri.as_str(),
            code.scope.as_str(),
            code.challenge.as_str(),
            code.nonce.as_str(),
            code.family,
            code.expires_at
        ],
    )?;
    Ok(())
}

pub(crate) fn find_code(tx: &mut Tx<'_>, hash: &[u8]) -> Result<Option<CodeRow>, StoreError> {
    let row = tx.query_opt(
        "SELECT hash, client_id, object_id, redirect_uri, scope, challenge, nonce, family, expires_at, used_at
         FROM directory_codes WHERE hash = ?1",
        params![hash],
    )?;
    let code_of = |row: &Row| {
        Ok(CodeRow {
            hash: row.get(0)?,
            client_id: row.get(1)?,
            object_id: row.get(2)?,
            redirect_uri: row.get(3)?,
            scope: row.get(4)?,
            challenge: row.get(5)?,
            nonce: row.get(6)?,
            family: row.get(7)?,
            expires_at: row.get(8)?,
            used_at: row.get(9)?,
        })
    };
    row.as_ref().map(code_of).transpose()
}

/// Returns whether it was unused until now.
pub(crate) fn use_code(tx: &mut Tx<'_>, hash: &[u8], now: Timestamp) -> Result<bool, StoreError> {
    let used = tx.execute(
        "UPDATE directory_codes SET used_at = ?2 WHERE hash = ?1 AND used_at IS NULL",
        params![hash, now],
    )?;
    Ok(used == 1)
}

pub(crate) fn insert_refresh_token(tx: &mut Tx<'_>, token: &RefreshRow) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO directory_refresh_tokens (hash, family, client_id, object_id, scope, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            token.hash.as_slice(),
            token.family,
            token.client_id,
            token.object_id,
            token.scope.as_str(),
            token.expires_at
        ],
    )?;
    Ok(())
}

pub(crate) fn find_refresh_token(tx: &mut Tx<'_>, hash: &[u8]) -> Result<Option<RefreshRow>, StoreError> {
    let row = tx.query_opt(
        "SELECT hash, family, client_id, object_id, scope, expires_at, used_at
         FROM directory_refresh_tokens WHERE hash = ?1",
        params![hash],
    )?;
    let token_of = |row: &Row| {
        Ok(RefreshRow {
            hash: row.get(0)?,
            family: row.get(1)?,
            client_id: row.get(2)?,
            object_id: row.get(3)?,
            scope: row.get(4)?,
            expires_at: row.get(5)?,
            used_at: row.get(6)?,
        })
    };
    row.as_ref().map(token_of).transpose()
}

/// Notes the first use.
pub(crate) fn use_refresh_token(tx: &mut Tx<'_>, hash: &[u8], now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE directory_refresh_tokens SET used_at = ?2 WHERE hash = ?1 AND used_at IS NULL",
        params![hash, now],
    )?;
    Ok(())
}

/// Ends a sign-in: its refresh tokens go at once; its access tokens, and a refresh token that is being made at
/// this moment, are refused until `expires_at`, when none is left.
pub(crate) fn end_family(tx: &mut Tx<'_>, family: Uuid, expires_at: Timestamp) -> Result<(), StoreError> {
    tx.execute("DELETE FROM directory_refresh_tokens WHERE family = ?1", params![family])?;
    tx.execute(
        "INSERT INTO directory_ended_families (family, expires_at) VALUES (?1, ?2)
         ON CONFLICT (family) DO UPDATE SET expires_at = excluded.expires_at",
        params![family, expires_at],
    )?;
    Ok(())
}

pub(crate) fn is_family_ended(tx: &mut Tx<'_>, family: Uuid) -> Result<bool, StoreError> {
    let row = tx.query_opt("SELECT 1 FROM directory_ended_families WHERE family = ?1", params![family])?;
    Ok(row.is_some())
}

/// Notes an assertion; returns whether it is new.
pub(crate) fn insert_assertion(
    tx: &mut Tx<'_>,
    hash: &[u8],
    expires_at: Timestamp,
) -> Result<bool, StoreError> {
    let inserted = tx.execute(
        "INSERT INTO directory_assertions (hash, expires_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        params![hash, expires_at],
    )?;
    Ok(inserted == 1)
}

/// Deletes what is over, and at most so much of each that no write waits long; returns how many rows.
pub(crate) fn purge(tx: &mut Tx<'_>, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
    let mut deleted = 0;
    for (table, key) in [
        ("directory_codes", "hash"),
        ("directory_refresh_tokens", "hash"),
        ("directory_ended_families", "family"),
        ("directory_assertions", "hash"),
    ] {
        let sql = format!(
            "DELETE FROM {table} WHERE {key} IN
             (SELECT {key} FROM {table} WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)"
        );
        deleted += tx.execute(&sql, params![now, limit])?;
    }
    Ok(deleted)
}
