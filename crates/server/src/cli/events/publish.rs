//! `trunkline events types` and `send-test`.

use serde_json::{Value, json};

use super::super::arguments::SendTest;
use super::super::client::{self, encode};
use super::super::console::{Console, fields, table, text};
use super::{CliError, Session, full_type, path_in, short_type, text_or_file};

/// Where the operator API has event types.
const EVENT_TYPES: &str = "/trunkline/eventTypes";
/// More event types than there are.
const TYPES_MAX: usize = 1_000;

/// Prints every event type, or one with its sample.
pub(super) async fn types(
    name: Option<&str>,
    session: &Session<'_>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    if let Some(name) = name {
        let path = format!("{EVENT_TYPES}/{}", encode(&full_type(name)));
        let found = session.request("GET", &path, None).await?;
        let facts = fields(&[
            ("Type", text(&found, "type")),
            ("Family", text(&found, "family")),
            ("Summary", text(&found, "summary")),
            ("Subject", text(&found, "subject")),
        ]);
        let sample = serde_json::to_string_pretty(&found["sample"]).unwrap_or_default();
        return console.result(&found, &format!("{facts}\n\n{sample}"));
    }
    let (found, _) = client::list(session.api, EVENT_TYPES, TYPES_MAX).await?;
    let row = |found: &Value| {
        vec![short_type(&text(found, "type")).to_owned(), text(found, "family"), text(found, "summary")]
    };
    let rows: Vec<_> = found.iter().map(row).collect();
    console.result(&json!({ "value": found }), &table(&["TYPE", "FAMILY", "SUMMARY"], &rows, "No types."))
}

/// Publishes test events.
pub(super) async fn send_test(
    asked: &SendTest,
    session: &Session<'_>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let mut body = json!({ "type": full_type(&asked.name) });
    if let Some(subject) = &asked.subject {
        body["subject"] = json!(subject);
    }
    if let Some(written) = &asked.event_data {
        let data = text_or_file(written)?;
        body["data"] = serde_json::from_str::<Value>(&data)
            .map_err(|cause| CliError::Usage(format!("--event-data is no JSON: {cause}")))?;
    }
    if asked.count > 1 {
        body["count"] = json!(asked.count);
    }
    let path = path_in(session, &asked.place, "events/:sendTest").await?;
    let published = session.request("POST", &path, Some(body)).await?;
    let ids = published["ids"].as_array().cloned().unwrap_or_default();
    let human = match ids.as_slice() {
        [only] => only.as_str().unwrap_or_default().to_owned(),
        several => format!("{} events, up to sequence {}", several.len(), text(&published, "sequence")),
    };
    console.result(&published, &human)?;
    if !session.api.is_server() {
        console.note("No server runs here; it is delivered when one starts.");
    }
    Ok(())
}
