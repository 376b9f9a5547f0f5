//! Who receives which packets.
//!
//! ```text
//! handle_packet ───► slots of those who get it ──► Forward           (hot: touches watchers only)
//! set_*, handle_* ─► marks
//! handle_timeout ──► assign  who is in which slot
//!                    look    which layers come
//!                    divide  which layers there is room for
//!                    choose  which layer goes out, which key frames are awaited
//!                    ask     for key frames in place of what does not come
//!                    tell    what clients must know ──► RoomOutput
//! ```

mod allocate;
mod assign;
mod bandwidth;
mod choose;
mod counters;
mod data;
mod forward;
mod gaps;
mod keyframes;
mod ladder;
mod members;
mod missing;
mod notices;
mod output;
mod rate;
mod recent;
mod rewrite;
mod seed;
mod slots;
mod sources;
mod speakers;

use std::collections::VecDeque;

pub use self::{data::DataRefusal, output::RoomOutput};
use self::{
    members::{Member, Members},
    seed::Seed,
    speakers::Speakers,
};
use crate::{Lines, Now, PeerKey, Policy, SlotKey, SourceKind, Sources, Want};

/// How often a room in which media flows is looked at: a layer that ends is noticed within this time.
const TICK: Now = Now::from_millis(100);
/// The least time between a look at the room and one for the sake of an estimate: estimates of hundreds come at any
/// time, and a client may send what it likes.
const ESTIMATES_APART: Now = Now::from_millis(20);
/// No client takes more: what it says beyond is nonsense.
const ESTIMATE_MAX_BPS: u64 = 1_000_000_000;
/// Wishes of one client that are heeded: more tiles than fit on a screen.
const WANTS_MAX: usize = 64;
/// Names in the order of priority that are heeded; spotlights are at most seven.
const ORDER_MAX: usize = 32;

/// How much a room asks of its clients.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RoomLimits {
    /// Audio lines asked for by [`RoomOutput::NeedLines`]. Beyond them the loudest are heard: more than eight voices
    /// at once nobody understands.
    pub audio_lines_max: u8,
    /// Video lines asked for by [`RoomOutput::NeedLines`]: the largest gallery the protocol has.
    pub video_lines_max: u8,
}

impl Default for RoomLimits {
    fn default() -> Self {
        Self { audio_lines_max: 8, video_lines_max: 50 }
    }
}

/// The people of one call, and who gets what of whom.
#[derive(Debug)]
pub struct Room {
    limits: RoomLimits,
    seed: Seed,
    members: Members,
    speakers: Speakers,
    /// Who comes first where not all fit.
    order: Vec<PeerKey>,
    outputs: VecDeque<RoomOutput>,
    /// Slots must be assigned anew.
    is_unsettled: bool,
    /// Packets came lately.
    is_anything_coming: bool,
    /// Speakers are different from what was told.
    is_speaking_due: bool,
    /// Who spoke and who led when it was told last.
    speaking_told: (Vec<PeerKey>, Vec<PeerKey>),
    /// When it may be told again.
    speaking_at: Option<Now>,
    due: Option<Now>,
    /// When everything was looked at last.
    looked: Option<Now>,
}

impl Room {
    /// An empty room. `seed` is where slots draw the first numbers of their streams from: any, best a random one.
    pub fn new(limits: RoomLimits, seed: u64) -> Self {
        Self {
            limits,
            seed: Seed(seed),
            members: Members::default(),
            speakers: Speakers::default(),
            order: Vec::new(),
            outputs: VecDeque::new(),
            is_unsettled: false,
            is_anything_coming: false,
            is_speaking_due: false,
            speaking_told: (Vec::new(), Vec::new()),
            speaking_at: None,
            due: None,
            looked: None,
        }
    }

    /// Somebody comes, with no permission yet. `participant` is its number in the call, which data messages carry.
    pub fn add_peer(&mut self, peer: PeerKey, participant: u32, lines: Lines, now: Now) {
        self.remove_peer(peer, now);
        self.members.add(Member::new(peer, participant, lines, &mut self.seed));
        self.unsettle(now);
    }

    /// The client has offered other lines. Slots only grow; `receives` may change.
    pub fn set_lines(&mut self, peer: PeerKey, lines: Lines, now: Now) {
        let Some(member) = self.members.get_mut(peer) else { return };
        member.set_lines(lines, &mut self.seed);
        member.notices.lines_came();
        member.notices.slots_changed();
        self.unsettle(now);
    }

    /// Somebody goes.
    pub fn remove_peer(&mut self, peer: PeerKey, now: Now) {
        let Some(member) = self.members.get(peer) else { return };
        let slots: Vec<SlotKey> = member.slots(|_| true).into_iter().map(|state| state.slot).collect();
        for slot in slots {
            self.put(peer, slot, None);
        }
        let Some(gone) = self.members.remove(peer) else { return };
        for (kind, source) in gone.sources.into_iter().enumerate() {
            let is_video = kind != SourceKind::Audio as usize;
            for watcher in source.watchers {
                let Some(receiver) = self.members.at_mut(watcher.place).map(|receiver| receiver.key) else {
                    continue;
                };
                self.put(receiver, SlotKey { is_video, index: watcher.slot }, None);
            }
        }
        self.speakers.forget(peer);
        self.is_speaking_due = true;
        self.order.retain(|other| *other != peer);
        self.unsettle(now);
    }

    /// What it may do from now on: mute by the server, hold, lobby.
    pub fn set_policy(&mut self, peer: PeerKey, policy: Policy, now: Now) {
        let Some(member) = self.members.get_mut(peer) else { return };
        member.policy = policy;
        member.allocate_at = Some(now);
        member.notices.slots_changed();
        if !policy.is_heard {
            self.speakers.forget(peer);
            self.is_speaking_due = true;
        }
        self.unsettle(now);
    }

    /// What the client says it sends: the whole of it.
    pub fn set_sources(&mut self, peer: PeerKey, sources: Sources, now: Now) {
        let Some(member) = self.members.get_mut(peer) else { return };
        let before = member.declared.replace(sources).unwrap_or_default();
        if before.camera != sources.camera {
            member.source(SourceKind::Camera).restart();
        }
        if before.screen != sources.screen {
            member.source(SourceKind::Screen).restart();
        }
        self.unsettle(now);
    }

    /// What the client wishes to see, instead of what it wished before; `shown_max` bounds the cameras at one time.
    pub fn set_wants(&mut self, peer: PeerKey, wants: &[Want], shown_max: u8, now: Now) {
        let Some(member) = self.members.get_mut(peer) else { return };
        let mut heeded: Vec<Want> = Vec::with_capacity(wants.len().min(WANTS_MAX));
        for want in wants.iter().filter(|want| want.source.kind != SourceKind::Audio) {
            if heeded.len() < WANTS_MAX && heeded.iter().all(|other| other.source != want.source) {
                heeded.push(*want);
            }
        }
        member.wants = Some(heeded);
        member.shown_max = shown_max;
        member.allocate_at = Some(now);
        self.unsettle(now);
    }

    /// Who comes first where not all fit: the spotlight.
    pub fn set_priority(&mut self, order: &[PeerKey], now: Now) {
        self.order = order.iter().copied().take(ORDER_MAX).collect();
        self.unsettle(now);
    }

    /// A receiver cannot decode what stands in a slot.
    pub fn handle_keyframe_request(&mut self, peer: PeerKey, slot: SlotKey, now: Now) {
        let Some(member) = self.members.get_mut(peer).filter(|_| slot.is_video) else { return };
        let Some(line) = member.video.get_mut(usize::from(slot.index)) else { return };
        let Some((source, layer)) = line.source.zip(line.keyframe_request(now)) else { return };
        let Some(sender) = self.members.get_mut(source.peer) else { return };
        if sender.source(source.kind).ask(layer, false, now) {
            self.outputs.push_back(RoomOutput::RequestKeyframe { source, layer });
        }
    }

    /// How much a receiver can take, as the congestion control thinks.
    pub fn handle_estimate(&mut self, peer: PeerKey, estimate_bps: u64, now: Now) {
        let Some(member) = self.members.get_mut(peer) else { return };
        // Estimates come many times a second; small changes are caught at the next look.
        if member.bandwidth.estimated(estimate_bps.min(ESTIMATE_MAX_BPS), now) {
            member.allocate_at = Some(now);
            self.wake(self.looked.map_or(now, |looked| now.max(looked + ESTIMATES_APART)));
        }
    }

    /// The time of [`Room::poll_timeout`] has come. Earlier calls do no harm.
    pub fn handle_timeout(&mut self, now: Now) {
        self.due = None;
        self.looked = Some(now);
        let changes = self.speakers.handle_timeout(now);
        self.is_speaking_due |= changes.is_speaking_new;
        if std::mem::take(&mut self.is_unsettled) || changes.is_lead_new {
            self.assign();
        } else if changes.is_hold_new {
            self.assign_voices();
        }
        self.look(now);
        self.divide(now);
        for again in [self.choose(now), self.ask_for_missing(now)].into_iter().flatten() {
            self.wake(again);
        }
        let is_owed = self.tell_layers(now);
        self.pass_on_waiting(now);
        self.tell_slots(now);
        self.tell_speaking(now);
        if self.is_anything_coming || self.speakers.is_anybody_speaking() || is_owed {
            self.wake(now + TICK);
        }
    }

    /// What to do next; ask until `None` after every `handle_*` and `set_*`, packets excepted: the next timeout does for
    /// those.
    pub fn poll_output(&mut self) -> Option<RoomOutput> {
        while let Some(output) = self.outputs.pop_front() {
            if let Some(output) = self.keep_back(output) {
                return Some(output);
            }
        }
        None
    }

    /// When to call [`Room::handle_timeout`]; `None`: nothing is due.
    pub fn poll_timeout(&self) -> Option<Now> {
        self.due
    }

    fn unsettle(&mut self, now: Now) {
        self.is_unsettled = true;
        self.wake(now);
    }

    /// Not later than `at`.
    fn wake(&mut self, at: Now) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }
}
