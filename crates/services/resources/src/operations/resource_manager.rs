//! What the clients of ARM need around their resources: tenants, subscriptions, providers, resource groups,
//! and the state of long-running operations. Ids and paths are those of ARM's own API.

use trunkline_web::management::OperationStatus;
use trunkline_web::operation::{CONTINUATION_TOKEN, MAX_PAGE_SIZE, schema_of};
use trunkline_web::{Allow, Method, Operation, Page, RequestBody, Role};

use super::arm::{READER, VERSIONS as COMMUNICATION_VERSIONS};
use crate::arm::types::{
    Location, Provider, ResourceGroup, ResourceGroupParameters, ResourceGroupPatch, Subscription, Tenant,
};

/// Api-versions of ARM's own operations: the oldest that clients still in use ask for, and the newest.
const VERSIONS: &[&str] = &["2016-06-01", "2019-05-01", "2021-04-01", "2022-09-01", "2025-04-01"];

const MAKER: &[Allow] = &[Allow::Management(Role::Contributor), Allow::Operator(Role::Owner)];

const GROUPS: &str = "/subscriptions/{subscriptionId}/resourcegroups";
const GROUP: &str = "/subscriptions/{subscriptionId}/resourcegroups/{resourceGroupName}";

const fn published(
    id: &'static str,
    method: Method,
    path: &'static str,
    allow: &'static [Allow],
) -> Operation {
    Operation {
        service: "resource-manager",
        versions: VERSIONS,
        is_case_insensitive: true,
        ..Operation::own(id, method, path, allow)
    }
}

/// `Tenants_List`.
pub static TENANTS_LIST: Operation = Operation {
    reply: Some(schema_of::<Page<Tenant>>),
    summary: "Lists the tenant of this installation.",
    ..published("Tenants_List", Method::Get, "/tenants", READER)
};

/// `Subscriptions_List`.
pub static SUBSCRIPTIONS_LIST: Operation = Operation {
    reply: Some(schema_of::<Page<Subscription>>),
    summary: "Lists the subscription of this installation.",
    ..published("Subscriptions_List", Method::Get, "/subscriptions", READER)
};

/// `Subscriptions_Get`.
pub static SUBSCRIPTIONS_GET: Operation = Operation {
    reply: Some(schema_of::<Subscription>),
    summary: "Shows the subscription of this installation.",
    ..published("Subscriptions_Get", Method::Get, "/subscriptions/{subscriptionId}", READER)
};

/// `Subscriptions_ListLocations`.
pub static SUBSCRIPTIONS_LIST_LOCATIONS: Operation = Operation {
    reply: Some(schema_of::<Page<Location>>),
    summary: "Lists the one location resources have.",
    ..published(
        "Subscriptions_ListLocations",
        Method::Get,
        "/subscriptions/{subscriptionId}/locations",
        READER,
    )
};

/// `Providers_List`.
pub static PROVIDERS_LIST: Operation = Operation {
    reply: Some(schema_of::<Page<Provider>>),
    summary: "Lists the resource providers.",
    ..published("Providers_List", Method::Get, "/subscriptions/{subscriptionId}/providers", READER)
};

/// `Providers_Get`.
pub static PROVIDERS_GET: Operation = Operation {
    reply: Some(schema_of::<Provider>),
    summary: "Shows a resource provider.",
    ..published(
        "Providers_Get",
        Method::Get,
        "/subscriptions/{subscriptionId}/providers/{resourceProviderNamespace}",
        READER,
    )
};

/// `Providers_Register`.
pub static PROVIDERS_REGISTER: Operation = Operation {
    reply: Some(schema_of::<Provider>),
    // Every provider is registered already.
    is_inspection: true,
    summary: "Answers that a resource provider is registered.",
    ..published(
        "Providers_Register",
        Method::Post,
        "/subscriptions/{subscriptionId}/providers/{resourceProviderNamespace}/register",
        READER,
    )
};

/// `ResourceGroups_List`.
pub static RESOURCE_GROUPS_LIST: Operation = Operation {
    reply: Some(schema_of::<Page<ResourceGroup>>),
    query: &[MAX_PAGE_SIZE, CONTINUATION_TOKEN],
    summary: "Lists the resource groups by name, to whoever has a role on the installation.",
    ..published("ResourceGroups_List", Method::Get, GROUPS, READER)
};

/// `ResourceGroups_Get`.
pub static RESOURCE_GROUPS_GET: Operation = Operation {
    reply: Some(schema_of::<ResourceGroup>),
    summary: "Shows a resource group.",
    ..published("ResourceGroups_Get", Method::Get, GROUP, READER)
};

/// `ResourceGroups_CheckExistence`.
pub static RESOURCE_GROUPS_CHECK_EXISTENCE: Operation = Operation {
    success: 204,
    summary: "Says whether a resource group exists.",
    ..published("ResourceGroups_CheckExistence", Method::Head, GROUP, READER)
};

/// `ResourceGroups_CreateOrUpdate`.
pub static RESOURCE_GROUPS_CREATE_OR_UPDATE: Operation = Operation {
    success: 201,
    body: RequestBody::Json(schema_of::<ResourceGroupParameters>),
    reply: Some(schema_of::<ResourceGroup>),
    summary: "Creates a resource group (201) or changes its tags (200).",
    ..published("ResourceGroups_CreateOrUpdate", Method::Put, GROUP, MAKER)
};

/// `ResourceGroups_Update`.
pub static RESOURCE_GROUPS_UPDATE: Operation = Operation {
    body: RequestBody::Json(schema_of::<ResourceGroupPatch>),
    reply: Some(schema_of::<ResourceGroup>),
    summary: "Changes the tags of a resource group.",
    ..published("ResourceGroups_Update", Method::Patch, GROUP, MAKER)
};

/// `ResourceGroups_Delete`.
pub static RESOURCE_GROUPS_DELETE: Operation = Operation {
    success: 202,
    summary: "Deletes a resource group with its resources and everything in them.",
    ..published("ResourceGroups_Delete", Method::Delete, GROUP, MAKER)
};

/// `OperationStatuses_Get`.
pub static OPERATION_STATUSES_GET: Operation = Operation {
    versions: COMMUNICATION_VERSIONS,
    reply: Some(schema_of::<OperationStatus>),
    summary: "Says how far a long-running operation is.",
    ..published(
        "OperationStatuses_Get",
        Method::Get,
        "/subscriptions/{subscriptionId}/providers/Microsoft.Communication/locations/{location}/operationStatuses/{operationId}",
        READER,
    )
};

/// `OperationResults_Get`.
pub static OPERATION_RESULTS_GET: Operation = Operation {
    versions: COMMUNICATION_VERSIONS,
    success: 204,
    summary: "202 while a long-running operation runs, then 204, or its error.",
    ..published(
        "OperationResults_Get",
        Method::Get,
        "/subscriptions/{subscriptionId}/providers/Microsoft.Communication/locations/{location}/operationResults/{operationId}",
        READER,
    )
};

/// `OperationResults_GetInSubscription`.
pub static OPERATION_RESULTS_GET_IN_SUBSCRIPTION: Operation = Operation {
    success: 204,
    summary: "202 while the deletion of a resource group runs, then 204, or its error.",
    ..published(
        "OperationResults_GetInSubscription",
        Method::Get,
        "/subscriptions/{subscriptionId}/operationresults/{operationId}",
        READER,
    )
};

/// Every one.
pub static ALL: &[&Operation] = &[
    &TENANTS_LIST,
    &SUBSCRIPTIONS_LIST,
    &SUBSCRIPTIONS_GET,
    &SUBSCRIPTIONS_LIST_LOCATIONS,
    &PROVIDERS_LIST,
    &PROVIDERS_GET,
    &PROVIDERS_REGISTER,
    &RESOURCE_GROUPS_LIST,
    &RESOURCE_GROUPS_GET,
    &RESOURCE_GROUPS_CHECK_EXISTENCE,
    &RESOURCE_GROUPS_CREATE_OR_UPDATE,
    &RESOURCE_GROUPS_UPDATE,
    &RESOURCE_GROUPS_DELETE,
    &OPERATION_STATUSES_GET,
    &OPERATION_RESULTS_GET,
    &OPERATION_RESULTS_GET_IN_SUBSCRIPTION,
];
