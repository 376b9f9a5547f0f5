//! Words of media: offers, sources, wishes, slots.

use serde::{Deserialize, Serialize};

/// A picture's size in pixels; both sides are more than zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Its width.
    pub width: u16,
    /// Its height.
    pub height: u16,
}

/// What a participant can send.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum SourceName {
    /// The microphone.
    Audio,
    /// The camera.
    Camera,
    /// A shared screen.
    Screen,
}

/// A session description by a client, and which lines send what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The description.
    pub sdp: String,
    /// The sending lines by their `mid`; without it the order of the lines says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mids: Option<NamedLines>,
}

/// The `mid` of each sending line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedLines {
    /// The microphone's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mic: Option<String>,
    /// The camera's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub camera: Option<String>,
    /// The screen's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screen: Option<String>,
}

/// The server's answer to an offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The description.
    pub sdp: String,
    /// Which answer of the leg this is, from 1.
    pub epoch: u32,
}

/// What a client says it sends. Absent leaves a source as it is, `null` ends it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sources {
    /// The camera's picture.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub camera: Option<Option<Size>>,
    /// The screen's picture.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub screen: Option<Option<Size>>,
}

/// Tells `null` from absent: `Some(None)` is `null`, and `#[serde(default)]` makes absent `None`.
#[expect(clippy::option_option, reason = "absent, null and a value are three things")]
fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// One picture a client wishes to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Want {
    /// Whose.
    pub p: u32,
    /// Camera or screen.
    pub source: SourceName,
    /// Its size on the page, in device pixels.
    #[serde(flatten)]
    pub size: Size,
    /// Higher comes first.
    #[serde(default)]
    pub priority: u8,
}

/// Whether anything comes in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SlotPhase {
    /// It comes.
    Live,
    /// Nothing comes: no bandwidth, or on hold.
    Paused,
    /// The next key frame is waited for.
    Waiting,
}

/// Whose source a slot of the client carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotShown {
    /// The slot's line.
    pub mid: String,
    /// Whose source; `null` for nobody's.
    pub p: Option<u32>,
    /// Which source of theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceName>,
    /// Whether it comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<SlotPhase>,
}
