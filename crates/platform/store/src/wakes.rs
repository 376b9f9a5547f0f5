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
    // Guards the senders; a topic has one for each depth while that has a subscriber.
    topics: Mutex<HashMap<String, Vec<Channel>>>,
    other_nodes: OnceLock<mpsc::Sender<WakeMessage>>,
}

/// The subscribers of one topic that may be equally far behind.
struct Channel {
    backlog: usize,
    sender: broadcast::Sender<Arc<str>>,
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
        self.subscribe_deep(topic, SUBSCRIBER_BACKLOG)
    }

    /// As [`Wakes::subscribe`], but the subscriber may be `backlog` wake-ups behind, rounded up to a power of
    /// two. Each costs some 40 bytes from the start: for topics with thousands of wake-ups a second.
    pub fn subscribe_deep(&self, topic: &str, backlog: usize) -> WakeReceiver {
        let mut topics = self.topics();
        topics.retain(|_, channels| {
            channels.retain(|channel| channel.sender.receiver_count() > 0);
            !channels.is_empty()
        });
        let backlog = backlog.max(1).next_power_of_two();
        let channels = topics.entry(topic.to_owned()).or_default();
        if let Some(channel) = channels.iter().find(|channel| channel.backlog == backlog) {
            return WakeReceiver { receiver: channel.sender.subscribe() };
        }
        let (sender, receiver) = broadcast::channel(backlog);
        channels.push(Channel { backlog, sender });
        WakeReceiver { receiver }
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
        for channel in self.topics().get(topic).into_iter().flatten() {
            // An error only says that nobody listens any more.
            let _ = channel.sender.send(Arc::clone(payload));
        }
    }

    /// Tells every subscriber that it may have missed something: the way to other nodes was down.
    pub(crate) fn publish_missed(&self) {
        let nothing: Arc<str> = "".into();
        for channel in self.topics().values().flatten() {
            // More than the backlog holds, so that every receiver lags and reads `Missed`.
            for _ in 0..=channel.backlog {
                let _ = channel.sender.send(Arc::clone(&nothing));
            }
        }
    }

    pub(crate) fn connect_other_nodes(&self, sender: mpsc::Sender<WakeMessage>) {
        let _ = self.inner.other_nodes.set(sender);
    }

    fn topics(&self) -> std::sync::MutexGuard<'_, HashMap<String, Vec<Channel>>> {
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
    async fn a_deep_subscriber_misses_nothing_that_a_shallow_one_misses() {
        let wakes = Wakes::new();
        let mut shallow = wakes.subscribe("users");
        let mut deep = wakes.subscribe_deep("users", 1_000);
        for number in 0..1_000 {
            wakes.publish("users", &number.to_string());
        }
        assert_eq!(shallow.next().await, Some(Wake::Missed));
        for number in 0..1_000 {
            assert_eq!(deep.next().await, Some(Wake::Payload(number.to_string().into())));
        }
        wakes.publish_missed();
        assert_eq!(deep.next().await, Some(Wake::Missed));
    }

    #[tokio::test]
    async fn topics_without_subscribers_are_forgotten() {
        let wakes = Wakes::new();
        drop(wakes.subscribe("gone"));
        let _stays = wakes.subscribe("stays");
        assert_eq!(wakes.topics().keys().collect::<Vec<_>>(), ["stays"]);
    }
}
