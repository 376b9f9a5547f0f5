//! System topics: a name of their own for the events of one resource.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use http::StatusCode;
use serde_json::json;
use trunkline_kernel::ResourceId;
use trunkline_store::Tx;
use trunkline_web::{ApiError, Context, Reply, Role};
use uuid::Uuid;

use super::place::{Home, refusal, resource, subscription, system_topic_id};
use super::types::{
    IdentityParameters, SystemData, SystemTopic, SystemTopicParameters, SystemTopicProperties,
    SystemTopicUpdateParameters,
};
use crate::EventsService;
use crate::changes;
use crate::error::EventsError;
use crate::ports::Topic;
use crate::rows::{self, Scope, SystemTopicRow};
use crate::rules;

/// The type of a system topic.
const TYPE: &str = "Microsoft.EventGrid/systemTopics";

/// ARM's limits for tags: how many, and the characters of a name and of a value.
const TAGS_MAX: usize = 50;
const TAG_NAME_CHARACTERS_MAX: usize = 512;
const TAG_VALUE_CHARACTERS_MAX: usize = 256;

fn invalid(target: &'static str, message: impl Into<String>) -> ApiError {
    refusal(EventsError::Invalid(target, message.into()))
}

fn show(row: &SystemTopicRow, topic: &Topic, subscription: Uuid) -> SystemTopic {
    SystemTopic {
        id: system_topic_id(subscription, topic, row),
        name: row.shown_name.clone(),
        kind: TYPE,
        location: row.location.clone(),
        tags: serde_json::from_str(&row.tags).unwrap_or_default(),
        system_data: SystemData { created_at: row.created_at, last_modified_at: row.created_at },
        properties: SystemTopicProperties {
            provisioning_state: "Succeeded",
            source: topic.arm_id.to_string(),
            topic_type: trunkline_catalogue::TOPIC_TYPE,
            metric_resource_id: row.resource.to_string(),
        },
    }
}

fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), ApiError> {
    let is_good = |(name, value): (&String, &String)| {
        (1..=TAG_NAME_CHARACTERS_MAX).contains(&name.chars().count())
            && value.chars().count() <= TAG_VALUE_CHARACTERS_MAX
    };
    if tags.len() <= TAGS_MAX && tags.iter().all(is_good) {
        return Ok(());
    }
    Err(invalid(
        "tags",
        format!(
            "there are at most {TAGS_MAX} tags, with names of 1 to {TAG_NAME_CHARACTERS_MAX} characters and values of at most {TAG_VALUE_CHARACTERS_MAX}"
        ),
    ))
}

fn check_identity(identity: Option<&IdentityParameters>) -> Result<(), ApiError> {
    let kind = identity.and_then(|identity| identity.kind.as_deref()).unwrap_or("None");
    if kind.eq_ignore_ascii_case("None") {
        return Ok(());
    }
    Err(invalid("identity", "a system topic has no identity here; events are delivered without one"))
}

fn check_location(location: Option<&str>) -> Result<(), ApiError> {
    let refused = |code, message: &str| {
        Err(ApiError::new(StatusCode::BAD_REQUEST, code, message).with_target("location"))
    };
    match location {
        None => refused("LocationRequired", "The location is missing; it is 'global'."),
        Some(location) if location.eq_ignore_ascii_case("global") => Ok(()),
        Some(_) => refused(
            "LocationNotAvailableForResourceType",
            "The location of a system topic is that of its source: 'global'.",
        ),
    }
}

/// Group and name in the id of a resource: `/subscriptions/S/resourceGroups/G/providers/Microsoft.Communication/
/// CommunicationServices/NAME`, the words in any case.
fn parse_source(id: &str, subscription: Uuid) -> Option<(&str, &str)> {
    let segments: Vec<&str> = id.strip_prefix('/')?.split('/').collect();
    let [subscriptions, guid, groups, group, providers, provider, kind, name] = segments.as_slice() else {
        return None;
    };
    let words = [
        (subscriptions, "subscriptions"),
        (groups, "resourceGroups"),
        (providers, "providers"),
        (provider, "Microsoft.Communication"),
        (kind, "CommunicationServices"),
    ];
    let is_right = words.iter().all(|(found, word)| found.eq_ignore_ascii_case(word))
        && Uuid::try_parse(guid) == Ok(subscription);
    is_right.then_some((group, name))
}

/// The resource that a new system topic stands for.
async fn source(
    service: &EventsService,
    context: &Context,
    id: Option<&str>,
    subscription: Uuid,
) -> Result<(ResourceId, Topic), ApiError> {
    let parsed = id.and_then(|id| parse_source(id, subscription));
    let Some((group, name)) = parsed else {
        return Err(invalid(
            "properties.source",
            "the source is the id of a Microsoft.Communication/CommunicationServices resource of this subscription",
        ));
    };
    let found = match resource(service, group, name).await {
        Err(EventsError::ResourceNotFound(name)) => {
            return Err(invalid(
                "properties.source",
                format!("there is no resource '{name}' to be the source"),
            ));
        }
        found => found.map_err(refusal)?,
    };
    context.expect_role(Some(found.0), Role::Contributor)?;
    if !found.1.group.eq_ignore_ascii_case(context.path("resourceGroupName")) {
        let message = format!("a system topic lies in the resource group of its source, '{}'", found.1.group);
        return Err(invalid("resourceGroupName", message));
    }
    Ok(found)
}

pub(crate) async fn system_topics_create_or_update(
    service: Arc<EventsService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let subscription = subscription(&service, &context).await?;
    let shown_name = context.path("systemTopicName").to_owned();
    if rules::check_name(&shown_name).is_err() {
        let message = "the name of a system topic has 3 to 64 characters A-Z, a-z, 0-9 and -";
        return Err(invalid("systemTopicName", message));
    }
    let asked: SystemTopicParameters = context.json()?;
    check_location(asked.location.as_deref())?;
    check_identity(asked.identity.as_ref())?;
    let tags = asked.tags.unwrap_or_default();
    check_tags(&tags)?;
    let properties = asked.properties.unwrap_or_default();
    let kind = properties.topic_type.as_deref().unwrap_or_default();
    if !kind.eq_ignore_ascii_case(trunkline_catalogue::TOPIC_TYPE) {
        let message = format!("the topicType is {}", trunkline_catalogue::TOPIC_TYPE);
        return Err(invalid("properties.topicType", message));
    }
    let (resource, topic) = source(&service, &context, properties.source.as_deref(), subscription).await?;
    let wanted = SystemTopicRow {
        group: context.path("resourceGroupName").to_lowercase(),
        name: shown_name.to_lowercase(),
        shown_name,
        resource,
        location: "global".to_owned(),
        tags: json!(tags).to_string(),
        identity: None,
        created_at: context.now,
    };
    let name = topic.name.to_string();
    let task = move |tx: &mut Tx<'_>| put(tx, &wanted, &name, &context);
    let (row, is_new) = service.store.write(changes::lock(), task).await.map_err(refusal)?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(Reply::json(status, &show(&row, &topic, subscription)))
}

/// Makes the topic or replaces the tags of the one that is there; `true` when it is new.
fn put(
    tx: &mut Tx<'_>,
    wanted: &SystemTopicRow,
    resource_name: &str,
    context: &Context,
) -> Result<(SystemTopicRow, bool), EventsError> {
    let found = rows::find_system_topic(tx, &wanted.group, &wanted.name)?;
    let is_new = found.is_none();
    let row = match found {
        Some(found) if found.resource != wanted.resource => {
            return Err(EventsError::SourceFixed(found.shown_name));
        }
        Some(mut found) => {
            found.tags.clone_from(&wanted.tags);
            rows::replace_system_topic(tx, &found)?;
            found
        }
        None => {
            if let Some(other) = rows::find_system_topic_of(tx, wanted.resource)? {
                return Err(EventsError::SystemTopicTaken(other.shown_name));
            }
            rows::insert_system_topic(tx, wanted)?;
            wanted.clone()
        }
    };
    context.audit(tx, &format!("{resource_name}/{}", row.shown_name), &json!({ "isNew": is_new }))?;
    Ok((row, is_new))
}

pub(crate) async fn system_topics_get(
    service: Arc<EventsService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let home = Home::of_system_topic(&service, &context, Role::Reader).await?;
    Ok(reply(&home, home.system_topic.as_ref()))
}

fn reply(home: &Home, row: Option<&SystemTopicRow>) -> Reply {
    let row = row.expect("the home of a system topic has its row");
    Reply::json(StatusCode::OK, &show(row, &home.topic, home.subscription()))
}

pub(crate) async fn system_topics_update(
    service: Arc<EventsService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let home = Home::of_system_topic(&service, &context, Role::Contributor).await?;
    let asked: SystemTopicUpdateParameters = context.json()?;
    check_identity(asked.identity.as_ref())?;
    asked.tags.as_ref().map_or(Ok(()), check_tags)?;
    let wanted = home.clone();
    let task = move |tx: &mut Tx<'_>| -> Result<SystemTopicRow, EventsError> {
        wanted.check(tx)?;
        let mut row = wanted.system_topic.clone().expect("the home of a system topic has its row");
        if let Some(tags) = &asked.tags {
            row.tags = json!(tags).to_string();
        }
        rows::replace_system_topic(tx, &row)?;
        let changed: &[&str] = if asked.tags.is_some() { &["tags"] } else { &[] };
        let target = format!("{}/{}", wanted.topic.name, row.shown_name);
        context.audit(tx, &target, &json!({ "changed": changed }))?;
        Ok(row)
    };
    let row = service.store.write(changes::lock(), task).await.map_err(refusal)?;
    Ok(reply(&home, Some(&row)))
}

pub(crate) async fn system_topics_delete(
    service: Arc<EventsService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let home = match Home::of_system_topic(&service, &context, Role::Contributor).await {
        Err(refusal) if refusal.code == "ResourceNotFound" => {
            context.changes_nothing();
            return Ok(Reply::empty(StatusCode::NO_CONTENT));
        }
        found => found?,
    };
    let task = move |tx: &mut Tx<'_>| -> Result<bool, EventsError> {
        let row = home.system_topic.as_ref().expect("the home of a system topic has its row");
        let scope = Scope::SystemTopic(row.resource, &row.name);
        if !rows::list_subscriptions(tx, scope, None, 1)?.is_empty() {
            return Err(EventsError::SystemTopicInUse(row.shown_name.clone()));
        }
        if !rows::delete_system_topic(tx, &row.group, &row.name)? {
            context.changes_nothing();
            return Ok(false);
        }
        context.audit(tx, &format!("{}/{}", home.topic.name, row.shown_name), &json!({}))?;
        Ok(true)
    };
    let was_there = service.store.write(changes::lock(), task).await.map_err(refusal)?;
    Ok(Reply::empty(if was_there { StatusCode::OK } else { StatusCode::NO_CONTENT }))
}

pub(crate) async fn system_topics_list_by_subscription(
    service: Arc<EventsService>,
    context: Context,
) -> Result<Reply, ApiError> {
    list(&service, &context, None).await
}

pub(crate) async fn system_topics_list_by_resource_group(
    service: Arc<EventsService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let group = context.path("resourceGroupName").to_owned();
    list(&service, &context, Some(group)).await
}

async fn list(service: &EventsService, context: &Context, group: Option<String>) -> Result<Reply, ApiError> {
    let subscription = subscription(service, context).await?;
    let selection = super::lists::Selection::read(context)?;
    let after: Option<(String, String)> = context.continuation()?;
    let chunk = super::lists::SCAN_ROWS;
    let found: Vec<SystemTopicRow> = service
        .store
        .read(move |tx| {
            let (after_group, after_name) = after.as_ref().map_or(("", ""), |(group, name)| (group, name));
            rows::list_system_topics(tx, group.as_deref(), (after_group, after_name), chunk)
        })
        .await
        .map_err(ApiError::from)?;
    let is_end = found.len() < chunk as usize;
    let mut next = found.last().filter(|_| !is_end).map(|last| (last.group.clone(), last.name.clone()));
    let mut shown = Vec::new();
    let mut topics = HashMap::new();
    for row in found {
        if !selection.takes(row.resource, &row.shown_name) {
            continue;
        }
        let Some(topic) = super::lists::topic_of(service, &mut topics, row.resource).await? else { continue };
        shown.push(show(&row, &topic, subscription));
        if shown.len() == selection.limit {
            next = Some((row.group, row.name));
            break;
        }
    }
    Ok(Reply::json(StatusCode::OK, &context.page(shown, next.as_ref())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_is_told_by_the_form_of_its_id() {
        let own = Uuid::from_u128(1);
        let id = format!(
            "/subscriptions/{own}/resourceGroups/rg/providers/Microsoft.Communication/communicationServices/dev"
        );
        assert_eq!(parse_source(&id, own), Some(("rg", "dev")));
        assert_eq!(parse_source(&id.to_uppercase(), own), Some(("RG", "DEV")));
        assert_eq!(parse_source(&id, Uuid::from_u128(2)), None);
        for bad in ["", "/", "dev", &id[1..], &format!("{id}/x"), &id.replace("Communication/", "Storage/")] {
            assert_eq!(parse_source(bad, own), None, "{bad}");
        }
    }
}
