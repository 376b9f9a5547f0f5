//! What is due: sockets that are silent, sessions that are lost, tokens that end. And the end of a node.

use std::sync::Arc;
use std::time::Duration;

use trunkline_calling_wire::server::Bye;
use trunkline_kernel::ResourceId;
use trunkline_tasks::Shutdown;

use super::hub::unknown_session;
use super::session::{Absence, Session};
use super::tokens::unauthorized;
use crate::CallingService;
use crate::rules::Reason;

/// How often every session is looked at: 20,000 take about a millisecond.
const LOOK_EVERY: Duration = Duration::from_millis(500);

impl CallingService {
    /// Looks at every session now and then, until the end is asked for.
    pub(crate) async fn sweep_sessions(self: Arc<Self>, shutdown: Shutdown) {
        loop {
            tokio::select! {
                () = shutdown.requested() => return,
                () = tokio::time::sleep(LOOK_EVERY) => self.look_at_sessions(),
            }
        }
    }

    /// Looks at every session.
    pub(crate) fn look_at_sessions(&self) {
        let (now, wall) = (self.parts.clock.monotonic(), self.parts.clock.now());
        for session in self.hub.all() {
            match session.look(now, self.parts.settings.rejoin) {
                Absence::Nothing => {}
                Absence::Lost => {
                    self.registry.endpoint_lost(session.identity.endpoint);
                    // It came back between the look and the word of it, and said so too early.
                    if session.has_socket() {
                        self.registry.endpoint_back(session.identity.endpoint);
                    }
                }
                Absence::Expired => {
                    let bye = unknown_session("The session had no socket for too long.");
                    self.end_session(&session, bye, Some(Reason::MEDIA_LOST));
                }
            }
            self.forget_lost_session(&session);
            self.look_at_token(&session, wall);
        }
        self.hub.forget_idle_users();
    }

    /// Ends a session. Its legs end with `reason`; without one they have been told.
    pub(super) fn end_session(&self, session: &Session, bye: Bye, reason: Option<Reason>) {
        // Out of the hub first: whoever finds it ended takes it for lost, and its legs would wait for it.
        let was_there = self.hub.remove(session);
        session.end(bye);
        if was_there && let Some(reason) = reason {
            self.registry.endpoint_gone(session.identity.endpoint, reason);
        }
    }

    /// Forgets a session that ended from within, being too far behind. Its legs are away, and another session may come
    /// back into them.
    pub(super) fn forget_lost_session(&self, session: &Session) {
        if session.is_over() && self.hub.remove(session) {
            self.registry.endpoint_lost(session.identity.endpoint);
        }
    }

    /// Asks every client to come back later and waits until they went, at most `patience`. New ones are refused from now
    /// on. For the time between the end of the listeners and the end of the node.
    pub async fn move_clients(&self, patience: Duration) {
        self.hub.leave();
        self.hub.until_no_sockets(patience).await;
    }

    /// Ends those sessions of a user on this node whose tokens are no longer good: some were revoked.
    pub async fn check_user(&self, resource: ResourceId, raw_id: &str) {
        self.check_tokens_of(&self.hub.of(resource, Some(raw_id))).await;
    }

    /// Has the tokens of all sessions on this node checked now: a key or a resource changed, or word of a revocation may
    /// have been lost.
    pub fn check_tokens(&self) {
        self.hub.tokens_doubted.notify_one();
    }

    /// Ends sessions and calls of a user on this node: the user is gone.
    pub fn end_user(&self, resource: ResourceId, raw_id: &str) {
        self.registry.end_user(resource, raw_id);
        for session in self.hub.of(resource, Some(raw_id)) {
            self.end_session(&session, unauthorized("The user was deleted."), None);
        }
    }

    /// Ends every session and call of a resource on this node.
    pub async fn end_resource(&self, resource: ResourceId) {
        self.registry.end_resource(resource).await;
        for session in self.hub.of(resource, None) {
            self.end_session(&session, unauthorized("The resource was deleted."), None);
        }
    }
}
