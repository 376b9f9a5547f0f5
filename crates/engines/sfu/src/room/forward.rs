//! The way of a packet: the hot path.

use std::sync::Arc;

use super::{
    Room,
    members::Member,
    slots::{AudioSlot, Step},
    sources::{News, Watcher},
};
use crate::{
    Codec, Forward, Packet, SlotKey, SourceKind,
    codec::{self, FrameMark, red},
};

impl Room {
    /// A packet came: what goes out is added to `out`.
    pub fn handle_packet(&mut self, packet: &Packet, out: &mut Vec<Forward>) {
        let Some(sender) = self.members.get_mut(packet.source.peer) else { return };
        if !sender.policy.gives(packet.source.kind) {
            return;
        }
        let mark = codec::mark(packet.codec, &packet.payload);
        let source = sender.source(packet.source.kind);
        let is_first = source.codec.is_none();
        let news = source.seen(packet, &mark);
        // Taken out and put back: the slots stand in other entries of the same table.
        let watchers = std::mem::take(&mut source.watchers);
        let mut is_due = is_first || news.is_revived;
        self.is_unsettled |= is_first;
        if packet.source.kind == SourceKind::Audio {
            is_due |= self.speakers.heard(packet.source.peer, packet.marks, packet.arrived);
            self.forward_audio(packet, &watchers, out);
        } else {
            is_due |= self.forward_video(packet, &mark, news, &watchers, out);
        }
        if let Some(sender) = self.members.get_mut(packet.source.peer) {
            sender.source(packet.source.kind).watchers = watchers;
        }
        if is_due {
            self.wake(packet.arrived);
        }
    }

    fn forward_audio(&mut self, packet: &Packet, watchers: &[Watcher], out: &mut Vec<Forward>) {
        let mut voice = Voice::new(packet);
        for watcher in watchers {
            let Some(receiver) = self.members.at_mut(watcher.place) else { continue };
            receiver.forward_audio(watcher.slot, packet, &mut voice, out);
        }
    }

    /// Answers whether a slot went on to another layer.
    fn forward_video(
        &mut self,
        packet: &Packet,
        mark: &FrameMark,
        news: News,
        watchers: &[Watcher],
        out: &mut Vec<Forward>,
    ) -> bool {
        let mut switched = Vec::new();
        for watcher in watchers {
            let Some(receiver) = self.members.at_mut(watcher.place) else { continue };
            if receiver.forward_video(watcher.slot, packet, mark, news, out) {
                switched.push(*watcher);
            }
        }
        if news.is_late && !switched.is_empty() {
            self.forward_overtakers(packet, news, &switched, out);
        }
        !switched.is_empty()
    }

    /// Sends the rest of a frame, whose beginning came late, to those who waited for the beginning.
    fn forward_overtakers(
        &mut self,
        packet: &Packet,
        news: News,
        watchers: &[Watcher],
        out: &mut Vec<Forward>,
    ) {
        let Some(sender) = self.members.get_mut(packet.source.peer) else { return };
        for overtaker in sender.source(packet.source.kind).overtakers(packet) {
            let mark = codec::mark(overtaker.codec, &overtaker.payload);
            for watcher in watchers {
                let Some(receiver) = self.members.at_mut(watcher.place) else { continue };
                receiver.forward_video(watcher.slot, &overtaker, &mark, news, out);
            }
        }
    }
}

/// The payload of an audio packet in the two forms that receivers take.
struct Voice {
    is_red: bool,
    /// Whether receivers of redundant audio understand it.
    is_passed_on: bool,
    // Whether `plain` was looked for: not before the first receiver needs it.
    is_read: bool,
    /// The newest block alone; `None` when there is none.
    plain: Option<Arc<[u8]>>,
}

impl Voice {
    fn new(packet: &Packet) -> Self {
        let is_red = packet.codec == Codec::Red;
        Self {
            is_red,
            is_passed_on: is_red && red::is_plain_opus(&packet.payload),
            is_read: false,
            plain: None,
        }
    }

    fn payload(&mut self, packet: &Packet, takes_red: bool) -> Option<(Codec, Arc<[u8]>)> {
        if !self.is_red || (takes_red && self.is_passed_on) {
            return Some((packet.codec, Arc::clone(&packet.payload)));
        }
        if !std::mem::replace(&mut self.is_read, true) {
            self.plain = red::primary(&packet.payload);
        }
        Some((Codec::Opus, self.plain.clone()?))
    }
}

impl Member {
    fn forward_audio(&mut self, slot: u8, packet: &Packet, voice: &mut Voice, out: &mut Vec<Forward>) {
        let Some(AudioSlot { rewrite, .. }) = self.audio.get_mut(usize::from(slot)) else { return };
        if !self.policy.hears || (packet.payload.is_empty() && rewrite.skip(packet.sequence)) {
            return;
        }
        let Some((codec, payload)) = voice.payload(packet, self.lines.receives.has(Codec::Red)) else {
            return;
        };
        let captured = packet.captured.unwrap_or(packet.arrived);
        let Some(numbers) = rewrite.map(packet.sequence, packet.timestamp, captured) else { return };
        out.push(Forward {
            to: self.key,
            slot: SlotKey { is_video: false, index: slot },
            codec,
            sequence: numbers.sequence,
            timestamp: numbers.timestamp,
            // A marker begins a talkspurt: the receiver may set its buffer anew (RFC 3551 §4.1).
            marker: packet.marker || numbers.is_first,
            is_repairable: false,
            payload,
            patch: None,
            marks: packet.marks,
            captured,
        });
    }

    /// Answers whether the slot went on to another layer with this packet.
    fn forward_video(
        &mut self,
        slot: u8,
        packet: &Packet,
        mark: &FrameMark,
        news: News,
        out: &mut Vec<Forward>,
    ) -> bool {
        if !self.policy.sees || !self.lines.receives.has(packet.codec) {
            return false;
        }
        let Some(line) = self.video.get_mut(usize::from(slot)) else { return false };
        let is_switch = match line.step(packet.layer, mark, news) {
            Step::Pass { is_switch } => is_switch,
            Step::Skip if line.rewrite.skip(packet.sequence) => return false,
            Step::Skip => false,
            Step::Other => return false,
        };
        let captured = packet.captured.unwrap_or(packet.arrived);
        let Some(numbers) = line.rewrite.map(packet.sequence, packet.timestamp, captured) else {
            return false;
        };
        if is_switch {
            self.notices.slots_changed();
        }
        let patch = mark.picture.map(|seen| {
            if is_switch {
                line.counters.switch(seen);
            }
            line.counters.map(seen, numbers.is_newest)
        });
        out.push(Forward {
            to: self.key,
            slot: SlotKey { is_video: true, index: slot },
            codec: packet.codec,
            sequence: numbers.sequence,
            timestamp: numbers.timestamp,
            marker: packet.marker,
            is_repairable: true,
            payload: Arc::clone(&packet.payload),
            patch,
            marks: packet.marks,
            captured,
        });
        is_switch
    }
}
