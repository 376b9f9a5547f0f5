//! What is said of media.

use serde::{Deserialize, Serialize};

use crate::media::{NamedLines, Sources, Want};
use crate::quality::ClientReport;

/// A new offer of a leg.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaOffer {
    /// The leg.
    pub leg: String,
    /// The description.
    pub sdp: String,
    /// The sending lines by their `mid`; without it the order of the lines says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mids: Option<NamedLines>,
}

/// What a leg sends from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaSources {
    /// The leg.
    pub leg: String,
    /// Its sources.
    #[serde(flatten)]
    pub sources: Sources,
}

/// What a leg wishes to see, replacing what it wished before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaWant {
    /// The leg.
    pub leg: String,
    /// The pictures.
    pub want: Vec<Want>,
    /// The most pictures at once; as many as there are slots without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u8>,
}

/// What a client sees of its media.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaReport {
    /// The leg.
    pub leg: String,
    /// The numbers.
    #[serde(flatten)]
    pub report: ClientReport,
}
