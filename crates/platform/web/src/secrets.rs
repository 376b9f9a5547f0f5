//! Secrets that all nodes share, made once and sealed under the master key.

use trunkline_kernel::{Entropy, Secret};
use trunkline_store::vault::{Vault, VaultError};
use trunkline_store::{Key, Store, StoreError, params};

/// Why a secret cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The secret was sealed under another master key.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// Secrets have this many random bytes.
const SECRET_BYTES: usize = 32;

/// The secret called `name`; made when there is none yet. Nodes that start at once agree on one.
pub async fn load_or_create(
    store: &Store,
    vault: &Vault,
    entropy: &dyn Entropy,
    name: &'static str,
) -> Result<Secret<Vec<u8>>, SecretError> {
    let mut fresh = vec![0; SECRET_BYTES];
    entropy.fill(&mut fresh);
    let sealed = vault.seal(name, &fresh);
    let kept = store
        .write(Key::system(format!("web_secrets/{name}")), move |tx| {
            tx.execute(
                "INSERT INTO web_secrets (name, sealed) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING",
                params![name, sealed.clone()],
            )?;
            let row = tx.query_one("SELECT sealed FROM web_secrets WHERE name = ?1", params![name])?;
            row.get::<Vec<u8>>(0)
        })
        .await?;
    Ok(vault.open(name, &kept)?)
}

/// Seals every secret of this crate again under the newest master key; returns how many.
pub async fn reseal(store: &Store, vault: &Vault) -> Result<u64, SecretError> {
    let names: Vec<String> = store
        .read(|tx| {
            tx.query_all("SELECT name FROM web_secrets ORDER BY name", params![])?
                .iter()
                .map(|row| row.get(0))
                .collect::<Result<_, StoreError>>()
        })
        .await?;
    let mut resealed = 0;
    for name in names {
        let vault = vault.clone();
        resealed += store
            .write(Key::system(format!("web_secrets/{name}")), move |tx| {
                let row =
                    tx.query_one("SELECT sealed FROM web_secrets WHERE name = ?1", params![name.as_str()])?;
                let open = vault.open(&name, &row.get::<Vec<u8>>(0)?)?;
                let sealed = vault.seal(&name, open.expose());
                Ok::<u64, SecretError>(tx.execute(
                    "UPDATE web_secrets SET sealed = ?2 WHERE name = ?1",
                    params![name.as_str(), sealed],
                )?)
            })
            .await?;
    }
    Ok(resealed)
}
