//! Whose devices ring.

use std::sync::Arc;

use trunkline_calling_wire::server::Ring;
use trunkline_calling_wire::{ServerMessage, body_of};
use trunkline_kernel::ResourceId;

use super::hub::Hub;
use super::rates::{Bucket, Rate};
use super::session::Session;
use crate::rules::{EndpointId, LegId, Reason};

/// People one user rings, and how many at once: a conference of hundreds is joined, not rung together.
const RINGS: (u32, Rate) = (350, Rate::per_minute(30));

/// A leg that rings.
pub(super) struct Ringing {
    leg: LegId,
    body: Arc<str>,
    /// Which sessions were told.
    told: Vec<EndpointId>,
}

/// How many devices ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reached {
    /// Sessions that take calls.
    pub(crate) sessions: usize,
    /// Whether the user has sessions at all.
    pub(crate) is_known: bool,
}

impl Hub {
    /// Rings at every session of a user that takes calls, and at those that come until it stops.
    pub(crate) fn ring(&self, resource: ResourceId, user: &Arc<str>, leg: &LegId, ring: Ring) -> Reached {
        let body = body_of(&ServerMessage::Ring(Box::new(ring)));
        let (theirs, is_known) = {
            let mut users = self.users();
            let presence = users.entry((resource, Arc::clone(user))).or_default();
            let theirs: Vec<Arc<Session>> =
                presence.sessions.iter().filter(|session| session.identity.wants_rings).cloned().collect();
            presence.rings.push(Ringing {
                leg: Arc::clone(leg),
                body: Arc::clone(&body),
                told: theirs.iter().map(|session| session.identity.endpoint).collect(),
            });
            (theirs, !presence.sessions.is_empty())
        };
        for session in &theirs {
            session.say(Some(leg), Arc::clone(&body));
        }
        Reached { sessions: theirs.len(), is_known }
    }

    /// Stops ringing, but for the session that took the call, which is told otherwise.
    pub(crate) fn stop_ring(
        &self,
        resource: ResourceId,
        user: &Arc<str>,
        leg: &LegId,
        reason: Reason,
        except: Option<EndpointId>,
    ) {
        let told = {
            let mut users = self.users();
            let Some(presence) = users.get_mut(&(resource, Arc::clone(user))) else { return };
            let Some(index) = presence.rings.iter().position(|ringing| ringing.leg == *leg) else { return };
            let told = presence.rings.swap_remove(index).told;
            if presence.is_idle(self.clock.monotonic()) {
                users.remove(&(resource, Arc::clone(user)));
            }
            told
        };
        let reason = trunkline_calling_wire::Reason::of(reason.code, reason.sub_code);
        let body = body_of(&ServerMessage::RingOver { reason });
        for endpoint in told.into_iter().filter(|endpoint| Some(*endpoint) != except) {
            if let Some(session) = self.find(endpoint) {
                session.say(Some(leg), Arc::clone(&body));
            }
        }
    }

    /// Rings at a session that has just come.
    pub(super) fn ring_at(&self, session: &Session) {
        if !session.identity.wants_rings {
            return;
        }
        let rings: Vec<(LegId, Arc<str>)> = {
            let mut users = self.users();
            let name = (session.identity.resource.id, Arc::clone(&session.identity.user));
            let Some(presence) = users.get_mut(&name) else { return };
            let endpoint = session.identity.endpoint;
            // One that began since the session is known has told it.
            let untold = presence.rings.iter_mut().filter(|ringing| !ringing.told.contains(&endpoint));
            untold
                .map(|ringing| {
                    ringing.told.push(endpoint);
                    (Arc::clone(&ringing.leg), Arc::clone(&ringing.body))
                })
                .collect()
        };
        for (leg, body) in rings {
            session.say(Some(&leg), body);
        }
    }

    /// Whether a user may ring that many people now.
    pub(super) fn take_rings(&self, session: &Session, count: u32) -> bool {
        let now = self.clock.monotonic();
        let mut users = self.users();
        let name = (session.identity.resource.id, Arc::clone(&session.identity.user));
        let presence = users.entry(name).or_default();
        let (burst, rate) = RINGS;
        presence.rung.get_or_insert_with(|| Bucket::new(burst, rate, now)).take(count, now)
    }
}
