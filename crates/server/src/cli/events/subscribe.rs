//! `trunkline events subscribe`.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::arguments::Subscribe;
use super::super::console::{Console, text};
use super::subscriptions::describe;
use super::{CliError, Session, condition, full_type, subscription_path, text_or_file};

/// How often the subscription is looked at.
const POLL_EVERY: Duration = Duration::from_millis(200);
/// Three tries of 30 s, the pauses between them, and five minutes for a person to open the address.
const HANDSHAKE_MAX: Duration = Duration::from_mins(8);

/// Makes the subscription and says how its handshake ended.
pub(super) async fn subscribe(
    asked: &Subscribe,
    session: &Session<'_>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let body = body(asked)?;
    let path = subscription_path(session, (&asked.name, &asked.place)).await?;
    let mut subscription = session.request("PUT", &path, Some(body)).await?;
    if !asked.no_wait && session.api.is_server() {
        subscription = wait(subscription, &path, session, console).await?;
    }
    console.result(&subscription, &describe(&subscription))?;
    // A changed subscription goes on as it was when its new endpoint does not answer.
    let failure = text(&subscription, "failure");
    match subscription["state"].as_str() {
        Some("Failed" | "Succeeded") if !failure.is_empty() => {
            console.note(&format!("{failure}\n{}", advice(asked)));
            Err(CliError::Found)
        }
        Some("Failed") => Err(CliError::Found),
        Some("Succeeded") => {
            console.note("Try it: trunkline events send-test ChatMessageReceived");
            Ok(())
        }
        _ if !session.api.is_server() => {
            console.note("No server runs here; the handshake begins when one starts.");
            Ok(())
        }
        _ => {
            console.note(&format!(
                "Events come when the handshake has ended: trunkline events show {}",
                asked.name
            ));
            Ok(())
        }
    }
}

/// What was asked for, as the API takes it; what was not said is absent.
fn body(asked: &Subscribe) -> Result<Value, CliError> {
    let mut filter = json!({});
    if !asked.types.is_empty() {
        filter["includedEventTypes"] = asked.types.iter().map(|name| full_type(name)).collect();
    }
    for (name, value) in
        [("subjectBeginsWith", &asked.subject_begins), ("subjectEndsWith", &asked.subject_ends)]
    {
        if let Some(value) = value {
            filter[name] = json!(value);
        }
    }
    if !asked.filters.is_empty() {
        let filters = asked.filters.iter().map(|written| condition::parse(written));
        filter["advancedFilters"] = Value::Array(filters.collect::<Result<_, _>>()?);
    }
    let mut body =
        json!({ "destination": destination(asked)?, "filter": filter, "schema": asked.schema.name() });
    let mut retry = json!({});
    for (name, value) in
        [("maxDeliveryAttempts", asked.attempts), ("eventTimeToLiveInMinutes", asked.ttl_minutes)]
    {
        if let Some(value) = value {
            retry[name] = json!(value);
        }
    }
    if retry != json!({}) {
        body["retry"] = retry;
    }
    if let Some(container) = &asked.dead_letter {
        body["deadLetter"] = json!({ "container": container });
    }
    if let Some(time) = &asked.expires {
        body["expiresOn"] = json!(time);
    }
    if !asked.labels.is_empty() {
        body["labels"] = json!(asked.labels);
    }
    Ok(body)
}

fn destination(asked: &Subscribe) -> Result<Value, CliError> {
    if asked.nats {
        let has_headers = !asked.headers.is_empty() || !asked.secret_headers.is_empty();
        if has_headers || asked.max_events.is_some() || asked.batch_kb.is_some() {
            return Err(CliError::Usage("headers and batches are for web hooks, not for --nats".to_owned()));
        }
        return Ok(json!({ "nats": { "subject": asked.target } }));
    }
    let mut hook = json!({ "url": asked.target });
    let mut headers = Vec::new();
    for written in &asked.headers {
        let (name, value) = header(written, "--header")?;
        headers.push(json!({ "name": name, "value": value }));
    }
    for written in &asked.secret_headers {
        let (name, value) = header(written, "--secret-header")?;
        let value = text_or_file(value)?;
        headers.push(json!({ "name": name, "value": value.trim(), "isSecret": true }));
    }
    if !headers.is_empty() {
        hook["headers"] = Value::Array(headers);
    }
    for (name, value) in
        [("maxEventsPerBatch", asked.max_events), ("preferredBatchSizeInKilobytes", asked.batch_kb)]
    {
        if let Some(value) = value {
            hook[name] = json!(value);
        }
    }
    Ok(json!({ "webHook": hook }))
}

/// Reads `NAME: VALUE`. The value is not repeated when it does not fit: it may be a secret.
fn header<'w>(written: &'w str, flag: &str) -> Result<(&'w str, &'w str), CliError> {
    match written.split_once(':') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim(), value.trim())),
        _ => Err(CliError::Usage(format!("{flag} is NAME: VALUE"))),
    }
}

/// Looks at the subscription until its handshake has ended.
async fn wait(
    mut subscription: Value,
    path: &str,
    session: &Session<'_>,
    console: &mut Console<'_>,
) -> Result<Value, CliError> {
    let mut is_told = false;
    let poll = async {
        loop {
            match subscription["state"].as_str() {
                Some("Creating" | "Updating") => {}
                Some("AwaitingManualAction") if is_told => {}
                Some("AwaitingManualAction") => {
                    is_told = true;
                    console.note(
                        "The endpoint answered without the code. Open the validationUrl that it was sent; it is good for 5 minutes.",
                    );
                }
                _ => return Ok(subscription),
            }
            tokio::time::sleep(POLL_EVERY).await;
            subscription = session.request("GET", path, None).await?;
        }
    };
    match tokio::time::timeout(HANDSHAKE_MAX, poll).await {
        Ok(outcome) => outcome,
        Err(_) => Err(CliError::Unreachable("the handshake did not end within eight minutes".to_owned())),
    }
}

/// What an endpoint has to do for a handshake.
fn advice(asked: &Subscribe) -> &'static str {
    match asked.schema {
        _ if asked.nats => "Look at events.nats.url: trunkline config show",
        super::EnvelopeSchema::EventGrid => {
            "The endpoint gets a POST with one event of the type Microsoft.EventGrid.SubscriptionValidationEvent and \
             must answer 200 with {\"validationResponse\": \"CODE\"}, the validationCode of its data. See docs/events.md."
        }
        super::EnvelopeSchema::CloudEvents => {
            "The endpoint gets OPTIONS with the header WebHook-Request-Origin and must answer 200 with the header \
             WebHook-Allowed-Origin of the same value. See docs/events.md."
        }
    }
}
