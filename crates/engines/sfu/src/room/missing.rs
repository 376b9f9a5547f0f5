//! Key frames in place of packets that do not come.

use super::{Room, RoomOutput, gaps::patience};
use crate::{Layer, Now, PeerKey, SourceKey, SourceKind};

impl Room {
    /// How long the way to a sender and back takes: within it packets come again that were lost.
    pub fn handle_round_trip(&mut self, peer: PeerKey, round_trip: Now) {
        if let Some(member) = self.members.get_mut(peer) {
            member.round_trip = Some(round_trip);
        }
    }

    /// Asks for key frames of layers of which packets have been missing for too long. Answers when to look again.
    pub(super) fn ask_for_missing(&mut self, now: Now) -> Option<Now> {
        let (overdue, due): (Vec<_>, Vec<_>) = self.missing().partition(|(at, ..)| *at <= now);
        let due = due.into_iter().map(|(at, ..)| at).min();
        let again = overdue.into_iter().filter_map(|(_, source, layer)| self.ask_for(source, layer, now));
        again.chain(due).min()
    }

    /// The layers of which something is missing, and when that has been so for too long.
    fn missing(&self) -> impl Iterator<Item = (Now, SourceKey, Layer)> {
        self.members.iter().flat_map(|member| {
            let patience = patience(member.round_trip);
            let video = [SourceKind::Camera, SourceKind::Screen].into_iter();
            let layers = video.flat_map(|kind| Layer::ALL.map(|layer| (kind, layer)));
            layers.filter_map(move |(kind, layer)| {
                let since = member.sources[kind as usize].layers[layer as usize].gaps.since()?;
                Some((since + patience, SourceKey { peer: member.key, kind }, layer))
            })
        })
    }

    /// Answers when it may be asked again, while something is missing.
    fn ask_for(&mut self, source: SourceKey, layer: Layer, now: Now) -> Option<Now> {
        let is_seen = self.is_seen(source, layer);
        let sender = self.members.get_mut(source.peer)?.source(source.kind);
        if !is_seen {
            // Who comes later begins with a key frame.
            sender.layers[layer as usize].gaps.forget();
            return None;
        }
        if sender.ask(layer, true, now) {
            sender.layers[layer as usize].gaps.asked();
            self.outputs.push_back(RoomOutput::RequestKeyframe { source, layer });
        }
        sender.next_ask(layer, true)
    }

    /// Whether a layer goes out to anybody.
    fn is_seen(&self, source: SourceKey, layer: Layer) -> bool {
        let Some(sender) = self.members.get(source.peer) else { return false };
        sender.sources[source.kind as usize].watchers.iter().any(|watcher| {
            let receiver = self.members.at(watcher.place);
            let slot = receiver.and_then(|receiver| receiver.video.get(usize::from(watcher.slot)));
            slot.is_some_and(|slot| slot.current == Some(layer))
        })
    }
}
