//! The two envelopes and the bodies they go in.

use bytes::Bytes;
use trunkline_catalogue::{DATA_VERSION, UtcTime};

use super::{CLOUD_EVENT_CONTENT_TYPE, CLOUD_EVENTS_CONTENT_TYPE, EVENT_GRID_CONTENT_TYPE, Published};
use crate::model::Schema;

/// Member names, quotes, id, time and constants of either envelope fit into this.
const FRAME_BYTES: usize = 320;

/// JSON written piece by piece.
pub(super) struct Pieces(Vec<u8>);

impl Pieces {
    pub(super) fn with_capacity(size_bytes: usize) -> Self {
        Self(Vec::with_capacity(size_bytes))
    }

    /// Takes up what [`finish`](Self::finish) ended, to add members.
    pub(super) fn reopen(mut object: Vec<u8>) -> Self {
        debug_assert_eq!(object.last(), Some(&b'}'), "only an object can be reopened");
        object.pop();
        Self(object)
    }

    /// Text that is JSON already.
    pub(super) fn raw(&mut self, json: &str) -> &mut Self {
        self.0.extend_from_slice(json.as_bytes());
        self
    }

    /// Text that becomes a JSON string.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        serde_json::to_writer(&mut self.0, text).expect("a text is JSON and memory takes it");
        self
    }

    /// An instant as a JSON string, with `Z`.
    pub(super) fn time(&mut self, time: trunkline_kernel::Timestamp) -> &mut Self {
        self.raw("\"").raw(&UtcTime(time).to_string()).raw("\"")
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.0.push(b'}');
        self.0
    }
}

pub(super) fn event_grid(event: &Published) -> Vec<u8> {
    let mut json = Pieces::with_capacity(size_of(event));
    json.raw("{\"id\":\"").raw(&event.id.to_string()).raw("\",\"topic\":").text(&event.topic);
    json.raw(",\"subject\":").text(&event.subject).raw(",\"eventType\":").text(&event.event_type);
    json.raw(",\"data\":").raw(&event.data).raw(",\"dataVersion\":").text(DATA_VERSION);
    json.raw(",\"metadataVersion\":\"1\",\"eventTime\":").time(event.time);
    json.finish()
}

pub(super) fn cloud_event(event: &Published) -> Vec<u8> {
    let mut json = Pieces::with_capacity(size_of(event));
    json.raw("{\"id\":\"").raw(&event.id.to_string()).raw("\",\"source\":").text(&event.topic);
    json.raw(",\"specversion\":\"1.0\",\"type\":").text(&event.event_type);
    // CloudEvents 1.0 §3.1.2: a subject, if there, is not empty.
    if !event.subject.is_empty() {
        json.raw(",\"subject\":").text(&event.subject);
    }
    json.raw(",\"time\":").time(event.time);
    json.raw(",\"datacontenttype\":\"application/json\",\"data\":").raw(&event.data);
    json.finish()
}

fn size_of(event: &Published) -> usize {
    FRAME_BYTES + event.topic.len() + event.subject.len() + event.event_type.len() + event.data.len()
}

/// The body of a request with these encoded events, and its `Content-Type`.
///
/// **Shape**: Event Grid's schema is an array also for one event. One of CloudEvents goes alone and without an array
/// unless the subscription is batching, and then in an array also when there is one.
pub(crate) fn body(schema: Schema, is_batching: bool, events: &[Bytes]) -> (Bytes, &'static str) {
    match (schema, events) {
        (Schema::CloudEventSchemaV1_0, [event]) if !is_batching => (event.clone(), CLOUD_EVENT_CONTENT_TYPE),
        (Schema::CloudEventSchemaV1_0, _) => (array(events), CLOUD_EVENTS_CONTENT_TYPE),
        (Schema::EventGridSchema, _) => (array(events), EVENT_GRID_CONTENT_TYPE),
    }
}

/// A JSON array of encoded values.
pub(super) fn array<T: AsRef<[u8]>>(values: &[T]) -> Bytes {
    let size_bytes = values.iter().map(|value| value.as_ref().len() + 1).sum::<usize>() + 2;
    let mut json = Vec::with_capacity(size_bytes);
    json.push(b'[');
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            json.push(b',');
        }
        json.extend_from_slice(value.as_ref());
    }
    json.push(b']');
    json.into()
}
