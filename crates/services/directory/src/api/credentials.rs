//! Credentials of applications: add, delete.

use std::sync::Arc;

use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use trunkline_kernel::{Secret, Timestamp};
use trunkline_web::{ApiError, Context, Reply};
use uuid::Uuid;

use super::applications::load_named;
use crate::DirectoryService;
use crate::credentials::{About, Proof, generate_secret, insert, make};
use crate::error::DirectoryError;
use crate::rows::credentials::{self, CredentialKind, CredentialRow};
use crate::sign_in::{changes_key, wake};

/// By what an application proves who it is.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Credential {
    /// The id within the application.
    id: Uuid,
    /// What kind of proof.
    kind: CredentialKind,
    /// What it is for.
    display_name: String,
    /// The first characters of a secret, the thumbprint (SHA-1) of a certificate, else empty.
    hint: String,
    /// The `iss` of a federation's tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    /// The `sub` of a federation's tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// The `aud` of a federation's tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    audience: Option<String>,
    /// When it ends; never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_on: Option<Timestamp>,
    /// When it was added.
    created_on: Timestamp,
}

impl From<CredentialRow> for Credential {
    fn from(row: CredentialRow) -> Self {
        let given = |text: String| (row.kind == CredentialKind::Federated).then_some(text);
        Self {
            id: row.id,
            kind: row.kind,
            display_name: row.display_name,
            hint: row.hint,
            issuer: given(row.issuer),
            subject: given(row.subject),
            audience: given(row.audience),
            expires_on: row.expires_at,
            created_on: row.created_at,
        }
    }
}

/// A new credential; a secret is shown only here.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CredentialWithSecret {
    #[serde(flatten)]
    credential: Credential,
    /// The secret (`AZURE_CLIENT_SECRET`), of which only a hash is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// What a credential is made of. No `Debug`: it may hold a secret.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewCredential {
    /// What kind of proof.
    kind: CredentialKind,
    /// What it is for; at most 120 characters.
    #[serde(default)]
    display_name: String,
    /// When it ends; a certificate's own end when that is earlier.
    #[serde(default)]
    expires_on: Option<Timestamp>,
    /// The secret, 16 to 256 visible ASCII characters; a good one is made when left out.
    #[serde(default)]
    secret: Option<String>,
    /// The certificate in PEM, without its key.
    #[serde(default)]
    certificate: Option<String>,
    /// The `iss` of a federation's tokens, an https address.
    #[serde(default)]
    issuer: Option<String>,
    /// The `sub` of a federation's tokens.
    #[serde(default)]
    subject: Option<String>,
    /// The `aud` of a federation's tokens; `api://AzureADTokenExchange` when left out.
    #[serde(default)]
    audience: Option<String>,
}

impl NewCredential {
    /// The proof, which has the fields of its kind and none of another.
    fn proof(&mut self, service: &DirectoryService) -> Result<Proof, ApiError> {
        let given = [
            ("secret", self.secret.is_some(), CredentialKind::Secret),
            ("certificate", self.certificate.is_some(), CredentialKind::Certificate),
            ("issuer", self.issuer.is_some(), CredentialKind::Federated),
            ("subject", self.subject.is_some(), CredentialKind::Federated),
            ("audience", self.audience.is_some(), CredentialKind::Federated),
        ];
        if let Some((name, ..)) = given.iter().find(|(_, is_given, kind)| *is_given && *kind != self.kind) {
            let message = format!("A credential of the kind '{}' has no {name}.", self.kind.as_str());
            return Err(ApiError::invalid(*name, message));
        }
        let needed = |name: &'static str, value: Option<String>| {
            value.ok_or_else(|| ApiError::invalid(name, format!("{name} is missing.")))
        };
        Ok(match self.kind {
            CredentialKind::Secret => Proof::Secret(match self.secret.take() {
                Some(secret) => Secret::new(secret),
                None => generate_secret(&*service.entropy),
            }),
            CredentialKind::Certificate => {
                Proof::Certificate(needed("certificate", self.certificate.take())?)
            }
            CredentialKind::Federated => Proof::Federation {
                issuer: needed("issuer", self.issuer.take())?,
                subject: needed("subject", self.subject.take())?,
                audience: self.audience.take(),
            },
        })
    }
}

pub(crate) async fn credentials_add(
    service: Arc<DirectoryService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let named = context.path("clientId").to_owned();
    let mut asked: NewCredential = context.json()?;
    let proof = asked.proof(&service)?;
    let secret = match &proof {
        Proof::Secret(secret) => Some(secret.expose().clone()),
        Proof::Certificate(_) | Proof::Federation { .. } => None,
    };
    let about = About {
        id: service.entropy.uuid(),
        // Known only in the transaction.
        client_id: Uuid::nil(),
        display_name: asked.display_name,
        expires_at: asked.expires_on,
        is_seeded: false,
        now: context.now,
    };
    let made = make(about, proof)?;
    let row = service
        .store
        .write(changes_key(), move |tx| -> Result<CredentialRow, DirectoryError> {
            let client_id = load_named(tx, &named)?.client_id;
            let row = CredentialRow { client_id, ..made.clone() };
            insert(tx, &row)?;
            let detail = json!({ "credential": row.id, "kind": row.kind, "hint": row.hint });
            context.audit(tx, &client_id.to_string(), &detail)?;
            wake(tx)?;
            Ok(row)
        })
        .await?;
    service.forget();
    Ok(Reply::json(StatusCode::CREATED, &CredentialWithSecret { credential: row.into(), secret }))
}

pub(crate) async fn credentials_delete(
    service: Arc<DirectoryService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let (named, id) = (context.path("clientId").to_owned(), context.path("id").to_owned());
    service
        .store
        .write(changes_key(), move |tx| -> Result<(), DirectoryError> {
            let client_id = load_named(tx, &named)?.client_id;
            let not_found = || DirectoryError::CredentialNotFound(id.clone());
            let id = Uuid::try_parse(&id).map_err(|_| not_found())?;
            if !credentials::delete(tx, client_id, id)? {
                return Err(not_found());
            }
            context.audit(tx, &client_id.to_string(), &json!({ "credential": id }))?;
            Ok(wake(tx)?)
        })
        .await?;
    service.forget();
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}
