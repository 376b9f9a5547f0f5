//! The operations of `Microsoft.EventGrid` on communication resources, as published.
//!
//! The published paths begin with a scope; here that is a communication resource. Whoever holds a role on the
//! installation holds it on every resource. System topics are the installation's: changing one needs a role there,
//! looking at one a role on the resource behind it.

pub mod lists;
pub mod topics;

use trunkline_web::operation::{QueryParameter, schema_of};
use trunkline_web::{Allow, Method, Operation, RequestBody, Role};

use crate::arm::types::{
    DeliveryAttributeListResult, EventSubscription, EventSubscriptionFullUrl, EventSubscriptionParameters,
    EventSubscriptionUpdateParameters,
};

pub use lists::*;
pub use topics::*;

/// The api-versions the SDKs ask for.
pub const VERSIONS: &[&str] = &["2022-06-15", "2025-02-15"];

const READER: &[Allow] = &[Allow::Management(Role::Reader), Allow::Operator(Role::Reader)];
const CONTRIBUTOR: &[Allow] = &[Allow::Management(Role::Contributor), Allow::Operator(Role::Contributor)];

const TOP: QueryParameter =
    QueryParameter { name: "$top", kind: "integer", description: "The most entries on one page: 1 to 100." };

const FILTER: QueryParameter = QueryParameter {
    name: "$filter",
    kind: "string",
    description: "Which names: contains(name, 'TEXT'), name eq 'TEXT', name ne 'TEXT', joined by and, or, not.",
};

const fn published(
    id: &'static str,
    method: Method,
    path: &'static str,
    allow: &'static [Allow],
) -> Operation {
    Operation {
        service: "event-grid",
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

/// `EventSubscriptions_Get`.
pub static EVENT_SUBSCRIPTIONS_GET: Operation = Operation {
    reply: Some(schema_of::<EventSubscription>),
    summary: "Shows an event subscription.",
    ..managing(
        "EventSubscriptions_Get",
        Method::Get,
        "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Communication/communicationServices/{communicationServiceName}/providers/Microsoft.EventGrid/eventSubscriptions/{eventSubscriptionName}",
        READER,
    )
};

/// `EventSubscriptions_CreateOrUpdate`.
pub static EVENT_SUBSCRIPTIONS_CREATE_OR_UPDATE: Operation = Operation {
    success: 201,
    body: RequestBody::Json(schema_of::<EventSubscriptionParameters>),
    reply: Some(schema_of::<EventSubscription>),
    summary: "Creates or replaces an event subscription; while its endpoint is asked, poll Azure-AsyncOperation.",
    ..managing(
        "EventSubscriptions_CreateOrUpdate",
        Method::Put,
        "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Communication/communicationServices/{communicationServiceName}/providers/Microsoft.EventGrid/eventSubscriptions/{eventSubscriptionName}",
        CONTRIBUTOR,
    )
};

/// `EventSubscriptions_Update`.
pub static EVENT_SUBSCRIPTIONS_UPDATE: Operation = Operation {
    success: 201,
    body: RequestBody::Json(schema_of::<EventSubscriptionUpdateParameters>),
    reply: Some(schema_of::<EventSubscription>),
    summary: "Changes an event subscription; what is left out stays.",
    ..managing(
        "EventSubscriptions_Update",
        Method::Patch,
        "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Communication/communicationServices/{communicationServiceName}/providers/Microsoft.EventGrid/eventSubscriptions/{eventSubscriptionName}",
        CONTRIBUTOR,
    )
};

/// `EventSubscriptions_Delete`.
pub static EVENT_SUBSCRIPTIONS_DELETE: Operation = Operation {
    summary: "Deletes an event subscription at once, with all that waits for it; 204 when there is none.",
    ..managing(
        "EventSubscriptions_Delete",
        Method::Delete,
        "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Communication/communicationServices/{communicationServiceName}/providers/Microsoft.EventGrid/eventSubscriptions/{eventSubscriptionName}",
        CONTRIBUTOR,
    )
};

/// `EventSubscriptions_GetFullUrl`.
pub static EVENT_SUBSCRIPTIONS_GET_FULL_URL: Operation = Operation {
    reply: Some(schema_of::<EventSubscriptionFullUrl>),
    is_inspection: true,
    summary: "Shows the whole address that an event subscription goes to.",
    ..managing(
        "EventSubscriptions_GetFullUrl",
        Method::Post,
        "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Communication/communicationServices/{communicationServiceName}/providers/Microsoft.EventGrid/eventSubscriptions/{eventSubscriptionName}/getFullUrl",
        CONTRIBUTOR,
    )
};

/// `EventSubscriptions_GetDeliveryAttributes`.
pub static EVENT_SUBSCRIPTIONS_GET_DELIVERY_ATTRIBUTES: Operation = Operation {
    reply: Some(schema_of::<DeliveryAttributeListResult>),
    is_inspection: true,
    summary: "Shows the headers of each delivery of an event subscription, secret ones without their value.",
    ..managing(
        "EventSubscriptions_GetDeliveryAttributes",
        Method::Post,
        "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Communication/communicationServices/{communicationServiceName}/providers/Microsoft.EventGrid/eventSubscriptions/{eventSubscriptionName}/getDeliveryAttributes",
        CONTRIBUTOR,
    )
};

/// Every one.
pub static ALL: &[&Operation] = &[
    &EVENT_SUBSCRIPTIONS_GET,
    &EVENT_SUBSCRIPTIONS_CREATE_OR_UPDATE,
    &EVENT_SUBSCRIPTIONS_UPDATE,
    &EVENT_SUBSCRIPTIONS_DELETE,
    &EVENT_SUBSCRIPTIONS_GET_FULL_URL,
    &EVENT_SUBSCRIPTIONS_GET_DELIVERY_ATTRIBUTES,
    &SYSTEM_TOPIC_EVENT_SUBSCRIPTIONS_GET,
    &SYSTEM_TOPIC_EVENT_SUBSCRIPTIONS_CREATE_OR_UPDATE,
    &SYSTEM_TOPIC_EVENT_SUBSCRIPTIONS_UPDATE,
    &SYSTEM_TOPIC_EVENT_SUBSCRIPTIONS_DELETE,
    &SYSTEM_TOPIC_EVENT_SUBSCRIPTIONS_GET_FULL_URL,
    &SYSTEM_TOPIC_EVENT_SUBSCRIPTIONS_GET_DELIVERY_ATTRIBUTES,
    &EVENT_SUBSCRIPTIONS_LIST_BY_RESOURCE,
    &SYSTEM_TOPIC_EVENT_SUBSCRIPTIONS_LIST_BY_SYSTEM_TOPIC,
    &EVENT_SUBSCRIPTIONS_LIST_GLOBAL_BY_SUBSCRIPTION,
    &EVENT_SUBSCRIPTIONS_LIST_GLOBAL_BY_SUBSCRIPTION_FOR_TOPIC_TYPE,
    &EVENT_SUBSCRIPTIONS_LIST_REGIONAL_BY_SUBSCRIPTION,
    &EVENT_SUBSCRIPTIONS_LIST_REGIONAL_BY_SUBSCRIPTION_FOR_TOPIC_TYPE,
    &EVENT_SUBSCRIPTIONS_LIST_GLOBAL_BY_RESOURCE_GROUP,
    &EVENT_SUBSCRIPTIONS_LIST_GLOBAL_BY_RESOURCE_GROUP_FOR_TOPIC_TYPE,
    &EVENT_SUBSCRIPTIONS_LIST_REGIONAL_BY_RESOURCE_GROUP,
    &EVENT_SUBSCRIPTIONS_LIST_REGIONAL_BY_RESOURCE_GROUP_FOR_TOPIC_TYPE,
    &SYSTEM_TOPICS_GET,
    &SYSTEM_TOPICS_CREATE_OR_UPDATE,
    &SYSTEM_TOPICS_UPDATE,
    &SYSTEM_TOPICS_DELETE,
    &SYSTEM_TOPICS_LIST_BY_SUBSCRIPTION,
    &SYSTEM_TOPICS_LIST_BY_RESOURCE_GROUP,
    &TOPIC_TYPES_LIST,
    &TOPIC_TYPES_GET,
    &TOPIC_TYPES_LIST_EVENT_TYPES,
    &OPERATIONS_LIST,
    &OPERATIONS_STATUS_GET,
];
