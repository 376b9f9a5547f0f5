//! Where a request of ARM points, and what ARM calls what went wrong.

use trunkline_kernel::ResourceId;
use trunkline_store::Tx;
use trunkline_web::{ApiError, Context, Role};
use uuid::Uuid;

use http::StatusCode;

use super::types::{EventSubscription, EventSubscriptionProperties, SystemData};
use crate::EventsService;
use crate::changes::{self, Place};
use crate::error::EventsError;
use crate::model::Subscription;
use crate::ports::Topic;
use crate::rows::{self, SystemTopicRow};
use crate::rules;

/// The type of a subscription on a resource.
pub(super) const SUBSCRIPTION_TYPE: &str = "Microsoft.EventGrid/eventSubscriptions";

/// The type of a subscription on a system topic.
pub(super) const NESTED_TYPE: &str = "Microsoft.EventGrid/systemTopics/eventSubscriptions";

/// The subscription of this installation, which must be the one in the path.
///
/// **Errors**: 404 `SubscriptionNotFound`, 400 for a text that is no GUID.
pub(super) async fn subscription(service: &EventsService, context: &Context) -> Result<Uuid, ApiError> {
    let text = context.path("subscriptionId");
    let refused = |status, code, message| ApiError::new(status, code, message).with_target("subscriptionId");
    let asked = Uuid::try_parse(text).map_err(|_| {
        let message = "The subscription id in the path is no GUID.";
        refused(StatusCode::BAD_REQUEST, "InvalidSubscriptionId", message.to_owned())
    })?;
    let own = service.topics.subscription_id().await.map_err(EventsError::from)?;
    if asked == own {
        return Ok(own);
    }
    let message = format!("There is no subscription {asked} here; that of this installation is {own}.");
    Err(refused(StatusCode::NOT_FOUND, "SubscriptionNotFound", message))
}

/// The resource of that name in that group.
///
/// **Errors**: not found.
pub(super) async fn resource(
    service: &EventsService,
    group: &str,
    name: &str,
) -> Result<(ResourceId, Topic), EventsError> {
    let none = || EventsError::ResourceNotFound(name.to_owned());
    let resource = service.topics.resource(group, name).await?.ok_or_else(none)?;
    let topic = service.topics.topic(resource).await?.ok_or_else(none)?;
    Ok((resource, topic))
}

/// What holds subscriptions: a resource, or the system topic that stands for it.
#[derive(Clone)]
pub(super) struct Home {
    pub(super) resource: ResourceId,
    pub(super) topic: Topic,
    /// The system topic, on whose rows a subscription hangs then.
    pub(super) system_topic: Option<SystemTopicRow>,
    subscription: Uuid,
}

impl Home {
    /// The resource that the path names.
    ///
    /// **Errors**: 404; 403 without the role `least` on it.
    pub(super) async fn of_resource(
        service: &EventsService,
        context: &Context,
        least: Role,
    ) -> Result<Self, ApiError> {
        let subscription = subscription(service, context).await?;
        let (group, name) = (context.path("resourceGroupName"), context.path("communicationServiceName"));
        let (resource, topic) = resource(service, group, name).await.map_err(refusal)?;
        // The pipeline asked already; but the resource may have been made anew since, under the same name.
        context.expect_role(Some(resource), least)?;
        Ok(Self { resource, topic, system_topic: None, subscription })
    }

    /// The system topic that the path names.
    ///
    /// **Errors**: 404; 403 without the role `least` on the resource behind it.
    pub(super) async fn of_system_topic(
        service: &EventsService,
        context: &Context,
        least: Role,
    ) -> Result<Self, ApiError> {
        let subscription = subscription(service, context).await?;
        let key = (context.path("resourceGroupName").to_owned(), context.path("systemTopicName").to_owned());
        let name = key.1.clone();
        let found = service.store.read(move |tx| rows::find_system_topic(tx, &key.0, &key.1)).await;
        let none = || refusal(EventsError::SystemTopicNotFound(name));
        let row: SystemTopicRow =
            found.map_err(|cause| refusal(EventsError::Store(cause)))?.ok_or_else(none)?;
        let topic = service.topics.topic(row.resource).await.map_err(EventsError::from)?;
        let topic = topic.ok_or_else(|| refusal(EventsError::SystemTopicNotFound(row.shown_name.clone())))?;
        context.expect_role(Some(row.resource), least)?;
        Ok(Self { resource: row.resource, topic, system_topic: Some(row), subscription })
    }

    /// The subscription of that name here.
    ///
    /// **Errors**: 400 for a name that none can have.
    pub(super) fn place(&self, context: &Context) -> Result<Place, ApiError> {
        let name = context.path("eventSubscriptionName");
        rules::check_name(name).map_err(|broken| refusal(broken.into()))?;
        Ok(Place {
            resource: self.resource,
            resource_name: self.topic.name.to_string(),
            system_topic: self.system_topic.as_ref().map(|topic| topic.name.clone()),
            name: name.to_owned(),
        })
    }

    /// Whether the system topic is still there, in the transaction that hangs something on it.
    ///
    /// **Errors**: not found.
    pub(super) fn check(&self, tx: &mut Tx<'_>) -> Result<(), EventsError> {
        let Some(topic) = &self.system_topic else { return Ok(()) };
        let found = rows::find_system_topic(tx, &topic.group, &topic.name)?;
        if found.is_some_and(|found| found.resource == self.resource) {
            return Ok(());
        }
        Err(EventsError::SystemTopicNotFound(topic.shown_name.clone()))
    }

    /// The subscription of this installation.
    pub(super) fn subscription(&self) -> Uuid {
        self.subscription
    }

    /// A subscription that hangs here, as shown.
    pub(super) fn show(&self, found: Subscription) -> EventSubscription {
        match &self.system_topic {
            None => shown(found, &self.topic),
            Some(topic) => {
                let topic_id = system_topic_id(self.subscription, &self.topic, topic);
                let id = format!("{topic_id}/eventSubscriptions/{}", found.name);
                show(found, id, NESTED_TYPE, &self.topic)
            }
        }
    }
}

/// The id of a system topic; it lies in the group of its source.
pub(super) fn system_topic_id(subscription: Uuid, topic: &Topic, row: &SystemTopicRow) -> String {
    format!(
        "/subscriptions/{subscription}/resourceGroups/{}/providers/Microsoft.EventGrid/systemTopics/{}",
        topic.group, row.shown_name
    )
}

/// A subscription of the resource `topic`, as shown.
pub(super) fn shown(found: Subscription, topic: &Topic) -> EventSubscription {
    let id = format!("{}/providers/{SUBSCRIPTION_TYPE}/{}", topic.arm_id, found.name);
    show(found, id, SUBSCRIPTION_TYPE, topic)
}

fn show(found: Subscription, id: String, kind: &'static str, topic: &Topic) -> EventSubscription {
    EventSubscription {
        id,
        name: found.name.clone(),
        kind,
        system_data: SystemData { created_at: found.created, last_modified_at: found.modified },
        properties: EventSubscriptionProperties::of(found, &topic.arm_id),
    }
}

/// The same error with the code ARM has for it.
pub(super) fn refusal(error: EventsError) -> ApiError {
    let (code, target) = match &error {
        EventsError::ResourceNotFound(_) => ("ResourceNotFound", Some("communicationServiceName")),
        EventsError::SystemTopicNotFound(_) => ("ResourceNotFound", None),
        EventsError::SubscriptionNotFound(_) => ("ResourceNotFound", Some("eventSubscriptionName")),
        EventsError::Invalid(..) => ("InvalidRequest", None),
        EventsError::TooManySubscriptions(_) => {
            ("SubscriptionsPerResourceLimitExceeded", Some("eventSubscriptionName"))
        }
        _ => return error.into(),
    };
    let mut refusal = ApiError::from(error);
    refusal.code = code;
    match target {
        Some(target) => refusal.with_target(target),
        None => refusal,
    }
}

/// The newest state of the subscription at `place`, as shown.
pub(super) fn load(tx: &mut Tx<'_>, home: &Home, place: &Place) -> Result<EventSubscription, EventsError> {
    Ok(home.show(changes::load(tx, place)?.subscription))
}
