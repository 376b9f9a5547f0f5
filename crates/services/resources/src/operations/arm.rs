//! The operations of `Microsoft.Communication/communicationServices`, as published.
//!
//! Whoever holds a role on the installation holds it on every resource; a role on one resource opens the
//! operations that name it in their path. Keys are for owners, as in the operator API.

use trunkline_web::management::OperationListResult;
use trunkline_web::operation::{CONTINUATION_TOKEN, MAX_PAGE_SIZE, schema_of};
use trunkline_web::{Allow, Method, Operation, Page, RequestBody, Role};

use crate::api::resources::KeysReply;
use crate::arm::types::{
    CheckNameAvailabilityResponse, CommunicationServiceParameters, CommunicationServiceResource,
    CommunicationServiceResourceUpdate, LinkNotificationHubParameters, LinkedNotificationHub,
    NameAvailabilityParameters, RegenerateKeyParameters,
};

/// The published api-versions.
pub(crate) const VERSIONS: &[&str] = &["2023-04-01", "2023-06-01-preview", "2025-09-01"];

pub(crate) const READER: &[Allow] = &[Allow::Management(Role::Reader), Allow::Operator(Role::Reader)];
/// What an operator of this server may do only as an owner stays so behind this door.
const MAKER: &[Allow] = &[Allow::Management(Role::Contributor), Allow::Operator(Role::Owner)];
const CONTRIBUTOR: &[Allow] = &[Allow::Management(Role::Contributor), Allow::Operator(Role::Contributor)];
const OWNER: &[Allow] = &[Allow::Management(Role::Owner), Allow::Operator(Role::Owner)];

const IN_SUBSCRIPTION: &str =
    "/subscriptions/{subscriptionId}/providers/Microsoft.Communication/communicationServices";
const IN_GROUP: &str = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Communication/communicationServices";
const ONE: &str = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Communication/communicationServices/{communicationServiceName}";

const fn published(
    id: &'static str,
    method: Method,
    path: &'static str,
    allow: &'static [Allow],
) -> Operation {
    Operation {
        service: "arm",
        versions: VERSIONS,
        is_case_insensitive: true,
        ..Operation::own(id, method, path, allow)
    }
}

/// One that names its resource in the path.
const fn managing(
    id: &'static str,
    method: Method,
    path: &'static str,
    allow: &'static [Allow],
) -> Operation {
    Operation { manages: Some("communicationServiceName"), ..published(id, method, path, allow) }
}

/// `Operations_List`.
pub static OPERATIONS_LIST: Operation = Operation {
    reply: Some(schema_of::<OperationListResult>),
    summary: "Lists what can be done to resources, by the names ARM's roles use.",
    ..published("Operations_List", Method::Get, "/providers/Microsoft.Communication/operations", READER)
};

/// `CommunicationServices_CheckNameAvailability`.
pub static COMMUNICATION_SERVICES_CHECK_NAME_AVAILABILITY: Operation = Operation {
    body: RequestBody::Json(schema_of::<NameAvailabilityParameters>),
    reply: Some(schema_of::<CheckNameAvailabilityResponse>),
    is_inspection: true,
    summary: "Says whether a resource can get a name.",
    ..published(
        "CommunicationServices_CheckNameAvailability",
        Method::Post,
        "/subscriptions/{subscriptionId}/providers/Microsoft.Communication/checkNameAvailability",
        READER,
    )
};

/// `CommunicationServices_ListBySubscription`.
pub static COMMUNICATION_SERVICES_LIST_BY_SUBSCRIPTION: Operation = Operation {
    reply: Some(schema_of::<Page<CommunicationServiceResource>>),
    query: &[MAX_PAGE_SIZE, CONTINUATION_TOKEN],
    summary: "Lists the resources the caller may see, by name.",
    ..published("CommunicationServices_ListBySubscription", Method::Get, IN_SUBSCRIPTION, READER)
};

/// `CommunicationServices_ListByResourceGroup`.
pub static COMMUNICATION_SERVICES_LIST_BY_RESOURCE_GROUP: Operation = Operation {
    reply: Some(schema_of::<Page<CommunicationServiceResource>>),
    query: &[MAX_PAGE_SIZE, CONTINUATION_TOKEN],
    summary: "Lists the resources of a group that the caller may see, by name.",
    ..published("CommunicationServices_ListByResourceGroup", Method::Get, IN_GROUP, READER)
};

/// `CommunicationServices_Get`.
pub static COMMUNICATION_SERVICES_GET: Operation = Operation {
    reply: Some(schema_of::<CommunicationServiceResource>),
    summary: "Shows a resource.",
    ..managing("CommunicationServices_Get", Method::Get, ONE, READER)
};

/// `CommunicationServices_CreateOrUpdate`.
pub static COMMUNICATION_SERVICES_CREATE_OR_UPDATE: Operation = Operation {
    success: 201,
    body: RequestBody::Json(schema_of::<CommunicationServiceParameters>),
    reply: Some(schema_of::<CommunicationServiceResource>),
    summary: "Creates a resource (201) or changes one (200).",
    ..managing("CommunicationServices_CreateOrUpdate", Method::Put, ONE, MAKER)
};

/// `CommunicationServices_Update`.
pub static COMMUNICATION_SERVICES_UPDATE: Operation = Operation {
    body: RequestBody::Json(schema_of::<CommunicationServiceResourceUpdate>),
    reply: Some(schema_of::<CommunicationServiceResource>),
    summary: "Changes tags, linked domains, identity, or whether access keys work.",
    ..managing("CommunicationServices_Update", Method::Patch, ONE, CONTRIBUTOR)
};

/// `CommunicationServices_Delete`.
pub static COMMUNICATION_SERVICES_DELETE: Operation = Operation {
    success: 202,
    summary: "Deletes a resource and everything in it; 204 when there is none.",
    ..managing("CommunicationServices_Delete", Method::Delete, ONE, MAKER)
};

/// `CommunicationServices_LinkNotificationHub`.
pub static COMMUNICATION_SERVICES_LINK_NOTIFICATION_HUB: Operation = Operation {
    body: RequestBody::Json(schema_of::<LinkNotificationHubParameters>),
    reply: Some(schema_of::<LinkedNotificationHub>),
    summary: "Links a notification hub; its connection string is kept sealed.",
    ..managing(
        "CommunicationServices_LinkNotificationHub",
        Method::Post,
        "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Communication/communicationServices/{communicationServiceName}/linkNotificationHub",
        CONTRIBUTOR,
    )
};

/// `CommunicationServices_ListKeys`.
pub static COMMUNICATION_SERVICES_LIST_KEYS: Operation = Operation {
    reply: Some(schema_of::<KeysReply>),
    is_inspection: true,
    summary: "Shows both access keys and connection strings.",
    ..managing(
        "CommunicationServices_ListKeys",
        Method::Post,
        "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Communication/communicationServices/{communicationServiceName}/listKeys",
        OWNER,
    )
};

/// `CommunicationServices_RegenerateKey`.
pub static COMMUNICATION_SERVICES_REGENERATE_KEY: Operation = Operation {
    body: RequestBody::Json(schema_of::<RegenerateKeyParameters>),
    reply: Some(schema_of::<KeysReply>),
    summary: "Replaces one access key; signatures and user tokens made with the old one end at once.",
    ..managing(
        "CommunicationServices_RegenerateKey",
        Method::Post,
        "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Communication/communicationServices/{communicationServiceName}/regenerateKey",
        OWNER,
    )
};

/// Every one.
pub static ALL: &[&Operation] = &[
    &OPERATIONS_LIST,
    &COMMUNICATION_SERVICES_CHECK_NAME_AVAILABILITY,
    &COMMUNICATION_SERVICES_LIST_BY_SUBSCRIPTION,
    &COMMUNICATION_SERVICES_LIST_BY_RESOURCE_GROUP,
    &COMMUNICATION_SERVICES_GET,
    &COMMUNICATION_SERVICES_CREATE_OR_UPDATE,
    &COMMUNICATION_SERVICES_UPDATE,
    &COMMUNICATION_SERVICES_DELETE,
    &COMMUNICATION_SERVICES_LINK_NOTIFICATION_HUB,
    &COMMUNICATION_SERVICES_LIST_KEYS,
    &COMMUNICATION_SERVICES_REGENERATE_KEY,
];
