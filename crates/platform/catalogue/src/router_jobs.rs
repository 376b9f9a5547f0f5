//! Events about jobs of the job router.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::payload;
use crate::router::{QueueDetails, RouterError, WorkerSelector};
use crate::time::UtcTime;

/// The data of `Microsoft.Communication.RouterJobReceived`: a job was submitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouterJobReceived {
    /// The job.
    pub job_id: String,
    /// What the application calls the conversation.
    pub channel_reference: String,
    /// The channel.
    pub channel_id: String,
    /// The queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_id: Option<String>,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Where the job is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_status: Option<RouterJobStatus>,
    /// The classification policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classification_policy_id: Option<String>,
    /// Its priority; higher goes first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// Conditions on workers that the application asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requested_worker_selectors: Vec<WorkerSelector>,
    /// When it is to be worked on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduled_on: Option<UtcTime>,
    /// Whether it waits for the application before it is offered.
    pub unavailable_for_matching: bool,
}

payload!(RouterJobReceived, "RouterJobReceived");

/// The data of `Microsoft.Communication.RouterJobQueued`: a job was put into a queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouterJobQueued {
    /// The job.
    pub job_id: String,
    /// What the application calls the conversation.
    pub channel_reference: String,
    /// The channel.
    pub channel_id: String,
    /// The queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_id: Option<String>,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Its priority; higher goes first.
    pub priority: i32,
    /// Conditions on workers that a policy added.
    #[serde(default)]
    pub attached_worker_selectors: Vec<WorkerSelector>,
    /// Conditions on workers that the application asked for.
    #[serde(default)]
    pub requested_worker_selectors: Vec<WorkerSelector>,
}

payload!(RouterJobQueued, "RouterJobQueued");

/// The data of `Microsoft.Communication.RouterJobClassified`: a policy classified a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouterJobClassified {
    /// The job.
    pub job_id: String,
    /// What the application calls the conversation.
    pub channel_reference: String,
    /// The channel.
    pub channel_id: String,
    /// The queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_id: Option<String>,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// The queue it was put into.
    pub queue_details: QueueDetails,
    /// The classification policy.
    pub classification_policy_id: String,
    /// Its priority; higher goes first.
    pub priority: i32,
    /// Conditions on workers that a policy added.
    #[serde(default)]
    pub attached_worker_selectors: Vec<WorkerSelector>,
}

payload!(RouterJobClassified, "RouterJobClassified");

/// The data of `Microsoft.Communication.RouterJobClassificationFailed`: a policy could not classify a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouterJobClassificationFailed {
    /// The job.
    pub job_id: String,
    /// What the application calls the conversation.
    pub channel_reference: String,
    /// The channel.
    pub channel_id: String,
    /// The queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_id: Option<String>,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// The classification policy.
    pub classification_policy_id: String,
    /// What went wrong.
    #[serde(default)]
    pub errors: Vec<RouterError>,
}

payload!(RouterJobClassificationFailed, "RouterJobClassificationFailed");

/// The data of `Microsoft.Communication.RouterJobCompleted`: a worker completed a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouterJobCompleted {
    /// The job.
    pub job_id: String,
    /// What the application calls the conversation.
    pub channel_reference: String,
    /// The channel.
    pub channel_id: String,
    /// The queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_id: Option<String>,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// The assignment.
    pub assignment_id: String,
    /// The worker.
    pub worker_id: String,
}

payload!(RouterJobCompleted, "RouterJobCompleted");

/// The data of `Microsoft.Communication.RouterJobClosed`: a job was closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouterJobClosed {
    /// The job.
    pub job_id: String,
    /// What the application calls the conversation.
    pub channel_reference: String,
    /// The channel.
    pub channel_id: String,
    /// The queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_id: Option<String>,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// The assignment.
    pub assignment_id: String,
    /// The worker.
    pub worker_id: String,
    /// What came of it, in the words of the application.
    pub disposition_code: String,
}

payload!(RouterJobClosed, "RouterJobClosed");

/// The data of `Microsoft.Communication.RouterJobCancelled`: a job was cancelled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouterJobCancelled {
    /// The job.
    pub job_id: String,
    /// What the application calls the conversation.
    pub channel_reference: String,
    /// The channel.
    pub channel_id: String,
    /// The queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_id: Option<String>,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// A remark of who cancelled it.
    pub note: String,
    /// What came of it, in the words of the application.
    pub disposition_code: String,
}

payload!(RouterJobCancelled, "RouterJobCancelled");

/// The data of `Microsoft.Communication.RouterJobDeleted`: a job was deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouterJobDeleted {
    /// The job.
    pub job_id: String,
    /// What the application calls the conversation.
    pub channel_reference: String,
    /// The channel.
    pub channel_id: String,
    /// The queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_id: Option<String>,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

payload!(RouterJobDeleted, "RouterJobDeleted");

/// The data of `Microsoft.Communication.RouterJobExceptionTriggered`: an exception rule applied to a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouterJobExceptionTriggered {
    /// The job.
    pub job_id: String,
    /// What the application calls the conversation.
    pub channel_reference: String,
    /// The channel.
    pub channel_id: String,
    /// The queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_id: Option<String>,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// The key of the rule in its policy.
    pub rule_key: String,
    /// The exception rule.
    pub exception_rule_id: String,
}

payload!(RouterJobExceptionTriggered, "RouterJobExceptionTriggered");

/// The data of `Microsoft.Communication.RouterJobSchedulingFailed`: a job could not be scheduled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouterJobSchedulingFailed {
    /// The job.
    pub job_id: String,
    /// What the application calls the conversation.
    pub channel_reference: String,
    /// The channel.
    pub channel_id: String,
    /// The queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_id: Option<String>,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Its priority; higher goes first.
    pub priority: i32,
    /// Conditions of policies whose time is over.
    #[serde(default)]
    pub expired_attached_worker_selectors: Vec<WorkerSelector>,
    /// Conditions of the application whose time is over.
    #[serde(default)]
    pub expired_requested_worker_selectors: Vec<WorkerSelector>,
    /// When it is to be worked on.
    pub scheduled_on: UtcTime,
    /// Why it could not be scheduled.
    pub failure_reason: String,
}

payload!(RouterJobSchedulingFailed, "RouterJobSchedulingFailed");

/// The data of `Microsoft.Communication.RouterJobUnassigned`: a job was taken from its worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouterJobUnassigned {
    /// The job.
    pub job_id: String,
    /// What the application calls the conversation.
    pub channel_reference: String,
    /// The channel.
    pub channel_id: String,
    /// The queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_id: Option<String>,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// The assignment.
    pub assignment_id: String,
    /// The worker.
    pub worker_id: String,
}

payload!(RouterJobUnassigned, "RouterJobUnassigned");

/// The data of `Microsoft.Communication.RouterJobWaitingForActivation`: the time of a scheduled job has come and it waits for the application.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouterJobWaitingForActivation {
    /// The job.
    pub job_id: String,
    /// What the application calls the conversation.
    pub channel_reference: String,
    /// The channel.
    pub channel_id: String,
    /// The queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_id: Option<String>,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Its priority; higher goes first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// Conditions of policies whose time is over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expired_attached_worker_selectors: Vec<WorkerSelector>,
    /// Conditions of the application whose time is over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expired_requested_worker_selectors: Vec<WorkerSelector>,
    /// When it is to be worked on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduled_on: Option<UtcTime>,
    /// Whether it waits for the application before it is offered.
    pub unavailable_for_matching: bool,
}

payload!(RouterJobWaitingForActivation, "RouterJobWaitingForActivation");

/// The data of `Microsoft.Communication.RouterJobWorkerSelectorsExpired`: conditions of a job on workers are over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouterJobWorkerSelectorsExpired {
    /// The job.
    pub job_id: String,
    /// What the application calls the conversation.
    pub channel_reference: String,
    /// The channel.
    pub channel_id: String,
    /// The queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_id: Option<String>,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Conditions of the application whose time is over.
    #[serde(default)]
    pub expired_requested_worker_selectors: Vec<WorkerSelector>,
    /// Conditions of policies whose time is over.
    #[serde(default)]
    pub expired_attached_worker_selectors: Vec<WorkerSelector>,
}

payload!(RouterJobWorkerSelectorsExpired, "RouterJobWorkerSelectorsExpired");

/// Where a job is in its life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RouterJobStatus {
    /// Waits for its classification.
    PendingClassification,
    /// Waits in a queue.
    Queued,
    /// A worker has it.
    Assigned,
    /// The work is done.
    Completed,
    /// Nothing is left to do.
    Closed,
    /// It was cancelled.
    Cancelled,
    /// It could not be classified.
    ClassificationFailed,
    /// It was made.
    Created,
    /// Waits to be scheduled.
    PendingSchedule,
    /// It has a time.
    Scheduled,
    /// It could not be scheduled.
    ScheduleFailed,
    /// Its time has come and it waits for the application.
    WaitingForActivation,
    /// A word that is not in the list.
    #[serde(untagged)]
    Other(String),
}
