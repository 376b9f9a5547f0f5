//! The event of the handshake, and the file of what could not be delivered.

use bytes::Bytes;
use serde_json::json;
use trunkline_catalogue::UtcTime;
use trunkline_delivery::{DueRow, Phase};
use trunkline_kernel::Timestamp;
use uuid::Uuid;

use super::Published;
use super::encode::{Pieces, array};
use crate::model::Schema;

/// What the event of the handshake says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Validation<'a> {
    /// The event's id.
    pub(crate) id: Uuid,
    /// The resource's ARM id.
    pub(crate) topic: &'a str,
    /// What the endpoint is to send back.
    pub(crate) code: &'a str,
    /// Where somebody may confirm by hand.
    pub(crate) url: &'a str,
    /// When it is sent.
    pub(crate) now: Timestamp,
}

/// The body of the handshake's request: an array of one event in the schema of Event Grid.
pub(crate) fn validation_event(validation: &Validation<'_>) -> Bytes {
    let event = json!([{
        "id": validation.id,
        "topic": validation.topic,
        "subject": "",
        "data": { "validationCode": validation.code, "validationUrl": validation.url },
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "eventTime": UtcTime(validation.now),
        "metadataVersion": "1",
        "dataVersion": "2",
    }]);
    event.to_string().into()
}

/// The file of events that could not be delivered: a JSON array of envelopes with the reason added.
///
/// **Shape**: the added members are spelt in small letters in CloudEvents, as its extensions must be (CloudEvents
/// 1.0 §3.1.3). What is not known, such as the status of an endpoint that never answered, is left out.
pub(crate) fn dead_letters(schema: Schema, events: &[(Published, DueRow)]) -> Bytes {
    let letters: Vec<Vec<u8>> = events.iter().map(|(event, row)| dead_letter(schema, event, row)).collect();
    array(&letters)
}

fn dead_letter(schema: Schema, event: &Published, row: &DueRow) -> Vec<u8> {
    let names = match schema {
        Schema::EventGridSchema => &MEMBERS,
        Schema::CloudEventSchemaV1_0 => &EXTENSIONS,
    };
    let [reason, attempts, outcome, status, published, last_attempt] = names;
    let mut json = Pieces::reopen(event.encode(schema).into());
    if let Phase::DeadLetter { reason: why } = &row.phase {
        json.raw(reason).text(why.name());
    }
    json.raw(attempts).raw(&row.attempts.to_string());
    if let Some(last) = &row.last {
        json.raw(outcome).text(last.outcome.name());
        if let Some(code) = last.status {
            json.raw(status).raw(&code.to_string());
        }
    }
    json.raw(published).time(row.event.published);
    if let Some(last) = &row.last {
        json.raw(last_attempt).time(last.at);
    }
    json.finish()
}

const MEMBERS: [&str; 6] = [
    ",\"deadLetterReason\":",
    ",\"deliveryAttempts\":",
    ",\"lastDeliveryOutcome\":",
    ",\"lastHttpStatusCode\":",
    ",\"publishTime\":",
    ",\"lastDeliveryAttemptTime\":",
];

const EXTENSIONS: [&str; 6] = [
    ",\"deadletterreason\":",
    ",\"deliveryattempts\":",
    ",\"lastdeliveryoutcome\":",
    ",\"lasthttpstatuscode\":",
    ",\"publishtime\":",
    ",\"lastdeliveryattempttime\":",
];
