//! Wake-ups to and from the other nodes, on a connection of their own.
//!
//! They are sent after the commit, many together: a NOTIFY inside of transactions would make their
//! commits wait for each other.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::{mpsc, watch};
use tokio_postgres::{AsyncMessage, Client, Notification};

use super::connect::{Address, Messages, unavailable};
use crate::error::StoreError;
use crate::meter::{Part, Shared};
use crate::wakes::WakeMessage;

const CHANNEL: &str = "trunkline";
/// The topic stands on the first line.
const NOTIFY: &str = "SELECT pg_notify($1, topic || E'\\n' || payload) \
     FROM unnest($2::text[], $3::text[]) AS wakes (topic, payload)";
/// Wake-ups on their way out; more are dropped, as wake-ups may be.
pub(crate) const OUTGOING_MAX: usize = 4096;
/// Wake-ups sent in one statement.
const TOGETHER_MAX: usize = 64;
/// How often an idle connection is tried, so that health is known and a dead server noticed.
const PING_INTERVAL: Duration = Duration::from_secs(2);
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(5);
const RECONNECT_PAUSE_FIRST: Duration = Duration::from_millis(100);
const RECONNECT_PAUSE_LAST: Duration = Duration::from_secs(2);

pub(crate) struct Listener {
    pub(crate) address: Address,
    pub(crate) shared: Arc<Shared>,
    pub(crate) outgoing: mpsc::Receiver<WakeMessage>,
    pub(crate) is_closed: watch::Receiver<bool>,
}

impl Listener {
    /// Runs until the store is closed.
    pub(crate) async fn run(mut self) {
        let mut is_closed = self.is_closed.clone();
        tokio::select! {
            () = self.keep_connected() => {}
            // An error says that the store is gone, which ends the listener as well.
            _ = is_closed.wait_for(|is_closed| *is_closed) => {}
        }
    }

    async fn keep_connected(&mut self) {
        let mut pause = RECONNECT_PAUSE_FIRST;
        loop {
            let failure = match self.address.connect().await {
                Ok((client, messages)) => {
                    pause = RECONNECT_PAUSE_FIRST;
                    self.serve(&client, messages).await
                }
                Err(failure) => failure,
            };
            self.shared.set_unhealthy(Part::Server, &failure);
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RECONNECT_PAUSE_LAST);
        }
    }

    async fn serve(&mut self, client: &Client, mut messages: Messages) -> StoreError {
        let shared = Arc::clone(&self.shared);
        let own = AtomicI32::new(0);
        let receive = async {
            loop {
                match messages.next().await {
                    Some(Ok(AsyncMessage::Notification(notification))) => take(&shared, &notification, &own),
                    Some(Ok(_)) => {}
                    Some(Err(failure)) => return unavailable(&failure),
                    None => return lost(),
                }
            }
        };
        let send = async {
            match self.send(client, &own).await {
                Ok(never) => never,
                Err(failure) => unavailable(&failure),
            }
        };
        tokio::select! {
            failure = receive => failure,
            failure = send => failure,
        }
    }

    async fn send(&mut self, client: &Client, own: &AtomicI32) -> Result<StoreError, tokio_postgres::Error> {
        client.batch_execute(&format!("LISTEN {CHANNEL}")).await?;
        let number = client.query_one("SELECT pg_backend_pid()", &[]).await?;
        own.store(number.try_get(0)?, Ordering::Relaxed);
        let notify = client.prepare(NOTIFY).await?;
        self.shared.set_healthy(Part::Server);
        // Whatever was sent before this connection listened is lost.
        self.shared.wakes.publish_missed();
        loop {
            let first = tokio::time::timeout(PING_INTERVAL, self.outgoing.recv()).await;
            let together = match first {
                Ok(Some(first)) => self.gather(first),
                Ok(None) => return Ok(lost()),
                Err(_) => HashSet::new(),
            };
            let topics: Vec<&str> = together.iter().map(|wake| wake.topic.as_str()).collect();
            let payloads: Vec<&str> = together.iter().map(|wake| &*wake.payload).collect();
            let sent = async {
                if together.is_empty() {
                    return client.batch_execute("SELECT 1").await;
                }
                client.query(&notify, &[&CHANNEL, &topics, &payloads]).await.map(drop)
            };
            match tokio::time::timeout(ANSWER_WAIT_MAX, sent).await {
                Ok(sent) => sent?,
                Err(_) => return Ok(lost()),
            }
        }
    }

    /// The wake-ups that wait now, each once.
    fn gather(&mut self, first: WakeMessage) -> HashSet<WakeMessage> {
        let mut together = HashSet::from([first]);
        while together.len() < TOGETHER_MAX {
            let Ok(next) = self.outgoing.try_recv() else { break };
            together.insert(next);
        }
        together
    }
}

/// Passes a notification on, unless this node sent it: its own subscribers were woken at once.
fn take(shared: &Shared, notification: &Notification, own: &AtomicI32) {
    if notification.process_id() == own.load(Ordering::Relaxed) {
        return;
    }
    if let Some((topic, payload)) = notification.payload().split_once('\n') {
        shared.wakes.publish_here(topic, &payload.into());
    }
}

fn lost() -> StoreError {
    StoreError::Unavailable { reason: "the connection to PostgreSQL was lost".to_owned() }
}
