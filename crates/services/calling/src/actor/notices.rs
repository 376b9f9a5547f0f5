//! What legs are told, in the words of the wire.

use std::sync::Arc;

use trunkline_calling_wire::call::{ShownAudio, ShownSources};
use trunkline_calling_wire::server::{LegShown, TextShown};
use trunkline_calling_wire::{
    CallKind, CallState, Forbidden, LegState as LegShows, Participant, Reason as WireReason, ServerMessage,
    body_of,
};
use trunkline_kernel::Timestamp;

use crate::rules::{Call, Kind, Leg, LegState, Notice, P, Reason, To};
use crate::signalling::Hub;

/// Tells legs something: encoded once where all get the same.
pub(crate) fn deliver(hub: &Hub, call: &Call, to: To, notice: &Notice) {
    let audience = call.audience(to);
    let mut shared: Option<Arc<str>> = None;
    for p in audience {
        let Some(leg) = call.leg(p) else { continue };
        let Some(endpoint) = leg.endpoint else { continue };
        let body = match notice {
            Notice::Leg | Notice::Everybody => body_of(&message(call, p, notice)),
            _ => Arc::clone(shared.get_or_insert_with(|| body_of(&message(call, p, notice)))),
        };
        match notice {
            Notice::LegOver { .. } => hub.tell_over(endpoint, &leg.id, body),
            // Who is away a moment must not be flooded with what has passed when it is back.
            Notice::Speaking | Notice::Reaction { .. } => hub.tell_now(endpoint, &leg.id, body),
            Notice::Text { text, .. } if !text.is_final => hub.tell_now(endpoint, &leg.id, body),
            _ => hub.tell(endpoint, &leg.id, body),
        }
    }
}

/// A notice as the leg `to` reads it.
fn message(call: &Call, to: P, notice: &Notice) -> ServerMessage {
    match notice {
        Notice::Leg => leg_shown(call, to),
        Notice::Everybody => everybody_but(call, to),
        Notice::Participant(p) => participants(call, *p),
        Notice::Call => ServerMessage::Call(state(call)),
        Notice::Muted { by } => ServerMessage::Muted { by: by.0 },
        Notice::LegOver { reason, by } => {
            ServerMessage::LegOver { reason: wire_reason(*reason), by: by.map(|by| by.0) }
        }
        Notice::Reaction { p, reaction } => ServerMessage::Reaction { p: p.0, reaction: *reaction },
        Notice::Text { p, text, at } => ServerMessage::Text(TextShown {
            p: p.0,
            seq: text.seq,
            text: text.text.to_string(),
            is_final: text.is_final,
            at: millis(*at),
        }),
        Notice::Speaking => {
            ServerMessage::Speaking { speaking: numbers(call.speaking()), dominant: numbers(call.dominant()) }
        }
    }
}

fn leg_shown(call: &Call, p: P) -> ServerMessage {
    let leg = call.leg(p).expect("only legs of the call are told");
    let shows = call.leg_shows(p);
    let at = matches!(shows, LegShows::Connected).then_some(leg.connected_at).flatten();
    ServerMessage::Leg(LegShown {
        state: shows,
        role: leg.role,
        capabilities: leg.capabilities(),
        at: at.map(millis),
    })
}

fn everybody_but(call: &Call, to: P) -> ServerMessage {
    let others = call.legs().filter(|(p, leg)| *p != to && leg.state != LegState::Over);
    ServerMessage::Participants {
        set: others.map(|(p, leg)| participant(p, leg)).collect(),
        gone: Vec::new(),
    }
}

fn participants(call: &Call, p: P) -> ServerMessage {
    let leg = call.leg(p).expect("only legs of the call are told of");
    let gone = if leg.state == LegState::Over { vec![p.0] } else { Vec::new() };
    ServerMessage::Participants { set: vec![participant(p, leg)], gone }
}

/// A leg as the others see it.
fn participant(p: P, leg: &Leg) -> Participant {
    let mut forbidden = Vec::new();
    if !leg.may_speak {
        forbidden.push(Forbidden::Audio);
    }
    if !leg.may_show {
        forbidden.push(Forbidden::Video);
    }
    Participant {
        p: p.0,
        user: leg.user.to_string(),
        name: leg.name.clone(),
        kind: leg.kind,
        state: leg.shows(),
        role: Some(leg.role),
        muted: leg.is_muted,
        server_muted: leg.is_silenced,
        forbidden,
        hand: leg.hand,
        sources: ShownSources {
            audio: leg.is_media_up.then_some(ShownAudio {}),
            camera: leg.sources.camera,
            screen: leg.sources.screen,
        },
        reason: leg.reason.map(wire_reason),
    }
}

fn state(call: &Call) -> CallState {
    CallState {
        kind: kind(call.kind()),
        count: u32::try_from(call.count()).unwrap_or(u32::MAX),
        spotlight: numbers(call.spotlight()),
        recording: false,
        transcription: false,
        speakers: numbers(call.dominant()),
        thread_id: None,
    }
}

/// The kind of a call on the wire.
pub(crate) const fn kind(kind: &Kind) -> CallKind {
    match kind {
        Kind::OneToOne => CallKind::OneToOne,
        Kind::Group { .. } => CallKind::Group,
        Kind::Room { .. } => CallKind::Room,
        Kind::Echo => CallKind::Echo,
    }
}

fn wire_reason(reason: Reason) -> WireReason {
    WireReason::of(reason.code, reason.sub_code)
}

fn numbers(people: &[P]) -> Vec<u32> {
    people.iter().map(|p| p.0).collect()
}

/// Milliseconds since 1970.
pub(crate) fn millis(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(1_000)
}
