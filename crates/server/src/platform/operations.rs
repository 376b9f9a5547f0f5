//! The operations as data.

use trunkline_web::audit::AuditEntry;
use trunkline_web::long_running::OperationStatus;
use trunkline_web::operation::{CONTINUATION_TOKEN, MAX_PAGE_SIZE, schema_of};
use trunkline_web::{Allow, Method, Operation, Page, RequestBody, Role};

use super::BackupPayload;
use super::api::{ResealReply, StatusReply};

const ANYONE: &[Allow] = &[Allow::Anyone];
const READER: &[Allow] = &[Allow::Operator(Role::Reader)];
const OWNER: &[Allow] = &[Allow::Operator(Role::Owner)];

/// Answers without doing anything: the yardstick of `bench token`.
pub(crate) static PING_GET: Operation = Operation {
    success: 204,
    summary: "Answers without doing anything.",
    ..Operation::own("Ping_Get", Method::Get, "/trunkline/ping", ANYONE)
};

/// What this server is and how it does.
pub(crate) static STATUS_GET: Operation = Operation {
    reply: Some(schema_of::<StatusReply>),
    summary: "Says what this server is and how it does.",
    ..Operation::own("Status_Get", Method::Get, "/trunkline/status", READER)
};

/// The audit log.
pub(crate) static AUDIT_LIST: Operation = Operation {
    reply: Some(schema_of::<Page<AuditEntry>>),
    query: &[MAX_PAGE_SIZE, CONTINUATION_TOKEN],
    summary: "Lists the changes made by operators, newest first.",
    ..Operation::own("Audit_List", Method::Get, "/trunkline/audit", OWNER)
};

/// The state of a long-running operation.
pub(crate) static OPERATIONS_GET: Operation = Operation {
    reply: Some(schema_of::<OperationStatus>),
    summary: "Says how far a long-running operation is.",
    ..Operation::own("Operations_Get", Method::Get, "/trunkline/operations/{id}", READER)
};

/// Backs up the running server.
pub(crate) static BACKUPS_CREATE: Operation = Operation {
    success: 202,
    body: RequestBody::Json(schema_of::<BackupPayload>),
    reply: Some(schema_of::<OperationStatus>),
    summary: "Backs up the running server into a new folder on its machine.",
    ..Operation::own("Backups_Create", Method::Post, "/trunkline/backups", OWNER)
};

/// Makes a new master key and seals every secret with it.
pub(crate) static MASTER_KEY_ROTATE: Operation = Operation {
    reply: Some(schema_of::<ResealReply>),
    summary: "Makes a new master key and seals every secret with it.",
    ..Operation::own("MasterKey_Rotate", Method::Post, "/trunkline/masterKey/:rotate", OWNER)
};

/// A published OpenAPI document.
pub(crate) static OPENAPI_GET: Operation = Operation {
    summary: "The OpenAPI 3.1 document of a service in one api-version ('current' for our own).",
    ..Operation::own("OpenApi_Get", Method::Get, "/openapi/{service}/{version}.json", ANYONE)
};

/// Every operation of this service.
pub(crate) static ALL: &[&Operation] = &[
    &PING_GET,
    &STATUS_GET,
    &AUDIT_LIST,
    &OPERATIONS_GET,
    &BACKUPS_CREATE,
    &MASTER_KEY_ROTATE,
    &OPENAPI_GET,
];
