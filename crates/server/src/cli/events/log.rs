//! `trunkline events log`, `dead-letters` and `dead-letter`.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::arguments::{InResource, Log};
use super::super::client::{self, encode, request};
use super::super::console::{Console, table, text};
use super::{CliError, Session, path_in};

/// How often `--follow` looks: as fast as people read.
const FOLLOW_EVERY: Duration = Duration::from_secs(1);
/// The most attempts that one look of `--follow` takes; the rest comes with the next.
const FOLLOW_PAGE: usize = 500;

/// Prints delivery attempts, and goes on doing so when asked to.
pub(super) async fn log(
    asked: &Log,
    session: &Session<'_>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let mut path = format!("{}?", path_in(session, &asked.place, "deliveries").await?);
    for (name, value) in [
        ("subscription", asked.name.as_deref()),
        ("event", asked.event.as_deref()),
        ("outcome", asked.failed.then_some("failed")),
        ("from", asked.since.as_deref()),
    ] {
        if let Some(value) = value {
            let _ = write!(path, "{name}={}&", encode(value));
        }
    }
    let first = format!("{path}maxPageSize={}", asked.limit.clamp(1, 500));
    let (mut found, has_more) = client::list(session.api, &first, asked.limit).await?;
    found.reverse();
    if !asked.follow {
        let lines: Vec<_> = found.iter().map(line).collect();
        let human = if lines.is_empty() {
            "No attempts.".to_owned()
        } else {
            format!("{}\n{}", heads(), lines.join("\n"))
        };
        console.result(&json!({ "value": found, "hasMore": has_more }), &human)?;
        if has_more {
            console.note("There are earlier ones; ask with a higher --limit.");
        }
        return Ok(());
    }
    console.note(&heads());
    let mut last = 0;
    loop {
        for attempt in &found {
            last = attempt["id"].as_i64().unwrap_or(last).max(last);
            if console.is_json {
                writeln!(console.output, "{attempt}")?;
            } else {
                writeln!(console.output, "{}", line(attempt))?;
            }
        }
        tokio::time::sleep(FOLLOW_EVERY).await;
        let next = format!("{path}after={last}&maxPageSize={FOLLOW_PAGE}");
        found = client::list(session.api, &next, FOLLOW_PAGE).await?.0;
    }
}

/// One attempt on one line.
fn line(attempt: &Value) -> String {
    let cell = |name: &str| text(attempt, name);
    let outcome =
        if attempt["isLate"] == true { format!("{} (late)", cell("outcome")) } else { cell("outcome") };
    columns([
        &cell("at"),
        &cell("subscription"),
        &outcome,
        &cell("status"),
        &format!("{} ms", cell("durationMs")),
        &cell("attempt"),
        &cell("eventCount"),
        &cell("nextAttemptOn"),
    ])
}

fn heads() -> String {
    columns(["TIME", "SUBSCRIPTION", "OUTCOME", "STATUS", "TOOK", "TRY", "EVENTS", "NEXT"])
}

/// Columns of fixed width, because the next lines are not known yet.
fn columns([time, subscription, outcome, status, took, tries, events, next]: [&str; 8]) -> String {
    let line = format!(
        "{time:<32}  {subscription:<20}  {outcome:<18}  {status:<6}  {took:>9}  {tries:>3}  {events:>6}  {next}"
    );
    line.trim_end().to_owned()
}

/// Prints the files of events that could not be delivered.
pub(super) async fn dead_letters(
    limit: usize,
    place: &InResource,
    session: &Session<'_>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let path = path_in(session, place, "deadLetters").await?;
    let (found, has_more) = client::list(session.api, &path, limit).await?;
    let row = |file: &Value| {
        ["id", "subscription", "eventCount", "createdOn"].map(|name| text(file, name)).to_vec()
    };
    let rows: Vec<_> = found.iter().map(row).collect();
    let human = table(&["ID", "SUBSCRIPTION", "EVENTS", "CREATED"], &rows, "No dead letters.");
    console.result(&json!({ "value": found, "hasMore": has_more }), &human)?;
    if has_more {
        console.note("There are more; ask with a higher --limit.");
    }
    Ok(())
}

/// Prints what is in one of these files.
pub(super) async fn dead_letter(
    id: &str,
    place: &InResource,
    session: &Session<'_>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let path = path_in(session, place, &format!("deadLetters/{}", encode(id))).await?;
    let file = request(session.api, "GET", &path, None).await?;
    let events = serde_json::to_string_pretty(&file["events"]).unwrap_or_default();
    console.result(&file, &events)
}
