//! Access keys, notification hubs, and which names are free.

use std::sync::Arc;

use http::StatusCode;
use serde_json::json;
use trunkline_kernel::{ResourceId, ResourceName};
use trunkline_store::{Key, StoreError, Tx};
use trunkline_web::{ApiError, Context, KeySlot, Reply, Role};

use super::place::{Place, refusal, subscription};
use super::services::RESOURCE_TYPE;
use super::types::{
    CheckNameAvailabilityResponse, LinkNotificationHubParameters, LinkedNotificationHub,
    NameAvailabilityParameters, RegenerateKeyParameters,
};
use crate::Resources;
use crate::api::resources::KeysReply;
use crate::changes;
use crate::directory::CHANGED_TOPIC;
use crate::error::{ResourcesError, capitalised};
use crate::rows;
use crate::rules::arm_ids;

pub(crate) async fn communication_services_check_name_availability(
    service: Arc<Resources>,
    context: Context,
) -> Result<Reply, ApiError> {
    subscription(&service, &context).await?;
    let asked: NameAvailabilityParameters = context.json()?;
    let missing = |field: &str| ApiError::invalid(field, format!("The field {field} is missing."));
    let text = asked.name.ok_or_else(|| missing("name"))?;
    let kind = asked.kind.ok_or_else(|| missing("type"))?;
    if !kind.eq_ignore_ascii_case(RESOURCE_TYPE) {
        return Err(ApiError::invalid("type", format!("Names are checked for {RESOURCE_TYPE} only.")));
    }
    let parsed: Result<ResourceName, _> = text.parse();
    let (reason, message) = match parsed {
        Err(cause) => (Some("Invalid"), Some(capitalised(&format!("{cause}.")))),
        Ok(name) => {
            let wanted = name.clone();
            let found: Result<_, StoreError> =
                service.store.read(move |tx| rows::find_resource(tx, wanted.as_str())).await;
            match found.map_err(ApiError::from)? {
                Some(_) => {
                    (Some("AlreadyExists"), Some(format!("A resource named '{name}' already exists.")))
                }
                None => (None, None),
            }
        }
    };
    let reply = CheckNameAvailabilityResponse { name_available: reason.is_none(), reason, message };
    Ok(Reply::json(StatusCode::OK, &reply))
}

/// The keys of the resource with that id. Made again in between under the same name, it is another one, and
/// somebody else's keys.
async fn keys(service: &Resources, place: &Place, id: ResourceId) -> Result<Reply, ApiError> {
    let view = service.directory.find(&place.name).await?.filter(|view| view.id == id);
    let view = view.ok_or_else(|| refusal(ResourcesError::ResourceNotFound(place.name.to_string())))?;
    Ok(Reply::json(StatusCode::OK, &KeysReply::of(&view)))
}

pub(crate) async fn communication_services_list_keys(
    service: Arc<Resources>,
    context: Context,
) -> Result<Reply, ApiError> {
    let place = Place::of(&service, &context).await?;
    let wanted = place.clone();
    let row = service.store.read(move |tx| wanted.load_for(tx, &context, Role::Owner)).await;
    keys(&service, &place, row.map_err(refusal)?.id).await
}

pub(crate) async fn communication_services_regenerate_key(
    service: Arc<Resources>,
    context: Context,
) -> Result<Reply, ApiError> {
    let place = Place::of(&service, &context).await?;
    let asked: RegenerateKeyParameters = context.json()?;
    let slot = asked.key_type.as_deref().and_then(|text| KeySlot::from_name(&text.to_ascii_lowercase()));
    let slot = slot.ok_or_else(|| ApiError::invalid("keyType", "keyType is 'Primary' or 'Secondary'."))?;
    let (vault, bytes) = (service.vault.clone(), changes::new_key(&*service.entropy));
    let wanted = place.clone();
    let task = move |tx: &mut Tx<'_>| -> Result<_, ResourcesError> {
        let row = wanted.load_for(tx, &context, Role::Owner)?;
        changes::regenerate_key(tx, &vault, &row, (slot, &bytes), &context)?;
        Ok(row.id)
    };
    let id = service.store.write(Key::system("resources"), task).await.map_err(refusal)?;
    service.forget();
    keys(&service, &place, id).await
}

pub(crate) async fn communication_services_link_notification_hub(
    service: Arc<Resources>,
    context: Context,
) -> Result<Reply, ApiError> {
    let place = Place::of(&service, &context).await?;
    let asked: LinkNotificationHubParameters = context.json()?;
    arm_ids::check_notification_hub(&asked.resource_id, &asked.connection_string)?;
    let vault = service.vault.clone();
    let hub = asked.resource_id.clone();
    let task = move |tx: &mut Tx<'_>| -> Result<(), ResourcesError> {
        let mut row = place.load_for(tx, &context, Role::Contributor)?;
        let sealed = vault.seal(&rows::hub_purpose(row.id), asked.connection_string.as_bytes());
        rows::replace_hub(tx, row.id, &asked.resource_id, &sealed)?;
        row.details.notification_hub_id = Some(asked.resource_id.clone());
        row.details.modified_by = Some(changes::author_of(&context.principal));
        row.details.modified_at = Some(context.now);
        rows::replace_resource(tx, &row)?;
        context.audit(tx, &row.name, &json!({ "notificationHubId": asked.resource_id }))?;
        Ok(tx.wake(CHANGED_TOPIC, "")?)
    };
    service.store.write(Key::system("resources"), task).await.map_err(refusal)?;
    Ok(Reply::json(StatusCode::OK, &LinkedNotificationHub { resource_id: hub }))
}
