//! The rooms of a thread, and what they tell their owners.

use std::collections::BTreeMap;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use trunkline_sfu::{Lines, Now, PeerKey, Policy, Room, SourceKey, Sources, Want};

use crate::event::{NamedWant, PeerId, RoomEvent};

/// A room and the names of those in it.
pub(super) struct RoomEntry {
    pub(super) name: String,
    pub(super) room: Room,
    pub(super) outlet: Outlet,
    /// Who has a transport or is a loop.
    pub(super) peers: BTreeMap<PeerId, PeerKey>,
    settings: BTreeMap<PeerId, Settings>,
    order: Vec<PeerId>,
}

/// What was set for a client. It may come before the client does, and outlasts its transports.
#[derive(Debug, Default)]
struct Settings {
    policy: Policy,
    sources: Sources,
    wants: Option<(Vec<NamedWant>, u8)>,
}

impl RoomEntry {
    pub(super) fn new(name: String, room: Room, events: mpsc::Sender<RoomEvent>) -> Self {
        Self {
            name,
            room,
            outlet: Outlet::new(events),
            peers: BTreeMap::new(),
            settings: BTreeMap::new(),
            order: Vec::new(),
        }
    }

    /// Somebody comes; returns whom it replaces.
    pub(super) fn add(&mut self, id: PeerId, key: PeerKey, lines: Lines, now: Now) -> Option<PeerKey> {
        let replaced = self.remove(id, now);
        self.peers.insert(id, key);
        self.room.add_peer(key, id.0, lines, now);
        let settings = self.settings.entry(id).or_default();
        self.room.set_policy(key, settings.policy, now);
        self.room.set_sources(key, settings.sources, now);
        if self.order.contains(&id) {
            self.apply_order(now);
        }
        self.apply_wants(now, |viewer, wants| {
            viewer == id || wants.iter().any(|want| want.source.peer == id)
        });
        replaced
    }

    /// Ends what `id` has in the room; its settings stay.
    pub(super) fn remove(&mut self, id: PeerId, now: Now) -> Option<PeerKey> {
        let key = self.peers.remove(&id)?;
        self.room.remove_peer(key, now);
        Some(key)
    }

    /// Forgets what was set for `id`.
    pub(super) fn forget(&mut self, id: PeerId) {
        self.settings.remove(&id);
    }

    pub(super) fn set_policy(&mut self, id: PeerId, policy: Policy, now: Now) {
        self.settings.entry(id).or_default().policy = policy;
        if let Some(key) = self.peers.get(&id) {
            self.room.set_policy(*key, policy, now);
        }
    }

    pub(super) fn set_sources(&mut self, id: PeerId, sources: Sources, now: Now) {
        self.settings.entry(id).or_default().sources = sources;
        if let Some(key) = self.peers.get(&id) {
            self.room.set_sources(*key, sources, now);
        }
    }

    pub(super) fn set_wants(&mut self, id: PeerId, wants: Vec<NamedWant>, shown_max: u8, now: Now) {
        self.settings.entry(id).or_default().wants = Some((wants, shown_max));
        self.apply_wants(now, |viewer, _| viewer == id);
    }

    pub(super) fn set_order(&mut self, order: Vec<PeerId>, now: Now) {
        self.order = order;
        self.apply_order(now);
    }

    fn apply_order(&mut self, now: Now) {
        let keys: Vec<_> = self.order.iter().filter_map(|id| self.peers.get(id).copied()).collect();
        self.room.set_priority(&keys, now);
    }

    fn apply_wants(&mut self, now: Now, is_meant: impl Fn(PeerId, &[NamedWant]) -> bool) {
        for (id, settings) in &self.settings {
            let (Some(key), Some((wants, shown_max))) = (self.peers.get(id), &settings.wants) else {
                continue;
            };
            if !is_meant(*id, wants) {
                continue;
            }
            let wants: Vec<_> = wants
                .iter()
                .filter_map(|want| {
                    let peer = *self.peers.get(&want.source.peer)?;
                    let source = SourceKey { peer, kind: want.source.kind };
                    Some(Want { source, size: want.size, priority: want.priority })
                })
                .collect();
            self.room.set_wants(*key, &wants, *shown_max, now);
        }
    }
}

/// The way of events to the owner of a room. It never waits: what does not fit is kept, the newest of each kind.
pub(super) struct Outlet {
    sender: mpsc::Sender<RoomEvent>,
    // Invariant: while it holds something, everything goes through it, so that the order of a kind stays.
    kept: BTreeMap<(Option<PeerId>, &'static str), RoomEvent>,
}

impl Outlet {
    fn new(sender: mpsc::Sender<RoomEvent>) -> Self {
        Self { sender, kept: BTreeMap::new() }
    }

    pub(super) fn send(&mut self, event: RoomEvent) {
        if self.kept.is_empty() {
            match self.sender.try_send(event) {
                Err(TrySendError::Full(event)) => self.keep(event),
                // The owner has gone; its handle closes the room.
                Ok(()) | Err(TrySendError::Closed(_)) => {}
            }
        } else {
            self.keep(event);
        }
    }

    /// Sends what was kept, as far as it fits. Whether something is still kept.
    pub(super) fn flush(&mut self) -> bool {
        while let Some((about, event)) = self.kept.pop_first() {
            match self.sender.try_send(event) {
                Err(TrySendError::Full(event)) => {
                    self.kept.insert(about, event);
                    return true;
                }
                Ok(()) | Err(TrySendError::Closed(_)) => {}
            }
        }
        false
    }

    pub(super) fn is_waiting(&self) -> bool {
        !self.kept.is_empty()
    }

    fn keep(&mut self, event: RoomEvent) {
        self.kept.insert(about(&event), event);
    }
}

/// Whom and what an event is about: a newer one makes an older one useless.
fn about(event: &RoomEvent) -> (Option<PeerId>, &'static str) {
    match event {
        RoomEvent::Up { peer, .. }
        | RoomEvent::Lost { peer }
        | RoomEvent::Back { peer }
        | RoomEvent::Failed { peer, .. } => (Some(*peer), "state"),
        RoomEvent::Slots { peer, .. } => (Some(*peer), "slots"),
        RoomEvent::Need { peer, .. } => (Some(*peer), "need"),
        RoomEvent::Layers { peer, .. } => (Some(*peer), "layers"),
        RoomEvent::Quality { peer, .. } => (Some(*peer), "quality"),
        RoomEvent::Speaking { .. } => (None, "speaking"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_that_do_not_fit_wait_and_the_newest_counts() {
        let (sender, mut events) = mpsc::channel(1);
        let mut outlet = Outlet::new(sender);
        let peer = PeerId(1);
        outlet.send(RoomEvent::Lost { peer });
        outlet.send(RoomEvent::Need { peer, audio: 1, video: 1 });
        outlet.send(RoomEvent::Need { peer, audio: 2, video: 2 });
        outlet.send(RoomEvent::Back { peer: PeerId(2) });
        assert!(outlet.flush());

        let mut taken = Vec::new();
        while let Ok(event) = events.try_recv() {
            taken.push(format!("{event:?}"));
            outlet.flush();
        }

        let expected = [
            "Lost { peer: PeerId(1) }",
            "Need { peer: PeerId(1), audio: 2, video: 2 }",
            "Back { peer: PeerId(2) }",
        ];
        assert_eq!(taken, expected);
        assert!(!outlet.is_waiting());
    }

    #[test]
    fn an_owner_that_went_away_is_no_trouble() {
        let (sender, events) = mpsc::channel(1);
        drop(events);
        let mut outlet = Outlet::new(sender);
        outlet.send(RoomEvent::Lost { peer: PeerId(1) });
        assert!(!outlet.is_waiting());
    }
}
