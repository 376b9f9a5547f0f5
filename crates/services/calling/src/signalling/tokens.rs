//! Tokens that end: by themselves, or before their time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use trunkline_calling_wire::server::Bye;
use trunkline_calling_wire::{ServerMessage, body_of};
use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_tasks::Shutdown;
use trunkline_web::{Principal, ResourceView};

use super::session::Session;
use super::{FORBIDDEN, UNAUTHORIZED};
use crate::CallingService;
use crate::settings::OnTokenEnd;
use trunkline_web::ports::HeldToken;

/// The scope that places calls.
const STARTS: &str = "voip";
/// The scope that only joins and takes them.
const JOINS: &str = "voip.join";
/// How long before its end a client is asked for another token.
const ASK_BEFORE: Duration = Duration::from_mins(1);
/// How often all tokens are checked: a lost wake-up costs this much. 10,000 are 20 short reads.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// How soon they are checked again after somebody asked: what is cached elsewhere may still have been the old.
const CHECK_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Tokens checked in one read.
const TOKENS_AT_ONCE: usize = 500;

/// A token, and until when it is good.
#[derive(Clone, Debug)]
pub(super) struct HeldUntil {
    pub(super) token: HeldToken,
    pub(super) expires: Timestamp,
    /// Whether it may place calls.
    pub(super) may_start: bool,
    /// Whether another one was asked for.
    is_asked_for: bool,
    /// Whether it has ended and the calls go on.
    pub(super) is_over: bool,
}

impl HeldUntil {
    /// What a verified caller holds.
    ///
    /// **Errors**: the goodbye for whoever is no user, or may not call at all.
    pub(super) fn of(principal: &Principal) -> Result<Self, Bye> {
        let Principal::User { raw_id, scopes, expires, generation, access_key } = principal else {
            return Err(unauthorized("Only a user's access token opens a session."));
        };
        let has = |scope: &str| scopes.iter().any(|held| held == scope);
        if !has(STARTS) && !has(JOINS) {
            return Err(Bye {
                code: FORBIDDEN,
                reason: "The token needs the scope voip or voip.join.".to_owned(),
                retry: false,
                retry_after_ms: None,
            });
        }
        let token =
            HeldToken { raw_id: Arc::clone(raw_id), generation: *generation, access_key: access_key.clone() };
        Ok(Self { token, expires: *expires, may_start: has(STARTS), is_asked_for: false, is_over: false })
    }
}

/// The goodbye to a client without a good token.
pub(super) fn unauthorized(reason: &str) -> Bye {
    Bye { code: UNAUTHORIZED, reason: reason.to_owned(), retry: false, retry_after_ms: None }
}

impl CallingService {
    /// Verifies a token for a resource.
    ///
    /// **Errors**: the goodbye when it is not good.
    pub(super) async fn verify(&self, token: &str, resource: &Arc<ResourceView>) -> Result<HeldUntil, Bye> {
        let verified = self.parts.tokens.verify(token, Some(resource)).await;
        match verified {
            Ok(Some(principal)) => HeldUntil::of(&principal),
            Ok(None) => Err(unauthorized("The token was not issued by this server.")),
            Err(refused) if refused.status.is_server_error() => Err(Bye {
                code: super::RESTARTING,
                reason: "The token cannot be checked now.".to_owned(),
                retry: true,
                retry_after_ms: Some(1_000),
            }),
            Err(refused) => Err(unauthorized(&refused.message)),
        }
    }

    /// Puts another token in the place of a session's; when it ends.
    ///
    /// **Errors**: the goodbye when it is not good, or another user's.
    pub(super) async fn renew_token(&self, session: &Session, token: &str) -> Result<Timestamp, Bye> {
        let held = self.verify(token, &session.identity.resource).await?;
        if held.token.raw_id != session.identity.user {
            return Err(unauthorized("The token is of another user."));
        }
        let expires = held.expires;
        session.with_token(|token| *token = held);
        Ok(expires)
    }

    /// Looks whether the token of a session ends.
    pub(super) fn look_at_token(&self, session: &Arc<Session>, now: Timestamp) {
        enum Due {
            Nothing,
            Ask,
            End,
        }
        let due = session.with_token(|token| {
            if token.is_over {
                Due::Nothing
            } else if token.expires <= now {
                Due::End
            } else if token.expires.since(now) <= ASK_BEFORE && !token.is_asked_for {
                token.is_asked_for = true;
                Due::Ask
            } else {
                Due::Nothing
            }
        });
        match due {
            Due::Nothing => {}
            Due::Ask => session.say(None, body_of(&ServerMessage::TokenNeeded {})),
            Due::End => self.end_token(session, "The token has ended."),
        }
    }

    /// The token of a session is no longer good.
    pub(super) fn end_token(&self, session: &Arc<Session>, why: &str) {
        if self.parts.settings.on_token_end == OnTokenEnd::Keep {
            session.with_token(|token| token.is_over = true);
            return;
        }
        self.registry.token_ended(session.identity.endpoint);
        self.end_session(session, unauthorized(why), None);
    }

    /// Ends those of the sessions whose tokens are no longer good. What cannot be found out now is asked again soon.
    pub(super) async fn check_tokens_of(&self, sessions: &[Arc<Session>]) {
        let mut by_resource: HashMap<ResourceId, Vec<&Arc<Session>>> = HashMap::new();
        for session in sessions.iter().filter(|session| !session.is_over()) {
            by_resource.entry(session.identity.resource.id).or_default().push(session);
        }
        for (resource, sessions) in by_resource {
            for some in sessions.chunks(TOKENS_AT_ONCE) {
                let token = |session: &&Arc<Session>| session.with_token(|held| held.token.clone());
                let tokens: Vec<HeldToken> = some.iter().map(token).collect();
                match self.parts.users.still_good(resource, tokens.clone()).await {
                    Ok(are_good) => {
                        for ((session, token), is_good) in some.iter().zip(tokens).zip(are_good) {
                            // It may have been replaced meanwhile.
                            if !is_good && session.with_token(|held| held.token == token && !held.is_over) {
                                self.end_token(session, "The token was revoked.");
                            }
                        }
                    }
                    Err(cause) => tracing::warn!(?cause, "tokens of connected clients cannot be checked now"),
                }
            }
        }
    }

    /// Checks all tokens, every few seconds and when somebody asks, until the end is asked for.
    pub(crate) async fn watch_tokens(self: Arc<Self>, shutdown: Shutdown) {
        let mut pause = CHECK_INTERVAL;
        loop {
            pause = tokio::select! {
                () = shutdown.requested() => return,
                () = self.hub.tokens_doubted.notified() => CHECK_AGAIN_AFTER,
                () = tokio::time::sleep(pause) => CHECK_INTERVAL,
            };
            self.check_tokens_of(&self.hub.all()).await;
        }
    }
}
