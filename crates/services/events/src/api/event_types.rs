//! `EventTypes_List` and `EventTypes_Get`.

use std::sync::Arc;

use http::StatusCode;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;
use trunkline_catalogue::{EVENT_TYPES, EventType, Family};
use trunkline_web::{ApiError, Context, Page, Reply};

use crate::EventsService;

/// An event type.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventTypeEntry {
    /// Its name, such as `Microsoft.Communication.SMSReceived`.
    #[serde(rename = "type")]
    pub(crate) name: &'static str,
    /// What it is about.
    pub(crate) family: Family,
    /// What happened.
    pub(crate) summary: &'static str,
    /// What its subjects look like, with names in braces for what differs.
    pub(crate) subject: &'static str,
}

/// An event type with what its data looks like.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventTypeReply {
    #[serde(flatten)]
    pub(crate) entry: EventTypeEntry,
    /// The JSON Schema of the data.
    pub(crate) schema: Value,
    /// Data of such an event.
    pub(crate) sample: Value,
}

impl EventTypeEntry {
    fn new(known: &EventType) -> Self {
        Self { name: known.name, family: known.family, summary: known.summary, subject: known.subject }
    }
}

pub(crate) async fn event_types_list(_: Arc<EventsService>, _: Context) -> Result<Reply, ApiError> {
    let value = EVENT_TYPES.iter().map(EventTypeEntry::new).collect();
    Ok(Reply::json(StatusCode::OK, &Page { value, next_link: None }))
}

pub(crate) async fn event_types_get(_: Arc<EventsService>, context: Context) -> Result<Reply, ApiError> {
    let name = context.path("type");
    let known = trunkline_catalogue::find(name).ok_or_else(|| {
        ApiError::not_found(format!("There is no event type '{name}'.")).with_target("type")
    })?;
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = (known.schema)(&mut generator).to_value();
    let definitions = generator.take_definitions(true);
    if let Some(members) = schema.as_object_mut().filter(|_| !definitions.is_empty()) {
        members.insert("$defs".to_owned(), Value::Object(definitions));
    }
    let reply = EventTypeReply { entry: EventTypeEntry::new(known), schema, sample: known.sample_data() };
    Ok(Reply::json(StatusCode::OK, &reply))
}
