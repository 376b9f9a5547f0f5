//! The sending of media to one client: all that is done for each packet and each receiver.
//!
//! ```text
//! write ─► voice ───────────────────────────────► header ─► SRTP ─► transmit
//!      └─► pictures ─► pacer ─► (repairs, probes) ──┘
//! reports of the client ─► SRTCP ─► repairs, key frames asked for, congestion control ─► estimate
//! ```
//!
//! The library behind the peer has no streams to send: it finds the way and agrees on the keys, which [`Tap`] takes
//! from it.

mod cache;
mod control;
mod header;
mod pacer;
mod packets;
mod reports;
mod slot;
mod slots;

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use str0m::Rtc;
use str0m::media::Mid;
use trunkline_rtp::srtp::{Opener, Sealer};

use super::events::{PeerEvent, PeerSink};
use super::lines::MediaLines;
use super::stats::SlotStats;
use super::tap::Tap;
use crate::{Forward, Now, SlotKey, codec};
use control::Control;
use header::Extensions;
use pacer::Pacer;
use slot::Slot;
use slots::Slots;

/// Packets of pictures that wait for their turn, of all slots: a second of 4 Mbit/s.
const WAITING_MAX: usize = 512;
/// How long pictures may wait: later ones would be shown too late, so that a new picture is better.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// In which sound is counted.
const SOUND_SPAN: Duration = Duration::from_secs(1);

/// What is sent to one client, and how.
pub(super) struct Sending {
    pub(super) tap: Tap,
    ciphers: Option<Ciphers>,
    way: Option<Way>,
    audio: Slots,
    video: Slots,
    written: Vec<Forward>,
    // Invariant: at most WAITING_MAX, oldest first.
    waiting: VecDeque<(Now, Forward)>,
    // Numbers of video slots and of packets.
    repairs: VecDeque<(u8, u64)>,
    pacer: Pacer,
    control: Control,
    cname: String,
    sound: Sound,
    round_trip: Option<Duration>,
    report_at: Now,
    bytes: u64,
    news: Vec<PeerEvent>,
    opened: Vec<u8>,
    is_closing: bool,
    is_silent: bool,
}

struct Ciphers {
    sealer: Sealer,
    opener: Opener,
}

/// The pair of addresses that ICE has chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Way {
    pub(super) is_tcp: bool,
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
}

/// Takes streams away from the library that nobody sends on.
pub(super) fn forget(rtc: &mut Rtc, mids: impl Iterator<Item = Mid>) {
    let mut direct = rtc.direct_api();
    for mid in mids {
        if let Some(stream) = direct.stream_tx_by_mid(mid, None).map(|stream| stream.ssrc()) {
            direct.remove_stream_tx(stream);
        }
    }
}

/// How much sound is sent.
#[derive(Default)]
struct Sound {
    since: Now,
    bytes: u64,
    /// Of the last span that was counted.
    last_bps: u64,
}

impl Sound {
    fn count(&mut self, bytes: usize, now: Now) {
        self.bytes += bytes as u64;
        let passed = now.saturating_sub(self.since);
        if passed >= SOUND_SPAN {
            let millis = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
            *self = Self { since: now, bytes: 0, last_bps: self.bytes * 8_000 / millis };
        }
    }

    fn bps(&self, now: Now) -> u64 {
        if now.saturating_sub(self.since) < SOUND_SPAN * 2 { self.last_bps } else { 0 }
    }
}

impl Sending {
    pub(super) fn new(tap: Tap) -> Self {
        Self {
            tap,
            ciphers: None,
            way: None,
            audio: Slots::default(),
            video: Slots::default(),
            written: Vec::new(),
            waiting: VecDeque::new(),
            repairs: VecDeque::new(),
            pacer: Pacer::default(),
            control: Control::default(),
            cname: String::new(),
            sound: Sound::default(),
            round_trip: None,
            report_at: Now::ZERO,
            bytes: 0,
            news: Vec::new(),
            opened: Vec::new(),
            is_closing: false,
            is_silent: false,
        }
    }

    /// Gives the streams of all slots back to the library, so that the next answer names them as the last one did.
    pub(super) fn lend(&self, rtc: &mut Rtc) {
        let mut direct = rtc.direct_api();
        for slot in self.slots() {
            direct.declare_stream_tx(slot.media.into(), slot.repair.map(Into::into), slot.mid, None);
        }
    }

    /// Takes the streams of all slots from the library, and makes slots of new ones.
    pub(super) fn take(&mut self, rtc: &mut Rtc, lines: &MediaLines) {
        self.control.set_feedback(lines.has_transport_feedback());
        for is_video in [false, true] {
            for (index, mid) in (0..=u8::MAX).zip(lines.mids(is_video)) {
                self.take_one(rtc, SlotKey { is_video, index }, mid);
            }
        }
    }

    fn take_one(&mut self, rtc: &mut Rtc, key: SlotKey, mid: Mid) {
        let mut direct = rtc.direct_api();
        // A line that is not in use yet has none.
        let Some(stream) = direct.stream_tx_by_mid(mid, None) else { return };
        let (media, repair) = (stream.ssrc(), stream.rtx());
        direct.remove_stream_tx(media);
        let slots = if key.is_video { &mut self.video } else { &mut self.audio };
        let slot = slots.get_or_insert(key.index, || Slot::new(key, mid, media, repair));
        slot.extensions = Extensions::of(rtc, mid);
        if let Some(media) = rtc.media(mid)
            && self.cname.is_empty()
        {
            media.cname().clone_into(&mut self.cname);
        }
    }

    /// Takes the keys, once the handshake is over.
    pub(super) fn take_keys(&mut self) {
        if self.ciphers.is_none()
            && let Some(keys) = self.tap.take_keys()
            && let (Ok(sealer), Ok(opener)) = (Sealer::new(&keys.server), Opener::new(&keys.client))
        {
            self.ciphers = Some(Ciphers { sealer, opener });
        }
    }

    /// Takes the way that was chosen. Of a client that moved it is not known what still arrived: it gets new pictures
    /// instead of asking for each packet.
    pub(super) fn set_way(&mut self, way: Way) {
        if self.way.replace(way).is_none_or(|before| before == way) {
            return;
        }
        self.repairs.clear();
        self.want_pictures();
    }

    /// The client is not heard, or is again. Nobody may be there: pictures are not sent until then, and begin anew.
    pub(super) fn set_silent(&mut self, is_silent: bool) {
        self.is_silent = is_silent;
        self.repairs.clear();
        self.waiting.clear();
        if is_silent {
            self.video.iter_mut().for_each(|slot| slot.needs_keyframe = slot.packets() > 0);
        } else {
            self.want_pictures();
        }
    }

    /// Asks for a new picture on each slot that had one.
    fn want_pictures(&mut self) {
        let shown: Vec<SlotKey> =
            self.video.iter().filter(|slot| slot.packets() > 0).map(|slot| slot.key).collect();
        for slot in shown {
            self.want_keyframe(slot);
        }
    }

    /// Queues a packet for the next [`Sending::drain`].
    pub(super) fn write(&mut self, forward: Forward) {
        self.written.push(forward);
    }

    /// How much one would like to send: what is probed for.
    pub(super) fn set_wanted(&mut self, minimum_bps: u64, desired_bps: u64) {
        self.control.set_wanted(minimum_bps, desired_bps);
    }

    /// Says goodbye with the next [`Sending::drain`].
    pub(super) fn close(&mut self) {
        self.is_closing = true;
    }

    /// Gives out all there is; answers when there is more.
    pub(super) fn drain(&mut self, lines: &MediaLines, now: Now, out: &mut dyn PeerSink) -> Now {
        if self.ciphers.is_some() && self.way.is_some() {
            self.control.handle_timeout(now);
            self.pacer.advance(self.control.pace_bps(), now);
            self.send_written(lines, now, out);
            self.send_waiting(lines, now, out);
            self.report(now, out);
        } else {
            // The first picture may come before the way is found. Sound of that time is of no use later.
            let written = std::mem::take(&mut self.written);
            written.into_iter().filter(|forward| forward.slot.is_video).for_each(|one| self.wait(one, now));
        }
        if let Some((bps, is_remb)) = self.control.news(self.sound.bps(now)) {
            out.event(PeerEvent::Estimate { bps, is_remb });
        }
        for event in self.news.drain(..) {
            out.event(event);
        }
        self.due(now)
    }

    fn send_written(&mut self, lines: &MediaLines, now: Now, out: &mut dyn PeerSink) {
        let mut written = std::mem::take(&mut self.written);
        for forward in written.drain(..) {
            if forward.slot.is_video && self.is_of_no_use(&forward) {
                continue;
            }
            let may_leave = self.waiting.is_empty() && self.repairs.is_empty() && self.pacer.is_open();
            if may_leave || !forward.slot.is_video {
                self.send(&forward, lines, now, out);
            } else {
                self.wait(forward, now);
            }
        }
        self.written = written;
    }

    /// Repairs, then pictures, then what a probe lacks.
    fn send_waiting(&mut self, lines: &MediaLines, now: Now, out: &mut dyn PeerSink) {
        while self.pacer.is_open() {
            if let Some((place, sequence)) = self.repairs.pop_front() {
                self.send_again(place, sequence, now, out);
            } else if let Some((since, forward)) = self.waiting.pop_front() {
                if since + WAIT_MAX < now {
                    self.give_up(forward.slot);
                } else {
                    self.send(&forward, lines, now, out);
                }
            } else {
                break;
            }
        }
        self.probe(now, out);
    }

    /// Whether nobody could decode it, or nobody may be there to do so.
    fn is_of_no_use(&mut self, forward: &Forward) -> bool {
        let is_silent = self.is_silent;
        let Some(slot) = self.slot(forward.slot) else { return true };
        if slot.needs_keyframe && codec::mark(forward.codec, &forward.payload).starts_key_frame {
            slot.needs_keyframe = is_silent;
        }
        is_silent || slot.needs_keyframe
    }

    fn wait(&mut self, forward: Forward, now: Now) {
        if self.waiting.len() >= WAITING_MAX {
            let slots: BTreeSet<SlotKey> = self.waiting.iter().map(|(_, forward)| forward.slot).collect();
            for slot in slots {
                self.give_up(slot);
            }
        }
        self.waiting.push_back((now, forward));
    }

    /// Drops what waits of a slot, and what follows until the next picture that can be decoded.
    fn give_up(&mut self, key: SlotKey) {
        self.waiting.retain(|(_, forward)| forward.slot != key);
        if let Some(slot) = self.slot(key) {
            slot.needs_keyframe = true;
        }
        self.want_keyframe(key);
    }

    /// Asks for a key frame with the next news, once.
    fn want_keyframe(&mut self, key: SlotKey) {
        let is_asked = |event: &PeerEvent| matches!(event, PeerEvent::KeyframeRequest(slot) if *slot == key);
        if !self.news.iter().any(is_asked) {
            self.news.push(PeerEvent::KeyframeRequest(key));
        }
    }

    fn due(&self, now: Now) -> Now {
        if self.ciphers.is_none() || self.way.is_none() {
            return Now::MAX;
        }
        let waits = !(self.waiting.is_empty() && self.repairs.is_empty());
        let paced = if waits { self.pacer.due(now) } else { Now::MAX };
        paced.min(self.control.due(now))
    }

    fn slot(&mut self, key: SlotKey) -> Option<&mut Slot> {
        let slots = if key.is_video { &mut self.video } else { &mut self.audio };
        slots.get_mut(key.index)
    }

    fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.audio.iter().chain(self.video.iter())
    }

    /// How much can be sent, in bits per second; `None` before anything is known.
    pub(super) fn estimate_bps(&self) -> Option<u64> {
        self.control.told_bps()
    }

    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    pub(super) fn loss(&self) -> Option<f32> {
        self.control.loss()
    }

    /// Bytes sent: packets, repairs and reports.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn way(&self) -> Option<Way> {
        self.way
    }

    /// Of every slot on which something was sent.
    pub(super) fn stats(&self) -> Vec<SlotStats> {
        self.slots().filter(|slot| slot.packets() > 0).map(Slot::stats).collect()
    }
}
