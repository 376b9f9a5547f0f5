//! The operations of this service, as data: here our own, beside it those of ARM.

pub mod arm;
pub mod resource_manager;

use trunkline_web::operation::{CONTINUATION_TOKEN, MAX_PAGE_SIZE, schema_of};
use trunkline_web::{Allow, Method, Operation, Page, RequestBody, Role};

use crate::api::operators::{NewOperator, Operator, OperatorWithToken};
use crate::api::resources::{KeysReply, NewResource, Resource};

const READER: &[Allow] = &[Allow::Operator(Role::Reader)];
const OWNER: &[Allow] = &[Allow::Operator(Role::Owner)];

/// Lists the resources by name.
pub static RESOURCES_LIST: Operation = Operation {
    reply: Some(schema_of::<Page<Resource>>),
    query: &[MAX_PAGE_SIZE, CONTINUATION_TOKEN],
    summary: "Lists the resources by name.",
    ..Operation::own("Resources_List", Method::Get, "/trunkline/resources", READER)
};

/// Creates a resource, with a given id and keys where wanted.
pub static RESOURCES_CREATE: Operation = Operation {
    success: 201,
    body: RequestBody::OptionalJson(schema_of::<NewResource>),
    reply: Some(schema_of::<Resource>),
    summary: "Creates a resource, with a given immutable id and given keys where wanted.",
    ..Operation::own("Resources_Create", Method::Put, "/trunkline/resources/{name}", OWNER)
};

/// Shows a resource.
pub static RESOURCES_GET: Operation = Operation {
    reply: Some(schema_of::<Resource>),
    summary: "Shows a resource.",
    ..Operation::own("Resources_Get", Method::Get, "/trunkline/resources/{name}", READER)
};

/// Deletes a resource and everything in it.
pub static RESOURCES_DELETE: Operation = Operation {
    success: 204,
    summary: "Deletes a resource and everything in it.",
    ..Operation::own("Resources_Delete", Method::Delete, "/trunkline/resources/{name}", OWNER)
};

/// Shows both access keys and connection strings.
pub static RESOURCES_LIST_KEYS: Operation = Operation {
    reply: Some(schema_of::<KeysReply>),
    summary: "Shows both access keys and connection strings of a resource.",
    ..Operation::own("Resources_ListKeys", Method::Get, "/trunkline/resources/{name}/keys", OWNER)
};

/// Replaces one access key.
pub static RESOURCES_REGENERATE_KEY: Operation = Operation {
    reply: Some(schema_of::<KeysReply>),
    summary: "Replaces one access key; signatures and user tokens made with the old one end at once.",
    ..Operation::own(
        "Resources_RegenerateKey",
        Method::Post,
        "/trunkline/resources/{name}/keys/{slot}/:regenerate",
        OWNER,
    )
};

/// Lists the operators by name.
pub static OPERATORS_LIST: Operation = Operation {
    reply: Some(schema_of::<Page<Operator>>),
    query: &[MAX_PAGE_SIZE, CONTINUATION_TOKEN],
    summary: "Lists the operators by name.",
    ..Operation::own("Operators_List", Method::Get, "/trunkline/operators", OWNER)
};

/// Creates an operator and shows its token once.
pub static OPERATORS_CREATE: Operation = Operation {
    success: 201,
    body: RequestBody::Json(schema_of::<NewOperator>),
    reply: Some(schema_of::<OperatorWithToken>),
    summary: "Creates an operator and shows its token, once.",
    ..Operation::own("Operators_Create", Method::Post, "/trunkline/operators", OWNER)
};

/// Deletes an operator; its token ends at once.
pub static OPERATORS_DELETE: Operation = Operation {
    success: 204,
    summary: "Deletes an operator; its token ends at once.",
    ..Operation::own("Operators_Delete", Method::Delete, "/trunkline/operators/{name}", OWNER)
};

/// Every operation of our own; ARM's are in [`arm::ALL`] and [`resource_manager::ALL`].
pub static ALL: &[&Operation] = &[
    &RESOURCES_LIST,
    &RESOURCES_CREATE,
    &RESOURCES_GET,
    &RESOURCES_DELETE,
    &RESOURCES_LIST_KEYS,
    &RESOURCES_REGENERATE_KEY,
    &OPERATORS_LIST,
    &OPERATORS_CREATE,
    &OPERATORS_DELETE,
];
