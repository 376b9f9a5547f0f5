//! Events about what became of emails.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::payload;
use crate::time::UtcTime;

/// The data of `Microsoft.Communication.EmailDeliveryReportReceived`: it is known what became of an email to one recipient.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmailDeliveryReportReceived {
    /// The address it was sent from.
    pub sender: String,
    /// The address it was sent to.
    pub recipient: String,
    /// The message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// What became of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<EmailStatus>,
    /// More about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_status_details: Option<EmailStatusDetails>,
    /// When it was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_attempt_timestamp: Option<UtcTime>,
    /// The `Message-ID` of the email (RFC 5322 §3.6.4).
    pub internet_message_id: String,
}

payload!(EmailDeliveryReportReceived, "EmailDeliveryReportReceived");

/// The data of `Microsoft.Communication.EmailEngagementTrackingReportReceived`: a recipient opened an email or followed a link in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmailEngagementTrackingReportReceived {
    /// The address it was sent from.
    pub sender: String,
    /// The address it was sent to.
    pub recipient: String,
    /// The message.
    pub message_id: String,
    /// When they did it.
    pub user_action_timestamp: UtcTime,
    /// The link that was followed; empty for a view.
    pub engagement_context: String,
    /// The program it was done with.
    pub user_agent: String,
    /// What they did.
    pub engagement_type: EmailEngagement,
}

payload!(EmailEngagementTrackingReportReceived, "EmailEngagementTrackingReportReceived");

/// What the receiving mail server said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmailStatusDetails {
    /// What the mail server said.
    pub status_message: String,
    /// The mail server.
    pub recipient_mail_server_host_name: String,
}

/// What became of an email.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum EmailStatus {
    /// The address does not exist.
    Bounced,
    /// It was delivered.
    Delivered,
    /// It could not be delivered.
    Failed,
    /// It was taken for spam.
    FilteredSpam,
    /// It was put aside.
    Quarantined,
    /// It was not sent: the address is on a suppression list.
    Suppressed,
    /// A word that is not in the list.
    #[serde(untagged)]
    Other(String),
}

/// What a reader did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum EmailEngagement {
    /// Opened the email.
    View,
    /// Followed a link.
    Click,
    /// A word that is not in the list.
    #[serde(untagged)]
    Other(String),
}
