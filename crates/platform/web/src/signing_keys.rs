//! Keys that sign tokens: rotated, sealed at rest, published as a key set.
//!
//! ```text
//! created ---- published, does not sign yet ----> signs_from ---- signs ----> next key's signs_from
//!                                                                             + LIFETIME_MAX: removed
//! ```
//!
//! A key is published before it signs, so that whoever cached the key set knows it in time.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde::Serialize;
use trunkline_kernel::Timestamp;
use trunkline_kernel::jws::{Jwk, SigningKey, VerifyingKey};
use trunkline_store::vault::{Vault, VaultError};
use trunkline_store::{Key, Row, Store, StoreError, Tx, params};

/// Why keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeyError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key was sealed under another master key.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// What was sealed is no key.
    #[error("a signing key in the database is damaged")]
    Damaged,
}

/// How long a new key is published before it signs: longer than anybody should cache a key set.
pub const PUBLISHED_AHEAD: Duration = Duration::from_hours(24);

/// How long a key stays published after the next one signs: the longest lifetime of a token and an hour.
pub const PUBLISHED_AFTER: Duration = Duration::from_hours(25);

/// The keys of one issuer: a table of its slice, with the columns `kid`, `sealed`, `signs_from` and
/// `created_at`.
#[derive(Clone, Copy, Debug)]
pub struct KeyTable {
    /// The table.
    pub name: &'static str,
    /// What its keys are sealed for, so that they cannot be opened as anything else.
    pub purpose: &'static str,
}

/// The published key set (RFC 7517 §5).
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct KeySet {
    /// The public keys.
    #[schemars(with = "Vec<serde_json::Value>")]
    pub keys: Vec<Jwk>,
}

/// One key, ready for use.
#[derive(Debug)]
pub struct LoadedKey {
    signing: SigningKey,
    verifying: VerifyingKey,
    signs_from: Timestamp,
}

impl LoadedKey {
    /// Signs tokens.
    pub const fn signing(&self) -> &SigningKey {
        &self.signing
    }
}

/// The keys of this server, loaded from the database.
pub struct SigningKeys {
    store: Store,
    vault: Vault,
    table: KeyTable,
    // Guards the loaded keys, by kid; replaced as a whole, read for a lookup, never held across an await.
    loaded: RwLock<Arc<HashMap<String, Arc<LoadedKey>>>>,
}

impl std::fmt::Debug for SigningKeys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SigningKeys").finish_non_exhaustive()
    }
}

impl SigningKeys {
    /// Loads the keys; makes the first one when there is none.
    pub async fn open(
        store: Store,
        vault: Vault,
        table: KeyTable,
        now: Timestamp,
    ) -> Result<Arc<Self>, SigningKeyError> {
        let keys = Arc::new(Self { store, vault, table, loaded: RwLock::default() });
        let (fresh, sealed) = keys.new_key()?;
        keys.store
            .write(Key::system(table.purpose), move |tx| -> Result<(), SigningKeyError> {
                if list(tx, table)?.is_empty() {
                    insert(tx, table, fresh.kid(), &sealed, now, now)?;
                }
                Ok(())
            })
            .await?;
        keys.reload().await?;
        Ok(keys)
    }

    /// Loads the keys again: after a rotation, and when a token names a key this node does not know.
    pub async fn reload(&self) -> Result<(), SigningKeyError> {
        let table = self.table;
        let rows = self.store.read(move |tx| list(tx, table)).await?;
        let mut loaded = HashMap::with_capacity(rows.len());
        for row in rows {
            let document = self.vault.open(self.table.purpose, &row.sealed)?;
            let signing = SigningKey::from_pkcs8(document.expose()).map_err(|_| SigningKeyError::Damaged)?;
            let verifying = VerifyingKey::from_jwk(signing.jwk()).map_err(|_| SigningKeyError::Damaged)?;
            loaded.insert(row.kid, Arc::new(LoadedKey { signing, verifying, signs_from: row.signs_from }));
        }
        *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(loaded);
        Ok(())
    }

    fn loaded(&self) -> Arc<HashMap<String, Arc<LoadedKey>>> {
        Arc::clone(&self.loaded.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The key that signs at `now`: the newest that may.
    pub fn current(&self, now: Timestamp) -> Arc<LoadedKey> {
        let loaded = self.loaded();
        let may_sign = loaded.values().filter(|key| key.signs_from <= now).max_by_key(|key| key.signs_from);
        // Before the first key's time (a clock set back) the oldest one signs.
        let key = may_sign.or_else(|| loaded.values().min_by_key(|key| key.signs_from));
        Arc::clone(key.expect("there is a key from the first start on, and rotation keeps one"))
    }

    /// The key called `kid`, if it is one of ours.
    pub fn find(&self, kid: &str) -> Option<VerifyingKey> {
        self.loaded().get(kid).map(|key| key.verifying.clone())
    }

    /// The key set to publish, oldest key first.
    pub fn key_set(&self) -> KeySet {
        let loaded = self.loaded();
        let mut keys: Vec<&Arc<LoadedKey>> = loaded.values().collect();
        keys.sort_by_key(|key| (key.signs_from, key.signing.kid().to_owned()));
        KeySet { keys: keys.iter().map(|key| key.signing.jwk().clone()).collect() }
    }

    /// Makes a new key when the newest is older than `period`, and removes those no token can need.
    ///
    /// Returns whether anything changed. Safe to run on every node.
    pub async fn rotate(&self, period: Duration, now: Timestamp) -> Result<bool, SigningKeyError> {
        let (fresh, sealed) = self.new_key()?;
        let table = self.table;
        let changed = self
            .store
            .write(Key::system(table.purpose), move |tx| -> Result<bool, SigningKeyError> {
                let rows = list(tx, table)?;
                let newest = rows.iter().map(|row| row.signs_from).max();
                let is_due = newest.is_none_or(|newest| newest.plus(period) <= now.plus(PUBLISHED_AHEAD));
                if is_due {
                    insert(tx, table, fresh.kid(), &sealed, now.plus(PUBLISHED_AHEAD), now)?;
                }
                let removed = remove_unneeded(tx, table, &rows, now)?;
                Ok(is_due || removed)
            })
            .await?;
        self.reload().await?;
        Ok(changed)
    }

    /// Seals every key again under the newest master key; returns how many.
    pub async fn reseal(&self) -> Result<u64, SigningKeyError> {
        let (vault, table) = (self.vault.clone(), self.table);
        let update = format!("UPDATE {} SET sealed = ?2 WHERE kid = ?1", table.name);
        self.store
            .write(Key::system(table.purpose), move |tx| -> Result<u64, SigningKeyError> {
                let rows = list(tx, table)?;
                for row in &rows {
                    let open = vault.open(table.purpose, &row.sealed)?;
                    tx.execute(&update, params![row.kid.as_str(), vault.seal(table.purpose, open.expose())])?;
                }
                Ok(rows.len() as u64)
            })
            .await
    }

    fn new_key(&self) -> Result<(SigningKey, Vec<u8>), SigningKeyError> {
        let document = SigningKey::generate_pkcs8();
        let sealed = self.vault.seal(self.table.purpose, document.expose());
        let key = SigningKey::from_pkcs8(document.expose()).map_err(|_| SigningKeyError::Damaged)?;
        Ok((key, sealed))
    }
}

struct KeyRow {
    kid: String,
    sealed: Vec<u8>,
    signs_from: Timestamp,
}

fn list(tx: &mut Tx<'_>, table: KeyTable) -> Result<Vec<KeyRow>, StoreError> {
    let sql = format!("SELECT kid, sealed, signs_from FROM {} ORDER BY signs_from, kid", table.name);
    let rows = tx.query_all(&sql, params![])?;
    let key_of = |row: &Row| Ok(KeyRow { kid: row.get(0)?, sealed: row.get(1)?, signs_from: row.get(2)? });
    rows.iter().map(key_of).collect()
}

fn insert(
    tx: &mut Tx<'_>,
    table: KeyTable,
    kid: &str,
    sealed: &[u8],
    signs_from: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    let name = table.name;
    let sql = format!("INSERT INTO {name} (kid, sealed, signs_from, created_at) VALUES (?1, ?2, ?3, ?4)");
    tx.execute(&sql, params![kid, sealed, signs_from, now])?;
    Ok(())
}

/// `rows` are in the order of `signs_from`: a key is unneeded once the next one has signed long enough.
fn remove_unneeded(
    tx: &mut Tx<'_>,
    table: KeyTable,
    rows: &[KeyRow],
    now: Timestamp,
) -> Result<bool, StoreError> {
    let delete = format!("DELETE FROM {} WHERE kid = ?1", table.name);
    let mut is_changed = false;
    for pair in rows.windows(2) {
        if pair[1].signs_from.plus(PUBLISHED_AFTER) <= now {
            tx.execute(&delete, params![pair[0].kid.as_str()])?;
            is_changed = true;
        }
    }
    Ok(is_changed)
}
