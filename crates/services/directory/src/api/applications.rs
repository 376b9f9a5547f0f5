//! Applications: list, create, get, update, delete.

use std::sync::Arc;

use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use trunkline_kernel::Timestamp;
use trunkline_store::Tx;
use trunkline_web::{ApiError, Context, Reply};
use uuid::Uuid;

use super::credentials::Credential;
use crate::error::DirectoryError;
use crate::rows::applications::{self, ApplicationRow};
use crate::rows::credentials;
use crate::sign_in::{changes_key, wake};
use crate::{DirectoryService, redirects};

/// Applications of one directory: far more than one installation has, few enough to look through.
pub(crate) const APPLICATIONS_MAX: u64 = 10_000;

/// The longest name, as in Entra.
const NAME_CHARACTERS_MAX: usize = 120;

/// An application.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Application {
    /// By which it asks for tokens (`AZURE_CLIENT_ID`).
    client_id: Uuid,
    /// By which roles are assigned to it; the `oid` of its tokens.
    object_id: Uuid,
    /// The name, unique in this directory.
    name: String,
    /// Where codes may be sent to.
    redirect_uris: Vec<String>,
    /// Whether the managed-identity endpoint gives its tokens, without a credential.
    is_managed_identity: bool,
    /// When it was created.
    created_on: Timestamp,
    /// By what it proves who it is.
    credentials: Vec<Credential>,
}

impl Application {
    fn load(tx: &mut Tx<'_>, row: ApplicationRow) -> Result<Self, DirectoryError> {
        let credentials = credentials::list(tx, row.client_id)?;
        Ok(Self {
            client_id: row.client_id,
            object_id: row.object_id,
            name: row.name,
            redirect_uris: row.redirect_uris,
            is_managed_identity: row.is_managed_identity,
            created_on: row.created_at,
            credentials: credentials.into_iter().map(Credential::from).collect(),
        })
    }
}

/// What an application is made of.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewApplication {
    /// 1 to 120 characters, unique in this directory, and no GUID.
    name: String,
    /// The client id, to keep configurations from before a move; a GUID.
    #[serde(default)]
    client_id: Option<Uuid>,
    /// https, or http to this machine; no fragment, wildcard or user information.
    #[serde(default)]
    redirect_uris: Vec<String>,
    /// Whether the managed-identity endpoint gives its tokens.
    #[serde(default)]
    is_managed_identity: bool,
}

/// What of an application can be changed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApplicationPatch {
    /// Another name.
    name: Option<String>,
    /// Other redirect URIs, in place of all there are.
    redirect_uris: Option<Vec<String>>,
    /// Whether the managed-identity endpoint gives its tokens.
    is_managed_identity: Option<bool>,
}

/// Checks what an application is called and where codes go.
///
/// **Errors**: 400 that names the field at fault.
pub(crate) fn check(name: &str, redirect_uris: &[String]) -> Result<(), ApiError> {
    let is_plain = !name.chars().any(char::is_control) && name.trim() == name;
    if name.is_empty() || name.chars().count() > NAME_CHARACTERS_MAX || !is_plain {
        let message =
            format!("A name has 1 to {NAME_CHARACTERS_MAX} characters and no spaces at either end.");
        return Err(ApiError::invalid("name", message));
    }
    if Uuid::try_parse(name).is_ok() {
        return Err(ApiError::invalid("name", "A GUID is no name, because ids are GUIDs."));
    }
    redirects::check(redirect_uris)
}

/// Inserts a new application.
///
/// **Errors**: when the name or an id is taken, or there are too many.
pub(crate) fn insert(tx: &mut Tx<'_>, row: &ApplicationRow) -> Result<(), DirectoryError> {
    if applications::find_by_name(tx, &row.name)?.is_some() {
        return Err(DirectoryError::NameTaken(row.name.clone()));
    }
    if applications::count(tx)? >= APPLICATIONS_MAX {
        return Err(DirectoryError::TooMany { what: "applications", max: APPLICATIONS_MAX });
    }
    if !applications::insert(tx, row)? {
        return Err(DirectoryError::IdTaken(row.client_id.to_string()));
    }
    Ok(())
}

/// The application that a path names.
pub(crate) fn load_named(tx: &mut Tx<'_>, named: &str) -> Result<ApplicationRow, DirectoryError> {
    applications::find_named(tx, named)?.ok_or_else(|| DirectoryError::ApplicationNotFound(named.to_owned()))
}

pub(crate) async fn applications_list(
    service: Arc<DirectoryService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let limit = context.page_size()?;
    let after: Option<String> = context.continuation()?;
    let found = service
        .store
        .read(move |tx| -> Result<Vec<Application>, DirectoryError> {
            let rows = applications::list(tx, after.as_deref().unwrap_or_default(), limit)?;
            rows.into_iter().map(|row| Application::load(tx, row)).collect()
        })
        .await?;
    let next = found.last().filter(|_| found.len() == limit as usize).map(|last| last.name.clone());
    Ok(Reply::json(StatusCode::OK, &context.page(found, next.as_ref())))
}

pub(crate) async fn applications_create(
    service: Arc<DirectoryService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let asked: NewApplication = context.json()?;
    check(&asked.name, &asked.redirect_uris)?;
    let row = ApplicationRow {
        client_id: asked.client_id.unwrap_or_else(|| service.entropy.uuid()),
        object_id: service.entropy.uuid(),
        name: asked.name,
        redirect_uris: asked.redirect_uris,
        is_managed_identity: asked.is_managed_identity,
        created_at: context.now,
    };
    let shown = service
        .store
        .write(changes_key(), move |tx| -> Result<Application, DirectoryError> {
            insert(tx, &row)?;
            context.audit(tx, &row.client_id.to_string(), &detail(&row))?;
            wake(tx)?;
            Application::load(tx, row.clone())
        })
        .await?;
    service.forget();
    Ok(Reply::json(StatusCode::CREATED, &shown))
}

/// What the audit log says of it.
pub(crate) fn detail(row: &ApplicationRow) -> Value {
    json!({
        "name": row.name,
        "redirectUris": row.redirect_uris,
        "isManagedIdentity": row.is_managed_identity,
    })
}

pub(crate) async fn applications_get(
    service: Arc<DirectoryService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let named = context.path("clientId").to_owned();
    let shown = service
        .store
        .read(move |tx| -> Result<Application, DirectoryError> {
            let row = load_named(tx, &named)?;
            Application::load(tx, row)
        })
        .await?;
    Ok(Reply::json(StatusCode::OK, &shown))
}

pub(crate) async fn applications_update(
    service: Arc<DirectoryService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let named = context.path("clientId").to_owned();
    let patch = context.merge_patch()?;
    refuse_nulls(&patch)?;
    let patch: ApplicationPatch = serde_json::from_value(Value::Object(patch))
        .map_err(|cause| ApiError::invalid("body", format!("The patch does not fit: {cause}.")))?;
    let shown = service
        .store
        .write(changes_key(), move |tx| -> Result<Application, DirectoryError> {
            let mut row = load_named(tx, &named)?;
            if let Some(name) = patch.name.clone().filter(|name| *name != row.name) {
                if applications::find_by_name(tx, &name)?.is_some() {
                    return Err(DirectoryError::NameTaken(name));
                }
                row.name = name;
            }
            row.redirect_uris = patch.redirect_uris.clone().unwrap_or(row.redirect_uris);
            row.is_managed_identity = patch.is_managed_identity.unwrap_or(row.is_managed_identity);
            check(&row.name, &row.redirect_uris)?;
            applications::update(tx, &row)?;
            context.audit(tx, &row.client_id.to_string(), &detail(&row))?;
            wake(tx)?;
            Application::load(tx, row)
        })
        .await?;
    service.forget();
    Ok(Reply::json(StatusCode::OK, &shown))
}

/// In a merge patch `null` removes; these fields are always there.
fn refuse_nulls(patch: &serde_json::Map<String, Value>) -> Result<(), ApiError> {
    for name in ["name", "redirectUris", "isManagedIdentity"] {
        if patch.get(name).is_some_and(Value::is_null) {
            return Err(ApiError::invalid(name, format!("{name} cannot be removed.")));
        }
    }
    Ok(())
}

pub(crate) async fn applications_delete(
    service: Arc<DirectoryService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let named = context.path("clientId").to_owned();
    service
        .store
        .write(changes_key(), move |tx| -> Result<(), DirectoryError> {
            let row = load_named(tx, &named)?;
            applications::delete(tx, &row)?;
            context.audit(tx, &row.client_id.to_string(), &json!({ "name": row.name }))?;
            Ok(wake(tx)?)
        })
        .await?;
    service.forget();
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}
