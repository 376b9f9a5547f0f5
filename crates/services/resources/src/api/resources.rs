//! Resources and their keys: list, create, get, delete, list keys, regenerate a key.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use trunkline_kernel::{ResourceId, ResourceName, Timestamp};
use trunkline_store::{Key, NewEvent, Tx};
use trunkline_web::repeatability::Repeatability;
use trunkline_web::{ApiError, Context, KeySlot, Reply, ResourceView};
use uuid::Uuid;

use crate::directory::{CHANGED_TOPIC, Naming};
use crate::error::ResourcesError;
use crate::rows::{self, ResourceRow};
use crate::{ACCESS_KEY_BYTES, KEY_REGENERATED, RESOURCE_DELETED, Resources};

/// A given access key has at least this many bytes: 128 bits, below which it could be guessed.
const GIVEN_KEY_BYTES_MIN: usize = 16;
/// And at most this many; those of ACS have 64.
const GIVEN_KEY_BYTES_MAX: usize = 256;
/// ARM's limits: 50 tags, names of 512 and values of 256 characters.
const TAGS_MAX: usize = 50;
const TAG_NAME_CHARACTERS_MAX: usize = 512;
const TAG_VALUE_CHARACTERS_MAX: usize = 256;
/// Where data lies unless somebody says so; ACS has a list of geographies, a self-hosted server its own.
const DATA_LOCATION_DEFAULT: &str = "Local";
const DATA_LOCATION_CHARACTERS_MAX: usize = 64;

/// An ACS resource.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// The name, unique on this server.
    pub name: String,
    /// The immutable id, as in `8:acs:ID_USER`.
    pub id: String,
    /// The host name it answers under.
    pub host_name: String,
    /// The address for SDKs, without a slash at the end.
    pub endpoint: String,
    /// Where its data lies.
    pub data_location: String,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// When it was created.
    pub created_on: Timestamp,
}

/// What a resource is made of; everything may be left out.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct NewResource {
    /// The immutable id, to keep identifiers from before a move; a GUID.
    pub(crate) id: Option<Uuid>,
    /// Where its data lies.
    pub(crate) data_location: Option<String>,
    /// The primary access key in base64, to keep connection strings from before a move.
    pub(crate) primary_key: Option<String>,
    /// The secondary access key in base64.
    pub(crate) secondary_key: Option<String>,
    /// Free labels.
    pub(crate) tags: BTreeMap<String, String>,
}

/// Both access keys, as ARM shows them.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeysReply {
    /// The first key, base64.
    pub primary_key: String,
    /// The second key, base64.
    pub secondary_key: String,
    /// The connection string with the first key.
    pub primary_connection_string: String,
    /// The connection string with the second key.
    pub secondary_connection_string: String,
}

impl KeysReply {
    /// The keys of `resource` and its connection strings.
    pub fn of(resource: &ResourceView) -> Self {
        let key = |slot| STANDARD.encode(resource.key(slot).bytes.expose());
        let connection_string = |key: &str| format!("endpoint={}/;accesskey={key}", resource.origin);
        let (primary_key, secondary_key) = (key(KeySlot::Primary), key(KeySlot::Secondary));
        Self {
            primary_connection_string: connection_string(&primary_key),
            secondary_connection_string: connection_string(&secondary_key),
            primary_key,
            secondary_key,
        }
    }
}

impl Resource {
    fn of(row: ResourceRow, naming: &Naming) -> Self {
        let name: ResourceName = row.name.parse().expect("only valid names are inserted");
        Self {
            host_name: naming.host_name(&name),
            endpoint: naming.origin(&name),
            name: row.name,
            id: row.id.to_string(),
            data_location: row.data_location,
            tags: serde_json::from_str(&row.tags).unwrap_or_default(),
            created_on: row.created_at,
        }
    }
}

fn name_in_path(context: &Context) -> Result<ResourceName, ApiError> {
    let parsed: Result<ResourceName, _> = context.path("name").parse();
    parsed.map_err(|cause| ApiError::invalid("name", format!("{cause}.")))
}

pub(crate) async fn resources_list(service: Arc<Resources>, context: Context) -> Result<Reply, ApiError> {
    let limit = context.page_size()?;
    let after: Option<String> = context.continuation()?;
    let found: Vec<ResourceRow> = service
        .store
        .read(move |tx| rows::list_resources(tx, after.as_deref().unwrap_or_default(), limit))
        .await
        .map_err(ApiError::from)?;
    let next = found.last().filter(|_| found.len() == limit as usize).map(|last| last.name.clone());
    let naming = service.directory.naming();
    let page = context.page(found, next.as_ref()).map(|row| Resource::of(row, naming));
    Ok(Reply::json(StatusCode::OK, &page))
}

pub(crate) async fn resources_get(service: Arc<Resources>, context: Context) -> Result<Reply, ApiError> {
    let name = name_in_path(&context)?;
    let row = service
        .store
        .read(move |tx| load_resource(tx, &name))
        .await
        .map(|row| Resource::of(row, service.directory.naming()))?;
    Ok(Reply::json(StatusCode::OK, &row))
}

fn load_resource(tx: &mut Tx<'_>, name: &ResourceName) -> Result<ResourceRow, ResourcesError> {
    rows::find_resource(tx, name.as_str())?.ok_or_else(|| ResourcesError::ResourceNotFound(name.to_string()))
}

/// What is about to be inserted.
struct Creation {
    row: ResourceRow,
    sealed_keys: [Vec<u8>; 2],
    repeatability: Option<Repeatability>,
}

pub(crate) async fn resources_create(service: Arc<Resources>, context: Context) -> Result<Reply, ApiError> {
    let name = name_in_path(&context)?;
    let asked: NewResource = context.json_or_default()?;
    check(&asked)?;
    let id = ResourceId(asked.id.unwrap_or_else(|| service.entropy.uuid()));
    let mut sealed_keys = [const { Vec::new() }; 2];
    for (index, slot) in KeySlot::ALL.into_iter().enumerate() {
        let given = if slot == KeySlot::Primary { &asked.primary_key } else { &asked.secondary_key };
        let bytes = match given {
            Some(text) => given_key(slot, text)?,
            None => new_key(&service),
        };
        sealed_keys[index] = service.vault.seal(&rows::key_purpose(id, slot), &bytes);
    }
    let creation = Creation {
        row: ResourceRow {
            id,
            name: name.to_string(),
            data_location: asked.data_location.unwrap_or_else(|| DATA_LOCATION_DEFAULT.to_owned()),
            tags: json!(asked.tags).to_string(),
            created_at: context.now,
        },
        sealed_keys,
        repeatability: context.repeatability()?,
    };
    let row =
        service.store.write(Key::system("resources"), move |tx| create(tx, &creation, &context)).await?;
    service.forget();
    Ok(Reply::json(StatusCode::CREATED, &Resource::of(row, service.directory.naming())))
}

fn create(tx: &mut Tx<'_>, creation: &Creation, context: &Context) -> Result<ResourceRow, ResourcesError> {
    let row = &creation.row;
    if let Some(repeatability) = &creation.repeatability
        && let Some(name) = repeatability.find(tx)?
    {
        return rows::find_resource(tx, &name)?.ok_or(ResourcesError::ResourceNotFound(name));
    }
    if rows::find_resource(tx, &row.name)?.is_some() {
        return Err(ResourcesError::NameTaken(row.name.clone()));
    }
    if !rows::insert_resource(tx, row)? {
        return Err(ResourcesError::IdTaken(row.id.to_string()));
    }
    // Not 1: a resource made again with the same id must not make tokens of the old one good again.
    let generation = row.created_at.as_micros();
    for (slot, sealed) in KeySlot::ALL.into_iter().zip(&creation.sealed_keys) {
        rows::insert_key(tx, row.id, slot, sealed, generation)?;
    }
    if let Some(repeatability) = &creation.repeatability {
        repeatability.record(tx, &row.name)?;
    }
    context.audit(tx, &row.name, &json!({ "id": row.id, "dataLocation": row.data_location }))?;
    tx.wake(CHANGED_TOPIC, "")?;
    Ok(row.clone())
}

fn check(asked: &NewResource) -> Result<(), ApiError> {
    let is_long = |text: &str, limit: usize| text.chars().count() > limit;
    if asked
        .data_location
        .as_deref()
        .is_some_and(|text| text.is_empty() || is_long(text, DATA_LOCATION_CHARACTERS_MAX))
    {
        let message = format!("dataLocation has 1 to {DATA_LOCATION_CHARACTERS_MAX} characters.");
        return Err(ApiError::invalid("dataLocation", message));
    }
    let fits = |name: &str, value: &str| {
        !name.is_empty()
            && !is_long(name, TAG_NAME_CHARACTERS_MAX)
            && !is_long(value, TAG_VALUE_CHARACTERS_MAX)
    };
    if asked.tags.len() > TAGS_MAX || !asked.tags.iter().all(|(name, value)| fits(name, value)) {
        let message = format!(
            "A resource has at most {TAGS_MAX} tags, with names of 1 to {TAG_NAME_CHARACTERS_MAX} and values of at most {TAG_VALUE_CHARACTERS_MAX} characters."
        );
        return Err(ApiError::invalid("tags", message));
    }
    Ok(())
}

fn given_key(slot: KeySlot, text: &str) -> Result<Vec<u8>, ApiError> {
    let decoded = STANDARD.decode(text).ok();
    decoded.filter(|bytes| (GIVEN_KEY_BYTES_MIN..=GIVEN_KEY_BYTES_MAX).contains(&bytes.len())).ok_or_else(|| {
        let message = format!(
            "A given key is the base64 text of {GIVEN_KEY_BYTES_MIN} to {GIVEN_KEY_BYTES_MAX} bytes, as in a connection string."
        );
        ApiError::invalid(format!("{}Key", slot.as_str()), message)
    })
}

fn new_key(service: &Resources) -> Vec<u8> {
    let mut bytes = vec![0; ACCESS_KEY_BYTES];
    service.entropy.fill(&mut bytes);
    bytes
}

pub(crate) async fn resources_delete(service: Arc<Resources>, context: Context) -> Result<Reply, ApiError> {
    let name = name_in_path(&context)?;
    service
        .store
        .write(Key::system("resources"), move |tx| -> Result<(), ResourcesError> {
            let row = load_resource(tx, &name)?;
            rows::delete_resource(tx, row.id)?;
            let id = row.id.to_string();
            let payload = json!({ "name": row.name }).to_string();
            tx.emit(&NewEvent {
                resource: &id,
                kind: RESOURCE_DELETED,
                subject: &id,
                payload: &payload,
                now: context.now,
            })?;
            context.audit(tx, &row.name, &json!({ "id": id }))?;
            Ok(tx.wake(CHANGED_TOPIC, "")?)
        })
        .await?;
    service.forget();
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

pub(crate) async fn resources_list_keys(_: Arc<Resources>, context: Context) -> Result<Reply, ApiError> {
    let resource = context.resource_in_path("name").await?;
    Ok(Reply::json(StatusCode::OK, &KeysReply::of(&resource)))
}

pub(crate) async fn resources_regenerate_key(
    service: Arc<Resources>,
    context: Context,
) -> Result<Reply, ApiError> {
    let name = name_in_path(&context)?;
    let slot = KeySlot::from_name(context.path("slot"))
        .ok_or_else(|| ApiError::invalid("slot", "A resource has the keys 'primary' and 'secondary'."))?;
    let (vault, bytes) = (service.vault.clone(), new_key(&service));
    let written = name.clone();
    service
        .store
        .write(Key::system("resources"), move |tx| -> Result<(), ResourcesError> {
            let row = load_resource(tx, &written)?;
            let generation = rows::find_key(tx, row.id, slot)?.map_or(0, |(_, generation)| generation) + 1;
            let sealed = vault.seal(&rows::key_purpose(row.id, slot), &bytes);
            rows::replace_key(tx, row.id, slot, &sealed, generation)?;
            let (id, subject) = (row.id.to_string(), format!("{}/{}", row.id, slot.as_str()));
            tx.emit(&NewEvent {
                resource: &id,
                kind: KEY_REGENERATED,
                subject: &subject,
                payload: "{}",
                now: context.now,
            })?;
            context.audit(tx, &row.name, &json!({ "key": slot, "generation": generation }))?;
            Ok(tx.wake(CHANGED_TOPIC, "")?)
        })
        .await?;
    service.forget();
    let view = service.directory.find(&name).await?;
    let view = view.ok_or_else(|| ResourcesError::ResourceNotFound(name.to_string()))?;
    Ok(Reply::json(StatusCode::OK, &KeysReply::of(&view)))
}
