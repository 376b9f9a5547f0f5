//! The body of a notification: one JSON object, cut where the recipient goes.

use bytes::Bytes;
use serde::Serialize;
use trunkline_kernel::Timestamp;

use super::escape::{inside_quotes, json, unescapable};
use super::frame::{END, envelope};
use super::{Audience, Class, Notification};
use crate::rows::ThreadNumber;
use crate::rows::threads::milliseconds;

/// A body being written; fields stand in the order they are added.
pub(super) struct Body {
    head: String,
    tail: String,
}

impl Body {
    /// Starts with the fields that every notification has.
    pub(super) fn new(event_id: u32, sender: &str) -> Self {
        let head = format!("{{\"eventId\":{event_id},\"senderId\":{},\"recipientMri\":\"", json(&sender));
        Self { head, tail: "\"".to_owned() }
    }

    /// A text.
    pub(super) fn text(mut self, name: &str, value: &str) -> Self {
        self.tail.push_str(&format!(",\"{name}\":{}", json(&value)));
        self
    }

    /// An instant.
    pub(super) fn time(self, name: &str, value: Timestamp) -> Self {
        self.text(name, &date(value))
    }

    /// JSON as a text.
    pub(super) fn nested(self, name: &str, value: &impl Serialize) -> Self {
        let value = json(value);
        self.text(name, &value)
    }

    /// JSON as a text that clients unescape first.
    pub(super) fn unescaped(self, name: &str, value: &impl Serialize) -> Self {
        let value = unescapable(value);
        self.text(name, &value)
    }

    /// The finished notification.
    pub(super) fn finish(mut self, about: About) -> Notification {
        self.tail.push('}');
        let mut head = envelope(&self.tail);
        head.push_str(&inside_quotes(&self.head));
        let mut tail = inside_quotes(&self.tail);
        tail.push_str(END);
        Notification {
            thread: about.thread,
            change: about.change,
            class: about.class,
            audience: about.audience,
            written_at: about.written_at,
            is_extension: about.is_extension,
            at: about.at,
            begins: about.change,
            begins_at: about.at,
            head: Bytes::from(head),
            tail: Bytes::from(tail),
        }
    }
}

/// What a notification is, apart from its text.
pub(super) struct About {
    pub(super) thread: ThreadNumber,
    pub(super) change: i64,
    pub(super) class: Class,
    pub(super) audience: Audience,
    pub(super) written_at: Option<Timestamp>,
    pub(super) is_extension: bool,
    pub(super) at: Timestamp,
}

/// An instant as chat writes it: `2026-11-21T07:40:42.058Z`.
pub(super) fn date(time: Timestamp) -> String {
    let whole = time.to_rfc3339();
    // Cuts `123+00:00` off `….058123+00:00`: clients know milliseconds.
    format!("{}Z", &whole[..whole.len() - 9])
}

/// Milliseconds since the epoch as a text.
pub(super) fn version(time: Timestamp) -> String {
    milliseconds(time).to_string()
}
