//! Read receipts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dates::Date;
use crate::identifiers::CommunicationIdentifierModel;

/// Up to which message somebody has read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatMessageReadReceipt {
    /// Who read.
    pub sender_communication_identifier: CommunicationIdentifierModel,
    /// The newest message that was read.
    pub chat_message_id: String,
    /// When.
    pub read_on: Date,
}

/// Says up to which message the caller has read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SendReadReceiptRequest {
    /// The newest message that was read.
    pub chat_message_id: String,
}
