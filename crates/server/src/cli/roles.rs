//! `trunkline role`, and the roles that other commands show.

use std::fmt::Write as _;

use serde_json::{Value, json};
use trunkline_web::principal::ApplicationRole;

use super::arguments::RoleCommand;
use super::client::{encode, list};
use super::console::{Console, fields, table, text};
use super::{CliError, Session, applications};

/// Where the operator API has role assignments.
const ASSIGNMENTS: &str = "/trunkline/directory/roleAssignments";
/// More roles than one application or user has.
const ROLES_MAX: usize = 1_000;

/// A role as a command line names it.
pub(super) struct Role {
    name: String,
    resource: Option<String>,
}

/// Runs a command about roles.
pub(super) async fn role(
    command: &RoleCommand,
    session: &Session<'_>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    match command {
        RoleCommand::Assign { principal, role, resource } => {
            let role = Role { name: known(role)?, resource: resource.clone() };
            let principal = applications::principal(principal, session).await?;
            let assignment = assign(&principal, role, session).await?;
            let human = fields(&[
                ("Assignment", text(&assignment, "id")),
                ("Principal", text(&assignment, "principalName")),
                ("Object id", text(&assignment, "principalId")),
                ("Role", text(&assignment, "role")),
                ("On", place(&assignment)),
                ("Created", text(&assignment, "createdOn")),
            ]);
            console.result(&assignment, &human)
        }
        RoleCommand::List { principal, resource, limit } => {
            let mut path = format!("{ASSIGNMENTS}?maxPageSize=100");
            if let Some(principal) = principal {
                let principal = applications::principal(principal, session).await?;
                let _ = write!(path, "&principal={}", encode(&principal));
            }
            if let Some(resource) = resource {
                let _ = write!(path, "&resource={}", encode(resource));
            }
            let (assignments, has_more) = list(session.api, &path, *limit).await?;
            let row = |assignment: &Value| {
                let mut row = vec![text(assignment, "id"), text(assignment, "principalName")];
                row.extend([text(assignment, "role"), place(assignment), text(assignment, "createdOn")]);
                row
            };
            let rows: Vec<_> = assignments.iter().map(row).collect();
            let human = table(&["ID", "PRINCIPAL", "ROLE", "ON", "CREATED"], &rows, "No roles.");
            console.result(&json!({ "value": assignments, "hasMore": has_more }), &human)?;
            if has_more {
                console.note("There are more; ask with a higher --limit.");
            }
            Ok(())
        }
        RoleCommand::Remove { id, yes } => {
            console.confirm(&format!("Take back the role {id}? It counts no more at once."), *yes)?;
            session.request("DELETE", &format!("{ASSIGNMENTS}/{}", encode(id)), None).await?;
            console.result(&json!({ "deleted": id }), &format!("Removed {id}."))
        }
    }
}

/// Reads `ROLE` or `ROLE@RESOURCE`.
pub(super) fn parse(written: &str) -> Result<Role, CliError> {
    match written.split_once('@') {
        Some((name, resource)) if !resource.is_empty() => {
            Ok(Role { name: known(name)?, resource: Some(resource.to_owned()) })
        }
        Some(_) => Err(CliError::Usage(format!("{written:?} is not ROLE or ROLE@RESOURCE"))),
        None => Ok(Role { name: known(written)?, resource: None }),
    }
}

fn known(name: &str) -> Result<String, CliError> {
    if ApplicationRole::from_name(name).is_some() {
        return Ok(name.to_owned());
    }
    let names = ApplicationRole::ALL.map(ApplicationRole::name).join(", ");
    Err(CliError::Usage(format!("there is no role {name}; there are {names}")))
}

/// Assigns one role.
pub(super) async fn assign(principal: &str, role: Role, session: &Session<'_>) -> Result<Value, CliError> {
    let mut body = json!({ "principal": principal, "role": role.name });
    if let Some(resource) = role.resource {
        body["resource"] = json!(resource);
    }
    session.request("POST", ASSIGNMENTS, Some(body)).await
}

/// The roles of one application or user.
pub(super) async fn list_of(principal: &str, session: &Session<'_>) -> Result<Vec<Value>, CliError> {
    let path = format!("{ASSIGNMENTS}?principal={}", encode(principal));
    Ok(list(session.api, &path, ROLES_MAX).await?.0)
}

/// Roles on one line.
pub(super) fn describe(assigned: &[Value]) -> String {
    let one = |assignment: &Value| match text(assignment, "resource").as_str() {
        "" => text(assignment, "role"),
        resource => format!("{}@{resource}", text(assignment, "role")),
    };
    assigned.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn place(assignment: &Value) -> String {
    match text(assignment, "resource") {
        resource if resource.is_empty() => "installation".to_owned(),
        resource => resource,
    }
}
