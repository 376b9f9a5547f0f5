//! Resource groups. They belong to the installation: a role on one resource opens none of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::StatusCode;
use serde_json::json;
use trunkline_store::{Key, Tx};
use trunkline_web::{ApiError, Context, Reply, Role, etag};
use uuid::Uuid;

use super::place::{group_key, refusal, subscription};
use super::types::{ResourceGroup, ResourceGroupParameters, ResourceGroupPatch, ResourceGroupProperties};
use super::{group_deletion, progress};
use crate::Resources;
use crate::changes;
use crate::error::ResourcesError;
use crate::rows::{self, GroupRow};
use crate::rules::{groups, tags};

/// The longest name of a location, in characters; a made-up one is as good as one of Azure's.
const LOCATION_CHARACTERS_MAX: usize = 64;

impl ResourceGroup {
    fn of(row: GroupRow, subscription: Uuid) -> Self {
        Self {
            id: format!("/subscriptions/{subscription}/resourceGroups/{}", row.shown_name),
            name: row.shown_name,
            kind: "Microsoft.Resources/resourceGroups",
            location: row.location,
            tags: serde_json::from_str(&row.tags).unwrap_or_default(),
            properties: ResourceGroupProperties {
                provisioning_state: if row.deletion.is_some() { "Deleting" } else { "Succeeded" },
            },
        }
    }
}

fn tag_of(row: &GroupRow) -> String {
    etag::of(&json!([row.name, row.location, row.tags, row.created_at]))
}

async fn load(service: &Resources, context: &Context) -> Result<(GroupRow, Uuid), ApiError> {
    let subscription = subscription(service, context).await?;
    context.expect_role(None, Role::Reader)?;
    let key = group_key(context);
    let row = service.store.read(move |tx| changes::load_group(tx, &key)).await.map_err(refusal)?;
    Ok((row, subscription))
}

pub(crate) async fn resource_groups_list(
    service: Arc<Resources>,
    context: Context,
) -> Result<Reply, ApiError> {
    let subscription = subscription(&service, &context).await?;
    if context.query("$filter").is_some_and(|filter| !filter.is_empty()) {
        return Err(ApiError::invalid("$filter", "Resource groups cannot be filtered; leave out $filter."));
    }
    let limit = context.page_size()?;
    let after: Option<String> = context.continuation()?;
    let may_see = context.expect_role(None, Role::Reader).is_ok();
    let found: Vec<GroupRow> = service
        .store
        .read(move |tx| {
            let after = after.as_deref().unwrap_or_default();
            if may_see { rows::list_groups(tx, after, limit) } else { Ok(Vec::new()) }
        })
        .await
        .map_err(ApiError::from)?;
    let next = found.last().filter(|_| found.len() == limit as usize).map(|last| last.name.clone());
    let page = context.page(found, next.as_ref()).map(|row| ResourceGroup::of(row, subscription));
    Ok(Reply::json(StatusCode::OK, &page))
}

pub(crate) async fn resource_groups_get(
    service: Arc<Resources>,
    context: Context,
) -> Result<Reply, ApiError> {
    let (row, subscription) = load(&service, &context).await?;
    Ok(Reply::json(StatusCode::OK, &ResourceGroup::of(row, subscription)))
}

pub(crate) async fn resource_groups_check_existence(
    service: Arc<Resources>,
    context: Context,
) -> Result<Reply, ApiError> {
    load(&service, &context).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// The location to store.
fn check_location(location: Option<String>) -> Result<String, ApiError> {
    let location = location.filter(|text| !text.trim().is_empty()).ok_or_else(|| {
        let message = "The location of the resource group is missing; any name does.";
        ApiError::new(StatusCode::BAD_REQUEST, "LocationRequired", message).with_target("location")
    })?;
    if location.chars().count() > LOCATION_CHARACTERS_MAX {
        let message = format!("A location has at most {LOCATION_CHARACTERS_MAX} characters.");
        return Err(ApiError::invalid("location", message));
    }
    // Azure's locations have a name for people ("West Europe") and one for programs; ARM answers the latter.
    Ok(location.replace(' ', "").to_lowercase())
}

/// Writes the tags of a group that is there, and its row in the audit log.
fn replace_tags(
    tx: &mut Tx<'_>,
    mut row: GroupRow,
    tags: Option<&BTreeMap<String, String>>,
    context: &Context,
) -> Result<GroupRow, ResourcesError> {
    if row.deletion.is_some() {
        return Err(ResourcesError::GroupBeingDeleted(row.shown_name));
    }
    context.check_preconditions(Some(&tag_of(&row)))?;
    if let Some(tags) = tags {
        row.tags = json!(tags).to_string();
    }
    rows::replace_group_tags(tx, &row.name, &row.tags)?;
    context.audit(tx, &row.shown_name, &json!({ "changed": ["tags"] }))?;
    Ok(row)
}

pub(crate) async fn resource_groups_create_or_update(
    service: Arc<Resources>,
    context: Context,
) -> Result<Reply, ApiError> {
    let subscription = subscription(&service, &context).await?;
    let name = context.path("resourceGroupName").to_owned();
    groups::check_name(&name)?;
    let asked: ResourceGroupParameters = context.json()?;
    let location = check_location(asked.location)?;
    let tags = asked.tags.unwrap_or_default();
    tags::check(&tags)?;
    let task = move |tx: &mut Tx<'_>| -> Result<(GroupRow, bool), ResourcesError> {
        if let Some(row) = rows::find_group(tx, &groups::key_of(&name))? {
            if row.location != location {
                let message =
                    format!("The group '{}' is in {} and cannot move.", row.shown_name, row.location);
                let refusal = ApiError::new(StatusCode::CONFLICT, "InvalidResourceGroupLocation", message);
                return Err(refusal.with_target("location").into());
            }
            return replace_tags(tx, row, Some(&tags), &context).map(|row| (row, false));
        }
        context.check_preconditions(None)?;
        let row = GroupRow {
            name: groups::key_of(&name),
            shown_name: name.clone(),
            location: location.clone(),
            tags: json!(tags).to_string(),
            deletion: None,
            created_at: context.now,
        };
        rows::insert_group(tx, &row)?;
        context.audit(tx, &row.shown_name, &json!({ "location": row.location }))?;
        Ok((row, true))
    };
    let (row, is_new) = service.store.write(Key::system("resources"), task).await.map_err(refusal)?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(Reply::json(status, &ResourceGroup::of(row, subscription)))
}

pub(crate) async fn resource_groups_update(
    service: Arc<Resources>,
    context: Context,
) -> Result<Reply, ApiError> {
    let subscription = subscription(&service, &context).await?;
    let asked: ResourceGroupPatch = context.json()?;
    asked.tags.as_ref().map_or(Ok(()), tags::check)?;
    let task = move |tx: &mut Tx<'_>| -> Result<GroupRow, ResourcesError> {
        let row = changes::load_group(tx, &group_key(&context))?;
        replace_tags(tx, row, asked.tags.as_ref(), &context)
    };
    let row = service.store.write(Key::system("resources"), task).await.map_err(refusal)?;
    Ok(Reply::json(StatusCode::OK, &ResourceGroup::of(row, subscription)))
}

pub(crate) async fn resource_groups_delete(
    service: Arc<Resources>,
    context: Context,
) -> Result<Reply, ApiError> {
    let subscription = subscription(&service, &context).await?;
    let (operation, context) = (service.entropy.uuid(), Arc::new(context));
    let asking = Arc::clone(&context);
    let task = move |tx: &mut Tx<'_>| -> Result<String, ResourcesError> {
        let row = changes::load_group(tx, &group_key(&asking))?;
        // Asked twice, it is deleted once.
        let id = row.deletion.clone().unwrap_or_else(|| operation.to_string());
        if row.deletion.is_none() {
            asking.check_preconditions(Some(&tag_of(&row)))?;
            group_deletion::schedule(tx, &row, operation, asking.now)?;
        }
        asking.audit(tx, &row.shown_name, &json!({ "operation": id }))?;
        Ok(id)
    };
    let id = service.store.write(Key::system("resources"), task).await.map_err(refusal)?;
    let reply = Reply::empty(StatusCode::ACCEPTED);
    Ok(progress::with_subscription_result(reply, &context, subscription, &id))
}
