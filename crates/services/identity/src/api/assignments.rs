//! Assignments: which directory users may use a resource through the Teams extension.

use std::sync::Arc;

use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trunkline_kernel::identifier::{Cloud, Identifier};
use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::Key;
use trunkline_web::{ApiError, Context, Reply};
use uuid::Uuid;

use crate::error::IdentityError;
use crate::rows::assignments::{self, AssignmentRow};
use crate::{Identity, changes};

/// The most applications of one assignment: far above what one user signs in to, and a row stays small.
const CLIENT_IDS_MAX: usize = 100;

/// The longest id of an application, in bytes; GUIDs have 36.
const CLIENT_ID_BYTES_MAX: usize = 200;

/// What an assignment is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum TeamsExtensionPrincipalType {
    /// An account that stands for a service, such as a call queue.
    // The other name stands in a guide of the vendor.
    #[serde(alias = "teamsResourceAccount")]
    ResourceAccount,
    /// A person.
    User,
}

/// What an assignment is to say.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TeamsExtensionAssignmentCreateOrUpdateRequest {
    /// What it is for.
    pub(crate) principal_type: TeamsExtensionPrincipalType,
    /// The applications whose tokens may be exchanged; empty or missing for every one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client_ids: Option<Vec<String>>,
}

/// An assignment.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TeamsExtensionAssignmentResponse {
    /// The user's object id.
    pub(crate) object_id: String,
    /// The user's tenant.
    pub(crate) tenant_id: String,
    /// What it is for.
    pub(crate) principal_type: TeamsExtensionPrincipalType,
    /// The applications whose tokens may be exchanged; missing for every one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) client_ids: Vec<String>,
}

impl TeamsExtensionAssignmentResponse {
    /// Whether a token that was given to that application may be exchanged.
    pub(crate) fn allows(&self, client_id: &str) -> bool {
        self.client_ids.is_empty() || self.client_ids.iter().any(|id| id.eq_ignore_ascii_case(client_id))
    }

    /// Whether it allows everything that `other` does.
    fn covers(&self, other: &Self) -> bool {
        let is_wider = !other.client_ids.is_empty() && other.client_ids.iter().all(|id| self.allows(id));
        self.client_ids.is_empty() || is_wider
    }

    fn into_row(self, now: Timestamp) -> AssignmentRow {
        let principal_type = match self.principal_type {
            TeamsExtensionPrincipalType::ResourceAccount => "resourceAccount",
            TeamsExtensionPrincipalType::User => "user",
        };
        AssignmentRow {
            tenant_id: self.tenant_id,
            object_id: self.object_id,
            principal_type: principal_type.to_owned(),
            client_ids: serde_json::to_string(&self.client_ids).expect("texts always serialize"),
            written_at: now,
        }
    }
}

impl From<AssignmentRow> for TeamsExtensionAssignmentResponse {
    fn from(row: AssignmentRow) -> Self {
        let principal_type = match row.principal_type.as_str() {
            "user" => TeamsExtensionPrincipalType::User,
            _ => TeamsExtensionPrincipalType::ResourceAccount,
        };
        let client_ids = serde_json::from_str(&row.client_ids).expect("only lists are written");
        Self { object_id: row.object_id, tenant_id: row.tenant_id, principal_type, client_ids }
    }
}

/// The identity of a user with an assignment.
pub(crate) fn raw_id_of(resource: ResourceId, tenant_id: &str, object_id: &str) -> String {
    let identifier = Identifier::TeamsExtensionUser {
        resource_id: resource.to_string(),
        tenant_id: tenant_id.to_owned(),
        user_id: object_id.to_owned(),
        cloud: Cloud::Public,
    };
    identifier.raw_id()
}

/// The user whom the path names.
struct Assigned {
    resource: ResourceId,
    tenant_id: String,
    object_id: String,
    raw_id: String,
}

impl Assigned {
    /// **Errors**: 400 for anything but GUIDs.
    fn read(context: &Context) -> Result<Self, ApiError> {
        let guid = |name: &str| {
            let parsed = Uuid::try_parse(context.path(name));
            parsed
                .map(|guid| guid.to_string())
                .map_err(|_| ApiError::invalid(name, format!("{name} must be a GUID.")))
        };
        let (resource, tenant_id, object_id) = (context.resource().id, guid("tenantId")?, guid("objectId")?);
        let raw_id = raw_id_of(resource, &tenant_id, &object_id);
        Ok(Self { resource, tenant_id, object_id, raw_id })
    }
}

/// The applications, each once.
///
/// **Errors**: 400 for too many, and for what is no id of an application.
fn distinct_client_ids(asked: Option<Vec<String>>) -> Result<Vec<String>, ApiError> {
    let mut distinct: Vec<String> = Vec::new();
    for id in asked.unwrap_or_default() {
        let is_id = (1..=CLIENT_ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
        if !is_id {
            return Err(ApiError::invalid(
                "clientIds",
                "clientIds must hold the client ids of applications.",
            ));
        }
        if !distinct.iter().any(|known| known.eq_ignore_ascii_case(&id)) {
            distinct.push(id);
        }
    }
    if distinct.len() > CLIENT_IDS_MAX {
        return Err(ApiError::invalid(
            "clientIds",
            format!("clientIds has at most {CLIENT_IDS_MAX} entries."),
        ));
    }
    Ok(distinct)
}

pub(crate) async fn teams_extension_assignment_get(
    service: Arc<Identity>,
    context: Context,
) -> Result<Reply, ApiError> {
    let Assigned { resource, tenant_id, object_id, .. } = Assigned::read(&context)?;
    let found: Option<AssignmentRow> = service
        .store
        .read(move |tx| assignments::find(tx, resource, &tenant_id, &object_id))
        .await
        .map_err(ApiError::from)?;
    let found = found.ok_or(IdentityError::AssignmentNotFound)?;
    Ok(Reply::json(StatusCode::OK, &TeamsExtensionAssignmentResponse::from(found)))
}

pub(crate) async fn teams_extension_assignment_upsert(
    service: Arc<Identity>,
    context: Context,
) -> Result<Reply, ApiError> {
    let Assigned { resource, tenant_id, object_id, raw_id } = Assigned::read(&context)?;
    let asked: TeamsExtensionAssignmentCreateOrUpdateRequest = context.json()?;
    let client_ids = distinct_client_ids(asked.client_ids)?;
    let wanted = TeamsExtensionAssignmentResponse {
        object_id,
        tenant_id,
        principal_type: asked.principal_type,
        client_ids,
    };
    let row = wanted.into_row(context.now);
    let (written, identity) = (row.clone(), raw_id.clone());
    let generation = changes::new_generation(&*service.entropy);
    let is_new = service
        .store
        .write(Key::new(resource, &raw_id), move |tx| -> Result<bool, IdentityError> {
            let before = assignments::find(tx, resource, &written.tenant_id, &written.object_id)?;
            assignments::put(tx, resource, &written)?;
            let is_new = before.is_none();
            // Tokens do not say which application they came from: when one loses access, all end.
            if let Some(before) = before.map(TeamsExtensionAssignmentResponse::from)
                && !TeamsExtensionAssignmentResponse::from(written.clone()).covers(&before)
            {
                changes::revoke_if_there(tx, resource, &identity, generation, written.written_at)?;
            }
            Ok(is_new)
        })
        .await?;
    service.tokens.forget(resource, &raw_id);
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(Reply::json(status, &TeamsExtensionAssignmentResponse::from(row)))
}

pub(crate) async fn teams_extension_assignment_delete(
    service: Arc<Identity>,
    context: Context,
) -> Result<Reply, ApiError> {
    let Assigned { resource, tenant_id, object_id, raw_id } = Assigned::read(&context)?;
    let (identity, now) = (raw_id.clone(), context.now);
    let generation = changes::new_generation(&*service.entropy);
    service
        .store
        .write(Key::new(resource, &raw_id), move |tx| -> Result<(), IdentityError> {
            if !assignments::delete(tx, resource, &tenant_id, &object_id)? {
                return Err(IdentityError::AssignmentNotFound);
            }
            changes::revoke_if_there(tx, resource, &identity, generation, now)
        })
        .await?;
    service.tokens.forget(resource, &raw_id);
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(client_ids: &[&str]) -> TeamsExtensionAssignmentResponse {
        TeamsExtensionAssignmentResponse {
            object_id: String::new(),
            tenant_id: String::new(),
            principal_type: TeamsExtensionPrincipalType::User,
            client_ids: client_ids.iter().map(|id| (*id).to_owned()).collect(),
        }
    }

    #[test]
    fn an_empty_list_covers_every_other_and_only_itself_covers_it() {
        for (wide, narrow, covers) in [
            (&[][..], &[][..], true),
            (&[], &["a"], true),
            (&["a"], &[], false),
            (&["a", "b"], &["B"], true),
            (&["a"], &["a", "b"], false),
        ] {
            assert_eq!(with(wide).covers(&with(narrow)), covers, "{wide:?} {narrow:?}");
        }
    }
}
