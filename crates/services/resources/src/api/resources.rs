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
use trunkline_store::{Key, Tx};
use trunkline_web::repeatability::Repeatability;
use trunkline_web::{ApiError, Context, KeySlot, Reply, ResourceView};
use uuid::Uuid;

use crate::Resources;
use crate::changes::{self, Creation, load_resource};
use crate::directory::Naming;
use crate::error::ResourcesError;
use crate::rows::{self, Details, ResourceRow, Selection};
use crate::rules::{data_location, groups, tags};

/// A given access key has at least this many bytes: 128 bits, below which it could be guessed.
const GIVEN_KEY_BYTES_MIN: usize = 16;
/// And at most this many; those of ACS have 64.
const GIVEN_KEY_BYTES_MAX: usize = 256;
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
    /// The resource group it is in.
    pub resource_group: String,
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
            resource_group: row.shown_group,
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
        .read(move |tx| {
            rows::list_resources(tx, &Selection::default(), after.as_deref().unwrap_or_default(), limit)
        })
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

pub(crate) async fn resources_create(service: Arc<Resources>, context: Context) -> Result<Reply, ApiError> {
    let name = name_in_path(&context)?;
    let asked: NewResource = context.json_or_default()?;
    tags::check(&asked.tags)?;
    let data_location =
        data_location::choose(asked.data_location.as_deref(), &service.settings.data_locations)?;
    let given = |slot, text: &Option<String>| text.as_deref().map(|text| given_key(slot, text)).transpose();
    let keys =
        [given(KeySlot::Primary, &asked.primary_key)?, given(KeySlot::Secondary, &asked.secondary_key)?];
    let id = ResourceId(asked.id.unwrap_or_else(|| service.entropy.uuid()));
    let details = Details { created_by: Some(changes::author_of(&context.principal)), ..Details::default() };
    let creation = Creation {
        row: ResourceRow {
            id,
            name: name.to_string(),
            shown_name: String::new(),
            group: groups::DEFAULT.to_owned(),
            shown_group: groups::DEFAULT.to_owned(),
            data_location,
            tags: json!(asked.tags).to_string(),
            is_local_auth_disabled: false,
            details,
            created_at: context.now,
        },
        sealed_keys: changes::seal_keys(&service.vault, &*service.entropy, id, keys),
    };
    let repeatability = context.repeatability()?;
    let row = service
        .store
        .write(Key::system("resources"), move |tx| create(tx, &creation, repeatability.as_ref(), &context))
        .await?;
    service.forget();
    Ok(Reply::json(StatusCode::CREATED, &Resource::of(row, service.directory.naming())))
}

fn create(
    tx: &mut Tx<'_>,
    creation: &Creation,
    repeatability: Option<&Repeatability>,
    context: &Context,
) -> Result<ResourceRow, ResourcesError> {
    if let Some(repeatability) = repeatability
        && let Some(name) = repeatability.find(tx)?
    {
        return rows::find_resource(tx, &name)?.ok_or(ResourcesError::ResourceNotFound(name));
    }
    changes::create(tx, creation, context)?;
    if let Some(repeatability) = repeatability {
        repeatability.record(tx, &creation.row.name)?;
    }
    Ok(creation.row.clone())
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

pub(crate) async fn resources_delete(service: Arc<Resources>, context: Context) -> Result<Reply, ApiError> {
    let name = name_in_path(&context)?;
    let clock = Arc::clone(&service.clock);
    service
        .store
        .write(Key::system("resources"), move |tx| -> Result<(), ResourcesError> {
            let row = load_resource(tx, &name)?;
            changes::delete(tx, &row, &*clock)?;
            Ok(context.audit(tx, &row.name, &json!({ "id": row.id }))?)
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
    let (vault, bytes) = (service.vault.clone(), changes::new_key(&*service.entropy));
    let written = name.clone();
    service
        .store
        .write(Key::system("resources"), move |tx| -> Result<(), ResourcesError> {
            let row = load_resource(tx, &written)?;
            changes::regenerate_key(tx, &vault, &row, (slot, &bytes), &context)
        })
        .await?;
    service.forget();
    let view = service.directory.find(&name).await?;
    let view = view.ok_or_else(|| ResourcesError::ResourceNotFound(name.to_string()))?;
    Ok(Reply::json(StatusCode::OK, &KeysReply::of(&view)))
}
