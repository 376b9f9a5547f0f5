//! The keys that sign user tokens: rotated, sealed at rest, published as a key set.
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
use trunkline_store::vault::Vault;
use trunkline_store::{Key, Row, Store, StoreError, Tx, params};

use crate::error::IdentityError;

/// How long a new key is published before it signs: longer than anybody should cache a key set.
pub const PUBLISHED_AHEAD: Duration = Duration::from_hours(24);

/// How long a key stays published after the next one signs: the longest lifetime of a token and an hour.
pub const PUBLISHED_AFTER: Duration = Duration::from_hours(25);

/// The purpose of a sealed key, so that it cannot be opened as anything else.
const PURPOSE: &str = "identity/signing_keys";

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
    pub async fn open(store: Store, vault: Vault, now: Timestamp) -> Result<Arc<Self>, IdentityError> {
        let keys = Arc::new(Self { store, vault, loaded: RwLock::default() });
        let (fresh, sealed) = keys.new_key()?;
        keys.store
            .write(Key::system(PURPOSE), move |tx| -> Result<(), IdentityError> {
                if list(tx)?.is_empty() {
                    insert(tx, fresh.kid(), &sealed, now, now)?;
                }
                Ok(())
            })
            .await?;
        keys.reload().await?;
        Ok(keys)
    }

    /// Loads the keys again: after a rotation, and when a token names a key this node does not know.
    pub async fn reload(&self) -> Result<(), IdentityError> {
        let rows = self.store.read(list).await?;
        let mut loaded = HashMap::with_capacity(rows.len());
        for row in rows {
            let document = self.vault.open(PURPOSE, &row.sealed)?;
            let signing =
                SigningKey::from_pkcs8(document.expose()).map_err(|_| IdentityError::DamagedSigningKey)?;
            let verifying =
                VerifyingKey::from_jwk(signing.jwk()).map_err(|_| IdentityError::DamagedSigningKey)?;
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
    pub async fn rotate(&self, period: Duration, now: Timestamp) -> Result<bool, IdentityError> {
        let (fresh, sealed) = self.new_key()?;
        let changed = self
            .store
            .write(Key::system(PURPOSE), move |tx| -> Result<bool, IdentityError> {
                let rows = list(tx)?;
                let newest = rows.iter().map(|row| row.signs_from).max();
                let is_due = newest.is_none_or(|newest| newest.plus(period) <= now.plus(PUBLISHED_AHEAD));
                if is_due {
                    insert(tx, fresh.kid(), &sealed, now.plus(PUBLISHED_AHEAD), now)?;
                }
                let removed = remove_unneeded(tx, &rows, now)?;
                Ok(is_due || removed)
            })
            .await?;
        self.reload().await?;
        Ok(changed)
    }

    /// Seals every key again under the newest master key; returns how many.
    pub async fn reseal(&self) -> Result<u64, IdentityError> {
        let vault = self.vault.clone();
        self.store
            .write(Key::system(PURPOSE), move |tx| -> Result<u64, IdentityError> {
                let rows = list(tx)?;
                for row in &rows {
                    let open = vault.open(PURPOSE, &row.sealed)?;
                    tx.execute(
                        "UPDATE identity_signing_keys SET sealed = ?2 WHERE kid = ?1",
                        params![row.kid.as_str(), vault.seal(PURPOSE, open.expose())],
                    )?;
                }
                Ok(rows.len() as u64)
            })
            .await
    }

    fn new_key(&self) -> Result<(SigningKey, Vec<u8>), IdentityError> {
        let document = SigningKey::generate_pkcs8();
        let sealed = self.vault.seal(PURPOSE, document.expose());
        let key = SigningKey::from_pkcs8(document.expose()).map_err(|_| IdentityError::DamagedSigningKey)?;
        Ok((key, sealed))
    }
}

struct KeyRow {
    kid: String,
    sealed: Vec<u8>,
    signs_from: Timestamp,
}

fn list(tx: &mut Tx<'_>) -> Result<Vec<KeyRow>, StoreError> {
    let rows = tx.query_all(
        "SELECT kid, sealed, signs_from FROM identity_signing_keys ORDER BY signs_from, kid",
        params![],
    )?;
    let key_of = |row: &Row| Ok(KeyRow { kid: row.get(0)?, sealed: row.get(1)?, signs_from: row.get(2)? });
    rows.iter().map(key_of).collect()
}

fn insert(
    tx: &mut Tx<'_>,
    kid: &str,
    sealed: &[u8],
    signs_from: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO identity_signing_keys (kid, sealed, signs_from, created_at) VALUES (?1, ?2, ?3, ?4)",
        params![kid, sealed, signs_from, now],
    )?;
    Ok(())
}

/// `rows` are in the order of `signs_from`: a key is unneeded once the next one has signed long enough.
fn remove_unneeded(tx: &mut Tx<'_>, rows: &[KeyRow], now: Timestamp) -> Result<bool, StoreError> {
    let mut is_changed = false;
    for pair in rows.windows(2) {
        if pair[1].signs_from.plus(PUBLISHED_AFTER) <= now {
            tx.execute("DELETE FROM identity_signing_keys WHERE kid = ?1", params![pair[0].kid.as_str()])?;
            is_changed = true;
        }
    }
    Ok(is_changed)
}
