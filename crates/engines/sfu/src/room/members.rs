//! The people of a room, in places that do not move while packets pass.

use std::collections::BTreeMap;

use super::{
    bandwidth::Bandwidth,
    data::DataState,
    notices::Notices,
    seed::Seed,
    slots::{AudioSlot, VideoSlot},
    sources::Source,
};
use crate::{
    Codec, Lines, Now, PeerKey, Policy, Size, SlotKey, SlotPhase, SlotState, SourceKey, SourceKind, Sources,
    Want,
};

/// One client.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) key: PeerKey,
    /// Its number in the call.
    pub(super) participant: u32,
    pub(super) lines: Lines,
    pub(super) policy: Policy,
    /// What it says it sends; `None` until it has said so: then it sends what comes.
    pub(super) declared: Option<Sources>,
    pub(super) sources: [Source; 3],
    /// Between it and us, once measured.
    pub(super) round_trip: Option<Now>,
    /// What it wishes to see; `None` until it has wished.
    pub(super) wants: Option<Vec<Want>>,
    /// Cameras shown at one time.
    pub(super) shown_max: u8,
    pub(super) audio: Vec<AudioSlot>,
    pub(super) video: Vec<VideoSlot>,
    pub(super) bandwidth: Bandwidth,
    /// When its bandwidth is divided again; `None`: when something changes.
    pub(super) allocate_at: Option<Now>,
    pub(super) data: DataState,
    pub(super) notices: Notices,
}

impl Member {
    pub(super) fn new(key: PeerKey, participant: u32, lines: Lines, seed: &mut Seed) -> Self {
        let mut member = Self {
            key,
            participant,
            lines: Lines::default(),
            policy: Policy::default(),
            declared: None,
            sources: Default::default(),
            round_trip: None,
            wants: None,
            shown_max: u8::MAX,
            audio: Vec::new(),
            video: Vec::new(),
            bandwidth: Bandwidth::default(),
            allocate_at: None,
            data: DataState::default(),
            notices: Notices::default(),
        };
        member.set_lines(lines, seed);
        member
    }

    /// Adds slots for new lines. Slots stay, because their streams go on.
    pub(super) fn set_lines(&mut self, lines: Lines, seed: &mut Seed) {
        self.lines = lines;
        while self.audio.len() < usize::from(lines.audio) {
            self.audio.push(AudioSlot::new(seed));
        }
        while self.video.len() < usize::from(lines.video) {
            self.video.push(VideoSlot::new(seed));
        }
    }

    pub(super) fn source(&mut self, kind: SourceKind) -> &mut Source {
        &mut self.sources[kind as usize]
    }

    /// The size it says a picture has.
    pub(super) fn declared_size(&self, kind: SourceKind) -> Option<Size> {
        let declared = self.declared?;
        match kind {
            SourceKind::Audio => None,
            SourceKind::Camera => declared.camera,
            SourceKind::Screen => declared.screen,
        }
    }

    /// Whether others can be given what it sends as `kind`.
    pub(super) fn gives(&self, kind: SourceKind) -> bool {
        let has_come = self.sources[kind as usize].codec.is_some();
        let is_there = match (kind, self.declared) {
            (SourceKind::Audio, _) => true,
            (_, None) => has_come,
            (SourceKind::Camera, Some(declared)) => declared.camera.is_some(),
            (SourceKind::Screen, Some(declared)) => declared.screen.is_some(),
        };
        is_there && self.policy.gives(kind)
    }

    /// Whether it is known to have a microphone.
    pub(super) fn has_audio(&self) -> bool {
        self.sources[SourceKind::Audio as usize].codec.is_some()
            || self.declared.is_some_and(|declared| declared.audio)
    }

    /// Whether it is able to decode what comes; before the first packet that is not known.
    pub(super) fn can_decode(&self, codec: Option<Codec>) -> bool {
        codec.is_none_or(|codec| self.lines.receives.has(codec))
    }

    /// Its receiving lines, audio first.
    pub(super) fn slots(&self, is_watchable: impl Fn(SourceKey) -> bool) -> Vec<SlotState> {
        let audio = self.audio.iter().map(|slot| {
            let is_silent = slot.source.is_some() && !self.policy.hears;
            (slot.source, if is_silent { SlotPhase::Paused } else { SlotPhase::Live })
        });
        let video = self.video.iter().map(|slot| {
            let is_hidden = slot.source.is_some_and(|source| !self.policy.sees || !is_watchable(source));
            (slot.source, if is_hidden { SlotPhase::Paused } else { slot.phase() })
        });
        let state = |is_video| {
            move |(index, (source, state))| SlotState { slot: SlotKey { is_video, index }, source, state }
        };
        (0..).zip(audio).map(state(false)).chain((0..).zip(video).map(state(true))).collect()
    }
}

/// The people of a room.
#[derive(Clone, Debug, Default)]
pub(super) struct Members {
    // Invariant: `places[key]` is the place of the member with this key; all other places are free.
    places: BTreeMap<PeerKey, usize>,
    members: Vec<Option<Member>>,
}

impl Members {
    pub(super) fn add(&mut self, member: Member) {
        let free = self.members.iter().position(Option::is_none);
        let place = free.unwrap_or(self.members.len());
        self.places.insert(member.key, place);
        match free {
            Some(place) => self.members[place] = Some(member),
            None => self.members.push(Some(member)),
        }
    }

    pub(super) fn remove(&mut self, key: PeerKey) -> Option<Member> {
        let place = self.places.remove(&key)?;
        self.members[place].take()
    }

    pub(super) fn place(&self, key: PeerKey) -> Option<usize> {
        self.places.get(&key).copied()
    }

    pub(super) fn get(&self, key: PeerKey) -> Option<&Member> {
        self.members[self.place(key)?].as_ref()
    }

    pub(super) fn get_mut(&mut self, key: PeerKey) -> Option<&mut Member> {
        let place = self.place(key)?;
        self.members[place].as_mut()
    }

    /// How many places there are, free ones too.
    pub(super) fn places(&self) -> usize {
        self.members.len()
    }

    /// Who sits at a place.
    pub(super) fn at(&self, place: usize) -> Option<&Member> {
        self.members.get(place)?.as_ref()
    }

    /// Who sits at a place.
    pub(super) fn at_mut(&mut self, place: usize) -> Option<&mut Member> {
        self.members.get_mut(place)?.as_mut()
    }

    /// Everybody in the order in which they came.
    pub(super) fn keys(&self) -> impl Iterator<Item = PeerKey> {
        self.places.keys().copied()
    }

    /// Everybody in the order in which they came.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Member> {
        self.places.values().filter_map(|place| self.members[*place].as_ref())
    }

    /// Everybody in the order of their places.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Member> {
        self.members.iter_mut().flatten()
    }
}
