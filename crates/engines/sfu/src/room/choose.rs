//! Which layers go out: what comes, what the receiver can take, and for which key frames to ask.

use super::{
    Room, RoomOutput,
    allocate::{self, View, allocate},
    members::Member,
    sources::bits,
};
use crate::{Layer, Now, PeerKey, Size, SourceKey, SourceKind};

/// How often the division is looked at while all wishes are met: senders may begin to send more.
const WATCH: Now = Now::from_secs(1);
const VIDEO: [SourceKind; 2] = [SourceKind::Camera, SourceKind::Screen];
const ALL: [SourceKind; 3] = [SourceKind::Audio, SourceKind::Camera, SourceKind::Screen];

/// A picture in a slot of a receiver.
#[derive(Clone, Copy, Debug)]
struct Shown {
    slot: usize,
    source: SourceKey,
    tile: Size,
}

impl Room {
    /// Looks which layers come; those who see them have their bandwidth divided anew when it changed.
    pub(super) fn look(&mut self, now: Now) {
        let mut places = Vec::new();
        self.is_anything_coming = false;
        for member in self.members.iter_mut() {
            for kind in ALL {
                let source = member.source(kind);
                if source.look(kind, now) {
                    places.extend(source.watchers.iter().map(|watcher| watcher.place));
                }
                self.is_anything_coming |= !source.alive().is_none();
            }
        }
        for place in places {
            if let Some(member) = self.members.at_mut(place) {
                member.allocate_at = Some(now);
                member.notices.slots_changed();
            }
        }
    }

    /// Divides the bandwidth of everybody for whom it is time.
    pub(super) fn divide(&mut self, now: Now) {
        let is_due = |member: &&Member| member.allocate_at.is_some_and(|at| at <= now);
        let due: Vec<PeerKey> = self.members.iter().filter(is_due).map(|member| member.key).collect();
        for key in due {
            self.divide_for(key, now);
        }
    }

    fn divide_for(&mut self, key: PeerKey, now: Now) {
        let shown = self.shown(key);
        let mut views: Vec<View> = shown.iter().map(|picture| self.view(key, picture, now)).collect();
        let audio_bps = self.audio_bps(key, now);
        let video_bps = self.video_bps(key, &shown, now);
        let Some(member) = self.members.get_mut(key) else { return };
        let budget = member.bandwidth.budget(video_bps, audio_bps, now);
        for (picture, view) in shown.iter().zip(&mut views) {
            let ladder = &mut member.video[picture.slot].ladder;
            ladder.wish(view.wish);
            view.may_raise = ladder.may_raise(budget.raise_bps, now);
        }
        let allocation = allocate(&views, budget, audio_bps);
        let pictures = shown.iter().zip(&views).zip(&allocation.targets);
        for ((picture, view), target) in pictures {
            let slot = &mut member.video[picture.slot];
            slot.is_new = false;
            if *target != view.target {
                slot.ladder.changed(view.target, *target, budget.raise_bps, now);
                slot.target = *target;
                member.notices.slots_changed();
                if *target > view.target {
                    member.bandwidth.raised(now);
                }
            }
        }
        let is_unmet = allocation.minimum_bps > 0 || member.bandwidth.is_troubled();
        let pause = if is_unmet { allocate::RETRY } else { WATCH };
        member.allocate_at = (!views.is_empty()).then(|| now + pause);
        let news = (allocation.minimum_bps, allocation.desired_bps);
        self.outputs.extend(member.notices.bitrate(key, news.0, news.1, allocate::is_news));
    }

    /// What a receiver sees, the most important first.
    fn shown(&self, key: PeerKey) -> Vec<Shown> {
        let Some(member) = self.members.get(key).filter(|member| member.policy.sees) else {
            return Vec::new();
        };
        let mut slots: Vec<_> = member.video.iter().enumerate().collect();
        slots.sort_by_key(|(_, slot)| slot.order);
        let shown = slots.into_iter().filter_map(|(slot, line)| {
            let source = line.source.filter(|source| self.is_watchable(member, *source))?;
            Some(Shown { slot, source, tile: line.tile })
        });
        shown.collect()
    }

    /// Whether a receiver can decode what somebody sends.
    pub(super) fn is_watchable(&self, receiver: &Member, source: SourceKey) -> bool {
        let codec =
            self.members.get(source.peer).and_then(|sender| sender.sources[source.kind as usize].codec);
        receiver.can_decode(codec)
    }

    fn view(&mut self, key: PeerKey, picture: &Shown, now: Now) -> View {
        let SourceKey { peer, kind } = picture.source;
        let (wish, costs) = match self.members.get_mut(peer) {
            Some(sender) => {
                let declared = sender.declared_size(kind);
                let source = sender.source(kind);
                (source.wish(picture.tile, declared), source.costs(kind, declared, now))
            }
            None => (Layer::Low, [0; 3]),
        };
        let slot = self.members.get(key).map(|member| &member.video[picture.slot]);
        let slot = slot.expect("the receiver was there when its pictures were listed");
        View { wish, costs, target: slot.target, is_new: slot.is_new, may_raise: false }
    }

    /// What the sound of a receiver takes.
    fn audio_bps(&mut self, key: PeerKey, now: Now) -> u64 {
        let Some(member) = self.members.get(key).filter(|member| member.policy.hears) else { return 0 };
        let heard: Vec<SourceKey> = member.audio.iter().filter_map(|slot| slot.source).collect();
        let rate = |source: SourceKey| {
            self.members.get_mut(source.peer).map_or(0, |sender| sender.source(source.kind).peak_bps(now))
        };
        heard.into_iter().map(rate).sum()
    }

    /// What the pictures of a receiver take at this moment.
    fn video_bps(&mut self, key: PeerKey, shown: &[Shown], now: Now) -> u64 {
        let rate = |picture: &Shown| {
            let layer = self.members.get(key)?.video[picture.slot].current?;
            let sender = self.members.get_mut(picture.source.peer)?;
            Some(sender.source(picture.source.kind).present_bps(layer, now))
        };
        shown.iter().filter_map(rate).sum()
    }

    /// Decides what goes into each slot next, and asks for the key frames that are awaited. Answers when to ask again.
    pub(super) fn choose(&mut self, now: Now) -> Option<Now> {
        let mut again: Option<Now> = None;
        for place in 0..self.members.places() {
            let slots = self.members.at(place).map_or(0, |member| member.video.len());
            for slot in 0..slots {
                if let Some(next) = self.choose_for(place, slot, now) {
                    again = Some(again.map_or(next, |again| again.min(next)));
                }
            }
        }
        for member in self.members.iter_mut() {
            for kind in VIDEO {
                member.source(kind).forget_recent();
            }
        }
        again
    }

    /// Answers when to ask again for the key frame that is awaited.
    fn choose_for(&mut self, place: usize, slot: usize, now: Now) -> Option<Now> {
        let source = self.members.at(place)?.video.get(slot)?.source?;
        let from = self.members.place(source.peer)?;
        let sender = &self.members.at(from)?.sources[source.kind as usize];
        let (alive, codec) = (sender.alive(), sender.codec);
        let member = self.members.at_mut(place)?;
        let is_hidden = !member.policy.sees || !member.can_decode(codec);
        let line = member.video.get_mut(slot)?;
        if is_hidden {
            line.hide();
        }
        let before = line.phase();
        line.choose(alive);
        let (phase, next) = (line.phase(), line.next);
        if phase != before {
            member.notices.slots_changed();
        }
        let sender = self.members.at_mut(from)?.source(source.kind);
        let next = next?;
        if alive.is_none() {
            sender.await_any();
            return None;
        }
        sender.layers[next as usize].await_keyframe();
        if sender.ask(next, true, now) {
            self.outputs.push_back(RoomOutput::RequestKeyframe { source, layer: next });
        }
        sender.next_ask(next, true)
    }

    /// Tells senders which of their layers somebody wants. Answers whether layers are still asked for that nobody wants
    /// any more.
    pub(super) fn tell_layers(&mut self, now: Now) -> bool {
        let mut is_owed = false;
        for place in 0..self.members.places() {
            let [camera, screen] = VIDEO.map(|kind| self.wanted(place, kind));
            let Some(member) = self.members.at_mut(place) else { continue };
            let asked = [(SourceKind::Camera, camera), (SourceKind::Screen, screen)]
                .map(|(kind, wanted)| member.source(kind).want(wanted, now));
            is_owed |= asked != [camera, screen];
            if VIDEO.iter().any(|kind| member.gives(*kind)) {
                self.outputs.extend(member.notices.layers(member.key, asked[0], asked[1] != 0));
            }
        }
        is_owed
    }

    /// The bits of the layers that somebody wants of a source.
    fn wanted(&mut self, place: usize, kind: SourceKind) -> u8 {
        let Some(sender) = self.members.at_mut(place) else { return 0 };
        let declared = sender.declared_size(kind);
        let source = sender.source(kind);
        let possible = source.possible(declared);
        let is_silent = source.alive().is_none();
        let watchers = std::mem::take(&mut source.watchers);
        let wanted = watchers.iter().fold(0, |wanted, watcher| {
            let receiver = self.members.at_mut(watcher.place);
            let slot = receiver.and_then(|receiver| receiver.video.get(usize::from(watcher.slot)));
            match slot {
                // While nothing comes, whatever comes first will do.
                Some(slot) if slot.target.is_some() && is_silent => wanted | possible,
                Some(slot) => wanted | bits([slot.target, slot.current, slot.next].into_iter().flatten()),
                None => wanted,
            }
        });
        if let Some(sender) = self.members.at_mut(place) {
            sender.source(kind).watchers = watchers;
        }
        wanted
    }
}
