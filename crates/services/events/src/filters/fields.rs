//! The fields of an event that filters and headers may name.

use serde_json::{Number, Value};

use super::View;
use crate::model::Schema;

/// `dataVersion` and `specversion` are the same for every event.
const VERSION: &str = "1.0";

/// A field of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// The event's id.
    Id,
    /// The ARM id of the resource: `topic`, in CloudEvents `source`.
    Topic,
    /// To what it happened.
    Subject,
    /// What happened.
    EventType,
    /// The version of the data or of the envelope, which never changes.
    Version,
    /// Something in the data, by its path from the top; an empty path is all of it.
    Data(Box<[Box<str>]>),
}

/// What an event holds at a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Found<'a> {
    /// No such key, or null.
    Nothing,
    /// A text.
    Text(&'a str),
    /// A number.
    Number(&'a Number),
    /// A truth value.
    Truth(bool),
    /// Several values.
    Array(&'a [Value]),
    /// Fields of its own.
    Object,
}

impl Field {
    /// Reads a key as clients write it, such as `Subject` or `data.from`; the envelope's names in any case.
    ///
    /// **Errors**: `None` when the envelope of that schema has no such field.
    pub(crate) fn parse(key: &str, schema: Schema) -> Option<Self> {
        let name = key.to_ascii_lowercase();
        match (schema, name.as_str()) {
            (_, "data") => Some(Self::Data(Box::default())),
            (_, "id") | (Schema::CloudEventSchemaV1_0, "eventid") => Some(Self::Id),
            (_, "subject") => Some(Self::Subject),
            (Schema::EventGridSchema, "topic") | (Schema::CloudEventSchemaV1_0, "source") => {
                Some(Self::Topic)
            }
            (_, "eventtype") | (Schema::CloudEventSchemaV1_0, "type") => Some(Self::EventType),
            (Schema::EventGridSchema, "dataversion")
            | (Schema::CloudEventSchemaV1_0, "specversion" | "eventtypeversion") => Some(Self::Version),
            (_, _) => {
                let path = name.strip_prefix("data.")?.len();
                // The prefix is ASCII, so the rest begins at a character's border.
                let parts: Box<[Box<str>]> = key[key.len() - path..].split('.').map(Box::from).collect();
                parts.iter().all(|part| !part.is_empty()).then_some(Self::Data(parts))
            }
        }
    }

    /// The keys that [`parse`](Self::parse) knows beside those of the data, for messages.
    pub(crate) const fn names(schema: Schema) -> &'static str {
        match schema {
            Schema::EventGridSchema => "id, topic, subject, eventType, dataVersion and data.…",
            Schema::CloudEventSchemaV1_0 => "id, source, subject, type, specversion and data.…",
        }
    }

    /// Whether the data must be parsed to read it.
    pub(crate) const fn is_in_data(&self) -> bool {
        matches!(self, Self::Data(_))
    }

    /// What `view` holds there.
    pub(crate) fn find<'a>(&self, view: &View<'a>) -> Found<'a> {
        match self {
            Self::Id => Found::Text(view.id),
            Self::Topic => Found::Text(view.topic),
            Self::Subject => Found::Text(view.subject),
            Self::EventType => Found::Text(view.event_type),
            Self::Version => Found::Text(VERSION),
            Self::Data(path) => {
                let found = path.iter().try_fold(view.data(), |value, part| child(value, part));
                found.map_or(Found::Nothing, Found::of)
            }
        }
    }
}

impl<'a> Found<'a> {
    /// What a JSON value is.
    pub(crate) fn of(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Nothing,
            Value::Bool(truth) => Self::Truth(*truth),
            Value::Number(number) => Self::Number(number),
            Value::String(text) => Self::Text(text),
            Value::Array(elements) => Self::Array(elements),
            Value::Object(_) => Self::Object,
        }
    }
}

/// The member of that name; one that differs only in case is taken when there is no exact one.
fn child<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let members = value.as_object()?;
    let in_any_case =
        || members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    members.get(name).or_else(in_any_case)
}
