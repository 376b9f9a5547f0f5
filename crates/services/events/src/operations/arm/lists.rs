//! The lists of event subscriptions, as published.

use trunkline_web::operation::{CONTINUATION_TOKEN, schema_of};
use trunkline_web::{Method, Operation, Page};

use super::{FILTER, READER, TOP, managing, published};
use crate::arm::types::EventSubscription;

/// `EventSubscriptions_ListByResource`.
pub static EVENT_SUBSCRIPTIONS_LIST_BY_RESOURCE: Operation = Operation {
    reply: Some(schema_of::<Page<EventSubscription>>),
    query: &[TOP, FILTER, CONTINUATION_TOKEN],
    summary: "Lists the event subscriptions of a resource, by name.",
    ..managing(
        "EventSubscriptions_ListByResource",
        Method::Get,
        "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Communication/communicationServices/{communicationServiceName}/providers/Microsoft.EventGrid/eventSubscriptions",
        READER,
    )
};

/// `SystemTopicEventSubscriptions_ListBySystemTopic`.
pub static SYSTEM_TOPIC_EVENT_SUBSCRIPTIONS_LIST_BY_SYSTEM_TOPIC: Operation = Operation {
    reply: Some(schema_of::<Page<EventSubscription>>),
    query: &[TOP, FILTER, CONTINUATION_TOKEN],
    summary: "Lists the event subscriptions of a system topic, by name.",
    ..published(
        "SystemTopicEventSubscriptions_ListBySystemTopic",
        Method::Get,
        "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.EventGrid/systemTopics/{systemTopicName}/eventSubscriptions",
        READER,
    )
};

/// `EventSubscriptions_ListGlobalBySubscription`.
pub static EVENT_SUBSCRIPTIONS_LIST_GLOBAL_BY_SUBSCRIPTION: Operation = Operation {
    reply: Some(schema_of::<Page<EventSubscription>>),
    query: &[TOP, FILTER, CONTINUATION_TOKEN],
    summary: "Lists the event subscriptions that the caller may see.",
    ..published(
        "EventSubscriptions_ListGlobalBySubscription",
        Method::Get,
        "/subscriptions/{subscriptionId}/providers/Microsoft.EventGrid/eventSubscriptions",
        READER,
    )
};

/// `EventSubscriptions_ListGlobalBySubscriptionForTopicType`.
pub static EVENT_SUBSCRIPTIONS_LIST_GLOBAL_BY_SUBSCRIPTION_FOR_TOPIC_TYPE: Operation = Operation {
    reply: Some(schema_of::<Page<EventSubscription>>),
    query: &[TOP, FILTER, CONTINUATION_TOKEN],
    summary: "Lists the event subscriptions of one topic type that the caller may see.",
    ..published(
        "EventSubscriptions_ListGlobalBySubscriptionForTopicType",
        Method::Get,
        "/subscriptions/{subscriptionId}/providers/Microsoft.EventGrid/topicTypes/{topicTypeName}/eventSubscriptions",
        READER,
    )
};

/// `EventSubscriptions_ListRegionalBySubscription`.
pub static EVENT_SUBSCRIPTIONS_LIST_REGIONAL_BY_SUBSCRIPTION: Operation = Operation {
    reply: Some(schema_of::<Page<EventSubscription>>),
    query: &[TOP, FILTER, CONTINUATION_TOKEN],
    summary: "Lists the event subscriptions that the caller may see; those of resources are in the location `global`.",
    ..published(
        "EventSubscriptions_ListRegionalBySubscription",
        Method::Get,
        "/subscriptions/{subscriptionId}/providers/Microsoft.EventGrid/locations/{location}/eventSubscriptions",
        READER,
    )
};

/// `EventSubscriptions_ListRegionalBySubscriptionForTopicType`.
pub static EVENT_SUBSCRIPTIONS_LIST_REGIONAL_BY_SUBSCRIPTION_FOR_TOPIC_TYPE: Operation = Operation {
    reply: Some(schema_of::<Page<EventSubscription>>),
    query: &[TOP, FILTER, CONTINUATION_TOKEN],
    summary: "Lists the event subscriptions of one topic type that the caller may see; those of resources are in the location `global`.",
    ..published(
        "EventSubscriptions_ListRegionalBySubscriptionForTopicType",
        Method::Get,
        "/subscriptions/{subscriptionId}/providers/Microsoft.EventGrid/locations/{location}/topicTypes/{topicTypeName}/eventSubscriptions",
        READER,
    )
};

/// `EventSubscriptions_ListGlobalByResourceGroup`.
pub static EVENT_SUBSCRIPTIONS_LIST_GLOBAL_BY_RESOURCE_GROUP: Operation = Operation {
    reply: Some(schema_of::<Page<EventSubscription>>),
    query: &[TOP, FILTER, CONTINUATION_TOKEN],
    summary: "Lists the event subscriptions in a group that the caller may see.",
    ..published(
        "EventSubscriptions_ListGlobalByResourceGroup",
        Method::Get,
        "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.EventGrid/eventSubscriptions",
        READER,
    )
};

/// `EventSubscriptions_ListGlobalByResourceGroupForTopicType`.
pub static EVENT_SUBSCRIPTIONS_LIST_GLOBAL_BY_RESOURCE_GROUP_FOR_TOPIC_TYPE: Operation = Operation {
    reply: Some(schema_of::<Page<EventSubscription>>),
    query: &[TOP, FILTER, CONTINUATION_TOKEN],
    summary: "Lists the event subscriptions in a group of one topic type that the caller may see.",
    ..published(
        "EventSubscriptions_ListGlobalByResourceGroupForTopicType",
        Method::Get,
        "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.EventGrid/topicTypes/{topicTypeName}/eventSubscriptions",
        READER,
    )
};

/// `EventSubscriptions_ListRegionalByResourceGroup`.
pub static EVENT_SUBSCRIPTIONS_LIST_REGIONAL_BY_RESOURCE_GROUP: Operation = Operation {
    reply: Some(schema_of::<Page<EventSubscription>>),
    query: &[TOP, FILTER, CONTINUATION_TOKEN],
    summary: "Lists the event subscriptions in a group that the caller may see; those of resources are in the location `global`.",
    ..published(
        "EventSubscriptions_ListRegionalByResourceGroup",
        Method::Get,
        "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.EventGrid/locations/{location}/eventSubscriptions",
        READER,
    )
};

/// `EventSubscriptions_ListRegionalByResourceGroupForTopicType`.
pub static EVENT_SUBSCRIPTIONS_LIST_REGIONAL_BY_RESOURCE_GROUP_FOR_TOPIC_TYPE: Operation = Operation {
    reply: Some(schema_of::<Page<EventSubscription>>),
    query: &[TOP, FILTER, CONTINUATION_TOKEN],
    summary: "Lists the event subscriptions in a group of one topic type that the caller may see; those of resources are in the location `global`.",
    ..published(
        "EventSubscriptions_ListRegionalByResourceGroupForTopicType",
        Method::Get,
        "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.EventGrid/locations/{location}/topicTypes/{topicTypeName}/eventSubscriptions",
        READER,
    )
};
