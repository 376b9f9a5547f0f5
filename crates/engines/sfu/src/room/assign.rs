//! Which source goes into which slot.
//!
//! Sound: everybody who is heard has a slot while there are enough; beyond that the loudest have them. Pictures: what
//! the receiver wishes, the most important first. A source stays in its slot as long as it has one.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use super::{Room, members::Member, sources::Watcher};
use crate::{Now, PeerKey, Size, SlotKey, SourceKey, SourceKind, Want};

/// Who has not wished anything is shown this many cameras, so that pictures flow before the page has made its tiles.
const DEFAULT_CAMERAS: usize = 4;
const DEFAULT_CAMERA_SIZE: Size = Size { width: 640, height: 360 };
const DEFAULT_SCREEN_SIZE: Size = Size { width: 1280, height: 720 };
/// Lines are asked for in steps of four, because each new offer costs the client a moment.
const LINES_STEP: u8 = 4;

/// Everybody who is heard.
struct Voices {
    /// Those who speak first, the loudest of them first; then those with a microphone.
    order: Vec<PeerKey>,
    heard: BTreeSet<PeerKey>,
}

impl Voices {
    fn new(room: &Room) -> Self {
        let mut voices: Vec<&Member> =
            room.members.iter().filter(|member| member.gives(SourceKind::Audio)).collect();
        let speakers = &room.speakers;
        voices.sort_by(|one, other| {
            let is_held = speakers.is_held(one.key);
            let by_loudness = || speakers.loudness(other.key).total_cmp(&speakers.loudness(one.key));
            let by_microphone = || other.has_audio().cmp(&one.has_audio());
            let by_voice = speakers.is_held(other.key).cmp(&is_held);
            by_voice.then_with(|| if is_held { by_loudness() } else { by_microphone() })
        });
        let order: Vec<PeerKey> = voices.into_iter().map(|member| member.key).collect();
        Self { heard: order.iter().copied().collect(), order }
    }
}

impl Room {
    /// Fills all slots anew.
    pub(super) fn assign(&mut self) {
        let voices = Voices::new(self);
        let ranks = self.ranks();
        let defaults = self.default_wants();
        let keys: Vec<PeerKey> = self.members.keys().collect();
        for key in keys {
            self.assign_audio(key, &voices);
            let wanted = self.assign_video(key, &defaults, &ranks);
            let heard = voices.heard.len() - usize::from(voices.heard.contains(&key));
            self.ask_for_lines(key, heard, wanted);
        }
    }

    /// Fills the slots for sound anew.
    pub(super) fn assign_voices(&mut self) {
        let voices = Voices::new(self);
        let keys: Vec<PeerKey> = self.members.keys().collect();
        for key in keys {
            self.assign_audio(key, &voices);
        }
    }

    /// Spotlight first, then those who led the conversation.
    fn ranks(&self) -> BTreeMap<PeerKey, usize> {
        let mut ranks = BTreeMap::new();
        for (rank, peer) in self.order.iter().chain(self.speakers.leaders()).enumerate() {
            ranks.entry(*peer).or_insert(rank);
        }
        ranks
    }

    fn assign_audio(&mut self, key: PeerKey, voices: &Voices) {
        let Some(member) = self.members.get(key) else { return };
        let mut owners: Vec<Option<PeerKey>> =
            member.audio.iter().map(|slot| slot.source.map(|source| source.peer)).collect();
        let before = owners.clone();
        for owner in &mut owners {
            *owner = owner.filter(|peer| voices.heard.contains(peer));
        }
        for voice in voices.order.iter().filter(|voice| **voice != key) {
            if owners.contains(&Some(*voice)) {
                continue;
            }
            let Some(place) = self.audio_place(&owners, *voice) else { break };
            owners[place] = Some(*voice);
        }
        for (index, (owner, before)) in (0..).zip(owners.into_iter().zip(before)) {
            if owner != before {
                let source = owner.map(|peer| SourceKey { peer, kind: SourceKind::Audio });
                self.put(key, SlotKey { is_video: false, index }, source);
            }
        }
    }

    /// A free slot, or that of somebody who is silent for one who speaks.
    fn audio_place(&self, owners: &[Option<PeerKey>], voice: PeerKey) -> Option<usize> {
        let free = owners.iter().position(Option::is_none);
        if free.is_some() || !self.speakers.is_held(voice) {
            return free;
        }
        let silent = (0..).zip(owners).filter_map(|(place, owner)| {
            let owner = (*owner)?;
            (!self.speakers.is_held(owner)).then_some((place, self.speakers.loudness(owner)))
        });
        silent.min_by(|one, other| one.1.total_cmp(&other.1)).map(|(place, _)| place)
    }

    /// Answers how many there are to be seen.
    fn assign_video(&mut self, key: PeerKey, defaults: &[Want], ranks: &BTreeMap<PeerKey, usize>) -> usize {
        let Some(member) = self.members.get(key) else { return 0 };
        let mut wants = self.wants(member, defaults);
        sort(&mut wants, ranks);
        let mut cameras = usize::from(member.shown_max);
        wants.retain(|want| {
            let is_shown = want.source.kind != SourceKind::Camera || cameras > 0;
            cameras = cameras.saturating_sub(usize::from(want.source.kind == SourceKind::Camera));
            is_shown
        });
        let wanted = wants.len();
        wants.truncate(member.video.len());
        self.free_video(key, &wants);
        for (order, want) in wants.iter().enumerate() {
            self.place_video(key, want, order);
        }
        wanted
    }

    /// What a receiver wishes, of what there is.
    fn wants(&self, receiver: &Member, defaults: &[Want]) -> Vec<Want> {
        let is_other = |want: &Want| want.source.peer != receiver.key;
        if let Some(wants) = &receiver.wants {
            let is_there = |want: &Want| {
                self.members.get(want.source.peer).is_some_and(|sender| sender.gives(want.source.kind))
            };
            return wants.iter().copied().filter(|want| is_other(want) && is_there(want)).collect();
        }
        let (screens, cameras): (Vec<Want>, Vec<Want>) = defaults
            .iter()
            .filter(|want| is_other(want))
            .partition(|want| want.source.kind == SourceKind::Screen);
        screens.into_iter().chain(cameras.into_iter().take(DEFAULT_CAMERAS)).collect()
    }

    /// What is shown to those who have not wished: all screens, and the first cameras, one more in place of one's own.
    fn default_wants(&self) -> Vec<Want> {
        let all = |kind, size| {
            let senders = self.members.iter().filter(move |sender| sender.gives(kind));
            senders.map(move |sender| Want {
                source: SourceKey { peer: sender.key, kind },
                size,
                priority: 0,
            })
        };
        let cameras = all(SourceKind::Camera, DEFAULT_CAMERA_SIZE).take(DEFAULT_CAMERAS + 1);
        all(SourceKind::Screen, DEFAULT_SCREEN_SIZE).chain(cameras).collect()
    }

    /// Empties the slots of what is not wanted any more.
    fn free_video(&mut self, key: PeerKey, wants: &[Want]) {
        let Some(member) = self.members.get(key) else { return };
        let is_wanted = |source: SourceKey| wants.iter().any(|want| want.source == source);
        let unwanted: Vec<u8> = (0..)
            .zip(&member.video)
            .filter(|(_, slot)| slot.source.is_some_and(|source| !is_wanted(source)))
            .map(|(index, _)| index)
            .collect();
        for index in unwanted {
            self.put(key, SlotKey { is_video: true, index }, None);
        }
    }

    fn place_video(&mut self, key: PeerKey, want: &Want, order: usize) {
        let Some(member) = self.members.get(key) else { return };
        let present = member.video.iter().position(|slot| slot.source == Some(want.source));
        let Some(place) = present.or_else(|| video_place(member, want.source)) else { return };
        if present.is_none() {
            let index = u8::try_from(place).expect("there are at most 255 lines of a kind");
            self.put(key, SlotKey { is_video: true, index }, Some(want.source));
        }
        if let Some(slot) = self.members.get_mut(key).and_then(|member| member.video.get_mut(place)) {
            slot.tile = want.size;
            slot.order = order;
        }
    }

    fn ask_for_lines(&mut self, key: PeerKey, heard: usize, wanted: usize) {
        let limits = self.limits;
        let Some(member) = self.members.get_mut(key) else { return };
        let needs = |count: usize, has: u8, most: u8| {
            let count = u8::try_from(count).unwrap_or(u8::MAX).min(most);
            if count <= has { has } else { count.next_multiple_of(LINES_STEP).min(most) }
        };
        let audio = needs(heard, member.lines.audio, limits.audio_lines_max);
        let video = needs(wanted, member.lines.video, limits.video_lines_max);
        if (audio, video) != (member.lines.audio, member.lines.video) {
            self.outputs.extend(member.notices.need_lines(key, audio, video));
        }
    }

    /// Puts a source into a slot, instead of the one that is there.
    pub(super) fn put(&mut self, receiver: PeerKey, slot: SlotKey, source: Option<SourceKey>) {
        let Some(place) = self.members.place(receiver) else { return };
        let Some(member) = self.members.at_mut(place) else { return };
        let index = usize::from(slot.index);
        let before = if slot.is_video {
            let Some(line) = member.video.get_mut(index) else { return };
            line.put(source)
        } else {
            let Some(line) = member.audio.get_mut(index) else { return };
            line.put(source)
        };
        member.notices.slots_changed();
        member.allocate_at = Some(Now::ZERO);
        let watcher = Watcher { place, slot: slot.index };
        if let Some(before) = before
            && let Some(sender) = self.members.get_mut(before.peer)
        {
            sender.source(before.kind).watchers.retain(|other| *other != watcher);
        }
        if let Some(source) = source
            && let Some(sender) = self.members.get_mut(source.peer)
        {
            sender.source(source.kind).watchers.push(watcher);
        }
    }
}

/// The most important first.
fn sort(wants: &mut [Want], ranks: &BTreeMap<PeerKey, usize>) {
    wants.sort_by_key(|want| {
        let area = u32::from(want.size.width) * u32::from(want.size.height);
        let rank = ranks.get(&want.source.peer).copied().unwrap_or(usize::MAX);
        (want.source.kind != SourceKind::Screen, Reverse(want.priority), rank, Reverse(area), want.source)
    });
}

/// A free slot for a picture; a camera's best one has the number of the same person's sound, because slots of one
/// number are one stream to the receiver, who shows both at the same moment.
fn video_place(receiver: &Member, source: SourceKey) -> Option<usize> {
    let sound = SourceKey { kind: SourceKind::Audio, ..source };
    let beside = receiver.audio.iter().position(|slot| slot.source == Some(sound));
    let is_free = |place: &usize| receiver.video.get(*place).is_some_and(|slot| slot.source.is_none());
    beside
        .filter(|_| source.kind == SourceKind::Camera)
        .filter(is_free)
        .or_else(|| (0..receiver.video.len()).find(is_free))
}
