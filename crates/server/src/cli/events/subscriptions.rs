//! `trunkline events list`, `show`, `delete` and `replay`.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::arguments::InResource;
use super::super::backups::wait;
use super::super::client::{self, reply};
use super::super::console::{Console, fields, table, text};
use super::{CliError, Session, condition, path_in, short_types, subscription_path};

/// More subscriptions than a resource may have.
const SUBSCRIPTIONS_MAX: usize = 10_000;
/// How long a replay may take to be written down: a million events at 10,000 a second, and some patience.
const REPLAY_MAX: Duration = Duration::from_mins(30);

/// Prints the subscriptions of a resource.
pub(super) async fn list(
    place: &InResource,
    session: &Session<'_>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let path = path_in(session, place, "eventSubscriptions").await?;
    let (found, _) = client::list(session.api, &path, SUBSCRIPTIONS_MAX).await?;
    let row = |subscription: &Value| {
        let types = short_types(&subscription["filter"]["includedEventTypes"]);
        vec![
            text(subscription, "name"),
            text(subscription, "state"),
            target(subscription),
            if types.is_empty() { "all".to_owned() } else { types },
        ]
    };
    let rows: Vec<_> = found.iter().map(row).collect();
    let human = table(&["NAME", "STATE", "TO", "TYPES"], &rows, "No subscriptions.");
    console.result(&json!({ "value": found }), &human)
}

/// Prints one subscription, and its secrets when asked to.
pub(super) async fn show(
    named: (&str, &InResource),
    reveal: bool,
    session: &Session<'_>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let path = subscription_path(session, named).await?;
    let mut subscription = session.request("GET", &path, None).await?;
    let mut human = describe(&subscription);
    if reveal {
        let secrets = session.request("POST", &format!("{path}/:reveal"), None).await?;
        let pairs = [("Whole URL", text(&secrets, "url")), ("Secret headers", text(&secrets, "headers"))];
        human = format!("{human}\n\n{}", fields(&pairs));
        subscription["secrets"] = secrets;
    }
    console.result(&subscription, &human)
}

/// Deletes one subscription.
pub(super) async fn delete(
    named: (&str, &InResource),
    yes: bool,
    session: &Session<'_>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let path = subscription_path(session, named).await?;
    let name = named.0;
    console.confirm(&format!("Delete the subscription {name}? Events that wait for it are dropped."), yes)?;
    session.request("DELETE", &path, None).await?;
    console.result(&json!({ "deleted": name }), &format!("Deleted {name}."))
}

/// Sends a time window again and waits until the events are lined up.
pub(super) async fn replay(
    named: (&str, &InResource),
    (from, to): (&str, Option<&str>),
    session: &Session<'_>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let path = format!("{}/:replay", subscription_path(session, named).await?);
    let mut body = json!({ "from": from });
    if let Some(to) = to {
        body["to"] = json!(to);
    }
    let accepted = reply(session.api, "POST", &path, Some(body)).await?;
    if !session.api.is_server() {
        console.result(&accepted.body, "")?;
        console.note("No server runs here; the replay begins when one starts.");
        return Ok(());
    }
    let outcome = wait(session, &accepted, ("the replay", REPLAY_MAX)).await?;
    let count = text(&outcome["result"], "events");
    let noun = if count == "1" { "event waits" } else { "events wait" };
    console.result(&outcome["result"], &format!("{count} {noun} for {}.", named.0))?;
    console.note(&format!("Watch them go: trunkline events log {} --follow", named.0));
    Ok(())
}

/// Where the events go.
fn target(subscription: &Value) -> String {
    let destination = &subscription["destination"];
    match text(&destination["webHook"], "url") {
        url if url.is_empty() => format!("nats {}", text(&destination["nats"], "subject")),
        url => url,
    }
}

/// A subscription for people.
pub(super) fn describe(subscription: &Value) -> String {
    let (filter, retry) = (&subscription["filter"], &subscription["retry"]);
    let (hook, status) = (&subscription["destination"]["webHook"], &subscription["status"]);
    let conditions = filter["advancedFilters"].as_array().into_iter().flatten().map(condition::describe);
    let headers = hook["headers"].as_array().into_iter().flatten().map(describe_header);
    let batches = match text(hook, "maxEventsPerBatch").as_str() {
        "" | "1" => String::new(),
        events => format!("{events} events, {} KiB", text(hook, "preferredBatchSizeInKilobytes")),
    };
    let tries = (text(retry, "maxDeliveryAttempts"), text(retry, "eventTimeToLiveInMinutes"));
    let last = &status["lastAttempt"];
    let last = format!("{} {} {}", text(last, "at"), text(last, "outcome"), text(last, "status"));
    fields(&[
        ("Name", text(subscription, "name")),
        ("State", text(subscription, "state")),
        ("Failure", text(subscription, "failure")),
        ("To", target(subscription)),
        ("Schema", text(subscription, "schema")),
        ("Types", short_types(&filter["includedEventTypes"])),
        ("Subject begins", text(filter, "subjectBeginsWith")),
        ("Subject ends", text(filter, "subjectEndsWith")),
        ("Conditions", conditions.collect::<Vec<_>>().join("; ")),
        ("Headers", headers.collect::<Vec<_>>().join("; ")),
        ("Batches", batches),
        ("Tries", format!("{} times, {} minutes", tries.0, tries.1)),
        ("Dead letters", text(&subscription["deadLetter"], "container")),
        ("Labels", text(subscription, "labels")),
        ("Expires", text(subscription, "expiresOn")),
        ("Created", text(subscription, "createdOn")),
        ("Endpoint", text(status, "health")),
        ("Waiting", text(status, "pending")),
        ("Next try", text(status, "nextAttemptOn")),
        ("Last attempt", last.trim().to_owned()),
    ])
}

fn describe_header(header: &Value) -> String {
    let value = match (text(header, "value"), text(header, "field")) {
        (value, _) if !value.is_empty() => value,
        (_, field) if !field.is_empty() => format!("from {field}"),
        _ => "***".to_owned(),
    };
    format!("{}: {value}", text(header, "name"))
}
