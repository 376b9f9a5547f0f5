//! [`Hub`]: takes what was committed to those who are connected here.
//!
//! ```text
//! handler ── committed ──┐
//! wake-up "chat.changed" ┼─► shard of the thread ─► room: order ─► members ─► push to each connected client
//! wake-up "chat.typing" ─┘
//! ```
//!
//! A thread belongs to one shard, whose task alone orders its changes. Nobody waits for a client, and no handler for
//! the hub: a full shard means that clients read the store instead.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, RwLock, Semaphore, mpsc};
use trunkline_kernel::{Clock, Entropy, SystemClock};
use trunkline_store::{Store, Wake};
use trunkline_tasks::{Shutdown, Tasks};

use super::connected::Connected;
use super::endpoint::Endpoint;
use super::polling::Polls;
use super::shard::{self, Signal};
use super::tokens::Tokens;
use crate::changes::{CHANGED_TOPIC, Committed};
use crate::metrics::Metrics;
use crate::notify::{Reaction, Typing};
use crate::rows::ThreadNumber;
use crate::settings::Settings;
use trunkline_web::ports::FindUsers;

/// Shards: enough to keep the cores of a large machine at fan-out.
const SHARDS: usize = 4;
/// Changes waiting for one shard: nearly a second at the rated speed.
const SHARD_QUEUE: usize = 8192;
/// Wake-ups that may wait: several seconds at the rated speed.
const WAKES_QUEUE: usize = 65_536;
/// Clients that read what they missed at the same time; the rest of the store's readers stay free.
const CATCH_UPS: usize = 8;
/// What is told on every node and never stored.
const TYPING_TOPIC: &str = "chat.typing";
/// The same for reactions.
const REACTION_TOPIC: &str = "chat.reaction";

/// What the hub is made of.
pub(crate) struct HubParts {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) users: Arc<dyn FindUsers>,
    pub(crate) tasks: Tasks,
    pub(crate) node: String,
    pub(crate) settings: Settings,
    pub(crate) metrics: Metrics,
}

/// Takes changes to connected clients.
pub(crate) struct Hub {
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    timers: SystemClock,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(super) users: Arc<dyn FindUsers>,
    pub(super) tasks: Tasks,
    pub(super) node: String,
    pub(super) settings: Settings,
    pub(crate) metrics: Metrics,
    pub(crate) tokens: Tokens,
    pub(super) connected: Connected,
    pub(super) polls: Polls,
    pub(super) catch_ups: Semaphore,
    // Held for writing while the positions of all connections are stored, for reading while one connection's last ones
    // are taken, not while they are stored: what was taken before must be in the store before its endpoint is free.
    pub(super) storing: RwLock<()>,
    pub(super) is_leaving: AtomicBool,
    pub(super) has_lost: AtomicBool,
    /// Somebody asks for all tokens to be checked.
    pub(super) tokens_doubted: Notify,
    /// Grows when the last client leaves: from then on nobody tells rooms of changes.
    pub(super) emptied: AtomicU64,
    shards: Vec<mpsc::Sender<Signal>>,
    // Guards the other ends until the tasks take them.
    receivers: Mutex<Vec<mpsc::Receiver<Signal>>>,
}

impl Hub {
    /// A hub whose tasks do not run yet. Signatures derive from `secret`.
    pub(crate) fn new(parts: HubParts, secret: &[u8]) -> Arc<Self> {
        let (shards, receivers) = (0..SHARDS).map(|_| mpsc::channel(SHARD_QUEUE)).unzip();
        Arc::new(Self {
            store: parts.store,
            clock: parts.clock,
            timers: SystemClock,
            entropy: parts.entropy,
            users: parts.users,
            tasks: parts.tasks,
            node: parts.node,
            settings: parts.settings,
            metrics: parts.metrics,
            tokens: Tokens::new(secret),
            connected: Connected::new(),
            polls: Polls::default(),
            catch_ups: Semaphore::new(CATCH_UPS),
            storing: RwLock::default(),
            is_leaving: AtomicBool::new(false),
            has_lost: AtomicBool::new(false),
            tokens_doubted: Notify::new(),
            emptied: AtomicU64::new(0),
            shards,
            receivers: Mutex::new(receivers),
        })
    }

    /// Tells of changes whose transaction was committed.
    pub(crate) fn committed(&self, changes: Vec<Committed>) {
        for committed in changes {
            self.signal(committed.thread, || Signal::Committed(committed));
        }
    }

    /// Tells that somebody types, on every node; whoever is away never hears of it.
    pub(crate) fn typing(&self, typing: &Typing) {
        let payload = serde_json::to_string(typing).expect("plain values always serialize");
        self.store.wakes().publish(TYPING_TOPIC, &payload);
    }

    /// Tells of a reaction, on every node; whoever is away never hears of it.
    pub(crate) fn reaction(&self, reaction: &Reaction) {
        let payload = serde_json::to_string(reaction).expect("plain values always serialize");
        self.store.wakes().publish(REACTION_TOPIC, &payload);
    }

    /// Runs until the end is asked for, then ends every connection and stores what they acknowledged.
    pub(crate) async fn run(self: Arc<Self>, shutdown: Shutdown) {
        let receivers = std::mem::take(&mut *self.receivers.lock().unwrap_or_else(PoisonError::into_inner));
        for signals in receivers {
            self.tasks.spawn("chat-shard", shard::run(Arc::clone(&self), signals, shutdown.clone()));
        }
        self.tasks.spawn("chat-typing", Arc::clone(&self).listen_fleeting(TYPING_TOPIC, shutdown.clone()));
        self.tasks
            .spawn("chat-reactions", Arc::clone(&self).listen_fleeting(REACTION_TOPIC, shutdown.clone()));
        self.tasks.spawn("chat-disconnects", Arc::clone(&self).listen_disconnects(shutdown.clone()));
        self.tasks.spawn("chat-endpoints", Arc::clone(&self).listen_ownership(shutdown.clone()));
        self.tasks.spawn("chat-changes", Arc::clone(&self).listen_changes(shutdown.clone()));
        self.tasks.spawn("chat-lost", Arc::clone(&self).find_lost_changes(shutdown.clone()));
        self.tasks.spawn("chat-tokens", Arc::clone(&self).watch_tokens(shutdown.clone()));
        self.tasks.spawn("chat-positions", Arc::clone(&self).keep_positions(shutdown.clone()));
        self.sweep(&shutdown).await;
        self.end().await;
    }

    /// The time by which connections are waited for. It is that of the machine, as all timers of the runtime are:
    /// where a test's clock stands still, its clients do not.
    pub(crate) fn now(&self) -> Duration {
        self.timers.monotonic()
    }

    /// Hands a signal to the thread's shard, when anybody is connected at all.
    pub(super) fn signal(&self, thread: ThreadNumber, signal: impl FnOnce() -> Signal) {
        if self.connected.count() == 0 {
            return;
        }
        // Numbers are not negative; one that were would only share a shard.
        let index = usize::try_from(thread.0).unwrap_or(0) % SHARDS;
        if self.shards[index].try_send(signal()).is_err() {
            self.has_lost.store(true, Ordering::Release);
        }
    }

    async fn listen_changes(self: Arc<Self>, shutdown: Shutdown) {
        let mut wakes = self.store.wakes().subscribe_deep(CHANGED_TOPIC, WAKES_QUEUE);
        loop {
            let wake = tokio::select! {
                () = shutdown.requested() => return,
                wake = wakes.next() => wake,
            };
            match wake {
                None => return,
                Some(Wake::Missed) => self.has_lost.store(true, Ordering::Release),
                Some(Wake::Payload(payload)) => {
                    if let Some((thread, change)) = read_changed(&payload) {
                        self.signal(thread, || Signal::Heard(thread, change));
                    }
                }
            }
        }
    }

    async fn listen_fleeting(self: Arc<Self>, topic: &'static str, shutdown: Shutdown) {
        let mut wakes = self.store.wakes().subscribe(topic);
        loop {
            let wake = tokio::select! {
                () = shutdown.requested() => return,
                wake = wakes.next() => wake,
            };
            match wake {
                None => return,
                // Lost for good: that is what fleeting means.
                Some(Wake::Missed) => {}
                Some(Wake::Payload(payload)) if topic == TYPING_TOPIC => {
                    if let Ok(typing) = serde_json::from_str::<Typing>(&payload) {
                        self.signal(typing.thread, || Signal::Typing(typing));
                    }
                }
                Some(Wake::Payload(payload)) => {
                    if let Ok(reaction) = serde_json::from_str::<Reaction>(&payload) {
                        self.signal(reaction.thread, || Signal::Reaction(reaction));
                    }
                }
            }
        }
    }

    /// Lets every client read from the store what it may have missed.
    pub(super) fn look_everywhere(self: &Arc<Self>) {
        for endpoint in self.connected.all() {
            self.look_again(&endpoint);
        }
    }

    /// Lets one client read from the store what it may have missed.
    pub(super) fn look_again(self: &Arc<Self>, endpoint: &Arc<Endpoint>) {
        if endpoint.fall_behind() {
            self.tasks.spawn_quiet(Arc::clone(self).catch_up(Arc::clone(endpoint)));
        }
    }
}

/// Reads the payload of a wake-up: thread and change.
fn read_changed(payload: &str) -> Option<(ThreadNumber, i64)> {
    let (thread, change) = payload.split_once(' ')?;
    Some((ThreadNumber(thread.parse().ok()?), change.parse().ok()?))
}

/// The rooms of one shard, by their threads.
pub(super) type Rooms<T> = HashMap<ThreadNumber, T>;
