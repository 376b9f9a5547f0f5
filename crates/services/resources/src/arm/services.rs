//! Resources: look, create, change, delete.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{StatusCode, header};
use serde_json::json;
use trunkline_kernel::ResourceId;
use trunkline_store::{Key, Tx};
use trunkline_web::{ApiError, Context, Reply, Role, etag};
use uuid::Uuid;

use super::place::{Place, group_key, refusal, subscription};
use super::progress;
use super::types::{
    CommunicationServiceParameters, CommunicationServiceProperties, CommunicationServiceResource,
    CommunicationServiceResourceUpdate, PropertiesParameters, SystemData,
};
use crate::Resources;
use crate::changes::{self, Creation};
use crate::directory::{CHANGED_TOPIC, Naming};
use crate::error::ResourcesError;
use crate::rows::{self, Details, ResourceRow, Selection};
use crate::rules::identity::{self, IdentityParameters};
use crate::rules::{arm_ids, data_location, tags};

/// The type of a resource, as ARM writes it.
pub(crate) const RESOURCE_TYPE: &str = "Microsoft.Communication/CommunicationServices";

/// The id of a resource in ARM.
pub(crate) fn resource_id(subscription: Uuid, group: &str, name: &str) -> String {
    format!("/subscriptions/{subscription}/resourceGroups/{group}/providers/{RESOURCE_TYPE}/{name}")
}

impl CommunicationServiceResource {
    pub(crate) fn of(row: ResourceRow, subscription: Uuid, naming: &Naming) -> Self {
        let name = row.name.parse().expect("only valid names are inserted");
        let shown_name = if row.shown_name.is_empty() { row.name } else { row.shown_name };
        let Details { linked_domains, identity, notification_hub_id, created_by, modified_by, modified_at } =
            row.details;
        let created_by = created_by.map(|author| (author.name, author.kind)).unzip();
        let modified_by = modified_by.map(|author| (author.name, author.kind)).unzip();
        let is_changed = modified_by.0.is_some();
        let (last_modified_by, last_modified_by_type) =
            if is_changed { modified_by } else { created_by.clone() };
        Self {
            id: resource_id(subscription, &row.shown_group, &shown_name),
            name: shown_name,
            kind: RESOURCE_TYPE,
            location: "global",
            tags: serde_json::from_str(&row.tags).unwrap_or_default(),
            system_data: SystemData {
                created_by: created_by.0,
                created_by_type: created_by.1,
                created_at: row.created_at,
                last_modified_by,
                last_modified_by_type,
                last_modified_at: modified_at.unwrap_or(row.created_at),
            },
            properties: CommunicationServiceProperties {
                provisioning_state: "Succeeded",
                host_name: naming.host_name(&name),
                data_location: row.data_location,
                notification_hub_id,
                version: env!("CARGO_PKG_VERSION"),
                immutable_resource_id: row.id.to_string(),
                linked_domains,
                public_network_access: "Enabled",
                disable_local_auth: row.is_local_auth_disabled,
            },
            identity,
        }
    }
}

/// The resource as shown, with its entity tag.
fn show(service: &Resources, place: &Place, row: ResourceRow) -> (CommunicationServiceResource, String) {
    let shown = CommunicationServiceResource::of(row, place.subscription, service.directory.naming());
    let tag = etag::of(&shown);
    (shown, tag)
}

fn reply(service: &Resources, place: &Place, status: StatusCode, row: ResourceRow) -> Reply {
    let (shown, tag) = show(service, place, row);
    Reply::json(status, &shown).with_header(header::ETAG, &tag)
}

pub(crate) async fn communication_services_list_by_subscription(
    service: Arc<Resources>,
    context: Context,
) -> Result<Reply, ApiError> {
    let subscription = subscription(&service, &context).await?;
    list(&service, &context, subscription, None).await
}

pub(crate) async fn communication_services_list_by_resource_group(
    service: Arc<Resources>,
    context: Context,
) -> Result<Reply, ApiError> {
    let subscription = subscription(&service, &context).await?;
    let group = group_key(&context);
    let key = group.clone();
    service.store.read(move |tx| changes::load_group(tx, &key)).await.map_err(refusal)?;
    list(&service, &context, subscription, Some(group)).await
}

async fn list(
    service: &Resources,
    context: &Context,
    subscription: Uuid,
    group: Option<String>,
) -> Result<Reply, ApiError> {
    let limit = context.page_size()?;
    let after: Option<String> = context.continuation()?;
    let selection = Selection { group, ids: context.visible_resources() };
    let found: Vec<ResourceRow> = service
        .store
        .read(move |tx| rows::list_resources(tx, &selection, after.as_deref().unwrap_or_default(), limit))
        .await
        .map_err(ApiError::from)?;
    let next = found.last().filter(|_| found.len() == limit as usize).map(|last| last.name.clone());
    let naming = service.directory.naming();
    let page = context.page(found, next.as_ref());
    Ok(Reply::json(
        StatusCode::OK,
        &page.map(|row| CommunicationServiceResource::of(row, subscription, naming)),
    ))
}

pub(crate) async fn communication_services_get(
    service: Arc<Resources>,
    context: Context,
) -> Result<Reply, ApiError> {
    let place = Place::of(&service, &context).await?;
    let (wanted, context) = (place.clone(), Arc::new(context));
    let row =
        service.store.read(move |tx| wanted.load_for(tx, &context, Role::Reader)).await.map_err(refusal)?;
    Ok(reply(&service, &place, StatusCode::OK, row))
}

/// What a resource shall become, checked; what is `None` stays.
struct Change {
    tags: Option<BTreeMap<String, String>>,
    linked_domains: Option<Vec<String>>,
    disable_local_auth: Option<bool>,
    identity: Option<IdentityParameters>,
}

impl Change {
    /// **Errors**: 400 that names the field at fault.
    fn read(
        tags: Option<BTreeMap<String, String>>,
        properties: PropertiesParameters,
        identity: Option<IdentityParameters>,
    ) -> Result<Self, ApiError> {
        tags.as_ref().map_or(Ok(()), tags::check)?;
        properties.linked_domains.as_deref().map_or(Ok(()), arm_ids::check_linked_domains)?;
        identity.as_ref().map_or(Ok(()), identity::check)?;
        if properties.public_network_access.is_some_and(|access| !access.eq_ignore_ascii_case("Enabled")) {
            return Err(ApiError::invalid(
                "properties.publicNetworkAccess",
                "publicNetworkAccess can only be Enabled: who reaches this server is for its network to say.",
            ));
        }
        Ok(Self {
            tags,
            linked_domains: properties.linked_domains,
            disable_local_auth: properties.disable_local_auth,
            identity,
        })
    }

    /// Changes `row`; its audit detail is returned.
    fn apply(&self, service: &Resources, row: &mut ResourceRow) -> Result<serde_json::Value, ApiError> {
        let mut changed = Vec::new();
        if let Some(tags) = &self.tags {
            row.tags = json!(tags).to_string();
            changed.push("tags");
        }
        if let Some(domains) = &self.linked_domains {
            row.details.linked_domains.clone_from(domains);
            changed.push("linkedDomains");
        }
        if let Some(is_disabled) = self.disable_local_auth {
            row.is_local_auth_disabled = is_disabled;
            changed.push("disableLocalAuth");
        }
        if let Some(identity) = &self.identity {
            let (tenant, entropy) = (service.settings.tenant_id, &*service.entropy);
            row.details.identity =
                identity::change(row.details.identity.as_ref(), identity, tenant, entropy)?;
            changed.push("identity");
        }
        Ok(json!({ "changed": changed, "disableLocalAuth": row.is_local_auth_disabled }))
    }
}

/// Changes the resource `row` and leaves its row in the audit log.
fn update(
    tx: &mut Tx<'_>,
    service: &Resources,
    mut row: ResourceRow,
    change: &Change,
    context: &Context,
) -> Result<ResourceRow, ResourcesError> {
    let detail = change.apply(service, &mut row)?;
    row.details.modified_by = Some(changes::author_of(&context.principal));
    row.details.modified_at = Some(context.now);
    rows::replace_resource(tx, &row)?;
    context.audit(tx, &row.name, &detail)?;
    tx.wake(CHANGED_TOPIC, "")?;
    Ok(row)
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
            "The location of a resource is 'global'; where its data lies is properties.dataLocation.",
        ),
    }
}

/// What a PUT asks for, and what a new resource would get.
struct Asked {
    place: Place,
    data_location: Option<String>,
    change: Change,
    id: ResourceId,
    sealed_keys: [Vec<u8>; 2],
    operation: Uuid,
}

impl Asked {
    /// Changes the resource, or makes it; `true` when it is new.
    fn put(
        &self,
        tx: &mut Tx<'_>,
        service: &Resources,
        context: &Context,
    ) -> Result<(ResourceRow, bool), ResourcesError> {
        let Some(row) = rows::find_resource(tx, self.place.name.as_str())? else {
            return self.create(tx, service, context).map(|row| (row, true));
        };
        context.expect_role(Some(row.id), Role::Contributor)?;
        changes::load_group(tx, &self.place.group)?;
        if row.group != self.place.group {
            return Err(ResourcesError::NameTaken(row.name));
        }
        context.check_preconditions(Some(&show(service, &self.place, row.clone()).1))?;
        if self.data_location.as_ref().is_some_and(|asked| !asked.eq_ignore_ascii_case(&row.data_location)) {
            let message =
                format!("The data of '{}' lies in {} and cannot move.", row.name, row.data_location);
            let refusal = ApiError::new(StatusCode::BAD_REQUEST, "PropertyChangeNotAllowed", message);
            return Err(refusal.with_target("properties.dataLocation").into());
        }
        update(tx, service, row, &self.change, context).map(|row| (row, false))
    }

    fn create(
        &self,
        tx: &mut Tx<'_>,
        service: &Resources,
        context: &Context,
    ) -> Result<ResourceRow, ResourcesError> {
        context.expect_role(None, Role::Contributor)?;
        context.check_preconditions(None)?;
        let Some(location) = &self.data_location else {
            let message = "dataLocation is missing: where the data of the resource lies.";
            return Err(ApiError::invalid("properties.dataLocation", message).into());
        };
        let data_location = data_location::choose(Some(location), &service.settings.data_locations)?;
        let group = changes::load_group(tx, &self.place.group)?;
        let mut row = ResourceRow {
            id: self.id,
            name: self.place.name.to_string(),
            shown_name: self.place.shown_name.clone(),
            group: group.name,
            shown_group: group.shown_name,
            data_location,
            tags: String::new(),
            is_local_auth_disabled: false,
            details: Details {
                created_by: Some(changes::author_of(&context.principal)),
                ..Details::default()
            },
            created_at: context.now,
        };
        self.change.apply(service, &mut row)?;
        let creation = Creation { row, sealed_keys: self.sealed_keys.clone() };
        changes::create(tx, &creation, context)?;
        progress::start_done(tx, self.operation, "create", context.now)?;
        Ok(creation.row)
    }
}

pub(crate) async fn communication_services_create_or_update(
    service: Arc<Resources>,
    context: Context,
) -> Result<Reply, ApiError> {
    let place = Place::of(&service, &context).await?;
    let asked: CommunicationServiceParameters = context.json()?;
    check_location(asked.location.as_deref())?;
    let mut properties = asked.properties.unwrap_or_default();
    let data_location = properties.data_location.take();
    // A PUT says all that a resource is; but keys that were switched off, and an identity, stay so unless it
    // speaks of them: older clients know neither.
    properties.linked_domains.get_or_insert_default();
    let change = Change::read(Some(asked.tags.unwrap_or_default()), properties, asked.identity)?;
    let id = ResourceId(service.entropy.uuid());
    let operation = service.entropy.uuid();
    let asked = Asked {
        place: place.clone(),
        data_location,
        change,
        id,
        sealed_keys: changes::seal_keys(&service.vault, &*service.entropy, id, [None, None]),
        operation,
    };
    let context = Arc::new(context);
    let (maker, asking) = (Arc::clone(&service), Arc::clone(&context));
    let put = move |tx: &mut Tx<'_>| asked.put(tx, &maker, &asking);
    let (row, is_new) = service.store.write(Key::system("resources"), put).await.map_err(refusal)?;
    service.forget();
    if !is_new {
        return Ok(reply(&service, &place, StatusCode::OK, row));
    }
    let reply = reply(&service, &place, StatusCode::CREATED, row);
    Ok(progress::with_status(reply, &context, place.subscription, operation))
}

pub(crate) async fn communication_services_update(
    service: Arc<Resources>,
    context: Context,
) -> Result<Reply, ApiError> {
    let place = Place::of(&service, &context).await?;
    let asked: CommunicationServiceResourceUpdate = context.json()?;
    let properties = asked.properties.unwrap_or_default();
    let change = Change::read(asked.tags, properties, asked.identity)?;
    let (maker, wanted) = (Arc::clone(&service), place.clone());
    let task = move |tx: &mut Tx<'_>| -> Result<ResourceRow, ResourcesError> {
        let row = wanted.load_for(tx, &context, Role::Contributor)?;
        context.check_preconditions(Some(&show(&maker, &wanted, row.clone()).1))?;
        update(tx, &maker, row, &change, &context)
    };
    let row = service.store.write(Key::system("resources"), task).await.map_err(refusal)?;
    service.forget();
    Ok(reply(&service, &place, StatusCode::OK, row))
}

pub(crate) async fn communication_services_delete(
    service: Arc<Resources>,
    context: Context,
) -> Result<Reply, ApiError> {
    let place = Place::of(&service, &context).await?;
    let (operation, context) = (service.entropy.uuid(), Arc::new(context));
    let (maker, wanted, asking) = (Arc::clone(&service), place.clone(), Arc::clone(&context));
    let task = move |tx: &mut Tx<'_>| -> Result<bool, ResourcesError> {
        let row = match wanted.load_for(tx, &asking, Role::Contributor) {
            Err(ResourcesError::ResourceNotFound(_)) => {
                asking.changes_nothing();
                return Ok(false);
            }
            found => found?,
        };
        asking.check_preconditions(Some(&show(&maker, &wanted, row.clone()).1))?;
        changes::delete(tx, &row, &*maker.clock)?;
        asking.audit(tx, &row.name, &json!({ "id": row.id }))?;
        progress::start_done(tx, operation, "delete", asking.now)?;
        Ok(true)
    };
    let was_there = service.store.write(Key::system("resources"), task).await.map_err(refusal)?;
    service.forget();
    if !was_there {
        return Ok(Reply::empty(StatusCode::NO_CONTENT));
    }
    // Whoever had a role on this resource alone has none any more to poll with.
    if context.visible_resources().is_some() {
        return Ok(Reply::empty(StatusCode::OK));
    }
    let reply = Reply::empty(StatusCode::ACCEPTED);
    let reply = progress::with_status(reply, &context, place.subscription, operation);
    Ok(progress::with_result(reply, &context, place.subscription, operation))
}
