//! What goes over the wire: published shapes (`Microsoft.Communication`, ARM's common types).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trunkline_kernel::Timestamp;
use uuid::Uuid;

use crate::rules::identity::{IdentityParameters, ManagedServiceIdentity};

/// A resource.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommunicationServiceResource {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    /// Always `global`.
    pub(crate) location: &'static str,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) system_data: SystemData,
    pub(crate) properties: CommunicationServiceProperties,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) identity: Option<ManagedServiceIdentity>,
}

/// What a resource is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommunicationServiceProperties {
    /// Always `Succeeded`: a resource that can be seen is ready.
    pub(crate) provisioning_state: &'static str,
    pub(crate) host_name: String,
    pub(crate) data_location: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) notification_hub_id: Option<String>,
    /// The version of this server.
    pub(crate) version: &'static str,
    pub(crate) immutable_resource_id: String,
    pub(crate) linked_domains: Vec<String>,
    /// Always `Enabled`.
    #[schemars(extend("x-since" = "2025-09-01"))]
    pub(crate) public_network_access: &'static str,
    /// Whether access keys are refused.
    #[schemars(extend("x-since" = "2025-09-01"))]
    pub(crate) disable_local_auth: bool,
}

/// Who made and changed something, and when.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SystemData {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) created_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) created_by_type: Option<String>,
    pub(crate) created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_modified_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_modified_by_type: Option<String>,
    pub(crate) last_modified_at: Timestamp,
}

/// What a resource shall be.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct CommunicationServiceParameters {
    /// `global`.
    pub(crate) location: Option<String>,
    pub(crate) tags: Option<BTreeMap<String, String>>,
    pub(crate) properties: Option<PropertiesParameters>,
    pub(crate) identity: Option<IdentityParameters>,
}

/// What a resource shall become; what is left out stays.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct CommunicationServiceResourceUpdate {
    pub(crate) tags: Option<BTreeMap<String, String>>,
    pub(crate) properties: Option<PropertiesParameters>,
    pub(crate) identity: Option<IdentityParameters>,
}

/// The properties a client can set.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct PropertiesParameters {
    /// Where the data lies; cannot change.
    pub(crate) data_location: Option<String>,
    /// Ids of e-mail domains.
    pub(crate) linked_domains: Option<Vec<String>>,
    /// `Enabled` is all there is.
    #[schemars(extend("x-since" = "2025-09-01"))]
    pub(crate) public_network_access: Option<String>,
    /// Whether access keys are refused.
    #[schemars(extend("x-since" = "2025-09-01"))]
    pub(crate) disable_local_auth: Option<bool>,
}

/// A name that somebody would like.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct NameAvailabilityParameters {
    pub(crate) name: Option<String>,
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
}

/// Whether it is free.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CheckNameAvailabilityResponse {
    pub(crate) name_available: bool,
    /// `Invalid` or `AlreadyExists`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
}

/// Which key.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RegenerateKeyParameters {
    /// `Primary` or `Secondary`, in any case.
    pub(crate) key_type: Option<String>,
}

/// A notification hub, with what signs in to it.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LinkNotificationHubParameters {
    pub(crate) resource_id: String,
    pub(crate) connection_string: String,
}

/// The notification hub that is linked now.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LinkedNotificationHub {
    pub(crate) resource_id: String,
}

/// A resource group.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ResourceGroup {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) location: String,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) properties: ResourceGroupProperties,
}

/// How a resource group is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ResourceGroupProperties {
    /// `Succeeded`, or `Deleting`.
    pub(crate) provisioning_state: &'static str,
}

/// What a resource group shall be.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct ResourceGroupParameters {
    pub(crate) location: Option<String>,
    pub(crate) tags: Option<BTreeMap<String, String>>,
}

/// What a resource group shall become.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct ResourceGroupPatch {
    pub(crate) tags: Option<BTreeMap<String, String>>,
}

/// The tenant of this installation.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the wire has these names")]
pub(crate) struct Tenant {
    pub(crate) id: String,
    pub(crate) tenant_id: Uuid,
    pub(crate) display_name: &'static str,
    pub(crate) tenant_category: &'static str,
}

/// The subscription of this installation.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the wire has these names")]
pub(crate) struct Subscription {
    pub(crate) id: String,
    pub(crate) subscription_id: Uuid,
    pub(crate) tenant_id: Uuid,
    pub(crate) display_name: &'static str,
    pub(crate) state: &'static str,
}

/// Where a resource can be.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Location {
    pub(crate) id: String,
    pub(crate) name: &'static str,
    pub(crate) display_name: &'static str,
}

/// A resource provider.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Provider {
    pub(crate) id: String,
    pub(crate) namespace: &'static str,
    pub(crate) registration_policy: &'static str,
    pub(crate) registration_state: &'static str,
    pub(crate) resource_types: Vec<ProviderResourceType>,
}

/// A type of resource.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProviderResourceType {
    pub(crate) resource_type: &'static str,
    pub(crate) locations: Vec<&'static str>,
    /// Newest first.
    pub(crate) api_versions: Vec<&'static str>,
    pub(crate) capabilities: &'static str,
}
