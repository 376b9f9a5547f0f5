//! What can be subscribed to: one topic type with its event types; and what can be done, by ARM's names.

use std::sync::Arc;

use http::StatusCode;
use trunkline_catalogue::{EVENT_TYPES, NAME_PREFIX, TOPIC_TYPE};
use trunkline_web::management::{OperationDisplay, OperationListResult, ProviderOperation};
use trunkline_web::{ApiError, Context, Page, Reply};

use super::types::{EventType, EventTypeProperties, TopicTypeInfo, TopicTypeProperties};
use crate::EventsService;

/// What can be done, and its name for people.
const OPERATIONS: [(&str, &str, &str); 13] = [
    ("eventSubscriptions/read", "Event subscriptions", "Read an event subscription"),
    ("eventSubscriptions/write", "Event subscriptions", "Create or change an event subscription"),
    ("eventSubscriptions/delete", "Event subscriptions", "Delete an event subscription"),
    ("eventSubscriptions/getFullUrl/action", "Event subscriptions", "Read the whole address of a web hook"),
    ("eventSubscriptions/getDeliveryAttributes/action", "Event subscriptions", "Read delivery attributes"),
    ("systemTopics/read", "System topics", "Read a system topic"),
    ("systemTopics/write", "System topics", "Create or change a system topic"),
    ("systemTopics/delete", "System topics", "Delete a system topic"),
    ("systemTopics/eventSubscriptions/read", "System topics", "Read an event subscription of a topic"),
    ("systemTopics/eventSubscriptions/write", "System topics", "Create or change one"),
    ("systemTopics/eventSubscriptions/delete", "System topics", "Delete one"),
    ("topicTypes/read", "Topic types", "Read topic types"),
    ("operations/read", "Operations", "List these operations"),
];

fn id() -> String {
    format!("providers/Microsoft.EventGrid/topicTypes/{TOPIC_TYPE}")
}

fn topic_type() -> TopicTypeInfo {
    TopicTypeInfo {
        id: id(),
        name: TOPIC_TYPE,
        kind: "Microsoft.EventGrid/topicTypes",
        properties: TopicTypeProperties {
            provider: "Microsoft.Communication",
            display_name: "Communication Services",
            description: "Events of chat, calls, messages, e-mail and job routing.",
            resource_region_type: "GlobalResource",
            provisioning_state: "Succeeded",
            supported_locations: vec!["global"],
            source_resource_format: "/subscriptions/<subscriptionId>/resourceGroups/<resourceGroup>/providers/Microsoft.Communication/CommunicationServices/<name>",
            supported_scopes_for_source: vec!["Resource"],
        },
    }
}

/// Whether the path names the topic type there is.
///
/// **Errors**: 404.
fn expect_known(context: &Context) -> Result<(), ApiError> {
    if context.path("topicTypeName").eq_ignore_ascii_case(TOPIC_TYPE) {
        return Ok(());
    }
    let message = format!("There is no such topic type here; there is {TOPIC_TYPE}.");
    Err(ApiError::new(StatusCode::NOT_FOUND, "ResourceNotFound", message).with_target("topicTypeName"))
}

/// A list that fits on one page.
fn whole<T: serde::Serialize>(value: Vec<T>) -> Reply {
    Reply::json(StatusCode::OK, &Page { value, next_link: None })
}

pub(crate) async fn topic_types_list(_: Arc<EventsService>, _: Context) -> Result<Reply, ApiError> {
    Ok(whole(vec![topic_type()]))
}

pub(crate) async fn topic_types_get(_: Arc<EventsService>, context: Context) -> Result<Reply, ApiError> {
    expect_known(&context)?;
    Ok(Reply::json(StatusCode::OK, &topic_type()))
}

pub(crate) async fn topic_types_list_event_types(
    _: Arc<EventsService>,
    context: Context,
) -> Result<Reply, ApiError> {
    expect_known(&context)?;
    let shown = |known: &'static trunkline_catalogue::EventType| EventType {
        id: format!("{}/eventTypes/{}", id(), known.name),
        name: known.name,
        kind: "Microsoft.EventGrid/topicTypes/eventTypes",
        properties: EventTypeProperties {
            display_name: known.name.strip_prefix(NAME_PREFIX).unwrap_or(known.name).to_owned(),
            description: known.summary,
            schema_url: format!("{}/trunkline/eventTypes/{}", context.origin(), known.name),
            is_in_default_set: true,
        },
    };
    Ok(whole(EVENT_TYPES.iter().map(shown).collect()))
}

pub(crate) async fn operations_list(_: Arc<EventsService>, _: Context) -> Result<Reply, ApiError> {
    let operation = |(name, resource, title): (&str, &'static str, &'static str)| {
        let display =
            OperationDisplay { provider: "Event Grid", resource, operation: title, description: title };
        ProviderOperation::new(format!("Microsoft.EventGrid/{name}"), display)
    };
    let list = OperationListResult { value: OPERATIONS.into_iter().map(operation).collect() };
    Ok(Reply::json(StatusCode::OK, &list))
}
