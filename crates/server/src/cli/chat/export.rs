//! `trunkline chat export`: threads as JSON lines.
//!
//! ```text
//! {"thread":{"id":…, …, "participants":[…]}}    begins a thread
//! {"message":{…}}                               its messages, the newest first
//! {"receipt":{…}}                               how far its participants have read
//! {"end":"19:…@thread.v2"}                      all of it is there, or it was deleted meanwhile
//! ```

use serde_json::{Value, json};

use super::super::arguments::InResource;
use super::super::client::page;
use super::super::console::{Console, text};
use super::{CliError, Session, path_in, thread_path};

/// Messages between two words about progress.
const PROGRESS_EVERY: u64 = 10_000;

/// Prints the named threads, or all.
pub(super) async fn export(
    named: &[String],
    place: &InResource,
    session: &Session<'_>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let chat = path_in(session, place).await?;
    let mut exporter = Exporter { session, chat, threads: 0, messages: 0 };
    if named.is_empty() {
        let mut next = Some(format!("{}/threads?maxPageSize=100", exporter.chat));
        while let Some(path) = next {
            let (threads, link) = page(session.api, &path).await?;
            for thread in threads {
                exporter.thread(thread, console).await?;
            }
            next = link;
        }
    }
    for thread in named {
        let found = session.request("GET", &thread_path(&exporter.chat, thread), None).await?;
        exporter.thread(found, console).await?;
    }
    console.note(&format!("Exported. Threads: {}. Messages: {}.", exporter.threads, exporter.messages));
    Ok(())
}

struct Exporter<'s> {
    session: &'s Session<'s>,
    chat: String,
    threads: u64,
    messages: u64,
}

impl Exporter<'_> {
    async fn thread(&mut self, mut thread: Value, console: &mut Console<'_>) -> Result<(), CliError> {
        let id = text(&thread, "id");
        let path = thread_path(&self.chat, &id);
        let participants = self.whole(format!("{path}/participants?maxPageSize=200")).await;
        let Some(participants) = unless_gone(participants)? else {
            console.note(&format!("{id} was deleted meanwhile and is left out."));
            return Ok(());
        };
        thread["participants"] = Value::Array(participants);
        write_line(console, &json!({ "thread": thread }))?;
        if unless_gone(self.content(&path, console).await)?.is_none() {
            console.note(&format!("{id} was deleted meanwhile: only a part of it is exported."));
        }
        self.threads += 1;
        write_line(console, &json!({ "end": id }))
    }

    async fn content(&mut self, path: &str, console: &mut Console<'_>) -> Result<(), CliError> {
        let mut next = Some(format!("{path}/messages?maxPageSize=200"));
        while let Some(path) = next {
            let (found, link) = page(self.session.api, &path).await?;
            for message in found {
                write_line(console, &json!({ "message": message }))?;
                self.messages += 1;
                if self.messages.is_multiple_of(PROGRESS_EVERY) {
                    console.note(&format!("{} messages, in thread {} …", self.messages, self.threads + 1));
                }
            }
            next = link;
        }
        for receipt in self.whole(format!("{path}/readReceipts?maxPageSize=100")).await? {
            write_line(console, &json!({ "receipt": receipt }))?;
        }
        Ok(())
    }

    /// A list that has no more entries than a thread has participants.
    async fn whole(&self, path: String) -> Result<Vec<Value>, CliError> {
        let (mut found, mut next) = (Vec::new(), Some(path));
        while let Some(path) = next {
            let (values, link) = page(self.session.api, &path).await?;
            found.extend(values);
            next = link;
        }
        Ok(found)
    }
}

/// What was found; `None` when the thread is there no more: a long export must not end because of one.
fn unless_gone<T>(found: Result<T, CliError>) -> Result<Option<T>, CliError> {
    match found {
        Err(CliError::Refused { status: 404, .. }) => Ok(None),
        found => found.map(Some),
    }
}

fn write_line(console: &mut Console<'_>, line: &Value) -> Result<(), CliError> {
    Ok(writeln!(console.output, "{line}")?)
}
