//! What a message of a client asks, and of whom.

use std::sync::Arc;
use std::time::Duration;

use trunkline_calling_wire::client::{Accept, Add, Join, MediaReport, Rejoin, Start};
use trunkline_calling_wire::server::Bye;
use trunkline_calling_wire::{ClientMessage, Offer, ReadError, Reply, Sources, read_head};
use trunkline_kernel::Timestamp;

use super::checks;
use super::opening::hash;
use super::replies::{Replying, refuse_at_once};
use super::session::{Heard, Request, Session, malformed};
use crate::CallingService;
use crate::actor::asks::{Coming, Doing, JoinCall, RejoinCall, StartCall, TakeCall};
use crate::actor::notices::millis;
use crate::error::CallingError;
use crate::reports;
use crate::rules::{LegId, LiveText, P};

/// What came of a frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing more is to be done.
    Done,
    /// Requests wait and nobody works on them: start.
    Start,
}

/// Takes a message after the first one.
///
/// **Errors**: the goodbye when the client broke the protocol.
pub(super) fn hear(session: &Session, text: &str, wall: Timestamp, now: Duration) -> Result<Outcome, Bye> {
    let head = read_head(text).map_err(malformed)?;
    if let Some(a) = head.a
        && !session.acknowledge(a)
    {
        return Err(malformed("What is acknowledged was never said."));
    }
    let Some(n) = head.n else { return hear_unnumbered(session, head.t.as_deref(), text, wall, now) };
    if !session.arrive(n)? {
        return Ok(Outcome::Done);
    }
    let kind = head.t.ok_or_else(|| malformed("A message with a number has a type."))?;
    let refuse = |error: CallingError| {
        if let Some(id) = &head.id {
            refuse_at_once(session, id, error.to_reply());
        }
        Ok(Outcome::Done)
    };
    if !session.take_message(now)? {
        return refuse(CallingError::RateLimited);
    }
    let message = match ClientMessage::read(&kind, text) {
        Ok(ClientMessage::Hello(_) | ClientMessage::Resume(_) | ClientMessage::Ping(_)) => {
            return Err(malformed("This message has no number."));
        }
        Ok(message) => message,
        Err(ReadError::UnknownType) => return refuse(CallingError::UnknownType),
        Err(ReadError::Malformed(why)) => return refuse(CallingError::Malformed(why)),
    };
    if !session.take_rate(&message, now) {
        return refuse(CallingError::RateLimited);
    }
    match session.enqueue(Request { id: head.id, message })? {
        Heard::Done => Ok(Outcome::Done),
        Heard::Start => Ok(Outcome::Start),
    }
}

fn hear_unnumbered(
    session: &Session,
    kind: Option<&str>,
    text: &str,
    wall: Timestamp,
    now: Duration,
) -> Result<Outcome, Bye> {
    let Some(kind) = kind else { return Ok(Outcome::Done) };
    let Ok(ClientMessage::Ping(ping)) = ClientMessage::read(kind, text) else {
        return Err(malformed("A message without a number is a ping or an acknowledgement."));
    };
    // Pings have no number and no reply that is kept: too many are left unanswered, and far too many end the socket.
    if session.take_message(now)? {
        session.say_unnumbered(format!(r#"{{"t":"pong","at":{},"now":{}}}"#, ping.at, millis(wall)));
    }
    Ok(Outcome::Done)
}

/// Does what a session asked for, one after the other, until nothing waits.
pub(super) async fn work(service: Arc<CallingService>, session: Arc<Session>) {
    while let Some(request) = session.next_request() {
        let kind = request.message.name();
        let metrics = service.parts.metrics.clone();
        let surroundings = (Arc::clone(&service.registry), metrics);
        let (replying, given) = Replying::new(Arc::clone(&session), surroundings, kind, request.id);
        perform(&service, &session, request.message, replying).await;
        // Ends when the reply was given; there is nothing in it.
        let _ = given.await;
    }
}

async fn perform(
    service: &Arc<CallingService>,
    session: &Arc<Session>,
    message: ClientMessage,
    replying: Replying,
) {
    if let Err(refusal) = checks::scope(session, &message) {
        return replying.give(Err(refusal));
    }
    let registry = &service.registry;
    match message {
        ClientMessage::Token(token) => {
            let renewed = service.renew_token(session, &token.token).await;
            let refused = |_| CallingError::NotAllowed("the token is not good for this session");
            let reply = |ends| Reply::Token { token_ends: millis(ends) };
            replying.give(renewed.map(reply).map_err(refused));
        }
        ClientMessage::Start(start) => match starting(service, session, start).await {
            // Nobody waits for the call any more.
            Ok(_) if session.is_over() => replying.give(Err(CallingError::Unavailable)),
            Ok(start) => registry.start(session.caller(), start, replying.into_joined()),
            Err(refusal) => replying.give(Err(refusal)),
        },
        ClientMessage::Join(join) => match joining(service, session, join).await {
            Ok(_) if session.is_over() => replying.give(Err(CallingError::Unavailable)),
            Ok(join) => registry.join(session.caller(), join, replying.into_joined()),
            Err(refusal) => replying.give(Err(refusal)),
        },
        ClientMessage::Accept(accept) => match taking(session, accept) {
            Ok(take) => registry.accept(session.caller(), take, replying.into_joined()),
            Err(refusal) => replying.give(Err(refusal)),
        },
        ClientMessage::Rejoin(rejoin) => match rejoining(session, rejoin) {
            Ok(rejoin) => registry.rejoin(session.caller(), rejoin, replying.into_joined()),
            Err(refusal) => replying.give(Err(refusal)),
        },
        ClientMessage::Add(add) => match adding(service, session, add).await {
            Ok((leg, doing)) => registry.ask(session.caller(), &leg, doing, replying.into_answer()),
            Err(refusal) => replying.give(Err(refusal)),
        },
        ClientMessage::Survey(said) => {
            let leg = checks::leg(&said.leg);
            replying.give(match leg {
                Ok(leg) => service.keep_survey(&session.caller(), &leg, &said.survey).await,
                Err(refusal) => Err(refusal),
            });
        }
        ClientMessage::Report(said) => match reporting(&said) {
            Ok((leg, body)) if registry.has_leg(session.identity.resource.id, &leg) => {
                registry.ask(session.caller(), &leg, Doing::Report(body), replying.into_answer());
            }
            Ok((leg, body)) => replying.give(service.keep_late_report(&session.caller(), &leg, body).await),
            Err(refusal) => replying.give(Err(refusal)),
        },
        message => match doing(message, service.parts.settings.participants_max) {
            Ok((leg, doing)) => registry.ask(session.caller(), &leg, doing, replying.into_answer()),
            Err(refusal) => replying.give(Err(refusal)),
        },
    }
}

fn reporting(said: &MediaReport) -> Result<(LegId, String), CallingError> {
    Ok((checks::leg(&said.leg)?, reports::checked(&said.report)?))
}

/// What everybody brings who comes into a call.
struct Brought {
    leg: String,
    name: Option<String>,
    is_muted: bool,
    offer: Option<Offer>,
    sources: Sources,
}

fn coming(session: &Session, brought: Brought) -> Result<Coming, CallingError> {
    Ok(Coming {
        leg: checks::leg(&brought.leg)?,
        name: checks::name(session, brought.name)?,
        is_muted: brought.is_muted,
        offer: brought.offer,
        sources: checks::sources(brought.sources)?,
    })
}

async fn starting(
    service: &CallingService,
    session: &Session,
    start: Start,
) -> Result<StartCall, CallingError> {
    let Start { leg, to, muted, display_name, custom_context, offer, sources } = start;
    let brought = Brought { leg, name: display_name, is_muted: muted, offer, sources };
    let coming = coming(session, brought)?;
    let custom_context = checks::custom_context(custom_context)?;
    let to = service.callees(session, to).await?;
    take_rings(service, session, to.len())?;
    service.guard_spend(session).await?;
    Ok(StartCall { coming, to, custom_context })
}

async fn joining(service: &CallingService, session: &Session, join: Join) -> Result<JoinCall, CallingError> {
    let Join { leg, locator, muted, display_name, offer, sources } = join;
    let brought = Brought { leg, name: display_name, is_muted: muted, offer, sources };
    let coming = coming(session, brought)?;
    let place = service.place(session, locator).await?;
    service.guard_spend(session).await?;
    Ok(JoinCall { coming, place })
}

fn taking(session: &Session, accept: Accept) -> Result<TakeCall, CallingError> {
    let Accept { leg, muted, display_name, offer, sources } = accept;
    let brought = Brought { leg, name: display_name, is_muted: muted, offer, sources };
    Ok(TakeCall { coming: coming(session, brought)? })
}

fn rejoining(session: &Session, rejoin: Rejoin) -> Result<RejoinCall, CallingError> {
    let Rejoin { leg, leg_token, muted, hand, offer, sources } = rejoin;
    let brought = Brought { leg, name: None, is_muted: muted, offer, sources };
    let coming = coming(session, brought)?;
    Ok(RejoinCall { coming, token: hash(&leg_token), is_hand_raised: hand })
}

async fn adding(
    service: &CallingService,
    session: &Session,
    add: Add,
) -> Result<(LegId, Doing), CallingError> {
    let leg = checks::leg(&add.leg)?;
    let to = service.callees(session, add.to).await?;
    take_rings(service, session, to.len())?;
    Ok((leg, Doing::Add { to }))
}

fn take_rings(service: &CallingService, session: &Session, count: usize) -> Result<(), CallingError> {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    if service.hub.take_rings(session, count) { Ok(()) } else { Err(CallingError::RateLimited) }
}

/// What is done in a call, by the message that says so.
fn doing(message: ClientMessage, people_max: usize) -> Result<(LegId, Doing), CallingError> {
    let people = |numbers| checks::participants(numbers, people_max);
    let (leg, doing) = match message {
        ClientMessage::RingSeen(of) => (of.leg, Doing::Seen),
        ClientMessage::Reject(reject) => (reject.leg, Doing::Decline { is_busy: reject.busy }),
        ClientMessage::HangUp(hang_up) => (hang_up.leg, Doing::HangUp { for_everyone: hang_up.for_everyone }),
        ClientMessage::Remove(remove) => (remove.leg, Doing::Remove { p: P(remove.p) }),
        ClientMessage::Mute(mute) => (mute.leg, Doing::Mute { is_muted: mute.muted }),
        ClientMessage::MuteOthers(mute) => (mute.leg, Doing::MuteOthers { p: mute.p.map(P) }),
        ClientMessage::Hold(of) => (of.leg, Doing::Hold { is_held: true }),
        ClientMessage::Unhold(of) => (of.leg, Doing::Hold { is_held: false }),
        ClientMessage::Hand(hand) => {
            let whose = people(hand.p.unwrap_or_default())?;
            (hand.leg, Doing::Hand { whose, is_raised: hand.raised })
        }
        ClientMessage::React(react) => (react.leg, Doing::React { reaction: react.reaction }),
        ClientMessage::Spotlight(spotlight) => {
            let (add, remove) = (people(spotlight.add)?, people(spotlight.remove)?);
            (spotlight.leg, Doing::Spotlight { add, remove, clear: spotlight.clear })
        }
        ClientMessage::Text(said) => {
            let text = LiveText { seq: said.seq, text: checks::text(&said.text)?, is_final: said.is_final };
            (said.leg, Doing::Text { text })
        }
        ClientMessage::Access(access) => {
            let who = people(access.p.unwrap_or_default())?;
            (access.leg, Doing::Access { audio: access.audio, video: access.video, who })
        }
        ClientMessage::Admit(lobby) => {
            (lobby.leg, Doing::Admit { who: waiting(lobby.p, lobby.all, people_max)? })
        }
        ClientMessage::Refuse(lobby) => {
            (lobby.leg, Doing::Refuse { who: waiting(lobby.p, lobby.all, people_max)? })
        }
        ClientMessage::Dtmf(dtmf) => (dtmf.leg, Doing::Dtmf),
        ClientMessage::Offer(offer) => (offer.leg, Doing::Offer(Offer { sdp: offer.sdp, mids: offer.mids })),
        ClientMessage::Sources(sources) => (sources.leg, Doing::Sources(checks::sources(sources.sources)?)),
        ClientMessage::Want(want) => {
            let wants = checks::wants(want.want)?;
            (want.leg, Doing::Want { wants, shown_max: want.max.unwrap_or(u8::MAX) })
        }
        _ => return Err(CallingError::UnknownType),
    };
    Ok((checks::leg(&leg)?, doing))
}

/// Who in the lobby is meant: those named, or all.
fn waiting(named: Vec<u32>, all: bool, people_max: usize) -> Result<Vec<P>, CallingError> {
    if named.is_empty() != all {
        return Err(CallingError::Malformed("'p' names somebody, or 'all' is true".to_owned()));
    }
    checks::participants(named, people_max)
}
