//! Wake-ups by topic: hints that there is something to look at in the store.
//!
//! They are lossy by design. Whoever waits for one also looks by itself from time to time, so losing
//! every wake-up costs a second and never a message. On PostgreSQL they also reach the other nodes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::{broadcast, mpsc};

/// Topic and payload together: PostgreSQL refuses a notification of 8000 bytes or more.
pub const WAKE_BYTES_MAX: usize = 7900;

/// Woken after a commit that wrote events.
pub const OUTBOX_TOPIC: &str = "store.outbox";
/// Woken after a commit that scheduled jobs.
pub(crate) const JOBS_TOPIC: &str = "store.jobs";

/// Wake-ups a subscriber may be behind before it is told that it missed some.
const SUBSCRIBER_BACKLOG: usize = 256;

/// Publishes and subscribes. Clones are handles to the same topics.
#[derive(Clone)]
pub struct Wakes {
    inner: Arc<Inner>,
}

struct Inner {
    // Guards the senders; a topic has one while it has a subscriber.
    topics: Mutex<HashMap<String, broadcast::Sender<Arc<str>>>>,
    other_nodes: OnceLock<mpsc::Sender<WakeMessage>>,
}

/// A wake-up on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct WakeMessage {
    pub(crate) topic: String,
    pub(crate) payload: Arc<str>,
}

impl WakeMessage {
    pub(crate) fn new(topic: &str, payload: &str) -> Self {
        Self { topic: topic.to_owned(), payload: payload.into() }
    }

    pub(crate) fn is_for(&self, topic: &str) -> bool {
        self.topic == topic
    }
}

/// What a subscriber is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Something happened.
    Payload(Arc<str>),
    /// Wake-ups were lost, so anything may have happened.
    Missed,
}

/// A subscription to one topic.
pub struct WakeReceiver {
    receiver: broadcast::Receiver<Arc<str>>,
}

impl WakeReceiver {
    /// Waits for the next wake-up; `None` when the store is gone. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Wake> {
        match self.receiver.recv().await {
            Ok(payload) => Some(Wake::Payload(payload)),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(Wake::Missed),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }

    /// Forgets the wake-ups that came in the meantime: one look at the store serves them all.
    pub fn forget_pending(&mut self) {
        self.receiver = self.receiver.resubscribe();
    }
}

impl Wakes {
    pub(crate) fn new() -> Self {
        Self { inner: Arc::new(Inner { topics: Mutex::default(), other_nodes: OnceLock::new() }) }
    }

    /// Receives the wake-ups of `topic` from now on.
    pub fn subscribe(&self, topic: &str) -> WakeReceiver {
        let mut topics = self.topics();
        topics.retain(|_, sender| sender.receiver_count() > 0);
        let sender =
            topics.entry(topic.to_owned()).or_insert_with(|| broadcast::channel(SUBSCRIBER_BACKLOG).0);
        WakeReceiver { receiver: sender.subscribe() }
    }

    /// Wakes the subscribers of `topic` on every node, now and outside of any transaction.
    ///
    /// A wake-up longer than [`WAKE_BYTES_MAX`] or with U+0000 stays on this node.
    pub fn publish(&self, topic: &str, payload: &str) {
        let message = WakeMessage::new(topic, payload);
        if topic.len() + payload.len() > WAKE_BYTES_MAX || topic.contains('\0') || payload.contains('\0') {
            return self.publish_here(&message.topic, &message.payload);
        }
        self.publish_all(&[message]);
    }

    pub(crate) fn publish_all(&self, messages: &[WakeMessage]) {
        for message in messages {
            self.publish_here(&message.topic, &message.payload);
            if let Some(other_nodes) = self.inner.other_nodes.get() {
                // A full queue loses the wake-up; the other nodes look by themselves within a second.
                let _ = other_nodes.try_send(message.clone());
            }
        }
    }

    pub(crate) fn publish_here(&self, topic: &str, payload: &Arc<str>) {
        if let Some(sender) = self.topics().get(topic) {
            // An error only says that nobody listens any more.
            let _ = sender.send(Arc::clone(payload));
        }
    }

    /// Tells every subscriber that it may have missed something: the way to other nodes was down.
    pub(crate) fn publish_missed(&self) {
        let nothing: Arc<str> = "".into();
        for sender in self.topics().values() {
            // More than the backlog holds, so that every receiver lags and reads `Missed`.
            for _ in 0..=SUBSCRIBER_BACKLOG {
                let _ = sender.send(Arc::clone(&nothing));
            }
        }
    }

    pub(crate) fn connect_other_nodes(&self, sender: mpsc::Sender<WakeMessage>) {
        let _ = self.inner.other_nodes.set(sender);
    }

    fn topics(&self) -> std::sync::MutexGuard<'_, HashMap<String, broadcast::Sender<Arc<str>>>> {
        self.inner.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_subscriber_gets_its_topic_only() {
        let wakes = Wakes::new();
        let mut users = wakes.subscribe("users");
        wakes.publish("threads", "1");
        wakes.publish("users", "2");
        assert_eq!(users.next().await, Some(Wake::Payload("2".into())));
    }

    #[tokio::test]
    async fn a_slow_subscriber_is_told_that_it_missed_some() {
        let wakes = Wakes::new();
        let mut users = wakes.subscribe("users");
        for _ in 0..=SUBSCRIBER_BACKLOG {
            wakes.publish("users", "");
        }
        assert_eq!(users.next().await, Some(Wake::Missed));
        let mut threads = wakes.subscribe("threads");
        wakes.publish_missed();
        assert_eq!(threads.next().await, Some(Wake::Missed));
    }

    #[tokio::test]
    async fn topics_without_subscribers_are_forgotten() {
        let wakes = Wakes::new();
        drop(wakes.subscribe("gone"));
        let _stays = wakes.subscribe("stays");
        assert_eq!(wakes.topics().keys().collect::<Vec<_>>(), ["stays"]);
    }
}
