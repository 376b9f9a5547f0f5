//! Role assignments: list, create, delete.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use trunkline_kernel::{ResourceId, ResourceName, Timestamp};
use trunkline_store::Tx;
use trunkline_web::principal::{ApplicationRole, Grant, GrantScope};
use trunkline_web::{ApiError, Context, Reply};
use uuid::Uuid;

use crate::DirectoryService;
use crate::error::DirectoryError;
use crate::rows::role_assignments::{self, Filter, RoleAssignmentRow};
use crate::rows::{applications, users};
use crate::sign_in::{changes_key, wake};

/// Roles of one principal: all of them are looked through at each of its requests.
pub(crate) const ROLES_MAX: u64 = 1000;

/// A role that somebody has somewhere.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RoleAssignment {
    /// The id.
    id: Uuid,
    /// The object id of who has the role.
    principal_id: Uuid,
    /// The name of the application or user; absent for a principal of another issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    principal_name: Option<String>,
    /// The role: `owner`, `contributor`, `reader`, `sms-sender` and so on.
    role: String,
    /// The name of the resource; absent for the whole installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    /// When it was given.
    created_on: Timestamp,
}

/// Who gets which role where.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewRoleAssignment {
    /// Object id, client id, user name, or name of an application.
    principal: String,
    /// `owner`, `contributor`, `reader`, or `sms-sender`, `email-sender`, `chat-sender`, `messages-sender`,
    /// `calling-sender`.
    role: String,
    /// The name of a resource; the whole installation when left out.
    #[serde(default)]
    resource: Option<String>,
}

/// Reads the name of a role.
///
/// **Errors**: 400 that lists the names.
pub(crate) fn read_role(name: &str) -> Result<ApplicationRole, ApiError> {
    ApplicationRole::from_name(name).ok_or_else(|| {
        let names: Vec<String> = ApplicationRole::ALL.into_iter().map(ApplicationRole::name).collect();
        ApiError::invalid("role", format!("There is no role '{name}'; there are {}.", names.join(", ")))
    })
}

impl DirectoryService {
    /// The id of the resource called `name`.
    ///
    /// **Errors**: 400 for a text that is no name, 404.
    pub(crate) async fn resource_named(&self, name: &str) -> Result<ResourceId, DirectoryError> {
        let parsed: ResourceName =
            name.parse().map_err(|cause| ApiError::invalid("resource", format!("{cause}.")))?;
        let found = self.resources.by_name(&parsed).await?;
        Ok(found.ok_or_else(|| DirectoryError::ResourceNotFound(name.to_owned()))?.id)
    }

    async fn scope_named(&self, resource: Option<&str>) -> Result<GrantScope, DirectoryError> {
        match resource {
            Some(name) => Ok(GrantScope::Resource(self.resource_named(name).await?)),
            None => Ok(GrantScope::Installation),
        }
    }

    async fn show(&self, rows: Vec<Named>) -> Result<Vec<RoleAssignment>, ApiError> {
        let mut names: HashMap<ResourceId, String> = HashMap::new();
        let mut shown = Vec::with_capacity(rows.len());
        for Named { row, principal_name } in rows {
            let resource = match row.grant.scope {
                GrantScope::Installation => None,
                GrantScope::Resource(id) => {
                    if let Entry::Vacant(unknown) = names.entry(id) {
                        let found = self.resources.by_id(id).await?;
                        // A resource that is being deleted is shown by its id: absent would mean everywhere.
                        let name = found.map_or_else(|| id.to_string(), |found| found.name.to_string());
                        unknown.insert(name);
                    }
                    Some(names[&id].clone())
                }
            };
            shown.push(RoleAssignment {
                id: row.id,
                principal_id: row.principal_id,
                principal_name,
                role: row.grant.role.name(),
                resource,
                created_on: row.created_at,
            });
        }
        Ok(shown)
    }
}

/// A row with the name of its principal.
struct Named {
    row: RoleAssignmentRow,
    principal_name: Option<String>,
}

impl Named {
    fn load(tx: &mut Tx<'_>, row: RoleAssignmentRow) -> Result<Self, DirectoryError> {
        let principal_name = match applications::find_by_object_id(tx, row.principal_id)? {
            Some(application) => Some(application.name),
            None => users::find_by_object_id(tx, row.principal_id)?.map(|user| user.user_name),
        };
        Ok(Self { row, principal_name })
    }
}

/// The object id of who `named` is.
///
/// A GUID nobody here has is an object of another issuer, where `takes_foreign` says that there can be one.
///
/// **Errors**: 404; 409 when a user and an application are called so.
pub(crate) fn principal_named(
    tx: &mut Tx<'_>,
    named: &str,
    takes_foreign: bool,
) -> Result<Uuid, DirectoryError> {
    let application = applications::find_named(tx, named)?.map(|application| application.object_id);
    let user = users::find_named(tx, named)?.map(|user| user.object_id);
    match (application, user) {
        (Some(application), Some(user)) if application != user => {
            Err(DirectoryError::PrincipalAmbiguous(named.to_owned()))
        }
        (Some(object_id), _) | (None, Some(object_id)) => Ok(object_id),
        (None, None) => Uuid::try_parse(named)
            .ok()
            .filter(|_| takes_foreign)
            .ok_or_else(|| DirectoryError::PrincipalNotFound(named.to_owned())),
    }
}

/// Inserts a role assignment.
///
/// **Errors**: when the principal has that role there, or too many roles.
pub(crate) fn insert(tx: &mut Tx<'_>, row: &RoleAssignmentRow) -> Result<(), DirectoryError> {
    if role_assignments::count_of_principal(tx, row.principal_id)? >= ROLES_MAX {
        return Err(DirectoryError::TooMany { what: "roles of one principal", max: ROLES_MAX });
    }
    if !role_assignments::insert(tx, row)? {
        return Err(DirectoryError::RoleAssigned(row.grant.role.name()));
    }
    Ok(())
}

pub(crate) async fn role_assignments_list(
    service: Arc<DirectoryService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let limit = context.page_size()?;
    let after: Option<String> = context.continuation()?;
    let resource = match context.query("resource") {
        Some(name) => Some(service.resource_named(name).await?),
        None => None,
    };
    let principal = context.query("principal").map(str::to_owned);
    let found = service
        .store
        .read(move |tx| -> Result<Vec<Named>, DirectoryError> {
            // A GUID is looked for as it is: what is left of a foreign principal can be listed too.
            let principal = principal.as_deref().map(|named| principal_named(tx, named, true)).transpose()?;
            let filter = Filter { principal, resource };
            let rows = role_assignments::list(tx, &filter, after.as_deref().unwrap_or_default(), limit)?;
            rows.into_iter().map(|row| Named::load(tx, row)).collect()
        })
        .await?;
    let next = found.last().filter(|_| found.len() == limit as usize).map(|last| last.row.id.to_string());
    let shown = service.show(found).await?;
    Ok(Reply::json(StatusCode::OK, &context.page(shown, next.as_ref())))
}

pub(crate) async fn role_assignments_create(
    service: Arc<DirectoryService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let asked: NewRoleAssignment = context.json()?;
    let role = read_role(&asked.role)?;
    let scope = service.scope_named(asked.resource.as_deref()).await?;
    let (id, takes_foreign) = (service.entropy.uuid(), service.has_issuers);
    let named = service
        .store
        .write(changes_key(), move |tx| -> Result<Named, DirectoryError> {
            let row = RoleAssignmentRow {
                id,
                principal_id: principal_named(tx, &asked.principal, takes_foreign)?,
                grant: Grant { scope, role },
                is_seeded: false,
                created_at: context.now,
            };
            insert(tx, &row)?;
            let detail = json!({
                "principal": row.principal_id,
                "role": row.grant.role.name(),
                "resource": asked.resource,
            });
            context.audit(tx, &id.to_string(), &detail)?;
            wake(tx)?;
            Named::load(tx, row)
        })
        .await?;
    service.forget();
    let shown = service.show(vec![named]).await?.pop().expect("one goes in and comes out");
    Ok(Reply::json(StatusCode::CREATED, &shown))
}

pub(crate) async fn role_assignments_delete(
    service: Arc<DirectoryService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let id = context.path("id").to_owned();
    service
        .store
        .write(changes_key(), move |tx| -> Result<(), DirectoryError> {
            let not_found = || DirectoryError::RoleAssignmentNotFound(id.clone());
            let id = Uuid::try_parse(&id).map_err(|_| not_found())?;
            let row = role_assignments::find(tx, id)?.ok_or_else(not_found)?;
            role_assignments::delete(tx, id)?;
            let detail = json!({ "principal": row.principal_id, "role": row.grant.role.name() });
            context.audit(tx, &id.to_string(), &detail)?;
            Ok(wake(tx)?)
        })
        .await?;
    service.forget();
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}
