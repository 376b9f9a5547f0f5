//! `trunkline chat threads`, `messages` and `delete`.

use serde_json::{Value, json};

use super::super::arguments::InResource;
use super::super::client::{encode, list as list_all};
use super::super::console::{Console, table, text};
use super::{CliError, Session, path_in, thread_path};

/// Prints the threads of a resource.
pub(super) async fn list(
    participant: Option<&str>,
    limit: usize,
    place: &InResource,
    session: &Session<'_>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let mut path = format!("{}/threads?maxPageSize={}", path_in(session, place).await?, limit.clamp(1, 100));
    if let Some(participant) = participant {
        path = format!("{path}&participant={}", encode(participant));
    }
    let (found, has_more) = list_all(session.api, &path, limit).await?;
    let row = |thread: &Value| {
        let topic = if thread["isImporting"] == json!(true) {
            format!("{} (being imported)", text(thread, "topic"))
        } else {
            text(thread, "topic")
        };
        let [id, people, last] =
            ["id", "participantCount", "lastMessageReceivedOn"].map(|name| text(thread, name));
        vec![id, people, last, topic]
    };
    let rows: Vec<_> = found.iter().map(row).collect();
    let human = table(&["ID", "PEOPLE", "LAST MESSAGE", "TOPIC"], &rows, "No threads.");
    console.result(&json!({ "value": found, "hasMore": has_more }), &human)?;
    note_more(limit, has_more, console);
    Ok(())
}

/// Prints the messages of a thread.
pub(super) async fn messages(
    (thread, place): (&str, &InResource),
    limit: usize,
    since: Option<&str>,
    session: &Session<'_>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let chat = path_in(session, place).await?;
    let mut path = format!("{}/messages?maxPageSize={}", thread_path(&chat, thread), limit.clamp(1, 200));
    if let Some(since) = since {
        path = format!("{path}&startTime={}", encode(since));
    }
    let (mut found, has_more) = list_all(session.api, &path, limit).await?;
    found.reverse();
    let row = |message: &Value| {
        let said = said(message);
        vec![text(message, "createdOn"), text(message, "id"), sender(message), said]
    };
    let rows: Vec<_> = found.iter().map(row).collect();
    let human = table(&["SENT", "ID", "FROM", "MESSAGE"], &rows, "No messages.");
    console.result(&json!({ "value": found, "hasMore": has_more }), &human)?;
    note_more(limit, has_more, console);
    Ok(())
}

fn note_more(limit: usize, has_more: bool, console: &mut Console<'_>) {
    if has_more {
        console.note(&format!("There are more than {limit}; see them with --limit."));
    }
}

/// Who sent a message: the name they gave, else their identifier; nobody for those the server wrote.
fn sender(message: &Value) -> String {
    match text(message, "senderDisplayName") {
        name if name.is_empty() => text(&message["senderCommunicationIdentifier"], "rawId"),
        name => name,
    }
}

/// What a message says, on one line.
fn said(message: &Value) -> String {
    let content = &message["content"];
    let people = || {
        let people = content["participants"].as_array().into_iter().flatten();
        people.map(|one| text(&one["communicationIdentifier"], "rawId")).collect::<Vec<_>>().join(", ")
    };
    match text(message, "type").as_str() {
        _ if !message["deletedOn"].is_null() => "(deleted)".to_owned(),
        "topicUpdated" => format!("(topic: {})", text(content, "topic")),
        "participantAdded" => format!("(added: {})", people()),
        "participantRemoved" => format!("(removed: {})", people()),
        _ => text(content, "message"),
    }
}

/// Deletes a thread, or one message of it.
pub(super) async fn delete(
    (thread, place): (&str, &InResource),
    message: Option<&str>,
    yes: bool,
    session: &Session<'_>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let path = thread_path(&path_in(session, place).await?, thread);
    let Some(message) = message else {
        let question = format!("Delete the thread {thread} with all its messages, for everybody?");
        console.confirm(&question, yes)?;
        session.request("DELETE", &path, None).await?;
        return console.result(&json!({ "deleted": thread }), &format!("Deleted {thread}."));
    };
    console.confirm(&format!("Delete what the message {message} says?"), yes)?;
    session.request("DELETE", &format!("{path}/messages/{}", encode(message)), None).await?;
    console.result(&json!({ "deleted": message, "thread": thread }), &format!("Deleted {message}."))
}
