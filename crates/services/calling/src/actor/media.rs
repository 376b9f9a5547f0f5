//! A call's room on a media thread.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use trunkline_calling_wire::{
    Answer, NamedLines, Offer, ServerMessage, Size, SlotPhase, SlotShown, SourceName, Want, body_of,
};
use trunkline_media::{
    MediaHandle, NamedMids, NamedSlot, NamedSource, NamedWant, PeerId, RoomEvent, RoomHandle, SourceKind,
};

use crate::error::CallingError;
use crate::rules::{P, Policy, Sources};

/// The names of the camera's layers on the wire, by the bits of [`RoomEvent::Layers`].
const LAYERS: [(u8, &str); 3] = [(1, "q"), (2, "h"), (4, "f")];

/// The room of one call.
pub(crate) struct CallMedia {
    room: RoomHandle,
    events: mpsc::Receiver<RoomEvent>,
}

impl CallMedia {
    /// Opens a room; `name` stands in the logs.
    pub(crate) fn open(media: &MediaHandle, name: &str) -> Self {
        let (room, events) = media.open_room(name);
        Self { room, events }
    }

    /// Sets up media for a leg, or new media in the place of what it has.
    ///
    /// **Errors**: [`CallingError::BadMedia`], [`CallingError::MediaUnavailable`].
    pub(crate) async fn join(&self, p: P, offer: Offer) -> Result<Answer, CallingError> {
        answer(self.room.join(peer(p), to_media(offer)).await)
    }

    /// Takes another offer for the media that a leg has.
    ///
    /// **Errors**: as [`CallMedia::join`].
    pub(crate) async fn renew(&self, p: P, offer: Offer) -> Result<Answer, CallingError> {
        answer(self.room.renew(peer(p), to_media(offer)).await)
    }

    /// Ends a leg's media.
    pub(crate) fn leave(&self, p: P) {
        self.room.leave(peer(p));
    }

    /// Says what is let through.
    pub(crate) fn set_policy(&self, p: P, policy: Policy) {
        let Policy { is_heard, is_seen, may_share, hears, sees } = policy;
        let policy = trunkline_media::Policy { is_heard, is_seen, may_share, hears, sees };
        self.room.set_policy(peer(p), policy);
    }

    /// Says what a leg sends.
    pub(crate) fn set_sources(&self, p: P, sources: Sources) {
        let sources = trunkline_media::Sources {
            audio: true,
            camera: sources.camera.map(size),
            screen: sources.screen.map(size),
        };
        self.room.set_sources(peer(p), sources);
    }

    /// Says what a leg wishes to see.
    pub(crate) fn set_wants(&self, p: P, wants: Vec<Want>, shown_max: u8) {
        let want = |want: Want| NamedWant {
            source: NamedSource { peer: PeerId(want.p), kind: kind_of(want.source) },
            size: size(want.size),
            priority: want.priority,
        };
        self.room.set_wants(peer(p), wants.into_iter().map(want).collect(), shown_max);
    }

    /// Says who matters most.
    pub(crate) fn set_order(&self, order: &[P]) {
        self.room.set_order(order.iter().map(|p| peer(*p)).collect());
    }

    /// Brings in a participant that says again what it hears.
    pub(crate) fn join_loop(&self, p: P, delay: Duration) {
        self.room.join_loop(peer(p), delay);
    }

    /// The next event; `None` when the room is gone.
    pub(crate) async fn next(&mut self) -> Option<RoomEvent> {
        self.events.recv().await
    }
}

/// What one leg alone is told of media: whose it is, and the body. `None` for what concerns the call.
pub(crate) fn frame(event: &RoomEvent) -> Option<(P, Arc<str>)> {
    let (peer, message) = match event {
        RoomEvent::Slots { peer, slots } => {
            (peer, ServerMessage::Slots { slots: slots.iter().map(slot_shown).collect() })
        }
        RoomEvent::Need { peer, audio, video } => {
            (peer, ServerMessage::Need { audio: *audio, video: *video })
        }
        RoomEvent::Layers { peer, camera, screen } => {
            let wanted = LAYERS.iter().filter(|(bit, _)| camera & bit != 0);
            let camera = wanted.map(|(_, name)| (*name).to_owned()).collect();
            (peer, ServerMessage::Layers { camera, screen: *screen })
        }
        RoomEvent::Up { .. }
        | RoomEvent::Lost { .. }
        | RoomEvent::Back { .. }
        | RoomEvent::Failed { .. }
        | RoomEvent::Speaking { .. }
        | RoomEvent::Quality { .. } => return None,
    };
    Some((P(peer.0), body_of(&message)))
}

fn slot_shown(slot: &NamedSlot) -> SlotShown {
    let Some(source) = slot.source else {
        return SlotShown { mid: slot.mid.clone(), p: None, source: None, state: None };
    };
    let state = match slot.phase {
        trunkline_media::SlotPhase::Live => SlotPhase::Live,
        trunkline_media::SlotPhase::Paused => SlotPhase::Paused,
        trunkline_media::SlotPhase::Waiting => SlotPhase::Waiting,
    };
    SlotShown {
        mid: slot.mid.clone(),
        p: Some(source.peer.0),
        source: Some(name_of(source.kind)),
        state: Some(state),
    }
}

fn answer(
    answered: Result<trunkline_media::Answer, trunkline_media::MediaError>,
) -> Result<Answer, CallingError> {
    let trunkline_media::Answer { sdp, epoch } = answered?;
    Ok(Answer { sdp, epoch })
}

fn to_media(offer: Offer) -> trunkline_media::Offer {
    let NamedLines { mic, camera, screen } = offer.mids.unwrap_or_default();
    trunkline_media::Offer { sdp: offer.sdp, mids: NamedMids { mic, camera, screen } }
}

const fn peer(p: P) -> PeerId {
    PeerId(p.0)
}

const fn size(size: Size) -> trunkline_media::Size {
    trunkline_media::Size { width: size.width, height: size.height }
}

const fn kind_of(source: SourceName) -> SourceKind {
    match source {
        SourceName::Audio => SourceKind::Audio,
        SourceName::Camera => SourceKind::Camera,
        SourceName::Screen => SourceKind::Screen,
    }
}

const fn name_of(kind: SourceKind) -> SourceName {
    match kind {
        SourceKind::Audio => SourceName::Audio,
        SourceKind::Camera => SourceName::Camera,
        SourceKind::Screen => SourceName::Screen,
    }
}
