//! `directory_credentials`.

use trunkline_kernel::{Secret, Timestamp};
use trunkline_store::{Row, StoreError, Tx, params};
use uuid::Uuid;

/// What kind of proof a credential is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CredentialKind {
    /// A text that the application sends.
    Secret,
    /// A certificate whose key signs assertions.
    Certificate,
    /// A subject at another issuer, whose tokens are the assertions.
    Federated,
}

impl CredentialKind {
    pub(crate) const ALL: [Self; 3] = [Self::Secret, Self::Certificate, Self::Federated];

    /// The name as stored and shown.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Certificate => "certificate",
            Self::Federated => "federated",
        }
    }
}

/// One row. `material` is the SHA-256 of a secret, the DER of a certificate, or empty.
#[derive(Clone, Debug)]
pub(crate) struct CredentialRow {
    pub(crate) id: Uuid,
    pub(crate) client_id: Uuid,
    pub(crate) kind: CredentialKind,
    pub(crate) display_name: String,
    pub(crate) material: Secret<Vec<u8>>,
    pub(crate) hint: String,
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) audience: String,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) is_seeded: bool,
    pub(crate) created_at: Timestamp,
}

impl CredentialRow {
    /// Whether it can be used at `now`.
    pub(crate) fn is_valid(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|expires_at| now < expires_at)
    }

    /// Whether both prove the same.
    pub(crate) fn is_same_proof(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.material.matches(other.material.expose())
            && (&self.issuer, &self.subject, &self.audience)
                == (&other.issuer, &other.subject, &other.audience)
    }
}

const COLUMNS: &str = "id, client_id, kind, display_name, material, hint, issuer, subject, audience, expires_at, is_seeded, created_at";

fn credential_of(row: &Row) -> Result<CredentialRow, StoreError> {
    let kind: String = row.get(2)?;
    let kind = CredentialKind::ALL.into_iter().find(|known| known.as_str() == kind);
    Ok(CredentialRow {
        id: row.get(0)?,
        client_id: row.get(1)?,
        kind: kind.ok_or(StoreError::Decode { column: 2, expected: "the kind of a credential" })?,
        display_name: row.get(3)?,
        material: Secret::new(row.get(4)?),
        hint: row.get(5)?,
        issuer: row.get(6)?,
        subject: row.get(7)?,
        audience: row.get(8)?,
        expires_at: row.get(9)?,
        is_seeded: row.get(10)?,
        created_at: row.get(11)?,
    })
}

pub(crate) fn insert(tx: &mut Tx<'_>, credential: &CredentialRow) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO directory_credentials
         (id, client_id, kind, display_name, material, hint, issuer, subject, audience, expires_at, is_seeded,
          created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            credential.id,
            credential.client_id,
            credential.kind.as_str(),
            credential.display_name.as_str(),
            credential.material.expose(),
            credential.hint.as_str(),
            credential.issuer.as_str(),
            credential.subject.as_str(),
            credential.audience.as_str(),
            credential.expires_at,
            credential.is_seeded,
            credential.created_at
        ],
    )?;
    Ok(())
}

/// Those of one application, oldest first.
pub(crate) fn list(tx: &mut Tx<'_>, client_id: Uuid) -> Result<Vec<CredentialRow>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM directory_credentials WHERE client_id = ?1 ORDER BY created_at, id");
    tx.query_all(&sql, params![client_id])?.iter().map(credential_of).collect()
}

/// Those that the configuration gave, to any application.
pub(crate) fn list_seeded(tx: &mut Tx<'_>) -> Result<Vec<CredentialRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM directory_credentials WHERE is_seeded = 1 ORDER BY id");
    tx.query_all(&sql, params![])?.iter().map(credential_of).collect()
}

/// Returns whether there was one.
pub(crate) fn delete(tx: &mut Tx<'_>, client_id: Uuid, id: Uuid) -> Result<bool, StoreError> {
    let deleted = tx.execute(
        "DELETE FROM directory_credentials WHERE client_id = ?1 AND id = ?2",
        params![client_id, id],
    )?;
    Ok(deleted == 1)
}
