//! System topics, their event subscriptions, topic types, and what stands around them, as published.

use trunkline_web::management::{OperationListResult, OperationStatus};
use trunkline_web::operation::{CONTINUATION_TOKEN, schema_of};
use trunkline_web::{Method, Operation, Page, RequestBody};

use super::{CONTRIBUTOR, FILTER, READER, TOP, published};
use crate::arm::types::{
    DeliveryAttributeListResult, EventSubscription, EventSubscriptionFullUrl, EventSubscriptionParameters,
    EventSubscriptionUpdateParameters, EventType, SystemTopic, SystemTopicParameters,
    SystemTopicUpdateParameters, TopicTypeInfo,
};

/// `SystemTopicEventSubscriptions_Get`.
pub static SYSTEM_TOPIC_EVENT_SUBSCRIPTIONS_GET: Operation = Operation {
    reply: Some(schema_of::<EventSubscription>),
    summary: "Shows an event subscription of a system topic.",
    ..published(
        "SystemTopicEventSubscriptions_Get",
        Method::Get,
        "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.EventGrid/systemTopics/{systemTopicName}/eventSubscriptions/{eventSubscriptionName}",
        READER,
    )
};

/// `SystemTopicEventSubscriptions_CreateOrUpdate`.
pub static SYSTEM_TOPIC_EVENT_SUBSCRIPTIONS_CREATE_OR_UPDATE: Operation = Operation {
    success: 201,
    body: RequestBody::Json(schema_of::<EventSubscriptionParameters>),
    reply: Some(schema_of::<EventSubscription>),
    summary: "Creates or replaces an event subscription of a system topic; while its endpoint is asked, poll Azure-AsyncOperation.",
    ..published(
        "SystemTopicEventSubscriptions_CreateOrUpdate",
        Method::Put,
        "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.EventGrid/systemTopics/{systemTopicName}/eventSubscriptions/{eventSubscriptionName}",
        CONTRIBUTOR,
    )
};

/// `SystemTopicEventSubscriptions_Update`.
pub static SYSTEM_TOPIC_EVENT_SUBSCRIPTIONS_UPDATE: Operation = Operation {
    success: 201,
    body: RequestBody::Json(schema_of::<EventSubscriptionUpdateParameters>),
    reply: Some(schema_of::<EventSubscription>),
    summary: "Changes an event subscription of a system topic; what is left out stays.",
    ..published(
        "SystemTopicEventSubscriptions_Update",
        Method::Patch,
        "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.EventGrid/systemTopics/{systemTopicName}/eventSubscriptions/{eventSubscriptionName}",
        CONTRIBUTOR,
    )
};

/// `SystemTopicEventSubscriptions_Delete`.
pub static SYSTEM_TOPIC_EVENT_SUBSCRIPTIONS_DELETE: Operation = Operation {
    summary: "Deletes an event subscription of a system topic at once, with all that waits for it; 204 when there is none.",
    ..published(
        "SystemTopicEventSubscriptions_Delete",
        Method::Delete,
        "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.EventGrid/systemTopics/{systemTopicName}/eventSubscriptions/{eventSubscriptionName}",
        CONTRIBUTOR,
    )
};

/// `SystemTopicEventSubscriptions_GetFullUrl`.
pub static SYSTEM_TOPIC_EVENT_SUBSCRIPTIONS_GET_FULL_URL: Operation = Operation {
    reply: Some(schema_of::<EventSubscriptionFullUrl>),
    is_inspection: true,
    summary: "Shows the whole address that an event subscription of a system topic goes to.",
    ..published(
        "SystemTopicEventSubscriptions_GetFullUrl",
        Method::Post,
        "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.EventGrid/systemTopics/{systemTopicName}/eventSubscriptions/{eventSubscriptionName}/getFullUrl",
        CONTRIBUTOR,
    )
};

/// `SystemTopicEventSubscriptions_GetDeliveryAttributes`.
pub static SYSTEM_TOPIC_EVENT_SUBSCRIPTIONS_GET_DELIVERY_ATTRIBUTES: Operation = Operation {
    reply: Some(schema_of::<DeliveryAttributeListResult>),
    is_inspection: true,
    summary: "Shows the headers of each delivery of an event subscription of a system topic, secret ones without their value.",
    ..published(
        "SystemTopicEventSubscriptions_GetDeliveryAttributes",
        Method::Post,
        "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.EventGrid/systemTopics/{systemTopicName}/eventSubscriptions/{eventSubscriptionName}/getDeliveryAttributes",
        CONTRIBUTOR,
    )
};

/// `SystemTopics_Get`.
pub static SYSTEM_TOPICS_GET: Operation = Operation {
    reply: Some(schema_of::<SystemTopic>),
    summary: "Shows a system topic.",
    ..published(
        "SystemTopics_Get",
        Method::Get,
        "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.EventGrid/systemTopics/{systemTopicName}",
        READER,
    )
};

/// `SystemTopics_CreateOrUpdate`.
pub static SYSTEM_TOPICS_CREATE_OR_UPDATE: Operation = Operation {
    success: 201,
    body: RequestBody::Json(schema_of::<SystemTopicParameters>),
    reply: Some(schema_of::<SystemTopic>),
    summary: "Creates a system topic for the events of a resource (201) or replaces its tags (200).",
    ..published(
        "SystemTopics_CreateOrUpdate",
        Method::Put,
        "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.EventGrid/systemTopics/{systemTopicName}",
        CONTRIBUTOR,
    )
};

/// `SystemTopics_Update`.
pub static SYSTEM_TOPICS_UPDATE: Operation = Operation {
    body: RequestBody::Json(schema_of::<SystemTopicUpdateParameters>),
    reply: Some(schema_of::<SystemTopic>),
    summary: "Changes the tags of a system topic.",
    ..published(
        "SystemTopics_Update",
        Method::Patch,
        "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.EventGrid/systemTopics/{systemTopicName}",
        CONTRIBUTOR,
    )
};

/// `SystemTopics_Delete`.
pub static SYSTEM_TOPICS_DELETE: Operation = Operation {
    summary: "Deletes a system topic without event subscriptions; 204 when there is none.",
    ..published(
        "SystemTopics_Delete",
        Method::Delete,
        "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.EventGrid/systemTopics/{systemTopicName}",
        CONTRIBUTOR,
    )
};

/// `SystemTopics_ListBySubscription`.
pub static SYSTEM_TOPICS_LIST_BY_SUBSCRIPTION: Operation = Operation {
    reply: Some(schema_of::<Page<SystemTopic>>),
    query: &[TOP, FILTER, CONTINUATION_TOKEN],
    summary: "Lists the system topics that the caller may see, by group and name.",
    ..published(
        "SystemTopics_ListBySubscription",
        Method::Get,
        "/subscriptions/{subscriptionId}/providers/Microsoft.EventGrid/systemTopics",
        READER,
    )
};

/// `SystemTopics_ListByResourceGroup`.
pub static SYSTEM_TOPICS_LIST_BY_RESOURCE_GROUP: Operation = Operation {
    reply: Some(schema_of::<Page<SystemTopic>>),
    query: &[TOP, FILTER, CONTINUATION_TOKEN],
    summary: "Lists the system topics of a group that the caller may see, by name.",
    ..published(
        "SystemTopics_ListByResourceGroup",
        Method::Get,
        "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.EventGrid/systemTopics",
        READER,
    )
};

/// `TopicTypes_List`.
pub static TOPIC_TYPES_LIST: Operation = Operation {
    reply: Some(schema_of::<Page<TopicTypeInfo>>),
    summary: "Lists the one topic type.",
    ..published("TopicTypes_List", Method::Get, "/providers/Microsoft.EventGrid/topicTypes", READER)
};

/// `TopicTypes_Get`.
pub static TOPIC_TYPES_GET: Operation = Operation {
    reply: Some(schema_of::<TopicTypeInfo>),
    summary: "Shows the topic type.",
    ..published(
        "TopicTypes_Get",
        Method::Get,
        "/providers/Microsoft.EventGrid/topicTypes/{topicTypeName}",
        READER,
    )
};

/// `TopicTypes_ListEventTypes`.
pub static TOPIC_TYPES_LIST_EVENT_TYPES: Operation = Operation {
    reply: Some(schema_of::<Page<EventType>>),
    summary: "Lists the event types that can be subscribed to.",
    ..published(
        "TopicTypes_ListEventTypes",
        Method::Get,
        "/providers/Microsoft.EventGrid/topicTypes/{topicTypeName}/eventTypes",
        READER,
    )
};

/// `Operations_List`.
pub static OPERATIONS_LIST: Operation = Operation {
    reply: Some(schema_of::<OperationListResult>),
    summary: "Lists what can be done to event subscriptions, by the names ARM's roles use.",
    ..published("Operations_List", Method::Get, "/providers/Microsoft.EventGrid/operations", READER)
};

/// `OperationsStatus_Get`.
pub static OPERATIONS_STATUS_GET: Operation = Operation {
    reply: Some(schema_of::<OperationStatus>),
    summary: "Says how far the handshake behind a change is.",
    ..published(
        "OperationsStatus_Get",
        Method::Get,
        "/subscriptions/{subscriptionId}/providers/Microsoft.EventGrid/locations/{location}/operationsStatus/{operationId}",
        READER,
    )
};
