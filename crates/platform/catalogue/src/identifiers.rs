//! Identifiers: who takes part.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Somebody who takes part: a raw id, and the same in parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommunicationIdentifier {
    /// Which of the parts is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<IdentifierKind>,
    /// The whole identifier in one text.
    pub raw_id: String,
    /// The part of a user of the resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub communication_user: Option<CommunicationUser>,
    /// The part of a telephone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<PhoneNumber>,
    /// The part of a user of Teams.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub microsoft_teams_user: Option<MicrosoftTeamsUser>,
    /// The part of an application of Teams.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub microsoft_teams_app: Option<MicrosoftTeamsApp>,
}

/// A user of the resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommunicationUser {
    /// The raw id.
    pub id: String,
}

/// A telephone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PhoneNumber {
    /// The number (E.164).
    pub value: String,
}

/// A user of Teams.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MicrosoftTeamsUser {
    /// The id in the directory of the tenant.
    pub user_id: String,
    /// Whether they joined without an account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_anonymous: Option<bool>,
    /// The cloud of the tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud: Option<Cloud>,
}

/// An application of Teams.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MicrosoftTeamsApp {
    /// The application.
    pub app_id: String,
    /// The cloud of the tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud: Option<Cloud>,
}

/// Which part of an identifier is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum IdentifierKind {
    /// Not known.
    Unknown,
    /// A user of the resource.
    CommunicationUser,
    /// A telephone.
    PhoneNumber,
    /// A user of Teams.
    MicrosoftTeamsUser,
    /// An application of Teams.
    MicrosoftTeamsApp,
    /// A word that is not in the list.
    #[serde(untagged)]
    Other(String),
}

/// The cloud of a Teams tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Cloud {
    /// The public cloud.
    Public,
    /// The cloud of the US Department of Defense.
    Dod,
    /// The cloud of the US government.
    Gcch,
    /// A word that is not in the list.
    #[serde(untagged)]
    Other(String),
}
