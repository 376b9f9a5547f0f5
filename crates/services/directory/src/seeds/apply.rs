//! The transaction that makes the directory as the configuration says.

use std::collections::HashSet;

use serde_json::{Value, json};
use trunkline_kernel::Timestamp;
use trunkline_store::{StoreError, Tx};
use trunkline_web::Operation;
use trunkline_web::audit::{self, Change};
use trunkline_web::principal::{Grant, GrantScope};
use uuid::Uuid;

use super::{ApplicationPlan, Leftover, Plan, Seeded, SeededApplication, UserPlan};
use crate::api::{applications as application_rules, role_assignments as role_rules, users as user_rules};
use crate::credentials;
use crate::error::DirectoryError;
use crate::operations::{
    APPLICATIONS_CREATE, APPLICATIONS_UPDATE, CREDENTIALS_ADD, CREDENTIALS_DELETE, DIRECTORY_USERS_CREATE,
    DIRECTORY_USERS_UPDATE, ROLE_ASSIGNMENTS_CREATE, ROLE_ASSIGNMENTS_DELETE,
};
use crate::rows::applications::ApplicationRow;
use crate::rows::credentials::CredentialRow;
use crate::rows::role_assignments::RoleAssignmentRow;
use crate::rows::{self, applications, role_assignments, seeds, users};
use crate::sign_in::wake;

/// Who stands in the audit log.
const PRINCIPAL: &str = "configuration";

/// What the configuration gives, by which the rest is taken back, and what was changed on the way.
struct Run {
    id: Uuid,
    now: Timestamp,
    principals: HashSet<Uuid>,
    credentials: HashSet<Uuid>,
    roles: HashSet<Uuid>,
    has_changed: bool,
}

impl Run {
    fn audit(
        &mut self,
        tx: &mut Tx<'_>,
        operation: &Operation,
        target: Uuid,
        detail: &Value,
    ) -> Result<(), StoreError> {
        self.has_changed = true;
        let change = Change {
            principal: PRINCIPAL,
            operation: operation.id,
            target: &target.to_string(),
            detail,
            request_id: self.id,
            now: self.now,
        };
        audit::record_change(tx, &change)
    }
}

/// Applies the plan as a whole.
pub(super) fn apply(tx: &mut Tx<'_>, plan: &Plan) -> Result<Seeded, DirectoryError> {
    let mut run = Run {
        id: plan.run,
        now: plan.now,
        principals: HashSet::new(),
        credentials: HashSet::new(),
        roles: HashSet::new(),
        has_changed: false,
    };
    let mut applied = Vec::with_capacity(plan.applications.len());
    for application in &plan.applications {
        let row = apply_application(tx, application, &mut run)?;
        apply_credentials(tx, row.client_id, application, &mut run)?;
        apply_principal(tx, row.object_id, &application.grants, &mut run)?;
        applied.push(SeededApplication {
            name: row.name,
            client_id: row.client_id,
            object_id: row.object_id,
        });
    }
    for user in &plan.users {
        let object_id = apply_user(tx, user, &mut run)?;
        apply_principal(tx, object_id, &user.grants, &mut run)?;
    }
    take_back(tx, &mut run)?;
    if run.has_changed {
        wake(tx)?;
    }
    Ok(Seeded { applications: applied, leftovers: leftovers(tx, &run)? })
}

fn apply_application(
    tx: &mut Tx<'_>,
    plan: &ApplicationPlan,
    run: &mut Run,
) -> Result<ApplicationRow, DirectoryError> {
    let found = if plan.is_id_given {
        applications::find_by_client_id(tx, plan.row.client_id)?
    } else {
        applications::find_by_name(tx, &plan.row.name)?
    };
    let Some(found) = found else {
        application_rules::insert(tx, &plan.row)?;
        let detail = application_rules::detail(&plan.row);
        run.audit(tx, &APPLICATIONS_CREATE, plan.row.client_id, &detail)?;
        return Ok(plan.row.clone());
    };
    let named_alike = applications::find_by_name(tx, &plan.row.name)?;
    if named_alike.is_some_and(|other| other.client_id != found.client_id) {
        return Err(DirectoryError::NameTaken(plan.row.name.clone()));
    }
    let row = ApplicationRow {
        client_id: found.client_id,
        object_id: found.object_id,
        created_at: found.created_at,
        ..plan.row.clone()
    };
    if row != found {
        applications::update(tx, &row)?;
        run.audit(tx, &APPLICATIONS_UPDATE, row.client_id, &application_rules::detail(&row))?;
    }
    Ok(row)
}

fn apply_credentials(
    tx: &mut Tx<'_>,
    client_id: Uuid,
    plan: &ApplicationPlan,
    run: &mut Run,
) -> Result<(), DirectoryError> {
    for wanted in &plan.credentials {
        let known = rows::credentials::list(tx, client_id)?;
        if let Some(same) = known.iter().find(|known| known.is_same_proof(wanted)) {
            run.credentials.insert(same.id);
            continue;
        }
        let row = CredentialRow { client_id, ..wanted.clone() };
        credentials::insert(tx, &row)?;
        run.credentials.insert(row.id);
        let detail = json!({ "credential": row.id, "kind": row.kind, "hint": row.hint });
        run.audit(tx, &CREDENTIALS_ADD, client_id, &detail)?;
    }
    Ok(())
}

fn apply_user(tx: &mut Tx<'_>, plan: &UserPlan, run: &mut Run) -> Result<Uuid, DirectoryError> {
    let Some(mut user) = users::find_by_name(tx, &plan.row.user_name)? else {
        user_rules::insert(tx, &plan.row)?;
        let detail = json!({ "userName": plan.row.user_name, "displayName": plan.row.display_name });
        run.audit(tx, &DIRECTORY_USERS_CREATE, plan.row.object_id, &detail)?;
        return Ok(plan.row.object_id);
    };
    if plan.is_id_given && user.object_id != plan.row.object_id {
        return Err(DirectoryError::NameTaken(user.user_name));
    }
    if !plan.has_new_password && user.display_name == plan.row.display_name {
        return Ok(user.object_id);
    }
    user.display_name.clone_from(&plan.row.display_name);
    if plan.has_new_password {
        user_rules::set_password(&mut user, &plan.row.password_hash, plan.row.generation);
        users::end_sessions(tx, user.object_id)?;
    }
    users::update(tx, &user)?;
    let detail = json!({
        "userName": user.user_name,
        "displayName": user.display_name,
        "isEnabled": user.is_enabled,
        "isPasswordChanged": plan.has_new_password,
    });
    run.audit(tx, &DIRECTORY_USERS_UPDATE, user.object_id, &detail)?;
    Ok(user.object_id)
}

/// Notes that the configuration names the application or user, and gives the roles.
fn apply_principal(
    tx: &mut Tx<'_>,
    principal_id: Uuid,
    grants: &[(Uuid, Grant)],
    run: &mut Run,
) -> Result<(), DirectoryError> {
    seeds::note(tx, principal_id)?;
    run.principals.insert(principal_id);
    for (id, grant) in grants {
        let filter = role_assignments::Filter { principal: Some(principal_id), resource: None };
        let most = u32::try_from(role_rules::ROLES_MAX).expect("a small number");
        let known = role_assignments::list(tx, &filter, "", most)?;
        if let Some(same) = known.iter().find(|known| known.grant == *grant) {
            run.roles.insert(same.id);
            continue;
        }
        let row =
            RoleAssignmentRow { id: *id, principal_id, grant: *grant, is_seeded: true, created_at: run.now };
        role_rules::insert(tx, &row)?;
        run.roles.insert(row.id);
        run.audit(tx, &ROLE_ASSIGNMENTS_CREATE, row.id, &role_detail(&row))?;
    }
    Ok(())
}

fn role_detail(row: &RoleAssignmentRow) -> Value {
    let resource_id = match row.grant.scope {
        GrantScope::Installation => None,
        GrantScope::Resource(id) => Some(id.to_string()),
    };
    json!({ "principal": row.principal_id, "role": row.grant.role.name(), "resourceId": resource_id })
}

fn take_back(tx: &mut Tx<'_>, run: &mut Run) -> Result<(), DirectoryError> {
    for credential in rows::credentials::list_seeded(tx)? {
        if !run.credentials.contains(&credential.id) {
            rows::credentials::delete(tx, credential.client_id, credential.id)?;
            let detail = json!({ "credential": credential.id });
            run.audit(tx, &CREDENTIALS_DELETE, credential.client_id, &detail)?;
        }
    }
    for assignment in role_assignments::list_seeded(tx)? {
        if !run.roles.contains(&assignment.id) {
            role_assignments::delete(tx, assignment.id)?;
            run.audit(tx, &ROLE_ASSIGNMENTS_DELETE, assignment.id, &role_detail(&assignment))?;
        }
    }
    Ok(())
}

/// Those who were named at some start, are still there and are not named now.
fn leftovers(tx: &mut Tx<'_>, run: &Run) -> Result<Vec<Leftover>, StoreError> {
    seeds::forget_deleted(tx)?;
    let mut noted = seeds::list(tx)?;
    noted.retain(|seed| !run.principals.contains(&seed.object_id));
    let leftover = |seed: &seeds::SeedRow| match seed.client_id {
        Some(client_id) => Leftover::Application(client_id),
        None => Leftover::User(seed.object_id),
    };
    Ok(noted.iter().map(leftover).collect())
}
