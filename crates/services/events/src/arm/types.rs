//! What goes over the wire: published shapes of `Microsoft.EventGrid`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trunkline_kernel::Timestamp;

use crate::model::FilterDocument;

/// When something was made and changed.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SystemData {
    pub(crate) created_at: Timestamp,
    pub(crate) last_modified_at: Timestamp,
}

/// An event subscription.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventSubscription {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) system_data: SystemData,
    pub(crate) properties: EventSubscriptionProperties,
}

/// What an event subscription is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventSubscriptionProperties {
    /// The resource whose events it gets.
    pub(crate) topic: String,
    /// `Creating`, `Updating`, `AwaitingManualAction`, `Succeeded` or `Failed`.
    pub(crate) provisioning_state: &'static str,
    pub(crate) destination: EventSubscriptionDestination,
    pub(crate) filter: EventSubscriptionFilter,
    pub(crate) labels: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expiration_time_utc: Option<Timestamp>,
    /// `EventGridSchema` or `CloudEventSchemaV1_0`.
    pub(crate) event_delivery_schema: &'static str,
    pub(crate) retry_policy: RetryPolicy,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dead_letter_destination: Option<DeadLetterDestination>,
}

/// Where events go.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventSubscriptionDestination {
    /// `WebHook`, or `NatsSubject`, which only the operator API can make.
    pub(crate) endpoint_type: &'static str,
    pub(crate) properties: DestinationProperties,
}

/// A destination without its secrets.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DestinationProperties {
    /// The address without its query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) endpoint_base_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_events_per_batch: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) preferred_batch_size_in_kilobytes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delivery_attribute_mappings: Option<Vec<DeliveryAttributeMapping>>,
    /// The subject of a `NatsSubject`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<String>,
}

/// A header of each delivery.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct DeliveryAttributeMapping {
    pub(crate) name: String,
    /// `Static` or `Dynamic`.
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) properties: DeliveryAttributeProperties,
}

/// Where the value of a header comes from.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeliveryAttributeProperties {
    /// Absent when it is secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) is_secret: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source_field: Option<String>,
}

/// Which events.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventSubscriptionFilter {
    pub(crate) subject_begins_with: String,
    pub(crate) subject_ends_with: String,
    /// All of them when none were named.
    pub(crate) included_event_types: Vec<String>,
    pub(crate) is_subject_case_sensitive: bool,
    pub(crate) enable_advanced_filtering_on_arrays: bool,
    pub(crate) advanced_filters: Vec<FilterDocument>,
}

/// How often and how long a delivery is tried.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RetryPolicy {
    pub(crate) max_delivery_attempts: u32,
    pub(crate) event_time_to_live_in_minutes: u32,
}

/// Where events go that could not be delivered.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeadLetterDestination {
    /// `StorageBlob`.
    pub(crate) endpoint_type: &'static str,
    pub(crate) properties: DeadLetterProperties,
}

/// A container for events that could not be delivered.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeadLetterProperties {
    pub(crate) resource_id: String,
    pub(crate) blob_container_name: String,
}

/// What an event subscription shall be.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct EventSubscriptionParameters {
    pub(crate) properties: Option<EventSubscriptionUpdateParameters>,
}

/// What an event subscription shall be or become; in an update, what is left out stays.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct EventSubscriptionUpdateParameters {
    pub(crate) destination: Option<DestinationParameters>,
    /// Refused: this server delivers without an identity.
    pub(crate) delivery_with_resource_identity: Option<serde_json::Value>,
    pub(crate) filter: Option<FilterParameters>,
    pub(crate) labels: Option<Vec<String>>,
    pub(crate) expiration_time_utc: Option<Timestamp>,
    /// `EventGridSchema` or `CloudEventSchemaV1_0`.
    pub(crate) event_delivery_schema: Option<String>,
    pub(crate) retry_policy: Option<RetryParameters>,
    pub(crate) dead_letter_destination: Option<DeadLetterParameters>,
    /// Refused: this server keeps dead letters itself.
    pub(crate) dead_letter_with_resource_identity: Option<serde_json::Value>,
}

/// Where events shall go.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DestinationParameters {
    /// `WebHook`.
    pub(crate) endpoint_type: String,
    #[serde(default)]
    pub(crate) properties: Option<WebHookParameters>,
}

/// A web hook. No `Debug`: the address may hold a password.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct WebHookParameters {
    pub(crate) endpoint_url: Option<String>,
    /// 1 to 5,000.
    pub(crate) max_events_per_batch: Option<f64>,
    /// 1 to 1,024.
    pub(crate) preferred_batch_size_in_kilobytes: Option<f64>,
    /// Refused: this server has no tokens of a directory to send.
    pub(crate) azure_active_directory_tenant_id: Option<String>,
    /// Refused likewise.
    pub(crate) azure_active_directory_application_id_or_uri: Option<String>,
    pub(crate) delivery_attribute_mappings: Option<Vec<MappingParameters>>,
}

/// A header. No `Debug`: its value may be secret.
#[derive(Clone, Deserialize, JsonSchema)]
pub(crate) struct MappingParameters {
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// `Static` or `Dynamic`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) properties: Option<MappingProperties>,
}

/// Where the value of a header shall come from.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct MappingProperties {
    pub(crate) value: Option<String>,
    pub(crate) is_secret: Option<bool>,
    pub(crate) source_field: Option<String>,
}

/// Which events it shall get.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct FilterParameters {
    pub(crate) subject_begins_with: Option<String>,
    pub(crate) subject_ends_with: Option<String>,
    pub(crate) included_event_types: Option<Vec<String>>,
    pub(crate) is_subject_case_sensitive: Option<bool>,
    pub(crate) enable_advanced_filtering_on_arrays: Option<bool>,
    pub(crate) advanced_filters: Option<Vec<FilterDocument>>,
}

/// How often and how long it shall be tried.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct RetryParameters {
    /// 1 to 30.
    pub(crate) max_delivery_attempts: Option<f64>,
    /// 1 to 1,440.
    pub(crate) event_time_to_live_in_minutes: Option<f64>,
}

/// Where events shall go that could not be delivered.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeadLetterParameters {
    /// `StorageBlob`.
    pub(crate) endpoint_type: String,
    #[serde(default)]
    pub(crate) properties: Option<DeadLetterPropertiesParameters>,
}

/// A container for events that could not be delivered.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct DeadLetterPropertiesParameters {
    pub(crate) resource_id: Option<String>,
    pub(crate) blob_container_name: Option<String>,
}

/// The whole address of a web hook. No `Debug`: it may hold a password.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventSubscriptionFullUrl {
    pub(crate) endpoint_url: String,
}

/// The headers of each delivery.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct DeliveryAttributeListResult {
    pub(crate) value: Vec<DeliveryAttributeMapping>,
}

/// A system topic.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SystemTopic {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    /// Always `global`.
    pub(crate) location: String,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) system_data: SystemData,
    pub(crate) properties: SystemTopicProperties,
}

/// What a system topic is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SystemTopicProperties {
    /// Always `Succeeded`.
    pub(crate) provisioning_state: &'static str,
    /// The id of the resource whose events it stands for.
    pub(crate) source: String,
    pub(crate) topic_type: &'static str,
    pub(crate) metric_resource_id: String,
}

/// What a system topic shall be.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct SystemTopicParameters {
    /// `global`.
    pub(crate) location: Option<String>,
    pub(crate) tags: Option<BTreeMap<String, String>>,
    pub(crate) identity: Option<IdentityParameters>,
    pub(crate) properties: Option<SystemTopicPropertiesParameters>,
}

/// The properties a client can set.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct SystemTopicPropertiesParameters {
    pub(crate) source: Option<String>,
    pub(crate) topic_type: Option<String>,
}

/// What a system topic shall become; what is left out stays.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct SystemTopicUpdateParameters {
    pub(crate) tags: Option<BTreeMap<String, String>>,
    pub(crate) identity: Option<IdentityParameters>,
}

/// `None` is all there is: events are delivered without an identity.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct IdentityParameters {
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
}

/// A type of resource that has events.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TopicTypeInfo {
    pub(crate) id: String,
    pub(crate) name: &'static str,
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) properties: TopicTypeProperties,
}

/// What a topic type is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TopicTypeProperties {
    pub(crate) provider: &'static str,
    pub(crate) display_name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) resource_region_type: &'static str,
    pub(crate) provisioning_state: &'static str,
    pub(crate) supported_locations: Vec<&'static str>,
    pub(crate) source_resource_format: &'static str,
    pub(crate) supported_scopes_for_source: Vec<&'static str>,
}

/// A type of event.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct EventType {
    pub(crate) id: String,
    pub(crate) name: &'static str,
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) properties: EventTypeProperties,
}

/// What an event type is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventTypeProperties {
    pub(crate) display_name: String,
    pub(crate) description: &'static str,
    pub(crate) schema_url: String,
    pub(crate) is_in_default_set: bool,
}
