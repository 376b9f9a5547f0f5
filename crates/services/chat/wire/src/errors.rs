//! Errors that stand inside a success.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is wrong with one of the things that were asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommunicationError {
    /// The code.
    pub code: String,
    /// What is wrong, for a person.
    pub message: String,
    /// What it is about: the raw id of a participant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}
