//! The real outside of a call: its room on a media thread, and the sessions of this node.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use trunkline_calling_wire::server::{Ring, RingFrom};
use trunkline_calling_wire::{Answer, Offer, SourceName, Want};
use trunkline_kernel::Timestamp;
use trunkline_media::{MediaHandle, RoomEvent};

use super::media::{self, CallMedia};
use super::outside::{Heard, Outside};
use super::records::record_of;
use super::{CallFacts, notices};
use crate::echo;
use crate::error::CallingError;
use crate::rules::{Call, EndpointId, Input, Notice, P, Policy, Reason, Sources, To};
use crate::signalling::{Hub, Reached};

/// What a room must be told of a leg again when it is made anew.
#[derive(Clone, Copy, Debug, Default)]
struct Settled {
    policy: Policy,
    sources: Sources,
    is_loop: bool,
}

/// The room and the sessions of one call.
pub(crate) struct Live {
    hub: Arc<Hub>,
    media: MediaHandle,
    /// Stands in the logs of media.
    name: Arc<str>,
    /// Made when the first leg needs it, and anew when its thread was lost.
    room: Option<CallMedia>,
    settled: BTreeMap<P, Settled>,
    /// Legs whose transport is there.
    connected: BTreeSet<P>,
    /// Legs that have left, and of whose connection the record has not come.
    awaited: BTreeSet<P>,
}

/// What media tells of a call.
pub(crate) enum LiveEvent {
    /// Something in its room.
    Room(RoomEvent),
    /// The room is gone, and the media of every leg with it.
    RoomGone,
}

impl Live {
    pub(crate) fn new(hub: Arc<Hub>, media: MediaHandle, name: &Arc<str>) -> Self {
        Self {
            hub,
            media,
            name: Arc::clone(name),
            room: None,
            settled: BTreeMap::new(),
            connected: BTreeSet::new(),
            awaited: BTreeSet::new(),
        }
    }

    fn room(&mut self) -> &CallMedia {
        let (media, name, settled) = (&self.media, &self.name, &self.settled);
        self.room.get_or_insert_with(|| {
            let room = CallMedia::open(media, name);
            for (p, leg) in settled {
                room.set_policy(*p, leg.policy);
                room.set_sources(*p, leg.sources);
                if leg.is_loop {
                    room.join_loop(*p, echo::DELAY);
                }
            }
            room
        })
    }
}

impl Outside for Live {
    type Event = LiveEvent;

    async fn join(&mut self, p: P, offer: Offer) -> Result<Answer, CallingError> {
        let answer = self.room().join(p, offer).await?;
        self.connected.insert(p);
        Ok(answer)
    }

    async fn renew(&mut self, p: P, offer: Offer) -> Result<Answer, CallingError> {
        if self.connected.contains(&p) {
            self.room().renew(p, offer).await
        } else {
            self.join(p, offer).await
        }
    }

    fn leave(&mut self, p: P) {
        self.settled.remove(&p);
        if self.connected.remove(&p) {
            self.awaited.insert(p);
        }
        if let Some(room) = &self.room {
            room.leave(p);
        }
    }

    fn policy(&mut self, p: P, policy: Policy) {
        self.settled.entry(p).or_default().policy = policy;
        if let Some(room) = &self.room {
            room.set_policy(p, policy);
        }
    }

    fn sources(&mut self, p: P, sources: Sources) {
        self.settled.entry(p).or_default().sources = sources;
        if let Some(room) = &self.room {
            room.set_sources(p, sources);
        }
    }

    fn wants(&mut self, p: P, wants: Vec<Want>, shown_max: u8) {
        self.room().set_wants(p, wants, shown_max);
    }

    fn order(&mut self, order: &[P]) {
        if let Some(room) = &self.room {
            room.set_order(order);
        }
    }

    fn open_loop(&mut self, p: P) {
        self.settled.entry(p).or_default().is_loop = true;
        self.room().join_loop(p, echo::DELAY);
    }

    async fn next(&mut self) -> LiveEvent {
        let Some(room) = &mut self.room else { return std::future::pending().await };
        room.next().await.map_or(LiveEvent::RoomGone, LiveEvent::Room)
    }

    fn hear(&mut self, _: &CallFacts, call: &Call, event: LiveEvent) -> Vec<Heard> {
        let LiveEvent::Room(event) = event else {
            self.room = None;
            self.awaited.clear();
            let lost = std::mem::take(&mut self.connected);
            return lost.into_iter().map(|p| Heard::Input(Input::MediaLost { p })).collect();
        };
        if let Some((p, body)) = media::frame(&event) {
            let leg = call.leg(p).filter(|leg| leg.state.is_active());
            if let Some((leg, endpoint)) = leg.and_then(|leg| Some((leg, leg.endpoint?))) {
                self.hub.tell(endpoint, &leg.id, body);
            }
            return Vec::new();
        }
        let people = |peers: Vec<trunkline_media::PeerId>| peers.into_iter().map(|peer| P(peer.0)).collect();
        let input = match event {
            RoomEvent::Up { peer, .. } => Input::MediaUp { p: P(peer.0) },
            RoomEvent::Back { peer } => Input::MediaBack { p: P(peer.0) },
            RoomEvent::Lost { peer } => Input::MediaLost { p: P(peer.0) },
            RoomEvent::Failed { peer, why } => {
                tracing::info!(call.id = %self.name, p = peer.0, why, "the media of a leg failed");
                self.connected.remove(&P(peer.0));
                Input::MediaFailed { p: P(peer.0) }
            }
            RoomEvent::Speaking { speaking, dominant } => {
                Input::Speaking { speaking: people(speaking), dominant: people(dominant) }
            }
            RoomEvent::Quality { peer, report } => {
                self.awaited.remove(&P(peer.0));
                return vec![Heard::Record(P(peer.0), Box::new(record_of(&report)))];
            }
            _ => return Vec::new(),
        };
        vec![Heard::Input(input)]
    }

    fn awaits_records(&self) -> bool {
        !self.awaited.is_empty()
    }

    fn ring(&mut self, facts: &CallFacts, call: &Call, p: P, until: Timestamp) -> Reached {
        let Some(leg) = call.leg(p) else { return Reached { sessions: 0, is_known: false } };
        let caller = leg.invited_by.and_then(|by| call.leg(by));
        let mut sources = vec![SourceName::Audio];
        if caller.is_some_and(|caller| caller.sources.camera.is_some()) {
            sources.push(SourceName::Camera);
        }
        let ring = Ring {
            call: facts.id.to_string(),
            from: RingFrom {
                user: caller.map_or_else(String::new, |caller| caller.user.to_string()),
                name: caller.map_or_else(String::new, |caller| caller.name.clone()),
            },
            kind: notices::kind(call.kind()),
            until: notices::millis(until),
            custom_context: facts.custom_context.clone(),
            sources,
        };
        self.hub.ring(facts.resource.id, &leg.user, &leg.id, ring)
    }

    fn stop_ring(
        &mut self,
        facts: &CallFacts,
        call: &Call,
        p: P,
        reason: Reason,
        except: Option<EndpointId>,
    ) {
        if let Some(leg) = call.leg(p) {
            self.hub.stop_ring(facts.resource.id, &leg.user, &leg.id, reason, except);
        }
    }

    fn tell(&mut self, _: &CallFacts, call: &Call, to: To, notice: &Notice) {
        notices::deliver(&self.hub, call, to, notice);
    }
}
