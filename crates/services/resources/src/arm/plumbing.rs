//! What stands around resources in ARM: tenants, subscriptions, locations, providers.

use std::sync::Arc;

use http::StatusCode;
use trunkline_web::management::{OperationDisplay, OperationListResult, ProviderOperation};
use trunkline_web::{ApiError, Context, Page, Reply};
use uuid::Uuid;

use super::place::subscription;
use super::types::{Location, Provider, ProviderResourceType, Subscription, Tenant};
use crate::Resources;
use crate::operations::arm::VERSIONS;

const COMMUNICATION: &str = "Microsoft.Communication";

/// The api-versions of event subscriptions, oldest first. The service that has them is another crate's; a test
/// of the server compares.
pub const EVENT_GRID_VERSIONS: &[&str] = &["2022-06-15", "2025-02-15"];

/// The name of the tenant and of the subscription, for people.
const DISPLAY_NAME: &str = "Trunkline";

/// What can be done to resources, and its name for people.
const OPERATIONS: [(&str, &str); 9] = [
    ("CommunicationServices/read", "Read a resource"),
    ("CommunicationServices/write", "Create or change a resource"),
    ("CommunicationServices/delete", "Delete a resource"),
    ("CommunicationServices/listKeys/action", "Read the access keys of a resource"),
    ("CommunicationServices/regenerateKey/action", "Replace an access key of a resource"),
    ("CommunicationServices/linkNotificationHub/action", "Link a notification hub"),
    ("checkNameAvailability/action", "Ask whether a name is free"),
    ("operations/read", "List these operations"),
    ("locations/operationStatuses/read", "Poll a long-running operation"),
];

/// A list that fits on one page.
fn whole<T: serde::Serialize>(value: Vec<T>) -> Reply {
    Reply::json(StatusCode::OK, &Page { value, next_link: None })
}

pub(crate) async fn operations_list(_: Arc<Resources>, _: Context) -> Result<Reply, ApiError> {
    let operation = |(name, title): (&str, &'static str)| {
        let display = OperationDisplay {
            provider: "Communication",
            resource: "Communication services",
            operation: title,
            description: title,
        };
        ProviderOperation::new(format!("{COMMUNICATION}/{name}"), display)
    };
    let list = OperationListResult { value: OPERATIONS.into_iter().map(operation).collect() };
    Ok(Reply::json(StatusCode::OK, &list))
}

pub(crate) async fn tenants_list(service: Arc<Resources>, _: Context) -> Result<Reply, ApiError> {
    let tenant_id = service.settings.tenant_id;
    let id = format!("/tenants/{tenant_id}");
    Ok(whole(vec![Tenant { id, tenant_id, display_name: DISPLAY_NAME, tenant_category: "Home" }]))
}

fn shown(service: &Resources, id: Uuid) -> Subscription {
    Subscription {
        id: format!("/subscriptions/{id}"),
        subscription_id: id,
        tenant_id: service.settings.tenant_id,
        display_name: DISPLAY_NAME,
        state: "Enabled",
    }
}

pub(crate) async fn subscriptions_list(service: Arc<Resources>, _: Context) -> Result<Reply, ApiError> {
    let id = service.subscription_id().await?;
    Ok(whole(vec![shown(&service, id)]))
}

pub(crate) async fn subscriptions_get(service: Arc<Resources>, context: Context) -> Result<Reply, ApiError> {
    let id = subscription(&service, &context).await?;
    Ok(Reply::json(StatusCode::OK, &shown(&service, id)))
}

pub(crate) async fn subscriptions_list_locations(
    service: Arc<Resources>,
    context: Context,
) -> Result<Reply, ApiError> {
    let id = subscription(&service, &context).await?;
    let id = format!("/subscriptions/{id}/locations/global");
    Ok(whole(vec![Location { id, name: "global", display_name: "Global" }]))
}

/// The providers there are.
fn providers(subscription: Uuid) -> [Provider; 3] {
    let provider = |namespace: &'static str, resource_types| Provider {
        id: format!("/subscriptions/{subscription}/providers/{namespace}"),
        namespace,
        registration_policy: "RegistrationFree",
        registration_state: "Registered",
        resource_types,
    };
    let kind = |resource_type, api_versions: &[&'static str], capabilities| ProviderResourceType {
        resource_type,
        locations: vec!["global"],
        api_versions: api_versions.iter().rev().copied().collect(),
        capabilities,
    };
    let managers = crate::operations::resource_manager::RESOURCE_GROUPS_GET.versions;
    [
        provider(
            COMMUNICATION,
            vec![
                kind("CommunicationServices", VERSIONS, "SupportsTags, SupportsLocation"),
                kind("checkNameAvailability", VERSIONS, "None"),
                kind("operations", VERSIONS, "None"),
                kind("locations/operationStatuses", VERSIONS, "None"),
            ],
        ),
        provider(
            "Microsoft.EventGrid",
            vec![
                kind("eventSubscriptions", EVENT_GRID_VERSIONS, "None"),
                kind("systemTopics", EVENT_GRID_VERSIONS, "SupportsTags, SupportsLocation"),
                kind("systemTopics/eventSubscriptions", EVENT_GRID_VERSIONS, "None"),
                kind("topicTypes", EVENT_GRID_VERSIONS, "None"),
                kind("locations/operationsStatus", EVENT_GRID_VERSIONS, "None"),
                kind("operations", EVENT_GRID_VERSIONS, "None"),
            ],
        ),
        provider("Microsoft.Resources", vec![kind("resourceGroups", managers, "SupportsTags")]),
    ]
}

async fn provider(service: &Resources, context: &Context) -> Result<Reply, ApiError> {
    let subscription = subscription(service, context).await?;
    let wanted = context.path("resourceProviderNamespace");
    let found =
        providers(subscription).into_iter().find(|known| known.namespace.eq_ignore_ascii_case(wanted));
    let found = found.ok_or_else(|| {
        let message = format!("There is no such resource provider here; there is {COMMUNICATION}.");
        ApiError::new(StatusCode::NOT_FOUND, "InvalidResourceNamespace", message)
            .with_target("resourceProviderNamespace")
    })?;
    Ok(Reply::json(StatusCode::OK, &found))
}

pub(crate) async fn providers_list(service: Arc<Resources>, context: Context) -> Result<Reply, ApiError> {
    let subscription = subscription(&service, &context).await?;
    Ok(whole(providers(subscription).into()))
}

pub(crate) async fn providers_get(service: Arc<Resources>, context: Context) -> Result<Reply, ApiError> {
    provider(&service, &context).await
}

pub(crate) async fn providers_register(service: Arc<Resources>, context: Context) -> Result<Reply, ApiError> {
    provider(&service, &context).await
}
