//! Users as operators see them: list, search, create with a given id, label, delete, tokens.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{StatusCode, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use trunkline_kernel::identifier::Identifier;
use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::Key;
use trunkline_web::{ApiError, Context, Reply, etag};
use uuid::Uuid;

use crate::api::identities;
use crate::error::IdentityError;
use crate::rows::{self, UserFilter, UserRow};
use crate::{Identity, changes};

/// A user has at most this many labels, so that a page of users stays small.
const LABELS_MAX: usize = 50;
const LABEL_NAME_CHARACTERS_MAX: usize = 64;
const LABEL_VALUE_CHARACTERS_MAX: usize = 256;
/// The longest text to search for.
const SEARCH_CHARACTERS_MAX: usize = 256;

/// A user.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct User {
    /// The raw id.
    pub(crate) id: String,
    /// Labels, for finding the user again.
    pub(crate) labels: BTreeMap<String, String>,
    /// When it was created.
    pub(crate) created_on: Timestamp,
}

/// What a user is made of.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct NewUser {
    /// The id to keep from before a move: a GUID, or a raw id of this resource.
    pub(crate) id: Option<String>,
    /// Labels.
    pub(crate) labels: BTreeMap<String, String>,
}

/// What of a user can be changed.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct UserPatch {
    /// Labels to set; null removes one.
    pub(crate) labels: BTreeMap<String, Option<String>>,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        Self { id: row.raw_id, labels: row.labels, created_on: row.created_at }
    }
}

fn check_labels(labels: &BTreeMap<String, String>) -> Result<(), ApiError> {
    let is_long = |text: &str, limit: usize| text.chars().count() > limit;
    let fits = |name: &str, value: &str| {
        !name.is_empty()
            && !is_long(name, LABEL_NAME_CHARACTERS_MAX)
            && !is_long(value, LABEL_VALUE_CHARACTERS_MAX)
    };
    if labels.len() <= LABELS_MAX && labels.iter().all(|(name, value)| fits(name, value)) {
        return Ok(());
    }
    let message = format!(
        "A user has at most {LABELS_MAX} labels, with names of 1 to {LABEL_NAME_CHARACTERS_MAX} and values of at most {LABEL_VALUE_CHARACTERS_MAX} characters."
    );
    Err(ApiError::invalid("labels", message))
}

/// The raw id of a user to be created: a given GUID or raw id, or a fresh one.
fn raw_id_of(given: Option<&str>, resource: ResourceId, fresh: Uuid) -> Result<String, ApiError> {
    let Some(given) = given else { return Ok(Identifier::acs_user(resource, fresh).raw_id()) };
    if let Ok(user) = Uuid::try_parse(given) {
        return Ok(Identifier::acs_user(resource, user).raw_id());
    }
    let invalid = |message: &str| Err(ApiError::invalid("id", message));
    if given.len() > Identifier::RAW_ID_BYTES_MAX {
        return invalid("The id is too long.");
    }
    // The claims of a token are ASCII, without what url-safe base64 writes with other letters.
    if !given.bytes().all(|byte| byte.is_ascii_graphic() && !b">?~".contains(&byte)) {
        return invalid("The id may have visible ASCII characters only, and none of '>', '?' and '~'.");
    }
    match Identifier::parse(given) {
        identifier @ Identifier::CommunicationUser(_) if given.starts_with("8:acs:") => {
            match identifier.as_acs_user() {
                Some((of, _)) if of == resource => Ok(given.to_owned()),
                Some(_) => invalid(
                    "The id belongs to another resource; create the resource with that immutable id first.",
                ),
                None => invalid("An id 8:acs:RESOURCE_USER has two GUIDs."),
            }
        }
        Identifier::CommunicationUser(_)
        | Identifier::MicrosoftTeamsUser { .. }
        | Identifier::TeamsExtensionUser { .. } => Ok(given.to_owned()),
        _ => invalid("The id must be a GUID or the raw id of a user (8:acs:…, 8:spool:…, 8:orgid:…)."),
    }
}

pub(crate) async fn users_list(service: Arc<Identity>, context: Context) -> Result<Reply, ApiError> {
    let resource = context.resource_in_path("name").await?.id;
    let limit = context.page_size()?;
    let after: Option<String> = context.continuation()?;
    let search = context.query("search").unwrap_or_default().to_owned();
    if search.chars().count() > SEARCH_CHARACTERS_MAX {
        return Err(ApiError::invalid(
            "search",
            format!("search has at most {SEARCH_CHARACTERS_MAX} characters."),
        ));
    }
    let label = context.query("label").map(|label| {
        let (name, value) =
            label.split_once('=').ok_or_else(|| ApiError::invalid("label", "label reads name=value."))?;
        Ok::<_, ApiError>((name.to_owned(), value.to_owned()))
    });
    let filter = UserFilter { search, label: label.transpose()? };
    let found: Vec<UserRow> = service
        .store
        .read(move |tx| rows::list_users(tx, resource, &filter, after.as_deref().unwrap_or_default(), limit))
        .await
        .map_err(ApiError::from)?;
    let next = found.last().filter(|_| found.len() == limit as usize).map(|last| last.raw_id.clone());
    Ok(Reply::json(StatusCode::OK, &context.page(found, next.as_ref()).map(User::from)))
}

pub(crate) async fn users_create(service: Arc<Identity>, context: Context) -> Result<Reply, ApiError> {
    let resource = context.resource_in_path("name").await?.id;
    let asked: NewUser = context.json_or_default()?;
    check_labels(&asked.labels)?;
    let user = UserRow {
        raw_id: raw_id_of(asked.id.as_deref(), resource, service.entropy.uuid())?,
        generation: changes::new_generation(&*service.entropy),
        created_at: context.now,
        labels: asked.labels,
    };
    let repeatability = context.repeatability()?;
    let key = match &repeatability {
        Some(repeatability) => repeatability.store_key(),
        None => Key::new(resource, &user.raw_id),
    };
    let created = service
        .store
        .write(key, move |tx| -> Result<UserRow, IdentityError> {
            if let Some(repeatability) = &repeatability
                && let Some(raw_id) = repeatability.find(tx)?
            {
                return rows::find_user(tx, resource, &raw_id)?.ok_or(IdentityError::UserNotFound);
            }
            changes::create(tx, resource, &user)?;
            if let Some(repeatability) = &repeatability {
                repeatability.record(tx, &user.raw_id)?;
            }
            context.audit(tx, &user.raw_id, &json!({ "labels": user.labels }))?;
            Ok(user.clone())
        })
        .await?;
    service.tokens.forget(resource, &created.raw_id);
    Ok(Reply::json(StatusCode::CREATED, &User::from(created)))
}

pub(crate) async fn users_get(service: Arc<Identity>, context: Context) -> Result<Reply, ApiError> {
    let resource = context.resource_in_path("name").await?.id;
    let raw_id = context.path("id").to_owned();
    let user: Option<UserRow> =
        service.store.read(move |tx| rows::find_user(tx, resource, &raw_id)).await.map_err(ApiError::from)?;
    let user = User::from(user.ok_or(IdentityError::UserNotFound)?);
    let tag = etag::of(&user);
    let reply = if context.has_already(&tag) {
        Reply::empty(StatusCode::NOT_MODIFIED)
    } else {
        Reply::json(StatusCode::OK, &user)
    };
    Ok(reply.with_header(header::ETAG, &tag))
}

pub(crate) async fn users_update(service: Arc<Identity>, context: Context) -> Result<Reply, ApiError> {
    let resource = context.resource_in_path("name").await?.id;
    let raw_id = context.path("id").to_owned();
    let patch = context.merge_patch()?;
    let patch: UserPatch = serde_json::from_value(Value::Object(patch)).map_err(|cause| {
        ApiError::invalid(
            "body",
            format!("The body must read {{\"labels\":{{\"name\":\"value\"}}}}: {cause}."),
        )
    })?;
    let updated = service
        .store
        .write(Key::new(resource, &raw_id), move |tx| -> Result<UserRow, IdentityError> {
            let mut user = rows::find_user(tx, resource, &raw_id)?.ok_or(IdentityError::UserNotFound)?;
            context.check_preconditions(Some(&etag::of(&User::from(user.clone()))))?;
            for (name, value) in &patch.labels {
                match value {
                    Some(value) => drop(user.labels.insert(name.clone(), value.clone())),
                    None => drop(user.labels.remove(name)),
                }
            }
            check_labels(&user.labels)?;
            rows::replace_labels(tx, resource, &raw_id, &user.labels)?;
            context.audit(tx, &raw_id, &json!({ "labels": user.labels }))?;
            Ok(user)
        })
        .await?;
    let updated = User::from(updated);
    let tag = etag::of(&updated);
    Ok(Reply::json(StatusCode::OK, &updated).with_header(header::ETAG, &tag))
}

pub(crate) async fn users_delete(service: Arc<Identity>, context: Context) -> Result<Reply, ApiError> {
    let resource = context.resource_in_path("name").await?.id;
    let raw_id = context.path("id").to_owned();
    let written = raw_id.clone();
    service
        .store
        .write(Key::new(resource, &raw_id), move |tx| -> Result<(), IdentityError> {
            changes::delete(tx, resource, &written, context.now)?;
            Ok(context.audit(tx, &written, &json!({}))?)
        })
        .await?;
    service.tokens.forget(resource, &raw_id);
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

pub(crate) async fn users_issue_token(service: Arc<Identity>, context: Context) -> Result<Reply, ApiError> {
    let resource = context.resource_in_path("name").await?;
    let reply = identities::issue_token(&service, &context, &resource).await?;
    let raw_id = context.path("id").to_owned();
    service
        .store
        .write(Key::new(resource.id, "audit"), move |tx| -> Result<(), IdentityError> {
            Ok(context.audit(tx, &raw_id, &json!({}))?)
        })
        .await?;
    Ok(reply)
}

pub(crate) async fn users_revoke_tokens(service: Arc<Identity>, context: Context) -> Result<Reply, ApiError> {
    let resource = context.resource_in_path("name").await?.id;
    let raw_id = context.path("id").to_owned();
    let (written, generation) = (raw_id.clone(), changes::new_generation(&*service.entropy));
    service
        .store
        .write(Key::new(resource, &raw_id), move |tx| -> Result<(), IdentityError> {
            changes::revoke(tx, resource, &written, generation, context.now)?;
            Ok(context.audit(tx, &written, &json!({}))?)
        })
        .await?;
    service.tokens.forget(resource, &raw_id);
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_ids_keep_identifiers_from_before_a_move() {
        let resource = ResourceId(Uuid::from_u128(1));
        let fresh = Uuid::from_u128(2);
        let id = |given: Option<&str>| raw_id_of(given, resource, fresh).map_err(|error| error.message);
        let ours = format!("8:acs:{resource}_{fresh}");
        assert_eq!(id(None), Ok(ours.clone()));
        assert_eq!(id(Some(&fresh.to_string())), Ok(ours.clone()));
        assert_eq!(id(Some(&ours)), Ok(ours.clone()));
        assert_eq!(id(Some("8:spool:old")), Ok("8:spool:old".to_owned()));
        for bad in [
            format!("8:acs:{fresh}_{fresh}"),
            "8:acs:a_b".to_owned(),
            "4:+1".to_owned(),
            "8:spool:é".to_owned(),
            "x".repeat(2000),
        ] {
            assert!(id(Some(&bad)).is_err(), "{bad:.40}");
        }
    }
}
