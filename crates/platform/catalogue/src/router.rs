//! The job router: what events of jobs and workers share.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::time::UtcTime;

/// A queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueDetails {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// A condition on the labels of workers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkerSelector {
    /// The label.
    pub key: String,
    /// How it is compared.
    pub label_operator: LabelOperator,
    /// What it is compared with.
    pub value: Value,
    /// How long it applies, in seconds.
    pub ttl_seconds: f64,
    /// Whether it still applies.
    pub state: SelectorState,
    /// Until when it applies.
    pub expiration_time: UtcTime,
}

/// Why something about a job failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouterError {
    /// The code.
    pub code: String,
    /// The text.
    pub message: String,
    /// What it is about.
    pub target: String,
    /// What was behind it.
    #[serde(rename = "innererror", skip_serializing_if = "Option::is_none")]
    pub inner_error: Option<Box<RouterError>>,
    /// More of the same.
    #[serde(default)]
    pub details: Vec<RouterError>,
}

/// How a label is compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LabelOperator {
    /// The same.
    Equal,
    /// Another.
    NotEqual,
    /// Greater.
    Greater,
    /// Less.
    Less,
    /// Greater or the same.
    GreaterThanOrEqual,
    /// Less or the same.
    LessThanOrEqual,
    /// A word that is not in the list.
    #[serde(untagged)]
    Other(String),
}

/// Whether a selector still applies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SelectorState {
    /// Applies.
    Active,
    /// Its time is over.
    Expired,
    /// A word that is not in the list.
    #[serde(untagged)]
    Other(String),
}
