//! The operations of operators on the directory, as data. All are our own.

use trunkline_web::operation::{CONTINUATION_TOKEN, MAX_PAGE_SIZE, QueryParameter, schema_of};
use trunkline_web::{Allow, Method, Operation, Page, RequestBody, Role};

use crate::api::applications::{Application, ApplicationPatch, NewApplication};
use crate::api::credentials::{CredentialWithSecret, NewCredential};
use crate::api::directory::Directory;
use crate::api::role_assignments::{NewRoleAssignment, RoleAssignment};
use crate::api::users::{DirectoryUser, DirectoryUserPatch, DirectoryUserWithPassword, NewDirectoryUser};

const READER: &[Allow] = &[Allow::Operator(Role::Reader)];
const OWNER: &[Allow] = &[Allow::Operator(Role::Owner)];

/// Shows what clients need to know of the directory.
pub static DIRECTORY_GET: Operation = Operation {
    reply: Some(schema_of::<Directory>),
    summary: "Shows the tenant, the issuer and the authority of the built-in directory.",
    ..Operation::own("Directory_Get", Method::Get, "/trunkline/directory", READER)
};

/// Lists the applications by name.
pub static APPLICATIONS_LIST: Operation = Operation {
    reply: Some(schema_of::<Page<Application>>),
    query: &[MAX_PAGE_SIZE, CONTINUATION_TOKEN],
    summary: "Lists the applications by name.",
    ..Operation::own("Applications_List", Method::Get, "/trunkline/directory/applications", READER)
};

/// Creates an application without credentials.
pub static APPLICATIONS_CREATE: Operation = Operation {
    success: 201,
    body: RequestBody::Json(schema_of::<NewApplication>),
    reply: Some(schema_of::<Application>),
    summary: "Creates an application, without credentials.",
    ..Operation::own("Applications_Create", Method::Post, "/trunkline/directory/applications", OWNER)
};

/// Shows an application.
pub static APPLICATIONS_GET: Operation = Operation {
    reply: Some(schema_of::<Application>),
    summary: "Shows an application, named by client id, object id or name.",
    ..Operation::own("Applications_Get", Method::Get, "/trunkline/directory/applications/{clientId}", READER)
};

/// Changes an application.
pub static APPLICATIONS_UPDATE: Operation = Operation {
    body: RequestBody::MergePatch(schema_of::<ApplicationPatch>),
    reply: Some(schema_of::<Application>),
    summary: "Changes the name, the redirect URIs, or whether it is a managed identity.",
    ..Operation::own(
        "Applications_Update",
        Method::Patch,
        "/trunkline/directory/applications/{clientId}",
        OWNER,
    )
};

/// Deletes an application.
pub static APPLICATIONS_DELETE: Operation = Operation {
    success: 204,
    summary: "Deletes an application with its credentials and roles; its tokens end at once.",
    ..Operation::own(
        "Applications_Delete",
        Method::Delete,
        "/trunkline/directory/applications/{clientId}",
        OWNER,
    )
};

/// Adds a secret, a certificate or a federation.
pub static CREDENTIALS_ADD: Operation = Operation {
    success: 201,
    body: RequestBody::Json(schema_of::<NewCredential>),
    reply: Some(schema_of::<CredentialWithSecret>),
    summary: "Adds a secret (shown once), a certificate or a federated subject to an application.",
    ..Operation::own(
        "Credentials_Add",
        Method::Post,
        "/trunkline/directory/applications/{clientId}/credentials",
        OWNER,
    )
};

/// Deletes a credential.
pub static CREDENTIALS_DELETE: Operation = Operation {
    success: 204,
    summary: "Deletes a credential of an application; no token can be had by it any more.",
    ..Operation::own(
        "Credentials_Delete",
        Method::Delete,
        "/trunkline/directory/applications/{clientId}/credentials/{id}",
        OWNER,
    )
};

/// Lists the directory users by user name.
pub static DIRECTORY_USERS_LIST: Operation = Operation {
    reply: Some(schema_of::<Page<DirectoryUser>>),
    query: &[MAX_PAGE_SIZE, CONTINUATION_TOKEN],
    summary: "Lists the directory users by user name.",
    ..Operation::own("DirectoryUsers_List", Method::Get, "/trunkline/directory/users", READER)
};

/// Creates a directory user.
pub static DIRECTORY_USERS_CREATE: Operation = Operation {
    success: 201,
    body: RequestBody::Json(schema_of::<NewDirectoryUser>),
    reply: Some(schema_of::<DirectoryUserWithPassword>),
    summary: "Creates a directory user; a generated password is shown once.",
    ..Operation::own("DirectoryUsers_Create", Method::Post, "/trunkline/directory/users", OWNER)
};

/// Shows a directory user.
pub static DIRECTORY_USERS_GET: Operation = Operation {
    reply: Some(schema_of::<DirectoryUser>),
    summary: "Shows a directory user, named by object id or user name.",
    ..Operation::own("DirectoryUsers_Get", Method::Get, "/trunkline/directory/users/{user}", READER)
};

/// Changes a directory user.
pub static DIRECTORY_USERS_UPDATE: Operation = Operation {
    body: RequestBody::MergePatch(schema_of::<DirectoryUserPatch>),
    reply: Some(schema_of::<DirectoryUser>),
    summary: "Changes the display name or the password, disables or enables; a new password also unlocks.",
    ..Operation::own("DirectoryUsers_Update", Method::Patch, "/trunkline/directory/users/{user}", OWNER)
};

/// Deletes a directory user.
pub static DIRECTORY_USERS_DELETE: Operation = Operation {
    success: 204,
    summary: "Deletes a directory user with its roles; its tokens end at once.",
    ..Operation::own("DirectoryUsers_Delete", Method::Delete, "/trunkline/directory/users/{user}", OWNER)
};

/// Lists role assignments.
pub static ROLE_ASSIGNMENTS_LIST: Operation = Operation {
    reply: Some(schema_of::<Page<RoleAssignment>>),
    query: &[
        QueryParameter {
            name: "principal",
            kind: "string",
            description: "Only those of this principal: object id, client id, user name or application name.",
        },
        QueryParameter {
            name: "resource",
            kind: "string",
            description: "Only those on the resource of this name.",
        },
        MAX_PAGE_SIZE,
        CONTINUATION_TOKEN,
    ],
    summary: "Lists role assignments.",
    ..Operation::own("RoleAssignments_List", Method::Get, "/trunkline/directory/roleAssignments", READER)
};

/// Gives a principal a role.
pub static ROLE_ASSIGNMENTS_CREATE: Operation = Operation {
    success: 201,
    body: RequestBody::Json(schema_of::<NewRoleAssignment>),
    reply: Some(schema_of::<RoleAssignment>),
    summary: "Gives an application or directory user a role on a resource or on the whole installation.",
    ..Operation::own("RoleAssignments_Create", Method::Post, "/trunkline/directory/roleAssignments", OWNER)
};

/// Takes a role away.
pub static ROLE_ASSIGNMENTS_DELETE: Operation = Operation {
    success: 204,
    summary: "Takes a role away, at once.",
    ..Operation::own(
        "RoleAssignments_Delete",
        Method::Delete,
        "/trunkline/directory/roleAssignments/{id}",
        OWNER,
    )
};

/// Every operation of operators on the directory.
pub static ALL: &[&Operation] = &[
    &DIRECTORY_GET,
    &APPLICATIONS_LIST,
    &APPLICATIONS_CREATE,
    &APPLICATIONS_GET,
    &APPLICATIONS_UPDATE,
    &APPLICATIONS_DELETE,
    &CREDENTIALS_ADD,
    &CREDENTIALS_DELETE,
    &DIRECTORY_USERS_LIST,
    &DIRECTORY_USERS_CREATE,
    &DIRECTORY_USERS_GET,
    &DIRECTORY_USERS_UPDATE,
    &DIRECTORY_USERS_DELETE,
    &ROLE_ASSIGNMENTS_LIST,
    &ROLE_ASSIGNMENTS_CREATE,
    &ROLE_ASSIGNMENTS_DELETE,
];
