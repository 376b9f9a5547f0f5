//! What a subscription is: where its events go, which ones, in which shape, and how long it is tried.
//!
//! The serde forms of [`Spec`] are what the store keeps; [`AdvancedFilter`] is written as Azure writes it, so that
//! the ARM and the operator API use it as it is.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trunkline_kernel::{ResourceId, Secret, Timestamp};

mod advanced;
#[cfg(test)]
mod tests;

pub use advanced::{AdvancedFilter, FilterDocument, OPERATORS, Range, Test, UnknownFilter};

/// A subscription as the service keeps it, without its secrets.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscription {
    /// What due rows and the log of attempts carry; never used twice.
    pub number: i64,
    /// The resource whose events it gets.
    pub resource: ResourceId,
    /// The system topic it was made under; `None` when it was made under the resource itself.
    pub system_topic: Option<String>,
    /// Its name as it was written.
    pub name: String,
    /// What it asks for.
    pub spec: Spec,
    /// How far its making has come.
    pub state: Provisioning,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed last.
    pub modified: Timestamp,
    /// It gets events of the outbox after this one.
    pub from_sequence: u64,
    /// The value of the counter of changes when it was written last.
    pub generation: i64,
}

/// What a subscription asks for. Secrets are not in here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spec {
    /// Where the events go.
    pub destination: Destination,
    /// Which events.
    #[serde(default)]
    pub filter: Filter,
    /// Words of the client, kept as they are.
    #[serde(default)]
    pub labels: Vec<String>,
    /// From when on nothing is delivered any more.
    #[serde(default)]
    pub expires: Option<Timestamp>,
    /// The envelope of the events.
    #[serde(default)]
    pub schema: Schema,
    /// How often and how long it is tried.
    #[serde(default)]
    pub retry: Retry,
    /// Where what could not be delivered goes; `None`: it is dropped.
    #[serde(default)]
    pub dead_letter: Option<DeadLetterPlace>,
}

/// The envelope of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Schema {
    /// An array of events of Event Grid.
    #[default]
    EventGridSchema,
    /// CloudEvents 1.0 in the JSON format.
    #[serde(rename = "CloudEventSchemaV1_0")]
    CloudEventSchemaV1_0,
}

impl Schema {
    /// The word of `eventDeliverySchema`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EventGridSchema => "EventGridSchema",
            Self::CloudEventSchemaV1_0 => "CloudEventSchemaV1_0",
        }
    }
}

/// Where the events go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Destination {
    /// An HTTP endpoint.
    WebHook {
        /// The address without query and user information; the whole one is in [`Secrets`].
        base_url: String,
        /// The most events of one request, 1 to 5,000. More than one is batching.
        max_events_per_batch: u32,
        /// How large a request of several events may be, in KiB, 1 to 1,024.
        preferred_batch_size_kb: u32,
        /// Headers of each request.
        mappings: Vec<Mapping>,
    },
    /// A subject of the NATS server of the configuration.
    Nats {
        /// The subject, such as `trunkline.events`.
        subject: String,
    },
}

impl Destination {
    /// Whether a request may carry more than one event.
    pub const fn is_batching(&self) -> bool {
        matches!(self, Self::WebHook { max_events_per_batch, .. } if *max_events_per_batch > 1)
    }

    /// Headers of each request; none for NATS.
    pub fn mappings(&self) -> &[Mapping] {
        match self {
            Self::WebHook { mappings, .. } => mappings,
            Self::Nats { .. } => &[],
        }
    }
}

/// What of a subscription is sealed: kept as one JSON document by the vault.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    /// The whole address of the web hook; empty for NATS.
    pub endpoint_url: Secret<String>,
    /// Values of secret static headers by name as written.
    pub headers: BTreeMap<String, Secret<String>>,
}

/// The document that is sealed. Not `pub`: it holds secrets in the clear.
#[derive(Serialize, Deserialize)]
struct SecretsDocument {
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

impl Secrets {
    /// The bytes to be sealed.
    pub fn to_json(&self) -> Secret<Vec<u8>> {
        let exposed = |(name, value): (&String, &Secret<String>)| (name.clone(), value.expose().clone());
        let document = SecretsDocument {
            url: self.endpoint_url.expose().clone(),
            headers: self.headers.iter().map(exposed).collect(),
        };
        Secret::new(serde_json::to_vec(&document).expect("texts and a map of texts are JSON"))
    }

    /// Reads what [`to_json`](Self::to_json) wrote.
    ///
    /// **Errors**: `None` when it is something else.
    pub fn from_json(json: &Secret<Vec<u8>>) -> Option<Self> {
        let document: SecretsDocument = serde_json::from_slice(json.expose()).ok()?;
        Some(Self {
            endpoint_url: Secret::new(document.url),
            headers: document.headers.into_iter().map(|(name, value)| (name, Secret::new(value))).collect(),
        })
    }
}

/// A header that each request carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mapping {
    /// The header's name as written.
    pub name: String,
    /// Where its value comes from.
    #[serde(flatten)]
    pub kind: MappingKind,
}

/// Where the value of a header comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum MappingKind {
    /// Always the same.
    Static {
        /// The value; `None` when it is secret and kept in [`Secrets`].
        value: Option<String>,
        /// Whether it is never shown.
        is_secret: bool,
    },
    /// A field of the event, such as `data.from`.
    Dynamic {
        /// The field's key, spelt as in an advanced filter.
        source_field: String,
    },
}

/// How often and how long a delivery is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retry {
    /// The most attempts, the first included: 1 to 30.
    pub max_delivery_attempts: u32,
    /// For how long, in minutes: 1 to 1,440.
    pub event_time_to_live_minutes: u32,
}

impl Default for Retry {
    fn default() -> Self {
        Self { max_delivery_attempts: 30, event_time_to_live_minutes: 1440 }
    }
}

/// Where events go that could not be delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetterPlace {
    /// The storage account as the client names it; kept and shown, the blobs are ours.
    pub resource_id: String,
    /// The container: 3 to 63 characters `a-z`, `0-9` and `-`.
    pub container: String,
}

/// How far the making of a subscription has come; the words are ARM's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Provisioning {
    /// The first handshake is under way.
    Creating,
    /// The endpoint answered without the code; somebody must open the validation address.
    AwaitingManualAction,
    /// A new address or schema waits for its handshake.
    Updating,
    /// It is being removed.
    Deleting,
    /// It gets events.
    Succeeded,
    /// The handshake failed.
    Failed,
}

impl Provisioning {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::Creating,
        Self::AwaitingManualAction,
        Self::Updating,
        Self::Deleting,
        Self::Succeeded,
        Self::Failed,
    ];

    /// The word of `provisioningState`, which is also the one in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Creating => "Creating",
            Self::AwaitingManualAction => "AwaitingManualAction",
            Self::Updating => "Updating",
            Self::Deleting => "Deleting",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }

    /// The state of that name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// Which events a subscription gets.
///
/// A misspelt member is an error: without it the filter would let everything pass.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Filter {
    /// The event types; `None` means all.
    pub included_event_types: Option<Vec<String>>,
    /// What the subject begins with; empty means anything.
    pub subject_begins_with: String,
    /// What the subject ends with; empty means anything.
    pub subject_ends_with: String,
    /// Whether the two subject filters tell capitals from small letters.
    pub is_subject_case_sensitive: bool,
    /// Whether an array is looked into, element by element.
    pub enable_advanced_filtering_on_arrays: bool,
    /// Conditions on fields, all of which must hold.
    #[serde(rename = "advancedFilters")]
    pub advanced: Vec<AdvancedFilter>,
}
