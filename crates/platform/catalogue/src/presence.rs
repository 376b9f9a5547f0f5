//! Events about who is connected.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::identifiers::CommunicationIdentifier;
use crate::payload;

/// The data of `Microsoft.Communication.UserDisconnected`: a user lost the last connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserDisconnected {
    /// Who was disconnected.
    pub user_communication_identifier: CommunicationIdentifier,
}

payload!(UserDisconnected, "UserDisconnected");
