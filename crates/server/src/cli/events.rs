//! `trunkline events`.
//!
//! | module | what |
//! |---|---|
//! | [`subscribe`] | makes a subscription and waits for its handshake |
//! | [`condition`] | `--filter` |
//! | [`subscriptions`] | lists, shows and deletes them, replay |
//! | [`log`] | delivery attempts and dead letters |
//! | [`publish`] | event types and test events |
//! | [`listen`] | prints events and carries them on |

mod condition;
mod listen;
mod log;
mod publish;
mod subscribe;
mod subscriptions;

use serde_json::Value;

use super::arguments::{EnvelopeSchema, EventsCommand, InResource};
use super::client::encode;
use super::console::{Console, text};
use super::resources::path_of;
use super::{CliError, Program, Session};

pub(crate) use listen::Forward;

/// What every event type begins with; on the command line it can be left out.
const TYPE_PREFIX: &str = "Microsoft.Communication.";

/// Runs a command about events.
pub(super) async fn events(
    command: &EventsCommand,
    session: &Session<'_>,
    program: &dyn Program,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    match command {
        EventsCommand::Subscribe(asked) => subscribe::subscribe(asked, session, console).await,
        EventsCommand::List { place } => subscriptions::list(place, session, console).await,
        EventsCommand::Show { name, reveal, place } => {
            subscriptions::show((name, place), *reveal, session, console).await
        }
        EventsCommand::Delete { name, yes, place } => {
            subscriptions::delete((name, place), *yes, session, console).await
        }
        EventsCommand::Replay { name, from, to, place } => {
            subscriptions::replay((name, place), (from, to.as_deref()), session, console).await
        }
        EventsCommand::Types { name } => publish::types(name.as_deref(), session, console).await,
        EventsCommand::SendTest(asked) => publish::send_test(asked, session, console).await,
        EventsCommand::Log(asked) => log::log(asked, session, console).await,
        EventsCommand::DeadLetters { limit, place } => {
            log::dead_letters(*limit, place, session, console).await
        }
        EventsCommand::DeadLetter { id, place } => log::dead_letter(id, place, session, console).await,
        EventsCommand::Listen(asked) => listen::listen(asked, session, program, console).await,
    }
}

/// The path of what a resource has under `name`.
async fn path_in(session: &Session<'_>, place: &InResource, name: &str) -> Result<String, CliError> {
    let resource = session.resource(place.resource.as_deref()).await?;
    Ok(format!("{}/{name}", path_of(&resource)))
}

/// The path of a subscription.
async fn subscription_path(
    session: &Session<'_>,
    (name, place): (&str, &InResource),
) -> Result<String, CliError> {
    path_in(session, place, &format!("eventSubscriptions/{}", encode(name))).await
}

/// An event type as it is published, given with or without its prefix.
fn full_type(name: &str) -> String {
    if name.contains('.') { name.to_owned() } else { format!("{TYPE_PREFIX}{name}") }
}

/// An event type as people read it.
fn short_type(name: &str) -> &str {
    name.strip_prefix(TYPE_PREFIX).unwrap_or(name)
}

/// Several event types as people read them.
fn short_types(types: &Value) -> String {
    let names = types.as_array().into_iter().flatten().filter_map(Value::as_str);
    names.map(short_type).collect::<Vec<_>>().join(", ")
}

/// A text that came from elsewhere, safe to print.
fn printable(text_of_others: &str) -> String {
    text(&serde_json::json!({ "text": text_of_others }), "text")
}

impl EnvelopeSchema {
    /// The word of the API.
    const fn name(self) -> &'static str {
        match self {
            Self::EventGrid => "EventGridSchema",
            Self::CloudEvents => "CloudEventSchemaV1_0",
        }
    }
}

/// Reads `@FILE`, or takes the text as it is.
fn text_or_file(written: &str) -> Result<String, CliError> {
    /// An event has at most 1 MiB; more is a mistaken path.
    const FILE_BYTES_MAX: u64 = 2 * 1024 * 1024;
    let Some(file) = written.strip_prefix('@') else { return Ok(written.to_owned()) };
    let refuse = |reason: String| CliError::File(format!("{file}: {reason}"));
    let size = std::fs::metadata(file).map_err(|cause| refuse(cause.to_string()))?.len();
    if size > FILE_BYTES_MAX {
        return Err(refuse(format!("it has {size} bytes, more than {FILE_BYTES_MAX}")));
    }
    std::fs::read_to_string(file).map_err(|cause| refuse(cause.to_string()))
}
