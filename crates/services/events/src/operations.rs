//! The operations of this service, as data: here our own, beside them those of ARM and the validation address.

pub mod arm;
pub mod validation;

use trunkline_web::operation::{CONTINUATION_TOKEN, MAX_PAGE_SIZE, QueryParameter, schema_of};
use trunkline_web::{Allow, Method, Operation, Page, RequestBody, Role};

use crate::api::dead_letters::{DeadLetterFile, DeadLetterFileWithEvents};
use crate::api::deliveries::Delivery;
use crate::api::event_types::{EventTypeEntry, EventTypeReply};
use crate::api::history::HistoryEvent;
use crate::api::listen::ListenReply;
use crate::api::replay::{ReplayReply, ReplayWindow};
use crate::api::send_test::{SentTest, TestEvent};
use crate::api::subscriptions::{NewSubscription, RevealedSecrets, SubscriptionReply};

const READER: &[Allow] = &[Allow::Operator(Role::Reader)];
const CONTRIBUTOR: &[Allow] = &[Allow::Operator(Role::Contributor)];
const OWNER: &[Allow] = &[Allow::Operator(Role::Owner)];

const fn text(name: &'static str, description: &'static str) -> QueryParameter {
    QueryParameter { name, kind: "string", description }
}

const SYSTEM_TOPIC: QueryParameter =
    text("systemTopic", "The system topic it was made under; left out for one of the resource itself.");
const FROM: QueryParameter =
    text("from", "The beginning: a time, or how long ago such as `1h` (units s, m, h and d).");
const TO: QueryParameter = text("to", "The end, likewise; now when left out.");
const TYPE: QueryParameter =
    text("type", "Only events of this type; may come several times, all types when left out.");

/// Lists the event subscriptions of a resource.
pub static RESOURCE_EVENT_SUBSCRIPTIONS_LIST: Operation = Operation {
    reply: Some(schema_of::<Page<SubscriptionReply>>),
    query: &[MAX_PAGE_SIZE, CONTINUATION_TOKEN],
    summary: "Lists the event subscriptions of a resource, those of its system topic included.",
    ..Operation::own(
        "ResourceEventSubscriptions_List",
        Method::Get,
        "/trunkline/resources/{name}/eventSubscriptions",
        READER,
    )
};

/// Shows an event subscription and how its deliveries go.
pub static RESOURCE_EVENT_SUBSCRIPTIONS_GET: Operation = Operation {
    reply: Some(schema_of::<SubscriptionReply>),
    query: &[SYSTEM_TOPIC],
    summary: "Shows an event subscription and how its deliveries go.",
    ..Operation::own(
        "ResourceEventSubscriptions_Get",
        Method::Get,
        "/trunkline/resources/{name}/eventSubscriptions/{subscription}",
        READER,
    )
};

/// Makes an event subscription, or replaces it.
pub static RESOURCE_EVENT_SUBSCRIPTIONS_CREATE_OR_UPDATE: Operation = Operation {
    success: 201,
    body: RequestBody::Json(schema_of::<NewSubscription>),
    reply: Some(schema_of::<SubscriptionReply>),
    summary: "Makes an event subscription, or replaces it; a web hook then has to answer the handshake.",
    ..Operation::own(
        "ResourceEventSubscriptions_CreateOrUpdate",
        Method::Put,
        "/trunkline/resources/{name}/eventSubscriptions/{subscription}",
        CONTRIBUTOR,
    )
};

/// Deletes an event subscription.
pub static RESOURCE_EVENT_SUBSCRIPTIONS_DELETE: Operation = Operation {
    success: 204,
    query: &[SYSTEM_TOPIC],
    summary: "Deletes an event subscription; what waits for it is dropped.",
    ..Operation::own(
        "ResourceEventSubscriptions_Delete",
        Method::Delete,
        "/trunkline/resources/{name}/eventSubscriptions/{subscription}",
        CONTRIBUTOR,
    )
};

/// Shows the whole address and the secret headers.
pub static RESOURCE_EVENT_SUBSCRIPTIONS_REVEAL: Operation = Operation {
    reply: Some(schema_of::<RevealedSecrets>),
    query: &[SYSTEM_TOPIC],
    summary: "Shows the whole address and the secret headers of an event subscription; leaves an audit row.",
    ..Operation::own(
        "ResourceEventSubscriptions_Reveal",
        Method::Post,
        "/trunkline/resources/{name}/eventSubscriptions/{subscription}/:reveal",
        OWNER,
    )
};

/// Sends the events of a time window again.
pub static RESOURCE_EVENT_SUBSCRIPTIONS_REPLAY: Operation = Operation {
    success: 202,
    body: RequestBody::Json(schema_of::<ReplayWindow>),
    reply: Some(schema_of::<ReplayReply>),
    query: &[SYSTEM_TOPIC],
    summary: "Sends the events of a time window to one event subscription again.",
    ..Operation::own(
        "ResourceEventSubscriptions_Replay",
        Method::Post,
        "/trunkline/resources/{name}/eventSubscriptions/{subscription}/:replay",
        CONTRIBUTOR,
    )
};

/// Lists delivery attempts.
pub static DELIVERIES_LIST: Operation = Operation {
    reply: Some(schema_of::<Page<Delivery>>),
    query: &[
        text("subscription", "Only attempts of this event subscription."),
        text("event", "Only attempts with this event: its id, or its sequence number."),
        text("outcome", "Only attempts that ended so, such as `TimedOut`; `failed` for all but `Delivered`."),
        FROM,
        TO,
        QueryParameter {
            name: "after",
            kind: "integer",
            description: "Only attempts with a higher id, the oldest first; else the newest come first.",
        },
        MAX_PAGE_SIZE,
        CONTINUATION_TOKEN,
    ],
    summary: "Lists the delivery attempts of a resource, the newest first.",
    ..Operation::own("Deliveries_List", Method::Get, "/trunkline/resources/{name}/deliveries", READER)
};

/// Lists published events.
pub static EVENTS_LIST: Operation = Operation {
    reply: Some(schema_of::<Page<HistoryEvent>>),
    query: &[FROM, TO, TYPE, MAX_PAGE_SIZE, CONTINUATION_TOKEN],
    summary: "Lists the published events of a resource that are still kept, the oldest first.",
    ..Operation::own("Events_List", Method::Get, "/trunkline/resources/{name}/events", READER)
};

/// Waits for events.
pub static EVENTS_LISTEN: Operation = Operation {
    reply: Some(schema_of::<ListenReply>),
    query: &[
        QueryParameter {
            name: "after",
            kind: "integer",
            description: "Events after this one, as an earlier reply says; those published from now on when left out.",
        },
        text("from", "In place of `after`: events since a time, or since how long ago such as `10m`."),
        TYPE,
        text("schema", "The envelope: `EventGridSchema` (also when left out) or `CloudEventSchemaV1_0`."),
        QueryParameter {
            name: "waitSeconds",
            kind: "integer",
            description: "How long to wait for an event, 0 to 25; 25 when left out.",
        },
    ],
    summary: "Answers with new events of a resource as soon as there are some: a long poll.",
    ..Operation::own("Events_Listen", Method::Get, "/trunkline/resources/{name}/events/:listen", READER)
};

/// Publishes test events.
pub static EVENTS_SEND_TEST: Operation = Operation {
    success: 202,
    body: RequestBody::Json(schema_of::<TestEvent>),
    reply: Some(schema_of::<SentTest>),
    summary: "Publishes an event of any type, with sample data where none is given.",
    ..Operation::own(
        "Events_SendTest",
        Method::Post,
        "/trunkline/resources/{name}/events/:sendTest",
        CONTRIBUTOR,
    )
};

/// Lists event types.
pub static EVENT_TYPES_LIST: Operation = Operation {
    reply: Some(schema_of::<Page<EventTypeEntry>>),
    summary: "Lists every event type.",
    ..Operation::own("EventTypes_List", Method::Get, "/trunkline/eventTypes", READER)
};

/// Shows an event type.
pub static EVENT_TYPES_GET: Operation = Operation {
    reply: Some(schema_of::<EventTypeReply>),
    summary: "Shows an event type with the schema of its data and a sample.",
    ..Operation::own("EventTypes_Get", Method::Get, "/trunkline/eventTypes/{type}", READER)
};

/// Lists dead letters.
pub static DEAD_LETTERS_LIST: Operation = Operation {
    reply: Some(schema_of::<Page<DeadLetterFile>>),
    query: &[MAX_PAGE_SIZE, CONTINUATION_TOKEN],
    summary: "Lists the files of events that could not be delivered, the newest first.",
    ..Operation::own("DeadLetters_List", Method::Get, "/trunkline/resources/{name}/deadLetters", READER)
};

/// Shows dead letters.
pub static DEAD_LETTERS_GET: Operation = Operation {
    reply: Some(schema_of::<DeadLetterFileWithEvents>),
    summary: "Shows one file of events that could not be delivered, with reason, attempts and outcome of each.",
    ..Operation::own("DeadLetters_Get", Method::Get, "/trunkline/resources/{name}/deadLetters/{id}", READER)
};

/// Every operation of our own; ARM's are in [`arm::ALL`], the validation address in [`validation::ALL`].
pub static ALL: &[&Operation] = &[
    &RESOURCE_EVENT_SUBSCRIPTIONS_LIST,
    &RESOURCE_EVENT_SUBSCRIPTIONS_GET,
    &RESOURCE_EVENT_SUBSCRIPTIONS_CREATE_OR_UPDATE,
    &RESOURCE_EVENT_SUBSCRIPTIONS_DELETE,
    &RESOURCE_EVENT_SUBSCRIPTIONS_REVEAL,
    &RESOURCE_EVENT_SUBSCRIPTIONS_REPLAY,
    &DELIVERIES_LIST,
    &EVENTS_LIST,
    &EVENTS_LISTEN,
    &EVENTS_SEND_TEST,
    &EVENT_TYPES_LIST,
    &EVENT_TYPES_GET,
    &DEAD_LETTERS_LIST,
    &DEAD_LETTERS_GET,
];
