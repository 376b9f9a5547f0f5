//! Events about text messages by telephone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::payload;
use crate::time::UtcTime;

/// The data of `Microsoft.Communication.SMSReceived`: an SMS arrived.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SmsReceived {
    /// The message.
    pub message_id: String,
    /// The number it was sent from.
    pub from: String,
    /// The number it was sent to.
    pub to: String,
    /// The text.
    pub message: String,
    /// When it arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received_timestamp: Option<UtcTime>,
    /// In how many segments it came.
    pub segment_count: i32,
}

payload!(SmsReceived, "SMSReceived");

/// The data of `Microsoft.Communication.SMSDeliveryReportReceived`: it is known what became of an SMS.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SmsDeliveryReportReceived {
    /// The message.
    pub message_id: String,
    /// The number it was sent from.
    pub from: String,
    /// The number it was sent to.
    pub to: String,
    /// What became of it, such as `Delivered`.
    pub delivery_status: String,
    /// More about it.
    pub delivery_status_details: String,
    /// Each attempt.
    #[serde(default)]
    pub delivery_attempts: Vec<SmsDeliveryAttempt>,
    /// When it arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received_timestamp: Option<UtcTime>,
    /// A word of the application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

payload!(SmsDeliveryReportReceived, "SMSDeliveryReportReceived");

/// One attempt to deliver a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SmsDeliveryAttempt {
    /// When.
    pub timestamp: UtcTime,
    /// Segments that were delivered.
    pub segments_succeeded: i32,
    /// Segments that were not.
    pub segments_failed: i32,
}
