//! The commands about events as types.

use clap::{Args, Subcommand, ValueEnum};

use super::InResource;

/// `trunkline events`.
#[derive(Debug, Subcommand)]
pub(crate) enum EventsCommand {
    /// Makes a subscription, or replaces it, and waits until its endpoint has answered the handshake
    #[command(
        after_help = "Example:\n  trunkline events subscribe hook https://app.example/hook --type ChatMessageReceived\n  trunkline events subscribe sms https://app.example/sms --filter 'data.from StringBeginsWith +49'\n  trunkline events subscribe bus acs.events --nats"
    )]
    Subscribe(Box<Subscribe>),
    /// Lists the subscriptions of a resource
    #[command(after_help = "Example:\n  trunkline events list")]
    List {
        /// Which resource.
        #[command(flatten)]
        place: InResource,
    },
    /// Shows a subscription and how its deliveries go
    #[command(after_help = "Example:\n  trunkline events show hook")]
    Show {
        /// The subscription
        name: String,
        /// Also prints the whole address and secret headers; this is written into the audit log
        #[arg(long)]
        reveal: bool,
        /// Which resource.
        #[command(flatten)]
        place: InResource,
    },
    /// Deletes a subscription; what waits for it is dropped
    #[command(after_help = "Example:\n  trunkline events delete hook")]
    Delete {
        /// The subscription
        name: String,
        /// Does not ask
        #[arg(long)]
        yes: bool,
        /// Which resource.
        #[command(flatten)]
        place: InResource,
    },
    /// Lists the event types, or shows one with sample data
    #[command(
        after_help = "Example:\n  trunkline events types\n  trunkline events types ChatMessageReceived"
    )]
    Types {
        /// The type, with or without Microsoft.Communication.
        #[arg(value_name = "TYPE")]
        name: Option<String>,
    },
    /// Lists delivery attempts, the newest last
    #[command(
        after_help = "Example:\n  trunkline events log hook --failed --since 1h\n  trunkline events log --follow"
    )]
    Log(Log),
    /// Sends the events of a time window to a subscription again
    #[command(after_help = "Example:\n  trunkline events replay hook --from 2h --to 1h")]
    Replay {
        /// The subscription
        name: String,
        /// The beginning: a time, or how long ago such as 2h
        #[arg(long, value_name = "TIME")]
        from: String,
        /// The end, likewise [default: now]
        #[arg(long, value_name = "TIME")]
        to: Option<String>,
        /// Which resource.
        #[command(flatten)]
        place: InResource,
    },
    /// Publishes an event with sample data, to whoever subscribes or listens
    #[command(
        name = "send-test",
        after_help = "Example:\n  trunkline events send-test ChatMessageReceived\n  trunkline events send-test SMSReceived --event-data @sms.json --count 10"
    )]
    SendTest(SendTest),
    /// Prints events as they are published, or carries them to a program on this machine
    #[command(
        after_help = "Example:\n  trunkline events listen --type ChatMessageReceived\n  trunkline events listen --forward http://localhost:3000/hook"
    )]
    Listen(Listen),
    /// Lists the files of events that could not be delivered, newest first
    #[command(name = "dead-letters", after_help = "Example:\n  trunkline events dead-letters --limit 10")]
    DeadLetters {
        /// How many at most
        #[arg(long, default_value_t = 100)]
        limit: usize,
        /// Which resource.
        #[command(flatten)]
        place: InResource,
    },
    /// Prints one file of events that could not be delivered
    #[command(name = "dead-letter", after_help = "Example:\n  trunkline events dead-letter ID > lost.json")]
    DeadLetter {
        /// The id, from the list
        id: String,
        /// Which resource.
        #[command(flatten)]
        place: InResource,
    },
}

/// `trunkline events subscribe`.
#[derive(Debug, Args)]
pub(crate) struct Subscribe {
    /// Its name: 3 to 64 letters, digits and -
    pub(crate) name: String,
    /// Where the events go: the address of a web hook, or with --nats a subject
    #[arg(value_name = "URL")]
    pub(crate) target: String,
    /// Only this type of event, with or without Microsoft.Communication.; can be repeated
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) types: Vec<String>,
    /// Only subjects that begin so
    #[arg(long, value_name = "TEXT")]
    pub(crate) subject_begins: Option<String>,
    /// Only subjects that end so
    #[arg(long, value_name = "TEXT")]
    pub(crate) subject_ends: Option<String>,
    /// A condition, KEY OPERATOR VALUE; values of a list are separated by commas; can be repeated
    #[arg(long = "filter", value_name = "CONDITION")]
    pub(crate) filters: Vec<String>,
    /// The envelope
    #[arg(long, default_value = "event-grid")]
    pub(crate) schema: EnvelopeSchema,
    /// A header of each request, NAME: VALUE; can be repeated
    #[arg(long = "header", value_name = "HEADER")]
    pub(crate) headers: Vec<String>,
    /// A header that is kept secret; NAME: @FILE reads its value from a file; can be repeated
    #[arg(long = "secret-header", value_name = "HEADER")]
    pub(crate) secret_headers: Vec<String>,
    /// The most events of one request
    #[arg(long, value_name = "N")]
    pub(crate) max_events: Option<u32>,
    /// How large a request of several events may be, in KiB
    #[arg(long, value_name = "N")]
    pub(crate) batch_kb: Option<u32>,
    /// The most attempts for an event [default: 30]
    #[arg(long, value_name = "N")]
    pub(crate) attempts: Option<u32>,
    /// For how long an event is tried [default: 1440]
    #[arg(long, value_name = "N")]
    pub(crate) ttl_minutes: Option<u32>,
    /// Keeps events that cannot be delivered, under this name
    #[arg(long, value_name = "CONTAINER")]
    pub(crate) dead_letter: Option<String>,
    /// When the subscription ends, such as 2027-06-30T00:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) expires: Option<String>,
    /// A label; can be repeated
    #[arg(long = "label", value_name = "TEXT")]
    pub(crate) labels: Vec<String>,
    /// The target is a subject of the configured NATS server
    #[arg(long)]
    pub(crate) nats: bool,
    /// Does not wait for the handshake
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Which resource.
    #[command(flatten)]
    pub(crate) place: InResource,
}

/// The envelope of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EnvelopeSchema {
    /// That of Event Grid
    EventGrid,
    /// `CloudEvents` 1.0
    CloudEvents,
}

/// `trunkline events log`.
#[derive(Debug, Args)]
pub(crate) struct Log {
    /// Only this subscription
    pub(crate) name: Option<String>,
    /// Only attempts with this event: its id or its sequence number
    #[arg(long, value_name = "ID")]
    pub(crate) event: Option<String>,
    /// Only attempts that failed
    #[arg(long)]
    pub(crate) failed: bool,
    /// Only attempts since then: a time, or how long ago such as 1h
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// How many at most
    #[arg(long, default_value_t = 100)]
    pub(crate) limit: usize,
    /// Goes on with attempts as they are made
    #[arg(long, conflicts_with = "event")]
    pub(crate) follow: bool,
    /// Which resource.
    #[command(flatten)]
    pub(crate) place: InResource,
}

/// `trunkline events send-test`.
#[derive(Debug, Args)]
pub(crate) struct SendTest {
    /// The type, with or without Microsoft.Communication.
    #[arg(value_name = "TYPE")]
    pub(crate) name: String,
    /// Its subject [default: that of the sample]
    #[arg(long, value_name = "TEXT")]
    pub(crate) subject: Option<String>,
    /// Its data as JSON, or @FILE with it [default: that of the sample]
    #[arg(long = "event-data", value_name = "JSON")]
    pub(crate) event_data: Option<String>,
    /// How many
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) count: u32,
    /// Which resource.
    #[command(flatten)]
    pub(crate) place: InResource,
}

/// `trunkline events listen`.
#[derive(Debug, Args)]
pub(crate) struct Listen {
    /// Only this type of event, with or without Microsoft.Communication.; can be repeated
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) types: Vec<String>,
    /// Begins with events since then: a time, or how long ago such as 10m
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Posts each event to this address, as a delivery would
    #[arg(long, value_name = "URL")]
    pub(crate) forward: Option<String>,
    /// The envelope of printed and posted events
    #[arg(long, default_value = "event-grid")]
    pub(crate) schema: EnvelopeSchema,
    /// Ends after so many events
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// Which resource.
    #[command(flatten)]
    pub(crate) place: InResource,
}
