//! `trunkline chat`.
//!
//! | module | what |
//! |---|---|
//! | [`threads`] | lists and shows threads, deletes them and their messages |
//! | [`export`] | threads as JSON lines |
//! | [`import`] | the same lines back into a resource |

mod export;
mod import;
mod threads;

use super::arguments::{ChatCommand, InResource};
use super::client::encode;
use super::console::Console;
use super::resources::path_of;
use super::{CliError, Session};

/// Runs a command about chat.
pub(super) async fn chat(
    command: &ChatCommand,
    session: &Session<'_>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    match command {
        ChatCommand::Threads { participant, limit, place } => {
            threads::list(participant.as_deref(), *limit, place, session, console).await
        }
        ChatCommand::Messages { thread, limit, since, place } => {
            threads::messages((thread, place), *limit, since.as_deref(), session, console).await
        }
        ChatCommand::Delete { thread, message, yes, place } => {
            threads::delete((thread, place), message.as_deref(), *yes, session, console).await
        }
        ChatCommand::Export { threads, place } => export::export(threads, place, session, console).await,
        ChatCommand::Import(asked) => import::import(asked, session, console).await,
    }
}

/// The path of what a resource has of chat.
async fn path_in(session: &Session<'_>, place: &InResource) -> Result<String, CliError> {
    let resource = session.resource(place.resource.as_deref()).await?;
    Ok(format!("{}/chat", path_of(&resource)))
}

/// The path of a thread.
fn thread_path(chat: &str, thread: &str) -> String {
    format!("{chat}/threads/{}", encode(thread))
}
