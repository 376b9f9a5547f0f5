//! What the realtime transport says before it is connected.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where realtime notifications are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RealtimeConfiguration {
    /// Where connections are allocated.
    pub trouter_service_url: String,
    /// Where clients register.
    pub registrar_service_url: String,
    /// `public`.
    pub cloud_type: String,
}

/// The parameters of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Allocation {
    /// The origin of the channel, with a slash and nothing else as path.
    pub socketio: String,
    /// The address that is registered.
    pub surl: String,
    /// The address whose path begins the requests that come down.
    pub url: String,
    /// The origin again, without the slash.
    pub curlb: String,
    /// Seconds for which the connection is good, as a text.
    pub ttl: String,
    /// The connection, a GUID.
    pub id: String,
    /// Opaque.
    pub ccid: String,
    /// What the client sends along with every later request of the connection.
    pub connectparams: ConnectParameters,
}

/// Signed parameters. Each value is safe in a query as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectParameters {
    /// The resource.
    pub sr: String,
    /// Who signed.
    pub issuer: String,
    /// What they are for: `connect`.
    pub sp: String,
    /// Until when they are good, in milliseconds since the epoch.
    pub se: String,
    /// Since when, in milliseconds since the epoch.
    pub st: String,
    /// The signature, base64url.
    pub sig: String,
}

/// A client's registration; what is not named here is of no use to this server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Registration {
    /// The client.
    pub registration_id: String,
    /// How it is reached.
    #[serde(default)]
    pub transports: RegistrationTransports,
}

/// How a client is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub struct RegistrationTransports {
    /// Over this server's channel.
    #[serde(default)]
    pub trouter: Vec<TrouterTransport>,
}

/// One way over this server's channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrouterTransport {
    /// The address that allocation gave.
    #[serde(default)]
    pub path: String,
    /// For how many seconds.
    #[serde(default)]
    pub ttl: u32,
}
