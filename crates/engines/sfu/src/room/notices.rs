//! What clients were told last, and when: changes are gathered so that nobody is flooded.

use super::{Room, RoomOutput, members::Member};
use crate::{Now, PeerKey, SlotState};

/// Changes of slots within this time are told together: somebody who joins changes many.
const SLOTS_APART: Now = Now::from_millis(50);
/// At most five messages a second about who speaks.
const SPEAKING_APART: Now = Now::from_millis(200);

/// What a client was told last.
#[derive(Clone, Debug, Default)]
pub(super) struct Notices {
    slots: Vec<SlotState>,
    slots_at: Option<Now>,
    is_slots_due: bool,
    /// Audio and video lines that were asked for.
    lines: Option<(u8, u8)>,
    /// Bits of the camera's layers, and whether the screen is wanted.
    layers: Option<(u8, bool)>,
    bitrate: Option<(u64, u64)>,
}

impl Notices {
    /// Something about its slots may be different now.
    pub(super) fn slots_changed(&mut self) {
        self.is_slots_due = true;
    }

    /// When its slots are to be told; `None`: they are as they were.
    pub(super) fn slots_at(&self) -> Option<Now> {
        self.is_slots_due.then(|| self.slots_at.map_or(Now::ZERO, |last| last + SLOTS_APART))
    }

    /// New lines were offered.
    pub(super) fn lines_came(&mut self) {
        self.lines = None;
    }

    /// More lines are needed; `None` when this was said.
    pub(super) fn need_lines(&mut self, peer: PeerKey, audio: u8, video: u8) -> Option<RoomOutput> {
        let is_new = self.lines.replace((audio, video)) != Some((audio, video));
        is_new.then_some(RoomOutput::NeedLines { peer, audio, video })
    }

    /// What is wanted of its pictures; `None` when this was said.
    pub(super) fn layers(&mut self, peer: PeerKey, camera: u8, screen: bool) -> Option<RoomOutput> {
        let is_new = self.layers.replace((camera, screen)) != Some((camera, screen));
        is_new.then_some(RoomOutput::Layers { peer, camera, screen })
    }

    /// What is to be probed for; `None` when it is about what was said.
    pub(super) fn bitrate(
        &mut self,
        peer: PeerKey,
        minimum_bps: u64,
        desired_bps: u64,
        is_news: fn(u64, u64) -> bool,
    ) -> Option<RoomOutput> {
        let (minimum, desired) = self.bitrate.unwrap_or_default();
        if !is_news(minimum, minimum_bps) && !is_news(desired, desired_bps) {
            return None;
        }
        self.bitrate = Some((minimum_bps, desired_bps));
        Some(RoomOutput::SetBitrate { peer, minimum_bps, desired_bps })
    }
}

impl Room {
    /// Tells everybody what its slots show, where that is different and it was not told just now.
    pub(super) fn tell_slots(&mut self, now: Now) {
        let is_due = |member: &&Member| member.notices.slots_at().is_some();
        let due: Vec<PeerKey> = self.members.iter().filter(is_due).map(|member| member.key).collect();
        for key in due {
            match self.members.get(key).and_then(|member| member.notices.slots_at()) {
                Some(at) if at > now => self.wake(at),
                _ => self.tell_slots_of(key, now),
            }
        }
    }

    fn tell_slots_of(&mut self, key: PeerKey, now: Now) {
        let Some(member) = self.members.get(key) else { return };
        let slots = member.slots(|source| self.is_watchable(member, source));
        let Some(notices) = self.members.get_mut(key).map(|member| &mut member.notices) else { return };
        notices.is_slots_due = false;
        let is_empty = notices.slots.is_empty() && slots.iter().all(|slot| slot.source.is_none());
        if !is_empty && slots != notices.slots {
            notices.slots.clone_from(&slots);
            notices.slots_at = Some(now);
            self.outputs.push_back(RoomOutput::Slots { peer: key, slots });
        }
    }

    /// Tells who speaks, where that is different and it was not told just now.
    pub(super) fn tell_speaking(&mut self, now: Now) {
        if !self.is_speaking_due {
            return;
        }
        if let Some(at) = self.speaking_at.filter(|at| *at > now) {
            self.wake(at);
            return;
        }
        self.is_speaking_due = false;
        let told = (self.speakers.speaking(), self.speakers.leaders().to_vec());
        if told != self.speaking_told {
            self.speaking_told.clone_from(&told);
            self.speaking_at = Some(now + SPEAKING_APART);
            let (speaking, dominant) = told;
            self.outputs.push_back(RoomOutput::Speaking { speaking, dominant });
        }
    }
}
