//! What is known of an event type.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::subjects;
use crate::table::EVENT_TYPES;

/// The data of an event.
pub trait Payload: Serialize + DeserializeOwned + JsonSchema {
    /// The type it is the data of, such as `Microsoft.Communication.SMSReceived`.
    const EVENT_TYPE: &'static str;
}

/// Says of which event type a struct is the data. Fifty-three of them would be a page of the same four lines.
#[macro_export]
#[doc(hidden)]
macro_rules! payload {
    ($data:ty, $name:literal) => {
        impl $crate::Payload for $data {
            const EVENT_TYPE: &'static str = concat!("Microsoft.Communication.", $name);
        }
    };
}

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
pub enum Family {
    /// Messages of messaging channels.
    AdvancedMessaging,
    /// Calls.
    Calling,
    /// Chat.
    Chat,
    /// Email.
    Email,
    /// The job router.
    JobRouter,
    /// Who is connected.
    Presence,
    /// Recordings of calls.
    Recording,
    /// Text messages by telephone.
    Sms,
}

/// An event type.
#[derive(Clone, Copy, Debug)]
pub struct EventType {
    /// Its name, such as `Microsoft.Communication.SMSReceived`.
    pub name: &'static str,
    /// What it is about.
    pub family: Family,
    /// What happened, in a sentence.
    pub summary: &'static str,
    /// What its subjects look like, with names in braces for what differs.
    pub subject: &'static str,
    /// Data of such an event, as JSON.
    pub sample: &'static str,
    /// The JSON Schema of the data.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// Whether some JSON is data of this type.
    pub check: fn(&Value) -> Result<(), serde_json::Error>,
}

impl EventType {
    /// A subject to go with the sample.
    pub fn sample_subject(&self) -> String {
        subjects::of_sample(self.subject)
    }

    /// The sample, parsed.
    pub fn sample_data(&self) -> Value {
        serde_json::from_str(self.sample).expect("samples are JSON, as a test checks")
    }
}

/// A row of the table.
pub(crate) const fn entry<P: Payload>(
    family: Family,
    summary: &'static str,
    subject: &'static str,
    sample: &'static str,
) -> EventType {
    EventType {
        name: P::EVENT_TYPE,
        family,
        summary,
        subject,
        sample,
        schema: P::json_schema,
        check: check::<P>,
    }
}

fn check<P: Payload>(data: &Value) -> Result<(), serde_json::Error> {
    P::deserialize(data).map(drop)
}

/// Names that subscriptions of old may name, and the types they mean; such events are not sent.
const ALIASES: [(&str, &str); 2] = [
    (
        "Microsoft.Communication.ChatMemberAddedToThreadWithUser",
        "Microsoft.Communication.ChatParticipantAddedToThreadWithUser",
    ),
    (
        "Microsoft.Communication.ChatMemberRemovedFromThreadWithUser",
        "Microsoft.Communication.ChatParticipantRemovedFromThreadWithUser",
    ),
];

/// The event type of that name, in any case.
pub fn find(name: &str) -> Option<&'static EventType> {
    EVENT_TYPES.iter().find(|known| known.name.eq_ignore_ascii_case(name))
}

/// The event type that a filter means by `name`, which may be one of old, in any case.
pub fn find_with_aliases(name: &str) -> Option<&'static EventType> {
    let alias = ALIASES.iter().find(|(old, _)| old.eq_ignore_ascii_case(name));
    find(alias.map_or(name, |(_, new)| new))
}

/// How the name of a type, one of old included, is spelt.
pub fn spelling(name: &str) -> Option<&'static str> {
    let alias = ALIASES.iter().find(|(old, _)| old.eq_ignore_ascii_case(name));
    alias.map(|(old, _)| *old).or_else(|| find(name).map(|known| known.name))
}
