//! Replies of requests, each exactly one.

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::oneshot;
use trunkline_calling_wire::server::ErrorReply;
use trunkline_calling_wire::{Joined, Reply, ServerMessage, body_of};

use super::session::Session;
use crate::actor::asks::Answer;
use crate::error::CallingError;
use crate::metrics::Metrics;
use crate::registry::Registry;
use crate::rules::LegId;

#[derive(Serialize)]
struct Replied<'a> {
    re: &'a str,
    #[serde(flatten)]
    message: &'a ServerMessage,
}

/// A reply that is still to be given. Dropped, it says that the server could not do it.
pub(super) struct Replying {
    session: Arc<Session>,
    registry: Arc<Registry>,
    metrics: Metrics,
    /// The type of the request.
    kind: &'static str,
    /// The request's id; `None` for a message without a reply.
    id: Option<String>,
    is_given: bool,
    // Dropped when the reply is given: the next request may be done.
    _turn: oneshot::Sender<()>,
}

impl Replying {
    /// The reply of a request, and what ends when it is given.
    pub(super) fn new(
        session: Arc<Session>,
        (registry, metrics): (Arc<Registry>, Metrics),
        kind: &'static str,
        id: Option<String>,
    ) -> (Self, oneshot::Receiver<()>) {
        let (turn, given) = oneshot::channel();
        (Self { session, registry, metrics, kind, id, is_given: false, _turn: turn }, given)
    }

    /// Gives it.
    pub(super) fn give(mut self, result: Result<Reply, CallingError>) {
        self.say(result);
    }

    /// As what takes the answer of a call.
    pub(super) fn into_answer(self) -> Answer<Reply> {
        Box::new(move |result| self.give(result))
    }

    /// As what takes the answer when a leg comes in: the leg is the session's from then on.
    pub(super) fn into_joined(self) -> Answer<Joined> {
        Box::new(move |result| {
            if let Ok(joined) = &result {
                let (leg, identity) = (LegId::from(joined.leg.as_str()), &self.session.identity);
                self.session.add_leg(Arc::clone(&leg));
                // It ended while this was on its way, and found nothing to end.
                if self.session.is_over() {
                    self.registry.endpoint_gone_from(identity.resource.id, &leg, identity.endpoint);
                }
            }
            self.give(result.map(|joined| Reply::Joined(Box::new(joined))));
        })
    }

    fn say(&mut self, result: Result<Reply, CallingError>) {
        self.is_given = true;
        let refusal = result.as_ref().err().map(CallingError::to_reply);
        self.metrics.request(self.kind, refusal.as_ref().map_or("ok", |_| "refused"));
        let Some(id) = &self.id else { return };
        let message = match (result, refusal) {
            (Ok(reply), _) => ServerMessage::Ok(reply),
            (Err(_), Some(refusal)) => ServerMessage::Error(refusal),
            (Err(_), None) => unreachable!("every refusal has a reply"),
        };
        self.session.reply(body_of(&Replied { re: id, message: &message }));
    }
}

impl Drop for Replying {
    fn drop(&mut self) {
        if !self.is_given {
            self.say(Err(CallingError::Unavailable));
        }
    }
}

/// The refusal of a request that is not even looked at.
pub(super) fn refuse_at_once(session: &Session, id: &str, refusal: ErrorReply) {
    let message = ServerMessage::Error(refusal);
    session.say(None, body_of(&Replied { re: id, message: &message }));
}
