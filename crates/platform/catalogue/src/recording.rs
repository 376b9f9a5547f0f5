//! Events about the files of call recordings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::payload;
use crate::time::UtcTime;

/// The data of `Microsoft.Communication.RecordingFileStatusUpdated`: files of a recording are ready.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordingFileStatusUpdated {
    /// Where the files are.
    pub recording_storage_info: RecordingStorageInfo,
    /// When the recording began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording_start_time: Option<UtcTime>,
    /// How long it is, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording_duration_ms: Option<i64>,
    /// What it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording_content_type: Option<RecordingContentType>,
    /// Whether voices are mixed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording_channel_type: Option<RecordingChannelType>,
    /// Its file format.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording_format_type: Option<RecordingFormatType>,
    /// Why it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_end_reason: Option<String>,
}

payload!(RecordingFileStatusUpdated, "RecordingFileStatusUpdated");

/// The files of a recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordingStorageInfo {
    /// The files in order.
    #[serde(default)]
    pub recording_chunks: Vec<RecordingChunk>,
}

/// One file of a recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordingChunk {
    /// The file.
    pub document_id: String,
    /// Its place, from 0.
    pub index: i64,
    /// Why it ended.
    pub end_reason: String,
    /// Where its description is.
    pub metadata_location: String,
    /// Where its content is.
    pub content_location: String,
    /// What deletes it.
    pub delete_location: String,
}

/// What a recording holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RecordingContentType {
    /// Sound and picture.
    AudioVideo,
    /// Sound.
    Audio,
    /// A word that is not in the list.
    #[serde(untagged)]
    Other(String),
}

/// Whether voices are mixed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RecordingChannelType {
    /// All voices in one channel.
    Mixed,
    /// A channel per voice.
    Unmixed,
    /// A word that is not in the list.
    #[serde(untagged)]
    Other(String),
}

/// The file format of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RecordingFormatType {
    /// RIFF WAVE.
    Wav,
    /// MPEG audio.
    Mp3,
    /// MPEG-4.
    Mp4,
    /// A word that is not in the list.
    #[serde(untagged)]
    Other(String),
}
