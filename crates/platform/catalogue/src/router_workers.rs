//! Events about workers of the job router, and offers to them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::payload;
use crate::router::QueueDetails;
use crate::time::UtcTime;

/// The data of `Microsoft.Communication.RouterWorkerRegistered`: a worker was registered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouterWorkerRegistered {
    /// The worker.
    pub worker_id: String,
    /// The queues it works for.
    #[serde(default)]
    pub queue_assignments: Vec<QueueDetails>,
    /// The channels it takes.
    #[serde(default)]
    pub channel_configurations: Vec<ChannelConfiguration>,
    /// How much it can do at once.
    pub total_capacity: i32,
    /// Labels of the worker.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

payload!(RouterWorkerRegistered, "RouterWorkerRegistered");

/// The data of `Microsoft.Communication.RouterWorkerDeregistered`: a worker was deregistered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouterWorkerDeregistered {
    /// The worker.
    pub worker_id: String,
}

payload!(RouterWorkerDeregistered, "RouterWorkerDeregistered");

/// The data of `Microsoft.Communication.RouterWorkerUpdated`: a worker was changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouterWorkerUpdated {
    /// The worker.
    pub worker_id: String,
    /// The queues it works for.
    #[serde(default)]
    pub queue_assignments: Vec<QueueDetails>,
    /// The channels it takes.
    #[serde(default)]
    pub channel_configurations: Vec<ChannelConfiguration>,
    /// How much it can do at once.
    pub total_capacity: i32,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// What changed.
    #[serde(default)]
    pub updated_worker_properties: Vec<UpdatedWorkerProperty>,
}

payload!(RouterWorkerUpdated, "RouterWorkerUpdated");

/// The data of `Microsoft.Communication.RouterWorkerDeleted`: a worker was deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouterWorkerDeleted {
    /// The job.
    pub job_id: String,
    /// What the application calls the conversation.
    pub channel_reference: String,
    /// The channel.
    pub channel_id: String,
    /// The worker.
    pub worker_id: String,
}

payload!(RouterWorkerDeleted, "RouterWorkerDeleted");

/// The data of `Microsoft.Communication.RouterWorkerOfferIssued`: a job was offered to a worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouterWorkerOfferIssued {
    /// The job.
    pub job_id: String,
    /// What the application calls the conversation.
    pub channel_reference: String,
    /// The channel.
    pub channel_id: String,
    /// The worker.
    pub worker_id: String,
    /// The queue.
    pub queue_id: String,
    /// The offer.
    pub offer_id: String,
    /// The priority of the job.
    pub job_priority: i32,
    /// Labels of the worker.
    #[serde(default)]
    pub worker_labels: BTreeMap<String, String>,
    /// When it was offered.
    pub offered_on: UtcTime,
    /// Until when the offer stands.
    pub expires_on: UtcTime,
    /// Tags of the worker.
    #[serde(default)]
    pub worker_tags: BTreeMap<String, String>,
    /// Labels of the job.
    #[serde(default)]
    pub job_labels: BTreeMap<String, String>,
    /// Tags of the job.
    #[serde(default)]
    pub job_tags: BTreeMap<String, String>,
}

payload!(RouterWorkerOfferIssued, "RouterWorkerOfferIssued");

/// The data of `Microsoft.Communication.RouterWorkerOfferAccepted`: a worker accepted an offer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouterWorkerOfferAccepted {
    /// The job.
    pub job_id: String,
    /// What the application calls the conversation.
    pub channel_reference: String,
    /// The channel.
    pub channel_id: String,
    /// The worker.
    pub worker_id: String,
    /// The queue.
    pub queue_id: String,
    /// The offer.
    pub offer_id: String,
    /// The assignment.
    pub assignment_id: String,
    /// The priority of the job.
    pub job_priority: i32,
    /// Labels of the worker.
    #[serde(default)]
    pub worker_labels: BTreeMap<String, String>,
    /// Tags of the worker.
    #[serde(default)]
    pub worker_tags: BTreeMap<String, String>,
    /// Labels of the job.
    #[serde(default)]
    pub job_labels: BTreeMap<String, String>,
    /// Tags of the job.
    #[serde(default)]
    pub job_tags: BTreeMap<String, String>,
}

payload!(RouterWorkerOfferAccepted, "RouterWorkerOfferAccepted");

/// The data of `Microsoft.Communication.RouterWorkerOfferDeclined`: a worker declined an offer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouterWorkerOfferDeclined {
    /// The job.
    pub job_id: String,
    /// What the application calls the conversation.
    pub channel_reference: String,
    /// The channel.
    pub channel_id: String,
    /// The worker.
    pub worker_id: String,
    /// The queue.
    pub queue_id: String,
    /// The offer.
    pub offer_id: String,
}

payload!(RouterWorkerOfferDeclined, "RouterWorkerOfferDeclined");

/// The data of `Microsoft.Communication.RouterWorkerOfferExpired`: nobody answered an offer in time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouterWorkerOfferExpired {
    /// The job.
    pub job_id: String,
    /// What the application calls the conversation.
    pub channel_reference: String,
    /// The channel.
    pub channel_id: String,
    /// The worker.
    pub worker_id: String,
    /// The queue.
    pub queue_id: String,
    /// The offer.
    pub offer_id: String,
}

payload!(RouterWorkerOfferExpired, "RouterWorkerOfferExpired");

/// The data of `Microsoft.Communication.RouterWorkerOfferRevoked`: an offer was taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouterWorkerOfferRevoked {
    /// The job.
    pub job_id: String,
    /// What the application calls the conversation.
    pub channel_reference: String,
    /// The channel.
    pub channel_id: String,
    /// The worker.
    pub worker_id: String,
    /// The queue.
    pub queue_id: String,
    /// The offer.
    pub offer_id: String,
}

payload!(RouterWorkerOfferRevoked, "RouterWorkerOfferRevoked");

/// What a channel takes of a worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChannelConfiguration {
    /// The channel.
    pub channel_id: String,
    /// What one job takes of the capacity.
    pub capacity_cost_per_job: i32,
    /// The most jobs at once.
    pub max_number_of_jobs: i32,
}

/// What of a worker changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum UpdatedWorkerProperty {
    /// Whether it takes offers.
    AvailableForOffers,
    /// How much it can do.
    TotalCapacity,
    /// Its queues.
    QueueAssignments,
    /// Its labels.
    Labels,
    /// Its tags.
    Tags,
    /// Its channels.
    ChannelConfigurations,
    /// A word that is not in the list.
    #[serde(untagged)]
    Other(String),
}
