//! How a service publishes an event: one row of the outbox, in the transaction of what happened. An event of a
//! service's own stands for what is made of it when it is delivered.

use std::borrow::Cow;

use serde_json::Value;
use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::{NewEvent, StoreError, Tx};

use crate::event_type::{EventType, Payload};

/// The largest event, in bytes of data and subject together; published.
pub const EVENT_BYTES_MAX: usize = 1024 * 1024;

/// An event to be published.
#[derive(Clone, Copy, Debug)]
pub struct Publish<'a, P> {
    /// The resource it belongs to.
    pub resource: ResourceId,
    /// Its data.
    pub data: &'a P,
    /// To what it happened, from [`subject`](crate::subject).
    pub subject: &'a str,
    /// When it happened.
    pub now: Timestamp,
}

/// An event whose data is JSON already, such as one for a test.
#[derive(Clone, Copy, Debug)]
pub struct RawPublish<'a> {
    /// The resource it belongs to.
    pub resource: ResourceId,
    /// Its type.
    pub event_type: &'static EventType,
    /// Its data; [`EventType::check`] says whether it is right.
    pub data: &'a Value,
    /// To what it happened.
    pub subject: &'a str,
    /// When it happened.
    pub now: Timestamp,
}

/// An event to be published that an event of a service's own stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// Its place among what the event stands for, the same each time. Its id derives from it.
    pub ordinal: u32,
    /// One of the published types, such as `Microsoft.Communication.ChatMessageReceived`.
    pub event_type: Cow<'static, str>,
    /// Its subject.
    pub subject: String,
    /// Its data as JSON, written by serde.
    pub data: String,
    /// When it happened.
    pub time: Timestamp,
}

impl Publication {
    /// An event with `data`; the words of its subject are those of its type's template.
    pub fn new<P: Payload>(ordinal: u32, data: &P, subject: &[&str], time: Timestamp) -> Self {
        Self {
            ordinal,
            event_type: Cow::Borrowed(P::EVENT_TYPE),
            subject: crate::subject::<P>(subject),
            data: to_json(data),
            time,
        }
    }
}

fn to_json<P: Payload>(data: &P) -> String {
    serde_json::to_string(data).expect("payloads are texts, numbers and maps of texts")
}

/// Why an event is not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// It is larger than any event may be.
    #[error("an event of type {event_type} has {size_bytes} bytes, more than {EVENT_BYTES_MAX}")]
    TooLarge {
        /// The type.
        event_type: &'static str,
        /// Bytes of data and subject.
        size_bytes: usize,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Publishes an event if and when the transaction commits.
///
/// **Errors**: too large; whatever the store says.
pub fn publish<P: Payload>(tx: &mut Tx<'_>, event: &Publish<'_, P>) -> Result<(), PublishError> {
    emit(tx, event.resource, P::EVENT_TYPE, &to_json(event.data), event.subject, event.now)
}

/// Publishes an event whose data is JSON already.
///
/// **Errors**: as [`publish`].
pub fn publish_raw(tx: &mut Tx<'_>, event: &RawPublish<'_>) -> Result<(), PublishError> {
    emit(tx, event.resource, event.event_type.name, &event.data.to_string(), event.subject, event.now)
}

fn emit(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    event_type: &'static str,
    data: &str,
    subject: &str,
    now: Timestamp,
) -> Result<(), PublishError> {
    let size_bytes = data.len() + subject.len();
    if size_bytes > EVENT_BYTES_MAX {
        return Err(PublishError::TooLarge { event_type, size_bytes });
    }
    let resource = resource.to_string();
    let row = NewEvent { resource: &resource, kind: event_type, subject, payload: data, now };
    Ok(tx.emit(&row)?)
}
