//! Events as bytes: the two envelopes, batches, the handshake's event, dead letters and headers.
//!
//! The data is valid JSON when it gets here and is copied, not parsed: an envelope is one allocation.

mod encode;
mod headers;
mod notices;
#[cfg(test)]
mod tests;

use std::cell::OnceCell;
use std::sync::Arc;

use aws_lc_rs::digest;
use bytes::Bytes;
use serde_json::Value;
use trunkline_delivery::Position;
use trunkline_kernel::{ResourceId, Timestamp};
use uuid::Uuid;

use crate::filters::View;
use crate::model::Schema;

pub(crate) use encode::body;
pub(crate) use headers::Headers;
pub(crate) use notices::{Validation, dead_letters, validation_event};

/// The `Content-Type` of events in the schema of Event Grid.
pub(crate) const EVENT_GRID_CONTENT_TYPE: &str = "application/json; charset=utf-8";
/// The `Content-Type` of one event in CloudEvents (CloudEvents HTTP binding 1.0 §3.2).
pub(crate) const CLOUD_EVENT_CONTENT_TYPE: &str = "application/cloudevents+json; charset=utf-8";
/// The `Content-Type` of several events in CloudEvents (CloudEvents HTTP binding 1.0 §3.3).
pub(crate) const CLOUD_EVENTS_CONTENT_TYPE: &str = "application/cloudevents-batch+json; charset=utf-8";

/// An event as it is published, before its envelope.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Published {
    /// Its place among all events.
    pub(crate) position: Position,
    /// Its id, from [`event_id`].
    pub(crate) id: Uuid,
    /// The resource it belongs to.
    pub(crate) resource: ResourceId,
    /// The resource's ARM id.
    pub(crate) topic: Arc<str>,
    /// What happened, as the catalogue spells it.
    pub(crate) event_type: Arc<str>,
    /// To what it happened.
    pub(crate) subject: String,
    /// Details: valid JSON.
    pub(crate) data: String,
    /// When it happened.
    pub(crate) time: Timestamp,
}

impl Published {
    /// The event in an envelope: one JSON object.
    pub(crate) fn encode(&self, schema: Schema) -> Bytes {
        match schema {
            Schema::EventGridSchema => encode::event_grid(self),
            Schema::CloudEventSchemaV1_0 => encode::cloud_event(self),
        }
        .into()
    }

    /// The event as filters and headers see it; `id` is [`id`](Self::id) as text, `data` a cell for parsed data.
    pub(crate) fn view<'a>(&'a self, id: &'a str, data: &'a OnceCell<Value>) -> View<'a> {
        View {
            id,
            topic: &self.topic,
            subject: &self.subject,
            event_type: &self.event_type,
            data,
            raw_data: &self.data,
        }
    }
}

/// The id of the event at `position`: the same however often it is asked for.
///
/// **Shape**: version 8 (RFC 9562 §5.8) of SHA-256 over installation, sequence and ordinal, so that two
/// installations do not share ids and a repeated delivery repeats its id.
pub(crate) fn event_id(installation: Uuid, position: Position) -> Uuid {
    let mut input = [0; 28];
    input[..16].copy_from_slice(installation.as_bytes());
    input[16..24].copy_from_slice(&position.sequence.to_be_bytes());
    input[24..].copy_from_slice(&position.ordinal.to_be_bytes());
    let hash = digest::digest(&digest::SHA256, &input);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_ref()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
