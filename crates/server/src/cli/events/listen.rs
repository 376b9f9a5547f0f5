//! `trunkline events listen`: asks for what is new and holds the line until there is something.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::super::arguments::{EnvelopeSchema, Listen};
use super::super::client::{Pending, encode};
use super::super::console::{Console, text};
use super::{CliError, Program, Session, full_type, path_in, printable, short_type};

/// The seconds that the server holds the line: below the patience of everything in between.
const WAIT_SECONDS: u32 = 25;

/// Posts to one address.
pub(crate) trait Forward: Send + Sync {
    /// Posts one body and returns the status of the answer.
    ///
    /// **Errors**: why there is no answer.
    fn post<'f>(
        &'f self,
        headers: &'f [(&'static str, &'static str)],
        body: String,
    ) -> Pending<'f, Result<u16, String>>;
}

/// Prints events until the process is ended, or `--limit` is reached.
pub(super) async fn listen(
    asked: &Listen,
    session: &Session<'_>,
    program: &dyn Program,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    if !session.api.is_server() {
        return Err(CliError::Usage(
            "no server runs on this data folder; start one: trunkline serve".to_owned(),
        ));
    }
    let forward = asked.forward.as_deref().map(|url| program.forward(session.config, url)).transpose()?;
    let mut path =
        format!("{}?schema={}", path_in(session, &asked.place, "events/:listen").await?, asked.schema.name());
    for name in &asked.types {
        let _ = write!(path, "&type={}", encode(&full_type(name)));
    }
    // The first question only asks where the end is, or goes back to `--since`.
    let mut start = match &asked.since {
        Some(since) => format!("&from={}&waitSeconds=0", encode(since)),
        None => "&waitSeconds=0".to_owned(),
    };
    let mut seen = 0;
    console.note("Listening; Ctrl-C ends it.");
    loop {
        let found = session.request("GET", &format!("{path}{start}"), None).await?;
        for event in found["value"].as_array().into_iter().flatten() {
            print(event, console)?;
            if let Some(forward) = &forward {
                carry(event, asked.schema, forward.as_ref(), console).await?;
            }
            seen += 1;
            if asked.limit.is_some_and(|limit| seen >= limit) {
                return Ok(());
            }
        }
        let after = found["after"]
            .as_u64()
            .ok_or_else(|| CliError::Unreachable("the server did not say where to go on".to_owned()))?;
        start = format!("&after={after}&waitSeconds={WAIT_SECONDS}");
    }
}

/// One line with time, type and subject, and one with the data; for machines the envelope on one line.
fn print(event: &Value, console: &mut Console<'_>) -> Result<(), CliError> {
    if console.is_json {
        return Ok(writeln!(console.output, "{event}")?);
    }
    let either = |one: &str, other: &str| match text(event, one) {
        found if found.is_empty() => text(event, other),
        found => found,
    };
    let (time, name) = (either("eventTime", "time"), either("eventType", "type"));
    writeln!(console.output, "{time}  {}  {}", short_type(&name), text(event, "subject"))?;
    Ok(writeln!(console.output, "  {}", printable(&event["data"].to_string()))?)
}

/// Posts one event with the headers of a delivery.
async fn carry(
    event: &Value,
    schema: EnvelopeSchema,
    forward: &dyn Forward,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let (headers, body): (&[_], _) = match schema {
        EnvelopeSchema::EventGrid => (EVENT_GRID_HEADERS, json!([event]).to_string()),
        EnvelopeSchema::CloudEvents => (CLOUD_EVENTS_HEADERS, event.to_string()),
    };
    let answer = match forward.post(headers, body).await {
        Ok(status) => status.to_string(),
        Err(reason) => reason,
    };
    // What the program answered is for people; the events themselves are the result.
    console.note(&format!("  -> {answer}"));
    Ok(())
}

const EVENT_GRID_HEADERS: &[(&str, &str)] = &[
    ("content-type", "application/json; charset=utf-8"),
    ("aeg-event-type", "Notification"),
    ("aeg-subscription-name", "LISTEN"),
    ("aeg-delivery-count", "0"),
    ("aeg-data-version", "1.0"),
    ("aeg-metadata-version", "1"),
];

const CLOUD_EVENTS_HEADERS: &[(&str, &str)] = &[
    ("content-type", "application/cloudevents+json; charset=utf-8"),
    ("aeg-event-type", "Notification"),
    ("aeg-subscription-name", "LISTEN"),
    ("aeg-delivery-count", "0"),
    ("aeg-metadata-version", "1.0"),
];
