//! Who serves an endpoint: joining, taking over from an older connection here or on another node, leaving.
//!
//! ```text
//! new connection                     old connection
//!   retire / "want" wake-up  ───────►  sends nothing more, takes acknowledgements for 5 s
//!                                      stores its positions
//!   ◄──────────────  settled / "free"  gives up its claim
//!   takes the claim (connection + 1)
//!   reads what was missed, goes live
//! ```
//!
//! A client counts as connected, and is greeted, once its row is there: a new one starts after what was committed when
//! its row was, one that was here before where it stopped.
//!
//! Positions carry the number of their connection, so whoever was taken over without knowing changes nothing.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use trunkline_kernel::Timestamp;
use trunkline_store::{Key, StoreError, Wake};
use trunkline_tasks::Shutdown;

use super::endpoint::{Claim, Closing, Endpoint, Identity, NEWS_AGE, Transport};
use super::hub::Hub;
use crate::rows::PersonNumber;
use crate::rows::endpoints::{self, EndpointRow};
use crate::rows::positions::{PositionRow, start_positions, store_positions};

/// Told between nodes: `"want {person} {endpoint} {connection}"`, `"free {endpoint}"`.
const ENDPOINTS_TOPIC: &str = "chat.endpoints";
/// How long an old connection may still acknowledge: the client answers within 5 s or never.
const SETTLE_WITHIN: Duration = Duration::from_secs(5);
/// How long another node has for that, and for storing the positions. A node that is dead does not answer.
const RELEASE_WITHIN: Duration = Duration::from_secs(6);
/// How often the row is looked at meanwhile: wake-ups can be lost.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// After the store failed.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// After this time the store's queue has room again: it holds less than a second's work.
const BUSY_FOR: Duration = Duration::from_millis(100);

/// What came of asking for an endpoint.
enum Asked {
    /// It is new, and hears what happens from now on.
    New(EndpointRow),
    /// It is ours; what happened since its positions was missed.
    Taken(EndpointRow),
    /// Another node has it.
    Held(EndpointRow),
}

/// How an endpoint was claimed.
enum Claimed {
    /// For the first time.
    New,
    /// It was connected before.
    Again,
}

impl Hub {
    /// Takes in a client. What it gets starts once its last connection has given up.
    pub(crate) fn join(
        self: &Arc<Self>,
        identity: Identity,
        transport: Transport,
        greeting: &'static [&'static str],
    ) -> Arc<Endpoint> {
        let endpoint = Arc::new(Endpoint::new(identity, transport, greeting, self.now()));
        let replaced = self.connected.insert(&endpoint, self.settings.connections_per_user as usize);
        self.metrics.connected(transport, 1);
        for other in replaced.crowded {
            other.close(Closing::Crowded);
        }
        let start = Arc::clone(self).start(Arc::clone(&endpoint), replaced.same);
        self.tasks.spawn_quiet(start);
        endpoint
    }

    async fn start(self: Arc<Self>, endpoint: Arc<Endpoint>, replaced: Vec<Arc<Endpoint>>) {
        // Revoked between the handshake and now.
        self.check_tokens(std::slice::from_ref(&endpoint)).await;
        if !replaced.is_empty() {
            endpoint.greet();
        }
        for old in &replaced {
            old.retire(self.now());
        }
        for old in &replaced {
            self.wait_settled(old).await;
            self.give_up(old, false).await;
        }
        let claimed = self.claim(&endpoint).await;
        endpoint.set_started();
        match claimed {
            Some(Claimed::New) => {}
            Some(Claimed::Again) => {
                self.metrics.resumed.inc();
            }
            None => return,
        }
        self.catch_up(endpoint).await;
    }

    /// Takes the claim of an endpoint, and greets it. `None` when it is over before that.
    async fn claim(&self, endpoint: &Arc<Endpoint>) -> Option<Claimed> {
        let mut held_since = None;
        let mut wakes = self.store.wakes().subscribe(ENDPOINTS_TOPIC);
        loop {
            if endpoint.is_ending() {
                return None;
            }
            let now = self.now();
            let is_overdue = held_since.is_some_and(|since| now.saturating_sub(since) >= RELEASE_WITHIN);
            let row = match self.ask(endpoint, self.clock.now(), is_overdue).await {
                Ok(Asked::New(row)) => {
                    self.take(endpoint, &row);
                    endpoint.greet();
                    return Some(Claimed::New);
                }
                Ok(Asked::Taken(row)) => {
                    self.take(endpoint, &row);
                    endpoint.greet();
                    return Some(Claimed::Again);
                }
                Ok(Asked::Held(row)) => {
                    // Where it goes on is known, although the other node still has to store it.
                    endpoint.greet();
                    row
                }
                Err(cause) => {
                    tracing::warn!(%cause, "an endpoint cannot be taken over yet");
                    tokio::time::sleep(RETRY_AFTER).await;
                    continue;
                }
            };
            held_since.get_or_insert(now);
            let EndpointRow { number, connection, .. } = row;
            let want = format!("want {} {number} {connection}", endpoint.identity.person.0);
            self.store.wakes().publish(ENDPOINTS_TOPIC, &want);
            let free = format!("free {number}");
            let is_free = async {
                while let Some(wake) = wakes.next().await {
                    if wake == Wake::Missed || wake == Wake::Payload(free.as_str().into()) {
                        return;
                    }
                }
            };
            // Whether it came or not, the row tells.
            let _ = tokio::time::timeout(LOOK_INTERVAL, is_free).await;
        }
    }

    async fn ask(
        &self,
        endpoint: &Arc<Endpoint>,
        now: Timestamp,
        is_overdue: bool,
    ) -> Result<Asked, StoreError> {
        let (person, epid) = (endpoint.identity.person, Arc::clone(&endpoint.identity.epid));
        let node = self.node.clone();
        let key = Key::new(endpoint.identity.resource, format!("endpoint/{}/{epid}", person.0));
        let asked = self.store.write(key, move |tx| {
            let Some(mut row) = endpoints::find_endpoint(tx, person, &epid)? else {
                let row = endpoints::insert_endpoint(tx, person, &epid, &node, now)?;
                start_positions(tx, person, row.number, now.minus(NEWS_AGE))?;
                return Ok::<_, StoreError>(Asked::New(row));
            };
            // Those that this node served gave up before this was asked, or ended with an earlier process.
            if !row.is_released && row.node != node && !is_overdue {
                return Ok(Asked::Held(row));
            }
            row.connection = endpoints::take_over(tx, row.number, &node, now)?.unwrap_or(row.connection);
            Ok(Asked::Taken(row))
        });
        asked.await
    }

    fn take(&self, endpoint: &Arc<Endpoint>, row: &EndpointRow) {
        let claim = Claim { endpoint: row.number, connection: row.connection };
        endpoint.set_claim(claim, row.created_at);
        if row.connection > 1 {
            // Whoever was asked to give up and did not answer stops at the latest now.
            let last = row.connection - 1;
            let want = format!("want {} {} {last}", endpoint.identity.person.0, row.number);
            self.store.wakes().publish(ENDPOINTS_TOPIC, &want);
        }
    }

    /// Waits until a retired connection has acknowledged what it got, or will not any more.
    async fn wait_settled(&self, endpoint: &Endpoint) {
        let settled = async {
            while !endpoint.is_settled() {
                let _ = tokio::time::timeout(LOOK_INTERVAL, endpoint.progressed.notified()).await;
            }
        };
        let _ = tokio::time::timeout(SETTLE_WITHIN, settled).await;
    }

    /// Stores the last positions of a connection and takes its claim away. With `is_released` the endpoint is free.
    async fn give_up(&self, endpoint: &Arc<Endpoint>, is_released: bool) {
        let (claim, moved) = {
            // What all connections acknowledged is stored first; from here on that leaves this one out.
            let _storing = self.storing.read().await;
            let Some(claim) = endpoint.take_claim() else { return };
            (claim, endpoint.take_moved())
        };
        let positions: Vec<_> = moved
            .into_iter()
            .map(|moved| PositionRow {
                endpoint: claim.endpoint,
                connection: claim.connection,
                thread: moved.thread,
                change: moved.change,
            })
            .collect();
        if positions.is_empty() && !is_released {
            return;
        }
        let (person, now) = (endpoint.identity.person, self.clock.now());
        let key =
            Key::new(endpoint.identity.resource, format!("endpoint/{}/{}", person.0, endpoint.identity.epid));
        let positions = Arc::new(positions);
        let store_once = || {
            let positions = Arc::clone(&positions);
            self.store.write(key.clone(), move |tx| {
                store_positions(tx, &positions)?;
                if is_released {
                    endpoints::release(tx, claim.endpoint, claim.connection, now)?;
                    endpoints::person_seen(tx, person, now)?;
                    tx.wake(ENDPOINTS_TOPIC, &format!("free {}", claim.endpoint))?;
                }
                Ok::<_, StoreError>(())
            })
        };
        let mut stored = store_once().await;
        // When a proxy goes, all clients behind it leave at once, more than the store's queue takes.
        while matches!(stored, Err(StoreError::Busy)) {
            tokio::time::sleep(BUSY_FOR).await;
            stored = store_once().await;
        }
        if let Err(cause) = stored {
            // What it acknowledged since the last time comes once more.
            tracing::warn!(%cause, "the last positions of a client were not stored");
        }
    }

    /// Lets a connection go that is over. Nothing happens the second time.
    pub(crate) async fn leave(&self, endpoint: &Arc<Endpoint>) {
        endpoint.close(Closing::Gone);
        if !self.connected.remove(endpoint) {
            return;
        }
        self.metrics.connected(endpoint.transport, -1);
        if self.connected.count() == 0 {
            self.emptied.fetch_add(1, Ordering::AcqRel);
        }
        self.give_up(endpoint, true).await;
    }

    /// Listens to other nodes that want endpoints.
    pub(super) async fn listen_ownership(self: Arc<Self>, shutdown: Shutdown) {
        let mut wakes = self.store.wakes().subscribe(ENDPOINTS_TOPIC);
        loop {
            let wake = tokio::select! {
                () = shutdown.requested() => return,
                wake = wakes.next() => wake,
            };
            let payload = match wake {
                None => return,
                // Whoever wants one asks again every second.
                Some(Wake::Missed) => continue,
                Some(Wake::Payload(payload)) => payload,
            };
            if let Some((person, claim)) = read_wanted(&payload) {
                for endpoint in self.connected.of(person) {
                    self.yield_to_other(&endpoint, claim);
                }
            }
        }
    }

    /// Gives an endpoint up that another connection wants: one whose number is not above the claim's.
    pub(super) fn yield_to_other(self: &Arc<Self>, endpoint: &Arc<Endpoint>, wanted: Claim) {
        let is_wanted =
            |claim: Claim| claim.endpoint == wanted.endpoint && claim.connection <= wanted.connection;
        if !endpoint.claim().is_some_and(is_wanted) {
            return;
        }
        endpoint.retire(self.now());
        let (hub, endpoint) = (Arc::clone(self), Arc::clone(endpoint));
        self.tasks.spawn_quiet(async move {
            hub.wait_settled(&endpoint).await;
            hub.give_up(&endpoint, true).await;
        });
    }
}

fn read_wanted(payload: &str) -> Option<(PersonNumber, Claim)> {
    let mut numbers = payload.strip_prefix("want ")?.split(' ').map(str::parse::<i64>);
    let mut next = || numbers.next()?.ok();
    let person = PersonNumber(next()?);
    Some((person, Claim { endpoint: next()?, connection: next()? }))
}
