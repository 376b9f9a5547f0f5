//! The published event types: their payloads, subjects and samples, and how a service publishes one.
//!
//! ```text
//! service transaction ── publish(tx, ..) ──> outbox row: kind = event type, subject, payload = data as JSON
//! ```
//!
//! Every service fills these payloads in and none may name another, so they are here.
//!
//! | module | what |
//! |---|---|
//! | [`event_type`] | what is known of a type, and finding one |
//! | [`publishing`] | the outbox row of an event |
//! | [`subjects`] | subjects from their templates |
//! | [`time`] | instants as events write them |
//! | [`calling`], [`recording`], [`presence`], [`sms`], [`email`], [`messages`], [`chat`], [`chat_threads`], [`router_jobs`], [`router_workers`] | the payloads |
//! | [`identifiers`], [`router`] | what payloads share |

pub mod calling;
pub mod chat;
pub mod chat_threads;
pub mod email;
pub mod event_type;
pub mod identifiers;
pub mod messages;
pub mod presence;
pub mod publishing;
pub mod recording;
pub mod router;
pub mod router_jobs;
pub mod router_workers;
pub mod sms;
pub mod subjects;
mod table;
pub mod time;

pub use event_type::{EventType, Family, Payload, find, find_with_aliases, spelling};
pub use publishing::{EVENT_BYTES_MAX, Publication, Publish, PublishError, RawPublish, publish, publish_raw};
pub use subjects::subject;
pub use table::EVENT_TYPES;
pub use time::UtcTime;

/// The version of every payload, `dataVersion` of the envelope.
pub const DATA_VERSION: &str = "1.0";

/// The topic type whose event types these are.
pub const TOPIC_TYPE: &str = "Microsoft.Communication.CommunicationServices";

/// What the name of every event type begins with.
pub const NAME_PREFIX: &str = "Microsoft.Communication.";
