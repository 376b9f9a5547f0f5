//! All sessions of this node.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use trunkline_calling_wire::server::Bye;
use trunkline_kernel::{Clock, ResourceId};

use super::addresses::Addresses;
use super::rates::Bucket;
use super::rings::Ringing;
use super::session::Session;
use super::{RESTARTING, TOO_MANY, UNKNOWN_SESSION};
use crate::metrics::Metrics;
use crate::rules::{EndpointId, LegId};

/// What is known of a user on this node.
#[derive(Default)]
pub(super) struct Presence {
    pub(super) sessions: Vec<Arc<Session>>,
    pub(super) rings: Vec<Ringing>,
    /// How many the user may still ring.
    pub(super) rung: Option<Bucket>,
}

impl Presence {
    /// Whether there is nothing to be remembered, such as how many the user rang lately.
    pub(super) fn is_idle(&mut self, now: Duration) -> bool {
        self.sessions.is_empty()
            && self.rings.is_empty()
            && self.rung.as_mut().is_none_or(|rung| rung.is_full(now))
    }
}

/// A user of a resource.
pub(super) type UserName = (ResourceId, Arc<str>);

#[derive(Default)]
struct Sessions {
    by_endpoint: HashMap<EndpointId, Arc<Session>>,
    by_id: HashMap<Arc<str>, EndpointId>,
}

/// Every session of this node.
pub(crate) struct Hub {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Metrics,
    /// Told when tokens are to be checked.
    pub(super) tokens_doubted: Notify,
    endpoints: AtomicU64,
    is_leaving: AtomicBool,
    // Guards both maps: they name the same sessions. No other lock is taken inside.
    sessions: Mutex<Sessions>,
    // Guards who is there and who rings. A session's own lock may be taken inside, never the other way round.
    users: Mutex<HashMap<UserName, Presence>>,
    addresses: Addresses,
}

/// Why a session is not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HubRefusal {
    /// The node has as many as it may have.
    Full,
    /// The user has as many as one may have.
    UserFull,
}

impl Hub {
    pub(crate) fn new(clock: Arc<dyn Clock>, metrics: Metrics) -> Arc<Self> {
        Arc::new(Self {
            clock,
            metrics,
            tokens_doubted: Notify::new(),
            endpoints: AtomicU64::new(1),
            is_leaving: AtomicBool::new(false),
            sessions: Mutex::default(),
            users: Mutex::default(),
            addresses: Addresses::default(),
        })
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn users(&self) -> MutexGuard<'_, HashMap<UserName, Presence>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An id that no session of this process had.
    pub(super) fn next_endpoint(&self) -> EndpointId {
        EndpointId(self.endpoints.fetch_add(1, Ordering::Relaxed))
    }

    /// The session.
    pub(crate) fn find(&self, endpoint: EndpointId) -> Option<Arc<Session>> {
        self.sessions().by_endpoint.get(&endpoint).cloned()
    }

    /// The session that the client knows by this id.
    pub(super) fn find_by_id(&self, id: &str) -> Option<Arc<Session>> {
        let sessions = self.sessions();
        sessions.by_endpoint.get(sessions.by_id.get(id)?).cloned()
    }

    /// Every session.
    pub(super) fn all(&self) -> Vec<Arc<Session>> {
        self.sessions().by_endpoint.values().cloned().collect()
    }

    /// Sessions of a resource, and of one user when one is named.
    pub(super) fn of(&self, resource: ResourceId, user: Option<&str>) -> Vec<Arc<Session>> {
        let is_theirs = |session: &&Arc<Session>| {
            session.identity.resource.id == resource
                && user.is_none_or(|user| *user == *session.identity.user)
        };
        self.sessions().by_endpoint.values().filter(is_theirs).cloned().collect()
    }

    /// Takes a session in. A user with too many loses one that has no socket, if there is one.
    ///
    /// Gives the session that has to go for it.
    pub(super) fn add(
        &self,
        session: &Arc<Session>,
        most: usize,
        most_of_user: usize,
    ) -> Result<Option<Arc<Session>>, HubRefusal> {
        if self.sessions().by_endpoint.len() >= most {
            return Err(HubRefusal::Full);
        }
        let name = (session.identity.resource.id, Arc::clone(&session.identity.user));
        let displaced = {
            let mut users = self.users();
            let presence = users.entry(name).or_default();
            let displaced = if presence.sessions.len() < most_of_user {
                None
            } else {
                let is_away = |session: &Arc<Session>| !session.has_socket();
                let away = presence.sessions.iter().position(is_away).ok_or(HubRefusal::UserFull)?;
                Some(presence.sessions.remove(away))
            };
            presence.sessions.push(Arc::clone(session));
            displaced
        };
        let mut sessions = self.sessions();
        sessions.by_id.insert(Arc::clone(&session.identity.id), session.identity.endpoint);
        sessions.by_endpoint.insert(session.identity.endpoint, Arc::clone(session));
        self.metrics.sessions.inc();
        Ok(displaced)
    }

    /// Forgets a session; false when it was not there.
    pub(super) fn remove(&self, session: &Session) -> bool {
        {
            let mut users = self.users();
            let name = (session.identity.resource.id, Arc::clone(&session.identity.user));
            if let Some(presence) = users.get_mut(&name) {
                presence.sessions.retain(|one| one.identity.endpoint != session.identity.endpoint);
                if presence.is_idle(self.clock.monotonic()) {
                    users.remove(&name);
                }
            }
        }
        let mut sessions = self.sessions();
        sessions.by_id.remove(&session.identity.id);
        let was_there = sessions.by_endpoint.remove(&session.identity.endpoint).is_some();
        if was_there {
            self.metrics.sessions.dec();
        }
        was_there
    }

    /// Tells a leg's client something. `body` is JSON without its opening brace.
    pub(crate) fn tell(&self, endpoint: EndpointId, leg: &LegId, body: Arc<str>) {
        if let Some(session) = self.find(endpoint) {
            session.say(Some(leg), body);
        }
    }

    /// Tells a leg's client something that is of no use later.
    pub(crate) fn tell_now(&self, endpoint: EndpointId, leg: &LegId, body: Arc<str>) {
        if let Some(session) = self.find(endpoint) {
            session.say_now(leg, body);
        }
    }

    /// Another node has the resource: its clients are to say hello again, and nobody rings here.
    pub(crate) fn let_go(&self, resource: ResourceId) {
        for (_, presence) in self.users().iter_mut().filter(|((owner, _), _)| *owner == resource) {
            presence.rings.clear();
        }
        for session in self.of(resource, None) {
            session.end(unknown_session("The calls of the resource are on another node now."));
            self.remove(&session);
        }
    }

    /// Tells a leg's client that the leg is over.
    pub(crate) fn tell_over(&self, endpoint: EndpointId, leg: &LegId, body: Arc<str>) {
        if let Some(session) = self.find(endpoint) {
            session.say(Some(leg), body);
            session.remove_leg(leg);
        }
    }

    /// Whether an address may open another socket.
    pub(crate) fn take_socket(&self, address: Option<IpAddr>) -> bool {
        self.addresses.take_socket(address, self.clock.monotonic())
    }

    /// Whether an address may present a secret.
    pub(super) fn may_guess(&self, address: Option<IpAddr>) -> bool {
        self.addresses.may_guess(address, self.clock.monotonic())
    }

    /// An address presented a wrong secret.
    pub(super) fn guessed_wrong(&self, address: Option<IpAddr>) {
        self.addresses.guessed_wrong(address, self.clock.monotonic());
    }

    /// Forgets users of whom nothing is known any more.
    pub(super) fn forget_idle_users(&self) {
        let now = self.clock.monotonic();
        self.users().retain(|_, presence| !presence.is_idle(now));
    }

    /// Whether the node takes no new sessions.
    pub(crate) fn is_leaving(&self) -> bool {
        self.is_leaving.load(Ordering::Acquire)
    }

    /// Asks every client to come back later; no new ones are taken.
    pub(super) fn leave(&self) {
        self.is_leaving.store(true, Ordering::Release);
        for session in self.all() {
            session.close_socket(restarting());
        }
    }

    /// Waits until no socket is open, at most `patience`.
    pub(super) async fn until_no_sockets(&self, patience: Duration) {
        // Sockets close within a few milliseconds each; nobody else waits for them.
        const LOOK_EVERY: Duration = Duration::from_millis(20);
        let wait = async {
            while self.metrics.sockets.get() > 0 {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let _ = tokio::time::timeout(patience, wait).await;
    }
}

/// The goodbye of a node that ends.
pub(super) fn restarting() -> Bye {
    Bye { code: RESTARTING, reason: "The server restarts.".to_owned(), retry: true, retry_after_ms: None }
}

/// The goodbye to a client whose session is not known, or not any more.
pub(super) fn unknown_session(reason: &str) -> Bye {
    Bye { code: UNKNOWN_SESSION, reason: reason.to_owned(), retry: true, retry_after_ms: None }
}

impl From<HubRefusal> for Bye {
    fn from(refusal: HubRefusal) -> Self {
        let reason = match refusal {
            HubRefusal::Full => "This server has as many clients as it may have.",
            HubRefusal::UserFull => "The user has as many clients as one may have.",
        };
        Self { code: TOO_MANY, reason: reason.to_owned(), retry: true, retry_after_ms: Some(5_000) }
    }
}
