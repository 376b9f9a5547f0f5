//! What the service asks of others: where a resource lies in ARM, what a domain event is published as, and the way out.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use trunkline_catalogue::Publication;
use trunkline_kernel::ResourceId;
use trunkline_net::outbound::{OutboundError, Target};
use trunkline_store::Event;
use uuid::Uuid;

/// What a call that others answer returns.
pub type PortFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, PortError>> + Send + 'a>>;

/// The other side could not answer; trying again later may help. The text is for the log.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct PortError(pub String);

/// A resource as events and ARM name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// `/subscriptions/S/resourceGroups/G/providers/Microsoft.Communication/CommunicationServices/NAME`.
    pub arm_id: Arc<str>,
    /// The resource's name as ARM shows it.
    pub name: Arc<str>,
    /// Its resource group as ARM shows it.
    pub group: Arc<str>,
}

/// Finds where resources lie.
pub trait FindTopic: Send + Sync {
    /// Where the resource lies; `None` when there is no such resource.
    fn topic(&self, resource: ResourceId) -> PortFuture<'_, Option<Topic>>;

    /// The resource of that name in that group, both in any case.
    fn resource<'a>(&'a self, group: &'a str, name: &'a str) -> PortFuture<'a, Option<ResourceId>>;

    /// The id of this installation's ARM subscription.
    fn subscription_id(&self) -> PortFuture<'_, Uuid>;
}

/// Expands one event of a service's own into the events that are published.
pub trait Translate: Send + Sync {
    /// The kinds of events it expands.
    fn kinds(&self) -> &'static [&'static str];

    /// What `event` stands for, in the order of the places. Each has the same place whenever it is asked for, and no two
    /// have one.
    fn translate<'a>(&'a self, event: &'a Event) -> PortFuture<'a, Vec<Publication>>;
}

/// What the way out answers.
pub type OutboundFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, OutboundError>> + Send + 'a>>;

/// Opens connections to web hooks; tests and commands without a server have their own.
pub trait SendWebhook: Send + Sync {
    /// Resolves the target, checks every address and connects.
    fn connect<'a>(&'a self, target: &'a Target) -> OutboundFuture<'a, Box<dyn WebhookConnection>>;
}

/// One connection to a web hook, for one request at a time.
pub trait WebhookConnection: Send {
    /// Sends a request and reads the head of the answer. Its body waits for [`WebhookConnection::drain`].
    fn exchange(&mut self, request: Request<Bytes>) -> OutboundFuture<'_, Response<()>>;

    /// Reads away the body of the last answer, within bounds; returns whether a further request may be sent.
    /// To be called when the answer has been reported: it may take a second.
    fn drain(&mut self) -> Pin<Box<dyn Future<Output = bool> + Send + '_>>;

    /// Sends a request and reads the answer with a body of at most `bytes_max` bytes.
    fn exchange_with_body(
        &mut self,
        request: Request<Bytes>,
        bytes_max: usize,
    ) -> OutboundFuture<'_, Response<Bytes>>;

    /// Whether a further request may be sent.
    fn is_reusable(&self) -> bool;

    /// Whether no answer has come over it yet. Only then [`OutboundError::Closed`] says something of the
    /// endpoint: servers close idle connections just when a request is on its way. On one that was used
    /// before, the request is sent once more over a new one.
    fn is_fresh(&self) -> bool;

    /// How long ago it was opened.
    fn age(&self) -> Duration;
}

/// A message for a NATS subject.
#[derive(Clone, Debug)]
pub struct NatsMessage {
    /// Headers, in order.
    pub headers: Vec<(&'static str, String)>,
    /// The event.
    pub payload: Bytes,
}

/// Publishes to the NATS server of the configuration.
pub trait PublishNats: Send + Sync {
    /// Publishes all `messages` to `subject`, in order, and waits until the server has them.
    fn publish<'a>(&'a self, subject: &'a str, messages: &'a [NatsMessage]) -> OutboundFuture<'a, ()>;
}
