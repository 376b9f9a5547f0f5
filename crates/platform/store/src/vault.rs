//! Secrets sealed under a master key that lies in a file beside the data, not in it.
//!
//! ```text
//! sealed = 1 (format) | key id (4) | nonce (12) | ciphertext | tag (16)     AES-256-GCM, the purpose as AAD
//! ```
//!
//! The file holds one key per line, the newest first: the first seals, all of them open. [`Vault::rotate`]
//! adds one; when the slices have sealed everything again ([`Vault::reseal`]), the old lines can go.
//! Losing the file loses every sealed secret: [`Vault::check`] tells at start.

mod key_file;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::digest::{SHA256, digest};
use trunkline_kernel::{Entropy, Secret};

use crate::error::StoreError;
use crate::key::Key;
use crate::params;
use crate::store::Store;

const FORMAT: u8 = 1;
const KEY_ID_BYTES: usize = 4;
const NONCE_BYTES: usize = 12;
const HEADER_BYTES: usize = 1 + KEY_ID_BYTES + NONCE_BYTES;
const TAG_BYTES: usize = 16;
const KEY_BYTES: usize = 32;

/// The purpose and the text of the row that tells whether the key file fits the database.
const CHECK_PURPOSE: &str = "vault check";
const CHECK_TEXT: &[u8] = b"this text was sealed under the master key of this database";

/// Seals and opens. Clones are handles to the same keys.
#[derive(Clone)]
pub struct Vault {
    inner: Arc<Inner>,
}

struct Inner {
    path: Option<PathBuf>,
    entropy: Arc<dyn Entropy>,
    // Guards the keys; the first one seals. Never empty.
    keys: RwLock<Vec<MasterKey>>,
}

#[derive(Clone)]
struct MasterKey {
    id: [u8; KEY_ID_BYTES],
    cipher: Arc<LessSafeKey>,
    bytes: Secret<[u8; KEY_BYTES]>,
}

/// Why a secret cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The key file cannot be read or written.
    #[error("the master key file {} cannot be used: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// Others than the owner may read the key file.
    #[error("the master key file {} has mode {mode:03o}: only its owner may read it (chmod 600)", path.display())]
    Permissions {
        /// The file.
        path: PathBuf,
        /// The permission bits found.
        mode: u32,
    },
    /// The key file does not hold keys.
    #[error("line {line} of the master key file {} is not a key: 32 bytes in base64", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1; 0 when the file holds no key at all.
        line: usize,
    },
    /// Sealed under a key that is not in the file.
    #[error("sealed under the master key {id}, which is not in the key file")]
    UnknownKey {
        /// The key's id, as [`Vault::key_ids`] shows it.
        id: String,
    },
    /// The sealed bytes were changed, cut, or sealed for another purpose.
    #[error("the sealed secret is damaged or was sealed for another purpose")]
    Damaged,
    /// The key file does not belong to this database.
    #[error(
        "the master key file does not open this database: restore the key file that belongs to it; \
         without it no stored secret can be read"
    )]
    WrongKeyFile,
    /// The database could not be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl MasterKey {
    fn new(bytes: [u8; KEY_BYTES]) -> Self {
        let hash = digest(&SHA256, &bytes);
        let mut id = [0; KEY_ID_BYTES];
        id.copy_from_slice(&hash.as_ref()[..KEY_ID_BYTES]);
        let key = UnboundKey::new(&AES_256_GCM, &bytes).expect("the key has the length of the algorithm");
        Self { id, cipher: Arc::new(LessSafeKey::new(key)), bytes: Secret::new(bytes) }
    }

    fn random(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; KEY_BYTES];
        entropy.fill(&mut bytes);
        Self::new(bytes)
    }
}

impl Vault {
    /// Reads the key file, or makes one with a new key when there is none.
    ///
    /// **Errors**: the file is readable by others, or is no key file. See [`VaultError`].
    pub fn open_or_create(path: &Path, entropy: Arc<dyn Entropy>) -> Result<Self, VaultError> {
        let keys = if path.exists() {
            key_file::read(path)?
        } else {
            let key = MasterKey::random(&*entropy);
            key_file::write(path, std::slice::from_ref(&key))?;
            vec![key]
        };
        Ok(Self::new(Some(path.to_owned()), entropy, keys))
    }

    /// Reads the key file, which must exist.
    pub fn open_existing(path: &Path, entropy: Arc<dyn Entropy>) -> Result<Self, VaultError> {
        let keys = key_file::read(path)?;
        Ok(Self::new(Some(path.to_owned()), entropy, keys))
    }

    /// A vault whose key is never written: for a store in memory.
    pub fn ephemeral(entropy: Arc<dyn Entropy>) -> Self {
        let key = MasterKey::random(&*entropy);
        Self::new(None, entropy, vec![key])
    }

    fn new(path: Option<PathBuf>, entropy: Arc<dyn Entropy>, keys: Vec<MasterKey>) -> Self {
        Self { inner: Arc::new(Inner { path, entropy, keys: RwLock::new(keys) }) }
    }

    /// Seals `secret` for `purpose`, such as `resources access key`; only the same purpose opens it.
    pub fn seal(&self, purpose: &str, secret: &[u8]) -> Vec<u8> {
        let key = self.keys()[0].clone();
        let mut nonce = [0; NONCE_BYTES];
        self.inner.entropy.fill(&mut nonce);
        let mut sealed = Vec::with_capacity(HEADER_BYTES + secret.len() + TAG_BYTES);
        sealed.push(FORMAT);
        sealed.extend_from_slice(&key.id);
        sealed.extend_from_slice(&nonce);
        let mut text = secret.to_vec();
        key.cipher
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(purpose), &mut text)
            .expect("AES-GCM seals anything shorter than 64 GiB");
        sealed.append(&mut text);
        sealed
    }

    /// Opens what [`Vault::seal`] made for the same purpose.
    ///
    /// **Errors**: [`VaultError::UnknownKey`], [`VaultError::Damaged`].
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Secret<Vec<u8>>, VaultError> {
        let (id, nonce, text) = split(sealed).ok_or(VaultError::Damaged)?;
        let key = self.key(id)?;
        let mut text = text.to_vec();
        let opened =
            key.cipher.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(purpose), &mut text);
        let length = opened.map_err(|_| VaultError::Damaged)?.len();
        text.truncate(length);
        Ok(Secret::new(text))
    }

    /// The key called `id`. One this process does not know may have been put into the file since, by a
    /// rotation on another node or by hand, so the file is read again.
    fn key(&self, id: [u8; KEY_ID_BYTES]) -> Result<MasterKey, VaultError> {
        let find = |keys: Vec<MasterKey>| keys.into_iter().find(|key| key.id == id);
        if let Some(key) = find(self.keys()) {
            return Ok(key);
        }
        if let Some(path) = &self.inner.path {
            let keys = key_file::read(path)?;
            (*self.inner.keys.write().unwrap_or_else(PoisonError::into_inner)).clone_from(&keys);
            if let Some(key) = find(keys) {
                return Ok(key);
            }
        }
        Err(VaultError::UnknownKey { id: hex(&id) })
    }

    /// Whether `sealed` is sealed under another key than the newest, so that it should be sealed again.
    pub fn is_outdated(&self, sealed: &[u8]) -> bool {
        split(sealed).is_none_or(|(id, ..)| id != self.keys()[0].id)
    }

    /// Seals again under the newest key; `None` when it is already.
    ///
    /// After a rotation each slice runs this over its sealed columns, in batches.
    pub fn reseal(&self, purpose: &str, sealed: &[u8]) -> Result<Option<Vec<u8>>, VaultError> {
        if !self.is_outdated(sealed) {
            return Ok(None);
        }
        let secret = self.open(purpose, sealed)?;
        Ok(Some(self.seal(purpose, secret.expose())))
    }

    /// Adds a new key in front; from now on it seals. The old ones still open.
    ///
    /// Returns the new key's id. **Errors**: the file cannot be replaced; then nothing changes.
    pub fn rotate(&self) -> Result<String, VaultError> {
        let mut keys = self.keys();
        let new = MasterKey::random(&*self.inner.entropy);
        let id = hex(&new.id);
        keys.insert(0, new);
        self.replace(keys)?;
        Ok(id)
    }

    /// Forgets every key but the newest. Whatever is still sealed under another cannot be opened again.
    pub fn forget_old_keys(&self) -> Result<(), VaultError> {
        let mut keys = self.keys();
        keys.truncate(1);
        self.replace(keys)
    }

    /// The ids of the keys, the newest first: 8 hexadecimal digits each; they tell nothing of the key.
    pub fn key_ids(&self) -> Vec<String> {
        self.keys().iter().map(|key| hex(&key.id)).collect()
    }

    /// Compares the key file with the database: the first time it leaves a sealed text there, later it
    /// opens it. Seals it again after a rotation.
    ///
    /// **Errors**: [`VaultError::WrongKeyFile`] when the text does not open: the file was lost and made
    /// anew, or belongs to another database.
    pub async fn check(&self, store: &Store) -> Result<(), VaultError> {
        let vault = self.clone();
        let key = Key::system("vault_check");
        store.write(key, move |tx| vault.check_in(tx)).await
    }

    fn check_in(&self, tx: &mut crate::Tx<'_>) -> Result<(), VaultError> {
        let row = tx.query_opt("SELECT sealed FROM vault_check WHERE one = 1", &[])?;
        if let Some(row) = row {
            let sealed: Vec<u8> = row.get(0)?;
            let opened = self.open(CHECK_PURPOSE, &sealed).map_err(|_| VaultError::WrongKeyFile)?;
            if opened.expose() != CHECK_TEXT {
                return Err(VaultError::WrongKeyFile);
            }
            if !self.is_outdated(&sealed) {
                return Ok(());
            }
        }
        tx.execute(
            "INSERT INTO vault_check (one, sealed) VALUES (1, ?1) \
             ON CONFLICT (one) DO UPDATE SET sealed = excluded.sealed",
            params![self.seal(CHECK_PURPOSE, CHECK_TEXT)],
        )?;
        Ok(())
    }

    fn keys(&self) -> Vec<MasterKey> {
        self.inner.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, keys: Vec<MasterKey>) -> Result<(), VaultError> {
        let mut guard = self.inner.keys.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = &self.inner.path {
            key_file::write(path, &keys)?;
        }
        *guard = keys;
        Ok(())
    }
}

type Parts<'a> = ([u8; KEY_ID_BYTES], [u8; NONCE_BYTES], &'a [u8]);

fn split(sealed: &[u8]) -> Option<Parts<'_>> {
    let rest = sealed.strip_prefix(&[FORMAT])?;
    let (id, rest) = rest.split_first_chunk::<KEY_ID_BYTES>()?;
    let (nonce, text) = rest.split_first_chunk::<NONCE_BYTES>()?;
    Some((*id, *nonce, text))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
