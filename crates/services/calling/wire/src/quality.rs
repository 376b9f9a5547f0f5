//! How media of a leg was: as the client reports it, as the server saw it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::media::SourceName;

/// Over what media went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MediaPath {
    /// Datagrams.
    Udp,
    /// Datagrams in a TCP connection.
    Tcp,
    /// Through a relay that is reached by datagrams.
    RelayUdp,
    /// Through a relay that is reached over TCP.
    RelayTcp,
    /// Through a relay that is reached over TLS.
    RelayTls,
}

/// What a client saw of its media, from the beginning until then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClientReport {
    /// When: milliseconds since 1970, by the client's clock.
    pub at: i64,
    /// The last round trip, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_ms: Option<u32>,
    /// The way in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<MediaPath>,
    /// What it received, by line.
    #[serde(default, rename = "in", skip_serializing_if = "Vec::is_empty")]
    pub received: Vec<Received>,
    /// What it sent, by source and layer.
    #[serde(default, rename = "out", skip_serializing_if = "Vec::is_empty")]
    pub sent: Vec<Sent>,
}

/// A stream that a client received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Received {
    /// The line.
    pub mid: String,
    /// Packets that never came.
    #[serde(default)]
    pub lost: u64,
    /// Packets that came.
    #[serde(default)]
    pub packets: u64,
    /// The variation of arrival, in milliseconds.
    #[serde(default)]
    pub jitter_ms: u32,
    /// How much came lately, in kilobits per second.
    #[serde(default)]
    pub kbps: u32,
    /// The picture's width, in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u16>,
    /// The picture's height, in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u16>,
    /// Pictures shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<u64>,
    /// How often the picture stood still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freezes: Option<u32>,
    /// For how long in all, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freeze_ms: Option<u64>,
}

/// A stream that a client sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sent {
    /// Of which source.
    pub source: SourceName,
    /// Which layer, when there are several: `q`, `h` or `f`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// How much went lately, in kilobits per second.
    #[serde(default)]
    pub kbps: u32,
    /// Pictures sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<u64>,
    /// What kept it small: `none`, `cpu`, `bandwidth` or `other`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limited: Option<String>,
}

/// What the server saw of a leg's connection, from its answer to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerRecord {
    /// How long it was, in milliseconds.
    #[serde(rename = "lasted_ms")]
    pub lasted_ms: u64,
    /// Over what media came last; absent when it never did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<MediaPath>,
    /// Datagrams that were dropped before anybody read them.
    pub dropped: u64,
    /// The last round trip, in milliseconds.
    #[serde(rename = "rtt_ms", default, skip_serializing_if = "Option::is_none")]
    pub rtt_ms: Option<u64>,
    /// Bytes received, with everything.
    pub bytes_in: u64,
    /// Bytes sent, with everything.
    pub bytes_out: u64,
    /// What the client sent, by source and layer.
    pub sources: Vec<StreamRecord>,
    /// What was sent to the client, by line in the order of the offer.
    pub slots: Vec<StreamRecord>,
}

/// What the server saw of one stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StreamRecord {
    /// The source and layer (`camera/h`), or the place among the client's lines (`video/0`).
    pub name: String,
    /// Packets, repairs too.
    pub packets: u64,
    /// Bytes, repairs too.
    pub bytes: u64,
    /// Lost before repair in the last report, in thousandths.
    #[serde(rename = "loss_permille", default, skip_serializing_if = "Option::is_none")]
    pub loss_permille: Option<u32>,
    /// The variation of arrival, in milliseconds.
    #[serde(rename = "jitter_ms")]
    pub jitter_ms: u64,
    /// Repairs asked for.
    pub repairs: u64,
    /// Key frames asked for.
    pub keyframe_requests: u64,
}
